/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* vasprintf(), wcwidth() */
#include "sim/screen.h"

#include <inttypes.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#include "sim/text.h"

#define MIN_WIDTH  20
#define MAX_WIDTH  1000
#define LABEL      16 /* columns that a label takes with the space behind it */
#define HASH       64
#define WIDE       (2 + LABEL + HASH)
#define MAX_STATUS 4096

#define GOOD  "\033[1;32m"
#define BAD   "\033[1;31m"
#define DIM   "\033[2m"
#define PLAIN "\033[0m"

/* ---- Characters ---------------------------------------------------------------------------- */

struct character {
    char text[12];    /* as it is printed */
    size_t bytes;     /* that it takes of the original */
    unsigned columns; /* that it takes of the line */
};

/* A locale for the calling thread alone, and for as long as something is printed. */
struct scope {
    locale_t ours, before;
};

static struct scope scope_enter(bool terminal)
{
    struct scope scope = {.ours = newlocale(LC_CTYPE_MASK, terminal ? "" : "C.UTF-8", NULL)};
    if (scope.ours)
        scope.before = uselocale(scope.ours);
    return scope;
}

static void scope_leave(const struct scope *scope)
{
    if (!scope->ours)
        return;
    uselocale(scope->before);
    freelocale(scope->ours);
}

/* `at` is not at the end. */
static struct character next_character(const char *at)
{
    struct character next = {.bytes = 1};
    mbstate_t state = {0};
    wchar_t c = 0;
    size_t bytes = mbrtowc(&c, at, strnlen(at, 16), &state);
    bool whole = bytes > 0 && bytes <= 8;
    int columns = whole ? wcwidth(c) : -1;
    if (whole && columns >= 0 && !text_is_deceptive((uint32_t)c)) {
        memcpy(next.text, at, bytes);
        next.bytes = bytes;
        next.columns = (unsigned)columns;
        return next;
    }
    if (whole && c >= 0x80) {
        next.columns = (unsigned)snprintf(next.text, sizeof next.text, "\\u%04" PRIx32,
                                          (uint32_t)c & 0x1fffff);
        next.bytes = bytes;
    } else {
        next.columns =
            (unsigned)snprintf(next.text, sizeof next.text, "\\x%02x", (unsigned char)*at);
    }
    return next;
}

static unsigned columns_of(const char *text, size_t length)
{
    unsigned columns = 0;
    for (size_t i = 0; i < length;) {
        struct character next = next_character(text + i);
        columns += next.columns;
        i += next.bytes;
    }
    return columns;
}

/* ---- Lines --------------------------------------------------------------------------------- */

struct cursor {
    const struct screen *screen;
    unsigned column, indent; /* of the lines after the first */
    bool blank;              /* in front of it: the line may end here */
};

static void put_characters(struct cursor *cursor, const char *text, size_t length)
{
    const struct screen *screen = cursor->screen;
    for (size_t i = 0; i < length;) {
        struct character next = next_character(text + i);
        if (screen->width && cursor->column + next.columns > screen->width) {
            fprintf(screen->out, "\n%*s", (int)cursor->indent, "");
            cursor->column = cursor->indent;
        }
        fputs(next.text, screen->out);
        cursor->column += next.columns;
        i += next.bytes;
    }
}

static void put_words(struct cursor *cursor, const char *text)
{
    const struct screen *screen = cursor->screen;
    while (*text) {
        size_t spaces = strspn(text, " "), length = strcspn(text + spaces, " ");
        const char *word = text + spaces;
        unsigned columns = columns_of(word, length);
        bool may_end = spaces || (cursor->blank && cursor->indent + columns <= screen->width);
        if (screen->width && may_end && cursor->column > cursor->indent &&
            cursor->column + spaces + columns > screen->width) {
            fprintf(screen->out, "\n%*s", (int)cursor->indent, "");
            cursor->column = cursor->indent;
        } else {
            put_characters(cursor, text, spaces);
        }
        put_characters(cursor, word, length);
        cursor->blank = length == 0;
        text = word + length;
    }
}

static void put_styled(struct cursor *cursor, const char *style, const char *text)
{
    bool styled = cursor->screen->colour && *text;
    if (styled)
        fputs(style, cursor->screen->out);
    put_characters(cursor, text, strlen(text));
    if (styled)
        fputs(PLAIN, cursor->screen->out);
}

