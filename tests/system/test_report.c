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

/* What a user finds in the folder of a report. */

#define KV    "configs/hypnos-kv.json"
#define TRACE "configs/hypnos-trace.json"

/* A run with a failure that is recovered from, cut short. */
#define FAILURE                                                                    \
    "inject", "configs/agora-null.json", "--set", "bootargs=agora.work=1", "--at", \
        "sys_counter_add", "--kind", "bug", "--nth", "3", "--max-insns", "12M"

static void run_report(const char *dir, const char *const arguments[], int code)
{
    const char *all[32];
    size_t count = 0;
    struct run run;
    for (; arguments[count]; count++)
        all[count] = arguments[count];
    all[count++] = "-q";
    all[count++] = "--console";
    all[count++] = "none";
    all[count++] = "--report";
    all[count++] = dir;
    all[count] = NULL;
    run_program(&run, NULL, all);
    cr_assert_eq(run.code, code, "%d: %s", run.code, run.err);
    run_free(&run);
}

#define REPORT(dir, code, ...) run_report(dir, (const char *const[]){__VA_ARGS__, NULL}, code)

static cJSON *load(const char *dir)
{
    char path[200];
    snprintf(path, sizeof path, "%s/report.json", dir);
    return read_json(path);
}

static bool is_there(const char *dir, const char *name)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

static char *contents(const char *dir, const char *name)
{
    char path[300];
    size_t size;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return read_whole(path, &size);
}

static void save(const char *dir, const cJSON *json)
{
    char path[300], *text = cJSON_Print(json);
    snprintf(path, sizeof path, "%s/report.json", dir);
    FILE *out = fopen(path, "w");
    cr_assert(out && fputs(text, out) >= 0 && !fclose(out));
    free(text);
}

/* ---- The schema ---------------------------------------------------------------------------- */

/* Returns what jsonschema does: 0 if the report is as the schema says. */
static int validate(const char *dir, const char *schema)
{
    char path[200];
    struct run run;
    snprintf(path, sizeof path, "%s/report.json", dir);
    RUN_COMMAND(&run, "jsonschema", "-i", path, schema);
    int code = run.code;
    run_free(&run);
    return code;
}

static const char *put_schema(struct place *place)
{
    struct run run;
    RUN(&run, "schema", "report");
    cr_assert_eq(run.code, 0);
    const char *path = place_bytes(place, "schema.json", run.out, run.out_size);
    run_free(&run);
    return path;
}

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
    cJSON *report = load(dir);
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        cJSON *object = (cJSON *)report_at(report, objects[i]);
        cr_assert(object, "%s", objects[i]);
        cJSON_AddNumberToObject(object, "unheard_of", 1);
        save(dir, report);
        cr_expect_neq(validate(dir, schema), 0, "\"%s\" has another key", objects[i]);
        cJSON_DeleteItemFromObject(object, "unheard_of");
    }
    save(dir, report);
    cr_expect_eq(validate(dir, schema), 0);
    cJSON_ReplaceItemInObject(report, "instructions", cJSON_CreateString("many"));
    save(dir, report);
    cr_expect_neq(validate(dir, schema), 0);
    cJSON_DeleteItemFromObject(report, "instructions");
    save(dir, report);
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

static void expect_same_text(const char *a, const char *b, const char *name)
{
    char *left = contents(a, name), *right = contents(b, name);
    cr_expect(!strcmp(left, right), "%s", name);
    free(left);
    free(right);
}

