/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/text.h"

#include <inttypes.h>
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

size_t text_utf8(const void *text, size_t left)
{
    const unsigned char *s = text;
    size_t length = left == 0                     ? 0
                    : s[0] < 0x80                 ? 1
                    : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
                    : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
                    : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                                  : 0;
    if (length == 0 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool surrogate = s[0] == 0xed && s[1] >= 0xa0;
    bool beyond = s[0] == 0xf4 && s[1] >= 0x90;
    return overlong || surrogate || beyond ? 0 : length;
}

bool text_is_deceptive(uint32_t c)
{
    return (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
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

void text_hex(const uint8_t *bytes, size_t count, char *hex)
{
    *hex = 0;
    for (size_t i = 0; i < count; i++)
        sprintf(hex + 2 * i, "%02x", bytes[i]);
}
