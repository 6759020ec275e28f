/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_REPORT_CASCADES_H
#define IASO_SIM_REPORT_CASCADES_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>

#include "mem/error.h"

/*
 * The largest failures of a report as a graph in DOT, the language of graphviz: each domain that
 * was undone, and an arrow from it to each that depended on it. Made of the report's JSON alone;
 * what is not as it should be there is left out. At most some 60 domains are drawn, those nearest
 * to the failed one.
 */

/* Whether anything was undone. */
bool report_cascades_apply(const cJSON *report);

void report_cascades_write(const cJSON *report, FILE *out);

/* Draws folder/cascades.dot as cascades.svg there; results as of program_run(). */
int report_cascades_draw(const char *folder, struct error *err);

#endif
