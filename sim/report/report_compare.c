/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/report/report_compare.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sim/report/report_head.h"
#include "sim/report/report_read.h"

#define MAX_PATH_SIZE 256

/* What is compared. A path that begins with "host." leads into host.json; "*" is each member there
 * is in any report, and "+" the sum of all members. */
static const struct {
    const char *group, *name, *path;
} numbers[] = {
    {"run", "instructions", "instructions"},
    {"run", "cycles", "cycles"},
    {"run", "virtual time (ns)", "virtual_time_ns"},
    {"run", "reboots", "reboots"},
    {"run", "console bytes", "console_bytes"},
    {"coverage", "reads covered (share)", "coverage.totals.covered_reads"},
    {"coverage", "writes covered (share)", "coverage.totals.covered_writes"},
    {"coverage", "reads inside", "coverage.totals.inside.loads"},
    {"coverage", "writes inside", "coverage.totals.inside.stores"},
    {"coverage", "reads outside", "coverage.totals.outside.loads"},
    {"coverage", "writes outside", "coverage.totals.outside.stores"},
    {"recovery", "failures", "recovery.faults"},
    {"recovery", "recovered", "recovery.recovered"},
    {"recovery", "refused", "recovery.refused.+"},
    {"recovery", "domains rolled back", "recovery.rolled_back"},
    {"recovery", "cascades", "recovery.cascades"},
    {"recovery", "domains in the largest cascade", "recovery.cascade_max"},
    {"overhead", "domains", "overhead.domains.+"},
    {"overhead", "committed", "overhead.committed"},
    {"overhead", "lingered", "overhead.lingered"},
    {"overhead", "dependencies", "overhead.dependencies"},
    {"overhead", "log bytes", "overhead.log_bytes"},
    {"overhead", "log records", "overhead.log_records"},
    {"overhead", "log bytes at a time", "overhead.log_bytes_peak"},
    {"overhead", "slowdown (model)", "overhead.software.slowdown"},
    {"host", "CPU seconds", "host.cpu_seconds"},
    {"host", "peak memory (bytes)", "host.peak_rss_bytes"},
    {"power", "lives", "power.lives"},
    {"power", "power cuts", "power.cuts"},
    {"power", "brown-outs", "power.brown_outs"},
    {"power", "torn stores", "power.torn"},
    {"power", "time on (ns)", "power.on_time_ns"},
    {"power", "time off (ns)", "power.off_time_ns"},
    {"power", "progress", "power.progress"},
    {"power", "instructions lost", "power.lost_instructions"},
    {"energy", "total (nJ)", "power.energy_nj.total"},
    {"energy", "useful (nJ)", "power.energy_nj.useful"},
    {"energy", "logging (nJ)", "power.energy_nj.logging"},
    {"energy", "recovery (nJ)", "power.energy_nj.recovery"},
    {"energy", "lost (nJ)", "power.energy_nj.lost"},
    {"energy", "sleep (nJ)", "power.energy_nj.sleep"},
    {"memory", "reads", "power.nvm.reads"},
    {"memory", "writes", "power.nvm.writes"},
    {"memory", "bytes written", "power.nvm.written_bytes"},
    {"memory", "writes to the medium", "power.nvm.medium_writes"},
    {"memory", "writes of the most worn line", "power.nvm.wear.max"},
    {"memory", "writes of a line, on average", "power.nvm.wear.mean"},
    {"counters", "%s", "power.counters.*.hits"},
    {"counters", "%s (sum)", "power.counters.*.sum"},
    {"sweep", "cut points", "sweep.points"},
    {"sweep", "distinct crash states", "sweep.distinct_states"},
    {"sweep", "distinct recovered states", "sweep.recovered_states"},
    {"sweep", "runs to the end", "sweep.runs"},
    {"sweep", "failures", "sweep.failures"},
    {"sweep", "lost", "sweep.lost"},
    {"campaign", "faults drawn", "campaign.drawn"},
    {"campaign", "survived (share), recovery %s", "campaign.recovery.*.survived.share"},
    {"campaign", "recovered (share), recovery %s", "campaign.recovery.*.outcomes.recovered.share"},
    {"campaign", "kernel dead (share), recovery %s",
     "campaign.recovery.*.outcomes.kernel-dead.share"},
};

static const struct {
    const char *name, *path;
} hashes[] = {
    {"config and inputs", "digest"},
    {"console", "console_sha256"},
    {"memory", "memory_sha256"},
    {"non-volatile memory", "power.nvm.sha256"},
};

/* ---- Numbers ------------------------------------------------------------------------------- */

static const cJSON *value_of(const struct compared *report, const char *path)
{
    return strncmp(path, "host.", 5) ? report_at(report->report, path)
                                     : report_at(report->host, path + 5);
}

