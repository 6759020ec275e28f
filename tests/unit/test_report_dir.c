/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include <criterion/criterion.h>

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/report/report_dir.h"

#define OURS "{\n\t\"format\":\t\"iaso report 2\"\n}\n"

static char top[64], dir[96];
static struct error err;

static void set_up(void)
{
    strcpy(top, "/tmp/iaso-report-dir-XXXXXX");
    cr_assert_not_null(mkdtemp(top));
    snprintf(dir, sizeof dir, "%s/report", top);
    err.text[0] = 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void tear_down(void)
{
    cr_expect_eq(nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

TestSuite(report_dir, .init = set_up, .fini = tear_down);

static const char *path_of(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void put(const char *name, const char *contents)
{
    FILE *out = fopen(path_of(name), "w");
    cr_assert(out && fputs(contents, out) >= 0 && fclose(out) == 0, "%s", name);
}

static bool is_there(const char *name)
{
    struct stat st;
    return lstat(path_of(name), &st) == 0;
}

static void expect_contents(const char *name, const char *expected)
{
    char contents[256] = "";
    FILE *in = fopen(path_of(name), "r");
    cr_assert(in, "%s", name);
    contents[fread(contents, 1, sizeof contents - 1, in)] = '\0';
    fclose(in);
    cr_expect_str_eq(contents, expected, "%s", name);
}

static int entries(const char *path)
{
    struct dirent **all;
    int count = scandir(path, &all, NULL, NULL);
    for (int i = 0; i < count; i++)
        free(all[i]);
    free(all);
    return count - 2;
}

static void make_file(struct report_dir *report, const char *name, const char *contents)
{
    FILE *out = report_dir_create(report, name, &err);
    cr_assert(out, "%s", err.text);
    fputs(contents, out);
    cr_assert_eq(report_dir_close(report, out, false, &err), 0, "%s", err.text);
}

static void expect_refused(const char *path, bool force, const char *why)
{
    err.text[0] = 0;
    struct report_dir *report = report_dir_open(path, force, &err);
    cr_expect_null(report);
    cr_expect(strstr(err.text, why), "\"%s\" is not in: %s", why, err.text);
    report_dir_free(report);
}

/* A report with these files, and nothing else of ours. */
static void make_report(bool force, const char *contents)
{
    struct report_dir *report = report_dir_open(dir, force, &err);
    cr_assert(report, "%s", err.text);
    make_file(report, "report.json", OURS);
    make_file(report, "tables/totals.csv", contents);
    cr_assert_eq(report_dir_commit(report, &err), 0, "%s", err.text);
    report_dir_free(report);
}

Test(report_dir, appears_when_it_is_whole)
{
    char deep[256];
    snprintf(deep, sizeof deep, "%s/a//b/", top);
    snprintf(dir, sizeof dir, "%s/a/b", top);
    struct report_dir *report = report_dir_open(deep, false, &err);
    cr_assert(report, "%s", err.text);
    make_file(report, "tables/totals.csv", "1");
    cr_expect_not(is_there("tables"), "not yet");
    make_file(report, "report.json", OURS);
    cr_expect_null(report_dir_create(report, "report.json", &err), "twice");
    cr_expect_null(report_dir_create(report, "secret.txt", &err), "no name of ours");
    cr_expect_null(report_dir_create(report, "../up.csv", &err));
    cr_expect_null(report_dir_create(report, "tables/../../totals.csv", &err));
    cr_assert_eq(report_dir_commit(report, &err), 0, "%s", err.text);
    report_dir_free(report);
    expect_contents("tables/totals.csv", "1");
    expect_contents("report.json", OURS);
    cr_expect_eq(entries(dir), 2, "no staging folder is left");
}

Test(report_dir, without_commit_nothing_is_left)
{
    char deep[256];
    snprintf(deep, sizeof deep, "%s/a/b/c", top);
    struct report_dir *report = report_dir_open(deep, false, &err);
    cr_assert(report, "%s", err.text);
    make_file(report, "plots/wear.gp", "x");
    report_dir_free(report);
    cr_expect_eq(entries(top), 0, "the parents were made, too");
    cr_assert_eq(mkdir(dir, 0777), 0);
    report = report_dir_open(dir, false, &err);
    cr_assert(report, "an empty folder will do: %s", err.text);
    report_dir_free(report);
    cr_expect(is_there("."), "it was there before");
    report_dir_free(NULL);
}

Test(report_dir, may_be_named_by_a_link)
{
    char link[256];
    snprintf(link, sizeof link, "%s/link", top);
    cr_assert_eq(mkdir(dir, 0777), 0);
    cr_assert_eq(symlink("report", link), 0);
    for (int i = 0; i < 2; i++) {
        struct report_dir *report = report_dir_open(link, i == 1, &err);
        cr_assert(report, "%s", err.text);
        make_file(report, "report.json", OURS);
        cr_assert_eq(report_dir_commit(report, &err), 0, "%s", err.text);
        report_dir_free(report);
        expect_contents("report.json", OURS);
    }
    cr_expect_eq(entries(dir), 1);
    struct report_dir *report = report_dir_reopen(link, &err);
    cr_expect(report, "%s", err.text);
    report_dir_free(report);
}

Test(report_dir, is_not_overwritten_unasked)
{
    make_report(false, "old");
    expect_refused(dir, false, "--force");
    expect_contents("tables/totals.csv", "old");
    make_report(true, "new");
    expect_contents("tables/totals.csv", "new");
    struct report_dir *report = report_dir_open(dir, true, &err);
    cr_assert(report);
    make_file(report, "tables/totals.csv", "never");
    report_dir_free(report);
    expect_contents("tables/totals.csv", "new");
}

Test(report_dir, files_of_others_stay)
{
    make_report(false, "old");
    put("notes.txt", "mine");
    put("tables/mine.txt", "mine");
    cr_assert_eq(mkdir(path_of("plots"), 0777), 0);
    put("plots/paper.gp", "my own picture");
    put("tables/mine.csv", "my own table");
    put("power.vcd", "stale");
    put("tables/lives.csv", "stale");
    cr_assert_eq(symlink("/etc/hostname", path_of("tables/voltage.csv")), 0);
    make_report(true, "new");
    expect_contents("notes.txt", "mine");
    expect_contents("tables/mine.txt", "mine");
    expect_contents("plots/paper.gp", "my own picture");
    expect_contents("tables/mine.csv", "my own table");
    cr_expect_not(is_there("power.vcd"), "was the older report's");
    cr_expect_not(is_there("tables/lives.csv"), "was the older report's");
    cr_expect(is_there("tables/voltage.csv"), "reports have no links");
}

Test(report_dir, only_reports_are_replaced)
{
    static const char *const foreign[] = {
        "",
        "{}",
        "not JSON",
        "\"iaso report 1\"",
        "{ \"format\": 1 }",
        "{ \"format\": \"somebody's report 1\" }",
        "{\"format\":\"iaso repor",
    };
    cr_assert_eq(mkdir(dir, 0777), 0);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        put("report.json", foreign[i]);
        expect_refused(dir, true, "no report of ours");
        expect_refused(dir, false, "no report of ours");
        expect_contents("report.json", foreign[i]);
        cr_expect_eq(entries(dir), 1);
    }
    unlink(path_of("report.json"));
    cr_assert_eq(mkfifo(path_of("report.json"), 0600), 0);
    expect_refused(dir, true, "no report of ours");
    unlink(path_of("report.json"));
    cr_assert_eq(symlink("/nonexistent", path_of("report.json")), 0);
    expect_refused(dir, true, "no report of ours");
    unlink(path_of("report.json"));
    cr_assert_eq(mkdir(path_of("report.json"), 0777), 0);
    expect_refused(dir, true, "no report of ours");
}

Test(report_dir, damaged_and_older_ones_are_ours)
{
    cr_assert_eq(mkdir(dir, 0777), 0);
    put("report.json", "{ \"format\": \"iaso report 1\", \"cut o");
    expect_refused(dir, false, "--force");
    make_report(true, "new");
    expect_contents("report.json", OURS);
}

Test(report_dir, something_else_in_the_way)
{
    char outside[96];
    snprintf(outside, sizeof outside, "%s/outside", top);
    cr_assert_eq(mkdir(outside, 0777), 0);
    make_report(false, "old");
    cr_assert_eq(symlink(outside, path_of("plots")), 0);
    expect_refused(dir, true, "plots: expected a folder");
    unlink(path_of("plots"));
    put("plots", "a file");
    expect_refused(dir, true, "plots: expected a folder");
    unlink(path_of("plots"));
    cr_assert_eq(mkdir(path_of("report.html"), 0777), 0);
    expect_refused(dir, true, "report.html: expected a file");
    cr_assert_eq(rmdir(path_of("report.html")), 0);
    struct report_dir *report = report_dir_open(dir, true, &err);
    cr_assert(report);
    make_file(report, "plots/wear.gp", "new");
    cr_assert_eq(symlink(outside, path_of("plots")), 0); /* during the run */
    cr_expect_eq(report_dir_commit(report, &err), -1);
    report_dir_free(report);
    cr_expect_eq(entries(outside), 0);
    unlink(path_of("plots"));
    expect_contents("tables/totals.csv", "old");
    /* A file that is a link is replaced, not followed. */
    unlink(path_of("tables/totals.csv"));
    put("victim", "untouched");
    cr_assert_eq(symlink("../victim", path_of("tables/totals.csv")), 0);
    make_report(true, "new");
    expect_contents("victim", "untouched");
    expect_contents("tables/totals.csv", "new");
}

Test(report_dir, no_folder_there)
{
    char deep[256];
    FILE *out = fopen(dir, "w");
    cr_assert(out && fclose(out) == 0);
    expect_refused(dir, true, "report");
    snprintf(deep, sizeof deep, "%s/below", dir);
    expect_refused(deep, true, "report");
    expect_refused("", false, "expected the name of a directory");
    expect_refused("/proc/self/report", false, "/proc/self/report");
    char *long_name = malloc(10241);
    memset(long_name, 'x', 10240);
    long_name[10240] = 0;
    expect_refused(long_name, false, "the name is too long");
    free(long_name);
    cr_expect_eq(entries(top), 1);
    cr_expect_null(report_dir_reopen(dir, &err));
    unlink(dir);
    cr_expect_null(report_dir_reopen(dir, &err));
    cr_expect_eq(entries(top), 0, "reopening makes nothing");
}

/* As somebody who may not write there; root may always. */
Test(report_dir, read_only)
{
    int status;
    make_report(false, "old");
    cr_assert_eq(chmod(dir, 0555), 0);
    cr_assert_eq(chmod(top, 0755), 0);
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        if (geteuid() == 0 && setresuid(65534, 65534, 65534))
            _exit(1);
        struct report_dir *report = report_dir_open(dir, true, &err);
        _exit(!report && strstr(err.text, "cannot write a report there") ? 42 : 2);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 42, "%d", status);
    expect_contents("tables/totals.csv", "old");
    cr_assert_eq(chmod(dir, 0755), 0);
}

/* The limit on the size of files is as good as a full disk. */
Test(report_dir, full_disk)
{
    make_report(false, "old");
    struct report_dir *report = report_dir_open(dir, true, &err);
    cr_assert(report);
    FILE *out = report_dir_create(report, "report.json", &err);
    cr_assert(out);
    const struct rlimit small = {1000, 1000};
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 100000; i++)
        fputc('x', out);
    cr_expect_eq(report_dir_close(report, out, false, &err), -1);
    cr_expect(strstr(err.text, "cannot write the report"), "%s", err.text);
    report_dir_free(report);
    expect_contents("report.json", OURS);
    cr_expect_eq(entries(dir), 2);
}

Test(report_dir, really_full_disk)
{
    cr_assert_eq(mkdir(dir, 0777), 0);
    if (mount("none", dir, "tmpfs", 0, "size=16k"))
        cr_skip_test("needs the right to mount");
    struct report_dir *report = report_dir_open(dir, false, &err);
    cr_assert(report, "%s", err.text);
    FILE *out = report_dir_create(report, "report.json", &err);
    cr_assert(out, "%s", err.text);
    for (int i = 0; i < 100000; i++)
        fputc('x', out);
    cr_expect_eq(report_dir_close(report, out, false, &err), -1);
    cr_expect(strstr(err.text, strerror(ENOSPC)), "%s", err.text);
    report_dir_free(report);
    cr_expect_eq(entries(dir), 0);
    cr_assert_eq(umount(dir), 0);
}

Test(report_dir, one_run_at_a_time)
{
    int status;
    struct report_dir *report = report_dir_open(dir, false, &err);
    cr_assert(report);
    expect_refused(dir, true, "another run");
    cr_expect_null(report_dir_reopen(dir, &err));
    pid_t pid = fork();
    if (pid == 0) {
        struct report_dir *other = report_dir_open(dir, true, &err);
        _exit(other ? 1 : 42);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 42);
    make_file(report, "report.json", OURS);
    cr_assert_eq(report_dir_commit(report, &err), 0, "%s", err.text);
    report_dir_free(report);
    expect_refused(dir, false, "--force");
}

/* A run that was killed holds nothing, and what it began is no obstacle. */
Test(report_dir, after_a_killed_run)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct report_dir *report = report_dir_open(dir, false, &err);
        FILE *out = report ? report_dir_create(report, "plots/wear.gp", &err) : NULL;
        if (out)
            fflush(out);
        raise(SIGKILL);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(entries(dir), 1, "its staging folder");
    make_report(false, "new");
    cr_expect_eq(entries(dir), 2);
    cr_expect_not(is_there("plots"));
}

