/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_COUNTDOWN_H
#define IASO_DEVICES_COUNTDOWN_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A counter that goes down to 0 and, one count later, stands at its reload value: a period is
 * `reload` + 1 counts. Without a reload value (0), or with `once`, it stops at 0. Plain data, a
 * part of a device's state. Times are ticks of the clock.
 *
 * The device sets its clock event to countdown_due() after each change and, when that has fired,
 * calls countdown_expire().
 */
struct countdown {
    uint64_t zero;   /* when the count is 0 next; while it runs */
    uint64_t passed; /* when it was 0 before that, or 0 */
    uint32_t value;  /* while it does not */
    uint32_t reload; /* what follows 0 */
    uint32_t step;   /* ticks a count, not 0 */
    bool running, once;
};

static inline uint32_t countdown_value(const struct countdown *counter, uint64_t now)
{
    if (!counter->running)
        return counter->value;
    if (counter->passed && now < counter->passed + counter->step)
        return 0;
    if (now <= counter->zero)
        return (uint32_t)((counter->zero - now + counter->step - 1) / counter->step);
    if (counter->once || !counter->reload)
        return 0;
    uint64_t period = (uint64_t)counter->reload + 1;
    return (uint32_t)((period - (now - counter->zero) / counter->step % period) % period);
}

static inline void countdown_stop(struct countdown *counter, uint64_t now)
{
    counter->value = countdown_value(counter, now);
    counter->running = false;
}

/* Counts on from `value`, or from the reload value if that is 0. */
static inline void countdown_run(struct countdown *counter, uint64_t now, uint32_t value)
{
    uint64_t counts = value ? value : (uint64_t)counter->reload + 1;
    counter->value = value;
    counter->zero = now + counts * counter->step;
    counter->passed = 0;
    counter->running = value || counter->reload;
}

/* The next tick at which the count is 0, or 0. */
static inline uint64_t countdown_due(const struct countdown *counter)
{
    return counter->running ? counter->zero : 0;
}

/* The count has become 0. Returns when it will again, or 0. */
static inline uint64_t countdown_expire(struct countdown *counter)
{
    if (counter->once || !counter->reload) {
        counter->running = false;
        counter->value = 0;
        return 0;
    }
    counter->passed = counter->zero;
    counter->zero += ((uint64_t)counter->reload + 1) * counter->step;
    return counter->zero;
}

#endif
