/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/report/report_read.h"
#include "tests/system/harness.h"
#include "tests/system/reports.h"

/* What a user finds in the folder of a report. */

/* ---- The schema ---------------------------------------------------------------------------- */

Test(system_report, as_the_schema_says)
{
    struct place place;
    place_make(&place);
    const char *schema = put_schema(&place), *dir = place_file(&place, "report");
    REPORT(dir, 1, FAILURE);
    cr_expect_eq(validate(dir, schema), 0, "a failure");
    REPORT(dir, 0, "run", KV, "--force");
    cr_expect_eq(validate(dir, schema), 0, "power cuts");
    REPORT(dir, 0, "run", TRACE, "--force");
    cr_expect_eq(validate(dir, schema), 0, "a supply");
    REPORT(dir, 0, "run", "configs/hello.json", "--force");
    cr_expect_eq(validate(dir, schema), 0, "next to nothing");
    place_remove(&place);
}

/* What is another key, or of another type, does not pass. */
Test(system_report, the_schema_is_strict)
{
    static const char *const objects[] = {
        "",
        "power",
        "power.nvm",
        "power.nvm.wear",
        "power.nvm.wear.map.0",
        "power.energy_nj",
        "power.energy_nj.functions.0",
        "power.list.0",
        "harts.0",
        "inputs.0",
    };
    struct place place;
    place_make(&place);
    const char *schema = put_schema(&place), *dir = place_file(&place, "report");
    REPORT(dir, 0, "run", KV);
    cJSON *report = load_report(dir);
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        cJSON *object = (cJSON *)report_at(report, objects[i]);
        cr_assert(object, "%s", objects[i]);
        cJSON_AddNumberToObject(object, "unheard_of", 1);
        save_report(dir, report);
        cr_expect_neq(validate(dir, schema), 0, "\"%s\" has another key", objects[i]);
        cJSON_DeleteItemFromObject(object, "unheard_of");
    }
    save_report(dir, report);
    cr_expect_eq(validate(dir, schema), 0);
    cJSON_ReplaceItemInObject(report, "instructions", cJSON_CreateString("many"));
    save_report(dir, report);
    cr_expect_neq(validate(dir, schema), 0);
    cJSON_DeleteItemFromObject(report, "instructions");
    save_report(dir, report);
    cr_expect_neq(validate(dir, schema), 0, "instructions are missing");
    cJSON_Delete(report);
    place_remove(&place);
}

static void expect_descriptions(const cJSON *schema, const char *path)
{
    const cJSON *property;
    char below[300];
    cJSON_ArrayForEach(property, cJSON_GetObjectItem(schema, "properties"))
    {
        snprintf(below, sizeof below, "%.200s.%.80s", path, property->string);
        cr_expect(report_string(property, "description"), "%s has no description", below);
        expect_descriptions(property, below);
        if (cJSON_GetObjectItem(property, "items"))
            expect_descriptions(cJSON_GetObjectItem(property, "items"), below);
    }
}

Test(system_report, the_schema_describes_every_key)
{
    struct run run, config;
    const cJSON *definition;
    RUN(&run, "schema", "report");
    cJSON *schema = cJSON_Parse(run.out);
    cr_assert(schema);
    expect_descriptions(schema, "");
    cJSON_ArrayForEach(definition, cJSON_GetObjectItem(schema, "$defs"))
    {
        expect_descriptions(definition, definition->string);
    }
    cJSON_Delete(schema);
    run_free(&run);
    RUN(&run, "schema");
    RUN(&config, "schema", "config");
    cr_expect_str_eq(run.out, config.out);
    run_free(&run);
    run_free(&config);
    RUN(&run, "schema", "reprot");
    cr_expect_eq(run.code, 2);
    cr_expect(strstr(run.err, "did you mean \"report\"?"), "%s", run.err);
    run_free(&run);
}

/* ---- The same again ------------------------------------------------------------------------ */

static void expect_same_run(const char *a, const char *b)
{
    static const char *const paths[] = {"instructions",  "virtual_time_ns", "console_sha256",
                                        "memory_sha256", "digest",          "configuration",
                                        "inputs",        "power",           "harts",
                                        "coverage",      "recovery"};
    cJSON *left = load_report(a), *right = load_report(b);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        cr_expect(report_at(left, paths[i]) == report_at(right, paths[i]) ||
                      cJSON_Compare(report_at(left, paths[i]), report_at(right, paths[i]), true),
                  "%s", paths[i]);
    cJSON_Delete(left);
    cJSON_Delete(right);
}

Test(system_report, two_runs_leave_the_same)
{
    static const char *const files[] = {"report.json",      "config.json",   "tables/totals.csv",
                                        "tables/lives.csv", "plots/wear.gp", "plots/wear.svg"};
    struct place place;
    place_make(&place);
    const char *a = place_file(&place, "a"), *b = place_file(&place, "b");
    REPORT(a, 0, "run", KV);
    REPORT(b, 0, "run", KV);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        expect_same_text(a, b, files[i]);
    cr_expect(has_file(a, "host.json"));
    place_remove(&place);
}

