/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include "devices/goldfish_rtc.h"
#include "tests/unit/devices.h"

enum {
    TIME_LOW = 0x00,
    TIME_HIGH = 0x04,
    ALARM_LOW = 0x08,
    ALARM_HIGH = 0x0c,
    IRQ_ENABLED = 0x10,
    CLEAR_ALARM = 0x14,
    ALARM_STATUS = 0x18,
    CLEAR_INTERRUPT = 0x1c,
};

#define EPOCH UINT64_C(1700000000000000000)

static struct clock clk;
static struct wire irq[1];
static struct device *rtc;

static void set_up(void)
{
    struct irq_line line = wire_line(irq, 0);
    clock_init(&clk, 100000000); /* 10 ns a tick */
    rtc = goldfish_rtc_new(&clk, EPOCH, &line);
    cr_assert_not_null(rtc);
    device_reset(rtc);
}

static void tear_down(void)
{
    device_free(rtc);
}

TestSuite(goldfish_rtc, .init = set_up, .fini = tear_down);

static uint64_t now(void)
{
    uint64_t low = get32(rtc, TIME_LOW);
    return (uint64_t)get32(rtc, TIME_HIGH) << 32 | low;
}

static void alarm_at(uint64_t ns)
{
    put32(rtc, ALARM_HIGH, ns >> 32);
    put32(rtc, ALARM_LOW, ns & 0xffffffff);
}

Test(goldfish_rtc, epoch_plus_virtual_time)
{
    cr_expect_eq(now(), EPOCH);
    clk.now = 123;
    cr_expect_eq(now(), EPOCH + 1230);
}

Test(goldfish_rtc, low_latches_high)
{
    uint64_t before = (EPOCH >> 32 << 32) + UINT64_C(0xffffffff);
    clk.now = (before - EPOCH) / 10;
    uint32_t low = get32(rtc, TIME_LOW);
    clk.now += 100;
    cr_expect_eq((uint64_t)get32(rtc, TIME_HIGH) << 32 | low, before - before % 10);
    cr_expect_eq(now() >> 32, (EPOCH >> 32) + 1);
}

Test(goldfish_rtc, alarm_goes_off_at_the_first_tick)
{
    put32(rtc, IRQ_ENABLED, 1);
    alarm_at(EPOCH + 1001);
    cr_expect_eq(get32(rtc, ALARM_STATUS), 1);
    cr_expect_eq((uint64_t)get32(rtc, ALARM_HIGH) << 32 | get32(rtc, ALARM_LOW), EPOCH + 1001);
    run_to(&clk, 100);
    cr_expect(!irq[0].level);
    run_to(&clk, 101);
    cr_expect(irq[0].level);
    cr_expect_eq(get32(rtc, ALARM_STATUS), 0);
    put32(rtc, CLEAR_INTERRUPT, 1);
    cr_expect(!irq[0].level);
    run_to(&clk, 1000);
    cr_expect(!irq[0].level, "it goes off once");
}

Test(goldfish_rtc, disabled_alarm_is_kept)
{
    alarm_at(EPOCH + 1000);
    run_to(&clk, 200);
    cr_expect(!irq[0].level);
    put32(rtc, IRQ_ENABLED, 1);
    cr_expect(irq[0].level);
    put32(rtc, IRQ_ENABLED, 0);
    cr_expect(!irq[0].level);
}

Test(goldfish_rtc, alarm_in_the_past)
{
    put32(rtc, IRQ_ENABLED, 1);
    alarm_at(EPOCH);
    cr_expect(irq[0].level);
}

Test(goldfish_rtc, cleared_alarm)
{
    put32(rtc, IRQ_ENABLED, 1);
    alarm_at(EPOCH + 1000);
    put32(rtc, CLEAR_ALARM, 1);
    cr_expect_eq(get32(rtc, ALARM_STATUS), 0);
    cr_expect_eq(clock_next(&clk), UINT64_MAX);
}

Test(goldfish_rtc, setting_the_time_moves_the_alarm)
{
    put32(rtc, IRQ_ENABLED, 1);
    alarm_at(5000);
    cr_assert(irq[0].level);
    put32(rtc, CLEAR_INTERRUPT, 1);
    put32(rtc, TIME_HIGH, 0);
    put32(rtc, TIME_LOW, 2000);
    cr_expect_eq(now(), 2000);
    alarm_at(5000);
    cr_expect_eq(clock_next(&clk), 300);
    put32(rtc, TIME_LOW, 4000);
    cr_expect_eq(clock_next(&clk), 100);
    put32(rtc, TIME_LOW, 6000);
    cr_expect(irq[0].level);
}

Test(goldfish_rtc, time_that_cannot_be_reached)
{
    alarm_at(UINT64_MAX);
    cr_expect_eq(get32(rtc, ALARM_STATUS), 1);
    cr_expect_geq(clock_next(&clk), (UINT64_MAX - EPOCH) / 10);
}

Test(goldfish_rtc, other_widths_and_offsets_are_dropped)
{
    put(rtc, TIME_LOW, 8, 0);
    put(rtc, TIME_LOW, 1, 0);
    put32(rtc, 0x20, 1);
    cr_expect_eq(now(), EPOCH);
    cr_expect_eq(get(rtc, TIME_LOW, 8), 0);
    cr_expect_eq(get32(rtc, 0x20), 0);
}

Test(goldfish_rtc, reset_and_restore)
{
    put32(rtc, IRQ_ENABLED, 1);
    put32(rtc, TIME_HIGH, 0);
    put32(rtc, TIME_LOW, 2000);
    alarm_at(5000);
    void *state = save(rtc);
    device_reset(rtc);
    cr_expect_eq(clock_next(&clk), UINT64_MAX);
    cr_expect_eq(now(), EPOCH);
    restore(rtc, state);
    run_to(&clk, 299);
    cr_expect(!irq[0].level);
    run_to(&clk, 300);
    cr_expect(irq[0].level);
}
