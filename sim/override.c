/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/override.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/json.h"
#include "sim/schema.h"
#include "sim/text.h"

/* One step of a path: the member `name` or, if that is empty, the element `index`. */
struct step {
    char name[64];
    int index;
};

/* Reads the step at *at and moves past it; false if it is none. */
static bool read_step(const char **at, bool first, struct step *step)
{
    const char *c = *at;
    if (*c == '[') {
        char *end;
        if (c[1] < '0' || c[1] > '9')
            return false;
        long index = strtol(c + 1, &end, 10);
        if (first || *end != ']' || index > 100000)
            return false;
        *step = (struct step){.index = (int)index};
        *at = end + 1;
        return true;
    }
    if (!first && *c++ != '.')
        return false;
    size_t length = strcspn(c, ".[]=");
    if (length == 0 || length >= sizeof step->name)
        return false;
    *step = (struct step){0};
    memcpy(step->name, c, length);
    *at = c + length;
    return true;
}

/* The member or element of `node`, or NULL. */
static cJSON *child_of(const cJSON *node, const struct step *step)
{
    return step->name[0] ? cJSON_GetObjectItemCaseSensitive(node, step->name)
                         : cJSON_GetArrayItem(node, step->index);
}

/* Puts `item` (deleted on failure) where `child` is, or adds it if that is NULL. */
static bool put_child(cJSON *node, const struct step *step, cJSON *child, cJSON *item)
{
    bool done;
    if (!item)
        return false;
    if (!step->name[0])
        done = child ? cJSON_ReplaceItemInArray(node, step->index, item)
                     : cJSON_AddItemToArray(node, item);
    else
        done = child ? cJSON_ReplaceItemInObjectCaseSensitive(node, step->name, item)
                     : cJSON_AddItemToObject(node, step->name, item);
    if (!done)
        cJSON_Delete(item);
    return done;
}

static cJSON *read_value(const char *text, const struct key *key)
{
    cJSON *json = json_parse(text, strlen(text), NULL);
    bool wants_text = key && schema_is_text(key->type);
    if (json && (!wants_text || cJSON_IsString(json)))
        return json;
    cJSON_Delete(json);
    return cJSON_CreateString(text);
}

int override_note(struct overrides *overrides, const char *path, struct error *err)
{
    size_t size = (overrides->count + 1) * sizeof *overrides->paths;
    void *grown = realloc(overrides->paths, size);
    if (!grown)
        return error_set(err, "%s: out of memory", path);
    overrides->paths = grown;
    snprintf(overrides->paths[overrides->count++], OVERRIDE_PATH_SIZE, "%s", path);
    return 0;
}

int override_apply(struct overrides *overrides, cJSON *root, const char *text, struct error *err)
{
    char path[OVERRIDE_PATH_SIZE] = "", made[OVERRIDE_PATH_SIZE] = "", quoted[80];
    size_t length = 0;
    const struct key *key = schema_root();
    cJSON *node = root;
    const char *at = text;
    for (;;) {
        struct step step;
        bool ok = read_step(&at, at == text, &step);
        if (ok && step.name[0])
            length += (size_t)snprintf(path + length, sizeof path - length, "%s%s",
                                       length ? "." : "", step.name);
        else if (ok)
            length += (size_t)snprintf(path + length, sizeof path - length, "[%d]", step.index);
        if (!ok || length >= sizeof path || !*at)
            return error_set(err,
                             "--set: expected a path and a value such as machine.harts=4, found %s",
                             text_quote(text, quoted, sizeof quoted));

        if (step.name[0] ? !cJSON_IsObject(node) : !cJSON_IsArray(node))
            return error_set(
                err, "--set %s: expected the path of a known key, but what is around it is no %s",
                path, step.name[0] ? "object" : "array");
        int elements = step.name[0] ? 0 : cJSON_GetArraySize(node);
        if (!step.name[0] && step.index > elements)
            return error_set(err, "--set %s: expected an index up to %d, found %d", path, elements,
                             step.index);

        key = key ? schema_member(key, step.name) : NULL;
        cJSON *child = child_of(node, &step);
        bool last = *at == '=';
        if (!made[0] && (last || !child))
            snprintf(made, sizeof made, "%s", path);
        if (last || !child) {
            cJSON *item = last         ? read_value(at + 1, key)
                          : *at == '[' ? cJSON_CreateArray()
                                       : cJSON_CreateObject();
            if (!put_child(node, &step, child, item))
                return error_set(err, "--set %s: out of memory", path);
        }
        if (last)
            return override_note(overrides, made, err);
        node = child_of(node, &step);
    }
}

bool override_made(const struct overrides *overrides, const char *path)
{
    for (size_t i = 0; i < overrides->count; i++) {
        size_t length = strlen(overrides->paths[i]);
        if (!strncmp(path, overrides->paths[i], length) && strchr(".[", path[length]))
            return true; /* strchr() finds the end of the path as well */
    }
    return false;
}

void override_free(struct overrides *overrides)
{
    free(overrides->paths);
    *overrides = (struct overrides){0};
}
