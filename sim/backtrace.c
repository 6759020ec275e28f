/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/backtrace.h"

#include <inttypes.h>
#include <string.h>

enum {
    MAX_FRAME = 64 * 1024,  /* bytes; a caller's frame is no farther away */
    SCAN_SIZE = 16 * 1024,  /* THREAD_SIZE on RISC-V 64 */
    MAX_STACK_SWITCHES = 4, /* task, interrupt and overflow stacks */
    REGS_EPC = 0,           /* offsets into Linux's struct pt_regs (asm/ptrace.h) */
    REGS_RA = 8,
    REGS_SP = 16,
    REGS_FP = 64,
    REGS_STATUS = 256,
};

#define STATUS_SPP 0x100u

struct walk {
    const struct symbols *symbols;
    backtrace_read read;
    void *opaque;
    struct backtrace_frame *frames;
    size_t count, max;
    bool high; /* the kernel runs in the upper half of the address space */
};

static bool read64(const struct walk *walk, uint64_t gva, uint64_t *value)
{
    uint8_t bytes[8];
    if (gva > UINT64_MAX - 8 || gva % 8 != 0 ||
        walk->read(walk->opaque, gva, bytes, sizeof bytes) != 0)
        return false;
    *value = 0;
    for (unsigned i = 8; i-- > 0;)
        *value = *value << 8 | bytes[i];
    return true;
}

static bool between(const struct symbols *symbols, uint64_t address, const char *first,
                    const char *last)
{
    const struct symbol *from = symbols_named(symbols, first), *to = symbols_named(symbols, last);
    return from && to && address >= from->address && address < to->address;
}

/* Known kernel code: what the linker script says, else any function. */
static bool is_known_code(const struct symbols *symbols, uint64_t address)
{
    if (symbols_named(symbols, "_stext") && symbols_named(symbols, "_etext"))
        return between(symbols, address, "_stext", "_etext") ||
               between(symbols, address, "_sinittext", "_einittext");
    const struct symbol *symbol = symbols_at(symbols, address, NULL);
    return symbol && strchr("TtWw", symbol->type);
}

/* Could be an address of code: modules and kernels without symbols included. */
static bool is_code(const struct walk *walk, uint64_t address)
{
    return address % 2 == 0 && address >= 4096 && (!walk->high || address >> 63);
}

static bool is_stack(const struct walk *walk, uint64_t address)
{
    return address % 8 == 0 && address >= 4096 && (!walk->high || address >> 63);
}

/* Is the instruction before `address` a JAL or JALR that links to ra, compressed or not? */
static bool is_behind_call(const struct walk *walk, uint64_t address)
{
    uint8_t b[4];
    if (walk->read(walk->opaque, address - 4, b, sizeof b) != 0)
        return false;
    uint32_t word = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    if ((word & 0xfff) == 0x0ef || (word & 0x7fff) == 0x00e7)
        return true; /* jal ra, ...; jalr ra, ... */
    unsigned half = b[2] | b[3] << 8;
    return (half & 0xf07f) == 0x9002 && (half & 0x0f80) != 0; /* c.jalr */
}

static bool push(struct walk *walk, uint64_t address, bool is_return, bool guess)
{
    if (walk->count == walk->max)
        return false;
    walk->frames[walk->count++] = (struct backtrace_frame){address, is_return, guess};
    return walk->count < walk->max;
}

/* A return into the exception entry: the registers of what was interrupted lie at the frame's top.
 */
static bool is_exception_entry(const struct symbols *symbols, uint64_t address)
{
    const struct symbol *symbol = symbols_at(symbols, address - 1, NULL);
    return symbol && (strcmp(symbol->name, "handle_exception") == 0 ||
                      strcmp(symbol->name, "ret_from_exception") == 0);
}

enum end {
    ENDED,
    BROKEN,
    FULL
};

