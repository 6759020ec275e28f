/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_LOG_STACKS_H
#define IASO_SIM_LOG_STACKS_H

#include <stdio.h>

#include "mem/error.h"
#include "recovery/policy.h"
#include "sim/machine.h"

/*
 * stacks-log.folded: who filled the undo log, as folded stacks in bytes (sim/report/folded.h).
 * Frames, from the outermost:
 *
 *   task            its name when the domain first logged something; else "thread 0x..."
 *   request         "syscall:write", "interrupt:timer", ...
 *   [unknown]       only if the kernel's frame pointers did not lead to the stack's end
 *   functions       who called whom, down to the one with the store; by return addresses, so what
 *                   was inlined or tail-called has no frame. What an interrupt or a fault has
 *                   interrupted is no part of its stack. [user]: the task itself, while its
 *                   request's domain waited for others.
 *
 * A page is logged at its first write, as a whole, and that write's stack gets all of it: later
 * ones in it cost nothing. The sum is `overhead.log_bytes` of report.json, hence without domains
 * that were rolled back or not finished. In torture, which counts domains again, what is counted
 * again is in the stack [again].
 */
struct log_stacks;

/* Before the machine's first turn; the machine must outlive it. NULL with an empty error when the
 * machine has no recovery. */
struct log_stacks *log_stacks_new(struct machine *machine, struct error *err);
void log_stacks_free(struct log_stacks *stacks);

/* After the run. -1 and err when memory was short; the caller checks the file. */
int log_stacks_write(struct log_stacks *stacks, FILE *out, struct error *err);

#endif
