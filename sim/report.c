/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/report.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem/input.h"
#include "sim/folder.h"
#include "sim/kernel_view.h"
#include "sim/power_report.h"

#define FORMAT        "iaso report"
#define FORMAT_NOW    FORMAT " 1"
#define MAX_FUNCTIONS 200
#define MAX_OLD_SIZE  ((size_t)256 << 20) /* bytes of a report that may be replaced */
#define MAX_PATH      4096

/* ---- Gathering ---------------------------------------------------------------------------- */

static int read_kernel(void *opaque, uint64_t gva, void *buffer, size_t size)
{
    return kernel_view_read(opaque, gva, buffer, size);
}

void report_of_run(struct report *report, const struct summary *summary,
                   const struct recovery_policy *policy)
{
    const struct machine *machine = summary->machine;
    *report = (struct report){
        .config = machine->config->path,
        .end = summary_end_name(summary->end),
        .exit = summary->exit,
        .insns = machine_insns(machine),
        .tasks = machine->tasks,
        .names = {policy, machine->symbols, read_kernel, (void *)machine},
    };
    for (unsigned i = 0; i < machine->hart_count; i++)
        report->cycles += machine->harts[i]->counts.cycles;
}

double software_slowdown(const struct software_event *events, size_t count, uint64_t cycles)
{
    double paid = 0;
    for (size_t i = 0; i < count; i++)
        paid += (double)events[i].count * (double)events[i].cost;
    return cycles ? 1 + paid / (double)cycles : 1;
}

/* ---- Coverage ----------------------------------------------------------------------------- */

static void add_number(cJSON *json, const char *key, uint64_t value)
{
    cJSON_AddNumberToObject(json, key, (double)value);
}

static void add_counts(cJSON *json, const struct account_counts *counts)
{
    add_number(json, "instructions", counts->insns);
    add_number(json, "loads", counts->loads);
    add_number(json, "stores", counts->stores);
}

static void add_share(cJSON *json, const char *key, uint64_t part, uint64_t all)
{
    cJSON_AddNumberToObject(json, key, all ? (double)part / (double)all : 0);
}

static uint64_t accesses(const struct account_counts *counts)
{
    return counts->loads + counts->stores;
}

static cJSON *request_json(const struct report *report, const struct account_row *row,
                           uint64_t kernel)
{
    cJSON *json = cJSON_CreateObject();
    char name[128];
    cJSON_AddStringToObject(json, "kind", request_kind_name(row->where.kind));
    if (row->where.number == ACCOUNT_OTHERS)
        cJSON_AddBoolToObject(json, "others", true);
    else
        add_number(json, "number", row->where.number);
    if (request_name(&report->names, row->where.kind, row->where.number, name, sizeof name) == 0)
        cJSON_AddStringToObject(json, "name", name);
    add_number(json, "domains", row->domains);
    add_counts(json, &row->counts);
    add_share(json, "share", accesses(&row->counts), kernel);
    add_number(json, "log_bytes", row->log_bytes);
    add_number(json, "pages", row->pages);
    add_number(json, "records", row->records);
    return json;
}

static const char *outside_name(enum outside_reason reason)
{
    static const char *const names[] = {
        [OUTSIDE_BOOT] = "boot",
        [OUTSIDE_IDLE] = "idle",
        [OUTSIDE_THREAD] = "thread",
        [OUTSIDE_EXEMPT] = "exempt",
        [OUTSIDE_AFTER_OUTPUT] = "after-output",
        [OUTSIDE_FIRMWARE] = "firmware",
    };
    return names[reason];
}

static cJSON *outside_json(const struct account_row *row, uint64_t kernel)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "reason", outside_name(row->where.reason));
    add_counts(json, &row->counts);
    if (row->where.reason != OUTSIDE_FIRMWARE) /* is no part of the kernel */
        add_share(json, "share", accesses(&row->counts), kernel);
    return json;
}

static cJSON *thread_json(const struct report *report, const struct account_row *row)
{
    cJSON *json = cJSON_CreateObject();
    uint64_t id = row->where.thread;
    char text[32], comm[TASKS_COMM_SIZE];
    int pid;
    if (id == ACCOUNT_OTHERS) {
        cJSON_AddBoolToObject(json, "others", true);
    } else {
        snprintf(text, sizeof text, "0x%" PRIx64, id);
        cJSON_AddStringToObject(json, "id", text);
    }
    if (report->tasks &&
        tasks_name(report->tasks, report->names.read, report->names.opaque, id, comm, &pid) == 0) {
        cJSON_AddStringToObject(json, "name", comm);
        cJSON_AddNumberToObject(json, "pid", pid);
    }
    add_counts(cJSON_AddObjectToObject(json, "inside"), &row->counts);
    add_counts(cJSON_AddObjectToObject(json, "outside"), &row->outside);
    return json;
}

