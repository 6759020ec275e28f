/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The write-back cache in front of the medium. */
#include <stdlib.h>

#include "power/nvm_parts.h"

static size_t line_count(const struct nvm *nvm)
{
    return (size_t)nvm->policy.cache.sets * nvm->policy.cache.ways;
}

int nvm_cache_new(struct nvm *nvm, struct error *err)
{
    if (!nvm->policy.cache.ways)
        return 0;
    nvm->line_shift = (unsigned)__builtin_ctz(nvm->policy.cache.line);
    nvm->lines = calloc(line_count(nvm), sizeof *nvm->lines);
    nvm->old = calloc(line_count(nvm), nvm->policy.cache.line);
    return nvm->lines && nvm->old ? 0 : error_set(err, "out of memory");
}

static uint8_t *old_bytes(const struct nvm *nvm, const struct line *line)
{
    return nvm->old + ((size_t)(line - nvm->lines) << nvm->line_shift);
}

/* The line is on the medium: counts it for each range that has bytes in it. */
static void write_back(struct nvm *nvm, struct line *line)
{
    uint64_t gpa = line->gpa, size = nvm->policy.cache.line;
    struct range *range;
    while (size && (range = nvm_find(nvm, gpa, size))) {
        nvm_wear_out(nvm, range, gpa, size);
        if (range->seen.end - gpa >= size)
            break;
        size -= range->seen.end - gpa;
        gpa = range->seen.end;
    }
    line->dirty = false;
    nvm->state.cache.write_backs++;
    nvm->state.cache.dirty--;
}

/* The line that holds the address, after making room for it if need be. */
static struct line *line_of(struct nvm *nvm, uint64_t gpa)
{
    gpa &= ~(uint64_t)(nvm->policy.cache.line - 1);
    if (nvm->last && nvm->last->gpa == gpa && nvm->last->valid) {
        nvm->state.cache.hits++;
        return nvm->last;
    }
    unsigned ways = nvm->policy.cache.ways;
    struct line *set =
        nvm->lines + ((gpa >> nvm->line_shift) & (nvm->policy.cache.sets - 1)) * ways;
    struct line *oldest = set;
    for (struct line *line = set; line < set + ways; line++) {
        if (line->valid && line->gpa == gpa) {
            nvm->state.cache.hits++;
            return nvm->last = line;
        }
        if (line->used < oldest->used)
            oldest = line;
    }
    nvm->state.cache.misses++;
    if (oldest->dirty)
        write_back(nvm, oldest);
    oldest->valid = true;
    oldest->gpa = gpa;
    return nvm->last = oldest;
}

static void touch(struct nvm *nvm, uint64_t gpa, bool write)
{
    struct line *line = line_of(nvm, gpa);
    line->used = ++nvm->state.uses;
    if (!write || line->dirty)
        return;
    /* Where a line's end is not memory there is nothing to keep. */
    uint8_t *old = old_bytes(nvm, line);
    if (memory_read(nvm->mem, line->gpa, old, nvm->policy.cache.line))
        for (unsigned i = 0; i < nvm->policy.cache.line; i++)
            memory_read(nvm->mem, line->gpa + i, old + i, 1);
    line->dirty = true;
    nvm->state.cache.dirty++;
}

void nvm_cache_access(struct nvm *nvm, uint64_t gpa, unsigned size, bool write)
{
    touch(nvm, gpa, write);
    if (((gpa + (size - 1)) ^ gpa) >> nvm->line_shift)
        touch(nvm, gpa + (size - 1), write);
}

void nvm_flush(struct nvm *nvm)
{
    if (!nvm->lines || nvm->frozen || !nvm->state.cache.dirty)
        return;
    for (size_t i = 0; i < line_count(nvm); i++)
        if (nvm->lines[i].dirty)
            write_back(nvm, &nvm->lines[i]);
}

struct nvm_cache_counts nvm_cache_counts(const struct nvm *nvm)
{
    return nvm->state.cache;
}

/* What a dirty line leaves at a cut. Returns whether all of it is on the medium. */
static bool settle(struct nvm *nvm, struct line *line)
{
    unsigned units, back = 0;
    bool kept =
        nvm->policy.cache.dirty == NVM_DIRTY_KEPT ||
        (nvm->policy.cache.dirty == NVM_DIRTY_RANDOM && random_next(&nvm->state.random) >> 63);
    if (!kept) {
        nvm_put_back(nvm, line->gpa, old_bytes(nvm, line), nvm->policy.cache.line);
        nvm->state.cache.dirty--;
        line->dirty = false;
        return false;
    }
    if (nvm->policy.cache.dirty == NVM_DIRTY_RANDOM)
        back = nvm_tear(nvm, line->gpa, old_bytes(nvm, line), nvm->policy.cache.line, &units);
    write_back(nvm, line);
    return !back;
}

void nvm_cache_cut(struct nvm *nvm, struct nvm_cut *cut)
{
    if (!nvm->lines)
        return;
    for (size_t i = 0; i < line_count(nvm); i++) {
        struct line *line = &nvm->lines[i];
        if (line->dirty && !settle(nvm, line))
            cut->lost_lines++;
        *line = (struct line){0};
    }
}
