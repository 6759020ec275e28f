/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/campaign/faults_places.h"

#include <stdlib.h>

#include "cpu/riscv_decode.h"
#include "sim/kernel_view.h"

static void on_block(void *opaque, const struct cpu_profile_block *block)
{
    struct places *places = opaque;
    if (!block->inside.insns || places->failed)
        return;
    if (places->count == places->room) {
        size_t room = 2 * places->room + 1024;
        struct places_block *blocks = realloc(places->blocks, room * sizeof *blocks);
        places->failed = !blocks;
        if (!blocks)
            return;
        places->blocks = blocks;
        places->room = room;
    }
    places->blocks[places->count++] =
        (struct places_block){.pc = block->pc, .insns = block->inside.insns, .size = block->size};
}

int places_note(struct places *places, const struct machine *machine)
{
    *places = (struct places){0};
    for (unsigned i = 0; i < machine->hart_count; i++)
        if (cpu_profile(machine->harts[i], on_block, places))
            return -1;
    return places->failed ? -1 : 0;
}

void places_free(struct places *places)
{
    free(places->blocks);
    *places = (struct places){0};
}

static int by_pc(const void *a, const void *b)
{
    const struct places_block *x = a, *y = b;
    return x->pc < y->pc ? -1 : x->pc > y->pc;
}

/* The harts' blocks at one address become one. */
static size_t merge(struct places_block *blocks, size_t count)
{
    size_t merged = 0;
    if (count)
        qsort(blocks, count, sizeof *blocks, by_pc);
    for (size_t i = 0; i < count; i++) {
        struct places_block *last = merged ? &blocks[merged - 1] : NULL;
        if (!last || last->pc != blocks[i].pc) {
            blocks[merged++] = blocks[i];
            continue;
        }
        last->insns += blocks[i].insns;
        if (last->size < blocks[i].size)
            last->size = blocks[i].size;
    }
    return merged;
}

struct addresses {
    uint64_t *all;
    size_t count, room;
};

static int add(struct addresses *addresses, uint64_t address)
{
    if (addresses->count == addresses->room) {
        size_t room = 2 * addresses->room + 4096;
        uint64_t *all = realloc(addresses->all, room * sizeof *all);
        if (!all)
            return -1;
        addresses->all = all;
        addresses->room = room;
    }
    addresses->all[addresses->count++] = address;
    return 0;
}

/* Of a block whose first instruction was executed; a trap may have kept the others from it. */
static int add_block(struct addresses *addresses, const struct places_block *block,
                     const struct machine *machine)
{
    uint32_t at = 0;
    do {
        uint8_t low[2];
        if (add(addresses, block->pc + at))
            return -1;
        if (kernel_view_read(machine, block->pc + at, low, sizeof low))
            return 0; /* a process' own mapping that is gone */
        at += riscv_length((uint16_t)(low[0] | low[1] << 8));
    } while (at < block->size);
    return 0;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static int add_all(struct addresses *addresses, const struct places *before,
                   const struct places *after, const struct machine *machine)
{
    size_t old = merge(before->blocks, before->count), now = merge(after->blocks, after->count);
    for (size_t i = 0, j = 0; i < now; i++) {
        const struct places_block *block = &after->blocks[i];
        while (j < old && before->blocks[j].pc < block->pc)
            j++;
        bool known = j < old && before->blocks[j].pc == block->pc;
        if (known && before->blocks[j].insns == block->insns)
            continue;
        if (add_block(addresses, block, machine))
            return -1;
    }
    return 0;
}

uint64_t *places_between(const struct places *before, const struct places *after,
                         const struct machine *machine, size_t *count, struct error *err)
{
    struct addresses addresses = {0};
    if (add_all(&addresses, before, after, machine)) {
        free(addresses.all);
        error_set(err, "out of memory");
        return NULL;
    }
    if (!addresses.count) {
        error_set(err, "expected faults to have a place, found no recovery domain of the kernel's");
        return NULL;
    }
    qsort(addresses.all, addresses.count, sizeof *addresses.all, by_value);
    *count = 1;
    for (size_t i = 1; i < addresses.count; i++)
        if (addresses.all[i] != addresses.all[*count - 1])
            addresses.all[(*count)++] = addresses.all[i];
    return addresses.all;
}
