/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_BITBAND_H
#define IASO_DEVICES_BITBAND_H

#include "devices/device.h"

/* Of the alias: 32 bytes for each byte. */
#define BITBAND_SIZE UINT64_C(0x2000000)

/*
 * A bit-band alias of Cortex-M3 and M4 (Cortex-M4 technical reference manual, DDI 0439, section
 * 3.7): each word stands for one bit of the MiB at `of`; its bit 0 is read and written. A write
 * reads and writes the byte that holds the bit, in devices the word. Where there is nothing, reads
 * are 0 and writes are dropped.
 */
struct device *bitband_new(struct memory *mem, uint64_t of);

#endif
