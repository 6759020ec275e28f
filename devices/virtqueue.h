/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_VIRTQUEUE_H
#define IASO_DEVICES_VIRTQUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "mem/memory.h"

/*
 * The device's side of a split virtqueue (Virtual I/O Device 1.2, section 2.7), with indirect
 * descriptors and event indexes. The rings belong to the guest and are never trusted: whatever is
 * in them, each function ends, stays within guest memory and reports a queue that makes no sense as
 * broken.
 */
#define VIRTQUEUE_MAX                                                           \
    256 /* entries of a queue, and buffers of one chain, indirect ones included \
         */

#define VIRTIO_RING_F_INDIRECT_DESC (UINT64_C(1) << 28)
#define VIRTIO_RING_F_EVENT_IDX     (UINT64_C(1) << 29)

/* Plain data, part of its device's state. Addresses are guest-physical. */
struct virtqueue {
    uint64_t descriptors, avail, used;
    uint16_t size; /* entries, a power of two */
    uint16_t last_avail;
    uint16_t used_index;
    bool ready;
};

/* A request: buffers to read from, then buffers to write to. */
struct virtio_chain {
    uint16_t head;
    unsigned readable, writable;             /* buffers */
    uint64_t readable_bytes, writable_bytes; /* sums, which do not overflow */
    struct virtio_buffer {
        uint64_t address;
        uint32_t length;
    } buffers[VIRTQUEUE_MAX]; /* `readable` of them, then `writable` */
};

enum virtqueue_result {
    VIRTQUEUE_BROKEN = -1,
    VIRTQUEUE_EMPTY = 0,
    VIRTQUEUE_REQUEST = 1, /* there is one */
};

/* Whether a request waits. If none does, asks the driver to notify of the next one. */
enum virtqueue_result virtqueue_peek(const struct virtqueue *queue, struct memory *mem,
                                     uint64_t features);

/* Takes the next request. */
enum virtqueue_result virtqueue_pop(struct virtqueue *queue, struct memory *mem, uint64_t features,
                                    struct virtio_chain *chain);

/* Hands a request back, `written` bytes of its writable buffers filled, counted from the first.
 * *interrupt says whether the driver wants one. -1 if the used ring is not in memory. */
int virtqueue_push(struct virtqueue *queue, struct memory *mem, uint64_t features, uint16_t head,
                   uint32_t written, bool *interrupt);

#endif
