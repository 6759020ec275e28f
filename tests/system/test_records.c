/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/json.h"
#include "tests/system/harness.h"
#include "tests/trace_rules.h"

/* What a run records beside report.json: the trace, the waveforms, the graph of cascades. */

#define LARGE ((size_t)256 << 20)

struct report {
    struct place place;
    const char *dir;
    struct run run;
};

static void make_report(struct report *report, const char *config, const char *set)
{
    place_make(&report->place);
    report->dir = place_file(&report->place, "report");
    RUN(&report->run, "run", config, "--console", "none", "--summary",
        place_file(&report->place, "summary.json"), "--report", report->dir, "--set", set);
    cr_assert_eq(report->run.code, 0, "exit %d\n%s", report->run.code, report->run.err);
}

static void free_report(struct report *report)
{
    run_free(&report->run);
    place_remove(&report->place);
}

static const char *path_of(struct report *report, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "report/%s", name);
    return place_file(&report->place, path);
}

/* More strictly than cJSON reads it. */
static cJSON *json_of(struct report *report, const char *name)
{
    struct error err = {""};
    cJSON *json = json_parse_large_file(path_of(report, name), LARGE, &err);
    cr_assert(json, "%s", err.text);
    return json;
}

static const cJSON *at(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    cr_assert(item, "no \"%s\"", key);
    return item;
}

static void expect_same_file(struct report *a, struct report *b, const char *name)
{
    size_t size_a, size_b;
    char *text_a = read_whole(path_of(a, name), &size_a);
    char *text_b = read_whole(path_of(b, name), &size_b);
    cr_expect(size_a > 100 && size_a == size_b && !memcmp(text_a, text_b, size_a),
              "%s differs, %zu and %zu bytes", name, size_a, size_b);
    free(text_a);
    free(text_b);
}

static void expect_plain(struct report *report, const char *config)
{
    struct run plain;
    RUN(&plain, "run", config, "--console", "none", "--summary",
        place_file(&report->place, "plain.json"));
    expect_same(&plain, &report->run, config);
    run_free(&plain);
}

/* The trace, which keeps the rules and has what the report says. */
static cJSON *expect_trace(struct report *report, struct trace_counts *counts)
{
    cJSON *trace = json_of(report, "trace.json"), *json = json_of(report, "report.json");
    *counts = expect_good_trace(trace);
    cr_expect_eq(number_at(trace, "otherData.events"), number_at(json, "trace.events"));
    cr_expect_eq(number_at(trace, "otherData.left_out"), number_at(json, "trace.left_out"));
    cJSON_Delete(json);
    return trace;
}

Test(system_records, a_cascade, .timeout = 300)
{
    struct report report, again;
    struct trace_counts counts;
    make_report(&report, "configs/agora-smp-dependent.json", "report.trace_events=400000");
    expect_plain(&report, "configs/agora-smp-dependent.json");
    cJSON *json = json_of(&report, "report.json"), *trace = expect_trace(&report, &counts);
    const cJSON *failures = at(at(json, "recovery"), "failures"), *failure = failures->child;
    int domains = cJSON_GetArraySize(at(failure, "domains"));
    cr_assert_eq(cJSON_GetArraySize(failures), 1);
    cr_expect_gt(domains, 100);
    cr_expect_eq(domains, (int)number_at(json, "recovery.rolled_back"));
    cr_expect_geq(cJSON_GetArraySize(at(failure, "edges")), domains - 1);
    cr_expect_str_eq(at(failure, "failure")->valuestring, "panic");

    /* All domains have a slice, beside those of harts and devices; the failure is seen. */
    cr_expect_eq(number_at(json, "trace.left_out"), 0);
    cr_expect_gt(counts.slices, number_at(json, "recovery.domains"));
    cr_expect_leq(counts.arrows, number_at(json, "recovery.dependencies") + 100);
    cr_expect_gt(counts.arrows, number_at(json, "recovery.dependencies") / 2);
    trace_event(trace, 'i', "failure: panic");
    cr_expect_gt(trace_named(trace, 'B', "rolled back"), 3);
    cr_expect_gt(trace_named(trace, 's', "rollback"), 3);
    cr_expect_gt(trace_named(trace, 'B', "transfer"), 10, "a system call by its name");
    trace_event(trace, 'B', "written");

    make_report(&again, "configs/agora-smp-dependent.json", "report.trace_events=400000");
    expect_same_file(&report, &again, "trace.json");
    expect_same_file(&report, &again, "plots/cascades.dot");
    expect_same_file(&report, &again, "plots/cascades.svg");
    cJSON_Delete(json);
    cJSON_Delete(trace);
    free_report(&report);
    free_report(&again);
}

Test(system_records, a_trace_has_a_limit, .timeout = 300)
{
    struct report report;
    struct trace_counts counts;
    make_report(&report, "configs/agora-dependent.json", "report.trace_events=1000");
    cJSON *trace = expect_trace(&report, &counts);
    cr_expect_leq(number_at(trace, "otherData.events"), 1000);
    cr_expect_gt(number_at(trace, "otherData.events"), 850);
    cr_expect_gt(number_at(trace, "otherData.left_out"), 10000);
    trace_event(trace, 'i', "failure: panic"); /* late, but rare */
    cJSON_Delete(trace);
    free_report(&report);
}

