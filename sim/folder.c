/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_PATH 4096

int folder_make(const char *name, struct error *err)
{
    char path[MAX_PATH];
    if (!*name)
        return error_set(err, "expected the name of a directory, got \"\"");
    if (strlen(name) >= sizeof path / 2)
        return error_set(err, "%.60s...: the name is too long (%zu bytes, of at most %zu)", name,
                         strlen(name), sizeof path / 2 - 1);
    strcpy(path, name);
    for (char *end = path + 1;; end++) {
        char rest = *end;
        if (rest && rest != '/')
            continue;
        *end = '\0';
        if (mkdir(path, 0777) && errno != EEXIST)
            return error_set(err, "%s: cannot make the directory: %s", path, strerror(errno));
        *end = rest;
        if (!rest)
            break;
    }
    struct stat st;
    if (stat(name, &st))
        return error_set(err, "%s: %s", name, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return error_set(err, "%s: not a directory", name);
    return 0;
}

int folder_make_for(const char *file, struct error *err)
{
    const char *slash = strrchr(file, '/');
    char folder[MAX_PATH];
    size_t length = slash ? (size_t)(slash - file) : 0;
    if (length == 0)
        return 0;
    if (length >= sizeof folder)
        return error_set(err, "%.60s...: the name is too long", file);
    memcpy(folder, file, length);
    folder[length] = 0;
    return folder_make(folder, err);
}

int folder_check_file(const char *file, const char *what, struct error *err)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0)
        unlink(file);
    else if (errno == EEXIST) /* a pipe that nobody reads yet is good enough */
        fd = open(file, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    else if (errno != ENXIO)
        return error_set(err, "%s: cannot write the %s: %s", file, what, strerror(errno));
    return 0;
}
