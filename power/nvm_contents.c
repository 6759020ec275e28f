/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the ranges hold, as files, hashes and snapshots, and how worn they are. */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem/input.h"
#include "power/nvm_parts.h"

#define CHUNK 4096

/* ---- Wear ---------------------------------------------------------------------------------- */

struct nvm_wear nvm_wear(const struct nvm *nvm)
{
    struct nvm_wear wear = {0};
    for (size_t i = 0; i < nvm->range_count; i++) {
        const struct range *range = &nvm->ranges[i];
        wear.lines += range->wear_lines;
        for (uint64_t n = 0; n < range->wear_lines; n++) {
            uint32_t writes = range->wear[n];
            wear.worn += writes != 0;
            wear.total += writes;
            if (writes > wear.max)
                wear.max = writes;
        }
    }
    if (wear.lines)
        wear.mean = (double)wear.total / (double)wear.lines;
    return wear;
}

size_t nvm_wear_top(const struct nvm *nvm, struct nvm_wear_line *lines, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; size && i < nvm->range_count; i++) {
        const struct range *range = &nvm->ranges[i];
        uint64_t base = range->seen.start >> nvm->wear_shift;
        for (uint64_t n = 0; n < range->wear_lines; n++) {
            uint32_t writes = range->wear[n];
            if (!writes || (count == size && writes <= lines[count - 1].writes))
                continue;
            size_t at = count < size ? count++ : count - 1;
            for (; at && lines[at - 1].writes < writes; at--)
                lines[at] = lines[at - 1];
            lines[at] = (struct nvm_wear_line){(base + n) << nvm->wear_shift, writes};
        }
    }
    return count;
}

size_t nvm_wear_map(const struct nvm *nvm, size_t range, struct nvm_wear_bin *bins, size_t size)
{
    const struct range *of = &nvm->ranges[range];
    uint64_t each = (of->wear_lines + size - 1) / size, base = of->seen.start >> nvm->wear_shift;
    size_t count = 0;
    for (uint64_t first = 0; first < of->wear_lines; first += each) {
        uint64_t start = (base + first) << nvm->wear_shift;
        struct nvm_wear_bin *bin = &bins[count++];
        bin->lines = of->wear_lines - first < each ? of->wear_lines - first : each;
        bin->start = start > of->seen.start ? start : of->seen.start;
        bin->end = start + (bin->lines << nvm->wear_shift);
        if (bin->end > of->seen.end)
            bin->end = of->seen.end;
        bin->total = bin->max = 0;
        for (uint64_t n = first; n < first + bin->lines; n++) {
            bin->total += of->wear[n];
            if (of->wear[n] > bin->max)
                bin->max = of->wear[n];
        }
    }
    return count;
}

/* ---- Files --------------------------------------------------------------------------------- */

static int load(struct nvm *nvm, const struct nvm_range *range, const char *path,
                struct input *input, struct error *err)
{
    uint64_t size = range->end - range->start, found = input_file_size(input);
    if (found != size)
        return error_set(err,
                         "%s: expected the %" PRIu64 " bytes of non-volatile range \"%s\", found "
                         "%" PRIu64,
                         path, size, range->name, found);
    uint8_t *bytes = malloc(size);
    if (!bytes)
        return error_set(err, "%s: out of memory", path);
    long got = input_read(input, bytes, size, err);
    int rc = got < 0 ? -1 : 0;
    if (got >= 0 && (uint64_t)got != size)
        rc = error_set(err, "%s: expected %" PRIu64 " bytes, found %ld", path, size, got);
    if (!rc)
        rc = memory_load(nvm->mem, range->start, bytes, size);
    free(bytes);
    return rc;
}

int nvm_load_file(struct nvm *nvm, size_t range, const char *path, struct error *err)
{
    struct input *input = input_open(path, false, err);
    if (!input)
        return -1;
    int rc = load(nvm, &nvm->ranges[range].seen, path, input, err);
    input_close(input);
    return rc;
}

static int write_range(const struct nvm *nvm, const struct nvm_range *range, int fd)
{
    uint8_t bytes[CHUNK];
    for (uint64_t gpa = range->start; gpa < range->end;) {
        size_t size = range->end - gpa < CHUNK ? (size_t)(range->end - gpa) : CHUNK;
        memory_read(nvm->mem, gpa, bytes, size);
        for (size_t done = 0; done < size;) {
            ssize_t wrote = write(fd, bytes + done, size - done);
            if (wrote < 0 && errno != EINTR)
                return -1;
            done += wrote > 0 ? (size_t)wrote : 0;
        }
        gpa += size;
    }
    return fsync(fd);
}

