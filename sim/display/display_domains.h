/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_DISPLAY_DOMAINS_H
#define IASO_SIM_DISPLAY_DOMAINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recovery/observer.h"
#include "sim/machine.h"

/*
 * The last recovery domains of a machine, with the dependencies between them and what became of
 * them, as their observer hears it. The oldest are forgotten.
 */
#define DISPLAY_DOMAINS  2048
#define DISPLAY_EDGES    512
#define DISPLAY_FAILURES 32
#define DISPLAY_THREADS  64

enum display_fate {
    FATE_OPEN,
    FATE_LINGERS, /* its request is done; it waits for others */
    FATE_COMMITTED,
    FATE_LOST,      /* cannot be undone any more */
    FATE_FAILED,    /* undone, for its request failed */
    FATE_DEPENDENT, /* undone with another one */
    FATES,
};

struct display_domain {
    uint64_t id; /* 0: none */
    uint64_t thread, number;
    enum request_kind kind;
    enum display_fate fate;
    uint64_t opened, ended; /* ticks; `ended` 0: not yet */
    uint64_t log_bytes;
};

struct display_edge {
    uint64_t domain, on, tick; /* ids; when */
};

struct display_failure {
    uint64_t tick, thread;
    char what[48]; /* was seen */
    size_t undone; /* domains */
    size_t innocent;
    bool refused;
};

struct display_thread {
    uint64_t thread, last; /* identity; tick of the last event */
    char name[TASKS_COMM_SIZE];
};

/* Domains and dependencies up to some time. */
struct display_history {
    struct display_domain domains[DISPLAY_DOMAINS]; /* id % DISPLAY_DOMAINS */
    struct display_edge edges[DISPLAY_EDGES];       /* the last ones of edge_count */
    uint64_t edge_count, last;                      /* `last`: id */
    uint64_t until;                                 /* tick; of `struck` */
};

struct display_domains {
    struct recovery_observer observer;
    struct machine *machine;
    struct display_history now, struck; /* `struck`: right after the last failure */
    struct display_failure failures[DISPLAY_FAILURES];
    struct display_thread threads[DISPLAY_THREADS];
    size_t thread_count;
    uint64_t opened, committed, undone, failure_count;
};

/* Observes the machine from now on; both stay where they are until display_domains_end(). */
void display_domains_begin(struct display_domains *domains, struct machine *machine);
void display_domains_end(struct display_domains *domains);

/* By id; NULL: forgotten. */
const struct display_domain *display_history_find(const struct display_history *history,
                                                  uint64_t id);

/* The tick at which the last `count` domains begin: where a picture of them starts. */
uint64_t display_history_since(const struct display_history *history, size_t count);

/* Indexes of the threads of the last `count` domains, in the order in which they were first seen;
 * at most `size`. Returns how many. */
size_t display_domains_lanes(const struct display_domains *domains,
                             const struct display_history *history, size_t count, size_t *lanes,
                             size_t size);

#endif
