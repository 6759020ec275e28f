/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_POWER_NVM_H
#define IASO_POWER_NVM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/error.h"
#include "mem/memory.h"
#include "mem/state.h"

/*
 * Non-volatile memory: byte ranges of a machine's memory that survive a power cut, as far as the
 * medium has them. Guest and host see RAM; what of it is not on the medium yet (dirty lines of the
 * write-back cache, stores made after the cut) is remembered by its old bytes, and taken back when
 * the cut is settled.
 *
 * A life, as the caller drives it:
 *   nvm_begin_life()                        power is on
 *   nvm_set_write_limit() / nvm_freeze()    power fails at an NVM write / for another reason; what
 *                                           the guest still stores in its block are ghosts
 *   nvm_cut()                               RAM in the ranges becomes what the medium holds
 *
 * Pages that hold a range are precise; each store of the guest or of a device to them (one
 * memory_listener.access) that touches a range is one NVM write, and likewise reads. What
 * memory_load() stores is not counted and is on the medium at once.
 */
struct nvm;

/* What a cut in the middle of a store (or of a cache line's way to the medium) leaves. A unit is
 * nvm_policy.atomic bytes, aligned: it is old or new, never a mixture. */
enum nvm_torn {
    NVM_TORN_NONE,   /* all of it is new */
    NVM_TORN_PREFIX, /* the first units are new: how many is random, none and all included */
    NVM_TORN_RANDOM, /* each unit by itself is old or new */
};

/* What a cut does to the dirty lines of the cache. */
enum nvm_dirty {
    NVM_DIRTY_LOST,   /* none has reached the medium */
    NVM_DIRTY_RANDOM, /* each is lost or not; one that is not may be torn as the policy says */
    NVM_DIRTY_KEPT,   /* all have: a cache with a battery */
};

/*
 * What a cut at an NVM write leaves, in full detail. All zero: the store is whole, and the dirty
 * lines are left to the policy.
 */
struct nvm_variant {
    enum {
        NVM_STORE_WHOLE,
        NVM_STORE_TORN,  /* as nvm_policy.torn says */
        NVM_STORE_UNITS, /* exactly those in `units` are new: bit 0 is the unit at the lowest
                            address */
    } store;             /* not looked at with a cache: no store is on its way to the medium */
    uint32_t units;
    enum {
        NVM_LINES_POLICY,
        NVM_LINES_LOST,
        NVM_LINES_KEPT,
        NVM_LINES_RANDOM, /* by `seed` alone */
    } lines;
    uint64_t seed;
};

#define NVM_MAX_LINE 256
#define NVM_MAX_WAYS 256

struct nvm_policy {
    unsigned atomic; /* bytes: 1, 2, 4, 8 or 16 */
    enum nvm_torn torn;
    unsigned wear_line; /* bytes that wear together, a power of two, 1 to 4096; 0: not counted */
    struct {
        unsigned sets, ways; /* `ways` 0: no cache; `sets` a power of two, 1: fully associative */
        unsigned line;       /* bytes, a power of two, 4 to NVM_MAX_LINE */
        enum nvm_dirty dirty;
    } cache;       /* write-back, allocates at reads and writes, evicts what was used longest ago */
    uint64_t seed; /* of all that is random */
};

/* Atomic width 4, nothing torn, wear lines of 16 bytes, no cache, seed 1. */
struct nvm_policy nvm_default_policy(void);

/* Adds a listener to `mem`, hence must live as long; both are the caller's. */
struct nvm *nvm_new(struct memory *mem, const struct nvm_policy *policy, struct error *err);
void nvm_free(struct nvm *nvm);

/* Adds [start, end) and makes its pages precise. Before the first life. Fails on an empty range,
 * one that is not all memory, and one that overlaps another. */
int nvm_add_range(struct nvm *nvm, const char *name, uint64_t start, uint64_t end,
                  struct error *err);

struct nvm_range {
    char name[32];
    uint64_t start, end;
    uint64_t reads, writes, read_bytes, written_bytes;
    uint64_t medium_writes; /* stores, or with a cache lines, that went to the medium */
};

/* In order of address; valid until the next nvm_add_range(). An index is good as long. */
size_t nvm_range_count(const struct nvm *nvm);
const struct nvm_range *nvm_range(const struct nvm *nvm, size_t index);

/* NVM writes since the start of the run and of the life: the ordinal of the last one, from 1.
 * Ghosts do not count. */
uint64_t nvm_writes(const struct nvm *nvm);
uint64_t nvm_life_writes(const struct nvm *nvm);

/* ---- A power cut --------------------------------------------------------------------------- */

void nvm_begin_life(struct nvm *nvm);

/*
 * Power fails at the NVM write with that ordinal in the run (UINT64_MAX: never): right behind it,
 * or within it, as the variant says, which is copied. `reached` is then called, from within that
 * access and before memory changes, and all later stores are ghosts. Of the life only:
 * nvm_begin_life() clears it.
 */
