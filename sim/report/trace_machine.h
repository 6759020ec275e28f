/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_TRACE_MACHINE_H
#define IASO_SIM_TRACE_MACHINE_H

#include "mem/error.h"
#include "sim/machine.h"
#include "sim/report/perfetto.h"

/*
 * What a machine's trace shows besides domains: traps where there are no domains, the devices that
 * the guest writes to, and the lives between power cuts. Listens to the machine as long as that
 * runs.
 */
struct trace_machine;

/* `out` is used, and not freed. NULL on failure. */
struct trace_machine *trace_machine_new(struct perfetto *out, struct machine *machine,
                                        struct error *err);

/* The run is over: writes what is known only now. */
void trace_machine_finish(struct trace_machine *trace);

/* When the machine runs no more. NULL is fine. */
void trace_machine_free(struct trace_machine *trace);

#endif
