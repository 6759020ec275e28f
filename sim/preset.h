/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_PRESET_H
#define IASO_SIM_PRESET_H

#include <stddef.h>

/*
 * JSON files that are in the binary too, so that configs can start from them by name. To add one,
 * add a file and its two lines in preset.c.
 */
enum preset_kind {
    PRESET_RECOVERY, /* configs/presets: an object with the section `recovery` and nothing else */
    PRESET_POWER,    /* likewise, with the section `power` */
    PRESET_BOARD,    /* configs/boards: sections `machine`, `memory` and `devices` */
    PRESET_KINDS,
};

/* The section that presets of the kind have; NULL: several. */
const char *preset_section(enum preset_kind kind);

#define BOARD_VIRT "virt" /* the board that is code */

struct preset {
    enum preset_kind kind;
    const char *name; /* the file's, without ".json" */
    const char *text; /* JSON */
};

/* The index-th of the kind; NULL after the last. */
const struct preset *preset_at(enum preset_kind kind, size_t index);

#endif
