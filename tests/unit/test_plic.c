/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "devices/plic.h"
#include "tests/unit/devices.h"

#define PRIORITY(source)   (4 * (source))
#define PENDING(word)      (0x1000 + 4 * (word))
#define ENABLE(ctx, word)  (0x2000 + 0x80 * (ctx) + 4 * (word))
#define THRESHOLD(context) (0x200000 + 0x1000 * (context))
#define CLAIM(context)     (0x200004 + 0x1000 * (context))

#define SOURCES  95
#define CONTEXTS 4

static struct wire out[PLIC_MAX_CONTEXTS];
static struct device *plic;

static void set_up(void)
{
    struct irq_line lines[CONTEXTS];
    for (unsigned i = 0; i < CONTEXTS; i++)
        lines[i] = wire_line(out, i);
    plic = plic_new(SOURCES, CONTEXTS, lines);
    cr_assert_not_null(plic);
    device_reset(plic);
}

static void tear_down(void)
{
    device_free(plic);
}

TestSuite(plic, .init = set_up, .fini = tear_down);

static void input(unsigned source, bool level)
{
    struct irq_line line = plic_input(plic, source);
    irq_line_set(&line, level);
}

static void enable(unsigned context, unsigned source, unsigned priority)
{
    uint32_t bits = get32(plic, ENABLE(context, source / 32));
    put32(plic, ENABLE(context, source / 32), bits | UINT32_C(1) << source % 32);
    put32(plic, PRIORITY(source), priority);
}

static bool pending(unsigned source)
{
    return get32(plic, PENDING(source / 32)) >> source % 32 & 1;
}

Test(plic, nothing_happens_until_enabled)
{
    input(10, true);
    cr_expect(pending(10));
    cr_expect(!out[0].level);
    cr_expect_eq(get32(plic, CLAIM(0)), 0);
    put32(plic, ENABLE(0, 0), 1 << 10);
    cr_expect(!out[0].level, "priority 0 never interrupts");
    cr_expect_eq(get32(plic, CLAIM(0)), 0);
    put32(plic, PRIORITY(10), 1);
    cr_expect(out[0].level && !out[1].level);
}

Test(plic, claim_and_complete)
{
    enable(1, 10, 1);
    input(10, true);
    cr_expect(out[1].level);
    cr_expect_eq(get32(plic, CLAIM(1)), 10);
    cr_expect(!out[1].level && !pending(10));
    cr_expect_eq(get32(plic, CLAIM(1)), 0);
    input(10, false);
    put32(plic, CLAIM(1), 10);
    cr_expect(!out[1].level && !pending(10));
    input(10, true);
    cr_expect(out[1].level);
}

Test(plic, a_level_that_stays_high_is_pending_again_at_completion)
{
    enable(0, 3, 1);
    input(3, true);
    cr_expect_eq(get32(plic, CLAIM(0)), 3);
    input(3, true);
    cr_expect(!pending(3), "the gateway is closed until completion");
    put32(plic, CLAIM(0), 3);
    cr_expect(pending(3) && out[0].level);
    cr_expect_eq(out[0].rises, 2);
}

Test(plic, a_pulse_while_claimed_is_not_kept)
{
    enable(0, 3, 1);
    input(3, true);
    get32(plic, CLAIM(0));
    input(3, false);
    input(3, true);
    input(3, false);
    put32(plic, CLAIM(0), 3);
    cr_expect(!pending(3));
}

Test(plic, a_forwarded_request_outlives_its_level)
{
    enable(0, 3, 1);
    input(3, true);
    input(3, false);
    cr_expect(pending(3) && out[0].level);
    cr_expect_eq(get32(plic, CLAIM(0)), 3);
}

Test(plic, highest_priority_then_lowest_number)
{
    enable(0, 5, 3);
    enable(0, 40, 7);
    enable(0, 41, 7);
    enable(0, 2, 3);
    enable(0, 95, 1);
    for (unsigned source = 1; source <= SOURCES; source++)
        input(source, true);
    static const uint32_t order[] = {40, 41, 2, 5, 95, 0};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        cr_expect_eq(get32(plic, CLAIM(0)), order[i]);
}

Test(plic, the_first_context_to_claim_wins)
{
    enable(1, 8, 1);
    enable(3, 8, 1);
    input(8, true);
    cr_expect(out[1].level && out[3].level && !out[0].level && !out[2].level);
    cr_expect_eq(get32(plic, CLAIM(3)), 8);
    cr_expect(!out[1].level && !out[3].level);
    cr_expect_eq(get32(plic, CLAIM(1)), 0);
}

Test(plic, completion_needs_the_source_enabled)
{
    enable(0, 8, 1);
    input(8, true);
    get32(plic, CLAIM(0));
    put32(plic, CLAIM(1), 8);
    cr_expect(!pending(8));
    put32(plic, CLAIM(0), 0);
    put32(plic, CLAIM(0), 96);
    put32(plic, CLAIM(0), 0xffffffff);
    put32(plic, ENABLE(0, 0), 0);
    put32(plic, CLAIM(0), 8);
    cr_expect(!pending(8));
    put32(plic, ENABLE(0, 0), 1 << 8);
    put32(plic, CLAIM(0), 8);
    cr_expect(pending(8));
}

