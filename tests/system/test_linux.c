/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stock Debian: its own kernel, OpenSBI underneath, busybox on top. Left out only if
 * IASO_NO_LINUX is set. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/harness.h"

#define LINUX   "build/guests/linux-riscv64"
#define STOCK   "configs/linux-riscv64.json"
#define SMP     "configs/linux-smp.json"
#define SHELL   "configs/linux-shell.json"
#define WORK(x) "bootargs=console=ttyS0 rdinit=/init cryptomgr.notests iaso.workload=" x

static void need_linux(void)
{
    if (getenv("IASO_NO_LINUX"))
        cr_skip_test("IASO_NO_LINUX is set");
    free(read_whole(LINUX "/vmlinux", NULL)); /* `make guests` has not run? */
}

static void expect_printed(const struct run *run, const char *const texts[])
{
    for (size_t i = 0; texts[i]; i++)
        cr_expect(strstr(run->out, texts[i]), "the console does not show \"%s\"; exit %d\n%s",
                  texts[i], run->code, run->err);
}

/* The whole workload, on the distribution's kernel as it is. */
Test(system_linux, boots_works_and_powers_off)
{
    static const char *const parts[] = {
        "OpenSBI v",       "Linux version 6.", "iaso: files ok", "iaso: pipes ok",
        "iaso: forks ok",  "iaso: compile ok", "iaso: disk ok",  "iaso: postmark ok",
        "iaso: sqlite ok", "iaso: check ok",   "iaso: rng ok",   "iaso: workload done, 0 failures",
        "EXT4-fs (vda)",   "Power down",       "1 CPUs",         NULL};
    struct place place;
    struct run first;
    size_t before_size, after_size;
    need_linux();
    place_make(&place);
    char *before = read_whole(LINUX "/disk.img", &before_size);
    RUN(&first, "run", STOCK, "--summary", place_file(&place, "first"));
    cr_expect_eq(first.code, 0, "%s", first.err);
    cr_expect_str_eq(summary_text(&first, "end"), "poweroff");
    expect_printed(&first, parts);
    cr_expect(!strstr(first.out, "iaso: FAILED"), "%s", first.out);
    cr_expect(!strstr(first.out, "Call Trace"), "%s", first.out);
    cr_expect_eq(summary_number(&first, "console_bytes"), (double)first.out_size);

    char *after = read_whole(LINUX "/disk.img", &after_size);
    cr_expect(before_size == after_size && !memcmp(before, after, after_size),
              "the run changed the disk image");
    free(before);
    free(after);
    run_free(&first);
    place_remove(&place);
}

/* A run in one page mode is the run in another. */
static void compare(const char *config, const char *bootargs, const char *mode)
{
    struct place place;
    struct run a, b;
    char set[40];
    need_linux();
    place_make(&place);
    snprintf(set, sizeof set, "run.pages=%s", mode);
    RUN(&a, "run", config, "--set", bootargs, "--summary", place_file(&place, "a"));
    cr_expect_eq(a.code, 0, "%s", a.err);
    RUN(&b, "run", config, "--set", bootargs, "--set", set, "--summary", place_file(&place, "b"));
    cr_expect_eq(b.code, 0, "%s: %s", mode, b.err);
    expect_same(&a, &b, mode);
    cr_expect(a.out_size == b.out_size && !memcmp(a.out, b.out, a.out_size));
    run_free(&a);
    run_free(&b);
    place_remove(&place);
}

#define ALL WORK("all")

Test(system_linux, is_the_same_run_twice)
{
    compare(STOCK, ALL, "open");
}

Test(system_linux, is_the_same_run_with_all_pages_armed)
{
    compare(STOCK, ALL, "armed");
}

Test(system_linux, is_the_same_run_with_all_pages_precise)
{
    compare(STOCK, WORK("files,sqlite"), "precise");
}

Test(system_linux, is_the_same_run_with_hooks_on_every_access)
{
    compare(STOCK, WORK("none"), "hooked");
}

Test(system_linux, is_the_same_run_twice_on_four_harts)
{
    compare(SMP, WORK("pipes,forks,stress"), "open");
}

Test(system_linux, is_the_same_run_on_four_harts_with_all_pages_armed)
{
    compare(SMP, WORK("pipes,forks"), "armed");
}

Test(system_linux, four_harts)
{
    static const char *const parts[] = {"smp: Brought up 1 node, 4 CPUs", ", 4 CPUs, workload",
                                        "iaso: stress ok", "iaso: workload done, 0 failures", NULL};
    struct place place;
    struct run run;
    need_linux();
    place_make(&place);
    RUN(&run, "run", STOCK, "--set", "machine.harts=4", "--summary", place_file(&place, "summary"));
    cr_expect_eq(run.code, 0, "%s", run.err);
    expect_printed(&run, parts);
    /* Each hart has done its share. */
    const cJSON *harts = cJSON_GetObjectItem(run.summary, "harts"), *hart;
    cr_expect_eq(cJSON_GetArraySize(harts), 4);
    cJSON_ArrayForEach(hart, harts)
    {
        const cJSON *insns = cJSON_GetObjectItem(hart, "instructions");
        cr_expect_gt(cJSON_GetNumberValue(insns), 1e8);
    }
    run_free(&run);
    place_remove(&place);
}

Test(system_linux, eight_harts)
{
    static const char *const parts[] = {", 8 CPUs, workload", "iaso: pipes ok", NULL};
    struct run run;
    need_linux();
    RUN(&run, "run", SMP, "--set", "machine.harts=8", "--set", WORK("pipes"));
    cr_expect_eq(run.code, 0, "%s", run.err);
    expect_printed(&run, parts);
    run_free(&run);
}

/* ---- The shell ----------------------------------------------------------------------------- */

