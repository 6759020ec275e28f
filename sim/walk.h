/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_WALK_H
#define IASO_SIM_WALK_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "mem/error.h"
#include "sim/config.h"
#include "sim/override.h"
#include "sim/preset.h"

#define WALK_FOUND_SIZE 80 /* how much of a wrong value a message shows */

/*
 * Of config_load(): a walk through the JSON tree of a config. `path` is where it is, for messages;
 * whoever finds something wrong leaves it there.
 *
 * config.c makes the tree and owns it, walk_read() takes from it what the schema says of each key
 * alone, and the walk_check functions look at what one key alone does not tell.
 */
struct walk {
    struct config *config;
    const cJSON *root;
    const struct overrides *overrides;
    struct overrides from_preset;        /* what it added */
    char preset_names[PRESET_KINDS][80]; /* "linux-riscv64", or a file's name */
    struct error *err;
    char path[OVERRIDE_PATH_SIZE];
};

/*
 * Presets: walk_find_preset() reads the one that a tree names (*preset is NULL if none; delete it
 * with cJSON_Delete()), walk_merge_preset() adds to the kind's section what only the preset has.
 * The section's own keys win; objects are merged, arrays are not; null takes away what the preset
 * has.
 */
int walk_find_preset(struct walk *walk, enum preset_kind kind, const cJSON *root, cJSON **preset);
int walk_merge_preset(struct walk *walk, enum preset_kind kind, cJSON *root, const cJSON *preset);

/* For a tree that is to be read again: null for each key that the preset or board (NULL: none) has
 * and the tree has not. -1 when out of memory. */
int walk_keep_away(cJSON *root, const cJSON *base);

/* Find and merge for the board that machine.board names: NULL for virt, which is code. */
int walk_find_board(struct walk *walk, const cJSON *root, cJSON **board);
int walk_merge_board(struct walk *walk, cJSON *root, const cJSON *board);

/* Validates the tree along the schema and fills the config. 0 or -1, as all below. */
int walk_read(struct walk *walk);

int walk_check_machine(struct walk *walk);  /* memory, load, devices, files */
int walk_check_recovery(struct walk *walk); /* recovery, inject, report */
int walk_check_power(struct walk *walk);
int walk_check_expect(struct walk *walk); /* expect, sweep */

/* Goes to a member (an element, if `name` is NULL); returns where to cut the path to come back. */
size_t walk_enter(struct walk *walk, const char *name, size_t index);
void walk_leave(struct walk *walk, size_t length);

/* Goes to a path from the top, such as "memory[1].size". */
void walk_at(struct walk *walk, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Who said what is at a path. Where two things contradict each other, blame the later one. */
enum walk_origin {
    ORIGIN_PRESET,
    ORIGIN_FILE,
    ORIGIN_COMMAND_LINE,
};
enum walk_origin walk_origin(const struct walk *walk, const char *path);

/* "FILE: PATH: message" or, if the command line is to blame, "--set PATH: message", or the preset,
 * "FILE: PATH (of preset NAME): message"; -1. */
int walk_fail(struct walk *walk, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same with "expected ..., found ...". */
int walk_wrong(struct walk *walk, const char *expected, const cJSON *found);

/* A value, for a message; returns the buffer. */
const char *walk_describe(const cJSON *node, char *buffer, size_t size);

/* Fails unless it is a regular file that can be opened so and is not empty. */
int walk_file(struct walk *walk, const char *file, bool for_writing);

#endif
