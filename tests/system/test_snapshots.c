/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A run that is interrupted, thrown back to snapshots and let go on equals one that is left alone:
 * memory, console, counts, devices, registers, all that a summary and a power report say. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "power/random.h"
#include "sim/golden.h"
#include "sim/lives.h"
#include "sim/power_report.h"
#include "sim/profile.h"
#include "sim/report/report.h"
#include "sim/snapshot.h"
#include "sim/summary.h"
#include "tests/system/harness.h"

#define GUESTS "build/guests/"
#define DISK   (1 << 20)

struct guest {
    char config[500]; /* a file, or JSON, with %s in place of a disk image */
    char set[3][160]; /* "": no more */
    unsigned rounds;  /* seeds, each of some snapshots */
};

/* ---- One machine --------------------------------------------------------------------------- */

struct run_of {
    struct place place;
    const char *summary; /* a file in it */
    struct config config;
    struct machine *machine;
    struct console *console;
    struct error err;
};

static void open_guest(struct run_of *run, const struct guest *guest)
{
    const char *set[3], *path = guest->config;
    size_t count = 0;
    *run = (struct run_of){.err = {""}};
    place_make(&run->place);
    run->summary = place_file(&run->place, "summary");
    if (*path == '{') {
        const char *disk = place_bytes(&run->place, "disk", (uint8_t[DISK]){0}, DISK);
        path = place_write(&run->place, "config.json", guest->config, disk);
    }
    while (count < 3 && guest->set[count][0]) {
        set[count] = guest->set[count];
        count++;
    }
    cr_assert_not(config_load(&run->config, path, set, count, &run->err), "%s", run->err.text);
    run->machine = machine_new(&run->config, &run->err);
    cr_assert(run->machine, "%s", run->err.text);
    run->console = console_new(CONSOLE_NONE, NULL, &run->machine->clock, run->config.run.script,
                               run->config.run.script_count, &run->err);
    cr_assert(run->console, "%s", run->err.text);
    cr_assert_not(console_watch(run->console, run->config.expect.console));
    machine_attach(run->machine, run->console);
    cr_assert_not(machine_start(run->machine, &run->err), "%s", run->err.text);
}

static void close_guest(struct run_of *run)
{
    machine_free(run->machine);
    console_free(run->console);
    config_free(&run->config);
    place_remove(&run->place);
}

static void put_text(char **text, const char *what, const char *more)
{
    char *all = NULL;
    cr_assert(asprintf(&all, "%s%s: %s\n", *text ? *text : "", what, more) >= 0);
    free(*text);
    *text = all;
}

static void put_json(char **text, const char *what, cJSON *json)
{
    char *printed = cJSON_Print(json);
    put_text(text, what, printed);
    free(printed);
    cJSON_Delete(json);
}

/* The report: what happened inside of domains, by request, thread and function, and all counts. */
static void put_recovery(char **text, const struct machine *machine, const struct summary *summary)
{
    cJSON *json = cJSON_CreateObject();
    struct report report;
    struct profile *profile = profile_new(machine->symbols);
    cr_assert(profile);
    report_of_run(&report, machine);
    summary_add(summary, true, json);
    for (unsigned i = 0; i < machine->hart_count; i++)
        cr_assert_not(profile_add_hart(profile, machine->harts[i]));
    profile_sort(profile);
    if (machine->config->recovery.by_function)
        report.profile = profile;
    report_add(&report, json);
    put_json(text, "report", json);
    profile_free(profile);
}

static void put_summary(char **text, struct run_of *run)
{
    struct summary summary;
    cJSON *hart;
    summary_make(&summary, run->machine, run->err.text);
    if (run->machine->recovery) {
        summary.recovery = recovery_counts(run->machine->recovery);
        put_recovery(text, run->machine, &summary);
    }
    cr_assert_not(summary_write(&summary, run->summary, &run->err), "%s", run->err.text);
    cJSON *json = read_json(run->summary);
    cJSON_DeleteItemFromObject(json, "config");
    cJSON_ArrayForEach(hart, cJSON_GetObjectItem(json, "harts"))
    {
        cJSON_DeleteItemFromObject(hart, "tlb_fills");
        cJSON_DeleteItemFromObject(hart, "tlb_flushes");
    }
    put_json(text, "summary", json);
}

