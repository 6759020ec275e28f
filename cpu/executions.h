/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_CPU_EXECUTIONS_H
#define IASO_CPU_EXECUTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu/cpu.h"

/*
 * How often each instruction of a hart was executed, inside of recovery domains and outside. The
 * block hook counts runs of the blocks in its own table, by index ("slot"); when a slot gets
 * another block, what was counted goes into a map of addresses at which the number of executions
 * changes: by so much more where the block begins, by so much less where it ends. Blocks may
 * overlap in any way, and one that was cut short is corrected exactly.
 */
enum executions_side {
    EXECUTED_OUTSIDE,
    EXECUTED_INSIDE,
    EXECUTED_SIDES,
};

struct executions {
    uint64_t (*runs)[EXECUTED_SIDES]; /* of each slot */
    enum executions_side side, last;  /* now; when the last block ran */
    struct executions_map *map;
};

/* For so many slots. NULL when out of memory. */
struct executions *executions_new(size_t slots);
void executions_free(struct executions *executions);

/* On which side the next runs are. */
void executions_set_side(struct executions *executions, enum executions_side side);

/* The block in the slot is about to run, on the side that was set; `outside`: wherever that is. */
static inline void executions_run(struct executions *executions, size_t slot, bool outside)
{
    executions->last = outside ? EXECUTED_OUTSIDE : executions->side;
    executions->runs[slot][executions->last]++;
}

/* The block that ran last did not get beyond `end`, while it would end at `whole`. */
void executions_cut(struct executions *executions, uint64_t end, uint64_t whole);

/* The slot, which holds the block of `size` bytes at pc, is about to get another one. */
void executions_flush(struct executions *executions, size_t slot, uint64_t pc, uint32_t size);

/* See cpu_executions(); all slots have been flushed. -1 when out of memory. */
int executions_visit(const struct executions *executions, cpu_executions_fn visit, void *opaque);

#endif
