/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "recovery/engine.h"

/*
 * Memory as the threads see it. A page that an uncommitted domain has written to belongs to its
 * thread ("lineage") alone, and is as fast as any other. When somebody else touches it, it becomes
 * precise and shared, and each access is looked up in the log byte by byte until the last
 * uncommitted change in it is settled.
 */

static bool torturing(const struct recovery *recovery)
{
    return recovery->policy->torture != TORTURE_OFF;
}

/* ---- Whose accesses ------------------------------------------------------------------------ */

static struct domain *logger_of(const struct thread *thread)
{
    struct domain *logger = thread->now.top ? thread->now.top : thread->now.linger;
    return logger && !logger->lost ? logger : NULL;
}

/* In torture, what was opened before the newest checkpoint must be armed again. */
static void renew(struct recovery *recovery, uint64_t *epoch)
{
    if (*epoch < recovery->epoch_floor)
        *epoch = memory_new_epoch(recovery->mem);
}

void track_apply(struct recovery *recovery, unsigned hart)
{
    struct lane *lane = &recovery->lanes[hart];
    struct thread *thread = lane->thread;
    struct domain *logger = thread ? logger_of(thread) : NULL;
    uint64_t *epoch = thread ? &thread->epoch : &recovery->outside_epoch;
    uint32_t who = 0;
    bool exempt = lane->calling || (thread && is_exempt(thread));
    if (exempt)
        epoch = &recovery->outside_epoch;
    else if (logger)
        who = logger->lineage;
    renew(recovery, epoch);
    lane->mode = exempt || lane->firmware ? MODE_EXEMPT : logger ? MODE_LOGGED : MODE_OUTSIDE;
    lane->logger = lane->mode == MODE_LOGGED ? logger : NULL;
    /* A thread whose domains are settled goes on with what it was granted: nothing of it is owned
     * by anybody. */
    bool keeps = !who && !exempt && *epoch == lane->epoch;
    if ((who != lane->who || *epoch != lane->epoch) && !keeps)
        memory_withdraw(recovery->mem);
    lane->who = who;
    lane->epoch = *epoch;
    if (recovery->active == hart)
        memory_enter(recovery->mem, who, *epoch);
}

void track_outside(struct recovery *recovery)
{
    renew(recovery, &recovery->outside_epoch);
    memory_enter(recovery->mem, 0, recovery->outside_epoch);
}

/* ---- What memory announces ----------------------------------------------------------------- */

static struct lane *active_lane(struct recovery *recovery)
{
    return recovery->active < recovery->options.hart_count ? &recovery->lanes[recovery->active]
                                                           : NULL;
}

static bool is_firmware(const struct recovery *recovery, uint64_t gpa)
{
    return gpa - recovery->options.firmware < recovery->options.firmware_size;
}

static void check_limit(struct recovery *recovery, struct domain *domain)
{
    uint64_t bytes = log_bytes(recovery->log);
    if (bytes > recovery->counts.log_bytes_peak)
        recovery->counts.log_bytes_peak = bytes;
    if (torturing(recovery)) {
        torture_limit(recovery, bytes);
    } else if (domain->log.bytes > recovery->policy->log_limit) {
        domain_lose(recovery, domain, REFUSED_LOG_LIMIT);
        track_apply(recovery, recovery->active);
    }
}

/* The page is open for the thread now, but what opened it was the firmware, unlogged. */
static void remember(struct lane *lane, uint64_t page_gpa)
{
    if (lane->opened_count < MAX_OPENED)
        lane->opened[lane->opened_count++] = page_gpa;
    else
        lane->opened_more = true;
}

void track_leave_firmware(struct recovery *recovery, unsigned hart)
{
    struct lane *lane = &recovery->lanes[hart];
    for (unsigned i = 0; i < lane->opened_count; i++)
        if (!is_firmware(recovery, lane->opened[i]))
            memory_set_state(recovery->mem, lane->opened[i], 1, PAGE_ARMED);
    if (lane->opened_more && lane->thread)
        lane->thread->epoch = memory_new_epoch(recovery->mem);
    lane->opened_count = 0;
    lane->opened_more = false;
}

static void on_first_write(void *opaque, uint64_t page_gpa, const uint8_t *contents)
{
    struct recovery *recovery = opaque;
    struct lane *lane = active_lane(recovery);
    struct domain *domain = lane && lane->mode == MODE_LOGGED ? lane->logger : NULL;
    if (domain && is_firmware(recovery, page_gpa))
        domain = NULL;
    if (lane && lane->firmware && lane->who)
        remember(lane, page_gpa);
    if (!domain && !torturing(recovery))
        return;
    uint64_t before = domain ? domain->log.saved_bytes : 0;
    /* Out of memory is the same as a full log. */
    if (log_save_page(recovery->log, domain ? &domain->log : NULL, page_gpa, contents) && domain)
        domain_lose(recovery, domain, REFUSED_LOG_LIMIT);
    else if (domain && recovery->policy->track)
        memory_own(recovery->mem, page_gpa, lane->who);
    if (domain && is_observed(recovery))
        observe_log(recovery, domain, domain->log.saved_bytes - before);
    if (domain || torturing(recovery))
        check_limit(recovery, domain);
}

/* Out of memory: nobody who has changed the page can be rolled back any more. */
static void lose_page(struct recovery *recovery, uint64_t page_gpa)
{
    struct log_owner *owner;
    bool shared = log_is_shared(recovery->log, page_gpa);
    while ((owner = log_page_owner(recovery->log, page_gpa)))
        domain_lose(recovery, (struct domain *)owner, REFUSED_LOG_LIMIT);
    if (!shared)
        track_released(recovery, page_gpa, true);
    if (active_lane(recovery))
        track_apply(recovery, recovery->active);
}

