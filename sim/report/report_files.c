/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/report/report_files.h"

#include <stdlib.h>

#include "sim/json.h"
#include "sim/report/report_answer.h"
#include "sim/report/report_html.h"
#include "sim/report/report_tables.h"

int report_files_put_json(struct report_dir *dir, const char *name, const cJSON *json,
                          struct error *err)
{
    char *text = cJSON_Print(json);
    if (!text)
        return error_set(err, "out of memory");
    FILE *out = report_dir_create(dir, name, err);
    if (out)
        fprintf(out, "%s\n", text);
    free(text);
    return out ? report_dir_close(dir, out, false, err) : -1;
}

int report_files_put_tables(struct report_dir *dir, const cJSON *report, struct error *err)
{
    const struct report_table *table;
    for (size_t i = 0; (table = report_table(i)); i++) {
        if (!report_table_applies(table, report))
            continue;
        FILE *out = report_dir_create(dir, report_table_file(table), err);
        if (!out || report_dir_close(dir, out, report_table_write(table, report, out, err), err))
            return -1;
    }
    return 0;
}

int report_files_derive(struct report_dir *dir, const cJSON *report, const cJSON *host,
                        char note[REPORT_NOTE_SIZE], struct error *err)
{
    const struct report_extras extras = {
        .dir = report_dir_staging(dir), .also = report_dir_path(dir), .host = host};
    note[0] = 0;
    if (report_files_put_tables(dir, report, err) || report_scripts_write(dir, report, err))
        return -1;
    report_plots_draw(dir, report, note);
    FILE *out = report_dir_create(dir, "report.html", err);
    return out ? report_dir_close(dir, out, report_html_write(report, &extras, out, err), err) : -1;
}

static int answer(cJSON *report, struct error *err)
{
    cJSON *sentences = report_answer(report);
    if (sentences && cJSON_ReplaceItemInObjectCaseSensitive(report, "answer", sentences))
        return 0;
    cJSON_Delete(sentences);
    return error_set(err, "out of memory");
}

int report_files_write(struct report_dir *dir, cJSON *report, const cJSON *host,
                       char note[REPORT_NOTE_SIZE], struct error *err)
{
    const cJSON *configuration = cJSON_GetObjectItemCaseSensitive(report, "configuration");
    json_clean(report);
    if (answer(report, err) || report_files_put_json(dir, "report.json", report, err) ||
        (configuration && report_files_put_json(dir, "config.json", configuration, err)) ||
        (host && report_files_put_json(dir, "host.json", host, err)))
        return -1;
    return report_files_derive(dir, report, host, note, err);
}
