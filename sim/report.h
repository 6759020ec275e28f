/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_REPORT_H
#define IASO_SIM_REPORT_H

#include <stdint.h>

#include "mem/error.h"
#include "recovery/account.h"
#include "recovery/counts.h"
#include "recovery/policy.h"
#include "sim/profile.h"
#include "sim/requests.h"
#include "sim/summary.h"
#include "sim/tasks.h"

/*
 * What a run showed about recovery: coverage (which share of the kernel's reads and writes happened
 * inside of domains, and why the rest did not) and overhead (how much was logged, and what that
 * would have cost the guest in software). Plain data that is gathered after the run.
 */
struct report {
    /* report_of_run() sets these. */
    const char *config, *end;
    int exit;
    uint64_t insns, cycles;    /* of all harts */
    const struct tasks *tasks; /* NULL: threads have no names */
    struct request_names names;

    /* The caller sets these, and names.policy; what is NULL is left out of the report. */
    const struct recovery_counts *counts; /* needs account, too */
    const struct account *account;
    const struct profile *profile; /* sorted */
    const struct machine *machine; /* its lives, if it has any */
};

/* Begins a report of the summary's machine, which must outlive it. */
void report_of_run(struct report *report, const struct summary *summary,
                   const struct recovery_policy *policy);

/*
 * Can a report be written into this directory? To be asked before a run that may take hours. The
 * directory is made if need be, with its parents. A report.json that is there must be a report of
 * ours: that is what will be replaced.
 */
int report_check(const char *dir, struct error *err);

/* Checks again and writes DIR/report.json, whole or not at all. */
int report_write(const struct report *report, const char *dir, struct error *err);

/* The report as JSON, malloc'ed; NULL when out of memory. */
char *report_text(const struct report *report);

/* What the simulator does for the guest, and what each of that would cost a guest that did it by
 * itself. */
struct software_event {
    const char *name;
    uint64_t count, cost; /* cost of one, in cycles */
};

/* The run's time as a multiple of what it was (`cycles`), if the guest had paid for the events. */
double software_slowdown(const struct software_event *events, size_t count, uint64_t cycles);

#endif
