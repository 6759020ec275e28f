/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recovery/log.h"

#include <stdlib.h>
#include <string.h>

#define WORD_SIZE    8
#define FIRST_BUCKET 4096
#define FIRST_PATIENCE                                                        \
    32 /* accesses before a shared page is looked at, whether it is one still \
        */
#define GC_MINIMUM (UINT64_C(32) << 20)

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

/* ---- Entries and pages --------------------------------------------------------------------- */

struct log *log_new(struct arena *arena, struct memory *mem, log_released_fn released, void *opaque)
{
    struct log *log = arena_zeroed(arena, 1, sizeof *log);
    if (!log)
        return NULL;
    log->buckets = arena_zeroed(arena, FIRST_BUCKET, sizeof(struct log_page *));
    if (!log->buckets)
        return NULL;
    log->arena = arena;
    log->bucket_count = FIRST_BUCKET;
    log->mem = mem;
    log->page_size = memory_page_size(mem);
    log->released = released;
    log->opaque = opaque;
    log->collect_at = GC_MINIMUM;
    log->position = 1;
    return log;
}

uint64_t log_position(const struct log *log)
{
    return log->position;
}

uint64_t log_bytes(const struct log *log)
{
    return log->bytes;
}

static size_t bucket_of(const struct log *log, uint64_t page_gpa)
{
    return (page_gpa / log->page_size) & (log->bucket_count - 1);
}

static struct log_page *find_page(const struct log *log, uint64_t page_gpa)
{
    struct log_page *page = log->buckets[bucket_of(log, page_gpa)];
    while (page && page->gpa != page_gpa)
        page = page->chain;
    return page;
}

static uint64_t page_of(const struct log *log, uint64_t gpa)
{
    return gpa & ~(log->page_size - 1);
}

static void grow(struct log *log)
{
    size_t count = 2 * log->bucket_count;
    struct log_page **buckets = arena_zeroed(log->arena, count, sizeof(struct log_page *)),
                    **old = log->buckets;
    if (!buckets)
        return; /* slower, not wrong */
    size_t old_count = log->bucket_count;
    log->buckets = buckets;
    log->bucket_count = count;
    for (size_t i = 0; i < old_count; i++) {
        for (struct log_page *page = old[i], *next; page; page = next) {
            next = page->chain;
            struct log_page **bucket = &buckets[bucket_of(log, page->gpa)];
            page->chain = *bucket;
            *bucket = page;
        }
    }
    arena_free(log->arena, old);
}

static struct log_page *make_page(struct log *log, uint64_t page_gpa)
{
    struct log_page *page = find_page(log, page_gpa);
    if (page)
        return page;
    page = arena_zeroed(log->arena, 1, sizeof *page);
    if (!page)
        return NULL;
    if (log->page_count++ >= log->bucket_count)
        grow(log);
    struct log_page **bucket = &log->buckets[bucket_of(log, page_gpa)];
    page->gpa = page_gpa;
    page->chain = *bucket;
    *bucket = page;
    return page;
}

static void drop_page(struct log *log, struct log_page *page)
{
    struct log_page **at = &log->buckets[bucket_of(log, page->gpa)];
    while (*at != page)
        at = &(*at)->chain;
    *at = page->chain;
    log->page_count--;
    arena_free(log->arena, page->words);
    arena_free(log->arena, page);
}

/* For the newest entry of a word only. */
static void set_mask(struct log_entry *entry, uint8_t mask)
{
    entry->mask = mask;
    entry->reach = mask | (entry->below ? entry->below->reach : 0);
}

/* Memory that one entry takes. */
static uint64_t cost(const struct log *log, const struct log_entry *entry)
{
    return sizeof *entry + (entry->contents ? log->page_size : 0);
}

static void give(struct log *log, struct log_entry *entry, struct log_owner *owner)
{
    if (!owner->known && owner != &log->retained) {
        owner->known = true;
        owner->next = log->owners;
        owner->previous = NULL;
        if (log->owners)
            log->owners->previous = owner;
        log->owners = owner;
    }
    entry->owner = owner;
    entry->previous = NULL;
    entry->next = owner->first;
    if (owner->first)
        owner->first->previous = entry;
    owner->first = entry;
    owner->bytes += cost(log, entry);
    owner->pages += entry->contents != NULL;
    owner->words += entry->contents == NULL;
}

static void take(struct log *log, struct log_entry *entry)
{
    struct log_owner *owner = entry->owner;
    if (entry->previous)
        entry->previous->next = entry->next;
    else
        owner->first = entry->next;
    if (entry->next)
        entry->next->previous = entry->previous;
    owner->bytes -= cost(log, entry);
    owner->pages -= entry->contents != NULL;
    owner->words -= entry->contents == NULL;
}

