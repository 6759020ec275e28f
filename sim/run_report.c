/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/run_report.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "sim/report.h"
#include "sim/report_dir.h"
#include "sim/report_files.h"
#include "sim/report_head.h"

struct run_report {
    struct machine *machine;
    struct report_dir *dir;
    cJSON *json;
    double cpu_seconds; /* of the host, before the run */
    char note[REPORT_NOTE_SIZE];
};

/* ---- The host ------------------------------------------------------------------------------ */

static double seconds_of(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec * 1e-6;
}

static double cpu_seconds(const struct rusage *usage)
{
    return seconds_of(&usage->ru_utime) + seconds_of(&usage->ru_stime);
}

/* What the run cost this host: the one thing in a report that is another each time. */
static cJSON *host_json(const struct run_report *report)
{
    struct rusage usage;
    cJSON *json = cJSON_CreateObject();
    getrusage(RUSAGE_SELF, &usage);
    double seconds = cpu_seconds(&usage) - report->cpu_seconds;
    cJSON_AddStringToObject(json, "format", "iaso host 1");
    cJSON_AddNumberToObject(json, "cpu_seconds", seconds);
    if (seconds > 0)
        cJSON_AddNumberToObject(json, "instructions_per_second",
                                (double)machine_insns(report->machine) / seconds);
    cJSON_AddNumberToObject(json, "peak_rss_bytes", (double)usage.ru_maxrss * 1024);
    return json;
}

/* ---- The run ------------------------------------------------------------------------------- */

struct run_report *run_report_begin(const struct options *options, struct machine *machine,
                                    struct error *err)
{
    struct run_report *report = calloc(1, sizeof *report);
    struct rusage usage;
    if (!report) {
        error_set(err, "out of memory");
        return NULL;
    }
    report->machine = machine;
    report->dir = report_dir_open(machine->config->report.dir, options->force, err);
    if (report->dir)
        report->json = report_head(options->command == COMMAND_INJECT ? "inject" : "run", options,
                                   machine->config, err);
    if (!report->json) {
        run_report_free(report);
        return NULL;
    }
    getrusage(RUSAGE_SELF, &usage);
    report->cpu_seconds = cpu_seconds(&usage);
    return report;
}

static int add_run(struct run_report *report, const struct summary *summary, struct error *err)
{
    const struct machine *machine = report->machine;
    struct report shown;
    struct profile *profile = machine->config->recovery.by_function && machine->recovery
                                  ? profile_new(machine->symbols)
                                  : NULL;
    int result = 0;
    for (unsigned i = 0; profile && i < machine->hart_count && !result; i++)
        if (profile_add_hart(profile, machine->harts[i]))
            result = error_set(err, "out of memory");
    if (profile)
        profile_sort(profile);
    report_of_run(&shown, machine);
    shown.profile = profile;
    summary_add(summary, true, report->json);
    report_add(&shown, report->json);
    profile_free(profile);
    return result;
}

int run_report_end(struct run_report *report, const struct summary *summary, struct error *err)
{
    cJSON *host = host_json(report);
    int result = add_run(report, summary, err) ||
                         report_files_write(report->dir, report->json, host, report->note, err) ||
                         report_dir_commit(report->dir, err)
                     ? -1
                     : 0;
    cJSON_Delete(host);
    return result;
}

const char *run_report_note(const struct run_report *report)
{
    return report->note;
}

void run_report_free(struct run_report *report)
{
    if (!report)
        return;
    report_dir_free(report->dir);
    cJSON_Delete(report->json);
    free(report);
}
