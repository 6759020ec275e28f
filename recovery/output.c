/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "recovery/engine.h"

/* Output that waits for the domain that made it to commit. What comes later waits behind it, so
 * that the order stays. */

/* Sends what nothing holds back any more. */
static void release(struct recovery *recovery)
{
    struct output_queue *queue = &recovery->output;
    uint64_t horizon = log_oldest_checkpoint(recovery->log);
    while (queue->count) {
        const struct held *held = &queue->bytes[queue->first];
        if (held->domain || held->position >= horizon)
            return;
        recovery->options.host.output(recovery->options.host.opaque, held->byte);
        queue->first++;
        queue->count--;
    }
    queue->first = 0;
}

static int hold(struct recovery *recovery, uint8_t byte, struct domain *domain)
{
    struct output_queue *queue = &recovery->output;
    if (queue->first && queue->first + queue->count == queue->room) {
        memmove(queue->bytes, queue->bytes + queue->first, queue->count * sizeof *queue->bytes);
        queue->first = 0;
    }
    if (queue->count == queue->room) {
        size_t room = queue->room ? 2 * queue->room : 256;
        struct held *bytes = arena_resize(recovery->arena, queue->bytes, room * sizeof *bytes);
        if (!bytes)
            return -1;
        queue->bytes = bytes;
        queue->room = room;
    }
    queue->bytes[queue->first + queue->count++] =
        (struct held){.byte = byte, .domain = domain, .position = log_position(recovery->log)};
    return 0;
}

void recovery_output(struct recovery *recovery, uint8_t byte)
{
    struct domain *domain = NULL;
    if (recovery->active < recovery->options.hart_count) {
        const struct thread *thread = recovery->lanes[recovery->active].thread;
        if (thread)
            domain = thread->now.top ? thread->now.top : thread->now.linger;
        if (domain && (domain->lost || recovery->uart != OUTPUT_DEFER))
            domain = NULL;
    }
    if (hold(recovery, byte, domain)) {
        /* Out of memory: out with it, in order, at the cost of what was held back. */
        for (size_t i = 0; i < recovery->output.count; i++)
            recovery->output.bytes[recovery->output.first + i].domain = NULL;
        release(recovery);
        recovery->options.host.output(recovery->options.host.opaque, byte);
        return;
    }
    release(recovery);
}

void output_settle_domain(struct recovery *recovery, const struct domain *domain,
                          struct domain *heir)
{
    struct output_queue *queue = &recovery->output;
    for (size_t i = 0; i < queue->count; i++) {
        struct held *held = &queue->bytes[queue->first + i];
        if (held->domain == domain)
            held->domain = heir;
    }
    if (queue->count && !heir)
        release(recovery);
}

void output_abort(struct recovery *recovery, const struct domain *domain)
{
    struct output_queue *queue = &recovery->output;
    size_t kept = 0;
    for (size_t i = 0; i < queue->count; i++) {
        const struct held held = queue->bytes[queue->first + i];
        if (held.domain != domain)
            queue->bytes[queue->first + kept++] = held;
    }
    queue->count = kept;
    release(recovery);
}

void output_rewind(struct recovery *recovery, uint64_t position)
{
    struct output_queue *queue = &recovery->output;
    while (queue->count && queue->bytes[queue->first + queue->count - 1].position >= position)
        queue->count--;
}

void output_finish(struct recovery *recovery)
{
    struct output_queue *queue = &recovery->output;
    for (; queue->count; queue->count--)
        recovery->options.host.output(recovery->options.host.opaque,
                                      queue->bytes[queue->first++].byte);
    arena_free(recovery->arena, queue->bytes);
    *queue = (struct output_queue){0};
}
