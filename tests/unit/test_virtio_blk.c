/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <stdio.h>
#include <unistd.h>

#include "devices/virtio_blk.h"
#include "tests/unit/virtio_driver.h"

#define SECTORS 64
#define HEADER  DATA
#define BUFFER  (DATA + 0x1000)
#define RESULT  (DATA + 0x800)

enum {
    IN = 0,
    OUT = 1,
    FLUSH = 4,
    GET_ID = 8
};
enum {
    OK,
    IOERR,
    UNSUP,
    PENDING = 0xaa
};

static char path[] = "/tmp/iaso-blk-XXXXXX";
static struct clock clk;
static struct memory *mem;
static struct wire irq[1];
static struct block *block;
static struct device *disk;

static void set_up(enum block_mode mode, bool legacy, uint64_t latency_ns)
{
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    for (unsigned sector = 0; sector < SECTORS; sector++) {
        char bytes[BLOCK_SECTOR_SIZE];
        memset(bytes, (int)sector + 1, sizeof bytes);
        cr_assert_eq(write(fd, bytes, sizeof bytes), sizeof bytes);
    }
    close(fd);
    clock_init(&clk, 100000000);
    block = block_open(path, mode, NULL);
    cr_assert_not_null(block);
    struct virtio_wiring wiring = {driver_memory(), wire_line(irq, 0), legacy};
    mem = wiring.memory;
    disk = virtio_blk_new(&wiring, &clk, block, "a serial number of 29 letters", latency_ns);
    cr_assert_not_null(disk);
    device_reset(disk);
}

static void tear_down(void)
{
    device_free(disk);
    block_close(block);
    memory_free(mem);
    unlink(path);
}

static void immediate(void)
{
    set_up(BLOCK_OVERLAY, false, 0);
    driver_start(disk, F_VERSION_1 | F_INDIRECT);
}

static void delayed(void)
{
    set_up(BLOCK_OVERLAY, false, 50000);
    driver_start(disk, F_VERSION_1);
}

TestSuite(virtio_blk, .init = immediate, .fini = tear_down);
TestSuite(virtio_blk_delay, .init = delayed, .fini = tear_down);

static void header(uint32_t type, uint64_t sector)
{
    store(mem, HEADER, type, 8);
    store(mem, HEADER + 8, sector, 8);
    store(mem, RESULT, PENDING, 1);
}

/* The usual three descriptors. */
static void offer_request(uint32_t type, uint64_t sector, uint32_t bytes)
{
    header(type, sector);
    desc(mem, DESC, 0, HEADER, 16, NEXT, 1);
    desc(mem, DESC, 1, BUFFER, bytes, type == OUT ? NEXT : NEXT | WRITE, 2);
    desc(mem, DESC, 2, RESULT, 1, WRITE, 0);
    offer(mem, 0);
}

static uint64_t request(uint32_t type, uint64_t sector, uint32_t bytes)
{
    offer_request(type, sector, bytes);
    notify(disk);
    return load(mem, RESULT, 1);
}

static void fill(uint64_t gpa, int byte, size_t length)
{
    for (size_t i = 0; i < length; i++)
        store(mem, gpa + i, (uint64_t)byte, 1);
}

static int disk_byte(uint64_t sector)
{
    uint8_t bytes[BLOCK_SECTOR_SIZE];
    cr_assert_eq(block_read(block, sector, bytes, 1), 0);
    return bytes[511] == bytes[0] ? bytes[0] : -1;
}

Test(virtio_blk, configuration)
{
    cr_expect_eq(get32(disk, 0x008), VIRTIO_ID_BLOCK);
    cr_expect_eq(get32(disk, 0x010), 1u << 2 | 1u << 6 | 1u << 9 | 1u << 28 | 1u << 29);
    cr_expect_eq(get(disk, 0x100, 8), SECTORS);
    cr_expect_eq(get32(disk, 0x10c), VIRTQUEUE_MAX - 2);
    cr_expect_eq(get32(disk, 0x114), BLOCK_SECTOR_SIZE);
    cr_expect_eq(get32(disk, 0x118), 0);
}

Test(virtio_blk, read)
{
    cr_expect_eq(request(IN, 62, 1024), OK);
    cr_expect_eq(load(mem, BUFFER, 1), 63);
    cr_expect_eq(load(mem, BUFFER + 511, 2), 64 << 8 | 63);
    cr_expect_eq(load(mem, BUFFER + 1023, 2), 64);
    cr_expect_eq(used_length(mem, 0), 1025);
    cr_expect(irq[0].level);
}

