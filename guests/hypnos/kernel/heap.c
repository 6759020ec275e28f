// SPDX-License-Identifier: GPL-2.0-or-later
/* The persistent heap: blocks in a row, first fit. Neighbours that are free become one when a
 * search comes past them. */
#include "kernel.h"

#define GRAIN 8u

struct block {
    uint32_t size; /* with this header; a multiple of GRAIN */
    uint32_t used;
};

static NV_RAW union {
    struct block first;
    char bytes[HYPNOS_HEAP];
} heap __attribute__((aligned(8)));

static struct block *after(const struct block *block)
{
    return (struct block *)((char *)block + block->size);
}

static struct block *end(void)
{
    return (struct block *)(heap.bytes + HYPNOS_HEAP);
}

void heap_format(void)
{
    STORE(heap.first.size, HYPNOS_HEAP);
    STORE(heap.first.used, 0);
}

/* One store; whether it is undone or not, this is free space. */
static void merge(struct block *block)
{
    uint32_t size = block->size;
    for (struct block *next = after(block); next != end() && !next->used; next = after(next))
        size += next->size;
    if (size != block->size)
        STORE(block->size, size);
}

/* What follows a block that is cut off is free space still: its header needs no undo record. */
void *heap_take(size_t size)
{
    if (size == 0 || size > HYPNOS_HEAP)
        return NULL;
    uint32_t need = (size + sizeof(struct block) + GRAIN - 1) & ~(GRAIN - 1);
    for (struct block *block = &heap.first; block != end(); block = after(block)) {
        if (block->used)
            continue;
        merge(block);
        if (block->size < need)
            continue;
        if (block->size - need > sizeof(struct block)) {
            struct block *rest = (struct block *)((char *)block + need);
            STORE(rest->size, block->size - need);
            STORE(rest->used, 0);
            KSET(block->size, need);
        }
        KSET(block->used, 1);
        return block + 1;
    }
    return NULL;
}

static int32_t give_back(void *at)
{
    struct block *block = (struct block *)at - 1;
    if (block < &heap.first || block >= end() || !block->used)
        return HYPNOS_NONE;
    KSET(block->used, 0);
    return HYPNOS_OK;
}

void *hypnos_alloc(size_t size)
{
    int32_t status;
    if (call_bypassed(CALL_ALLOC, &status, NULL, 0))
        return (void *)status;
    if (ktx_begin(&status))
        status = ktx_commit((int32_t)heap_take(size));
    return (void *)call_end(CALL_ALLOC, status, NULL, 0);
}

void hypnos_free(void *block)
{
    int32_t status;
    if (call_bypassed(CALL_FREE, &status, NULL, 0))
        return;
    if (ktx_begin(&status))
        status = ktx_commit(give_back(block));
    call_end(CALL_FREE, status, NULL, 0);
}
