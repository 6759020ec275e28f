/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/campaign/campaign_report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/report/report_dir.h"
#include "sim/report/report_files.h"
#include "sim/report/report_head.h"

/* ---- How far it is ------------------------------------------------------------------------- */

struct show {
    struct store *store;
    const struct screen *screen; /* NULL: nothing is printed */
    cJSON *rounds;
    unsigned number; /* of the last round that was shown */
};

/* Rounds that several shards began are shown once. */
static int show_round(void *opaque, const struct store_round *round, struct error *err)
{
    struct show *show = opaque;
    uint64_t results, lost;
    if (round->round == show->number)
        return 0;
    show->number = round->round;
    if (store_count(show->store, round->round, NULL, &results, err) ||
        store_count(show->store, round->round, CAMPAIGN_LOST, &lost, err))
        return -1;
    char label[32], of[32] = "", gone[40] = "";
    snprintf(label, sizeof label, "round %u", round->round);
    if (round->sharded)
        snprintf(of, sizeof of, " of %" PRIu64, round->items);
    if (lost)
        snprintf(gone, sizeof gone, ", %" PRIu64 " lost", lost);
    if (show->screen)
        screen_row(show->screen, label, "%s: %" PRIu64 " done%s%s", round->what, results, of, gone);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "round", round->round);
    cJSON_AddStringToObject(json, "what", round->what);
    cJSON_AddNumberToObject(json, "done", (double)results);
    cJSON_AddNumberToObject(json, "lost", (double)lost);
    cJSON_AddItemToArray(show->rounds, json);
    return 0;
}

static void show_identity(const struct screen *screen, const struct store *store)
{
    const struct store_identity *identity = store_identity(store);
    screen_row(screen, "campaign", "%s of %s", identity->kind, identity->config);
    screen_row(screen, "database", "%s", store_path(store));
    if (identity->shards > 1)
        screen_row(screen, "shard", "%u/%u", identity->shard, identity->shards);
    screen_row(screen, "options", "%s", identity->parameters);
}

int campaign_state(struct store *store, const struct screen *screen, cJSON *summary,
                   struct error *err)
{
    const struct store_identity *identity = store_identity(store);
    bool finished;
    char missing[120];
    if (store_is_finished(store, &finished, missing, sizeof missing, err))
        return -1;
    if (screen)
        show_identity(screen, store);
    cJSON *campaign = cJSON_AddObjectToObject(summary, "campaign");
    cJSON_AddStringToObject(campaign, "kind", identity->kind);
    cJSON_AddStringToObject(campaign, "config", identity->config);
    cJSON_AddBoolToObject(campaign, "finished", finished);
    struct show show = {
        .store = store, .screen = screen, .rounds = cJSON_AddArrayToObject(campaign, "rounds")};
    if (store_each_round(store, show_round, &show, err))
        return -1;
    if (screen)
        screen_row(screen, "state", finished ? "finished" : "not finished: shard %s", missing);
    return 0;
}

static const struct campaign_kind *kind_of(const struct store *store)
{
    const char *name = store_identity(store)->kind;
    for (size_t i = 0; campaign_kinds[i]; i++)
        if (!strcmp(campaign_kinds[i]->name, name))
            return campaign_kinds[i];
    return NULL;
}

int campaign_results(struct store *store, const struct screen *screen, cJSON *summary,
                     struct error *err)
{
    const struct campaign_kind *kind = kind_of(store);
    return kind ? kind->report(store, screen, summary, err) : 0;
}

/* ---- The report ---------------------------------------------------------------------------- */

struct campaign_report {
    struct report_dir *dir;
    cJSON *json;
};

struct campaign_report *campaign_report_begin(const char *kind, const struct options *options,
                                              const struct config *config, struct error *err)
{
    struct campaign_report *report = calloc(1, sizeof *report);
    if (!report) {
        error_set(err, "out of memory");
        return NULL;
    }
    report->dir =
        report_dir_open(config ? config->report.dir : options->report, options->force, err);
    if (report->dir)
        report->json = report_head(kind, options, config, err);
    if (report->json)
        return report;
    campaign_report_free(report);
    return NULL;
}

static int add_results(struct campaign_report *report, struct store *store, const char *directory,
                       int code, struct error *err)
{
    cJSON *json = report->json;
    if (!cJSON_GetObjectItemCaseSensitive(json, "config"))
        cJSON_AddStringToObject(json, "config", store_identity(store)->config);
    cJSON_AddNumberToObject(json, "exit", code);
    cJSON_AddStringToObject(json, "database", store_path(store));
    if (directory)
        cJSON_AddStringToObject(json, "directory", directory);
    const struct campaign_kind *kind = kind_of(store);
    return campaign_state(store, NULL, json, err) || campaign_results(store, NULL, json, err) ||
                   (kind && kind->files && kind->files(store, report->dir, err))
               ? -1
               : 0;
}

int campaign_report_end(struct campaign_report *report, struct store *store, const char *directory,
                        int code, const struct screen *screen, struct error *err)
{
    char note[REPORT_NOTE_SIZE];
    if (add_results(report, store, directory, code, err) ||
        report_files_write(report->dir, report->json, NULL, note, err) ||
        report_dir_commit(report->dir, err))
        return -1;
    if (screen && note[0])
        screen_row(screen, "note", "%s", note);
    if (screen)
        screen_row(screen, "report", "%s/report.html", report_dir_path(report->dir));
    return 0;
}

void campaign_report_free(struct campaign_report *report)
{
    if (!report)
        return;
    report_dir_free(report->dir);
    cJSON_Delete(report->json);
    free(report);
}
