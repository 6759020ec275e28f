/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_ATTACH_H
#define IASO_SIM_ATTACH_H

#include "sim/machine.h"
#include "sim/requests.h"

/* Attach to a machine what the config asks for: recovery domains; a fault. */
int attach_recovery(struct machine *machine, struct error *err);
int attach_inject(struct machine *machine, struct error *err);

/* For a machine with no fault in its config that gets some later: inject_arm(), inject_count().
 * Before it is started. */
int attach_faults(struct machine *machine, struct error *err);

/* What the config calls the device behind the region: virtio slots by what is in them. */
const char *attach_device_name(const struct machine *machine, const struct region *region);

/* Name, thread id and process id of a thread of recovery's; -1, and "" and -1, if it is no task.
 * While the hart is in the kernel. Changes nothing. */
int attach_task(const struct machine *machine, unsigned hart, uint64_t thread,
                char name[TASKS_COMM_SIZE], int *pid, int *tgid);

/* Attaches a console that prints nothing: it has the config's script, and looks out for what is
 * expected. NULL on failure. The caller frees it, after the machine's last run. */
struct console *attach_silent_console(struct machine *machine, struct error *err);

/* Where names of its requests come from. */
struct request_names attach_request_names(const struct machine *machine);

#endif
