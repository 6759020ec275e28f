/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/report/trace_domains.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/config.h"
#include "sim/requests.h"

#define MAX_NAME    64
#define MAX_NESTED  48
#define BUCKETS     1024
#define NAMES       512  /* of each kind of request that are kept */
#define MAX_ARROWS  2000 /* of one rollback */
#define ROLLBACK_NS 1

struct traced_thread {
    uint64_t id;
    struct trace_task task;
    char label[MAX_NAME];
    size_t track;
    struct traced_slice {
        uint64_t domain;
        const char *lost; /* why it was lost; NULL: it was not */
    } open[MAX_NESTED];   /* innermost last */
    size_t depth;
    struct traced_thread *next;
};

/* A domain whose slice has ended, but whose fate is open. */
struct lingerer {
    uint64_t domain, ended;
    size_t track;
    struct lingerer *next;
};

struct trace_domains {
    struct perfetto *out;
    struct trace_host host;
    struct recovery_observer observer;
    uint64_t rewound; /* ticks that were executed again */
    struct {
        size_t track;
        uint64_t thread;
    } harts[CONFIG_MAX_HARTS];
    struct traced_thread *threads[BUCKETS];
    uint32_t unnamed;
    struct lingerer *lingerers[BUCKETS];
    struct lingerer closed; /* the last that was */
    char *names[REQUEST_KINDS][NAMES];
};

uint64_t trace_domains_now(const struct trace_domains *domains)
{
    const struct clock *clock = domains->host.clock;
    return clock_ns(clock, clock->now + domains->rewound);
}

/* ---- Threads ------------------------------------------------------------------------------- */

static struct traced_thread **bucket_of(struct trace_domains *domains, uint64_t thread)
{
    return &domains->threads[(thread ^ thread >> 12 ^ thread >> 24) % BUCKETS];
}

static struct traced_thread *known_thread(struct trace_domains *domains, uint64_t thread)
{
    struct traced_thread *found = *bucket_of(domains, thread);
    while (found && found->id != thread)
        found = found->next;
    return found;
}

static void label(struct traced_thread *thread)
{
    if (thread->task.name[0])
        snprintf(thread->label, MAX_NAME, "%s (%" PRIu32 ")", thread->task.name, thread->task.pid);
    else
        snprintf(thread->label, MAX_NAME, "thread 0x%" PRIx64, thread->id);
}

static void new_track(struct trace_domains *domains, struct traced_thread *thread)
{
    const struct trace_task *task = &thread->task;
    if (task->pid)
        thread->track =
            perfetto_track(domains->out, task->tgid, task->pid, task->name, thread->label);
    else
        thread->track =
            perfetto_track(domains->out, TRACE_PID_GUEST, TRACE_TID_GUEST + domains->unnamed++,
                           "guest", thread->label);
}

static void end_innermost(struct trace_domains *domains, struct traced_thread *thread,
                          const char *outcome, uint64_t log_bytes)
{
    const struct traced_slice *slice = &thread->open[--thread->depth];
    const struct perfetto_arg args[] = {
        {"outcome", outcome, 0},
        {"log_bytes", NULL, log_bytes},
        {slice->lost ? "committed early" : NULL, slice->lost, 0},
        {NULL, NULL, 0},
    };
    uint64_t ended = perfetto_end(domains->out, thread->track, trace_domains_now(domains), args);
    domains->closed =
        (struct lingerer){.domain = slice->domain, .ended = ended, .track = thread->track};
}

/* The thread, by the name that it has now. A kernel uses the memory of a task again for another:
 * that one is another thread. NULL when out of memory. */
