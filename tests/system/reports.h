/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_TESTS_REPORTS_H
#define IASO_TESTS_REPORTS_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "tests/system/harness.h"

/* Folders of reports, for tests of them. */

#define KV    "configs/hypnos-kv.json"
#define TRACE "configs/hypnos-trace.json"

/* A run with a failure that is recovered from, cut short. */
#define FAILURE                                                                    \
    "inject", "configs/agora-null.json", "--set", "bootargs=agora.work=1", "--at", \
        "sys_counter_add", "--kind", "bug", "--nth", "3", "--max-insns", "12M"

/* Runs iaso with the arguments and --report, which must exit with that code. */
void run_report(const char *dir, const char *const arguments[], int code);
#define REPORT(dir, code, ...) run_report(dir, (const char *const[]){__VA_ARGS__, NULL}, code)

/* report.json; the caller deletes it. */
cJSON *load_report(const char *dir);
void save_report(const char *dir, const cJSON *json);

bool has_file(const char *dir, const char *name);

/* malloc'ed */
char *read_file(const char *dir, const char *name);
void expect_same_text(const char *a, const char *b, const char *name);

/* What `iaso schema report` says, in a file. */
const char *put_schema(struct place *place);

/* Returns what jsonschema does: 0 if the report is as the schema says. */
int validate(const char *dir, const char *schema);

/* The sum of a column, of the rows in which `key` is, or is not, `value`; NULL: all rows. The
 * fields must not have commas in them. */
double column_sum(const char *dir, const char *file, const char *column, const char *key,
                  const char *value, bool is);

/* To nine digits. */
void expect_near(double found, double expected, const char *what);

#endif
