/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "power/random.h"
#include "power/schedule.h"

#define NEVER UINT64_MAX

static char path[64];

static const char *file(const char *text)
{
    strcpy(path, "/tmp/iaso-list-XXXXXX");
    int fd = mkstemp(path);
    cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    return path;
}

/* At 1 MHz, so that a cycle is a microsecond. */
static struct cut_list *load(const char *text, struct error *err)
{
    struct cut_list *list = list_load(file(text), 1000000, LIST_MS, err);
    unlink(path);
    return list;
}

static struct cut_list *expect_list(const char *text)
{
    struct error err = {""};
    struct cut_list *list = load(text, &err);
    cr_assert(list, "%s", err.text);
    return list;
}

/* The message behind the file's name. */
static void expect_refused(const char *text, const char *message)
{
    struct error err = {""};
    cr_assert_null(load(text, &err), "%s", text);
    cr_assert_eq(strncmp(err.text, path, strlen(path)), 0, "%s", err.text);
    cr_assert_str_eq(err.text + strlen(path), message);
}

Test(list, csv_and_json_say_the_same)
{
    const char *texts[] = {
        "# made by hand\non_us,off_us\n100,2000\n\n150, 2500\n",
        "on [us];off [us]\r\n100;2000\r\n150;2500",
        "off_us\ton_us\n2000\t100\n2500\t150\n",
        "\xef\xbb\xbfon_us off_us\n100 2000\n150 2500\n",
        "\"on_cycles\",\"off_cycles\"\n\"1e2\",2000\n150,2500\n",
        "[{\"on_us\": 100, \"off_us\": 2000},\n{\"off_us\": 2500, \"on_us\": 150}]",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct cut_list *list = expect_list(texts[i]);
        cr_assert_eq(list->count, 2);
        cr_assert(list->has_off && !list->absolute);
        cr_assert_eq(list->entries[0].on, 100);
        cr_assert_eq(list->entries[0].off, 2000);
        cr_assert_eq(list->entries[1].on, 150);
        cr_assert_eq(list->entries[1].off, 2500);
        list_free(list);
    }
}

Test(list, one_number_a_line_is_on_times)
{
    const char *texts[] = {"1.5\n2\n", "[1.5, 2]", " [ 1.5,\n2 ]\n"};
    for (size_t i = 0; i < 3; i++) {
        struct cut_list *list = expect_list(texts[i]);
        cr_assert_eq(list->count, 2);
        cr_assert(!list->has_off && !list->absolute);
        cr_assert_eq(list->entries[0].on, 1500);
        cr_assert_eq(list->entries[1].on, 2000);
        list_free(list);
    }
}

Test(list, bad_files_are_refused)
{
    expect_refused("# nothing\n", ": expected at least one time, found none");
    expect_refused("on_us\n", ": expected at least one time, found none");
    expect_refused("[]", ": expected at least one time, found none");
    expect_refused("on_us\n5\nnan\n", ":3: expected a number for on, found \"nan\"");
    expect_refused("5\n6\ninf\n", ":3: expected a number for on, found \"inf\"");
    expect_refused("5\n1e999\n", ":2: expected a number for on, found \"1e999\"");
    expect_refused("on_ms\n-5\n", ":2: on: expected no negative time, found -5 ms");
    expect_refused("on_us,off_us\n5,-1\n", ":2: off: expected no negative time, found -1 us");
    expect_refused("on_us\n0.2\n", ":2: on: expected at least one cycle, found 0.2");
    expect_refused("on_s\n1e300\n", ":2: on: expected less than 2^62 cycles, found 1e+306");
    expect_refused("time_us\n5\n4\n",
                   ":3: time: expected one after the one before (cycle 5), found cycle 4");
    expect_refused("time_us\n5\n5\n",
                   ":3: time: expected one after the one before (cycle 5), found cycle 5");
    expect_refused("time_us,off_us\n5,10\n14,1\n",
                   ":3: time: expected one when power is back (cycle 15), found cycle 14");
    expect_refused("on_us,off_ms\n1,1\n", ":1: expected one unit for all columns, found us and ms");
    expect_refused("on_us\n10ms\n", ":2: expected a number for on, found \"10ms\"");
    expect_refused("on_us,on_us\n", ":1: expected each column once, found another \"on\"");
    expect_refused("on_us,time_us\n", ":1: expected either on-times or times of cuts, found both");
    expect_refused("off_us\n1", ":1: expected either on-times or times of cuts, found neither");
    expect_refused("on_min\n1",
                   ":1: on: expected _cycles, _s, _ms, _us or _ns behind it, found \"min\"");
    expect_refused("up_ms\n1", ":1: expected \"on\", \"off\" or \"time\", found \"up\"");
    expect_refused("on\n1", ":1: on: expected _cycles, _s, _ms, _us or _ns behind it, found \"\"");
    expect_refused("2on\n1", ":1: expected a number for on, found \"2on\"");
    expect_refused("on_us!\n1", ":1: expected a column such as \"on_us\", found \"on_us!\"");
    expect_refused("on_us,off_us\n1\n", ":2: expected a number for off, found the end of the line");
    expect_refused("1 2\n", ":1: expected the end of the line, found \"2\"");
    expect_refused("[{\"on_us\": 1},\n{\"on_ms\": 1}]",
                   ": [1]: expected a number \"on_us\", found none");
    expect_refused("[{\"on_us\": 1}, {\"on_us\": 1, \"off_us\": 1}]",
                   ": [1]: expected the same keys as in the first, found more");
    expect_refused("[{\"time_us\": 2}, {\"time_us\": 1}]",
                   ": [1]: time: expected one after the one before (cycle 2), found cycle 1");
    expect_refused("[1, -1]", ": [1]: on: expected no negative time, found -1 ms");
    expect_refused("[1, 1e999]", ": [1]: on: expected a number of ms, found inf");
    expect_refused("[1,\nNaN]", ":2: expected a JSON array");
    expect_refused("[\"1\"]", ": [0]: expected a number or an object, found something else");
    struct error err = {""};
    cr_assert_null(list_load("/nowhere.csv", 1, LIST_MS, &err));
    cr_assert_str_eq(err.text, "/nowhere.csv: cannot open: No such file or directory");
}

