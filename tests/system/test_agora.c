/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The teaching kernel: its invariants hold and its runs repeat; each of its planted faults kills
 * it, as long as nobody rolls anything back; with recovery it survives each of them. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "tests/system/harness.h"

#define HOLD "agora: all 32 invariants hold"

struct board {
    char config[40], harts[20], pages[20];
};

static void run_board(struct run *run, struct place *place, const struct board *board,
                      const char *pages, const char *bootargs)
{
    char harts[48], mode[48], args[120];
    snprintf(harts, sizeof harts, "machine.harts=%s", board->harts);
    snprintf(mode, sizeof mode, "run.pages=%s", pages);
    snprintf(args, sizeof args, "bootargs=%s", bootargs);
    RUN(run, "run", board->config, "-q", "--set", harts, "--set", mode, "--set", args, "--set",
        "run.stuck_insns=20M", "--summary", place_file(place, "summary"));
}

static void expect_sound(const struct run *run, const struct board *board)
{
    cr_expect_eq(run->code, 0, "%s, %s harts: %d\n%s%s", board->config, board->harts, run->code,
                 run->out, run->err);
    cr_expect_str_eq(summary_text(run, "end"), "poweroff");
    cr_expect_eq(summary_number(run, "guest_exit"), 0);
    cr_expect(strstr(run->out, HOLD), "%s", run->out);
    cr_expect_not(strstr(run->out, "VIOLATED"));
    cr_expect_not(strstr(run->out, "errors seen"));
    double insns = summary_number(run, "instructions");
    cr_expect(insns > 5e6 && insns < 50e6, "%.0f instructions", insns);
}

ParameterizedTestParameters(system_agora, invariants_hold_and_runs_repeat)
{
    static struct board boards[] = {{"configs/agora.json", "1", "armed"},
                                    {"configs/agora-smp.json", "4", "precise"},
                                    {"configs/agora-bare.json", "1", "precise"},
                                    {"configs/agora-bare.json", "4", "open"},
                                    {"configs/agora-bare.json", "8", "armed"}};
    return cr_make_param_array(struct board, boards, sizeof boards / sizeof *boards);
}

ParameterizedTest(struct board *board, system_agora, invariants_hold_and_runs_repeat)
{
    struct place place;
    struct run first, second;
    char harts[48];
    place_make(&place);
    run_board(&first, &place, board, "open", "agora.work=1");
    run_board(&second, &place, board, board->pages, "agora.work=1");
    expect_sound(&first, board);
    snprintf(harts, sizeof harts, "agora: %s harts, work 1", board->harts);
    cr_expect(strstr(first.out, harts), "%s", first.out);
    expect_same(&first, &second, board->pages);
    run_free(&first);
    run_free(&second);
    place_remove(&place);
}

Test(system_agora, configs_are_complete)
{
    static const char *const configs[] = {"configs/agora.json", "configs/agora-smp.json",
                                          "configs/agora-bare.json"};
    struct run run;
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
        RUN(&run, "run", configs[i], "-q");
        cr_expect_eq(run.code, 0, "%s: %s", configs[i], run.err);
        run_free(&run);
    }
}

Test(system_agora, work_is_scaled)
{
    const struct board board = {"configs/agora-bare.json", "2", "open"};
    struct place place;
    struct run run;
    place_make(&place);
    run_board(&run, &place, &board, "open", "quiet agora.work=2");
    expect_sound(&run, &board);
    cr_expect(strstr(run.out, "agora: counter calls 6720 expected 6720 ok"), "%s", run.out);
    run_free(&run);
    place_remove(&place);
}

/* ---- Faults -------------------------------------------------------------------------------- */

struct fault {
    char bootargs[60], panic[60], harts[20]; /* no panic: the kernel hangs */
};

