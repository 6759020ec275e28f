/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "power/supply.h"

#define S     UINT64_C(1000000000)
#define LIMIT (3600 * S)

static struct trace *trace;
static struct supply *supply;

/* 10 uF, 2.8 / 2.2 V, no losses: 39.2 uJ and 24.2 uJ. */
static struct supply_config plain(void)
{
    return (struct supply_config){.farads = 10e-6,
                                  .on_volts = 2.8,
                                  .off_volts = 2.2,
                                  .input = SUPPLY_CONVERTER,
                                  .input_efficiency = 1,
                                  .output_efficiency = 1};
}

static void set_up(struct supply_config config, struct trace *source)
{
    struct error err = {""};
    supply_free(supply);
    if (source != trace)
        trace_free(trace);
    trace = source;
    cr_assert(trace);
    supply = supply_new(&config, trace, &err);
    cr_assert(supply, "%s", err.text);
}

static struct trace *from_text(const char *text, struct trace_options options)
{
    char path[] = "/tmp/iaso-supply-XXXXXX";
    struct error err = {""};
    int fd = mkstemp(path);
    cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    struct trace *loaded = trace_load(path, &options, &err);
    unlink(path);
    cr_assert(loaded, "%s", err.text);
    return loaded;
}

static void teardown(void)
{
    supply_free(supply);
    trace_free(trace);
    supply = NULL;
    trace = NULL;
}

TestSuite(supply, .fini = teardown);

static double recharge(void)
{
    struct error err = {""};
    uint64_t ns;
    cr_assert_eq(supply_recharge(supply, LIMIT, &ns, &err), 0, "%s", err.text);
    cr_assert(supply_on(supply));
    return (double)ns * 1e-9;
}

static void expect_near(double found, double expected, double share)
{
    cr_assert_float_eq(found, expected, fabs(expected) * share, "%.9g, not %.9g", found, expected);
}

static void expect_never(const char *message)
{
    struct error err = {""};
    uint64_t ns;
    cr_assert_eq(supply_recharge(supply, LIMIT, &ns, &err), -1);
    cr_assert_str_eq(err.text, message);
    cr_assert_not(supply_on(supply));
}

Test(supply, constant_power_charges_linearly_in_energy)
{
    set_up(plain(), trace_constant(1e-3));
    cr_assert_not(supply_on(supply));
    expect_near(recharge(), 39.2e-6 / 1e-3, 1e-6);
    expect_near(supply_volts(supply), 2.8, 1e-6);
    expect_near((double)supply_budget(supply), 15e9, 1e-5); /* 15 uJ */
}

Test(supply, a_slope_charges_by_its_mean)
{
    set_up(plain(),
           from_text("time_s,power_w\n0,0\n1,1e-5\n", (struct trace_options){.linear = true}));
    supply_advance(supply, S, 0);
    expect_near(supply_volts(supply), 1, 1e-9); /* 5 uJ */
}

Test(supply, a_resistor_charges_as_rc)
{
    /* 4 V behind 30 kOhm into 10 uF: V = 4 (1 - exp(-t / 0.3 s)). */
    struct supply_config config = plain();
    config.input = SUPPLY_DIODE;
    set_up(config, from_text("0 4\n", (struct trace_options){0}));
    expect_near(recharge(), -0.3 * log(1 - 2.8 / 4), 1e-3);

    config.diode_volts = 0.3;
    set_up(config, from_text("0 4\n1 4\n", (struct trace_options){0}));
    expect_near(recharge(), -0.3 * log(1 - 2.8 / 3.7), 1e-3);
    double volts = supply_volts(supply);
    supply_switch_off(supply);
    supply_advance(supply, S / 10, 0);
    expect_near(supply_volts(supply), 3.7 - (3.7 - volts) * exp(-0.1 / 0.3), 1e-4);
}

