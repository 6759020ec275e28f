/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Power cuts, exactly where they were asked for, in a guest that counts in non-volatile memory
 * (tests/guests/arm/store.c): each kind of schedule, torn stores, how later lives begin. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/harness.h"

#define DONE  "store: 200 steps\n"
#define CLEAR 4 /* non-volatile stores of a first boot */
#define STEP  3 /* and of each step */

/* The guest with these members of section `power` besides; %s: its cuts. */
static const char *store_config(struct place *place, const char *power)
{
    return place_write(place, "store.json",
                       "{\"machine\": {\"board\": \"mps2-an386\"}, \"load\": [{\"kernel\": "
                       "\"build/guests/arm/store.elf\"}], \"power\": {%s}, \"expect\": "
                       "{\"console\": \"200 steps\", \"exit\": 0}}",
                       power);
}

#define NVM "\"nvm\": {\"ranges\": [{\"section\": \".nvm\"}]}"
#define LATER \
    "\"later_lives\": {\"zero\": [\".bss\"], \"reload\": [\".data\"], \"entry\": \"resume\"}"

struct result {
    struct place place;
    struct run run;
    cJSON *report;
};

static const cJSON *lives_of(const struct result *result)
{
    const cJSON *power = cJSON_GetObjectItem(result->report, "power");
    const cJSON *lives = cJSON_GetObjectItem(power, "list");
    cr_assert(cJSON_IsArray(lives));
    return lives;
}

static void start(struct result *result, const char *power, const char *set)
{
    char dir[120];
    place_make(&result->place);
    snprintf(dir, sizeof dir, "%s/report", result->place.dir);
    RUN(&result->run, "run", store_config(&result->place, power), "-q", "--report", dir,
        "--summary", place_file(&result->place, "summary"), "--set", set);
    result->report = NULL;
    if (result->run.code <= 1)
        result->report = read_json(place_file(&result->place, "report/report.json"));
}

static void run_cuts(struct result *result, const char *cuts, const char *set)
{
    char power[8192];
    snprintf(power, sizeof power, NVM ", " LATER ", \"cuts\": [%s]", cuts);
    start(result, power, set);
}

static void end(struct result *result)
{
    cJSON_Delete(result->report);
    run_free(&result->run);
    place_remove(&result->place);
}

static void expect_done(const struct result *result, const char *what)
{
    cr_expect_eq(result->run.code, 0, "%s: %d\n%s", what, result->run.code, result->run.err);
    cr_expect_str_eq(result->run.out, DONE, "%s", what);
}

/* ---- Each kind of schedule ----------------------------------------------------------------- */

struct schedule {
    char cuts[160];
    char key[16];      /* what the report says of each life that was cut */
    double first, min; /* of the first life; at least, of the others */
    double slack;      /* by which it may be more */
    unsigned lives;    /* 0: more than five */
};

#define NS 200 /* the longest instruction takes fewer */

ParameterizedTestParameters(system_cuts, fall_where_they_should)
{
    static struct schedule schedules[] = {
        {"{\"at\": {\"instruction\": 300}}", "instructions", 300, 0, 0, 2},
        {"{\"at\": {\"instruction\": 120}, \"each_life\": true}", "instructions", 120, 120, 0, 0},
        {"{\"at\": {\"instruction\": 99}, \"each_life\": true, \"count\": 3}", "instructions", 99,
         99, 0, 4},
        {"{\"at\": {\"instruction\": 500}}, {\"at\": {\"instruction\": 77}, \"life\": 2}",
         "instructions", 500, 77, 0, 3},
        {"{\"at\": {\"time\": \"100us\"}}", "on_ns", 100000, 0, NS, 2},
        {"{\"at\": {\"time\": \"30us\"}, \"each_life\": true}", "on_ns", 30000, 30000, NS, 0},
        {"{\"at\": {\"nvm_write\": 37}}", "nvm_writes", 37, 0, 0, 2},
        {"{\"at\": {\"nvm_write\": 41}, \"each_life\": true}", "nvm_writes", 41, 41, 0, 0},
        {"{\"at\": {\"nvm_write\": 100}, \"life\": 1}, {\"at\": {\"nvm_write\": 150}}",
         "nvm_writes", 100, 50, 0, 3},
        {"{\"at\": {\"symbol\": \"step\"}, \"life\": 1}", "nvm_writes", CLEAR, 0, 0, 2},
        {"{\"at\": {\"symbol\": \"step\", \"nth\": 10}, \"each_life\": true}", "nvm_writes",
         CLEAR + 9 * STEP, 9 * STEP, 0, 0},
        {"{\"every\": \"40us\"}", "on_ns", 40000, 40000, NS, 0},
        {"{\"every\": \"40us\"}, {\"at\": {\"nvm_write\": 20}, \"each_life\": true}", "nvm_writes",
         20, 20, 0, 0},
    };
    return cr_make_param_array(struct schedule, schedules, sizeof schedules / sizeof *schedules);
}

