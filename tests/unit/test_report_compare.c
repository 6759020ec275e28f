/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "sim/report/report_compare.h"
#include "sim/report/report_read.h"

static cJSON *compared(const char *a, const char *b, const char *host)
{
    struct compared all[] = {
        {"out/a", cJSON_Parse(a), NULL},
        {"=out/b", cJSON_Parse(b), cJSON_Parse(host)},
    };
    cr_assert(all[0].report && all[1].report && all[1].host);
    cJSON *json = report_compare(all, 2);
    cr_assert(json);
    cJSON_Delete((cJSON *)all[0].report);
    cJSON_Delete((cJSON *)all[1].report);
    cJSON_Delete((cJSON *)all[1].host);
    return json;
}

static const cJSON *find(const cJSON *json, const char *list, const char *key, const char *text)
{
    const cJSON *row;
    cJSON_ArrayForEach(row, report_at(json, list))
    {
        if (!strcmp(report_string_or(row, key, ""), text))
            return row;
    }
    return NULL;
}

static void expect_row(const cJSON *json, const char *path, const char *expected)
{
    const cJSON *row = find(json, "rows", "path", path);
    cr_assert(row, "%s", path);
    char *values = cJSON_PrintUnformatted(report_at(row, "values"));
    char *ratios = cJSON_PrintUnformatted(report_at(row, "ratios"));
    char text[200];
    snprintf(text, sizeof text, "%s %s", values, ratios);
    cr_expect_str_eq(text, expected, "%s", path);
    free(values);
    free(ratios);
}

#define A                                                                                        \
    "{\"instructions\":100,\"reboots\":0,\"console_sha256\":\"same\",\"memory_sha256\":\"one\"," \
    "\"recovery\":{\"refused\":{\"output\":1,\"linger\":2}},"                                    \
    "\"power\":{\"counters\":{\"done\":{\"hits\":4},\"only\":{\"hits\":1}}},"                    \
    "\"configuration\":{\"a\":{\"b\":1,\"c\":[1,2]},\"same\":{\"x\":[{}]}}}"
#define B                                                                                          \
    "{\"instructions\":150,\"reboots\":0,\"console_sha256\":\"same\",\"memory_sha256\":\"two\","   \
    "\"recovery\":{\"refused\":{\"output\":6}},\"coverage\":{\"totals\":{\"covered_reads\":0.5}}," \
    "\"power\":{\"counters\":{\"done\":{\"hits\":2},\"new\":{\"hits\":7}}},"                       \
    "\"configuration\":{\"a\":{\"b\":\"1\",\"c\":[1,3,4]},\"same\":{\"x\":[{}]},\"n\":null}}"

Test(report_compare, numbers_and_ratios)
{
    cJSON *json = compared(A, B, "{\"cpu_seconds\":2.5}");
    expect_row(json, "instructions", "[100,150] [1,1.5]");
    expect_row(json, "reboots", "[0,0] [null,null]");
    expect_row(json, "recovery.refused.+", "[3,6] [1,2]");
    expect_row(json, "coverage.totals.covered_reads", "[null,0.5] [null,null]");
    expect_row(json, "host.cpu_seconds", "[null,2.5] [null,null]");
    expect_row(json, "power.counters.done.hits", "[4,2] [1,0.5]");
    expect_row(json, "power.counters.only.hits", "[1,null] [1,null]");
    expect_row(json, "power.counters.new.hits", "[null,7] [null,null]");
    cr_expect_null(find(json, "rows", "path", "sweep.points"), "none has it");
    cJSON_Delete(json);
}

Test(report_compare, campaigns)
{
    static const char a[] = "{\"campaign\":{\"recovery\":{\"on\":{\"outcomes\":{"
                            "\"recovered\":{\"share\":0.5},\"kernel-dead\":{\"share\":0.25}},"
                            "\"survived\":{\"share\":0.75}}}}}";
    cJSON *json = compared(a, a, "{}");
    expect_row(json, "campaign.recovery.on.survived.share", "[0.75,0.75] [1,1]");
    expect_row(json, "campaign.recovery.on.outcomes.recovered.share", "[0.5,0.5] [1,1]");
    expect_row(json, "campaign.recovery.on.outcomes.kernel-dead.share", "[0.25,0.25] [1,1]");
    cJSON_Delete(json);
}

Test(report_compare, hashes)
{
    cJSON *json = compared(A, B, "{}");
    cr_expect(cJSON_IsTrue(report_at(find(json, "hashes", "name", "console"), "equal")));
    cr_expect(cJSON_IsFalse(report_at(find(json, "hashes", "name", "memory"), "equal")));
    cr_expect_null(find(json, "hashes", "name", "non-volatile memory"));
    cJSON_Delete(json);
}

