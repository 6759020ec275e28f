/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "recovery/engine.h"

/* A guest function called during a rollback must return within so many instructions. */
#define CALL_LIMIT 1000000

/* How often a request that failed is executed again because its thread had to go further back. */
#define MAX_TRIES 8

/* What is rolled back together: a failed domain and those that depend on it. */
struct closure {
    struct domain **members; /* in the order of opening */
    size_t count, room;
};

static bool add(struct arena *arena, struct closure *closure, struct domain *domain)
{
    for (size_t i = 0; i < closure->count; i++)
        if (closure->members[i] == domain)
            return true;
    if (closure->count == closure->room) {
        size_t room = closure->room ? 2 * closure->room : 16;
        struct domain **members =
            arena_resize(arena, closure->members, room * sizeof(struct domain *));
        if (!members)
            return false;
        closure->members = members;
        closure->room = room;
    }
    closure->members[closure->count++] = domain;
    return true;
}

static int by_opening(const void *a, const void *b)
{
    const struct domain *x = *(struct domain *const *)a, *y = *(struct domain *const *)b;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* A thread that goes back to a domain's entry gives up all that it opened later, too. */
static bool close_over(struct arena *arena, struct closure *closure, struct domain *failed)
{
    if (!add(arena, closure, failed))
        return false;
    for (size_t i = 0; i < closure->count; i++) {
        struct domain *member = closure->members[i];
        for (size_t k = 0; k < member->dependent_count; k++)
            if (!add(arena, closure, member->dependents[k]))
                return false;
        for (struct domain *domain = member->next; domain; domain = domain->next)
            if (domain->thread == member->thread && domain->state != DOMAIN_GONE &&
                !add(arena, closure, domain))
                return false;
    }
    qsort(closure->members, closure->count, sizeof(struct domain *), by_opening);
    return true;
}

/* The first member of the thread: where it goes back to. */
static struct domain *entry_of(const struct closure *closure, const struct thread *thread)
{
    for (size_t i = 0; i < closure->count; i++)
        if (closure->members[i]->thread == thread)
            return closure->members[i];
    return NULL;
}

static int hart_of(const struct recovery *recovery, const struct thread *thread)
{
    for (unsigned i = 0; i < recovery->options.hart_count; i++)
        if (recovery->lanes[i].thread == thread)
            return (int)i;
    return -1;
}

/* Calls a function of the guest on the hart; what it does is nobody's. */
static int call(struct recovery *recovery, unsigned hart, uint64_t function, uint64_t argument)
{
    const struct cpu_call what = {
        .function = function, .arguments = {argument}, .max_insns = CALL_LIMIT};
    uint64_t result;
    struct lane *lane = &recovery->lanes[hart];
    lane->calling = true;
    track_apply(recovery, hart);
    int failed = cpu_call(recovery->options.harts[hart], &what, &result, NULL);
    lane->calling = false;
    track_apply(recovery, hart);
    return failed;
}

/* ---- Going back ---------------------------------------------------------------------------- */

/* The thread's own record as it was when the domain was opened. */
static void cut_frames(struct recovery *recovery, struct domain *entry)
{
    struct thread_state *now = &entry->thread->now;
    now->frame_count = entry->depth;
    now->exempt = now->unbroken = 0;
    for (unsigned i = 0; i < now->frame_count; i++) {
        now->exempt += now->frames[i].kind == FRAME_EXEMPT;
        now->unbroken += now->frames[i].kind == FRAME_UNBROKEN;
    }
    now->top = entry->parent;
    now->linger = NULL;
    /* What it had opened is no longer in any log. */
    entry->thread->epoch = memory_new_epoch(recovery->mem);
    for (struct domain *domain = recovery->oldest; domain != entry; domain = domain->next)
        if (domain->thread == entry->thread && domain->state == DOMAIN_ENDED)
            now->linger = domain;
}

/* The hart, which runs the domain's thread, stands at the domain's entry again, or behind the
 * request with the error. */
static void resume(struct recovery *recovery, unsigned hart, struct domain *entry, bool error)
{
    struct cpu *cpu = recovery->options.harts[hart];
    struct lane *lane = &recovery->lanes[hart];
    cpu_adopt(cpu, entry->registers);
    lane->firmware = false;
    if (entry->kind == REQUEST_FUNCTION) {
        if (error) {
            cpu_write(cpu, "pc", cpu_general(cpu, REGISTER_RA));
            cpu_write(cpu, "a0", (uint64_t)recovery->policy->error);
        } /* else its entry is announced once more */
        track_apply(recovery, hart);
    } else if (error) {
        cpu_leave_trap(cpu, true);
        cpu_write(cpu, "a0", (uint64_t)recovery->policy->error);
        lane->user = true;
        track_apply(recovery, hart);
    } else {
        lane->user = false;
        recovery_begin_trap(recovery, hart, entry->kind, entry->number);
    }
    recovery_charge(recovery, hart);
}

void rollback_put_back(struct recovery *recovery, unsigned hart)
{
    struct thread *thread = recovery->lanes[hart].thread;
    struct domain *entry = thread->put_back;
    thread->put_back = NULL;
    cut_frames(recovery, entry);
    resume(recovery, hart, entry, thread->put_back_error);
    domain_delete(recovery, entry);
}

/* ---- The failure --------------------------------------------------------------------------- */

static bool takes_error(const struct domain *domain)
{
    return domain->kind == REQUEST_SYSCALL || domain->kind == REQUEST_FUNCTION;
}

/* Now and then the thread whose request has failed must go back to an earlier one, on which
 * somebody else depends in turn. That one did not fail: it is executed again, and so will be the
 * other. */
static bool is_last_try(const struct closure *closure, const struct domain *failed)
{
    return entry_of(closure, failed->thread) == failed || failed->thread->retried > MAX_TRIES;
}

/* Whether the member's caller gets the error; else it is executed again. */
static bool gets_error(const struct recovery *recovery, const struct closure *closure,
                       const struct domain *failed, const struct domain *member, bool failed_error)
{
    if (member->thread != failed->thread)
        return recovery->policy->innocents == FAILURE_ERROR && takes_error(member);
    return failed_error && is_last_try(closure, failed);
}

/* Index of the member, or closure->count. */
static size_t index_of(const struct closure *closure, const struct domain *domain)
{
    struct domain *const *found =
        bsearch(&domain, closure->members, closure->count, sizeof(struct domain *), by_opening);
    return found ? (size_t)(found - closure->members) : closure->count;
}

/* The needs of member `index` within the closure; returns how many. */
static size_t put_edges(const struct closure *closure, size_t index, struct observed_edge *edges)
{
    const struct domain *member = closure->members[index];
    size_t count = 0;
    for (size_t i = 0; i < member->need_count; i++) {
        size_t on = index_of(closure, member->needs[i]);
        if (on < closure->count)
            edges[count++] = (struct observed_edge){index, on};
    }
    return count;
}

/* Tells observers of the failure on the hart. Without memory for members and edges, they hear of
 * the failure alone. */
static void announce(const struct recovery *recovery, unsigned hart, const struct closure *closure,
                     enum refused_reason why, bool failed_error)
{
    const struct lane *lane = &recovery->lanes[hart];
    const struct domain *failed = lane->thread ? lane->thread->now.top : NULL;
    size_t needs = 0;
    for (size_t i = 0; i < closure->count; i++)
        needs += closure->members[i]->need_count;
    struct observed_member *members = calloc(closure->count + 1, sizeof *members);
    struct observed_edge *edges = calloc(needs + 1, sizeof *edges);
    struct observed_failure failure = {
        .hart = hart,
        .thread = lane->thread ? lane->thread->id : 0,
        .what = lane->failure,
        .reason = why,
        .error = why == REFUSED_REASONS && failed_error && is_last_try(closure, failed),
        .members = members,
        .edges = edges,
    };
    for (size_t i = 0; members && edges && i < closure->count; i++) {
        const struct domain *member = closure->members[i];
        size_t found = put_edges(closure, i, edges + failure.edge_count);
        members[failure.member_count++] = (struct observed_member){
            .domain = observed(member),
            .role = member == failed ? ROLE_FAILED
                    : found          ? ROLE_DEPENDENT
                                     : ROLE_LATER,
            .innocent = member->thread != failed->thread,
            .entry = member == entry_of(closure, member->thread),
            .error = why == REFUSED_REASONS &&
                     gets_error(recovery, closure, failed, member, failed_error),
        };
        failure.edge_count += found;
    }
    observe_failure(recovery, &failure);
    free(members);
    free(edges);
    for (size_t i = 0; why == REFUSED_REASONS && i < closure->count; i++)
        observe_domain(recovery, hart, OBSERVED_ABORTED, closure->members[i]);
}

static bool refuse(struct recovery *recovery, unsigned hart, enum refused_reason why,
                   const struct closure *closure)
{
    struct lane *lane = &recovery->lanes[hart];
    recovery->counts.refused[why]++;
    if (lane->thread)
        lane->thread->lost = true;
    lane->refused_pc = recovery->options.harts[hart]->ops->pc(recovery->options.harts[hart]);
    lane->refused_at = recovery->options.harts[hart]->counts.insns;
    if (is_observed(recovery))
        announce(recovery, hart, closure, why, false);
    return false;
}

static void wake_sleepers(struct recovery *recovery, unsigned hart, const struct closure *closure)
{
    for (size_t i = 0; i < closure->count && recovery->wake; i++) {
        struct thread *thread = closure->members[i]->thread;
        if (thread->idle || closure->members[i] != entry_of(closure, thread) ||
            hart_of(recovery, thread) >= 0)
            continue;
        if (call(recovery, hart, recovery->wake, thread->id))
            recovery->counts.refused[REFUSED_WAKE]++;
    }
}

/* What was done by functions with an inverse, newest first. */
static void call_inverses(struct recovery *recovery, unsigned hart, const struct closure *closure)
{
    for (size_t i = closure->count; i > 0; i--) {
        const struct domain *domain = closure->members[i - 1];
        for (size_t k = domain->inverse_count; k > 0; k--)
            call(recovery, hart, domain->inverses[k - 1].function,
                 domain->inverses[k - 1].argument);
    }
}

static bool undo(struct recovery *recovery, const struct closure *closure)
{
    struct log_owner **owners =
        arena_alloc(recovery->arena, closure->count * sizeof(struct log_owner *));
    if (!owners)
        return false;
    for (size_t i = 0; i < closure->count; i++)
        owners[i] = &closure->members[i]->log;
    bool done = log_undo(recovery->log, owners, closure->count) >= 0;
    arena_free(recovery->arena, owners);
    return done;
}

static void count(struct recovery *recovery, const struct closure *closure)
{
    struct recovery_counts *counts = &recovery->counts;
    counts->recovered++;
    counts->aborted += closure->count;
    counts->rolled_back += closure->count;
    if (closure->count > 1) {
        counts->cascades++;
        counts->cascade_domains += closure->count;
    }
    if (closure->count > counts->cascade_max)
        counts->cascade_max = closure->count;
}

static void put_one_back(struct recovery *recovery, struct domain *entry, bool innocent, bool error)
{
    struct thread *thread = entry->thread;
    struct domain *pending = thread->put_back;
    if (pending && pending->id > entry->id) { /* further than it was to go so far */
        thread->put_back = NULL;
        domain_delete(recovery, pending);
    }
    int hart = hart_of(recovery, thread);
    if (hart >= 0 && !recovery->lanes[hart].firmware && !(innocent && is_unbroken(thread))) {
        cut_frames(recovery, entry);
        resume(recovery, (unsigned)hart, entry, error);
        return;
    }
    if (!thread->put_back) {
        thread->put_back = entry;
        thread->put_back_error = error;
    }
    thread->now.top = entry->parent;
    thread->now.linger = NULL;
    for (unsigned i = entry->depth; i < thread->now.frame_count; i++)
        thread->now.frames[i].domain = NULL;
    if (hart >= 0)
        track_apply(recovery, (unsigned)hart);
}

/* Puts every thread of the closure back, now or when it runs again. */
static void put_all_back(struct recovery *recovery, const struct closure *closure,
                         const struct domain *failed, bool failed_error)
{
    for (size_t i = 0; i < closure->count; i++)
        closure->members[i]->state = DOMAIN_GONE;
    for (size_t i = 0; i < closure->count; i++) {
        struct domain *domain = closure->members[i];
        if (domain == entry_of(closure, domain->thread))
            put_one_back(recovery, domain, domain->thread != failed->thread,
                         gets_error(recovery, closure, failed, domain, failed_error));
    }
    for (size_t i = 0; i < closure->count; i++)
        if (closure->members[i]->thread->put_back == closure->members[i])
            domain_detach(closure->members[i]);
        else
            domain_delete(recovery, closure->members[i]);
}

bool rollback_failure(struct recovery *recovery, unsigned hart)
{
    struct lane *lane = &recovery->lanes[hart];
    struct thread *thread = lane->thread;
    recovery->counts.faults++;
    struct domain *failed = thread ? thread->now.top : NULL;
    const struct closure alone = {.members = &failed, .count = failed != NULL};
    if (!failed)
        return refuse(recovery, hart, REFUSED_NO_DOMAIN, &alone);
    if (recovery->policy->torture != TORTURE_OFF) /* checkpoints would miss what was undone */
        return refuse(recovery, hart, REFUSED_OTHER, &alone);
    if (is_exempt(thread))
        return refuse(recovery, hart, REFUSED_EXEMPT, &alone);
    if (failed->lost)
        return refuse(recovery, hart, failed->lost_to, &alone);
    const struct recovery_policy *policy = recovery->policy;
    bool error = takes_error(failed) &&
                 (policy->on_failure == FAILURE_ERROR || thread->retried >= policy->retries);
    if (!error && thread->retried >= policy->retries)
        return refuse(recovery, hart, REFUSED_ENDLESS, &alone);

    struct closure closure = {0};
    enum refused_reason why = REFUSED_REASONS;
    if (!close_over(recovery->arena, &closure, failed))
        why = REFUSED_OTHER;
    for (size_t i = 0; i < closure.count && why == REFUSED_REASONS; i++)
        if (closure.members[i]->lost)
            why = closure.members[i]->lost_to;
    /* The sleepers are woken while they still are what the kernel thinks they are. */
    if (why == REFUSED_REASONS) {
        wake_sleepers(recovery, hart, &closure);
        if (!undo(recovery, &closure))
            why = REFUSED_OTHER;
    }
    if (why != REFUSED_REASONS) {
        refuse(recovery, hart, why, closure.count ? &closure : &alone);
        arena_free(recovery->arena, closure.members);
        return false;
    }
    count(recovery, &closure);
    for (size_t i = 0; i < closure.count; i++)
        output_abort(recovery, closure.members[i]);
    call_inverses(recovery, hart, &closure);
    bool last = error && is_last_try(&closure, failed), nested = failed->parent;
    thread->retried += !last;
    if (is_observed(recovery))
        announce(recovery, hart, &closure, REFUSED_REASONS, error);
    put_all_back(recovery, &closure, failed, error);
    if (last && !nested)
        thread->retried = 0; /* the next request has its own */
    arena_free(recovery->arena, closure.members);
    return true;
}