Test(plic, claim_ignores_the_threshold)
{
    enable(0, 8, 2);
    put32(plic, THRESHOLD(0), 7);
    input(8, true);
    cr_expect(!out[0].level);
    cr_expect_eq(get32(plic, CLAIM(0)), 8);
}

Test(plic, disabling_or_demoting_lowers_the_line)
{
    enable(0, 8, 2);
    input(8, true);
    cr_expect(out[0].level);
    put32(plic, PRIORITY(8), 0);
    cr_expect(!out[0].level);
    put32(plic, PRIORITY(8), 2);
    cr_expect(out[0].level);
    put32(plic, ENABLE(0, 0), 0);
    cr_expect(!out[0].level);
}

Test(plic, registers_hold_only_bits_that_exist)
{
    put32(plic, PRIORITY(0), 7);
    put32(plic, PRIORITY(1), 0xffffffff);
    put32(plic, PRIORITY(SOURCES + 1), 7);
    put32(plic, THRESHOLD(0), 0xffffffff);
    put32(plic, PENDING(0), 0xffffffff);
    cr_expect_eq(get32(plic, PRIORITY(0)), 0);
    cr_expect_eq(get32(plic, PRIORITY(1)), 7);
    cr_expect_eq(get32(plic, PRIORITY(SOURCES + 1)), 0);
    cr_expect_eq(get32(plic, THRESHOLD(0)), 7);
    cr_expect_eq(get32(plic, PENDING(0)), 0);
    for (unsigned word = 0; word < 32; word++)
        put32(plic, ENABLE(0, word), 0xffffffff);
    cr_expect_eq(get32(plic, ENABLE(0, 0)), 0xfffffffe);
    cr_expect_eq(get32(plic, ENABLE(0, 1)), 0xffffffff);
    cr_expect_eq(get32(plic, ENABLE(0, 2)), 0xffffffff);
    cr_expect_eq(get32(plic, ENABLE(0, 3)), 0);
    cr_expect_eq(get32(plic, ENABLE(1, 0)), 0);
}

Test(plic, the_whole_window_may_be_touched)
{
    for (uint64_t offset = 0; offset < 0x600000; offset += 4) {
        put32(plic, offset, 0xffffffff);
        get32(plic, offset);
    }
    cr_expect_eq(get32(plic, THRESHOLD(CONTEXTS)), 0);
    cr_expect_eq(get32(plic, ENABLE(CONTEXTS, 0)), 0);
}

Test(plic, other_widths_are_dropped)
{
    put(plic, PRIORITY(1), 8, 5);
    put(plic, PRIORITY(1), 1, 5);
    put(plic, PRIORITY(1) + 2, 4, 5);
    cr_expect_eq(get32(plic, PRIORITY(1)), 0);
    enable(0, 1, 1);
    input(1, true);
    cr_expect_eq(get(plic, CLAIM(0), 8), 0);
    cr_expect_eq(get(plic, CLAIM(0), 1), 0);
    cr_expect(pending(1));
}

Test(plic, inputs_out_of_range_are_not_connected)
{
    input(0, true);
    input(SOURCES + 1, true);
    cr_expect_eq(get32(plic, PENDING(0)), 0);
    cr_expect_eq(get32(plic, PENDING(3)), 0);
}

Test(plic, reset_and_restore)
{
    enable(0, 8, 2);
    input(8, true);
    void *state = save(plic);
    device_reset(plic);
    cr_expect(!out[0].level && !pending(8));
    cr_expect_eq(get32(plic, PRIORITY(8)), 0);
    restore(plic, state);
    cr_expect(out[0].level);
    cr_expect_eq(get32(plic, CLAIM(0)), 8);
}

Test(plic_new, rejects_what_it_cannot_be)
{
    cr_expect_null(plic_new(0, 0, NULL));
    cr_expect_null(plic_new(PLIC_MAX_SOURCES + 1, 0, NULL));
    cr_expect_null(plic_new(1, PLIC_MAX_CONTEXTS + 1, NULL));
}

ParameterizedTestParameters(plic_new, threshold_is_strict)
{
    static unsigned thresholds[] = {0, 1, 2, 3, 4, 5, 6, 7};
    return cr_make_param_array(unsigned, thresholds, 8);
}

ParameterizedTest(unsigned *threshold, plic_new, threshold_is_strict)
{
    set_up();
    put32(plic, THRESHOLD(2), *threshold);
    put32(plic, ENABLE(2, 1), 1);
    input(32, true);
    for (unsigned priority = 0; priority <= 7; priority++) {
        put32(plic, PRIORITY(32), priority);
        cr_expect_eq(out[2].level, priority > *threshold, "priority %u", priority);
    }
    tear_down();
}
