/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define LONGEST     128 /* longer names are near to nothing */
#define LARGEST_GAP 3

static bool same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Damerau-Levenshtein distance (optimal string alignment), or `limit` if it is not below that. */
static unsigned distance(const char *a, size_t a_length, const char *b, size_t b_length,
                         unsigned limit)
{
    unsigned rows[3][LONGEST + 1];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];
    for (unsigned j = 0; j <= b_length; j++)
        above[j] = j;
    for (unsigned i = 1; i <= a_length; i++) {
        unsigned lowest = row[0] = i;
        for (unsigned j = 1; j <= b_length; j++) {
            unsigned cost = same(a[i - 1], b[j - 1]) ? 0 : 1;
            unsigned best = smaller(smaller(above[j], row[j - 1]) + 1, above[j - 1] + cost);
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                best = smaller(best, before[j - 2] + 1);
            row[j] = best;
            lowest = smaller(lowest, best);
        }
        if (lowest > limit) /* a swap looks two rows back, and costs one */
            return limit;
        unsigned *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return smaller(above[b_length], limit);
}

void nearest_init(struct nearest *nearest, const char *wanted)
{
    size_t length = strlen(wanted);
    unsigned most = smaller(LARGEST_GAP, (unsigned)smaller(LONGEST, (unsigned)length) / 3);
    if (most == 0)
        most = length >= 2 ? 1 : 0;
    *nearest = (struct nearest){.wanted = wanted, .distance = most + 1};
}

void nearest_offer(struct nearest *nearest, const char *candidate)
{
    size_t wanted = strlen(nearest->wanted), length = strlen(candidate);
    size_t gap = wanted > length ? wanted - length : length - wanted;
    if (wanted > LONGEST || length > LONGEST || length == 0 || gap >= nearest->distance)
        return;
    unsigned found = distance(nearest->wanted, wanted, candidate, length, nearest->distance);
    if (found < nearest->distance) {
        nearest->distance = found;
        nearest->best = candidate;
    }
}

const char *nearest(const char *wanted, const char *const *names, size_t count)
{
    struct nearest search;
    nearest_init(&search, wanted);
    for (size_t i = 0; i < count; i++)
        nearest_offer(&search, names[i]);
    return search.best;
}