typedef void (*nvm_reached_fn)(void *opaque);
void nvm_set_write_limit(struct nvm *nvm, uint64_t ordinal, const struct nvm_variant *variant,
                         nvm_reached_fn reached, void *opaque);

/* Power fails now: all later stores are ghosts. */
void nvm_freeze(struct nvm *nvm);
bool nvm_frozen(const struct nvm *nvm);

/* All dirty lines go to the medium. Does nothing when frozen. */
void nvm_flush(struct nvm *nvm);

/* How many lines are dirty, and the cache's hits and misses. */
struct nvm_cache_counts {
    uint64_t hits, misses, write_backs;
    unsigned dirty;
};
struct nvm_cache_counts nvm_cache_counts(const struct nvm *nvm);

/* What a cut did. */
struct nvm_cut {
    uint64_t ghosts;     /* stores after the cut, taken back */
    uint64_t lost_lines; /* dirty cache lines that did not reach the medium, or not as a whole */
    bool torn;           /* a store was torn: part of it is old, part new */
};

/* Power is off and the guest does not run: settles what the ranges hold. Freezes first if need be.
 * Fails only when the list of ghosts ran out of memory. */
int nvm_cut(struct nvm *nvm, struct nvm_cut *cut, struct error *err);

/* ---- Crash states -------------------------------------------------------------------------- */

/* A hash of what the ranges hold: equal contents have equal hashes, on every host, and others do
 * not as far as 128 bits can tell. */
struct nvm_hash {
    uint64_t low, high;
};

/* A store that is about to change memory. */
struct nvm_store {
    uint64_t ordinal; /* of the run: nvm_writes() */
    uint64_t gpa, value;
    unsigned size;
    unsigned units; /* that it has a part in: what can be torn */
};

/* From within each NVM write that is not a ghost, once it has been counted. */
typedef void (*nvm_store_fn)(void *opaque, const struct nvm_store *store);

/*
 * From now on the hash of the contents is kept up to date, and each store announced (NULL: not);
 * at the cost of a few loads and multiplications a store. NVM_STORE_TORN and NVM_LINES_POLICY with
 * random lines are answered as a cut right now would decide.
 */
void nvm_hash_begin(struct nvm *nvm, nvm_store_fn stored, void *opaque);

/* These bytes were changed in another way than by stores and cuts. */
void nvm_hash_changed(struct nvm *nvm, uint64_t gpa, uint64_t size);

/* What a cut right now would leave: within nvm_store_fn right behind that store, or in the middle
 * of it; else `store` is NULL. */
struct nvm_hash nvm_hash_of_cut(const struct nvm *nvm, const struct nvm_variant *variant,
                                const struct nvm_store *store);

/* The hash of all bytes in the ranges, as they are in RAM, without use of what was kept. */
struct nvm_hash nvm_hash_full(const struct nvm *nvm);

/* ---- Wear ---------------------------------------------------------------------------------- */

/* Medium writes by wear line, of all ranges. */
struct nvm_wear {
    uint64_t lines, worn; /* how many there are, and were ever written */
    uint64_t total, max;
    double mean; /* total / lines */
};

struct nvm_wear_line {
    uint64_t gpa, writes;
};

struct nvm_wear nvm_wear(const struct nvm *nvm);

/* The most written lines, most first, equals by address; returns how many (at most `size`). */
size_t nvm_wear_top(const struct nvm *nvm, struct nvm_wear_line *lines, size_t size);

/* A part of a range, a whole number of its wear lines: [start, end). */
struct nvm_wear_bin {
    uint64_t start, end;
    uint64_t lines, total, max; /* of medium writes */
};

/* Divides a range into parts of equal size, the last one perhaps smaller; returns how many (at most
 * `size`; 0 if wear is not counted). */
size_t nvm_wear_map(const struct nvm *nvm, size_t range, struct nvm_wear_bin *bins, size_t size);

/* ---- Contents ------------------------------------------------------------------------------ */

/* Raw image of exactly the range's bytes. Saving writes a new file beside it and renames it, so
 * that the old one is whole until the new one is. */
int nvm_load_file(struct nvm *nvm, size_t range, const char *path, struct error *err);
int nvm_save_file(const struct nvm *nvm, size_t range, const char *path, struct error *err);

/* SHA-256 over (start and end as 8 little-endian bytes each, contents) of each range. */
void nvm_digest(const struct nvm *nvm, uint8_t digest[MEMORY_DIGEST_SIZE]);

/* A quick hash of the contents, to see whether anything changed; not the same on all hosts. */
uint64_t nvm_fingerprint(const struct nvm *nvm);

/* Everything but contents and wear, which marks in memory bring back (mem/journal.h): counts,
 * cache, randomness, for the same set of ranges. Saved while not frozen; restored at any time, and
 * then without a write limit. */
void nvm_state(struct nvm *nvm, struct state_copy *copy);

#endif
