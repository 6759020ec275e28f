/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_CPU_CODE_MAP_H
#define IASO_CPU_CODE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu/code.h"

/*
 * What a hart knows of where its code lies: guest-virtual page, as seen from a code space, to
 * guest-physical page. A code space is a number for a set of translations (a privilege level, and
 * for user mode an address space); the same number always means the same translations. When a page
 * of a space turns out to have moved, all spaces get new numbers, so that whatever was remembered
 * under the old ones is never found again.
 */
struct code_map {
    struct code_mapping {
        uint64_t page;  /* guest-virtual */
        uint64_t space; /* 0: free */
        struct code_page *code;
        uint32_t version; /* of the code when it was noted */
    } * mappings;
    size_t room, count; /* room is a power of two */
    struct code_space {
        uint64_t root; /* what makes the translations: level and satp */
        uint64_t number;
    } * spaces;
    size_t space_room, space_count;
    uint64_t last_number;
};

/* -1 when out of memory. */
int code_map_init(struct code_map *map);
void code_map_free(struct code_map *map);

/* The number of the space whose translations `root` stands for; never 0, below 2^48. */
uint64_t code_map_space(struct code_map *map, uint64_t root);

/* The page as known in the space, or NULL. */
struct code_page *code_map_find(const struct code_map *map, uint64_t space, uint64_t page);

enum code_map_news {
    CODE_MAP_SAME,    /* known already, or not known at all before */
    CODE_MAP_CHANGED, /* the same page, but it was emptied since: forget its blocks */
    CODE_MAP_FORGOT,  /* it was known to lie elsewhere, or there is no room: everything was
                         forgotten;  ask for the space's new number and note it again */
};

/* Notes where a page lies. */
enum code_map_news code_map_note(struct code_map *map, uint64_t space, uint64_t page,
                                 struct code_page *code);

/* Forgets everything. */
void code_map_forget(struct code_map *map);

#endif