/* The config in the report repeats the run; so does the command. */
static void expect_repeats(struct place *place, int code, const char *const arguments[])
{
    char config[200], command[1000];
    struct run run;
    const char *a = place_file(place, "a"), *b = place_file(place, "b"),
               *c = place_file(place, "c");
    run_report(a, arguments, code);
    snprintf(config, sizeof config, "%s/config.json", a);
    REPORT(b, code, "run", config);
    expect_same_run(a, b);
    cJSON *report = load_report(a);
    const char *typed = report_string(report, "command"), *program = getenv("IASO");
    cr_assert(typed && !strncmp(typed, "iaso ", 5));
    snprintf(command, sizeof command, "%s%s -q --console none --report %s",
             program ? program : "./iaso", typed + strlen("iaso"), c);
    RUN_COMMAND(&run, "sh", "-c", command);
    cr_expect_eq(run.code, code, "%s: %s", command, run.err);
    run_free(&run);
    expect_same_run(a, c);
    cJSON_Delete(report);
}

#define REPEATS(place, code, ...) \
    expect_repeats(place, code, (const char *const[]){__VA_ARGS__, NULL})

/* A config in which null takes away what the preset and the board have. */
static const char *with_nulls(struct place *place)
{
    cJSON *config = read_json(KV);
    cJSON *counters = cJSON_AddObjectToObject(cJSON_GetObjectItem(config, "power"), "counters");
    cJSON_AddNullToObject(counters, "undone");
    cJSON_AddNullToObject(cJSON_AddObjectToObject(config, "devices"), "uart1");
    char *text = cJSON_Print(config);
    const char *path = place_write(place, "nulls.json", "%s", text);
    free(text);
    cJSON_Delete(config);
    return path;
}

Test(system_report, config_and_command_repeat_a_run)
{
    struct place place;
    place_make(&place);
    REPEATS(&place, 0, "run", with_nulls(&place), "--set", "machine.seed=5");
    cJSON *report = load_report(place_file(&place, "a"));
    cr_expect(report_at(report, "power.counters.committed"));
    cr_expect_not(report_at(report, "power.counters.undone"));
    cJSON_Delete(report);
    place_remove(&place);
    place_make(&place);
    REPEATS(&place, 1, "run", TRACE, "--max-insns", "300k", "--set", "bootargs=hypnos app=etl ");
    place_remove(&place);
    place_make(&place);
    REPEATS(&place, 1, FAILURE);
    place_remove(&place);
}

/* ---- The folder ---------------------------------------------------------------------------- */

Test(system_report, never_over_another_unasked)
{
    struct place place;
    struct run run;
    place_make(&place);
    const char *dir = place_file(&place, "deep/report");
    REPORT(dir, 0, "run", "configs/hello.json");
    char *before = read_file(dir, "report.json");
    RUN(&run, "run", KV, "-q", "--report", dir);
    cr_expect_eq(run.code, 2);
    cr_expect(strstr(run.err, "--force"), "%s", run.err);
    run_free(&run);
    char *after = read_file(dir, "report.json");
    cr_expect_str_eq(before, after);
    free(after);
    free(before);
    REPORT(dir, 0, "run", KV, "--force");
    cr_expect(has_file(dir, "tables/lives.csv"));
    REPORT(dir, 0, "run", "configs/hello.json", "--force");
    cr_expect_not(has_file(dir, "tables/lives.csv"), "is of the report before");
    RUN(&run, "run", "configs/hello.json", "-q", "--report", place.dir, "--force");
    cr_expect_eq(run.code, 2);
    cr_expect(strstr(run.err, "no report of ours"), "%s", run.err);
    run_free(&run);
    place_remove(&place);
}

Test(system_report, beside_a_summary_that_fails)
{
    struct place place;
    struct run run;
    place_make(&place);
    const char *dir = place_file(&place, "report");
    const char *program = getenv("IASO");
    RUN_COMMAND(&run, program ? program : "./iaso", "run", KV, "-q", "--report", dir, "--summary",
                "/dev/full");
    cr_expect_eq(run.code, 3, "%d", run.code);
    cr_expect(strstr(run.err, "/dev/full: cannot write the summary"), "%s", run.err);
    cr_expect(has_file(dir, "report.json") && has_file(dir, "report.html"));
    run_free(&run);
    place_remove(&place);
}

