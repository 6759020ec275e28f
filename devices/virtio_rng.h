/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_VIRTIO_RNG_H
#define IASO_DEVICES_VIRTIO_RNG_H

#include "devices/virtio_mmio.h"

/*
 * Virtio entropy device (Virtual I/O Device 1.2, section 5.4). Its bytes come from a generator that
 * starts from `seed` each time the machine is switched on, so that a run can be repeated; they are
 * of no use as secrets. A request is answered at once, with VIRTIO_RNG_MAX bytes at most.
 */
#define VIRTIO_RNG_MAX 65536

struct device *virtio_rng_new(const struct virtio_wiring *wiring, uint64_t seed);

#endif
