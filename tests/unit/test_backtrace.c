/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/backtrace.h"
#include "tests/unit/images.h"

#define TEXT  UINT64_C(0xffffffff80002000)
#define STACK UINT64_C(0xff20000000008000)

enum {
    TEXT_SIZE = 0x1000,
    STACK_SIZE = 0x4000,
    MAX = 32
};

/* Six functions of 0x100 bytes, a stack, and a kernel's way to lay out frames on it. */
struct guest {
    uint8_t text[TEXT_SIZE];
    uint8_t stack[STACK_SIZE];
    struct symbols *symbols;
    struct backtrace_start start;
    struct backtrace_frame frames[MAX];
    unsigned reads;
};

static int read_guest(void *opaque, uint64_t gva, void *buffer, size_t size)
{
    struct guest *guest = opaque;
    guest->reads++;
    if (gva >= TEXT && gva - TEXT <= TEXT_SIZE - size)
        memcpy(buffer, guest->text + (gva - TEXT), size);
    else if (gva >= STACK && gva - STACK <= STACK_SIZE - size)
        memcpy(buffer, guest->stack + (gva - STACK), size);
    else
        return -1;
    return 0;
}

static void poke(struct guest *guest, uint64_t gva, uint64_t value)
{
    if (gva < STACK || gva + 8 > STACK + STACK_SIZE) /* an assertion that holds costs 30 us */
        cr_assert_fail("a test pokes outside of its stack");
    for (unsigned i = 0; i < 8; i++)
        guest->stack[gva - STACK + i] = (uint8_t)(value >> 8 * i);
}

/* Where a call at `offset` in a function returns to; the call is put there. */
static uint64_t call(struct guest *guest, unsigned function, unsigned offset, bool compressed)
{
    uint8_t *code = guest->text + 0x100 * function + offset;
    if (compressed) {
        memcpy(code, "\x82\x97", 2); /* c.jalr a5 */
        return TEXT + 0x100 * function + offset + 2;
    }
    memcpy(code, "\xef\x00\x00\x01", 4); /* jal ra, 16 */
    return TEXT + 0x100 * function + offset + 4;
}

/* The frame whose owner's s0 is `fp`. */
static void frame(struct guest *guest, uint64_t fp, uint64_t ra, uint64_t caller_fp)
{
    poke(guest, fp - 8, ra);
    poke(guest, fp - 16, caller_fp);
}

/* f0 <- f1 <- f2 <- f3 (the thread's first function); f3 calls with its very last instruction. */
static struct guest *new_guest(void)
{
    static const char map[] = "ffffffff80002000 T _stext\n"
                              "ffffffff80002000 T f0\n"
                              "ffffffff80002100 t f1\n"
                              "ffffffff80002200 T f2\n"
                              "ffffffff80002300 T f3\n"
                              "ffffffff80002400 T handle_exception\n"
                              "ffffffff80002500 T f5\n"
                              "ffffffff80002600 T _etext\n"
                              "ffffffff80003000 D data\n"
                              "ffffffff80004000 B _end\n";
    struct bytes bytes = {0};
    struct guest *guest = calloc(1, sizeof *guest);
    struct error err = {""};
    cr_assert(guest);
    bytes_append(&bytes, map, sizeof map - 1);
    const char *path = file_of(&bytes);
    guest->symbols = symbols_new();
    cr_assert_eq(symbols_add_system_map(guest->symbols, path, &err), 10, "%s", err.text);
    file_gone(path);
    bytes_free(&bytes);
    guest->start = (struct backtrace_start){
        .pc = TEXT + 0x20, .ra = TEXT + 0x10, .sp = STACK + 0x3800, .fp = STACK + 0x3840};
    frame(guest, STACK + 0x3840, call(guest, 1, 0x40, false), STACK + 0x3880);
    frame(guest, STACK + 0x3880, call(guest, 2, 0x80, true), STACK + 0x3900);
    frame(guest, STACK + 0x3900, call(guest, 3, 0xfc, false), STACK + 0x3a00);
    frame(guest, STACK + 0x3a00, 0, 0);
    return guest;
}

static void free_guest(struct guest *guest)
{
    symbols_free(guest->symbols);
    free(guest);
}

static size_t walk(struct guest *guest, size_t max)
{
    size_t n = backtrace_walk(&guest->start, guest->symbols, read_guest, guest, guest->frames, max);
    cr_assert_leq(n, max);
    cr_assert_lt(guest->reads, 20000);
    return n;
}

static void expect_trace(struct guest *guest, const char *expected)
{
    char *text;
    size_t size, n = walk(guest, MAX);
    FILE *out = open_memstream(&text, &size);
    cr_assert(out);
    backtrace_print(out, "", guest->symbols, guest->frames, n);
    fclose(out);
    cr_expect_str_eq(text, expected);
    free(text);
}

#define F0 "  0xffffffff80002020  f0+0x20/0x100\n"
#define F1 "0xffffffff80002144  f1+0x44/0x100\n"
#define F2 "0xffffffff80002282  f2+0x82/0x100\n"
#define F3 "0xffffffff80002400  f3+0x100/0x100\n" /* not handle_exception+0x0 */

