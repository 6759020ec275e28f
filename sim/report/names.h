/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_NAMES_H
#define IASO_SIM_NAMES_H

#include <stddef.h>
#include <stdint.h>

/* Names, each kept once and numbered from 0 in the order in which they were met. All zero: none. */
struct names {
    char **all; /* they stay where they are until names_free() */
    size_t count, room;
    uint32_t *slots; /* open addressing, twice the room; number + 1, or 0 */
};

#define NAMES_FULL UINT32_MAX /* out of memory */

/* The number of a name, which is copied. */
uint32_t names_add(struct names *names, const char *name);

void names_free(struct names *names);

#endif
