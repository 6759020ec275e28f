/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_POWER_RANDOM_H
#define IASO_POWER_RANDOM_H

#include <stdint.h>

/*
 * Repeatable randomness: SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
 * Generators, OOPSLA 2014). The state is the seed; equal seeds give equal sequences on every host,
 * as no function of libm is involved.
 */
struct random {
    uint64_t state;
};

uint64_t random_next(struct random *random);

/* Uniform in [0, bound); bound is not 0. */
uint64_t random_below(struct random *random, uint64_t bound);

/* Exponentially distributed with mean 1 (von Neumann's comparison method). */
double random_exponential(struct random *random);

#endif