/* While it put its first report in place, report.json being the last. */
Test(report_dir, after_a_run_killed_late)
{
    cr_assert_eq(mkdir(dir, 0777), 0);
    cr_assert_eq(mkdir(path_of("tables"), 0777), 0);
    cr_assert_eq(mkdir(path_of(".iaso-new"), 0777), 0);
    put(".iaso-new/report.json", OURS);
    put("tables/lives.csv", "1");
    put("config.json", "{}");
    expect_refused(dir, false, "a part of a report (--force replaces it)");
    put("tables/notes.txt", "mine");
    expect_refused(dir, true, "no report of ours");
    unlink(path_of("tables/notes.txt"));
    cr_assert_eq(mkdir(path_of("mine"), 0777), 0);
    expect_refused(dir, true, "no report of ours");
    cr_assert_eq(rmdir(path_of("mine")), 0);
    cr_assert_eq(symlink("/etc/hostname", path_of("power.vcd")), 0);
    expect_refused(dir, true, "no report of ours");
    unlink(path_of("power.vcd"));
    cr_expect_null(report_dir_reopen(dir, &err), "there is nothing to make it of");
    make_report(true, "new");
    expect_contents("tables/totals.csv", "new");
    cr_expect_not(is_there("tables/lives.csv"));
    cr_expect_not(is_there("config.json"));
}

