/* SPDX-License-Identifier: GPL-2.0-or-later */
/* iaso sweep: does a branch equal a run that is cut so, is what is broken found and told, are
 * results the same however they were come by? */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/lives.h"
#include "sim/summary.h"
#include "sim/campaign/sweep_explore.h"
#include "tests/system/harness.h"

#define KV     "configs/hypnos-kv.json"
#define BROKEN "configs/hypnos-broken.json"

/* ---- Branches ------------------------------------------------------------------------------ */

struct outcome {
    uint64_t insns, tick, writes;
    char memory[65], console[65];
    bool failed;
};

static void take(struct outcome *outcome, const struct machine *machine)
{
    struct summary summary;
    summary_make(&summary, machine, "");
    *outcome = (struct outcome){
        machine_insns(machine), machine->clock.now, nvm_writes(lives_nvm(machine->lives)), "", "",
        summary.failure != NULL};
    strcpy(outcome->memory, summary.memory_sha256);
    strcpy(outcome->console, summary.console_sha256);
}

static void put_cut(const struct sweep_cut *cut, unsigned life, char *text, size_t size)
{
    static const char *const lines[] = {"", "lost", "kept", "random"};
    const struct nvm_variant *variant = &cut->variant;
    size_t at = strlen(text);
    at += (size_t)snprintf(text + at, size - at, "%s{\"at\": {\"nvm_write\": %llu}, \"life\": %u",
                           life > 1 ? ", " : "", (unsigned long long)cut->write, life);
    if (variant->store == NVM_STORE_UNITS)
        at += (size_t)snprintf(text + at, size - at, ", \"torn\": true, \"units\": %u",
                               variant->units);
    if (variant->lines)
        at += (size_t)snprintf(text + at, size - at, ", \"dirty\": \"%s\"", lines[variant->lines]);
    if (variant->lines == NVM_LINES_RANDOM)
        at += (size_t)snprintf(text + at, size - at, ", \"dirty_seed\": %llu",
                               (unsigned long long)variant->seed);
    snprintf(text + at, size - at, "}");
}

/* The run that is cut so from the start, in a machine of its own. */
static void run_cut(struct outcome *outcome, const struct sweep_path *path, const char *more)
{
    char cuts[600] = "power.cuts=[";
    const char *set[] = {cuts, more};
    struct config config;
    struct error err = {""};
    for (unsigned i = 0; i < path->count; i++)
        put_cut(&path->cuts[i], i + 1, cuts, sizeof cuts - 1);
    strcat(cuts, "]");
    cr_assert_not(config_load(&config, KV, set, *more ? 2 : 1, &err), "%s", err.text);
    config.run.max_insns = 4000000;
    struct machine *machine = machine_new(&config, &err);
    cr_assert(machine, "%s", err.text);
    struct console *console = console_new(CONSOLE_NONE, NULL, &machine->clock, NULL, 0, &err);
    cr_assert_not(console_watch(console, config.expect.console));
    machine_attach(machine, console);
    cr_assert_not(machine_start(machine, &err));
    machine_go(machine, UINT64_MAX, NULL, NULL, &err);
    take(outcome, machine);
    machine_free(machine);
    console_free(console);
    config_free(&config);
}

static void expect_branch(struct sweep_run *run, const struct sweep_path *path, const char *more)
{
    struct sweep_verdict verdict;
    struct outcome branch, alone;
    struct error err = {""};
    char name[SWEEP_PATH_SIZE];
    sweep_path_format(path, name);
    cr_assert_not(sweep_run_seek(run, path, sweep_run_before(run, path->cuts[0].write), &err));
    cr_assert_not(sweep_run_finish(run, &verdict, &err), "%s: %s", name, err.text);
    if (run->machine->end == END_LIMIT)
        return; /* it goes on for ever, and the other one is stopped elsewhere */
    take(&branch, run->machine);
    run_cut(&alone, path, more);
    cr_expect_eq(branch.insns, alone.insns, "%s: %s", name, more);
    cr_expect_eq(branch.tick, alone.tick, "%s: %s", name, more);
    cr_expect_eq(branch.writes, alone.writes, "%s: %s", name, more);
    cr_expect_str_eq(branch.memory, alone.memory, "%s: %s", name, more);
    cr_expect_str_eq(branch.console, alone.console, "%s: %s", name, more);
    cr_expect_eq(branch.failed, alone.failed, "%s: %s", name, more);
    cr_expect_eq(verdict.failed, alone.failed, "%s: %s", name, more);
}

