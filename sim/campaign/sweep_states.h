/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_SWEEP_STATES_H
#define IASO_SIM_SWEEP_STATES_H

#include "mem/error.h"
#include "power/nvm.h"
#include "sim/campaign/sweep_path.h"

/* A cut that can be made in a life, and what it leaves. */
struct sweep_point {
    struct nvm_hash state; /* of non-volatile memory and of what the console was seen to say */
    uint64_t position;     /* machine_position() of the store */
    struct sweep_cut cut;
};

/* A list of them, in the order of the run. */
struct sweep_points {
    struct sweep_point *all;
    size_t count, room;
    bool lost; /* out of memory */
};

void sweep_points_add(struct sweep_points *points, const struct sweep_point *point);
void sweep_points_free(struct sweep_points *points);

/* A set of states. */
struct sweep_states {
    struct nvm_hash *slots; /* all zero: free */
    size_t count, size;
};

/* 1 if it was not there yet, 0 if it was, -1 when out of memory. */
int sweep_states_add(struct sweep_states *states, struct nvm_hash state);
bool sweep_states_has(const struct sweep_states *states, struct nvm_hash state);
void sweep_states_free(struct sweep_states *states);

#endif
