/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's allocator: first fit in a list of free blocks, sorted by address, so that
 * neighbours are merged. */
#include "kernel.h"

#define HEAP_SIZE  (128 * 1024)
#define USED_MAGIC 0x75736564
#define FREE_MAGIC 0x66726565
#define ROUND      16

struct block {
    uint64_t size; /* header included */
    uint64_t magic;
    struct block *next; /* of a free one; a used one's memory begins here */
};

#define HEADER    offsetof(struct block, next)
#define MIN_BLOCK (HEADER + ROUND)

static struct {
    struct spinlock lock;
    struct block *first;
    uint64_t free_bytes;
} heap;

static char heap_memory[HEAP_SIZE] __attribute__((aligned(ROUND)));

void kalloc_init(void)
{
    heap.first = (struct block *)heap_memory;
    *heap.first = (struct block){.size = HEAP_SIZE, .magic = FREE_MAGIC};
    heap.free_bytes = HEAP_SIZE;
}

/* What is left of the block, if that is enough for one more, takes its place in the list. */
static struct block *take(struct block **link, uint64_t size)
{
    struct block *block = *link;
    if (block->size - size >= MIN_BLOCK) {
        struct block *rest = (struct block *)((char *)block + size);
        *rest = (struct block){block->size - size, FREE_MAGIC, block->next};
        block->size = size;
        *link = rest;
    } else {
        *link = block->next;
    }
    block->magic = USED_MAGIC;
    heap.free_bytes -= block->size;
    return block;
}

void *kalloc(uint64_t size)
{
    if (!size || size > HEAP_SIZE)
        return NULL;
    size = (size + HEADER + ROUND - 1) & ~(uint64_t)(ROUND - 1);
    struct block *block = NULL;
    uint64_t flags = spin_lock(&heap.lock);
    for (struct block **link = &heap.first; *link; link = &(*link)->next) {
        if ((*link)->size >= size) {
            block = take(link, size);
            break;
        }
    }
    spin_unlock(&heap.lock, flags);
    return block ? &block->next : NULL;
}

static void merge_with_next(struct block *block)
{
    if (block->next && (char *)block + block->size == (char *)block->next) {
        block->size += block->next->size;
        block->next = block->next->next;
    }
}

void kfree(void *memory)
{
    struct block *block = (struct block *)((char *)memory - HEADER), *previous = NULL;
    uint64_t flags = spin_lock(&heap.lock);
    if (block->magic == FREE_MAGIC)
        panic("double free");
    if (block->magic != USED_MAGIC)
        panic("free of what was not allocated");
    block->magic = FREE_MAGIC;
    heap.free_bytes += block->size;
    for (struct block *at = heap.first; at && at < block; at = at->next)
        previous = at;
    if (previous) {
        block->next = previous->next;
        previous->next = block;
    } else {
        block->next = heap.first;
        heap.first = block;
    }
    merge_with_next(block);
    if (previous)
        merge_with_next(previous);
    spin_unlock(&heap.lock, flags);
}

uint64_t kalloc_free_bytes(void)
{
    uint64_t flags = spin_lock(&heap.lock);
    uint64_t bytes = heap.free_bytes;
    spin_unlock(&heap.lock, flags);
    return bytes;
}

uint64_t kalloc_initial_bytes(void)
{
    return HEAP_SIZE;
}

/* Sorted, merged, and as many bytes as counted. */
bool kalloc_is_sound(void)
{
    uint64_t bytes = 0;
    bool sound = true;
    uint64_t flags = spin_lock(&heap.lock);
    for (const struct block *block = heap.first; block && sound; block = block->next) {
        bytes += block->size;
        sound = block->magic == FREE_MAGIC &&
                (!block->next || (char *)block + block->size < (char *)block->next);
    }
    sound &= bytes == heap.free_bytes;
    spin_unlock(&heap.lock, flags);
    return sound;
}
