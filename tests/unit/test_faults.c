/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "sim/faults.h"
#include "sim/campaign/faults_plan.h"
#include "sim/campaign/outcome.h"

#define ALL_KINDS 63u

static const struct campaign_policy policy = {.kinds = ALL_KINDS, .seed = 1};
static const uint64_t places[] = {0x1000, 0x1002, 0x1006, 0x2000, 0x2004};
#define PLACES (sizeof places / sizeof *places)

/* Is a count what a share of 1 in `of` gives in `all`, within 5 standard deviations? */
static void expect_share(uint64_t count, uint64_t all, double of, const char *what, unsigned which)
{
    double mean = (double)all / of, spread = 25 * mean * (1 - 1 / of);
    double off = (double)count - mean;
    cr_expect(off * off < spread, "%s %u: %lu of %lu, expected about %g", what, which, count, all,
              mean);
}

Test(faults, draws_are_uniform)
{
    enum {
        DRAWS = 20000
    };
    uint64_t kinds[8] = {0}, at[PLACES] = {0}, registers[32] = {0}, bits[64] = {0};
    for (uint64_t i = 0; i < DRAWS; i++) {
        struct fault fault;
        fault_draw(&fault, &policy, i, places, PLACES);
        cr_assert_eq(fault.index, i);
        kinds[fault.kind]++;
        registers[fault.reg]++;
        bits[fault.bit]++;
        for (size_t place = 0; place < PLACES; place++)
            at[place] += places[place] == fault.address;
    }
    for (unsigned i = INJECT_NULL; i <= INJECT_HANG; i++)
        expect_share(kinds[i], DRAWS, 6, "kind", i);
    for (unsigned i = 0; i < PLACES; i++)
        expect_share(at[i], DRAWS, PLACES, "place", i);
    for (unsigned i = 1; i < 32; i++)
        expect_share(registers[i], DRAWS, 31, "register", i);
    for (unsigned i = 0; i < 64; i++)
        expect_share(bits[i], DRAWS, 64, "bit", i);
    cr_expect_eq(kinds[INJECT_NONE], 0);
    cr_expect_eq(registers[0], 0);
}

Test(faults, draws_follow_from_the_seed)
{
    struct campaign_policy other = policy;
    unsigned same = 0;
    other.seed = 2;
    for (uint64_t i = 0; i < 100; i++) {
        struct fault a, b, c;
        fault_draw(&a, &policy, i, places, PLACES);
        fault_draw(&b, &policy, i, places, PLACES);
        fault_draw(&c, &other, i, places, PLACES);
        cr_expect_eq(memcmp(&a, &b, sizeof a), 0);
        same += a.kind == c.kind && a.address == c.address && a.reg == c.reg;
    }
    cr_expect_lt(same, 10);
}

Test(faults, only_the_kinds_that_are_wanted)
{
    struct campaign_policy two = policy;
    two.kinds = 1u << (INJECT_WILD - 1) | 1u << (INJECT_BUG - 1);
    for (uint64_t i = 0; i < 200; i++) {
        struct fault fault;
        fault_draw(&fault, &two, i, places, PLACES);
        cr_expect(fault.kind == INJECT_WILD || fault.kind == INJECT_BUG);
    }
}

/* Of ten times at which it might strike, each is as likely as any. */
Test(faults, times_are_uniform)
{
    enum {
        DRAWS = 5000,
        HITS = 10
    };
    uint64_t taken[HITS + 1] = {0};
    for (uint64_t i = 0; i < DRAWS; i++) {
        struct fault fault;
        uint64_t last = 0;
        fault_draw(&fault, &policy, i, places, PLACES);
        for (uint64_t hits = 1; hits <= HITS; hits++)
            if (fault_takes(&fault, hits))
                last = hits;
        taken[last]++;
    }
    cr_expect_eq(taken[0], 0);
    for (unsigned i = 1; i <= HITS; i++)
        expect_share(taken[i], DRAWS, HITS, "time", i);
}

Test(faults, wild_stores_go_near_a_pointer)
{
    const uint64_t pointers[] = {0xffff000000001003, 0xffff000000002ff8};
    unsigned near[2] = {0};
    for (uint64_t i = 0; i < 500; i++) {
        struct fault fault;
        fault_draw(&fault, &policy, i, places, PLACES);
        fault_aim(&fault, pointers, 2);
        cr_expect_eq(fault.target & 7, 0);
        unsigned which = fault.target >> 12 == pointers[1] >> 12;
        uint64_t page = pointers[which] & ~UINT64_C(0xfff);
        cr_expect_eq(fault.target & ~UINT64_C(0xfff), page);
        near[which]++;
    }
    expect_share(near[0], 500, 2, "pointer", 0);
}

Test(faults, options_say_it_all)
{
    char text[200];
    struct fault fault = {.kind = INJECT_NULL, .address = 0x1234, .nth = 7};
    fault_options(&fault, NULL, text, sizeof text);
    cr_expect_str_eq(text, "--at 0x1234 --nth 7 --kind null");
    fault.kind = INJECT_FLIP;
    fault.reg = 4;
    fault.bit = 63;
    fault_options(&fault, NULL, text, sizeof text);
    cr_expect_str_eq(text, "--at 0x1234 --nth 7 --kind flip --register tp --bit 63");
    fault.kind = INJECT_WILD;
    fault.target = 0xffff000000001008;
    fault.value = UINT64_MAX;
    fault_options(&fault, NULL, text, sizeof text);
    cr_expect_str_eq(text, "--at 0x1234 --nth 7 --kind wild --address 0xffff000000001008 --value "
                           "0xffffffffffffffff");
}

