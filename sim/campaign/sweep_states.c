/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/campaign/sweep_states.h"

#include <stdlib.h>

#define FIRST_SIZE 1024

void sweep_points_add(struct sweep_points *points, const struct sweep_point *point)
{
    if (points->count == points->room) {
        size_t room = points->room ? 2 * points->room : FIRST_SIZE;
        struct sweep_point *all = realloc(points->all, room * sizeof *all);
        if (!all) {
            points->lost = true;
            return;
        }
        points->all = all;
        points->room = room;
    }
    points->all[points->count++] = *point;
}

void sweep_points_free(struct sweep_points *points)
{
    free(points->all);
    *points = (struct sweep_points){0};
}

/* Where the state is, or would be. */
static struct nvm_hash *slot_of(const struct sweep_states *states, struct nvm_hash state)
{
    size_t at = state.low & (states->size - 1);
    for (;; at = (at + 1) & (states->size - 1)) {
        struct nvm_hash *slot = &states->slots[at];
        if ((!slot->low && !slot->high) || (slot->low == state.low && slot->high == state.high))
            return slot;
    }
}

static int grow(struct sweep_states *states)
{
    struct sweep_states larger = {.count = states->count,
                                  .size = states->size ? 2 * states->size : FIRST_SIZE};
    larger.slots = calloc(larger.size, sizeof *larger.slots);
    if (!larger.slots)
        return -1;
    for (size_t i = 0; i < states->size; i++)
        if (states->slots[i].low || states->slots[i].high)
            *slot_of(&larger, states->slots[i]) = states->slots[i];
    free(states->slots);
    *states = larger;
    return 0;
}

int sweep_states_add(struct sweep_states *states, struct nvm_hash state)
{
    if (2 * states->count >= states->size && grow(states))
        return -1;
    struct nvm_hash *slot = slot_of(states, state);
    if (slot->low || slot->high)
        return 0;
    *slot = state;
    states->count++;
    return 1;
}

bool sweep_states_has(const struct sweep_states *states, struct nvm_hash state)
{
    if (!states->size)
        return false;
    const struct nvm_hash *slot = slot_of(states, state);
    return slot->low || slot->high;
}

void sweep_states_free(struct sweep_states *states)
{
    free(states->slots);
    *states = (struct sweep_states){0};
}
