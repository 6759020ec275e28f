/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_BACKTRACE_H
#define IASO_SIM_BACKTRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/symbols.h"

/*
 * Who called whom in a RISC-V kernel, from its registers and its stack. Guest memory may be in any
 * state: every read may fail, every value may be garbage, and the walk always ends.
 *
 * Kernels built with frame pointers keep the return address at s0 - 8 and the caller's s0 at
 * s0 - 16 (RISC-V ELF psABI, "frame pointer convention"). Where that chain breaks off, the stack
 * above is searched for values that point behind a call instruction in known kernel code; those
 * frames are guesses, because they may be left over from earlier calls.
 */

/* A hart's registers. */
struct backtrace_start {
    uint64_t pc, ra, sp, fp; /* fp is s0; of a Cortex-M ra is lr */
    uint64_t psp;            /* of a Cortex-M only, and: is it in handler mode? */
    bool handler;
};

struct backtrace_frame {
    uint64_t address; /* the pc, then return addresses */
    bool is_return;   /* the call is just before the address */
    bool guess;
};

/* Copies guest-virtual memory; returns 0 if all of it could be read. */
typedef int (*backtrace_read)(void *opaque, uint64_t gva, void *buffer, size_t size);

/*
 * Fills in up to `max` frames, innermost first, and returns how many (at least 1 if max is not 0).
 * `symbols` may be NULL; then nothing is guessed. Linux's exception frames are stepped over where
 * the symbol handle_exception is known; a trap from user mode ends the walk.
 */
size_t backtrace_walk(const struct backtrace_start *start, const struct symbols *symbols,
                      backtrace_read read, void *opaque, struct backtrace_frame *frames,
                      size_t max);

/* The same without guesses: *whole is false if the chain broke off before its end. `pc` may be that
 * of the block that runs. While a function sets up its frame anywhere but in its first block, its
 * caller is missing. */
size_t backtrace_follow(const struct backtrace_start *start, const struct symbols *symbols,
                        backtrace_read read, void *opaque, struct backtrace_frame *frames,
                        size_t max, bool *whole);

/*
 * The same for Thumb code, which has no chain of frames: what each exception interrupted is known
 * from what it pushed, all else is guessed from values on the stack that point behind calls.
 */
size_t backtrace_walk_thumb(const struct backtrace_start *start, const struct symbols *symbols,
                            backtrace_read read, void *opaque, struct backtrace_frame *frames,
                            size_t max);

/* A line each: two characters ("? " for a guess, else blank), the address, the symbol. */
void backtrace_print(FILE *out, const char *indent, const struct symbols *symbols,
                     const struct backtrace_frame *frames, size_t count);

/* The symbol of one frame as symbols_format() writes it. A return address belongs to the function
 * that made the call, even when the call was its last instruction. */
void backtrace_format(const struct symbols *symbols, const struct backtrace_frame *frame,
                      char *buffer, size_t size);

#endif