/* Blanks up to the column, at least one, from which on the row goes on. */
static void indent_row(struct cursor *cursor, unsigned to)
{
    const struct screen *screen = cursor->screen;
    if (cursor->column >= to)
        to = cursor->column + 1;
    fprintf(screen->out, "%*s", (int)(to - cursor->column), "");
    cursor->column = to;
    cursor->indent = screen->width && to > screen->width / 2 ? 2 : to;
    cursor->blank = true;
}

/* Indentation and label; where a hash would not fit they take less, so that it fits 80 columns. */
static struct cursor begin_row(const struct screen *screen, const char *label)
{
    bool narrow = screen->width && screen->width < WIDE;
    struct cursor cursor = {.screen = screen, .column = narrow ? 0 : 2};
    fprintf(screen->out, "%*s", (int)cursor.column, "");
    put_styled(&cursor, DIM, label);
    indent_row(&cursor, narrow ? LABEL - 1 : 2 + LABEL);
    return cursor;
}

static bool environment_has(const char *name)
{
    const char *value = getenv(name);
    return value && *value;
}

static bool is_dumb(void)
{
    const char *term = getenv("TERM");
    return !term || !*term || !strcmp(term, "dumb");
}

unsigned screen_columns(int fd)
{
    const char *text = getenv("COLUMNS");
    unsigned long columns = text && *text >= '0' && *text <= '9' ? strtoul(text, NULL, 10) : 0;
    struct winsize window;
    if (!columns && ioctl(fd, TIOCGWINSZ, &window) == 0)
        columns = window.ws_col;
    if (!columns)
        columns = 80;
    return columns < MIN_WIDTH ? MIN_WIDTH : columns > MAX_WIDTH ? MAX_WIDTH : (unsigned)columns;
}

void screen_open(struct screen *screen, FILE *out)
{
    int fd = fileno(out);
    *screen = (struct screen){.out = out, .terminal = fd >= 0 && isatty(fd)};
    screen->colour = screen->terminal && !is_dumb() && !environment_has("NO_COLOR");
    screen->width = screen->terminal ? screen_columns(fd) : 0;
}

void screen_verdict(const struct screen *screen, bool good, const char *word, const char *text)
{
    struct scope scope = scope_enter(screen->terminal);
    struct cursor cursor = {.screen = screen, .indent = 2};
    put_words(&cursor, "iaso: ");
    put_styled(&cursor, good ? GOOD : BAD, word);
    put_words(&cursor, ": ");
    put_words(&cursor, text);
    fputc('\n', screen->out);
    scope_leave(&scope);
}

void screen_row(const struct screen *screen, const char *label, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0)
        return;
    struct scope scope = scope_enter(screen->terminal);
    struct cursor cursor = begin_row(screen, label);
    put_words(&cursor, text);
    fputc('\n', screen->out);
    scope_leave(&scope);
    free(text);
}

void screen_item(const struct screen *screen, const char *left, unsigned column, const char *text)
{
    struct scope scope = scope_enter(screen->terminal);
    struct cursor cursor = {.screen = screen};
    put_characters(&cursor, left, strlen(left));
    indent_row(&cursor, column);
    put_words(&cursor, text);
    fputc('\n', screen->out);
    scope_leave(&scope);
}

/* As many bytes of the text as fit, in front of `behind` columns if not all of it does. */
static size_t fitting(const char *text, unsigned room, unsigned behind)
{
    size_t at = 0, fit = 0;
    unsigned columns = 0;
    while (text[at]) {
        struct character next = next_character(text + at);
        if (columns + next.columns > room)
            return fit;
        columns += next.columns;
        at += next.bytes;
        if (columns + behind <= room)
            fit = at;
    }
    return at;
}

void screen_value(const struct screen *screen, const char *label, const char *text)
{
    struct scope scope = scope_enter(screen->terminal);
    struct cursor cursor = begin_row(screen, label);
    size_t length = strlen(text), fit = length;
    if (screen->width)
        fit = fitting(text, screen->width > cursor.column ? screen->width - cursor.column : 0, 3);
    put_characters(&cursor, text, fit);
    fprintf(screen->out, "%s\n", fit < length ? "..." : "");
    scope_leave(&scope);
}