static void put_devices(char **text, const struct machine *machine)
{
    char line[80];
    for (size_t i = 0; i < machine->device_count; i++) {
        const struct device *device = machine->devices[i];
        uint64_t hash = 0;
        for (size_t b = 0; b < device->state_size; b++)
            hash = hash * 0x100000001b3 + ((const uint8_t *)device->state)[b];
        snprintf(line, sizeof line, "%016llx", (unsigned long long)hash);
        put_text(text, device->ops->name, line);
    }
    for (const struct clock_event *event = machine->clock.events; event; event = event->next) {
        snprintf(line, sizeof line, "%llu", (unsigned long long)event->due);
        put_text(text, event->name, line);
    }
}

/* All that can be seen of the machine. */
static char *look(struct run_of *run)
{
    char *text = NULL, *registers = machine_describe(run->machine);
    char *tail = console_tail(run->console, 1000);
    const struct cpu_tally *tallies;
    unsigned running;
    size_t count = cpu_tallies(run->machine->harts[0], &tallies, &running);
    put_summary(&text, run);
    put_text(&text, "registers", registers);
    put_text(&text, "tail", tail);
    put_devices(&text, run->machine);
    for (size_t i = 0; i < count; i++) {
        char line[160];
        const struct cpu_tally *tally = &tallies[i];
        snprintf(line, sizeof line, "%llu %llu %llu %llu %llu %llu",
                 (unsigned long long)tally->blocks, (unsigned long long)tally->insns,
                 (unsigned long long)tally->loads, (unsigned long long)tally->stores,
                 (unsigned long long)tally->ticks, (unsigned long long)tally->energy);
        put_text(&text, "tally", line);
    }
    if (run->machine->lives)
        put_json(&text, "power", power_report(run->machine, true));
    free(registers);
    free(tail);
    return text;
}

static void go(struct run_of *run, uint64_t insns)
{
    machine_go(run->machine, insns, NULL, NULL, &run->err);
    cr_assert(run->machine->end != END_FAULT, "%s", run->err.text);
}

static char *finish(struct run_of *run)
{
    machine_finish(run->machine, &run->err);
    return look(run);
}

static void expect_equal(char *found, const char *expected, const struct guest *guest,
                         const char *what, uint64_t seed)
{
    size_t at = 0;
    while (found[at] && found[at] == expected[at])
        at++;
    size_t from = at < 200 ? 0 : at - 200;
    cr_expect(!found[at] && !expected[at], "%s %s, %s, seed %llu: expected\n%.300s\nfound\n%.300s",
              guest->config, guest->set[0], what, (unsigned long long)seed, expected + from,
              found + from);
    free(found);
}

/* ---- Runs ---------------------------------------------------------------------------------- */

static char *left_alone(const struct guest *guest, uint64_t *insns)
{
    struct run_of run;
    open_guest(&run, guest);
    go(&run, UINT64_MAX);
    char *text = finish(&run);
    *insns = machine_insns(run.machine);
    close_guest(&run);
    return text;
}

/* Goes on for up to `most` instructions, taking snapshots and returning to them, `depth` deep. */
static void wander(struct run_of *run, struct random *random, uint64_t most, unsigned depth)
{
    struct snapshot *snapshot = snapshot_take(run->machine, &run->err);
    cr_assert(snapshot, "%s", run->err.text);
    char *here = look(run);
    for (unsigned i = 0; i < 2; i++) {
        go(run, machine_insns(run->machine) + random_below(random, most));
        if (depth && run->machine->end == END_NONE)
            wander(run, random, most, depth - 1);
        if (run->machine->end != END_NONE && random_below(random, 2))
            machine_finish(run->machine, &run->err);
        cr_assert_not(snapshot_restore(snapshot, &run->err), "%s", run->err.text);
        char *again = look(run);
        cr_expect_str_eq(again, here);
        free(again);
    }
    free(here);
    snapshot_drop(snapshot);
}

static char *thrown_back(const struct guest *guest, uint64_t seed, uint64_t insns)
{
    struct run_of run;
    struct random random = {seed};
    open_guest(&run, guest);
    for (unsigned i = 0; i < 3 && run.machine->end == END_NONE; i++) {
        go(&run, machine_insns(run.machine) + random_below(&random, insns / 3));
        if (run.machine->end == END_NONE)
            wander(&run, &random, i ? insns / 8 : 2000, 2);
    }
    if (run.machine->end == END_NONE)
        go(&run, UINT64_MAX);
    char *text = finish(&run);
    close_guest(&run);
    return text;
}

