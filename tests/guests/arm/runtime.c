/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime.h"

#define SYS_WRITE0        0x04u
#define SYS_GET_CMDLINE   0x15u
#define SYS_EXIT_EXTENDED 0x20u
#define APPLICATION_EXIT  0x20026u

extern uint32_t stack[], data_start[], data_end[], data_image[], bss_start[], bss_end[];
extern uint32_t nvm_start[], nvm_end[];

static uint32_t semihost(uint32_t operation, const void *parameter)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = parameter;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void print(const char *text)
{
    semihost(SYS_WRITE0, text);
}

static void print_digits(uint32_t value, uint32_t base, int least)
{
    char text[11], *at = text + sizeof text;
    *--at = 0;
    for (; value || least > 0; value /= base, least--)
        *--at = "0123456789abcdef"[value % base];
    print(at);
}

void print_hex(uint32_t value)
{
    print("0x");
    print_digits(value, 16, 8);
}

void print_number(uint32_t value)
{
    print_digits(value, 10, 1);
}

uint32_t command_number(void)
{
    static char text[80];
    const uint32_t block[] = {(uint32_t)text, sizeof text};
    const char *at = text;
    uint32_t number = 0;
    if (semihost(SYS_GET_CMDLINE, block))
        return 0;
    while (*at && *at++ != ' ')
        ;
    for (; *at >= '0' && *at <= '9'; at++)
        number = 10 * number + (uint32_t)(*at - '0');
    return number;
}

void finish(uint32_t code)
{
    const uint32_t block[] = {APPLICATION_EXIT, code};
    for (;;)
        semihost(SYS_EXIT_EXTENDED, block);
}

static void hard_fault(void)
{
    print("hard fault, CFSR ");
    print_hex(*(volatile uint32_t *)0xe000ed28);
    print("\n");
    finish(3);
}

/* As the reset code of images that know nothing of power failures: all memory is made anew, what is
 * to survive included. */
void reset(void);
void reset(void)
{
    for (uint32_t *to = data_start, *from = data_image; to < data_end;)
        *to++ = *from++;
    for (uint32_t *to = bss_start; to < bss_end;)
        *to++ = 0;
    for (uint32_t *to = nvm_start; to < nvm_end;)
        *to++ = 0;
    run();
}

typedef void (*handler)(void);
#define EIGHT exception, exception, exception, exception, exception, exception, exception, exception
__attribute__((section(".vectors"), used)) static const handler vectors[] = {(handler)stack,
                                                                             reset,
                                                                             hard_fault,
                                                                             hard_fault,
                                                                             hard_fault,
                                                                             hard_fault,
                                                                             hard_fault,
                                                                             0,
                                                                             0,
                                                                             0,
                                                                             0,
                                                                             exception,
                                                                             0,
                                                                             0,
                                                                             exception,
                                                                             exception,
                                                                             EIGHT,
                                                                             EIGHT,
                                                                             EIGHT,
                                                                             EIGHT};
