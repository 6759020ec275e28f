/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/campaign/faults_command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/campaign/campaign.h"
#include "sim/campaign/campaign_report.h"
#include "sim/campaign/faults_report.h"
#include "sim/campaign/faults_run.h"
#include "sim/campaign/outcome.h"
#include "sim/progress.h"
#include "sim/summary.h"
#include "sim/text.h"

#define KEY_SIZE 24

struct faults_campaign {
    const struct options *options;
    struct config config; /* with --seed */
    struct campaign campaign;
    struct fault_plan plan;
    struct campaign_item *items;
    char (*keys)[KEY_SIZE];
    struct progress *progress;
    const char *phase;              /* of the progress */
    struct campaign_report *report; /* NULL: none is wanted */
};

int faults_check(const struct config *config, struct error *err)
{
    if (!config->recovery.enabled)
        return error_set(err, "campaign: expected a section `recovery`, which is enabled: faults "
                              "are drawn from what is executed inside recovery domains");
    if (config->recovery.torture != TORTURE_OFF)
        return error_set(err, "recovery.torture: expected \"off\" in a campaign");
    return 0;
}

static void show_progress(void *opaque, const struct machine *machine)
{
    const struct faults_campaign *command = opaque;
    progress_update(command->progress, clock_ns(&machine->clock, machine->clock.now),
                    machine_insns(machine), command->phase);
}

/* What is not recovered from. */
static bool is_finding(const struct campaign_result *result)
{
    int outcome = outcome_named(result->outcome);
    return result->round == FAULTS_ROUND(CAMPAIGN_ON) && outcome >= 0 &&
           !outcome_is_survival((enum outcome)outcome);
}

/* What repeats a fault has the user's own --set, too. */
static int add_settings(struct fault_plan *plan, const struct options *options, struct error *err)
{
    for (size_t fault = 0; fault < plan->count; fault++) {
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        if (!out)
            return error_set(err, "out of memory");
        fputs(plan->options[fault], out);
        for (size_t i = 0; i < options->override_count; i++) {
            if (!strncmp(options->overrides[i], "campaign.", strlen("campaign.")) ||
                !strncmp(options->overrides[i], "report.", strlen("report.")))
                continue;
            fputs(" --set ", out);
            text_shell(options->overrides[i], out);
        }
        if (fclose(out)) {
            free(text);
            return error_set(err, "out of memory");
        }
        free(plan->options[fault]);
        plan->options[fault] = text;
    }
    return 0;
}

/* From the database, or by running the machine. */
static int get_plan(struct faults_campaign *command, struct error *err)
{
    struct store *store = command->campaign.store;
    char *text = NULL;
    if (store_get(store, FAULTS_PLAN, &text, err))
        return -1;
    if (text) {
        int result = fault_plan_parse(&command->plan, text, err);
        free(text);
        return result;
    }
    command->phase = "drawing faults";
    if (fault_plan_make(&command->plan, &command->config, show_progress, command, err))
        return error_prefix(err, "%s: ", command->config.path);
    if (add_settings(&command->plan, command->options, err))
        return -1;
    text = fault_plan_print(&command->plan);
    int result = text ? store_set(store, FAULTS_PLAN, text, err) || store_commit(store, err)
                      : error_set(err, "out of memory");
    free(text);
    return result ? -1 : 0;
}

static int make_items(struct faults_campaign *command, struct error *err)
{
    size_t count = command->plan.count;
    command->items = calloc(count + 1, sizeof *command->items);
    command->keys = calloc(count + 1, sizeof *command->keys);
    if (!command->items || !command->keys)
        return error_set(err, "out of memory");
    for (size_t i = 0; i < count; i++) {
        snprintf(command->keys[i], KEY_SIZE, "%06zu", i);
        command->items[i] =
            (struct campaign_item){.key = command->keys[i], .data = &command->plan.faults[i]};
    }
    return 0;
}

static enum campaign_end run_round(struct faults_campaign *command, enum campaign_mode mode,
                                   struct error *err)
{
    static const char *const names[] = {
        [CAMPAIGN_ON] = "with recovery", [CAMPAIGN_OFF] = "without recovery"};
    struct fault_runner runner;
    command->phase = names[mode];
    if (fault_runner_open(&runner, &command->config, &command->plan, mode, show_progress, command,
                          err)) {
        error_prefix(err, "%s: ", command->config.path);
        return CAMPAIGN_FAILED;
    }
    progress_clear(command->progress);
    enum campaign_end end =
        campaign_round(&command->campaign, FAULTS_ROUND(mode), names[mode], command->items,
                       command->plan.count, true, fault_runner_run, &runner, err);
    fault_runner_close(&runner);
    return end;
}

