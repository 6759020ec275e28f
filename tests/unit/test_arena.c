/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mem/arena.h"

static struct arena *arena;

static void set_up(void)
{
    struct error err = {""};
    arena = arena_open(ARENA_RESERVE, &err);
    cr_assert_not_null(arena, "%s", err.text);
}

static void tear_down(void)
{
    arena_close(arena);
}

TestSuite(arena, .init = set_up, .fini = tear_down);

Test(arena, blocks_are_aligned_and_apart)
{
    uint8_t *blocks[300];
    for (size_t i = 0; i < 300; i++) {
        blocks[i] = arena_alloc(arena, i);
        cr_assert_not_null(blocks[i]);
        cr_expect_eq((uintptr_t)blocks[i] % 16, 0);
        memset(blocks[i], (int)i, i);
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t k = 0; k < i; k++)
            cr_assert_eq(blocks[i][k], (uint8_t)i, "byte %zu of block %zu", k, i);
}

Test(arena, what_is_freed_is_used_again)
{
    void *page = arena_alloc(arena, 4096), *other = arena_alloc(arena, 4096);
    size_t used = arena_used(arena);
    arena_free(arena, page);
    cr_expect_eq(arena_alloc(arena, 4096), page);
    arena_free(arena, other);
    arena_free(arena, page);
    cr_expect_eq(arena_alloc(arena, 4090), page, "the last one first");
    cr_expect_eq(arena_alloc(arena, 4096), other);
    cr_expect_eq(arena_used(arena), used);
    cr_expect_leq(used, 4 * 4096, "a page takes little more than its size");
    arena_free(arena, NULL);
}

Test(arena, zeroed)
{
    uint8_t *dirty = arena_alloc(arena, 1000);
    memset(dirty, 0xff, 1000);
    arena_free(arena, dirty);
    uint8_t *clean = arena_zeroed(arena, 10, 100);
    cr_assert_eq(clean, dirty);
    for (size_t i = 0; i < 1000; i++)
        cr_assert_eq(clean[i], 0);
    cr_expect_null(arena_zeroed(arena, SIZE_MAX / 2, 4), "the product overflows");
}

Test(arena, resize_keeps_the_contents)
{
    uint8_t *block = arena_resize(arena, NULL, 3);
    memcpy(block, "abc", 3);
    size_t steps[] = {16, 17, 64, 65, 80, 81, 5000, 100000, 40, 3, 1 << 20, 3};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        block = arena_resize(arena, block, steps[i]);
        cr_assert_not_null(block);
        cr_expect_arr_eq(block, "abc", 3);
    }
    cr_expect_null(arena_resize(arena, block, SIZE_MAX));
    cr_expect_arr_eq(block, "abc", 3);
}

Test(arena, no_room)
{
    struct error err = {""};
    struct arena *small = arena_open(1 << 20, &err);
    cr_assert_not_null(small, "%s", err.text);
    cr_expect_null(arena_alloc(small, 1 << 20));
    cr_expect_null(arena_alloc(small, SIZE_MAX));
    size_t count = 0;
    while (arena_alloc(small, 10000))
        count++;
    cr_expect_gt(count, 80);
    cr_expect_not_null(arena_alloc(small, 16), "there is room for less");
    arena_close(small);
    cr_expect_null(arena_open(100, &err));
    cr_expect_str_eq(err.text, "out of memory");
    arena_close(NULL);
}

Test(arena, asks_for_less_when_addresses_are_scarce)
{
    struct error err = {""};
    struct arena *all = arena_open(SIZE_MAX / 2 + 1, &err);
    cr_assert_not_null(all, "%s", err.text);
    cr_expect_not_null(arena_alloc(all, 1 << 20));
    arena_close(all);
}

/* ---- A model: every block holds a pattern of its own --------------------------------------- */

#define SLOTS  64
#define STEPS  4000
#define COPIES 4

struct model {
    uint8_t *block[SLOTS];
    size_t size[SLOTS];
    uint64_t seed[SLOTS];
};

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static size_t some_size(uint64_t *random)
{
    return next(random) % (UINT64_C(1) << next(random) % 17);
}

static void fill(struct model *model, size_t slot, size_t from)
{
    for (size_t i = from; i < model->size[slot]; i++)
        model->block[slot][i] = (uint8_t)(model->seed[slot] * (i + 1) >> 24);
}

static void check(const struct model *model, size_t slot)
{
    for (size_t i = 0; model->block[slot] && i < model->size[slot]; i++)
        cr_assert_eq(model->block[slot][i], (uint8_t)(model->seed[slot] * (i + 1) >> 24),
                     "byte %zu of block %zu", i, slot);
}

static void step(struct model *model, uint64_t *random)
{
    size_t slot = next(random) % SLOTS;
    uint8_t **block = &model->block[slot];
    check(model, slot);
    switch (*block ? next(random) % 3 : 3) {
    case 0:
        arena_free(arena, *block);
        *block = NULL;
        break;
    case 1: {
        size_t old = model->size[slot];
        model->size[slot] = some_size(random);
        *block = arena_resize(arena, *block, model->size[slot]);
        cr_assert_not_null(*block);
        fill(model, slot, old);
        break;
    }
    case 2:
        model->seed[slot] = next(random);
        fill(model, slot, 0);
        break;
    default:
        model->size[slot] = some_size(random);
        model->seed[slot] = next(random);
        *block = arena_alloc(arena, model->size[slot]);
        cr_assert_not_null(*block);
        fill(model, slot, 0);
    }
}

/* Pointers that were saved with what they point to are right after any restore, and what follows is
 * as it was the first time, addresses included. */
Test(arena, model_with_copies)
{
    uint64_t random = 88172645463325252;
    struct model model = {0}, models[COPIES], ends[COPIES];
    uint64_t randoms[COPIES];
    struct arena_copy *copies[COPIES] = {0};
    for (unsigned round = 0; round < 30; round++) {
        size_t n = next(&random) % COPIES;
        cr_assert_eq(arena_save(arena, &copies[n]), 0);
        models[n] = model;
        randoms[n] = random;
        for (unsigned i = 0; i < STEPS / 10; i++)
            step(&model, &random);
        ends[n] = model;
        n = next(&random) % COPIES;
        if (!copies[n])
            continue;
        uint64_t again = randoms[n];
        arena_restore(arena, copies[n]);
        model = models[n];
        for (size_t slot = 0; slot < SLOTS; slot++)
            check(&model, slot);
        for (unsigned i = 0; i < STEPS / 10; i++)
            step(&model, &again);
        cr_assert_arr_eq(model.block, ends[n].block, sizeof model.block);
    }
    for (size_t n = 0; n < COPIES; n++)
        arena_copy_free(copies[n]);
}

Test(arena, a_long_tail_is_given_up)
{
    struct arena_copy *before = NULL;
    cr_assert_eq(arena_save(arena, &before), 0);
    for (unsigned i = 0; i < 100; i++)
        memset(arena_alloc(arena, 1 << 20), 1, 1 << 20);
    arena_restore(arena, before);
    uint8_t *block = arena_zeroed(arena, 1, 100 << 20);
    cr_assert_not_null(block);
    cr_expect_eq(block[0], 0);
    cr_expect_eq(block[(100 << 20) - 1], 0);
    arena_copy_free(before);
    arena_copy_free(NULL);
}
