/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_REPORT_HTML_PARTS_H
#define IASO_SIM_REPORT_HTML_PARTS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>

#include "sim/report/report_html.h"

/* What pages of reports are made of: sections, facts, tables, bars, pictures. For report_html and
 * compare_html only. */

struct page {
    FILE *out;
    const cJSON *report;
    struct report_extras extras;
};

#define PAGE_NAME 64 /* characters of a name in a table */

/* ---- Values ------------------------------------------------------------------------------- */

enum cell {
    CELL_COUNT,
    CELL_SHARE, /* with a bar behind it */
    CELL_BYTES,
    CELL_TIME,   /* ns */
    CELL_ENERGY, /* nJ */
    CELL_VOLTS,
    CELL_FACTOR,
    CELL_NAME, /* a name of the guest's, as code */
    CELL_TEXT, /* words */
};

/* A number with its unit, for the eye and, exactly, for machines. */
void page_quantity(FILE *out, enum cell cell, double value);

/* Begins a cell of a table: a share with a bar beside it, which is full at 1. */
void page_share_begin(FILE *out, double share);

/* ---- Tables ------------------------------------------------------------------------------- */

/* One column: its cells are at `path` of each row, or `value` tells the number (NAN: none), or
 * `write` writes the contents. A column in which no row has anything is left out. */
struct column {
    const char *title;
    enum cell cell;
    const char *path;
    double (*value)(const cJSON *row);
    void (*write)(FILE *out, const cJSON *row);
};

struct table {
    const char *caption;
    const cJSON *rows; /* an array; without rows there is no table */
    const struct column *columns;
    size_t column_count;
    int sort;        /* rows are sorted by this column, the largest first; -1: as they are */
    size_t shown;    /* so many rows at once, the rest when asked for; 0: 10 */
    const char *csv; /* name of the file below tables/ that has them all, or NULL */
};

#define COLUMNS(array) (array), sizeof(array) / sizeof *(array)

void page_table(const struct page *page, const struct table *table);

/* A scrolling box around a table of so many columns, with its caption and a link to its CSV, if it
 * has them; page_table_end() closes it. For tables that are not made of rows. */
void page_table_begin(const struct page *page, const char *caption, const char *csv,
                      size_t columns);
void page_table_end(const struct page *page);

/* ---- Other parts -------------------------------------------------------------------------- */

void page_heading(const struct page *page, const char *text);
void page_note(const struct page *page, const char *text);

/* A list of facts; a fact that is not in `json` at `path` is left out. */
void page_facts_begin(const struct page *page);
void page_fact(const struct page *page, const char *title, enum cell cell, const cJSON *json,
               const char *path);
void page_facts_end(const struct page *page);

/* Parts of a whole as one bar with a legend; parts of nothing are left out. `tone` is one of those
 * of report.css: "1" to "8". */
struct bar_part {
    const char *title;
    const char *tone;
    double value;
};
void page_bar(const struct page *page, const char *title, const struct bar_part *parts,
              size_t count, enum cell cell);

/* The pictures of plots/ that belong to a section, or where they are missing, why. */
void page_pictures(const struct page *page, const char *section);
/* Those that belong nowhere. */
void page_other_pictures(const struct page *page);

/* Is there a file of this name in the report's folder? */
bool page_has_file(const struct page *page, const char *name);

/* ---- Sections ----------------------------------------------------------------------------- */

void page_coverage(const struct page *page);
void page_overhead(const struct page *page);
void page_recovery(const struct page *page);
void page_power(const struct page *page);
void page_sweep(const struct page *page);
void page_campaign(const struct page *page);
void page_files(const struct page *page);
void page_repeat(const struct page *page);

/* The head of a page, up to and with <body>; page_end() closes it. */
void page_begin(FILE *out, const char *title);
void page_end(FILE *out);

#endif