static void expect_same_run(const char *a, const char *b)
{
    static const char *const paths[] = {"instructions",  "virtual_time_ns", "console_sha256",
                                        "memory_sha256", "digest",          "configuration",
                                        "inputs",        "power",           "harts",
                                        "coverage",      "recovery"};
    cJSON *left = load(a), *right = load(b);
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
    cr_expect(is_there(a, "host.json"));
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
    cJSON *report = load(a);
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
    cJSON *report = load(place_file(&place, "a"));
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
    char *before = contents(dir, "report.json");
    RUN(&run, "run", KV, "-q", "--report", dir);
    cr_expect_eq(run.code, 2);
    cr_expect(strstr(run.err, "--force"), "%s", run.err);
    run_free(&run);
    char *after = contents(dir, "report.json");
    cr_expect_str_eq(before, after);
    free(after);
    free(before);
    REPORT(dir, 0, "run", KV, "--force");
    cr_expect(is_there(dir, "tables/lives.csv"));
    REPORT(dir, 0, "run", "configs/hello.json", "--force");
    cr_expect_not(is_there(dir, "tables/lives.csv"), "is of the report before");
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
    cr_expect(is_there(dir, "report.json") && is_there(dir, "report.html"));
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
    cr_expect(is_there(dir, "plots/voltage.gp"));
    cr_expect(is_there(dir, "tables/lives.csv"));
    cr_expect(is_there(dir, "report.html"));
    cr_expect_not(is_there(dir, "plots/voltage.svg"));
    RUN(&run, "report", dir);
    cr_expect_eq(run.code, 0, "%s", run.err);
    cr_expect_str_eq(run.err, "");
    run_free(&run);
    cr_expect(is_there(dir, "plots/voltage.svg"));
    setenv("PATH", "/nonexistent", 1);
    RUN(&run, "report", dir);
    setenv("PATH", path, 1);
    run_free(&run);
    cr_expect(is_there(dir, "plots/voltage.svg"), "the old picture is as good");
    free(path);
    free(absolute);
    place_remove(&place);
}

/* ---- Made anew ----------------------------------------------------------------------------- */

Test(system_report, made_anew)
{
    static const char *const files[] = {"tables/totals.csv", "tables/domains.csv",
                                        "plots/failures.svg", "report.html"};
    struct place place;
    struct run run;
    place_make(&place);
    const char *dir = place_file(&place, "a"), *copy = place_file(&place, "b");
    REPORT(dir, 1, FAILURE);
    RUN_COMMAND(&run, "cp", "-r", dir, copy);
    cr_assert_eq(run.code, 0);
    run_free(&run);
    RUN_COMMAND(&run, "rm", "-r", place_file(&place, "a/tables"), place_file(&place, "a/plots"),
                place_file(&place, "a/report.html"));
    cr_assert_eq(run.code, 0);
    run_free(&run);
    RUN(&run, "report", dir);
    cr_assert_eq(run.code, 0, "%s", run.err);
    run_free(&run);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        expect_same_text(dir, copy, files[i]);
    expect_same_text(dir, copy, "report.json");
    place_remove(&place);
}

static void change(const char *dir, const char *name, const char *more)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *out = fopen(path, "a");
    cr_assert(out && fputs(more, out) >= 0 && !fclose(out));
}

/* Scripts that somebody has edited draw the pictures of the page; those that are gone come back. */
Test(system_report, restyled)
{
    struct place place;
    struct run run;
    place_make(&place);
    const char *dir = place_file(&place, "a"), *copy = place_file(&place, "b");
    REPORT(dir, 0, "run", KV);
    RUN_COMMAND(&run, "cp", "-r", dir, copy);
    cr_assert_eq(run.code, 0);
    run_free(&run);
    change(dir, "plots/style.gp", "green = '#123456'\n");
    RUN(&run, "report", dir);
    cr_assert_eq(run.code, 0, "%s", run.err);
    run_free(&run);
    char *style = contents(dir, "plots/style.gp"), *picture = contents(dir, "plots/voltage.svg");
    char *page = contents(dir, "report.html"), *plain = contents(copy, "report.html");
    cr_expect(strstr(style, "#123456"), "the script is as it was");
    cr_expect(strcasestr(picture, "#123456") || strstr(picture, "18,  52,  86"),
              "so is what it draws");
    cr_expect_str_neq(page, plain, "and the page");
    free(style), free(picture), free(page), free(plain);
    RUN_COMMAND(&run, "rm", place_file(&place, "a/plots/style.gp"));
    run_free(&run);
    RUN(&run, "report", dir);
    cr_assert_eq(run.code, 0, "%s", run.err);
    run_free(&run);
    expect_same_text(dir, copy, "plots/style.gp");
    expect_same_text(dir, copy, "plots/voltage.svg");
    expect_same_text(dir, copy, "report.html");
    place_remove(&place);
}

