/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/campaign/sweep.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/campaign/campaign.h"
#include "sim/campaign/campaign_report.h"
#include "sim/campaign/sweep_finding.h"
#include "sim/campaign/sweep_results.h"
#include "sim/summary.h"
#include "sim/text.h"

struct sweep {
    const struct options *options;
    struct sweep_run *run;
    struct campaign campaign;
    char detail[80];                /* of a result */
    char *text;                     /* likewise, malloc'ed */
    struct campaign_report *report; /* NULL: none is wanted */
};

static bool is_finding(const struct campaign_result *result)
{
    return !strcmp(result->outcome, "failed");
}

/* ---- Items, in a worker -------------------------------------------------------------------- */

/* A guest that runs wild behind a cut may be more than the simulator can do. */
static enum campaign_ran cannot_run(const struct sweep *sweep)
{
    return sweep->run->machine->end == END_FAULT ? CAMPAIGN_RAN_OUT : CAMPAIGN_BROKEN;
}

static enum campaign_ran recover(void *opaque, const struct campaign_item *item,
                                 struct campaign_result *result, struct error *err)
{
    struct sweep *sweep = opaque;
    struct sweep_verdict verdict;
    struct nvm_hash state;
    int recovered = sweep_run_recover(sweep->run, item->data, &state, &verdict, err);
    if (recovered < 0)
        return cannot_run(sweep);
    result->outcome = recovered ? "recovered" : "ended";
    snprintf(sweep->detail, sizeof sweep->detail, "{\"state\":\"%016" PRIx64 "%016" PRIx64 "\"}",
             recovered ? state.high : 0, recovered ? state.low : 0);
    result->detail = recovered ? sweep->detail : NULL;
    return CAMPAIGN_RAN;
}

static cJSON *tree_json(const struct sweep_tree *tree)
{
    cJSON *json = cJSON_CreateObject(), *runs = cJSON_AddArrayToObject(json, "runs"), *failures;
    for (unsigned i = 0; i < CONFIG_MAX_DEPTH; i++)
        cJSON_AddItemToArray(runs, cJSON_CreateNumber((double)tree->runs[i]));
    failures = tree->failure_count ? cJSON_AddArrayToObject(json, "failures") : NULL;
    for (size_t i = 0; i < tree->failure_count; i++) {
        const struct sweep_found *found = &tree->failures[i];
        char path[SWEEP_PATH_SIZE];
        cJSON *failure = cJSON_CreateObject();
        sweep_path_format(&found->path, path);
        cJSON_AddStringToObject(failure, "path", path);
        cJSON_AddStringToObject(failure, "where", found->verdict.where);
        cJSON_AddStringToObject(failure, "verdict", found->verdict.text);
        cJSON_AddItemToArray(failures, failure);
    }
    return json;
}

static void say(struct sweep *sweep, struct campaign_result *result, cJSON *json)
{
    free(sweep->text);
    sweep->text = json ? cJSON_PrintUnformatted(json) : NULL;
    cJSON_Delete(json);
    result->detail = sweep->text;
}

static enum campaign_ran finish(void *opaque, const struct campaign_item *item,
                                struct campaign_result *result, struct error *err)
{
    struct sweep *sweep = opaque;
    struct sweep_tree tree;
    int failed = sweep_explore(sweep->run, item->data, &tree, err);
    result->outcome = tree.failure_count ? "failed" : "ok";
    if (!failed)
        say(sweep, result, tree_json(&tree));
    sweep_tree_free(&tree);
    if (!failed && !result->detail)
        return CAMPAIGN_RAN_OUT;
    return failed ? cannot_run(sweep) : CAMPAIGN_RAN;
}

static enum campaign_ran explain(void *opaque, const struct campaign_item *item,
                                 struct campaign_result *result, struct error *err)
{
    struct sweep *sweep = opaque;
    const struct sweep_group *group = item->data;
    cJSON *finding = sweep_finding(sweep->run, sweep->options, group, err);
    if (!finding)
        return CAMPAIGN_BROKEN;
    result->outcome = "finding";
    say(sweep, result, finding);
    return result->detail ? CAMPAIGN_RAN : CAMPAIGN_RAN_OUT;
}

/* ---- Rounds -------------------------------------------------------------------------------- */

struct items {
    struct campaign_item *all;
    char (*keys)[SWEEP_PATH_SIZE];
    size_t count;
};

static int items_new(struct items *items, size_t count, struct error *err)
{
    *items = (struct items){.all = calloc(count + 1, sizeof *items->all),
                            .keys = calloc(count + 1, sizeof *items->keys)};
    return items->all && items->keys ? 0 : error_set(err, "out of memory");
}