ParameterizedTestParameters(system_agora, a_fault_kills_the_kernel)
{
#define TRAP(number) "agora: panic: unexpected trap in the kernel, cause " number ","
#define ON_1_AND_4(bootargs, panic) \
    {bootargs, panic, "1"},         \
    {                               \
        bootargs, panic, "4"        \
    }
    static struct fault faults[] = {
        ON_1_AND_4("agora.fault=null", TRAP("15")),
        ON_1_AND_4("agora.fault=wild", TRAP("15")),
        ON_1_AND_4("agora.fault=bug", TRAP("3")),
        ON_1_AND_4("agora.fault=loop", ""),
        ON_1_AND_4("agora.fault=double_free", "agora: panic: double free\n"),
        ON_1_AND_4("agora.fault=dependent", TRAP("15")),
        ON_1_AND_4("agora.fault=blocked", TRAP("15")),
        ON_1_AND_4("agora.fault=interrupt", TRAP("15")),
        ON_1_AND_4("agora.fault=nested", TRAP("15")),
        ON_1_AND_4("agora.fault=output", TRAP("15")),
        ON_1_AND_4("agora.fault=bug@1000000,double_free@2", "agora: panic: double free\n"),
        ON_1_AND_4("agora.fault=wrong", "agora: panic: agora.fault: no such fault\n"),
    };
    return cr_make_param_array(struct fault, faults, sizeof faults / sizeof *faults);
}

ParameterizedTest(struct fault *fault, system_agora, a_fault_kills_the_kernel)
{
    struct board board = {.config = "configs/agora-bare.json"};
    struct place place;
    struct run run;
    place_make(&place);
    snprintf(board.harts, sizeof board.harts, "%s", fault->harts);
    run_board(&run, &place, &board, "open", fault->bootargs);
    cr_expect_eq(run.code, 1, "%s: %d\n%s", fault->bootargs, run.code, run.err);
    cr_expect_not(strstr(run.out, "invariants"), "%s: %s", fault->bootargs, run.out);
    if (*fault->panic) {
        cr_expect_str_eq(summary_text(&run, "end"), "poweroff");
        cr_expect_eq(summary_number(&run, "guest_exit"), 1);
        cr_expect(strstr(run.out, fault->panic), "%s: %s", fault->bootargs, run.out);
    } else {
        cr_expect_str_eq(summary_text(&run, "end"), "stuck");
        cr_expect(strstr(run.err, "no progress"), "%s", run.err);
    }
    run_free(&run);
    place_remove(&place);
}

/* ---- Recovery ------------------------------------------------------------------------------ */

#define PRESET "recovery.preset=configs/presets/agora.json"

static double recovery_number(const struct run *run, const char *key)
{
    const cJSON *recovery = cJSON_GetObjectItemCaseSensitive(run->summary, "recovery");
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(recovery, key);
    cr_assert(cJSON_IsNumber(item), "no number recovery.%s; exit %d\n%s", key, run->code, run->err);
    return item->valuedouble;
}

static const cJSON *events_of(const struct run *run)
{
    const cJSON *recovery = cJSON_GetObjectItemCaseSensitive(run->summary, "recovery");
    const cJSON *events = cJSON_GetObjectItemCaseSensitive(recovery, "events");
    cr_assert(cJSON_IsArray(events), "no events; exit %d\n%s", run->code, run->err);
    return events;
}

static const char *text_of(const cJSON *event, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(event, key);
    cr_assert(cJSON_IsString(item), "the event has no text \"%s\"", key);
    return item->valuestring;
}

static double number_of(const cJSON *event, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(event, key);
    cr_assert(cJSON_IsNumber(item), "the event has no number \"%s\"", key);
    return item->valuedouble;
}

struct scenario {
    char config[40], harts[4], failure[12], request[12];
    int number;
    bool alone; /* nobody depends on it */
};

ParameterizedTestParameters(system_agora, a_fault_is_survived)
{
    static struct scenario scenarios[] = {
        {"configs/agora-null.json", "1", "panic", "syscall", 16, true},
        {"configs/agora-wild.json", "1", "panic", "syscall", 12, true},
        {"configs/agora-bug.json", "1", "breakpoint", "syscall", 9, true},
        {"configs/agora-loop.json", "1", "hang", "syscall", 13, true},
        {"configs/agora-double-free.json", "1", "panic", "syscall", 14, true},
        {"configs/agora-dependent.json", "1", "panic", "syscall", 12, false},
        {"configs/agora-blocked.json", "1", "panic", "syscall", 10, false},
        {"configs/agora-interrupt.json", "1", "panic", "interrupt", 5, true},
        {"configs/agora-nested.json", "1", "panic", "function", 0, true},
        {"configs/agora-output.json", "1", "panic", "syscall", 0, true},
        {"configs/agora-smp-dependent.json", "4", "panic", "syscall", 12, false},
        {"configs/agora-smp-blocked.json", "4", "panic", "syscall", 10, false},
    };
    return cr_make_param_array(struct scenario, scenarios, sizeof scenarios / sizeof *scenarios);
}

