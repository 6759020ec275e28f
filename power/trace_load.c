/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the formats of power/trace.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "power/rows.h"
#include "power/trace_parts.h"

#define MAX_COLUMNS     32
#define MAX_CURVE_BITS  12
#define MAX_VALUE       1e9 /* of what is measured, in any unit */
#define MAX_NS          0x1p62
#define DEFAULT_OHMS    30000 /* what Mementos' voltages were measured over */
#define DEFAULT_UNIT    1e-3  /* 1 kHz */
#define DEFAULT_LASTING 1000000000

struct reader {
    struct rows rows;
    struct trace *trace;
    double start; /* time of the first sample, seconds */
    double last;  /* of the last one */
};

/* ---- Samples ------------------------------------------------------------------------------- */

static int grow(struct trace *trace)
{
    size_t room = trace->room ? trace->room * 2 : 64;
    uint64_t *ns = realloc(trace->ns, room * sizeof *ns);
    if (ns)
        trace->ns = ns;
    double *values = realloc(trace->values, room * trace->width * sizeof *values);
    if (values)
        trace->values = values;
    if (!ns || !values)
        return -1;
    trace->room = room;
    return 0;
}

/* Where the values of a sample at that time go, or NULL. */
static double *add_sample(struct reader *reader, double seconds, struct error *err)
{
    struct trace *trace = reader->trace;
    const struct rows *rows = &reader->rows;
    if (trace->count == 0)
        reader->start = seconds;
    double ns = (seconds - reader->start) * 1e9;
    if (seconds < 0 || !(ns < MAX_NS)) {
        error_set(err, "%s:%u: time: expected %s, found %.10g s", rows->path, rows->line,
                  seconds < 0 ? "no negative time" : "less than 146 years", seconds);
        return NULL;
    }
    uint64_t at = ns > 0 ? (uint64_t)(ns + 0.5) : 0;
    if (trace->count && at <= trace->ns[trace->count - 1]) {
        error_set(err, "%s:%u: time: expected one after %.10g s, found %.10g s", rows->path,
                  rows->line, reader->last, seconds);
        return NULL;
    }
    if (trace->count == trace->room && grow(trace)) {
        error_set(err, "%s: out of memory", rows->path);
        return NULL;
    }
    reader->last = seconds;
    trace->ns[trace->count] = at;
    return trace->values + trace->width * trace->count++;
}

/* A voltage, current or power. */
static int read_value(struct reader *reader, const char *what, double *value, struct error *err)
{
    if (rows_number(&reader->rows, what, value, err))
        return -1;
    if (fabs(*value) <= MAX_VALUE)
        return 0;
    return error_set(err, "%s:%u: %s: expected less than %g, found %g", reader->rows.path,
                     reader->rows.line, what, MAX_VALUE, *value);
}

static double not_negative(double value)
{
    return value > 0 ? value : 0;
}

static int end_row(struct reader *reader, struct error *err)
{
    const char *more = rows_field(&reader->rows);
    return more ? rows_error(&reader->rows, err, "the end of the line", more) : 0;
}

/* ---- Mementos ------------------------------------------------------------------------------ */

static int read_mementos(struct reader *reader, struct error *err)
{
    struct rows *rows = &reader->rows;
    bool timed = rows_width(rows) > 1;
    reader->trace->kind = TRACE_VOLTAGE;
    reader->trace->width = 1;
    do {
        double time = (double)reader->trace->count, volts;
        if ((timed && rows_number(rows, "time", &time, err)) ||
            read_value(reader, "voltage", &volts, err) || end_row(reader, err))
            return -1;
        double *sample = add_sample(reader, time * reader->trace->options.unit, err);
        if (!sample)
            return -1;
        *sample = not_negative(volts);
    } while (rows_next(rows));
    return 0;
}

/* ---- CSV ----------------------------------------------------------------------------------- */

enum column {
    TIME,
    POWER,
    VOLTAGE,
    CURRENT,
    COLUMNS,
};

struct header {
    int of[COLUMNS]; /* which field it is, -1: none */
    double unit[COLUMNS];
    const char *name[COLUMNS]; /* for messages */
    unsigned fields;
};

static int column_of(const char *name)
{
    static const struct {
        const char *name;
        enum column column;
    } names[] = {{"time", TIME},       {"timestamp", TIME},  {"t", TIME},        {"power", POWER},
                 {"p", POWER},         {"voltage", VOLTAGE}, {"volts", VOLTAGE}, {"v", VOLTAGE},
                 {"current", CURRENT}, {"amperes", CURRENT}, {"i", CURRENT}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i].name) == 0)
            return (int)names[i].column;
    return -1;
}

