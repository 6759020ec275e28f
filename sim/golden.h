/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_GOLDEN_H
#define IASO_SIM_GOLDEN_H

#include "sim/machine.h"

/*
 * The run of a machine from which many others branch off: it goes forward once, and where a branch
 * is wanted a snapshot is taken. What lies before the branch points is not executed again as long
 * as these are asked for in ascending order.
 *
 *     golden = golden_new(machine)          where the machine is now is the base
 *     golden_seek(golden, position)         the branch point
 *     ... the caller does to the machine what it wants and lets it run ...
 *     golden_back(golden)                   at the branch point again
 */
struct golden;

/* For a machine that has been started (machine_start()). NULL and err on failure. */
struct golden *golden_new(struct machine *machine, struct error *err);

/* Brings the machine to where the first block begins with machine_insns() >= position, as the
 * undisturbed run gets there. Fails if that ends before, saying how. */
int golden_seek(struct golden *golden, uint64_t position, struct error *err);

/* Back to where golden_seek() went last, as often as wanted. */
int golden_back(struct golden *golden, struct error *err);

/* Drops the snapshots; the machine stays as it is. NULL is fine. */
void golden_free(struct golden *golden);

#endif
