/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "sim/report/html.h"
#include "sim/report/report_html.h"
#include "sim/report/report_html_parts.h"
#include "sim/report/report_read.h"

#define MAX_REPORTS 16
#define MAX_TITLE   120
#define NEAR        0.02 /* a ratio that is so near to 1 does not stand out */

struct comparison {
    FILE *out;
    struct page page; /* for its parts */
    const cJSON *json;
    size_t count;                   /* of reports */
    const char *names[MAX_REPORTS]; /* their folders */
};

static const char *report_name(const cJSON *report)
{
    return report_string_or(report, "name", "?");
}

/* ---- The reports -------------------------------------------------------------------------- */

static void write_end(FILE *out, const cJSON *report)
{
    const char *end = report_string_or(report, "end", ""),
               *failure = report_string(report, "failure");
    html_print(out, "<span class=%s>%s</span>", failure ? "bad" : "good", end);
    if (failure) {
        fputs(" <span class=why>", out);
        html_short(out, failure, 200);
        fputs("</span>", out);
    }
}

static const struct column report_columns[] = {
    {"report", CELL_NAME, "name", NULL, NULL},     {"kind", CELL_TEXT, "kind", NULL, NULL},
    {"config", CELL_NAME, "config", NULL, NULL},   {"Iaso", CELL_TEXT, "iaso", NULL, NULL},
    {"engine", CELL_TEXT, "engine", NULL, NULL},   {"end", CELL_TEXT, NULL, NULL, write_end},
    {"command", CELL_NAME, "command", NULL, NULL},
};

/* A header row with the names of the reports; `ratios`: with a column of ratios behind each but the
 * first. */
static void write_names(const struct comparison *comparison, const char *first, bool ratios)
{
    FILE *out = comparison->out;
    html_print(out, "<thead><tr><th scope=col>%s</th>", first);
    for (size_t i = 0; i < comparison->count; i++) {
        fputs(ratios ? "<th scope=col class=n>" : "<th scope=col>", out);
        html_name(out, comparison->names[i], 30);
        fputs(ratios && i ? "</th><th scope=col class=n>ratio</th>" : "</th>", out);
    }
    fputs("</tr></thead>\n", out);
}

/* ---- Numbers ------------------------------------------------------------------------------ */

/* A name such as "total (nJ)": the kind of its values; *length: of the name without the unit. */
static enum cell cell_of(const char *name, size_t *length)
{
    static const struct {
        const char *unit;
        enum cell cell;
    } units[] = {{"(ns)", CELL_TIME},
                 {"(nJ)", CELL_ENERGY},
                 {"(share)", CELL_SHARE},
                 {"(bytes)", CELL_BYTES}};
    *length = strlen(name);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        const char *unit = strstr(name, units[i].unit);
        if (!unit || unit == name)
            continue;
        if (!unit[strlen(units[i].unit)])
            *length = (size_t)(unit - name) - 1;
        return units[i].cell;
    }
    return strstr(name, "bytes") ? CELL_BYTES : CELL_COUNT;
}

static void write_value(FILE *out, enum cell cell, const cJSON *value)
{
    double number;
    if (report_number(value, "", &number))
        page_quantity(out, cell, number);
    else
        fputs("<span class=none>\u2013</span>", out);
}

static void write_ratio(FILE *out, const cJSON *ratio)
{
    double number;
    bool known = report_number(ratio, "", &number);
    fputs(known && fabs(number - 1) > NEAR ? "<td class=\"n ratio\"><b>" : "<td class=\"n ratio\">",
          out);
    write_value(out, CELL_FACTOR, ratio);
    fputs(known && fabs(number - 1) > NEAR ? "</b></td>" : "</td>", out);
}

static void write_row(const struct comparison *comparison, const cJSON *row)
{
    FILE *out = comparison->out;
    const char *name = report_string_or(row, "name", "?");
    const cJSON *values = report_at(row, "values"), *ratios = report_at(row, "ratios");
    char plain[MAX_TITLE];
    size_t length;
    enum cell cell = cell_of(name, &length);
    snprintf(plain, sizeof plain, "%.*s", length < MAX_TITLE ? (int)length : MAX_TITLE - 1, name);
    html_print(out, "<tr><td>%s</td>", plain);
    for (size_t i = 0; i < comparison->count; i++) {
        fputs("<td class=n>", out);
        write_value(out, cell, cJSON_GetArrayItem(values, (int)i));
        fputs("</td>", out);
        if (i)
            write_ratio(out, cJSON_GetArrayItem(ratios, (int)i));
    }
    fputs("</tr>\n", out);
}

static void write_numbers(const struct comparison *comparison)
{
    FILE *out = comparison->out;
    const cJSON *row;
    const char *last = NULL;
    if (!report_count(comparison->json, "rows"))
        return;
    page_table_begin(&comparison->page, "Numbers, and their ratios to the first report", NULL, 9);
    write_names(comparison, "", true);
    cJSON_ArrayForEach(row, report_at(comparison->json, "rows"))
    {
        const char *group = report_string_or(row, "group", "");
        if (!last || strcmp(last, group)) {
            fputs(last ? "</tbody>\n<tbody>\n" : "<tbody>\n", out);
            html_print(out, "<tr class=group><th scope=rowgroup colspan=%zu>%s</th></tr>\n",
                       2 * comparison->count, group);
            last = group;
        }
        write_row(comparison, row);
    }
    fputs("</tbody>\n", out);
    page_table_end(&comparison->page);
}

