/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/trace_rules.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct interval {
    int64_t from, to;
};

struct row {
    double pid, tid;
    int64_t last;
    bool named;
    struct interval *slices; /* all, as they began; `to` -1: open */
    size_t count, room;
    size_t open[128], depth;
};

struct end {
    size_t index; /* of the row */
    int64_t at;
    bool there;
};

struct arrow {
    struct end from, to;
};

struct rules {
    struct row *rows;
    size_t row_count, row_room;
    struct arrow *arrows;
    size_t arrow_room;
    struct trace_counts counts;
    size_t events;
};

static const cJSON *of(const cJSON *event, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(event, key);
    cr_assert(item, "an event has no \"%s\"", key);
    return item;
}

static double number_of(const cJSON *event, const char *key)
{
    cr_assert(cJSON_IsNumber(of(event, key)), "\"%s\" is no number", key);
    return of(event, key)->valuedouble;
}

static const char *text_of(const cJSON *event, const char *key)
{
    cr_assert(cJSON_IsString(of(event, key)), "\"%s\" is no text", key);
    return of(event, key)->valuestring;
}

static void *grow(void *array, size_t *room, size_t needed, size_t size)
{
    size_t old = *room;
    while (*room < needed)
        *room = *room ? 2 * *room : 64;
    array = realloc(array, *room * size);
    cr_assert(array || !*room);
    memset((char *)array + old * size, 0, (*room - old) * size);
    return array;
}

static size_t row_of(struct rules *rules, const cJSON *event)
{
    double pid = number_of(event, "pid"), tid = number_of(event, "tid");
    cr_assert(pid > 0 && tid > 0, "Perfetto takes 0 for the idle task");
    for (size_t i = 0; i < rules->row_count; i++)
        if (rules->rows[i].tid == tid) {
            cr_assert_eq(rules->rows[i].pid, pid, "thread %.0f is in two processes", tid);
            return i;
        }
    rules->rows = grow(rules->rows, &rules->row_room, rules->row_count + 1, sizeof *rules->rows);
    rules->rows[rules->row_count] = (struct row){.pid = pid, .tid = tid, .last = -1};
    return rules->row_count++;
}

static void add_slice(struct row *row, int64_t at)
{
    cr_assert_lt(row->depth, sizeof row->open / sizeof row->open[0]);
    row->slices = grow(row->slices, &row->room, row->count + 1, sizeof *row->slices);
    row->slices[row->count] = (struct interval){at, -1};
    row->open[row->depth++] = row->count++;
}

static void add_end(struct rules *rules, const cJSON *event, bool first, size_t row, int64_t at)
{
    double id = number_of(event, "id");
    cr_assert(id >= 0 && id < 1e7);
    rules->arrows = grow(rules->arrows, &rules->arrow_room, (size_t)id + 1, sizeof *rules->arrows);
    struct end *end = first ? &rules->arrows[(size_t)id].from : &rules->arrows[(size_t)id].to;
    cr_assert(!end->there, "arrow %.0f has two ends of a kind", id);
    *end = (struct end){.index = row, .at = at, .there = true};
    if (!first)
        cr_assert_str_eq(text_of(event, "bp"), "e");
}

static void add(struct rules *rules, const cJSON *event)
{
    char phase = text_of(event, "ph")[0];
    size_t index = row_of(rules, event);
    struct row *row = &rules->rows[index];
    if (phase == 'M') {
        rules->counts.names++;
        text_of(of(event, "args"), "name");
        row->named |= !strcmp(text_of(event, "name"), "thread_name");
        return;
    }
    int64_t at = llround(number_of(event, "ts") * 1000);
    rules->events++;
    if (phase == 's' || phase == 'f') {
        add_end(rules, event, phase == 's', index, at);
        rules->counts.arrows += phase == 's';
        return;
    }
    cr_assert_gt(at, row->last, "thread %.0f: %ld ns comes after %ld ns", row->tid, at, row->last);
    row->last = at;
    switch (phase) {
    case 'B':
        text_of(event, "name");
        rules->counts.slices++;
        add_slice(row, at);
        break;
    case 'E':
        cr_assert_gt(row->depth, 0, "thread %.0f: an end without begin", row->tid);
        row->slices[row->open[--row->depth]].to = at;
        break;
    case 'i':
        rules->counts.instants++;
        text_of(event, "name");
        cr_assert_str_eq(text_of(event, "s"), "t");
        break;
    case 'C':
        rules->counts.counters++;
        cr_assert(cJSON_IsNumber(of(event, "args")->child));
        break;
    default:
        cr_assert_fail("phase '%c'", phase);
    }
}

static bool is_in_slice(const struct rules *rules, const struct end *end)
{
    const struct row *row = &rules->rows[end->index];
    for (size_t i = row->count; i > 0; i--)
        if (row->slices[i - 1].from <= end->at && end->at <= row->slices[i - 1].to)
            return true;
    return false;
}

struct trace_counts expect_good_trace(const cJSON *trace)
{
    struct rules rules = {0};
    const cJSON *event, *other = of(trace, "otherData");
    cJSON_ArrayForEach(event, of(trace, "traceEvents"))
    {
        add(&rules, event);
    }
    for (size_t i = 0; i < rules.row_count; i++) {
        cr_assert_eq(rules.rows[i].depth, 0, "thread %.0f has open slices", rules.rows[i].tid);
        cr_assert(rules.rows[i].named, "thread %.0f has no name", rules.rows[i].tid);
    }
    for (size_t i = 0; i < rules.arrow_room; i++) {
        const struct arrow *arrow = &rules.arrows[i];
        cr_assert_eq(arrow->from.there, arrow->to.there, "arrow %zu has one end", i);
        if (!arrow->from.there)
            continue;
        cr_assert_leq(arrow->from.at, arrow->to.at, "arrow %zu goes back in time", i);
        cr_assert(is_in_slice(&rules, &arrow->from), "arrow %zu comes from nowhere", i);
        cr_assert(is_in_slice(&rules, &arrow->to), "arrow %zu goes nowhere", i);
    }
    cr_assert_eq(number_of(other, "events"), (double)rules.events);
    for (size_t i = 0; i < rules.row_count; i++)
        free(rules.rows[i].slices);
    free(rules.rows);
    free(rules.arrows);
    return rules.counts;
}

static const cJSON *find(const cJSON *trace, char phase, const char *name, size_t *count)
{
    const cJSON *event, *first = NULL;
    *count = 0;
    cJSON_ArrayForEach(event, of(trace, "traceEvents"))
    {
        const cJSON *called = cJSON_GetObjectItemCaseSensitive(event, "name");
        if (text_of(event, "ph")[0] != phase || !called || strcmp(called->valuestring, name) != 0)
            continue;
        first = first ? first : event;
        ++*count;
    }
    return first;
}

size_t trace_named(const cJSON *trace, char phase, const char *name)
{
    size_t count;
    find(trace, phase, name, &count);
    return count;
}

const cJSON *trace_event(const cJSON *trace, char phase, const char *name)
{
    size_t count;
    const cJSON *event = find(trace, phase, name, &count);
    cr_assert(event, "the trace has no %c \"%s\"", phase, name);
    return event;
}