void screen_text(const struct screen *screen, const char *text)
{
    struct scope scope = scope_enter(screen->terminal);
    const struct screen endless = {.out = screen->out};
    struct cursor cursor = {.screen = &endless};
    while (*text) {
        size_t length = strcspn(text, "\n");
        put_characters(&cursor, text, length);
        text += length;
        if (*text)
            fputc(*text++, screen->out);
    }
    scope_leave(&scope);
}

/* ---- Tables -------------------------------------------------------------------------------- */

#define GAP 2

static unsigned column_width(const char *const *cells, size_t rows, size_t columns, size_t column)
{
    unsigned width = 0;
    for (size_t row = 0; row < rows; row++) {
        const char *cell = cells[row * columns + column];
        unsigned wanted = columns_of(cell, strlen(cell));
        width = wanted > width ? wanted : width;
    }
    return width;
}

static void print_cell(struct cursor *cursor, const char *cell, unsigned width, bool first,
                       bool head)
{
    size_t length = strlen(cell);
    unsigned blanks = width - columns_of(cell, length);
    if (!first)
        fprintf(cursor->screen->out, "%*s", (int)(GAP + blanks), "");
    put_styled(cursor, head ? DIM : "", cell);
    if (first)
        fprintf(cursor->screen->out, "%*s", (int)blanks, "");
}

/* The row's name, and under it what the columns say. */
static void print_paragraph(const struct screen *screen, const char *const *heads,
                            const char *const *row, size_t columns, unsigned head_width)
{
    struct cursor cursor = {.screen = screen, .indent = 2};
    put_words(&cursor, row[0]);
    fputc('\n', screen->out);
    for (size_t i = 1; i < columns; i++) {
        unsigned blanks = head_width - columns_of(heads[i], strlen(heads[i])) + GAP;
        cursor = (struct cursor){.screen = screen, .column = 2, .indent = 4};
        fputs("  ", screen->out);
        put_styled(&cursor, DIM, heads[i]);
        fprintf(screen->out, "%*s", (int)blanks, "");
        cursor.column += blanks;
        put_words(&cursor, row[i] + strspn(row[i], " "));
        fputc('\n', screen->out);
    }
}

void screen_table(const struct screen *screen, const char *const *cells, size_t rows,
                  size_t columns)
{
    struct scope scope = scope_enter(screen->terminal);
    const struct screen endless = {.out = screen->out, .colour = screen->colour};
    unsigned total = 0, heads = 0;
    for (size_t i = 0; i < columns; i++) {
        total += column_width(cells, rows, columns, i) + (i ? GAP : 0);
        unsigned head = i ? column_width(cells + i, 1, columns, 0) : 0;
        heads = head > heads ? head : heads;
    }
    bool fits = !screen->width || total <= screen->width;
    for (size_t row = fits ? 0 : 1; row < rows; row++) {
        if (!fits) {
            print_paragraph(screen, cells, cells + row * columns, columns, heads);
            continue;
        }
        struct cursor cursor = {.screen = &endless};
        for (size_t i = 0; i < columns; i++)
            print_cell(&cursor, cells[row * columns + i], column_width(cells, rows, columns, i),
                       i == 0, row == 0);
        fputc('\n', screen->out);
    }
    scope_leave(&scope);
}

/* ---- The line that is written over --------------------------------------------------------- */

bool screen_rewrites(int fd)
{
    return isatty(fd) && !is_dumb();
}

void screen_status(int fd, const char *text)
{
    char line[MAX_STATUS + 8] = "\r";
    size_t length = 1;
    unsigned column = 0, width = screen_columns(fd) - 1; /* the last column makes some wrap */
    struct scope scope = scope_enter(true);
    while (*text && length < MAX_STATUS - 12) {
        struct character next = next_character(text);
        if (column + next.columns > width)
            break;
        length += (size_t)snprintf(line + length, sizeof line - length, "%s", next.text);
        column += next.columns;
        text += next.bytes;
    }
    scope_leave(&scope);
    length += (size_t)snprintf(line + length, sizeof line - length, "\033[K");
    if (write(fd, line, length) < 0)
        return; /* a terminal that went away is of no interest */
}
