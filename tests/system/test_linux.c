/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stock Debian guest: boots, works, powers off, and does so alike every time. IASO_NO_LINUX
 * leaves these tests out (they take minutes under the sanitizers). */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/harness.h"

#define LINUX  "configs/linux-riscv64.json"
#define SMP    "configs/linux-smp.json"
#define SHELL  "configs/linux-shell.json"
#define DONE   "iaso: workload done, 0 failures"
#define NO_SMP "stress left out: one CPU"

static bool left_out(void)
{
    return getenv("IASO_NO_LINUX") != NULL;
}

static void expect_text(const struct run *run, const char *text)
{
    cr_expect(strstr(run->out, text), "the console does not show \"%s\"; stderr: %s", text,
              run->err);
}

static void boot(struct run *run, struct place *place, const char *config, const char *setting)
{
    place_make(place);
    RUN(run, "run", config, "--quiet", "--set", setting, "--summary",
        place_file(place, "summary.json"));
    cr_expect_eq(run->code, 0, "exit %d: %s", run->code, run->err);
    cr_expect_str_eq(summary_text(run, "end"), "poweroff");
    expect_text(run, DONE);
    static const char *const parts[] = {"files ok", "pipes ok",  "forks ok",   "compile ok",
                                        "disk ok",  "sqlite ok", "postmark ok"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        expect_text(run, parts[i]);
}

/* Twice as configured, and with every page armed at every trap: one and the same run. */
Test(debian, runs_alike, .timeout = 600)
{
    if (left_out())
        cr_skip_test("IASO_NO_LINUX");
    static const char *const settings[] = {"run.pages=open", "run.pages=open", "run.pages=armed"};
    struct run runs[3];
    struct place places[3];
    for (size_t i = 0; i < 3; i++)
        boot(&runs[i], &places[i], LINUX, settings[i]);
    expect_text(&runs[0], "1 CPUs");
    expect_text(&runs[0], NO_SMP);
    expect_same(&runs[0], &runs[1], "the second run");
    expect_same(&runs[0], &runs[2], "armed pages");
    cr_expect_gt(cJSON_GetObjectItem(cJSON_GetObjectItem(runs[2].summary, "pages"), "first_writes")
                     ->valuedouble,
                 100000);
    for (size_t i = 0; i < 3; i++) {
        run_free(&runs[i]);
        place_remove(&places[i]);
    }
}

Test(debian, four_harts, .timeout = 600)
{
    if (left_out())
        cr_skip_test("IASO_NO_LINUX");
    struct run run;
    struct place place;
    boot(&run, &place, SMP, "machine.harts=4");
    expect_text(&run, "4 CPUs");
    expect_text(&run, "stress ok");
    const cJSON *hart;
    cJSON_ArrayForEach(hart, cJSON_GetObjectItem(run.summary, "harts"))
    {
        cr_expect_gt(cJSON_GetObjectItem(hart, "instructions")->valuedouble, 1e8);
    }
    run_free(&run);
    place_remove(&place);
}

/* A script drives the shell; the disk is an overlay, so the image stays as it is. */
Test(debian, shell_by_script, .timeout = 600)
{
    if (left_out())
        cr_skip_test("IASO_NO_LINUX");
    struct run run;
    RUN(&run, "run", SHELL, "--quiet", "--set",
        "run.script=[{\"expect\":\"ready> \",\"send\":\"echo $((6 * 7)) > /mnt/answer; sync; cat "
        "/mnt/answer\\n\",\"timeout\":\"100s\"},{\"expect\":\"\\n42\",\"timeout\":\"10s\"},"
        "{\"expect\":\"ready> \",\"send\":\"poweroff -f\\n\"}]");
    cr_expect_eq(run.code, 0, "exit %d: %s", run.code, run.err);
    run_free(&run);
}

/* The kernel's own panic: symbols, the task's name and the path to it, without debug packages. */
Test(debian, panic_is_diagnosed, .timeout = 600)
{
    if (left_out())
        cr_skip_test("IASO_NO_LINUX");
    struct run run;
    RUN(&run, "run", SHELL, "--set",
        "run.script=[{\"expect\":\"ready> \",\"send\":\"echo c > /proc/sysrq-trigger\\n\"}]");
    cr_expect_eq(run.code, 1, "exit %d: %s", run.code, run.err);
    static const char *const wanted[] = {"in supervisor mode at panic+0x0",
                                         "task sh (pid ",
                                         "sysrq_handle_crash",
                                         "ksys_write",
                                         "last console lines:",
                                         "the guest's kernel panicked"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        cr_expect(strstr(run.err, wanted[i]), "no \"%s\" in: %s", wanted[i], run.err);
    run_free(&run);
}

Test(debian, script_times_out, .timeout = 600)
{
    if (left_out())
        cr_skip_test("IASO_NO_LINUX");
    struct run run;
    RUN(&run, "run", LINUX, "--quiet", "--set",
        "run.script=[{\"expect\":\"no such text\",\"timeout\":\"100ms\"}]");
    cr_expect_eq(run.code, 1, "exit %d: %s", run.code, run.err);
    cr_expect(strstr(run.err, "no such text"), "%s", run.err);
    run_free(&run);
}
