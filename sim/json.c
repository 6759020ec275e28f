/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/json.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/text.h"

/* Checks the grammar and knows the position; the tree is then cJSON's work. */
struct reader {
    const unsigned char *text;
    size_t length, at;
    unsigned depth;
    struct error *err;
};

/* The byte at the reader, or -1 at the end. */
static int peek(const struct reader *reader)
{
    return reader->at < reader->length ? reader->text[reader->at] : -1;
}

static int fail_at(struct reader *reader, size_t at, const char *what)
{
    size_t line = 1, column = 1;
    for (size_t i = 0; i < at; i++) {
        if (reader->text[i] == '\n') {
            line++;
            column = 1;
        } else if ((reader->text[i] & 0xc0) != 0x80) {
            column++;
        }
    }
    return error_set(reader->err, "%zu:%zu: %s", line, column, what);
}

/* Length of the UTF-8 sequence at the reader, 0 if it is not one. */
static size_t utf8_length(const struct reader *reader)
{
    return text_utf8(reader->text + reader->at, reader->length - reader->at);
}

static bool is_letter(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int unexpected(struct reader *reader, const char *expected)
{
    char found[40] = "the end of the text", word[16] = {0}, message[120];
    if (reader->at < reader->length) {
        const unsigned char *text = reader->text + reader->at;
        size_t left = reader->length - reader->at, length = utf8_length(reader);
        while (is_letter(text[0]) && length < sizeof word - 1 && length < left &&
               is_letter(text[length]))
            length++;
        memcpy(word, text, length);
        text_quote(word, found, sizeof found);
        if (!word[0])
            snprintf(found, sizeof found, "the byte 0x%02x", text[0]);
    }
    snprintf(message, sizeof message, "expected %s, found %s", expected, found);
    return fail_at(reader, reader->at, message);
}

static void skip_space(struct reader *reader)
{
    int c;
    while (c = peek(reader), c == ' ' || c == '\t' || c == '\n' || c == '\r')
        reader->at++;
}

/* The four digits after "\u" at `at`, or -1. */
static int hex4(const struct reader *reader, size_t at)
{
    int value = 0;
    for (size_t i = at; i < at + 4; i++) {
        int c = i < reader->length ? reader->text[i] : 0;
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* At a backslash. */
static int check_escape(struct reader *reader)
{
    size_t start = reader->at++;
    int c = peek(reader);
    if (c > 0 && strchr("\"\\/bfnrt", c)) {
        reader->at++;
        return 0;
    }
    if (c != 'u')
        return fail_at(reader, start, "expected an escape such as \\n or \\u0041 after \"\\\"");
    int unit = hex4(reader, reader->at + 1);
    reader->at += 5;
    if (unit < 0)
        return fail_at(reader, start, "expected four hexadecimal digits after \"\\u\"");
    if (unit == 0)
        return fail_at(reader, start, "\\u0000 is not allowed in a string");
    if (unit < 0xd800 || unit > 0xdfff)
        return 0;
    int low = peek(reader) == '\\' && reader->at + 1 < reader->length &&
                      reader->text[reader->at + 1] == 'u'
                  ? hex4(reader, reader->at + 2)
                  : -1;
    if (unit > 0xdbff || low < 0xdc00 || low > 0xdfff)
        return fail_at(reader, start, "expected a pair of UTF-16 surrogates, found half of one");
    reader->at += 6;
    return 0;
}

static int check_string(struct reader *reader)
{
    size_t start = reader->at++;
    for (;;) {
        int c = peek(reader);
        if (c < 0)
            return fail_at(reader, start, "the string that begins here has no end");
        if (c == '"') {
            reader->at++;
            return 0;
        }
        if (c == '\\') {
            if (check_escape(reader))
                return -1;
            continue;
        }
        if (c < ' ')
            return fail_at(reader, reader->at,
                           c == '\n'
                               ? "the string on this line has no end (write \\n for a new line)"
                               : "expected an escape such as \\t, found a control character");
        size_t length = utf8_length(reader);
        if (length == 0)
            return fail_at(reader, reader->at, "expected UTF-8 text, found a byte that is not");
        reader->at += length;
    }
}

static bool skip_digits(struct reader *reader)
{
    size_t start = reader->at;
    while (peek(reader) >= '0' && peek(reader) <= '9')
        reader->at++;
    return reader->at > start;
}

static int check_number(struct reader *reader)
{
    size_t start = reader->at;
    if (peek(reader) == '-')
        reader->at++;
    size_t digits = reader->at;
    if (!skip_digits(reader))
        return unexpected(reader, "a digit");
    if (reader->text[digits] == '0' && reader->at > digits + 1)
        return fail_at(reader, start, "expected a number without leading zeros");
    if (peek(reader) == '.') {
        reader->at++;
        if (!skip_digits(reader))
            return unexpected(reader, "a digit");
    }
    if (peek(reader) == 'e' || peek(reader) == 'E') {
        reader->at++;
        if (peek(reader) == '+' || peek(reader) == '-')
            reader->at++;
        if (!skip_digits(reader))
            return unexpected(reader, "a digit");
    }
    char digits_copy[64];
    size_t length = reader->at - start;
    if (length >= sizeof digits_copy) /* cJSON cuts them at that, silently */
        return fail_at(reader, start, "expected a number of fewer than 64 characters");
    memcpy(digits_copy, reader->text + start, length);
    digits_copy[length] = 0;
    if (!isfinite(strtod(digits_copy, NULL)))
        return fail_at(reader, start, "the number is too large");
    return 0;
}

static int check_word(struct reader *reader)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t length = strlen(words[i]);
        if (reader->length - reader->at >= length &&
            !memcmp(reader->text + reader->at, words[i], length)) {
            reader->at += length;
            return 0;
        }
    }
    return unexpected(reader, "a value");
}

static int check_value(struct reader *reader);

/* At the opening bracket of an object or an array. */
static int check_members(struct reader *reader)
{
    bool object = reader->text[reader->at] == '{';
    int close = object ? '}' : ']';
    if (reader->depth == JSON_MAX_DEPTH)
        return fail_at(reader, reader->at, "nested too deeply");
    reader->depth++;
    reader->at++;
    skip_space(reader);
    for (bool first = true; !(first && peek(reader) == close); first = false) {
        if (object) {
            if (peek(reader) != '"')
                return unexpected(reader, first ? "a key in quotes or \"}\"" : "a key in quotes");
            if (check_string(reader))
                return -1;
            skip_space(reader);
            if (peek(reader) != ':')
                return unexpected(reader, "\":\"");
            reader->at++;
        }
        if (check_value(reader))
            return -1;
        skip_space(reader);
        if (peek(reader) == close)
            break;
        if (peek(reader) != ',')
            return unexpected(reader, object ? "\",\" or \"}\"" : "\",\" or \"]\"");
        reader->at++;
        skip_space(reader);
    }
    reader->at++;
    reader->depth--;
    return 0;
}

static int check_value(struct reader *reader)
{
    skip_space(reader);
    int c = peek(reader);
    if (c == '{' || c == '[')
        return check_members(reader);
    if (c == '"')
        return check_string(reader);
    if (c == '-' || (c >= '0' && c <= '9'))
        return check_number(reader);
    return check_word(reader);
}

static cJSON *parse(const char *text, size_t length, struct error *err)
{
    if (length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
        text += 3;
        length -= 3;
    }
    struct reader reader = {.text = (const unsigned char *)text, .length = length, .err = err};
    if (check_value(&reader))
        return NULL;
    skip_space(&reader);
    if (reader.at < length) {
        unexpected(&reader, "nothing after the end of the value");
        return NULL;
    }
    cJSON *json = cJSON_ParseWithLength(text, length);
    if (!json)
        error_set(err, "1:1: out of memory");
    return json;
}

cJSON *json_parse(const char *text, size_t length, struct error *err)
{
    if (length <= JSON_MAX_SIZE)
        return parse(text, length, err);
    error_set(err, "1:1: expected at most 1 MiB of text");
    return NULL;
}

/* At most limit + 1 bytes of the file; NULL with errno set. */
static char *read_file(const char *path, size_t limit, size_t *length)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    char *text = malloc(limit + 1);
    int error = text ? 0 : ENOMEM;
    if (!error && fstat(fd, &status) == 0 && S_ISDIR(status.st_mode))
        error = EISDIR;
    *length = 0;
    while (!error && *length < limit + 1) {
        ssize_t n = read(fd, text + *length, limit + 1 - *length);
        if (n == 0)
            break;
        if (n > 0)
            *length += (size_t)n;
        else if (errno != EINTR)
            error = errno;
    }
    close(fd);
    if (!error)
        return text;
    free(text);
    errno = error;
    return NULL;
}