struct medium {
    char set[160];
};

ParameterizedTestParameters(system_sweep, branches_equal_runs)
{
    static struct medium media[] = {
        {""},
        {"power.nvm={\"atomic\": 1, \"torn\": \"random\"}"},
        {"power.nvm.cache={\"lines\": 64, \"ways\": 4, \"line\": 32, \"dirty\": \"kept\"}"},
        {"power.nvm.cache={\"lines\": 16, \"ways\": 2, \"line\": 32, \"dirty\": \"random\"}"},
    };
    return cr_make_param_array(struct medium, media, sizeof media / sizeof *media);
}

ParameterizedTest(struct medium *medium, system_sweep, branches_equal_runs)
{
    const char *set[] = {"sweep.sample=12", "sweep.seed=3", medium->set};
    struct config config;
    struct error err = {""};
    cr_assert_not(config_load(&config, KV, set, medium->set[0] ? 3 : 2, &err), "%s", err.text);
    struct sweep_run *run = sweep_run_new(&config, &err);
    cr_assert(run, "%s", err.text);
    cr_assert_eq(sweep_run_golden(run, &err), 0, "%s", err.text);
    cr_assert(run->points.count >= 10);
    for (size_t i = 0; i < run->points.count; i += 1 + run->points.count / 12) {
        struct sweep_path path = {.cuts = {run->points.all[i].cut}, .count = 1};
        expect_branch(run, &path, medium->set);
        path.cuts[1] = run->points.all[i].cut; /* of the same kind, soon after the reset */
        path.cuts[1].write = 1 + i * 37 % 100;
        path.count = 2;
        expect_branch(run, &path, medium->set);
    }
    sweep_run_free(run);
    config_free(&config);
}

/* ---- The command --------------------------------------------------------------------------- */

static void sweep(struct run *run, struct place *place, const char *config, const char *name,
                  const char *more[])
{
    char db[40], summary[40];
    const char *arguments[30] = {"sweep", config, "-q", "--db", NULL, "--summary", NULL};
    snprintf(db, sizeof db, "%s.db", name);
    snprintf(summary, sizeof summary, "%s.json", name);
    arguments[4] = place_file(place, db);
    arguments[6] = place_file(place, summary);
    for (size_t i = 0; more[i]; i++)
        arguments[7 + i] = more[i];
    run_program(run, NULL, arguments);
}

#define SWEEP(run, place, config, name, ...) \
    sweep(run, place, config, name, (const char *[]){__VA_ARGS__, NULL})

static const cJSON *part(const struct run *run)
{
    const cJSON *sweep_part = cJSON_GetObjectItemCaseSensitive(run->summary, "sweep");
    cr_assert(sweep_part, "%s", run->err);
    return sweep_part;
}

static void expect_equal(const struct run *a, const struct run *b, const char *what)
{
    char *left = cJSON_Print(part(a)), *right = cJSON_Print(part(b));
    cr_expect_str_eq(left, right, "%s", what);
    free(left);
    free(right);
}

Test(system_sweep, nothing_is_lost_in_hypnos)
{
    struct place place;
    struct run run;
    place_make(&place);
    SWEEP(&run, &place, KV, "kv", "--sample", "40", "--depth", "3");
    cr_assert_eq(run.code, 0, "%s", run.err);
    cr_expect_eq(number_at(part(&run), "points"), 40);
    double states = number_at(part(&run), "distinct_states");
    cr_expect(states > 20 && states <= 40, "%g", states);
    cr_expect_eq(number_at(part(&run), "boots"), states);
    cr_expect(number_at(part(&run), "recovered_states") <= states);
    cr_expect_eq(number_at(part(&run), "failures"), 0);
    cr_expect_eq(number_at(part(&run), "lost"), 0);
    const cJSON *depths = cJSON_GetObjectItemCaseSensitive(part(&run), "runs_by_depth");
    double one = cJSON_GetArrayItem(depths, 0)->valuedouble,
           two = cJSON_GetArrayItem(depths, 1)->valuedouble,
           three = cJSON_GetArrayItem(depths, 2)->valuedouble;
    cr_expect_eq(one, number_at(part(&run), "recovered_states"));
    cr_expect(two > one && two <= 2 * one, "%g, %g", one, two);
    cr_expect(three > two && three <= 2 * two, "%g, %g", two, three);
    cr_expect_eq(number_at(part(&run), "runs"), one + two + three);
    run_free(&run);
    place_remove(&place);
}

