/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_DEVICE_H
#define IASO_DEVICES_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/memory.h"
#include "sim/clock.h"

/* A wire. The device that drives it calls irq_line_set() and knows nothing of what is behind it. */
struct irq_line {
    void (*set)(void *opaque, unsigned number, bool level); /* NULL: not connected */
    void *opaque;
    unsigned number;
};

static inline void irq_line_set(const struct irq_line *line, bool level)
{
    if (line->set)
        line->set(line->opaque, line->number, level);
}

/*
 * One device of a machine. A constructor (`struct device *xxx_new(...)`, one a file) allocates it
 * with device_new(); the machine puts ops->mmio on the bus at the address of the board.
 *
 * `state` is all that the guest can change: plain data without pointers, so that it can be saved,
 * restored and lost in a power cut as one block of memory. What is wired up once (lines, files,
 * clock) stays outside of it.
 */
struct device_ops {
    const char *name; /* "ns16550a" */
    struct mmio_ops mmio;
    void (*reset)(void *device); /* state has been zeroed; set what is not 0 at power-on */
    void (*restored)(
        void *device);          /* state was replaced: drive lines and events anew; may be NULL */
    void (*poll)(void *device); /* input may have arrived from outside; may be NULL */
    void (*free)(void *device); /* what the device owns besides itself; may be NULL */
};

struct device {
    const struct device_ops *ops;
    void *state;
    size_t state_size;
};

/* Allocates `size` zeroed bytes, the first of them a struct device. NULL when out of memory. */
void *device_new(size_t size, const struct device_ops *ops, size_t state_offset, size_t state_size);

/* Zeroes the state and calls ops->reset. */
void device_reset(struct device *device);
void device_free(struct device *device);

/* Lets the device look for input from outside. The machine calls it between turns. */
static inline void device_poll(struct device *device)
{
    if (device->ops->poll)
        device->ops->poll(device);
}

#endif
