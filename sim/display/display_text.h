/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_DISPLAY_TEXT_H
#define IASO_SIM_DISPLAY_TEXT_H

#include <stddef.h>
#include <stdint.h>

/*
 * What a plain terminal shows: a grid of printable ASCII. Line feed (to the start of the next line,
 * as terminals do for programs that send no carriage return), carriage return, backspace,
 * tab, and of escape sequences those that erase or move along the line have their effect, colours
 * and the like have none. What is not ASCII becomes one '?' a character (UTF-8).
 */
struct display_text {
    unsigned columns, rows;
    unsigned row, column; /* of the cursor, from the top left; column == columns: the next wraps */
    char *cells;          /* rows * columns, blanks where nothing is */
};

/* Makes it that large, and empty; both numbers are 1 or more. -1 when out of memory. */
int display_text_resize(struct display_text *text, unsigned columns, unsigned rows);
void display_text_free(struct display_text *text);

/* What is shown after these bytes on an empty terminal. */
void display_text_show(struct display_text *text, const uint8_t *bytes, size_t count);

/* A line: `columns` characters, no NUL. */
const char *display_text_line(const struct display_text *text, unsigned row);

#endif