/* The reproducer fails with the same verdict and the same last words. */
static void expect_reproduced(const cJSON *finding, const char *directory)
{
    struct run run;
    struct place place;
    char config[300];
    const cJSON *about = cJSON_GetObjectItemCaseSensitive(finding, "about");
    const char *name =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(finding, "reproducer"));
    const char *tail = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(about, "console"));
    const char *verdict =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(finding, "verdict"));
    cr_assert(name && tail && verdict);
    cr_expect(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(about, "confirmed")));
    snprintf(config, sizeof config, "%s/%s", directory, name);
    place_make(&place);
    RUN(&run, "run", config, "--summary", place_file(&place, "summary"));
    cr_expect_eq(run.code, 1, "%s: %s", config, run.err);
    cr_expect_str_eq(summary_text(&run, "failure"), verdict);
    cr_expect(strstr(run.out, tail), "%s: %s", run.out, tail);
    run_free(&run);
    place_remove(&place);
}

Test(system_sweep, the_planted_bug_is_found_and_reproduced)
{
    struct place place;
    struct run run, again, other;
    place_make(&place);
    SWEEP(&run, &place, BROKEN, "broken", "--sample", "60", "--depth", "2");
    cr_assert_eq(run.code, 1, "%s", run.err);
    cr_expect(number_at(part(&run), "failures") >= 3);
    const cJSON *findings = cJSON_GetObjectItemCaseSensitive(part(&run), "findings"), *finding;
    cr_assert(cJSON_GetArraySize(findings) >= 1);
    cJSON_ArrayForEach(finding, findings)
    {
        expect_reproduced(finding, summary_text(&run, "directory"));
    }
    SWEEP(&again, &place, BROKEN, "broken", "--sample", "60", "--depth", "2", "--resume");
    cr_expect_eq(again.code, 1, "%s", again.err);
    expect_equal(&run, &again, "resumed when all was done");
    SWEEP(&other, &place, BROKEN, "broken", "--sample", "60", "--depth", "1", "--resume");
    cr_expect_eq(other.code, 2, "%s", other.err);
    cr_expect(strstr(other.err, "has changed since this campaign began"), "%s", other.err);
    run_free(&run);
    run_free(&again);
    run_free(&other);
    RUN_COMMAND(&run, "rm", "-r", place_file(&place, "broken"));
    run_free(&run);
    place_remove(&place);
}

Test(system_sweep, results_depend_neither_on_jobs_nor_on_shards)
{
    struct place place;
    struct run one, two, shard, merged;
    place_make(&place);
    SWEEP(&one, &place, BROKEN, "one", "--every", "500", "--depth", "2", "-j1");
    SWEEP(&two, &place, BROKEN, "two", "--every", "500", "--depth", "2", "-j2");
    expect_equal(&one, &two, "-j1 and -j2");
    SWEEP(&shard, &place, BROKEN, "first", "--every", "500", "--depth", "2", "--shard", "1/2");
    run_free(&shard);
    SWEEP(&shard, &place, BROKEN, "second", "--every", "500", "--depth", "2", "--shard", "2/2");
    run_free(&shard);
    RUN(&merged, "campaign", "merge", place_file(&place, "all.db"), place_file(&place, "first.db"),
        place_file(&place, "second.db"));
    cr_assert_eq(merged.code, 0, "%s", merged.err);
    run_free(&merged);
    RUN(&merged, "campaign", "show", place_file(&place, "all.db"), "--summary",
        place_file(&place, "all.json"));
    cr_assert_eq(merged.code, 0, "%s", merged.err);
    expect_equal(&one, &merged, "one and two shards");
    run_free(&one);
    run_free(&two);
    run_free(&merged);
    RUN_COMMAND(&merged, "rm", "-rf", place_file(&place, "one"), place_file(&place, "two"),
                place_file(&place, "first"), place_file(&place, "second"));
    run_free(&merged);
    place_remove(&place);
}

