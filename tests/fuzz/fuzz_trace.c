/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as an energy trace of each format, and as a list of power cuts: a clear error, or
 * values within their limits and a supply that comes to a verdict; never a crash.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "power/list.h"
#include "power/supply.h"
#include "power/trace.h"
#include "tests/fuzz/fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fuzz_trace: %s\n", what);
    abort();
}

static void check_message(const struct error *err)
{
    size_t length = strnlen(err->text, sizeof err->text);
    check(length > 0 && length < sizeof err->text, "no message");
    for (size_t i = 0; i < length; i++)
        check((unsigned char)err->text[i] >= ' ', "the message is not one line");
}

static void check_answers(const struct trace *trace)
{
    struct trace_cursor cursor = {0};
    uint64_t at = 0;
    for (unsigned i = 0; i < 50; i++) {
        double power = trace_power(trace, &cursor, at);
        double current = trace_current(trace, &cursor, at, 0.1 * i);
        uint64_t until = trace_until(trace, &cursor, at);
        check(isfinite(power) && power >= 0, "power");
        check(isfinite(current) && current >= 0, "current");
        check(until > at, "until");
        at = i % 3 ? until : at + trace_duration(trace) / 7;
        if (at > UINT64_MAX / 2)
            at = 0;
    }
}

/* Within a limit that keeps the number of steps small. */
static void check_supply(const struct trace *trace, enum supply_input input)
{
    struct supply_config config = supply_preset("shepherd-diode")->config;
    struct error err = {""};
    uint64_t ns = 0;
    config.input = input;
    struct supply *supply = supply_new(&config, trace, &err);
    check(supply, "supply");
    if (supply_recharge(supply, 1000000, &ns, &err))
        check_message(&err);
    else
        check(supply_volts(supply) >= 2.79, "on below the threshold");
    check(ns <= 1000000 && isfinite(supply_volts(supply)), "recharge");
    supply_free(supply);
}

static void check_trace(const char *path, enum trace_format format, bool linear)
{
    struct trace_options options = {.format = format, .linear = linear, .once = linear};
    struct error err = {""};
    struct trace *trace = trace_load(path, &options, &err);
    if (!trace) {
        check_message(&err);
        return;
    }
    check(trace_samples(trace) && trace_duration(trace), "samples");
    check_answers(trace);
    check_supply(trace, SUPPLY_DIODE);
    check_supply(trace, SUPPLY_CONVERTER);
    trace_free(trace);
}

static void check_list(const char *path)
{
    struct error err = {""};
    struct cut_list *list = list_load(path, 1000000, LIST_MS, &err);
    if (!list) {
        check_message(&err);
        return;
    }
    check(list->count, "empty list");
    for (size_t i = 0; i < list->count; i++) {
        check(list->entries[i].on, "no on-time");
        check(!list->absolute || i == 0 || list->entries[i].on > list->entries[i - 1].on,
              "not sorted");
    }
    list_free(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size);
    for (int format = TRACE_DETECT; format <= TRACE_SURFACE; format++)
        check_trace(path, (enum trace_format)format, size & 1);
    check_list(path);
    return 0;
}
