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
    bool limit_torn, frozen;
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
};

/* The medium is written: [gpa, gpa + size) of the range, clipped to it. */
void nvm_wear_out(struct nvm *nvm, struct range *range, uint64_t gpa, uint64_t size);

/* The first range that has bytes in [gpa, gpa + size), or NULL. */
struct range *nvm_find(const struct nvm *nvm, uint64_t gpa, uint64_t size);

/* Puts old bytes back into RAM, where there is a range. */
void nvm_put_back(struct nvm *nvm, uint64_t gpa, const uint8_t *old, uint64_t size);

/* What is in RAM was on its way to the medium, which held `old`: leaves what the policy says.
 * Returns how many units were put back; *units is how many there are. */
unsigned nvm_tear(struct nvm *nvm, uint64_t gpa, const uint8_t *old, unsigned size,
                  unsigned *units);

int nvm_cache_new(struct nvm *nvm, struct error *err);
void nvm_cache_access(struct nvm *nvm, uint64_t gpa, unsigned size, bool write);
void nvm_cache_cut(struct nvm *nvm, struct nvm_cut *cut);

#endif