/* ---- Schedules ---- */

static struct schedule *schedule;

static void setup(void)
{
    schedule = schedule_new();
}

static void teardown(void)
{
    schedule_free(schedule);
}

TestSuite(schedule, .init = setup, .fini = teardown);

static void add(struct cut_source source)
{
    struct error err = {""};
    cr_assert_eq(schedule_add(schedule, &source, &err), 0, "%s", err.text);
}

static struct cut_next begin(uint64_t insns, uint64_t tick, uint64_t writes)
{
    struct cut_counters now = {insns, tick, writes};
    struct cut_next next;
    schedule_begin_life(schedule, &now, &next);
    return next;
}

static void expect_cut(uint64_t insns, uint64_t tick, uint64_t writes, size_t source, uint64_t off)
{
    struct cut_counters now = {insns, tick, writes};
    uint64_t ticks;
    cr_assert_eq(schedule_cut(schedule, &now, &ticks), source);
    cr_assert_eq(ticks, off);
}

Test(schedule, an_empty_one_never_cuts)
{
    struct cut_next next = begin(0, 0, 0);
    cr_assert(next.insns == NEVER && next.tick == NEVER && next.nvm_write == NEVER);
    expect_cut(5, 5, 5, CUT_UNPLANNED, 0);
}

Test(schedule, nothing_is_due_before_the_first_life)
{
    add((struct cut_source){.kind = CUT_EVERY, .ticks = 100, .off = {.ticks = 7}});
    expect_cut(5, 500, 5, CUT_UNPLANNED, 0);
    cr_assert_eq(begin(5, 500, 5).tick, 600);
}

Test(schedule, points_of_the_run_come_once)
{
    add((struct cut_source){.kind = CUT_INSN, .nth = 100, .off = {.ticks = 7}});
    add((struct cut_source){.kind = CUT_TIME, .nth = 150});
    add((struct cut_source){.kind = CUT_NVM_WRITE, .nth = 30, .variant.store = NVM_STORE_TORN});
    struct cut_next next = begin(0, 0, 0);
    cr_assert(next.insns == 100 && next.tick == 150 && next.nvm_write == 30 &&
              next.variant.store == NVM_STORE_TORN);
    expect_cut(100, 110, 3, 0, 7);
    next = begin(100, 117, 3);
    cr_assert(next.insns == NEVER && next.tick == 150 && next.nvm_write == 30);
    expect_cut(120, 140, 30, 2, 0);
    add((struct cut_source){.kind = CUT_INSN, .nth = 120});
    next = begin(120, 151, 30); /* power was off at 150 */
    cr_assert(next.insns == NEVER && next.tick == NEVER && next.nvm_write == NEVER);
}