/* Follows the frame pointers. *resume is where a search should start if the chain is broken. */
static enum end follow(struct walk *walk, const struct backtrace_start *start, uint64_t *resume)
{
    uint64_t fp = start->fp, low = start->sp, ra = start->ra;
    bool innermost = true; /* a function that has called nobody may have ra in the register only */
    unsigned switches = 0;
    uint64_t offset;
    *resume = start->sp;
    /* At its very entry a function has no frame yet: s0 is its caller's. */
    if (symbols_at(walk->symbols, start->pc, &offset) && offset == 0 && is_code(walk, ra)) {
        if (!push(walk, ra, true, false))
            return FULL;
        innermost = false;
    }
    for (;;) {
        /* Threads start with 0 there, or with their function in older kernels. */
        if (!innermost && (fp == 0 || is_known_code(walk->symbols, fp)))
            return ENDED;
        uint64_t saved_ra, saved_fp;
        bool same_stack = fp >= low && fp - low <= MAX_FRAME;
        if (!is_stack(walk, fp) || (!same_stack && ++switches > MAX_STACK_SWITCHES) ||
            !read64(walk, fp - 8, &saved_ra) || !read64(walk, fp - 16, &saved_fp))
            return BROKEN;
        bool leaf = innermost && saved_ra > fp && saved_ra - fp <= MAX_FRAME &&
                    is_stack(walk, saved_ra) && !is_known_code(walk->symbols, saved_ra) &&
                    is_code(walk, ra);
        if (innermost && !leaf && saved_ra == 0)
            return BROKEN;
        innermost = false;
        low = fp;
        *resume = fp;
        if (leaf) { /* only s0 was saved, where ra would be */
            if (!push(walk, ra, true, false))
                return FULL;
            fp = saved_ra;
            continue;
        }
        if (saved_ra == 0)
            return ENDED; /* the first frame of a thread */
        if (!is_code(walk, saved_ra))
            return BROKEN;
        if (!push(walk, saved_ra, true, false))
            return FULL;
        fp = saved_fp;
        if (is_exception_entry(walk->symbols, saved_ra)) {
            uint64_t epc, status;
            if (!read64(walk, low + REGS_EPC, &epc) || !read64(walk, low + REGS_STATUS, &status) ||
                !read64(walk, low + REGS_RA, &ra) || !read64(walk, low + REGS_FP, &fp))
                return BROKEN;
            if (!(status & STATUS_SPP))
                return ENDED; /* from user mode */
            if (!is_code(walk, epc))
                return BROKEN;
            if (!push(walk, epc, false, false))
                return FULL;
            innermost = true;
        }
    }
}

static void search(struct walk *walk, uint64_t from)
{
    uint64_t value;
    from = (from + 7) & ~UINT64_C(7);
    for (uint64_t at = from; at - from < SCAN_SIZE && read64(walk, at, &value); at += 8) {
        if (is_code(walk, value) && is_known_code(walk->symbols, value - 1) &&
            is_behind_call(walk, value) && !push(walk, value, true, true))
            return;
    }
}

static struct walk begin(const struct backtrace_start *start, const struct symbols *symbols,
                         backtrace_read read, void *opaque, struct backtrace_frame *frames,
                         size_t max)
{
    return (struct walk){
        .symbols = symbols,
        .read = read,
        .opaque = opaque,
        .frames = frames,
        .max = max,
        .high = start->sp >> 63,
    };
}

size_t backtrace_walk(const struct backtrace_start *start, const struct symbols *symbols,
                      backtrace_read read, void *opaque, struct backtrace_frame *frames, size_t max)
{
    struct walk walk = begin(start, symbols, read, opaque, frames, max);
    uint64_t resume;
    if (!push(&walk, start->pc, false, false))
        return walk.count;
    if (follow(&walk, start, &resume) == BROKEN)
        search(&walk, resume);
    return walk.count;
}

size_t backtrace_follow(const struct backtrace_start *start, const struct symbols *symbols,
                        backtrace_read read, void *opaque, struct backtrace_frame *frames,
                        size_t max, bool *whole)
{
    struct walk walk = begin(start, symbols, read, opaque, frames, max);
    uint64_t resume;
    *whole = false;
    if (!push(&walk, start->pc, false, false))
        return walk.count;
    *whole = is_exception_entry(symbols, start->pc + 1) || follow(&walk, start, &resume) == ENDED;
    /* Maybe its frame is there, though `pc` is not beyond its entry yet. */
    uint64_t offset;
    if (walk.count > 2 && frames[1].address == frames[2].address &&
        symbols_at(symbols, start->pc, &offset) && offset == 0) {
        memmove(frames + 1, frames + 2, (walk.count - 2) * sizeof *frames);
        walk.count--;
    }
    return walk.count;
}

void backtrace_format(const struct symbols *symbols, const struct backtrace_frame *frame,
                      char *buffer, size_t size)
{
    uint64_t offset = 0;
    const struct symbol *symbol =
        symbols_at(symbols, frame->address - (frame->is_return ? 1 : 0), &offset);
    offset += frame->is_return ? 1 : 0;
    if (!symbol)
        snprintf(buffer, size, "0x%016" PRIx64, frame->address);
    else if (symbol->size)
        snprintf(buffer, size, "%s+0x%" PRIx64 "/0x%" PRIx64, symbol->name, offset, symbol->size);
    else
        snprintf(buffer, size, "%s+0x%" PRIx64, symbol->name, offset);
}

void backtrace_print(FILE *out, const char *indent, const struct symbols *symbols,
                     const struct backtrace_frame *frames, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char name[256];
        backtrace_format(symbols, &frames[i], name, sizeof name);
        bool known = strncmp(name, "0x", 2) != 0;
        fprintf(out, "%s%s0x%016" PRIx64 "%s%s\n", indent, frames[i].guess ? "? " : "  ",
                frames[i].address, known ? "  " : "", known ? name : "");
    }
}
