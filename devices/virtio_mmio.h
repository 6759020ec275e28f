/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_VIRTIO_MMIO_H
#define IASO_DEVICES_VIRTIO_MMIO_H

#include "devices/device.h"
#include "devices/virtqueue.h"

/*
 * Virtio over MMIO (Virtual I/O Device 1.2, section 4.2): one window of 0x200 bytes and more, the
 * transport in this file and a back end (block, entropy) in another. `legacy` selects register
 * version 1 (4.2.4), else it is version 2. Registers are 4 bytes wide; the device's configuration
 * at 0x100 takes any width and is read-only.
 *
 * A driver that makes no sense (a looping or unordered chain, an index or a buffer out of range)
 * sets DEVICE_NEEDS_RESET, after which the device does nothing until the driver resets it.
 *
 * Queue reset, shared memory and notification data are not offered. Version 2 does not insist on
 * VIRTIO_F_VERSION_1, because teaching kernels forget to accept it.
 */
#define VIRTIO_MAX_QUEUES 4

#define VIRTIO_ID_BLOCK   2
#define VIRTIO_ID_ENTROPY 4

struct virtio; /* a struct device */

/* What is behind the transport. `opaque` is the back end's own wiring; what the guest can change
 * goes into the `state_size` bytes of virtio_state(), plain data. Functions may be NULL. */
struct virtio_backend_ops {
    uint32_t device_id;
    unsigned queues; /* 1 to VIRTIO_MAX_QUEUES */
    size_t state_size;
    /* The driver has put something into a queue: take it with virtio_pop(), now or later. At most
     * VIRTQUEUE_MAX requests a call: more can only come of a ring that the requests write to. */
    void (*notify)(struct virtio *virtio, void *opaque, unsigned queue);
    /* The machine was switched on: set up the zeroed state. reset() follows. */
    void (*power_on)(struct virtio *virtio, void *opaque);
    /* The driver or the machine has reset the device: forget requests in flight. */
    void (*reset)(struct virtio *virtio, void *opaque);
    /* The state was replaced: set events anew. */
    void (*restored)(struct virtio *virtio, void *opaque);
    void (*free)(void *opaque);
};

struct virtio_backend {
    const struct virtio_backend_ops *ops;
    void *opaque;
    uint64_t features;  /* of the device type; the transport adds its own */
    const void *config; /* configuration space, must outlive the device */
    size_t config_size;
};

struct virtio_wiring {
    struct memory *memory;
    struct irq_line irq;
    bool legacy;
};

/* Both arguments are copied. Without a back end (NULL) it is an empty slot: device id 0 and nothing
 * else. NULL when out of memory; then the back end's `free` is not called. */
struct device *virtio_mmio_new(const struct virtio_wiring *wiring,
                               const struct virtio_backend *backend);

/* ---- For back ends ------------------------------------------------------------------------ */

void *virtio_state(struct virtio *virtio);

/* Whether a request waits; takes the next one. False too if the queue is not to be used now. */
bool virtio_waiting(struct virtio *virtio, unsigned queue);
bool virtio_pop(struct virtio *virtio, unsigned queue, struct virtio_chain *chain);

/* Copies from the readable, to the writable bytes of a request. On failure (the range is longer
 * than the request, or not in memory) the device needs a reset and the request is lost. */
int virtio_read(struct virtio *virtio, const struct virtio_chain *chain, uint64_t offset,
                void *buffer, uint64_t length);
int virtio_write(struct virtio *virtio, const struct virtio_chain *chain, uint64_t offset,
                 const void *buffer, uint64_t length);

/* Hands a request back and interrupts the driver if it wants to know. */
void virtio_push(struct virtio *virtio, unsigned queue, const struct virtio_chain *chain,
                 uint32_t written);

/* The driver makes no sense: sets DEVICE_NEEDS_RESET. */
void virtio_fail(struct virtio *virtio);

#endif
