/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/report/report_tables.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sim/report/report_read.h"

#define MAX_NAMES 3 /* wildcards in a path */
#define PART_SIZE 64

/*
 * `rows` is a path into the report, in which "*" stands for each member or element, and "a|b" for
 * those two; NULL: all numbers that are in no list. Columns are paths from a row, each perhaps with
 * a name for people before it; "@0" is the key of the first "*", "#x" the length of the list x. A
 * number in a path is an index.
 */
struct report_table {
    const char *file, *rows, *columns;
    const char *by; /* column to sort by, largest first; NULL: in the report's order */
};

#define COUNTS "instructions loads stores"
#define TWO_SETS                                                             \
    "inside_instructions=inside.instructions inside_loads=inside.loads "     \
    "inside_stores=inside.stores outside_instructions=outside.instructions " \
    "outside_loads=outside.loads outside_stores=outside.stores"

static const struct report_table tables[] = {
    {"tables/totals.csv", NULL, "name value", NULL},
    {"tables/inputs.csv", "inputs.*", "path size sha256", NULL},
    {"tables/harts.csv", "harts.*", COUNTS " cycles traps", NULL},
    {"tables/requests.csv", "coverage.requests.*",
     "kind number name domains " COUNTS " share log_bytes pages records", "share"},
    {"tables/outside.csv", "coverage.outside.*", "reason " COUNTS " share", NULL},
    {"tables/workloads.csv", "coverage.workloads.*",
     "name threads share covered_reads covered_writes " TWO_SETS, NULL},
    {"tables/threads.csv", "coverage.threads.*", "id name pid " TWO_SETS, NULL},
    {"tables/functions.csv", "functions.*", "name " TWO_SETS, NULL},
    {"tables/overhead.csv", "overhead.software.events.*", "event count cost cycles", NULL},
    {"tables/failures.csv", "recovery.failures.*",
     "at time_ns hart failure thread task outcome reason domains=#domains domains_left_out "
     "dependencies=#edges dependencies_left_out=edges_left_out",
     NULL},
    {"tables/domains.csv", "recovery.failures.*.domains.*",
     "failure=@0 id parent thread task request number name role innocent goes_back opened_ns "
     "log_bytes",
     NULL},
    {"tables/lives.csv", "power.list.*",
     "end cut start_ns on_ns off_ns instructions nvm_writes progress nj volts_from volts_to pc "
     "torn",
     NULL},
    {"tables/voltage.csv", "power.voltage.*", "time_ns=0 volts=1", NULL},
    {"tables/counters.csv", "power.counters.*", "name=@0 hits sum", NULL},
    {"tables/energy-causes.csv", "power.energy_nj.useful|logging|recovery|lost|sleep",
     "cause=@0 nj=.", NULL},
    {"tables/energy-kinds.csv", "power.energy_nj.by_kind.*", "kind=@0 nj=.", NULL},
    {"tables/energy-regions.csv", "power.energy_nj.regions.*",
     "name open reads=reads.count read_wait_cycles=reads.wait_cycles read_nj=reads.nj "
     "writes=writes.count write_wait_cycles=writes.wait_cycles write_nj=writes.nj "
     "fetches=fetches.count fetch_wait_cycles=fetches.wait_cycles fetch_nj=fetches.nj",
     NULL},
    {"tables/energy-functions.csv", "power.energy_nj.functions.*", "name instructions cycles nj",
     "nj"},
    {"tables/nvm.csv", "power.nvm.ranges.*", "name start size reads writes medium_writes", NULL},
    {"tables/wear.csv", "power.nvm.wear.map.*", "range start end max mean", NULL},
    {"tables/outcomes.csv", "campaign.recovery.*.outcomes.*",
     "recovery=@0 outcome=@1 count share low high", NULL},
    {"tables/survival.csv", "campaign.recovery.*.kinds.*",
     "recovery=@0 kind=@1 faults survived=survived.count share=survived.share low=survived.low "
     "high=survived.high",
     NULL},
    {"tables/rounds.csv", "campaign.rounds.*", "round what done lost", NULL},
    {"tables/runs.csv", "sweep.runs_by_depth.*", "cuts_more=@0 runs=.", NULL},
    {"tables/cuts.csv", "sweep.coverage.*", "from to states failures", NULL},
    {"tables/findings.csv", "sweep.findings.*", "path where verdict count reproducer", NULL},
};

