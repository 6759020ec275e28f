/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "power/trace.h"

#define MS UINT64_C(1000000)

static char path[64];
static struct trace *trace;

static struct trace *load(const char *text, const struct trace_options *options, struct error *err)
{
    strcpy(path, "/tmp/iaso-trace-XXXXXX");
    int fd = mkstemp(path);
    cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    struct trace *loaded = trace_load(path, options, err);
    unlink(path);
    return loaded;
}

static void expect_trace(const char *text, struct trace_options options)
{
    struct error err = {""};
    trace_free(trace);
    trace = load(text, &options, &err);
    cr_assert(trace, "%s", err.text);
}

/* The message behind the file's name. */
static void expect_refused(const char *text, enum trace_format format, const char *message)
{
    struct error err = {""};
    struct trace_options options = {.format = format};
    cr_assert_null(load(text, &options, &err), "%s", text);
    cr_assert_eq(strncmp(err.text, path, strlen(path)), 0, "%s", err.text);
    cr_assert_str_eq(err.text + strlen(path), message);
}

static void expect_power(uint64_t ns, double watts)
{
    struct trace_cursor cursor = {0};
    cr_assert_float_eq(trace_power(trace, &cursor, ns), watts, 1e-12, "%g at %lu ns, not %g",
                       trace_power(trace, &cursor, ns), (unsigned long)ns, watts);
}

static void expect_current(uint64_t ns, double volts, double amps)
{
    struct trace_cursor cursor = {0};
    cr_assert_float_eq(trace_current(trace, &cursor, ns, volts), amps, 1e-12, "%g at %g V, not %g",
                       trace_current(trace, &cursor, ns, volts), volts, amps);
}

static void teardown(void)
{
    trace_free(trace);
    trace = NULL;
}

TestSuite(trace, .fini = teardown);

Test(trace, mementos_is_a_voltage_over_30_kohm)
{
    expect_trace("1000 3.0\n1001 1.5\n1003 -0.1\n", (struct trace_options){0});
    cr_assert_eq(trace_kind(trace), TRACE_VOLTAGE);
    cr_assert_eq(trace_samples(trace), 3);
    cr_assert_eq(trace_duration(trace), 5 * MS);
    expect_power(0, 3.0 * 3.0 / 30000);
    expect_power(MS, 1.5 * 1.5 / 30000);
    expect_power(3 * MS, 0);
    expect_power(5 * MS, 3.0 * 3.0 / 30000);
    expect_current(0, 1.2, 1.8 / 30000);
    expect_current(0, 3.5, 0);
    cr_assert_float_eq(trace_conductance(trace), 1 / 30000.0, 1e-12);

    expect_trace("3\n2\n1\n", (struct trace_options){.ohms = 1000, .unit = 0.02, .scale = 0.5});
    cr_assert_eq(trace_duration(trace), 60 * MS);
    expect_power(20 * MS, 4.0 / 1000 / 2);
    expect_trace("0 3\n1 4", (struct trace_options){.unit = 1});
    cr_assert_eq(trace_duration(trace), 2000 * MS);
}

Test(trace, csv_headers_name_columns_and_units)
{
    expect_trace("# bao\ntime_s,voltage_v\n0,3\n0.02,2\n", (struct trace_options){.ohms = 100});
    cr_assert_eq(trace_kind(trace), TRACE_VOLTAGE);
    expect_power(20 * MS, 4.0 / 100);

    expect_trace("time_ms,power_uw\n0,70\n1,0\n", (struct trace_options){0});
    cr_assert_eq(trace_kind(trace), TRACE_POWER);
    cr_assert_eq(trace_duration(trace), 2 * MS);
    expect_power(0, 70e-6);
    expect_power(MS, 0);

    expect_trace("\"time [s]\";\"voltage [V]\";\"current [A]\"\n"
                 "1600000000.0;2.5;0.001\n1600000000.01;2;0.002\n",
                 (struct trace_options){0});
    cr_assert_eq(trace_kind(trace), TRACE_SAMPLE);
    cr_assert_float_eq((double)trace_duration(trace), 20e6, 1000);
    expect_power(0, 2.5e-3);
    expect_current(0, 2.4, 1e-3);
    expect_current(0, 2.6, 0);

    expect_trace(
        "note,Time_us,Current_nA,Voltage_mV,Energy_nJ\nx,0,1000,3300,0\ny,10,2000,3300,1\n",
        (struct trace_options){0});
    expect_power(10000, 3.3 * 2e-6);
}