cJSON *json_parse_large_file(const char *path, size_t limit, struct error *err)
{
    char name[200];
    size_t length;
    text_path(path, name, sizeof name);
    char *text = read_file(path, limit, &length);
    if (!text) {
        error_set(err, "%s: cannot read the file: %s", name, strerror(errno));
        return NULL;
    }
    cJSON *json = NULL;
    if (length > limit) {
        error_set(err, "%s: expected a file of at most %zu MiB, found a larger one", name,
                  limit >> 20);
    } else {
        json = parse(text, length, err);
        if (!json)
            error_prefix(err, "%s:", name);
    }
    free(text);
    return json;
}

cJSON *json_parse_file(const char *path, struct error *err)
{
    return json_parse_large_file(path, JSON_MAX_SIZE, err);
}

static void clean_text(char *text)
{
    struct reader reader = {.text = (unsigned char *)text, .length = text ? strlen(text) : 0};
    while (reader.at < reader.length) {
        size_t length = utf8_length(&reader);
        if (length == 0)
            text[reader.at] = '?';
        reader.at += length ? length : 1;
    }
}

void json_clean(cJSON *json)
{
    for (cJSON *item = json; item; item = item->next) {
        clean_text(item->string);
        clean_text(item->valuestring);
        json_clean(item->child);
    }
}
