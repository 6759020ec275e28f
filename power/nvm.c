/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "power/nvm.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "power/nvm_parts.h"

#define MAX_WEAR_LINE 4096
#define FIRST_GHOSTS  64

struct nvm_policy nvm_default_policy(void)
{
    return (struct nvm_policy){.atomic = 4, .wear_line = 16, .seed = 1};
}

static bool is_power_of_two(unsigned value)
{
    return value && !(value & (value - 1));
}

static int check_policy(const struct nvm_policy *policy, struct error *err)
{
    if (!is_power_of_two(policy->atomic) || policy->atomic > 16)
        return error_set(err, "atomic width: expected 1, 2, 4, 8 or 16 bytes, found %u",
                         policy->atomic);
    if (policy->wear_line &&
        (!is_power_of_two(policy->wear_line) || policy->wear_line > MAX_WEAR_LINE))
        return error_set(err, "wear line: expected a power of two up to %u bytes, found %u",
                         MAX_WEAR_LINE, policy->wear_line);
    if (!policy->cache.ways)
        return 0;
    if (policy->cache.ways > NVM_MAX_WAYS)
        return error_set(err, "cache: expected at most %u ways, found %u", NVM_MAX_WAYS,
                         policy->cache.ways);
    if (!is_power_of_two(policy->cache.sets) || policy->cache.sets > 65536)
        return error_set(err, "cache: expected a power of two up to 65536 of sets, found %u",
                         policy->cache.sets);
    if (!is_power_of_two(policy->cache.line) || policy->cache.line < 4 ||
        policy->cache.line > NVM_MAX_LINE)
        return error_set(err,
                         "cache: expected lines of a power of two from 4 to %u bytes, found %u",
                         NVM_MAX_LINE, policy->cache.line);
    return 0;
}

/* ---- Ranges -------------------------------------------------------------------------------- */

struct range *nvm_find(const struct nvm *nvm, uint64_t gpa, uint64_t size)
{
    size_t low = 0, high = nvm->range_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (nvm->ranges[middle].seen.end > gpa)
            high = middle;
        else
            low = middle + 1;
    }
    if (low == nvm->range_count)
        return NULL;
    struct range *range = &nvm->ranges[low];
    return range->seen.start <= gpa || range->seen.start - gpa < size ? range : NULL;
}

static bool is_memory(const struct memory *mem, uint64_t start, uint64_t end)
{
    while (start < end) {
        const struct region *region = memory_find(mem, start);
        if (!region || region->kind == REGION_DEVICE)
            return false;
        uint64_t left = region->size - (start - region->base);
        if (end - start <= left)
            return true;
        start += left;
    }
    return true;
}

static int add_wear(const struct nvm *nvm, struct range *range, struct error *err)
{
    if (!nvm->policy.wear_line)
        return 0;
    range->wear_lines =
        ((range->seen.end - 1) >> nvm->wear_shift) - (range->seen.start >> nvm->wear_shift) + 1;
    range->shadow = memory_add_shadow(nvm->mem, range->wear_lines * sizeof *range->wear);
    if (!range->shadow)
        return error_set(err, "out of memory");
    range->wear = shadow_bytes(range->shadow);
    return 0;
}

int nvm_add_range(struct nvm *nvm, const char *name, uint64_t start, uint64_t end,
                  struct error *err)
{
    if (start >= end)
        return error_set(err,
                         "non-volatile range \"%s\": expected it to end after 0x%" PRIx64
                         ", found 0x%" PRIx64,
                         name, start, end);
    if (!is_memory(nvm->mem, start, end))
        return error_set(
            err, "non-volatile range \"%s\": expected memory at all of 0x%" PRIx64 " to 0x%" PRIx64,
            name, start, end);
    const struct range *other = nvm_find(nvm, start, end - start);
    if (other)
        return error_set(err, "non-volatile ranges \"%s\" at 0x%" PRIx64 " and \"%s\" overlap",
                         name, start, other->seen.name);
    struct range *ranges = realloc(nvm->ranges, (nvm->range_count + 1) * sizeof *ranges);
    if (!ranges)
        return error_set(err, "out of memory");
    nvm->ranges = ranges;
    nvm->recent = NULL;
    struct range range = {.seen = {.start = start, .end = end}};
    strncpy(range.seen.name, name, sizeof range.seen.name - 1);
    if (add_wear(nvm, &range, err))
        return -1;
    size_t at = 0;
    while (at < nvm->range_count && ranges[at].seen.start < start)
        at++;
    memmove(ranges + at + 1, ranges + at, (nvm->range_count - at) * sizeof *ranges);
    ranges[at] = range;
    nvm->range_count++;
    memory_set_state(nvm->mem, start, end - start, PAGE_PRECISE);
    return 0;
}

