/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Power failures in whole: the persistent RTOS and its applications get the results that a program
 * of the host computes, whatever happens to their power, and bugs planted in it are found. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/harness.h"

#define KV "configs/hypnos-kv.json"

static const char *const apps[] = {"bc", "dnn", "ar",   "kv",    "sense", "em",
                                   "mq", "etl", "pred", "stats", "train"};

/* "kv: checksum 0x...\n" */
static void ask_twin(struct run *twin, const char *app)
{
    RUN_COMMAND(twin, "build/guests/hypnos/twin", app);
    cr_assert_eq(twin->code, 0, "%s: %s", app, twin->err);
    cr_assert(strstr(twin->out, ": checksum 0x"), "%s: \"%s\"", app, twin->out);
}

/* Runs the application's config with these cuts. */
static void run_app(struct run *run, struct place *place, const char *app, const char *cuts,
                    const char *set)
{
    char config[60], all[300];
    snprintf(config, sizeof config, "configs/hypnos-%s.json", app);
    snprintf(all, sizeof all, "power.cuts=[%s]", cuts);
    RUN(run, "run", config, "-q", "--set", all, "--set", set, "--summary",
        place_file(place, "summary"));
}

/* ---- Right results ------------------------------------------------------------------------- */

struct lasting {
    char app[8], cut[40];
    double ns; /* of a life; 0: there are no cuts */
};

ParameterizedTestParameters(system_power, applications_get_the_twins_results)
{
    static const struct lasting kinds[] = {{"", "", 0},
                                           {"", "{\"every\": \"200us\"}", 2e5},
                                           {"", "{\"every\": \"500us\"}", 5e5},
                                           {"", "{\"every\": \"1ms\"}", 1e6},
                                           {"", "{\"every\": \"10ms\"}", 1e7}};
    enum {
        KINDS = sizeof kinds / sizeof *kinds,
        APPS = sizeof apps / sizeof *apps
    };
    static struct lasting all[APPS * KINDS];
    for (size_t i = 0; i < APPS * KINDS; i++) {
        all[i] = kinds[i % KINDS];
        strcpy(all[i].app, apps[i / KINDS]);
    }
    return cr_make_param_array(struct lasting, all, APPS * KINDS);
}

ParameterizedTest(struct lasting *lasting, system_power, applications_get_the_twins_results)
{
    struct place place;
    struct run run, twin;
    place_make(&place);
    ask_twin(&twin, lasting->app);
    run_app(&run, &place, lasting->app, lasting->cut, "power.seed=1");
    cr_expect_eq(run.code, 0, "%s, %s: %s", lasting->app, lasting->cut, run.err);
    cr_expect(strstr(run.out, twin.out), "%s, %s: %snot %s", lasting->app, lasting->cut, run.out,
              twin.out);
    double cuts = number_at(run.summary, "power.cuts"),
           on = number_at(run.summary, "power.on_time_ns");
    cr_expect_eq(number_at(run.summary, "power.lives"), cuts + 1);
    cr_expect(lasting->ns > 0 ? cuts >= floor(on / (lasting->ns + 2000)) : cuts == 0,
              "%s, %s: %.0f cuts in %.0f ns", lasting->app, lasting->cut, cuts, on);
    run_free(&run);
    run_free(&twin);
    place_remove(&place);
}

struct writes {
    char app[8];
    unsigned nth;
};

ParameterizedTestParameters(system_power, no_store_is_the_wrong_one_to_die_after)
{
    static struct writes all[] = {{"kv", 151}, {"kv", 173}, {"kv", 307}, {"mq", 151},
                                  {"mq", 211}, {"em", 151}, {"em", 223}, {"train", 307}};
    return cr_make_param_array(struct writes, all, sizeof all / sizeof *all);
}

ParameterizedTest(struct writes *writes, system_power, no_store_is_the_wrong_one_to_die_after)
{
    struct place place;
    struct run run;
    char cut[80];
    place_make(&place);
    snprintf(cut, sizeof cut, "{\"at\": {\"nvm_write\": %u}, \"each_life\": true}", writes->nth);
    run_app(&run, &place, writes->app, cut, "power.seed=1");
    cr_expect_eq(run.code, 0, "%s, %u: %s", writes->app, writes->nth, run.err);
    cr_expect(number_at(run.summary, "power.cuts") > 30);
    run_free(&run);
    place_remove(&place);
}

