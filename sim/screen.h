/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_SCREEN_H
#define IASO_SIM_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * Text for people, on standard output or standard error. On a terminal it is made to fit the
 * width and may be coloured; in a file or a pipe it is plain, and lines are as long as they are.
 *
 * All text that is handed in may come from a guest: what is not printable in the user's locale
 * (elsewhere: in UTF-8) is written as "\x1b" or "\u202e". The guest's console is another matter,
 * and does not pass here.
 */
struct screen {
    FILE *out;
    bool terminal;  /* else there are no control characters at all */
    bool colour;    /* a terminal, TERM is not "dumb", NO_COLOR is unset or empty (no-color.org) */
    unsigned width; /* columns; 0: as many as it takes */
};

void screen_open(struct screen *screen, FILE *out);

/* The width of the terminal: the environment's COLUMNS, else what the terminal says, else 80. */
unsigned screen_columns(int fd);

/* "iaso: finished: poweroff", the first word green or red: what it all came to. */
void screen_verdict(const struct screen *screen, bool good, const char *word, const char *text);

/* "  label           text", where text goes on below itself when it is too long for one line. */
void screen_row(const struct screen *screen, const char *label, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with a text that is cut, with "...", rather than continued: a hash. */
void screen_value(const struct screen *screen, const char *label, const char *text);

/* "left    text" from that column on, likewise continued. */
void screen_item(const struct screen *screen, const char *left, unsigned column, const char *text);

/* Lines as they are, but for what is not printable. */
void screen_text(const struct screen *screen, const char *text);

/*
 * Cells row by row, the first row being the heads. The first column is set to the left, the others
 * are set to the right. Where the terminal is too narrow each row becomes a paragraph.
 */
void screen_table(const struct screen *screen, const char *const *cells, size_t rows,
                  size_t columns);

/* A line that is written over by the next one: can `fd` do that? */
bool screen_rewrites(int fd);
/* Draws it, cut to the width. "" clears the line. */
void screen_status(int fd, const char *text);

#endif
