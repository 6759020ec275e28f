/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_FRAMEBUFFER_H
#define IASO_DEVICES_FRAMEBUFFER_H

#include <stdint.h>

#include "mem/error.h"
#include "mem/memory.h"

/*
 * A linear frame buffer as the binding `simple-framebuffer` describes it (Linux,
 * Documentation/devicetree/bindings/display/simple-framebuffer.yaml). It is memory and has no
 * registers: the guest's stores cost what stores to RAM cost, and whoever wants to see the picture
 * reads it. So it is volatile in power cuts, undone in rollbacks, part of snapshots and of the
 * digest of memory as any RAM is.
 */
enum framebuffer_format {
    FRAMEBUFFER_R5G6B5,
    FRAMEBUFFER_X8R8G8B8, /* a little-endian word 0xxxRRGGBB */
    FRAMEBUFFER_A8B8G8R8, /* 0xAABBGGRR; there is nothing behind it, so alpha is ignored */
};

#define FRAMEBUFFER_MAX_SIDE 4096 /* pixels */

struct framebuffer {
    uint64_t base; /* guest-physical */
    unsigned width, height;
    unsigned stride; /* bytes from one line to the next */
    int format;      /* enum framebuffer_format */
};

/* As the binding calls it: "r5g6b5". */
const char *framebuffer_format_name(enum framebuffer_format format);

/* Bytes of a pixel. */
unsigned framebuffer_depth(enum framebuffer_format format);

/* Bytes of memory, a multiple of 4096. */
uint64_t framebuffer_size(const struct framebuffer *screen);

/* Adds its memory; fails on overlap. */
int framebuffer_add(struct memory *mem, const char *name, const struct framebuffer *screen,
                    struct error *err);

/* The picture: width * height pixels 0xffRRGGBB. `mem` must be the one that it was added to. */
void framebuffer_read(const struct memory *mem, const struct framebuffer *screen, uint32_t *pixels);

#endif
