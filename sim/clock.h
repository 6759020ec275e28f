/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_CLOCK_H
#define IASO_SIM_CLOCK_H

#include <stdint.h>

/*
 * Virtual time of one machine. The unit is the tick: the time that one hart takes for one
 * instruction, or a Cortex-M for one cycle. The rate (ticks per second) comes from the config, so
 * time is a function of the instructions executed and of nothing else.
 *
 * `now` and `deadline` are public because a CPU back end advances `now` in its block hook and must
 * return to the run loop at the first block that begins at or after `deadline`. With several harts
 * the run loop sets `now` back before each hart's turn; events fire only between turns.
 */
struct clock_event;

struct clock {
    uint64_t now;      /* ticks */
    uint64_t deadline; /* when the running hart must return, at the latest */
    uint64_t rate;     /* ticks per second, not 0 */
    struct clock_event *events;
};

/*
 * Called when the event is due, with the time it was set for (clock->now may be a little later).
 * Returns the next deadline in ticks, or 0 for none. May set other events.
 */
typedef uint64_t (*clock_fn)(void *opaque, uint64_t due);

/* One-shot. Embedded in its owner and linked in by clock_add(); `due` 0 means not set. Events that
 * are due at the same tick fire in the order in which they were added to the clock. */
struct clock_event {
    const char *name;
    clock_fn fire;
    void *opaque;
    uint64_t due;
    struct clock_event *next;
};

void clock_init(struct clock *clock, uint64_t rate);

/* Links the event at the end of the list. The event must outlive the clock's use of it. */
void clock_add(struct clock *clock, struct clock_event *event);

/* Sets or moves (due != 0) or cancels (due == 0) an event. A due time in the past fires at the next
 * opportunity. Pulls clock->deadline in if need be. */
void clock_set(struct clock *clock, struct clock_event *event, uint64_t due);

/* The earliest due time, or UINT64_MAX. */
uint64_t clock_next(const struct clock *clock);

/* Fires every event that is due at or before clock->now, earliest first. */
void clock_fire(struct clock *clock);

/* Conversions round down; they do not overflow below 2^63 ticks. clock_ticks() of n * clock_ns()
 * may therefore be one short: a device that wants "not before" adds one. */
uint64_t clock_ns(const struct clock *clock, uint64_t ticks);
uint64_t clock_ticks(const struct clock *clock, uint64_t ns);

/* `value` units of 1/from second as units of 1/to second, rounded down, saturating. */
uint64_t clock_scale(uint64_t value, uint64_t from, uint64_t to);

#endif
