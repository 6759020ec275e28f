/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <stdlib.h>

#include "sim/report/html.h"
#include "sim/report/report_html_parts.h"
#include "sim/report/report_read.h"

#define MAX_COLUMNS 12
#define MAX_ROWS    400 /* in the page; more are in the CSV */
#define SHOWN       10
#define CSV_NAME    64

/* A table as it will be written. */
struct layout {
    const struct page *page;
    const struct table *table;
    const struct column *columns[MAX_COLUMNS]; /* that have anything to show */
    size_t column_count;
    const struct row {
        const cJSON *json;
        double key; /* larger ones come first */
        size_t index;
    } * rows;
    size_t row_count;
};

static double number_in(const struct column *column, const cJSON *row)
{
    double value = NAN;
    if (column->value)
        value = column->value(row);
    else if (column->path)
        report_number(row, column->path, &value);
    return isfinite(value) ? value : NAN;
}

static bool is_text(const struct column *column)
{
    return column->cell == CELL_NAME || column->cell == CELL_TEXT;
}

static bool has_cell(const struct column *column, const cJSON *row)
{
    if (column->write)
        return true;
    return is_text(column) ? report_string(row, column->path) != NULL
                           : !isnan(number_in(column, row));
}

static bool is_used(const struct column *column, const cJSON *rows)
{
    const cJSON *row;
    cJSON_ArrayForEach(row, rows)
    {
        if (has_cell(column, row))
            return true;
    }
    return false;
}

static int by_key(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    if (a->key != b->key)
        return a->key > b->key ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

/* The rows in their order, malloc'ed. */
static struct row *sorted_rows(const struct table *table, size_t count)
{
    struct row *rows = calloc(count, sizeof *rows);
    const cJSON *json;
    size_t i = 0;
    if (!rows)
        return NULL;
    cJSON_ArrayForEach(json, table->rows)
    {
        double key = table->sort < 0 ? 0 : number_in(&table->columns[table->sort], json);
        rows[i] = (struct row){json, isnan(key) ? -HUGE_VAL : key, i};
        i++;
    }
    qsort(rows, count, sizeof *rows, by_key);
    return rows;
}

/* ---- Writing ------------------------------------------------------------------------------ */

void page_share_begin(FILE *out, double share)
{
    fprintf(out, "<td class=\"n bar\" style=\"--p:%.4f\">", share < 0 ? 0 : share > 1 ? 1 : share);
    page_quantity(out, CELL_SHARE, share);
}

static void write_cell(FILE *out, const struct column *column, const cJSON *row)
{
    const char *text = is_text(column) && column->path ? report_string(row, column->path) : NULL;
    double value = is_text(column) ? NAN : number_in(column, row);
    if (column->write || text) {
        fputs("<td>", out);
        if (column->write)
            column->write(out, row);
        else if (column->cell == CELL_NAME)
            html_name(out, text, PAGE_NAME);
        else
            html_prose(out, text);
    } else if (isnan(value)) {
        fputs(is_text(column) ? "<td>" : "<td class=n>", out);
        fputs("<span class=none>\u2013</span>", out);
    } else if (column->cell == CELL_SHARE) {
        page_share_begin(out, value);
    } else {
        fputs("<td class=n>", out);
        page_quantity(out, column->cell, value);
    }
    fputs("</td>", out);
}

static void write_rows(const struct layout *layout, size_t from, size_t to)
{
    FILE *out = layout->page->out;
    fputs("<thead><tr>", out);
    for (size_t i = 0; i < layout->column_count; i++) {
        bool number = !is_text(layout->columns[i]);
        html_print(out, "<th scope=col%s>%s</th>", number ? " class=n" : "",
                   layout->columns[i]->title);
    }
    fputs("</tr></thead>\n<tbody>\n", out);
    for (size_t i = from; i < to; i++) {
        fputs("<tr>", out);
        for (size_t j = 0; j < layout->column_count; j++)
            write_cell(out, layout->columns[j], layout->rows[i].json);
        fputs("</tr>\n", out);
    }
    fputs("</tbody>\n", out);
}

/* The name of the table's CSV, if that is there. */
static const char *csv_of(const struct layout *layout, char name[CSV_NAME])
{
    if (!layout->table->csv)
        return NULL;
    snprintf(name, CSV_NAME, "tables/%s", layout->table->csv);
    return page_has_file(layout->page, name) ? name : NULL;
}

/* Rows that the page does not have. */
static void write_left_out(const struct layout *layout, size_t left, const char *csv)
{
    FILE *out = layout->page->out;
    char count[WORDS_SIZE];
    fputs("<p class=more>", out);
    html_prose(out, words_count((double)left, count));
    if (csv)
        html_print(out, " more in <a href=\"%s\">%s</a>.</p>\n", csv, csv);
    else
        fputs(" more are not shown.</p>\n", out);
}

static void write_layout(const struct layout *layout)
{
    FILE *out = layout->page->out;
    char count[WORDS_SIZE], name[CSV_NAME];
    const char *csv = csv_of(layout, name);
    size_t limit = layout->table->shown ? layout->table->shown : SHOWN;
    size_t shown = layout->row_count <= limit + 3 ? layout->row_count : limit;
    size_t most = layout->row_count < MAX_ROWS ? layout->row_count : MAX_ROWS;
    page_table_begin(layout->page, layout->table->caption, csv, layout->column_count);
    write_rows(layout, 0, shown);
    page_table_end(layout->page);
    if (shown < most) {
        fputs("<details class=rest><summary>", out);
        html_prose(out, words_count((double)(most - shown), count));
        fputs(" more rows</summary>\n", out);
        page_table_begin(layout->page, NULL, NULL, layout->column_count);
        write_rows(layout, shown, most);
        page_table_end(layout->page);
        fputs("</details>\n", out);
    }
    if (layout->row_count > MAX_ROWS)
        write_left_out(layout, layout->row_count - MAX_ROWS, csv);
}

void page_table_begin(const struct page *page, const char *caption, const char *csv, size_t columns)
{
    FILE *out = page->out;
    fputs("<div class=scroll tabindex=0", out);
    if (caption)
        html_print(out, " role=region aria-label=\"%s\"", caption);
    fputs(columns < 4 ? "><table class=slim>\n" : "><table>\n", out);
    if (!caption)
        return;
    html_print(out, "<caption>%s", caption);
    if (csv)
        html_print(out, " <a href=\"%s\">csv</a>", csv);
    fputs("</caption>\n", out);
}

void page_table_end(const struct page *page)
{
    fputs("</table></div>\n", page->out);
}

void page_table(const struct page *page, const struct table *table)
{
    size_t count = report_count(table->rows, "");
    struct layout layout = {.page = page, .table = table, .row_count = count};
    struct row *rows = count ? sorted_rows(table, count) : NULL;
    if (!rows)
        return;
    layout.rows = rows;
    for (size_t i = 0; i < table->column_count && layout.column_count < MAX_COLUMNS; i++)
        if (is_used(&table->columns[i], table->rows))
            layout.columns[layout.column_count++] = &table->columns[i];
    if (layout.column_count)
        write_layout(&layout);
    free(rows);
}
