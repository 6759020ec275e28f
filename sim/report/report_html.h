/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_REPORT_HTML_H
#define IASO_SIM_REPORT_HTML_H

#include <cjson/cJSON.h>
#include <stdio.h>

#include "mem/error.h"

/*
 * A report as one page of HTML that needs nothing else: style and pictures are inside, there is no
 * script, and nothing is fetched. All that it says comes from the JSON object; what is missing or
 * of another type than expected is left out. Texts are escaped, long names are shortened for the
 * eye.
 */
struct report_extras {
    /* The folder of the report, or the staging folder in which it is being made: pictures are taken
     * from its plots/, and files that lie there are linked by their names. NULL: there is none. */
    const char *dir;
    const char *also;  /* a second folder where files may be: the finished one that `dir` will be
                          moved into; NULL: none */
    const cJSON *host; /* host.json, what this one host measured; NULL: none */
};

/* Writes report.html. Fails only when `out` does; both objects remain the caller's. */
int report_html_write(const cJSON *report, const struct report_extras *extras, FILE *out,
                      struct error *err);

/* Writes compare.html of what report_compare() made of several reports
 * (sim/report/report_compare.h). */
int compare_html_write(const cJSON *comparison, FILE *out, struct error *err);

#endif
