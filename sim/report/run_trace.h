/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_RUN_TRACE_H
#define IASO_SIM_RUN_TRACE_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "mem/error.h"
#include "sim/machine.h"

/*
 * The trace of a run, trace.json: threads, requests, dependencies, rollbacks, traps, devices and
 * power on the axis of virtual time, for ui.perfetto.dev. Does not influence the run.
 */
struct run_trace;

/* Before the run. At most machine->config->report.trace_events events. The file belongs to the
 * caller and is written to until run_trace_finish(). NULL on failure. */
struct run_trace *run_trace_new(struct machine *machine, FILE *out, struct error *err);

/* After machine_finish(). */
void run_trace_finish(struct run_trace *trace);

/* The report's key `trace`: how many events, and how many were left out. */
void run_trace_add_report(const struct run_trace *trace, cJSON *report);

/* When the machine runs no more, before it is freed. NULL is fine. */
void run_trace_free(struct run_trace *trace);

#endif