ParameterizedTest(struct schedule *schedule, system_cuts, fall_where_they_should)
{
    struct result result;
    unsigned count = 0;
    const cJSON *life;
    run_cuts(&result, schedule->cuts, "power.off_time=3ms");
    expect_done(&result, schedule->cuts);
    cJSON_ArrayForEach(life, lives_of(&result))
    {
        double least = count++ ? schedule->min : schedule->first;
        double value = number_at(life, schedule->key);
        const char *why = cJSON_GetObjectItem(life, "end")->valuestring;
        cr_expect_str_eq(why, life->next ? "planned" : "last");
        cr_expect_eq(number_at(life, "off_ns"), life->next ? 3e6 : 0);
        if (life->next)
            cr_expect(value >= least && value <= least + schedule->slack, "%s: life %u: %s is %.0f",
                      schedule->cuts, count, schedule->key, value);
    }
    cr_expect(schedule->lives ? count == schedule->lives : count > 5, "%s: %u lives",
              schedule->cuts, count);
    end(&result);
}

Test(system_cuts, at_a_symbol_nothing_of_it_has_run)
{
    struct result result;
    run_cuts(&result, "{\"at\": {\"symbol\": \"step\", \"nth\": 50}}", "power.seed=1");
    expect_done(&result, "step");
    const char *pc = cJSON_GetObjectItem(lives_of(&result)->child, "pc")->valuestring;
    cr_expect_eq(strncmp(pc, "step+0x0/", 9), 0, "%s", pc);
    end(&result);
}

/* And what the schedule counts begins there. */
Test(system_cuts, none_comes_before_a_certain_function)
{
    struct result result;
    const cJSON *life;
    run_cuts(&result, "{\"at\": {\"nvm_write\": 5}, \"each_life\": true}",
             "power.cuts_from=resume");
    expect_done(&result, "cuts_from");
    cr_expect(number_at(result.run.summary, "power.cuts") > 50);
    cJSON_ArrayForEach(life, lives_of(&result))
    {
        if (life->next)
            cr_expect_eq(number_at(life, "nvm_writes"), life->prev->next ? 5 : CLEAR + 5);
    }
    end(&result);
}

/* The lengths of the lives that were cut, in ns. */
static unsigned lengths(const struct result *result, double *ns, unsigned max)
{
    unsigned count = 0;
    const cJSON *life;
    cJSON_ArrayForEach(life, lives_of(result))
    {
        if (life->next && count < max)
            ns[count++] = number_at(life, "on_ns");
    }
    return count;
}

static void expect_random(const char *cuts, double min, double max)
{
    double ns[3][8];
    static const char *const seeds[] = {"power.seed=1", "power.seed=1", "power.seed=2"};
    for (unsigned i = 0; i < 3; i++) {
        struct result result;
        run_cuts(&result, cuts, seeds[i]);
        expect_done(&result, cuts);
        unsigned count = lengths(&result, ns[i], 8), different = 0;
        cr_assert(count >= 4, "%s: %u cuts", cuts, count);
        for (unsigned life = 0; life < 4; life++) {
            cr_expect(ns[i][life] >= min && ns[i][life] <= max + NS, "%s: %.0f ns", cuts,
                      ns[i][life]);
            different += ns[i][life] != ns[i][0];
        }
        cr_expect(different, "%s", cuts);
        end(&result);
    }
    cr_expect_arr_eq(ns[0], ns[1], 4 * sizeof ns[0][0], "%s: one seed", cuts);
    cr_expect_arr_neq(ns[0], ns[2], 4 * sizeof ns[0][0], "%s: two seeds", cuts);
}

