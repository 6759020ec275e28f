/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "devices/clint.h"
#include "tests/unit/devices.h"

#define MTIMECMP(hart) (0x4000 + 8 * (hart))
#define MTIME          0xbff8
#define HARTS          3

static struct clock clk;
static struct wire soft[CLINT_MAX_HARTS], timer[CLINT_MAX_HARTS], super[CLINT_MAX_HARTS];
static struct device *clint;

static void set_up(uint64_t rate, uint64_t timebase)
{
    struct irq_line msip[CLINT_MAX_HARTS], mtip[CLINT_MAX_HARTS], stip[CLINT_MAX_HARTS];
    for (unsigned hart = 0; hart < CLINT_MAX_HARTS; hart++) {
        msip[hart] = wire_line(soft, hart);
        mtip[hart] = wire_line(timer, hart);
        stip[hart] = wire_line(super, hart);
    }
    clock_init(&clk, rate);
    clint = clint_new(&clk, HARTS, timebase, msip, mtip, stip);
    cr_assert_not_null(clint);
    device_reset(clint);
}

static void usual(void)
{
    set_up(100000000, 10000000);
}

static void tear_down(void)
{
    device_free(clint);
}

TestSuite(clint, .init = usual, .fini = tear_down);

Test(clint, msip_drives_one_hart)
{
    put32(clint, 4, 1);
    cr_expect(!soft[0].level && soft[1].level && !soft[2].level);
    cr_expect_eq(get32(clint, 4), 1);
    put32(clint, 4, 0xfffffffe); /* only bit 0 exists */
    cr_expect(!soft[1].level);
    cr_expect_eq(get32(clint, 4), 0);
}

Test(clint, msip_of_two_harts_in_one_access)
{
    put(clint, 0, 8, UINT64_C(1) << 32 | 1);
    cr_expect(soft[0].level && soft[1].level);
    cr_expect_eq(get(clint, 0, 8), UINT64_C(1) << 32 | 1);
    put(clint, 8, 8, UINT64_MAX); /* hart 2, and a hart that is not there */
    cr_expect_eq(get(clint, 8, 8), 1);
    cr_expect(soft[2].level && !soft[3].level);
}

Test(clint, registers_of_missing_harts_read_zero)
{
    put(clint, MTIMECMP(HARTS), 8, 0);
    put32(clint, 4 * HARTS, 1);
    put(clint, 0xbff0, 8, 0);
    cr_expect_eq(get(clint, MTIMECMP(HARTS), 8), 0);
    cr_expect_eq(get32(clint, 4 * HARTS), 0);
    cr_expect_eq(get(clint, 0x3ff8, 8), 0);
    cr_expect_eq(get(clint, 0xc000, 8), 0);
    for (unsigned hart = 0; hart < CLINT_MAX_HARTS; hart++)
        cr_expect(!soft[hart].level && !timer[hart].level);
}

Test(clint, odd_accesses_are_dropped)
{
    put(clint, MTIMECMP(0), 8, 77);
    put(clint, MTIMECMP(0), 1, 1);
    put(clint, MTIMECMP(0) + 2, 4, 1);
    put(clint, MTIMECMP(0) + 4, 8, 1);
    cr_expect_eq(get(clint, MTIMECMP(0), 8), 77);
    cr_expect_eq(get(clint, MTIMECMP(0), 2), 0);
    cr_expect_eq(get(clint, MTIMECMP(0) + 1, 4), 0);
}

Test(clint, mtime_follows_the_clock_and_halves_agree)
{
    clk.now = UINT64_C(10) * 0x123456789;
    cr_expect_eq(get(clint, MTIME, 8), 0x123456789);
    cr_expect_eq(get32(clint, MTIME), 0x23456789);
    cr_expect_eq(get32(clint, MTIME + 4), 1);
    cr_expect_eq(clint_time(clint), 0x123456789);
}

Test(clint, comparator_is_all_ones_at_reset)
{
    cr_expect_eq(get(clint, MTIMECMP(1), 8), UINT64_MAX);
    cr_expect_eq(clint_stimecmp(clint, 1), UINT64_MAX);
    cr_expect_eq(clock_next(&clk), UINT64_MAX);
}

Test(clint, comparator_written_in_halves)
{
    put32(clint, MTIMECMP(2) + 4, 0);
    put32(clint, MTIMECMP(2), 50);
    cr_expect_eq(get(clint, MTIMECMP(2), 8), 50);
    cr_expect_eq(get32(clint, MTIMECMP(2)), 50);
    cr_expect_eq(clock_next(&clk), 500);
}

Test(clint, raising_the_comparator_lowers_the_line)
{
    clk.now = 1000;
    put(clint, MTIMECMP(0), 8, 100);
    cr_expect(timer[0].level, "mtime equals mtimecmp");
    put(clint, MTIMECMP(0), 8, 101);
    cr_expect(!timer[0].level);
    run_to(&clk, 1009);
    cr_expect(!timer[0].level);
    run_to(&clk, 1010);
    cr_expect(timer[0].level);
}

Test(clint, harts_have_timers_of_their_own)
{
    put(clint, MTIMECMP(0), 8, 10);
    put(clint, MTIMECMP(2), 8, 20);
    run_to(&clk, 150);
    cr_expect(timer[0].level && !timer[1].level && !timer[2].level);
    run_to(&clk, 200);
    cr_expect(timer[2].level && !timer[1].level);
    cr_expect(!super[0].level && !super[2].level);
}

