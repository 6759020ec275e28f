/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "power/rows.h"

#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem/input.h"

#define MAX_SIZE (256u << 20)

int rows_open(struct rows *rows, const char *path, struct error *err)
{
    uint8_t *text;
    size_t size;
    *rows = (struct rows){.path = path};
    if (input_slurp(path, true, MAX_SIZE, &text, &size, err))
        return -1;
    rows->text = rows->next = (char *)text;
    rows->end = rows->text + size;
    if (memchr(text, 0, size)) {
        rows_close(rows);
        return error_set(err, "%s: expected text, found a byte of value 0", path);
    }
    if (strncmp(rows->text, "\xef\xbb\xbf", 3) == 0)
        rows->next += 3;
    return 0;
}

void rows_close(struct rows *rows)
{
    free(rows->text);
    rows->text = NULL;
}

static char *trim(char *text)
{
    text += strspn(text, " \"");
    for (size_t n = strlen(text); n && strchr(" \"\r", text[n - 1]); n--)
        text[n - 1] = 0;
    return text;
}

bool rows_next(struct rows *rows)
{
    while (rows->next < rows->end) {
        char *row = rows->next, *end = memchr(row, '\n', (size_t)(rows->end - row));
        if (!end)
            end = rows->end;
        *end = 0;
        rows->next = end + 1;
        rows->line++;
        row = trim(row);
        if (*row == 0 || *row == '#')
            continue;
        rows->rest = row;
        rows->by_words = !strpbrk(row, ",;\t");
        return true;
    }
    rows->rest = NULL;
    return false;
}

/* Where the field ends, and *next where another begins, or NULL. */
static char *field_end(const struct rows *rows, char *field, char **next)
{
    char *end = field + strcspn(field, rows->by_words ? " " : ",;\t");
    *next = rows->by_words ? end + strspn(end, " ") : end + 1;
    if (!*end || (rows->by_words && !**next))
        *next = NULL;
    return end;
}

char *rows_field(struct rows *rows)
{
    char *field = rows->rest;
    if (!field)
        return NULL;
    *field_end(rows, field, &rows->rest) = 0;
    return trim(field);
}

size_t rows_width(const struct rows *rows)
{
    size_t count = 0;
    for (char *field = rows->rest; field; count++)
        field_end(rows, field, &field);
    return count;
}

const char *rows_shown(const char *text, char buffer[ROWS_SHOWN])
{
    size_t size = 0;
    for (; text[size] && size < ROWS_SHOWN - 1; size++)
        buffer[size] = isprint((unsigned char)text[size]) ? text[size] : '?';
    buffer[size] = 0;
    return buffer;
}

int rows_error(const struct rows *rows, struct error *err, const char *expected, const char *found)
{
    char shown[ROWS_SHOWN];
    return error_set(err, "%s:%u: expected %s, found \"%s\"", rows->path, rows->line, expected,
                     rows_shown(found, shown));
}

int rows_parse(const char *text, double *value)
{
    char *end;
    if (!*text || text[strspn(text, "+-.0123456789eE")])
        return -1;
    *value = strtod(text, &end);
    return *end == 0 && isfinite(*value) ? 0 : -1;
}

int rows_number(struct rows *rows, const char *what, double *value, struct error *err)
{
    const char *field = rows_field(rows);
    if (!field)
        return error_set(err, "%s:%u: expected a number for %s, found the end of the line",
                         rows->path, rows->line, what);
    if (rows_parse(field, value) == 0)
        return 0;
    char expected[64];
    snprintf(expected, sizeof expected, "a number for %s", what);
    return rows_error(rows, err, expected, field);
}

/* Copies letters, in lower case, and returns what follows; NULL if there are none or too many. */
static const char *copy_word(const char *text, char *word)
{
    size_t size = 0;
    for (; isalpha((unsigned char)*text); text++) {
        if (size == ROWS_NAME - 1)
            return NULL;
        word[size++] = (char)tolower((unsigned char)*text);
    }
    word[size] = 0;
    return size ? text : NULL;
}

int rows_column(const char *field, char *name, char *unit)
{
    field = copy_word(field, name);
    if (!field)
        return -1;
    *unit = 0;
    if (!*(field += strspn(field, " _[(")))
        return 0;
    field = copy_word(field, unit);
    return field && field[strspn(field, " ])")] == 0 ? 0 : -1;
}
