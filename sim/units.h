/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_UNITS_H
#define IASO_SIM_UNITS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Numbers as people write them, in configs and on the command line.
 *
 *   UNITS_SIZE      bytes: "4096", "0x1000", "64K", "256M", "1.5G", "1T"; factors of 1024; "MiB" is
 * "M" UNITS_COUNT     "20000", "20k", "20M", "1.5G", "1T"; factors of 1000 UNITS_DURATION
 * nanoseconds: "10ns", "5us", "10ms", "1.5s", "2min"; only 0 goes without a unit UNITS_ADDRESS
 * "0x80000000" or decimal; no suffix
 */
enum units {
    UNITS_SIZE,
    UNITS_COUNT,
    UNITS_DURATION,
    UNITS_ADDRESS,
};

/* Parses all of `text`. Returns -1, and leaves *value alone, for anything else, for more than 64
 * bits, and for a fraction that does not come out even ("1.5" bytes). */
int units_parse(enum units units, const char *text, uint64_t *value);

/* The shortest exact way to write it, in at most 24 bytes; returns the buffer. */
const char *units_format(enum units units, uint64_t value, char *buffer, size_t size);

#endif
