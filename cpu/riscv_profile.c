/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "cpu/riscv_hart.h"

#define FIRST_ROOM 4096

enum side {
    OUTSIDE,
    INSIDE,
    SIDES,
};

/*
 * How often each fast block ran is counted beside it; when it becomes another block that goes into
 * a table by pc. Corrections go there at once. A sum may be negative for a while, that is, wrap.
 * All of it lives in an arena; when that is saved nothing may be counted beside a fast block, as
 * another one may be there when it is put back.
 */
struct riscv_profile {
    struct arena *arena;
    enum side side;
    struct {
        uint64_t pc;
        enum side side;
        bool counted;
    } last; /* the block that ran last */
    uint64_t runs[FAST_BLOCKS + 1][SIDES];
    /* Open addressing; `room` is a power of two. */
    struct place {
        uint64_t pc;
        bool used;
        uint32_t size;
        struct cpu_profile_counts counts[SIDES];
    } * places;
    size_t room, count;
    bool incomplete; /* out of memory */
};

struct riscv_profile *riscv_profile_new(struct arena *arena)
{
    struct riscv_profile *profile = arena_zeroed(arena, 1, sizeof *profile);
    if (!profile)
        return NULL;
    profile->arena = arena;
    profile->room = FIRST_ROOM;
    profile->places = arena_zeroed(arena, profile->room, sizeof *profile->places);
    return profile->places ? profile : NULL;
}

static struct place *place_in(struct place *places, size_t room, uint64_t pc)
{
    for (uint64_t i = (pc >> 1) * UINT64_C(0x9e3779b97f4a7c15) >> 32;; i++) {
        struct place *place = &places[i & (room - 1)];
        if (!place->used || place->pc == pc)
            return place;
    }
}

static int grow(struct riscv_profile *profile)
{
    size_t room = profile->room * 2;
    struct place *places = arena_zeroed(profile->arena, room, sizeof *places);
    if (!places)
        return -1;
    for (size_t i = 0; i < profile->room; i++)
        if (profile->places[i].used)
            *place_in(places, room, profile->places[i].pc) = profile->places[i];
    arena_free(profile->arena, profile->places);
    profile->places = places;
    profile->room = room;
    return 0;
}

/* Adds `times` what `lanes` says of a block of `size` bytes. */
static void add(struct riscv_profile *profile, uint64_t pc, uint32_t size, enum side side,
                lanes each, uint64_t times)
{
    struct place *place = place_in(profile->places, profile->room, pc);
    if (!place->used) {
        if (2 * profile->count >= profile->room) {
            if (grow(profile)) {
                profile->incomplete = true;
                return;
            }
            place = place_in(profile->places, profile->room, pc);
        }
        profile->count++;
        *place = (struct place){.pc = pc, .used = true};
    }
    if (place->size < size)
        place->size = size;
    struct cpu_profile_counts *counts = &place->counts[side];
    counts->insns += (uint64_t)(int32_t)each[LANE_INSNS] * times;
    counts->loads += (uint64_t)(int32_t)each[LANE_LOADS] * times;
    counts->stores += (uint64_t)(int32_t)each[LANE_STORES] * times;
}

void riscv_profile_run(struct riscv *hart)
{
    struct riscv_profile *profile = hart->profile;
    profile->last.counted = hart->level == RISCV_SUPERVISOR;
    if (!profile->last.counted)
        return;
    profile->last.pc = hart->last->pc;
    profile->last.side = profile->side;
    profile->runs[hart->last - hart->blocks][profile->side]++;
}

void riscv_profile_correct(struct riscv *hart, lanes delta)
{
    const struct riscv_profile *profile = hart->profile;
    if (profile->last.counted && profile->last.pc == hart->last->pc)
        add(hart->profile, profile->last.pc, 0, profile->last.side, delta, 1);
}

void riscv_profile_lone(struct riscv *hart, uint64_t pc)
{
    if (hart->level == RISCV_SUPERVISOR)
        add(hart->profile, pc, 0, hart->profile->side, (lanes){1, 0, 0, 1}, 1);
}

void riscv_profile_flush(struct riscv *hart, const struct fast_block *block)
{
    uint64_t *runs = hart->profile->runs[block - hart->blocks];
    for (int side = 0; side < SIDES; side++) {
        if (runs[side])
            add(hart->profile, block->pc, block->key & FAST_SIZE, (enum side)side, block->counts,
                runs[side]);
        runs[side] = 0;
    }
}

void riscv_profile_inside(struct cpu *cpu, bool inside)
{
    struct riscv *hart = (struct riscv *)cpu;
    if (hart->profile)
        hart->profile->side = inside ? INSIDE : OUTSIDE;
    if (hart->executions)
        executions_set_side(hart->executions, inside ? EXECUTED_INSIDE : EXECUTED_OUTSIDE);
}

void riscv_profile_settle(struct cpu *cpu)
{
    struct riscv *hart = (struct riscv *)cpu;
    for (size_t i = 0; hart->profile && i <= FAST_BLOCKS; i++)
        riscv_profile_flush(hart, &hart->blocks[i]);
}

static int by_pc(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return x->pc < y->pc ? -1 : x->pc > y->pc;
}

int riscv_profile_visit(struct cpu *cpu, cpu_profile_fn visit, void *opaque)
{
    struct riscv *hart = (struct riscv *)cpu;
    struct riscv_profile *profile = hart->profile;
    if (!profile)
        return 0;
    riscv_profile_settle(cpu);
    struct place *sorted = malloc((profile->count + 1) * sizeof *sorted);
    if (!sorted || profile->incomplete) {
        free(sorted);
        return -1;
    }
    size_t count = 0;
    for (size_t i = 0; i < profile->room; i++)
        if (profile->places[i].used)
            sorted[count++] = profile->places[i];
    qsort(sorted, count, sizeof *sorted, by_pc);
    for (size_t i = 0; i < count; i++) {
        const struct cpu_profile_block block = {.pc = sorted[i].pc,
                                                .size = sorted[i].size,
                                                .inside = sorted[i].counts[INSIDE],
                                                .outside = sorted[i].counts[OUTSIDE]};
        visit(opaque, &block);
    }
    free(sorted);
    return 0;
}
