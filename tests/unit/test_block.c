/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devices/block.h"

#define SECTORS 21 /* the last 4 KiB are not whole */

static char path[] = "/tmp/iaso-block-XXXXXX";
static struct error err;

/* A file in which each byte is the number of its sector, plus one. */
static void set_up(void)
{
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    for (unsigned sector = 0; sector < SECTORS; sector++) {
        char bytes[BLOCK_SECTOR_SIZE];
        memset(bytes, (int)sector + 1, sizeof bytes);
        cr_assert_eq(write(fd, bytes, sizeof bytes), sizeof bytes);
    }
    close(fd);
}

static void tear_down(void)
{
    unlink(path);
}

TestSuite(block, .init = set_up, .fini = tear_down);

static struct block *open_as(enum block_mode mode)
{
    struct block *block = block_open(path, mode, &err);
    cr_assert_not_null(block, "%s", err.text);
    return block;
}

/* The first byte of a sector, all of which must be the same. */
static int sector_byte(struct block *block, uint64_t sector)
{
    uint8_t bytes[BLOCK_SECTOR_SIZE];
    cr_assert_eq(block_read(block, sector, bytes, 1), 0);
    for (size_t i = 1; i < sizeof bytes; i++)
        cr_assert_eq(bytes[i], bytes[0]);
    return bytes[0];
}

static void fill(struct block *block, uint64_t sector, int byte, size_t sectors)
{
    char bytes[SECTORS * BLOCK_SECTOR_SIZE];
    memset(bytes, byte, sizeof bytes);
    cr_assert_eq(block_write(block, sector, bytes, sectors), 0);
}

static void expect_file_untouched(void)
{
    struct block *block = open_as(BLOCK_READ_ONLY);
    cr_expect_eq(block_sectors(block), SECTORS);
    for (unsigned sector = 0; sector < SECTORS; sector++)
        cr_expect_eq(sector_byte(block, sector), sector + 1);
    block_close(block);
}

Test(block, read_only)
{
    struct block *block = open_as(BLOCK_READ_ONLY);
    char bytes[BLOCK_SECTOR_SIZE] = {0};
    cr_expect(block_read_only(block));
    cr_expect_eq(block_sectors(block), SECTORS);
    cr_expect_eq(block_write(block, 0, bytes, 1), -1);
    cr_expect_eq(block_flush(block), 0);
    block_close(block);
    expect_file_untouched();
}

Test(block, overlay_never_touches_the_file)
{
    cr_assert_eq(chmod(path, 0400), 0);
    struct block *block = open_as(BLOCK_OVERLAY);
    cr_expect(!block_read_only(block));
    for (unsigned sector = 0; sector < SECTORS; sector += 2)
        fill(block, sector, 200, 1);
    for (unsigned sector = 0; sector < SECTORS; sector++)
        cr_expect_eq(sector_byte(block, sector), sector % 2 ? (int)sector + 1 : 200);
    cr_expect_eq(block_flush(block), 0);
    cr_expect_eq(block_overlay_bytes(block), 3 * 4096);
    expect_file_untouched();
    block_discard(block);
    cr_expect_eq(block_overlay_bytes(block), 0);
    for (unsigned sector = 0; sector < SECTORS; sector++)
        cr_expect_eq(sector_byte(block, sector), sector + 1);
    fill(block, 20, 7, 1);
    cr_expect_eq(sector_byte(block, 20), 7);
    block_close(block);
    expect_file_untouched();
}

Test(block, overlay_across_chunks)
{
    struct block *block = open_as(BLOCK_OVERLAY);
    uint8_t bytes[SECTORS * BLOCK_SECTOR_SIZE];
    fill(block, 7, 99, 2); /* the last sector of a chunk and the first of the next */
    cr_assert_eq(block_read(block, 0, bytes, SECTORS), 0);
    for (unsigned sector = 0; sector < SECTORS; sector++) {
        int expected = sector == 7 || sector == 8 ? 99 : (int)sector + 1;
        cr_expect_eq(bytes[sector * BLOCK_SECTOR_SIZE], expected);
        cr_expect_eq(bytes[sector * BLOCK_SECTOR_SIZE + 511], expected);
    }
    block_close(block);
}

