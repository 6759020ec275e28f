/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/display/display_text.h"

#include <stdlib.h>
#include <string.h>

#define ESCAPE 0x1b
#define TAB    8

int display_text_resize(struct display_text *text, unsigned columns, unsigned rows)
{
    char *cells = realloc(text->cells, (size_t)columns * rows);
    if (!cells)
        return -1;
    *text = (struct display_text){.columns = columns, .rows = rows, .cells = cells};
    memset(cells, ' ', (size_t)columns * rows);
    return 0;
}

void display_text_free(struct display_text *text)
{
    free(text->cells);
    *text = (struct display_text){0};
}

static void new_line(struct display_text *text)
{
    text->column = 0;
    if (text->row + 1 < text->rows) {
        text->row++;
        return;
    }
    size_t kept = (size_t)text->columns * (text->rows - 1);
    memmove(text->cells, text->cells + text->columns, kept);
    memset(text->cells + kept, ' ', text->columns);
}

static void put(struct display_text *text, char c)
{
    if (text->column == text->columns)
        new_line(text);
    text->cells[(size_t)text->row * text->columns + text->column++] = c;
}

static void move(struct display_text *text, long by)
{
    long column = (long)text->column + by, last = (long)text->columns - 1;
    text->column = (unsigned)(column < 0 ? 0 : column > last ? last : column);
}

static void erase(struct display_text *text, unsigned from, size_t to)
{
    size_t start = (size_t)text->row * text->columns + from;
    if (start < to)
        memset(text->cells + start, ' ', to - start);
}

static void control(struct display_text *text, char final, long number)
{
    size_t end_of_line = (size_t)(text->row + 1) * text->columns;
    if (final == 'K')
        erase(text, number ? 0 : text->column, end_of_line);
    else if (final == 'J' && number == 0)
        erase(text, text->column, (size_t)text->rows * text->columns);
    else if (final == 'J')
        (void)display_text_resize(text, text->columns, text->rows); /* no larger: cannot fail */
    else if (final == 'H')
        text->row = text->column = 0;
    else if (final == 'C')
        move(text, number ? number : 1);
    else if (final == 'D')
        move(text, number ? -number : -1);
}

/* Behind ESC; returns how many bytes belong to the sequence. */
static size_t escape(struct display_text *text, const uint8_t *bytes, size_t count)
{
    size_t i = 1;
    long number = 0;
    if (count == 0 || bytes[0] != '[')
        return count != 0;
    for (; i < count && bytes[i] >= 0x20 && bytes[i] < 0x40; i++)
        if (bytes[i] >= '0' && bytes[i] <= '9' && number < 1000)
            number = 10 * number + (bytes[i] - '0');
    if (i == count)
        return i;
    control(text, (char)bytes[i], number);
    return i + 1;
}

void display_text_show(struct display_text *text, const uint8_t *bytes, size_t count)
{
    (void)display_text_resize(text, text->columns, text->rows);
    for (size_t i = 0; i < count; i++) {
        uint8_t byte = bytes[i];
        if (byte == ESCAPE)
            i += escape(text, bytes + i + 1, count - i - 1);
        else if (byte == '\n')
            new_line(text);
        else if (byte == '\r')
            text->column = 0;
        else if (byte == '\b')
            move(text, -1);
        else if (byte == '\t' && text->column < text->columns)
            move(text, TAB - (long)(text->column % TAB));
        else if (byte >= ' ' && byte < 0x7f)
            put(text, (char)byte);
        else if (byte >= 0xc0) /* the first byte of a character */
            put(text, '?');
    }
}

const char *display_text_line(const struct display_text *text, unsigned row)
{
    return text->cells + (size_t)row * text->columns;
}
