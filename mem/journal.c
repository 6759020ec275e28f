/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mem/journal.h"

#include <stdlib.h>
#include <string.h>

#include "mem/memory_parts.h"

#define MAX_MARKS   UINT16_MAX
#define SLAB_IMAGES 64

/* Images are never given back to the host before the memory is freed. */
struct slab {
    struct slab *next;
    uint8_t bytes[];
};

static int add_slab(struct memory *mem)
{
    struct journal *journal = &mem->journal;
    size_t room = journal->free_room + SLAB_IMAGES;
    struct slab *slab = malloc(sizeof *slab + SLAB_IMAGES * memory_page_size(mem));
    uint8_t **images = realloc(journal->free_images, room * sizeof *images);
    if (images)
        journal->free_images = images;
    if (!slab || !images) {
        free(slab);
        return -1;
    }
    journal->free_room = room; /* all images there are */
    slab->next = journal->slabs;
    journal->slabs = slab;
    for (size_t i = SLAB_IMAGES; i--;)
        images[journal->free_count++] = slab->bytes + i * memory_page_size(mem);
    return 0;
}

static int make_room(struct memory *mem)
{
    struct journal *journal = &mem->journal;
    if (!journal->free_count && add_slab(mem))
        return -1;
    if (journal->count < journal->room)
        return 0;
    size_t room = journal->room ? 2 * journal->room : SLAB_IMAGES;
    struct kept_page *kept = realloc(journal->kept, room * sizeof *kept);
    if (!kept)
        return -1;
    journal->kept = kept;
    journal->room = room;
    return 0;
}

static uint8_t *host_of(const struct memory *mem, const struct slot *slot, uint64_t index)
{
    return slot->region.host + (index << mem->page_bits);
}

void memory_keep(struct memory *mem, struct slot *slot, struct page *page)
{
    struct journal *journal = &mem->journal;
    if (make_room(mem)) {
        journal->lost = true;
        return;
    }
    struct kept_page *kept = &journal->kept[journal->count++];
    *kept = (struct kept_page){.slot = slot,
                               .page = *page,
                               .index = (uint64_t)(page - slot->pages),
                               .image = journal->free_images[--journal->free_count]};
    memcpy(kept->image, host_of(mem, slot, kept->index), memory_page_size(mem));
    page->kept = (uint16_t)mem->marks;
}

static void release(struct journal *journal, const struct kept_page *kept)
{
    journal->free_images[journal->free_count++] = kept->image;
}

int memory_mark(struct memory *mem, struct error *err)
{
    struct journal *journal = &mem->journal;
    if (mem->marks == MAX_MARKS)
        return error_set(err, "expected at most %d marks in memory at a time", MAX_MARKS);
    if (mem->marks == journal->mark_room) {
        size_t room = journal->mark_room ? 2 * journal->mark_room : 4;
        struct mark *marks = realloc(journal->marks, room * sizeof *marks);
        if (!marks)
            return error_set(err, "out of memory");
        journal->marks = marks;
        journal->mark_room = room;
    }
    journal->marks[mem->marks++] = (struct mark){.first = journal->count,
                                                 .who = mem->who,
                                                 .epoch = mem->epoch,
                                                 .last_epoch = mem->last_epoch,
                                                 .dead = mem->dead};
    mem->withdrawals++; /* TLBs may write to pages that this mark has not kept */
    return 0;
}

/* TLBs and translations are not what they were: what they may hold stays noted. */
static void put_back(struct memory *mem, const struct kept_page *kept)
{
    struct page *page = &kept->slot->pages[kept->index], before = kept->page;
    uint8_t *host = host_of(mem, kept->slot, kept->index);
    uint64_t size = memory_page_size(mem);
    if (page->in_code && memcmp(host, kept->image, size))
        memory_code_changed(mem, kept->slot, page);
    memcpy(host, kept->image, size);
    before.in_code = page->in_code;
    before.in_writable = page->in_writable;
    *page = before;
}

int memory_rewind(struct memory *mem, struct error *err)
{
    struct journal *journal = &mem->journal;
    const struct mark *mark = &journal->marks[mem->marks - 1];
    if (journal->lost)
        return error_set(err, "out of memory");
    while (journal->count > mark->first) {
        const struct kept_page *kept = &journal->kept[--journal->count];
        put_back(mem, kept);
        release(journal, kept);
    }
    mem->who = mark->who;
    mem->epoch = mark->epoch;
    mem->last_epoch = mark->last_epoch;
    mem->dead = mark->dead;
    mem->withdrawals++;
    return 0;
}

void memory_unmark(struct memory *mem)
{
    struct journal *journal = &mem->journal;
    size_t first = journal->marks[--mem->marks].first, left = first;
    for (size_t i = first; i < journal->count; i++) {
        const struct kept_page *kept = &journal->kept[i];
        kept->slot->pages[kept->index].kept = (uint16_t)mem->marks;
        if (kept->page.kept == mem->marks) /* the mark below has it, or there is none */
            release(journal, kept);
        else
            journal->kept[left++] = *kept;
    }
    journal->count = left;
    if (!mem->marks)
        journal->lost = false;
}

size_t memory_kept_pages(const struct memory *mem)
{
    return mem->journal.count;
}

/* ---- Shadows ------------------------------------------------------------------------------- */

struct shadow {
    struct slot slot; /* in no address space */
    struct shadow *next;
};

static void free_shadow(struct shadow *shadow)
{
    free(shadow->slot.region.host);
    free(shadow->slot.pages);
    free(shadow);
}

struct shadow *memory_add_shadow(struct memory *mem, uint64_t size)
{
    uint64_t pages = (size + memory_page_size(mem) - 1) >> mem->page_bits;
    struct shadow *shadow = calloc(1, sizeof *shadow);
    if (!shadow)
        return NULL;
    shadow->slot.region.host = calloc(pages, memory_page_size(mem));
    shadow->slot.pages = calloc(pages, sizeof *shadow->slot.pages);
    if (!shadow->slot.region.host || !shadow->slot.pages) {
        free_shadow(shadow);
        return NULL;
    }
    shadow->next = mem->shadows;
    mem->shadows = shadow;
    return shadow;
}

void *shadow_bytes(struct shadow *shadow)
{
    return shadow->slot.region.host;
}

void memory_touch_shadow(struct memory *mem, struct shadow *shadow, uint64_t offset,
                         uint64_t length)
{
    struct slot *slot = &shadow->slot;
    uint64_t last = (offset + (length - 1)) >> mem->page_bits;
    for (uint64_t index = offset >> mem->page_bits; index <= last; index++)
        keep(mem, slot, &slot->pages[index]);
}

void memory_free_journal(struct memory *mem)
{
    struct journal *journal = &mem->journal;
    while (mem->shadows) {
        struct shadow *shadow = mem->shadows;
        mem->shadows = shadow->next;
        free_shadow(shadow);
    }
    while (journal->slabs) {
        struct slab *slab = journal->slabs;
        journal->slabs = slab->next;
        free(slab);
    }
    free(journal->free_images);
    free(journal->kept);
    free(journal->marks);
}