Test(trace, surfaces_are_curves_over_time)
{
    expect_trace("1\n0,2\n0 0.003 0.002 0\n0.01 0.001 0.001 0.001\n", (struct trace_options){0});
    cr_assert_eq(trace_kind(trace), TRACE_CURVE);
    expect_power(0, 2e-3);
    expect_power(10 * MS, 2e-3);
    expect_current(0, 0, 3e-3);
    expect_current(0, 0.5, 2.5e-3);
    expect_current(0, 1.5, 1e-3);
    expect_current(10 * MS, 2, 1e-3);
    expect_current(10 * MS, 2.1, 0);
    cr_assert_float_eq(trace_conductance(trace), 2e-3, 1e-12);
}

Test(trace, ends_or_repeats_and_steps_or_slopes)
{
    const char *text = "time_ms,power_w\n0,1\n1,3\n";
    struct trace_cursor cursor = {0};
    expect_trace(text, (struct trace_options){.once = true});
    cr_assert_not(trace_repeats(trace));
    expect_power(MS - 1, 1);
    expect_power(2 * MS, 0);
    cr_assert_eq(trace_until(trace, &cursor, 0), MS);
    cr_assert_eq(trace_until(trace, &cursor, MS), 2 * MS);
    cr_assert_eq(trace_until(trace, &cursor, 2 * MS), UINT64_MAX);

    expect_trace(text, (struct trace_options){.linear = true});
    expect_power(MS / 2, 2);
    expect_power(MS, 3);
    expect_power(3 * MS / 2, 2); /* on its way back to the first */
    cr_assert_eq(trace_until(trace, &cursor, 4 * MS + 5), 5 * MS);

    expect_trace(text, (struct trace_options){.linear = true, .once = true});
    expect_power(3 * MS / 2, 3);
}

Test(trace, one_sample_lasts_for_ever)
{
    expect_trace("time_s,power_w\n5,0.25\n", (struct trace_options){.once = true});
    struct trace_cursor cursor = {0};
    cr_assert_eq(trace_until(trace, &cursor, 7), UINT64_MAX);
    expect_power(UINT64_MAX, 0.25);
    trace_free(trace);
    trace = trace_constant(0.5);
    cr_assert(trace);
    expect_power(12345, 0.5);
    cr_assert(trace_repeats(trace));
}

