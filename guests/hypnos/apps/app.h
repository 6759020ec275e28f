/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the applications have in common. inputs.h says what each computes. All data that tasks share
 * is either under a mutex or handed over by a system call, in a transaction after the one that
 * wrote it.
 */
#ifndef HYPNOS_APPS_APP_H
#define HYPNOS_APPS_APP_H

#include "hypnos.h"
#include "inputs.h"

/* See inputs.h. */
static inline uint32_t draw(uint32_t seed, uint32_t n)
{
    uint32_t x = seed + n * 0x9e3779b9u;
    x ^= x >> 16;
    x *= 0x85ebca6bu;
    x ^= x >> 13;
    x *= 0xc2b2ae35u;
    return x ^ x >> 16;
}

static inline uint32_t fold(uint32_t digest, uint32_t word)
{
    for (unsigned i = 0; i < sizeof(word); i++, word >>= 8)
        digest = (digest ^ (word & 0xff)) * FOLD_PRIME;
    return digest;
}

static inline uint32_t float_bits(float value)
{
    return (union {
               float value;
               uint32_t bits;
           }){value}
        .bits;
}

/* Each in a transaction of its own. */
int app_task(const char *name, void (*entry)(uint32_t arg), uint32_t arg, unsigned priority);
int app_queue(unsigned length, unsigned item_size);
void app_join(int task);

/* In a transaction. A failure of the call ends the application. */
void app_send(int queue, const void *item);
void app_receive(int queue, void *item);

/* Ends the application unless both are the same. */
void app_expect(const char *what, uint32_t expected, uint32_t found);

#endif
