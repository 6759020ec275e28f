/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include "devices/stellaris_sysctl.h"
#include "tests/unit/devices.h"

enum {
    DID1 = 0x004,
    SRCR0 = 0x040,
    RIS = 0x050,
    IMC = 0x054,
    MISC = 0x058,
    RCC = 0x060,
    PLLCFG = 0x064,
    RCC2 = 0x070,
    RCGC1 = 0x104,
};

static struct wire irq[1];
static struct device *sysctl;

static void set_up(void)
{
    struct irq_line line = wire_line(irq, 0);
    sysctl = stellaris_sysctl_new(&line);
    cr_assert_not_null(sysctl);
    device_reset(sysctl);
}

static void tear_down(void)
{
    device_free(sysctl);
}

TestSuite(stellaris_sysctl, .init = set_up, .fini = tear_down);

Test(stellaris_sysctl, power_on_values)
{
    cr_expect_eq(get32(sysctl, DID1), 0x1073402e);
    cr_expect_eq(get32(sysctl, RCC), 0x078e3ac0);
    cr_expect_eq(get32(sysctl, RCC2), 0x07802810);
    cr_expect_eq(get32(sysctl, RIS), 0);
    put32(sysctl, DID1, 0);
    cr_expect_eq(get32(sysctl, DID1), 0x1073402e, "read only");
}

Test(stellaris_sysctl, pll_locks_when_powered_up)
{
    put32(sysctl, IMC, 0x40);
    put32(sysctl, RCC, 0x078e3b80);
    cr_expect_eq(get32(sysctl, RIS), 0, "still down");
    put32(sysctl, RCC, 0x01ce1380);
    cr_expect_eq(get32(sysctl, RIS), 0x40);
    cr_expect_eq(get32(sysctl, MISC), 0x40);
    cr_expect(irq[0].level);
    put32(sysctl, MISC, 0x40);
    cr_expect_eq(get32(sysctl, RIS), 0);
    cr_expect(!irq[0].level);
    put32(sysctl, RCC2, 0x07800810);
    cr_expect_eq(get32(sysctl, RIS), 0x40, "RCC2 has a switch of its own");
}

Test(stellaris_sysctl, pll_makes_400_mhz_of_the_crystal)
{
    static const struct {
        uint32_t xtal, pllcfg;
    } crystals[] = {{0, 0x3200}, {2, 0x1900}, {6, 0x0c80}, {9, 0x0a00}, {11, 0x1902}, {14, 0x0640}};
    for (size_t i = 0; i < sizeof crystals / sizeof crystals[0]; i++) {
        put32(sysctl, RCC, crystals[i].xtal << 6);
        cr_expect_eq(get32(sysctl, PLLCFG), crystals[i].pllcfg, "XTAL %u: 0x%x", crystals[i].xtal,
                     get32(sysctl, PLLCFG));
    }
}

Test(stellaris_sysctl, the_rest_holds_what_is_written)
{
    put32(sysctl, RCGC1, 0x00110003);
    cr_expect_eq(get32(sysctl, RCGC1), 0x00110003);
    put32(sysctl, SRCR0, 0xffffffff);
    cr_expect_eq(get32(sysctl, SRCR0), 0);
    put32(sysctl, 0xffc, 1);
    cr_expect_eq(get32(sysctl, 0xffc), 0);
    device_reset(sysctl);
    cr_expect_eq(get32(sysctl, RCGC1), 0);
}
