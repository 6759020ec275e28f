/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "power/supply.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#define MAX_CHANGE   0.02 /* of the energy, or half of it of the voltage, in a step */
#define SMALLEST     1e-3 /* what counts as little energy, as a share of what switches on */
#define OF_CONSTANT  0.05 /* of the circuit's time constant, in a step */
#define NO_MORE      1e-9 /* gain in a round of the trace, as a share of what switches on */
#define SHORTEST_OFF 1000 /* ns: steps without load are not shorter but for the trace's sake */
#define MAX_STEPS    (UINT64_C(1) << 28)  /* of a recharge: some ten seconds of the host's time */
#define ROUND        UINT64_C(1000000000) /* ns: a trace that is shorter goes round several times */
#define FJ           1e-15
#define MAX_NS       (UINT64_C(1) << 62)

struct state {
    double joules; /* in the capacitor */
    uint64_t ns;
    bool on;
    struct trace_cursor cursor;
    struct supply_totals totals;
};

struct supply {
    struct supply_config config;
    const struct trace *trace;
    double on_joules, off_joules, max_joules, brownout_joules;
    bool by_charge; /* the input is a current that depends on the voltage */
    struct state state;
};

/* ---- What makes sense ---------------------------------------------------------------------- */

static int check_range(const char *what, double value, double low, double high, struct error *err)
{
    if (value >= low && value <= high)
        return 0;
    return error_set(err, "supply.%s: expected %g to %g, found %g", what, low, high, value);
}

int supply_check(const struct supply_config *config, struct error *err)
{
    if (check_range("capacitor", config->farads, 1e-12, 1e3, err) ||
        check_range("on", config->on_volts, 1e-3, 1e3, err) ||
        check_range("off", config->off_volts, 0, 1e3, err) ||
        check_range("start", config->start_volts, 0, 1e3, err) ||
        check_range("max", config->max_volts, 0, 1e3, err) ||
        check_range("brownout", config->brownout_volts, 0, 1e3, err) ||
        check_range("diode", config->diode_volts, 0, 10, err) ||
        check_range("input_efficiency", config->input_efficiency, 1e-3, 1, err) ||
        check_range("output_efficiency", config->output_efficiency, 1e-3, 1, err) ||
        check_range("leakage", config->leak_amps, 0, 1, err))
        return -1;
    if (config->off_volts >= config->on_volts)
        return error_set(err, "supply.off: expected less than on (%g V), found %g V",
                         config->on_volts, config->off_volts);
    if (config->brownout_volts > config->off_volts)
        return error_set(err, "supply.brownout: expected at most off (%g V), found %g V",
                         config->off_volts, config->brownout_volts);
    if (config->max_volts != 0 && config->max_volts < config->on_volts)
        return error_set(err, "supply.max: expected at least on (%g V), found %g V",
                         config->on_volts, config->max_volts);
    return 0;
}

static double energy_at(const struct supply_config *config, double volts)
{
    return config->farads * volts * volts / 2;
}

struct supply *supply_new(const struct supply_config *config, const struct trace *trace,
                          struct error *err)
{
    if (supply_check(config, err))
        return NULL;
    struct supply *supply = calloc(1, sizeof *supply);
    if (!supply) {
        error_set(err, "out of memory");
        return NULL;
    }
    supply->config = *config;
    supply->trace = trace;
    supply->by_charge = config->input == SUPPLY_DIODE && trace_kind(trace) != TRACE_POWER;
    supply->on_joules = energy_at(config, config->on_volts);
    supply->off_joules = energy_at(config, config->off_volts);
    supply->max_joules = config->max_volts != 0 ? energy_at(config, config->max_volts) : INFINITY;
    supply->brownout_joules = energy_at(config, config->brownout_volts);
    supply->state.joules = energy_at(config, config->start_volts);
    supply->state.on = config->start_volts >= config->on_volts;
    return supply;
}

void supply_free(struct supply *supply)
{
    free(supply);
}

/* ---- State --------------------------------------------------------------------------------- */

static double volts_of(const struct supply *supply, double joules)
{
    return sqrt(2 * joules / supply->config.farads);
}

bool supply_on(const struct supply *supply)
{
    return supply->state.on;
}

double supply_volts(const struct supply *supply)
{
    return volts_of(supply, supply->state.joules);
}

uint64_t supply_ns(const struct supply *supply)
{
    return supply->state.ns;
}

struct supply_totals supply_totals(const struct supply *supply)
{
    return supply->state.totals;
}

void supply_state(struct supply *supply, struct state_copy *copy)
{
    state_copy(copy, &supply->state, sizeof supply->state);
}

/* ---- A step -------------------------------------------------------------------------------- */

/* What flows at an energy and a time, in watts. */
struct flow {
    double in, leak, load;
};

static struct flow flow_at(struct supply *supply, double joules, uint64_t ns, double load)
{
    double volts = volts_of(supply, joules);
    struct flow flow = {.leak = joules > 0 ? supply->config.leak_amps * volts : 0, .load = load};
    if (supply->by_charge)
        flow.in = volts * trace_current(supply->trace, &supply->state.cursor, ns,
                                        volts + supply->config.diode_volts);
    else
        flow.in =
            supply->config.input_efficiency * trace_power(supply->trace, &supply->state.cursor, ns);
    return flow;
}

