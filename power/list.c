/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "power/list.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "power/rows.h"

#define MAX_TICKS   0x1p62
#define MAX_COLUMNS 2

/* Which times a row has, in order: 'n' on, 'f' off, 't' a time of the run. */
struct parser {
    struct cut_list *list;
    size_t room;
    uint64_t rate;
    enum list_unit unit;
    char columns[MAX_COLUMNS + 1];
};

static const char *const unit_names[] = {
    [LIST_CYCLES] = "cycles", [LIST_S] = "s", [LIST_MS] = "ms", [LIST_US] = "us", [LIST_NS] = "ns",
};

static const char *column_name(char column)
{
    return column == 'n' ? "on" : column == 'f' ? "off" : "time";
}

/* ---- Rows ---------------------------------------------------------------------------------- */

static int to_ticks(const struct parser *parser, char column, double value, uint64_t *ticks,
                    struct error *err)
{
    static const double per_second[] = {
        [LIST_S] = 1, [LIST_MS] = 1e3, [LIST_US] = 1e6, [LIST_NS] = 1e9};
    const char *name = column_name(column), *unit = unit_names[parser->unit];
    if (!isfinite(value))
        return error_set(err, "%s: expected a number of %s, found %g", name, unit, value);
    if (value < 0)
        return error_set(err, "%s: expected no negative time, found %.10g %s", name, value, unit);
    if (parser->unit != LIST_CYCLES)
        value = value * (double)parser->rate / per_second[parser->unit];
    if (value > MAX_TICKS)
        return error_set(err, "%s: expected less than 2^62 cycles, found %.3g", name, value);
    *ticks = (uint64_t)(value + 0.5);
    if (*ticks == 0 && column != 'f')
        return error_set(err, "%s: expected at least one cycle, found %.3g", name, value);
    return 0;
}

static int check_order(const struct cut_list *list, const struct list_entry *entry,
                       struct error *err)
{
    if (!list->absolute || !list->count)
        return 0;
    const struct list_entry *before = &list->entries[list->count - 1];
    if (entry->on <= before->on)
        return error_set(err,
                         "time: expected one after the one before (cycle %" PRIu64
                         "), found cycle %" PRIu64,
                         before->on, entry->on);
    if (entry->on < before->on + before->off)
        return error_set(
            err, "time: expected one when power is back (cycle %" PRIu64 "), found cycle %" PRIu64,
            before->on + before->off, entry->on);
    return 0;
}

/* A row: a value for each column. The message does not say where. */
static int add_row(struct parser *parser, const double *values, struct error *err)
{
    struct cut_list *list = parser->list;
    struct list_entry entry = {0};
    for (unsigned i = 0; parser->columns[i]; i++) {
        uint64_t *to = parser->columns[i] == 'f' ? &entry.off : &entry.on;
        if (to_ticks(parser, parser->columns[i], values[i], to, err))
            return -1;
    }
    if (check_order(list, &entry, err))
        return -1;
    if (list->count == parser->room) {
        size_t room = parser->room ? parser->room * 2 : 64;
        struct list_entry *entries = realloc(list->entries, room * sizeof *entries);
        if (!entries)
            return error_set(err, "out of memory");
        list->entries = entries;
        parser->room = room;
    }
    list->entries[list->count++] = entry;
    return 0;
}

/* Adds what a name such as "on_us" says. */
static int add_column(struct parser *parser, const char *field, struct error *err)
{
    char name[ROWS_NAME], unit[ROWS_NAME], shown[ROWS_SHOWN];
    size_t count = strlen(parser->columns);
    int found = -1;
    if (rows_column(field, name, unit))
        return error_set(err, "expected a column such as \"on_us\", found \"%s\"",
                         rows_shown(field, shown));
    char column = strcmp(name, "on") == 0     ? 'n'
                  : strcmp(name, "off") == 0  ? 'f'
                  : strcmp(name, "time") == 0 ? 't'
                                              : 0;
    if (!column)
        return error_set(err, "expected \"on\", \"off\" or \"time\", found \"%s\"", name);
    for (int i = 0; i <= LIST_NS; i++)
        if (strcmp(unit, unit_names[i]) == 0)
            found = i;
    if (found < 0)
        return error_set(err, "%s: expected _cycles, _s, _ms, _us or _ns behind it, found \"%s\"",
                         name, unit);
    if (count && (enum list_unit)found != parser->unit)
        return error_set(err, "expected one unit for all columns, found %s and %s",
                         unit_names[parser->unit], unit);
    if (count == MAX_COLUMNS || strchr(parser->columns, column))
        return error_set(err, "expected each column once, found another \"%s\"", name);
    parser->unit = (enum list_unit)found;
    parser->columns[count] = column;
    return 0;
}

static int finish_columns(struct parser *parser, struct error *err)
{
    bool on = strchr(parser->columns, 'n'), time = strchr(parser->columns, 't');
    if (on == time)
        return error_set(err, "expected either on-times or times of cuts, found %s",
                         on ? "both" : "neither");
    parser->list->absolute = time;
    parser->list->has_off = strchr(parser->columns, 'f');
    return 0;
}

