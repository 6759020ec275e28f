/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_FAILURES_H
#define IASO_SIM_FAILURES_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/state.h"
#include "recovery/observer.h"
#include "sim/clock.h"
#include "sim/requests.h"
#include "sim/tasks.h"

/*
 * The failures of a run, each with what was undone for it: an observer that keeps a bounded list,
 * and counts what does not fit. Plain data for reports; nothing of the guest is looked at later but
 * for the names of requests.
 */
struct failures;

#define FAILURES_MAX         1000
#define FAILURES_MAX_DOMAINS 2000 /* of one failure */
#define FAILURES_MAX_EDGES   10000
#define FAILURES_ALL_DOMAINS 20000 /* of all failures */
#define FAILURES_ALL_EDGES   100000

/* Where failures learn what observers are not told. */
struct failures_host {
    const struct clock *clock;
    uint64_t (*insns)(void *opaque); /* executed by all harts */
    /* The name of the thread that the policy calls so, "" if it has none; NULL: none has. */
    void (*task)(void *opaque, unsigned hart, uint64_t thread, char name[TASKS_COMM_SIZE]);
    void *opaque;
};

/* NULL when out of memory. */
struct failures *failures_new(const struct failures_host *host);
void failures_free(struct failures *failures); /* NULL is fine */

/* To be added to the observers of a recovery. */
struct recovery_observer *failures_observer(struct failures *failures);

/* The list is cut back to what it was. */
void failures_state(struct failures *failures, struct state_copy *copy);

/* Of all failures, those that are not in the list included; none of NULL. */
struct failures_totals {
    uint64_t failures; /* refused ones, too */
    uint64_t refused;
    uint64_t failed, innocents; /* domains undone: of the threads that failed, of others */
};
struct failures_totals failures_totals(const struct failures *failures);

/* The array `events` of the summary: what became of each domain, in the order of the rollbacks. */
void failures_add_events(const struct failures *failures, cJSON *recovery);

/* The keys `failures` and `failures_left_out` of the report's `recovery`. */
void failures_add_report(const struct failures *failures, const struct request_names *names,
                         cJSON *recovery);

#endif