/* Many small pieces, then larger ones. */
static char *in_pieces(const struct guest *guest, uint64_t seed, uint64_t insns)
{
    struct run_of run;
    struct random random = {seed};
    open_guest(&run, guest);
    for (unsigned i = 0; run.machine->end == END_NONE && i < 3000; i++) {
        uint64_t before = machine_insns(run.machine), want = before + random_below(&random, 30);
        if (i > 2000)
            want += random_below(&random, insns / 500 + 1);
        go(&run, want);
        if (run.machine->end == END_NONE)
            cr_expect(machine_insns(run.machine) >= want &&
                          machine_insns(run.machine) < want + 10000,
                      "wanted %llu, found %llu", (unsigned long long)want,
                      (unsigned long long)machine_insns(run.machine));
    }
    if (run.machine->end == END_NONE)
        go(&run, UINT64_MAX);
    char *text = finish(&run);
    close_guest(&run);
    return text;
}

/* Branches off, in this order and that. */
static char *golden_run(const struct guest *guest, uint64_t seed, uint64_t insns)
{
    struct run_of run;
    struct random random = {seed};
    uint64_t at = 0;
    open_guest(&run, guest);
    struct golden *golden = golden_new(run.machine, &run.err);
    cr_assert(golden, "%s", run.err.text);
    for (unsigned i = 0; i < 6; i++) {
        at = i == 4 ? at / 2 : at + random_below(&random, insns / 10);
        cr_assert_not(golden_seek(golden, at, &run.err), "%s", run.err.text);
        uint64_t there = machine_insns(run.machine);
        cr_expect(there >= at);
        go(&run, there + random_below(&random, insns / 4));
        cr_assert_not(golden_back(golden, &run.err), "%s", run.err.text);
        cr_expect_eq(machine_insns(run.machine), there);
    }
    golden_free(golden);
    go(&run, UINT64_MAX);
    char *text = finish(&run);
    close_guest(&run);
    return text;
}

static void compare(const struct guest *guest)
{
    uint64_t insns;
    char *alone = left_alone(guest, &insns);
    cr_expect(insns > 1000, "%s: %llu instructions", guest->config, (unsigned long long)insns);
    for (uint64_t seed = 1; seed <= guest->rounds; seed++) {
        expect_equal(in_pieces(guest, seed, insns), alone, guest, "in pieces", seed);
        expect_equal(thrown_back(guest, seed, insns), alone, guest, "thrown back", seed);
        expect_equal(golden_run(guest, seed, insns), alone, guest, "golden", seed);
    }
    free(alone);
}

/* Two branches from each of three points, which begin alike; and the run goes on from there. */
static void branch_thrice(const struct guest *guest)
{
    struct run_of run;
    uint64_t insns;
    char *alone = left_alone(guest, &insns);
    open_guest(&run, guest);
    struct golden *golden = golden_new(run.machine, &run.err);
    cr_assert(golden, "%s", run.err.text);
    /* linux-inject has its fault in the second; at last, it writes to the disk */
    static const unsigned percent[] = {30, 92, 97};
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_not(golden_seek(golden, insns / 100 * percent[i], &run.err), "%s", run.err.text);
        go(&run, machine_insns(run.machine) + insns / 50);
        char *first = look(&run);
        cr_assert_not(golden_back(golden, &run.err), "%s", run.err.text);
        go(&run, machine_insns(run.machine) + insns / 50);
        expect_equal(look(&run), first, guest, "branch", i);
        cr_assert_not(golden_back(golden, &run.err), "%s", run.err.text);
        free(first);
    }
    golden_free(golden);
    go(&run, UINT64_MAX);
    expect_equal(finish(&run), alone, guest, "golden", 1);
    close_guest(&run);
    free(alone);
}

/* ---- Cortex-M ------------------------------------------------------------------------------ */

#define FIRMWARE(board, image, words)                                           \
    "{\"machine\": " board ", \"load\": [{\"kernel\": \"" GUESTS image "\"}], " \
    "\"bootargs\": \"" words "\"}"
#define STORE(power)                                                               \
    "{\"machine\": {\"board\": \"mps2-an386\"}, \"load\": [{\"kernel\": \"" GUESTS \
    "arm/store.elf\"}], \"power\": {\"nvm\": {\"ranges\": [{\"section\": \".nvm\"}]}, " power "}}"