Test(system_report, without_gnuplot)
{
    struct place place;
    struct run run;
    place_make(&place);
    const char *dir = place_file(&place, "report"), *program = getenv("IASO");
    char *path = strdup(getenv("PATH")), *absolute = realpath(program ? program : "./iaso", NULL);
    setenv("IASO", absolute, 1);
    setenv("PATH", "/nonexistent", 1);
    RUN(&run, "run", KV, "-q", "--report", dir);
    setenv("PATH", path, 1);
    cr_expect_eq(run.code, 0, "%s", run.err);
    cr_expect(strstr(run.err, "gnuplot"), "%s", run.err);
    cr_expect_eq(strchr(run.err, '\n') - run.err, (long)strlen(run.err) - 1, "one line");
    run_free(&run);
    cr_expect(has_file(dir, "plots/voltage.gp"));
    cr_expect(has_file(dir, "tables/lives.csv"));
    cr_expect(has_file(dir, "report.html"));
    cr_expect_not(has_file(dir, "plots/voltage.svg"));
    RUN(&run, "report", dir);
    cr_expect_eq(run.code, 0, "%s", run.err);
    cr_expect_str_eq(run.err, "");
    run_free(&run);
    cr_expect(has_file(dir, "plots/voltage.svg"));
    setenv("PATH", "/nonexistent", 1);
    RUN(&run, "report", dir);
    setenv("PATH", path, 1);
    run_free(&run);
    cr_expect(has_file(dir, "plots/voltage.svg"), "the old picture is as good");
    free(path);
    free(absolute);
    place_remove(&place);
}

/* ---- Numbers ------------------------------------------------------------------------------- */

Test(system_report, tables_add_up_to_the_totals)
{
    static const char *const counts[] = {"instructions", "loads", "stores"};
    struct place place;
    place_make(&place);
    const char *dir = place_file(&place, "report");
    REPORT(dir, 1, FAILURE);
    cJSON *report = load_report(dir);
    for (size_t i = 0; i < 3; i++) {
        char inside[60], outside[60], column[60];
        snprintf(inside, sizeof inside, "coverage.totals.inside.%s", counts[i]);
        snprintf(outside, sizeof outside, "coverage.totals.outside.%s", counts[i]);
        expect_near(column_sum(dir, "tables/requests.csv", counts[i], NULL, NULL, true),
                    number_at(report, inside), inside);
        expect_near(column_sum(dir, "tables/outside.csv", counts[i], "reason", "firmware", false),
                    number_at(report, outside), outside);
        snprintf(column, sizeof column, "inside_%s", counts[i]);
        expect_near(column_sum(dir, "tables/threads.csv", column, NULL, NULL, true),
                    number_at(report, inside), "by thread");
        expect_near(column_sum(dir, "tables/workloads.csv", column, NULL, NULL, true),
                    number_at(report, inside), "by workload");
        snprintf(column, sizeof column, "outside_%s", counts[i]);
        expect_near(column_sum(dir, "tables/workloads.csv", column, NULL, NULL, true),
                    number_at(report, outside), "by workload");
        expect_near(column_sum(dir, "tables/harts.csv", counts[i], NULL, NULL, true),
                    number_at(report_at(report, "harts.0"), counts[i]), "by hart");
        expect_near(column_sum(dir, "tables/totals.csv", "value", "name", inside, true),
                    number_at(report, inside), "totals");
    }
    double cycles = column_sum(dir, "tables/overhead.csv", "cycles", NULL, NULL, true);
    expect_near(1 + cycles / number_at(report, "cycles"),
                number_at(report, "overhead.software.slowdown"), "slowdown");
    expect_near(column_sum(dir, "tables/failures.csv", "domains", NULL, NULL, true),
                number_at(report, "recovery.rolled_back"), "domains");
    cr_expect_eq(number_at(report, "recovery.faults"), 1);
    cJSON_Delete(report);
    place_remove(&place);
}

Test(system_report, energy_and_lives_add_up)
{
    struct place place;
    place_make(&place);
    const char *dir = place_file(&place, "report");
    REPORT(dir, 0, "run", TRACE);
    cJSON *report = load_report(dir);
    expect_near(column_sum(dir, "tables/energy-causes.csv", "nj", NULL, NULL, true),
                number_at(report, "power.energy_nj.total"), "energy by cause");
    expect_near(column_sum(dir, "tables/energy-kinds.csv", "nj", NULL, NULL, true),
                number_at(report, "power.energy_nj.total"), "energy by kind");
    expect_near(column_sum(dir, "tables/lives.csv", "instructions", NULL, NULL, true),
                number_at(report, "instructions"), "instructions by life");
    expect_near(column_sum(dir, "tables/lives.csv", "nvm_writes", NULL, NULL, true),
                number_at(report, "power.nvm.writes"), "writes by life");
    expect_near(column_sum(dir, "tables/nvm.csv", "writes", NULL, NULL, true),
                number_at(report, "power.nvm.writes"), "writes by range");
    double most = 0, value;
    const cJSON *bin, *map = report_at(report, "power.nvm.wear.map");
    cJSON_ArrayForEach(bin, map)
    {
        value = number_at(bin, "max");
        most = value > most ? value : most;
    }
    cr_expect_eq(most, number_at(report, "power.nvm.wear.max"));
    cr_expect_leq(cJSON_GetArraySize(map), 256 * (int)report_count(report, "power.nvm.ranges"));
    char *csv = read_file(dir, "tables/voltage.csv");
    size_t lines = 0;
    for (const char *c = csv; *c; c++)
        lines += *c == '\n';
    cr_expect_eq(lines, report_count(report, "power.voltage") + 1);
    free(csv);
    cJSON_Delete(report);
    place_remove(&place);
}
