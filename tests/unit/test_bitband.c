/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include "devices/bitband.h"
#include "devices/registers.h"
#include "tests/unit/devices.h"

#define RAM     0x20000000
#define ROM     0x20001000
#define REGS    0x20002000 /* registers */
#define ALIAS   0x22000000
#define NOWHERE 0x20080000

static struct memory *mem;
static struct device *band, *file;

static void set_up(void)
{
    struct error err;
    mem = memory_new(10);
    cr_assert_not_null(mem);
    band = bitband_new(mem, RAM);
    file = registers_new(0x400, NULL, 0, &err);
    cr_assert(band && file);
    device_reset(band);
    cr_assert_eq(memory_add(mem, "ram", RAM, 0x400, REGION_RAM, false, &err), 0);
    cr_assert_eq(memory_add(mem, "rom", ROM, 0x400, REGION_ROM, false, &err), 0);
    cr_assert_eq(memory_add_device(mem, "file", REGS, 0x400, &file->ops->mmio, file, &err), 0);
}

static void tear_down(void)
{
    memory_free(mem);
    device_free(band);
    device_free(file);
}

TestSuite(bitband, .init = set_up, .fini = tear_down);

static uint64_t word_of(uint64_t gpa, unsigned bit)
{
    return (gpa - RAM) * 32 + bit * 4;
}

Test(bitband, bits_of_memory)
{
    uint8_t bytes[2] = {0x81, 0x00};
    memory_write(mem, RAM + 0x11, bytes, 2);
    cr_expect_eq(get32(band, word_of(RAM + 0x11, 0)), 1);
    cr_expect_eq(get32(band, word_of(RAM + 0x11, 1)), 0);
    cr_expect_eq(get32(band, word_of(RAM + 0x11, 7)), 1);
    put32(band, word_of(RAM + 0x12, 3), 0xff);
    put32(band, word_of(RAM + 0x11, 7), 0xfe);
    memory_read(mem, RAM + 0x11, bytes, 2);
    cr_expect_eq(bytes[0], 0x01);
    cr_expect_eq(bytes[1], 0x08);
}

Test(bitband, bits_of_devices)
{
    put32(file, 0x10, 0x80000001);
    cr_expect_eq(get32(band, word_of(REGS + 0x10, 31)), 1);
    put32(band, word_of(REGS + 0x12, 2), 1);
    put32(band, word_of(REGS + 0x10, 0), 0);
    cr_expect_eq(get32(file, 0x10), 0x80040000);
}

Test(bitband, nothing_there)
{
    put32(band, word_of(NOWHERE, 0), 1);
    cr_expect_eq(get32(band, word_of(NOWHERE, 0)), 0);
    put32(band, word_of(ROM, 0), 1);
    cr_expect_eq(get32(band, word_of(ROM, 0)), 0);
}

Test(bitband, alias_of_itself)
{
    struct error err;
    struct device *loop = bitband_new(mem, ALIAS);
    cr_assert_eq(memory_add_device(mem, "loop", ALIAS, BITBAND_SIZE, &loop->ops->mmio, loop, &err),
                 0);
    cr_expect_eq(get32(loop, 0), 0);
    put32(loop, 0, 1);
    device_free(loop);
}
