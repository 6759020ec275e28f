/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as a report.json that somebody edited: sentences and a page, never a crash, and no
 * markup but our own. */
#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/report/report_answer.h"
#include "sim/report/report_html.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fuzz_report: %s\n", what);
    abort();
}

/* A page of a report, or of a comparison of reports. */
static void check_page(const cJSON *json, int compared)
{
    char *html = NULL;
    size_t size = 0;
    struct error err = {""};
    FILE *out = open_memstream(&html, &size);
    check(out && (compared ? compare_html_write(json, out, &err)
                           : report_html_write(json, NULL, out, &err)) == 0,
          err.text);
    fclose(out);
    check(strlen(html) == size, "the page has a NUL");
    check(!strstr(html, "<script") && !strstr(html, "=\"http"), "markup of the report's");
    for (size_t i = 0; i < size; i++)
        check((unsigned char)html[i] >= ' ' || html[i] == '\n' || html[i] == '\t',
              "a control character");
    free(html);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cJSON *report = cJSON_ParseWithLength((const char *)data, size);
    if (!report)
        return 0;
    cJSON *answer = report_answer(report);
    check(cJSON_IsArray(answer), "no sentences");
    cJSON_Delete(answer);
    check_page(report, 0);
    check_page(report, 1);
    cJSON_Delete(report);
    return 0;
}