Test(virtio_blk, write_and_read_back)
{
    fill(BUFFER, 0x77, 1024);
    cr_expect_eq(request(OUT, 5, 1024), OK);
    cr_expect_eq(used_length(mem, 0), 1);
    cr_expect_eq(disk_byte(4), 5);
    cr_expect_eq(disk_byte(5), 0x77);
    cr_expect_eq(disk_byte(6), 0x77);
    cr_expect_eq(disk_byte(7), 8);
    cr_expect_eq(request(IN, 6, 512), OK);
    cr_expect_eq(load(mem, BUFFER + 100, 1), 0x77);
    block_discard(block);
    cr_expect_eq(request(IN, 6, 512), OK);
    cr_expect_eq(load(mem, BUFFER + 100, 1), 7);
}

Test(virtio_blk, larger_than_one_step)
{
    cr_expect_eq(request(IN, 0, SECTORS * 512), OK);
    for (unsigned sector = 0; sector < SECTORS; sector++)
        cr_expect_eq(load(mem, BUFFER + 512 * sector + 511, 1), sector + 1);
    for (unsigned sector = 0; sector < SECTORS; sector++)
        fill(BUFFER + 512 * sector, 0x66 ^ (int)sector, 512);
    cr_expect_eq(request(OUT, 0, SECTORS * 512), OK);
    for (unsigned sector = 0; sector < SECTORS; sector++)
        cr_expect_eq(disk_byte(sector), 0x66 ^ sector);
}

Test(virtio_blk, flush_and_unknown)
{
    cr_expect_eq(request(FLUSH, 0, 0), OK);
    cr_expect_eq(request(2, 0, 0), UNSUP);
    cr_expect_eq(request(11, 0, 512), UNSUP);
    cr_expect_eq(used_length(mem, 2), 0, "the status comes after a gap");
    cr_expect_eq(used_count(mem), 3);
}

Test(virtio_blk, serial_number)
{
    static const char serial[20] = "a serial number of 2";
    cr_expect_eq(request(GET_ID, 0, 20), OK);
    cr_expect_eq(used_length(mem, 0), 21);
    for (unsigned i = 0; i < 20; i++)
        cr_expect_eq(load(mem, BUFFER + i, 1), serial[i]);
    cr_expect_eq(load(mem, BUFFER + 20, 1), 0);
}

Test(virtio_blk, framing_does_not_matter)
{
    header(OUT, 9);
    fill(HEADER + 16, 0x55, 512);
    desc(mem, DESC, 0, HEADER, 7, NEXT, 1); /* header in two parts, the second with data */
    desc(mem, DESC, 1, HEADER + 7, 9 + 512, NEXT, 2);
    desc(mem, DESC, 2, RESULT, 1, WRITE, 0);
    offer(mem, 0);
    notify(disk);
    cr_expect_eq(load(mem, RESULT, 1), OK);
    cr_expect_eq(disk_byte(9), 0x55);
    header(IN, 9);
    desc(mem, DESC, 0, HEADER, 16, NEXT, 1);
    desc(mem, DESC, 1, BUFFER, 513, WRITE, 0); /* data and status in one */
    offer(mem, 0);
    notify(disk);
    cr_expect_eq(load(mem, BUFFER + 511, 2), OK << 8 | 0x55);
}

Test(virtio_blk, indirect_request)
{
    header(IN, 3);
    desc(mem, TABLE, 0, HEADER, 16, NEXT, 1);
    desc(mem, TABLE, 1, BUFFER, 512, NEXT | WRITE, 2);
    desc(mem, TABLE, 2, RESULT, 1, WRITE, 0);
    desc(mem, DESC, 6, TABLE, 48, INDIRECT, 0);
    offer(mem, 6);
    notify(disk);
    cr_expect_eq(load(mem, RESULT, 1), OK);
    cr_expect_eq(load(mem, BUFFER, 1), 4);
    cr_expect_eq(load(mem, USED + 4, 4), 6);
}

struct bad {
    uint32_t type;
    uint64_t sector;
    uint32_t bytes;
};