Test(system_records, torture_goes_on_in_the_trace, .timeout = 300)
{
    struct report report;
    struct trace_counts counts;
    make_report(&report, "configs/agora-torture.json", "report.trace_events=300000");
    cJSON *trace = expect_trace(&report, &counts), *json = json_of(&report, "report.json");
    size_t rewound = trace_named(trace, 'i', "rewound");
    cr_expect_gt(rewound, 100);
    if (number_at(json, "trace.left_out") == 0)
        cr_expect_eq(rewound, number_at(json, "recovery.rolled_back"));
    cJSON_Delete(trace);
    cJSON_Delete(json);
    free_report(&report);
}

/* The first line that begins so; the test fails if there is none. */
static const char *line_of(const char *text, const char *begin)
{
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (!strncmp(line, begin, strlen(begin)))
            return line;
    }
    cr_assert_fail("no line \"%s\"", begin);
    return NULL;
}

static size_t count_lines(const char *text, const char *line)
{
    size_t count = 0, length = strlen(line);
    for (const char *at_line = text; at_line; at_line = strchr(at_line, '\n')) {
        at_line += *at_line == '\n';
        count += !strncmp(at_line, line, length) && at_line[length] == '\n';
        if (!*at_line)
            break;
    }
    return count;
}

/* Times never go back, and gtkwave's converter takes it. */
static void expect_good_waves(struct report *report, const char *vcd)
{
    unsigned long long last = 0, now;
    for (const char *line = line_of(vcd, "#0"); (line = strstr(line, "\n#")); line++) {
        cr_assert_eq(sscanf(line, "\n#%llu", &now), 1);
        cr_assert_gt(now, last);
        last = now;
    }
    cr_expect_eq((double)last, summary_number(&report->run, "virtual_time_ns"));
    struct run run;
    RUN_COMMAND(&run, "vcd2fst", path_of(report, "power.vcd"),
                place_file(&report->place, "power.fst"));
    cr_expect_eq(run.code, 0, "%s%s", run.out, run.err);
    run_free(&run);
    cr_expect_eq(access(place_file(&report->place, "power.fst"), R_OK), 0);
}

static void expect_power(const char *config, bool supplied)
{
    struct report report, again;
    struct trace_counts counts;
    make_report(&report, config, "report.trace_events=200000");
    expect_plain(&report, config);
    cJSON *trace = expect_trace(&report, &counts), *json = json_of(&report, "report.json");
    size_t lives = (size_t)number_at(json, "power.lives"), cuts = lives - 1;
    char *vcd = read_whole(path_of(&report, "power.vcd"), NULL), last[32];
    cr_assert_gt(cuts, 5);
    cr_expect_eq(trace_named(trace, 'i', "power cut"), cuts);
    snprintf(last, sizeof last, "life %zu", lives);
    trace_event(trace, 'B', last);
    cr_expect_eq(trace_named(trace, 'C', "power"), 2 * lives - 1);
    cr_expect_eq(trace_named(trace, 'C', "supply") > 0, supplied);
    cr_expect_gt(trace_named(trace, 'i', "progress"), 100);
    cr_expect_gt(trace_named(trace, 'B', "PendSV"), 10);

    cr_expect_eq(count_lines(vcd, "1!"), lives, "on");
    cr_expect_eq(count_lines(vcd, "0!"), cuts + 1, "off, and at the beginning");
    cr_expect_eq(count_lines(vcd, supplied ? "1$" : "1#"), cuts);
    cr_expect_eq(!!strstr(vcd, "$var real 64 & supply $end"), supplied);
    line_of(vcd, "$timescale 1 ns $end");
    line_of(vcd, "$enddefinitions $end");
    expect_good_waves(&report, vcd);

    make_report(&again, config, "report.trace_events=200000");
    expect_same_file(&report, &again, "trace.json");
    expect_same_file(&report, &again, "power.vcd");
    free(vcd);
    cJSON_Delete(trace);
    cJSON_Delete(json);
    free_report(&report);
    free_report(&again);
}

Test(system_records, planned_cuts, .timeout = 300)
{
    expect_power("configs/persistent-rtos.json", false);
}

Test(system_records, a_supply, .timeout = 300)
{
    expect_power("configs/hypnos-trace.json", true);
}

/* Without graphviz there is the script, and a line that says what is lacking. */
Test(system_records, no_graphviz, .timeout = 300)
{
    struct report report;
    char *path = strdup(getenv("PATH"));
    setenv("PATH", "/nowhere", 1);
    make_report(&report, "configs/agora-null.json", "report.trace_events=1000");
    setenv("PATH", path, 1);
    free(path);
    cr_expect(strstr(report.run.err, "package graphviz"), "%s", report.run.err);
    cr_expect_eq(access(path_of(&report, "plots/cascades.dot"), R_OK), 0);
    cr_expect_neq(access(path_of(&report, "plots/cascades.svg"), R_OK), 0);
    free_report(&report);
}
