/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include "devices/registers.h"
#include "tests/unit/devices.h"

static const struct registers_rule rules[] = {
    {.offset = 0x00, .reset = 0x12345678},
    {.offset = 0x08, .mirrors = true, .of = 0x04, .ones = 0x80000000},
    {.offset = 0x0c, .reset = 0xabcd, .fixed = 0xff00},
};

static struct device *file;

static void set_up(void)
{
    struct error err;
    file = registers_new(0x40, rules, sizeof rules / sizeof rules[0], &err);
    cr_assert_not_null(file, "%s", err.text);
    device_reset(file);
}

static void tear_down(void)
{
    device_free(file);
}

TestSuite(registers, .init = set_up, .fini = tear_down);

Test(registers, read_back_what_was_written)
{
    cr_expect_eq(get32(file, 0x00), 0x12345678);
    cr_expect_eq(get32(file, 0x10), 0);
    put32(file, 0x10, 0xdeadbeef);
    cr_expect_eq(get32(file, 0x10), 0xdeadbeef);
    put32(file, 0x3c, 7);
    cr_expect_eq(get32(file, 0x3c), 7);
    device_reset(file);
    cr_expect_eq(get32(file, 0x10), 0);
    cr_expect_eq(get32(file, 0x00), 0x12345678);
}

Test(registers, status_mirrors_enables)
{
    cr_expect_eq(get32(file, 0x08), 0x80000000);
    put32(file, 0x04, 0x55);
    cr_expect_eq(get32(file, 0x08), 0x80000055);
    put32(file, 0x08, 0);
    cr_expect_eq(get32(file, 0x08), 0x80000055);
    cr_expect_eq(get32(file, 0x04), 0x55);
}

Test(registers, fixed_bits_stay)
{
    put32(file, 0x0c, 0xffffffff);
    cr_expect_eq(get32(file, 0x0c), 0xffffabff);
}

Test(registers, narrow_and_wide_accesses)
{
    put(file, 0x11, 1, 0xaa);
    put(file, 0x12, 2, 0xccbb);
    cr_expect_eq(get32(file, 0x10), 0xccbbaa00);
    cr_expect_eq(get(file, 0x12, 2), 0xccbb);
    cr_expect_eq(get(file, 0x13, 1), 0xcc);
    put(file, 0x20, 8, UINT64_C(0x1122334455667788));
    cr_expect_eq(get32(file, 0x20), 0x55667788);
    cr_expect_eq(get32(file, 0x24), 0x11223344);
    cr_expect_eq(get(file, 0x20, 8), UINT64_C(0x1122334455667788));
}

Test(registers, ends_where_it_ends)
{
    put(file, 0x3c, 8, UINT64_MAX);
    put32(file, 0x40, 1);
    cr_expect_eq(get(file, 0x3c, 8), 0xffffffff);
    cr_expect_eq(get32(file, 0x40), 0);
    cr_expect_eq(get32(file, 0x100000), 0);
}

Test(registers, refuses_rules_outside)
{
    struct error err;
    const struct registers_rule outside = {.offset = 0x40}, odd = {.offset = 2},
                                from = {.offset = 4, .mirrors = true, .of = 0x44};
    cr_expect_null(registers_new(0x40, &outside, 1, &err));
    cr_expect_str_eq(err.text, "registers[0]: expected a multiple of 4 below 0x40, found 0x40");
    cr_expect_null(registers_new(0x40, &odd, 1, &err));
    cr_expect_null(registers_new(0x40, &from, 1, &err));
    cr_expect_str_eq(err.text, "registers[0]: expected a multiple of 4 below 0x40, found 0x44");
    cr_expect_null(registers_new(0, NULL, 0, &err));
    cr_expect_null(registers_new(0x20000, NULL, 0, &err));
    cr_expect_str_eq(err.text, "size: expected a multiple of 4 up to 0x10000, found 0x20000");
}