Test(schedule, points_of_lives_count_from_their_start)
{
    add((struct cut_source){.kind = CUT_INSN, .nth = 10, .life = CUT_EACH_LIFE, .count = 2});
    add((struct cut_source){.kind = CUT_NVM_WRITE, .nth = 5, .life = 3});
    cr_assert_eq(begin(0, 0, 0).insns, 10);
    expect_cut(10, 12, 1, 0, 0);
    cr_assert_eq(begin(10, 20, 1).insns, 20);
    expect_cut(20, 32, 2, 0, 0);
    struct cut_next next = begin(20, 40, 2);
    cr_assert_eq(next.insns, NEVER, "two cuts were asked for");
    cr_assert_eq(next.nvm_write, 7);
    cr_assert_eq(next.variant.store, NVM_STORE_WHOLE);
    expect_cut(50, 60, 7, 1, 0);
    cr_assert_eq(begin(50, 60, 7).nvm_write, NEVER);
}

Test(schedule, symbols_are_counted_by_run_or_life)
{
    add((struct cut_source){.kind = CUT_SYMBOL, .symbol = 4, .nth = 3});
    add((struct cut_source){.kind = CUT_SYMBOL, .symbol = 5, .nth = 2, .life = CUT_EACH_LIFE});
    begin(0, 0, 0);
    cr_assert_not(schedule_hit(schedule, 4));
    cr_assert_not(schedule_hit(schedule, 5));
    cr_assert(schedule_hit(schedule, 5));
    expect_cut(1, 1, 1, 1, 0);
    begin(1, 1, 1);
    cr_assert_not(schedule_hit(schedule, 5));
    cr_assert_not(schedule_hit(schedule, 4));
    cr_assert(schedule_hit(schedule, 4));
    expect_cut(2, 2, 2, 0, 0);
    begin(2, 2, 2);
    for (unsigned i = 0; i < 5; i++)
        cr_assert_not(schedule_hit(schedule, 4), "it was made");
    cr_assert_not(schedule_hit(schedule, 6));
}

Test(schedule, every_is_on_time_and_has_a_count)
{
    add((struct cut_source){.kind = CUT_EVERY, .ticks = 1000, .count = 3, .off = {.ticks = 50}});
    uint64_t tick = 0;
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(begin(0, tick, 0).tick, tick + 1000);
        tick += 1000;
        expect_cut(0, tick, 0, 0, 50);
        tick += 50;
    }
    cr_assert_eq(begin(0, tick, 0).tick, NEVER);
}

Test(schedule, random_lives_keep_their_limits_mean_and_seed)
{
    add((struct cut_source){.kind = CUT_EXPONENTIAL, .ticks = 1000, .seed = 3});
    double sum = 0;
    unsigned over = 0;
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t ticks = begin(0, 0, 0).tick;
        cr_assert_geq(ticks, 1);
        sum += (double)ticks;
        over += ticks > 2000;
    }
    cr_assert_float_eq(sum / 20000, 1000, 25);
    cr_assert_float_eq(over / 20000.0, exp(-2), 0.01);
    teardown();

    setup();
    add((struct cut_source){.kind = CUT_UNIFORM, .min = 10, .max = 12, .seed = 3});
    unsigned seen[3] = {0};
    uint64_t first[8];
    for (unsigned i = 0; i < 300; i++) {
        uint64_t ticks = begin(0, 0, 0).tick;
        cr_assert(ticks >= 10 && ticks <= 12);
        seen[ticks - 10]++;
        if (i < 8)
            first[i] = ticks;
    }
    cr_assert(seen[0] > 60 && seen[1] > 60 && seen[2] > 60);
    teardown();

    setup();
    add((struct cut_source){.kind = CUT_UNIFORM, .min = 10, .max = 12, .seed = 3});
    for (unsigned i = 0; i < 8; i++)
        cr_assert_eq(begin(0, 0, 0).tick, first[i]);
    teardown();

    setup();
    add((struct cut_source){
        .kind = CUT_EXPONENTIAL, .ticks = 1000, .min = 900, .max = 1100, .seed = 3});
    for (unsigned i = 0; i < 300; i++) {
        uint64_t ticks = begin(0, 0, 0).tick;
        cr_assert(ticks >= 900 && ticks <= 1100);
    }
}

Test(schedule, lists_give_on_and_off_times)
{
    add((struct cut_source){.kind = CUT_LIST,
                            .list = expect_list("on_us,off_us\n10,100\n20,200\n"),
                            .off = {.ticks = 5}});
    cr_assert_eq(begin(0, 0, 0).tick, 10);
    expect_cut(0, 10, 0, 0, 100);
    cr_assert_eq(begin(0, 110, 0).tick, 130);
    expect_cut(0, 131, 0, 0, 200);
    cr_assert_eq(begin(0, 331, 0).tick, NEVER);
    teardown();

    setup();
    add((struct cut_source){
        .kind = CUT_LIST, .list = expect_list("on_us\n10\n20\n"), .repeat = true, .off.ticks = 5});
    begin(0, 0, 0);
    begin(0, 0, 0);
    cr_assert_eq(begin(0, 50, 0).tick, 60);
    expect_cut(0, 60, 0, 0, 5);
    teardown();

    setup();
    add((struct cut_source){.kind = CUT_LIST, .list = expect_list("time_us\n10\n20\n30\n")});
    cr_assert_eq(begin(0, 0, 0).tick, 10);
    expect_cut(0, 10, 0, 0, 0);
    cr_assert_eq(begin(0, 20, 0).tick, 30);
}