Test(backtrace, frame_pointers)
{
    struct guest *guest = new_guest();
    expect_trace(guest, F0 "  " F1 "  " F2 "  " F3);
    free_guest(guest);
}

Test(backtrace, leaf_function_keeps_ra_in_the_register)
{
    struct guest *guest = new_guest();
    guest->start.sp = STACK + 0x3830;
    poke(guest, STACK + 0x3838, STACK + 0x3880); /* only s0 was saved, at fp - 8 */
    guest->start.ra = call(guest, 1, 0x40, false);
    expect_trace(guest, F0 "  " F1 "  " F2 "  " F3);
    free_guest(guest);
}

Test(backtrace, without_symbols)
{
    struct guest *guest = new_guest();
    symbols_free(guest->symbols);
    guest->symbols = NULL;
    expect_trace(guest, "  0xffffffff80002020\n  0xffffffff80002144\n  0xffffffff80002282\n"
                        "  0xffffffff80002400\n");
    free_guest(guest);
}

Test(backtrace, searches_where_the_chain_is_unusable)
{
    static const uint64_t garbage[] = {
        1, 0, 0x1000, UINT64_MAX, UINT64_MAX - 7, STACK + 0x3841, STACK + STACK_SIZE, TEXT,
    };
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        struct guest *guest = new_guest();
        guest->start.fp = garbage[i];
        poke(guest, STACK + 0x3860, TEXT + 0x130);  /* code, but not behind a call */
        poke(guest, STACK + 0x3868, TEXT + 0x1000); /* not code */
        expect_trace(guest, F0 "? " F1 "? " F2 "? " F3);
        free_guest(guest);
    }
}

Test(backtrace, searches_above_the_break)
{
    struct guest *guest = new_guest();
    frame(guest, STACK + 0x3880, 0x1234567, 0x42); /* overwritten: f2's return address is lost */
    expect_trace(guest, F0 "  " F1 "? " F3);
    free_guest(guest);
}

Test(backtrace, exception_in_the_kernel)
{
    struct guest *guest = new_guest();
    uint64_t regs = STACK + 0x3900; /* struct pt_regs */
    frame(guest, STACK + 0x3880, call(guest, 4, 0x20, true), STACK + 0x3950);
    poke(guest, regs + 0, TEXT + 0x508);
    poke(guest, regs + 8, TEXT + 0x1);
    poke(guest, regs + 64, STACK + 0x3b00);
    poke(guest, regs + 256, 0x100);
    frame(guest, STACK + 0x3b00, call(guest, 3, 0x10, false), 0);
    /* the entry code's frame pointer is the top of its frame, where pt_regs begin */
    poke(guest, STACK + 0x3840 - 16, regs);
    frame(guest, regs, call(guest, 4, 0x20, true), 0x77);
    poke(guest, regs, TEXT + 0x508);
    expect_trace(guest, F0 "  " F1 "  0xffffffff80002422  handle_exception+0x22/0x100\n"
                           "  0xffffffff80002508  f5+0x8/0x100\n"
                           "  0xffffffff80002314  f3+0x14/0x100\n");
    poke(guest, regs + 256, 0); /* came from user mode */
    expect_trace(guest, F0 "  " F1 "  0xffffffff80002422  handle_exception+0x22/0x100\n");
    free_guest(guest);
}

Test(backtrace, cycles_end)
{
    struct guest *guest = new_guest();
    frame(guest, STACK + 0x3880, call(guest, 2, 0x80, true), STACK + 0x3880); /* itself */
    cr_expect_leq(walk(guest, MAX), MAX);
    frame(guest, STACK + 0x3880, call(guest, 2, 0x80, true), STACK + 0x3840); /* back */
    cr_expect_lt(walk(guest, MAX), MAX, "a few changes of stack are allowed, no more");
    free_guest(guest);
}

Test(backtrace, respects_max)
{
    struct guest *guest = new_guest();
    for (size_t max = 0; max <= 4; max++)
        cr_expect_eq(walk(guest, max), max);
    guest->start.fp = 1;
    for (size_t max = 0; max <= 4; max++)
        cr_expect_eq(walk(guest, max), max);
    free_guest(guest);
}

Test(backtrace, any_garbage_ends)
{
    struct guest *guest = new_guest();
    uint64_t x = 88172645463325252;
    for (unsigned round = 0; round < 2000; round++) {
        uint64_t choices[] = {0, STACK, STACK + 0x3ff8, TEXT, TEXT + 0x144, UINT64_MAX, 0x1000, 8};
        for (unsigned i = 0; i < STACK_SIZE; i += 8) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            uint64_t value = x % 3 == 0   ? choices[x >> 8 & 7]
                             : x % 3 == 1 ? STACK + (x >> 8) % STACK_SIZE / 8 * 8
                                          : TEXT + (x >> 8) % TEXT_SIZE / 2 * 2;
            poke(guest, STACK + i, value);
        }
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        guest->start = (struct backtrace_start){
            .pc = x, .ra = x << 1, .sp = STACK + x % STACK_SIZE, .fp = STACK + x % 1024 * 8};
        guest->reads = 0;
        cr_assert_geq(walk(guest, MAX), 1);
    }
    free_guest(guest);
}
