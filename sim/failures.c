/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/failures.h"

#include <stdlib.h>

#include "sim/failures_list.h"

/* Makes room for `more` entries of an array that doubles; how many there are then, fewer when out
 * of memory. Arrays have room for the next power of two. */
static size_t grow(void **array, size_t size, size_t count, size_t more)
{
    size_t room = 1, now = count ? 1 : 0;
    while (room < count + more)
        room *= 2;
    while (now && now < count)
        now *= 2;
    if (room == now)
        return more;
    void *grown = realloc(*array, room * size);
    if (grown)
        *array = grown;
    return grown ? more : 0;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void name_task(const struct failures *failures, unsigned hart, uint64_t thread, char *name)
{
    name[0] = 0;
    if (failures->host.task)
        failures->host.task(failures->host.opaque, hart, thread, name);
}

/* The oldest members are kept, and the failed one, if need be in the place of the last. */
static void keep_members(struct failures *failures, struct failure *failure,
                         const struct observed_failure *what)
{
    size_t wanted = smaller(what->member_count, FAILURES_MAX_DOMAINS);
    wanted = smaller(wanted, FAILURES_ALL_DOMAINS - failures->count.members);
    wanted = grow((void **)&failures->members, sizeof *failures->members, failures->count.members,
                  wanted);
    failure->member = failures->count.members;
    failure->member_count = wanted;
    failure->members_left_out = what->member_count - wanted;
    size_t failed = 0;
    while (failed < what->member_count && what->members[failed].role != ROLE_FAILED)
        failed++;
    for (size_t i = 0; i < wanted; i++) {
        bool moved = i + 1 == wanted && failed >= wanted && failed < what->member_count;
        struct failure_member *member = &failures->members[failures->count.members++];
        member->is = what->members[moved ? failed : i];
        name_task(failures, what->hart, member->is.domain.thread, member->task);
    }
}

static void keep_edges(struct failures *failures, struct failure *failure,
                       const struct observed_failure *what)
{
    size_t room = smaller(what->edge_count, FAILURES_MAX_EDGES);
    room = smaller(room, FAILURES_ALL_EDGES - failures->count.edges);
    room = grow((void **)&failures->edges, sizeof *failures->edges, failures->count.edges, room);
    const struct failure_member *members = failures->members + failure->member;
    failure->edge = failures->count.edges;
    for (size_t i = 0; i < what->edge_count && failure->edge_count < room; i++) {
        const struct observed_edge *edge = &what->edges[i];
        if (edge->domain >= failure->member_count || edge->on >= failure->member_count ||
            members[edge->domain].is.domain.id != what->members[edge->domain].domain.id ||
            members[edge->on].is.domain.id != what->members[edge->on].domain.id)
            continue;
        failures->edges[failures->count.edges++] = *edge;
        failure->edge_count++;
    }
    failure->edges_left_out = what->edge_count - failure->edge_count;
}

static void count(struct failures *failures, const struct observed_failure *what)
{
    struct failures_totals *totals = &failures->count.totals;
    totals->failures++;
    if (what->reason != REFUSED_REASONS) {
        totals->refused++;
        return;
    }
    for (size_t i = 0; i < what->member_count; i++) {
        totals->failed += !what->members[i].innocent;
        totals->innocents += what->members[i].innocent;
    }
}

static void on_failed(void *opaque, const struct observed_failure *what)
{
    struct failures *failures = opaque;
    count(failures, what);
    if (failures->count.all == FAILURES_MAX ||
        !grow((void **)&failures->all, sizeof *failures->all, failures->count.all, 1))
        return;
    struct failure *failure = &failures->all[failures->count.all++];
    *failure = (struct failure){
        .at = failures->host.insns(failures->host.opaque),
        .tick = failures->host.clock->now,
        .thread = what->thread,
        .hart = what->hart,
        .what = what->what,
        .reason = what->reason,
        .error = what->error,
    };
    name_task(failures, what->hart, what->thread, failure->task);
    keep_members(failures, failure, what);
    keep_edges(failures, failure, what);
}

struct failures *failures_new(const struct failures_host *host)
{
    struct failures *failures = calloc(1, sizeof *failures);
    if (!failures)
        return NULL;
    failures->host = *host;
    failures->observer = (struct recovery_observer){.failed = on_failed, .opaque = failures};
    return failures;
}

void failures_free(struct failures *failures)
{
    if (!failures)
        return;
    free(failures->all);
    free(failures->members);
    free(failures->edges);
    free(failures);
}

struct recovery_observer *failures_observer(struct failures *failures)
{
    return &failures->observer;
}

void failures_state(struct failures *failures, struct state_copy *copy)
{
    state_copy(copy, &failures->count, sizeof failures->count);
}

struct failures_totals failures_totals(const struct failures *failures)
{
    return failures ? failures->count.totals : (struct failures_totals){0};
}
