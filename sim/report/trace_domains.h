/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_TRACE_DOMAINS_H
#define IASO_SIM_TRACE_DOMAINS_H

#include "recovery/observer.h"
#include "sim/clock.h"
#include "sim/report/perfetto.h"
#include "sim/tasks.h"

/*
 * Domains in a trace: an observer that gives each thread of the guest a track with its requests as
 * slices, and each hart one with the threads that run on it. Dependencies and rollbacks are arrows.
 * When torture goes back in time, the trace goes on: its time is what was executed, that which was
 * executed again included.
 */
struct trace_domains;

/* A thread of the guest; pid and tgid are 0 if it has none. */
struct trace_task {
    char name[TASKS_COMM_SIZE];
    uint32_t pid, tgid;
};

/* Where the trace learns what observers are not told. */
struct trace_host {
    const struct clock *clock;
    unsigned harts;
    /* Fails if the thread has no name; NULL: none has. */
    int (*task)(void *opaque, unsigned hart, uint64_t thread, struct trace_task *task);
    /* What people call the request. */
    void (*request)(void *opaque, enum request_kind kind, uint64_t number, char *buffer,
                    size_t size);
    void *opaque;
};

/* `out` is used, and not freed. NULL when out of memory. */
struct trace_domains *trace_domains_new(struct perfetto *out, const struct trace_host *host);
void trace_domains_free(struct trace_domains *domains); /* NULL is fine */

/* To be added to the observers of a recovery. */
struct recovery_observer *trace_domains_observer(struct trace_domains *domains);

/* Time in the trace now, in ns. */
uint64_t trace_domains_now(const struct trace_domains *domains);

/* Numbers of processes and threads that are ours in a trace, beyond those of a guest. */
#define TRACE_PID_HARTS   5000001
#define TRACE_PID_POWER   5000002
#define TRACE_PID_DEVICES 5000003
#define TRACE_PID_GUEST   5000004 /* threads without pid */
#define TRACE_TID_HARTS   5100000
#define TRACE_TID_POWER   5200000
#define TRACE_TID_DEVICES 5300000
#define TRACE_TID_GUEST   5400000

#endif
