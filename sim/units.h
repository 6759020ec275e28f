/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_UNITS_H
#define IASO_SIM_UNITS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Numbers as people write them, in configs and on the command line.
 *
 *   UNITS_SIZE         bytes: "4096", "0x1000", "64K", "1.5G"; factors of 1024; "MiB" is "M"
 *   UNITS_COUNT        "20000", "20k", "20M", "1.5G"; factors of 1000
 *   UNITS_DURATION     nanoseconds: "10ns", "5us", "10ms", "1.5s", "2min"; only 0 goes without unit
 *   UNITS_ADDRESS      "0x80000000" or decimal; no suffix
 *
 * The following always have their unit, with a prefix or without, 0 included:
 *
 *   UNITS_FREQUENCY    hertz: "96MHz"
 *   UNITS_VOLTAGE      microvolts: "2.8V"
 *   UNITS_CURRENT      picoamperes: "330nA"
 *   UNITS_CAPACITANCE  picofarads: "10uF"
 *   UNITS_RESISTANCE   milliohms: "30kOhm"
 *   UNITS_POWER        picowatts: "1.2mW"
 *   UNITS_ENERGY       femtojoules: "0.4nJ"
 */
enum units {
    UNITS_SIZE,
    UNITS_COUNT,
    UNITS_DURATION,
    UNITS_ADDRESS,
    UNITS_FREQUENCY,
    UNITS_VOLTAGE,
    UNITS_CURRENT,
    UNITS_CAPACITANCE,
    UNITS_RESISTANCE,
    UNITS_POWER,
    UNITS_ENERGY,
};

/* Parses all of `text`. Returns -1, and leaves *value alone, for anything else, for more than 64
 * bits, and for a fraction that does not come out even ("1.5" bytes). */
int units_parse(enum units units, const char *text, uint64_t *value);

/* The shortest exact way to write it, in at most 24 bytes; returns the buffer. */
const char *units_format(enum units units, uint64_t value, char *buffer, size_t size);

#endif
