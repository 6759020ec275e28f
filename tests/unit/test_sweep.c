/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "sim/campaign/sweep_path.h"
#include "sim/campaign/sweep_states.h"

static void expect_path(const char *text, const char *key)
{
    struct sweep_path path, again;
    char found[SWEEP_PATH_SIZE];
    cr_assert(sweep_path_parse(&path, text), "%s", text);
    sweep_path_format(&path, found);
    cr_assert_str_eq(found, text);
    sweep_path_key(&path, found);
    cr_assert_str_eq(found, key);
    cr_assert(sweep_path_parse(&again, found));
    sweep_path_format(&again, found);
    cr_assert_str_eq(found, text);
}

Test(sweep, paths_have_names)
{
    expect_path("77", "000000000077");
    expect_path("77.5", "000000000077.000000000005");
    expect_path("77t2.5t255.1", "000000000077t2.000000000005t255.000000000001");
    expect_path("1l.2k.3r16777215", "000000000001l.000000000002k.000000000003r16777215");
    struct sweep_path path;
    cr_assert(sweep_path_parse(&path, "7t3.9r5"));
    cr_assert_eq(path.count, 2);
    cr_assert_eq(path.cuts[0].write, 7);
    cr_assert_eq(path.cuts[0].variant.store, NVM_STORE_UNITS);
    cr_assert_eq(path.cuts[0].variant.units, 3);
    cr_assert_eq(path.cuts[1].variant.lines, NVM_LINES_RANDOM);
    cr_assert_eq(path.cuts[1].variant.seed, 5);
}

Test(sweep, what_is_no_path_is_refused)
{
    static const char *const wrong[] = {"",    ".",   "0",    "-1",      "77.",      ".5", "77x",
                                        "77t", "7 7", "77lk", "1.2.3.4", "1.2.3.4.", "r"};
    struct sweep_path path;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect_not(sweep_path_parse(&path, wrong[i]), "%s", wrong[i]);
}

Test(sweep, keys_sort_as_paths_do)
{
    static const char *const texts[] = {"2", "2.1", "2.10", "2t1", "10", "10.2", "100"};
    char before[SWEEP_PATH_SIZE] = "";
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct sweep_path path;
        char key[SWEEP_PATH_SIZE];
        cr_assert(sweep_path_parse(&path, texts[i]));
        sweep_path_key(&path, key);
        cr_expect(strcmp(before, key) < 0, "%s, %s", before, key);
        strcpy(before, key);
    }
}

Test(sweep, states_are_kept_once)
{
    struct sweep_states states = {0};
    cr_assert_not(sweep_states_has(&states, (struct nvm_hash){1, 2}));
    for (uint64_t round = 0; round < 2; round++)
        for (uint64_t i = 1; i <= 5000; i++)
            cr_assert_eq(sweep_states_add(&states, (struct nvm_hash){i % 64, i}), round == 0);
    cr_assert_eq(states.count, 5000);
    cr_assert(sweep_states_has(&states, (struct nvm_hash){0, 64}));
    cr_assert_not(sweep_states_has(&states, (struct nvm_hash){0, 65}));
    sweep_states_free(&states);
}
