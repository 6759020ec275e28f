/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel needs of an ARMv7-M core (Cortex-M3, M4, M4F) and its board. */
#ifndef HYPNOS_PORT_H
#define HYPNOS_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Interrupts of priority 0x40 to 0xff are masked in the kernel and may call ..._from_interrupt();
 * more urgent ones (0x00 to 0x3f) never are, and must leave the kernel alone. */
#define PORT_KERNEL_PRIORITY 0x40u

/* From the linker script: the address is the value. */
extern char port_core_clock[]; /* Hz */
extern char port_boot_start[], port_zero_start[], port_raw_start[], port_nv_end[];
extern char port_ram_start[], port_ram_end[];

static inline uint32_t port_lock(void)
{
    uint32_t was;
    __asm__ volatile("mrs %0, basepri\n\tmsr basepri, %1\n\tisb"
                     : "=&r"(was)
                     : "r"(PORT_KERNEL_PRIORITY)
                     : "memory");
    return was;
}

static inline void port_unlock(uint32_t was)
{
    __asm__ volatile("msr basepri, %0\n\tisb" : : "r"(was) : "memory");
}

static inline bool port_in_interrupt(void)
{
    uint32_t number;
    __asm__ volatile("mrs %0, ipsr" : "=r"(number));
    return number != 0;
}

/* What was stored before is in memory before what is stored after. The core stores in order; the
 * memory behind a bus bridge or a write buffer is what this waits for. */
static inline void port_fence(void)
{
    __asm__ volatile("dsb" : : : "memory");
}

/* A first frame on a stack, as an interrupt would have left it, for entry(arg). Returns its sp. */
uint32_t *port_frame(uint32_t *top, void (*entry)(void *), void *arg);

void port_switch_later(void);                              /* pends the switch */
void port_run(uint32_t tick_us) __attribute__((noreturn)); /* ends boot: ticks, tasks, idle */

/* Semihosting. */
void port_write(const char *text);
void port_command_line(char *text, size_t size);
void port_exit(uint32_t code) __attribute__((noreturn));

#endif
