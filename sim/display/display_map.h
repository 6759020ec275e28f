/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_DISPLAY_MAP_H
#define IASO_SIM_DISPLAY_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/error.h"
#include "mem/memory.h"

/*
 * Guest memory as a map: each region in blocks of pages, with what they are and when they were last
 * written. To learn that costs the guest's stores nothing: pages are armed once a frame, and the
 * first store to each is announced. Where somebody else arms pages for purposes of his own
 * (recovery), the map only listens.
 */
enum display_cell {
    CELL_UNTOUCHED, /* volatile; nobody has written to it yet */
    CELL_VOLATILE,
    CELL_NONVOLATILE,
    CELL_ROM,
    CELL_KINDS,
};

struct display_region {
    const struct region *region;
    unsigned shift;      /* a block has 2^shift bytes */
    size_t first, count; /* blocks, among those of all regions */
};

struct display_map {
    struct memory *mem;
    bool arms; /* the map arms pages itself, so that nobody wants to see which are */
    struct display_region *regions;
    size_t region_count, recent; /* where the last write was */
    struct display_block {
        uint32_t written; /* frame of the last write; 0: never */
        uint32_t special; /* frame in which a page in `state` was last seen */
        uint8_t state;    /* enum page_state */
    } * blocks;
    size_t block_count;
    uint32_t frame; /* from 1 */
};

#define DISPLAY_MAP_BLOCKS 4096 /* of a region, at most */

/* Listens to the memory from now on, until both are freed. */
int display_map_init(struct display_map *map, struct memory *mem, bool arms, struct error *err);
void display_map_free(struct display_map *map);

/* Something lies there already. */
void display_map_mark(struct display_map *map, uint64_t gpa, uint64_t length);

/* The next frame: looks at the states of pages (in large blocks, at another page each time), and
 * arms them if it is the one who does. */
void display_map_step(struct display_map *map);

/* A part of a region. */
struct display_cell_look {
    enum display_cell kind;
    enum page_state state;
    uint32_t age; /* frames since it was last written; UINT32_MAX: never */
};

/* `index` of `count` equal parts. */
struct display_cell_look display_map_look(const struct display_map *map,
                                          const struct display_region *region, size_t index,
                                          size_t count);

#endif
