/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "devices/bitband.h"

struct bitband {
    struct device device;
    struct memory *mem;
    uint64_t of;
};

/* One unit (a byte of memory, a word of a device) that holds a bit, and where in it. */
struct place {
    const struct region *region;
    uint64_t gpa;
    unsigned shift;
};

static uint64_t bitband_read(void *opaque, uint64_t offset, unsigned size);

static struct place place_of(const struct bitband *band, uint64_t offset)
{
    uint64_t gpa = band->of + offset / 32;
    struct place place = {memory_find(band->mem, gpa), gpa, offset / 4 % 8};
    if (place.region && place.region->kind == REGION_DEVICE) {
        if (place.region->ops->read == bitband_read) /* an alias of an alias has no end */
            place.region = NULL;
        place.shift += gpa % 4 * 8;
        place.gpa -= gpa % 4;
    }
    return place;
}

static uint32_t unit_read(const struct bitband *band, const struct place *place)
{
    uint8_t byte = 0;
    if (!place->region)
        return 0;
    if (place->region->kind == REGION_DEVICE)
        return (uint32_t)memory_device_read(band->mem, place->region,
                                            place->gpa - place->region->base, 4);
    return memory_read(band->mem, place->gpa, &byte, 1) ? 0 : byte;
}

static void unit_write(const struct bitband *band, const struct place *place, uint32_t value)
{
    uint8_t byte = (uint8_t)value;
    if (!place->region)
        return;
    if (place->region->kind == REGION_DEVICE)
        memory_device_write(band->mem, place->region, place->gpa - place->region->base, 4, value);
    else
        memory_write(band->mem, place->gpa, &byte, 1); /* dropped if that is a ROM */
}

static uint64_t bitband_read(void *opaque, uint64_t offset, unsigned size)
{
    const struct bitband *band = opaque;
    struct place place = place_of(band, offset);
    (void)size;
    return offset % 4 ? 0 : unit_read(band, &place) >> place.shift & 1;
}

static void bitband_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    const struct bitband *band = opaque;
    struct place place = place_of(band, offset);
    (void)size;
    if (offset % 4)
        return;
    uint32_t old = unit_read(band, &place), bit = UINT32_C(1) << place.shift;
    unit_write(band, &place, value & 1 ? old | bit : old & ~bit);
}

static const struct device_ops bitband_ops = {
    .name = "bitband",
    .mmio = {bitband_read, bitband_write},
};

struct device *bitband_new(struct memory *mem, uint64_t of)
{
    struct bitband *band = device_new(sizeof *band, &bitband_ops, sizeof *band, 0);
    if (!band)
        return NULL;
    band->mem = mem;
    band->of = of;
    return &band->device;
}
