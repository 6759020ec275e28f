/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_SNAPSHOT_H
#define IASO_SIM_SNAPSHOT_H

#include "sim/machine.h"

/*
 * A whole machine, with its console and what it has printed and been given, to come back to. Taking
 * one and coming back cost by the memory that was written since (mem/journal.h), not by the memory
 * there is. What was shown to somebody outside of the process cannot be taken back: a machine with
 * snapshots has a console of kind CONSOLE_NONE.
 *
 * A run in which snapshots are taken and restored equals one without, bit for bit, but for the
 * counts of TLB fills and flushes.
 *
 * Snapshots nest: only the newest of a machine can be restored, any number of times, or dropped.
 * They are taken, restored and dropped between calls of machine_go().
 */
struct snapshot;

/* NULL and err when out of memory, or if a part of the machine has no snapshots. */
struct snapshot *snapshot_take(struct machine *machine, struct error *err);

/* The snapshot stays. Fails if a disk without an overlay has been written to since; then the
 * machine is not to be used any more. */
int snapshot_restore(struct snapshot *snapshot, struct error *err);

/* The machine stays as it is. NULL is fine. */
void snapshot_drop(struct snapshot *snapshot);

/* Of a machine that is about to be freed. */
void snapshot_free_all(struct machine *machine);

#endif
