/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* asprintf() */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/campaign/sweep_finding.h"
#include "sim/report/report_dir.h"

static bool holds(const char *path, const char *text)
{
    size_t length = strlen(text);
    char *found = malloc(length + 2);
    FILE *file = fopen(path, "r");
    bool same = found && file && fread(found, 1, length + 1, file) == length &&
                !memcmp(found, text, length);
    if (file)
        fclose(file);
    free(found);
    return same;
}

static int write_file(void *where, const char *name, const char *text, struct error *err)
{
    const char *directory = where;
    char *path = NULL;
    if (asprintf(&path, "%s/%s", directory, name) < 0)
        return error_set(err, "out of memory");
    FILE *file = fopen(path, "wx");
    int result = 0;
    if (file) {
        bool failed = fputs(text, file) < 0;
        if (fclose(file) || failed) {
            result = error_set(err, "%s: cannot write: %s", path, strerror(errno));
            unlink(path);
        }
    } else if (errno != EEXIST) {
        result = error_set(err, "%s: cannot write: %s", path, strerror(errno));
    } else if (!holds(path, text)) {
        result =
            error_set(err, "%s: is there already, says something else, and is left alone", path);
    }
    free(path);
    return result;
}

static const char *text_of(const struct sweep_group *group, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(group->finding, key));
}

typedef int (*put_fn)(void *where, const char *name, const char *text, struct error *err);

static int put_all(const struct sweep_results *results, put_fn put, void *where, struct error *err)
{
    if (!results->group_count)
        return 0;
    for (size_t i = 0; i < results->group_count; i++) {
        char name[40];
        const char *reproducer = text_of(&results->groups[i], "reproducer");
        snprintf(name, sizeof name, "finding-%zu.json", i + 1);
        if (reproducer && put(where, name, reproducer, err))
            return -1;
    }
    char *text = sweep_results_list(results);
    int result = text ? put(where, "findings.txt", text, err) : error_set(err, "out of memory");
    free(text);
    return result;
}

int sweep_findings_write(const struct sweep_results *results, const char *directory,
                         struct error *err)
{
    if (results->group_count && mkdir(directory, 0777) && errno != EEXIST)
        return error_set(err, "%s: cannot make the directory: %s", directory, strerror(errno));
    return put_all(results, write_file, (void *)directory, err);
}

static int put_in_report(void *where, const char *name, const char *text, struct error *err)
{
    return report_dir_put(where, name, text, err);
}

int sweep_findings_report(struct store *store, struct report_dir *dir, struct error *err)
{
    struct sweep_results results;
    int result = sweep_results_load(&results, store, err);
    sweep_results_unite(&results);
    if (result == 0)
        result = put_all(&results, put_in_report, dir, err);
    sweep_results_free(&results);
    return result;
}
