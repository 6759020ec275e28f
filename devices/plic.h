/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_PLIC_H
#define IASO_DEVICES_PLIC_H

#include "devices/device.h"

/*
 * RISC-V platform-level interrupt controller, as the SiFive PLIC 1.0.0 (RISC-V PLIC Specification
 * 1.0.0, chapters 3 to 9). Registers are 4 bytes wide; other accesses read 0 and are dropped:
 *
 *   0x000000 + 4 * source         priority, 0 (never) to 7
 *   0x001000 + 4 * (source / 32)  pending bits, read-only
 *   0x002000 + 0x80 * context     enable bits
 *   0x200000 + 0x1000 * context   threshold, 0 to 7; + 4: claim (read), complete (write)
 *
 * Gateways are level-triggered: a high input becomes pending unless its last request is still
 * claimed, and again at completion if it is still high. A request that was forwarded stays pending
 * when its input falls. A claim takes the highest priority, then the lowest number, whatever the
 * threshold; completion of a source that is not enabled for the context is ignored.
 */
#define PLIC_MAX_SOURCES  127
#define PLIC_MAX_CONTEXTS 16

/* Sources are numbered from 1 to `sources`; `outputs` has an entry for each context and is copied.
 * Call device_reset() before use. NULL when out of range or memory. */
struct device *plic_new(unsigned sources, unsigned contexts, const struct irq_line *outputs);

/* The wire into a source, for a device's constructor. */
struct irq_line plic_input(struct device *plic, unsigned source);

#endif
