/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cpu/executions.h"

#include <stdlib.h>

#define FIRST_ROOM 4096

struct executions_map {
    /* Open addressing; `room` is a power of two. Changes may be negative, that is, wrap. */
    struct change {
        uint64_t address;
        uint64_t by[EXECUTED_SIDES];
        bool used;
    } * changes;
    size_t room, count;
    bool incomplete; /* out of memory */
};

struct executions *executions_new(size_t slots)
{
    struct executions *executions = calloc(1, sizeof *executions);
    if (!executions)
        return NULL;
    executions->runs = calloc(slots, sizeof *executions->runs);
    executions->map = calloc(1, sizeof *executions->map);
    if (executions->map) {
        executions->map->room = FIRST_ROOM;
        executions->map->changes = calloc(FIRST_ROOM, sizeof *executions->map->changes);
    }
    if (executions->runs && executions->map && executions->map->changes)
        return executions;
    executions_free(executions);
    return NULL;
}

void executions_free(struct executions *executions)
{
    if (!executions)
        return;
    if (executions->map)
        free(executions->map->changes);
    free(executions->map);
    free(executions->runs);
    free(executions);
}

static struct change *change_at(struct change *changes, size_t room, uint64_t address)
{
    for (uint64_t i = (address >> 1) * UINT64_C(0x9e3779b97f4a7c15) >> 32;; i++) {
        struct change *change = &changes[i & (room - 1)];
        if (!change->used || change->address == address)
            return change;
    }
}

static int grow(struct executions_map *map)
{
    size_t room = 2 * map->room;
    struct change *changes = calloc(room, sizeof *changes);
    if (!changes)
        return -1;
    for (size_t i = 0; i < map->room; i++)
        if (map->changes[i].used)
            *change_at(changes, room, map->changes[i].address) = map->changes[i];
    free(map->changes);
    map->changes = changes;
    map->room = room;
    return 0;
}

static void add(struct executions_map *map, uint64_t address, enum executions_side side,
                uint64_t by)
{
    struct change *change = change_at(map->changes, map->room, address);
    if (!change->used) {
        if (2 * map->count >= map->room) {
            if (grow(map)) {
                map->incomplete = true;
                return;
            }
            change = change_at(map->changes, map->room, address);
        }
        map->count++;
        *change = (struct change){.address = address, .used = true};
    }
    change->by[side] += by;
}

void executions_set_side(struct executions *executions, enum executions_side side)
{
    executions->side = side;
}

void executions_cut(struct executions *executions, uint64_t end, uint64_t whole)
{
    add(executions->map, end, executions->last, UINT64_MAX);
    add(executions->map, whole, executions->last, 1);
}

void executions_flush(struct executions *executions, size_t slot, uint64_t pc, uint32_t size)
{
    uint64_t *runs = executions->runs[slot];
    for (int side = 0; side < EXECUTED_SIDES; side++) {
        if (!runs[side])
            continue;
        add(executions->map, pc, (enum executions_side)side, runs[side]);
        add(executions->map, pc + size, (enum executions_side)side, -runs[side]);
        runs[side] = 0;
    }
}

static int by_address(const void *a, const void *b)
{
    const struct change *x = a, *y = b;
    return x->address < y->address ? -1 : x->address > y->address;
}

int executions_visit(const struct executions *executions, cpu_executions_fn visit, void *opaque)
{
    const struct executions_map *map = executions->map;
    struct change *sorted = malloc((map->count + 1) * sizeof *sorted);
    if (!sorted || map->incomplete) {
        free(sorted);
        return -1;
    }
    size_t count = 0;
    for (size_t i = 0; i < map->room; i++)
        if (map->changes[i].used)
            sorted[count++] = map->changes[i];
    qsort(sorted, count, sizeof *sorted, by_address);
    struct cpu_executions now = {0};
    for (size_t i = 0; i < count; i++) {
        now.address = sorted[i].address;
        now.inside += sorted[i].by[EXECUTED_INSIDE];
        now.outside += sorted[i].by[EXECUTED_OUTSIDE];
        visit(opaque, &now);
    }
    free(sorted);
    return 0;
}
