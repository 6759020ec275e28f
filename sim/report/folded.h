/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_FOLDED_H
#define IASO_SIM_FOLDED_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Folded stacks, as flamegraph.pl, inferno and speedscope read them: one line a stack, frames from
 * the outermost to the innermost separated by ";", a space, a whole number. In memory they are a
 * tree; a node is a stack, and node 0 the empty one. Each node has values in FOLDED_COLUMNS.
 *
 * In names of frames, ";" becomes ":", blanks "_" and control characters "?"; of long ones the
 * first 255 bytes count. Names that then are the same are the same frame.
 */
struct folded;

#define FOLDED_COLUMNS 4

struct folded *folded_new(void); /* NULL when out of memory */
void folded_free(struct folded *folded);

/* The number of a frame by its name. When out of memory folded_write() fails. */
uint32_t folded_frame(struct folded *folded, const char *name);

/* The stack with one more frame. When out of memory, also before, it is the stack itself: then
 * folded_write() fails. */
uint32_t folded_push(struct folded *folded, uint32_t node, uint32_t frame);

void folded_add(struct folded *folded, uint32_t node, unsigned column, int64_t value);

/*
 * Writes the stacks of a column in order of their names, with `root` (NULL: none) as the outermost
 * frame, those of which the value is not positive left out. Values are divided by `unit` and
 * rounded so that the sum of what is written is the rounded sum of all. -1 if memory was ever
 * short.
 */
int folded_write(struct folded *folded, unsigned column, const char *root, uint64_t unit,
                 FILE *out);

#endif