static cJSON *function_json(const struct profile_row *row)
{
    cJSON *json = cJSON_CreateObject();
    if (row->name)
        cJSON_AddStringToObject(json, "name", row->name);
    else
        cJSON_AddNullToObject(json, "name");
    add_counts(cJSON_AddObjectToObject(json, "inside"), &row->inside);
    add_counts(cJSON_AddObjectToObject(json, "outside"), &row->outside);
    return json;
}

static void add_coverage(cJSON *json, const struct report *report)
{
    const struct account *account = report->account;
    const struct account_row *row;
    struct account_counts inside = account_total(account, WHERE_INSIDE);
    struct account_counts outside = account_total(account, WHERE_OUTSIDE);
    struct account_counts user = account_total(account, WHERE_USER);
    uint64_t kernel = accesses(&inside) + accesses(&outside);

    cJSON *totals = cJSON_AddObjectToObject(json, "totals");
    add_counts(cJSON_AddObjectToObject(totals, "inside"), &inside);
    add_counts(cJSON_AddObjectToObject(totals, "outside"), &outside);
    add_counts(cJSON_AddObjectToObject(totals, "user"), &user);
    add_share(totals, "covered_reads", inside.loads, inside.loads + outside.loads);
    add_share(totals, "covered_writes", inside.stores, inside.stores + outside.stores);

    cJSON *rows = cJSON_AddArrayToObject(json, "requests");
    for (size_t i = 0; (row = account_request(account, i)); i++)
        cJSON_AddItemToArray(rows, request_json(report, row, kernel));
    rows = cJSON_AddArrayToObject(json, "outside");
    for (size_t i = 0; (row = account_outside(account, i)); i++)
        cJSON_AddItemToArray(rows, outside_json(row, kernel));
    rows = cJSON_AddArrayToObject(json, "threads");
    for (size_t i = 0; (row = account_thread(account, i)); i++)
        cJSON_AddItemToArray(rows, thread_json(report, row));
}

static void add_functions(cJSON *json, const struct profile *profile)
{
    const struct profile_row *row;
    cJSON *rows = cJSON_AddArrayToObject(json, "functions");
    for (size_t i = 0; i < MAX_FUNCTIONS && (row = profile_row(profile, i)); i++)
        cJSON_AddItemToArray(rows, function_json(row));
}

/* ---- Recovery and overhead ---------------------------------------------------------------- */

static void add_recovery(cJSON *json, const struct recovery_counts *counts)
{
    add_number(json, "faults", counts->faults);
    add_number(json, "recovered", counts->recovered);
    add_number(json, "rolled_back", counts->rolled_back);
    cJSON *refused = cJSON_AddObjectToObject(json, "refused");
    for (int i = 0; i < REFUSED_REASONS; i++)
        add_number(refused, refused_name((enum refused_reason)i), counts->refused[i]);
    add_number(json, "cascades", counts->cascades);
    add_number(json, "cascade_domains", counts->cascade_domains);
    add_number(json, "cascade_max", counts->cascade_max);
}

static void add_software(cJSON *json, const struct report *report)
{
    const struct recovery_counts *counts = report->counts;
    const struct policy_costs *costs = &report->names.policy->costs;
    struct account_counts inside = account_total(report->account, WHERE_INSIDE);
    const struct software_event events[] = {
        {"domain", recovery_domains(counts), costs->domain},
        {"store", inside.stores, costs->store},
        {"load", inside.loads, costs->load},
        {"log_byte", counts->log_bytes, costs->log_byte},
        {"dependency", counts->dependencies, costs->dependency},
        {"commit", counts->committed, costs->commit},
    };
    size_t count = sizeof events / sizeof events[0];
    cJSON_AddNumberToObject(json, "slowdown", software_slowdown(events, count, report->cycles));
    cJSON *rows = cJSON_AddArrayToObject(json, "events");
    for (size_t i = 0; i < count; i++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "event", events[i].name);
        add_number(row, "count", events[i].count);
        add_number(row, "cost", events[i].cost);
        cJSON_AddItemToArray(rows, row);
    }
}

