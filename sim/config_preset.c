/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "sim/json.h"
#include "sim/nearest.h"
#include "sim/preset.h"
#include "sim/schema.h"
#include "sim/text.h"
#include "sim/walk.h"

static cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static bool is_file_name(const char *name)
{
    size_t length = strlen(name);
    return strchr(name, '/') || (length >= 5 && !strcmp(name + length - 5, ".json"));
}

static cJSON *find_preset(struct walk *walk, enum preset_kind kind, const char *name)
{
    char known[200] = "", quoted[WALK_FOUND_SIZE];
    const struct preset *preset;
    struct nearest search;
    size_t length = 0;
    nearest_init(&search, name);
    if (kind == PRESET_BOARD) {
        nearest_offer(&search, BOARD_VIRT);
        length = (size_t)snprintf(known, sizeof known, BOARD_VIRT ", ");
    }
    for (size_t i = 0; (preset = preset_at(kind, i)); i++) {
        if (!strcmp(preset->name, name))
            return json_parse(preset->text, strlen(preset->text), walk->err);
        nearest_offer(&search, preset->name);
        if (length < sizeof known)
            length += (size_t)snprintf(known + length, sizeof known - length, "%s, ", preset->name);
    }
    walk_fail(
        walk,
        "expected %sor a file's name (with \"/\" in it or \".json\" at its end), found %s%s%s%s",
        known, text_quote(name, quoted, sizeof quoted), search.best ? "; did you mean \"" : "",
        search.best ? search.best : "", search.best ? "\"?" : "");
    return NULL;
}

static cJSON *read_preset(struct walk *walk, enum preset_kind kind, const char *name)
{
    struct error err;
    if (!is_file_name(name))
        return find_preset(walk, kind, name);
    if (walk_file(walk, name, false))
        return NULL;
    cJSON *tree = json_parse_file(name, &err);
    if (!tree)
        walk_fail(walk, "%s", err.text);
    return tree;
}

/* An object with the kind's section, which does not name a preset, and nothing else? */
static int check_preset(struct walk *walk, enum preset_kind kind, const cJSON *tree)
{
    const char *name = walk->preset_names[kind], *wanted = preset_section(kind);
    const cJSON *item, *section = member(tree, wanted);
    char quoted[WALK_FOUND_SIZE];
    if (!cJSON_IsObject(tree) || !cJSON_IsObject(section))
        return walk_fail(walk, "%s: expected an object with the section \"%s\"", name, wanted);
    cJSON_ArrayForEach(item, tree)
    {
        if (item != section && strcmp(item->string, "$schema"))
            return walk_fail(walk, "%s: expected the section \"%s\" only, found %s", name, wanted,
                             text_quote(item->string, quoted, sizeof quoted));
    }
    if (member(section, "preset"))
        return walk_fail(walk, "%s: expected no key \"preset\" in a preset", name);
    return 0;
}

int walk_find_preset(struct walk *walk, enum preset_kind kind, const cJSON *root, cJSON **preset)
{
    const cJSON *name = member(member(root, preset_section(kind)), "preset");
    *preset = NULL;
    if (!cJSON_IsString(name))
        return 0; /* none; or what validation refuses */
    walk_at(walk, "%s.preset", preset_section(kind));
    text_path(name->valuestring, walk->preset_names[kind], sizeof walk->preset_names[kind]);
    *preset = read_preset(walk, kind, name->valuestring);
    if (*preset && check_preset(walk, kind, *preset)) {
        cJSON_Delete(*preset);
        *preset = NULL;
    }
    walk_at(walk, "%s", "");
    return *preset ? 0 : -1;
}

/* An object with sections that describe a machine, and nothing else? */
static int check_board(struct walk *walk, const cJSON *tree)
{
    static const char *const sections[] = {"$schema", "machine", "memory", "devices"};
    const cJSON *item;
    char quoted[WALK_FOUND_SIZE];
    if (!cJSON_IsObject(tree))
        return walk_fail(walk, "%s: expected an object", walk->preset_names[PRESET_BOARD]);
    cJSON_ArrayForEach(item, tree)
    {
        size_t i = 0;
        while (i < sizeof sections / sizeof *sections && strcmp(item->string, sections[i]))
            i++;
        if (i == sizeof sections / sizeof *sections)
            return walk_fail(walk,
                             "%s: expected the sections \"machine\", \"memory\" and \"devices\" "
                             "only, found %s",
                             walk->preset_names[PRESET_BOARD],
                             text_quote(item->string, quoted, sizeof quoted));
    }
    if (member(member(tree, "machine"), "board"))
        return walk_fail(walk, "%s: expected no key \"board\" in a board",
                         walk->preset_names[PRESET_BOARD]);
    return 0;
}

