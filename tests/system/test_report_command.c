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

/* `iaso report`: a report made anew, and several side by side. */

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
    char *style = read_file(dir, "plots/style.gp"), *picture = read_file(dir, "plots/voltage.svg");
    char *page = read_file(dir, "report.html"), *plain = read_file(copy, "report.html");
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
    cJSON *json = load_report(dir), *power = cJSON_GetObjectItem(json, "power");
    cr_expect_float_eq(report_number_or(power, "thresholds.on", 0), 2.9377, 1e-9);
    cr_expect_float_eq(report_number_or(power, "thresholds.off", 0), 1.8, 1e-9);
    char *picture = read_file(dir, "plots/voltage.svg");
    cr_expect(strstr(picture, "on at 2.94 V") && strstr(picture, "off at 1.8 V"));
    free(picture);
    cJSON_DeleteItemFromObject(power, "thresholds");
    save_report(dir, json);
    RUN(&run, "report", dir);
    cr_expect_eq(run.code, 0);
    cr_expect_str_eq(run.err, "");
    run_free(&run);
    picture = read_file(dir, "plots/voltage.svg");
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
    cr_expect_not(has_file(place.dir, "tables"));
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
    cJSON *report = load_report(dir);
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
    save_report(dir, report);
    RUN(&run, "report", dir);
    cr_expect_eq(run.code, 0);
    cr_expect_str_eq(run.err, "", "gnuplot draws it all the same");
    run_free(&run);
    cr_expect_not(has_file(dir, "plots/pwned"));
    char *csv = read_file(dir, "tables/requests.csv");
    for (const char *c = csv; *c; c++)
        cr_assert((unsigned char)*c >= ' ' || *c == '\n' || *c == '\r');
    cr_expect(strstr(csv, ",\"'=cmd"), "%.2000s", csv);
    free(csv);
    char *svg = read_file(dir, "plots/requests.svg");
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
    cJSON *comparison = load_report(out);
    cr_expect_eq(validate(out, put_schema(&place)), 0);
    cr_expect_eq(report_count(comparison, "differences"), 1);
    cr_expect(has_file(out, "compare.html"));
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
    cr_expect(has_file(b, "config.json"));
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
