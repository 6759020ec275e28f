/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_DEVICETREE_H
#define IASO_SIM_DEVICETREE_H

#include <stddef.h>
#include <stdint.h>

#include "devices/framebuffer.h"
#include "mem/error.h"

/* What the device tree of board `virt` depends on; addresses of devices are the board's own. */
struct devicetree_spec {
    unsigned harts;
    uint64_t timebase_hz;
    const char *isa;      /* "rv64imafdc_zicsr_zifencei" */
    const char *mmu_type; /* "riscv,sv48" */
    const struct devicetree_memory {
        uint64_t base, size;
    } * memory;
    size_t memory_count;
    unsigned virtio_slots; /* virtio-mmio windows */
    const struct framebuffer *screens;
    size_t screen_count;
    const char *bootargs;
    uint64_t initrd_start, initrd_end; /* equal: none */
};

/* Builds a flattened device tree (Devicetree Specification v0.4) with libfdt; malloc'ed. */
int devicetree_virt(const struct devicetree_spec *spec, void **blob, size_t *size,
                    struct error *err);

#endif
