/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_MEM_INPUT_H
#define IASO_MEM_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/error.h"

/*
 * The bytes of a regular file from first to last, gunzipped on the way if the caller wants that and
 * the file is gzip (RFC 1952; concatenated members are one stream, padding after the last is
 * ignored). Constant memory however long the stream is: whoever stores it sets the limit. Messages
 * begin with the file's name.
 */
struct input;

/* NULL if the file cannot be opened, is not a regular file or is empty. */
struct input *input_open(const char *path, bool gunzip, struct error *err);
void input_close(struct input *input);

/* Fills the buffer unless the stream ends before that. Returns the bytes read, 0 at the end, or -1
 * on a read error or damaged or truncated gzip data. */
long input_read(struct input *input, void *buffer, size_t size, struct error *err);

bool input_is_gzip(const struct input *input);
uint64_t input_file_size(const struct input *input); /* bytes on disk, before gunzipping */
int input_fd(const struct input *input);             /* for positioned reads; still the input's */

/* The whole stream, malloc'ed, with a NUL after it that *size does not count. More than `limit`
 * bytes are an error. */
int input_slurp(const char *path, bool gunzip, size_t limit, uint8_t **data, size_t *size,
                struct error *err);

#endif