Test(system_cuts, random_lives_have_their_limits_and_their_seed)
{
    expect_random("{\"random\": \"uniform\", \"min\": \"15us\", \"max\": \"60us\"}", 15000, 60000);
    expect_random("{\"random\": \"exponential\", \"mean\": \"30us\", \"min\": \"15us\", \"max\": "
                  "\"55us\"}",
                  15000, 55000);
}

struct list {
    char name[12], text[120], more[60];
    unsigned cuts;
    double on[6], off[6], start[6]; /* in us; -1: not looked at */
};

ParameterizedTestParameters(system_cuts, lists_are_followed)
{
#define ANY                    \
    {                          \
        -1, -1, -1, -1, -1, -1 \
    }
    static struct list lists[] = {
        {"a.csv",
         "on_us,off_us\n30,10\n40,20\n50.5,30\n",
         "",
         3,
         {30, 40, 50.5},
         {10, 20, 30},
         ANY},
        {"b.csv", "0.03\n0.05\n", "", 2, {30, 50}, {10000, 10000}, ANY},
        {"c.csv",
         "30\n50\n",
         ", \"unit\": \"us\", \"off_time\": \"7us\"",
         2,
         {30, 50},
         {7, 7},
         ANY},
        {"d.csv", "time_us\n30\n10100\n", "", 2, ANY, {10000, 10000}, {0, 10030}},
        {"e.json",
         "[30, 45]",
         ", \"unit\": \"us\", \"repeat\": true, \"count\": 5",
         5,
         {30, 45, 30, 45, 30},
         {10000, 10000, 10000, 10000, 10000},
         ANY},
        {"f.json",
         "[{\"on_us\": 30, \"off_us\": 1}, {\"on_us\": 60, \"off_us\": 2}]",
         "",
         2,
         {30, 60},
         {1, 2},
         ANY},
        {"g.json", "[750, 1250]", ", \"unit\": \"cycles\"", 2, {30, 50}, {10000, 10000}, ANY},
    };
    return cr_make_param_array(struct list, lists, sizeof lists / sizeof *lists);
}

static void expect_us(const cJSON *life, const char *key, double us, double slack, const char *list)
{
    double ns = number_at(life, key);
    cr_expect(us < 0 || (ns >= us * 1000 && ns <= us * 1000 + slack), "%s: %s is %.0f", list, key,
              ns);
}

ParameterizedTest(struct list *list, system_cuts, lists_are_followed)
{
    struct place place;
    struct result result;
    char cut[300];
    unsigned i = 0;
    place_make(&place);
    snprintf(cut, sizeof cut, "{\"list\": \"%s\"%s}",
             place_bytes(&place, list->name, list->text, strlen(list->text)), list->more);
    run_cuts(&result, cut, "power.seed=1");
    expect_done(&result, list->text);
    for (const cJSON *life = lives_of(&result)->child; life->next; life = life->next, i++) {
        cr_assert(i < 6);
        expect_us(life, "on_ns", list->on[i], NS, list->name);
        expect_us(life, "off_ns", list->off[i], 0, list->name);
        expect_us(life, "start_ns", list->start[i], NS, list->name);
    }
    cr_expect_eq(i, list->cuts, "%s: %u cuts", list->name, i);
    end(&result);
    place_remove(&place);
}

/* ---- After each store ---------------------------------------------------------------------- */

Test(system_cuts, after_any_store_nothing_is_lost)
{
    struct result result;
    char cuts[8192] = "";
    for (unsigned k = 1, length = 0; k <= 30; k++)
        length += (unsigned)snprintf(cuts + length, sizeof cuts - length,
                                     "%s{\"at\": {\"nvm_write\": %u}, \"life\": %u}",
                                     k > 1 ? ", " : "", k, k);
    run_cuts(&result, cuts, "power.seed=1");
    expect_done(&result, "each store once");
    cr_expect_eq(number_at(result.run.summary, "power.cuts"), 30);
    end(&result);
    for (unsigned k = 2; k <= 9; k++) {
        snprintf(cuts, sizeof cuts, "{\"at\": {\"nvm_write\": %u}, \"each_life\": true}", k);
        run_cuts(&result, cuts, "power.seed=1");
        expect_done(&result, cuts);
        end(&result);
    }
}