/* Are all results of this shard's there already? */
static int is_done(struct faults_campaign *command, enum campaign_mode mode, bool *done,
                   struct error *err)
{
    const struct store_identity *identity = store_identity(command->campaign.store);
    size_t first, count;
    uint64_t results;
    campaign_slice(command->plan.count, identity->shard, identity->shards, &first, &count);
    if (store_count(command->campaign.store, FAULTS_ROUND(mode), NULL, &results, err))
        return -1;
    *done = results >= count;
    return 0;
}

static enum campaign_end run_rounds(struct faults_campaign *command, struct error *err)
{
    for (int mode = 0; mode < CAMPAIGN_MODES; mode++) {
        bool done;
        if (!(command->config.campaign.modes >> mode & 1))
            continue;
        if (is_done(command, (enum campaign_mode)mode, &done, err))
            return CAMPAIGN_FAILED;
        enum campaign_end end =
            done ? CAMPAIGN_DONE : run_round(command, (enum campaign_mode)mode, err);
        if (end != CAMPAIGN_DONE)
            return end;
    }
    return store_finish(command->campaign.store, err) ? CAMPAIGN_FAILED : CAMPAIGN_DONE;
}

static int report(const struct faults_campaign *command, struct error *err)
{
    const struct options *options = command->options;
    cJSON *summary = cJSON_CreateObject();
    struct screen screen;
    struct error said;
    screen_open(&screen, stdout);
    int result =
        faults_kind.report(command->campaign.store, options->quiet ? NULL : &screen, summary, err);
    if (!result && options->summary && summary_write_json(summary, options->summary, &said))
        result =
            complain(&said, EXIT_SIMULATOR); /* the folder of the report is made all the same */
    if (!options->quiet && fflush(stdout))
        result = error_set(err, "cannot write to standard output");
    cJSON_Delete(summary);
    return result;
}

static int run(struct faults_campaign *command, struct error *err)
{
    if (get_plan(command, err))
        return command->plan.count ? EXIT_SIMULATOR : EXIT_USAGE;
    if (make_items(command, err))
        return EXIT_SIMULATOR;
    switch (run_rounds(command, err)) {
    case CAMPAIGN_INTERRUPTED:
        return campaign_interrupted(&command->campaign);
    case CAMPAIGN_FAILED:
        return EXIT_SIMULATOR;
    case CAMPAIGN_DONE:
        break;
    }
    return report(command, err) ? EXIT_SIMULATOR : EXIT_AS_EXPECTED;
}

static int write_report(struct faults_campaign *command, int code, struct error *err)
{
    struct screen screen;
    screen_open(&screen, stderr);
    return campaign_report_end(command->report, command->campaign.store, NULL, code,
                               command->options->quiet ? NULL : &screen, err);
}

int faults_command(const struct options *options, const struct config *config)
{
    struct faults_campaign command = {.options = options, .config = *config};
    struct error err = {""};
    char parameters[48] = "{}";
    int code = EXIT_USAGE;
    if (options->has_seed) {
        command.config.campaign.seed = options->seed;
        snprintf(parameters, sizeof parameters, "{\"seed\":%" PRIu64 "}", options->seed);
    }
    if (config->report.dir)
        command.report = campaign_report_begin(faults_kind.name, options, config, &err);
    if ((!config->report.dir || command.report) &&
        (!options->summary || !summary_check(options->summary, &err)) &&
        !campaign_open(&command.campaign, faults_kind.name, options, config, parameters, &err)) {
        command.campaign.is_finding = is_finding;
        command.progress = progress_new(STDERR_FILENO, options->quiet);
        code = run(&command, &err);
        progress_free(command.progress);
        if (command.report && !err.text[0] && write_report(&command, code, &err))
            code = EXIT_SIMULATOR;
        if (campaign_close(&command.campaign, err.text[0] ? NULL : &err) && !code)
            code = EXIT_SIMULATOR;
    }
    campaign_report_free(command.report);
    if (err.text[0])
        complain(&err, code);
    fault_plan_free(&command.plan);
    free(command.items);
    free(command.keys);
    return code;
}
