/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include "devices/stellaris_gptm.h"
#include "tests/unit/devices.h"

enum {
    CFG = 0x00,
    TAMR = 0x04,
    TBMR = 0x08,
    CTL = 0x0c,
    IMR = 0x18,
    RIS = 0x1c,
    MIS = 0x20,
    ICR = 0x24,
    TAILR = 0x28,
    TBILR = 0x2c,
    TAPR = 0x38,
    TBPR = 0x3c,
    TAR = 0x48,
    TBR = 0x4c,
};

#define A 0x001
#define B 0x100

static struct clock clk;
static struct wire irq[2]; /* A and B */
static struct device *timer;

static void set_up(void)
{
    struct irq_line a = wire_line(irq, 0), b = wire_line(irq, 1);
    clock_init(&clk, 50000000);
    clk.now = 100;
    timer = stellaris_gptm_new(&clk, &a, &b);
    cr_assert_not_null(timer);
    device_reset(timer);
}

static void tear_down(void)
{
    device_free(timer);
}

TestSuite(stellaris_gptm, .init = set_up, .fini = tear_down);

Test(stellaris_gptm, periodic_32_bits)
{
    put32(timer, CFG, 0);
    put32(timer, TAMR, 2);
    put32(timer, TAILR, 0x20000);
    put32(timer, IMR, A);
    put32(timer, CTL, A);
    run_to(&clk, 100 + 0x20000 - 1);
    cr_expect(!irq[0].level);
    cr_expect_eq(get32(timer, TAR), 1);
    run_to(&clk, 100 + 0x20000);
    cr_expect(irq[0].level);
    cr_expect_eq(get32(timer, MIS), A);
    put32(timer, ICR, A);
    cr_expect(!irq[0].level);
    run_to(&clk, 100 + 0x40001);
    cr_expect(irq[0].level);
    cr_expect_eq(get32(timer, CTL), A);
    cr_expect_eq(irq[1].rises, 0);
}

Test(stellaris_gptm, oneshot_switches_itself_off)
{
    put32(timer, TAMR, 1);
    put32(timer, TAILR, 50);
    put32(timer, CTL, A);
    run_to(&clk, 150);
    cr_expect_eq(get32(timer, RIS), A);
    cr_expect_eq(get32(timer, MIS), 0);
    cr_expect_eq(get32(timer, CTL), 0);
    cr_expect(!irq[0].level, "not enabled");
    cr_expect_eq(clock_next(&clk), UINT64_MAX);
    put32(timer, IMR, A);
    cr_expect(irq[0].level);
}

Test(stellaris_gptm, halves_of_16_bits_with_prescaler)
{
    put32(timer, CFG, 4);
    put32(timer, TAMR, 1);
    put32(timer, TBMR, 2);
    put32(timer, TAILR, 0x10000 | 10);
    put32(timer, TBILR, 9);
    put32(timer, TBPR, 4);
    put32(timer, IMR, A | B);
    put32(timer, CTL, A | B);
    run_to(&clk, 110);
    cr_expect(irq[0].level);
    cr_expect(!irq[1].level);
    run_to(&clk, 144);
    cr_expect_eq(get32(timer, TBR), 1);
    run_to(&clk, 145);
    cr_expect(irq[1].level);
    cr_expect_eq(get32(timer, CTL), B);
    put32(timer, ICR, B);
    run_to(&clk, 145 + 50);
    cr_expect_eq(irq[1].rises, 2);
    put32(timer, CTL, 0);
    put32(timer, ICR, B);
    run_to(&clk, 1000);
    cr_expect_eq(irq[1].rises, 2);
}

Test(stellaris_gptm, new_interval_while_it_runs)
{
    put32(timer, TAMR, 2);
    put32(timer, TAILR, 1000);
    put32(timer, CTL, A);
    run_to(&clk, 200);
    put32(timer, TAILR, 10);
    run_to(&clk, 210);
    cr_expect_eq(get32(timer, RIS), A);
}

Test(stellaris_gptm, other_modes_do_not_count)
{
    put32(timer, CFG, 1);
    put32(timer, TAMR, 2);
    put32(timer, CTL, A | B);
    cr_expect_eq(clock_next(&clk), UINT64_MAX);
    put32(timer, CTL, 0);
    put32(timer, CFG, 4);
    put32(timer, TAMR, 0xa);
    put32(timer, CTL, A);
    cr_expect_eq(clock_next(&clk), UINT64_MAX);
}

Test(stellaris_gptm, state_can_be_restored)
{
    put32(timer, TAMR, 2);
    put32(timer, TAILR, 50);
    put32(timer, IMR, A);
    put32(timer, CTL, A);
    void *before = save(timer);
    run_to(&clk, 150);
    cr_expect(irq[0].level);
    clk.now = 100;
    restore(timer, before);
    cr_expect(!irq[0].level);
    cr_expect_eq(clock_next(&clk), 150);
    device_reset(timer);
    cr_expect_eq(clock_next(&clk), UINT64_MAX);
    cr_expect_eq(get32(timer, TAILR), UINT32_MAX);
}
