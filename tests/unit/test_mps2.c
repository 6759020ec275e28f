/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include "devices/mps2_fpgaio.h"
#include "devices/mps2_scc.h"
#include "tests/unit/devices.h"

static struct clock clk;
static struct device *io, *scc;

static void set_up(void)
{
    clock_init(&clk, 25000000);
    clk.now = 77;
    io = mps2_fpgaio_new(&clk);
    scc = mps2_scc_new(0x41043860);
    cr_assert(io && scc);
    device_reset(io);
    device_reset(scc);
}

static void tear_down(void)
{
    device_free(io);
    device_free(scc);
}

TestSuite(mps2, .init = set_up, .fini = tear_down);

Test(mps2, counts_seconds)
{
    clk.now += 25000000 * 3;
    cr_expect_eq(get32(io, 0x10), 3);
    cr_expect_eq(get32(io, 0x14), 300);
    put32(io, 0x10, 1000);
    clk.now += 25000000;
    cr_expect_eq(get32(io, 0x10), 1001);
    cr_expect_eq(get32(io, 0x14), 400);
}

Test(mps2, prescaled_counter)
{
    put32(io, 0x1c, 5);
    put32(io, 0x20, 7);
    for (unsigned tick = 0; tick < 15; tick++, clk.now++) {
        static const uint8_t pscntr[] = {7, 6, 5, 4, 3, 2, 1, 0, 5, 4, 3, 2, 1, 0, 5};
        cr_expect_eq(get32(io, 0x20), pscntr[tick], "tick %u", tick);
        cr_expect_eq(get32(io, 0x18), (tick >= 8) + (tick >= 14), "tick %u", tick);
    }
    put32(io, 0x20, 7);
    put32(io, 0x18, 0);
    clk.now += 14;
    cr_expect_eq(get32(io, 0x18), 2, "the same in one step");
    cr_expect_eq(get32(io, 0x20), 5);
    put32(io, 0x1c, 0);
    clk.now += 105;
    cr_expect_eq(get32(io, 0x18), 102, "each tick, once PSCNTR is 0");
}

Test(mps2, leds_and_misc)
{
    put32(io, 0x00, 7);
    put32(io, 0x4c, 0x123);
    cr_expect_eq(get32(io, 0x00), 3);
    cr_expect_eq(get32(io, 0x4c), 0x123);
    cr_expect_eq(get32(io, 0x08), 0);
}

Test(mps2, scc_identification)
{
    cr_expect_eq(get32(scc, 0xffc), 0x41043860);
    cr_expect_eq(get32(scc, 0xff8), 0x00200008);
    cr_expect_eq(get32(scc, 0x10), 2);
    cr_expect_eq(get32(scc, 0x100), 0xffff0001);
}

Test(mps2, scc_oscillators)
{
    put32(scc, 0xa8, 0x80100001);
    cr_expect_eq(get32(scc, 0xac), 1);
    cr_expect_eq(get32(scc, 0xa0), 24576000);
    put32(scc, 0xa4, 12345);
    put32(scc, 0xa8, 0xc0100001);
    put32(scc, 0xa8, 0x80100001);
    cr_expect_eq(get32(scc, 0xa0), 12345);
    put32(scc, 0xa8, 0x80100003);
    cr_expect_eq(get32(scc, 0xac), 3, "no such oscillator");
    put32(scc, 0xa8, 0x80200000);
    cr_expect_eq(get32(scc, 0xac), 3, "no such function");
    put32(scc, 0xa8, 0x00100000);
    cr_expect_eq(get32(scc, 0xac), 0, "not started");
}
