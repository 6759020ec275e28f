/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_CHECKPOINT_H
#define IASO_SIM_CHECKPOINT_H

#include "mem/state.h"
#include "sim/machine.h"

/*
 * All of a machine's state but the contents of memory, to come back to: harts, time, events,
 * devices, the turn that the run loop is in, and positions in what the disks' overlays were written
 * and in what the user typed. May be taken from within listeners.
 */
struct checkpoint;

/* NULL when out of memory. In the machine's arena. */
struct checkpoint *checkpoint_take(struct machine *machine);

/* While no hart runs. -1 if a disk without an overlay has been written to since. The checkpoint can
 * be used again. */
int checkpoint_return(struct machine *machine, const struct checkpoint *checkpoint);
void checkpoint_free(struct machine *machine, struct checkpoint *checkpoint);

/* Harts, time, events, devices, the turn and progress; bytes aligned to 16. */
void checkpoint_state(struct machine *machine, struct state_copy *copy);

#endif
