/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_CAMPAIGN_REPORT_H
#define IASO_SIM_CAMPAIGN_REPORT_H

#include "sim/campaign/campaign.h"
#include "sim/screen.h"

/*
 * The report of a campaign: what its database says, as complete as that is, in the folder of
 * --report or config->report.dir. An interrupted campaign leaves one that says so.
 */
struct campaign_report;

/* Before the campaign: makes the folder, hashes the inputs. Without `config` (`iaso campaign show`)
 * the report does not say what repeats it. NULL on failure. */
struct campaign_report *campaign_report_begin(const char *kind, const struct options *options,
                                              const struct config *config, struct error *err);

/* After it: writes everything. `code` is the exit code of the command, `directory` where the
 * campaign has files about findings, NULL: not known. What the report lacks for want of other
 * programs, and where it is, goes to the screen; NULL: nothing does. */
int campaign_report_end(struct campaign_report *report, struct store *store, const char *directory,
                        int code, const struct screen *screen, struct error *err);

/* Without campaign_report_end() nothing is left. NULL is fine. */
void campaign_report_free(struct campaign_report *report);

/* How far the campaign is: kind, config, finished or not, rounds. Text to the screen (NULL: none),
 * and the object "campaign" of the summary. */
int campaign_state(struct store *store, const struct screen *screen, cJSON *summary,
                   struct error *err);

/* What the kind of the campaign has to say. */
int campaign_results(struct store *store, const struct screen *screen, cJSON *summary,
                     struct error *err);

#endif