/* The voltage fills the picture, with lines where the supply switches; a report that does not say
 * where has none. */
Test(system_report, thresholds_in_the_picture)
{
    struct place place;
    struct run run;
    place_make(&place);
    const char *dir = place_file(&place, "a");
    REPORT(dir, 0, "run", TRACE);
    cJSON *json = load(dir), *power = cJSON_GetObjectItem(json, "power");
    cr_expect_float_eq(report_number_or(power, "thresholds.on", 0), 2.9377, 1e-9);
    cr_expect_float_eq(report_number_or(power, "thresholds.off", 0), 1.8, 1e-9);
    char *picture = contents(dir, "plots/voltage.svg");
    cr_expect(strstr(picture, "on at 2.94 V") && strstr(picture, "off at 1.8 V"));
    free(picture);
    cJSON_DeleteItemFromObject(power, "thresholds");
    save(dir, json);
    RUN(&run, "report", dir);
    cr_expect_eq(run.code, 0);
    cr_expect_str_eq(run.err, "");
    run_free(&run);
    picture = contents(dir, "plots/voltage.svg");
    cr_expect(strstr(picture, "voltage") && !strstr(picture, "on at"));
    free(picture);
    cJSON_Delete(json);
    place_remove(&place);
}

static void expect_no_report(struct place *place, const char *text, const char *why)
{
    struct run run;
    char path[200];
    snprintf(path, sizeof path, "%s/report.json", place->dir);
    FILE *out = text ? fopen(path, "w") : NULL;
    if (text)
        cr_assert(out && fputs(text, out) >= 0 && !fclose(out));
    RUN(&run, "report", place->dir);
    cr_expect_eq(run.code, 2, "%s", text);
    cr_expect(strstr(run.err, why), "\"%s\" is not in: %s", why, run.err);
    run_free(&run);
    RUN(&run, "report", place->dir, place->dir);
    cr_expect_eq(run.code, 2, "%s", text);
    cr_expect(strstr(run.err, why), "\"%s\" is not in: %s", why, run.err);
    run_free(&run);
}

Test(system_report, what_is_no_report)
{
    struct place place;
    place_make(&place);
    expect_no_report(&place, NULL, "report.json: cannot read the file");
    expect_no_report(&place, "{\"format\":\"iaso report 2\",\n \"kind\": \"ru", "report.json:2:");
    expect_no_report(&place, "{\"format\":\"iaso report 3\"}",
                     "made by a newer Iaso: report 3, this one reads up to 2");
    expect_no_report(&place, "{\"format\":\"iaso report 4294967298\"}", "made by a newer Iaso");
    expect_no_report(&place, "{\"format\":\"iaso report 99999999999999999999\"}",
                     "made by a newer Iaso");
    expect_no_report(&place, "{\"format\":\"iaso report  2\"}", "expected \"format\"");
    expect_no_report(&place, "{\"format\":\"iaso report 1\"}", "make it anew with");
    expect_no_report(&place, "{\"format\":\"iaso report 2x\"}", "expected \"format\"");
    expect_no_report(&place, "{\"format\":7}", "expected \"format\"");
    expect_no_report(&place, "[]", "expected \"format\"");
    expect_no_report(&place, "{\"format\":\"iaso report 2\"}", "expected the key \"kind\"");
    expect_no_report(&place, "{\"format\":\"iaso report 2\",\"kind\":7}", "key \"kind\"");
    expect_no_report(&place, "{\"format\":\"iaso report 2\",\"kind\":\"run\"}",
                     "expected the key \"iaso\"");
    expect_no_report(&place, "{\"format\":\"iaso report 2\",\"kind\":\"a\\nb\",\"iaso\":\"0\"}",
                     "expected run, inject, sweep or comparison, found \"a");
    expect_no_report(&place, "{\"format\":\"iaso report 2\",\"kind\":\"run\",\"iaso\":\"0\"}",
                     "expected the key \"end\"");
    expect_no_report(&place, "{\"format\":\"iaso report 2\",\"kind\":\"inject\",\"iaso\":\"0\"}",
                     "expected the key \"end\" or \"campaign\"");
    expect_no_report(&place, "{\"format\":\"iaso report 2\",\"kind\":\"sweep\",\"iaso\":\"0\"}",
                     "expected the key \"sweep\"");
    cr_expect_not(is_there(place.dir, "tables"));
    place_remove(&place);
}

