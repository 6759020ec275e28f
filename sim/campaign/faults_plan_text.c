/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/campaign/faults_plan.h"

/* Numbers are strings: JSON's are doubles. */
static void put(cJSON *json, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "0x%" PRIx64, value);
    cJSON_AddStringToObject(json, key, text);
}

static int get(const cJSON *json, const char *key, uint64_t *value)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(json, key));
    char *end = NULL;
    if (text)
        *value = strtoull(text, &end, 16);
    return text && end != text && !*end ? 0 : -1;
}

/* All numbers of a fault and of a plan, by name, for both ways. */
#define FAULT_NUMBERS(X) \
    X(index)             \
    X(seed) X(address) X(reg) X(bit) X(target) X(value) X(hits) X(nth) X(position) X(hart) X(number)
#define PLAN_NUMBERS(X) X(from) X(until) X(end) X(stuck) X(places)

static void put_fault(cJSON *array, const struct fault *fault, const char *options)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddItemToArray(array, json);
    cJSON_AddStringToObject(json, "kind", fault_kind_name(fault->kind));
    cJSON_AddStringToObject(json, "options", options);
    put(json, "request", (uint64_t)fault->request);
#define PUT(name) put(json, #name, fault->name);
    FAULT_NUMBERS(PUT)
#undef PUT
}

char *fault_plan_print(const struct fault_plan *plan)
{
    cJSON *json = cJSON_CreateObject();
#define PUT(name) put(json, #name, plan->name);
    PLAN_NUMBERS(PUT)
#undef PUT
    cJSON *array = cJSON_AddArrayToObject(json, "faults");
    for (size_t i = 0; i < plan->count; i++)
        put_fault(array, &plan->faults[i], plan->options[i]);
    char *text = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    return text;
}

static int get_fault(const cJSON *json, struct fault *fault, char **options)
{
    uint64_t value = 0;
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(json, "options"));
    fault->kind = fault_kind_named(cJSON_GetStringValue(cJSON_GetObjectItem(json, "kind")));
    if (fault->kind == INJECT_NONE || !text || get(json, "request", &value) ||
        value >= REQUEST_KINDS)
        return -1;
    fault->request = (enum request_kind)value;
#define GET(name)                 \
    if (get(json, #name, &value)) \
        return -1;                \
    fault->name = (__typeof__(fault->name))value;
    FAULT_NUMBERS(GET)
#undef GET
    *options = strdup(text);
    return *options ? 0 : -1;
}

static int get_plan(const cJSON *json, struct fault_plan *plan)
{
    const cJSON *array = cJSON_GetObjectItem(json, "faults"), *item;
#define GET(name)                      \
    if (get(json, #name, &plan->name)) \
        return -1;
    PLAN_NUMBERS(GET)
#undef GET
    size_t count = (size_t)cJSON_GetArraySize(array);
    plan->faults = calloc(count + 1, sizeof *plan->faults);
    plan->options = calloc(count + 1, sizeof *plan->options);
    if (!plan->faults || !plan->options)
        return -1;
    cJSON_ArrayForEach(item, array)
    {
        size_t i = plan->count;
        if (get_fault(item, &plan->faults[i], &plan->options[i]))
            return -1;
        plan->count++;
    }
    return 0;
}

int fault_plan_parse(struct fault_plan *plan, const char *text, struct error *err)
{
    *plan = (struct fault_plan){0};
    cJSON *json = cJSON_Parse(text);
    int result = json ? get_plan(json, plan) : -1;
    cJSON_Delete(json);
    if (!result)
        return 0;
    fault_plan_free(plan);
    return error_set(err, "the plan of the campaign is damaged, or there is no memory for it");
}