size_t nvm_range_count(const struct nvm *nvm)
{
    return nvm->range_count;
}

const struct nvm_range *nvm_range(const struct nvm *nvm, size_t index)
{
    return &nvm->ranges[index].seen;
}

uint64_t nvm_writes(const struct nvm *nvm)
{
    return nvm->state.writes;
}

uint64_t nvm_life_writes(const struct nvm *nvm)
{
    return nvm->state.writes - nvm->state.life_start;
}

/* ---- Accesses ------------------------------------------------------------------------------ */

void nvm_wear_out(struct nvm *nvm, struct range *range, uint64_t gpa, uint64_t size)
{
    range->seen.medium_writes++;
    if (!range->wear)
        return;
    uint64_t last = gpa + (size - 1);
    if (last >= range->seen.end)
        last = range->seen.end - 1;
    if (gpa < range->seen.start)
        gpa = range->seen.start;
    uint64_t base = range->seen.start >> nvm->wear_shift;
    uint64_t first = (gpa >> nvm->wear_shift) - base;
    last = (last >> nvm->wear_shift) - base;
    memory_touch_shadow(nvm->mem, range->shadow, first * sizeof *range->wear,
                        (last - first + 1) * sizeof *range->wear);
    for (uint64_t i = first; i <= last; i++)
        range->wear[i] += range->wear[i] != UINT32_MAX;
}

/* Remembers what memory holds before a store that will have to be taken back. */
static void remember(const struct nvm *nvm, struct ghost *ghost, uint64_t gpa, unsigned size)
{
    ghost->gpa = gpa;
    ghost->size = size;
    memory_read(nvm->mem, gpa, ghost->old, size);
}

static void add_ghost(struct nvm *nvm, uint64_t gpa, unsigned size)
{
    if (nvm->ghost_count == nvm->ghost_room) {
        size_t room = nvm->ghost_room ? nvm->ghost_room * 2 : FIRST_GHOSTS;
        struct ghost *ghosts = realloc(nvm->ghosts, room * sizeof *ghosts);
        if (!ghosts) {
            nvm->ghost_lost = true;
            return;
        }
        nvm->ghosts = ghosts;
        nvm->ghost_room = room;
    }
    remember(nvm, &nvm->ghosts[nvm->ghost_count++], gpa, size);
}

static __attribute__((noinline)) void reach_limit(struct nvm *nvm, uint64_t gpa, unsigned size)
{
    if (nvm->limit_torn && !nvm->lines) {
        nvm->tearing = true;
        remember(nvm, &nvm->torn, gpa, size);
    }
    nvm->frozen = true;
    if (nvm->reached)
        nvm->reached(nvm->opaque);
}

static void on_access(void *opaque, uint64_t gpa, unsigned size, enum access_kind kind,
                      uint64_t value)
{
    (void)value;
    struct nvm *nvm = opaque;
    struct range *range = nvm->recent;
    if (!range || gpa < range->seen.start || gpa >= range->seen.end) {
        range = nvm_find(nvm, gpa, size);
        if (!range)
            return;
        nvm->recent = range;
    }
    if (__builtin_expect(nvm->frozen, 0)) {
        if (kind == ACCESS_WRITE)
            add_ghost(nvm, gpa, size);
        return;
    }
    if (kind == ACCESS_WRITE) {
        range->seen.writes++;
        range->seen.written_bytes += size;
    } else {
        range->seen.reads++;
        range->seen.read_bytes += size;
    }
    if (nvm->lines)
        nvm_cache_access(nvm, gpa, size, kind == ACCESS_WRITE);
    if (kind != ACCESS_WRITE)
        return;
    if (!nvm->lines)
        nvm_wear_out(nvm, range, gpa, size);
    if (++nvm->state.writes == nvm->limit)
        reach_limit(nvm, gpa, size);
}

/* ---- A power cut --------------------------------------------------------------------------- */

