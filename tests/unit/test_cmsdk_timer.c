/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include "devices/cmsdk_timer.h"
#include "tests/unit/devices.h"

enum {
    CTRL = 0x00,
    VALUE = 0x04,
    RELOAD = 0x08,
    INTSTATUS = 0x0c,
};

static struct clock clk;
static struct wire irq[1];
static struct device *timer;

static void set_up(void)
{
    struct irq_line line = wire_line(irq, 0);
    clock_init(&clk, 25000000);
    clk.now = 1000;
    timer = cmsdk_timer_new(&clk, &line);
    cr_assert_not_null(timer);
    device_reset(timer);
}

static void tear_down(void)
{
    device_free(timer);
}

TestSuite(cmsdk_timer, .init = set_up, .fini = tear_down);

static void acknowledge(void)
{
    put32(timer, INTSTATUS, 1);
    cr_expect(!irq[0].level);
}

Test(cmsdk_timer, identification)
{
    cr_expect_eq(get32(timer, 0xfe0), 0x22);
    cr_expect_eq(get32(timer, 0xfe4), 0xb8);
}

Test(cmsdk_timer, period_is_reload_plus_one)
{
    put32(timer, RELOAD, 99);
    put32(timer, CTRL, 9);
    cr_expect_eq(get32(timer, VALUE), 99);
    run_to(&clk, 1098);
    cr_expect_eq(get32(timer, VALUE), 1);
    cr_expect(!irq[0].level);
    run_to(&clk, 1099);
    cr_expect_eq(get32(timer, VALUE), 0);
    cr_expect(irq[0].level);
    acknowledge();
    run_to(&clk, 1100);
    cr_expect_eq(get32(timer, VALUE), 99);
    run_to(&clk, 1198);
    cr_expect(!irq[0].level);
    run_to(&clk, 1199);
    cr_expect(irq[0].level);
    acknowledge();
    run_to(&clk, 2000);
    cr_expect_eq(irq[0].rises, 3);
}

Test(cmsdk_timer, value_is_right_before_the_event_was_served)
{
    put32(timer, RELOAD, 99);
    put32(timer, CTRL, 9);
    clk.now = 1099 + 30;
    cr_expect_eq(get32(timer, VALUE), 70);
    clk.now = 1099 + 100;
    cr_expect_eq(get32(timer, VALUE), 0);
}

Test(cmsdk_timer, without_reload_it_stops)
{
    put32(timer, VALUE, 10);
    put32(timer, CTRL, 9);
    run_to(&clk, 1010);
    cr_expect(irq[0].level);
    cr_expect_eq(get32(timer, VALUE), 0);
    acknowledge();
    run_to(&clk, 100000);
    cr_expect(!irq[0].level);
    cr_expect_eq(clock_next(&clk), UINT64_MAX, "no event is left");
}

Test(cmsdk_timer, no_interrupt_unless_enabled)
{
    put32(timer, RELOAD, 9);
    put32(timer, CTRL, 1);
    run_to(&clk, 1100);
    cr_expect_eq(get32(timer, INTSTATUS), 0);
    cr_expect_eq(irq[0].rises, 0);
}

Test(cmsdk_timer, disabled_it_holds_its_value)
{
    put32(timer, RELOAD, 99);
    put32(timer, CTRL, 9);
    run_to(&clk, 1040);
    put32(timer, CTRL, 8);
    run_to(&clk, 5000);
    cr_expect_eq(get32(timer, VALUE), 59);
    put32(timer, CTRL, 9);
    run_to(&clk, 5058);
    cr_expect(!irq[0].level);
    run_to(&clk, 5059);
    cr_expect(irq[0].level);
}

Test(cmsdk_timer, state_can_be_restored)
{
    put32(timer, RELOAD, 99);
    put32(timer, CTRL, 9);
    void *before = save(timer);
    run_to(&clk, 1099);
    cr_expect(irq[0].level);
    clk.now = 1000;
    restore(timer, before);
    cr_expect(!irq[0].level);
    cr_expect_eq(clock_next(&clk), 1099);
    device_reset(timer);
    cr_expect_eq(clock_next(&clk), UINT64_MAX);
}
