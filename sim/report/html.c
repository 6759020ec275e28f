/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/report/html.h"

#include <ctype.h>
#include <nettle/base64.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mem/input.h"
#include "sim/text.h"

#define NARROW_SPACE "\u202f" /* does not break */
#define FULL_TITLE   16384    /* characters of a name that its title shows */

/* ---- Characters --------------------------------------------------------------------------- */

/* The character that the text begins with and its length in bytes; -1: no UTF-8, one byte. */
static int32_t decode(const char *text, size_t *length)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t n = text_utf8(text, strnlen(text, 4));
    *length = n ? n : 1;
    if (n == 0)
        return -1;
    int32_t code = n == 1 ? s[0] : s[0] & (0x7f >> n);
    for (size_t i = 1; i < n; i++)
        code = code << 6 | (s[i] & 0x3f);
    return code;
}

/* Has no picture, or changes that of its neighbours. */
static bool is_hidden(int32_t code)
{
    return code < ' ' || (code >= 0x7f && code < 0xa0) || code == 0xad ||
           text_is_deceptive((uint32_t)code) || (code & 0xfffe) == 0xfffe;
}

/* Writes the character that the text begins with; returns its length in bytes. */
static size_t put_character(FILE *out, const char *text)
{
    size_t length;
    int32_t code = decode(text, &length);
    const char *entity = code == '<'    ? "&lt;"
                         : code == '>'  ? "&gt;"
                         : code == '&'  ? "&amp;"
                         : code == '"'  ? "&quot;"
                         : code == '\'' ? "&#39;"
                                        : NULL;
    if (entity)
        fputs(entity, out);
    else if (code == '\n')
        fputs("\\n", out);
    else if (code == '\t')
        fputs("\\t", out);
    else if (code < 0 || (code < 0x80 && is_hidden(code)))
        fprintf(out, "\\x%02x", (unsigned char)*text);
    else if (is_hidden(code))
        fprintf(out, "\\u%04x", (unsigned)code);
    else
        fwrite(text, 1, length, out);
    return length;
}

static size_t skip(const char *text, size_t characters)
{
    size_t at = 0, length;
    for (size_t i = 0; i < characters && text[at]; i++) {
        decode(text + at, &length);
        at += length;
    }
    return at;
}

static size_t count_characters(const char *text)
{
    size_t count = 0, length;
    for (; *text; text += length, count++)
        decode(text, &length);
    return count;
}

/* ---- Texts -------------------------------------------------------------------------------- */

void html_text(FILE *out, const char *text)
{
    while (*text)
        text += put_character(out, text);
}

void html_short(FILE *out, const char *text, size_t room)
{
    size_t count = count_characters(text);
    if (count <= room) {
        html_text(out, text);
        return;
    }
    size_t last = room / 3, first = room - last;
    const char *end = text + skip(text, first);
    while (text < end)
        text += put_character(out, text);
    fputs("\u2026", out);
    html_text(out, text + skip(text, count - first - last));
}

void html_name(FILE *out, const char *name, size_t room)
{
    if (count_characters(name) <= room) {
        html_print(out, "<code>%s</code>", name);
        return;
    }
    fputs("<code title=\"", out);
    html_short(out, name, FULL_TITLE);
    fputs("\">", out);
    html_short(out, name, room);
    fputs("</code>", out);
}

/* Do three digits, and no more, follow? */
static bool is_group(const char *text)
{
    return isdigit((unsigned char)text[0]) && isdigit((unsigned char)text[1]) &&
           isdigit((unsigned char)text[2]) && !isdigit((unsigned char)text[3]);
}

/* Length of the unit that the text begins with, 0 if none does. */
static size_t unit_length(const char *text)
{
    static const char *const units[] = {"%",   "ns",  "us",  "ms",  "s",   "min",  "h",
                                        "nJ",  "uJ",  "mJ",  "J",   "V",   "B",    "KiB",
                                        "MiB", "GiB", "TiB", "kHz", "MHz", "bytes"};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        size_t length = strlen(units[i]);
        if (!strncmp(text, units[i], length) && !isalnum((unsigned char)text[length]))
            return length;
    }
    return 0;
}

void html_prose(FILE *out, const char *text)
{
    bool after_digit = false;
    while (*text) {
        size_t unit = after_digit && *text == ' ' ? unit_length(text + 1) : 0;
        bool parts = after_digit && *text == ',' && is_group(text + 1);
        after_digit = isdigit((unsigned char)*text);
        if (parts) {
            fputs(NARROW_SPACE, out);
            text++;
        } else if (unit) {
            fputs("\u00a0", out);
            text++;
            if (*text == 'u') {
                fputs("\u00b5", out);
                text++;
            }
        } else {
            text += put_character(out, text);
        }
    }
}

void html_print(FILE *out, const char *markup, ...)
{
    va_list arguments;
    va_start(arguments, markup);
    for (const char *at = markup; *at;) {
        size_t plain = strcspn(at, "%");
        fwrite(at, 1, plain, out);
        at += plain;
        if (!strncmp(at, "%s", 2)) {
            html_text(out, va_arg(arguments, const char *));
            at += 2;
        } else if (!strncmp(at, "%zu", 3)) {
            fprintf(out, "%zu", va_arg(arguments, size_t));
            at += 3;
        } else if (*at) {
            fputc('%', out);
            at += at[1] == '%' ? 2 : 1;
        }
    }
    va_end(arguments);
}

void html_url(FILE *out, const char *path)
{
    for (; *path; path++) {
        if (isalnum((unsigned char)*path) || strchr("-._~/", *path))
            fputc(*path, out);
        else
            fprintf(out, "%%%02x", (unsigned char)*path);
    }
}

void html_lines(FILE *out, const char *text)
{
    while (*text) {
        if (*text == '\n' || *text == '\t')
            fputc(*text++, out);
        else
            text += put_character(out, text);
    }
}

/* ---- Pictures ----------------------------------------------------------------------------- */

char *html_data_uri(const char *path, const char *type, size_t most)
{
    uint8_t *data;
    size_t size, head = strlen("data:;base64,") + strlen(type);
    if (input_slurp(path, false, most, &data, &size, NULL))
        return NULL;
    size_t body = BASE64_ENCODE_RAW_LENGTH(size);
    char *uri = size ? malloc(head + body + 1) : NULL;
    if (uri) {
        snprintf(uri, head + 1, "data:%s;base64,", type);
        base64_encode_raw(uri + head, size, data);
        uri[head + body] = '\0';
    }
    free(data);
    return uri;
}