ParameterizedTestParameters(virtio_blk_bad, out_of_range)
{
    static struct bad cases[] = {
        {IN, SECTORS, 512},     {IN, SECTORS - 1, 1024},      {OUT, SECTORS, 512},
        {OUT, UINT64_MAX, 512}, {IN, UINT64_MAX / 512, 512},  {IN, 0, 511},
        {OUT, 0, 100},          {IN, 0, (SECTORS + 1) * 512}, {OUT, UINT64_MAX - 1, 1024},
    };
    return cr_make_param_array(struct bad, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(struct bad *bad, virtio_blk_bad, out_of_range)
{
    immediate();
    cr_expect_eq(request(bad->type, bad->sector, bad->bytes), IOERR);
    cr_expect_eq(used_count(mem), 1);
    cr_expect_eq(get32(disk, STATUS), 0x0f, "the device is well");
    cr_expect_eq(block_overlay_bytes(block), 0);
    tear_down();
}

Test(virtio_blk_mode, read_only)
{
    set_up(BLOCK_READ_ONLY, false, 0);
    driver_start(disk, F_VERSION_1);
    cr_expect(get32(disk, 0x010) & 1 << 5);
    cr_expect_eq(request(OUT, 0, 512), IOERR);
    cr_expect_eq(request(IN, 0, 512), OK);
    tear_down();
}

Test(virtio_blk_mode, legacy)
{
    set_up(BLOCK_OVERLAY, true, 0);
    driver_start(disk, 0);
    cr_expect_eq(request(IN, 1, 512), OK);
    cr_expect_eq(load(mem, BUFFER, 1), 2);
    tear_down();
}

Test(virtio_blk, requests_that_make_no_sense)
{
    static const struct {
        uint64_t address;
        uint32_t header, status;
    } cases[] = {
        {BUFFER, 15, 1},         /* no room for the header */
        {BUFFER, 16, 0},         /* nor for the status */
        {RAM + RAM_SIZE, 16, 1}, /* data outside memory */
        {RAM + RAM_SIZE - 8, 16, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        store(mem, AVAIL + 2, 0, 2);
        driver_start(disk, F_VERSION_1);
        header(IN, 0);
        desc(mem, DESC, 0, HEADER, cases[i].header, cases[i].status ? NEXT : 0, 1);
        desc(mem, DESC, 1, cases[i].address, 512, NEXT | WRITE, 2);
        desc(mem, DESC, 2, RESULT, cases[i].status, WRITE, 0);
        offer(mem, 0);
        notify(disk);
        cr_expect_eq(get32(disk, STATUS), 0x0f | NEEDS_RESET, "case %zu", i);
        cr_expect_eq(used_count(mem), 0);
    }
}

Test(virtio_blk, a_ring_that_feeds_itself_ends)
{
    /* The disk's contents go into the available ring's index: each read makes more work. */
    uint8_t bytes[BLOCK_SECTOR_SIZE] = {0};
    bytes[0] = QUEUE_SIZE;
    for (unsigned sector = 0; sector < SECTORS; sector++)
        cr_assert_eq(block_write(block, sector, bytes, 1), 0);
    header(IN, 0);
    desc(mem, DESC, 0, HEADER, 16, NEXT, 1);
    desc(mem, DESC, 1, AVAIL + 2, 2, NEXT | WRITE, 2);
    desc(mem, DESC, 2, BUFFER, 510, NEXT | WRITE, 3);
    desc(mem, DESC, 3, RESULT, 1, WRITE, 0);
    offer(mem, 0);
    notify(disk);
    cr_expect_eq(used_count(mem), QUEUE_SIZE);
}

Test(virtio_blk_delay, completes_after_the_latency)
{
    clk.now = 1000;
    cr_expect_eq(request(IN, 2, 512), PENDING);
    cr_expect_eq(clock_next(&clk), 6000);
    run_to(&clk, 5999);
    cr_expect_eq(load(mem, RESULT, 1), PENDING);
    cr_expect(!irq[0].level);
    run_to(&clk, 6000);
    cr_expect_eq(load(mem, RESULT, 1), OK);
    cr_expect(irq[0].level);
    cr_expect_eq(clock_next(&clk), UINT64_MAX);
}

Test(virtio_blk_delay, one_after_the_other)
{
    offer_request(IN, 2, 512);
    for (unsigned i = 0; i < 2; i++)
        offer(mem, 0);
    notify(disk);
    notify(disk);
    for (unsigned i = 1; i <= 3; i++) {
        run_to(&clk, 5000 * i - 1);
        cr_expect_eq(used_count(mem), i - 1);
        run_to(&clk, 5000 * i);
        cr_expect_eq(used_count(mem), i);
    }
    cr_expect_eq(clock_next(&clk), UINT64_MAX);
}

Test(virtio_blk_delay, notification_of_nothing)
{
    notify(disk);
    cr_expect_eq(clock_next(&clk), UINT64_MAX);
}

Test(virtio_blk_delay, reset_forgets_what_is_in_flight)
{
    request(IN, 2, 512);
    put32(disk, STATUS, 0);
    cr_expect_eq(clock_next(&clk), UINT64_MAX);
    run_to(&clk, 100000);
    cr_expect_eq(load(mem, RESULT, 1), PENDING);
}

Test(virtio_blk_delay, queue_stopped_in_flight)
{
    request(IN, 2, 512);
    put32(disk, 0x044, 0);
    run_to(&clk, 100000);
    cr_expect_eq(load(mem, RESULT, 1), PENDING);
    cr_expect_eq(get32(disk, STATUS), 0x0f);
}

Test(virtio_blk_delay, restored_in_flight)
{
    request(IN, 2, 512);
    void *state = save(disk);
    device_reset(disk);
    cr_expect_eq(clock_next(&clk), UINT64_MAX);
    restore(disk, state);
    run_to(&clk, 5000);
    cr_expect_eq(load(mem, RESULT, 1), OK);
}