struct breakage {
    char set[200], after[40], before[40], found[80];
};

ParameterizedTestParameters(system_sweep, what_the_guest_relies_on_is_missed)
{
    static struct breakage breakages[] = {
        {"power.nvm={\"atomic\": 1, \"torn\": \"random\"}", "sweep.after=305us",
         "sweep.before=315us", "the guest exited with code"},
        {"power.nvm.cache={\"lines\": 64, \"ways\": 4, \"line\": 32, \"dirty\": \"lost\"}",
         "sweep.after=1264us", "sweep.before=1267us",
         "the guest did not finish within the instruction limit"},
        {"bootargs=hypnos app=kv break=fence", "sweep.after=220us", "sweep.before=230us",
         "the guest exited with code"},
    };
    return cr_make_param_array(struct breakage, breakages, sizeof breakages / sizeof *breakages);
}

ParameterizedTest(struct breakage *breakage, system_sweep, what_the_guest_relies_on_is_missed)
{
    struct place place;
    struct run run;
    place_make(&place);
    SWEEP(&run, &place, KV, "kv", "--set", breakage->after, "--set", breakage->before, "--set",
          "sweep.patience=2", "--depth", "1", "--set", breakage->set);
    cr_assert_eq(run.code, 1, "%s: %s", breakage->set, run.err);
    const cJSON *findings = cJSON_GetObjectItemCaseSensitive(part(&run), "findings");
    const cJSON *verdict =
        cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(findings, 0), "verdict");
    cr_expect(strstr(cJSON_GetStringValue(verdict), breakage->found), "%s: %s", breakage->set,
              verdict->valuestring);
    expect_reproduced(cJSON_GetArrayItem(findings, 0), summary_text(&run, "directory"));
    run_free(&run);
    RUN_COMMAND(&run, "rm", "-r", place_file(&place, "kv"));
    run_free(&run);
    place_remove(&place);
}

/* ---- Windows ------------------------------------------------------------------------------- */

static double points(const char *first, const char *second)
{
    struct place place;
    struct run run;
    place_make(&place);
    SWEEP(&run, &place, KV, "kv", "--depth", "1", "--every", "300", "--set", "run.pages=open",
          first ? "--set" : NULL, first, second ? "--set" : NULL, second);
    cr_assert_eq(run.code, 0, "%s", run.err);
    double count = number_at(part(&run), "points");
    run_free(&run);
    place_remove(&place);
    return count;
}

Test(system_sweep, windows_are_kept)
{
    double all = points(NULL, NULL), late = points("sweep.after=3ms", NULL),
           early = points("sweep.before=3ms", NULL),
           locked = points("sweep.from=hypnos_tx_end", NULL),
           until = points("sweep.until=hypnos_tx_end", NULL);
    cr_expect(late > 0 && early > 0 && late + early >= all - 1 && late + early <= all, "%g, %g, %g",
              early, late, all);
    cr_expect(locked > 0 && until > 0 && locked + until >= all - 1 && locked + until <= all,
              "%g, %g, %g", until, locked, all);
}

/* ---- expect.memory ------------------------------------------------------------------------- */

#define STORE                                                                                      \
    "{\"machine\": {\"board\": \"lm3s6965evb\", \"cpu\": \"cortex-m4\"}, \"load\": [{\"kernel\": " \
    "\"build/guests/arm/store.elf\"}], \"power\": {\"nvm\": {\"ranges\": [{\"section\": "          \
    "\".nvm\"}]}, \"later_lives\": {\"zero\": [\".bss\"], \"reload\": [\".data\"], "               \
    "\"entry\": \"resume\"}%s}, \"expect\": {\"memory\": [%s]}}"