Test(system_power, every_optimisation_can_be_left_out)
{
    static const char *const options[] = {"nv_for=off", "list=undo", "war=off", "lazy=off",
                                          "rr=off"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        struct place place;
        struct run run;
        char set[60];
        place_make(&place);
        snprintf(set, sizeof set, "bootargs=hypnos app=kv %s", options[i]);
        run_app(&run, &place, "kv", "{\"every\": \"1ms\"}", set);
        cr_expect_eq(run.code, 0, "%s: %s", options[i], run.err);
        cr_expect(number_at(run.summary, "power.cuts") > 5);
        run_free(&run);
        place_remove(&place);
    }
}

struct twice {
    char config[40], set[80];
};

/* How often the engine forgets translations of addresses depends on the host's clock. */
static cJSON *without_tlb(const char *path)
{
    cJSON *summary = read_json(path), *hart;
    cJSON_ArrayForEach(hart, cJSON_GetObjectItem(summary, "harts"))
    {
        cJSON_DeleteItemFromObject(hart, "tlb_fills");
        cJSON_DeleteItemFromObject(hart, "tlb_flushes");
    }
    return summary;
}

/* A seed of its own gives another run; the same one gives the same, down to the last number. */
Test(system_power, runs_repeat)
{
    static const struct twice runs[] = {
        {"configs/persistent-rtos.json", "power.seed=5"},
        {"configs/hypnos-trace.json", "power.seed=5"},
        {"configs/hypnos-broken.json", "power.nvm.torn=random"},
    };
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        cJSON *summaries[3];
        for (unsigned k = 0; k < 3; k++) {
            struct place place;
            struct run run;
            place_make(&place);
            const char *summary = place_file(&place, "summary");
            RUN(&run, "run", runs[i].config, "-q", "--set", runs[i].set, "--set",
                k < 2 ? "power.off_time=2ms" : "power.seed=6", "--summary", summary);
            summaries[k] = without_tlb(summary);
            run_free(&run);
            place_remove(&place);
        }
        cr_expect(cJSON_Compare(summaries[0], summaries[1], true), "%s", runs[i].config);
        cr_expect_not(cJSON_Compare(summaries[0], summaries[2], true), "%s", runs[i].config);
        for (unsigned k = 0; k < 3; k++)
            cJSON_Delete(summaries[k]);
    }
}

Test(system_power, the_persistent_rtos_survives_hundreds_of_cuts)
{
    struct place place;
    struct run run;
    place_make(&place);
    RUN(&run, "run", "configs/persistent-rtos.json", "-q", "--summary",
        place_file(&place, "summary"));
    cr_expect_eq(run.code, 0, "%s", run.err);
    cr_expect(number_at(run.summary, "power.cuts") >= 200);
    run_free(&run);
    place_remove(&place);
}

/* ---- The books ----------------------------------------------------------------------------- */

static double sum_of(const cJSON *array, const char *path)
{
    double sum = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, array)
    {
        sum += number_at(item, path);
    }
    return sum;
}

static void expect_near(double a, double b, double slack, const char *what)
{
    cr_expect(fabs(a - b) <= slack, "%s: %.9g and %.9g", what, a, b);
}

static void expect_energy(const cJSON *power)
{
    static const char *const causes[] = {"useful", "logging", "recovery", "lost", "sleep"};
    static const char *const kinds[] = {"active", "fetch", "read", "write", "sleep"};
    const cJSON *energy = cJSON_GetObjectItem(power, "energy_nj");
    const cJSON *regions = cJSON_GetObjectItem(energy, "regions");
    double total = number_at(energy, "total"), by_cause = 0, by_kind = 0;
    for (size_t i = 0; i < 5; i++) {
        char path[40];
        snprintf(path, sizeof path, "by_kind.%s", kinds[i]);
        by_kind += number_at(energy, path);
        by_cause += number_at(energy, causes[i]);
        cr_expect(i == 4 || number_at(energy, causes[i]) > 0, "%s", causes[i]);
    }
    expect_near(by_cause, total, total * 1e-9, "energy by cause");
    expect_near(by_kind, total, total * 1e-9, "energy by kind");
    expect_near(sum_of(cJSON_GetObjectItem(power, "list"), "nj"), total, total * 1e-9,
                "energy by life");
    expect_near(sum_of(regions, "reads.nj"), number_at(energy, "by_kind.read"), total * 1e-9,
                "energy of reads by region");
    expect_near(sum_of(regions, "writes.nj"), number_at(energy, "by_kind.write"), total * 1e-9,
                "energy of writes by region");
    expect_near(sum_of(cJSON_GetObjectItem(energy, "functions"), "nj"),
                total - number_at(energy, "by_kind.sleep"), total * 1e-9, "energy by function");
}

