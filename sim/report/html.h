/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_HTML_H
#define IASO_SIM_HTML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * Writing HTML in UTF-8. Text may hold any bytes: markup becomes entities; control characters, what
 * turns the direction of text, and bytes that are not UTF-8 become visible, as in "\x1b" or
 * "\u202e". What a stream makes of it is for the caller to ask, once, at the end (ferror).
 */

/* As text between tags or within a quoted attribute. */
void html_text(FILE *out, const char *text);

/* At most `room` characters of it, an ellipsis in the middle if there are more. */
void html_short(FILE *out, const char *text, size_t room);

/* A name as code; one that is longer than `room` is shortened, with all of it as its title. */
void html_name(FILE *out, const char *name, size_t room);

/*
 * A sentence or a quantity of our own, such as "1,234.5 us": thousands are parted by narrow spaces,
 * a number stays on one line with its unit, and "us" becomes the proper sign.
 */
void html_prose(FILE *out, const char *text);

/*
 * Writes `markup` as it is, but "%s" stands for a text, which is escaped, "%zu" for a size_t, "%%"
 * for "%". There is nothing else.
 */
void html_print(FILE *out, const char *markup, ...) __attribute__((format(printf, 2, 3)));

/* A relative path as a quoted attribute's URL: never one with a scheme. */
void html_url(FILE *out, const char *path);

/* Text of several lines, to be put between <pre> and </pre>: line feeds and tabs stay. */
void html_lines(FILE *out, const char *text);

/* A file as a data: URI, malloc'ed; NULL if it cannot be read or is empty or larger than `most`
 * bytes. */
char *html_data_uri(const char *path, const char *type, size_t most);

#endif
