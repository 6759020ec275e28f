/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_REPORT_COMPARE_H
#define IASO_SIM_REPORT_COMPARE_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdio.h>

#include "sim/screen.h"

/* A report to compare with others. */
struct compared {
    const char *name; /* its folder */
    const cJSON *report;
    const cJSON *host; /* host.json; NULL: none */
};

/*
 * Several reports side by side, as JSON; sim/report/report.schema.json describes it (kind
 * "comparison"): the reports' heads, all important numbers with ratios to the first report, which
 * hashes are equal, and what differs in the configurations. NULL when out of memory.
 */
cJSON *report_compare(const struct compared *all, size_t count);

/* For people. */
void report_compare_print(const cJSON *comparison, const struct screen *screen);

/* A line for each number, as CSV. */
void report_compare_csv(const cJSON *comparison, FILE *out);

#endif