/* "mV" as a factor; without a unit, SI. */
static int parse_unit(enum column column, const char *unit, double *factor)
{
    static const char base[COLUMNS] = {'s', 'w', 'v', 'a'};
    static const char prefixes[] = "munpk";
    static const double factors[] = {1e-3, 1e-6, 1e-9, 1e-12, 1e3};
    size_t size = strlen(unit);
    *factor = 1;
    if (size == 0)
        return 0;
    if (size > 2 || unit[size - 1] != base[column])
        return -1;
    const char *prefix = size == 2 ? strchr(prefixes, unit[0]) : NULL;
    if (prefix)
        *factor = factors[prefix - prefixes];
    return size == 1 || prefix ? 0 : -1;
}

/* Columns that are not known are passed over. */
static int read_header(struct reader *reader, struct header *header, struct error *err)
{
    static const char *const names[COLUMNS] = {"time", "power", "voltage", "current"};
    static const char *const units[COLUMNS] = {"s, ms, us or ns", "W, mW, uW or nW",
                                               "V, mV, uV or nV", "A, mA, uA or nA"};
    char name[ROWS_NAME], unit[ROWS_NAME];
    *header = (struct header){.of = {-1, -1, -1, -1}};
    for (const char *field; (field = rows_field(&reader->rows)); header->fields++) {
        int column = rows_column(field, name, unit) ? -1 : column_of(name);
        if (header->fields == MAX_COLUMNS)
            return rows_error(&reader->rows, err, "at most 32 columns", field);
        if (column < 0)
            continue;
        if (header->of[column] >= 0)
            return rows_error(&reader->rows, err, "each column once", field);
        if (parse_unit((enum column)column, unit, &header->unit[column]))
            return rows_error(&reader->rows, err, units[column], field);
        header->of[column] = (int)header->fields;
        header->name[column] = names[column];
    }
    bool enough = header->of[POWER] >= 0 || header->of[VOLTAGE] >= 0;
    if (header->of[TIME] < 0 || !enough)
        return error_set(err, "%s:%u: expected columns such as time_s,voltage_v or time_s,power_w",
                         reader->rows.path, reader->rows.line);
    return 0;
}

/* One row; what is not wanted need not be a number. */
static int read_fields(struct reader *reader, const struct header *header, double *values,
                       struct error *err)
{
    for (unsigned i = 0; i < header->fields; i++) {
        enum column column = 0;
        while (column < COLUMNS && header->of[column] != (int)i)
            column++;
        if (column == COLUMNS) {
            rows_field(&reader->rows);
            continue;
        }
        if (column == TIME ? rows_number(&reader->rows, "time", &values[TIME], err)
                           : read_value(reader, header->name[column], &values[column], err))
            return -1;
        values[column] *= header->unit[column];
    }
    return end_row(reader, err);
}

static int read_csv(struct reader *reader, struct error *err)
{
    struct header header;
    struct trace *trace = reader->trace;
    double values[COLUMNS];
    if (read_header(reader, &header, err))
        return -1;
    trace->kind = header.of[POWER] >= 0     ? TRACE_POWER
                  : header.of[CURRENT] >= 0 ? TRACE_SAMPLE
                                            : TRACE_VOLTAGE;
    trace->width = trace->kind == TRACE_SAMPLE ? 2 : 1;
    while (rows_next(&reader->rows)) {
        if (read_fields(reader, &header, values, err))
            return -1;
        if (trace->kind == TRACE_POWER && values[POWER] < 0)
            return error_set(err, "%s:%u: power: expected no negative power, found %.10g W",
                             reader->rows.path, reader->rows.line, values[POWER]);
        double *sample = add_sample(reader, values[TIME], err);
        if (!sample)
            return -1;
        *sample = not_negative(values[trace->kind == TRACE_POWER ? POWER : VOLTAGE]);
        if (trace->kind == TRACE_SAMPLE)
            sample[1] = not_negative(values[CURRENT]);
    }
    return 0;
}

/* ---- I-V surfaces -------------------------------------------------------------------------- */

static int read_surface_head(struct reader *reader, struct error *err)
{
    struct rows *rows = &reader->rows;
    struct trace *trace = reader->trace;
    double bits, high;
    if (rows_number(rows, "n", &bits, err) || end_row(reader, err))
        return -1;
    if (bits < 0 || bits > MAX_CURVE_BITS || bits != floor(bits))
        return error_set(err, "%s:%u: n: expected 0 to %d, found %.10g", rows->path, rows->line,
                         MAX_CURVE_BITS, bits);
    if (!rows_next(rows))
        return error_set(err, "%s: expected a line \"Vmin,Vmax\", found the end", rows->path);
    if (read_value(reader, "Vmin", &trace->low, err) || read_value(reader, "Vmax", &high, err) ||
        end_row(reader, err))
        return -1;
    if (trace->low >= high)
        return error_set(err, "%s:%u: expected Vmin < Vmax, found %.10g and %.10g", rows->path,
                         rows->line, trace->low, high);
    size_t steps = (size_t)1 << (unsigned)bits;
    trace->width = steps + 2; /* and the greatest power */
    trace->step = (high - trace->low) / (double)steps;
    return 0;
}