/* ---- Hashes and configs ------------------------------------------------------------------- */

/* Texts in columns, `room` characters of each. */
static void write_texts(const struct comparison *comparison, const cJSON *texts, size_t room)
{
    for (size_t i = 0; i < comparison->count; i++) {
        const char *text = cJSON_GetStringValue(cJSON_GetArrayItem(texts, (int)i));
        fputs("<td class=wrap>", comparison->out);
        if (text)
            html_name(comparison->out, text, room);
        else
            fputs("<span class=none>\u2013</span>", comparison->out);
        fputs("</td>", comparison->out);
    }
}

static void write_hashes(const struct comparison *comparison)
{
    FILE *out = comparison->out;
    const cJSON *row;
    if (!report_count(comparison->json, "hashes"))
        return;
    page_table_begin(&comparison->page, "What is the same, byte for byte (SHA-256)", NULL, 9);
    write_names(comparison, "", false);
    fputs("<tbody>\n", out);
    cJSON_ArrayForEach(row, report_at(comparison->json, "hashes"))
    {
        bool equal = cJSON_IsTrue(report_at(row, "equal"));
        html_print(out, "<tr><td>%s <span class=%s>%s</span></td>",
                   report_string_or(row, "name", "?"), equal ? "good" : "none",
                   equal ? "same" : "differs");
        write_texts(comparison, report_at(row, "values"), 16);
        fputs("</tr>\n", out);
    }
    fputs("</tbody>\n", out);
    page_table_end(&comparison->page);
}

static void write_differences(const struct comparison *comparison)
{
    FILE *out = comparison->out;
    const cJSON *row;
    if (!report_count(comparison->json, "differences"))
        return;
    page_table_begin(&comparison->page, "Where the configs differ", NULL, 9);
    write_names(comparison, "key", false);
    fputs("<tbody>\n", out);
    cJSON_ArrayForEach(row, report_at(comparison->json, "differences"))
    {
        fputs("<tr><td>", out);
        html_name(out, report_string_or(row, "path", "?"), PAGE_NAME);
        fputs("</td>", out);
        write_texts(comparison, report_at(row, "values"), PAGE_NAME);
        fputs("</tr>\n", out);
    }
    fputs("</tbody>\n", out);
    page_table_end(&comparison->page);
}

/* ---- The page ----------------------------------------------------------------------------- */

/* How many rows have a ratio that is not exactly 1. */
static size_t differing(const cJSON *rows, size_t *all)
{
    const cJSON *row, *value;
    size_t count = 0;
    *all = 0;
    cJSON_ArrayForEach(row, rows)
    {
        const cJSON *values = report_at(row, "values"), *first = cJSON_GetArrayItem(values, 0);
        bool differs = false;
        cJSON_ArrayForEach(value, values) differs |= !cJSON_Compare(value, first, true);
        count += differs;
        ++*all;
    }
    return count;
}

static void write_answer(const struct comparison *comparison)
{
    char text[160];
    size_t all, count = differing(report_at(comparison->json, "rows"), &all);
    size_t keys = report_count(comparison->json, "differences");
    fputs("<section id=answer aria-label=Answer>\n<p class=first>", comparison->out);
    snprintf(text, sizeof text,
             "%zu of %zu numbers differ between the %zu reports; their configs "
             "differ in %zu value%s.",
             count, all, comparison->count, keys, keys == 1 ? "" : "s");
    html_prose(comparison->out, text);
    fputs("</p>\n", comparison->out);
    page_note(&comparison->page, "Ratios are to the first report; those that are 2 % or more away "
                                 "from 1 are bold.");
    fputs("</section>\n", comparison->out);
}

/* "b" of "a/b"; all of it if nothing follows the last slash. */
static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static void write_page(const struct comparison *comparison)
{
    FILE *out = comparison->out;
    page_begin(out, "Reports compared");
    fputs("<header>\n<p class=kind>Comparison</p>\n<h1>", out);
    for (size_t i = 0; i < comparison->count; i++) {
        fputs(i ? ", " : "", out);
        html_short(out, last_part(comparison->names[i]), 40);
    }
    html_print(out, "</h1>\n<p class=source>Iaso %s</p>\n</header>\n<main>\n",
               report_string_or(comparison->json, "iaso", ""));
    write_answer(comparison);
    fputs("<section id=numbers>\n", out);
    write_differences(comparison);
    write_numbers(comparison);
    write_hashes(comparison);
    page_table(&comparison->page,
               &(struct table){"The reports", report_at(comparison->json, "reports"),
                               COLUMNS(report_columns), -1, MAX_REPORTS, NULL});
    fputs("</section>\n</main>\n", out);
    page_end(out);
}

int compare_html_write(const cJSON *json, FILE *out, struct error *err)
{
    struct comparison comparison = {.out = out, .page = {.out = out, .report = json}, .json = json};
    const cJSON *report;
    cJSON_ArrayForEach(report, report_at(json, "reports"))
    {
        if (comparison.count < MAX_REPORTS)
            comparison.names[comparison.count++] = report_name(report);
    }
    write_page(&comparison);
    return fflush(out) || ferror(out)
               ? error_set(err, "cannot write compare.html: %s", strerror(errno))
               : 0;
}
