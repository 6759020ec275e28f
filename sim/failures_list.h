/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_FAILURES_LIST_H
#define IASO_SIM_FAILURES_LIST_H

/* Inside of sim/failures: what its files share. */

#include "sim/failures.h"

struct failure_member {
    struct observed_member is;
    char task[TASKS_COMM_SIZE];
};

struct failure {
    uint64_t at, tick, thread;
    unsigned hart;
    const char *what; /* belongs to the policy */
    enum refused_reason reason;
    bool error;
    char task[TASKS_COMM_SIZE];
    size_t member, member_count; /* in failures->members */
    size_t edge, edge_count;     /* in failures->edges; indices count from `member` */
    size_t members_left_out, edges_left_out;
};

struct failures {
    struct failures_host host;
    struct recovery_observer observer;
    struct failure *all;
    struct failure_member *members;
    struct observed_edge *edges;
    struct failures_counts { /* all that goes back with the machine */
        size_t all, members, edges;
        struct failures_totals totals;
    } count;
};

#endif
