/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_SCHEMA_KEYS_H
#define IASO_SIM_SCHEMA_KEYS_H

#include "sim/config.h"
#include "sim/schema.h"

/* The tables behind schema.h, and what their rows are written with. Of sim/schema*.c alone. */
struct schema_table {
    const struct key *rows; /* a row's parent comes before it, in the same table; or is the root */
    size_t count;
};

extern const struct schema_table schema_machine; /* the root first */
extern const struct schema_table schema_recovery;
extern const struct schema_table schema_power;

#define SCHEMA_TABLE(rows)               \
    {                                    \
        rows, sizeof rows / sizeof *rows \
    }

#define PAGE_SIZE       UINT64_C(4096)
#define MAX_ADDRESS     ((UINT64_C(1) << 56) - 1) /* RISC-V: 56 bits of physical address */
#define MAX_REGION_SIZE (UINT64_C(1) << 40)
#define MAX_COUNT       (UINT64_C(1) << 62)
#define MAX_FILE        4095

/* Columns of a row. */
#define KEY(path_, type_, help_) .path = path_, .type = type_, .help = help_
#define DEFAULT(text)            .fallback = text
#define RANGE(low, high)         .min = low, .max = high
#define AT(type_, field)         .offset = offsetof(type_, field), .size = sizeof(((type_ *)0)->field)
#define CONFIG(field)            AT(struct config, field)
#define GIVEN(type_, field)      .given_offset = offsetof(type_, field)
#define ELEMENT(type_)           .size = sizeof(type_) /* an array's element, itself the value */
#define ELEMENTS(field, counter)                                                              \
    .offset = offsetof(struct config, field), .size = sizeof(((struct config *)0)->field[0]), \
    .count_offset = offsetof(struct config, counter)

#endif
