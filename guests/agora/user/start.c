/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ground under user programs: stacks, system calls, the end of a thread. */
#include "user.h"

void user_crashed(uint64_t cause, uint64_t address) __attribute__((noreturn));

char user_stacks[MAX_THREADS][4096] __attribute__((aligned(4096)));

int64_t system_call(uint64_t number, uint64_t first, uint64_t second, uint64_t third,
                    uint64_t fourth)
{
    register uint64_t a0 __asm__("a0") = first;
    register uint64_t a1 __asm__("a1") = second;
    register uint64_t a2 __asm__("a2") = third;
    register uint64_t a3 __asm__("a3") = fourth;
    register uint64_t a7 __asm__("a7") = number;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a7) : "memory");
    return (int64_t)a0;
}

/* The first call has to succeed, for somebody waits. */
void exit_thread(uint64_t code)
{
    while (system_call(SYS_EXIT, code, 0, 0, 0))
        ;
    for (;;)
        system_call(SYS_PARK, 0, 0, 0, 0);
}

/* The kernel sends a thread here that did what it must not do. */
void user_crashed(uint64_t cause, uint64_t address)
{
    struct line line;
    (void)address;
    line_begin(&line, "agora: a user thread crashed, cause ");
    line_number(&line, cause);
    line_text(&line, "\n");
    system_call(SYS_WRITE, (uint64_t)line.text, line.size, 0, 0);
    exit_thread(cause);
}

int64_t call(struct worker *me, uint64_t number, uint64_t first, uint64_t second, uint64_t third,
             uint64_t fourth)
{
    int64_t result = system_call(number, first, second, third, fourth);
    if (result == -EIO && !me->errors++)
        me->first_error = number;
    return result;
}

int64_t insist(struct worker *me, uint64_t number, uint64_t first, uint64_t second, uint64_t third,
               uint64_t fourth)
{
    int64_t result;
    do
        result = call(me, number, first, second, third, fourth);
    while (result == -EIO);
    return result;
}

void expect(struct worker *me, bool as_expected)
{
    me->done.surprises += !as_expected;
}

uint64_t next_random(struct worker *me, uint64_t limit)
{
    me->random = me->random * 6364136223846793005 + 1442695040888963407;
    return (me->random >> 33) % limit;
}

/* ---- Lines --------------------------------------------------------------------------------- */

void line_text(struct line *line, const char *text)
{
    while (*text && line->size < sizeof line->text)
        line->text[line->size++] = *text++;
}

void line_begin(struct line *line, const char *text)
{
    line->size = 0;
    line_text(line, text);
}

void line_number(struct line *line, uint64_t value)
{
    char digits[24];
    unsigned n = sizeof digits;
    digits[--n] = 0;
    do
        digits[--n] = (char)('0' + value % 10);
    while (value /= 10);
    line_text(line, digits + n);
}

int64_t line_write(struct worker *me, const struct line *line)
{
    int64_t result = call(me, SYS_WRITE, (uint64_t)line->text, line->size, 0, 0);
    if (result == (int64_t)line->size) {
        me->done.written_calls++;
        me->done.written_bytes += line->size;
    } else {
        expect(me, result == -EIO);
    }
    return result;
}