static int read_surface(struct reader *reader, struct error *err)
{
    struct trace *trace = reader->trace;
    double time;
    trace->kind = TRACE_CURVE;
    if (read_surface_head(reader, err))
        return -1;
    while (rows_next(&reader->rows)) {
        if (rows_number(&reader->rows, "time", &time, err))
            return -1;
        double *sample = add_sample(reader, time, err);
        if (!sample)
            return -1;
        double best = 0;
        for (size_t i = 0; i < trace->width - 1; i++) {
            if (read_value(reader, "current", &sample[i], err))
                return -1;
            sample[i] = not_negative(sample[i]);
            best = fmax(best, sample[i] * (trace->low + trace->step * (double)i));
            if (i)
                trace->conductance =
                    fmax(trace->conductance, fabs(sample[i] - sample[i - 1]) / trace->step);
        }
        sample[trace->width - 1] = best;
        if (end_row(reader, err))
            return -1;
    }
    return 0;
}

/* -------------------------------------------------------------------------------------------- */

/* By the first two rows that are not comments. */
static enum trace_format detect(const struct rows *first)
{
    double number;
    char text[ROWS_SHOWN];
    snprintf(text, sizeof text, "%.*s", (int)strcspn(first->rest, " ,;\t"), first->rest);
    if (rows_parse(text, &number))
        return TRACE_CSV;
    if (rows_width(first) > 1)
        return TRACE_MEMENTOS;
    const char *second = first->next;
    while (second < first->end && strchr("#\r\n", *second))
        second += *second == '#' ? strcspn(second, "\n") : 1;
    size_t size = second < first->end ? strcspn(second, "\r\n") : 0;
    return memchr(second, ',', size) || memchr(second, ' ', size) || memchr(second, '\t', size)
               ? TRACE_SURFACE
               : TRACE_MEMENTOS;
}

static int read_all(struct reader *reader, struct error *err)
{
    if (!rows_next(&reader->rows))
        return 0;
    enum trace_format format = reader->trace->options.format;
    switch (format == TRACE_DETECT ? detect(&reader->rows) : format) {
    case TRACE_MEMENTOS:
        return read_mementos(reader, err);
    case TRACE_SURFACE:
        return read_surface(reader, err);
    default:
        return read_csv(reader, err);
    }
}

static int finish(struct trace *trace, const char *path, struct error *err)
{
    if (trace->count == 0)
        return error_set(err, "%s: expected at least one sample, found none", path);
    uint64_t last = trace->ns[trace->count - 1];
    trace->duration =
        trace->count == 1 ? DEFAULT_LASTING : last + (last - trace->ns[trace->count - 2]);
    if (trace->kind == TRACE_VOLTAGE)
        trace->conductance = 1 / trace->options.ohms;
    trace->conductance *= trace->options.scale;
    return 0;
}

static int check_options(struct trace_options *options, struct error *err)
{
    if (options->ohms == 0)
        options->ohms = DEFAULT_OHMS;
    if (options->unit == 0)
        options->unit = DEFAULT_UNIT;
    if (options->scale == 0)
        options->scale = 1;
    const struct {
        const char *name;
        double value;
    } all[] = {{"ohms", options->ohms}, {"unit", options->unit}, {"scale", options->scale}};
    for (size_t i = 0; i < 3; i++)
        if (!(all[i].value >= 1 / MAX_VALUE && all[i].value <= MAX_VALUE))
            return error_set(err, "%s: expected %g to %g, found %g", all[i].name, 1 / MAX_VALUE,
                             MAX_VALUE, all[i].value);
    return 0;
}

struct trace *trace_load(const char *path, const struct trace_options *options, struct error *err)
{
    struct reader reader = {.trace = calloc(1, sizeof *reader.trace)};
    if (!reader.trace) {
        error_set(err, "%s: out of memory", path);
        return NULL;
    }
    reader.trace->options = *options;
    int rc = check_options(&reader.trace->options, err);
    if (!rc)
        rc = rows_open(&reader.rows, path, err);
    if (!rc) {
        rc = read_all(&reader, err);
        if (!rc)
            rc = finish(reader.trace, path, err);
        rows_close(&reader.rows);
    }
    if (!rc)
        return reader.trace;
    trace_free(reader.trace);
    return NULL;
}