static double net(const struct flow *flow)
{
    return flow->in - flow->leak - flow->load;
}

/* Amperes into the capacitor; an empty one has no power to go by. */
static double net_amps(struct supply *supply, double volts, uint64_t ns, double load)
{
    double least = supply->config.on_volts * SMALLEST;
    double amps =
        trace_current(supply->trace, &supply->state.cursor, ns, volts + supply->config.diode_volts);
    if (load != 0)
        amps -= load / (volts > least ? volts : least);
    return volts > 0 ? amps - supply->config.leak_amps : amps;
}

/* The longest step from here that is good: see supply.h. */
static uint64_t longest_step(struct supply *supply, double load)
{
    struct state *state = &supply->state;
    uint64_t until = trace_until(supply->trace, &state->cursor, state->ns);
    double seconds = 1e9;
    if (supply->by_charge) {
        double volts = supply_volts(supply);
        double amps = fabs(net_amps(supply, volts, state->ns, load));
        double least = supply->config.on_volts * 0.03;
        double change = MAX_CHANGE / 2 * (volts > least ? volts : least) * supply->config.farads;
        double conductance = trace_conductance(supply->trace);
        if (amps * seconds > change)
            seconds = change / amps;
        if (conductance * seconds > OF_CONSTANT * supply->config.farads)
            seconds = OF_CONSTANT * supply->config.farads / conductance;
    } else if (supply->config.leak_amps > 0) {
        struct flow flow = flow_at(supply, state->joules, state->ns, load);
        double least = supply->on_joules * SMALLEST;
        double change = MAX_CHANGE * (state->joules > least ? state->joules : least);
        double watts = fabs(net(&flow));
        double constant = sqrt(2 * state->joules * supply->config.farads) /
                          supply->config.leak_amps; /* C V / I */
        if (watts * seconds > change)
            seconds = change / watts;
        if (seconds > OF_CONSTANT * constant)
            seconds = OF_CONSTANT * constant;
    }
    uint64_t ns = (uint64_t)(seconds * 1e9), shortest = load != 0 ? 1 : SHORTEST_OFF;
    ns = ns > shortest ? ns : shortest;
    return until - state->ns < ns ? until - state->ns : ns;
}

/* The energy after a step, by the midpoint method, and what flowed on average. */
static double after(struct supply *supply, uint64_t ns, double load, struct flow *mean)
{
    const struct state *state = &supply->state;
    double seconds = (double)ns * 1e-9, half = seconds / 2, end;
    uint64_t middle = state->ns + ns / 2;
    if (supply->by_charge) {
        double farads = supply->config.farads, volts = supply_volts(supply);
        double mid = volts + net_amps(supply, volts, state->ns, load) * half / farads;
        mid = mid > 0 ? mid : 0;
        double last = volts + net_amps(supply, mid, middle, load) * seconds / farads;
        end = last > 0 ? farads * last * last / 2 : 0;
        *mean = flow_at(supply, energy_at(&supply->config, (volts + (last > 0 ? last : 0)) / 2),
                        middle, load);
        /* By the energy's change: the power at the mean voltage is a little off. */
        mean->in = (end - state->joules) / seconds + mean->leak + mean->load;
        return end;
    }
    struct flow first = flow_at(supply, state->joules, state->ns, load);
    double mid = state->joules + net(&first) * half;
    *mean = flow_at(supply, mid > 0 ? mid : 0, middle, load);
    end = state->joules + net(mean) * seconds;
    return end;
}

static void account(struct supply *supply, const struct flow *mean, uint64_t ns, double joules)
{
    struct state *state = &supply->state;
    double seconds = (double)ns * 1e-9, efficiency = supply->config.output_efficiency;
    state->totals.harvested += mean->in * seconds;
    state->totals.leaked += mean->leak * seconds;
    state->totals.delivered += mean->load * efficiency * seconds;
    state->totals.lost_in_output += mean->load * (1 - efficiency) * seconds;
    if (joules > supply->max_joules) {
        state->totals.burnt += joules - supply->max_joules;
        joules = supply->max_joules;
    }
    state->joules = joules > 0 ? joules : 0;
    state->ns += ns;
}

static bool is_check_time(const struct supply *supply)
{
    return !supply->config.check_ns || supply->state.ns % supply->config.check_ns == 0;
}

