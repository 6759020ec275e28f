/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/profile.h"

#include <stdbool.h>
#include <stdlib.h>

struct profile {
    const struct symbols *symbols;
    struct profile_row *rows;
    size_t count, room;
};

struct profile *profile_new(const struct symbols *symbols)
{
    struct profile *profile = calloc(1, sizeof *profile);
    if (profile)
        profile->symbols = symbols;
    return profile;
}

void profile_free(struct profile *profile)
{
    if (!profile)
        return;
    free(profile->rows);
    free(profile);
}

static void add(struct account_counts *sum, const struct account_counts *counts)
{
    sum->insns += counts->insns;
    sum->loads += counts->loads;
    sum->stores += counts->stores;
}

int profile_add(struct profile *profile, uint64_t pc, const struct account_counts *inside,
                const struct account_counts *outside)
{
    if (profile->count == profile->room) {
        size_t room = profile->room ? profile->room * 2 : 1024;
        struct profile_row *rows = realloc(profile->rows, room * sizeof *rows);
        if (!rows)
            return -1;
        profile->rows = rows;
        profile->room = room;
    }
    const struct symbol *symbol = symbols_at(profile->symbols, pc, NULL);
    struct profile_row *row = &profile->rows[profile->count++];
    *row = (struct profile_row){0};
    if (symbol) {
        row->name = symbol->name;
        row->address = symbol->address;
    }
    add(&row->inside, inside);
    add(&row->outside, outside);
    return 0;
}

struct visitor {
    struct profile *profile;
    bool failed;
};

static void on_visit(void *opaque, const struct cpu_profile_block *block)
{
    struct visitor *visitor = opaque;
    const struct cpu_profile_counts *inside = &block->inside, *outside = &block->outside;
    const struct account_counts in = {inside->insns, inside->loads, inside->stores, 0};
    const struct account_counts out = {outside->insns, outside->loads, outside->stores, 0};
    if (profile_add(visitor->profile, block->pc, &in, &out))
        visitor->failed = true;
}

int profile_add_hart(struct profile *profile, struct cpu *cpu)
{
    struct visitor visitor = {.profile = profile};
    return cpu_profile(cpu, on_visit, &visitor) || visitor.failed ? -1 : 0;
}

static int by_address(const void *a, const void *b)
{
    const struct profile_row *x = a, *y = b;
    if (!x->name != !y->name)
        return x->name ? 1 : -1;
    return x->address < y->address ? -1 : x->address > y->address;
}

static uint64_t accesses(const struct profile_row *row)
{
    return row->inside.loads + row->inside.stores + row->outside.loads + row->outside.stores;
}

static int by_accesses(const void *a, const void *b)
{
    uint64_t x = accesses(a), y = accesses(b);
    return x > y ? -1 : x < y ? 1 : by_address(a, b);
}

void profile_sort(struct profile *profile)
{
    if (!profile->count)
        return;
    qsort(profile->rows, profile->count, sizeof *profile->rows, by_address);
    struct profile_row *last = profile->rows;
    for (size_t i = 1; i < profile->count; i++) {
        const struct profile_row *row = &profile->rows[i];
        if (by_address(last, row) == 0) {
            add(&last->inside, &row->inside);
            add(&last->outside, &row->outside);
        } else {
            *++last = *row;
        }
    }
    profile->count = (size_t)(last - profile->rows) + 1;
    qsort(profile->rows, profile->count, sizeof *profile->rows, by_accesses);
}

const struct profile_row *profile_row(const struct profile *profile, size_t index)
{
    return index < profile->count ? &profile->rows[index] : NULL;
}
