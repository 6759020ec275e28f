/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "power/volatile.h"

#include <stdlib.h>
#include <string.h>

#include "power/random.h"

/* What was loaded into a stretch of memory; the bytes follow. */
struct piece {
    uint64_t gpa, length;
    uint8_t *bytes;
};

struct extent {
    uint64_t base, first, pages; /* gpa; index of its first page; number of them */
};

struct volatile_memory {
    struct memory *mem;
    volatile_spare_fn spare;
    void *opaque;
    uint64_t seed, lives, page_size;
    struct extent *extents; /* the volatile regions, by address */
    size_t extent_count;
    bool *changed;  /* by page */
    uint64_t *list; /* addresses of the changed pages, in the order in which they changed */
    size_t list_count, page_count;
    struct piece *pieces; /* in the order in which they were loaded */
    size_t piece_count, piece_room;
    bool remembering, filling, out_of_memory;
    uint8_t *page;
};

static const struct extent *extent_of(const struct volatile_memory *memory, uint64_t gpa)
{
    for (size_t i = 0; i < memory->extent_count; i++) {
        const struct extent *extent = &memory->extents[i];
        if (gpa >= extent->base && (gpa - extent->base) / memory->page_size < extent->pages)
            return extent;
    }
    return NULL;
}

static void note_change(struct volatile_memory *memory, uint64_t gpa)
{
    const struct extent *extent = extent_of(memory, gpa);
    if (!extent)
        return;
    uint64_t index = extent->first + (gpa - extent->base) / memory->page_size;
    if (memory->changed[index])
        return;
    memory->changed[index] = true;
    memory->list[memory->list_count++] = gpa & ~(memory->page_size - 1);
}

static void on_first_write(void *opaque, uint64_t page_gpa, const uint8_t *contents)
{
    (void)contents;
    note_change(opaque, page_gpa);
}

static void on_access(void *opaque, uint64_t gpa, unsigned size, enum access_kind kind,
                      uint64_t value)
{
    (void)size;
    (void)value;
    if (kind == ACCESS_WRITE)
        note_change(opaque, gpa);
}

/* Remembers what lies in volatile memory. */
static void on_loaded(void *opaque, uint64_t gpa, uint64_t length)
{
    struct volatile_memory *memory = opaque;
    if (memory->filling)
        return;
    bool here = false;
    for (uint64_t at = gpa; at - gpa < length; at = (at | (memory->page_size - 1)) + 1) {
        note_change(memory, at);
        here |= extent_of(memory, at) != NULL;
    }
    if (!memory->remembering || !here)
        return;
    if (memory->piece_count == memory->piece_room) {
        size_t room = memory->piece_room ? 2 * memory->piece_room : 16;
        struct piece *pieces = realloc(memory->pieces, room * sizeof *pieces);
        if (!pieces) {
            memory->out_of_memory = true;
            return;
        }
        memory->pieces = pieces;
        memory->piece_room = room;
    }
    struct piece piece = {gpa, length, malloc(length)};
    if (!piece.bytes || memory_read(memory->mem, gpa, piece.bytes, length)) {
        free(piece.bytes);
        memory->out_of_memory = true;
        return;
    }
    memory->pieces[memory->piece_count++] = piece;
}

/* Lays over the page what was loaded into it. */
static void put_pieces(const struct volatile_memory *memory, uint64_t gpa)
{
    for (size_t i = 0; i < memory->piece_count; i++) {
        const struct piece *piece = &memory->pieces[i];
        uint64_t from = piece->gpa > gpa ? piece->gpa : gpa;
        uint64_t end = gpa + memory->page_size, to = piece->gpa + piece->length;
        if (to > end)
            to = end;
        if (from < to)
            memcpy(memory->page + (from - gpa), piece->bytes + (from - piece->gpa), to - from);
    }
}