/* Until the thresholds are looked at next. */
static uint64_t to_check(const struct supply *supply)
{
    uint64_t every = supply->config.check_ns;
    return every ? every - supply->state.ns % every : UINT64_MAX;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void look_at_thresholds(struct supply *supply)
{
    struct state *state = &supply->state;
    if ((state->joules <= supply->off_joules && is_check_time(supply)) ||
        state->joules < supply->brownout_joules || state->joules <= 0)
        state->on = false;
}

/* ---- With power on ------------------------------------------------------------------------- */

uint64_t supply_budget(const struct supply *supply)
{
    double joules = supply->state.joules - supply->off_joules;
    return joules > 0 ? (uint64_t)(joules * supply->config.output_efficiency / FJ) : 0;
}

/* Nanoseconds in which the energy falls to `joules` if nothing is harvested. */
static uint64_t time_to(const struct supply *supply, double joules, double watts)
{
    double left = supply->state.joules - joules;
    double drain =
        watts / supply->config.output_efficiency + supply->config.leak_amps * supply_volts(supply);
    if (left <= 0)
        return 0;
    double ns = left / drain * 1e9;
    return ns < (double)MAX_NS ? (uint64_t)ns : MAX_NS;
}

uint64_t supply_next_off(const struct supply *supply, double watts, uint64_t resolution)
{
    uint64_t ns = time_to(supply, supply->off_joules, watts), every = supply->config.check_ns;
    if (every) {
        uint64_t now = supply->state.ns % every;
        uint64_t checked = (now + ns + every - 1) / every * every - now;
        ns = least(checked ? checked : every, time_to(supply, supply->brownout_joules, watts));
    }
    if (ns < resolution)
        ns = resolution;
    return ns ? ns : 1;
}

bool supply_advance(struct supply *supply, uint64_t ns, uint64_t femtojoules)
{
    struct state *state = &supply->state;
    if (ns == 0)
        return supply_consume(supply, femtojoules);
    double watts =
        (double)femtojoules * FJ / ((double)ns * 1e-9) / supply->config.output_efficiency;
    while (ns) {
        struct flow mean;
        double load = state->on ? watts : 0;
        uint64_t step = least(least(ns, to_check(supply)), longest_step(supply, load));
        account(supply, &mean, step, after(supply, step, load, &mean));
        if (state->on)
            look_at_thresholds(supply);
        ns -= step;
    }
    return state->on;
}

bool supply_consume(struct supply *supply, uint64_t femtojoules)
{
    struct state *state = &supply->state;
    double joules = (double)femtojoules * FJ, taken = joules / supply->config.output_efficiency;
    if (!state->on)
        return false;
    state->totals.delivered += joules;
    state->totals.lost_in_output += taken - joules;
    state->joules = state->joules > taken ? state->joules - taken : 0;
    look_at_thresholds(supply);
    return state->on;
}

void supply_switch_off(struct supply *supply)
{
    supply->state.on = false;
}

/* ---- With power off ------------------------------------------------------------------------ */

/* One step towards the on-voltage, which it does not overshoot; at most `limit`. */
static void charge(struct supply *supply, uint64_t limit)
{
    struct state *state = &supply->state;
    struct flow mean;
    uint64_t step = least(least(limit, to_check(supply)), longest_step(supply, 0));
    double joules = after(supply, step, 0, &mean);
    if (!supply->config.check_ns && joules > supply->on_joules && step > 1 &&
        state->joules < supply->on_joules) {
        double part = (supply->on_joules - state->joules) / (joules - state->joules);
        uint64_t shorter = (uint64_t)ceil((double)step * part);
        step = shorter < step ? (shorter ? shorter : 1) : step;
        joules = after(supply, step, 0, &mean);
    }
    account(supply, &mean, step, joules);
    if (state->joules >= supply->on_joules && is_check_time(supply))
        state->on = true;
}

static int never(const struct supply *supply, double joules, struct error *err)
{
    return error_set(err, "can never reach %.4g V: stalls at %.4g V", supply->config.on_volts,
                     volts_of(supply, joules));
}

/*
 * The energy after a round of the trace grows with the energy before it, as two solutions of one
 * equation never cross. So if a round brought nothing, none ever will.
 */
int supply_recharge(struct supply *supply, uint64_t limit_ns, uint64_t *off_ns, struct error *err)
{
    struct state *state = &supply->state;
    bool repeats = trace_repeats(supply->trace);
    uint64_t start = state->ns, round = trace_duration(supply->trace), steps = 0;
    if (repeats && round < ROUND)
        round *= (ROUND + round - 1) / round;
    uint64_t end = repeats ? start + round : round;
    double before = state->joules, peak = before;
    if (limit_ns > MAX_NS)
        limit_ns = MAX_NS;
    if (state->joules >= supply->on_joules && is_check_time(supply))
        state->on = true;
    for (*off_ns = 0; !state->on; *off_ns = state->ns - start) {
        if (!repeats && state->ns >= end)
            return never(supply, peak, err);
        if (state->ns == end) {
            if (state->joules <= before + supply->on_joules * NO_MORE)
                return never(supply, peak, err);
            before = peak = state->joules;
            end += round;
        }
        if (*off_ns >= limit_ns || steps++ == MAX_STEPS)
            return error_set(err, "did not reach %.4g V in %.4g s: at %.4g V",
                             supply->config.on_volts, (double)*off_ns * 1e-9, supply_volts(supply));
        charge(supply, least(end - state->ns, limit_ns - *off_ns));
        peak = fmax(peak, state->joules);
    }
    return 0;
}
