/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/campaign/campaign_command.h"

#include "sim/campaign/campaign.h"
#include "sim/campaign/campaign_report.h"
#include "sim/campaign/faults_report.h"
#include "sim/campaign/sweep_results.h"
#include "sim/summary.h"

const struct campaign_kind *const campaign_kinds[] = {&faults_kind, &sweep_kind, NULL};

int campaign_command_merge(const struct options *options)
{
    struct error err = {""};
    if (store_merge(options->operands[0], options->operands + 1, options->operand_count - 1, &err))
        return complain(&err, EXIT_USAGE);
    return EXIT_AS_EXPECTED;
}

static int show(const struct options *options, struct store *store, struct campaign_report *report,
                struct error *err)
{
    struct screen screen;
    cJSON *summary = cJSON_CreateObject();
    screen_open(&screen, stdout);
    int result =
        campaign_state(store, &screen, summary, err) ||
                campaign_results(store, &screen, summary, err) ||
                (options->summary && summary_write_json(summary, options->summary, err)) ||
                (report && campaign_report_end(report, store, NULL, EXIT_AS_EXPECTED, &screen, err))
            ? -1
            : 0;
    cJSON_Delete(summary);
    if (!result && (fflush(stdout) || ferror(stdout)))
        result = error_set(err, "cannot write to standard output");
    return result;
}

int campaign_command_show(const struct options *options)
{
    struct error err = {""};
    if (options->summary && (summary_check_apart(options->summary, options->operands[0], &err) ||
                             summary_check(options->summary, &err)))
        return complain(&err, EXIT_USAGE);
    struct store *store = store_open(options->operands[0], STORE_READ, NULL, &err);
    if (!store)
        return complain(&err, EXIT_USAGE);
    struct campaign_report *report =
        options->report ? campaign_report_begin(store_identity(store)->kind, options, NULL, &err)
                        : NULL;
    int code = EXIT_AS_EXPECTED;
    if (options->report && !report)
        code = complain(&err, EXIT_USAGE);
    else if (show(options, store, report, &err))
        code = complain(&err, EXIT_SIMULATOR);
    campaign_report_free(report);
    store_close(store, NULL);
    return code;
}