int walk_find_board(struct walk *walk, const cJSON *root, cJSON **board)
{
    const cJSON *name = member(member(root, "machine"), "board");
    *board = NULL;
    if (!cJSON_IsString(name) || !strcmp(name->valuestring, BOARD_VIRT))
        return 0;
    walk_at(walk, "machine.board");
    *board = read_preset(walk, PRESET_BOARD, name->valuestring);
    text_path(name->valuestring, walk->preset_names[PRESET_BOARD],
              sizeof walk->preset_names[PRESET_BOARD]);
    if (*board && check_board(walk, *board)) {
        cJSON_Delete(*board);
        *board = NULL;
    }
    walk_at(walk, "%s", "");
    return *board ? 0 : -1;
}

/* Adds to `section` what only `preset` has; the walk is at both. */
static int merge(struct walk *walk, cJSON *section, const cJSON *preset)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, preset)
    {
        size_t here = walk_enter(walk, item->string, 0);
        if (member(preset, item->string) != item)
            return walk_fail(walk, "the key is there twice");
        cJSON *own = member(section, item->string);
        if (cJSON_IsObject(own) && cJSON_IsObject(item)) {
            if (merge(walk, own, item))
                return -1;
        } else if (!own) {
            cJSON *copy = cJSON_Duplicate(item, true);
            if (!copy || !cJSON_AddItemToObject(section, item->string, copy)) {
                cJSON_Delete(copy);
                return error_set(walk->err, "out of memory");
            }
            if (override_note(&walk->from_preset, walk->path, walk->err))
                return -1;
        }
        walk_leave(walk, here);
    }
    return 0;
}

/* A known key that is null is as good as none: it has kept the preset's value away. */
static void drop_nulls(cJSON *object, const struct key *key)
{
    for (cJSON *item = object->child, *next; item; item = next) {
        const struct key *known = schema_member(key, item->string);
        next = item->next;
        if (known && cJSON_IsNull(item))
            cJSON_Delete(cJSON_DetachItemViaPointer(object, item));
        else if (known && cJSON_IsObject(item) &&
                 (known->type == KEY_OBJECT || known->type == KEY_MAP))
            drop_nulls(item, known);
    }
}

int walk_merge_board(struct walk *walk, cJSON *root, const cJSON *board)
{
    if (!board || !cJSON_IsObject(root))
        return 0;
    walk_at(walk, "%s", "");
    if (merge(walk, root, board))
        return -1;
    static const char *const sections[] = {"machine", "devices"};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        cJSON *section = member(root, sections[i]);
        if (cJSON_IsObject(section))
            drop_nulls(section, schema_member(schema_root(), sections[i]));
    }
    return 0;
}

int walk_merge_preset(struct walk *walk, enum preset_kind kind, cJSON *root, const cJSON *preset)
{
    const char *name = preset_section(kind);
    cJSON *section = member(root, name);
    if (!preset)
        return 0;
    if (!section)
        section = cJSON_AddObjectToObject(root, name);
    if (!section)
        return error_set(walk->err, "out of memory");
    if (!cJSON_IsObject(section))
        return 0; /* validation refuses it */
    walk_at(walk, "%s", name);
    if (merge(walk, section, member(preset, name)))
        return -1;
    drop_nulls(section, schema_member(schema_root(), name));
    walk_at(walk, "%s", "");
    return 0;
}

static int keep_away(cJSON *section, const cJSON *base)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, base)
    {
        cJSON *own = member(section, item->string);
        if (!own && !cJSON_AddNullToObject(section, item->string))
            return -1;
        if (cJSON_IsObject(own) && cJSON_IsObject(item) && keep_away(own, item))
            return -1;
    }
    return 0;
}

int walk_keep_away(cJSON *root, const cJSON *base)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, base)
    {
        cJSON *own = member(root, item->string);
        if (cJSON_IsObject(own) && cJSON_IsObject(item) && keep_away(own, item))
            return -1;
    }
    return 0;
}