Test(block, overlay_of_many_chunks)
{
    cr_assert_eq(truncate(path, 4096 * 1000), 0);
    struct block *block = open_as(BLOCK_OVERLAY);
    for (unsigned i = 0; i < 1000; i++)
        fill(block, (uint64_t)(i * 389 % 1000) * 8, (int)(i % 251), 8);
    for (unsigned i = 0; i < 1000; i++)
        cr_expect_eq(sector_byte(block, (uint64_t)(i * 389 % 1000) * 8 + 3), i % 251);
    cr_expect_eq(block_overlay_bytes(block), 1000 * 4096);
    block_close(block);
}

Test(block, direct_writes_reach_the_file)
{
    struct block *block = open_as(BLOCK_DIRECT);
    fill(block, 4, 123, 3);
    cr_expect_eq(sector_byte(block, 5), 123);
    cr_expect_eq(block_flush(block), 0);
    block_discard(block);
    block_close(block);
    block = open_as(BLOCK_READ_ONLY);
    cr_expect_eq(sector_byte(block, 3), 4);
    cr_expect_eq(sector_byte(block, 4), 123);
    cr_expect_eq(sector_byte(block, 6), 123);
    cr_expect_eq(sector_byte(block, 7), 8);
    block_close(block);
}

static int first_byte(struct block *block, uint64_t sector)
{
    uint8_t bytes[BLOCK_SECTOR_SIZE];
    cr_assert_eq(block_read(block, sector, bytes, 1), 0);
    return bytes[0];
}

Test(block, undo_takes_back_in_order)
{
    struct block *block = open_as(BLOCK_OVERLAY);
    fill(block, 3, 90, 1); /* before the journal */
    uint64_t first = block_mark(block);
    cr_expect_eq(block_mark(block), first);
    fill(block, 2, 91, 8); /* in two chunks */
    uint64_t second = block_mark(block);
    cr_expect_gt(second, first);
    fill(block, 3, 92, 1);
    fill(block, 20, 93, 1);
    fill(block, 3, 94, 2);

    cr_expect_eq(block_undo(block, second), 0);
    cr_expect_eq(block_mark(block), second);
    for (unsigned sector = 0; sector < SECTORS; sector++)
        cr_expect_eq(sector_byte(block, sector), sector >= 2 && sector < 10 ? 91 : (int)sector + 1);
    cr_expect_eq(block_undo(block, second), 0); /* nothing to do */
    fill(block, 9, 95, 1);
    cr_expect_eq(block_undo(block, first), 0);
    for (unsigned sector = 0; sector < SECTORS; sector++)
        cr_expect_eq(sector_byte(block, sector), sector == 3 ? 90 : (int)sector + 1);
    cr_expect_eq(block_undo(block, second), -1, "it lies ahead now");
    cr_expect_eq(block_journal_bytes(block), 0);
    block_close(block);
    expect_file_untouched();
}

Test(block, trimmed_marks_are_void)
{
    struct block *block = open_as(BLOCK_OVERLAY);
    uint64_t marks[300];
    for (unsigned i = 0; i < 300; i++) {
        marks[i] = block_mark(block);
        fill(block, i % 4, (int)(i % 200), 1);
        if (i >= 50)
            block_trim(block, marks[i - 49]);
    }
    /* 49 writes are kept: the journal has moved on, not grown. */
    cr_expect_lt(block_journal_bytes(block), 60 * (BLOCK_SECTOR_SIZE + 64));
    cr_expect_eq(block_undo(block, marks[249]), -1);
    cr_expect_eq(first_byte(block, 3), 299 % 200);
    cr_expect_eq(block_undo(block, marks[250]), 0);
    for (unsigned i = 246; i < 250; i++)
        cr_expect_eq(sector_byte(block, i % 4), i % 200);
    block_close(block);
}

Test(block, journal_stops_and_starts)
{
    struct block *block = open_as(BLOCK_OVERLAY);
    cr_expect_eq(block_undo(block, 0), -1, "there was no mark");
    uint64_t before = block_mark(block);
    fill(block, 0, 50, 1);
    uint64_t present = block_mark(block);
    block_trim(block, UINT64_MAX);
    cr_expect_eq(block_journal_bytes(block), 0);
    fill(block, 0, 51, 1);
    cr_expect_eq(block_journal_bytes(block), 0);
    cr_expect_eq(block_undo(block, present), -1);
    uint64_t after = block_mark(block);
    fill(block, 0, 52, 1);
    cr_expect_eq(block_undo(block, before), -1);
    cr_expect_eq(block_undo(block, present), -1);
    cr_expect_eq(sector_byte(block, 0), 52);
    cr_expect_eq(block_undo(block, after), 0);
    cr_expect_eq(sector_byte(block, 0), 51);
    block_close(block);
}