static struct traced_thread *thread_of(struct trace_domains *domains, unsigned hart, uint64_t id)
{
    struct trace_task task = {0};
    bool named = domains->host.task && !domains->host.task(domains->host.opaque, hart, id, &task);
    struct traced_thread *thread = known_thread(domains, id);
    bool another = thread && named && task.pid != thread->task.pid;
    if (thread && !another && (!named || !strcmp(thread->task.name, task.name)))
        return thread;
    if (!thread) {
        struct traced_thread **bucket = bucket_of(domains, id);
        thread = calloc(1, sizeof *thread);
        if (!thread)
            return NULL;
        thread->id = id;
        thread->next = *bucket;
        *bucket = thread;
        another = true;
    }
    while (another && thread->depth)
        end_innermost(domains, thread, "gone", 0);
    thread->task = task;
    label(thread);
    if (another)
        new_track(domains, thread);
    else
        perfetto_rename(domains->out, thread->track, task.name, thread->label);
    return thread;
}

/* ---- Requests ------------------------------------------------------------------------------ */

static const char *request_label(struct trace_domains *domains, enum request_kind kind,
                                 uint64_t number, char buffer[MAX_NAME])
{
    char **kept = number < NAMES ? &domains->names[kind][number] : NULL;
    if (kept && *kept)
        return *kept;
    domains->host.request(domains->host.opaque, kind, number, buffer, MAX_NAME);
    if (kept)
        *kept = strdup(buffer);
    return buffer;
}

static struct lingerer **find_lingerer(struct trace_domains *domains, uint64_t domain)
{
    struct lingerer **link = &domains->lingerers[domain % BUCKETS];
    while (*link && (*link)->domain != domain)
        link = &(*link)->next;
    return link;
}

static void decide(struct trace_domains *domains, uint64_t domain)
{
    struct lingerer **link = find_lingerer(domains, domain), *found = *link;
    if (!found)
        return;
    *link = found->next;
    free(found);
}

static size_t index_of(const struct traced_thread *thread, uint64_t domain)
{
    size_t i = 0;
    while (i < thread->depth && thread->open[i].domain != domain)
        i++;
    return i;
}

static void on_opened(void *opaque, unsigned hart, const struct observed_domain *domain)
{
    struct trace_domains *domains = opaque;
    struct traced_thread *thread = domain->parent ? known_thread(domains, domain->thread) : NULL;
    if (!thread)
        thread = thread_of(domains, hart, domain->thread);
    if (!thread || thread->depth == MAX_NESTED)
        return;
    char buffer[MAX_NAME];
    const struct perfetto_arg args[] = {
        {"domain", NULL, domain->id},
        {"number", NULL, domain->number},
        {"hart", NULL, hart},
        {NULL, NULL, 0},
    };
    perfetto_begin(domains->out, thread->track, trace_domains_now(domains), false,
                   request_kind_name(domain->kind),
                   request_label(domains, domain->kind, domain->number, buffer), args);
    thread->open[thread->depth++] = (struct traced_slice){.domain = domain->id};
}

/* Ends the slice of the domain, if it is open still, and what is in it. */
static void end_slice(struct trace_domains *domains, const struct observed_domain *domain,
                      const char *outcome)
{
    struct traced_thread *thread = known_thread(domains, domain->thread);
    if (!thread)
        return;
    size_t index = index_of(thread, domain->id);
    while (thread->depth > index)
        end_innermost(domains, thread, outcome, domain->log_bytes);
}

static void on_closed(void *opaque, unsigned hart, const struct observed_domain *domain)
{
    (void)hart;
    struct trace_domains *domains = opaque;
    domains->closed = (struct lingerer){0};
    end_slice(domains, domain, "done");
}

static void on_lingers(void *opaque, const struct observed_domain *domain)
{
    struct trace_domains *domains = opaque;
    if (domains->closed.domain != domain->id || domains->closed.ended == PERFETTO_OPEN)
        return;
    struct lingerer *lingerer = malloc(sizeof *lingerer);
    if (!lingerer)
        return;
    struct lingerer **bucket = &domains->lingerers[domain->id % BUCKETS];
    *lingerer = domains->closed;
    lingerer->next = *bucket;
    *bucket = lingerer;
}

static void on_committed(void *opaque, const struct observed_domain *domain)
{
    decide(opaque, domain->id);
}

