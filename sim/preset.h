/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_PRESET_H
#define IASO_SIM_PRESET_H

#include <stddef.h>

/*
 * The files in configs/presets, which are in the binary too: what section `recovery` of a config
 * may start from. A preset is a JSON object with that section and nothing else. To add one, add a
 * file there and its two lines in preset.c.
 */
struct preset {
    const char *name; /* the file's, without ".json" */
    const char *text; /* JSON */
};

/* NULL after the last. */
const struct preset *preset_at(size_t index);

#endif
