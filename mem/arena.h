/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_MEM_ARENA_H
#define IASO_MEM_ARENA_H

#include <stddef.h>

#include "mem/error.h"

/*
 * Memory for state that must be able to go back as a whole: blocks in one range of addresses that
 * never moves, with all that the allocator knows in the range, too. A copy of what is used is
 * therefore all there is to save, and pointers into the arena are right again when the copy is put
 * back. What is in an arena may only point to what is in it or to what outlives its copies.
 *
 * Blocks are aligned to 16 bytes and of 4 sizes to each power of two; one that is freed is used
 * again for the next of its size. Nothing is given back to the host before the arena is closed, and
 * whoever closes it need not free the blocks. With AddressSanitizer, what is not a block is
 * guarded.
 */
struct arena;
struct arena_copy;

#define ARENA_RESERVE ((size_t)64 << 30) /* addresses, not memory */

/* Reserves so many bytes of addresses, or the most that can be had. NULL and err on failure. */
struct arena *arena_open(size_t reserve, struct error *err);
void arena_close(struct arena *arena); /* NULL is fine */

/* NULL when out of memory. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_zeroed(struct arena *arena, size_t count, size_t size); /* as calloc() */
/* As realloc(): NULL leaves the block as it is. */
void *arena_resize(struct arena *arena, void *block, size_t size);
void arena_free(struct arena *arena, void *block); /* NULL is fine */

/* Bytes from the start of the arena to the end of its last block. */
size_t arena_used(const struct arena *arena);

/*
 * Copies the arena as it is now. *copy is NULL or an older copy that nobody needs any more, whose
 * place the new one takes. -1 when out of memory; *copy is valid still, or NULL.
 */
int arena_save(const struct arena *arena, struct arena_copy **copy);

/* Any copy can be put back, in any order, as often as wanted, into the arena that it was made of.
 * That compares, and writes only where something differs. Saving and restoring cost by the bytes
 * used. */
void arena_restore(struct arena *arena, const struct arena_copy *copy);
void arena_copy_free(struct arena_copy *copy); /* NULL is fine */

#endif
