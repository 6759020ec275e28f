/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/display/display_domains.h"

#include <stdio.h>

#include "sim/attach.h"

/* Threads change their names, by exec for one: they are asked again after so many domains. */
#define NAME_AGAIN 32

static uint64_t now(const struct display_domains *domains)
{
    return domains->machine->clock.now;
}

static struct display_domain *slot_of(struct display_domains *domains, uint64_t id)
{
    struct display_domain *slot = &domains->now.domains[id % DISPLAY_DOMAINS];
    return slot->id == id ? slot : NULL;
}

/* The thread's entry; the one that was quiet for longest is replaced. */
static struct display_thread *thread_of(struct display_domains *domains, uint64_t thread)
{
    struct display_thread *oldest = &domains->threads[0];
    for (size_t i = 0; i < domains->thread_count; i++) {
        if (domains->threads[i].thread == thread)
            return &domains->threads[i];
        if (domains->threads[i].last < oldest->last)
            oldest = &domains->threads[i];
    }
    if (domains->thread_count < DISPLAY_THREADS)
        oldest = &domains->threads[domains->thread_count++];
    *oldest = (struct display_thread){.thread = thread};
    return oldest;
}

static void on_opened(void *opaque, unsigned hart, const struct observed_domain *domain)
{
    struct display_domains *domains = opaque;
    struct display_thread *thread = thread_of(domains, domain->thread);
    int pid, tgid;
    domains->now.last = domain->id;
    if (domains->opened++ % NAME_AGAIN == 0 || !thread->name[0])
        (void)attach_task(domains->machine, hart, domain->thread, thread->name, &pid, &tgid);
    thread->last = now(domains);
    domains->now.domains[domain->id % DISPLAY_DOMAINS] = (struct display_domain){
        .id = domain->id,
        .thread = domain->thread,
        .number = domain->number,
        .kind = domain->kind,
        .opened = now(domains),
    };
}

static void settle(struct display_domains *domains, const struct observed_domain *domain,
                   enum display_fate fate)
{
    struct display_domain *slot = slot_of(domains, domain->id);
    if (!slot)
        return;
    slot->fate = fate;
    slot->log_bytes = domain->log_bytes;
    if (!slot->ended)
        slot->ended = now(domains) + (now(domains) == slot->opened);
}

static void on_closed(void *opaque, unsigned hart, const struct observed_domain *domain)
{
    (void)hart;
    settle(opaque, domain, domain->lost ? FATE_LOST : FATE_LINGERS);
}

static void on_committed(void *opaque, const struct observed_domain *domain)
{
    struct display_domains *domains = opaque;
    domains->committed++;
    settle(domains, domain, FATE_COMMITTED);
}

/* Its request goes on. */
static void on_lost(void *opaque, const struct observed_domain *domain, enum refused_reason why)
{
    struct display_domains *domains = opaque;
    struct display_domain *slot = slot_of(domains, domain->id);
    (void)why;
    if (slot)
        slot->fate = FATE_LOST;
}

static void on_depends(void *opaque, unsigned hart, const struct observed_domain *domain,
                       const struct observed_domain *on)
{
    struct display_domains *domains = opaque;
    (void)hart;
    domains->now.edges[domains->now.edge_count++ % DISPLAY_EDGES] =
        (struct display_edge){domain->id, on->id, now(domains)};
}

static void on_failed(void *opaque, const struct observed_failure *failure)
{
    struct display_domains *domains = opaque;
    struct display_failure *shown = &domains->failures[domains->failure_count++ % DISPLAY_FAILURES];
    bool refused = failure->reason != REFUSED_REASONS;
    *shown = (struct display_failure){
        .tick = now(domains), .thread = failure->thread, .refused = refused};
    snprintf(shown->what, sizeof shown->what, "%s", failure->what ? failure->what : "");
    for (size_t i = 0; i < failure->member_count && !refused; i++) {
        const struct observed_member *member = &failure->members[i];
        shown->undone++;
        shown->innocent += member->innocent;
        settle(domains, &member->domain,
               member->role == ROLE_FAILED ? FATE_FAILED : FATE_DEPENDENT);
    }
    domains->undone += shown->undone;
    if (refused)
        return;
    domains->struck = domains->now;
    domains->struck.until = now(domains);
}

/* Those opened since then never were. */
static void on_rewound(void *opaque, unsigned hart, const struct observed_domain *domain)
{
    struct display_domains *domains = opaque;
    (void)hart;
    for (uint64_t id = domains->now.last;
         id > domain->id && domains->now.last - id < DISPLAY_DOMAINS; id--)
        domains->now.domains[id % DISPLAY_DOMAINS].id = 0;
}

void display_domains_begin(struct display_domains *domains, struct machine *machine)
{
    *domains = (struct display_domains){
        .machine = machine,
        .observer = {.opened = on_opened,
                     .closed = on_closed,
                     .committed = on_committed,
                     .lost = on_lost,
                     .depends = on_depends,
                     .failed = on_failed,
                     .rewound = on_rewound,
                     .opaque = domains},
    };
    observers_add(&machine->observers, &domains->observer);
}

void display_domains_end(struct display_domains *domains)
{
    if (domains->machine)
        observers_remove(&domains->machine->observers, &domains->observer);
    domains->machine = NULL;
}

const struct display_domain *display_history_find(const struct display_history *history,
                                                  uint64_t id)
{
    const struct display_domain *slot = &history->domains[id % DISPLAY_DOMAINS];
    return id && slot->id == id ? slot : NULL;
}

uint64_t display_history_since(const struct display_history *history, size_t count)
{
    uint64_t id = history->last > count ? history->last - count + 1 : 1;
    for (; id <= history->last; id++)
        if (display_history_find(history, id))
            return history->domains[id % DISPLAY_DOMAINS].opened;
    return 0;
}

size_t display_domains_lanes(const struct display_domains *domains,
                             const struct display_history *history, size_t count, size_t *lanes,
                             size_t size)
{
    bool used[DISPLAY_THREADS] = {false};
    size_t lane_count = 0;
    uint64_t id = history->last > count ? history->last - count + 1 : 1;
    for (; id <= history->last; id++) {
        const struct display_domain *domain = display_history_find(history, id);
        for (size_t i = 0; domain && i < domains->thread_count; i++)
            used[i] |= domains->threads[i].thread == domain->thread;
    }
    for (size_t i = 0; i < domains->thread_count && lane_count < size; i++)
        if (used[i])
            lanes[lane_count++] = i;
    return lane_count;
}
