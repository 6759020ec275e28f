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

#endif
