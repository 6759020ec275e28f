/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_RUN_REPORT_H
#define IASO_SIM_RUN_REPORT_H

#include "sim/machine.h"
#include "sim/options.h"
#include "sim/summary.h"

/*
 * What `iaso run` and `iaso inject` leave in the folder config->report.dir. Recorders of what
 * happens during the run are attached by run_report_begin().
 */
struct run_report;

/* Before the run: makes the folder, hashes the inputs. The machine must outlive it, and what the
 * options point to. NULL on failure. */
struct run_report *run_report_begin(const struct options *options, struct machine *machine,
                                    struct error *err);

/* After the run: writes everything. */
int run_report_end(struct run_report *report, const struct summary *summary, struct error *err);

/* What the report lacks for want of another program, in one line; "" if nothing. */
const char *run_report_note(const struct run_report *report);

/* Without run_report_end() nothing is left. NULL is fine. */
void run_report_free(struct run_report *report);

#endif
