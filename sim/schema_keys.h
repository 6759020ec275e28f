/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_SCHEMA_KEYS_H
#define IASO_SIM_SCHEMA_KEYS_H

#include "sim/schema.h"

/* The table behind schema.h, the root first. Of schema.c alone. */
extern const struct key schema_keys[];
extern const size_t schema_key_count;

#endif
