/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Torn stores, and the hash of crash states. The hash is the sum, by exclusive or, of a mixture of
 * address and contents of each aligned word of each range (bytes outside of the range count as 0),
 * so that a store changes it by the words that it changes (Zobrist's method).
 */
#include <endian.h>
#include <string.h>

#include "power/nvm_parts.h"

#define WORD 4u /* never in two lines of the cache */

/* ---- Units --------------------------------------------------------------------------------- */

unsigned nvm_unit_count(const struct nvm *nvm, uint64_t gpa, unsigned size)
{
    uint64_t unit = nvm->policy.atomic;
    return (unsigned)((gpa + (size - 1)) / unit - gpa / unit + 1);
}

static void set_fresh(struct nvm_units *units, unsigned index)
{
    units->fresh[index / 64] |= UINT64_C(1) << (index % 64);
}

static bool is_fresh(const struct nvm_units *units, unsigned index)
{
    return units->fresh[index / 64] >> (index % 64) & 1;
}

void nvm_choose_units(const struct nvm *nvm, struct random *random, uint64_t gpa, unsigned size,
                      struct nvm_units *units)
{
    *units = (struct nvm_units){.count = nvm_unit_count(nvm, gpa, size)};
    unsigned prefix = nvm->policy.torn == NVM_TORN_NONE ? units->count
                      : nvm->policy.torn == NVM_TORN_PREFIX
                          ? (unsigned)random_below(random, units->count + 1)
                          : 0;
    for (unsigned i = 0; i < units->count; i++)
        if (nvm->policy.torn == NVM_TORN_RANDOM ? random_next(random) >> 63 : i < prefix)
            set_fresh(units, i);
}

void nvm_choose_store(const struct nvm *nvm, const struct nvm_variant *variant,
                      struct random *random, uint64_t gpa, unsigned size, struct nvm_units *units)
{
    if (variant->store == NVM_STORE_TORN) {
        nvm_choose_units(nvm, random, gpa, size, units);
        return;
    }
    *units = (struct nvm_units){.count = nvm_unit_count(nvm, gpa, size)};
    units->fresh[0] = variant->store == NVM_STORE_UNITS ? variant->units : UINT64_MAX;
}

unsigned nvm_take_units(const struct nvm *nvm, const struct nvm_units *units, uint64_t gpa,
                        uint8_t *bytes, const uint8_t *old, unsigned size)
{
    uint64_t unit = nvm->policy.atomic, first = gpa / unit;
    unsigned taken = 0;
    for (unsigned i = 0; i < units->count; i++) {
        if (is_fresh(units, i))
            continue;
        uint64_t from = (first + i) * unit, to = from + unit;
        from = from < gpa ? gpa : from;
        to = to - gpa > size ? gpa + size : to;
        memcpy(bytes + (from - gpa), old + (from - gpa), to - from);
        taken++;
    }
    return taken;
}

/* ---- The hash ------------------------------------------------------------------------------ */

static uint64_t stir(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Turns a word's contribution on or off. */
static void flip(struct nvm_hash *hash, uint64_t gpa, uint64_t value)
{
    uint64_t place = gpa * UINT64_C(0x9e3779b97f4a7c15);
    hash->low ^= stir(value + place);
    hash->high ^=
        stir((value ^ UINT64_C(0xd6e8feb86659fd93)) * UINT64_C(0xa0761d6478bd642f) ^ place);
}

static void read_bytes(const struct nvm *nvm, const struct range *range, uint64_t gpa, void *bytes,
                       uint64_t size)
{
    if (range->host)
        memcpy(bytes, range->host + (gpa - range->seen.start), size);
    else
        memory_read(nvm->mem, gpa, bytes, size);
}

/* A word's bytes as RAM has them: those from *low to *high are the range's. */
static void read_word(const struct nvm *nvm, const struct range *range, uint64_t word,
                      uint8_t bytes[WORD], uint64_t *low, uint64_t *high)
{
    *low = word < range->seen.start ? range->seen.start : word;
    *high = range->seen.end - word < WORD ? range->seen.end : word + WORD;
    memset(bytes, 0, WORD);
    read_bytes(nvm, range, *low, bytes + (*low - word), *high - *low);
}

static void flip_word(struct nvm_hash *hash, uint64_t word, const uint8_t bytes[WORD])
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    flip(hash, word, le32toh(value));
}

/* [from, to) of one range becomes `after`, instead of `before` or (NULL) of what is in RAM. */
static void change_range(const struct nvm *nvm, struct nvm_hash *hash, const struct range *range,
                         uint64_t from, uint64_t to, const uint8_t *before, const uint8_t *after)
{
    for (uint64_t word = from & ~(uint64_t)(WORD - 1); word < to; word += WORD) {
        uint8_t bytes[WORD];
        uint64_t low, high;
        read_word(nvm, range, word, bytes, &low, &high);
        uint64_t at = from > low ? from : low, end = to < high ? to : high;
        if (before)
            memcpy(bytes + (at - word), before + (at - from), end - at);
        flip_word(hash, word, bytes);
        memcpy(bytes + (at - word), after + (at - from), end - at);
        flip_word(hash, word, bytes);
    }
}

/* The same for bytes of which ranges may hold some. */
static void change(const struct nvm *nvm, struct nvm_hash *hash, uint64_t gpa, uint64_t size,
                   const uint8_t *before, const uint8_t *after)
{
    const struct range *range;
    while (size && (range = nvm_find(nvm, gpa, size))) {
        uint64_t skip = range->seen.start > gpa ? range->seen.start - gpa : 0;
        uint64_t left = range->seen.end - (gpa + skip);
        uint64_t length = size - skip < left ? size - skip : left;
        change_range(nvm, hash, range, gpa + skip, gpa + skip + length,
                     before ? before + skip : NULL, after + skip);
        gpa += skip + length;
        size -= skip + length;
        before = before ? before + skip + length : NULL;
        after += skip + length;
    }
}

struct nvm_hash nvm_hash_full(const struct nvm *nvm)
{
    struct nvm_hash hash = {0};
    for (size_t i = 0; i < nvm->range_count; i++) {
        const struct range *range = &nvm->ranges[i];
        uint64_t word = range->seen.start & ~(uint64_t)(WORD - 1);
        for (; word < range->seen.end; word += WORD) {
            uint8_t bytes[WORD];
            uint64_t low, high;
            read_word(nvm, range, word, bytes, &low, &high);
            flip_word(&hash, word, bytes);
        }
    }
    return hash;
}

/* ---- Kept up to date ----------------------------------------------------------------------- */

struct guess {
    const struct nvm *nvm;
    struct nvm_hash hash;
};

static void add_kept(void *opaque, uint64_t gpa, const uint8_t *old, const uint8_t *bytes)
{
    struct guess *guess = opaque;
    change(guess->nvm, &guess->hash, gpa, guess->nvm->policy.cache.line, old, bytes);
}

static void take_lost(void *opaque, uint64_t gpa, const uint8_t *old, const uint8_t *bytes)
{
    struct guess *guess = opaque;
    change(guess->nvm, &guess->hash, gpa, guess->nvm->policy.cache.line, bytes, old);
}

static void renew(struct nvm *nvm)
{
    static const struct nvm_variant all = {.lines = NVM_LINES_KEPT};
    struct guess guess = {nvm, nvm_hash_full(nvm)};
    nvm->state.now = guess.hash;
    if (nvm->lines)
        nvm_cache_guess(nvm, &all, NULL, take_lost, &guess);
    nvm->state.medium = guess.hash;
}

void nvm_hash_begin(struct nvm *nvm, nvm_store_fn stored, void *opaque)
{
    for (size_t i = 0; i < nvm->range_count; i++) {
        struct nvm_range *range = &nvm->ranges[i].seen;
        nvm->ranges[i].host = memory_host(nvm->mem, range->start, range->end - range->start);
    }
    nvm->hashing = true;
    nvm->stored = stored;
    nvm->stored_opaque = opaque;
    renew(nvm);
}

void nvm_hash_changed(struct nvm *nvm, uint64_t gpa, uint64_t size)
{
    if (nvm->hashing && nvm_find(nvm, gpa, size))
        renew(nvm);
}

static void to_bytes(uint64_t value, uint8_t bytes[8])
{
    value = htole64(value);
    memcpy(bytes, &value, sizeof value);
}

void nvm_hash_store(struct nvm *nvm, uint64_t gpa, unsigned size, uint64_t value)
{
    uint8_t bytes[8];
    to_bytes(value, bytes);
    change(nvm, &nvm->state.now, gpa, size, NULL, bytes);
    if (!nvm->lines)
        nvm->state.medium = nvm->state.now;
    for (uint64_t at = gpa, next; nvm->lines && at < gpa + size; at = next) {
        next = (at | (WORD - 1)) + 1;
        next = next < gpa + size ? next : gpa + size;
        if (!nvm_cache_is_dirty(nvm, at))
            change(nvm, &nvm->state.medium, at, next - at, NULL, bytes + (at - gpa));
    }
    if (!nvm->stored)
        return;
    const struct nvm_store store = {nvm->state.writes, gpa, value, size,
                                    nvm_unit_count(nvm, gpa, size)};
    nvm->stored(nvm->stored_opaque, &store);
}

void nvm_hash_write_back(struct nvm *nvm, uint64_t gpa, const uint8_t *old, const uint8_t *bytes)
{
    change(nvm, &nvm->state.medium, gpa, nvm->policy.cache.line, old, bytes);
}

void nvm_hash_put_back(struct nvm *nvm, uint64_t gpa, const uint8_t *bytes, uint64_t size)
{
    if (!nvm->hashing)
        return;
    change(nvm, &nvm->state.now, gpa, size, NULL, bytes);
    nvm->state.medium = nvm->state.now;
}

struct nvm_hash nvm_hash_of_cut(const struct nvm *nvm, const struct nvm_variant *variant,
                                const struct nvm_store *store)
{
    struct guess guess = {nvm, nvm->state.medium};
    if (nvm->lines) {
        nvm_cache_guess(nvm, variant, store, add_kept, &guess);
    } else if (store && variant->store != NVM_STORE_WHOLE) {
        struct nvm_units units;
        struct random random = nvm->state.random;
        uint8_t fresh[8], bytes[8], old[8];
        to_bytes(store->value, fresh);
        memcpy(bytes, fresh, sizeof bytes);
        memory_read(nvm->mem, store->gpa, old, store->size);
        nvm_choose_store(nvm, variant, &random, store->gpa, store->size, &units);
        nvm_take_units(nvm, &units, store->gpa, bytes, old, store->size);
        change(nvm, &guess.hash, store->gpa, store->size, fresh, bytes);
    }
    return guess.hash;
}
