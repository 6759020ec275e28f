/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "recovery/engine.h"

struct thread *thread_find(struct recovery *recovery, uint64_t id)
{
    struct thread **bucket = &recovery->threads_by_id[(id ^ id >> 12 ^ id >> 24) % 1024];
    struct thread *thread = *bucket;
    while (thread && thread->id != id)
        thread = thread->chain;
    if (thread)
        return thread;
    thread = arena_zeroed(recovery->arena, 1, sizeof *thread);
    if (!thread)
        return NULL;
    thread->id = id;
    thread->lineage = ++recovery->lineages;
    thread->epoch = memory_new_epoch(recovery->mem);
    thread->chain = *bucket;
    *bucket = thread;
    *recovery->threads_end = thread;
    recovery->threads_end = &thread->next;
    recovery->thread_count++;
    return thread;
}

static struct domain *domain_new(struct recovery *recovery)
{
    struct domain *domain = recovery->spare;
    if (domain) {
        recovery->spare = domain->next;
        void *registers = domain->registers;
        *domain = (struct domain){.registers = registers};
    } else {
        domain = arena_zeroed(recovery->arena, 1, sizeof *domain);
        if (!domain)
            return NULL;
        domain->registers =
            arena_alloc(recovery->arena, cpu_state_size(recovery->options.harts[0]));
        if (!domain->registers) {
            arena_free(recovery->arena, domain);
            return NULL;
        }
    }
    domain->previous = recovery->newest;
    if (recovery->newest)
        recovery->newest->next = domain;
    else
        recovery->oldest = domain;
    recovery->newest = domain;
    domain->id = ++recovery->domain_ids;
    return domain;
}

struct domain *domain_open(struct recovery *recovery, unsigned hart, enum request_kind kind,
                           uint64_t number, bool independent)
{
    struct thread *thread = recovery->lanes[hart].thread;
    struct domain *domain = domain_new(recovery);
    if (!domain)
        return NULL;
    domain->kind = kind;
    domain->number = number;
    domain->thread = thread;
    domain->parent = thread->now.top;
    domain->independent = independent;
    domain->lineage = independent ? ++recovery->lineages : thread->lineage;
    domain->depth = thread->now.frame_count;
    domain->opened = log_position(recovery->log);
    domain->opened_at = recovery->options.clock->now;
    domain->ran =
        thread->now.ran + recovery->options.harts[hart]->counts.insns - recovery->lanes[hart].since;
    cpu_save(recovery->options.harts[hart], domain->registers);
    thread->now.top = domain;
    thread->epoch = memory_new_epoch(recovery->mem);
    if (is_observed(recovery))
        observe_domain(recovery, hart, OBSERVED_OPENED, domain);
    if (!domain->parent && thread->now.linger)
        domain_depend(recovery, domain, thread->now.linger);
    recovery->any_request = true;
    recovery->counts.domains[kind]++;
    uint64_t depth = 0;
    for (const struct domain *d = domain; d; d = d->parent)
        depth++;
    if (depth > recovery->counts.max_depth)
        recovery->counts.max_depth = depth;
    return domain;
}

/* ---- Dependencies -------------------------------------------------------------------------- */

/* False when out of memory. */
static bool append(struct arena *arena, struct domain ***set, size_t *count, size_t *room,
                   struct domain *member)
{
    if (*count == *room) {
        size_t more = *room ? 2 * *room : 4;
        struct domain **all = arena_resize(arena, *set, more * sizeof(struct domain *));
        if (!all)
            return false;
        *set = all;
        *room = more;
    }
    (*set)[(*count)++] = member;
    return true;
}

/* As append(), but false if it is in the set already. What was put last is looked for first. */
static bool put(struct arena *arena, struct domain ***set, size_t *count, size_t *room,
                struct domain *member)
{
    for (size_t i = *count; i > 0; i--)
        if ((*set)[i - 1] == member)
            return false;
    return append(arena, set, count, room, member);
}