/* One request failed and nothing else was undone; its caller saw what the event says. */
static void expect_alone(const struct run *run, const struct scenario *scenario)
{
    const cJSON *event = cJSON_GetArrayItem(events_of(run), 0);
    bool interrupt = !strcmp(scenario->request, "interrupt"), seen;
    char first[40];
    cr_assert_eq(cJSON_GetArraySize(events_of(run)), 1, "%s", scenario->config);
    cr_expect_eq(recovery_number(run, "rolled_back"), 1);
    cr_expect_str_eq(text_of(event, "what"), "failed");
    cr_expect_str_eq(text_of(event, "how"), interrupt ? "retry" : "error");
    cr_expect_str_eq(text_of(event, "request"), scenario->request);
    cr_expect_eq(number_of(event, "number"), scenario->number);
    const char *errors = strstr(run->out, "errors seen by thread ");
    seen = !strcmp(scenario->request, "syscall");
    cr_expect_eq(!!errors, seen, "%s", run->out);
    if (!errors)
        return;
    snprintf(first, sizeof first, ": 1, first call %d\n", scenario->number);
    cr_expect(strstr(errors, first), "%s", errors);
    cr_expect_not(strstr(errors + 1, "errors seen"), "%s", errors);
}

/* Others had built upon it: all go back at one time, listed as they were opened, to be executed
 * again. The thread that failed has to go further back than to what failed, so that nobody sees
 * an error. */
static void expect_cascade(const struct run *run, const struct scenario *scenario)
{
    const cJSON *event, *first = events_of(run)->child;
    double last = -1;
    bool failed = false, innocent = false;
    const char *thread = NULL;
    cJSON_ArrayForEach(event, events_of(run))
    {
        bool is_failed = !strcmp(text_of(event, "what"), "failed");
        cr_expect_str_eq(text_of(event, "how"), "retry");
        cr_expect(number_of(event, "domain") > last);
        cr_expect_eq(number_of(event, "time_ns"), number_of(first, "time_ns"));
        last = number_of(event, "domain");
        innocent |= !is_failed;
        if (!is_failed)
            continue;
        /* All of one thread. */
        cr_expect(!thread || !strcmp(thread, text_of(event, "thread")));
        thread = text_of(event, "thread");
        failed |= !strcmp(text_of(event, "request"), scenario->request) &&
                  number_of(event, "number") == scenario->number;
    }
    cr_expect(failed && innocent, "%s", scenario->config);
    cr_expect_eq(cJSON_GetArraySize(events_of(run)), recovery_number(run, "rolled_back"));
    cr_expect_not(strstr(run->out, "errors seen"), "%s", run->out);
}

ParameterizedTest(struct scenario *scenario, system_agora, a_fault_is_survived)
{
    struct place place;
    struct run run;
    const cJSON *event;
    place_make(&place);
    RUN(&run, "run", scenario->config, "-q", "--summary", place_file(&place, "summary"));
    cr_assert_eq(run.code, 0, "%s: %d\n%s%s", scenario->config, run.code, run.out, run.err);
    cr_expect(strstr(run.out, HOLD), "%s", run.out);
    cr_expect(strstr(run.out, " struck\n") && !strstr(run.out, "never struck"), "%s", run.out);
    cr_expect_not(strstr(run.out, "panic"), "%s", run.out);
    cr_expect_eq(recovery_number(&run, "faults"), 1);
    cr_expect_eq(recovery_number(&run, "recovered"), 1);
    cr_expect_eq(recovery_number(&run, "refused"), 0);
    cr_expect_eq(recovery_number(&run, "aborted"), recovery_number(&run, "rolled_back"));
    cJSON_ArrayForEach(event, events_of(&run))
        cr_expect_str_eq(text_of(event, "failure"), scenario->failure, "%s", scenario->config);
    if (scenario->alone)
        expect_alone(&run, scenario);
    else
        expect_cascade(&run, scenario);
    run_free(&run);
    place_remove(&place);
}

