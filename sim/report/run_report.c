/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/report/run_report.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "sim/report/coverage.h"
#include "sim/report/energy_stacks.h"
#include "sim/report/log_stacks.h"
#include "sim/report/power_vcd.h"
#include "sim/report/report.h"
#include "sim/report/report_dir.h"
#include "sim/report/report_files.h"
#include "sim/report/report_head.h"
#include "sim/report/run_trace.h"

struct run_report {
    struct machine *machine;
    struct report_dir *dir;
    cJSON *json;
    FILE *trace_file;
    struct run_trace *trace;
    double cpu_seconds; /* of the host, before the run */
    char note[REPORT_NOTE_SIZE];
    struct coverage *coverage;
    struct log_stacks *log;       /* NULL: no recovery */
    struct energy_stacks *energy; /* NULL: no energy model */
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

/* ---- Recorders ----------------------------------------------------------------------------- */

static int begin_trace(struct run_report *report, struct error *err)
{
    report->trace_file = report_dir_create(report->dir, "trace.json", err);
    if (report->trace_file)
        report->trace = run_trace_new(report->machine, report->trace_file, err);
    return report->trace ? 0 : -1;
}

static int begin_recorders(struct run_report *report, struct error *err)
{
    err->text[0] = 0;
    if (begin_trace(report, err))
        return -1;
    report->coverage = coverage_new(report->machine, err);
    if (report->coverage)
        report->log = log_stacks_new(report->machine, err);
    if (report->coverage && !err->text[0])
        report->energy = energy_stacks_new(report->machine, err);
    return err->text[0] ? -1 : 0;
}

/* What writes one file of the report from what a recorder knows. */
typedef int (*write_fn)(void *recorder, FILE *out, struct error *err);

static int write_file(struct run_report *report, const char *name, write_fn write, void *recorder,
                      struct error *err)
{
    FILE *out = report_dir_create(report->dir, name, err);
    return out ? report_dir_close(report->dir, out, write(recorder, out, err), err) : -1;
}

static int write_coverage(void *recorder, FILE *out, struct error *err)
{
    return coverage_write(recorder, out, err);
}

static int write_log(void *recorder, FILE *out, struct error *err)
{
    return log_stacks_write(recorder, out, err);
}

static int write_energy(void *recorder, FILE *out, struct error *err)
{
    return energy_stacks_write(recorder, out, err);
}

static int write_waves(void *recorder, FILE *out, struct error *err)
{
    (void)err;
    power_vcd_write(recorder, out);
    return 0;
}

static int end_trace(struct run_report *report, struct error *err)
{
    FILE *trace = report->trace_file;
    report->trace_file = NULL;
    run_trace_finish(report->trace);
    run_trace_add_report(report->trace, report->json);
    return report_dir_close(report->dir, trace, false, err);
}

static int write_recorders(struct run_report *report, struct error *err)
{
    if (end_trace(report, err) ||
        (report->machine->lives &&
         write_file(report, "power.vcd", write_waves, report->machine, err)))
        return -1;
    const char *missing = coverage_missing(report->coverage);
    if (missing)
        cJSON_AddStringToObject(report->json, "sources", missing);
    if (!missing && write_file(report, "coverage.info", write_coverage, report->coverage, err))
        return -1;
    if (report->log && write_file(report, "stacks-log.folded", write_log, report->log, err))
        return -1;
    return report->energy
               ? write_file(report, "stacks-energy.folded", write_energy, report->energy, err)
               : 0;
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
    if (!report->json || begin_recorders(report, err)) {
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
    int result = add_run(report, summary, err) || write_recorders(report, err) ||
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
    run_trace_free(report->trace);
    if (report->trace_file)
        fclose(report->trace_file);
    coverage_free(report->coverage);
    log_stacks_free(report->log);
    energy_stacks_free(report->energy);
    report_dir_free(report->dir);
    cJSON_Delete(report->json);
    free(report);
}
