// SPDX-License-Identifier: GPL-2.0-or-later
/* ARM semihosting: console, command line, exit (Arm IHI 0067, "Semihosting for AArch32 and
 * AArch64"). */
#include "port.h"

#define SYS_WRITE0        0x04u
#define SYS_GET_CMDLINE   0x15u
#define SYS_EXIT_EXTENDED 0x20u
#define APPLICATION_EXIT  0x20026u

static uint32_t semihost(uint32_t operation, const void *parameter)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = parameter;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void port_write(const char *text)
{
    semihost(SYS_WRITE0, text);
}

void port_command_line(char *text, size_t size)
{
    const uint32_t block[] = {(uint32_t)text, size};
    if (semihost(SYS_GET_CMDLINE, block) != 0)
        text[0] = '\0';
    text[size - 1] = '\0';
}

void port_exit(uint32_t code)
{
    const uint32_t block[] = {APPLICATION_EXIT, code};
    for (;;)
        semihost(SYS_EXIT_EXTENDED, block);
}