/* A step's first store alone is none; two more of them in each life, or the life's end, are. */
Test(system_cuts, lives_that_are_too_short_are_told)
{
    struct result result;
    run_cuts(&result, "{\"at\": {\"nvm_write\": 1}, \"each_life\": true}", "power.seed=1");
    cr_expect_eq(result.run.code, 1);
    cr_expect_str_eq(summary_text(&result.run, "end"), "no-progress");
    cr_expect(strstr(result.run.err, "no progress in 100 lives: power fails in resume (64 of the "
                                     "last 64 cuts), after 0.00"),
              "%s", result.run.err);
    end(&result);
    run_cuts(&result, "{\"at\": {\"nvm_write\": 1}, \"each_life\": true}", "power.stuck_lives=7");
    cr_expect(strstr(result.run.err, "no progress in 7 lives"), "%s", result.run.err);
    end(&result);
    run_cuts(&result, "{\"at\": {\"nvm_write\": 2}, \"each_life\": true}", "power.max_lives=50");
    cr_expect_eq(result.run.code, 1);
    cr_expect_str_eq(summary_text(&result.run, "end"), "lives");
    cr_expect_eq(number_at(result.run.summary, "power.lives"), 50);
    cr_expect(strstr(result.run.err, "did not finish in 50 lives (power.max_lives)"), "%s",
              result.run.err);
    end(&result);
    run_cuts(&result, "{\"at\": {\"nvm_write\": 2}, \"each_life\": true}",
             "power.progress=[\"run\"]");
    cr_expect_eq(result.run.code, 1, "there is progress, but none of that kind");
    cr_expect_str_eq(summary_text(&result.run, "end"), "no-progress");
    end(&result);
}

/* ---- Torn stores --------------------------------------------------------------------------- */

/* The store that turns all bits of a word over is cut short. */
#define MARK (CLEAR + 11 * STEP)

struct tearing {
    char set[120];
    unsigned atomic;
    bool prefix;
};

ParameterizedTestParameters(system_cuts, stores_are_torn_in_units)
{
    static struct tearing tearings[] = {
        {"power.nvm={\"atomic\": 1, \"torn\": \"prefix\"}", 1, true},
        {"power.nvm={\"atomic\": 1, \"torn\": \"random\"}", 1, false},
        {"power.nvm={\"atomic\": 2, \"torn\": \"prefix\"}", 2, true},
        {"power.nvm={\"atomic\": 2, \"torn\": \"random\"}", 2, false},
        {"power.nvm={\"atomic\": 4, \"torn\": \"random\"}", 4, false},
        {"power.nvm={\"atomic\": 1, \"torn\": \"none\"}", 4, false},
    };
    return cr_make_param_array(struct tearing, tearings, sizeof tearings / sizeof *tearings);
}

/* Are the word's bits those of whole units, the first of them new if it is a prefix? */
static bool is_torn_so(uint32_t word, const struct tearing *tearing)
{
    unsigned bits = 8 * tearing->atomic;
    uint32_t unit = (uint32_t)((UINT64_C(1) << bits) - 1);
    bool ended = false;
    for (unsigned at = 0; at < 32; at += bits) {
        uint32_t part = word >> at & unit;
        if (part && (part != unit || (ended && tearing->prefix)))
            return false;
        ended |= !part;
    }
    return true;
}

