/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/text.h"

enum walk_origin walk_origin(const struct walk *walk, const char *path)
{
    return override_made(walk->overrides, path)      ? ORIGIN_COMMAND_LINE
           : override_made(&walk->from_preset, path) ? ORIGIN_PRESET
                                                     : ORIGIN_FILE;
}

int walk_fail(struct walk *walk, const char *format, ...)
{
    char message[sizeof walk->err->text], file[120];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    enum walk_origin origin = walk_origin(walk, walk->path);
    if (origin == ORIGIN_COMMAND_LINE)
        return error_set(walk->err, "--set %s: %s", walk->path, message);
    text_path(walk->config->path, file, sizeof file);
    if (origin == ORIGIN_PRESET) {
        enum preset_kind kind = PRESET_RECOVERY;
        while (preset_section(kind) &&
               strncmp(walk->path, preset_section(kind), strlen(preset_section(kind))))
            kind++;
        return error_set(walk->err, "%s: %s (of %s %s): %s", file, walk->path,
                         kind == PRESET_BOARD ? "board" : "preset", walk->preset_names[kind],
                         message);
    }
    return error_set(walk->err, "%s: %s%s%s", file, walk->path, walk->path[0] ? ": " : "", message);
}

size_t walk_enter(struct walk *walk, const char *name, size_t index)
{
    size_t length = strlen(walk->path), room = sizeof walk->path - length;
    if (!name)
        snprintf(walk->path + length, room, "[%zu]", index);
    else
        snprintf(walk->path + length, room, "%s%s", length ? "." : "", name);
    return length;
}

void walk_leave(struct walk *walk, size_t length)
{
    walk->path[length] = 0;
}

void walk_at(struct walk *walk, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(walk->path, sizeof walk->path, format, args);
    va_end(args);
}

const char *walk_describe(const cJSON *node, char *buffer, size_t size)
{
    if (cJSON_IsString(node))
        return text_quote(node->valuestring, buffer, size);
    if (cJSON_IsNumber(node))
        snprintf(buffer, size, "%.*g", fabs(node->valuedouble) >= 1e15 ? 17 : 15,
                 node->valuedouble);
    else
        snprintf(buffer, size, "%s",
                 cJSON_IsBool(node)     ? (cJSON_IsTrue(node) ? "true" : "false")
                 : cJSON_IsArray(node)  ? "an array"
                 : cJSON_IsObject(node) ? "an object"
                                        : "null");
    return buffer;
}

int walk_wrong(struct walk *walk, const char *expected, const cJSON *found)
{
    char buffer[WALK_FOUND_SIZE];
    return walk_fail(walk, "expected %s, found %s", expected,
                     walk_describe(found, buffer, sizeof buffer));
}

int walk_file(struct walk *walk, const char *file, bool for_writing)
{
    const char *wanted = for_writing ? "a file to read and write" : "a file to read";
    char quoted[2 * WALK_FOUND_SIZE];
    struct stat status;
    text_quote(file, quoted, sizeof quoted);
    if (stat(file, &status))
        return walk_fail(walk, "expected %s, but %s: %s", wanted, quoted, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return walk_fail(walk, "expected %s, but %s is %s", wanted, quoted,
                         S_ISDIR(status.st_mode) ? "a directory" : "not a regular file");
    if (status.st_size == 0)
        return walk_fail(walk, "expected %s, but %s is empty", wanted, quoted);
    int fd = open(file, (for_writing ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return walk_fail(walk, "expected %s, but %s: %s", wanted, quoted, strerror(errno));
    close(fd);
    return 0;
}
