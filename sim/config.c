/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/config.h"

#include <stdlib.h>
#include <string.h>

#include "sim/json.h"
#include "sim/schema.h"
#include "sim/walk.h"

/* What the strings of a config point into. */
struct storage {
    cJSON *root;
    char *path, *effective;
};

/* Arrays at the top that are not there become their defaults, so that --set can change those. */
static int insert_defaults(cJSON *root)
{
    if (!cJSON_IsObject(root))
        return 0;
    const struct key *key = NULL;
    while (key = schema_child(schema_root(), key), key) {
        if (key->type != KEY_ARRAY || !key->fallback ||
            cJSON_GetObjectItemCaseSensitive(root, key->path))
            continue;
        cJSON *item = cJSON_Parse(key->fallback);
        if (!item || !cJSON_AddItemToObject(root, key->path, item)) {
            cJSON_Delete(item);
            return -1;
        }
    }
    return 0;
}

/* What a config starts from. */
struct bases {
    cJSON *board, *presets[PRESET_BOARD];
};

/* Those that count in the end: --set may name others than the file does. */
static int find_bases(struct walk *walk, const cJSON *root, const char *const *overrides,
                      size_t count, struct bases *bases)
{
    const struct overrides *was = walk->overrides;
    struct overrides made = {0};
    cJSON *trial = cJSON_Duplicate(root, true);
    if (!trial)
        return error_set(walk->err, "out of memory");
    for (size_t i = 0; i < count; i++)
        override_apply(&made, trial, overrides[i], NULL);
    walk->overrides = &made;
    int result = walk_find_board(walk, trial, &bases->board);
    for (enum preset_kind kind = 0; kind < PRESET_BOARD && result == 0; kind++)
        result = walk_find_preset(walk, kind, trial, &bases->presets[kind]);
    walk->overrides = was;
    override_free(&made);
    cJSON_Delete(trial);
    return result;
}

/* The bases, and over them the config's own sections, and over those --set. */
static int merge(struct walk *walk, cJSON *root, const struct bases *bases, struct overrides *made,
                 const char *const *overrides, size_t count)
{
    if (walk_merge_board(walk, root, bases->board))
        return -1;
    if (insert_defaults(root))
        return error_set(walk->err, "out of memory");
    int result = 0;
    for (enum preset_kind kind = 0; kind < PRESET_BOARD && result == 0; kind++)
        result = walk_merge_preset(walk, kind, root, bases->presets[kind]);
    for (size_t i = 0; i < count && result == 0; i++) {
        const cJSON *was[PRESET_BOARD];
        for (enum preset_kind kind = 0; kind < PRESET_BOARD; kind++)
            was[kind] = cJSON_GetObjectItemCaseSensitive(root, preset_section(kind));
        result = override_apply(made, root, overrides[i], walk->err);
        if (result == 0)
            result = walk_merge_board(walk, root, bases->board); /* --set machine={...} */
        for (enum preset_kind kind = 0; kind < PRESET_BOARD && result == 0; kind++)
            if (was[kind] != cJSON_GetObjectItemCaseSensitive(root, preset_section(kind)))
                result = walk_merge_preset(walk, kind, root, bases->presets[kind]);
    }
    return result;
}

/* The text of a config that is the same, bases or not. */
static char *effective(const cJSON *root, const struct bases *bases)
{
    cJSON *tree = cJSON_Duplicate(root, true);
    int failed = !tree || walk_keep_away(tree, bases->board);
    for (enum preset_kind kind = 0; kind < PRESET_BOARD && !failed; kind++)
        failed = walk_keep_away(tree, bases->presets[kind]);
    char *text = failed ? NULL : cJSON_PrintUnformatted(tree);
    cJSON_Delete(tree);
    return text;
}

/* A path from --set may hold anything. */
static void one_line(struct error *err)
{
    for (char *c = err->text; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    }
}

int config_load(struct config *config, const char *path, const char *const *overrides,
                size_t override_count, struct error *err)
{
    struct overrides made = {0};
    struct error ignored;
    struct walk walk = {.config = config, .overrides = &made, .err = err ? err : &ignored};

    memset(config, 0, sizeof *config);
    cJSON *root = json_parse_file(path, walk.err);
    if (!root)
        return -1;
    struct storage *storage = malloc(sizeof *storage);
    char *path_copy = strdup(path);
    if (!storage || !path_copy) {
        free(storage);
        free(path_copy);
        cJSON_Delete(root);
        return error_set(err, "out of memory");
    }
    walk.root = root;
    *storage = (struct storage){root, path_copy, NULL};
    config->storage = storage;
    config->path = path_copy;

    struct bases bases = {0};
    int result = find_bases(&walk, root, overrides, override_count, &bases);
    if (result == 0)
        result = merge(&walk, root, &bases, &made, overrides, override_count);
    if (result == 0) {
        config->effective = storage->effective = effective(root, &bases);
        if (!storage->effective)
            result = error_set(err, "out of memory");
    }
    cJSON_Delete(bases.board);
    for (enum preset_kind kind = 0; kind < PRESET_BOARD; kind++)
        cJSON_Delete(bases.presets[kind]);
    if (result == 0)
        result = walk_read(&walk) || walk_check_machine(&walk) || walk_check_recovery(&walk) ||
                         walk_check_power(&walk) || walk_check_expect(&walk)
                     ? -1
                     : 0;
    override_free(&made);
    override_free(&walk.from_preset);
    if (result) {
        one_line(walk.err);
        config_free(config);
    }
    return result;
}

const struct config_device *config_virtio(const struct config *config, unsigned slot)
{
    for (size_t i = 0; i < config->device_count; i++) {
        const struct config_device *device = &config->devices[i];
        if (device->kind != DEVICE_FRAMEBUFFER && slot-- == 0)
            return device;
    }
    return NULL;
}

void config_free(struct config *config)
{
    struct storage *storage = config->storage;
    if (storage) {
        cJSON_Delete(storage->root);
        free(storage->path);
        free(storage->effective);
        free(storage);
    }
    memset(config, 0, sizeof *config);
}
