/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_POWER_REPORT_H
#define IASO_SIM_POWER_REPORT_H

#include <cjson/cJSON.h>

#include "sim/lives.h"

/* What the lives of a machine came to: totals for a summary, or with `details` (by life, region,
 * function, line) for a report. README.md describes the keys. NULL when out of memory. */
cJSON *power_report(const struct machine *machine, bool details);

/* Has gnuplot draw voltage, on and off periods and cuts over time, as SVG or PNG, whichever the
 * file's name ends in. A file of that name is overwritten. */
int power_report_plot(const struct machine *machine, const char *path, struct error *err);

/* Can it be drawn there? To be asked before a run that may take hours. */
int power_report_check_plot(const char *path, struct error *err);

#endif
