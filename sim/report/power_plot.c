/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* asprintf() */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/folder.h"
#include "sim/power_report.h"
#include "sim/program.h"
#include "sim/report/gnuplot.h"
#include "sim/report/report_files.h"

/* One picture of those that a report has, with its tables in a folder that goes away again. */

#define SCRIPT "voltage.gp"

/* What gnuplot calls the picture; it draws what the ending says. */
static const char *picture_of(const char *path)
{
    size_t length = strlen(path);
    const char *ending = length > 4 ? path + length - 4 : "";
    return !strcmp(ending, ".svg") ? "voltage.svg" : !strcmp(ending, ".png") ? "voltage.png" : NULL;
}

int power_report_check_plot(const char *path, struct error *err)
{
    if (!picture_of(path))
        return error_set(err, "%s: expected a name that ends in .svg or .png", path);
    return folder_check_file(path, "picture", err);
}

static int copy(const char *from, const char *to, struct error *err)
{
    char buffer[4096];
    size_t length;
    FILE *in = fopen(from, "rb");
    if (!in)
        return error_set(err, "gnuplot drew no picture");
    FILE *out = fopen(to, "wb");
    while (out && (length = fread(buffer, 1, sizeof buffer, in), length > 0))
        fwrite(buffer, 1, length, out);
    int failed = !out || ferror(in) || ferror(out);
    failed |= out && fclose(out);
    fclose(in);
    return failed ? error_set(err, "%s: cannot write the picture: %s", to, strerror(errno)) : 0;
}

static int draw(struct report_dir *dir, const cJSON *report, const char *path, struct error *err)
{
    char *folder = NULL, *picture = NULL;
    int result = 0;
    if (asprintf(&folder, "%s/plots", report_dir_staging(dir)) < 0 ||
        asprintf(&picture, "%s/%s", folder, picture_of(path)) < 0)
        result = error_set(err, "out of memory");
    else if (report_files_put_tables(dir, report, err) || report_scripts_write(dir, report, err) ||
             gnuplot_run(folder, SCRIPT, picture_of(path), PROGRAM_SECONDS, err) ||
             copy(picture, path, err))
        result = -1;
    free(folder);
    free(picture);
    return result;
}

int power_report_plot(const struct machine *machine, const char *path, struct error *err)
{
    const char *place = getenv("TMPDIR");
    char *folder = NULL;
    if (!picture_of(path))
        return error_set(err, "%s: expected a name that ends in .svg or .png", path);
    if (asprintf(&folder, "%s/iaso-XXXXXX", place && *place ? place : "/tmp") < 0)
        return error_set(err, "out of memory");
    if (!mkdtemp(folder)) {
        error_set(err, "%s: cannot make a temporary folder: %s", folder, strerror(errno));
        free(folder);
        return -1;
    }
    cJSON *report = cJSON_CreateObject();
    cJSON_AddItemToObject(report, "power", power_report(machine, true));
    struct report_dir *dir = report_dir_open(folder, false, err);
    int result = dir ? draw(dir, report, path, err) : -1;
    report_dir_free(dir);
    cJSON_Delete(report);
    rmdir(folder);
    free(folder);
    return result;
}
