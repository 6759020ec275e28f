/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_SUMMARY_H
#define IASO_SIM_SUMMARY_H

#include <cjson/cJSON.h>

#include "recovery/counts.h"
#include "sim/machine.h"
#include "sim/screen.h"

/* The outcome of a finished run. */
struct summary {
    const struct machine *machine;
    enum machine_end end;
    int exit;            /* exit code of `iaso run`: enum exit_code */
    const char *failure; /* one line that says why exit is not 0, or NULL */
    char text[300];      /* where `failure` may be kept */
    char memory_sha256[65];
    char console_sha256[65];
    const struct recovery_counts *recovery; /* set by the caller, NULL: there was none */
};

/* Judges the run by the config's expectations and takes the hashes. The machine must outlive the
 * summary. `fault` is what machine_run() says if the end is END_FAULT or END_LOCKED. */
void summary_make(struct summary *summary, const struct machine *machine, const char *fault);

/* What the run lacks of what the config expects, in one line that may be kept in `text`; NULL:
 * nothing. For ends other than END_FAULT and END_LOCKED, whose errors say so. */
const char *summary_judge(const struct machine *machine, char *text, size_t size);

/* "poweroff", "limit", ... */
const char *summary_end_name(enum machine_end end);

/* Five lines for a person: the verdict, how much was executed, what recovery or power failures came
 * to, and the two hashes. */
void summary_print(const struct summary *summary, const struct screen *screen);

/* Adds the outcome as JSON; README.md has the keys. With `details`, what a report has: reasons,
 * lists of what happened, and nothing that may differ between two equal runs. */
void summary_add(const struct summary *summary, bool details, cJSON *json);

/* Can a summary be written there? To be asked before a run that may take hours. */
int summary_check(const char *path, struct error *err);

/* Refuses to write the summary over the database of a campaign. */
int summary_check_apart(const char *path, const char *database, struct error *err);

/* Writes config and outcome into a new file or over an old summary. */
int summary_write(const struct summary *summary, const char *path, struct error *err);

/* The same for the JSON of something else, such as a campaign. */
int summary_write_json(cJSON *json, const char *path, struct error *err);

#endif