Test(system_agora, recovery_without_a_failure_is_not_noticed)
{
    static const char *const configs[] = {"configs/agora.json", "configs/agora-smp.json"};
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
        struct place place;
        struct run plain, watched;
        place_make(&place);
        RUN(&plain, "run", configs[i], "-q", "--summary", place_file(&place, "plain"));
        RUN(&watched, "run", configs[i], "-q", "--set", PRESET, "--summary",
            place_file(&place, "watched"));
        cr_expect_eq(watched.code, 0, "%s", watched.err);
        expect_same(&plain, &watched, configs[i]);
        cr_expect_eq(recovery_number(&watched, "faults"), 0);
        cr_expect_eq(recovery_number(&watched, "rolled_back"), 0);
        cr_expect_eq(cJSON_GetArraySize(events_of(&watched)), 0);
        run_free(&plain);
        run_free(&watched);
        place_remove(&place);
    }
}

Test(system_agora, a_small_log_stops_nothing)
{
    struct place place;
    struct run run;
    place_make(&place);
    RUN(&run, "run", "configs/agora.json", "-q", "--set", PRESET, "--set", "recovery.log_limit=4K",
        "--summary", place_file(&place, "summary"));
    cr_expect_eq(run.code, 0, "%s", run.err);
    cr_expect(strstr(run.out, HOLD), "%s", run.out);
    run_free(&run);
    place_remove(&place);
}

Test(system_agora, misspelt_symbols_are_refused)
{
    static const struct {
        const char *set, *error;
    } wrong[] = {
        {"recovery.exempt=[\"schedul\"]", "recovery.exempt[0]: expected a symbol of the guest, "
                                          "found \"schedul\" (did you mean \"schedule\"?)\n"},
        {"recovery.failure.functions=[\"panik\"]",
         "recovery.failure.functions[0]: expected a symbol of the guest, found \"panik\" (did you "
         "mean \"panic\"?)\n"},
        {"recovery.inverse=[{\"call\":\"kaloc\",\"undo\":\"kfree\",\"argument\":\"result\"}]",
         "recovery.inverse[0].call: expected a symbol of the guest, found \"kaloc\" (did you mean "
         "\"kalloc\"?)\n"},
        {"recovery.wake=make_runable", "recovery.wake: expected a symbol of the guest, found "
                                       "\"make_runable\" (did you mean \"make_runnable\"?)\n"},
        {"recovery.thread={\"by\":\"symbol\",\"name\":\"heep\"}",
         "recovery.thread.name: expected a symbol of the guest, found \"heep\" (did you mean "
         "\"heap\"?)\n"},
        {"inject={\"at\":\"sys_file_writ\",\"kind\":\"bug\"}",
         "inject.at: expected a symbol of the guest, found \"sys_file_writ\" (did you mean "
         "\"sys_file_write\"?)\n"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct run run;
        char expected[240];
        snprintf(expected, sizeof expected, "iaso: configs/agora-null.json: %s", wrong[i].error);
        RUN(&run, "run", "configs/agora-null.json", "-q", "--set", wrong[i].set);
        cr_expect_eq(run.code, 2, "%s: %d", wrong[i].set, run.code);
        cr_expect_str_eq(run.err, expected);
        cr_expect_eq(run.out_size, 0, "%s", run.out);
        run_free(&run);
    }
}

struct policy_case {
    char config[40], set[40], what[12], how[12];
    int code;
};

/* Each asks for something else than the config, and gets it. */
ParameterizedTestParameters(system_agora, a_policy_is_followed)
{
    static struct policy_case cases[] = {
        {"configs/agora-bug.json", "recovery.on_failure=retry", "failed", "retry", 0},
        {"configs/agora-null.json", "recovery.log_limit=4K", "refused", "log-limit", 1},
    };
    return cr_make_param_array(struct policy_case, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(struct policy_case *test, system_agora, a_policy_is_followed)
{
    struct place place;
    struct run run;
    place_make(&place);
    RUN(&run, "run", test->config, "-q", "--set", test->set, "--summary",
        place_file(&place, "summary"));
    cr_expect_eq(run.code, test->code, "%s: %d\n%s", test->set, run.code, run.err);
    cr_expect_eq(!!strstr(run.out, HOLD), !test->code, "%s", run.out);
    cr_expect_not(strstr(run.out, "errors seen"), "%s", run.out);
    cr_assert_eq(cJSON_GetArraySize(events_of(&run)), 1);
    cr_expect_str_eq(text_of(events_of(&run)->child, "what"), test->what);
    cr_expect_str_eq(text_of(events_of(&run)->child, "how"), test->how);
    cr_expect_eq(recovery_number(&run, "refused"), test->code);
    run_free(&run);
    place_remove(&place);
}