static void items_add(struct items *items, const struct sweep_path *path, const void *data)
{
    sweep_path_key(path, items->keys[items->count]);
    items->all[items->count] = (struct campaign_item){items->keys[items->count], data};
    items->count++;
}

static void items_free(struct items *items)
{
    free(items->all);
    free(items->keys);
}

static int by_key(const void *left, const void *right)
{
    const struct campaign_item *a = left, *b = right;
    return strcmp(a->key, b->key);
}

static enum campaign_end do_round(struct sweep *sweep, enum sweep_round round, const char *what,
                                  struct items *items, bool sharded, campaign_run_fn function,
                                  struct error *err)
{
    qsort(items->all, items->count, sizeof *items->all, by_key);
    return campaign_round(&sweep->campaign, round, what, items->all, items->count, sharded,
                          function, sweep, err);
}

/* All states of the golden run. */
static int list_points(const struct sweep_run *run, struct items *items, struct error *err)
{
    if (items_new(items, run->points.count, err))
        return -1;
    for (size_t i = 0; i < run->points.count; i++) {
        const struct sweep_path path = {.cuts = {run->points.all[i].cut}, .count = 1};
        items_add(items, &path, &run->points.all[i]);
    }
    return 0;
}

/* One of each class. */
static int list_classes(struct sweep *sweep, struct items *items, struct error *err)
{
    struct sweep_results results;
    int result = sweep_results_load(&results, sweep->campaign.store, err) ||
                         items_new(items, results.class_count, err)
                     ? -1
                     : 0;
    for (size_t i = 0; i < results.class_count && result == 0; i++) {
        struct sweep_path path;
        const struct sweep_point *point = sweep_path_parse(&path, results.classes[i])
                                              ? sweep_run_point(sweep->run, &path.cuts[0])
                                              : NULL;
        if (point)
            items_add(items, &path, point);
        else
            result = error_set(err, "the database has the state %s, which this run has not",
                               results.classes[i]);
    }
    sweep_results_free(&results);
    return result;
}

static enum campaign_end do_finish(struct sweep *sweep, struct error *err)
{
    struct items items = {0};
    enum campaign_end end = CAMPAIGN_DONE;
    bool recovers = sweep->run->config->power.recovered != NULL;
    if (recovers) {
        end = list_points(sweep->run, &items, err)
                  ? CAMPAIGN_FAILED
                  : do_round(sweep, SWEEP_RECOVER, "recover", &items, true, recover, err);
        items_free(&items);
        items = (struct items){0};
    }
    if (end == CAMPAIGN_DONE &&
        (recovers ? list_classes(sweep, &items, err) : list_points(sweep->run, &items, err)))
        end = CAMPAIGN_FAILED;
    if (end == CAMPAIGN_DONE)
        end = do_round(sweep, SWEEP_FINISH, "finish", &items, !recovers, finish, err);
    items_free(&items);
    return end;
}

static enum campaign_end do_explain(struct sweep *sweep, struct error *err)
{
    struct sweep_results results;
    struct items items = {0};
    enum campaign_end end = CAMPAIGN_FAILED;
    if (!sweep_results_load(&results, sweep->campaign.store, err) &&
        !items_new(&items, results.group_count, err)) {
        for (size_t i = 0; i < results.group_count && i < SWEEP_MAX_FINDINGS; i++)
            items_add(&items, &results.groups[i].path, &results.groups[i]);
        end = do_round(sweep, SWEEP_EXPLAIN, "explain", &items, false, explain, err);
    }
    items_free(&items);
    sweep_results_free(&results);
    return end;
}

/* ---- The command --------------------------------------------------------------------------- */

static int note_golden(struct sweep *sweep, struct error *err)
{
    const struct sweep_run *run = sweep->run;
    char text[300];
    snprintf(text, sizeof text,
             "{\"points\":%" PRIu64 ",\"states\":%zu,\"writes\":%" PRIu64
             ",\"instructions\":%" PRIu64 ",\"time_ns\":%" PRIu64 ",\"recovers\":%s}",
             run->chosen, run->points.count, run->writes, run->insns,
             clock_ns(&run->machine->clock, run->tick),
             run->config->power.recovered ? "true" : "false");
    return store_set(sweep->campaign.store, "golden", text, err);
}

static int write_summary(struct sweep *sweep, cJSON *summary, int code, struct error *err)
{
    const struct campaign *campaign = &sweep->campaign;
    cJSON_AddStringToObject(summary, "config", sweep->run->config->path);
    cJSON_AddNumberToObject(summary, "exit", code);
    cJSON_AddStringToObject(summary, "database", store_path(campaign->store));
    cJSON_AddStringToObject(summary, "directory", campaign->directory);
    return summary_write_json(summary, sweep->options->summary, err);
}