Test(schedule, the_first_that_is_due_ends_the_life)
{
    add((struct cut_source){.kind = CUT_EVERY, .ticks = 100, .off.ticks = 1});
    add((struct cut_source){.kind = CUT_TIME, .nth = 40, .off.ticks = 2});
    cr_assert_eq(begin(0, 0, 0).tick, 40);
    expect_cut(0, 40, 0, 1, 2);
    cr_assert_eq(begin(0, 42, 0).tick, 142);
    expect_cut(0, 90, 0, CUT_UNPLANNED, 0);
    cr_assert_eq(begin(0, 90, 0).tick, 190);
}

static void refuse(struct cut_source source, const char *message)
{
    struct error err = {""};
    cr_assert_eq(schedule_add(schedule, &source, &err), -1);
    cr_assert_str_eq(err.text, message);
}

Test(schedule, the_impossible_is_refused)
{
    refuse((struct cut_source){.kind = CUT_INSN}, "expected 1 or more, found 0");
    refuse((struct cut_source){.kind = CUT_EVERY}, "every: expected a time above 0, found 0");
    refuse((struct cut_source){.kind = CUT_EXPONENTIAL},
           "exponential: expected a mean above 0, found 0");
    refuse((struct cut_source){.kind = CUT_UNIFORM, .min = 5, .max = 3},
           "uniform: expected min <= max, found 5 and 3");
    refuse((struct cut_source){.kind = CUT_LIST}, "list: expected at least one time, found none");
    refuse((struct cut_source){.kind = CUT_EVERY,
                               .ticks = 1,
                               .off = {.kind = CUT_OFF_UNIFORM, .min = 2, .max = 1}},
           "off: expected min <= max, found 2 and 1");
    struct cut_list *list = expect_list("time_us\n10\n");
    refuse((struct cut_source){.kind = CUT_LIST, .list = list, .repeat = true},
           "list: expected on-times to repeat, found times of the run");
    list_free(list);
}

Test(schedule, randomness_is_splitmix)
{
    /* The reference implementation's first values for seed 1234567. */
    struct random random = {1234567};
    cr_assert_eq(random_next(&random), UINT64_C(6457827717110365317));
    cr_assert_eq(random_next(&random), UINT64_C(3203168211198807973));
    for (unsigned i = 0; i < 1000; i++)
        cr_assert_lt(random_below(&random, 7), 7);
}

Test(schedule, cuts_of_a_life_can_be_moved)
{
    const struct nvm_variant torn = {.store = NVM_STORE_UNITS, .units = 5}, whole = {0};
    add((struct cut_source){.kind = CUT_NVM_WRITE, .nth = NEVER, .life = 1, .off = {.ticks = 7}});
    add((struct cut_source){.kind = CUT_NVM_WRITE, .nth = NEVER, .life = 2});
    struct cut_counters start = {.nvm_writes = 100};
    struct cut_next next = begin(0, 0, 100);
    cr_assert_eq(next.nvm_write, NEVER);
    schedule_move(schedule, 1, 9, &whole, &start, &next);
    cr_assert_eq(next.nvm_write, NEVER, "it is of another life");
    schedule_move(schedule, 0, 20, &torn, &start, &next);
    cr_assert_eq(next.nvm_write, 120);
    cr_assert(next.variant.store == NVM_STORE_UNITS && next.variant.units == 5);
    schedule_move(schedule, 0, 30, &whole, &start, &next);
    cr_assert_eq(next.nvm_write, 130);
    cr_assert_eq(next.variant.store, NVM_STORE_WHOLE);
    expect_cut(50, 60, 130, 0, 7);
    next = begin(50, 67, 130);
    cr_assert_eq(next.nvm_write, 139);
    start.nvm_writes = 130;
    schedule_move(schedule, 1, NEVER, &whole, &start, &next);
    cr_assert_eq(next.nvm_write, NEVER);
    schedule_move(schedule, 0, 1, &whole, &start, &next);
    cr_assert_eq(next.nvm_write, NEVER, "its life is over");
}
