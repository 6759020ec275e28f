/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_TESTS_GUESTS_ARM_RUNTIME_H
#define IASO_TESTS_GUESTS_ARM_RUNTIME_H

#include <stdint.h>

/* What every Cortex-M test guest has: a console and a way out, both by semihosting (ARM IHI 0067).
 * Text and exit codes are the same on Iaso and under qemu-system-arm. */

#define NVM __attribute__((section(".nvm")))

void print(const char *text);
void print_hex(uint32_t value); /* 0x and 8 digits */
void print_number(uint32_t value);

/* The number behind the first space of the command line; 0 if there is none. */
uint32_t command_number(void);

void finish(uint32_t code) __attribute__((noreturn));

/* The guest's own: what reset ends in, and the handler of everything but HardFault. */
void run(void) __attribute__((noreturn));
void exception(void);

#endif
