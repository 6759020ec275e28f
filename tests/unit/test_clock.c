/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include "sim/clock.h"

struct log {
    struct clock *clock;
    char order[16];
    int count;
    uint64_t due;   /* of the last */
    uint64_t again; /* what the events return, once */
};

struct logged_event {
    struct clock_event event;
    struct log *log;
};

static uint64_t fire(void *opaque, uint64_t due)
{
    struct logged_event *self = opaque;
    struct log *log = self->log;
    log->order[log->count++] = self->event.name[0];
    log->due = due;
    uint64_t again = log->again;
    log->again = 0;
    return again;
}

static void add(struct clock *clock, struct logged_event *event, struct log *log, const char *name)
{
    *event = (struct logged_event){{.name = name, .fire = fire, .opaque = event}, log};
    clock_add(clock, &event->event);
}

Test(clock, starts_with_nothing_due)
{
    struct clock clock;
    clock_init(&clock, 1000);
    cr_assert_eq(clock.now, 0);
    cr_assert_eq(clock_next(&clock), UINT64_MAX);
    cr_assert_eq(clock.deadline, UINT64_MAX);
    clock_fire(&clock);
}

Test(clock, fires_what_is_due_in_order_of_time_then_of_addition)
{
    struct clock clock;
    struct log log = {0};
    struct logged_event a, b, c, late;
    clock_init(&clock, 1000);
    add(&clock, &a, &log, "a");
    add(&clock, &b, &log, "b");
    add(&clock, &c, &log, "c");
    add(&clock, &late, &log, "l");
    clock_set(&clock, &late.event, 21);
    clock_set(&clock, &c.event, 10);
    clock_set(&clock, &b.event, 10);
    clock_set(&clock, &a.event, 20);
    cr_assert_eq(clock_next(&clock), 10);
    clock.now = 9;
    clock_fire(&clock);
    cr_assert_eq(log.count, 0);
    clock.now = 20;
    clock_fire(&clock);
    cr_assert_str_eq(log.order, "bca");
    cr_assert_eq(log.due, 20);
    cr_assert_eq(clock_next(&clock), 21);
}

Test(clock, a_callback_sets_its_next_deadline)
{
    struct clock clock;
    struct log log = {.again = 15};
    struct logged_event a;
    clock_init(&clock, 1000);
    add(&clock, &a, &log, "a");
    clock_set(&clock, &a.event, 5);
    clock.now = 14;
    clock_fire(&clock);
    cr_assert_str_eq(log.order, "a");
    cr_assert_eq(clock_next(&clock), 15);
    clock.now = 15;
    clock_fire(&clock);
    cr_assert_str_eq(log.order, "aa");
    cr_assert_eq(clock_next(&clock), UINT64_MAX, "returned 0: not set again");
}

Test(clock, a_next_deadline_in_the_past_fires_at_once)
{
    struct clock clock;
    struct log log = {.again = 6};
    struct logged_event a;
    clock_init(&clock, 1000);
    add(&clock, &a, &log, "a");
    clock_set(&clock, &a.event, 5);
    clock.now = 100;
    clock_fire(&clock);
    cr_assert_str_eq(log.order, "aa");
    cr_assert_eq(log.due, 6);
}

Test(clock, cancelled_events_do_not_fire)
{
    struct clock clock;
    struct log log = {0};
    struct logged_event a;
    clock_init(&clock, 1000);
    add(&clock, &a, &log, "a");
    clock_set(&clock, &a.event, 5);
    clock_set(&clock, &a.event, 0);
    clock.now = 100;
    clock_fire(&clock);
    cr_assert_eq(log.count, 0);
}

Test(clock, setting_an_event_pulls_the_deadline_in)
{
    struct clock clock;
    struct log log = {0};
    struct logged_event a;
    clock_init(&clock, 1000);
    add(&clock, &a, &log, "a");
    clock.deadline = 50;
    clock_set(&clock, &a.event, 60);
    cr_assert_eq(clock.deadline, 50);
    clock_set(&clock, &a.event, 40);
    cr_assert_eq(clock.deadline, 40);
}

Test(clock, conversions_round_down_and_do_not_overflow)
{
    struct clock clock;
    clock_init(&clock, 300000000);
    cr_assert_eq(clock_ns(&clock, 1), 3);
    cr_assert_eq(clock_ticks(&clock, 10), 3);
    cr_assert_eq(clock_ns(&clock, 300000000), 1000000000);
    uint64_t large = UINT64_C(1) << 62;
    cr_assert_eq(clock_scale(large, 1000, 1000), large);
    cr_assert_eq(clock_scale(large, 1000000000, 100), large / 10000000);
    cr_assert_eq(clock_scale(large, 1, 1000), UINT64_MAX, "saturates");
}