static void expect_memory(const char *memory, int code, const char *said)
{
    struct place place;
    struct run run;
    place_make(&place);
    RUN(&run, "run", place_write(&place, "config.json", STORE, "", memory));
    cr_expect_eq(run.code, code, "%s: %s", memory, run.err);
    cr_expect(strstr(run.err, said), "%s: %s", memory, run.err);
    run_free(&run);
    place_remove(&place);
}

Test(system_sweep, memory_is_as_expected_at_the_end)
{
    expect_memory("{\"symbol\": \"valid\", \"value\": 0}", 0, "");
    expect_memory("{\"symbol\": \"valid\", \"bytes\": \"00000000\"}", 0, "");
    expect_memory("{\"symbol\": \"valid\", \"uncut\": true}", 0, "");
    expect_memory("{\"symbol\": \"valid\", \"value\": 9}", 1,
                  "memory at valid+0x0 is 0x00000000, expected 0x00000009");
    expect_memory("{\"symbol\": \"count\", \"bytes\": \"0000000011000000\"}", 1,
                  "memory at count+0x0 is 0x");
    expect_memory("{\"symbol\": \"vlid\", \"value\": 9}", 2,
                  "expect.memory[0].symbol: the kernel has no symbol \"vlid\"; did you mean "
                  "\"valid\"?");
    expect_memory("{\"symbol\": \"count\", \"bytes\": \"01\"}", 2,
                  "expect.memory[0].bytes: expected 8 bytes, found 1");
    expect_memory("{\"base\": \"0x1ffffffe\", \"size\": 4, \"value\": 9}", 2,
                  "expect.memory[0]: there is no memory at all of 0x1ffffffe to 0x20000002");
}

/* What the uncut run leaves is known, and goes into the reproducer as bytes. */
Test(system_sweep, memory_is_compared_with_the_uncut_run)
{
    struct place place;
    struct run run;
    place_make(&place);
    const char *config = place_write(&place, "config.json", STORE, "",
                                     "{\"symbol\": \"mark\", \"uncut\": true}, "
                                     "{\"symbol\": \"count\", \"uncut\": true}");
    SWEEP(&run, &place, config, "out", "--depth", "1");
    cr_assert(run.summary, "%s", run.err);
    const cJSON *findings = cJSON_GetObjectItemCaseSensitive(part(&run), "findings"), *finding;
    cr_expect_eq(run.code, 1);
    cr_assert_eq(cJSON_GetArraySize(findings), 1);
    finding = findings->child;
    cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(finding, "verdict")),
                     "memory at mark+0x0 is 0xffffffff, expected 0x00000000");
    cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(finding, "path")), "6");
    expect_reproduced(finding, summary_text(&run, "directory"));
    run_free(&run);
    RUN_COMMAND(&run, "rm", "-r", place_file(&place, "out"));
    run_free(&run);
    place_remove(&place);
}

/* ---- What cannot be swept ------------------------------------------------------------------ */

static void refuse(const char *config, const char *set, int code, const char *said)
{
    struct run run;
    RUN(&run, "sweep", config, "--set", set);
    cr_expect_eq(run.code, code, "%s: %s", config, run.err);
    cr_expect(strstr(run.err, said), "%s", run.err);
    run_free(&run);
}

Test(system_sweep, what_cannot_be_swept_is_refused)
{
    refuse(
        "configs/hello.json", "machine.harts=1", 2,
        "configs/hello.json: machine.board: expected a board with a Cortex-M: a RISC-V hart does "
        "not stop at the exact instruction");
    refuse(KV, "power.enabled=false", 2, "expected a section `power`");
    struct place place;
    place_make(&place);
    refuse(place_write(&place, "config.json", STORE, "", ""), "power.nvm.ranges=[]", 2,
           "power.nvm: expected memory that survives a power cut, found none");
    place_remove(&place);
    refuse(KV, "power.recovered=recover_all", 2,
           "power.recovered: the kernel has no symbol \"recover_all\"");
    refuse(KV, "sweep.from=hypnos_log_apend", 2, "did you mean \"hypnos_log_append\"?");
    refuse(KV, "sweep.after=10s", 1, "found none in the run without power cuts");
    refuse(KV, "expect.console=never", 1,
           "the run without power cuts fails: the console never "
           "showed \"never\"");
}
