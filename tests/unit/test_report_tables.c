/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/json.h"
#include "sim/report/report_dir.h"
#include "sim/report/report_tables.h"

static const struct report_table *table_of(const char *file)
{
    const struct report_table *table = NULL;
    for (size_t i = 0; (table = report_table(i)); i++)
        if (!strcmp(report_table_file(table), file))
            return table;
    cr_assert(table, "%s", file);
    return NULL;
}

/* Carriage returns are left out. */
static char *text_of(const char *file, const cJSON *report)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    cr_assert_eq(report_table_write(table_of(file), report, out, NULL), 0);
    fclose(out);
    size_t lines = 0, kept = 0;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    for (size_t i = 0; i < size; i++)
        if (text[i] != '\r')
            text[kept++] = text[i];
    cr_expect_eq(size - kept, lines, "each line ends with CR LF");
    text[kept] = 0;
    return text;
}

static void expect_table(const char *file, const char *report, const char *expected)
{
    cJSON *json = cJSON_Parse(report);
    cr_assert(json, "%s", report);
    char *text = text_of(file, json);
    cr_expect_str_eq(text, expected);
    cr_expect_eq(report_table_applies(table_of(file), json), strchr(expected, '\n')[1] != 0);
    free(text);
    cJSON_Delete(json);
}

static void expect_field(const char *text, const char *expected)
{
    char *field = NULL;
    size_t size;
    FILE *out = open_memstream(&field, &size);
    csv_put_text(text, out);
    fclose(out);
    cr_expect_str_eq(field, expected);
    free(field);
}

Test(report_tables, fields)
{
    expect_field("", "");
    expect_field("vfs_read", "vfs_read");
    expect_field("a,b", "\"a,b\"");
    expect_field("say \"so\"", "\"say \"\"so\"\"\"");
    expect_field("line\r\nbreak\x1b[31m\x7f", "line\\x0d\\x0abreak\\x1b[31m\\x7f");
    expect_field("=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\"");
    expect_field("+1", "\"'+1\"");
    expect_field("-1", "\"'-1\"");
    expect_field("@SUM(1)", "\"'@SUM(1)\"");
    expect_field("\t=1", "\\x09=1");
    expect_field("\r=1", "\\x0d=1");
    expect_field("Ünïcode ☃", "\"Ünïcode ☃\"");
}

Test(report_tables, numbers)
{
    static const struct {
        double number;
        const char *text;
    } all[] = {
        {0, "0"},        {-3, "-3"},        {9007199254740992, "9007199254740992"}, {0.1, "0.1"},
        {1.0 / 3, NULL}, {1e300, "1e+300"}, {123456789012, "123456789012"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char text[32];
        csv_number(all[i].number, text);
        if (all[i].text)
            cr_expect_str_eq(text, all[i].text);
        cr_expect_eq(strtod(text, NULL), all[i].number, "%s", text);
    }
}

Test(report_tables, rows_and_columns)
{
    expect_table("tables/overhead.csv",
                 "{\"overhead\":{\"software\":{\"events\":[{\"event\":\"a\",\"count\":2,"
                 "\"cost\":0.5},{\"cycles\":7,\"more\":1}]}}}",
                 "event,count,cost,cycles\na,2,0.5,\n,,,7\n");
    expect_table("tables/counters.csv",
                 "{\"power\":{\"counters\":{\"a.b\":{\"hits\":1},\"=x\":{\"sum\":2,\"hits\":3}}}}",
                 "name,hits,sum\na.b,1,\n\"'=x\",3,2\n");
    expect_table("tables/voltage.csv", "{\"power\":{\"voltage\":[[10,1.5],[20]]}}",
                 "time_ns,volts\n10,1.5\n20,\n");
    expect_table("tables/energy-causes.csv",
                 "{\"power\":{\"energy_nj\":{\"total\":6,\"useful\":1,\"useful2\":9,\"lost\":2}}}",
                 "cause,nj\nuseful,1\nlost,2\n");
    expect_table("tables/outcomes.csv",
                 "{\"campaign\":{\"recovery\":{\"on\":{\"outcomes\":{\"dead\":{\"count\":3}}},"
                 "\"off\":{\"outcomes\":{\"dead\":{\"count\":4,\"share\":1}}}}}}",
                 "recovery,outcome,count,share,low,high\non,dead,3,,,\noff,dead,4,1,,\n");
    expect_table("tables/runs.csv", "{\"sweep\":{\"runs_by_depth\":[5,6]}}",
                 "cuts_more,runs\n0,5\n1,6\n");
}

Test(report_tables, largest_first)
{
    expect_table(
        "tables/requests.csv",
        "{\"coverage\":{\"requests\":[{\"name\":\"a\",\"share\":0.1},{\"name\":\"b\"},"
        "{\"name\":\"c\",\"share\":0.2},{\"name\":\"d\",\"share\":0.1}]}}",
        "kind,number,name,domains,instructions,loads,stores,share,log_bytes,pages,records\n"
        ",,c,,,,,0.2,,,\n,,a,,,,,0.1,,,\n,,d,,,,,0.1,,,\n,,b,,,,,,,,\n");
}

Test(report_tables, all_numbers_in_totals)
{
    expect_table("tables/totals.csv",
                 "{\"format\":\"iaso report 2\",\"exit\":1,\"list\":[1,2],\"a\":{\"b\":2.5,"
                 "\"c\":{\"d,e\":3}},\"configuration\":{\"x\":4}}",
                 "name,value\nexit,1\na.b,2.5\n\"a.c.d,e\",3\n");
}

/* Somebody may have edited it. */
Test(report_tables, reports_of_another_shape)
{
    static const char *const reports[] = {
        "{}",
        "[]",
        "5",
        "\"x\"",
        "null",
        "{\"coverage\":5,\"power\":[],\"recovery\":\"x\"}",
        "{\"coverage\":{\"requests\":{\"a\":1}},\"functions\":5,\"harts\":[1,[2],null,{\"loads\":{}"
        "}],"
        "\"power\":{\"voltage\":[5,\"x\",{}],\"list\":[[]]},\"recovery\":{\"failures\":[{"
        "\"domains\":"
        "7}]}}",
    };
    const struct report_table *table;
    for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
        cJSON *json = cJSON_Parse(reports[i]);
        cr_assert(json);
        for (size_t k = 0; (table = report_table(k)); k++) {
            report_table_applies(table, json);
            free(text_of(report_table_file(table), json));
        }
        cJSON_Delete(json);
    }
}

Test(report_tables, files_are_known)
{
    const struct report_table *table;
    for (size_t i = 0; (table = report_table(i)); i++)
        cr_expect(report_dir_is_ours(report_table_file(table)), "%s", report_table_file(table));
}

Test(json_clean, bytes_that_are_no_text)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "\xff\xfe", "a\xc3");
    cJSON_AddStringToObject(cJSON_AddObjectToObject(json, "in"), "\xed\xa0\x80", "\xe2\x98\x83!");
    json_clean(json);
    char *text = cJSON_PrintUnformatted(json);
    cr_expect_str_eq(text, "{\"??\":\"a?\",\"in\":{\"???\":\"\xe2\x98\x83!\"}}");
    free(text);
    cJSON_Delete(json);
}