static void forget_owner(struct log *log, struct log_owner *owner)
{
    if (!owner->known)
        return;
    if (owner->previous)
        owner->previous->next = owner->next;
    else
        log->owners = owner->next;
    if (owner->next)
        owner->next->previous = owner->previous;
    owner->known = false;
}

static struct log_entry **head_of(struct log_page *page, const struct log_entry *entry)
{
    if (entry->contents)
        return &page->pages;
    return &page->words[(entry->gpa - page->gpa) / WORD_SIZE];
}

/* An entry for the owner, the newest of its page or word. */
static struct log_entry *add(struct log *log, struct log_page *page, struct log_owner *owner,
                             uint64_t gpa, const uint8_t *contents)
{
    struct log_entry *entry = arena_alloc(log->arena, sizeof *entry);
    if (!entry)
        return NULL;
    *entry = (struct log_entry){.position = ++log->position, .gpa = gpa};
    if (contents) {
        entry->contents = arena_alloc(log->arena, log->page_size);
        if (!entry->contents) {
            arena_free(log->arena, entry);
            return NULL;
        }
        memcpy(entry->contents, contents, log->page_size);
    }
    struct log_entry **head = head_of(page, entry);
    entry->below = *head;
    if (entry->below)
        entry->below->above = entry;
    *head = entry;
    entry->made = entry->position;
    entry->earlier = log->last;
    if (log->last)
        log->last->later = entry;
    log->last = entry;
    give(log, entry, owner);
    log->bytes += cost(log, entry);
    page->entries++;
    page->live += owner != &log->retained;
    return entry;
}

/* A page that nobody has uncommitted changes in any more; it may be gone afterwards. */
static void settle_page(struct log *log, struct log_page *page, bool had_live)
{
    if (had_live && !page->live) {
        bool shared = page->shared;
        page->shared = false;
        log->released(log->opaque, page->gpa, shared);
    }
    if (!page->entries)
        drop_page(log, page);
}

/* Frees the entry; its page may be gone afterwards. */
static void remove_entry(struct log *log, struct log_entry *entry)
{
    struct log_page *page = find_page(log, page_of(log, entry->gpa));
    if (entry->above)
        entry->above->below = entry->below;
    else
        *head_of(page, entry) = entry->below;
    if (entry->below)
        entry->below->above = entry->above;
    bool live = entry->owner != &log->retained;
    take(log, entry);
    if (entry->later)
        entry->later->earlier = entry->earlier;
    else
        log->last = entry->earlier;
    if (entry->earlier)
        entry->earlier->later = entry->later;
    log->bytes -= cost(log, entry);
    page->entries--;
    page->live -= live;
    arena_free(log->arena, entry->contents);
    arena_free(log->arena, entry);
    settle_page(log, page, live);
}

static void pass_on(struct log *log, struct log_entry *entry, struct log_owner *owner)
{
    struct log_page *page = find_page(log, page_of(log, entry->gpa));
    bool live = entry->owner != &log->retained;
    take(log, entry);
    give(log, entry, owner);
    if (live && owner == &log->retained) {
        page->live--;
        settle_page(log, page, true);
    }
}

/* ---- Saving -------------------------------------------------------------------------------- */

static uint64_t newest_checkpoint(const struct log *log)
{
    return log->checkpoint_count ? log->checkpoints[log->checkpoint_count - 1] : 0;
}

int log_save_page(struct log *log, struct log_owner *owner, uint64_t page_gpa,
                  const uint8_t *contents)
{
    if (!owner && !log->checkpoint_count)
        return 0;
    struct log_page *page = make_page(log, page_gpa);
    if (!page)
        return -1;
    const struct log_entry *newest = page->pages;
    bool for_checkpoint =
        log->checkpoint_count && (!newest || newest->position <= newest_checkpoint(log));
    bool for_owner = owner && (!newest || newest->owner != owner);
    if (!for_checkpoint && !for_owner) {
        settle_page(log, page, false);
        return 0;
    }
    if (!add(log, page, owner ? owner : &log->retained, page_gpa, contents)) {
        settle_page(log, page, false);
        return -1;
    }
    if (owner) {
        owner->saved_bytes += log->page_size;
        owner->saved_pages++;
    }
    return 0;
}

/* ---- Shared pages -------------------------------------------------------------------------- */

