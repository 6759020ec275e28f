/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cpu/code.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_SHIFT 12
#define PAGE_SLOTS 2048 /* instructions begin at even addresses */
#define BUCKETS    4096
#define MAX_BLOCKS UINT16_MAX

struct code_page {
    uint64_t gpa;
    uint32_t version;
    struct code_page *chain;
    struct block *blocks; /* [0] is the block of size 0 */
    uint32_t count, room;
    uint16_t first[PAGE_SLOTS]; /* index into blocks by offset / 2 */
};

struct code_cache {
    decode_fn decode;
    void *decoder;
    struct code_page *buckets[BUCKETS];
};

static const struct block unknown_block;

struct code_cache *code_cache_new(decode_fn decode, void *decoder)
{
    struct code_cache *cache = calloc(1, sizeof *cache);
    if (cache) {
        cache->decode = decode;
        cache->decoder = decoder;
    }
    return cache;
}

void code_cache_free(struct code_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct code_page *page = cache->buckets[i], *next; page; page = next) {
            next = page->chain;
            free(page->blocks);
            free(page);
        }
    }
    free(cache);
}

static struct code_page **bucket_of(struct code_cache *cache, uint64_t gpa)
{
    return &cache->buckets[(gpa >> PAGE_SHIFT) % BUCKETS];
}

static struct code_page *find_page(struct code_cache *cache, uint64_t gpa)
{
    struct code_page *page = *bucket_of(cache, gpa);
    while (page && page->gpa != gpa)
        page = page->chain;
    return page;
}

struct code_page *code_cache_page(struct code_cache *cache, uint64_t gpa)
{
    gpa = gpa >> PAGE_SHIFT << PAGE_SHIFT;
    struct code_page *page = find_page(cache, gpa);
    if (page)
        return page;
    page = calloc(1, sizeof *page);
    if (!page)
        return NULL;
    struct code_page **bucket = bucket_of(cache, gpa);
    page->gpa = gpa;
    page->chain = *bucket;
    *bucket = page;
    return page;
}

uint64_t code_page_gpa(const struct code_page *page)
{
    return page->gpa;
}

uint32_t code_page_version(const struct code_page *page)
{
    return page->version;
}

static void empty_page(struct code_page *page)
{
    page->version++;
    free(page->blocks);
    page->blocks = NULL;
    page->count = page->room = 0;
    memset(page->first, 0, sizeof page->first);
}

void code_cache_empty(struct code_cache *cache, uint64_t gpa)
{
    struct code_page *page = find_page(cache, gpa >> PAGE_SHIFT << PAGE_SHIFT);
    if (page)
        empty_page(page);
}

void code_cache_empty_all(struct code_cache *cache)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct code_page *page = cache->buckets[i]; page; page = page->chain)
            empty_page(page);
}

const struct block *code_page_find(const struct code_page *page, unsigned offset, uint32_t size)
{
    for (uint16_t i = page->first[offset / 2]; i; i = page->blocks[i].next)
        if (page->blocks[i].size == size)
            return &page->blocks[i];
    return &unknown_block;
}

struct block code_decode(const struct code_cache *cache, const uint8_t *bytes, uint32_t size)
{
    struct block sum = {.size = (uint16_t)size};
    for (uint32_t at = 0; at + 2 <= size;) {
        struct block insn = {0};
        cache->decode(cache->decoder, bytes + at, size - at, &insn);
        at += insn.size;
        sum.insns++;
        sum.loads += insn.loads;
        sum.stores += insn.stores;
        sum.cycles += insn.cycles;
        sum.context |= insn.context;
        sum.traits |= insn.traits;
        if (at >= size) {
            sum.exit = insn.exit;
            sum.rd = insn.rd;
            sum.operand = insn.operand;
        }
    }
    return sum;
}

struct block code_page_add(struct code_cache *cache, struct code_page *page, unsigned offset,
                           const uint8_t *bytes, uint32_t size)
{
    struct block block = code_decode(cache, bytes, size);
    if (page->count == page->room) {
        uint32_t room = page->room ? page->room * 2 : 16;
        struct block *blocks = realloc(page->blocks, room * sizeof(struct block));
        if (!blocks)
            return block; /* not kept: it will be decoded again */
        page->blocks = blocks;
        page->room = room;
        if (!page->count)
            page->blocks[page->count++] = unknown_block;
    }
    if (page->count == MAX_BLOCKS)
        return block;
    block.next = page->first[offset / 2];
    page->first[offset / 2] = (uint16_t)page->count;
    page->blocks[page->count++] = block;
    return block;
}
