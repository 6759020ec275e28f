/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* F_OFD_SETLK */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/campaign/store_schema.h"
#include "sim/campaign/store_state.h"

/* https://www.sqlite.org/fileformat.html, "The Database Header" */
#define HEADER_SIZE           72
#define HEADER_USER_VERSION   60
#define HEADER_APPLICATION_ID 68

/* Behind the bytes that SQLite locks. A lock here keeps other campaigns away, but no readers. */
#define LOCK_BYTE (0x40000000 + 1024)

static uint32_t big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Looks at the file itself: SQLite would repair a foreign database that crashed. */
static int check_header(const struct store *store, struct error *err)
{
    uint8_t header[HEADER_SIZE] = {0};
    ssize_t length = pread(store->fd, header, sizeof header, 0);
    if (length < 0)
        return error_set(err, "%s: cannot read: %s", store->path, strerror(errno));
    if (length < (ssize_t)sizeof header || memcmp(header, "SQLite format 3", 16) ||
        big_endian(header + HEADER_APPLICATION_ID) != STORE_APPLICATION_ID)
        return error_set(err, "%s: expected the database of a campaign, found something else",
                         store->path);
    uint32_t version = big_endian(header + HEADER_USER_VERSION);
    if (version != STORE_VERSION)
        return error_set(err,
                         "%s: expected version %d of the database, found %u: made by another "
                         "iaso",
                         store->path, STORE_VERSION, version);
    return 0;
}

static int lock(const struct store *store, struct error *err)
{
    struct flock wanted = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCK_BYTE, .l_len = 1};
    if (fcntl(store->fd, F_OFD_SETLK, &wanted) == 0)
        return 0;
    if (errno == EAGAIN || errno == EACCES)
        return error_set(err, "%s: another campaign is using it", store->path);
    return error_set(err, "%s: cannot lock: %s", store->path, strerror(errno));
}

int store_open_file(struct store *store, enum store_mode mode, bool *empty, struct error *err)
{
    static const int flags[] = {[STORE_NEW] = O_RDWR | O_CREAT | O_EXCL,
                                [STORE_RESUME] = O_RDWR | O_CREAT,
                                [STORE_READ] = O_RDONLY};
    struct stat status;
    store->fd = open(store->path, flags[mode] | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0666);
    if (store->fd < 0 && mode == STORE_NEW && errno == EEXIST)
        return error_set(err,
                         "%s: exists already: go on with it (--resume), or choose another name",
                         store->path);
    if (store->fd < 0 || fstat(store->fd, &status))
        return error_set(err, "%s: cannot open: %s", store->path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return error_set(err, "%s: expected the database of a campaign, found no regular file",
                         store->path);
    if (mode != STORE_READ && lock(store, err))
        return -1;
    store->made = mode == STORE_NEW;
    *empty = status.st_size == 0;
    if (!*empty)
        return check_header(store, err);
    if (mode == STORE_READ)
        return error_set(err, "%s: expected the database of a campaign, found an empty file",
                         store->path);
    return 0;
}