Test(system_power, the_books_balance)
{
    static const char *const configs[] = {KV, "configs/hypnos-sense.json",
                                          "configs/hypnos-trace.json"};
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
        struct place place;
        struct run run;
        place_make(&place);
        char dir[120];
        snprintf(dir, sizeof dir, "%s/report", place.dir);
        RUN(&run, "run", configs[i], "-q", "--report", dir, "--summary",
            place_file(&place, "summary"));
        cr_assert_eq(run.code, 0, "%s", run.err);
        cJSON *report = read_json(place_file(&place, "report/report.json"));
        const cJSON *power = cJSON_GetObjectItem(report, "power");
        const cJSON *lives = cJSON_GetObjectItem(power, "list");
        const cJSON *functions =
            cJSON_GetObjectItem(cJSON_GetObjectItem(power, "energy_nj"), "functions");
        double count = number_at(power, "lives"), insns = summary_number(&run, "instructions");
        cr_expect_eq(cJSON_GetArraySize(lives), (int)count);
        cr_expect(count > 5, "%s: %.0f lives", configs[i], count);
        expect_near(sum_of(lives, "instructions"), insns, 0, "instructions by life");
        expect_near(sum_of(functions, "instructions"), insns, 0, "instructions by function");
        expect_near(sum_of(lives, "nvm_writes"), number_at(power, "nvm.writes"), 0,
                    "stores by life");
        expect_near(sum_of(lives, "progress"), number_at(power, "progress"), 0, "progress by life");
        expect_near(sum_of(lives, "on_ns"), number_at(power, "on_time_ns"), count, "time on");
        expect_near(sum_of(lives, "off_ns") + number_at(lives->child, "start_ns"),
                    number_at(power, "off_time_ns"), count, "time off, the first charge included");
        double lost = number_at(power, "lost_instructions");
        cr_expect(lost > 0 && lost < insns / 2, "%.0f of %.0f were lost", lost, insns);
        double at = number_at(lives->child, "start_ns");
        for (const cJSON *life = lives->child; life; life = life->next) {
            expect_near(number_at(life, "start_ns"), at, count, "a life's start");
            at += number_at(life, "on_ns") + number_at(life, "off_ns");
        }
        expect_near(at, summary_number(&run, "virtual_time_ns"), count, "time");
        expect_energy(power);
        cJSON_Delete(report);
        run_free(&run);
        place_remove(&place);
    }
}

/* ---- What must be found -------------------------------------------------------------------- */

struct bug {
    char set[100];
    bool named; /* by the guest: it runs to an end, and looks for what was lost */
};

ParameterizedTestParameters(system_power, a_bug_shows_under_cuts_only)
{
    static struct bug bugs[] = {
        {"bootargs=hypnos app=kv break=log", true},
        {"bootargs=hypnos app=kv break=fence", true},
        {"power.nvm.cache={\"lines\": 16, \"ways\": 2}", false},
        {"power.nvm.cache={\"lines\": 16, \"ways\": 2, \"dirty\": \"random\"}", false},
    };
    return cr_make_param_array(struct bug, bugs, sizeof bugs / sizeof *bugs);
}

