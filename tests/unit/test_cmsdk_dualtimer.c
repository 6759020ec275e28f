/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include "devices/cmsdk_dualtimer.h"
#include "tests/unit/devices.h"

enum {
    LOAD = 0x00,
    VALUE = 0x04,
    CONTROL = 0x08,
    INTCLR = 0x0c,
    RIS = 0x10,
    MIS = 0x14,
    BGLOAD = 0x18,
    SECOND = 0x20,
};

enum {
    ONESHOT = 0x01,
    WIDE = 0x02,
    BY_16 = 0x04,
    BY_256 = 0x08,
    INTERRUPT = 0x20,
    PERIODIC = 0x40,
    ENABLE = 0x80,
};

static struct clock clk;
static struct wire irq[1];
static struct device *timer;

static void set_up(void)
{
    struct irq_line line = wire_line(irq, 0);
    clock_init(&clk, 25000000);
    timer = cmsdk_dualtimer_new(&clk, &line);
    cr_assert_not_null(timer);
    device_reset(timer);
}

static void tear_down(void)
{
    device_free(timer);
}

TestSuite(cmsdk_dualtimer, .init = set_up, .fini = tear_down);

Test(cmsdk_dualtimer, power_on_values)
{
    cr_expect_eq(get32(timer, CONTROL), INTERRUPT);
    cr_expect_eq(get32(timer, VALUE), 0xffff);
    cr_expect_eq(get32(timer, SECOND + CONTROL), INTERRUPT);
    cr_expect_eq(get32(timer, 0xfe0), 0x23);
    run_to(&clk, 100000);
    cr_expect_eq(get32(timer, RIS), 0);
}

Test(cmsdk_dualtimer, periodic)
{
    put32(timer, LOAD, 999);
    put32(timer, CONTROL, PERIODIC | WIDE | INTERRUPT | ENABLE);
    run_to(&clk, 998);
    cr_expect(!irq[0].level);
    run_to(&clk, 999);
    cr_expect(irq[0].level);
    cr_expect_eq(get32(timer, RIS), 1);
    put32(timer, INTCLR, 0);
    cr_expect(!irq[0].level);
    run_to(&clk, 1000);
    cr_expect_eq(get32(timer, VALUE), 999);
    run_to(&clk, 1999);
    cr_expect(irq[0].level);
}

Test(cmsdk_dualtimer, oneshot_with_prescaler)
{
    put32(timer, SECOND + LOAD, 10);
    put32(timer, SECOND + CONTROL, ONESHOT | PERIODIC | WIDE | BY_16 | INTERRUPT | ENABLE);
    run_to(&clk, 1);
    cr_expect_eq(get32(timer, SECOND + VALUE), 10);
    run_to(&clk, 16);
    cr_expect_eq(get32(timer, SECOND + VALUE), 9);
    run_to(&clk, 160);
    cr_expect(irq[0].level);
    put32(timer, SECOND + INTCLR, 1);
    run_to(&clk, 100000);
    cr_expect(!irq[0].level);
    cr_expect_eq(get32(timer, SECOND + VALUE), 0);
    put32(timer, SECOND + LOAD, 10);
    run_to(&clk, 100160);
    cr_expect(irq[0].level, "loading starts it again");
}

Test(cmsdk_dualtimer, free_running_wraps)
{
    put32(timer, LOAD, 5);
    put32(timer, CONTROL, INTERRUPT | ENABLE);
    run_to(&clk, 5);
    cr_expect(irq[0].level);
    run_to(&clk, 6);
    cr_expect_eq(get32(timer, VALUE), 0xffff);
    put32(timer, INTCLR, 1);
    run_to(&clk, 5 + 0xffff);
    cr_expect(!irq[0].level);
    run_to(&clk, 5 + 0x10000);
    cr_expect(irq[0].level);
}

Test(cmsdk_dualtimer, background_load_waits_for_the_period)
{
    put32(timer, LOAD, 99);
    put32(timer, CONTROL, PERIODIC | WIDE | BY_256 | ENABLE);
    put32(timer, BGLOAD, 9);
    cr_expect_eq(get32(timer, VALUE), 99);
    run_to(&clk, 100 * 256);
    cr_expect_eq(get32(timer, VALUE), 9);
    cr_expect_eq(get32(timer, RIS), 1);
    cr_expect_eq(get32(timer, MIS), 0, "not enabled");
    cr_expect_eq(irq[0].rises, 0);
}

Test(cmsdk_dualtimer, sixteen_bits)
{
    put32(timer, LOAD, 0x12345);
    cr_expect_eq(get32(timer, LOAD), 0x2345);
    put32(timer, CONTROL, PERIODIC | INTERRUPT | ENABLE);
    cr_expect_eq(get32(timer, VALUE), 0x2345);
}

Test(cmsdk_dualtimer, nothing_beyond_the_second)
{
    put32(timer, 0x40 + LOAD, 5);
    put32(timer, 0x40 + CONTROL, PERIODIC | ENABLE);
    cr_expect_eq(get32(timer, 0x40), 0);
    cr_expect_eq(clock_next(&clk), UINT64_MAX);
}
