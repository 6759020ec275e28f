/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_BLOCK_H
#define IASO_DEVICES_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/error.h"

/*
 * What is on a disk: a raw image file (or a block device of the host), addressed in sectors of 512
 * bytes. Functions return 0, or -1 if the range is not on the disk or the host fails; then a part
 * of it may have been done.
 */
#define BLOCK_SECTOR_SIZE 512

enum block_mode {
    BLOCK_READ_ONLY, /* writes fail */
    BLOCK_OVERLAY,   /* the file is opened for reading only; writes stay in host memory */
    BLOCK_DIRECT,    /* writes go to the file */
};

struct block;

/* Fails, with the file's name, unless it is a regular file or block device with a size that is a
 * multiple of 512 and not 0. */
struct block *block_open(const char *path, enum block_mode mode, struct error *err);
void block_close(struct block *block);

bool block_read_only(const struct block *block);
uint64_t block_sectors(const struct block *block);

int block_read(struct block *block, uint64_t sector, void *buffer, size_t sectors);
int block_write(struct block *block, uint64_t sector, const void *buffer, size_t sectors);

/* Makes what was written in direct mode durable; nothing to do in the others. */
int block_flush(struct block *block);

/* Forgets what was written to the overlay: the disk is as the file again. */
void block_discard(struct block *block);

/* Host memory held by the overlay's contents, in bytes. */
uint64_t block_overlay_bytes(const struct block *block);

/*
 * Undo. A mark is a position in the order of writes; from the first mark on, a journal keeps what
 * each write to the overlay replaces. Writes in direct mode and block_discard() cannot be taken
 * back: they make all earlier marks void.
 */
uint64_t block_mark(struct block *block);

/* Takes back, newest first, what was written since. The present position is `mark` again, so that
 * later marks are void. Returns -1, and nothing has changed, if the mark is void. */
int block_undo(struct block *block, uint64_t mark);

/* Makes all marks before `mark` void, and forgets what is only needed for them; UINT64_MAX makes
 * all void and stops the journal until the next block_mark(). */
void block_trim(struct block *block, uint64_t mark);

/* Host memory held by the journal, in bytes. */
uint64_t block_journal_bytes(const struct block *block);

#endif
