/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "power/random.h"

#include <stdbool.h>

uint64_t random_below(struct random *random, uint64_t bound)
{
    /* The high half of a product is uniform once the low halves that fill no whole round are left
     * out. */
    uint64_t reject = -bound % bound;
    unsigned __int128 product;
    do {
        product = (unsigned __int128)random_next(random) * bound;
    } while ((uint64_t)product < reject);
    return (uint64_t)(product >> 64);
}

/* A falling run of uniform numbers is of odd length with probability e^-u of its first, u. */
double random_exponential(struct random *random)
{
    for (unsigned whole = 0;; whole++) {
        uint64_t first = random_next(random), last = first;
        bool odd = true;
        for (;;) {
            uint64_t next = random_next(random);
            if (next >= last)
                break;
            last = next;
            odd = !odd;
        }
        if (odd)
            return whole + (double)(first >> 11) * 0x1p-53;
    }
}