/* What a guest calls its functions and threads, and worse. */
Test(system_report, hostile_names)
{
    static const char *const names[] = {
        "<script>alert(1)</script>&amp;",
        "\x1b[31m\r\n\x07",
        "=cmd|' /C calc'!A0",
        "'; system('touch pwned'); '",
        "\",\"",
        "\\\"\n%s%n`id`$(id)",
        "@A1",
        "{/=99 x}_{2}^2",
    };
    struct place place;
    struct run run;
    cJSON *row;
    size_t next = 0;
    place_make(&place);
    const char *dir = place_file(&place, "report");
    REPORT(dir, 1, FAILURE);
    cJSON *report = load(dir);
    char *long_name = malloc(10241);
    memset(long_name, '>', 10240);
    long_name[10240] = 0;
    cJSON_ArrayForEach(row, report_at(report, "coverage.requests"))
    {
        cJSON_DeleteItemFromObject(row, "name");
        cJSON_AddStringToObject(row, "name", next < 8 ? names[next] : long_name);
        next++;
    }
    cr_assert(next > 8);
    cJSON_ArrayForEach(row, report_at(report, "coverage.workloads"))
    {
        cJSON_ReplaceItemInObject(row, "name", cJSON_CreateString(names[0]));
    }
    save(dir, report);
    RUN(&run, "report", dir);
    cr_expect_eq(run.code, 0);
    cr_expect_str_eq(run.err, "", "gnuplot draws it all the same");
    run_free(&run);
    cr_expect_not(is_there(dir, "plots/pwned"));
    char *csv = contents(dir, "tables/requests.csv");
    for (const char *c = csv; *c; c++)
        cr_assert((unsigned char)*c >= ' ' || *c == '\n' || *c == '\r');
    cr_expect(strstr(csv, ",\"'=cmd"), "%.2000s", csv);
    free(csv);
    char *svg = contents(dir, "plots/requests.svg");
    cr_expect_not(strstr(svg, "<script>"));
    free(svg);
    RUN_COMMAND(&run, "python3", "-c",
                "import sys, xml.dom.minidom as m\n"
                "for name in sys.argv[1:]: m.parse(name)",
                place_file(&place, "report/plots/requests.svg"),
                place_file(&place, "report/plots/coverage.svg"));
    cr_expect_eq(run.code, 0, "%s", run.err);
    run_free(&run);
    free(long_name);
    cJSON_Delete(report);
    place_remove(&place);
}

/* ---- Numbers ------------------------------------------------------------------------------- */

/* The sum of a column, of the rows in which `key` is, or is not, `value`; NULL: all rows. The
 * fields must not have commas in them. */
static double column_sum(const char *dir, const char *file, const char *column, const char *key,
                         const char *value, bool is)
{
    char *csv = contents(dir, file), *lines = csv, *line;
    int at = -1, key_at = -1;
    double sum = 0;
    for (int number = 0; (line = strsep(&lines, "\r\n")); number++) {
        bool counts = !key;
        double found = 0;
        char *field;
        for (int i = 0; (field = strsep(&line, ",")); i++) {
            if (number == 0 && !strcmp(field, column))
                at = i;
            if (number == 0 && key && !strcmp(field, key))
                key_at = i;
            if (number > 0 && i == at)
                found = strtod(field, NULL);
            if (number > 0 && i == key_at)
                counts = !strcmp(field, value) == is;
        }
        sum += counts ? found : 0;
    }
    cr_assert(at >= 0 && (!key || key_at >= 0), "%s has no column %s", file, column);
    free(csv);
    return sum;
}