static void drop(struct domain **set, size_t *count, const struct domain *member)
{
    for (size_t i = 0; i < *count; i++) {
        if (set[i] == member) {
            memmove(set + i, set + i + 1, (*count - i - 1) * sizeof(struct domain *));
            --*count;
            return;
        }
    }
}

static bool is_within(const struct domain *domain, const struct domain *ancestor)
{
    while (domain && domain != ancestor)
        domain = domain->parent;
    return domain;
}

void domain_depend(struct recovery *recovery, struct domain *domain, struct domain *on)
{
    if (domain == on || is_within(domain, on) || domain->lost || on->lost)
        return;
    if (!put(recovery->arena, &domain->needs, &domain->need_count, &domain->need_room, on))
        return;
    append(recovery->arena, &on->dependents, &on->dependent_count, &on->dependent_room, domain);
    recovery->counts.dependencies++;
    if (is_observed(recovery))
        observe_dependency(recovery, domain, on);
}

void domain_detach(struct domain *domain)
{
    for (size_t i = 0; i < domain->need_count; i++)
        drop(domain->needs[i]->dependents, &domain->needs[i]->dependent_count, domain);
    for (size_t i = 0; i < domain->dependent_count; i++)
        drop(domain->dependents[i]->needs, &domain->dependents[i]->need_count, domain);
    domain->need_count = domain->dependent_count = 0;
}

/* ---- Ends ---------------------------------------------------------------------------------- */

void domain_delete(struct recovery *recovery, struct domain *domain)
{
    domain_detach(domain);
    torture_drop(recovery, domain);
    arena_free(recovery->arena, domain->needs);
    arena_free(recovery->arena, domain->dependents);
    arena_free(recovery->arena, domain->inverses);
    domain->needs = domain->dependents = NULL;
    domain->inverses = NULL;
    if (domain->previous)
        domain->previous->next = domain->next;
    else
        recovery->oldest = domain->next;
    if (domain->next)
        domain->next->previous = domain->previous;
    else
        recovery->newest = domain->previous;
    domain->next = recovery->spare;
    recovery->spare = domain;
}

/* The domain has committed, in its parent or for good. */
static void finish(struct recovery *recovery, struct domain *domain)
{
    const struct log_owner *log = &domain->log;
    account_domain(recovery->account, domain->kind, domain->number, log->saved_bytes,
                   log->saved_pages, log->saved_words);
    recovery->counts.log_bytes += log->saved_bytes;
    recovery->counts.log_pages += log->saved_pages;
    recovery->counts.log_records += log->saved_words;
    if (is_observed(recovery))
        observe_domain(recovery, recovery->active, OBSERVED_COUNTED, domain);
    if (domain->thread->now.linger == domain)
        domain->thread->now.linger = NULL;
    domain->state = DOMAIN_GONE;
    domain->finished = log_position(recovery->log);
    domain_detach(domain);
    if (recovery->policy->torture == TORTURE_OFF)
        domain_delete(recovery, domain);
    else
        torture_gone(recovery);
}

static void note_commit(struct recovery *recovery, const struct domain *domain)
{
    recovery->counts.committed++;
    if (is_observed(recovery))
        observe_domain(recovery, recovery->active, OBSERVED_COMMITTED, domain);
}

/* What made the domain wait when it was last looked at, if that is so still. */
static bool is_blocked(const struct recovery *recovery, const struct domain *domain)
{
    const struct domain *by = domain->blocked_by;
    return by && by->id == domain->blocked_id && by->state == DOMAIN_OPEN &&
           domain->blocked_when == recovery->losses;
}

static void note_blocker(const struct recovery *recovery, struct domain *domain,
                         const struct domain *by)
{
    domain->blocked_by = by;
    domain->blocked_id = by ? by->id : 0;
    domain->blocked_when = recovery->losses;
}

