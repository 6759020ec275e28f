/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/report/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/attach.h"

#define MAX_FUNCTIONS 200

/* ---- Gathering ---------------------------------------------------------------------------- */

void report_of_run(struct report *report, const struct machine *machine)
{
    *report = (struct report){
        .tasks = machine->tasks,
        .names = attach_request_names(machine),
        .counts = machine->recovery ? recovery_counts(machine->recovery) : NULL,
        .account = machine->recovery ? recovery_account(machine->recovery) : NULL,
        .failures = machine->failures,
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

/* ---- Workloads: threads of one name ---- */

struct workload {
    const char *name; /* NULL: threads of no known name */
    uint64_t threads;
    struct account_counts inside, outside;
};

struct workloads {
    struct workload *all;
    size_t count;
};

static struct workload *workload_of(struct workloads *workloads, const char *name)
{
    for (size_t i = 0; i < workloads->count; i++) {
        const char *other = workloads->all[i].name;
        if (name == other || (name && other && !strcmp(name, other)))
            return &workloads->all[i];
    }
    struct workload *all = realloc(workloads->all, (workloads->count + 1) * sizeof *all);
    if (!all)
        return NULL;
    workloads->all = all;
    all[workloads->count] = (struct workload){.name = name};
    return &all[workloads->count++];
}

static void sum(struct account_counts *counts, const struct account_counts *more)
{
    counts->insns += more->insns;
    counts->loads += more->loads;
    counts->stores += more->stores;
}

/* Most reads and writes first, then by name. */
static int by_accesses(const void *left, const void *right)
{
    const struct workload *a = left, *b = right;
    uint64_t most = accesses(&a->inside) + accesses(&a->outside);
    uint64_t other = accesses(&b->inside) + accesses(&b->outside);
    if (most != other)
        return most > other ? -1 : 1;
    return strcmp(a->name ? a->name : "", b->name ? b->name : "");
}

static cJSON *workload_json(const struct workload *workload, uint64_t kernel)
{
    cJSON *json = cJSON_CreateObject();
    const struct account_counts *inside = &workload->inside, *outside = &workload->outside;
    if (workload->name)
        cJSON_AddStringToObject(json, "name", workload->name);
    else
        cJSON_AddNullToObject(json, "name");
    add_number(json, "threads", workload->threads);
    add_share(json, "share", accesses(inside) + accesses(outside), kernel);
    add_share(json, "covered_reads", inside->loads, inside->loads + outside->loads);
    add_share(json, "covered_writes", inside->stores, inside->stores + outside->stores);
    add_counts(cJSON_AddObjectToObject(json, "inside"), inside);
    add_counts(cJSON_AddObjectToObject(json, "outside"), outside);
    return json;
}

/* `threads` is the JSON of the account's threads, in order. */
static void add_workloads(cJSON *json, const struct account *account, const cJSON *threads,
                          uint64_t kernel)
{
    struct workloads workloads = {0};
    const struct account_row *row;
    const cJSON *thread = threads->child;
    for (size_t i = 0; thread && (row = account_thread(account, i)); i++) {
        const cJSON *name = cJSON_GetObjectItemCaseSensitive(thread, "name");
        struct workload *workload = workload_of(&workloads, cJSON_GetStringValue(name));
        if (workload) {
            workload->threads++;
            sum(&workload->inside, &row->counts);
            sum(&workload->outside, &row->outside);
        }
        thread = thread->next;
    }
    if (workloads.count)
        qsort(workloads.all, workloads.count, sizeof *workloads.all, by_accesses);
    cJSON *rows = cJSON_AddArrayToObject(json, "workloads");
    for (size_t i = 0; i < workloads.count; i++)
        cJSON_AddItemToArray(rows, workload_json(&workloads.all[i], kernel));
    free(workloads.all);
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
    add_workloads(json, account, rows, kernel);
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

static void add_functions(cJSON *json, const struct profile *profile)
{
    const struct profile_row *row;
    struct account_counts inside = {0}, outside = {0};
    size_t left_out = 0;
    cJSON *rows = cJSON_AddArrayToObject(json, "functions");
    for (size_t i = 0; (row = profile_row(profile, i)); i++) {
        if (i < MAX_FUNCTIONS) {
            cJSON_AddItemToArray(rows, function_json(row));
            continue;
        }
        left_out++;
        sum(&inside, &row->inside);
        sum(&outside, &row->outside);
    }
    cJSON *rest = cJSON_AddObjectToObject(json, "functions_left_out");
    add_number(rest, "count", left_out);
    add_counts(cJSON_AddObjectToObject(rest, "inside"), &inside);
    add_counts(cJSON_AddObjectToObject(rest, "outside"), &outside);
}

/* ---- Overhead ------------------------------------------------------------------------------ */

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
        cJSON_AddNumberToObject(row, "cycles", (double)events[i].count * (double)events[i].cost);
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

void report_add(const struct report *report, cJSON *json)
{
    add_number(json, "cycles", report->cycles);
    if (report->account)
        add_coverage(cJSON_AddObjectToObject(json, "coverage"), report);
    if (report->profile)
        add_functions(json, report->profile);
    if (report->counts && report->account)
        add_overhead(cJSON_AddObjectToObject(json, "overhead"), report);
    if (report->failures)
        failures_add_report(report->failures, &report->names,
                            cJSON_GetObjectItemCaseSensitive(json, "recovery"));
}
