/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_TESTS_UNIT_DEVICES_H
#define IASO_TESTS_UNIT_DEVICES_H

#include <stdlib.h>
#include <string.h>

#include "devices/device.h"

/* Hands on a device with no CPU: its registers, and what a wire that it drives has seen. */

static inline uint64_t get(struct device *device, uint64_t offset, unsigned size)
{
    return device->ops->mmio.read(device, offset, size);
}

static inline void put(struct device *device, uint64_t offset, unsigned size, uint64_t value)
{
    device->ops->mmio.write(device, offset, size, value);
}

static inline uint32_t get32(struct device *device, uint64_t offset)
{
    return (uint32_t)get(device, offset, 4);
}

static inline void put32(struct device *device, uint64_t offset, uint64_t value)
{
    put(device, offset, 4, value);
}

struct wire {
    bool level;
    unsigned rises;
};

static inline void wire_set(void *opaque, unsigned number, bool level)
{
    struct wire *wire = (struct wire *)opaque + number;
    wire->rises += level && !wire->level;
    wire->level = level;
}

/* A line to wires[number]. */
static inline struct irq_line wire_line(struct wire *wires, unsigned number)
{
    return (struct irq_line){wire_set, wires, number};
}

/* Virtual time goes on to `now`, stopping at each event as the machine does. */
static inline void run_to(struct clock *clock, uint64_t now)
{
    for (uint64_t next; (next = clock_next(clock)) <= now;) {
        if (next > clock->now)
            clock->now = next;
        clock_fire(clock);
    }
    clock->now = now;
}

static inline void *save(const struct device *device)
{
    void *copy = malloc(device->state_size);
    if (!copy)
        abort();
    return memcpy(copy, device->state, device->state_size);
}

static inline void restore(struct device *device, void *copy)
{
    memcpy(device->state, copy, device->state_size);
    free(copy);
    if (device->ops->restored)
        device->ops->restored(device);
}

#endif