ParameterizedTest(struct tearing *tearing, system_cuts, stores_are_torn_in_units)
{
    unsigned torn = 0;
    for (unsigned seed = 1; seed <= 6; seed++) {
        struct result result;
        char power[500];
        snprintf(power, sizeof power,
                 "\"seed\": %u, \"nvm\": {\"ranges\": [{\"section\": \".nvm\"}]}, " LATER
                 ", \"cuts\": [{\"at\": {\"nvm_write\": %d}, \"torn\": true}]",
                 seed, MARK);
        char set[200];
        snprintf(set, sizeof set, "%.*s, \"ranges\": [{\"section\": \".nvm\"}]}",
                 (int)strlen(tearing->set) - 1, tearing->set);
        start(&result, power, set);
        cr_assert(result.report, "%s", result.run.err);
        unsigned word;
        if (sscanf(result.run.out, "store: torn 0x%x", &word) == 1) {
            torn++;
            cr_expect(is_torn_so(word, tearing), "%s: %08x", tearing->set, word);
            cr_expect_eq(result.run.code, 1);
            cr_expect_eq(number_at(result.run.summary, "power.torn"), 1);
        } else {
            expect_done(&result, tearing->set);
        }
        end(&result);
    }
    cr_expect(tearing->atomic == 4 ? torn == 0 : torn >= 2, "%s: torn %u times", tearing->set,
              torn);
}

/* ---- How lives begin ----------------------------------------------------------------------- */

struct recipe {
    char power[200], out[24], err[160]; /* what the console begins with; what is said besides */
};

ParameterizedTestParameters(system_cuts, what_later_lives_lack_is_missed)
{
#define NO_ENTRY "\"zero\": [\".bss\"], \"reload\": [\".data\"]"
    static struct recipe recipes[] = {
        {NVM, "", "no progress in 100 lives: power fails in "},
        {NVM ", \"later_lives\": {" NO_ENTRY "}", "", "no progress in 100 lives: power fails in "},
        {NVM ", \"later_lives\": {\"zero\": [\".bss\"], \"entry\": \"resume\"}", "store: .data is ",
         "the guest exited with code 1, expected 0"},
        {NVM ", \"later_lives\": {\"reload\": [\".data\"], \"entry\": \"resume\"}",
         "store: .bss is ", "the guest exited with code 1, expected 0"},
        {LATER, "store: torn 0x", "the guest exited with code 1, expected 0"},
        {NVM ", " LATER ", \"enabled\": true", DONE, ""},
        {"\"nvm\": {\"ranges\": [{\"base\": \"0x20001000\", \"size\": 16}]}, " LATER, DONE, ""},
        {"\"nvm\": {\"ranges\": [{\"symbol\": \"valid\"}, {\"symbol\": \"count\"}, {\"symbol\": "
         "\"mark\"}]}, " LATER,
         DONE, ""},
        {"\"nvm\": {\"ranges\": [{\"region\": \"ssram23\"}]}, \"later_lives\": {" NO_ENTRY
         ", \"entry\": \"resume\", \"sp\": \"stack\"}",
         DONE, ""},
        {"\"enabled\": false", DONE, ""},
    };
    return cr_make_param_array(struct recipe, recipes, sizeof recipes / sizeof *recipes);
}

ParameterizedTest(struct recipe *recipe, system_cuts, what_later_lives_lack_is_missed)
{
    struct result result;
    start(&result, recipe->power, "power.cuts=[{\"every\": \"40us\"}]");
    cr_assert(result.report, "%s: %s", recipe->power, result.run.err);
    cr_expect_eq(strncmp(result.run.out, recipe->out, strlen(recipe->out)), 0, "%s: %s",
                 recipe->power, result.run.out);
    cr_expect(strstr(result.run.err, recipe->err), "%s: %s", recipe->power, result.run.err);
    cr_expect_eq(result.run.code, recipe->err[0] ? 1 : 0, "%s", recipe->power);
    end(&result);
}

Test(system_cuts, contents_go_from_run_to_run_in_a_file)
{
    struct result first, second;
    struct place place;
    char power[400];
    place_make(&place);
    snprintf(
        power, sizeof power,
        "\"nvm\": {\"ranges\": [{\"section\": \".nvm\", \"file\": \"%s\", \"save\": true}]}, " LATER
        ", \"max_lives\": 3",
        place_file(&place, "nvm.bin"));
    start(&first, power, "power.cuts=[{\"every\": \"40us\"}]");
    cr_expect_eq(first.run.code, 1, "%s", first.run.err);
    end(&first);
    size_t size;
    uint32_t words[4];
    char *saved = read_whole(place.names[0], &size);
    cr_assert_eq(size, sizeof words);
    memcpy(words, saved, size);
    free(saved);
    /* valid, count[2], mark */
    cr_expect(words[0] <= 1 && words[1 + words[0]] > 20 && words[1 + words[0]] < 200, "%u: %u %u",
              words[0], words[1], words[2]);
    /* At once a later life: its reset code would clear what the file has. */
    start(&second, power, "power.cuts=[{\"at\": {\"instruction\": 1}}]");
    expect_done(&second, "the second run");
    cr_expect_eq(number_at(second.run.summary, "power.nvm.writes"),
                 STEP * (200 - words[1 + words[0]]));
    end(&second);
    place_remove(&place);
}

