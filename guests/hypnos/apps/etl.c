/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * After RIoTBench's ETL: lines of text are parsed, filtered (range, duplicates), repaired and
 * annotated, by three tasks with queues between them.
 */
#include "app.h"

#define LINE    64
#define LENGTH  4
#define END     UINT32_MAX
#define MISSING INT32_MIN

struct reading {
    uint32_t number, id; /* number END: there are no more */
    int32_t fields[ETL_FIELDS];
};

static NV int parsed, filtered;
static NV uint32_t bloom[ETL_BLOOM / 32];
static NV uint32_t kept, dropped, repaired, digest;
static NV struct history {
    uint32_t count;
    int32_t latest[ETL_WINDOW]; /* value n is at n % ETL_WINDOW */
} history[ETL_FIELDS];

static const int32_t low[ETL_FIELDS] = ETL_LOW, span[ETL_FIELDS] = ETL_SPAN,
                     high[ETL_FIELDS] = ETL_HIGH;

/* ---- The source: lines ---- */

static char *append_number(char *to, int32_t value)
{
    char digits[10];
    unsigned count = 0;
    uint32_t rest = (uint32_t)value;
    if (value < 0) {
        *to++ = '-';
        rest = 0 - rest;
    }
    do
        digits[count++] = (char)('0' + rest % 10);
    while (rest /= 10);
    while (count)
        *to++ = digits[--count];
    return to;
}

static void make_line(char line[LINE], uint32_t n)
{
    uint32_t id = n && draw(ETL_SEED_ID, n) % 10 == 0 ? n - 1 : n;
    char *to = append_number(line, (int32_t)id);
    for (uint32_t f = 0; f < ETL_FIELDS; f++) {
        uint32_t r = draw(ETL_SEED, n * ETL_FIELDS + f);
        int32_t value = low[f] + (int32_t)((r >> 8) % (uint32_t)span[f]);
        *to++ = ';';
        if (r & 7)
            to = append_number(to, r >> 4 & 15 ? value : value * 10);
    }
    *to++ = '\n';
    *to = '\0';
}

/* ---- Parse ---- */

/* Returns the number before the next separator, MISSING if there is none; moves on behind it. */
static int32_t parse_field(const char **at)
{
    const char *from = *at;
    bool negative = *from == '-';
    uint32_t value = 0, digits = 0;
    for (from += negative; *from >= '0' && *from <= '9'; from++, digits++)
        value = value * 10 + (uint32_t)(*from - '0');
    *at = from + (*from == ';');
    if (!digits)
        return MISSING;
    return (int32_t)(negative ? 0 - value : value);
}

static struct reading parse(uint32_t n, const char *line)
{
    struct reading reading = {.number = n, .id = (uint32_t)parse_field(&line)};
    for (uint32_t f = 0; f < ETL_FIELDS; f++)
        reading.fields[f] = parse_field(&line);
    if (*line != '\n')
        hypnos_lost("line %u (expected its end, found %c)", (unsigned)n, *line);
    return reading;
}

/* ---- Filter, in a transaction ---- */

static void filter_range(struct reading *reading)
{
    for (uint32_t f = 0; f < ETL_FIELDS; f++)
        if (reading->fields[f] < low[f] || reading->fields[f] > high[f])
            reading->fields[f] = MISSING;
}

static bool is_duplicate(const struct reading *reading)
{
    if (reading->number % ETL_PERIOD == 0)
        for (uint32_t i = 0; i < ETL_BLOOM / 32; i++)
            nv_set(bloom[i], 0);
    bool fresh = false;
    for (uint32_t k = 0; k < 2; k++) {
        uint32_t bit = draw(ETL_SEED_BLOOM + k, reading->id) % ETL_BLOOM;
        uint32_t word = nv_get(bloom[bit / 32]), mask = 1u << bit % 32;
        if (word & mask)
            continue;
        fresh = true;
        nv_set(bloom[bit / 32], word | mask);
    }
    return !fresh;
}

static void filter_task(uint32_t arg)
{
    (void)arg;
    uint32_t readings = ETL_READINGS * hypnos_scale();
    nv_for(n, 0, readings)
    {
        struct reading reading;
        transaction(reading)
        {
            app_receive(nv_get(parsed), &reading);
            app_expect("number of a parsed reading", n, reading.number);
        }
        bool drop = false;
        transaction(drop)
        {
            drop = is_duplicate(&reading);
            if (drop)
                nv_set(dropped, nv_get(dropped) + 1);
        }
        if (drop)
            continue;
        filter_range(&reading);
        transaction()
        {
            app_send(nv_get(filtered), &reading);
        }
    }
    transaction()
    {
        struct reading end = {.number = END};
        app_send(nv_get(filtered), &end);
    }
}

/* ---- Interpolate and annotate, in a transaction ---- */

static int32_t mean_of(const struct history *of)
{
    uint32_t count = of->count < ETL_WINDOW ? of->count : ETL_WINDOW;
    int32_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += of->latest[i];
    return count ? sum / (int32_t)count : 0;
}

static void interpolate(struct reading *reading)
{
    for (uint32_t f = 0; f < ETL_FIELDS; f++) {
        struct history old = nv_get(history[f]);
        if (reading->fields[f] == MISSING) {
            reading->fields[f] = mean_of(&old);
            nv_set(repaired, nv_get(repaired) + 1);
        } else {
            nv_set(history[f].latest[old.count % ETL_WINDOW], reading->fields[f]);
            nv_set(history[f].count, old.count + 1);
        }
    }
}

static void annotate(const struct reading *reading)
{
    static const uint32_t label[ETL_LABELS] = ETL_LABEL;
    uint32_t sum = fold(fold(nv_get(digest), reading->id), label[reading->id % ETL_LABELS]);
    for (uint32_t f = 0; f < ETL_FIELDS; f++)
        sum = fold(sum, (uint32_t)reading->fields[f]);
    nv_set(digest, sum);
    nv_set(kept, nv_get(kept) + 1);
}

static void annotate_task(uint32_t arg)
{
    (void)arg;
    nv_forever(i)
    {
        bool end = false;
        transaction(end)
        {
            struct reading reading;
            app_receive(nv_get(filtered), &reading);
            end = reading.number == END;
            if (!end) {
                interpolate(&reading);
                annotate(&reading);
            }
        }
        if (end)
            nv_break;
    }
}

static void etl_main(uint32_t arg)
{
    (void)arg;
    uint32_t result = FOLD_START, readings = ETL_READINGS * hypnos_scale();
    transaction()
    {
        nv_put(parsed, hypnos_queue_create(LENGTH, sizeof(struct reading)));
        nv_put(filtered, hypnos_queue_create(LENGTH, sizeof(struct reading)));
        nv_put(digest, FOLD_START);
    }
    int filter = app_task("filter", filter_task, 0, 3);
    int annotator = app_task("annotate", annotate_task, 0, 5);
    nv_for(n, 0, readings)
    {
        transaction()
        {
            char line[LINE];
            make_line(line, n);
            struct reading reading = parse(n, line);
            app_send(nv_get(parsed), &reading);
        }
    }
    app_join(filter);
    app_join(annotator);
    transaction(result)
    {
        app_expect("readings", readings, nv_get(kept) + nv_get(dropped));
        result = fold(fold(result, nv_get(kept)), nv_get(dropped));
        result = fold(fold(result, nv_get(repaired)), nv_get(digest));
    }
    hypnos_finish(result);
}

HYPNOS_APP(etl, etl_main);