static void expect_near(double found, double expected, const char *what)
{
    cr_expect(fabs(found - expected) <= 1e-9 * fabs(expected), "%s: %.17g, expected %.17g", what,
              found, expected);
}

Test(system_report, tables_add_up_to_the_totals)
{
    static const char *const counts[] = {"instructions", "loads", "stores"};
    struct place place;
    place_make(&place);
    const char *dir = place_file(&place, "report");
    REPORT(dir, 1, FAILURE);
    cJSON *report = load(dir);
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
    cJSON *report = load(dir);
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
    char *csv = contents(dir, "tables/voltage.csv");
    size_t lines = 0;
    for (const char *c = csv; *c; c++)
        lines += *c == '\n';
    cr_expect_eq(lines, report_count(report, "power.voltage") + 1);
    free(csv);
    cJSON_Delete(report);
    place_remove(&place);
}

/* ---- Side by side -------------------------------------------------------------------------- */

Test(system_report, compared)
{
    struct place place;
    struct run run;
    place_make(&place);
    const char *a = place_file(&place, "a"), *b = place_file(&place, "b");
    const char *out = place_file(&place, "out");
    REPORT(a, 0, "run", KV);
    REPORT(b, 0, "run", KV, "--set", "power.cuts=[{\"every\":\"2ms\"}]");
    RUN(&run, "report", a, b, "-o", out);
    cr_assert_eq(run.code, 0, "%s", run.err);
    cr_expect(strstr(run.out, "power: power cuts"), "%s", run.out);
    cr_expect(strstr(run.out, "power.cuts[0].every: \"1ms\" | \"2ms\""), "%s", run.out);
    run_free(&run);
    cJSON *comparison = load(out);
    cr_expect_eq(validate(out, put_schema(&place)), 0);
    cr_expect_eq(report_count(comparison, "differences"), 1);
    cr_expect(is_there(out, "compare.html"));
    expect_near(column_sum(out, "compare.csv", a, "path", "instructions", true),
                report_number_or(comparison, "rows.0.values.0", 0), "compare.csv");
    cJSON_Delete(comparison);
    RUN(&run, "report", a, b, "-o", out);
    cr_expect_eq(run.code, 2, "not over another");
    run_free(&run);
    RUN(&run, "report", a, b, "-o", out, "--force");
    cr_expect_eq(run.code, 0, "%s", run.err);
    run_free(&run);
    RUN(&run, "report", a, b, "-o", b, "--force");
    cr_expect_eq(run.code, 2, "not over what it compares");
    cr_expect(strstr(run.err, "expected another folder"), "%s", run.err);
    cr_expect(is_there(b, "config.json"));
    run_free(&run);
    RUN(&run, "report", out);
    cr_expect_eq(run.code, 0, "a comparison is made anew: %s", run.err);
    run_free(&run);
    RUN(&run, "report", a, out);
    cr_expect_eq(run.code, 2, "what would that mean?");
    run_free(&run);
    RUN(&run, "report", a, "-o", out);
    cr_expect_eq(run.code, 2);
    run_free(&run);
    place_remove(&place);
}

Test(system_report, compared_with_itself)
{
    struct place place;
    struct run run;
    place_make(&place);
    const char *a = place_file(&place, "a");
    REPORT(a, 0, "run", "configs/hello.json");
    RUN(&run, "report", a, a, a);
    cr_assert_eq(run.code, 0, "%s", run.err);
    cr_expect_not(strstr(run.out, "not equal"), "%s", run.out);
    cr_expect(strstr(run.out, "x 1.000"), "%s", run.out);
    run_free(&run);
    place_remove(&place);
}
