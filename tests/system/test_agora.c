/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The teaching kernel: its invariants hold and its runs repeat; each of its planted faults kills
 * it, as long as nobody rolls anything back. */
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
