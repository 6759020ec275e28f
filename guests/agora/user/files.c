/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ---- Writes files, reads them again, removes them; keeps the last one ---------------------- */
#include "user.h"

#define ROUNDS 40
#define STEPS  8
#define CHUNK  200

/* What the file should contain. */
struct shadow {
    uint8_t bytes[FILE_MAX];
    uint64_t size;
};

static struct shadow shadows[KEPT_FILES];

static void make_name(char name[FILE_NAME_MAX], const char *text, unsigned number)
{
    unsigned i = 0;
    for (; text[i]; i++)
        name[i] = text[i];
    name[i++] = (char)('0' + number);
    name[i] = 0;
}

static void write_chunk(struct worker *me, struct shadow *shadow, uint64_t file)
{
    uint8_t bytes[CHUNK];
    uint64_t size = 1 + next_random(me, CHUNK), offset = next_random(me, FILE_MAX - size);
    for (uint64_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)next_random(me, 256);
    int64_t result = call(me, SYS_FILE_WRITE, file, offset, (uint64_t)bytes, size);
    if (result == (int64_t)size) {
        for (uint64_t i = 0; i < size; i++)
            shadow->bytes[offset + i] = bytes[i];
        if (offset + size > shadow->size)
            shadow->size = offset + size;
        me->done.file_calls++;
        me->done.file_bytes += size;
    } else {
        expect(me, result == -EIO);
    }
}

static void read_chunk(struct worker *me, const struct shadow *shadow, uint64_t file)
{
    uint8_t bytes[CHUNK];
    uint64_t offset = next_random(me, FILE_MAX);
    uint64_t there = offset < shadow->size ? shadow->size - offset : 0;
    int64_t size = insist(me, SYS_FILE_READ, file, offset, (uint64_t)bytes, CHUNK);
    expect(me, size == (int64_t)(there < CHUNK ? there : CHUNK));
    for (int64_t i = 0; i < size && i < CHUNK; i++)
        expect(me, bytes[i] == shadow->bytes[offset + (uint64_t)i]);
}

static uint64_t fill_file(struct worker *me, struct shadow *shadow, const char *name)
{
    int64_t file = insist(me, SYS_FILE_CREATE, (uint64_t)name, 0, 0, 0);
    expect(me, file >= 0);
    shadow->size = 0;
    for (uint64_t i = 0; i < FILE_MAX; i++)
        shadow->bytes[i] = 0;
    for (unsigned i = 0; i < STEPS; i++) {
        write_chunk(me, shadow, (uint64_t)file);
        read_chunk(me, shadow, (uint64_t)file);
    }
    return (uint64_t)file;
}

void use_files(struct worker *me, uint64_t work)
{
    unsigned number = (unsigned)(me - workers) % KEPT_FILES;
    struct shadow *shadow = &shadows[number];
    char name[FILE_NAME_MAX];
    make_name(name, "file", number);
    for (uint64_t i = 0; i < ROUNDS * work; i++) {
        uint64_t file = fill_file(me, shadow, name);
        expect(me, !insist(me, SYS_FILE_REMOVE, file, 0, 0, 0));
    }
    make_name(name, "kept", number);
    fill_file(me, shadow, name);
    for (uint64_t i = 0; i < shadow->size; i++)
        me->done.kept_sum[number] += file_sum(i, shadow->bytes[i]);
}