static void on_conflict(void *opaque, uint64_t page_gpa)
{
    struct recovery *recovery = opaque;
    memory_own(recovery->mem, page_gpa, 0);
    memory_set_state(recovery->mem, page_gpa, 1, PAGE_PRECISE);
    recovery->counts.conflicts++;
    if (++recovery->shared_pages > recovery->counts.shared_pages_peak)
        recovery->counts.shared_pages_peak = recovery->shared_pages;
    if (log_share(recovery->log, page_gpa)) /* it may be released at once: nothing had changed */
        lose_page(recovery, page_gpa);
}

void track_released(void *opaque, uint64_t page_gpa, bool was_shared)
{
    struct recovery *recovery = opaque;
    memory_own(recovery->mem, page_gpa, 0);
    if (was_shared) {
        memory_set_state(recovery->mem, page_gpa, 1, PAGE_ARMED);
        recovery->shared_pages--;
    }
}

/* A store that leaves the bytes as they are carries no information. */
static bool changes(struct recovery *recovery, uint64_t gpa, unsigned size, uint64_t value)
{
    uint64_t old = 0;
    return memory_read(recovery->mem, gpa, &old, size) ||
           (size < 8 ? (old ^ value) & ((UINT64_C(1) << 8 * size) - 1) : old ^ value);
}

static uint32_t lineage_of(const struct log_owner *owner)
{
    return ((const struct domain *)owner)->lineage;
}

static void save_bytes(struct recovery *recovery, struct domain *domain, uint64_t gpa,
                       unsigned size)
{
    uint64_t before = domain->log.saved_bytes;
    if (log_save_bytes(recovery->log, &domain->log, gpa, size)) {
        domain_lose(recovery, domain, REFUSED_LOG_LIMIT);
        track_apply(recovery, recovery->active);
        return;
    }
    if (is_observed(recovery))
        observe_log(recovery, domain, domain->log.saved_bytes - before);
    check_limit(recovery, domain);
}

static void access_word(struct recovery *recovery, struct lane *lane, uint64_t gpa, unsigned size,
                        bool store)
{
    enum mode mode = lane ? lane->mode : MODE_OUTSIDE;
    struct log_owner *writers[LOG_MAX_WRITERS];
    size_t count = mode == MODE_EXEMPT ? 0 : log_writers(recovery->log, gpa, size, writers);
    for (size_t i = 0; i < count; i++) {
        struct domain *writer = (struct domain *)writers[i];
        if (mode == MODE_LOGGED && writer->lineage != lane->logger->lineage)
            domain_depend(recovery, lane->logger, writer);
        else if (mode == MODE_OUTSIDE && !torturing(recovery))
            domain_lose(recovery, writer, REFUSED_OUTSIDE);
    }
    if (!store)
        return;
    if (mode == MODE_LOGGED)
        save_bytes(recovery, lane->logger, gpa, size);
    else if (torturing(recovery))
        log_save_bytes(recovery->log, NULL, gpa, size);
    else
        log_forget_bytes(recovery->log, gpa, size);
}

static void on_access(void *opaque, uint64_t gpa, unsigned size, enum access_kind kind,
                      uint64_t value)
{
    struct recovery *recovery = opaque;
    if (!log_is_shared(recovery->log, gpa & ~(memory_page_size(recovery->mem) - 1)))
        return;
    bool store = kind == ACCESS_WRITE;
    if (store && !changes(recovery, gpa, size, value))
        return;
    struct lane *lane = active_lane(recovery);
    uint64_t page_gpa = gpa & ~(memory_page_size(recovery->mem) - 1);
    if (lane && lane->mode == MODE_LOGGED &&
        log_reclaim(recovery->log, page_gpa, lane->who, lineage_of)) {
        recovery->shared_pages--;
        memory_set_state(recovery->mem, page_gpa, 1, PAGE_ARMED);
        memory_own(recovery->mem, page_gpa, lane->who);
    }
    unsigned in_word = 8 - (unsigned)(gpa & 7);
    unsigned first = size < in_word ? size : in_word;
    access_word(recovery, lane, gpa, first, store);
    if (size > first)
        access_word(recovery, lane, gpa + first, size - first, store);
}

static enum output_policy output_of(const struct recovery *recovery, const char *device)
{
    const struct recovery_policy *policy = recovery->policy;
    for (size_t i = 0; i < policy->output_count; i++)
        if (!strcmp(policy->outputs[i].device, device))
            return policy->outputs[i].policy;
    return OUTPUT_BARRIER;
}

/* What was done before a barrier can no longer be undone. In torture the devices go back, too. */
static void on_device_write(void *opaque, const struct region *region)
{
    struct recovery *recovery = opaque;
    const struct lane *lane = active_lane(recovery);
    const struct thread *thread = lane ? lane->thread : NULL;
    struct domain *domain = thread ? logger_of(thread) : NULL;
    if (!domain || torturing(recovery) ||
        output_of(recovery, recovery->options.host.device(recovery->options.host.opaque, region)) !=
            OUTPUT_BARRIER)
        return;
    domain_lose(recovery, domain, REFUSED_OUTPUT);
    track_apply(recovery, recovery->active);
}

int track_listen(struct recovery *recovery)
{
    const struct memory_listener listener = {
        .first_write = on_first_write,
        .conflict = on_conflict,
        .access = on_access,
        .device_write = on_device_write,
        .opaque = recovery,
    };
    return memory_listen(recovery->mem, &listener);
}