Test(supply, leakage_and_loads_drain_as_the_closed_forms_say)
{
    struct supply_config config = plain();
    config.start_volts = 2.8;
    config.leak_amps = 10e-6;
    set_up(config, trace_constant(0));
    cr_assert(supply_on(supply));
    cr_assert(supply_advance(supply, S / 10, 0)); /* 0.1 V */
    expect_near(supply_volts(supply), 2.7, 1e-5);
    cr_assert_not(supply_advance(supply, 6 * S / 10, 0));
    cr_assert_not(supply_on(supply));

    config.leak_amps = 0;
    config.output_efficiency = 0.5;
    set_up(config, trace_constant(0));
    cr_assert(supply_advance(supply, S / 1000, UINT64_C(5000000000))); /* 5 uJ, 10 taken */
    expect_near(supply_volts(supply), sqrt(2 * 29.2e-6 / 10e-6), 1e-9);
    expect_near((double)supply_budget(supply), 2.5e9, 1e-5);
    cr_assert(supply_consume(supply, UINT64_C(2400000000)));
    cr_assert_not(supply_consume(supply, UINT64_C(200000000)));
    struct supply_totals totals = supply_totals(supply);
    expect_near(totals.delivered, 7.6e-6, 1e-9);
    expect_near(totals.lost_in_output, 7.6e-6, 1e-9);
}

Test(supply, energy_is_conserved)
{
    struct supply_config config = plain();
    config.leak_amps = 5e-6;
    config.max_volts = 3;
    for (unsigned direct = 0; direct < 2; direct++) {
        config.input = direct ? SUPPLY_DIODE : SUPPLY_CONVERTER;
        set_up(config, from_text("0 5\n1 9\n2 0\n", (struct trace_options){.ohms = 10000}));
        recharge();
        for (unsigned i = 0; i < 200; i++)
            supply_advance(supply, S / 1000, i * 10000000);
        struct supply_totals totals = supply_totals(supply);
        double stored = 10e-6 * supply_volts(supply) * supply_volts(supply) / 2;
        expect_near(
            totals.harvested,
            stored + totals.leaked + totals.delivered + totals.lost_in_output + totals.burnt, 1e-6);
        cr_assert(totals.burnt > 0 && totals.leaked > 0);
        cr_assert_leq(supply_volts(supply), 3 + 1e-9);
    }
}

Test(supply, next_off_is_never_too_late)
{
    struct supply_config config = plain();
    config.start_volts = 2.8;
    config.leak_amps = 1e-6;
    set_up(config, trace_constant(1e-3));
    unsigned asked = 0;
    while (supply_on(supply)) {
        uint64_t ns = supply_next_off(supply, 5e-3, 1000);
        cr_assert_geq(ns, 1000);
        bool on = supply_advance(supply, ns, ns * 5000); /* 5 mW */
        cr_assert(on || ns == 1000, "off within %lu ns", (unsigned long)ns);
        cr_assert_lt(++asked, 100);
    }
    expect_near((double)supply_ns(supply) * 1e-9, 15e-6 / 4e-3, 2e-3);
}

Test(supply, slow_comparators_see_the_voltage_late)
{
    struct supply_config config = plain();
    config.check_ns = 64000000;
    config.brownout_volts = 1.8;
    set_up(config, trace_constant(1e-3));
    expect_near(recharge(), 0.064, 1e-9); /* 39.2 ms would do */
    cr_assert_eq(supply_next_off(supply, 0.7e-3, 1000), 64000000, "not before it is looked at");
    expect_near((double)supply_next_off(supply, 2e-3, 1000), (64 - 16.2) / 2 * 1e6, 1e-6);
    cr_assert(supply_advance(supply, 32000000, 0));
    cr_assert_not(supply_consume(supply, UINT64_C(96000000000) - UINT64_C(16200000000) + 100),
                  "brown-out does not wait");
}

