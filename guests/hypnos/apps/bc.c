/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bit counts by several methods, after MiBench's bitcount. */
#include "app.h"

static NV uint32_t total[BC_METHODS];

static uint32_t by_shift(uint32_t x)
{
    uint32_t count = 0;
    for (; x; x >>= 1)
        count += x & 1;
    return count;
}

static uint32_t by_clearing(uint32_t x)
{
    uint32_t count = 0;
    for (; x; x &= x - 1)
        count++;
    return count;
}

static uint32_t by_fields(uint32_t x)
{
    x -= x >> 1 & 0x55555555;
    x = (x & 0x33333333) + (x >> 2 & 0x33333333);
    x = (x + (x >> 4)) & 0x0f0f0f0f;
    return x * 0x01010101 >> 24;
}

static uint32_t by_remainder(uint32_t x)
{
    uint32_t count = x - (x >> 1 & 033333333333) - (x >> 2 & 011111111111);
    return ((count + (count >> 3)) & 030707070707) % 63;
}

static const uint8_t nibbles[16] = {0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4};

static uint32_t by_table(uint32_t x)
{
    uint32_t count = 0;
    for (unsigned shift = 0; shift < 32; shift += 4)
        count += nibbles[x >> shift & 15];
    return count;
}

static uint32_t by_recursion(uint32_t x)
{
    return nibbles[x & 15] + (x >> 4 ? by_recursion(x >> 4) : 0);
}

static uint32_t by_halves(uint32_t x)
{
    static const uint32_t masks[] = {0x55555555, 0x33333333, 0x0f0f0f0f, 0x00ff00ff, 0x0000ffff};
    for (unsigned i = 0; i < 5; i++)
        x = (x & masks[i]) + (x >> (1u << i) & masks[i]);
    return x;
}

static uint32_t (*const methods[BC_METHODS])(uint32_t) = {
    by_shift, by_clearing, by_fields, by_remainder, by_table, by_recursion, by_halves,
};

static void bc_main(uint32_t arg)
{
    (void)arg;
    nv_for(block, 0, BC_VALUES / BC_BLOCK * hypnos_scale())
    {
        for (uint32_t m = 0; m < BC_METHODS; m++) {
            transaction()
            {
                uint32_t count = nv_get(total[m]);
                for (uint32_t i = 0; i < BC_BLOCK; i++)
                    count += methods[m](draw(BC_SEED, block * BC_BLOCK + i));
                nv_set(total[m], count);
            }
        }
    }
    uint32_t digest = FOLD_START;
    transaction(digest)
    {
        for (uint32_t m = 0; m < BC_METHODS; m++) {
            app_expect("bits of a method", nv_get(total[0]), nv_get(total[m]));
            digest = fold(digest, nv_get(total[m]));
        }
    }
    hypnos_finish(digest);
}

HYPNOS_APP(bc, bc_main);
