/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_SWEEP_FINDING_H
#define IASO_SIM_SWEEP_FINDING_H

#include "sim/campaign/sweep_results.h"
#include "sim/options.h"

/*
 * One failure, made as simple as it gets, described, and as a config that `iaso run` fails with in
 * the same way. As JSON: `text`, lines for people; `about`: path (the simplest one),
 * nvm_write, instruction, time_ns, block (of code), address, counters, last, difference, console,
 * confirmed; `reproducer`: the text of the config.
 * NULL and err if the simulator failed.
 */
cJSON *sweep_finding(struct sweep_run *run, const struct options *options,
                     const struct sweep_group *group, struct error *err);

/* Writes finding-1.json and so on, and findings.txt, into the directory, which is made if need be.
 * Files that are there are left alone if they say the same; else that is an error. */
int sweep_findings_write(const struct sweep_results *results, const char *directory,
                         struct error *err);

/* The same files, into a report. */
int sweep_findings_report(struct store *store, struct report_dir *dir, struct error *err);

#endif
