/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_CPU_CODE_H
#define IASO_CPU_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/error.h"

/*
 * What the basic blocks of the guest's code do, decoded once each. Blocks are found by the
 * guest-physical address of their first byte and by their size, so that neither address spaces nor
 * harts matter. A back end empties a page when its contents change.
 */
struct code_cache;
struct code_page;

/* Totals over the block's instructions. */
struct block {
    uint16_t size; /* bytes */
    uint16_t insns;
    uint16_t loads, stores;
    uint16_t cycles; /* estimate: an in-order core that hits its caches */
    uint8_t exit; /* what the last instruction changes in the hart; 0 nothing, else see decoder */
    uint8_t rd;   /* of the last instruction, where `exit` needs it */
    uint8_t operand; /* likewise */
    bool context;    /* replaces the stack or thread pointer */
    uint8_t traits;  /* of any instruction, see decoder */
    uint16_t next;   /* in code_page: another block at the same address */
};

/* Describes one instruction as a block of one; `bytes` holds `available` bytes, 2 or more. `size`
 * must come out at least 2. */
typedef void (*decode_fn)(void *decoder, const uint8_t *bytes, size_t available,
                          struct block *insn);

/* `decoder` is passed to `decode` and not owned. NULL when out of memory. */
struct code_cache *code_cache_new(decode_fn decode, void *decoder);
void code_cache_free(struct code_cache *cache);

/* The page that holds the address (pages of 4 KiB); made if need be, and never freed before the
 * cache is. NULL when out of memory. */
struct code_page *code_cache_page(struct code_cache *cache, uint64_t gpa);

uint64_t code_page_gpa(const struct code_page *page);

/* How often the page was emptied. */
uint32_t code_page_version(const struct code_page *page);

/* Forgets the blocks of the page that holds the address. */
void code_cache_empty(struct code_cache *cache, uint64_t gpa);
void code_cache_empty_all(struct code_cache *cache);

/* The block, or one of size 0 if it is not known yet. Valid until the page changes. */
const struct block *code_page_find(const struct code_page *page, unsigned offset, uint32_t size);

/* Decodes `size` bytes. The result is a copy that is also kept in the page. */
struct block code_page_add(struct code_cache *cache, struct code_page *page, unsigned offset,
                           const uint8_t *bytes, uint32_t size);

/* Totals of the instructions that begin in the first `size` bytes, not kept. */
struct block code_decode(const struct code_cache *cache, const uint8_t *bytes, uint32_t size);

#endif