const struct report_table *report_table(size_t index)
{
    return index < sizeof tables / sizeof *tables ? &tables[index] : NULL;
}

const char *report_table_file(const struct report_table *table)
{
    return table->file;
}

/* ---- Fields -------------------------------------------------------------------------------- */

const char *csv_number(double number, char text[32])
{
    if (number == floor(number) && fabs(number) < 1e15)
        snprintf(text, 32, "%.0f", number);
    else if (snprintf(text, 32, "%.15g", number), strtod(text, NULL) != number)
        snprintf(text, 32, "%.17g", number);
    return text;
}

void csv_put_text(const char *text, FILE *out)
{
    bool formula = *text && strchr("=+-@", *text);
    bool quoted = formula || strpbrk(text, "\",' ");
    if (quoted)
        fputc('"', out);
    if (formula)
        fputc('\'', out);
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            fprintf(out, "\\x%02x", (unsigned char)*text);
        else if (*text == '"')
            fputs("\"\"", out);
        else
            fputc(*text, out);
    }
    if (quoted)
        fputc('"', out);
}

void csv_put(const cJSON *item, FILE *out)
{
    char number[32];
    if (cJSON_IsNumber(item))
        fputs(csv_number(item->valuedouble, number), out);
    else if (cJSON_IsString(item))
        csv_put_text(item->valuestring, out);
    else if (cJSON_IsBool(item))
        fputs(cJSON_IsTrue(item) ? "true" : "false", out);
}

/* ---- Rows ---------------------------------------------------------------------------------- */

struct row {
    const cJSON *item;
    const char *names[MAX_NAMES]; /* of what the wildcards stand for; NULL: an element */
    size_t indexes[MAX_NAMES];
    double by;
    size_t order;
};

struct rows {
    struct row *all;
    size_t count, room;
    bool failed; /* out of memory */
};

static void add_row(struct rows *rows, const struct row *row)
{
    if (rows->count == rows->room) {
        size_t room = 2 * rows->room + 64;
        struct row *all = realloc(rows->all, room * sizeof *all);
        if (!all) {
            rows->failed = true;
            return;
        }
        rows->all = all;
        rows->room = room;
    }
    rows->all[rows->count] = *row;
    rows->all[rows->count].order = rows->count;
    rows->count++;
}

/* The first part of a path; returns the rest, NULL if there is none. */
static const char *split(const char *path, char part[PART_SIZE])
{
    size_t length = strcspn(path, ".");
    snprintf(part, PART_SIZE, "%.*s", (int)length, path);
    return path[length] ? path + length + 1 : NULL;
}

/* Is the name one of "a|b|c"? "*" is all names. */
static bool is_among(const char *names, const char *name)
{
    if (!strcmp(names, "*"))
        return true;
    size_t length = name ? strlen(name) : 0;
    for (; length && names; names = strchr(names, '|'), names += names != NULL)
        if (!strncmp(names, name, length) && (!names[length] || names[length] == '|'))
            return true;
    return false;
}

static void find_rows(struct rows *rows, struct row row, const char *path, unsigned names);

/* In each of the members. */
static void find_in_all(struct rows *rows, struct row row, const char *members, const char *path,
                        unsigned names)
{
    const cJSON *item, *parent = row.item;
    if (!cJSON_IsArray(parent) && !cJSON_IsObject(parent))
        return;
    row.indexes[names] = 0;
    cJSON_ArrayForEach(item, parent)
    {
        row.item = item;
        row.names[names] = item->string;
        if (is_among(members, item->string))
            find_rows(rows, row, path, names + 1);
        row.indexes[names]++;
    }
}

