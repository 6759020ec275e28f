/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mem/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum {
    BUFFER_SIZE = 64 * 1024
};

struct input {
    const char *path; /* the caller's, copied behind the struct */
    int fd;
    uint64_t file_size;
    bool gzip;
    bool finished; /* of a gzip stream */
    z_stream z;
    uint8_t buffer[BUFFER_SIZE];
};

struct input *input_open(const char *path, bool gunzip, struct error *err)
{
    /* O_NONBLOCK: opening a FIFO by mistake must not hang. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        error_set(err, "%s: cannot open: %s", path, strerror(errno));
        return NULL;
    }
    struct stat st;
    struct input *input = NULL;
    if (fstat(fd, &st) < 0)
        error_set(err, "%s: cannot examine: %s", path, strerror(errno));
    else if (S_ISDIR(st.st_mode))
        error_set(err, "%s: expected a file, found a directory", path);
    else if (!S_ISREG(st.st_mode))
        error_set(err, "%s: expected a regular file, found a device, pipe or socket", path);
    else if (st.st_size == 0)
        error_set(err, "%s: the file is empty", path);
    else if (!(input = calloc(1, sizeof *input + strlen(path) + 1)))
        error_set(err, "%s: out of memory", path);
    if (!input) {
        close(fd);
        return NULL;
    }
    input->path = strcpy((char *)(input + 1), path);
    input->fd = fd;
    input->file_size = (uint64_t)st.st_size;

    uint8_t magic[2];
    if (gunzip && pread(fd, magic, 2, 0) == 2 && magic[0] == 0x1f && magic[1] == 0x8b) {
        if (inflateInit2(&input->z, 16 + MAX_WBITS) != Z_OK) {
            error_set(err, "%s: out of memory", path);
            close(fd);
            free(input);
            return NULL;
        }
        input->gzip = true;
    }
    return input;
}

void input_close(struct input *input)
{
    if (!input)
        return;
    if (input->gzip)
        inflateEnd(&input->z);
    close(input->fd);
    free(input);
}

static long read_file(struct input *input, uint8_t *buffer, size_t size, struct error *err)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = read(input->fd, buffer + done, size - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set(err, "%s: cannot read: %s", input->path, strerror(errno));
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (long)done;
}

/* Makes sure that compressed bytes are waiting. Returns how many, 0 at the end of the file. */
static long refill(struct input *input, struct error *err)
{
    if (input->z.avail_in == 0) {
        long n = read_file(input, input->buffer, BUFFER_SIZE, err);
        if (n < 0)
            return -1;
        input->z.next_in = input->buffer;
        input->z.avail_in = (unsigned)n;
    }
    return (long)input->z.avail_in;
}

/* At the end of a member: is there another? */
static int next_member(struct input *input, struct error *err)
{
    long n = refill(input, err);
    if (n < 0)
        return -1;
    if (n == 0 || *input->z.next_in != 0x1f)
        input->finished = true;
    else
        inflateReset(&input->z);
    return 0;
}

static long read_gzip(struct input *input, uint8_t *buffer, size_t size, struct error *err)
{
    z_stream *z = &input->z;
    size_t done = 0;
    while (done < size && !input->finished) {
        long have = refill(input, err);
        if (have < 0)
            return -1;
        if (have == 0)
            return error_set(err, "%s: the gzip data is truncated", input->path);
        size_t want = size - done < 1u << 30 ? size - done : 1u << 30;
        z->next_out = buffer + done;
        z->avail_out = (unsigned)want;
        int rc = inflate(z, Z_NO_FLUSH);
        done += want - z->avail_out;
        if (rc == Z_STREAM_END) {
            if (next_member(input, err) < 0)
                return -1;
        } else if (rc == Z_MEM_ERROR) {
            return error_set(err, "%s: out of memory", input->path);
        } else if (rc != Z_OK && rc != Z_BUF_ERROR) {
            return error_set(err, "%s: the gzip data is damaged: %s", input->path,
                             z->msg ? z->msg : "it needs a preset dictionary");
        }
    }
    return (long)done;
}

long input_read(struct input *input, void *buffer, size_t size, struct error *err)
{
    return input->gzip ? read_gzip(input, buffer, size, err) : read_file(input, buffer, size, err);
}

bool input_is_gzip(const struct input *input)
{
    return input->gzip;
}

uint64_t input_file_size(const struct input *input)
{
    return input->file_size;
}

int input_fd(const struct input *input)
{
    return input->fd;
}

int input_slurp(const char *path, bool gunzip, size_t limit, uint8_t **data, size_t *size,
                struct error *err)
{
    struct input *input = input_open(path, gunzip, err);
    if (!input)
        return -1;
    size_t capacity = 1 << 20, used = 0;
    if (!input->gzip && input->file_size < limit)
        capacity = (size_t)input->file_size + 1;
    uint8_t *bytes = NULL;
    for (;;) {
        uint8_t *more = realloc(bytes, capacity + 1);
        if (!more) {
            error_set(err, "%s: out of memory", path);
            goto fail;
        }
        bytes = more;
        long n = input_read(input, bytes + used, capacity - used, err);
        if (n < 0)
            goto fail;
        used += (size_t)n;
        if (used > limit) {
            error_set(err, "%s: more than %zu MiB%s", path, limit >> 20,
                      input->gzip ? " when decompressed" : "");
            goto fail;
        }
        if (used < capacity)
            break;
        capacity += capacity / 2;
    }
    input_close(input);
    bytes[used] = 0;
    *data = bytes;
    *size = used;
    return 0;
fail:
    free(bytes);
    input_close(input);
    return -1;
}