/* Which bytes of two words differ. */
static uint8_t differing(uint64_t a, uint64_t b)
{
    uint8_t mask = 0;
    for (unsigned i = 0; i < WORD_SIZE; i++)
        mask |= (uint8_t)((((a ^ b) >> 8 * i & 0xff) != 0) << i);
    return mask;
}

/* Splits a page entry into words, given what the page held when the next one was made. */
static int split(struct log *log, struct log_page *page, struct log_entry *entry,
                 const uint8_t *after)
{
    for (uint64_t offset = 0; offset < log->page_size; offset += WORD_SIZE) {
        uint64_t old, new;
        memcpy(&old, entry->contents + offset, WORD_SIZE);
        memcpy(&new, after + offset, WORD_SIZE);
        if (old == new)
            continue;
        struct log_entry *word = add(log, page, entry->owner, page->gpa + offset, NULL);
        if (!word)
            return -1;
        word->position = entry->position;
        word->old = old;
        set_mask(word, differing(old, new));
    }
    return 0;
}

int log_share(struct log *log, uint64_t page_gpa)
{
    struct log_page *page = make_page(log, page_gpa);
    if (page && !page->words)
        page->words =
            arena_zeroed(log->arena, log->page_size / WORD_SIZE, sizeof(struct log_entry *));
    const uint8_t *now = memory_host(log->mem, page_gpa, log->page_size);
    if (!page || !page->words || !now)
        return -1;
    page->shared = true;
    page->visits = 0;
    page->patience = FIRST_PATIENCE;
    /* From the oldest to the newest, so that the chains of the words are in order. */
    size_t count = 0;
    for (struct log_entry *entry = page->pages; entry; entry = entry->below)
        count++;
    struct log_entry **all = arena_alloc(log->arena, (count + 1) * sizeof(struct log_entry *));
    if (!all)
        return -1;
    size_t at = count;
    for (struct log_entry *entry = page->pages; entry; entry = entry->below)
        all[--at] = entry;
    int result = 0;
    for (size_t i = 0; i < count && !result; i++)
        if (all[i]->owner != &log->retained)
            result = split(log, page, all[i], i + 1 < count ? all[i + 1]->contents : now);
    page->entries++; /* holds the page while its entries go */
    for (size_t i = 0; i < count && !result; i++) {
        if (all[i]->owner == &log->retained)
            continue;
        page->live++; /* nothing is released here */
        remove_entry(log, all[i]);
        page->live--;
    }
    page->entries--;
    arena_free(log->arena, all);
    bool shared = page->live > 0;
    if (!shared)
        settle_page(log, page, true);
    return result;
}

bool log_is_shared(const struct log *log, uint64_t page_gpa)
{
    const struct log_page *page = find_page(log, page_gpa);
    return page && page->shared;
}

static struct log_owner *owner_in(const struct log *log, const struct log_entry *entry)
{
    while (entry && entry->owner == &log->retained)
        entry = entry->below;
    return entry ? entry->owner : NULL;
}

struct log_owner *log_page_owner(const struct log *log, uint64_t page_gpa)
{
    const struct log_page *page = find_page(log, page_gpa);
    if (!page || !page->live)
        return NULL;
    struct log_owner *owner = owner_in(log, page->pages);
    for (size_t i = 0; page->words && !owner && i < log->page_size / WORD_SIZE; i++)
        owner = owner_in(log, page->words[i]);
    return owner;
}

bool log_reclaim(struct log *log, uint64_t page_gpa, uint32_t lineage,
                 uint32_t (*lineage_of)(const struct log_owner *owner))
{
    struct log_page *page = find_page(log, page_gpa);
    if (page->visitor != lineage) {
        page->visitor = lineage;
        page->visits = 0;
    }
    if (++page->visits < page->patience)
        return false;
    page->visits = 0;
    page->patience *= 2;
    for (size_t i = 0; i < log->page_size / WORD_SIZE; i++)
        for (const struct log_entry *entry = page->words[i]; entry; entry = entry->below)
            if (entry->owner != &log->retained && lineage_of(entry->owner) != lineage)
                return false;
    page->shared = false;
    return true;
}

static uint8_t mask_of(uint64_t gpa, unsigned size)
{
    return (uint8_t)(((1u << size) - 1) << gpa % WORD_SIZE);
}

size_t log_writers(const struct log *log, uint64_t gpa, unsigned size,
                   struct log_owner *writers[LOG_MAX_WRITERS])
{
    const struct log_page *page = find_page(log, page_of(log, gpa));
    if (!page || !page->words || !page->live)
        return 0;
    size_t count = 0;
    uint8_t mask = mask_of(gpa, size);
    struct log_entry *entry = page->words[(gpa - page->gpa) / WORD_SIZE];
    for (; entry && (mask &= entry->reach); entry = entry->below) {
        if ((entry->mask & mask) && entry->owner != &log->retained)
            writers[count++] = entry->owner;
        mask &= (uint8_t)~entry->mask;
    }
    return count;
}

