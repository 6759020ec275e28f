/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_REPORT_PLOTS_H
#define IASO_SIM_REPORT_PLOTS_H

#include <cjson/cJSON.h>

#include "sim/report/report_dir.h"

/*
 * Pictures of a report: scripts for gnuplot in plots/ (sim/report/plots), which read ../tables, and
 * what gnuplot draws of them. Scripts are made for what the report has, and kept.
 */

/* The scripts that there are tables for. In a folder that was reopened, those that are there stay
 * as they are: restyled, perhaps. */
int report_scripts_write(struct report_dir *dir, const cJSON *report, struct error *err);

#define REPORT_NOTE_SIZE 300

/* Draws them. When there is no gnuplot, or it fails, `note` says so in one line; else it stays. */
void report_plots_draw(struct report_dir *dir, const cJSON *report, char note[REPORT_NOTE_SIZE]);

#endif
