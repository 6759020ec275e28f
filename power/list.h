/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_POWER_LIST_H
#define IASO_POWER_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/error.h"

/*
 * Power cuts from a file, CSV or JSON (which begins with "[").
 *
 *   on_us,off_us          each life lasts so long, then power is off for so long; "off" may be left
 *   100,2000              out. Units: s, ms, us, ns, cycles; one for all columns.
 *
 *   time_ms               power fails at these times of the run, in ascending order; a column
 *   3.5                   off_ms may follow
 *
 *   1500                  no header: one on-time a line in `bare` units, as ICEmu has it
 *
 *   [{"on_us": 100, "off_us": 2000}, ...]    or [{"time_ms": 3.5}, ...] or [1500, ...]
 *
 * Empty lines and those that begin with "#" are skipped. Errors name the line, or the place in
 * JSON.
 */
enum list_unit {
    LIST_CYCLES,
    LIST_S,
    LIST_MS,
    LIST_US,
    LIST_NS,
};

struct list_entry {
    uint64_t on;  /* ticks, at least 1: how long the life lasts, or when it ends */
    uint64_t off; /* ticks; 0 if the list has none */
};

struct cut_list {
    bool absolute; /* `on` is a time of the run */
    bool has_off;
    size_t count; /* not 0 */
    struct list_entry *entries;
};

/* `rate`: ticks (cycles) in a second. */
struct cut_list *list_load(const char *path, uint64_t rate, enum list_unit bare, struct error *err);
void list_free(struct cut_list *list);

#endif
