/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* asprintf() */
#include "sim/report/report_command.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/json.h"
#include "sim/report/report_compare.h"
#include "sim/report/report_files.h"
#include "sim/report/report_head.h"
#include "sim/report/report_html.h"
#include "sim/report/report_read.h"

/* What the run cost its host; NULL if that is not known. */
static cJSON *load_host(const char *dir)
{
    char *name = NULL;
    if (asprintf(&name, "%s/host.json", dir) < 0)
        return NULL;
    cJSON *host = json_parse_file(name, NULL);
    free(name);
    return host;
}

/* ---- Several reports ----------------------------------------------------------------------- */

static int put_comparison(struct report_dir *dir, const cJSON *comparison, struct error *err)
{
    FILE *out = report_dir_create(dir, "compare.csv", err);
    if (!out)
        return -1;
    report_compare_csv(comparison, out);
    if (report_dir_close(dir, out, false, err))
        return -1;
    out = report_dir_create(dir, "compare.html", err);
    return out ? report_dir_close(dir, out, compare_html_write(comparison, out, err), err) : -1;
}

/* A comparison does not replace what it compares. */
static int check_apart(const struct options *options, struct error *err)
{
    struct stat output, operand;
    for (size_t i = 0; i < options->operand_count; i++)
        if (stat(options->output, &output) == 0 && stat(options->operands[i], &operand) == 0 &&
            output.st_dev == operand.st_dev && output.st_ino == operand.st_ino)
            return error_set(err, "%s: expected another folder than those to compare",
                             options->output);
    return 0;
}

static int write_comparison(const struct options *options, const cJSON *comparison,
                            struct error *err)
{
    struct report_dir *dir = report_dir_open(options->output, options->force, err);
    int result = !dir || report_files_put_json(dir, "report.json", comparison, err) ||
                         put_comparison(dir, comparison, err) || report_dir_commit(dir, err)
                     ? -1
                     : 0;
    report_dir_free(dir);
    return result;
}

static int show(const struct options *options, const struct compared *all, struct error *err)
{
    struct screen screen;
    cJSON *comparison = report_compare(all, options->operand_count);
    int result = comparison ? 0 : error_set(err, "out of memory");
    if (!result && options->output)
        result = write_comparison(options, comparison, err);
    screen_open(&screen, stdout);
    if (!result)
        report_compare_print(comparison, &screen);
    if (!result && (fflush(stdout) || ferror(stdout)))
        result = error_set(err, "cannot write to standard output");
    cJSON_Delete(comparison);
    return result;
}

static int compare(const struct options *options, struct error *err)
{
    size_t count = options->operand_count;
    struct compared *all = calloc(count, sizeof *all);
    int result = all ? 0 : error_set(err, "out of memory");
    if (!result && options->output)
        result = check_apart(options, err);
    for (size_t i = 0; i < count && !result; i++) {
        all[i].name = options->operands[i];
        all[i].report = report_load(all[i].name, err);
        result = all[i].report ? 0 : -1;
        const char *kind = report_string_or(all[i].report, "kind", "");
        if (!result && !strcmp(kind, "comparison"))
            result = error_set(err,
                               "%s: expected the report of a run or a campaign, found a "
                               "comparison",
                               all[i].name);
        all[i].host = load_host(all[i].name);
    }
    if (!result)
        result = show(options, all, err);
    for (size_t i = 0; all && i < count; i++) {
        cJSON_Delete((cJSON *)all[i].report);
        cJSON_Delete((cJSON *)all[i].host);
    }
    free(all);
    return result;
}

/* ---- One report ---------------------------------------------------------------------------- */

static int derive(struct report_dir *dir, const char *path, const cJSON *report, struct error *err)
{
    char note[REPORT_NOTE_SIZE] = "";
    if (!strcmp(report_string_or(report, "kind", ""), "comparison"))
        return put_comparison(dir, report, err);
    cJSON *host = load_host(path);
    int result = report_files_derive(dir, report, host, note, err);
    cJSON_Delete(host);
    if (!result && note[0]) {
        struct error message;
        error_set(&message, "%s", note);
        complain(&message, 0);
    }
    return result;
}

static int rebuild(const char *path, struct error *err)
{
    cJSON *report = report_load(path, err);
    if (!report)
        return -1;
    struct report_dir *dir = report_dir_reopen(path, err);
    int result = !dir || derive(dir, path, report, err) || report_dir_commit(dir, err) ? -1 : 0;
    report_dir_free(dir);
    cJSON_Delete(report);
    return result;
}

int report_command(const struct options *options)
{
    struct error err = {""};
    int result;
    if (options->operand_count > 1)
        result = compare(options, &err);
    else if (options->output || options->force)
        result = error_set(&err, "report: expected --output and --force with several reports only");
    else
        result = rebuild(options->operands[0], &err);
    return result ? complain(&err, EXIT_USAGE) : EXIT_AS_EXPECTED;
}
