/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_OVERRIDE_H
#define IASO_SIM_OVERRIDE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "mem/error.h"

#define OVERRIDE_PATH_SIZE 200 /* of a path such as "run.script[0].send", with its NUL */

/* What `--set path=value` changed in a config's tree, so that a later complaint about it can be
 * blamed on the command line instead of the file. */
struct overrides {
    char (*paths)[OVERRIDE_PATH_SIZE]; /* the topmost thing that each made or replaced */
    size_t count;
};

/*
 * Applies one "path=value" to the tree. Members and array elements on the way that do not exist are
 * made; an array grows by one at a time. The value is JSON, or plain text if it is not or if the
 * key's type in the schema is some text and the JSON is no string (`bootargs=1` is "1"). Unknown
 * keys are left to validation. Errors begin with "--set".
 */
int override_apply(struct overrides *overrides, cJSON *root, const char *text, struct error *err);

/* Did the command line make what is at `path`, or something around it? */
bool override_made(const struct overrides *overrides, const char *path);

/* Notes a path that was made; the error is that there is no memory for it. */
int override_note(struct overrides *overrides, const char *path, struct error *err);

void override_free(struct overrides *overrides);

#endif