static void on_lost(void *opaque, const struct observed_domain *domain, enum refused_reason why)
{
    struct trace_domains *domains = opaque;
    struct traced_thread *thread = known_thread(domains, domain->thread);
    size_t index = thread ? index_of(thread, domain->id) : 0;
    if (thread && index < thread->depth)
        thread->open[index].lost = refused_name(why);
    decide(domains, domain->id);
}

static void on_depends(void *opaque, unsigned hart, const struct observed_domain *domain,
                       const struct observed_domain *on)
{
    (void)hart;
    struct trace_domains *domains = opaque;
    const struct traced_thread *thread = known_thread(domains, domain->thread);
    const struct traced_thread *other = known_thread(domains, on->thread);
    if (!thread || !other || index_of(thread, domain->id) == thread->depth)
        return;
    const struct lingerer *lingerer = *find_lingerer(domains, on->id);
    if (lingerer || index_of(other, on->id) < other->depth)
        perfetto_flow(domains->out, "depends", lingerer ? lingerer->track : other->track,
                      lingerer ? lingerer->ended : PERFETTO_OPEN, thread->track,
                      trace_domains_now(domains));
}

/* ---- Failures ------------------------------------------------------------------------------ */

static const char *outcome_of_failure(const struct observed_failure *failure)
{
    return failure->reason != REFUSED_REASONS ? "refused" : failure->error ? "error" : "retry";
}

/* What the rollback means for a thread: how many of its domains, and where it goes back to. */
static void mark_rollback(struct trace_domains *domains, const struct observed_failure *failure,
                          const struct observed_member *entry, const struct traced_thread *failed)
{
    const struct traced_thread *thread = known_thread(domains, entry->domain.thread);
    if (!thread)
        return;
    uint64_t count = 0;
    for (size_t i = 0; i < failure->member_count; i++)
        count += failure->members[i].domain.thread == entry->domain.thread;
    const struct perfetto_arg args[] = {
        {"to domain", NULL, entry->domain.id},
        {"domains", NULL, count},
        {"then", entry->error ? "error" : "retry", 0},
        {NULL, NULL, 0},
    };
    uint64_t now = trace_domains_now(domains);
    perfetto_begin(domains->out, thread->track, now, true, "rollback", "rolled back", args);
    if (failed && entry->innocent)
        perfetto_flow(domains->out, "rollback", failed->track, PERFETTO_OPEN, thread->track, now);
    perfetto_end(domains->out, thread->track, now + ROLLBACK_NS, NULL);
}

static void end_members(struct trace_domains *domains, const struct observed_failure *failure,
                        bool innocent)
{
    for (size_t i = failure->member_count; i > 0; i--) {
        const struct observed_member *member = &failure->members[i - 1];
        if (member->innocent != innocent)
            continue;
        end_slice(domains, &member->domain, "rolled back");
        decide(domains, member->domain.id);
    }
}

static void mark_rollbacks(struct trace_domains *domains, const struct observed_failure *failure,
                           const struct traced_thread *failed, bool innocent)
{
    size_t arrows = 0;
    for (size_t i = 0; i < failure->member_count && arrows < MAX_ARROWS; i++) {
        const struct observed_member *member = &failure->members[i];
        if (member->innocent == innocent && member->entry) {
            mark_rollback(domains, failure, member, failed);
            arrows++;
        }
    }
}

