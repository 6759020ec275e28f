/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_VIRTIO_BLK_H
#define IASO_DEVICES_VIRTIO_BLK_H

#include "devices/block.h"
#include "devices/virtio_mmio.h"

/*
 * Virtio block device (Virtual I/O Device 1.2, section 5.2): read, write, flush and get-id requests
 * on one queue, with SEG_MAX, BLK_SIZE (512), FLUSH, and RO for a disk that is read-only.
 *
 * The disk does one request after the other, in order: each is carried out, as a whole, and
 * completed `latency_ns` of virtual time after the one before it or, when the disk was idle, after
 * the notification. With a latency of 0 it is done within the notification.
 *
 * Discard, write zeroes, topology, write-back control and more queues are not offered.
 */
#define VIRTIO_BLK_LATENCY_NS 50000 /* a fast SSD */

/* `block` is borrowed and must outlive the device, as must the clock. `serial` is what get-id
 * answers; the first 20 bytes count. */
struct device *virtio_blk_new(const struct virtio_wiring *wiring, struct clock *clock,
                              struct block *block, const char *serial, uint64_t latency_ns);

#endif