Test(block, what_cannot_be_taken_back)
{
    struct block *block = open_as(BLOCK_DIRECT);
    uint64_t before = block_mark(block);
    cr_expect_eq(block_undo(block, before), 0);
    fill(block, 4, 123, 1);
    uint64_t after = block_mark(block);
    cr_expect_eq(block_undo(block, before), -1);
    cr_expect_eq(sector_byte(block, 4), 123);
    cr_expect_eq(block_undo(block, after), 0);
    block_close(block);

    block = open_as(BLOCK_OVERLAY);
    before = block_mark(block);
    fill(block, 4, 124, 1);
    block_discard(block);
    cr_expect_eq(block_undo(block, before), -1);
    cr_expect_eq(sector_byte(block, 4), 123);
    after = block_mark(block);
    fill(block, 4, 125, 1);
    cr_expect_eq(block_undo(block, after), 0);
    cr_expect_eq(sector_byte(block, 4), 123);
    block_close(block);
}

struct range {
    uint64_t sector;
    size_t sectors;
    int result;
};

ParameterizedTestParameters(block_range, bounds)
{
    static struct range ranges[] = {
        {0, SECTORS, 0},      {SECTORS - 1, 1, 0},
        {SECTORS, 0, 0},      {SECTORS, 1, -1},
        {SECTORS - 1, 2, -1}, {SECTORS + 1, 0, -1},
        {0, SECTORS + 1, -1}, {UINT64_MAX, 1, -1},
        {1, SIZE_MAX, -1},    {UINT64_MAX / 512 + 2, 1, -1},
    };
    return cr_make_param_array(struct range, ranges, sizeof ranges / sizeof *ranges);
}

ParameterizedTest(struct range *range, block_range, bounds)
{
    set_up();
    static const enum block_mode modes[] = {BLOCK_READ_ONLY, BLOCK_OVERLAY, BLOCK_DIRECT};
    char bytes[SECTORS * BLOCK_SECTOR_SIZE] = {0};
    for (unsigned i = 0; i < 3; i++) {
        struct block *block = open_as(modes[i]);
        cr_expect_eq(block_read(block, range->sector, bytes, range->sectors), range->result);
        cr_expect_eq(block_write(block, range->sector, bytes, range->sectors),
                     modes[i] == BLOCK_READ_ONLY ? -1 : range->result);
        block_close(block);
    }
    tear_down();
}

Test(block, file_that_shrinks_while_it_is_open)
{
    struct block *block = open_as(BLOCK_OVERLAY);
    char bytes[BLOCK_SECTOR_SIZE];
    cr_assert_eq(truncate(path, 512), 0);
    cr_expect_eq(block_read(block, 0, bytes, 1), 0);
    cr_expect_eq(block_read(block, 1, bytes, 1), -1);
    cr_expect_eq(block_write(block, 9, bytes, 1), -1);
    block_close(block);
}

static void expect_refused(const char *file, enum block_mode mode, const char *what)
{
    err.text[0] = '\0';
    cr_expect_null(block_open(file, mode, &err));
    cr_expect_not_null(strstr(err.text, file), "%s", err.text);
    cr_expect_not_null(strstr(err.text, what), "%s", err.text);
    cr_expect_null(block_open(file, mode, NULL));
}

Test(block, files_that_are_no_disks)
{
    expect_refused("/nonexistent/disk.img", BLOCK_OVERLAY, "No such file");
    expect_refused("/tmp", BLOCK_READ_ONLY, "directory");
    expect_refused("/dev/null", BLOCK_OVERLAY, "special file");
    cr_assert_eq(truncate(path, 1000), 0);
    expect_refused(path, BLOCK_OVERLAY, "multiple of 512 bytes, found 1000");
    cr_assert_eq(truncate(path, 0), 0);
    expect_refused(path, BLOCK_OVERLAY, "found 0 bytes");
}
