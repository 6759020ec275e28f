/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* asprintf() */
#include "sim/report/report_plots.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/embed.h"
#include "sim/program.h"
#include "sim/report/gnuplot.h"
#include "sim/report/report_cascades.h"
#include "sim/report/report_tables.h"

EMBED("sim/report/plots/style.gp", plot_style);
EMBED("sim/report/plots/coverage.gp", plot_coverage);
EMBED("sim/report/plots/requests.gp", plot_requests);
EMBED("sim/report/plots/outside.gp", plot_outside);
EMBED("sim/report/plots/overhead.gp", plot_overhead);
EMBED("sim/report/plots/failures.gp", plot_failures);
EMBED("sim/report/plots/voltage.gp", plot_voltage);
EMBED("sim/report/plots/power.gp", plot_power);
EMBED("sim/report/plots/energy.gp", plot_energy);
EMBED("sim/report/plots/functions.gp", plot_functions);
EMBED("sim/report/plots/wear.gp", plot_wear);
EMBED("sim/report/plots/cuts.gp", plot_cuts);
EMBED("sim/report/plots/outcomes.gp", plot_outcomes);

/* Made if the report has that table, and has not the other. */
static const struct plot {
    const char *file, *text, *table, *unless;
} plots[] = {
    {"plots/style.gp", plot_style, "tables/totals.csv", NULL},
    {"plots/coverage.gp", plot_coverage, "tables/workloads.csv", NULL},
    {"plots/requests.gp", plot_requests, "tables/requests.csv", NULL},
    {"plots/outside.gp", plot_outside, "tables/outside.csv", NULL},
    {"plots/overhead.gp", plot_overhead, "tables/overhead.csv", NULL},
    {"plots/failures.gp", plot_failures, "tables/failures.csv", NULL},
    {"plots/voltage.gp", plot_voltage, "tables/voltage.csv", NULL},
    {"plots/voltage.gp", plot_power, "tables/lives.csv", "tables/voltage.csv"},
    {"plots/energy.gp", plot_energy, "tables/energy-causes.csv", NULL},
    {"plots/functions.gp", plot_functions, "tables/energy-functions.csv", NULL},
    {"plots/wear.gp", plot_wear, "tables/wear.csv", NULL},
    {"plots/cuts.gp", plot_cuts, "tables/cuts.csv", NULL},
    {"plots/outcomes.gp", plot_outcomes, "tables/outcomes.csv", NULL},
};

#define PLOTS (sizeof plots / sizeof *plots)

static bool has_table(const cJSON *report, const char *file)
{
    const struct report_table *table;
    for (size_t i = 0; (table = report_table(i)); i++)
        if (!strcmp(report_table_file(table), file))
            return report_table_applies(table, report);
    return false;
}

static bool applies(const struct plot *plot, const cJSON *report)
{
    return has_table(report, plot->table) && !(plot->unless && has_table(report, plot->unless));
}

static int put_script(struct report_dir *dir, const struct plot *plot, struct error *err)
{
    int kept = report_dir_keep(dir, plot->file, err);
    return kept ? kept : report_dir_put(dir, plot->file, plot->text, err);
}

static int put_cascades(struct report_dir *dir, const cJSON *report, struct error *err)
{
    static const char name[] = "plots/cascades.dot";
    int kept = report_dir_keep(dir, name, err);
    if (kept)
        return kept;
    FILE *out = report_dir_create(dir, name, err);
    if (out)
        report_cascades_write(report, out);
    return out ? report_dir_close(dir, out, false, err) : -1;
}

int report_scripts_write(struct report_dir *dir, const cJSON *report, struct error *err)
{
    for (size_t i = 0; i < PLOTS; i++) {
        if (applies(&plots[i], report) && put_script(dir, &plots[i], err) < 0)
            return -1;
    }
    return report_cascades_apply(report) && put_cascades(dir, report, err) < 0 ? -1 : 0;
}

static void complain(char note[REPORT_NOTE_SIZE], const struct error *err)
{
    size_t length = strlen(note);
    snprintf(note + length, REPORT_NOTE_SIZE - length, "%s%.130s",
             length ? "; " : "the report lacks pictures: ", err->text);
}

/* What the program has begun. */
static void remove_picture(const struct report_dir *dir, const char *script)
{
    char *name = NULL;
    int length = (int)(strchr(script, '.') - script);
    if (asprintf(&name, "%s/%.*s.svg", report_dir_staging(dir), length, script) >= 0)
        unlink(name);
    free(name);
}

void report_plots_draw(struct report_dir *dir, const cJSON *report, char note[REPORT_NOTE_SIZE])
{
    struct error err;
    char *folder = NULL;
    if (asprintf(&folder, "%s/plots", report_dir_staging(dir)) < 0)
        return;
    int result = 0;
    for (size_t i = 0; i < PLOTS && result >= 0; i++) {
        if (plots[i].text == plot_style || !applies(&plots[i], report))
            continue;
        result = gnuplot_run(folder, strchr(plots[i].file, '/') + 1, NULL, PROGRAM_SECONDS, &err);
        if (result)
            complain(note, &err);
        if (result > 0)
            remove_picture(dir, plots[i].file);
    }
    if (report_cascades_apply(report) && (result = report_cascades_draw(folder, &err))) {
        complain(note, &err);
        if (result > 0)
            remove_picture(dir, "plots/cascades.dot");
    }
    free(folder);
}
