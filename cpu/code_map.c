/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cpu/code_map.h"

#include <stdlib.h>
#include <string.h>

#define ROOM       16384
#define SPACE_ROOM 1024

int code_map_init(struct code_map *map)
{
    *map = (struct code_map){.room = ROOM, .space_room = SPACE_ROOM};
    map->mappings = calloc(map->room, sizeof *map->mappings);
    map->spaces = calloc(map->space_room, sizeof *map->spaces);
    return map->mappings && map->spaces ? 0 : -1;
}

void code_map_free(struct code_map *map)
{
    free(map->mappings);
    free(map->spaces);
}

void code_map_forget(struct code_map *map)
{
    memset(map->mappings, 0, map->room * sizeof *map->mappings);
    memset(map->spaces, 0, map->space_room * sizeof *map->spaces);
    map->count = map->space_count = 0;
}

static size_t hash(uint64_t value)
{
    return (size_t)(value * UINT64_C(0x9e3779b97f4a7c15) >> 40);
}

uint64_t code_map_space(struct code_map *map, uint64_t root)
{
    if (map->space_count >= map->space_room / 2)
        code_map_forget(map);
    for (size_t i = hash(root);; i++) {
        struct code_space *space = &map->spaces[i & (map->space_room - 1)];
        if (space->number && space->root == root)
            return space->number;
        if (!space->number) {
            map->space_count++;
            *space = (struct code_space){root, ++map->last_number};
            return space->number;
        }
    }
}

static struct code_mapping *look_up(const struct code_map *map, uint64_t space, uint64_t page)
{
    for (size_t i = hash(page ^ space);; i++) {
        struct code_mapping *mapping = &map->mappings[i & (map->room - 1)];
        if (!mapping->space || (mapping->page == page && mapping->space == space))
            return mapping;
    }
}

struct code_page *code_map_find(const struct code_map *map, uint64_t space, uint64_t page)
{
    const struct code_mapping *mapping = look_up(map, space, page);
    return mapping->space ? mapping->code : NULL;
}

enum code_map_news code_map_note(struct code_map *map, uint64_t space, uint64_t page,
                                 struct code_page *code)
{
    struct code_mapping *mapping = look_up(map, space, page);
    uint32_t version = code_page_version(code);
    if (mapping->space && mapping->code == code) {
        enum code_map_news news = mapping->version == version ? CODE_MAP_SAME : CODE_MAP_CHANGED;
        mapping->version = version;
        return news;
    }
    if (mapping->space || map->count >= map->room / 2) {
        code_map_forget(map);
        return CODE_MAP_FORGOT;
    }
    map->count++;
    *mapping = (struct code_mapping){page, space, code, version};
    return CODE_MAP_SAME;
}
