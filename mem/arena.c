/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mem/arena.h"

#include <sanitizer/asan_interface.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGNMENT   ((size_t)16)
#define LEAST       ((size_t)1 << 20) /* bytes that an arena must have */
#define CLASSES     144
#define CHUNK       ((size_t)4096)     /* compared and copied at once */
#define TAIL        ((size_t)64 << 20) /* bytes beyond the end that are kept for what comes */
#define MAX_REQUEST ((size_t)1 << 40)

/* In front of each block. */
struct header {
    uint64_t size : 56; /* as it was asked for */
    uint64_t used : 8;  /* else it is in the list of its class */
    struct header *next;
};

struct arena {
    size_t reserved;
    size_t end; /* offset of the first byte that was never used */
    struct header *freed[CLASSES];
};

#define FIRST ((sizeof(struct arena) + ALIGNMENT - 1) & ~(ALIGNMENT - 1)) /* header's offset */

struct arena_copy {
    size_t end, room;
    uint8_t bytes[];
};

/* ---- Guards: headers, what is free, and the rest of a block beyond what was asked for ---------
 *
 * Headers and whole arenas are therefore read and written by functions that are not checked. */

#define UNCHECKED __attribute__((no_sanitize("address")))

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define GUARDED true
#else
#define GUARDED false
#endif

static void guard(const void *at, size_t size)
{
    ASAN_POISON_MEMORY_REGION(at, size);
    (void)at;
    (void)size;
}

static void unguard(const void *at, size_t size)
{
    ASAN_UNPOISON_MEMORY_REGION(at, size);
    (void)at;
    (void)size;
}

UNCHECKED static struct header get(const struct header *header)
{
    return (struct header){header->size, header->used, header->next};
}

UNCHECKED static void set(struct header *header, size_t size, bool used, struct header *next)
{
    header->size = size;
    header->used = used;
    header->next = next;
}

/* ---- Sizes --------------------------------------------------------------------------------- */

/* 16, 32, 48, 64; 80, 96, 112, 128; 160, 192, ... */
static unsigned class_of(size_t size)
{
    if (size <= 4 * ALIGNMENT)
        return size ? (unsigned)((size - 1) / ALIGNMENT) : 0;
    unsigned power = 63 - (unsigned)__builtin_clzll(size - 1);
    return 4 * (power - 5) + (unsigned)(((size - 1) >> (power - 2)) & 3);
}

static size_t class_size(unsigned class)
{
    return class < 4 ? (class + 1) * ALIGNMENT : (size_t)(5 + class % 4) << (class / 4 + 3);
}

/* ---- Life ---------------------------------------------------------------------------------- */

struct arena *arena_open(size_t reserve, struct error *err)
{
    for (; reserve >= LEAST; reserve /= 2) {
        struct arena *arena = mmap(NULL, reserve, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (arena == MAP_FAILED)
            continue;
        arena->reserved = reserve;
        arena->end = FIRST;
        return arena;
    }
    error_set(err, "out of memory");
    return NULL;
}

void arena_close(struct arena *arena)
{
    if (!arena)
        return;
    unguard(arena, arena->end);
    munmap(arena, arena->reserved);
}

size_t arena_used(const struct arena *arena)
{
    return arena->end;
}

/* ---- Blocks -------------------------------------------------------------------------------- */

static void *hand_out(struct header *header, size_t size)
{
    set(header, size, true, NULL);
    unguard(header + 1, size);
    return header + 1;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > MAX_REQUEST)
        return NULL;
    unsigned class = class_of(size);
    struct header *header = arena->freed[class];
    if (header) {
        arena->freed[class] = get(header).next;
        return hand_out(header, size);
    }
    size_t room = sizeof *header + class_size(class);
    if (room > arena->reserved - arena->end)
        return NULL;
    header = (struct header *)((uint8_t *)arena + arena->end);
    arena->end += room;
    guard(header, room);
    return hand_out(header, size);
}

void *arena_zeroed(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;
    void *block = __builtin_mul_overflow(count, size, &bytes) ? NULL : arena_alloc(arena, bytes);
    return block ? memset(block, 0, bytes) : NULL;
}

void arena_free(struct arena *arena, void *block)
{
    if (!block)
        return;
    struct header *header = (struct header *)block - 1;
    size_t size = get(header).size;
    unsigned class = class_of(size);
    guard(block, size);
    set(header, size, false, arena->freed[class]);
    arena->freed[class] = header;
}

void *arena_resize(struct arena *arena, void *block, size_t size)
{
    if (!block)
        return arena_alloc(arena, size);
    struct header *header = (struct header *)block - 1;
    size_t old = get(header).size;
    if (size <= MAX_REQUEST && class_of(size) == class_of(old)) {
        guard(block, class_size(class_of(old)));
        return hand_out(header, size);
    }
    void *moved = arena_alloc(arena, size);
    if (!moved)
        return NULL;
    memcpy(moved, block, old < size ? old : size);
    arena_free(arena, block);
    return moved;
}

/* ---- Copies -------------------------------------------------------------------------------- */

/* Puts the guards where they belong now that the contents are others; it ended at `before`. */
static void guard_again(const struct arena *arena, size_t before)
{
    const uint8_t *base = (const uint8_t *)arena;
    size_t at = FIRST;
    unguard(base, before);
    guard(base + at, arena->end - at);
    while (at < arena->end) {
        const struct header *header = (const struct header *)(base + at);
        const struct header now = get(header);
        if (now.used)
            unguard(header + 1, now.size);
        at += sizeof now + class_size(class_of(now.size));
    }
}

/* Room for the bytes, and somewhat more if there will be other copies of it. */
static struct arena_copy *make_room(struct arena_copy *old, size_t size)
{
    if (old && old->room >= size)
        return old;
    size_t room = old ? size + size / 4 : size;
    struct arena_copy *copy = malloc(sizeof *copy + room);
    if (!copy)
        return NULL;
    copy->room = room;
    free(old);
    return copy;
}

int arena_save(const struct arena *arena, struct arena_copy **copy)
{
    struct arena_copy *made = make_room(*copy, arena->end);
    if (!made)
        return -1;
    *copy = made;
    made->end = arena->end;
    if (GUARDED)
        unguard(arena, arena->end);
    memcpy(made->bytes, arena, arena->end);
    if (GUARDED)
        guard_again(arena, arena->end);
    return 0;
}

/* Drops what lies beyond the end if it is much. */
static void drop_tail(struct arena *arena, size_t before)
{
    size_t keep = (arena->end + TAIL) & ~(CHUNK - 1);
    if (before > keep)
        (void)madvise((uint8_t *)arena + keep, before - keep, MADV_DONTNEED);
}

void arena_restore(struct arena *arena, const struct arena_copy *copy)
{
    size_t before = arena->end;
    if (GUARDED)
        unguard(arena, before);
    for (size_t at = 0; at < copy->end; at += CHUNK) {
        size_t size = copy->end - at < CHUNK ? copy->end - at : CHUNK;
        if (memcmp((uint8_t *)arena + at, copy->bytes + at, size))
            memcpy((uint8_t *)arena + at, copy->bytes + at, size);
    }
    if (GUARDED)
        guard_again(arena, before);
    drop_tail(arena, before);
}

void arena_copy_free(struct arena_copy *copy)
{
    free(copy);
}