/* Goes on from row.item; `names`: how many it has. */
static void find_rows(struct rows *rows, struct row row, const char *path, unsigned names)
{
    char part[PART_SIZE];
    while (path && row.item) {
        path = split(path, part);
        if (strpbrk(part, "*|")) {
            find_in_all(rows, row, part, path, names);
            return;
        }
        row.item = report_at(row.item, part);
    }
    if (row.item)
        add_row(rows, &row);
}

static int by_value(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    if (a->by != b->by)
        return a->by > b->by ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

static void sort(struct rows *rows, const char *by)
{
    for (size_t i = 0; i < rows->count; i++)
        rows->all[i].by = report_number_or(rows->all[i].item, by, 0);
    if (rows->count)
        qsort(rows->all, rows->count, sizeof *rows->all, by_value);
}

/* ---- Tables -------------------------------------------------------------------------------- */

static void put_value(const struct row *row, const char *path, FILE *out)
{
    if (*path == '@') {
        unsigned index = (unsigned)atoi(path + 1);
        if (row->names[index])
            csv_put_text(row->names[index], out);
        else
            fprintf(out, "%zu", row->indexes[index]);
    } else if (*path == '#') {
        fprintf(out, "%d", cJSON_GetArraySize(report_at(row->item, path + 1)));
    } else {
        csv_put(strcmp(path, ".") ? report_at(row->item, path) : row->item, out);
    }
}

/* Of all columns, the row's values; or, without a row, the names. */
static void put_line(const char *columns, const struct row *row, FILE *out)
{
    char column[2 * PART_SIZE];
    for (const char *next = columns; *next;) {
        size_t length = strcspn(next, " ");
        snprintf(column, sizeof column, "%.*s", (int)length, next);
        char *equals = strchr(column, '=');
        if (equals)
            *equals = 0;
        if (next != columns)
            fputc(',', out);
        if (row)
            put_value(row, equals ? equals + 1 : column, out);
        else
            csv_put_text(column, out);
        next += length + (next[length] != 0);
    }
    fputs("\r\n", out);
}

/* Each number below `item` that is in no list, by its path. */
static void put_numbers(const cJSON *item, const char *path, FILE *out)
{
    char name[512], number[32];
    const cJSON *child;
    cJSON_ArrayForEach(child, item)
    {
        snprintf(name, sizeof name, "%s%s%s", path, *path ? "." : "", child->string);
        if (cJSON_IsNumber(child)) {
            csv_put_text(name, out);
            fprintf(out, ",%s\r\n", csv_number(child->valuedouble, number));
        } else if (cJSON_IsObject(child) && strcmp(name, "configuration")) {
            put_numbers(child, name, out);
        }
    }
}

static void collect(struct rows *rows, const struct report_table *table, const cJSON *report)
{
    *rows = (struct rows){0};
    find_rows(rows, (struct row){.item = report}, table->rows, 0);
    if (table->by)
        sort(rows, table->by);
}

bool report_table_applies(const struct report_table *table, const cJSON *report)
{
    struct rows rows = {.count = 1};
    if (table->rows)
        collect(&rows, table, report);
    free(rows.all);
    return rows.count > 0;
}

int report_table_write(const struct report_table *table, const cJSON *report, FILE *out,
                       struct error *err)
{
    struct rows rows = {0};
    put_line(table->columns, NULL, out);
    if (table->rows)
        collect(&rows, table, report);
    else
        put_numbers(report, "", out);
    for (size_t i = 0; i < rows.count; i++)
        put_line(table->columns, &rows.all[i], out);
    free(rows.all);
    return rows.failed ? error_set(err, "out of memory") : 0;
}
