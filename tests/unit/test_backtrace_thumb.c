/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/backtrace.h"
#include "tests/unit/images.h"

#define TEXT  UINT64_C(0x1000)
#define STACK UINT64_C(0x20000000)

enum {
    TEXT_SIZE = 0x400,
    STACK_SIZE = 0x200,
    MAX = 16
};

/* Four functions of 0x100 bytes and a stack. */
static struct {
    uint8_t text[TEXT_SIZE], stack[STACK_SIZE];
    struct symbols *symbols;
    struct backtrace_frame frames[MAX];
} guest;

static int read_guest(void *opaque, uint64_t gva, void *buffer, size_t size)
{
    (void)opaque;
    if (gva >= TEXT && gva - TEXT <= TEXT_SIZE - size)
        memcpy(buffer, guest.text + (gva - TEXT), size);
    else if (gva >= STACK && gva - STACK <= STACK_SIZE - size)
        memcpy(buffer, guest.stack + (gva - STACK), size);
    else
        return -1;
    return 0;
}

static void set_up(void)
{
    static const char map[] = "00001000 T main\n00001100 T leaf\n00001200 T handler\n"
                              "00001300 T nested\n20000000 D data\n";
    struct bytes bytes = {0};
    struct error err = {""};
    memset(&guest, 0, sizeof guest);
    bytes_append(&bytes, map, sizeof map - 1);
    const char *path = file_of(&bytes);
    guest.symbols = symbols_new();
    cr_assert_eq(symbols_add_system_map(guest.symbols, path, &err), 5, "%s", err.text);
    file_gone(path);
    bytes_free(&bytes);
}

static void tear_down(void)
{
    symbols_free(guest.symbols);
}

TestSuite(backtrace_thumb, .init = set_up, .fini = tear_down);

/* Puts a call there, BL or BLX r3; returns what it leaves in lr. */
static uint32_t call(uint32_t address, bool wide)
{
    memcpy(guest.text + (address - TEXT), wide ? "\x00\xf0\x10\xf8" : "\x98\x47", wide ? 4 : 2);
    return address + (wide ? 4 : 2) + 1;
}

static void poke(uint32_t offset, uint32_t value)
{
    memcpy(guest.stack + offset, &value, sizeof value);
}

/* What an exception pushes. */
static void push_frame(uint32_t offset, uint32_t lr, uint32_t pc, uint32_t xpsr)
{
    poke(offset + 20, lr);
    poke(offset + 24, pc);
    poke(offset + 28, xpsr);
}

static size_t walk(const struct backtrace_start *start, size_t max)
{
    return backtrace_walk_thumb(start, guest.symbols, read_guest, NULL, guest.frames, max);
}

static void expect(size_t i, uint64_t address, bool is_return, bool guess)
{
    cr_expect_eq(guest.frames[i].address, address, "%zu: 0x%lx", i,
                 (unsigned long)guest.frames[i].address);
    cr_expect_eq(guest.frames[i].is_return, is_return, "%zu", i);
    cr_expect_eq(guest.frames[i].guess, guess, "%zu", i);
}

Test(backtrace_thumb, callers_are_guessed)
{
    uint32_t lr = call(0x1010, true);
    poke(0x10, 0x1016);     /* not behind a call */
    poke(0x14, 0x20000015); /* no code */
    poke(0x18, lr);         /* the same once more */
    poke(0x20, call(0x1040, false));
    const struct backtrace_start start = {.pc = 0x1110, .ra = lr, .sp = STACK};
    cr_assert_eq(walk(&start, MAX), 3);
    expect(0, 0x1110, false, false);
    expect(1, 0x1014, true, true);
    expect(2, 0x1042, true, true);
    cr_assert_eq(walk(&start, 1), 1);
    cr_assert_eq(walk(&start, 0), 0);
}

Test(backtrace_thumb, an_exception_at_its_entry)
{
    push_frame(0x40, call(0x1020, true), 0x1106, 0x01000200);
    poke(0x60, 0); /* for alignment */
    poke(0x64, call(0x1080, true));
    const struct backtrace_start start = {
        .pc = 0x1200, .ra = 0xfffffff9, .sp = STACK + 0x40, .handler = true};
    cr_assert_eq(walk(&start, MAX), 4);
    expect(1, 0x1106, false, false);
    expect(2, 0x1024, true, true);
    expect(3, 0x1084, true, true);
}

/* nested() interrupted handler(), which had interrupted a task with floating-point registers. */
Test(backtrace_thumb, exceptions_within_exceptions)
{
    poke(0x08, 0xfffffff1); /* pushed by nested() */
    push_frame(0x0c, 0, 0x1234, 0x01000000);
    poke(0x34, 0xffffffed); /* pushed by handler() */
    push_frame(0x80, 0, 0x1008, 0x01000000);
    poke(0x80 + 4 * 10, call(0x1060, true)); /* one of the floating-point registers */
    poke(0x80 + 4 * 26, call(0x10a0, true));
    poke(0x80 + 4 * 27, 0xfffffff9); /* left over: a task is no handler */
    poke(0x80 + 4 * 28, call(0x10c0, true));
    const struct backtrace_start start = {
        .pc = 0x1310, .ra = 0, .sp = STACK, .psp = STACK + 0x80, .handler = true};
    cr_assert_eq(walk(&start, MAX), 4);
    expect(1, 0x1234, false, false);
    expect(2, 0x1008, false, false);
    expect(3, 0x10a4, true, true);
}

Test(backtrace_thumb, garbage_ends)
{
    for (uint32_t i = 0; i < STACK_SIZE; i += 4)
        poke(i, 0xfffffff1);
    struct backtrace_start start = {.pc = 0x1310, .sp = STACK, .handler = true};
    cr_expect_leq(walk(&start, MAX), MAX);
    start.sp = 0xfffffffc;
    cr_expect_eq(walk(&start, MAX), 1);
    start = (struct backtrace_start){
        .pc = 0x1200, .ra = 0xfffffffd, .psp = 0xfffffff0, .handler = true};
    cr_expect_eq(walk(&start, MAX), 1);
}
