/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "sim/failures_list.h"

#define MAX_EVENTS 10000

static const char *const role_names[ROLES] = {"failed", "dependent", "later"};

static void add_number(cJSON *json, const char *key, uint64_t number)
{
    cJSON_AddNumberToObject(json, key, (double)number);
}

static void add_thread(cJSON *json, uint64_t thread, const char *task)
{
    char text[32];
    snprintf(text, sizeof text, "0x%" PRIx64, thread);
    cJSON_AddStringToObject(json, "thread", text);
    if (task[0])
        cJSON_AddStringToObject(json, "task", task);
}

/* ---- The summary's events ------------------------------------------------------------------ */

static void add_event(const struct failures *failures, cJSON *array, const struct failure *failure,
                      const struct failure_member *member)
{
    if (cJSON_GetArraySize(array) == MAX_EVENTS)
        return;
    bool refused = failure->reason != REFUSED_REASONS;
    const struct clock *clock = failures->host.clock;
    cJSON *json = cJSON_CreateObject();
    add_number(json, "time_ns", clock_ns(clock, failure->tick));
    add_number(json, "hart", failure->hart);
    cJSON_AddStringToObject(json, "what",
                            refused                         ? "refused"
                            : member && member->is.innocent ? "innocent"
                                                            : "failed");
    cJSON_AddStringToObject(json, "how",
                            refused                      ? refused_name(failure->reason)
                            : member && member->is.error ? "error"
                                                         : "retry");
    if (failure->what)
        cJSON_AddStringToObject(json, "failure", failure->what);
    if (member) {
        add_number(json, "domain", member->is.domain.id);
        cJSON_AddStringToObject(json, "request", request_kind_name(member->is.domain.kind));
        add_number(json, "number", member->is.domain.number);
    }
    add_thread(json, member ? member->is.domain.thread : failure->thread,
               member ? member->task : failure->task);
    cJSON_AddItemToArray(array, json);
}

static const struct failure_member *failed_member(const struct failures *failures,
                                                  const struct failure *failure)
{
    for (size_t i = 0; i < failure->member_count; i++)
        if (failures->members[failure->member + i].is.role == ROLE_FAILED)
            return &failures->members[failure->member + i];
    return NULL;
}

void failures_add_events(const struct failures *failures, cJSON *recovery)
{
    cJSON *array = cJSON_AddArrayToObject(recovery, "events");
    for (size_t i = 0; i < failures->count.all; i++) {
        const struct failure *failure = &failures->all[i];
        if (failure->reason != REFUSED_REASONS)
            add_event(failures, array, failure, failed_member(failures, failure));
        else
            for (size_t k = 0; k < failure->member_count; k++)
                add_event(failures, array, failure, &failures->members[failure->member + k]);
    }
}

/* ---- The report's failures ----------------------------------------------------------------- */

static cJSON *member_json(const struct failures *failures, const struct failure_member *member,
                          const struct request_names *names)
{
    const struct observed_domain *domain = &member->is.domain;
    char name[128];
    cJSON *json = cJSON_CreateObject();
    add_number(json, "id", domain->id);
    if (domain->parent)
        add_number(json, "parent", domain->parent);
    add_thread(json, domain->thread, member->task);
    cJSON_AddStringToObject(json, "request", request_kind_name(domain->kind));
    add_number(json, "number", domain->number);
    if (!request_name(names, domain->kind, domain->number, name, sizeof name))
        cJSON_AddStringToObject(json, "name", name);
    cJSON_AddStringToObject(json, "role", role_names[member->is.role]);
    cJSON_AddBoolToObject(json, "innocent", member->is.innocent);
    if (member->is.entry)
        cJSON_AddStringToObject(json, "goes_back", member->is.error ? "error" : "retry");
    add_number(json, "opened_ns", clock_ns(failures->host.clock, domain->opened));
    add_number(json, "log_bytes", domain->log_bytes);
    return json;
}

static cJSON *failure_json(const struct failures *failures, const struct failure *failure,
                           const struct request_names *names)
{
    bool refused = failure->reason != REFUSED_REASONS;
    const struct failure_member *members = failures->members + failure->member;
    cJSON *json = cJSON_CreateObject();
    add_number(json, "at", failure->at);
    add_number(json, "time_ns", clock_ns(failures->host.clock, failure->tick));
    add_number(json, "hart", failure->hart);
    cJSON_AddStringToObject(json, "failure", failure->what ? failure->what : "unknown");
    add_thread(json, failure->thread, failure->task);
    cJSON_AddStringToObject(json, "outcome",
                            refused          ? "refused"
                            : failure->error ? "error"
                                             : "retry");
    if (refused)
        cJSON_AddStringToObject(json, "reason", refused_name(failure->reason));
    cJSON *array = cJSON_AddArrayToObject(json, "domains");
    for (size_t i = 0; i < failure->member_count; i++)
        cJSON_AddItemToArray(array, member_json(failures, &members[i], names));
    add_number(json, "domains_left_out", failure->members_left_out);
    array = cJSON_AddArrayToObject(json, "edges");
    for (size_t i = 0; i < failure->edge_count; i++) {
        const struct observed_edge *edge = &failures->edges[failure->edge + i];
        const double ids[] = {(double)members[edge->domain].is.domain.id,
                              (double)members[edge->on].is.domain.id};
        cJSON_AddItemToArray(array, cJSON_CreateDoubleArray(ids, 2));
    }
    add_number(json, "edges_left_out", failure->edges_left_out);
    return json;
}

void failures_add_report(const struct failures *failures, const struct request_names *names,
                         cJSON *recovery)
{
    cJSON *array = cJSON_AddArrayToObject(recovery, "failures");
    for (size_t i = 0; i < failures->count.all; i++)
        cJSON_AddItemToArray(array, failure_json(failures, &failures->all[i], names));
    add_number(recovery, "failures_left_out",
               failures->count.totals.failures - failures->count.all);
}