static void on_failed(void *opaque, const struct observed_failure *failure)
{
    struct trace_domains *domains = opaque;
    const struct traced_thread *thread =
        failure->thread ? thread_of(domains, failure->hart, failure->thread) : NULL;
    bool refused = failure->reason != REFUSED_REASONS;
    const struct perfetto_arg args[] = {
        {"outcome", outcome_of_failure(failure), 0},
        {"domains", NULL, failure->member_count},
        {"dependencies", NULL, failure->edge_count},
        {refused ? "reason" : NULL, refused ? refused_name(failure->reason) : NULL, 0},
        {NULL, NULL, 0},
    };
    char name[MAX_NAME];
    snprintf(name, sizeof name, "failure: %s", failure->what ? failure->what : "unknown");
    perfetto_instant(domains->out, thread ? thread->track : domains->harts[failure->hart].track,
                     trace_domains_now(domains), true, "failure", name, args);
    if (refused)
        return;
    /* The failed slice is open as long as arrows leave it. */
    end_members(domains, failure, true);
    mark_rollbacks(domains, failure, thread, true);
    end_members(domains, failure, false);
    mark_rollbacks(domains, failure, thread, false);
}

static void on_rewound(void *opaque, unsigned hart, const struct observed_domain *domain)
{
    struct trace_domains *domains = opaque;
    const struct clock *clock = domains->host.clock;
    const struct perfetto_arg args[] = {
        {"to domain", NULL, domain->id}, {"hart", NULL, hart}, {NULL, NULL, 0}};
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct traced_thread *thread = domains->threads[i]; thread; thread = thread->next)
            while (thread->depth && thread->open[thread->depth - 1].domain > domain->id)
                end_innermost(domains, thread, "rewound", 0);
    const struct traced_thread *thread = known_thread(domains, domain->thread);
    perfetto_instant(domains->out, thread ? thread->track : PERFETTO_NO_TRACK,
                     trace_domains_now(domains), false, "torture", "rewound", args);
    if (clock->now > domain->opened)
        domains->rewound += clock->now - domain->opened;
}

/* ---- Harts --------------------------------------------------------------------------------- */

static void on_switched(void *opaque, unsigned hart, uint64_t id)
{
    struct trace_domains *domains = opaque;
    if (hart >= CONFIG_MAX_HARTS || (domains->harts[hart].thread == id &&
                                     perfetto_depth(domains->out, domains->harts[hart].track)))
        return;
    size_t track = domains->harts[hart].track;
    uint64_t now = trace_domains_now(domains);
    const struct traced_thread *thread = thread_of(domains, hart, id);
    perfetto_end(domains->out, track, now, NULL);
    perfetto_begin(domains->out, track, now, false, "thread", thread ? thread->label : "?", NULL);
    domains->harts[hart].thread = id;
}

/* ---- Life ---------------------------------------------------------------------------------- */

struct trace_domains *trace_domains_new(struct perfetto *out, const struct trace_host *host)
{
    struct trace_domains *domains = calloc(1, sizeof *domains);
    if (!domains)
        return NULL;
    domains->out = out;
    domains->host = *host;
    for (unsigned i = 0; i < host->harts && i < CONFIG_MAX_HARTS; i++) {
        char name[16];
        snprintf(name, sizeof name, "hart %u", i);
        domains->harts[i].track =
            perfetto_track(out, TRACE_PID_HARTS, TRACE_TID_HARTS + i, "harts", name);
    }
    domains->observer = (struct recovery_observer){
        .opened = on_opened,
        .closed = on_closed,
        .lingers = on_lingers,
        .committed = on_committed,
        .lost = on_lost,
        .depends = on_depends,
        .failed = on_failed,
        .switched = on_switched,
        .rewound = on_rewound,
        .opaque = domains,
    };
    return domains;
}

struct recovery_observer *trace_domains_observer(struct trace_domains *domains)
{
    return &domains->observer;
}

void trace_domains_free(struct trace_domains *domains)
{
    if (!domains)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct traced_thread *thread = domains->threads[i], *next; thread; thread = next) {
            next = thread->next;
            free(thread);
        }
        for (struct lingerer *lingerer = domains->lingerers[i], *next; lingerer; lingerer = next) {
            next = lingerer->next;
            free(lingerer);
        }
    }
    for (size_t kind = 0; kind < REQUEST_KINDS; kind++)
        for (size_t i = 0; i < NAMES; i++)
            free(domains->names[kind][i]);
    free(domains);
}