static void fill(struct volatile_memory *memory, uint64_t gpa)
{
    struct random noise = {memory->seed + memory->lives * UINT64_C(0xd1342543de82ef95) + gpa};
    uint64_t end = gpa + memory->page_size, until;
    if (memory->spare(memory->opaque, gpa, end, &until) == gpa && until == end)
        return;
    for (uint64_t i = 0; i < memory->page_size; i += sizeof(uint64_t)) {
        uint64_t bits = random_next(&noise);
        memcpy(memory->page + i, &bits, sizeof bits);
    }
    put_pieces(memory, gpa);
    for (uint64_t at = gpa; (at = memory->spare(memory->opaque, at, end, &until)) < end; at = until)
        if (memory_read(memory->mem, at, memory->page + (at - gpa), until - at))
            return;
    const uint8_t *now = memory_host(memory->mem, gpa, memory->page_size);
    if (now && memcmp(now, memory->page, memory->page_size))
        (void)memory_load(memory->mem, gpa, memory->page, memory->page_size); /* it is memory */
}

/* Of the pages in the list. */
static void set_changed(struct volatile_memory *memory, bool changed)
{
    for (size_t i = 0; i < memory->list_count; i++) {
        const struct extent *extent = extent_of(memory, memory->list[i]);
        uint64_t page = (memory->list[i] - extent->base) / memory->page_size;
        memory->changed[extent->first + page] = changed;
    }
}

void volatile_cut(struct volatile_memory *memory)
{
    memory->lives++;
    memory->filling = true;
    set_changed(memory, false);
    for (size_t i = 0; i < memory->list_count; i++)
        fill(memory, memory->list[i]);
    memory->list_count = 0;
    memory->filling = false;
    memory_arm_all(memory->mem);
}

void volatile_state(struct volatile_memory *memory, struct state_copy *copy)
{
    if (copy->restore)
        set_changed(memory, false);
    state_copy(copy, &memory->lives, sizeof memory->lives);
    state_copy(copy, &memory->list_count, sizeof memory->list_count);
    state_copy(copy, memory->list, memory->list_count * sizeof *memory->list);
    if (copy->restore)
        set_changed(memory, true);
}

static int find_extents(struct volatile_memory *memory)
{
    size_t count = memory_region_count(memory->mem);
    memory->extents = calloc(count ? count : 1, sizeof *memory->extents);
    memory->page = malloc(memory->page_size);
    if (!memory->extents || !memory->page)
        return -1;
    for (size_t i = 0; i < count; i++) {
        const struct region *region = memory_region(memory->mem, i);
        if (region->kind != REGION_RAM || region->nonvolatile)
            continue;
        struct extent extent = {region->base, memory->page_count, region->size / memory->page_size};
        memory->extents[memory->extent_count++] = extent;
        memory->page_count += extent.pages;
    }
    memory->changed = calloc(memory->page_count + 1, sizeof *memory->changed);
    memory->list = calloc(memory->page_count + 1, sizeof *memory->list);
    return memory->changed && memory->list ? 0 : -1;
}

struct volatile_memory *volatile_new(struct memory *mem, uint64_t seed, volatile_spare_fn spare,
                                     void *opaque, struct error *err)
{
    struct volatile_memory *memory = calloc(1, sizeof *memory);
    if (!memory) {
        error_set(err, "out of memory");
        return NULL;
    }
    *memory = (struct volatile_memory){.mem = mem,
                                       .spare = spare,
                                       .opaque = opaque,
                                       .seed = seed,
                                       .page_size = memory_page_size(mem),
                                       .remembering = true};
    const struct memory_listener listener = {
        .first_write = on_first_write, .access = on_access, .loaded = on_loaded, .opaque = memory};
    if (find_extents(memory) || memory_listen(mem, &listener)) {
        volatile_free(memory);
        error_set(err, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < memory->extent_count; i++)
        for (uint64_t page = 0; page < memory->extents[i].pages; page++)
            note_change(memory, memory->extents[i].base + page * memory->page_size);
    volatile_cut(memory);
    return memory;
}

int volatile_loaded(struct volatile_memory *memory, struct error *err)
{
    memory->remembering = false;
    return memory->out_of_memory ? error_set(err, "out of memory") : 0;
}

void volatile_free(struct volatile_memory *memory)
{
    if (!memory)
        return;
    for (size_t i = 0; i < memory->piece_count; i++)
        free(memory->pieces[i].bytes);
    free(memory->pieces);
    free(memory->extents);
    free(memory->changed);
    free(memory->list);
    free(memory->page);
    free(memory);
}
