/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/report/names.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 256

static uint32_t *slot_of(const struct names *names, const char *name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (const char *c = name; *c; c++)
        hash = (hash ^ (uint8_t)*c) * 16777619u;
    for (uint32_t i = hash;; i++) {
        uint32_t *slot = &names->slots[i & (2 * names->room - 1)];
        if (!*slot || !strcmp(names->all[*slot - 1], name))
            return slot;
    }
}

static bool grow(struct names *names)
{
    size_t room = names->room ? 2 * names->room : FIRST_ROOM;
    char **all = realloc(names->all, room * sizeof *all);
    if (all)
        names->all = all;
    uint32_t *slots = all ? calloc(2 * room, sizeof *slots) : NULL;
    if (!slots)
        return false;
    free(names->slots);
    names->slots = slots;
    names->room = room;
    for (size_t i = 0; i < names->count; i++)
        *slot_of(names, all[i]) = (uint32_t)i + 1;
    return true;
}

uint32_t names_add(struct names *names, const char *name)
{
    if (names->count == names->room && !grow(names))
        return NAMES_FULL;
    uint32_t *slot = slot_of(names, name);
    if (*slot)
        return *slot - 1;
    char *copy = strdup(name);
    if (!copy)
        return NAMES_FULL;
    names->all[names->count++] = copy;
    *slot = (uint32_t)names->count;
    return *slot - 1;
}

void names_free(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->all[i]);
    free(names->all);
    free(names->slots);
    *names = (struct names){0};
}
