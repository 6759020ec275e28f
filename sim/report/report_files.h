/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_REPORT_FILES_H
#define IASO_SIM_REPORT_FILES_H

#include <cjson/cJSON.h>

#include "sim/report/report_dir.h"
#include "sim/report/report_plots.h"

/*
 * The files of a report, of whatever kind, made of its JSON. The caller commits the folder. `note`
 * says in one line what is lacking for want of another program; "" if nothing.
 */

/* All of them. Completes `report` with what it says in plain words. `host`: what the run cost this
 * host; NULL: not known. */
int report_files_write(struct report_dir *dir, cJSON *report, const cJSON *host,
                       char note[REPORT_NOTE_SIZE], struct error *err);

/* Those that follow from report.json. */
int report_files_derive(struct report_dir *dir, const cJSON *report, const cJSON *host,
                        char note[REPORT_NOTE_SIZE], struct error *err);

/* A file with this JSON. */
int report_files_put_json(struct report_dir *dir, const char *name, const cJSON *json,
                          struct error *err);

/* The tables, as part of the above. */
int report_files_put_tables(struct report_dir *dir, const cJSON *report, struct error *err);

#endif