/* ---- The plan's text ---- */

static struct fault_plan make_plan(void)
{
    struct fault_plan plan = {.from = 1, .until = 2, .end = UINT64_MAX, .stuck = 4, .places = 5};
    plan.faults = calloc(2, sizeof *plan.faults);
    plan.options = calloc(2, sizeof *plan.options);
    for (size_t i = 0; i < 2; i++) {
        fault_draw(&plan.faults[i], &policy, i, places, PLACES);
        plan.faults[i].nth = i + 1;
        plan.faults[i].position = UINT64_MAX - i;
        plan.faults[i].request = REQUEST_INTERRUPT;
        plan.options[i] = strdup("--at \"x\"");
    }
    plan.count = 2;
    return plan;
}

Test(faults, a_plan_survives_its_text)
{
    struct fault_plan plan = make_plan(), again;
    char *text = fault_plan_print(&plan);
    struct error err = {""};
    cr_assert_eq(fault_plan_parse(&again, text, &err), 0, "%s", err.text);
    cr_expect_eq(again.end, UINT64_MAX);
    cr_expect_eq(again.places, 5);
    cr_assert_eq(again.count, 2);
    for (size_t i = 0; i < 2; i++) {
        cr_expect_eq(memcmp(&again.faults[i], &plan.faults[i], sizeof plan.faults[i]), 0);
        cr_expect_str_eq(again.options[i], plan.options[i]);
    }
    free(text);
    fault_plan_free(&plan);
    fault_plan_free(&again);
}

Test(faults, damaged_plans)
{
    static const char *const texts[] = {
        "",
        "{}",
        "[1]",
        "{\"from\":\"0x1\"}",
        "{\"from\":\"0x1\",\"until\":\"0x1\",\"end\":\"0x1\",\"stuck\":\"0x1\",\"places\":\"0x1\","
        "\"faults\":[{\"kind\":\"nothing\"}]}",
        "{\"from\":\"0x1\",\"until\":\"0x1\",\"end\":\"0x1\",\"stuck\":\"0x1\",\"places\":\"many\","
        "\"faults\":[]}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct fault_plan plan;
        struct error err = {""};
        cr_expect_eq(fault_plan_parse(&plan, texts[i], &err), -1, "%s", texts[i]);
        cr_expect(strstr(err.text, "damaged"), "%s", err.text);
        cr_expect_null(plan.faults);
    }
}

/* ---- Outcomes ---- */

Test(outcome, table)
{
    static const struct {
        struct outcome_facts facts;
        enum outcome outcome;
    } rows[] = {
        {{0}, OUTCOME_MASKED},
        {{.said_failed = true}, OUTCOME_FAILED},
        {{.refused = 1}, OUTCOME_FAILED},
        {{.said_failed = true, .said_wrong = true}, OUTCOME_CORRUPT},
        {{.said_wrong = true}, OUTCOME_CORRUPT},
        {{.said_wrong = true, .refused = 1}, OUTCOME_FAILED},
        {{.failures = 1}, OUTCOME_RECOVERED},
        {{.failures = 1, .said_failed = true, .said_wrong = true}, OUTCOME_RECOVERED},
        {{.failures = 1, .innocents = 1}, OUTCOME_COLLATERAL},
        {{.failures = 2}, OUTCOME_COLLATERAL},
        {{.failures = 1, .refused = 1}, OUTCOME_COLLATERAL},
        {{.failures = 1, .check_failed = true}, OUTCOME_CORRUPT},
        {{.check_failed = true}, OUTCOME_CORRUPT},
        {{.over_budget = true, .failures = 1}, OUTCOME_HANG},
        {{.over_budget = true, .check_failed = true}, OUTCOME_HANG},
        {{.dead = true, .over_budget = true, .failures = 1}, OUTCOME_DEAD},
        {{.dead = true}, OUTCOME_DEAD},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_eq(outcome_of(&rows[i].facts), rows[i].outcome, "row %zu: %s", i,
                     outcome_name(outcome_of(&rows[i].facts)));
}

Test(outcome, names)
{
    unsigned survivals = 0;
    for (int i = 0; i < OUTCOMES; i++) {
        cr_expect_eq(outcome_named(outcome_name((enum outcome)i)), i);
        survivals += outcome_is_survival((enum outcome)i);
    }
    cr_expect_eq(outcome_named("lost"), -1);
    cr_expect_eq(survivals, 4);
}

/* Newcombe, Two-sided confidence intervals for the single proportion (1998), table I. */
Test(outcome, wilson)
{
    static const struct {
        uint64_t part, all;
        double low, high;
    } rows[] = {
        {81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611},
        {1, 29, 0.0061, 0.1718},   {29, 29, 0.8830, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct interval interval = wilson(rows[i].part, rows[i].all);
        cr_expect_float_eq(interval.low, rows[i].low, 0.00006, "%zu: %f", i, interval.low);
        cr_expect_float_eq(interval.high, rows[i].high, 0.00006, "%zu: %f", i, interval.high);
    }
}