Test(report_compare, differences)
{
    static const char *const expected[][2] = {{"a.b", "[\"1\",\"\\\"1\\\"\"]"},
                                              {"a.c[1]", "[\"2\",\"3\"]"},
                                              {"a.c[2]", "[null,\"4\"]"},
                                              {"n", "[null,\"null\"]"}};
    cJSON *json = compared(A, B, "{}");
    cr_expect_eq(report_count(json, "differences"), 4);
    for (size_t i = 0; i < 4; i++) {
        const cJSON *row = find(json, "differences", "path", expected[i][0]);
        char *values = cJSON_PrintUnformatted(report_at(row, "values"));
        cr_expect_str_eq(values, expected[i][1]);
        free(values);
    }
    cJSON_Delete(json);
}

static char *printed(const cJSON *json, bool csv)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    const struct screen screen = {.out = out};
    if (csv)
        report_compare_csv(json, out);
    else
        report_compare_print(json, &screen);
    fclose(out);
    return text;
}

Test(report_compare, for_people_and_programs)
{
    cJSON *json = compared(A, B, "{}");
    char *csv = printed(json, true), *text = printed(json, false);
    cr_expect_eq(strstr(csv, "group,name,path,out/a,\"'=out/b\",\"ratio: out/a\""), csv, "%s", csv);
    cr_expect(strstr(csv, "run,instructions,instructions,100,150,1,1.5\r\n"), "%s", csv);
    cr_expect(strstr(csv, "run,reboots,reboots,0,0,,\r\n"), "%s", csv);
    cr_expect(strstr(text, "instructions"), "%s", text);
    cr_expect(strstr(text, "x 1.500"), "%s", text);
    cr_expect(strstr(text, "a.c[2]: - | 4"), "%s", text);
    cr_expect(strstr(text, "not equal"), "%s", text);
    free(csv);
    free(text);
    cJSON_Delete(json);
}

/* On the terminal a value takes some 60 characters; the files have all of it. */
Test(report_compare, long_values)
{
    char long_one[400], a[700], many[200] = "";
    for (int i = 0; i < 60; i++)
        strcat(many, "\u00e9");
    snprintf(long_one, sizeof long_one, "%0300d", 7);
    snprintf(a, sizeof a, "{\"configuration\":{\"a\":\"%s\",\"b\":\"%s\",\"c\":1}}", long_one,
             many);
    cJSON *json = compared(a, "{\"configuration\":{\"c\":2}}", "{}");
    char *text = printed(json, false), *all = cJSON_PrintUnformatted(json);
    cr_expect(strstr(text, "a: \"00000000000000000000000000000000000000000000000000000000... | -"),
              "%s", text);
    cr_expect(strstr(text, "\u00e9... | -"), "no half of a character: %s", text);
    cr_expect(strstr(text, "c: 1 | 2"), "%s", text);
    cr_expect(strstr(all, long_one));
    free(text);
    free(all);
    cJSON_Delete(json);
}

Test(report_compare, equal_reports)
{
    cJSON *json = compared(A, A, "{}");
    cr_expect_eq(report_count(json, "differences"), 0);
    const cJSON *row;
    cJSON_ArrayForEach(row, report_at(json, "hashes"))
    {
        cr_expect(cJSON_IsTrue(report_at(row, "equal")));
    }
    char *text = printed(json, false);
    cr_expect(strstr(text, "configurations"), "%s", text);
    free(text);
    cJSON_Delete(json);
}

/* That takes no time that grows with 2 to the depth: 30 levels would take minutes. */
Test(report_compare, deep_configurations, .timeout = 30)
{
    char deep[8000] = "{\"configuration\":";
    char *at = deep + strlen(deep);
    for (int i = 0; i < 30; i++)
        at += sprintf(at, "{\"x\":[{\"other\":{\"y\":[1,2]}}],\"d%d\":{\"e\":", i);
    at += sprintf(at, "7");
    for (int i = 0; i < 30; i++)
        at += sprintf(at, "}}");
    strcpy(at, "}");
    cJSON *json = compared(deep, deep, "{}");
    cr_expect_eq(report_count(json, "differences"), 0);
    cJSON_Delete(json);
}

Test(report_compare, what_is_equal)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } cases[] = {
        {"{\"a\":1,\"b\":[{}]}", "{\"b\":[{}],\"a\":1}", true},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
        {"{\"a\":1,\"b\":2}", "{\"a\":1}", false},
        {"[1,2]", "[2,1]", false},
        {"[1]", "[1,1]", false},
        {"[]", "{}", false},
        {"{\"a\":null}", "{\"b\":null}", false},
        {"\"1\"", "1", false},
        {"null", "null", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char a[80], b[80];
        snprintf(a, sizeof a, "{\"configuration\":{\"k\":%s}}", cases[i].a);
        snprintf(b, sizeof b, "{\"configuration\":{\"k\":%s}}", cases[i].b);
        cJSON *json = compared(a, b, "{}");
        cr_expect_eq(report_count(json, "differences") == 0, cases[i].equal, "%s %s", a, b);
        cJSON_Delete(json);
    }
}

/* Somebody may have edited them. */
Test(report_compare, reports_of_another_shape)
{
    cJSON *json = compared("{\"power\":{\"counters\":[1,2]},\"recovery\":{\"refused\":5},"
                           "\"configuration\":5,\"digest\":{}}",
                           "[]", "[1]");
    free(printed(json, true));
    free(printed(json, false));
    cJSON_Delete(json);
}