ParameterizedTestParameters(system_snapshots, of_microcontrollers)
{
    static struct guest guests[] = {
        {FIRMWARE("{\"board\": \"mps2-an386\"}", "arm/nest.elf", "nest 2"), {""}, 3},
        {FIRMWARE("{\"board\": \"mps2-an386\", \"cycles\": false}", "arm/nest.elf", "nest 3"),
         {""},
         2},
        {FIRMWARE("{\"board\": \"lm3s6965evb\"}", "arm/nest.elf", "nest 4"), {""}, 2},
        {FIRMWARE("{\"board\": \"mps2-an386\"}", "hypnos/mps2-an386-check.elf",
                  "hypnos app=selftest"),
         {""},
         2},
        {STORE("\"cuts\": []"), {""}, 3},
        {STORE("\"cuts\": [{\"every\": \"40us\"}], \"later_lives\": {\"zero\": [\".bss\"], "
               "\"reload\": [\".data\"], \"entry\": \"resume\"}"),
         {""},
         3},
        {"configs/hypnos-kv.json", {""}, 3},
        {"configs/hypnos-etl.json", {"power.cuts=[]"}, 2},
        {"configs/hypnos-kv.json",
         {"power.cuts=[{\"at\": {\"nvm_write\": 149}, \"each_life\": true}]",
          "power.nvm={\"atomic\": 4, \"torn\": \"random\"}"},
         2},
        {"configs/hypnos-kv.json",
         {"power.cuts=[{\"random\": \"exponential\", \"mean\": \"500us\", \"min\": \"100us\"}]",
          "power.nvm.cache={\"lines\": 16, \"ways\": 2, \"dirty\": \"random\"}",
          "run.max_insns=3M"},
         2},
        {"configs/hypnos-kv.json",
         {"power.cuts=[{\"at\": {\"symbol\": \"hypnos_tx_commit\", \"nth\": 9}, \"each_life\": "
          "true}]",
          "power.cuts_from=hypnos_tx_commit", "run.max_insns=3M"},
         2},
        {"configs/hypnos-sense.json", {""}, 2},
        {"configs/hypnos-trace.json", {"run.max_insns=4M"}, 2},
        {"configs/hypnos-hog.json", {"power.seed=1", "run.max_insns=4M"}, 1},
        {"configs/persistent-rtos.json", {"bootargs=hypnos app=mq", "run.max_insns=4M"}, 2},
        {"configs/hypnos-kv.json", {"run.pages=precise", "run.max_insns=1M"}, 1},
        {"configs/hypnos-kv.json", {"run.pages=armed", "run.max_insns=1M"}, 1},
    };
    return cr_make_param_array(struct guest, guests, sizeof guests / sizeof *guests);
}

ParameterizedTest(struct guest *guest, system_snapshots, of_microcontrollers)
{
    compare(guest);
}

/* ---- RISC-V -------------------------------------------------------------------------------- */

#define BARE(harts, name, more)                                                        \
    "{\"machine\": {\"board\": \"virt\", \"harts\": " harts                            \
    "}, \"memory\": [{\"name\": \"dram\", "                                            \
    "\"base\": \"0x80000000\", \"size\": \"16M\"}], \"load\": [{\"kernel\": \"" GUESTS \
    "riscv/" name ".elf\"}], \"run\": {\"max_insns\": \"4G\", \"stuck_insns\": 2000000" more "}}"
#define DISK0                                                                                \
    "}, \"devices\": {\"disk0\": {\"type\": \"virtio-blk\", \"file\": \"%s\", \"overlay\": " \
    "true}, \"rng0\": {\"type\": \"virtio-rng\"}"
#define TYPED ", \"script\": [{\"expect\": \"ready\", \"send\": \"abc\\nhello\\nquit\\n\"}]"

ParameterizedTestParameters(system_snapshots, of_harts)
{
    static struct guest guests[] = {
        {BARE("4", "hello", ""), {""}, 2},
        {BARE("1", "echo", TYPED), {""}, 3},
        {BARE("1", "panic", ""), {""}, 2},
        {BARE("1", "stuck", ""), {""}, 1},
        {BARE("2", "traps", ""), {""}, 2},
        {BARE("1", "mmu", ""), {""}, 2},
        {BARE("1", "timer", ""), {""}, 2},
        {BARE("1", "plic", ""), {""}, 2},
        {BARE("1", "memory", ""), {""}, 2},
        {BARE("1", "selfmod", ""), {""}, 2},
        {BARE("2", "selfmod", ""), {""}, 2},
        {BARE("3", "smp", ""), {""}, 2},
        {BARE("8", "smp", ""), {""}, 1},
        {BARE("1", "virtio", DISK0), {""}, 2},
        {BARE("1", "random-1", ""), {""}, 2},
        {BARE("1", "random-2", ""), {"run.pages=precise"}, 2},
        {"configs/agora-bare.json", {"bootargs=agora.work=1"}, 1},
        {"configs/agora-bare.json", {"bootargs=agora.work=1", "run.pages=armed"}, 1},
        {"configs/agora-bare.json", {"machine.harts=4", "bootargs=agora.work=1"}, 1},
        {"configs/agora.json", {"machine.harts=2"}, 1},
    };
    return cr_make_param_array(struct guest, guests, sizeof guests / sizeof *guests);
}

