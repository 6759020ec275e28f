/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_SWEEP_RESULTS_H
#define IASO_SIM_SWEEP_RESULTS_H

#include <cjson/cJSON.h>

#include "sim/campaign/campaign.h"
#include "sim/campaign/sweep_explore.h"

/*
 * What the database of a sweep holds.
 *
 * Fact "golden": {points, states, writes, instructions, time_ns, recovers}, of the golden run.
 *
 * Rounds, whose items are the keys of paths:
 *   SWEEP_RECOVER  each state of the golden run boots; "recovered" {state}, or "ended" before
 *   SWEEP_FINISH   the least path of each class goes to the end, with its children; "ok" or
 *                  "failed" {runs, failures: [{path, where, verdict}]}. Shards may do several of
 *                  a class: only the least counts
 *   SWEEP_EXPLAIN  one of each group of failures; "finding" {see sim/campaign/sweep_finding.h}
 */
enum sweep_round {
    SWEEP_RECOVER = 1,
    SWEEP_FINISH,
    SWEEP_EXPLAIN,
};

#define SWEEP_MAX_FINDINGS 50
#define SWEEP_PARTS        100

struct sweep_results {
    cJSON *golden;
    bool recovers;
    char (*classes)[SWEEP_PATH_SIZE]; /* keys of the least path of each, ascending */
    size_t class_count, class_room;
    uint64_t booted, runs[CONFIG_MAX_DEPTH], lost;
    uint64_t failure_count;
    /* The uncut run's stores in equal parts, by the first cut. */
    struct sweep_part {
        uint64_t states, failures;
    } parts[SWEEP_PARTS];
    /* Failures with the same place and the same verdict. */
    struct sweep_group {
        struct sweep_path path; /* the one with the fewest cuts, then the least */
        char *where, *verdict;
        uint64_t count;
        cJSON *finding; /* NULL: not explained */
    } * groups;
    size_t group_count, group_room;
};

/* Reads the classes, and what was judged and explained so far. Free it in any case. */
int sweep_results_load(struct sweep_results *results, struct store *store, struct error *err);
/* Groups that are the same when made as simple as they get become one: findings. */
void sweep_results_unite(struct sweep_results *results);
void sweep_results_free(struct sweep_results *results);

/* The findings one by one, for people; malloc'ed, NULL when out of memory. */
char *sweep_results_list(const struct sweep_results *results);

extern const struct campaign_kind sweep_kind;

#endif
