/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_POWER_ROWS_H
#define IASO_POWER_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "mem/error.h"

/*
 * Text files with a row of values on each line, as spreadsheets and loggers write them. Fields are
 * apart by "," ";" or tabs, and by blanks where a line has none of these; blanks and quotes around
 * a field are dropped. Empty lines and those that begin with "#" are skipped.
 */
struct rows {
    const char *path; /* the caller's */
    char *text;       /* owned */
    char *next, *end; /* what is still to be read */
    unsigned line;    /* of the current row, from 1 */
    char *rest;       /* the fields of the current row still to be read, or NULL */
    bool by_words;    /* that are apart by blanks */
};

/* Reads the file, gunzipped if need be. */
int rows_open(struct rows *rows, const char *path, struct error *err);
void rows_close(struct rows *rows);

/* Goes to the next row; false at the end. */
bool rows_next(struct rows *rows);

/* The next field of the current row, NULL if there is no more. */
char *rows_field(struct rows *rows);
size_t rows_width(const struct rows *rows); /* how many are left */

/* Sets "path:line: ...", with what was found in quotes: printable and not too long. */
int rows_error(const struct rows *rows, struct error *err, const char *expected, const char *found);

/* At most 40 bytes of a text with all that is not printable replaced, for messages. */
#define ROWS_SHOWN 41
const char *rows_shown(const char *text, char buffer[ROWS_SHOWN]);

/* A decimal number that is finite; `what` is the column's name. Fails if the row has no more. */
int rows_number(struct rows *rows, const char *what, double *value, struct error *err);
int rows_parse(const char *text, double *value); /* all of the text */

/* Splits a column's name, "time_us" or "Time [us]", into lower-case "time" and "us", which is empty
 * if there is none. Each buffer has ROWS_NAME bytes. Fails for anything that is no such name. */
#define ROWS_NAME 16
int rows_column(const char *field, char *name, char *unit);

#endif
