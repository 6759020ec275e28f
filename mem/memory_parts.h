/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_MEM_MEMORY_PARTS_H
#define IASO_MEM_MEMORY_PARTS_H

#include "mem/journal.h"
#include "mem/memory.h"

/* What memory.c and journal.c share; nobody else includes it. */

struct page {
    uint64_t opened; /* epoch in which the page was last opened */
    uint32_t owner;  /* 0: nobody's */
    bool armed : 1;  /* by itself, whatever `opened` says */
    bool precise : 1;
    bool in_code : 1;     /* some TLB or translation may fetch from it */
    bool in_writable : 1; /* some TLB may let stores through */
    uint16_t kept;        /* the newest mark that has the page's pre-image; 0: none */
};

struct slot {
    struct region region; /* first: the public view */
    struct page *pages;   /* RAM and ROM */
};

/* A page as it was when the mark was set, or first changed after it. */
struct kept_page {
    struct slot *slot;
    struct page page; /* `kept` in it: the newest mark below that has the page, too */
    uint64_t index;   /* in the slot */
    uint8_t *image;   /* one page long */
};

/* What was set when the mark was. */
struct mark {
    size_t first; /* of `kept` */
    uint32_t who;
    uint64_t epoch, last_epoch;
    bool dead;
};

struct journal {
    struct mark *marks; /* memory.marks of them; the newest is the last one */
    size_t mark_room;
    struct kept_page *kept; /* in the order of the marks */
    size_t count, room;
    uint8_t **free_images;
    size_t free_count, free_room;
    struct slab *slabs; /* that images are cut from */
    bool lost;          /* out of memory: a page was changed and not kept */
};

struct memory {
    unsigned page_bits;
    struct slot **slots; /* sorted by base */
    size_t slot_count;
    struct slot *recent; /* where the last look-up ended, or NULL */
    uint32_t who;
    uint64_t epoch, last_epoch;
    uint64_t withdrawals, handovers;
    bool dead; /* see memory_set_power() */
    struct memory_listener *listeners;
    size_t listener_count;
    struct shadow *shadows; /* the last one that was added */
    unsigned marks;         /* how many are set */
    struct journal journal;
};

/* Announces that the page, from which code may have been translated, is about to change. */
void memory_code_changed(struct memory *mem, struct slot *slot, struct page *page);

/* ---- journal.c ---- */

void memory_keep(struct memory *mem, struct slot *slot, struct page *page);
void memory_free_journal(struct memory *mem);

/* The page, or its record, is about to change. */
static inline void keep(struct memory *mem, struct slot *slot, struct page *page)
{
    if (__builtin_expect(page->kept != mem->marks, 0))
        memory_keep(mem, slot, page);
}

#endif