void nvm_begin_life(struct nvm *nvm)
{
    nvm->state.life_start = nvm->state.writes;
    nvm->limit = UINT64_MAX;
    nvm->frozen = nvm->tearing = nvm->ghost_lost = false;
    nvm->ghost_count = 0;
}

void nvm_set_write_limit(struct nvm *nvm, uint64_t ordinal, bool torn, nvm_reached_fn reached,
                         void *opaque)
{
    nvm->limit = ordinal;
    nvm->limit_torn = torn;
    nvm->reached = reached;
    nvm->opaque = opaque;
}

void nvm_freeze(struct nvm *nvm)
{
    nvm->frozen = true;
}

bool nvm_frozen(const struct nvm *nvm)
{
    return nvm->frozen;
}

void nvm_put_back(struct nvm *nvm, uint64_t gpa, const uint8_t *old, uint64_t size)
{
    const struct range *range;
    while (size && (range = nvm_find(nvm, gpa, size))) {
        uint64_t skip = range->seen.start > gpa ? range->seen.start - gpa : 0;
        uint64_t left = range->seen.end - (gpa + skip);
        uint64_t length = size - skip < left ? size - skip : left;
        memory_load(nvm->mem, gpa + skip, old + skip, length);
        gpa += skip + length;
        old += skip + length;
        size -= skip + length;
    }
}

unsigned nvm_tear(struct nvm *nvm, uint64_t gpa, const uint8_t *old, unsigned size, unsigned *units)
{
    uint64_t unit = nvm->policy.atomic, first = gpa / unit;
    unsigned back = 0;
    *units = (unsigned)((gpa + (size - 1)) / unit - first + 1);
    if (nvm->policy.torn == NVM_TORN_NONE)
        return 0;
    unsigned kept = nvm->policy.torn == NVM_TORN_PREFIX
                        ? (unsigned)random_below(&nvm->state.random, *units + 1)
                        : 0;
    for (unsigned i = 0; i < *units; i++) {
        if (nvm->policy.torn == NVM_TORN_PREFIX ? i < kept : random_next(&nvm->state.random) >> 63)
            continue;
        uint64_t from = (first + i) * unit, to = from + unit;
        from = from < gpa ? gpa : from;
        to = to - gpa > size ? gpa + size : to;
        nvm_put_back(nvm, from, old + (from - gpa), to - from);
        back++;
    }
    return back;
}

int nvm_cut(struct nvm *nvm, struct nvm_cut *cut, struct error *err)
{
    nvm->frozen = true;
    *cut = (struct nvm_cut){.ghosts = nvm->ghost_count};
    while (nvm->ghost_count) {
        const struct ghost *ghost = &nvm->ghosts[--nvm->ghost_count];
        nvm_put_back(nvm, ghost->gpa, ghost->old, ghost->size);
    }
    if (nvm->tearing) {
        unsigned units;
        unsigned back = nvm_tear(nvm, nvm->torn.gpa, nvm->torn.old, nvm->torn.size, &units);
        cut->torn = back && back < units;
        nvm->tearing = false;
    }
    nvm_cache_cut(nvm, cut);
    return nvm->ghost_lost ? error_set(err, "out of memory for stores after a power cut") : 0;
}

/* -------------------------------------------------------------------------------------------- */

struct nvm *nvm_new(struct memory *mem, const struct nvm_policy *policy, struct error *err)
{
    if (check_policy(policy, err))
        return NULL;
    struct nvm *nvm = calloc(1, sizeof *nvm);
    if (!nvm) {
        error_set(err, "out of memory");
        return NULL;
    }
    nvm->mem = mem;
    nvm->policy = *policy;
    nvm->limit = UINT64_MAX;
    nvm->state.random.state = policy->seed;
    if (policy->wear_line)
        nvm->wear_shift = (unsigned)__builtin_ctz(policy->wear_line);
    struct memory_listener listener = {.access = on_access, .opaque = nvm};
    if (nvm_cache_new(nvm, err) || memory_listen(mem, &listener)) {
        error_set(err, "out of memory");
        nvm_free(nvm);
        return NULL;
    }
    return nvm;
}

void nvm_free(struct nvm *nvm)
{
    if (!nvm)
        return;
    free(nvm->ranges);
    free(nvm->ghosts);
    free(nvm->lines);
    free(nvm->old);
    free(nvm);
}