Test(supply, never_is_said_with_the_voltage)
{
    struct supply_config config = plain();
    config.input = SUPPLY_DIODE;
    set_up(config, from_text("0 2.3\n1 2.31\n", (struct trace_options){0}));
    expect_never("can never reach 2.8 V: stalls at 2.31 V");

    config = plain();
    config.leak_amps = 1e-3;
    set_up(config, trace_constant(2e-3));
    expect_never("can never reach 2.8 V: stalls at 2 V");

    set_up(plain(), trace_constant(0));
    expect_never("can never reach 2.8 V: stalls at 0 V");

    set_up(plain(),
           from_text("time_s,power_w\n0,1e-5\n1,1e-5\n", (struct trace_options){.once = true}));
    expect_never("can never reach 2.8 V: stalls at 2 V");
}

Test(supply, patience_has_a_limit)
{
    set_up(plain(), trace_constant(1e-9));
    struct error err = {""};
    uint64_t ns;
    cr_assert_eq(supply_recharge(supply, 1000 * S, &ns, &err), -1);
    cr_assert_str_eq(err.text, "did not reach 2.8 V in 1000 s: at 0.4472 V");
    cr_assert_eq(ns, 1000 * S);
}

Test(supply, states_come_back)
{
    set_up(plain(), from_text("0 5\n1 9\n2 0\n", (struct trace_options){.ohms = 10000}));
    recharge();
    struct state_copy copy = {0};
    supply_state(supply, &copy);
    uint8_t *state = malloc(copy.size);
    copy.at = state;
    supply_state(supply, &copy);
    cr_assert_not(supply_advance(supply, S / 100, UINT64_C(100000000000)));
    double volts = supply_volts(supply);
    copy = (struct state_copy){.at = state, .restore = true};
    supply_state(supply, &copy);
    cr_assert(supply_on(supply));
    cr_assert_not(supply_advance(supply, S / 100, UINT64_C(100000000000)));
    cr_assert_float_eq(supply_volts(supply), volts, 0);
    free(state);
}

static void refuse(struct supply_config config, const char *message)
{
    struct error err = {""};
    cr_assert_eq(supply_check(&config, &err), -1);
    cr_assert_str_eq(err.text, message);
}

Test(supply, the_impossible_is_refused)
{
    struct supply_config config = plain();
    config.off_volts = 2.9;
    refuse(config, "supply.off: expected less than on (2.8 V), found 2.9 V");
    config = plain();
    config.farads = 0;
    refuse(config, "supply.capacitor: expected 1e-12 to 1000, found 0");
    config = plain();
    config.on_volts = NAN;
    refuse(config, "supply.on: expected 0.001 to 1000, found nan");
    config = plain();
    config.brownout_volts = 2.3;
    refuse(config, "supply.brownout: expected at most off (2.2 V), found 2.3 V");
    config = plain();
    config.max_volts = 2.5;
    refuse(config, "supply.max: expected at least on (2.8 V), found 2.5 V");
    config = plain();
    config.leak_amps = -1;
    refuse(config, "supply.leakage: expected 0 to 1, found -1");
    config = plain();
    config.input_efficiency = 0;
    refuse(config, "supply.input_efficiency: expected 0.001 to 1, found 0");
}

Test(supply, presets_are_sound)
{
    const struct supply_preset *preset;
    size_t count = 0;
    for (; (preset = supply_preset_at(count)); count++) {
        struct error err = {""};
        cr_assert_eq(supply_check(&preset->config, &err), 0, "%s: %s", preset->name, err.text);
        cr_assert_eq(supply_preset(preset->name), preset);
        cr_assert(preset->source && *preset->source);
    }
    cr_assert_eq(count, 5);
    cr_assert_null(supply_preset("battery"));
    struct supply_config config = supply_preset("fr5994-launchpad")->config;
    config.start_volts = config.on_volts;
    set_up(config, trace_constant(0));
    expect_near((double)supply_budget(supply), 30992e6, 1e-4);
}
