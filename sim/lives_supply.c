/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "sim/lives_state.h"

/* The capacitor of a machine's lives: kept up to date with the clock and the energy. */

#define MAX_SAMPLES      20000
#define RESOLUTION_TICKS 32 /* how finely the off-threshold is hit */

/* No load can take more: every cycle fetches and accesses at the dearest region's price. */
static double peak_watts(const struct lives *lives)
{
    const struct power_policy *policy = lives->policy;
    const struct energy_preset *preset =
        policy->energy.preset ? energy_preset(policy->energy.preset) : NULL;
    uint64_t cycle =
        policy->energy.has_cycle || !preset ? policy->energy.cycle_fj : preset->cycle_fj;
    uint64_t fetch = 0, access = 0;
    for (size_t i = 0; i < energy_region_count(lives->energy); i++) {
        const struct energy_region region = energy_region(lives->energy, i);
        fetch = region.costs.fetch.fj > fetch ? region.costs.fetch.fj : fetch;
        access = region.costs.read.fj > access ? region.costs.read.fj : access;
        access = region.costs.write.fj > access ? region.costs.write.fj : access;
    }
    return (double)(cycle + fetch + access) * 1e-15 * (double)lives->machine->clock.rate;
}

int lives_supply_new(struct lives *lives, struct error *err)
{
    struct supply_config config;
    power_plan_supply(lives->policy, &config);
    lives->trace = power_plan_trace(lives->policy, err);
    if (!lives->trace)
        return error_prefix(err, "power.supply: ");
    lives->supply = supply_new(&config, lives->trace, err);
    if (!lives->supply)
        return error_prefix(err, "power.");
    lives->peak_watts = peak_watts(lives);
    return 0;
}

bool lives_supply_step(struct lives *lives)
{
    const struct clock *clock = &lives->machine->clock;
    uint64_t now = clock_ns(clock, clock->now), known = supply_ns(lives->supply);
    uint64_t total = energy_total(lives->energy);
    if (now <= known)
        return true;
    bool on = supply_advance(lives->supply, now - known, total - lives->supplied_fj);
    lives->supplied_fj = total;
    lives_sample(lives, clock->now, false);
    return on;
}

uint64_t lives_supply_deadline(struct lives *lives)
{
    const struct clock *clock = &lives->machine->clock;
    uint64_t resolution = clock_ns(clock, RESOLUTION_TICKS);
    uint64_t ns = supply_next_off(lives->supply, lives->peak_watts, resolution ? resolution : 1);
    uint64_t ticks = clock_ticks(clock, ns);
    return clock->now + (ticks ? ticks : 1);
}

int lives_supply_recharge(struct lives *lives, uint64_t *ticks)
{
    const struct clock *clock = &lives->machine->clock;
    struct error err = {""};
    uint64_t off_ns = 0;
    lives->supplied_fj = energy_total(lives->energy);
    supply_switch_off(lives->supply);
    if (*ticks)
        supply_advance(lives->supply, clock_ns(clock, *ticks), 0);
    if (supply_recharge(lives->supply, lives->policy->supply.limit_ns, &off_ns, &err)) {
        snprintf(lives->verdict, sizeof lives->verdict, "the supply %.280s", err.text);
        return -1;
    }
    uint64_t now = supply_ns(lives->supply), then = clock_ns(clock, clock->now + *ticks);
    if (now > then)
        *ticks += clock_ticks(clock, now - then);
    return 0;
}

/* Makes room by forgetting every second sample. */
static void thin(struct lives *lives)
{
    size_t kept = 0;
    for (size_t i = 0; i < lives->sample_count; i += 2)
        lives->samples[kept++] = lives->samples[i];
    lives->sample_count = kept;
    lives->sample_ticks *= 2;
}

void lives_sample(struct lives *lives, uint64_t tick, bool always)
{
    if (!lives->supply)
        return;
    if (!lives->sample_ticks)
        lives->sample_ticks = lives->machine->clock.rate / 10000 + 1;
    const struct lives_sample *last =
        lives->sample_count ? &lives->samples[lives->sample_count - 1] : NULL;
    if (!always && last && tick - last->tick < lives->sample_ticks)
        return;
    if (!lives->samples)
        lives->samples = calloc(MAX_SAMPLES, sizeof *lives->samples);
    if (!lives->samples)
        return; /* no picture, but all else */
    if (lives->sample_count == MAX_SAMPLES)
        thin(lives);
    lives->samples[lives->sample_count++] =
        (struct lives_sample){tick, supply_volts(lives->supply), supply_on(lives->supply)};
}
