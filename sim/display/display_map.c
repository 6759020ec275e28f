/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/display/display_map.h"

#include <stdlib.h>

static struct display_block *block_at(struct display_map *map, uint64_t gpa)
{
    for (size_t tried = 0; tried < map->region_count; tried++) {
        const struct display_region *region = &map->regions[map->recent];
        uint64_t offset = gpa - region->region->base;
        if (offset < region->region->size)
            return &map->blocks[region->first + (offset >> region->shift)];
        map->recent = (map->recent + 1) % map->region_count;
    }
    return NULL;
}

static void note_write(struct display_map *map, uint64_t gpa)
{
    struct display_block *block = block_at(map, gpa);
    if (block)
        block->written = map->frame;
}

static void on_first_write(void *opaque, uint64_t page_gpa, const uint8_t *contents)
{
    (void)contents;
    note_write(opaque, page_gpa);
}

static void on_access(void *opaque, uint64_t gpa, unsigned size, enum access_kind kind,
                      uint64_t value)
{
    (void)size;
    (void)value;
    if (kind == ACCESS_WRITE)
        note_write(opaque, gpa);
}

void display_map_mark(struct display_map *map, uint64_t gpa, uint64_t length)
{
    uint64_t page = memory_page_size(map->mem);
    for (uint64_t done = 0; done < length; done += page)
        note_write(map, gpa + done);
}

static void on_loaded(void *opaque, uint64_t gpa, uint64_t length)
{
    display_map_mark(opaque, gpa, length);
}

static void add_region(struct display_map *map, const struct region *region)
{
    struct display_region *new = &map->regions[map->region_count++];
    unsigned shift = memory_page_bits(map->mem);
    while (((region->size - 1) >> shift) + 1 > DISPLAY_MAP_BLOCKS)
        shift++;
    *new = (struct display_region){.region = region,
                                   .shift = shift,
                                   .first = map->block_count,
                                   .count = ((region->size - 1) >> shift) + 1};
    map->block_count += new->count;
}

int display_map_init(struct display_map *map, struct memory *mem, bool arms, struct error *err)
{
    size_t count = memory_region_count(mem);
    *map = (struct display_map){.mem = mem, .arms = arms, .frame = 1};
    map->regions = calloc(count + 1, sizeof *map->regions);
    for (size_t i = 0; map->regions && i < count; i++)
        if (memory_region(mem, i)->kind != REGION_DEVICE)
            add_region(map, memory_region(mem, i));
    map->blocks = calloc(map->block_count + 1, sizeof *map->blocks);
    const struct memory_listener listener = {
        .first_write = on_first_write, .access = on_access, .loaded = on_loaded, .opaque = map};
    if (map->regions && map->blocks && !memory_listen(mem, &listener))
        return 0;
    display_map_free(map);
    return error_set(err, "out of memory");
}

void display_map_free(struct display_map *map)
{
    free(map->regions);
    free(map->blocks);
    map->regions = NULL;
    map->blocks = NULL;
    map->region_count = 0;
}

static void look(struct display_map *map, const struct display_region *region, size_t index)
{
    struct display_block *block = &map->blocks[region->first + index];
    unsigned pages = 1u << (region->shift - memory_page_bits(map->mem));
    uint64_t offset = ((uint64_t)index << region->shift) +
                      ((uint64_t)(map->frame % pages) << memory_page_bits(map->mem));
    enum page_state state = memory_state(map->mem, region->region->base + offset);
    if (state != PAGE_OPEN)
        block->special = map->frame;
    if (state != PAGE_OPEN || map->frame - block->special >= pages)
        block->state = state;
}

void display_map_step(struct display_map *map)
{
    map->frame++;
    for (size_t i = 0; i < map->region_count; i++)
        for (size_t index = 0; index < map->regions[i].count; index++)
            look(map, &map->regions[i], index);
    if (map->arms)
        memory_arm_all(map->mem);
}

static enum display_cell kind_of(const struct region *region, const struct display_block *block)
{
    if (region->kind == REGION_ROM)
        return CELL_ROM;
    if (region->nonvolatile)
        return CELL_NONVOLATILE;
    return block->written ? CELL_VOLATILE : CELL_UNTOUCHED;
}

/* Nobody wants to see which pages the map has armed itself, or nobody has touched. */
static enum page_state state_of(const struct display_map *map, const struct display_block *block)
{
    bool hidden = block->state == PAGE_ARMED && (map->arms || !block->written);
    return hidden ? PAGE_OPEN : block->state;
}

struct display_cell_look display_map_look(const struct display_map *map,
                                          const struct display_region *region, size_t index,
                                          size_t count)
{
    size_t from = region->count * index / count, to = region->count * (index + 1) / count;
    struct display_cell_look look = {CELL_UNTOUCHED, PAGE_OPEN, UINT32_MAX};
    for (size_t i = from; i < to || i == from; i++) {
        const struct display_block *block = &map->blocks[region->first + i];
        enum display_cell kind = kind_of(region->region, block);
        enum page_state state = state_of(map, block);
        look.kind = kind > look.kind ? kind : look.kind;
        look.state = state > look.state ? state : look.state;
        if (block->written && map->frame - block->written < look.age)
            look.age = map->frame - block->written;
    }
    return look;
}
