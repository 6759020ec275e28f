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

static inline uint64_t random_next(struct random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Uniform in [0, bound); bound is not 0. */
uint64_t random_below(struct random *random, uint64_t bound);

/* Exponentially distributed with mean 1 (von Neumann's comparison method). */
double random_exponential(struct random *random);

#endif
