/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* memfd_create() */
#include "sim/campaign/sweep_reproducer.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/attach.h"
#include "sim/expect.h"
#include "sim/json.h"
#include "sim/override.h"
#include "sim/summary.h"
#include "sim/text.h"

/* ---- The config ---------------------------------------------------------------------------- */

/* With what --set changes. Where that reaches into defaults or presets, these are written out. */
static cJSON *parse(const struct config *config, const struct options *options, struct error *err)
{
    struct overrides made = {0};
    struct error ignored;
    cJSON *root = json_parse_file(config->path, err);
    int failed = root ? 0 : -1;
    for (size_t i = 0; i < options->override_count && !failed; i++)
        failed = override_apply(&made, root, options->overrides[i], &ignored);
    override_free(&made);
    if (root && failed) {
        cJSON_Delete(root);
        root = cJSON_Parse(config->effective);
        if (!root)
            error_set(err, "out of memory");
    }
    return root;
}

static cJSON *section(cJSON *root, const char *name)
{
    cJSON *found = cJSON_GetObjectItemCaseSensitive(root, name);
    return found ? found : cJSON_AddObjectToObject(root, name);
}

/* Takes a key away, from what a preset says as well. */
static void take_away(cJSON *power, const char *key)
{
    cJSON_DeleteItemFromObjectCaseSensitive(power, key);
    if (cJSON_GetObjectItemCaseSensitive(power, "preset"))
        cJSON_AddNullToObject(power, key);
}

static void set(cJSON *object, const char *key, cJSON *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, key);
    cJSON_AddItemToObject(object, key, value);
}

static cJSON *cut_json(const struct sweep_cut *cut, unsigned life)
{
    static const char *const lines[] = {
        [NVM_LINES_LOST] = "lost", [NVM_LINES_KEPT] = "kept", [NVM_LINES_RANDOM] = "random"};
    const struct nvm_variant *variant = &cut->variant;
    cJSON *json = cJSON_CreateObject(), *at = cJSON_AddObjectToObject(json, "at");
    cJSON_AddNumberToObject(at, "nvm_write", (double)cut->write);
    cJSON_AddNumberToObject(json, "life", life);
    if (variant->store == NVM_STORE_UNITS) {
        cJSON_AddBoolToObject(json, "torn", true);
        cJSON_AddNumberToObject(json, "units", variant->units);
    }
    if (variant->lines != NVM_LINES_POLICY)
        cJSON_AddStringToObject(json, "dirty", lines[variant->lines]);
    if (variant->lines == NVM_LINES_RANDOM)
        cJSON_AddNumberToObject(json, "dirty_seed", (double)variant->seed);
    return json;
}

static void set_power(cJSON *power, const struct sweep_path *path)
{
    cJSON *cuts = cJSON_CreateArray(), *range;
    for (unsigned i = 0; i < path->count; i++)
        cJSON_AddItemToArray(cuts, cut_json(&path->cuts[i], i + 1));
    set(power, "cuts", cuts);
    take_away(power, "cuts_from");
    take_away(power, "supply");
    set(power, "stuck_lives", cJSON_CreateNumber(0));
    set(power, "max_lives", cJSON_CreateNumber(0));
    cJSON *nvm = cJSON_GetObjectItemCaseSensitive(power, "nvm");
    cJSON_ArrayForEach(range, cJSON_GetObjectItemCaseSensitive(nvm, "ranges"))
    {
        const cJSON *file = cJSON_GetObjectItemCaseSensitive(range, "file");
        cJSON_DeleteItemFromObjectCaseSensitive(range, "save");
        if (cJSON_IsString(file) && access(file->valuestring, F_OK))
            cJSON_DeleteItemFromObjectCaseSensitive(range, "file");
    }
}

/* What the golden run left, where the config only says "uncut". */
static int set_uncut(cJSON *expect, const struct sweep_run *run, struct error *err)
{
    cJSON *item;
    size_t index = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(expect, "memory"))
    {
        uint64_t gpa, size;
        const uint8_t *bytes = run->uncut[index];
        if (bytes && expect_place(run->machine, index, &gpa, &size, err))
            return -1;
        char *hex = bytes ? malloc(2 * size + 1) : NULL;
        if (bytes && !hex)
            return error_set(err, "out of memory");
        cJSON_DeleteItemFromObjectCaseSensitive(item, "uncut");
        if (bytes) {
            text_hex(bytes, size, hex);
            cJSON_AddStringToObject(item, "bytes", hex);
        }
        free(hex);
        index++;
    }
    return 0;
}

char *sweep_reproducer(const struct sweep_run *run, const struct options *options,
                       const struct sweep_path *path, uint64_t limit, struct error *err)
{
    char count[32], *text = NULL;
    cJSON *root = parse(run->config, options, err);
    if (!root)
        return NULL;
    snprintf(count, sizeof count, "%" PRIu64, limit);
    cJSON_DeleteItemFromObjectCaseSensitive(root, "sweep");
    cJSON_DeleteItemFromObjectCaseSensitive(root, "report");
    set_power(section(root, "power"), path);
    set(section(root, "run"), "max_insns", cJSON_CreateString(count));
    if (!set_uncut(cJSON_GetObjectItemCaseSensitive(root, "expect"), run, err)) {
        text = cJSON_Print(root);
        if (!text)
            error_set(err, "out of memory");
    }
    cJSON_Delete(root);
    return text;
}

/* ---- Is it true? --------------------------------------------------------------------------- */

static int judge(struct machine *machine, const char *verdict, bool *confirmed, struct error *err)
{
    struct console *console = attach_silent_console(machine, err);
    struct error fault = {""};
    char text[600];
    if (!console)
        return -1;
    /* Not machine_run(), which lets SIGINT end it: workers finish what they are in. */
    if (machine_start(machine, &fault))
        machine->end = END_FAULT;
    else
        (void)machine_go(machine, UINT64_MAX, NULL, NULL, &fault);
    enum machine_end end = machine_finish(machine, &fault);
    const char *found = end == END_FAULT || end == END_LOCKED
                            ? fault.text
                            : summary_judge(machine, text, sizeof text);
    *confirmed = found && !strcmp(found, verdict);
    console_free(console);
    return 0;
}

int sweep_reproducer_confirm(const char *text, const char *verdict, bool *confirmed,
                             struct error *err)
{
    char path[40];
    struct config config;
    size_t length = strlen(text);
    int fd = memfd_create("reproducer", MFD_CLOEXEC);
    *confirmed = false;
    if (fd < 0 || write(fd, text, length) != (ssize_t)length) {
        if (fd >= 0)
            close(fd);
        return error_set(err, "out of memory");
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int result = config_load(&config, path, NULL, 0, err);
    close(fd);
    if (result)
        return -1;
    struct machine *machine = machine_new(&config, err);
    result = machine ? judge(machine, verdict, confirmed, err) : -1;
    machine_free(machine);
    config_free(&config);
    return result;
}
