/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_JSON_H
#define IASO_SIM_JSON_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "mem/error.h"

#define JSON_MAX_DEPTH 32
#define JSON_MAX_SIZE  (1u << 20) /* bytes of text */

/*
 * Parses a whole text as RFC 8259 says, more strictly than cJSON does by itself: UTF-8 only, no
 * control characters in strings, no "\u0000" (strings here end at the first NUL), no numbers beyond
 * a double, nothing after the value, JSON_MAX_DEPTH and JSON_MAX_SIZE kept. A byte order mark is
 * skipped. Returns NULL with "LINE:COLUMN: expected ..., found ..." in err; lines and columns count
 * from 1, columns in characters. Delete the result with cJSON_Delete(). Duplicate keys are for the
 * caller to find.
 */
cJSON *json_parse(const char *text, size_t length, struct error *err);

/* Reads and parses a file (or a pipe). The error begins with the file's name. */
cJSON *json_parse_file(const char *path, struct error *err);

/* The same with another limit of the size, for what is no config. */
cJSON *json_parse_large_file(const char *path, size_t limit, struct error *err);

/* Bytes that are no UTF-8, as names in a guest may have, become '?' in all strings and keys. */
void json_clean(cJSON *json);

#endif