/* Takes the bytes in `mask` from `from`. */
static uint64_t blend(uint64_t word, uint64_t from, uint8_t mask)
{
    for (unsigned i = 0; i < WORD_SIZE; i++)
        if (mask >> i & 1)
            word = (word & ~(UINT64_C(0xff) << 8 * i)) | (from & UINT64_C(0xff) << 8 * i);
    return word;
}

int log_save_bytes(struct log *log, struct log_owner *owner, uint64_t gpa, unsigned size)
{
    struct log_page *page = find_page(log, page_of(log, gpa));
    const uint8_t *host = memory_host(log->mem, gpa & ~UINT64_C(7), WORD_SIZE);
    if (!page || !page->words || !host || (!owner && !log->checkpoint_count))
        return 0;
    struct log_owner *keeper = owner ? owner : &log->retained;
    uint8_t mask = mask_of(gpa, size);
    struct log_entry *head = page->words[(gpa - page->gpa) / WORD_SIZE];
    uint64_t now;
    memcpy(&now, host, sizeof now);
    /* Bytes may join an entry as long as nothing since then can have changed them. */
    if (head && head->owner == keeper && head->position > newest_checkpoint(log) &&
        (!page->pages || head->position > page->pages->position)) {
        uint8_t missing = mask & (uint8_t)~head->mask;
        head->old = blend(head->old, now, missing);
        set_mask(head, head->mask | missing);
        return 0;
    }
    struct log_entry *entry = add(log, page, keeper, gpa & ~UINT64_C(7), NULL);
    if (!entry)
        return -1;
    entry->old = now;
    set_mask(entry, mask);
    keeper->saved_bytes += size;
    keeper->saved_words++;
    return 0;
}

void log_forget_bytes(struct log *log, uint64_t gpa, unsigned size)
{
    struct log_page *page = find_page(log, page_of(log, gpa));
    if (!page || !page->words || log->checkpoint_count)
        return;
    uint8_t mask = mask_of(gpa, size);
    struct log_entry *entry = page->words[(gpa - page->gpa) / WORD_SIZE];
    while (entry) {
        struct log_entry *below = entry->below;
        entry->mask &= (uint8_t)~mask;
        if (!entry->mask)
            remove_entry(log, entry); /* of the last one, the page goes with it */
        entry = below;
    }
}

/* ---- Ends ---------------------------------------------------------------------------------- */

/* Is there a checkpoint that one of the two positions belongs to the past of, and the other not? */
static bool parted(const struct log *log, uint64_t older, uint64_t newer)
{
    size_t low = 0, high = log->checkpoint_count; /* the first checkpoint at or after `older` */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (log->checkpoints[middle] < older)
            low = middle + 1;
        else
            high = middle;
    }
    return low < log->checkpoint_count && log->checkpoints[low] < newer;
}

/* Whether an older entry of that owner makes this one superfluous: all of it, or some bytes, which
 * are then taken out of it. */
static bool is_superfluous(const struct log *log, struct log_entry *entry,
                           const struct log_owner *owner)
{
    for (const struct log_entry *older = entry->below; older; older = older->below) {
        if (older->owner != owner || parted(log, older->position, entry->position))
            continue;
        if (entry->contents)
            return true;
        entry->mask &= (uint8_t)~older->mask;
        if (!entry->mask)
            return true;
    }
    return false;
}

void log_absorb(struct log *log, struct log_owner *parent, struct log_owner *child)
{
    for (struct log_entry *entry = child->first, *next; entry; entry = next) {
        next = entry->next;
        if (is_superfluous(log, entry, parent))
            remove_entry(log, entry);
        else
            pass_on(log, entry, parent);
    }
    forget_owner(log, child);
}

void log_collect(struct log *log)
{
    for (struct log_entry *entry = log->retained.first, *next; entry; entry = next) {
        next = entry->next;
        if (!log->checkpoint_count || entry->position <= log->checkpoints[0] ||
            is_superfluous(log, entry, &log->retained))
            remove_entry(log, entry);
    }
    uint64_t twice = 2 * log->retained.bytes;
    log->collect_at = twice > GC_MINIMUM ? twice : GC_MINIMUM;
}

