/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The NS16550A UART, what is printed on it, and the end of everything. */
#include <stdarg.h>

#include "kernel.h"
#include "syscalls.h"

#define UART     ((volatile uint8_t *)0x10000000)
#define LSR      5    /* line status register ... */
#define THRE     0x20 /* ... room for a byte */
#define FINISHER ((volatile uint32_t *)0x100000)
#define PASS     0x5555
#define FAIL     0x3333 /* exit code in the upper half */

const struct trap_frame *fatal_frame;

static struct spinlock console_lock;
static struct counts written;

static void put_char(char c)
{
    while (!(UART[LSR] & THRE))
        ;
    UART[0] = (uint8_t)c;
}

static void put_string(const char *s)
{
    while (*s)
        put_char(*s++);
}

static void put_number(uint64_t value, unsigned base)
{
    char digits[24];
    unsigned n = sizeof digits;
    digits[--n] = 0;
    do
        digits[--n] = "0123456789abcdef"[value % base];
    while (value /= base);
    put_string(digits + n);
}

static void put_format(const char *format, va_list args)
{
    for (; *format; format++) {
        if (*format != '%') {
            put_char(*format);
            continue;
        }
        switch (*++format) {
        case 's':
            put_string(va_arg(args, const char *));
            break;
        case 'u':
            put_number(va_arg(args, uint64_t), 10);
            break;
        case 'x':
            put_string("0x");
            put_number(va_arg(args, uint64_t), 16);
            break;
        }
    }
}

void print(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    uint64_t flags = spin_lock(&console_lock);
    put_format(format, args);
    spin_unlock(&console_lock, flags);
    va_end(args);
}

void power_off(unsigned code)
{
    *FINISHER = code ? code << 16 | FAIL : PASS;
    for (;;)
        __asm__ volatile("wfi");
}

/* Takes no lock: whoever holds it may be lost. */
void panic(const char *why)
{
    irq_disable();
    put_string("agora: panic: ");
    put_string(why);
    if (fatal_frame) {
        put_string(", cause ");
        put_number(fatal_frame->cause, 10);
        put_string(", pc 0x");
        put_number(fatal_frame->epc, 16);
        put_string(", address 0x");
        put_number(fatal_frame->tval, 16);
    }
    put_char('\n');
    power_off(1);
}

int64_t sys_write(uint64_t bytes, uint64_t size)
{
    if (!user_owns(bytes, size))
        return -EFAULT;
    if (size > WRITE_MAX)
        return -EINVAL;
    uint64_t flags = spin_lock(&console_lock);
    written.calls++;
    for (uint64_t i = 0; i < size; i++)
        put_char(((const char *)bytes)[i]);
    if (fault_due(FAULT_OUTPUT))
        fault_null();
    written.sum += size;
    spin_unlock(&console_lock, flags);
    return (int64_t)size;
}

struct counts write_counts(void)
{
    return written;
}
