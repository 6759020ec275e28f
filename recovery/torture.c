/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "recovery/engine.h"

/*
 * Torture: at its end a domain is rolled back and executed again, as part of a machine that goes
 * back as a whole, with time, timers and counters. A tortured run must equal a plain one in every
 * bit.
 */

static void point_free(struct recovery *recovery, struct torture_point *point)
{
    if (!point)
        return;
    if (point->machine)
        recovery->options.host.discard(recovery->options.host.opaque, point->machine);
    arena_free(recovery->arena, point->threads);
    arena_free(recovery->arena, point);
}

static struct torture_point *point_new(struct recovery *recovery)
{
    struct torture_point *point = arena_zeroed(recovery->arena, 1, sizeof *point);
    if (!point)
        return NULL;
    point->thread_count = recovery->thread_count;
    point->threads = arena_alloc(recovery->arena, recovery->thread_count * sizeof *point->threads);
    point->machine = recovery->options.host.checkpoint(recovery->options.host.opaque);
    if (!point->threads || !point->machine) {
        point_free(recovery, point);
        return NULL;
    }
    memcpy(point->lanes, recovery->lanes, sizeof point->lanes);
    point->tortured = recovery->tortured;
    size_t at = 0;
    for (const struct thread *thread = recovery->threads; thread; thread = thread->next)
        point->threads[at++] = thread->now;
    return point;
}

void torture_open(struct recovery *recovery, struct domain *domain)
{
    const struct recovery_policy *policy = recovery->policy;
    if (policy->torture == TORTURE_OFF || !(policy->torture_kinds >> domain->kind & 1))
        return;
    if (++recovery->tortured % policy->torture_every)
        return;
    domain->wanted = true;
    uint64_t position = log_checkpoint(recovery->log);
    if (position == UINT64_MAX)
        return;
    domain->checkpoint = position;
    recovery->epoch_floor = domain->thread->epoch;
    domain->point = point_new(recovery);
    if (!domain->point)
        torture_drop(recovery, domain);
}

/* Domains that are gone are needed while there is a checkpoint from before their end. */
static void sweep(struct recovery *recovery)
{
    uint64_t horizon = log_oldest_checkpoint(recovery->log);
    recovery->gone = 0;
    for (struct domain *domain = recovery->oldest, *next; domain; domain = next) {
        next = domain->next;
        if (domain->state != DOMAIN_GONE)
            continue;
        if (domain->finished < horizon)
            domain_delete(recovery, domain);
        else
            recovery->gone++;
    }
    recovery->sweep_at = 2 * recovery->gone + 256;
}

void torture_gone(struct recovery *recovery)
{
    if (++recovery->gone >= recovery->sweep_at)
        sweep(recovery);
}

void torture_drop(struct recovery *recovery, struct domain *domain)
{
    if (domain->checkpoint)
        log_remove_checkpoint(recovery->log, domain->checkpoint);
    domain->checkpoint = 0;
    point_free(recovery, domain->point);
    domain->point = NULL;
}

void torture_limit(struct recovery *recovery, uint64_t bytes)
{
    struct domain *domain = recovery->oldest;
    while (bytes > recovery->policy->log_limit) {
        while (domain && !domain->checkpoint)
            domain = domain->next;
        if (!domain)
            return;
        torture_drop(recovery, domain);
        log_collect(recovery->log);
        bytes = log_bytes(recovery->log);
    }
}

bool torture_wants(struct recovery *recovery, struct domain *domain)
{
    if (!domain->wanted ||
        recovery->options.host.insns(recovery->options.host.opaque) <= recovery->quiet_until)
        return false;
    if (!domain->point)
        recovery->counts.refused[REFUSED_LOG_LIMIT]++;
    return domain->point;
}

static void restore_threads(struct recovery *recovery, const struct torture_point *point)
{
    memcpy(recovery->lanes, point->lanes, sizeof point->lanes);
    recovery->tortured = point->tortured;
    size_t at = 0;
    for (struct thread *thread = recovery->threads; thread; thread = thread->next, at++) {
        if (at < point->thread_count)
            thread->now = point->threads[at];
        else
            memset(&thread->now, 0, sizeof thread->now);
    }
}

/* Domains as they were: those opened since are gone without a trace, those that ended since are
 * open again. The log of the latter is no longer theirs alone. */
static void restore_domains(struct recovery *recovery, uint64_t position)
{
    for (struct domain *domain = recovery->oldest, *next; domain; domain = next) {
        next = domain->next;
        if (domain->opened >= position) {
            log_commit(recovery->log, &domain->log);
            domain_delete(recovery, domain);
            continue;
        }
        if (domain->state == DOMAIN_GONE && domain->finished >= position) {
            domain->lost = true;
            domain->lost_to = REFUSED_OTHER;
            domain->wanted = false;
            domain->state = domain->ended < position ? DOMAIN_ENDED : DOMAIN_OPEN;
        } else if (domain->state == DOMAIN_ENDED && domain->ended >= position) {
            domain->state = DOMAIN_OPEN;
        }
    }
}

int torture_rewind(struct recovery *recovery, unsigned hart, struct error *err)
{
    struct domain *domain = recovery->lanes[hart].asked_for;
    const struct recovery_host *host = &recovery->options.host;
    uint64_t position = domain->checkpoint;
    if (is_observed(recovery))
        observe_domain(recovery, hart, OBSERVED_REWOUND, domain);
    recovery->quiet_until = host->insns(host->opaque);
    if (log_undo_to(recovery->log, position))
        return error_set(err, "out of memory");
    if (host->rewind(host->opaque, domain->point->machine))
        return error_set(err, "a device's state cannot be taken back");
    restore_threads(recovery, domain->point);
    restore_domains(recovery, position);
    output_rewind(recovery, position);
    torture_drop(recovery, domain);
    recovery->epoch_floor = memory_new_epoch(recovery->mem);
    memory_withdraw(recovery->mem);
    recovery->counts.rolled_back++;
    for (unsigned i = 0; i < recovery->options.hart_count; i++) {
        track_apply(recovery, i);
        if (is_observed(recovery) && recovery->lanes[i].thread)
            observe_switch(recovery, i);
    }
    return 0;
}
