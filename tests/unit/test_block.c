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