/* ---- CSV ----------------------------------------------------------------------------------- */

static int read_header(struct parser *parser, struct rows *rows, struct error *err)
{
    const char *field;
    while ((field = rows_field(rows)))
        if (add_column(parser, field, err))
            return error_prefix(err, "%s:%u: ", rows->path, rows->line);
    if (finish_columns(parser, err))
        return error_prefix(err, "%s:%u: ", rows->path, rows->line);
    return 0;
}

static int read_row(struct parser *parser, struct rows *rows, struct error *err)
{
    double values[MAX_COLUMNS];
    for (unsigned i = 0; parser->columns[i]; i++)
        if (rows_number(rows, column_name(parser->columns[i]), &values[i], err))
            return -1;
    const char *more = rows_field(rows);
    if (more)
        return rows_error(rows, err, "the end of the line", more);
    if (add_row(parser, values, err))
        return error_prefix(err, "%s:%u: ", rows->path, rows->line);
    return 0;
}

static int read_csv(struct parser *parser, struct rows *rows, struct error *err)
{
    bool more = rows_next(rows);
    if (more && strchr("+-.0123456789", *rows->rest)) {
        strcpy(parser->columns, "n");
    } else if (more) {
        if (read_header(parser, rows, err))
            return -1;
        more = rows_next(rows);
    }
    for (; more; more = rows_next(rows))
        if (read_row(parser, rows, err))
            return -1;
    return 0;
}

/* ---- JSON ---------------------------------------------------------------------------------- */

/* The columns are those that the first row names. */
static int columns_of(struct parser *parser, const cJSON *row, struct error *err)
{
    const cJSON *value;
    cJSON_ArrayForEach(value, row) if (add_column(parser, value->string, err)) return -1;
    return finish_columns(parser, err);
}

static int read_object(struct parser *parser, const cJSON *row, struct error *err)
{
    double values[MAX_COLUMNS];
    char name[2 * ROWS_NAME];
    unsigned i = 0;
    for (; parser->columns[i]; i++) {
        snprintf(name, sizeof name, "%s_%s", column_name(parser->columns[i]),
                 unit_names[parser->unit]);
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(row, name);
        if (!cJSON_IsNumber(value))
            return error_set(err, "expected a number \"%s\", found %s", name,
                             value ? "something else" : "none");
        values[i] = value->valuedouble;
    }
    if (cJSON_GetArraySize(row) != (int)i)
        return error_set(err, "expected the same keys as in the first, found more");
    return add_row(parser, values, err);
}

static int read_item(struct parser *parser, const cJSON *item, bool first, struct error *err)
{
    if (cJSON_IsNumber(item) && first)
        strcpy(parser->columns, "n");
    if (cJSON_IsObject(item) && first && columns_of(parser, item, err))
        return -1;
    bool bare = strcmp(parser->columns, "n") == 0 && !parser->list->has_off;
    if (cJSON_IsNumber(item) && bare)
        return add_row(parser, &item->valuedouble, err);
    if (cJSON_IsObject(item))
        return read_object(parser, item, err);
    return error_set(err, "expected %s, found something else",
                     first ? "a number or an object" : "what the first is");
}

static unsigned line_of(const char *text, const char *at)
{
    unsigned line = 1;
    for (; text < at; text++)
        line += *text == '\n';
    return line;
}

static int read_json(struct parser *parser, struct rows *rows, struct error *err)
{
    const char *end = NULL;
    size_t size = (size_t)(rows->end - rows->next), n = 0;
    cJSON *root = cJSON_ParseWithLengthOpts(rows->next, size + 1, &end, true), *item;
    int rc = 0;
    if (!cJSON_IsArray(root))
        rc = error_set(err, "%s:%u: expected a JSON array", rows->path,
                       line_of(rows->next, end ? end : rows->next));
    cJSON_ArrayForEach(item, root)
    {
        if (!rc && read_item(parser, item, n == 0, err))
            rc = error_prefix(err, "%s: [%zu]: ", rows->path, n);
        n++;
    }
    cJSON_Delete(root);
    return rc;
}

/* -------------------------------------------------------------------------------------------- */

struct cut_list *list_load(const char *path, uint64_t rate, enum list_unit bare, struct error *err)
{
    struct rows rows;
    if (rows_open(&rows, path, err))
        return NULL;
    struct parser parser = {.list = calloc(1, sizeof *parser.list), .rate = rate, .unit = bare};
    int rc = parser.list ? 0 : error_set(err, "%s: out of memory", path);
    if (!rc)
        rc = rows.next[strspn(rows.next, " \t\r\n")] == '[' ? read_json(&parser, &rows, err)
                                                            : read_csv(&parser, &rows, err);
    rows_close(&rows);
    if (!rc && !parser.list->count)
        rc = error_set(err, "%s: expected at least one time, found none", path);
    if (!rc)
        return parser.list;
    list_free(parser.list);
    return NULL;
}

void list_free(struct cut_list *list)
{
    if (!list)
        return;
    free(list->entries);
    free(list);
}