/* ---- Names that the guest does not have ---------------------------------------------------- */

Test(system_cuts, what_the_guest_does_not_have_is_named)
{
    static const struct {
        const char *set, *error;
    } wrong[] = {
        {"power.later_lives.entry=resum", "power.later_lives.entry: the kernel has no symbol "
                                          "\"resum\"; did you mean \"resume\"?"},
        {"power.later_lives.sp=stck",
         "power.later_lives.sp: the kernel has no symbol \"stck\"; did you mean \"stack\"?"},
        {"power.later_lives.zero=[\".bsss\"]",
         "power.later_lives.zero[0]: build/guests/arm/store.elf: expected a section \".bsss\", "
         "found only .text, .data, .bss, .nvm"},
        {"power.later_lives.reload=[\".data\", \".debug_info\"]",
         "power.later_lives.reload[1]: build/guests/arm/store.elf: expected a section "
         "\".debug_info\", found only .text, .data, .bss, .nvm"},
        {"power.nvm.ranges=[{\"section\": \".pmem\"}]",
         "power.nvm.ranges[0].section: build/guests/arm/store.elf: expected a section \".pmem\", "
         "found only .text, .data, .bss, .nvm"},
        {"power.nvm.ranges=[{\"symbol\": \"makr\"}]",
         "power.nvm.ranges[0].symbol: the kernel has no symbol \"makr\"; did you mean \"mark\"?"},
        {"power.nvm.ranges=[{\"section\": \".nvm\"}, {\"symbol\": \"mark\"}]",
         "power.nvm.ranges[1]: non-volatile ranges \"mark\" at 0x2000100c and \".nvm\" overlap"},
        {"power.nvm.ranges=[{\"base\": \"0x1ffff000\", \"size\": \"8K\"}]",
         "power.nvm.ranges[0]: non-volatile range \"0x1ffff000\": expected memory at all of "
         "0x1ffff000 to 0x20001000"},
        {"power.cuts=[{\"at\": {\"symbol\": \"stepp\"}}]",
         "power.cuts[0].at.symbol: the kernel has no symbol \"stepp\"; did you mean \"step\"?"},
        {"power.progress=[\"steps\"]",
         "power.progress[0]: the kernel has no symbol \"steps\"; did you mean \"step\"?"},
        {"power.cuts_from=steps",
         "power.cuts_from: the kernel has no symbol \"steps\"; did you mean \"step\"?"},
        {"power.counters={\"steps\": {\"symbol\": \"setp\"}}",
         "power.counters.steps.symbol: the kernel has no symbol \"setp\"; did you mean \"step\"?"},
        {"power.counters={\"steps\": {\"symbol\": \"step\", \"sum\": \"a0\"}}",
         "power.counters.steps.sum: expected a general register such as \"r1\", found \"a0\""},
        {"power.nvm.cache.flush=flush",
         "power.nvm.cache.flush: the kernel has no symbol \"flush\""},
        {"power.energy={\"cycle\": \"10pJ\", \"logging\": [\"log*\"]}",
         "power.energy.logging: the kernel has no function \"log*\""},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct result result;
        char expected[400];
        start(&result, NVM ", " LATER, wrong[i].set);
        snprintf(expected, sizeof expected, "iaso: %s: %s\n", result.place.names[0],
                 wrong[i].error);
        cr_expect_eq(result.run.code, 2, "%s: %d", wrong[i].set, result.run.code);
        cr_expect_str_eq(result.run.err, expected);
        cr_expect_str_eq(result.run.out, "");
        end(&result);
    }
}
