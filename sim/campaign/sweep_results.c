/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* open_memstream() */
#include "sim/campaign/sweep_results.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/campaign/sweep_finding.h"
#include "sim/text.h"

struct reading {
    struct sweep_results *results;
    struct sweep_states states; /* of classes */
    size_t next;                /* class, of what is judged */
};

static cJSON *detail_of(const struct campaign_result *result, struct error *err)
{
    cJSON *json = cJSON_Parse(result->detail ? result->detail : "");
    if (!json)
        error_set(err, "item %s of round %u: expected JSON, found something else", result->key,
                  result->round);
    return json;
}

static const char *text_of(const cJSON *json, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, key));
    return text ? text : "";
}

static double golden_number(const struct sweep_results *results, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(results->golden, key);
    return item ? item->valuedouble : 0;
}

/* ---- Parts --------------------------------------------------------------------------------- */

/* One part for each store, if there are so few of them. */
static uint64_t part_count(const struct sweep_results *results)
{
    uint64_t writes = (uint64_t)golden_number(results, "writes");
    return writes < SWEEP_PARTS ? writes : SWEEP_PARTS;
}

/* The part that the path's first cut is in; stores count from 1. */
static struct sweep_part *part_of(struct sweep_results *results, const struct sweep_path *path)
{
    uint64_t writes = (uint64_t)golden_number(results, "writes"), write = path->cuts[0].write;
    bool known = path->count && write >= 1 && write <= writes;
    return &results->parts[known ? (write - 1) * part_count(results) / writes : 0];
}

static void count_state(struct sweep_results *results, const char *key)
{
    struct sweep_path path;
    if (sweep_path_parse(&path, key))
        part_of(results, &path)->states++;
}

/* ---- Classes ------------------------------------------------------------------------------- */

static int add_class(struct sweep_results *results, const char *key, struct error *err)
{
    if (results->class_count == results->class_room) {
        size_t room = results->class_room ? 2 * results->class_room : 256;
        void *classes = realloc(results->classes, room * sizeof *results->classes);
        if (!classes)
            return error_set(err, "out of memory");
        results->classes = classes;
        results->class_room = room;
    }
    snprintf(results->classes[results->class_count++], SWEEP_PATH_SIZE, "%s", key);
    return 0;
}

static int see_booted(void *opaque, const struct campaign_result *result, struct error *err)
{
    struct reading *reading = opaque;
    struct sweep_results *results = reading->results;
    struct nvm_hash state;
    int is_new = 1;
    results->booted++;
    count_state(results, result->key);
    if (!strcmp(result->outcome, CAMPAIGN_LOST)) {
        results->lost++;
        return 0;
    }
    if (!strcmp(result->outcome, "recovered")) {
        cJSON *detail = detail_of(result, err);
        if (!detail)
            return -1;
        if (sscanf(text_of(detail, "state"), "%16" SCNx64 "%16" SCNx64, &state.high, &state.low) !=
            2)
            is_new = error_set(err, "item %s: expected a state", result->key);
        else if ((is_new = sweep_states_add(&reading->states, state)) < 0)
            error_set(err, "out of memory");
        cJSON_Delete(detail);
    }
    if (is_new < 0)
        return -1;
    return is_new ? add_class(results, result->key, err) : 0;
}

/* ---- Failures ------------------------------------------------------------------------------ */

static bool is_simpler(const struct sweep_path *a, const struct sweep_path *b)
{
    char left[SWEEP_PATH_SIZE], right[SWEEP_PATH_SIZE];
    if (a->count != b->count)
        return a->count < b->count;
    sweep_path_key(a, left);
    sweep_path_key(b, right);
    return strcmp(left, right) < 0;
}

static struct sweep_group *group_of(struct sweep_results *results, const char *where,
                                    const char *verdict, struct error *err)
{
    for (size_t i = 0; i < results->group_count; i++)
        if (!strcmp(results->groups[i].where, where) &&
            !strcmp(results->groups[i].verdict, verdict))
            return &results->groups[i];
    if (results->group_count == results->group_room) {
        size_t room = results->group_room ? 2 * results->group_room : 16;
        struct sweep_group *groups = realloc(results->groups, room * sizeof *groups);
        if (!groups) {
            error_set(err, "out of memory");
            return NULL;
        }
        results->groups = groups;
        results->group_room = room;
    }
    struct sweep_group *group = &results->groups[results->group_count];
    *group = (struct sweep_group){.where = strdup(where), .verdict = strdup(verdict)};
    if (group->where && group->verdict) {
        results->group_count++;
        return group;
    }
    free(group->where);
    free(group->verdict);
    error_set(err, "out of memory");
    return NULL;
}

static int add_failure(struct sweep_results *results, const cJSON *failure, struct error *err)
{
    struct sweep_path path;
    if (!sweep_path_parse(&path, text_of(failure, "path")))
        return error_set(err, "expected the path of a failure, found \"%.80s\"",
                         text_of(failure, "path"));
    struct sweep_group *group =
        group_of(results, text_of(failure, "where"), text_of(failure, "verdict"), err);
    if (!group)
        return -1;
    if (!group->count || is_simpler(&path, &group->path))
        group->path = path;
    group->count++;
    results->failure_count++;
    part_of(results, &path)->failures++;
    return 0;
}

