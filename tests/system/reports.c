/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "tests/system/reports.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void run_report(const char *dir, const char *const arguments[], int code)
{
    const char *all[32];
    size_t count = 0;
    struct run run;
    for (; arguments[count]; count++)
        all[count] = arguments[count];
    all[count++] = "-q";
    all[count++] = "--console";
    all[count++] = "none";
    all[count++] = "--report";
    all[count++] = dir;
    all[count] = NULL;
    run_program(&run, NULL, all);
    cr_assert_eq(run.code, code, "%d: %s", run.code, run.err);
    run_free(&run);
}

cJSON *load_report(const char *dir)
{
    char path[200];
    snprintf(path, sizeof path, "%s/report.json", dir);
    return read_json(path);
}

bool has_file(const char *dir, const char *name)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

char *read_file(const char *dir, const char *name)
{
    char path[300];
    size_t size;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return read_whole(path, &size);
}

void save_report(const char *dir, const cJSON *json)
{
    char path[300], *text = cJSON_Print(json);
    snprintf(path, sizeof path, "%s/report.json", dir);
    FILE *out = fopen(path, "w");
    cr_assert(out && fputs(text, out) >= 0 && !fclose(out));
    free(text);
}

int validate(const char *dir, const char *schema)
{
    char path[200];
    struct run run;
    snprintf(path, sizeof path, "%s/report.json", dir);
    RUN_COMMAND(&run, "jsonschema", "-i", path, schema);
    int code = run.code;
    run_free(&run);
    return code;
}

const char *put_schema(struct place *place)
{
    struct run run;
    RUN(&run, "schema", "report");
    cr_assert_eq(run.code, 0);
    const char *path = place_bytes(place, "schema.json", run.out, run.out_size);
    run_free(&run);
    return path;
}

void expect_same_text(const char *a, const char *b, const char *name)
{
    char *left = read_file(a, name), *right = read_file(b, name);
    cr_expect(!strcmp(left, right), "%s", name);
    free(left);
    free(right);
}

double column_sum(const char *dir, const char *file, const char *column, const char *key,
                  const char *value, bool is)
{
    char *csv = read_file(dir, file), *lines = csv, *line;
    int at = -1, key_at = -1;
    double sum = 0;
    for (int number = 0; (line = strsep(&lines, "\r\n")); number++) {
        bool counts = !key;
        double found = 0;
        char *field;
        for (int i = 0; (field = strsep(&line, ",")); i++) {
            if (number == 0 && !strcmp(field, column))
                at = i;
            if (number == 0 && key && !strcmp(field, key))
                key_at = i;
            if (number > 0 && i == at)
                found = strtod(field, NULL);
            if (number > 0 && i == key_at)
                counts = !strcmp(field, value) == is;
        }
        sum += counts ? found : 0;
    }
    cr_assert(at >= 0 && (!key || key_at >= 0), "%s has no column %s", file, column);
    free(csv);
    return sum;
}

void expect_near(double found, double expected, const char *what)
{
    cr_expect(fabs(found - expected) <= 1e-9 * fabs(expected), "%s: %.17g, expected %.17g", what,
              found, expected);
}