/* Whether all that the domain needs has ended, too; collects it. */
static bool is_ripe(struct recovery *recovery, struct domain *domain, struct domain ***set,
                    size_t *count, size_t *room)
{
    if (domain->mark == recovery->marks)
        return true;
    if (is_blocked(recovery, domain))
        return false;
    if (domain->state != DOMAIN_ENDED) {
        note_blocker(recovery, domain, domain);
        return false;
    }
    domain->mark = recovery->marks;
    if (!append(recovery->arena, set, count, room, domain))
        return false;
    for (size_t i = 0; i < domain->need_count; i++) {
        if (!is_ripe(recovery, domain->needs[i], set, count, room)) {
            note_blocker(recovery, domain, domain->needs[i]->blocked_by);
            return false;
        }
    }
    return true;
}

/* Commits the domain and all that it needs, if all of that has ended; then those that waited. */
static void try_commit(struct recovery *recovery, struct domain *domain)
{
    struct domain **set = NULL, **waiting = NULL;
    size_t count = 0, room = 0, waiting_count = 0, waiting_room = 0;
    recovery->marks++;
    bool ripe = is_ripe(recovery, domain, &set, &count, &room);
    for (size_t i = 0; ripe && i < count; i++) {
        log_commit(recovery->log, &set[i]->log);
        for (size_t k = 0; k < set[i]->dependent_count; k++)
            if (set[i]->dependents[k]->mark != recovery->marks)
                append(recovery->arena, &waiting, &waiting_count, &waiting_room,
                       set[i]->dependents[k]);
    }
    for (size_t i = 0; ripe && i < count; i++) {
        note_commit(recovery, set[i]);
        if (set[i]->ended_at)
            recovery->counts.linger_ticks += recovery->options.clock->now - set[i]->ended_at;
        output_settle_domain(recovery, set[i], NULL);
        finish(recovery, set[i]);
    }
    arena_free(recovery->arena, set);
    for (size_t i = 0; i < waiting_count; i++)
        if (waiting[i]->state == DOMAIN_ENDED)
            try_commit(recovery, waiting[i]);
    arena_free(recovery->arena, waiting);
}

static bool is_running(const struct recovery *recovery, const struct thread *thread)
{
    for (unsigned i = 0; i < recovery->options.hart_count; i++)
        if (recovery->lanes[i].thread == thread)
            return true;
    return false;
}

/* Sleepers are given up while they sleep: then they depend on little themselves, and take little
 * with them. */
void domain_settle_old(struct recovery *recovery)
{
    uint64_t now = recovery->options.clock->now;
    if (!recovery->linger_ticks || recovery->policy->torture != TORTURE_OFF)
        return;
    for (struct domain *domain = recovery->oldest, *next; domain; domain = next) {
        next = domain->next;
        const struct thread *thread = domain->thread;
        if (domain->state != DOMAIN_OPEN || domain->lost || !domain->dependent_count ||
            now - thread->left_at < recovery->linger_ticks || is_running(recovery, thread))
            continue;
        domain_lose(recovery, domain, REFUSED_LINGER);
        return; /* others may be gone with it; they get their turn */
    }
}

/* What the child was and had becomes the parent's. */
static void absorb(struct recovery *recovery, struct domain *parent, struct domain *child)
{
    log_absorb(recovery->log, &parent->log, &child->log);
    for (size_t i = 0; i < child->need_count; i++) {
        struct domain *need = child->needs[i];
        if (need != parent &&
            put(recovery->arena, &parent->needs, &parent->need_count, &parent->need_room, need))
            append(recovery->arena, &need->dependents, &need->dependent_count,
                   &need->dependent_room, parent);
    }
    for (size_t i = 0; i < child->dependent_count; i++) {
        struct domain *dependent = child->dependents[i];
        if (dependent != parent &&
            put(recovery->arena, &parent->dependents, &parent->dependent_count,
                &parent->dependent_room, dependent))
            append(recovery->arena, &dependent->needs, &dependent->need_count,
                   &dependent->need_room, parent);
    }
    for (size_t i = 0; i < child->inverse_count; i++)
        domain_add_inverse(recovery, parent, child->inverses[i].function,
                           child->inverses[i].argument);
    output_settle_domain(recovery, child, parent);
}