ParameterizedTest(struct bug *bug, system_power, a_bug_shows_under_cuts_only)
{
    static const unsigned nths[] = {149, 151, 157, 173};
    unsigned found = 0;
    struct place place;
    struct run run;
    place_make(&place);
    run_app(&run, &place, "kv", "", bug->set);
    cr_expect_eq(run.code, 0, "%s, uncut: %s", bug->set, run.err);
    run_free(&run);
    place_remove(&place);
    for (size_t i = 0; i < sizeof nths / sizeof *nths; i++) {
        char cuts[100];
        snprintf(cuts, sizeof cuts,
                 "power.cuts=[{\"at\": {\"nvm_write\": %u}, \"each_life\": true}]", nths[i]);
        RUN(&run, "run", KV, "-q", "--set", bug->set, "--max-insns", "3M", "--set", cuts);
        cr_expect(run.code == 0 || run.code == 1, "%s: %d", bug->set, run.code);
        found += run.code == 1;
        if (run.code == 1 && bug->named)
            cr_expect(!strncmp(run.out, "kv: lost: ", 10) ||
                          !strncmp(run.out, "hypnos: panic: ", 15) ||
                          strstr(run.err, "no progress in "),
                      "%s: %s%s", bug->set, run.out, run.err);
        run_free(&run);
    }
    cr_expect(found >= 2, "%s: found %u times", bug->set, found);
}

/* The guest assumes that words are written as a whole. */
Test(system_power, what_the_guest_assumes_of_its_memory_counts)
{
    static const struct {
        const char *nvm;
        bool harmless;
    } kinds[] = {
        {"power.nvm={\"atomic\": 4, \"torn\": \"random\"}", true},
        {"power.nvm={\"atomic\": 1, \"torn\": \"random\"}", false},
        {"power.nvm={\"atomic\": 2, \"torn\": \"random\"}", false},
        {"power.nvm={\"cache\": {\"lines\": 16, \"ways\": 2, \"dirty\": \"kept\"}}", true},
        {"power.nvm={\"cache\": {\"lines\": 16, \"ways\": 2, \"dirty\": \"lost\"}}", false},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        unsigned failed = 0;
        for (unsigned nth = 173; nth <= 193; nth += 10) {
            struct run run;
            char cuts[120];
            snprintf(cuts, sizeof cuts,
                     "power.cuts=[{\"at\": {\"nvm_write\": %u}, \"each_life\": true, \"torn\": "
                     "true}]",
                     nth);
            RUN(&run, "run", KV, "-q", "--set", kinds[i].nvm, "--set",
                "power.nvm.ranges=[{\"section\": \".nvm\"}]", "--set", cuts, "--max-insns", "3M");
            failed += run.code != 0;
            cr_expect(run.code == 0 || run.code == 1, "%s: %d", kinds[i].nvm, run.code);
            run_free(&run);
        }
        cr_expect(kinds[i].harmless ? failed == 0 : failed > 0, "%s: %u of 3 runs failed",
                  kinds[i].nvm, failed);
    }
}

Test(system_power, the_planted_bug_is_named)
{
    struct run run;
    RUN(&run, "run", "configs/hypnos-broken.json", "-q");
    cr_expect_eq(run.code, 1, "%s", run.err);
    cr_expect(strstr(run.out, "kv: lost: money (expected 24000, found "), "%s", run.out);
    run_free(&run);
}

/* ---- Supplies ------------------------------------------------------------------------------ */

Test(system_power, a_brown_out_is_at_the_threshold)
{
    struct place place;
    struct run run;
    char dir[120];
    place_make(&place);
    snprintf(dir, sizeof dir, "%s/report", place.dir);
    RUN(&run, "run", KV, "-q", "--report", dir, "--set", "power.cuts=[]", "--set",
        "power.supply={\"capacitor\": \"1uF\", \"on\": \"2.8V\", \"off\": \"1.8V\", \"harvest\": "
        "\"100uW\"}");
    cr_assert_eq(run.code, 0, "%s", run.err);
    cJSON *report = read_json(place_file(&place, "report/report.json"));
    const cJSON *power = cJSON_GetObjectItem(report, "power");
    const cJSON *life = cJSON_GetObjectItem(power, "list")->child;
    cr_expect_eq(number_at(power, "planned"), 0);
    cr_expect(number_at(power, "brown_outs") >= 4);
    /* 2.8 V in 1 uF by 100 uW: 39.2 ms. */
    expect_near(number_at(life, "start_ns"), 39.2e6, 1e4, "the first start");
    for (; life->next; life = life->next) {
        cr_expect_str_eq(cJSON_GetObjectItem(life, "end")->valuestring, "brown-out");
        expect_near(number_at(life, "volts_from"), 2.8, 0.001, "volts at the start");
        expect_near(number_at(life, "volts_to"), 1.8, 0.002, "volts at the end");
        /* 2.3 uJ were in it, and 100 uW came. */
        double nj = 2300 + number_at(life, "on_ns") * 1e-4;
        expect_near(number_at(life, "nj"), nj, nj * 0.003, "energy");
        /* Back in 23 ms. */
        expect_near(number_at(life, "off_ns"), 23e6, 0.1e6, "time off");
    }
    cJSON_Delete(report);
    run_free(&run);
    place_remove(&place);
}

