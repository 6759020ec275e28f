/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_MEM_JOURNAL_H
#define IASO_MEM_JOURNAL_H

#include "mem/error.h"
#include "mem/memory.h"

/*
 * Marks: states of a memory to come back to. They nest like a stack. While a mark is set, the first
 * change of a page since then keeps what the page held, its state and its owner; so a mark costs by
 * the pages that change, not by the memory there is.
 *
 * Who accesses, in which epoch, and whether there is power belong to the state, too. Marks are set
 * and gone back to while nobody accesses memory, and withdraw what TLBs were granted. Listeners
 * hear of nothing but code_changed, which they are told as ever.
 *
 * A shadow is memory of the host's own that marks bring back as they do the guest's: for tables
 * about the guest that are too large to be copied as a whole each time.
 */
struct shadow;

/* Sets a mark. Fails when out of memory. */
int memory_mark(struct memory *mem, struct error *err);

/* Goes back to the newest mark, which stays. Fails if memory ran out since then, so that something
 * could not be kept. */
int memory_rewind(struct memory *mem, struct error *err);

/* Takes the newest mark away; memory stays as it is. One can still go back to the mark below. */
void memory_unmark(struct memory *mem);

/* `size` bytes, zeroed, that are freed with the memory. NULL when out of memory. */
struct shadow *memory_add_shadow(struct memory *mem, uint64_t size);
void *shadow_bytes(struct shadow *shadow);

/* To be told before any of [offset, offset + length) is changed; length is not 0. */
void memory_touch_shadow(struct memory *mem, struct shadow *shadow, uint64_t offset,
                         uint64_t length);

/* Pages that are kept, for all marks. */
size_t memory_kept_pages(const struct memory *mem);

#endif
