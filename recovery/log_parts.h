/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_RECOVERY_LOG_PARTS_H
#define IASO_RECOVERY_LOG_PARTS_H

/* Inside of the log: log.c saves, log_ends.c commits, undoes and keeps checkpoints. */

#include "recovery/log.h"

#define WORD_SIZE 8

/* Bytes of committed entries, kept for checkpoints, at which those that are superfluous go. */
#define LOG_COLLECT_AT (UINT64_C(32) << 20)

struct log_entry {
    uint64_t position, gpa;
    struct log_owner *owner;
    struct log_entry *next, *previous; /* of the owner */
    uint64_t made;                     /* position when it was made; never before `position` */
    struct log_entry *later, *earlier; /* in the order in which they were made */
    struct log_entry *below, *above;   /* the next older, newer one of the same page or word */
    uint64_t old;                      /* word */
    uint8_t *contents;                 /* page, else NULL */
    uint8_t mask;                      /* word: which bytes */
    uint8_t reach; /* word: these, those of older ones, and maybe some that older ones had */
};

struct log_page {
    uint64_t gpa;
    struct log_page *chain;
    struct log_entry *pages;   /* newest first */
    struct log_entry **words;  /* newest first, for each word; NULL: none yet */
    unsigned entries, live;    /* live: of owners that did not commit */
    uint32_t visitor;          /* lineage of the last access while shared ... */
    unsigned visits, patience; /* ... so many times in a row; looked into at so many */
    bool shared;
};

struct log {
    struct arena *arena;
    struct memory *mem;
    uint64_t page_size;
    log_released_fn released;
    void *opaque;
    struct log_page **buckets;
    size_t bucket_count, page_count;
    struct log_owner retained; /* what was committed since the oldest checkpoint */
    struct log_owner *owners;
    struct log_entry *last; /* the entry that was made last */
    uint64_t position, bytes, collect_at;
    uint64_t *checkpoints; /* ascending */
    size_t checkpoint_count, checkpoint_room;
};

static inline uint64_t log_newest_checkpoint(const struct log *log)
{
    return log->checkpoint_count ? log->checkpoints[log->checkpoint_count - 1] : 0;
}

/* Takes the bytes in `mask` from `from`. */
static inline uint64_t log_blend(uint64_t word, uint64_t from, uint8_t mask)
{
    for (unsigned i = 0; i < WORD_SIZE; i++)
        if (mask >> i & 1)
            word = (word & ~(UINT64_C(0xff) << 8 * i)) | (from & UINT64_C(0xff) << 8 * i);
    return word;
}

/* Takes the entry out of its word or page and away from its owner, and frees it. */
void log_remove_entry(struct log *log, struct log_entry *entry);

/* The entry becomes another owner's. */
void log_pass_on(struct log *log, struct log_entry *entry, struct log_owner *owner);

/* The owner has no entries any more. */
void log_forget_owner(struct log *log, struct log_owner *owner);

#endif
