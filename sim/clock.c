/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/clock.h"

#include <stddef.h>

#define NS_PER_S UINT64_C(1000000000)

void clock_init(struct clock *clock, uint64_t rate)
{
    *clock = (struct clock){.deadline = UINT64_MAX, .rate = rate};
}

void clock_add(struct clock *clock, struct clock_event *event)
{
    struct clock_event **end = &clock->events;
    while (*end)
        end = &(*end)->next;
    event->next = NULL;
    *end = event;
}

void clock_set(struct clock *clock, struct clock_event *event, uint64_t due)
{
    event->due = due;
    if (due && due < clock->deadline)
        clock->deadline = due;
}

uint64_t clock_next(const struct clock *clock)
{
    uint64_t next = UINT64_MAX;
    for (const struct clock_event *event = clock->events; event; event = event->next) {
        if (event->due && event->due < next)
            next = event->due;
    }
    return next;
}

void clock_fire(struct clock *clock)
{
    for (;;) {
        struct clock_event *first = NULL;
        for (struct clock_event *event = clock->events; event; event = event->next) {
            if (event->due && event->due <= clock->now && (!first || event->due < first->due))
                first = event;
        }
        if (!first)
            return;
        uint64_t due = first->due;
        first->due = 0;
        uint64_t again = first->fire(first->opaque, due);
        if (again)
            clock_set(clock, first, again);
    }
}

uint64_t clock_scale(uint64_t value, uint64_t from, uint64_t to)
{
    unsigned __int128 scaled = (unsigned __int128)value * to / from;
    return scaled > UINT64_MAX ? UINT64_MAX : (uint64_t)scaled;
}

uint64_t clock_ns(const struct clock *clock, uint64_t ticks)
{
    return clock_scale(ticks, clock->rate, NS_PER_S);
}

uint64_t clock_ticks(const struct clock *clock, uint64_t ns)
{
    return clock_scale(ns, NS_PER_S, clock->rate);
}