void log_override(struct log *log, const struct log_owner *owner)
{
    if (log->checkpoint_count)
        return;
    for (const struct log_entry *entry = owner->first; entry; entry = entry->next)
        for (struct log_entry *below = entry->below, *next; below && !entry->contents;
             below = next) {
            next = below->below;
            below->mask &= (uint8_t)~entry->mask;
            if (!below->mask && below->owner != owner)
                remove_entry(log, below);
        }
}

void log_commit(struct log *log, struct log_owner *owner)
{
    for (struct log_entry *entry = owner->first, *next; entry; entry = next) {
        next = entry->next;
        if (!log->checkpoint_count || entry->position <= log->checkpoints[0] ||
            is_superfluous(log, entry, &log->retained))
            remove_entry(log, entry);
        else
            pass_on(log, entry, &log->retained);
    }
    forget_owner(log, owner);
    if (log->retained.bytes > log->collect_at)
        log_collect(log);
}

static int newest_first(const void *a, const void *b)
{
    const struct log_entry *x = *(struct log_entry *const *)a, *y = *(struct log_entry *const *)b;
    return x->position < y->position ? 1 : x->position > y->position ? -1 : 0;
}

/* Puts back what the entries hold and frees them. Returns the number of entries. */
static long put_back(struct log *log, struct log_entry **all, size_t count)
{
    qsort(all, count, sizeof(struct log_entry *), newest_first);
    for (size_t i = 0; i < count; i++) {
        const struct log_entry *entry = all[i];
        if (entry->contents) {
            memory_load(log->mem, entry->gpa, entry->contents, log->page_size);
            continue;
        }
        uint64_t word = 0;
        memory_read(log->mem, entry->gpa, &word, sizeof word);
        word = blend(word, entry->old, entry->mask);
        memory_load(log->mem, entry->gpa, &word, sizeof word);
    }
    for (size_t i = 0; i < count; i++)
        remove_entry(log, all[i]);
    return (long)count;
}

static size_t gather(const struct log_owner *owner, struct log_entry **all)
{
    size_t count = 0;
    for (struct log_entry *entry = owner->first; entry; entry = entry->next) {
        if (all)
            all[count] = entry;
        count++;
    }
    return count;
}

static size_t gather_since(const struct log *log, uint64_t position, struct log_entry **all)
{
    size_t count = 0;
    for (struct log_entry *entry = log->last; entry && entry->made > position;
         entry = entry->earlier) {
        if (entry->position <= position)
            continue;
        if (all)
            all[count] = entry;
        count++;
    }
    return count;
}

long log_undo(struct log *log, struct log_owner *const *owners, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += gather(owners[i], NULL);
    struct log_entry **all = arena_alloc(log->arena, (total + 1) * sizeof(struct log_entry *));
    if (!all)
        return -1;
    total = 0;
    for (size_t i = 0; i < count; i++)
        total += gather(owners[i], all + total);
    long result = put_back(log, all, total);
    arena_free(log->arena, all);
    for (size_t i = 0; i < count; i++)
        forget_owner(log, owners[i]);
    return result;
}

/* ---- Checkpoints --------------------------------------------------------------------------- */

uint64_t log_checkpoint(struct log *log)
{
    if (log->checkpoint_count == log->checkpoint_room) {
        size_t room = log->checkpoint_room ? 2 * log->checkpoint_room : 64;
        uint64_t *all = arena_resize(log->arena, log->checkpoints, room * sizeof *all);
        if (!all)
            return UINT64_MAX;
        log->checkpoints = all;
        log->checkpoint_room = room;
    }
    return log->checkpoints[log->checkpoint_count++] = ++log->position;
}

void log_remove_checkpoint(struct log *log, uint64_t position)
{
    size_t at = log->checkpoint_count;
    while (at > 0 && log->checkpoints[at - 1] != position)
        at--;
    if (!at)
        return;
    memmove(log->checkpoints + at - 1, log->checkpoints + at,
            (log->checkpoint_count - at) * sizeof *log->checkpoints);
    log->checkpoint_count--;
    if (!log->checkpoint_count || log->retained.bytes > log->collect_at)
        log_collect(log);
}

uint64_t log_oldest_checkpoint(const struct log *log)
{
    return log->checkpoint_count ? log->checkpoints[0] : UINT64_MAX;
}

int log_undo_to(struct log *log, uint64_t position)
{
    size_t total = gather_since(log, position, NULL);
    struct log_entry **all = arena_alloc(log->arena, (total + 1) * sizeof(struct log_entry *));
    if (!all)
        return -1;
    gather_since(log, position, all);
    put_back(log, all, total);
    arena_free(log->arena, all);
    while (log->checkpoint_count && newest_checkpoint(log) > position)
        log->checkpoint_count--;
    return 0;
}