ParameterizedTest(struct guest *guest, system_snapshots, of_harts)
{
    compare(guest);
}

/* ---- Recovery ------------------------------------------------------------------------------ */

#define AGORA(name, set)                        \
    {                                           \
        "configs/agora-" name ".json", {set}, 1 \
    }

ParameterizedTestParameters(system_snapshots, with_recovery)
{
    static struct guest guests[] = {
        AGORA("double-free", "recovery.by_function=true"),
        AGORA("output", ""),
        AGORA("smp-dependent", ""),
        AGORA("smp-torture", ""),
    };
    return cr_make_param_array(struct guest, guests, sizeof guests / sizeof *guests);
}

ParameterizedTest(struct guest *guest, system_snapshots, with_recovery)
{
    compare(guest);
}

/* ---- What cannot be ------------------------------------------------------------------------ */

Test(system_snapshots, are_gone_back_to_from_the_newest_on)
{
    const struct guest guest = {"configs/hypnos-kv.json", {""}, 1};
    struct run_of run;
    open_guest(&run, &guest);
    struct snapshot *older = snapshot_take(run.machine, &run.err);
    struct snapshot *newer = snapshot_take(run.machine, &run.err);
    cr_assert(older && newer);
    cr_expect_eq(snapshot_restore(older, &run.err), -1);
    cr_expect_str_eq(run.err.text, "expected the newest snapshot, found an older one");
    snapshot_drop(newer);
    cr_expect_eq(snapshot_restore(older, &run.err), 0);
    close_guest(&run); /* with a snapshot */
}

Test(system_snapshots, do_not_undo_what_was_written_to_a_file)
{
    const struct guest guest = {BARE("1", "virtio", DISK0), {"devices.disk0.overlay=false"}, 1};
    struct run_of run;
    open_guest(&run, &guest);
    struct snapshot *snapshot = snapshot_take(run.machine, &run.err);
    cr_assert(snapshot);
    go(&run, UINT64_MAX);
    cr_expect_eq(snapshot_restore(snapshot, &run.err), -1);
    cr_expect_str_eq(run.err.text,
                     "a disk without an overlay was written to: that cannot be undone");
    close_guest(&run);
}

Test(system_snapshots, a_golden_run_has_an_end)
{
    const struct guest guest = {"configs/hypnos-kv.json", {""}, 1};
    struct run_of run;
    open_guest(&run, &guest);
    struct golden *golden = golden_new(run.machine, &run.err);
    cr_assert(golden);
    cr_expect_eq(golden_seek(golden, UINT64_C(1) << 40, &run.err), -1);
    cr_expect(strstr(run.err.text, "expected the undisturbed run to get to instruction "
                                   "1099511627776, found its end (poweroff) after "),
              "%s", run.err.text);
    cr_expect_eq(golden_seek(golden, 5000, &run.err), 0, "%s", run.err.text);
    cr_expect_lt(machine_insns(run.machine), 6000);
    golden_free(golden);
    close_guest(&run);
}

/* ---- Linux --------------------------------------------------------------------------------- */

#define LINUX(harts, limit)                                                               \
    {                                                                                     \
        "configs/linux-riscv64.json",                                                     \
            {"machine.harts=" harts, "run.max_insns=" limit,                              \
             "bootargs=console=ttyS0 rdinit=/init cryptomgr.notests iaso.workload=disk"}, \
            1                                                                             \
    }

ParameterizedTestParameters(system_snapshots, of_linux)
{
    static struct guest guests[] = {
        LINUX("1", "4G"),
        LINUX("3", "700M"),
        {"configs/linux-recovery.json", {""}, 1},
        {"configs/linux-inject.json", {""}, 1},
    };
    return cr_make_param_array(struct guest, guests, sizeof guests / sizeof *guests);
}

ParameterizedTest(struct guest *guest, system_snapshots, of_linux)
{
    if (getenv("IASO_NO_LINUX"))
        cr_skip_test("IASO_NO_LINUX is set");
    branch_thrice(guest);
}