Test(clint, writing_mtime_moves_every_timer)
{
    put(clint, MTIMECMP(0), 8, 1000);
    clint_set_stimecmp(clint, 1, 2000);
    clk.now = 500;
    put(clint, MTIME, 8, 990);
    cr_expect_eq(get(clint, MTIME, 8), 990);
    cr_expect_eq(clock_next(&clk), 600);
    put32(clint, MTIME, 2000);
    cr_expect(timer[0].level && super[1].level);
    put32(clint, MTIME, 1999);
    cr_expect(timer[0].level && !super[1].level);
}

Test(clint, mtime_wraps)
{
    put(clint, MTIMECMP(0), 8, 5);
    put(clint, MTIME, 8, UINT64_MAX - 1);
    cr_expect(timer[0].level);
    run_to(&clk, 19);
    cr_expect(timer[0].level);
    run_to(&clk, 20);
    cr_expect(!timer[0].level, "mtime is 0 again");
    run_to(&clk, 69);
    cr_expect(!timer[0].level);
    run_to(&clk, 70);
    cr_expect(timer[0].level);
}

Test(clint, comparator_zero_is_always_due)
{
    put(clint, MTIMECMP(0), 8, 0);
    cr_expect(timer[0].level);
    cr_expect_eq(clock_next(&clk), UINT64_MAX);
}

Test(clint, supervisor_timer)
{
    clint_set_stimecmp(clint, 1, 30);
    cr_expect_eq(clint_stimecmp(clint, 1), 30);
    run_to(&clk, 299);
    cr_expect(!super[1].level);
    run_to(&clk, 300);
    cr_expect(super[1].level && !timer[1].level && !super[0].level);
    clint_set_stimecmp(clint, 1, UINT64_MAX);
    cr_expect(!super[1].level);
}

Test(clint, reset_starts_mtime_at_zero)
{
    clk.now = 12345;
    put32(clint, 0, 1);
    put(clint, MTIMECMP(0), 8, 1);
    cr_expect(soft[0].level && timer[0].level);
    device_reset(clint);
    cr_expect(!soft[0].level && !timer[0].level);
    cr_expect_eq(get(clint, MTIME, 8), 0);
    clk.now += 10;
    cr_expect_eq(get(clint, MTIME, 8), 1);
}

Test(clint, restored_state_drives_lines_and_events)
{
    put32(clint, 8, 1);
    put(clint, MTIMECMP(1), 8, 7);
    clint_set_stimecmp(clint, 0, 9);
    void *state = save(clint);
    device_reset(clint);
    cr_assert(!soft[2].level && clock_next(&clk) == UINT64_MAX);
    restore(clint, state);
    cr_expect(soft[2].level);
    run_to(&clk, 70);
    cr_expect(timer[1].level && !super[0].level);
    run_to(&clk, 90);
    cr_expect(super[0].level);
}

Test(clint_new, rejects_what_it_cannot_be)
{
    clock_init(&clk, 1);
    struct irq_line lines[CLINT_MAX_HARTS + 1] = {{0}};
    cr_expect_null(clint_new(&clk, 0, 1, lines, lines, lines));
    cr_expect_null(clint_new(&clk, CLINT_MAX_HARTS + 1, 1, lines, lines, lines));
    cr_expect_null(clint_new(&clk, 1, 0, lines, lines, lines));
    struct device *device = clint_new(&clk, CLINT_MAX_HARTS, 1, lines, lines, NULL);
    cr_assert_not_null(device);
    device_reset(device);
    clint_set_stimecmp(device, CLINT_MAX_HARTS - 1, 0);
    device_free(device);
}

struct rates {
    uint64_t rate, timebase, compare;
};

ParameterizedTestParameters(clint_new, line_rises_at_the_first_tick)
{
    static struct rates rates[] = {
        {100000000, 10000000, 1},
        {100000000, 10000000, 12345},
        {1000000, 10000000, 15},
        {3000000, 10000000, 7},
        {7000000, 3000000, 1000003},
        {1000000000, 32768, 3},
        {1, 1000000000, 2000000001},
        {10000000, 10000000, 42},
        {100000000, 10000000, UINT64_MAX / 11},
    };
    return cr_make_param_array(struct rates, rates, sizeof rates / sizeof *rates);
}

ParameterizedTest(struct rates *p, clint_new, line_rises_at_the_first_tick)
{
    set_up(p->rate, p->timebase);
    put(clint, MTIMECMP(1), 8, p->compare);
    uint64_t due = clock_next(&clk);
    cr_assert(due > 0 && due < UINT64_MAX);
    run_to(&clk, due - 1);
    cr_expect_lt(get(clint, MTIME, 8), p->compare);
    cr_expect(!timer[1].level);
    run_to(&clk, due);
    cr_expect_geq(get(clint, MTIME, 8), p->compare);
    cr_expect(timer[1].level);
    tear_down();
}

Test(clint_new, comparator_beyond_the_end_of_time_sets_no_event)
{
    set_up(100000000, 10000000);
    put(clint, MTIMECMP(0), 8, UINT64_MAX / 2);
    cr_expect_eq(clock_next(&clk), UINT64_MAX);
    tear_down();
}
