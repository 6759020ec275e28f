/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "devices/framebuffer.h"

#define PAGE   UINT64_C(4096)
#define OPAQUE UINT32_C(0xff000000)

/* From 5 or 6 bits to 8, so that all ones stay all ones. */
static uint32_t from_r5g6b5(const uint8_t *at)
{
    uint32_t value = at[0] | (uint32_t)at[1] << 8;
    uint32_t r = value >> 11, g = value >> 5 & 0x3f, b = value & 0x1f;
    return OPAQUE | (r << 3 | r >> 2) << 16 | (g << 2 | g >> 4) << 8 | (b << 3 | b >> 2);
}

static uint32_t from_x8r8g8b8(const uint8_t *at)
{
    return OPAQUE | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

static uint32_t from_a8b8g8r8(const uint8_t *at)
{
    return OPAQUE | (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
}

static const struct {
    const char *name;
    unsigned depth;
    uint32_t (*read)(const uint8_t *at);
} formats[] = {
    [FRAMEBUFFER_R5G6B5] = {"r5g6b5", 2, from_r5g6b5},
    [FRAMEBUFFER_X8R8G8B8] = {"x8r8g8b8", 4, from_x8r8g8b8},
    [FRAMEBUFFER_A8B8G8R8] = {"a8b8g8r8", 4, from_a8b8g8r8},
};

const char *framebuffer_format_name(enum framebuffer_format format)
{
    return formats[format].name;
}

unsigned framebuffer_depth(enum framebuffer_format format)
{
    return formats[format].depth;
}

uint64_t framebuffer_size(const struct framebuffer *screen)
{
    return ((uint64_t)screen->stride * screen->height + PAGE - 1) / PAGE * PAGE;
}

int framebuffer_add(struct memory *mem, const char *name, const struct framebuffer *screen,
                    struct error *err)
{
    return memory_add(mem, name, screen->base, framebuffer_size(screen), REGION_RAM, false, err);
}

void framebuffer_read(const struct memory *mem, const struct framebuffer *screen, uint32_t *pixels)
{
    const uint8_t *line = memory_host(mem, screen->base, framebuffer_size(screen));
    unsigned depth = formats[screen->format].depth;
    for (unsigned y = 0; y < screen->height; y++, line += screen->stride)
        for (unsigned x = 0; x < screen->width; x++)
            *pixels++ = formats[screen->format].read(line + (uint64_t)x * depth);
}
