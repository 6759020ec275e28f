/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_RECOVERY_LOG_H
#define IASO_RECOVERY_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/arena.h"
#include "mem/memory.h"

/*
 * The undo log of a machine: what memory held before somebody changed it. An entry is a whole page
 * or, where several threads write to one page ("shared"), some bytes of an aligned 8-byte word. It
 * belongs to an owner (a domain) until the owner commits. Entries are numbered in the order in
 * which they were made; positions are such numbers, and undoing goes from high to low.
 *
 * Beside undoing what some owners did, the log can take all memory back to a checkpoint. For that
 * it must be told of every change while there is a checkpoint, whoever makes it, and it keeps what
 * was committed since the oldest one (but for each page and each stretch between two checkpoints
 * only the oldest contents).
 */
struct log;
struct log_entry;

/* Who made entries. Part of a domain; all zero at first. */
struct log_owner {
    struct log_entry *first; /* in no particular order */
    struct log_owner *next, *previous;
    uint64_t bytes, pages, words;                   /* now */
    uint64_t saved_bytes, saved_pages, saved_words; /* ever */
    bool known;                                     /* is in the log's list of owners */
};

/* Told when the last entry of a page that has an owner is gone: nobody's uncommitted changes are in
 * it any more. */
typedef void (*log_released_fn)(void *opaque, uint64_t page_gpa, bool was_shared);

/* In the arena, with all that it holds, and gone with it. NULL when out of memory. */
struct log *log_new(struct arena *arena, struct memory *mem, log_released_fn released,
                    void *opaque);

uint64_t log_position(const struct log *log);
uint64_t log_bytes(const struct log *log); /* host memory held by entries */

/* The page is about to change for the first time in a while: keeps its contents if they may be
 * needed. `owner` is NULL for changes that nobody will undo alone. -1 when out of memory. */
int log_save_page(struct log *log, struct log_owner *owner, uint64_t page_gpa,
                  const uint8_t *contents);

/* ---- Shared pages -------------------------------------------------------------------------- */

/* Turns the page's entries into entries of words, by comparing what they hold with what came after.
 * Stores that left a value as it was leave no trace. -1 when out of memory: the page's owners can
 * be committed, but not undone. */
int log_share(struct log *log, uint64_t page_gpa);
bool log_is_shared(const struct log *log, uint64_t page_gpa);

/* One of those who have uncommitted changes in the page, or NULL. */
struct log_owner *log_page_owner(const struct log *log, uint64_t page_gpa);

/* Somebody of the lineage accesses the shared page. Returns true if that has been so for a while
 * and all uncommitted changes are the lineage's, as lineage_of() says: then the page is shared no
 * more. */
bool log_reclaim(struct log *log, uint64_t page_gpa, uint32_t lineage,
                 uint32_t (*lineage_of)(const struct log_owner *owner));

/* Whose uncommitted changes some bytes of a shared page, within one aligned word, are. Returns how
 * many; the same owner may come twice. */
#define LOG_MAX_WRITERS 8
size_t log_writers(const struct log *log, uint64_t gpa, unsigned size,
                   struct log_owner *writers[LOG_MAX_WRITERS]);

/* Some bytes of a shared page, within one aligned word, are about to change. */
int log_save_bytes(struct log *log, struct log_owner *owner, uint64_t gpa, unsigned size);

/* The bytes were changed for good by somebody whom nobody undoes: those who had changed them before
 * must not put them back any more. */
void log_forget_bytes(struct log *log, uint64_t gpa, unsigned size);

/* ---- Ends ---------------------------------------------------------------------------------- */

/* The child's changes become the parent's. */
void log_absorb(struct log *log, struct log_owner *parent, struct log_owner *child);

/* The changes are about to be made for good, while others that made changes to the same bytes
 * before may still be undone: these must not put them back any more. */
void log_override(struct log *log, const struct log_owner *owner);

/* The changes are for good. */
void log_commit(struct log *log, struct log_owner *owner);

/* Takes back all changes of these owners, newest first, and forgets them. Nobody else may have
 * changed the same bytes since, and there may be no checkpoint since the first of the changes: what
 * it stood for cannot be had any more. Fails, with nothing done, when out of memory. Returns the
 * number of entries, or -1. */
long log_undo(struct log *log, struct log_owner *const *owners, size_t count);

/* ---- Checkpoints --------------------------------------------------------------------------- */

/* Returns the present position, after which everything can be taken back until the checkpoint is
 * removed. 0 is no position. -1 (UINT64_MAX) when out of memory. */
uint64_t log_checkpoint(struct log *log);
void log_remove_checkpoint(struct log *log, uint64_t position);

/* Drops what no checkpoint needs any more, at once; otherwise that is done now and then. */
void log_collect(struct log *log);

/* UINT64_MAX if there is none. */
uint64_t log_oldest_checkpoint(const struct log *log);

/* Memory as it was at the checkpoint; forgets all entries and checkpoints made since. */
int log_undo_to(struct log *log, uint64_t position);

#endif