static void add_overhead(cJSON *json, const struct report *report)
{
    const struct recovery_counts *counts = report->counts;
    cJSON *domains = cJSON_AddObjectToObject(json, "domains");
    for (int i = 0; i < REQUEST_KINDS; i++)
        add_number(domains, request_kind_name((enum request_kind)i), counts->domains[i]);
    add_number(json, "committed", counts->committed);
    add_number(json, "aborted", counts->aborted);
    add_number(json, "lingered", counts->lingered);
    add_number(json, "linger_ticks", counts->linger_ticks);
    add_number(json, "max_depth", counts->max_depth);
    add_number(json, "dependencies", counts->dependencies);
    add_number(json, "conflicts", counts->conflicts);
    add_number(json, "shared_pages_peak", counts->shared_pages_peak);
    add_number(json, "log_bytes", counts->log_bytes);
    add_number(json, "log_pages", counts->log_pages);
    add_number(json, "log_records", counts->log_records);
    add_number(json, "log_bytes_peak", counts->log_bytes_peak);
    add_software(cJSON_AddObjectToObject(json, "software"), report);
}

char *report_text(const struct report *report)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "format", FORMAT_NOW);
    cJSON_AddStringToObject(json, "config", report->config);
    cJSON_AddNumberToObject(json, "exit", report->exit);
    cJSON_AddStringToObject(json, "end", report->end);
    add_number(json, "instructions", report->insns);
    add_number(json, "cycles", report->cycles);
    if (report->account)
        add_coverage(cJSON_AddObjectToObject(json, "coverage"), report);
    if (report->profile)
        add_functions(json, report->profile);
    if (report->counts && report->account) {
        add_recovery(cJSON_AddObjectToObject(json, "recovery"), report->counts);
        add_overhead(cJSON_AddObjectToObject(json, "overhead"), report);
    }
    if (report->machine && report->machine->lives)
        cJSON_AddItemToObject(json, "power", power_report(report->machine, true));
    char *text = cJSON_Print(json);
    cJSON_Delete(json);
    return text;
}

/* ---- The file ----------------------------------------------------------------------------- */

/* A report that may be replaced, or nothing at all. */
static int check_old(const char *path, struct error *err)
{
    struct stat st;
    if (lstat(path, &st))
        return errno == ENOENT ? 0 : error_set(err, "%s: %s", path, strerror(errno));
    bool ours = false;
    uint8_t *data;
    size_t size;
    if (S_ISREG(st.st_mode) && input_slurp(path, false, MAX_OLD_SIZE, &data, &size, NULL) == 0) {
        cJSON *json = cJSON_Parse((const char *)data);
        const cJSON *format = cJSON_GetObjectItemCaseSensitive(json, "format");
        ours = cJSON_IsString(format) && strncmp(format->valuestring, FORMAT, strlen(FORMAT)) == 0;
        cJSON_Delete(json);
        free(data);
    }
    if (!ours)
        return error_set(err, "%s: is no report of Iaso's and will not be replaced", path);
    return 0;
}

/* The file under the name that it has until it is whole. */
static FILE *open_new(const char *path, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!file)
        error_set(err, "%s: cannot write the report: %s", path, strerror(errno));
    if (!file && fd >= 0)
        close(fd);
    return file;
}

static void name_files(const char *dir, char path[MAX_PATH], char temporary[MAX_PATH])
{
    snprintf(path, MAX_PATH, "%s/report.json", dir);
    snprintf(temporary, MAX_PATH, "%s/report.json.%ld", dir, (long)getpid());
}

int report_check(const char *dir, struct error *err)
{
    char path[MAX_PATH], temporary[MAX_PATH];
    if (folder_make(dir, err))
        return -1;
    name_files(dir, path, temporary);
    if (check_old(path, err))
        return -1;
    FILE *file = open_new(temporary, err);
    if (!file)
        return -1;
    fclose(file);
    unlink(temporary);
    return 0;
}

int report_write(const struct report *report, const char *dir, struct error *err)
{
    char path[MAX_PATH], temporary[MAX_PATH];
    if (folder_make(dir, err))
        return -1;
    name_files(dir, path, temporary);
    if (check_old(path, err))
        return -1;
    char *text = report_text(report);
    if (!text)
        return error_set(err, "out of memory");
    int result = -1;
    FILE *file = open_new(temporary, err);
    if (file) {
        bool written = fprintf(file, "%s\n", text) >= 0;
        written = fclose(file) == 0 && written;
        if (written && rename(temporary, path) == 0) {
            result = 0;
        } else {
            error_set(err, "%s: cannot write the report: %s", path, strerror(errno));
            unlink(temporary);
        }
    }
    free(text);
    return result;
}