static const char *shell_config(struct place *place, const char *script, const char *expect)
{
    return place_write(place, "shell.json",
                       "{ \"load\": [ { \"firmware\": \"opensbi\" },\n"
                       "  { \"kernel\": \"" LINUX "/vmlinux\" },\n"
                       "  { \"initrd\": \"" LINUX "/initramfs.gz\" } ],\n"
                       "  \"bootargs\": \"console=ttyS0 rdinit=/init cryptomgr.notests "
                       "iaso.workload=shell\",\n"
                       "  \"devices\": { \"disk0\": { \"type\": \"virtio-blk\", \"file\": \"" LINUX
                       "/disk.img\" } },\n"
                       "  \"run\": { \"max_insns\": \"20G\", \"script\": [\n%s ] },\n"
                       "  \"expect\": { \"console\": \"%s\" } }",
                       script, expect);
}

Test(system_linux, a_script_drives_the_shell)
{
    struct place place;
    struct run run;
    need_linux();
    place_make(&place);
    const char *config = shell_config(
        &place,
        "{ \"expect\": \"ready> \", \"send\": \"echo $((6*7)) | tee /mnt/answer\\n\", "
        "\"timeout\": \"100s\" },\n"
        "{ \"expect\": \"42\" },\n"
        "{ \"expect\": \"ready> \", \"send\": \"sync; cat /mnt/answer /etc/passwd; exit\\n\", "
        "\"timeout\": \"10s\" }",
        "iaso: workload done, 0 failures");
    RUN(&run, "run", config);
    cr_expect_eq(run.code, 0, "%s", run.err);
    cr_expect(strstr(run.out, "\n42\r"), "%s", run.out);
    cr_expect(strstr(run.out, "root:"), "%s", run.out);
    run_free(&run);
    place_remove(&place);
}

Test(system_linux, a_person_drives_the_shell)
{
    struct session session;
    need_linux();
    const char *const arguments[] = {"run", SHELL, NULL};
    session_start(&session, SESSION_TERMINAL, arguments);
    session_expect(&session, "ready> ");
    session_send(&session, "uname -m; nproc\r");
    session_expect(&session, "riscv64");
    session_expect(&session, "ready> ");
    session_send(&session, "sleep 100\r\003"); /* Ctrl-C is for the guest */
    session_expect(&session, "ready> ");
    session_send(&session, "exit\r");
    session_expect(&session, "iaso: workload done, 0 failures");
    cr_expect_eq(session_end(&session), 0, "%s", session.seen);
    session_free(&session);
}

Test(system_linux, reboots)
{
    struct place place;
    struct run run;
    need_linux();
    place_make(&place);
    const char *config = shell_config(&place,
                                      "{ \"expect\": \"ready> \", \"send\": \"reboot -f\\n\" },\n"
                                      "{ \"expect\": \"Linux version\" },\n"
                                      "{ \"expect\": \"ready> \", \"send\": \"exit\\n\" }",
                                      "iaso: workload done, 0 failures");
    RUN(&run, "run", config, "--summary", place_file(&place, "summary"));
    cr_expect_eq(run.code, 0, "%s", run.err);
    cr_expect_eq(summary_number(&run, "reboots"), 1);
    run_free(&run);
    place_remove(&place);
}

/* ---- Ends that are not good ---------------------------------------------------------------- */

static void expect_diagnosis(const struct run *run, const char *const texts[])
{
    for (size_t i = 0; texts[i]; i++)
        cr_expect(strstr(run->err, texts[i]), "no \"%s\" in:\n%s", texts[i], run->err);
}

Test(system_linux, a_panic_is_shown_with_task_registers_and_backtrace)
{
    static const char *const texts[] = {"hart 0 in supervisor mode at panic+0x0",
                                        "task sh (pid ",
                                        "scause",
                                        "backtrace:",
                                        "sysrq_handle_crash+",
                                        "vfs_write+",
                                        "handle_exception+",
                                        "last console lines:",
                                        "Kernel panic - not syncing: sysrq triggered crash",
                                        "iaso: failed: the guest's kernel panicked",
                                        NULL};
    struct place place;
    struct run run;
    need_linux();
    place_make(&place);
    const char *config = shell_config(
        &place, "{ \"expect\": \"ready> \", \"send\": \"echo c > /proc/sysrq-trigger\\n\" }",
        "ready> ");
    RUN(&run, "run", config, "--console", "none", "--summary", place_file(&place, "summary"));
    cr_expect_eq(run.code, 1);
    cr_expect_str_eq(summary_text(&run, "end"), "panic");
    expect_diagnosis(&run, texts);
    run_free(&run);
    place_remove(&place);
}

Test(system_linux, a_panic_without_root_file_system)
{
    static const char *const texts[] = {"panic+0x0", "task swapper", "VFS: Unable to mount root fs",
                                        NULL};
    struct run run;
    need_linux();
    RUN(&run, "run", STOCK, "--console", "none", "--set", "bootargs=console=ttyS0 rdinit=/none");
    cr_expect_eq(run.code, 1);
    expect_diagnosis(&run, texts);
    run_free(&run);
}

Test(system_linux, a_limit_shows_where_the_kernel_is)
{
    static const char *const texts[] = {
        "hart 0 in supervisor mode at ", "task ", "backtrace:", "start_kernel+",
        "within the instruction limit",  NULL};
    struct place place;
    struct run run;
    need_linux();
    place_make(&place);
    RUN(&run, "run", STOCK, "--max-insns", "150M", "--summary", place_file(&place, "summary"));
    cr_expect_eq(run.code, 1);
    cr_expect_str_eq(summary_text(&run, "end"), "limit");
    expect_diagnosis(&run, texts);
    run_free(&run);
    place_remove(&place);
}
