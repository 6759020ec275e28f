/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_REPORT_H
#define IASO_SIM_REPORT_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "recovery/account.h"
#include "recovery/counts.h"
#include "sim/failures.h"
#include "sim/machine.h"
#include "sim/profile.h"
#include "sim/requests.h"
#include "sim/tasks.h"

/*
 * What a run showed about recovery beside what its summary has: coverage (which share of the
 * kernel's reads and writes happened inside of domains, and why the rest did not) and overhead (how
 * much was logged, and what that would have cost the guest in software). Plain data that is
 * gathered after the run.
 */
struct report {
    /* report_of_run() sets these. */
    uint64_t cycles;           /* of all harts */
    const struct tasks *tasks; /* NULL: threads have no names */
    struct request_names names;
    const struct recovery_counts *counts; /* NULL: no recovery; needs account, too */
    const struct account *account;
    const struct failures *failures; /* NULL: no recovery */

    const struct profile *profile; /* sorted; the caller sets it; NULL: left out */
};

/* Begins a report of the machine, which must outlive it. */
void report_of_run(struct report *report, const struct machine *machine);

/* Adds coverage, functions, overhead, and failures to what there is of recovery;
 * sim/report/report.schema.json has the keys. */
void report_add(const struct report *report, cJSON *json);

/* What the simulator does for the guest, and what each of that would cost a guest that did it by
 * itself. */
struct software_event {
    const char *name;
    uint64_t count, cost; /* cost of one, in cycles */
};

/* The run's time as a multiple of what it was (`cycles`), if the guest had paid for the events. */
double software_slowdown(const struct software_event *events, size_t count, uint64_t cycles);

#endif