static void print_verdict(const struct sweep *sweep, const struct sweep_results *results,
                          const struct screen *screen)
{
    char text[400], count[TEXT_GROUP_SIZE];
    bool good = !results->failure_count && !results->lost;
    snprintf(text, sizeof text, "%s: swept, %s failures%s", sweep->run->config->path,
             text_group(results->failure_count, count),
             results->lost ? ", but some branches were lost" : "");
    screen_verdict(screen, good, good ? "finished" : "failed", text);
}

/* What was found, for people and machines; returns the exit code. */
static int conclude(struct sweep *sweep, struct error *err)
{
    struct sweep_results results;
    struct store *store = sweep->campaign.store;
    const struct options *options = sweep->options;
    cJSON *summary = cJSON_CreateObject();
    int code = EXIT_SIMULATOR;
    int failed = sweep_results_load(&results, store, err);
    sweep_results_unite(&results);
    if (failed || sweep_findings_write(&results, sweep->campaign.directory, err)) {
        complain(err, code);
    } else {
        code = results.failure_count ? EXIT_GUEST_FAILED
               : results.lost        ? EXIT_SIMULATOR
                                     : EXIT_AS_EXPECTED;
        struct screen screen;
        screen_open(&screen, stderr);
        if (!options->quiet)
            print_verdict(sweep, &results, &screen);
        if (sweep_kind.report(store, options->quiet ? NULL : &screen, summary, err) ||
            (options->summary && write_summary(sweep, summary, code, err)))
            code = complain(err, EXIT_SIMULATOR);
        else if (!options->quiet && results.group_count)
            screen_row(&screen, "reproducers", "%s/finding-*.json, for `iaso run`",
                       sweep->campaign.directory);
    }
    cJSON_Delete(summary);
    sweep_results_free(&results);
    return code;
}

static int do_rounds(struct sweep *sweep, struct error *err)
{
    if (note_golden(sweep, err))
        return complain(err, EXIT_SIMULATOR);
    enum campaign_end end = do_finish(sweep, err);
    if (end == CAMPAIGN_DONE)
        end = do_explain(sweep, err);
    if (end == CAMPAIGN_INTERRUPTED)
        return campaign_interrupted(&sweep->campaign);
    if (end == CAMPAIGN_FAILED || store_finish(sweep->campaign.store, err))
        return complain(err, EXIT_SIMULATOR);
    return conclude(sweep, err);
}

static int write_report(struct sweep *sweep, int code, struct error *err)
{
    struct screen screen;
    screen_open(&screen, stderr);
    return campaign_report_end(sweep->report, sweep->campaign.store, sweep->campaign.directory,
                               code, sweep->options->quiet ? NULL : &screen, err);
}

static int do_sweep(struct sweep *sweep, struct config *config, struct error *err)
{
    const struct options *options = sweep->options;
    char parameters[60] = "{}";
    if (options->has_seed)
        snprintf(parameters, sizeof parameters, "{\"seed\":%" PRIu64 "}", options->seed);
    int failed = sweep_run_golden(sweep->run, err);
    if (failed) {
        error_prefix(err, "%s: ", config->path);
        return complain(err, failed > 0 ? EXIT_GUEST_FAILED : EXIT_SIMULATOR);
    }
    if (campaign_open(&sweep->campaign, "sweep", options, config, parameters, err))
        return complain(err, EXIT_USAGE);
    sweep->campaign.is_finding = is_finding;
    int code = do_rounds(sweep, err);
    if (sweep->report && write_report(sweep, code, err))
        code = complain(err, EXIT_SIMULATOR);
    if (campaign_close(&sweep->campaign, err))
        code = complain(err, EXIT_SIMULATOR);
    return code;
}

int sweep_command(const struct options *options, struct config *config)
{
    struct error err = {""};
    struct sweep sweep = {.options = options};
    if (!config->power.enabled) {
        error_set(&err, "%s: expected a section `power`, which says what survives a power cut",
                  config->path);
        return complain(&err, EXIT_USAGE);
    }
    if (options->summary && summary_check(options->summary, &err))
        return complain(&err, EXIT_USAGE);
    if (options->has_seed)
        config->sweep.seed = options->seed;
    if (config->report.dir &&
        !(sweep.report = campaign_report_begin(sweep_kind.name, options, config, &err)))
        return complain(&err, EXIT_USAGE);
    sweep.run = sweep_run_new(config, &err);
    if (!sweep.run) {
        campaign_report_free(sweep.report);
        error_prefix(&err, "%s: ", config->path);
        return complain(&err, EXIT_USAGE);
    }
    int code = do_sweep(&sweep, config, &err);
    sweep_run_free(sweep.run);
    campaign_report_free(sweep.report);
    free(sweep.text);
    return code;
}
