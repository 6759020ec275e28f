/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_TEXT_H
#define IASO_SIM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Text from outside, made fit for one line of a message: in double quotes, control characters,
 * quotes and backslashes escaped as in C, cut with "..." when it does not fit. `size` is the
 * buffer's, at least 8 bytes; returns the buffer. UTF-8 is passed through and never cut inside a
 * character.
 */
const char *text_quote(const char *text, char *buffer, size_t size);

/* Appends one byte of guest output, escaped ("\n" and "\t" too, and all that is not ASCII), to a
 * buffer of at least 5 bytes; returns how many characters it took, NUL not counted. */
size_t text_escape(unsigned char byte, char *buffer);

/* A file name for a message: the last part of it after "..." if it is longer than `size` - 1. */
const char *text_path(const char *path, char *buffer, size_t size);

/* A word for a shell, in quotes if it needs them. */
void text_shell(const char *word, FILE *out);

/* Bytes of the UTF-8 character (RFC 3629) that the text begins with; 0 if there is none. */
size_t text_utf8(const void *text, size_t left);

/* Invisible, and able to make a line look like another: marks of direction, joiners, ... */
bool text_is_deceptive(uint32_t character);

/* "3,318,739,958"; returns the buffer. */
#define TEXT_GROUP_SIZE 27
const char *text_group(uint64_t number, char buffer[TEXT_GROUP_SIZE]);

/* Two digits a byte and NUL; `hex` has room for 2 * count + 1. */
void text_hex(const uint8_t *bytes, size_t count, char *hex);

#endif
