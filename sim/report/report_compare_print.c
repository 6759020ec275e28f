/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* asprintf() */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sim/report/report_compare.h"
#include "sim/report/report_read.h"
#include "sim/report/report_tables.h"
#include "sim/text.h"

#define MAX_VALUE 60 /* of a config, on the terminal; files have all of it */

/* ---- A table for people -------------------------------------------------------------------- */

struct cells {
    char **all; /* malloc'ed each */
    size_t count, room;
};

static void add_cell(struct cells *cells, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add_cell(struct cells *cells, const char *format, ...)
{
    va_list arguments;
    if (cells->count == cells->room)
        return;
    va_start(arguments, format);
    if (vasprintf(&cells->all[cells->count], format, arguments) < 0)
        cells->all[cells->count] = NULL;
    cells->count += cells->all[cells->count] != NULL;
    va_end(arguments);
}

static void add_value(struct cells *cells, const cJSON *value, const cJSON *ratio, bool first)
{
    char text[TEXT_GROUP_SIZE];
    double number = report_number_or(value, "", 0);
    if (!cJSON_IsNumber(value))
        add_cell(cells, "-");
    else if (number >= 0 && number < 1e15 && number == floor(number))
        add_cell(cells, "%s", text_group((uint64_t)number, text));
    else
        add_cell(cells, "%.6g", number);
    if (first)
        return;
    if (cJSON_IsNumber(ratio))
        add_cell(cells, "x %.3f", ratio->valuedouble);
    else
        add_cell(cells, "-");
}

static void add_cells(struct cells *cells, const cJSON *comparison)
{
    const cJSON *report, *row;
    bool first = true;
    add_cell(cells, "%s", "");
    cJSON_ArrayForEach(report, report_at(comparison, "reports"))
    {
        add_cell(cells, "%s", report_string_or(report, "name", "?"));
        if (!first)
            add_cell(cells, "ratio");
        first = false;
    }
    cJSON_ArrayForEach(row, report_at(comparison, "rows"))
    {
        const cJSON *value, *ratio = report_at(row, "ratios.0");
        add_cell(cells, "%s: %s", report_string_or(row, "group", "?"),
                 report_string_or(row, "name", "?"));
        first = true;
        cJSON_ArrayForEach(value, report_at(row, "values"))
        {
            add_value(cells, value, ratio, first);
            ratio = ratio ? ratio->next : NULL;
            first = false;
        }
    }
}

static void print_table(const cJSON *comparison, const struct screen *screen)
{
    size_t rows = report_count(comparison, "rows") + 1;
    size_t columns = 2 * report_count(comparison, "reports");
    struct cells cells = {.all = calloc(rows * columns, sizeof *cells.all), .room = rows * columns};
    if (cells.all)
        add_cells(&cells, comparison);
    if (cells.all && cells.count == cells.room)
        screen_table(screen, (const char *const *)cells.all, rows, columns);
    for (size_t i = 0; i < cells.count; i++)
        free(cells.all[i]);
    free(cells.all);
}

/* At most MAX_VALUE bytes, none of them a part of a character. */
static void put_short(const char *text, FILE *out)
{
    size_t length = strlen(text);
    bool cut = length > MAX_VALUE;
    if (cut)
        length = MAX_VALUE - strlen("...");
    while (cut && length && (text[length] & 0xc0) == 0x80)
        length--;
    fprintf(out, "%.*s%s", (int)length, text, cut ? "..." : "");
}

void report_compare_print(const cJSON *comparison, const struct screen *screen)
{
    const cJSON *row;
    print_table(comparison, screen);
    screen_text(screen, "\n");
    cJSON_ArrayForEach(row, report_at(comparison, "hashes"))
    {
        screen_row(screen, cJSON_IsTrue(report_at(row, "equal")) ? "equal" : "not equal",
                   "SHA-256 of %s", report_string_or(row, "name", "?"));
    }
    if (!report_count(comparison, "differences"))
        screen_row(screen, "equal", "configurations");
    cJSON_ArrayForEach(row, report_at(comparison, "differences"))
    {
        char *list = NULL;
        size_t size;
        FILE *out = open_memstream(&list, &size);
        const cJSON *value;
        cJSON_ArrayForEach(value, report_at(row, "values"))
        {
            if (out && value->prev->next)
                fputs(" | ", out);
            if (out)
                put_short(cJSON_IsString(value) ? value->valuestring : "-", out);
        }
        if (out && fclose(out) == 0)
            screen_row(screen, "config", "%s: %s", report_string_or(row, "path", "?"), list);
        free(list);
    }
}

/* ---- CSV ----------------------------------------------------------------------------------- */

void report_compare_csv(const cJSON *comparison, FILE *out)
{
    const cJSON *report, *row, *item;
    fputs("group,name,path", out);
    for (int ratio = 0; ratio < 2; ratio++)
        cJSON_ArrayForEach(report, report_at(comparison, "reports"))
        {
            char *name = NULL;
            fputc(',', out);
            if (asprintf(&name, "%s%s", ratio ? "ratio: " : "",
                         report_string_or(report, "name", "")) < 0)
                return;
            csv_put_text(name, out);
            free(name);
        }
    fputs("\r\n", out);
    cJSON_ArrayForEach(row, report_at(comparison, "rows"))
    {
        static const char *const lists[] = {"values", "ratios"};
        csv_put(report_at(row, "group"), out);
        fputc(',', out);
        csv_put(report_at(row, "name"), out);
        fputc(',', out);
        csv_put(report_at(row, "path"), out);
        for (int list = 0; list < 2; list++)
            cJSON_ArrayForEach(item, report_at(row, lists[list]))
            {
                fputc(',', out);
                csv_put(item, out);
            }
        fputs("\r\n", out);
    }
}
