/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_POWER_NVM_PARTS_H
#define IASO_POWER_NVM_PARTS_H

#include "mem/journal.h"
#include "power/nvm.h"
#include "power/random.h"

/* What nvm.c, nvm_cache.c and nvm_contents.c share; nobody else includes it. */

struct range {
    struct nvm_range seen; /* first: the public view */
    struct shadow *shadow; /* what holds `wear` */
    uint32_t *wear;        /* by wear line from the one that holds `start`; NULL: not counted */
    uint64_t wear_lines;
    const uint8_t *host; /* its bytes, or NULL if several regions hold them; of nvm_hash_begin() */
};

/* A line of the cache. Its bytes are in RAM; what the medium has is in nvm.old. */
struct line {
    uint64_t gpa; /* of its first byte */
    uint64_t used;
    bool valid, dirty;
};

/* A store after the cut, or the one in the middle of which it is. */
struct ghost {
    uint64_t gpa;
    unsigned size;
    uint8_t old[8];
};

/* What nvm_state() copies besides ranges and lines. */
struct nvm_state {
    uint64_t writes, life_start;
    struct random random;
    struct nvm_cache_counts cache;
    uint64_t uses;
    struct nvm_hash now;    /* of what is in RAM, the store in progress included */
    struct nvm_hash medium; /* and without the dirty lines */
};

struct nvm {
    struct memory *mem;
    struct nvm_policy policy;
    unsigned wear_shift, line_shift;
    struct nvm_state state;

    struct range *ranges; /* sorted */
    size_t range_count;
    struct range *recent; /* where the last access was, or NULL */

    /* Of the cut. */
    uint64_t limit;
    struct nvm_variant variant; /* of the cut at `limit` */
    bool at_limit;              /* the cut is that one */
    bool frozen;
    nvm_reached_fn reached;
    void *opaque;
    bool tearing; /* `torn` is the store in progress */
    struct ghost torn;
    struct ghost *ghosts;
    size_t ghost_count, ghost_room;
    bool ghost_lost; /* out of memory */

    struct line *lines; /* sets * ways, by set; NULL: no cache */
    struct line *last;  /* the line of the last access, if it is still valid; or NULL */
    uint8_t *old;       /* policy.cache.line bytes a line */

    bool hashing;
    nvm_store_fn stored;
    void *stored_opaque;
};

/* Which units of some bytes on their way to the medium are new there: bit i of the i-th that the
 * bytes have a part in. */
struct nvm_units {
    unsigned count;
    uint64_t fresh[NVM_MAX_LINE / 64 + 1];
};

/* The medium is written: [gpa, gpa + size) of the range, clipped to it. */
void nvm_wear_out(struct nvm *nvm, struct range *range, uint64_t gpa, uint64_t size);

/* The first range that has bytes in [gpa, gpa + size), or NULL. */
struct range *nvm_find(const struct nvm *nvm, uint64_t gpa, uint64_t size);

/* Puts old bytes back into RAM, where there is a range. */
void nvm_put_back(struct nvm *nvm, uint64_t gpa, const uint8_t *old, uint64_t size);

unsigned nvm_unit_count(const struct nvm *nvm, uint64_t gpa, unsigned size);

/* As the policy says. */
void nvm_choose_units(const struct nvm *nvm, struct random *random, uint64_t gpa, unsigned size,
                      struct nvm_units *units);

/* As the variant says, for the store that it is a variant of. */
void nvm_choose_store(const struct nvm *nvm, const struct nvm_variant *variant,
                      struct random *random, uint64_t gpa, unsigned size, struct nvm_units *units);

/* The bytes of units that are not new become the old ones; returns how many units those are. */
unsigned nvm_take_units(const struct nvm *nvm, const struct nvm_units *units, uint64_t gpa,
                        uint8_t *bytes, const uint8_t *old, unsigned size);

/* ---- nvm_cache.c ---- */

int nvm_cache_new(struct nvm *nvm, struct error *err);
void nvm_cache_access(struct nvm *nvm, uint64_t gpa, unsigned size, bool write);
void nvm_cache_cut(struct nvm *nvm, const struct nvm_variant *variant, struct nvm_cut *cut);

/* Whether the byte is in a dirty line. */
bool nvm_cache_is_dirty(const struct nvm *nvm, uint64_t gpa);

/* What of each dirty line a cut leaves: calls for lines of which anything is kept, with what the
 * medium has then. `store`: see nvm_hash_of_cut(). */
typedef void (*nvm_kept_fn)(void *opaque, uint64_t gpa, const uint8_t *old, const uint8_t *bytes);
void nvm_cache_guess(const struct nvm *nvm, const struct nvm_variant *variant,
                     const struct nvm_store *store, nvm_kept_fn kept, void *opaque);

/* ---- nvm_hash.c ---- */

/* A store that was counted, and is in the cache; before memory changes. */
void nvm_hash_store(struct nvm *nvm, uint64_t gpa, unsigned size, uint64_t value);

/* The medium gets the bytes of a dirty line, instead of `old`. */
void nvm_hash_write_back(struct nvm *nvm, uint64_t gpa, const uint8_t *old, const uint8_t *bytes);

/* RAM and the medium are about to get these bytes. Does nothing while no hash is kept. */
void nvm_hash_put_back(struct nvm *nvm, uint64_t gpa, const uint8_t *bytes, uint64_t size);

#endif
