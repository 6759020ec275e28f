/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_NEAREST_H
#define IASO_SIM_NEAREST_H

#include <stddef.h>

/*
 * "Did you mean ...?": the known name that is nearest to what was typed, by edits (one character
 * inserted, left out, replaced, or two neighbours swapped; upper and lower case are the same). Near
 * is at most a third of the typed name's length and at most 3, but one edit always is, from two
 * characters on. The first of several that are equally near wins.
 *
 * Offer candidates one by one, from wherever they are; `best` is one of them or NULL.
 */
struct nearest {
    const char *wanted;
    const char *best;
    unsigned distance; /* of best; candidates must be nearer than that */
};

void nearest_init(struct nearest *nearest, const char *wanted);
void nearest_offer(struct nearest *nearest, const char *candidate);

/* The same over an array. */
const char *nearest(const char *wanted, const char *const *names, size_t count);

#endif