Test(trace, cursors_do_not_matter_for_the_answer)
{
    char text[4096] = "time_ms,power_w\n";
    for (unsigned i = 0; i < 100; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%u,%u\n", i * i + i, i);
    expect_trace(text, (struct trace_options){0});
    struct trace_cursor cursor = {0};
    uint64_t at = 0;
    for (unsigned i = 0; i < 5000; i++) {
        at += (i * UINT64_C(7919) % 977) * MS;
        struct trace_cursor fresh = {i % 100};
        double power = trace_power(trace, &cursor, at);
        cr_assert_float_eq(power, trace_power(trace, &fresh, at), 0);
        uint64_t ms = at % trace_duration(trace) / MS, n = (uint64_t)power;
        cr_assert(n * n + n <= ms && (n == 99 || ms < (n + 1) * (n + 2)));
    }
}

Test(trace, bad_files_are_refused)
{
    expect_refused("# empty\n", TRACE_DETECT, ": expected at least one sample, found none");
    expect_refused("time_s,power_w\n", TRACE_DETECT, ": expected at least one sample, found none");
    expect_refused("1\n0,3\n", TRACE_SURFACE, ": expected at least one sample, found none");
    expect_refused("0 1\n1 nan\n", TRACE_DETECT,
                   ":2: expected a number for voltage, found \"nan\"");
    expect_refused("time_s,power_w\n0,1\n1,inf\n", TRACE_CSV,
                   ":3: expected a number for power, found \"inf\"");
    expect_refused("time_s,power_w\nNaN,1\n", TRACE_CSV,
                   ":2: expected a number for time, found \"NaN\"");
    expect_refused("time_s,power_w\n0,1\n2,1\n1,1\n", TRACE_CSV,
                   ":4: time: expected one after 2 s, found 1 s");
    expect_refused("time_s,power_w\n2,1\n1,1\n", TRACE_CSV,
                   ":3: time: expected one after 2 s, found 1 s");
    expect_refused("time_s,power_w\n1,1\n1,1\n", TRACE_CSV,
                   ":3: time: expected one after 1 s, found 1 s");
    expect_refused("-1 1\n0 1\n", TRACE_MEMENTOS,
                   ":1: time: expected no negative time, found -0.001 s");
    expect_refused("time_s,power_w\n0,1\n1e12,1\n", TRACE_CSV,
                   ":3: time: expected less than 146 years, found 1e+12 s");
    expect_refused("time_s,power_w\n0,-1\n", TRACE_CSV,
                   ":2: power: expected no negative power, found -1 W");
    expect_refused("time_s,power_w\n0,1e10\n", TRACE_CSV,
                   ":2: power: expected less than 1e+09, found 1e+10");
    expect_refused("time_s,power_w\n0,1mW\n", TRACE_CSV,
                   ":2: expected a number for power, found \"1mW\"");
    expect_refused("time_s,power_dbm\n0,1\n", TRACE_CSV,
                   ":1: expected W, mW, uW or nW, found \"power_dbm\"");
    expect_refused("time_s,power_w,time_ms\n", TRACE_CSV,
                   ":1: expected each column once, found \"time_ms\"");
    expect_refused("time_s,current_a\n0,1\n", TRACE_CSV,
                   ":1: expected columns such as time_s,voltage_v or time_s,power_w");
    expect_refused("0,1\n", TRACE_CSV,
                   ":1: expected columns such as time_s,voltage_v or time_s,power_w");
    expect_refused("time_s,power_w\n0,1,2\n", TRACE_CSV,
                   ":2: expected the end of the line, found \"2\"");
    expect_refused("time_s,power_w\n0\n", TRACE_CSV,
                   ":2: expected a number for power, found the end of the line");
    expect_refused("1.5\n0,3\n", TRACE_DETECT, ":1: n: expected 0 to 12, found 1.5");
    expect_refused("1\n3,0\n", TRACE_DETECT, ":2: expected Vmin < Vmax, found 3 and 0");
    expect_refused("1\n", TRACE_SURFACE, ": expected a line \"Vmin,Vmax\", found the end");
    expect_refused("1\n0,3\n0,1,1\n", TRACE_DETECT,
                   ":3: expected a number for current, found the end of the line");
}

Test(trace, the_synthetic_ones_are_what_they_say)
{
    static const struct {
        const char *name;
        enum trace_kind kind;
        uint64_t ms;
    } all[] = {{"configs/traces/rf.txt", TRACE_VOLTAGE, 1500},
               {"configs/traces/solar.csv", TRACE_POWER, 60000},
               {"configs/traces/piezo.csv", TRACE_POWER, 6000},
               {"configs/traces/solar.iv", TRACE_CURVE, 6000}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct error err = {""};
        trace_free(trace);
        trace = trace_load(all[i].name, &(struct trace_options){0}, &err);
        cr_assert(trace, "%s", err.text);
        cr_assert_eq(trace_kind(trace), all[i].kind, "%s", all[i].name);
        cr_assert_eq(trace_duration(trace), all[i].ms * MS, "%s", all[i].name);
    }
}

Test(trace, options_are_checked)
{
    struct error err = {""};
    struct trace_options options = {.ohms = -5};
    cr_assert_null(load("1 1\n", &options, &err));
    cr_assert_str_eq(err.text, "ohms: expected 1e-09 to 1e+09, found -5");
}
