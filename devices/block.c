/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "devices/block.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_SIZE 4096 /* the overlay's granularity */
#define NO_CHUNK   UINT64_MAX

struct block {
    int fd;
    enum block_mode mode;
    uint64_t size; /* bytes */
    /* Open addressing by chunk number; `capacity` is a power of two, at most half of it used. */
    struct chunk {
        uint64_t number;
        uint8_t *bytes; /* NULL: a free slot */
    } * chunks;
    size_t capacity, used;
    /* What writes replaced, oldest first: entries[first] to entries[first + count - 1]. */
    struct {
        bool on;
        uint64_t oldest; /* position of the first entry; marks before it are void */
        struct replaced {
            uint64_t offset;
            size_t length;
            uint8_t bytes[];
        } * *entries;
        size_t first, count, room;
        uint64_t bytes;
    } journal;
};

static int open_file(struct block *block, const char *path, struct error *err)
{
    struct stat st;
    block->fd = open(path, (block->mode == BLOCK_DIRECT ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (block->fd < 0)
        return error_set(err, "%s: %s", path, strerror(errno));
    if (fstat(block->fd, &st))
        return error_set(err, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return error_set(err, "%s: expected a disk image, found a directory or special file", path);
    off_t size = lseek(block->fd, 0, SEEK_END);
    if (size < 0)
        return error_set(err, "%s: %s", path, strerror(errno));
    if (size == 0 || size % BLOCK_SECTOR_SIZE)
        return error_set(err,
                         "%s: expected a disk image of a multiple of %d bytes, found %lld bytes",
                         path, BLOCK_SECTOR_SIZE, (long long)size);
    block->size = (uint64_t)size;
    return 0;
}

struct block *block_open(const char *path, enum block_mode mode, struct error *err)
{
    struct block *block = calloc(1, sizeof *block);
    if (!block) {
        error_set(err, "%s: out of memory", path);
        return NULL;
    }
    block->fd = -1;
    block->mode = mode;
    if (open_file(block, path, err)) {
        block_close(block);
        return NULL;
    }
    return block;
}

void block_close(struct block *block)
{
    if (!block)
        return;
    block_discard(block);
    block_trim(block, UINT64_MAX);
    if (block->fd >= 0)
        close(block->fd);
    free(block);
}

bool block_read_only(const struct block *block)
{
    return block->mode == BLOCK_READ_ONLY;
}

uint64_t block_sectors(const struct block *block)
{
    return block->size / BLOCK_SECTOR_SIZE;
}

uint64_t block_overlay_bytes(const struct block *block)
{
    return (uint64_t)block->used * CHUNK_SIZE;
}

/* ---- The journal ---- */

uint64_t block_journal_bytes(const struct block *block)
{
    return block->journal.bytes;
}

static void journal_drop_oldest(struct block *block)
{
    struct replaced *entry = block->journal.entries[block->journal.first];
    block->journal.bytes -= sizeof *entry + entry->length;
    block->journal.first++;
    block->journal.count--;
    block->journal.oldest++;
    free(entry);
}

/* Something happens that cannot be taken back. */
static void journal_bar(struct block *block)
{
    if (!block->journal.on)
        return;
    while (block->journal.count)
        journal_drop_oldest(block);
    block->journal.oldest++;
}

static int journal_make_room(struct block *block)
{
    size_t first = block->journal.first, count = block->journal.count;
    if (first + count < block->journal.room)
        return 0;
    if (first > count) {
        memmove(block->journal.entries, block->journal.entries + first,
                count * sizeof *block->journal.entries);
        block->journal.first = 0;
        return 0;
    }
    size_t room = block->journal.room ? block->journal.room * 2 : 64;
    struct replaced **entries = realloc(block->journal.entries, room * sizeof *entries);
    if (!entries)
        return -1;
    block->journal.entries = entries;
    block->journal.room = room;
    return 0;
}

/* Keeps `old`, which is at `offset` of the disk and about to be replaced. */
static int journal_keep(struct block *block, uint64_t offset, const uint8_t *old, size_t length)
{
    if (!block->journal.on)
        return 0;
    struct replaced *entry = malloc(sizeof *entry + length);
    if (!entry || journal_make_room(block)) {
        free(entry);
        return -1;
    }
    entry->offset = offset;
    entry->length = length;
    memcpy(entry->bytes, old, length);
    block->journal.entries[block->journal.first + block->journal.count++] = entry;
    block->journal.bytes += sizeof *entry + length;
    return 0;
}

uint64_t block_mark(struct block *block)
{
    block->journal.on = true;
    return block->journal.oldest + block->journal.count;
}

void block_trim(struct block *block, uint64_t mark)
{
    while (block->journal.count && block->journal.oldest < mark)
        journal_drop_oldest(block);
    if (mark == UINT64_MAX) {
        journal_bar(block);
        free(block->journal.entries);
        block->journal.entries = NULL;
        block->journal.first = block->journal.room = 0;
        block->journal.on = false;
    }
}

/* ---- The overlay ---- */

void block_discard(struct block *block)
{
    journal_bar(block);
    for (size_t i = 0; i < block->capacity; i++)
        free(block->chunks[i].bytes);
    free(block->chunks);
    block->chunks = NULL;
    block->capacity = block->used = 0;
}

static int file_read(const struct block *block, uint64_t offset, uint8_t *bytes, size_t length)
{
    while (length) {
        ssize_t n = pread(block->fd, bytes, length, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) /* an error, or the file was truncated behind our back */
            return -1;
        bytes += n;
        offset += (uint64_t)n;
        length -= (size_t)n;
    }
    return 0;
}

static int file_write(const struct block *block, uint64_t offset, const uint8_t *bytes,
                      size_t length)
{
    while (length) {
        ssize_t n = pwrite(block->fd, bytes, length, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        bytes += n;
        offset += (uint64_t)n;
        length -= (size_t)n;
    }
    return 0;
}

/* The slot that holds a chunk, or the free one where it would go. */
static struct chunk *chunk_slot(struct chunk *chunks, size_t capacity, uint64_t number)
{
    size_t i = (size_t)(number * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (capacity - 1);
    while (chunks[i].bytes && chunks[i].number != number)
        i = (i + 1) & (capacity - 1);
    return &chunks[i];
}

static int overlay_grow(struct block *block)
{
    size_t capacity = block->capacity ? block->capacity * 2 : 64;
    struct chunk *chunks = calloc(capacity, sizeof *chunks);
    if (!chunks)
        return -1;
    for (size_t i = 0; i < block->capacity; i++) {
        if (block->chunks[i].bytes)
            *chunk_slot(chunks, capacity, block->chunks[i].number) = block->chunks[i];
    }
    free(block->chunks);
    block->chunks = chunks;
    block->capacity = capacity;
    return 0;
}

static const uint8_t *overlay_find(const struct block *block, uint64_t number)
{
    return block->capacity ? chunk_slot(block->chunks, block->capacity, number)->bytes : NULL;
}

/* The overlay's copy of a chunk, made from the file if there was none. NULL on failure. */
static uint8_t *overlay_copy(struct block *block, uint64_t number)
{
    if (block->used * 2 >= block->capacity && overlay_grow(block))
        return NULL;
    struct chunk *slot = chunk_slot(block->chunks, block->capacity, number);
    if (slot->bytes)
        return slot->bytes;
    uint8_t *bytes = calloc(1, CHUNK_SIZE);
    uint64_t offset = number * CHUNK_SIZE;
    uint64_t length = block->size - offset < CHUNK_SIZE ? block->size - offset : CHUNK_SIZE;
    if (!bytes || file_read(block, offset, bytes, length)) {
        free(bytes);
        return NULL;
    }
    *slot = (struct chunk){number, bytes};
    block->used++;
    return bytes;
}

int block_undo(struct block *block, uint64_t mark)
{
    uint64_t oldest = block->journal.oldest;
    if (!block->journal.on || mark < oldest || mark - oldest > block->journal.count)
        return -1;
    while (block->journal.count > mark - oldest) {
        size_t last = block->journal.first + --block->journal.count;
        struct replaced *entry = block->journal.entries[last];
        uint64_t number = entry->offset / CHUNK_SIZE;
        uint8_t *copy = chunk_slot(block->chunks, block->capacity, number)->bytes;
        memcpy(copy + entry->offset % CHUNK_SIZE, entry->bytes, entry->length);
        block->journal.bytes -= sizeof *entry + entry->length;
        free(entry);
    }
    return 0;
}

/* ---- Reading and writing ---- */

static bool in_range(const struct block *block, uint64_t sector, size_t sectors)
{
    uint64_t all = block_sectors(block);
    return sector <= all && sectors <= all - sector;
}

/* How much of [offset, offset + length) lies in the chunk of `offset`. */
static size_t chunk_part(uint64_t offset, size_t length)
{
    size_t rest = CHUNK_SIZE - offset % CHUNK_SIZE;
    return length < rest ? length : rest;
}

int block_read(struct block *block, uint64_t sector, void *buffer, size_t sectors)
{
    uint64_t offset = sector * BLOCK_SECTOR_SIZE;
    uint8_t *bytes = buffer;
    if (!in_range(block, sector, sectors))
        return -1;
    if (!block->used)
        return file_read(block, offset, bytes, sectors * BLOCK_SECTOR_SIZE);
    for (size_t length = sectors * BLOCK_SECTOR_SIZE, part; length; length -= part) {
        part = chunk_part(offset, length);
        const uint8_t *copy = overlay_find(block, offset / CHUNK_SIZE);
        if (copy)
            memcpy(bytes, copy + offset % CHUNK_SIZE, part);
        else if (file_read(block, offset, bytes, part))
            return -1;
        offset += part;
        bytes += part;
    }
    return 0;
}

int block_write(struct block *block, uint64_t sector, const void *buffer, size_t sectors)
{
    uint64_t offset = sector * BLOCK_SECTOR_SIZE;
    const uint8_t *bytes = buffer;
    if (!in_range(block, sector, sectors) || block->mode == BLOCK_READ_ONLY)
        return -1;
    if (block->mode == BLOCK_DIRECT) {
        journal_bar(block);
        return file_write(block, offset, bytes, sectors * BLOCK_SECTOR_SIZE);
    }
    for (size_t length = sectors * BLOCK_SECTOR_SIZE, part; length; length -= part) {
        part = chunk_part(offset, length);
        uint8_t *copy = overlay_copy(block, offset / CHUNK_SIZE);
        if (!copy || journal_keep(block, offset, copy + offset % CHUNK_SIZE, part))
            return -1;
        memcpy(copy + offset % CHUNK_SIZE, bytes, part);
        offset += part;
        bytes += part;
    }
    return 0;
}

int block_flush(struct block *block)
{
    return block->mode == BLOCK_DIRECT ? fdatasync(block->fd) : 0;
}
