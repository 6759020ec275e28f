/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_REGISTERS_H
#define IASO_DEVICES_REGISTERS_H

#include "devices/device.h"

/*
 * A file of 32-bit registers without any effect, in place of power, clock, pin and cache
 * controllers: it reads back what was written. Rules say what is different about some registers.
 * Accesses of 1, 2, 4 and 8 bytes at any offset act on the bytes they cover.
 */
struct registers_rule {
    uint32_t offset; /* a multiple of 4 */
    uint32_t reset;  /* value at power-on; 0 without a rule */
    uint32_t ones;   /* bits that always read 1, such as "ready" */
    uint32_t fixed;  /* bits that writes do not change */
    bool mirrors;    /* reads what is in register `of` (bits of `fixed`: its own) */
    uint32_t of;     /* a multiple of 4 */
};

#define REGISTERS_MAX_SIZE 0x10000

/* `size` is in bytes, a multiple of 4, at most REGISTERS_MAX_SIZE. The rules are copied. NULL and
 * err if a rule or the size is not as said here. */
struct device *registers_new(uint64_t size, const struct registers_rule *rules, size_t count,
                             struct error *err);

#endif