static int read_judged(struct sweep_results *results, const cJSON *detail, struct error *err)
{
    const cJSON *item;
    unsigned depth = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(detail, "runs"))
    {
        if (depth < CONFIG_MAX_DEPTH)
            results->runs[depth++] += (uint64_t)item->valuedouble;
    }
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(detail, "failures"))
    {
        if (add_failure(results, item, err))
            return -1;
    }
    return 0;
}

static int see_judged(void *opaque, const struct campaign_result *result, struct error *err)
{
    struct reading *reading = opaque;
    struct sweep_results *results = reading->results;
    int order = -1;
    if (results->recovers) {
        while (reading->next < results->class_count &&
               (order = strcmp(results->classes[reading->next], result->key), order < 0))
            reading->next++;
        if (order || reading->next == results->class_count)
            return 0; /* another shard has a lesser path of that class */
    } else if (add_class(results, result->key, err)) {
        return -1;
    } else {
        count_state(results, result->key);
    }
    if (!strcmp(result->outcome, CAMPAIGN_LOST)) {
        results->lost++;
        return 0;
    }
    cJSON *detail = detail_of(result, err);
    int failed = !detail || read_judged(results, detail, err) ? -1 : 0;
    cJSON_Delete(detail);
    return failed;
}

static int by_path(const void *left, const void *right)
{
    const struct sweep_group *a = left, *b = right;
    return is_simpler(&b->path, &a->path) - is_simpler(&a->path, &b->path);
}

static int see_explained(void *opaque, const struct campaign_result *result, struct error *err)
{
    struct sweep_results *results = ((struct reading *)opaque)->results;
    char key[SWEEP_PATH_SIZE];
    if (!strcmp(result->outcome, CAMPAIGN_LOST))
        return 0;
    for (size_t i = 0; i < results->group_count; i++) {
        sweep_path_key(&results->groups[i].path, key);
        if (strcmp(key, result->key) || results->groups[i].finding)
            continue;
        results->groups[i].finding = detail_of(result, err);
        return results->groups[i].finding ? 0 : -1;
    }
    return 0;
}

static const char *simplest(const struct sweep_group *group)
{
    return text_of(cJSON_GetObjectItemCaseSensitive(group->finding, "about"), "path");
}

static void free_group(struct sweep_group *group)
{
    free(group->where);
    free(group->verdict);
    cJSON_Delete(group->finding);
}

void sweep_results_unite(struct sweep_results *results)
{
    size_t kept = 0;
    for (size_t i = 0; i < results->group_count; i++) {
        struct sweep_group *group = &results->groups[i];
        size_t same = 0;
        while (same < kept && !(group->finding && results->groups[same].finding &&
                                !strcmp(simplest(group), simplest(&results->groups[same]))))
            same++;
        if (same == kept) {
            results->groups[kept++] = *group;
        } else {
            results->groups[same].count += group->count;
            free_group(group);
        }
    }
    results->group_count = kept;
}

/* ---- All ----------------------------------------------------------------------------------- */

static int read_all(struct reading *reading, struct store *store, struct error *err)
{
    struct sweep_results *results = reading->results;
    char *golden = NULL;
    if (store_get(store, "golden", &golden, err))
        return -1;
    results->golden = cJSON_Parse(golden ? golden : "{}");
    free(golden);
    results->recovers = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(results->golden, "recovers"));
    if (store_each(store, SWEEP_RECOVER, see_booted, reading, err) ||
        store_each(store, SWEEP_FINISH, see_judged, reading, err))
        return -1;
    if (results->group_count)
        qsort(results->groups, results->group_count, sizeof *results->groups, by_path);
    if (store_each(store, SWEEP_EXPLAIN, see_explained, reading, err))
        return -1;
    return 0;
}

int sweep_results_load(struct sweep_results *results, struct store *store, struct error *err)
{
    struct reading reading = {.results = results};
    *results = (struct sweep_results){0};
    int result = read_all(&reading, store, err);
    sweep_states_free(&reading.states);
    return result;
}

void sweep_results_free(struct sweep_results *results)
{
    for (size_t i = 0; i < results->group_count; i++)
        free_group(&results->groups[i]);
    free(results->groups);
    free(results->classes);
    cJSON_Delete(results->golden);
    *results = (struct sweep_results){0};
}

/* ---- The report ---------------------------------------------------------------------------- */

char *sweep_results_list(const struct sweep_results *results)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    for (size_t i = 0; out && i < results->group_count; i++) {
        const struct sweep_group *group = &results->groups[i];
        char path[SWEEP_PATH_SIZE];
        sweep_path_format(&group->path, path);
        fprintf(out, "finding %zu: %s (first found at %s in %s; %" PRIu64 " like it)\n%s", i + 1,
                group->verdict, path, group->where, group->count,
                group->finding ? text_of(group->finding, "text") : "");
    }
    if (out && !fclose(out))
        return text;
    free(text);
    return NULL;
}