Test(report_dir, rebuilt)
{
    make_report(false, "old");
    put("trace.json", "recorded");
    put("report.html", "stale");
    cr_assert_eq(mkdir(path_of("plots"), 0777), 0);
    put("plots/wear.svg", "drawn elsewhere");
    put("plots/energy.svg", "stale");
    struct report_dir *report = report_dir_reopen(dir, &err);
    cr_assert(report, "%s", err.text);
    cr_expect_null(report_dir_create(report, "trace.json", &err), "is recorded, not derived");
    make_file(report, "tables/totals.csv", "new");
    make_file(report, "plots/wear.gp", "new");
    cr_assert_eq(report_dir_commit(report, &err), 0, "%s", err.text);
    report_dir_free(report);
    expect_contents("report.json", OURS);
    expect_contents("trace.json", "recorded");
    expect_contents("plots/wear.svg", "drawn elsewhere");
    cr_expect_not(is_there("plots/energy.svg"), "is of no script");
    expect_contents("tables/totals.csv", "new");
    cr_expect_not(is_there("report.html"));
}

Test(report_dir, kept_when_rebuilt)
{
    make_report(false, "old");
    cr_assert_eq(mkdir(path_of("plots"), 0777), 0);
    put("plots/style.gp", "my style");
    struct report_dir *report = report_dir_reopen(dir, &err);
    cr_assert(report, "%s", err.text);
    cr_expect_eq(report_dir_keep(report, "plots/style.gp", &err), 1, "%s", err.text);
    cr_expect_eq(report_dir_keep(report, "plots/wear.gp", &err), 0, "there is none");
    cr_assert_eq(mkfifo(path_of("plots/cuts.gp"), 0600), 0);
    cr_expect_eq(report_dir_keep(report, "plots/cuts.gp", &err), 0, "no file");
    unlink(path_of("plots/cuts.gp"));
    cr_assert_eq(report_dir_commit(report, &err), 0, "%s", err.text);
    report_dir_free(report);
    expect_contents("plots/style.gp", "my style");
    report = report_dir_open(dir, true, &err);
    cr_assert(report, "%s", err.text);
    cr_expect_eq(report_dir_keep(report, "plots/style.gp", &err), 0, "of another run");
    report_dir_free(report);
}
