/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/campaign_command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/campaign.h"
#include "sim/faults_report.h"
#include "sim/summary.h"
#include "sim/sweep_results.h"

const struct campaign_kind *const campaign_kinds[] = {&faults_kind, &sweep_kind, NULL};

int campaign_command_merge(const struct options *options)
{
    struct error err = {""};
    if (store_merge(options->operands[0], options->operands + 1, options->operand_count - 1, &err))
        return complain(&err, EXIT_USAGE);
    return EXIT_AS_EXPECTED;
}

/* ---- show ---------------------------------------------------------------------------------- */

struct show {
    struct store *store;
    struct screen screen;
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
    screen_row(&show->screen, label, "%s: %" PRIu64 " done%s%s", round->what, results, of, gone);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "round", round->round);
    cJSON_AddStringToObject(json, "what", round->what);
    cJSON_AddNumberToObject(json, "done", (double)results);
    cJSON_AddNumberToObject(json, "lost", (double)lost);
    cJSON_AddItemToArray(show->rounds, json);
    return 0;
}

static int show_state(struct show *show, cJSON *summary, struct error *err)
{
    const struct store_identity *identity = store_identity(show->store);
    bool finished;
    char missing[120];
    if (store_is_finished(show->store, &finished, missing, sizeof missing, err))
        return -1;
    const struct screen *screen = &show->screen;
    screen_row(screen, "campaign", "%s of %s", identity->kind, identity->config);
    screen_row(screen, "database", "%s", store_path(show->store));
    if (identity->shards > 1)
        screen_row(screen, "shard", "%u/%u", identity->shard, identity->shards);
    screen_row(screen, "options", "%s", identity->parameters);
    cJSON *campaign = cJSON_AddObjectToObject(summary, "campaign");
    cJSON_AddStringToObject(campaign, "kind", identity->kind);
    cJSON_AddStringToObject(campaign, "config", identity->config);
    cJSON_AddBoolToObject(campaign, "finished", finished);
    show->rounds = cJSON_AddArrayToObject(campaign, "rounds");
    if (store_each_round(show->store, show_round, show, err))
        return -1;
    if (finished)
        screen_row(screen, "state", "finished");
    else
        screen_row(screen, "state", "not finished: shard %s", missing);
    return 0;
}

static int show_kind(const struct show *show, cJSON *summary, struct error *err)
{
    const char *kind = store_identity(show->store)->kind;
    for (size_t i = 0; campaign_kinds[i]; i++)
        if (!strcmp(campaign_kinds[i]->name, kind))
            return campaign_kinds[i]->report(show->store, &show->screen, summary, err);
    return 0;
}

int campaign_command_show(const struct options *options)
{
    struct error err = {""};
    if (options->summary && (summary_check_apart(options->summary, options->operands[0], &err) ||
                             summary_check(options->summary, &err)))
        return complain(&err, EXIT_USAGE);
    struct show show = {.store = store_open(options->operands[0], STORE_READ, NULL, &err)};
    screen_open(&show.screen, stdout);
    cJSON *summary = cJSON_CreateObject();
    int code = EXIT_AS_EXPECTED;
    if (!show.store)
        code = complain(&err, EXIT_USAGE);
    else if (show_state(&show, summary, &err) || show_kind(&show, summary, &err) ||
             (options->summary && summary_write_json(summary, options->summary, &err)))
        code = complain(&err, EXIT_SIMULATOR);
    if (fflush(stdout) || ferror(stdout)) {
        error_set(&err, "cannot write to standard output");
        code = complain(&err, EXIT_SIMULATOR);
    }
    cJSON_Delete(summary);
    store_close(show.store, NULL);
    return code;
}
