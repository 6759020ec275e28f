/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "sim/backtrace.h"

enum {
    SCAN_SIZE = 4096,
    MAX_EXCEPTIONS = 16, /* one within the other */
    FRAME_LR = 5,        /* words of what an exception pushes (DDI 0403E, B1.5.6) */
    FRAME_PC = 6,
    FRAME_XPSR = 7,
    FRAME_WORDS = 8,
    FP_WORDS = 18, /* more, with a floating-point context */
};

#define EXC_RETURN        UINT32_C(0xffffffe0)
#define EXC_RETURN_BASIC  0x10u /* no floating-point context */
#define EXC_RETURN_PSP    0x04u
#define EXC_RETURN_THREAD 0x08u
#define XPSR_ALIGNED      0x200u

struct walk {
    const struct symbols *symbols;
    backtrace_read read;
    void *opaque;
    struct backtrace_frame *frames;
    size_t count, max;
};

static bool read32(const struct walk *walk, uint64_t address, uint32_t *value)
{
    uint8_t b[4];
    if (address % 4 != 0 || walk->read(walk->opaque, address, b, sizeof b) != 0)
        return false;
    *value = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    return true;
}

static void push(struct walk *walk, uint64_t address, bool is_return, bool guess)
{
    if (walk->count < walk->max)
        walk->frames[walk->count++] = (struct backtrace_frame){address, is_return, guess};
}

static const struct symbol *function_at(const struct walk *walk, uint64_t address)
{
    const struct symbol *symbol = symbols_at(walk->symbols, address, NULL);
    return symbol && strchr("TtWw", symbol->type) ? symbol : NULL;
}

/* Is it the address behind a BL or BLX in a known function, with the bit that says Thumb? */
static bool is_return_address(const struct walk *walk, uint32_t value)
{
    uint8_t b[4];
    if (!(value & 1) || value < 5 || !function_at(walk, value - 2) ||
        walk->read(walk->opaque, value - 5, b, sizeof b) != 0)
        return false;
    unsigned first = b[0] | b[1] << 8, second = b[2] | b[3] << 8;
    return ((first & 0xf800) == 0xf000 && (second & 0xd000) == 0xd000) ||
           (second & 0xff87) == 0x4780;
}

/* What an exception interrupted. Leaves the stack pointer from then in *sp. */
static bool step_over(struct walk *walk, uint32_t exc_return, uint64_t frame, uint64_t *sp)
{
    uint32_t pc, lr, xpsr;
    if (!read32(walk, frame + 4 * FRAME_PC, &pc) || !read32(walk, frame + 4 * FRAME_LR, &lr) ||
        !read32(walk, frame + 4 * FRAME_XPSR, &xpsr))
        return false;
    push(walk, pc & ~UINT32_C(1), false, false);
    if (is_return_address(walk, lr) && function_at(walk, lr - 2) != function_at(walk, pc))
        push(walk, lr & ~UINT32_C(1), true, true);
    *sp = frame + 4 * (FRAME_WORDS + (exc_return & EXC_RETURN_BASIC ? 0 : FP_WORDS)) +
          (xpsr & XPSR_ALIGNED ? 4 : 0);
    return true;
}

/* Guesses from what lies on the stack, up to an exception's return value or the limit. */
static uint32_t search(struct walk *walk, uint64_t *sp)
{
    uint64_t end = *sp + SCAN_SIZE;
    uint32_t value;
    for (; *sp < end && walk->count < walk->max && read32(walk, *sp, &value); *sp += 4) {
        if (value >= EXC_RETURN && value & 1)
            return value;
        uint64_t address = value & ~UINT32_C(1);
        if (is_return_address(walk, value) && walk->frames[walk->count - 1].address != address)
            push(walk, address, true, true);
    }
    return 0;
}

size_t backtrace_walk_thumb(const struct backtrace_start *start, const struct symbols *symbols,
                            backtrace_read read, void *opaque, struct backtrace_frame *frames,
                            size_t max)
{
    struct walk walk = {symbols, read, opaque, frames, 0, max};
    uint32_t lr = (uint32_t)start->ra, exc_return = 0;
    uint64_t sp = start->sp, offset = 1;
    push(&walk, start->pc, false, false);
    if (max && is_return_address(&walk, lr) &&
        function_at(&walk, lr - 2) != function_at(&walk, start->pc))
        push(&walk, lr & ~UINT32_C(1), true, true);
    /* A handler that has not pushed anything yet, or whose caller's stack is another. */
    bool entered = !symbols_at(symbols, start->pc, &offset) || offset == 0;
    if (start->handler && lr >= EXC_RETURN && (entered || lr & EXC_RETURN_PSP))
        exc_return = lr;
    bool handler = start->handler;
    for (unsigned i = 0; max && i < MAX_EXCEPTIONS; i++) {
        bool pushed = !exc_return;
        if (pushed)
            exc_return = search(&walk, &sp);
        if (!exc_return || !handler)
            break;
        uint64_t frame = exc_return & EXC_RETURN_PSP ? start->psp : sp + (pushed ? 4 : 0);
        if (!step_over(&walk, exc_return, frame, &sp))
            break;
        handler = !(exc_return & EXC_RETURN_THREAD);
        exc_return = 0;
    }
    return walk.count;
}
