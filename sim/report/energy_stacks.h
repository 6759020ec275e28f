/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_ENERGY_STACKS_H
#define IASO_SIM_ENERGY_STACKS_H

#include <stdio.h>

#include "mem/error.h"
#include "sim/machine.h"

/*
 * stacks-energy.folded: what a Cortex-M with an energy model spent its energy on, as folded stacks
 * in picojoules (sim/report/folded.h). Frames, from the outermost:
 *
 *   cause       useful, logging, recovery, lost, sleep, as in report.json; their sums are the same
 *   [PendSV]    or another interrupt, if it runs in one; SVC and faults go on top of what made them
 *   functions   of the ELF file's symbols; "[name]" is code of the region that is in none
 *   [mram_write] or read: what accesses of a region that is not open cost beyond the core's cycles
 *
 * The functions are a shadow call stack, kept at each change from one function to another: one that
 * is entered at its first instruction was called, else the nearest one on the stack was returned
 * to, and if there is none, the stack begins anew. So direct recursion is one frame, a tail call
 * looks like a call, and a function that was inlined has no frame. Each thread (stack of thread
 * mode that an exception returns to) has one; a power cut or reset clears them all. Frames beyond
 * the 64th are left out.
 */
struct energy_stacks;

/* Before the machine's first turn; the machine must outlive it, or not run any more. NULL with an
 * empty error when the machine has no energy model. */
struct energy_stacks *energy_stacks_new(struct machine *machine, struct error *err);
void energy_stacks_free(struct energy_stacks *stacks);

/* After the run. -1 and err when memory was short; the caller checks the file. */
int energy_stacks_write(struct energy_stacks *stacks, FILE *out, struct error *err);

#endif