static const char *grouped(const struct sweep_results *results, const char *key, char *buffer)
{
    return text_group((uint64_t)golden_number(results, key), buffer);
}

static int print(const struct sweep_results *results, const struct screen *screen,
                 struct error *err)
{
    char one[TEXT_GROUP_SIZE], two[TEXT_GROUP_SIZE], runs[200];
    screen_row(screen, "golden run", "%s instructions, %s stores to non-volatile memory",
               grouped(results, "instructions", one), grouped(results, "writes", two));
    screen_row(screen, "cut points", "%s, %s distinct crash states",
               grouped(results, "points", one), grouped(results, "states", two));
    if (results->recovers)
        screen_row(screen, "recovered", "%s booted, %s distinct states",
                   text_group(results->booted, one), text_group(results->class_count, two));
    size_t length = (size_t)snprintf(runs, sizeof runs, "%s", text_group(results->runs[0], one));
    for (unsigned i = 1; i < CONFIG_MAX_DEPTH && results->runs[i]; i++)
        length += (size_t)snprintf(runs + length, sizeof runs - length, ", %s with %u cuts",
                                   text_group(results->runs[i], one), i + 1);
    screen_row(screen, "run to the end", "%s", runs);
    screen_row(screen, "failures", "%s", text_group(results->failure_count, one));
    if (results->lost)
        screen_row(screen, "lost", "%s branches, of which nothing is known",
                   text_group(results->lost, one));
    char *list = sweep_results_list(results);
    if (!list)
        return error_set(err, "out of memory");
    screen_text(screen, list);
    free(list);
    return 0;
}

static void add(cJSON *json, const char *name, double value)
{
    cJSON_AddNumberToObject(json, name, value);
}

static void add_finding(cJSON *array, const struct sweep_group *group, size_t number)
{
    char path[SWEEP_PATH_SIZE], name[40];
    cJSON *json = cJSON_CreateObject();
    sweep_path_format(&group->path, path);
    cJSON_AddStringToObject(json, "path", path);
    cJSON_AddStringToObject(json, "where", group->where);
    cJSON_AddStringToObject(json, "verdict", group->verdict);
    add(json, "count", (double)group->count);
    const cJSON *about = cJSON_GetObjectItemCaseSensitive(group->finding, "about");
    if (about) {
        snprintf(name, sizeof name, "finding-%zu.json", number);
        cJSON_AddStringToObject(json, "reproducer", name);
        cJSON_AddItemToObject(json, "about", cJSON_Duplicate(about, true));
    }
    cJSON_AddItemToArray(array, json);
}

static void add_coverage(const struct sweep_results *results, cJSON *json)
{
    uint64_t writes = (uint64_t)golden_number(results, "writes"), parts = part_count(results);
    cJSON *array = cJSON_AddArrayToObject(json, "coverage");
    for (uint64_t i = 0; i < parts; i++) {
        cJSON *part = cJSON_CreateObject();
        /* The first store of part i is the least whose number, less 1, is at least i / parts. */
        add(part, "from", (double)((i * writes + parts - 1) / parts + 1));
        add(part, "to", (double)(((i + 1) * writes + parts - 1) / parts));
        add(part, "states", (double)results->parts[i].states);
        add(part, "failures", (double)results->parts[i].failures);
        cJSON_AddItemToArray(array, part);
    }
}

static void summarise(const struct sweep_results *results, cJSON *summary)
{
    cJSON *json = cJSON_AddObjectToObject(summary, "sweep"), *array;
    double runs = 0;
    add(json, "points", golden_number(results, "points"));
    add(json, "distinct_states", golden_number(results, "states"));
    if (results->recovers)
        add(json, "recovered_states", (double)results->class_count);
    add(json, "boots", (double)results->booted);
    array = cJSON_AddArrayToObject(json, "runs_by_depth");
    for (unsigned i = 0; i < CONFIG_MAX_DEPTH; i++) {
        runs += (double)results->runs[i];
        cJSON_AddItemToArray(array, cJSON_CreateNumber((double)results->runs[i]));
    }
    add(json, "runs", runs);
    add(json, "failures", (double)results->failure_count);
    add(json, "lost", (double)results->lost);
    add(json, "golden_instructions", golden_number(results, "instructions"));
    add(json, "golden_writes", golden_number(results, "writes"));
    add_coverage(results, json);
    array = cJSON_AddArrayToObject(json, "findings");
    for (size_t i = 0; i < results->group_count; i++)
        add_finding(array, &results->groups[i], i + 1);
}

static int report(struct store *store, const struct screen *screen, cJSON *summary,
                  struct error *err)
{
    struct sweep_results results;
    int result = sweep_results_load(&results, store, err);
    sweep_results_unite(&results);
    if (result == 0 && screen)
        result = print(&results, screen, err);
    if (result == 0 && summary)
        summarise(&results, summary);
    sweep_results_free(&results);
    return result;
}

const struct campaign_kind sweep_kind = {"sweep", report, sweep_findings_report};
