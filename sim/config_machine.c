/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "devices/virt.h"
#include "sim/walk.h"

/* What one key alone does not tell, of the sections that describe the machine. */
#define PAGE_SIZE UINT64_C(4096)

static int check_overlap(struct walk *walk, size_t first, size_t second)
{
    const struct config_region *a = &walk->config->memory[first];
    const struct config_region *b = &walk->config->memory[second];
    if (!strcmp(a->name, b->name)) {
        walk_at(walk, "memory[%zu].name", first);
        bool blame_first = override_made(walk->overrides, walk->path);
        walk_at(walk, "memory[%zu].name", blame_first ? first : second);
        return walk_fail(walk, "expected a name of its own, found that of memory[%zu], \"%s\"",
                         blame_first ? second : first, a->name);
    }
    if (a->base >= b->base + b->size || b->base >= a->base + a->size)
        return 0;
    /* If one of the two was changed on the command line, that one is to blame. */
    size_t blamed = first, other = second;
    walk_at(walk, "memory[%zu].base", first);
    bool made = override_made(walk->overrides, walk->path);
    walk_at(walk, "memory[%zu].size", first);
    if (!made && !override_made(walk->overrides, walk->path)) {
        blamed = second;
        other = first;
    }
    const struct config_region *region = &walk->config->memory[blamed];
    const struct config_region *with = &walk->config->memory[other];
    walk_at(walk, "memory[%zu].size", blamed);
    if (!override_made(walk->overrides, walk->path))
        walk_at(walk, "memory[%zu].base", blamed);
    return walk_fail(walk,
                     "expected no overlap, but 0x%" PRIx64 "..0x%" PRIx64 " overlaps memory[%zu], "
                     "0x%" PRIx64 "..0x%" PRIx64,
                     region->base, region->base + region->size - 1, other, with->base,
                     with->base + with->size - 1);
}

static int check_memory(struct walk *walk)
{
    struct config *config = walk->config;
    for (size_t i = 0; i < config->memory_count; i++) {
        const struct config_region *region = &config->memory[i];
        bool base_is_wrong = region->base % PAGE_SIZE;
        if (!base_is_wrong && region->size % PAGE_SIZE == 0)
            continue;
        walk_at(walk, "memory[%zu].%s", i, base_is_wrong ? "base" : "size");
        return walk_fail(walk, "expected a multiple of 4096 bytes, found 0x%" PRIx64,
                         base_is_wrong ? region->base : region->size);
    }
    for (size_t second = 1; second < config->memory_count; second++) {
        for (size_t first = 0; first < second; first++) {
            if (check_overlap(walk, first, second))
                return -1;
        }
    }
    return 0;
}

static int by_base(const void *a, const void *b)
{
    const struct config_region *left = a, *right = b;
    return left->base < right->base ? -1 : left->base > right->base;
}

/* From the order of the choices of "memory[].kind" to two fields; then in order of address. */
static void finish_memory(struct config *config)
{
    enum {
        KIND_VOLATILE,
        KIND_NONVOLATILE,
        KIND_ROM
    };
    for (size_t i = 0; i < config->memory_count; i++) {
        struct config_region *region = &config->memory[i];
        int kind = (int)region->kind;
        region->kind = kind == KIND_ROM ? REGION_ROM : REGION_RAM;
        region->nonvolatile = kind != KIND_VOLATILE;
    }
    qsort(config->memory, config->memory_count, sizeof *config->memory, by_base);
}

static const char *const load_keys[] = {
    [LOAD_FIRMWARE] = "firmware",
    [LOAD_KERNEL] = "kernel",
    [LOAD_INITRD] = "initrd",
    [LOAD_RAW] = "raw",
};

static int check_load(struct walk *walk)
{
    struct config *config = walk->config;
    const cJSON *load = cJSON_GetObjectItemCaseSensitive(walk->root, "load");
    for (size_t i = 0; i < config->load_count; i++) {
        unsigned kind = LOAD_FIRMWARE;
        while (!cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(load, (int)i), load_keys[kind]))
            kind++;
        config->load[i].kind = kind;
        for (size_t other = 0; other < i && kind != LOAD_RAW; other++) {
            if (config->load[other].kind != kind)
                continue;
            walk_at(walk, "load[%zu].%s", i, load_keys[kind]);
            return walk_fail(walk, "expected one %s, found a second one (the first is load[%zu])",
                             load_keys[kind], other);
        }
    }
    return 0;
}

static void name_devices(struct walk *walk)
{
    const cJSON *item;
    size_t i = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(walk->root, "devices"))
    {
        walk->config->devices[i++].name = item->string;
    }
}

static int check_files(struct walk *walk)
{
    const struct config *config = walk->config;
    for (size_t i = 0; i < config->load_count; i++) {
        const struct config_load *load = &config->load[i];
        if (load->kind == LOAD_FIRMWARE && !strcmp(load->file, "opensbi"))
            continue;
        walk_at(walk, "load[%zu].%s", i, load_keys[load->kind]);
        if (walk_file(walk, load->file, false))
            return -1;
    }
    for (size_t i = 0; i < config->device_count; i++) {
        const struct config_device *device = &config->devices[i];
        if (!device->file)
            continue;
        walk_at(walk, "devices.%s.file", device->name);
        if (walk_file(walk, device->file, !device->read_only && !device->overlay))
            return -1;
    }
    walk_at(walk, "system_map");
    return config->system_map ? walk_file(walk, config->system_map, false) : 0;
}

/* Fills in what the config leaves to the format and the board. */
static int check_screens(struct walk *walk)
{
    for (size_t i = 0; i < walk->config->device_count; i++) {
        struct config_device *device = &walk->config->devices[i];
        struct framebuffer *screen = &device->screen;
        if (device->kind != DEVICE_FRAMEBUFFER)
            continue;
        unsigned line = screen->width * framebuffer_depth(screen->format);
        walk_at(walk, "devices.%s.stride", device->name);
        if (!screen->stride)
            screen->stride = line;
        if (screen->stride < line)
            return walk_fail(walk, "expected at least the %u bytes of a line, found %u", line,
                             screen->stride);
        walk_at(walk, "devices.%s.base", device->name);
        if (!device->has_base && walk->config->machine.cpu != CPU_RV64GC)
            return walk_fail(walk, "expected the address of the frame buffer, found none");
        screen->base = device->has_base ? device->base : VIRT_FRAMEBUFFER_BASE;
        if (screen->base % PAGE_SIZE)
            return walk_fail(walk, "expected a multiple of 4096 bytes, found 0x%" PRIx64,
                             screen->base);
    }
    return 0;
}

int walk_check_machine(struct walk *walk)
{
    name_devices(walk);
    walk_at(walk, "run.until");
    if (walk->config->run.until == UNTIL_CONSOLE && !walk->config->expect.console)
        return walk_fail(walk, "expected the key \"console\" in section `expect` as well");
    if (check_memory(walk) || check_load(walk) || check_files(walk) || check_screens(walk))
        return -1;
    finish_memory(walk->config);
    return 0;
}