int domain_add_inverse(struct recovery *recovery, struct domain *domain, uint64_t function,
                       uint64_t argument)
{
    if (domain->inverse_count == domain->inverse_room) {
        size_t room = domain->inverse_room ? 2 * domain->inverse_room : 4;
        struct inverse_call *all =
            arena_resize(recovery->arena, domain->inverses, room * sizeof *all);
        if (!all)
            return -1;
        domain->inverses = all;
        domain->inverse_room = room;
    }
    domain->inverses[domain->inverse_count++] = (struct inverse_call){function, argument};
    return 0;
}

void domain_end(struct recovery *recovery, struct domain *domain)
{
    struct thread *thread = domain->thread;
    struct domain *parent = domain->parent;
    while (thread->now.top && thread->now.top != domain) /* abandoned on the way */
        domain_end(recovery, thread->now.top);
    thread->now.top = parent;
    domain->ended = log_position(recovery->log);
    if (is_observed(recovery))
        observe_domain(recovery, recovery->active, OBSERVED_CLOSED, domain);
    torture_drop(recovery, domain);
    if (!parent)
        thread->retried = 0;
    if (domain->lost) {
        output_settle_domain(recovery, domain, NULL);
        finish(recovery, domain);
    } else if (domain->independent || (parent && parent->lost)) {
        if (domain->independent)
            log_override(recovery->log, &domain->log);
        log_commit(recovery->log, &domain->log);
        note_commit(recovery, domain);
        /* What it had opened is in no log any more, but the thread goes on with its parent's. */
        thread->epoch = memory_new_epoch(recovery->mem);
        output_settle_domain(recovery, domain, NULL);
        finish(recovery, domain);
    } else if (parent) {
        absorb(recovery, parent, domain);
        note_commit(recovery, domain);
        finish(recovery, domain);
    } else {
        domain->state = DOMAIN_ENDED;
        thread->now.linger = domain;
        try_commit(recovery, domain);
        if (thread->now.linger == domain) {
            domain->ended_at = recovery->options.clock->now;
            recovery->counts.lingered++;
            if (is_observed(recovery))
                observe_domain(recovery, recovery->active, OBSERVED_LINGERS, domain);
        }
    }
}

static void lose_need(struct recovery *recovery, struct domain *domain, enum refused_reason why)
{
    struct domain *need = domain->needs[domain->need_count - 1];
    domain->need_count--;
    drop(need->dependents, &need->dependent_count, domain);
    domain_lose(recovery, need, why);
}

void domain_lose(struct recovery *recovery, struct domain *domain, enum refused_reason why)
{
    if (domain->lost || domain->state == DOMAIN_GONE)
        return;
    domain->lost = true;
    domain->lost_to = why;
    recovery->losses++;
    if (is_observed(recovery))
        observe_domain(recovery, recovery->active, OBSERVED_LOST, domain);
    log_commit(recovery->log, &domain->log);
    while (domain->need_count)
        lose_need(recovery, domain, why);
    struct domain **waiting = domain->dependents;
    size_t count = domain->dependent_count;
    domain->dependents = NULL;
    domain->dependent_count = domain->dependent_room = 0;
    for (size_t i = 0; i < count; i++)
        drop(waiting[i]->needs, &waiting[i]->need_count, domain);
    if (domain->parent)
        domain_lose(recovery, domain->parent, why);
    output_settle_domain(recovery, domain, NULL);
    for (size_t i = 0; i < count; i++)
        if (waiting[i]->state == DOMAIN_ENDED && !waiting[i]->lost)
            try_commit(recovery, waiting[i]);
    arena_free(recovery->arena, waiting);
    if (domain->state == DOMAIN_ENDED)
        finish(recovery, domain);
}