struct verdict {
    char config[40], set[140], end[16], error[120];
};

ParameterizedTestParameters(system_power, what_cannot_work_is_told)
{
    static struct verdict verdicts[] = {
        {KV,
         "power.supply={\"capacitor\": \"10uF\", \"on\": \"2.8V\", \"off\": \"1.8V\", \"harvest\": "
         "\"1uW\", \"leakage\": \"1uA\"}",
         "unpowered", "the supply can never reach 2.8 V: stalls at 1 V\n"},
        {KV,
         "power.supply={\"capacitor\": \"10mF\", \"on\": \"2.8V\", \"off\": \"1.8V\", \"harvest\": "
         "\"100uW\", \"patience\": \"10s\"}",
         "unpowered", "the supply did not reach 2.8 V in 10 s: at 0.4472 V\n"},
        {KV,
         "power.supply={\"preset\": \"fused\", \"trace\": \"configs/traces/rf.txt\", \"scale\": 1, "
         "\"leakage\": \"10mA\"}",
         "unpowered", "the supply can never reach 3.5 V: stalls at "},
        {KV,
         "power.supply={\"capacitor\": \"10nF\", \"on\": \"2.8V\", \"off\": \"1.8V\", \"harvest\": "
         "\"100uW\"}",
         "no-progress", "no progress in 100 lives: power fails in hypnos_boot (64 of the last 64 "},
        {"configs/hypnos-hog.json", "power.seed=1", "no-progress",
         "no progress in 100 lives: power fails in hog_main ("},
        {KV, "bootargs=hypnos app=hog", "no-progress",
         "no progress in 100 lives: power fails in hog_main (64 of the last 64 cuts), after 1 ms "},
    };
    return cr_make_param_array(struct verdict, verdicts, sizeof verdicts / sizeof *verdicts);
}

ParameterizedTest(struct verdict *verdict, system_power, what_cannot_work_is_told)
{
    struct place place;
    struct run run;
    char expected[200];
    place_make(&place);
    snprintf(expected, sizeof expected, "iaso: %s: %s", verdict->config, verdict->error);
    bool supply = strstr(verdict->set, "power.supply");
    RUN(&run, "run", verdict->config, "-q", "--set", verdict->set, "--set",
        supply ? "power.cuts=[]" : "power.off_time=1ms", "--summary",
        place_file(&place, "summary"));
    cr_expect_eq(run.code, 1, "%s: %d\n%s", verdict->set, run.code, run.err);
    cr_expect_str_eq(summary_text(&run, "end"), verdict->end);
    cr_expect_eq(strncmp(run.err, expected, strlen(expected)), 0, "%s\nnot %s", run.err, expected);
    run_free(&run);
    place_remove(&place);
}

/* Cuts at one symbol do not count for each other. */
Test(system_power, cuts_at_one_symbol)
{
    static const char *const cuts[] = {
        "power.cuts=[{\"at\": {\"symbol\": \"hypnos_tx_commit\", \"nth\": 10}}]",
        "power.cuts=[{\"at\": {\"symbol\": \"hypnos_tx_commit\", \"nth\": 10}},"
        " {\"at\": {\"symbol\": \"hypnos_tx_commit\", \"nth\": \"1M\"}}]"};
    double insns[2];
    for (size_t i = 0; i < 2; i++) {
        struct place place;
        struct run run;
        place_make(&place);
        RUN(&run, "run", KV, "-q", "--set", cuts[i], "--summary", place_file(&place, "summary"));
        cr_assert_eq(run.code, 0, "%s", run.err);
        cr_expect_eq(number_at(run.summary, "power.cuts"), 1);
        insns[i] = summary_number(&run, "instructions");
        run_free(&run);
        place_remove(&place);
    }
    cr_expect_eq(insns[0], insns[1]);
}
