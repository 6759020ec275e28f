/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults in system calls of stock Debian: each kills the kernel, unless the domain of the failing
 * call is rolled back; then its caller gets an error and all that comes later works. Left out
 * only if IASO_NO_LINUX is set. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/harness.h"

#define CONFIG "configs/linux-inject.json"
#define STRICT                                                          \
    "bootargs=console=ttyS0 rdinit=/init cryptomgr.notests oops=panic " \
    "iaso.workload=victim,selfcheck,files,pipes,forks,check"

/* `task` runs in step `step` of the workload's part "victim" when it gets to `at` the nth time. */
struct fault {
    char step[8], at[28], nth[4], task[16], kind[8];
    char more[4][20]; /* further arguments */
};

static struct fault faults[] = {
    /* File systems. The code of ext4 itself is a module, whose symbols are not in the image. */
    {"tmpfs", "vfs_mkdir", "3", "mkdir", "null", {""}},
    {"tmpfs", "vfs_unlink", "1", "rm", "bug", {""}},
    {"tmpfs", "vfs_symlink", "1", "ln", "wild", {"--address", "names_cachep"}},
    {"tmpfs", "generic_perform_write", "3", "dd", "flip", {"--register", "a1", "--bit", "50"}},
    {"ext4", "generic_perform_write", "12", "dd", "bug", {""}},
    {"ext4", "vfs_rename", "2", "mv", "null", {""}},
    {"ext4", "vfs_fsync_range", "2", "dd", "bug", {""}},
    /* Memory; what a page fault does is done again. */
    {"memory", "do_mmap", "1", "sqlite3", "null", {""}},
    {"memory", "handle_mm_fault", "20", "sqlite3", "bug", {""}},
    {"memory", "begin_new_exec", "1", "victim-memory", "null", {""}},
    {"memory", "copy_page_range+8", "1", "victim-memory", "skip", {""}},
    {"memory", "dup_fd", "1", "victim-memory", "wild", {"--address", "files_cachep"}},
    /* Pipes. */
    {"pipe", "create_pipe_files", "1", "victim-pipe", "null", {""}},
    {"pipe", "pipe_read", "1", "cat", "bug", {""}},
    {"pipe", "pipe_write", "2", "seq", "hang", {""}},
    {"pipe", "fifo_open", "1", "awk", "flip", {"--register", "a1", "--bit", "45"}},
    /* Sockets. */
    {"socket", "__sys_socket", "1", "ping", "wild", {"--address", "sock_inode_cachep"}},
    {"socket", "sock_alloc_inode", "1", "httpd", "bug", {""}},
    {"socket", "inet_csk_accept", "1", "httpd", "null", {""}},
    {"socket", "tcp_v4_connect", "1", "wget", "bug", {""}},
    {"socket", "tcp_sendmsg_locked", "1", "wget", "null", {""}},
    /* Timers. */
    {"timer", "hrtimer_nanosleep", "1", "sleep", "null", {""}},
    {"timer", "do_nanosleep", "1", "usleep", "flip", {"--register", "a0", "--bit", "44"}},
    /* Signals. */
    {"signal", "do_send_sig_info", "1", "victim-signal", "null", {""}},
    {"signal",
     "__send_signal_locked",
     "2",
     "victim-signal",
     "flip",
     {"--register", "a1", "--bit", "46"}},
    {"signal", "do_sigaction", "3", "victim-signal", "bug", {""}},
    {"signal", "get_signal", "1", "victim-signal", "bug", {""}},
    {"signal", "kernel_wait4+8", "1", "victim-signal", "skip", {""}},
};

static bool is_hang(const struct fault *fault)
{
    return !strcmp(fault->kind, "hang");
}

static void inject(struct run *run, struct place *place, const struct fault *fault,
                   const char *enabled)
{
    const char *arguments[32] = {"inject", CONFIG,      "--at",      fault->at,
                                 "--nth",  fault->nth,  "--task",    fault->task,
                                 "--kind", fault->kind, "--summary", place_file(place, "summary"),
                                 "--set",  enabled,     "--set",     STRICT};
    size_t count = 16;
    for (size_t i = 0; i < 4 && *fault->more[i]; i++)
        arguments[count++] = fault->more[i];
    arguments[count++] = "--set";
    arguments[count++] = is_hang(fault) ? "recovery.failure.hang=1200M" : "recovery.failure.hang=0";
    if (getenv("IASO_NO_LINUX"))
        cr_skip_test("IASO_NO_LINUX is set");
    run_program(run, NULL, arguments);
}

static void expect_printed(const struct run *run, const struct fault *fault, const char *text,
                           bool expected)
{
    cr_expect(!!strstr(run->out, text) == expected, "%s at %s: \"%s\" was%s printed\n%s%s",
              fault->kind, fault->at, text, expected ? " not" : "", run->out, run->err);
}

static double recovery_number(const struct run *run, const char *key)
{
    const cJSON *recovery = cJSON_GetObjectItem(run->summary, "recovery");
    return cJSON_GetNumberValue(cJSON_GetObjectItem(recovery, key));
}

ParameterizedTestParameters(system_inject, recovers)
{
    return cr_make_param_array(struct fault, faults, sizeof faults / sizeof *faults);
}

ParameterizedTest(struct fault *fault, system_inject, recovers)
{
    static const char *const strict[] = {"iaso: victim ok",
                                         "iaso: selfcheck ok",
                                         "iaso: files ok",
                                         "iaso: pipes ok",
                                         "iaso: forks ok",
                                         "iaso: check ok",
                                         "iaso: workload done, 0 failures"};
    struct place place;
    struct run run;
    place_make(&place);
    inject(&run, &place, fault, "recovery.enabled=true");
    cr_expect_eq(run.code, 0, "%s at %s: exit %d\n%s", fault->kind, fault->at, run.code, run.err);
    cr_expect_str_eq(summary_text(&run, "end"), "poweroff");
    for (size_t i = 0; i < sizeof strict / sizeof *strict; i++)
        expect_printed(&run, fault, strict[i], true);
    expect_printed(&run, fault, "iaso: FAILED", false);
    cr_expect_geq(recovery_number(&run, "faults"), 1, "%s at %s", fault->kind, fault->at);
    cr_expect_eq(recovery_number(&run, "recovered"), recovery_number(&run, "faults"), "%s at %s",
                 fault->kind, fault->at);
    cr_expect_eq(recovery_number(&run, "refused"), 0, "%s at %s", fault->kind, fault->at);
    run_free(&run);
    place_remove(&place);
}

ParameterizedTestParameters(system_inject, dies_without_recovery)
{
    return cr_make_param_array(struct fault, faults, sizeof faults / sizeof *faults);
}

ParameterizedTest(struct fault *fault, system_inject, dies_without_recovery)
{
    struct place place;
    struct run run;
    place_make(&place);
    inject(&run, &place, fault, "recovery.enabled=false");
    cr_expect_eq(run.code, 1, "%s at %s: exit %d\n%s", fault->kind, fault->at, run.code, run.err);
    cr_expect_str_eq(summary_text(&run, "end"), is_hang(fault) ? "stuck" : "panic");
    /* It hit where it was meant to. */
    char task[40];
    snprintf(task, sizeof task, ", task %s (pid ", fault->task);
    cr_expect(strstr(run.err, task), "%s at %s: not in %s:\n%s", fault->kind, fault->at,
              fault->task, run.err);
    expect_printed(&run, fault, "iaso: victim ...", true);
    expect_printed(&run, fault, "iaso: victim ok", false);
    run_free(&run);
    place_remove(&place);
}