/* Replaces `target` by a new file. */
static int replace(const struct nvm *nvm, const struct nvm_range *range, const char *target)
{
    char *name = NULL;
    if (asprintf(&name, "%s.XXXXXX", target) < 0)
        return -1;
    struct stat status;
    mode_t mode = stat(target, &status) == 0 ? status.st_mode & 0777 : 0644;
    int fd = mkstemp(name), rc = fd < 0 ? -1 : 0;
    if (!rc) {
        rc = write_range(nvm, range, fd) || fchmod(fd, mode) ? -1 : 0;
        int saved = errno;
        if (close(fd) && !rc)
            rc = -1;
        else
            errno = saved;
        if (!rc)
            rc = rename(name, target);
        if (rc) {
            saved = errno;
            unlink(name);
            errno = saved;
        }
    }
    free(name);
    return rc;
}

int nvm_save_file(const struct nvm *nvm, size_t range, const char *path, struct error *err)
{
    char *real = realpath(path, NULL); /* a link stays one */
    int rc = replace(nvm, &nvm->ranges[range].seen, real ? real : path);
    free(real);
    return rc ? error_set(err, "%s: cannot save non-volatile range \"%s\": %s", path,
                          nvm->ranges[range].seen.name, strerror(errno))
              : 0;
}

/* ---- Hashes -------------------------------------------------------------------------------- */

void nvm_digest(const struct nvm *nvm, uint8_t digest[MEMORY_DIGEST_SIZE])
{
    struct sha256_ctx sha;
    uint8_t bytes[CHUNK];
    sha256_init(&sha);
    for (size_t i = 0; i < nvm->range_count; i++) {
        const struct nvm_range *range = &nvm->ranges[i].seen;
        for (unsigned b = 0; b < 8; b++) {
            bytes[b] = (uint8_t)(range->start >> (8 * b));
            bytes[8 + b] = (uint8_t)(range->end >> (8 * b));
        }
        sha256_update(&sha, 16, bytes);
        for (uint64_t gpa = range->start; gpa < range->end;) {
            uint64_t size = range->end - gpa < CHUNK ? range->end - gpa : CHUNK;
            memory_read(nvm->mem, gpa, bytes, size);
            sha256_update(&sha, size, bytes);
            gpa += size;
        }
    }
    sha256_digest(&sha, MEMORY_DIGEST_SIZE, digest);
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9fb21c651e98df25);
    return hash ^ (hash >> 29);
}

/* Four chains side by side, as each waits for its own multiplications only. */
static uint64_t print_bytes(const uint8_t *bytes, uint64_t size, uint64_t hash)
{
    uint64_t lanes[4] = {hash, hash + 1, hash + 2, hash + 3}, words[4], done = 0;
    for (; size - done >= sizeof words; done += sizeof words) {
        memcpy(words, bytes + done, sizeof words);
        for (int i = 0; i < 4; i++)
            lanes[i] = mix(lanes[i], words[i]);
    }
    memset(words, 0, sizeof words);
    memcpy(words, bytes + done, size - done);
    for (int i = 0; i < 4; i++)
        lanes[i] = mix(lanes[i], words[i]);
    return mix(mix(lanes[0], lanes[1]), mix(lanes[2], lanes[3]));
}

uint64_t nvm_fingerprint(const struct nvm *nvm)
{
    uint64_t hash = nvm->range_count;
    for (size_t i = 0; i < nvm->range_count; i++) {
        const struct nvm_range *range = &nvm->ranges[i].seen;
        for (uint64_t gpa = range->start; gpa < range->end;) {
            const struct region *region = memory_find(nvm->mem, gpa);
            uint64_t left = region->base + region->size - gpa;
            uint64_t size = range->end - gpa < left ? range->end - gpa : left;
            hash = print_bytes(memory_host(nvm->mem, gpa, size), size, hash);
            gpa += size;
        }
    }
    return hash;
}

/* ---- Snapshots ----------------------------------------------------------------------------- */

void nvm_state(struct nvm *nvm, struct state_copy *copy)
{
    size_t lines = nvm->lines ? (size_t)nvm->policy.cache.sets * nvm->policy.cache.ways : 0;
    state_copy(copy, &nvm->state, sizeof nvm->state);
    for (size_t i = 0; i < nvm->range_count; i++)
        state_copy(copy, &nvm->ranges[i].seen, sizeof nvm->ranges[i].seen);
    state_copy(copy, nvm->lines, lines * sizeof *nvm->lines);
    state_copy(copy, nvm->old, lines * nvm->policy.cache.line);
    if (!copy->restore)
        return;
    nvm->limit = UINT64_MAX;
    nvm->frozen = nvm->tearing = nvm->ghost_lost = nvm->at_limit = false;
    nvm->ghost_count = 0;
}