static cJSON *number_of(const struct compared *report, const char *path)
{
    char parent[MAX_PATH_SIZE];
    size_t length = strlen(path);
    const cJSON *value;
    if (path[length - 1] == '+') {
        snprintf(parent, sizeof parent, "%.*s", (int)length - 2, path);
        value = value_of(report, parent);
        return value ? cJSON_CreateNumber(report_sum(value, "")) : cJSON_CreateNull();
    }
    value = value_of(report, path);
    return cJSON_IsNumber(value) ? cJSON_CreateNumber(value->valuedouble) : cJSON_CreateNull();
}

static void add_row(cJSON *rows, const struct compared *all, size_t count, const char *group,
                    const char *name, const char *path)
{
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "group", group);
    cJSON_AddStringToObject(row, "name", name);
    cJSON_AddStringToObject(row, "path", path);
    cJSON *values = cJSON_AddArrayToObject(row, "values");
    cJSON *ratios = cJSON_AddArrayToObject(row, "ratios");
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        cJSON *value = number_of(&all[i], path);
        double first = i ? report_number_or(values->child, "", 0) : value->valuedouble;
        bool is_ratio = cJSON_IsNumber(value) && first != 0;
        cJSON_AddItemToArray(values, value);
        cJSON_AddItemToArray(ratios, is_ratio ? cJSON_CreateNumber(value->valuedouble / first)
                                              : cJSON_CreateNull());
        any |= cJSON_IsNumber(value);
    }
    if (any)
        cJSON_AddItemToArray(rows, row);
    else
        cJSON_Delete(row);
}

/* Do the reports before the `end`th have the member? */
static bool seen(const struct compared *all, size_t end, const char *parent, const char *name)
{
    for (size_t i = 0; i < end; i++)
        if (cJSON_GetObjectItemCaseSensitive(value_of(&all[i], parent), name))
            return true;
    return false;
}

/* A row for each member, in any report, of what is before the "*". Names are the user's: only the
 * schema's, which have neither "." nor "%". */
static void add_members(cJSON *rows, const struct compared *all, size_t count, size_t which)
{
    const char *path = numbers[which].path, *star = strchr(path, '*');
    const char *format = numbers[which].name, *hole = strstr(format, "%s");
    char parent[80], name[MAX_PATH_SIZE], full[MAX_PATH_SIZE];
    snprintf(parent, sizeof parent, "%.*s", (int)(star - path) - 1, path);
    for (size_t i = 0; i < count; i++) {
        const cJSON *member, *object = value_of(&all[i], parent);
        cJSON_ArrayForEach(member, object)
        {
            if (!member->string || seen(all, i, parent, member->string))
                continue;
            snprintf(name, sizeof name, "%.*s%.100s%s", (int)(hole - format), format,
                     member->string, hole + 2);
            snprintf(full, sizeof full, "%s.%.100s%s", parent, member->string, star + 1);
            add_row(rows, all, count, numbers[which].group, name, full);
        }
    }
}

/* ---- Configurations ------------------------------------------------------------------------ */

struct differences {
    cJSON *list;
    size_t count; /* of the reports */
};

static void add_difference(struct differences *differences, const char *path,
                           const cJSON *const *values)
{
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "path", path);
    cJSON *texts = cJSON_AddArrayToObject(row, "values");
    for (size_t i = 0; i < differences->count; i++) {
        char *text = values[i] ? cJSON_PrintUnformatted(values[i]) : NULL;
        cJSON_AddItemToArray(texts, text ? cJSON_CreateString(text) : cJSON_CreateNull());
        free(text);
    }
    cJSON_AddItemToArray(differences->list, row);
}

/* As cJSON_Compare(), whose time doubles with each level of objects. */
static bool same(const cJSON *a, const cJSON *b)
{
    const cJSON *member;
    if (!cJSON_IsObject(a) && !cJSON_IsArray(a))
        return cJSON_Compare(a, b, true);
    if (!b || (a->type & 0xff) != (b->type & 0xff) ||
        cJSON_GetArraySize(a) != cJSON_GetArraySize(b))
        return false;
    const cJSON *other = b->child;
    cJSON_ArrayForEach(member, a)
    {
        if (!same(member,
                  member->string ? cJSON_GetObjectItemCaseSensitive(b, member->string) : other))
            return false;
        other = other->next;
    }
    return true;
}

static void differ(struct differences *differences, const char *path, const cJSON *const *values);

