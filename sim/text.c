/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

size_t text_escape(unsigned char byte, char *buffer)
{
    static const char named[] = "\n\r\t\"\\", letters[] = "nrt\"\\";
    const char *which = byte ? strchr(named, byte) : NULL;
    if (which)
        return (size_t)snprintf(buffer, 5, "\\%c", letters[which - named]);
    if (byte < ' ' || byte > '~')
        return (size_t)snprintf(buffer, 5, "\\x%02x", byte);
    return (size_t)snprintf(buffer, 5, "%c", byte);
}

const char *text_quote(const char *text, char *buffer, size_t size)
{
    size_t room = size - 6; /* the opening quote is in `at`; `..."` and NUL follow */
    size_t at = 0, fit = 1; /* `fit`: where to cut if the rest turns out too long */
    buffer[at++] = '"';
    for (; *text; text++) {
        char one[5] = {*text, 0};
        size_t length = (unsigned char)*text >= 0x80 ? 1 : text_escape((unsigned char)*text, one);
        if (!is_continuation(*text) && at <= room + 1)
            fit = at;
        if (at + length + 2 > size) {
            strcpy(buffer + fit, "...\"");
            return buffer;
        }
        memcpy(buffer + at, one, length);
        at += length;
    }
    strcpy(buffer + at, "\"");
    return buffer;
}

const char *text_path(const char *path, char *buffer, size_t size)
{
    size_t length = strlen(path);
    if (length < size) {
        memcpy(buffer, path, length + 1);
    } else {
        const char *end = path + length - (size - 4);
        while (is_continuation(*end))
            end++;
        snprintf(buffer, size, "...%s", end);
    }
    for (char *c = buffer; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    }
    return buffer;
}

void text_shell(const char *word, FILE *out)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "_-+=./:,@%";
    if (*word && !word[strspn(word, safe)]) {
        fputs(word, out);
        return;
    }
    fputc('\'', out);
    for (; *word; word++)
        *word == '\'' ? fputs("'\\''", out) : fputc(*word, out);
    fputc('\'', out);
}

const char *text_group(uint64_t number, char buffer[TEXT_GROUP_SIZE])
{
    char digits[24];
    size_t count = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, number), at = 0;
    for (size_t i = 0; i < count; i++) {
        if (i && (count - i) % 3 == 0)
            buffer[at++] = ',';
        buffer[at++] = digits[i];
    }
    buffer[at] = 0;
    return buffer;
}
