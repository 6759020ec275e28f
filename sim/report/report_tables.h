/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_REPORT_TABLES_H
#define IASO_SIM_REPORT_TABLES_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>

#include "mem/error.h"

/*
 * A report as CSV tables (RFC 4180), made from its JSON alone. Texts of a guest do no harm: control
 * characters become escapes such as \x0a, and what a spreadsheet would take for a formula begins
 * with an apostrophe.
 */
struct report_table;

/* In a fixed order; NULL at the end. */
const struct report_table *report_table(size_t index);

/* Such as "tables/requests.csv". */
const char *report_table_file(const struct report_table *table);

/* Has the report what the table is of? */
bool report_table_applies(const struct report_table *table, const cJSON *report);

/* Whoever closes the file sees whether all was written. */
int report_table_write(const struct report_table *table, const cJSON *report, FILE *out,
                       struct error *err);

/* One field, quoted if need be; NULL or null is an empty one. */
void csv_put(const cJSON *item, FILE *out);
void csv_put_text(const char *text, FILE *out);

/* A number as in the JSON, in at most 32 bytes. */
const char *csv_number(double number, char text[32]);

#endif