static void differ_in(struct differences *differences, const char *path, const cJSON *const *values,
                      const char *name, int index)
{
    const cJSON **members = calloc(differences->count, sizeof *members);
    char below[MAX_PATH_SIZE];
    if (!members)
        return;
    if (name)
        snprintf(below, sizeof below, "%.150s%s%.100s", path, *path ? "." : "", name);
    else
        snprintf(below, sizeof below, "%.200s[%d]", path, index);
    for (size_t i = 0; i < differences->count; i++)
        members[i] = name ? cJSON_GetObjectItemCaseSensitive(values[i], name)
                          : cJSON_GetArrayItem(values[i], index);
    differ(differences, below, members);
    free(members);
}

/* Where not all values are equal; in objects and arrays, where in them. */
static void differ(struct differences *differences, const char *path, const cJSON *const *values)
{
    bool equal = true, objects = true, arrays = true;
    int most = 0;
    for (size_t i = 0; i < differences->count; i++) {
        equal &= values[i] == values[0] || same(values[i], values[0]);
        objects &= (bool)cJSON_IsObject(values[i]);
        arrays &= (bool)cJSON_IsArray(values[i]);
        int size = cJSON_GetArraySize(values[i]);
        most = size > most ? size : most;
    }
    if (equal)
        return;
    if (!objects && !arrays)
        add_difference(differences, path, values);
    for (int i = 0; arrays && i < most; i++)
        differ_in(differences, path, values, NULL, i);
    for (size_t i = 0; objects && i < differences->count; i++) {
        const cJSON *member;
        cJSON_ArrayForEach(member, values[i])
        {
            bool before = false;
            for (size_t k = 0; k < i; k++)
                before |= cJSON_GetObjectItemCaseSensitive(values[k], member->string) != NULL;
            if (!before)
                differ_in(differences, path, values, member->string, 0);
        }
    }
}

static void add_differences(cJSON *json, const struct compared *all, size_t count)
{
    struct differences differences = {cJSON_AddArrayToObject(json, "differences"), count};
    const cJSON **values = calloc(count, sizeof *values);
    for (size_t i = 0; values && i < count; i++)
        values[i] = report_at(all[i].report, "configuration");
    if (values)
        differ(&differences, "", values);
    free(values);
}

/* ---- All ----------------------------------------------------------------------------------- */

static void add_heads(cJSON *json, const struct compared *all, size_t count)
{
    static const char *const keys[] = {"kind",   "config", "command", "iaso",
                                       "engine", "end",    "failure", "digest"};
    cJSON *reports = cJSON_AddArrayToObject(json, "reports");
    for (size_t i = 0; i < count; i++) {
        cJSON *report = cJSON_CreateObject();
        cJSON_AddStringToObject(report, "name", all[i].name);
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            if (report_string(all[i].report, keys[k]))
                cJSON_AddStringToObject(report, keys[k], report_string(all[i].report, keys[k]));
        cJSON_AddItemToArray(reports, report);
    }
}

static void add_hashes(cJSON *json, const struct compared *all, size_t count)
{
    cJSON *array = cJSON_AddArrayToObject(json, "hashes");
    for (size_t k = 0; k < sizeof hashes / sizeof *hashes; k++) {
        const char *first = report_string(all[0].report, hashes[k].path);
        bool equal = first, any = first;
        cJSON *row = cJSON_CreateObject(), *values = cJSON_CreateArray();
        for (size_t i = 0; i < count; i++) {
            const char *hash = report_string(all[i].report, hashes[k].path);
            equal &= hash && first && !strcmp(hash, first);
            any |= hash != NULL;
            cJSON_AddItemToArray(values, hash ? cJSON_CreateString(hash) : cJSON_CreateNull());
        }
        cJSON_AddStringToObject(row, "name", hashes[k].name);
        cJSON_AddBoolToObject(row, "equal", equal);
        cJSON_AddItemToObject(row, "values", values);
        if (any)
            cJSON_AddItemToArray(array, row);
        else
            cJSON_Delete(row);
    }
}

cJSON *report_compare(const struct compared *all, size_t count)
{
    char format[40];
    cJSON *json = cJSON_CreateObject();
    if (!json)
        return NULL;
    snprintf(format, sizeof format, REPORT_FORMAT "%d", REPORT_VERSION);
    cJSON_AddStringToObject(json, "format", format);
    cJSON_AddStringToObject(json, "kind", "comparison");
    cJSON_AddStringToObject(json, "iaso", IASO_VERSION);
    add_heads(json, all, count);
    cJSON *rows = cJSON_AddArrayToObject(json, "rows");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (strchr(numbers[i].path, '*'))
            add_members(rows, all, count, i);
        else
            add_row(rows, all, count, numbers[i].group, numbers[i].name, numbers[i].path);
    }
    add_hashes(json, all, count);
    add_differences(json, all, count);
    return json;
}
