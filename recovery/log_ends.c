/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "recovery/log_parts.h"

/* ---- Ends ---------------------------------------------------------------------------------- */

/* Is there a checkpoint that one of the two positions belongs to the past of, and the other not? */
static bool parted(const struct log *log, uint64_t older, uint64_t newer)
{
    size_t low = 0, high = log->checkpoint_count; /* the first checkpoint at or after `older` */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (log->checkpoints[middle] < older)
            low = middle + 1;
        else
            high = middle;
    }
    return low < log->checkpoint_count && log->checkpoints[low] < newer;
}

/* Whether an older entry of that owner makes this one superfluous: all of it, or some bytes, which
 * are then taken out of it. */
static bool is_superfluous(const struct log *log, struct log_entry *entry,
                           const struct log_owner *owner)
{
    for (const struct log_entry *older = entry->below; older; older = older->below) {
        if (older->owner != owner || parted(log, older->position, entry->position))
            continue;
        if (entry->contents)
            return true;
        entry->mask &= (uint8_t)~older->mask;
        if (!entry->mask)
            return true;
    }
    return false;
}

void log_absorb(struct log *log, struct log_owner *parent, struct log_owner *child)
{
    for (struct log_entry *entry = child->first, *next; entry; entry = next) {
        next = entry->next;
        if (is_superfluous(log, entry, parent))
            log_remove_entry(log, entry);
        else
            log_pass_on(log, entry, parent);
    }
    log_forget_owner(log, child);
}

void log_collect(struct log *log)
{
    for (struct log_entry *entry = log->retained.first, *next; entry; entry = next) {
        next = entry->next;
        if (!log->checkpoint_count || entry->position <= log->checkpoints[0] ||
            is_superfluous(log, entry, &log->retained))
            log_remove_entry(log, entry);
    }
    uint64_t twice = 2 * log->retained.bytes;
    log->collect_at = twice > LOG_COLLECT_AT ? twice : LOG_COLLECT_AT;
}

void log_override(struct log *log, const struct log_owner *owner)
{
    if (log->checkpoint_count)
        return;
    for (const struct log_entry *entry = owner->first; entry; entry = entry->next)
        for (struct log_entry *below = entry->below, *next; below && !entry->contents;
             below = next) {
            next = below->below;
            below->mask &= (uint8_t)~entry->mask;
            if (!below->mask && below->owner != owner)
                log_remove_entry(log, below);
        }
}

void log_commit(struct log *log, struct log_owner *owner)
{
    for (struct log_entry *entry = owner->first, *next; entry; entry = next) {
        next = entry->next;
        if (!log->checkpoint_count || entry->position <= log->checkpoints[0] ||
            is_superfluous(log, entry, &log->retained))
            log_remove_entry(log, entry);
        else
            log_pass_on(log, entry, &log->retained);
    }
    log_forget_owner(log, owner);
    if (log->retained.bytes > log->collect_at)
        log_collect(log);
}

static int newest_first(const void *a, const void *b)
{
    const struct log_entry *x = *(struct log_entry *const *)a, *y = *(struct log_entry *const *)b;
    return x->position < y->position ? 1 : x->position > y->position ? -1 : 0;
}

/* Puts back what the entries hold and frees them. Returns the number of entries. */
static long put_back(struct log *log, struct log_entry **all, size_t count)
{
    qsort(all, count, sizeof(struct log_entry *), newest_first);
    for (size_t i = 0; i < count; i++) {
        const struct log_entry *entry = all[i];
        if (entry->contents) {
            memory_load(log->mem, entry->gpa, entry->contents, log->page_size);
            continue;
        }
        uint64_t word = 0;
        memory_read(log->mem, entry->gpa, &word, sizeof word);
        word = log_blend(word, entry->old, entry->mask);
        memory_load(log->mem, entry->gpa, &word, sizeof word);
    }
    for (size_t i = 0; i < count; i++)
        log_remove_entry(log, all[i]);
    return (long)count;
}

static size_t gather(const struct log_owner *owner, struct log_entry **all)
{
    size_t count = 0;
    for (struct log_entry *entry = owner->first; entry; entry = entry->next) {
        if (all)
            all[count] = entry;
        count++;
    }
    return count;
}

static size_t gather_since(const struct log *log, uint64_t position, struct log_entry **all)
{
    size_t count = 0;
    for (struct log_entry *entry = log->last; entry && entry->made > position;
         entry = entry->earlier) {
        if (entry->position <= position)
            continue;
        if (all)
            all[count] = entry;
        count++;
    }
    return count;
}

long log_undo(struct log *log, struct log_owner *const *owners, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += gather(owners[i], NULL);
    struct log_entry **all = arena_alloc(log->arena, (total + 1) * sizeof(struct log_entry *));
    if (!all)
        return -1;
    total = 0;
    for (size_t i = 0; i < count; i++)
        total += gather(owners[i], all + total);
    long result = put_back(log, all, total);
    arena_free(log->arena, all);
    for (size_t i = 0; i < count; i++)
        log_forget_owner(log, owners[i]);
    return result;
}

/* ---- Checkpoints --------------------------------------------------------------------------- */

uint64_t log_checkpoint(struct log *log)
{
    if (log->checkpoint_count == log->checkpoint_room) {
        size_t room = log->checkpoint_room ? 2 * log->checkpoint_room : 64;
        uint64_t *all = arena_resize(log->arena, log->checkpoints, room * sizeof *all);
        if (!all)
            return UINT64_MAX;
        log->checkpoints = all;
        log->checkpoint_room = room;
    }
    return log->checkpoints[log->checkpoint_count++] = ++log->position;
}

void log_remove_checkpoint(struct log *log, uint64_t position)
{
    size_t at = log->checkpoint_count;
    while (at > 0 && log->checkpoints[at - 1] != position)
        at--;
    if (!at)
        return;
    memmove(log->checkpoints + at - 1, log->checkpoints + at,
            (log->checkpoint_count - at) * sizeof *log->checkpoints);
    log->checkpoint_count--;
    if (!log->checkpoint_count || log->retained.bytes > log->collect_at)
        log_collect(log);
}

uint64_t log_oldest_checkpoint(const struct log *log)
{
    return log->checkpoint_count ? log->checkpoints[0] : UINT64_MAX;
}

int log_undo_to(struct log *log, uint64_t position)
{
    size_t total = gather_since(log, position, NULL);
    struct log_entry **all = arena_alloc(log->arena, (total + 1) * sizeof(struct log_entry *));
    if (!all)
        return -1;
    gather_since(log, position, all);
    put_back(log, all, total);
    arena_free(log->arena, all);
    while (log->checkpoint_count && log_newest_checkpoint(log) > position)
        log->checkpoint_count--;
    return 0;
}
