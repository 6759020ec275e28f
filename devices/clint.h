/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_CLINT_H
#define IASO_DEVICES_CLINT_H

#include "devices/device.h"

/*
 * SiFive CLINT (SiFive FU540-C000 manual, chapter 9), the registers of all harts in one window:
 *
 *   0x0000 + 4 * hart   msip      bit 0 drives the hart's MSIP
 *   0x4000 + 8 * hart   mtimecmp  MTIP is high while mtime >= mtimecmp, unsigned
 *   0xbff8              mtime     counts at timebase_hz from 0 at reset; writable
 *
 * Aligned accesses of 4 and 8 bytes; others read 0 and are dropped. mtime follows virtual time, and
 * a line rises at the very first tick at which the comparison holds. mtimecmp resets to all ones.
 *
 * The supervisor timers of the Sstc extension compare with the same mtime, so they live here too;
 * the CPU back end that emulates the CSRs calls the clint_*stimecmp() functions.
 */
#define CLINT_MAX_HARTS 8

/* The three arrays have `harts` entries, 1 to CLINT_MAX_HARTS, and are copied; `stip` may be NULL.
 * The clock must outlive the device. Call device_reset() before use. NULL when out of memory. */
struct device *clint_new(struct clock *clock, unsigned harts, uint64_t timebase_hz,
                         const struct irq_line *msip, const struct irq_line *mtip,
                         const struct irq_line *stip);

/* mtime now, in units of 1/timebase_hz second: what the `time` CSR reads. */
uint64_t clint_time(const struct device *clint);

/* The stimecmp CSR of a hart (Sstc, chapter 2); drives STIP as mtimecmp drives MTIP. */
uint64_t clint_stimecmp(const struct device *clint, unsigned hart);
void clint_set_stimecmp(struct device *clint, unsigned hart, uint64_t value);

#endif
