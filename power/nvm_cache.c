/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The write-back cache in front of the medium. */
#include <stdlib.h>
#include <string.h>

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

/* What is in RAM; 0 where a line's end is not memory. */
static void read_line(const struct nvm *nvm, uint64_t gpa, uint8_t *bytes)
{
    if (!memory_read(nvm->mem, gpa, bytes, nvm->policy.cache.line))
        return;
    for (unsigned i = 0; i < nvm->policy.cache.line; i++)
        if (memory_read(nvm->mem, gpa + i, bytes + i, 1))
            bytes[i] = 0;
}

/* The line is on the medium: counts it for each range that has bytes in it. */
static void write_back(struct nvm *nvm, struct line *line)
{
    uint64_t gpa = line->gpa, size = nvm->policy.cache.line;
    struct range *range;
    if (nvm->hashing) {
        uint8_t bytes[NVM_MAX_LINE];
        read_line(nvm, gpa, bytes);
        nvm_hash_write_back(nvm, gpa, old_bytes(nvm, line), bytes);
    }
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
    read_line(nvm, line->gpa, old_bytes(nvm, line));
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

bool nvm_cache_is_dirty(const struct nvm *nvm, uint64_t gpa)
{
    gpa &= ~(uint64_t)(nvm->policy.cache.line - 1);
    unsigned ways = nvm->policy.cache.ways;
    const struct line *set =
        nvm->lines + ((gpa >> nvm->line_shift) & (nvm->policy.cache.sets - 1)) * ways;
    for (const struct line *line = set; line < set + ways; line++)
        if (line->valid && line->gpa == gpa)
            return line->dirty;
    return false;
}

/* ---- A power cut --------------------------------------------------------------------------- */

/* How a cut decides: the same for what it does and for what it would do. */
struct choice {
    enum nvm_dirty dirty;
    struct random random;
};

static struct choice choose(const struct nvm *nvm, const struct nvm_variant *variant)
{
    switch (variant->lines) {
    case NVM_LINES_LOST:
        return (struct choice){.dirty = NVM_DIRTY_LOST};
    case NVM_LINES_KEPT:
        return (struct choice){.dirty = NVM_DIRTY_KEPT};
    case NVM_LINES_RANDOM:
        return (struct choice){NVM_DIRTY_RANDOM, {variant->seed}};
    default:
        return (struct choice){nvm->policy.cache.dirty, nvm->state.random};
    }
}

/* What a dirty line leaves; false: nothing. */
static bool choose_line(const struct nvm *nvm, struct choice *choice, const struct line *line,
                        struct nvm_units *units)
{
    memset(units, 0xff, sizeof *units);
    units->count = nvm_unit_count(nvm, line->gpa, nvm->policy.cache.line);
    if (choice->dirty == NVM_DIRTY_LOST)
        return false;
    if (choice->dirty == NVM_DIRTY_KEPT)
        return true;
    if (!(random_next(&choice->random) >> 63))
        return false;
    nvm_choose_units(nvm, &choice->random, line->gpa, nvm->policy.cache.line, units);
    return true;
}

void nvm_cache_guess(const struct nvm *nvm, const struct nvm_variant *variant,
                     const struct nvm_store *store, nvm_kept_fn kept, void *opaque)
{
    struct choice choice = choose(nvm, variant);
    struct nvm_units units;
    uint8_t bytes[NVM_MAX_LINE];
    for (size_t i = 0; i < line_count(nvm); i++) {
        const struct line *line = &nvm->lines[i];
        if (!line->dirty || !choose_line(nvm, &choice, line, &units))
            continue;
        read_line(nvm, line->gpa, bytes);
        for (unsigned b = 0; store && b < store->size; b++)
            if (store->gpa + b - line->gpa < nvm->policy.cache.line)
                bytes[store->gpa + b - line->gpa] = (uint8_t)(store->value >> (8 * b));
        nvm_take_units(nvm, &units, line->gpa, bytes, old_bytes(nvm, line), nvm->policy.cache.line);
        kept(opaque, line->gpa, old_bytes(nvm, line), bytes);
    }
}

/* Returns whether all of the line is on the medium. */
static bool settle(struct nvm *nvm, struct choice *choice, struct line *line)
{
    struct nvm_units units;
    uint8_t bytes[NVM_MAX_LINE];
    if (!choose_line(nvm, choice, line, &units)) {
        nvm_put_back(nvm, line->gpa, old_bytes(nvm, line), nvm->policy.cache.line);
        nvm->state.cache.dirty--;
        line->dirty = false;
        return false;
    }
    read_line(nvm, line->gpa, bytes);
    unsigned back =
        nvm_take_units(nvm, &units, line->gpa, bytes, old_bytes(nvm, line), nvm->policy.cache.line);
    if (back)
        nvm_put_back(nvm, line->gpa, bytes, nvm->policy.cache.line);
    write_back(nvm, line);
    return !back;
}

void nvm_cache_cut(struct nvm *nvm, const struct nvm_variant *variant, struct nvm_cut *cut)
{
    if (!nvm->lines)
        return;
    struct choice choice = choose(nvm, variant);
    struct nvm_hash left = {0};
    if (nvm->hashing)
        left = nvm_hash_of_cut(nvm, variant, NULL);
    for (size_t i = 0; i < line_count(nvm); i++) {
        struct line *line = &nvm->lines[i];
        if (line->dirty && !settle(nvm, &choice, line))
            cut->lost_lines++;
        *line = (struct line){0};
    }
    nvm->state.now = nvm->state.medium = left;
    if (variant->lines == NVM_LINES_POLICY)
        nvm->state.random = choice.random;
}
