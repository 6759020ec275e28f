/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recovery/log_parts.h"

#include <string.h>

#define FIRST_BUCKET 4096

/* Accesses before a shared page is looked at, whether it is one still. */
#define FIRST_PATIENCE 32

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
    log->collect_at = LOG_COLLECT_AT;
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

void log_forget_owner(struct log *log, struct log_owner *owner)
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
void log_remove_entry(struct log *log, struct log_entry *entry)
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

void log_pass_on(struct log *log, struct log_entry *entry, struct log_owner *owner)
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
        log->checkpoint_count && (!newest || newest->position <= log_newest_checkpoint(log));
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
        log_remove_entry(log, all[i]);
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
    if (head && head->owner == keeper && head->position > log_newest_checkpoint(log) &&
        (!page->pages || head->position > page->pages->position)) {
        uint8_t missing = mask & (uint8_t)~head->mask;
        head->old = log_blend(head->old, now, missing);
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
            log_remove_entry(log, entry); /* of the last one, the page goes with it */
        entry = below;
    }
}
