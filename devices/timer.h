/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_TIMER_H
#define IASO_DEVICES_TIMER_H

#include "sim/clock.h"

/*
 * When a counter of `hz` that stands at clock_scale(clock->now, clock->rate, hz) has gone on by
 * `delta` counts: the first tick, not before, or 0 (no event) if that is beyond the end of time.
 */
static inline uint64_t timer_due(const struct clock *clock, uint64_t hz, uint64_t delta)
{
    uint64_t count = clock_scale(clock->now, clock->rate, hz);
    if (delta > UINT64_MAX - count)
        return 0;
    unsigned __int128 ticks = ((unsigned __int128)(count + delta) * clock->rate + (hz - 1)) / hz;
    return ticks < UINT64_MAX ? (uint64_t)ticks : 0;
}

#endif
