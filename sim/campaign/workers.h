/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_WORKERS_H
#define IASO_SIM_WORKERS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "mem/error.h"
#include "sim/campaign/campaign.h"

/*
 * Child processes that do a list of things, numbered from 0. The list is in shared memory: each
 * worker has a range of it, takes from its front, and when its own is empty, half of what another
 * has left. So nobody waits for the coordinator, and all end at the same time. What a worker has to
 * say comes through a pipe of its own.
 *
 * Workers inherit all memory as it is when workers_poll() forks them. They ignore SIGINT and
 * SIGTERM, die with the coordinator, and never return from where they were forked.
 */
struct workers;

struct workers_ops {
    /* In a worker */
    void (*enter)(void *opaque);
    enum campaign_ran (*run)(void *opaque, size_t number, struct campaign_result *result,
                             struct error *err);
    /* In the coordinator: what came of it, or that a worker died in it and how (JSON). -1 and err
     * end it all. */
    int (*done)(void *opaque, size_t number, const char *outcome, const char *detail,
                struct error *err);
    int (*died)(void *opaque, size_t number, const char *how, struct error *err);
};

/* `jobs` at most at a time. `single`: each worker does one thing and leaves. NULL when out of
 * memory. */
struct workers *workers_new(const struct workers_ops *ops, void *opaque, size_t count,
                            unsigned jobs, bool single, struct error *err);

/*
 * Forks what is missing, waits for results or until a signal that `mask` lets through or the time
 * is over, and delivers what there is. Returns 1, or 0 when no worker is left and nothing to do.
 * Things may have been left out, if a worker died while it took them: neither `done` nor `died` has
 * been told their numbers. The same signals must be blocked outside.
 */
int workers_poll(struct workers *workers, const sigset_t *mask, int milliseconds,
                 struct error *err);

/* Workers finish what they are in and leave; none is forked any more. */
void workers_stop(struct workers *workers);

/* Kills those that are left. */
void workers_free(struct workers *workers);

/* How many cores this process may use. */
unsigned workers_cores(void);

#endif
