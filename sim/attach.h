/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_ATTACH_H
#define IASO_SIM_ATTACH_H

#include "sim/machine.h"

/* Attach to a machine what the config asks for: recovery domains; a fault. */
int attach_recovery(struct machine *machine, struct error *err);
int attach_inject(struct machine *machine, struct error *err);

/* For a machine with no fault in its config that gets some later: inject_arm(), inject_count().
 * Before it is started. */
int attach_faults(struct machine *machine, struct error *err);

/* The name of a thread of Linux, "" if it is not known; while the hart is in the kernel. */
void machine_task_name(const struct machine *machine, unsigned hart, uint64_t task,
                       char name[TASKS_COMM_SIZE]);

#endif
