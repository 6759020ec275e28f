/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_POWER_VOLATILE_H
#define IASO_POWER_VOLATILE_H

#include <stdint.h>

#include "mem/error.h"
#include "mem/memory.h"
#include "mem/state.h"

/*
 * The volatile memory of a machine with power cuts: after one it holds noise, and what the boot
 * loader (whatever loads images into RAM at power-on) puts there again. Only pages that have
 * changed since the last cut are filled anew, so a cut costs what the life before it has touched.
 *
 * Bytes that are non-volatile are somebody else's: `spare` is asked for them (power/nvm.h). The
 * machine's pages are armed at each cut.
 */
struct volatile_memory;

/* The first non-volatile byte in [gpa, end), and in *until one past the last of them in a row; end
 * if there is none. */
typedef uint64_t (*volatile_spare_fn)(void *opaque, uint64_t gpa, uint64_t end, uint64_t *until);

/* Fills all volatile memory with noise. Images that are loaded (memory_load()) until
 * volatile_loaded() is called are remembered. NULL and err on failure. */
struct volatile_memory *volatile_new(struct memory *mem, uint64_t seed, volatile_spare_fn spare,
                                     void *opaque, struct error *err);
void volatile_free(struct volatile_memory *memory);

/* The images are complete; fails if one of them could not be remembered. */
int volatile_loaded(struct volatile_memory *memory, struct error *err);

/* The power is cut and comes back: noise and images, in what had changed. */
void volatile_cut(struct volatile_memory *memory);

/* Everything but the contents; after volatile_loaded(). */
void volatile_state(struct volatile_memory *memory, struct state_copy *copy);

#endif
