/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* unshare() */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/stores.h"

static char dir[] = "/tmp/iaso-store-XXXXXX";
static char path[80];

static void setup(void)
{
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/a.db", dir);
}

static void teardown(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(store, .init = setup, .fini = teardown);

/* Opening fails with this message behind the file's name, and changes nothing of the file. */
static void refused(const char *file, enum store_mode mode, const struct store_identity *identity,
                    const char *expected)
{
    struct error err = {""};
    char message[600];
    struct stat before = {0}, after = {0};
    bool was = stat(file, &before) == 0;
    cr_assert_null(store_open(file, mode, identity, &err));
    snprintf(message, sizeof message, "%s: %s", file, expected);
    cr_expect_str_eq(err.text, message);
    cr_expect_eq(stat(file, &after) == 0, was);
    cr_expect_eq(before.st_size, after.st_size);
    cr_expect_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

static void write_file(const char *file, const void *data, size_t size)
{
    FILE *out = fopen(file, "w");
    cr_assert(out && fwrite(data, 1, size, out) == size && fclose(out) == 0);
}

/* ---- What goes in comes out ---------------------------------------------------------------- */

Test(store, keeps_what_it_is_told)
{
    struct error err;
    struct store *store = opened(path, STORE_NEW, &whole);
    char *value;
    add(store, 2, "b", "fine", NULL);
    add(store, 1, "000002", "fails", "{\"x\":2}");
    add(store, 1, "000001.000001", "fine", NULL);
    add(store, 1, "000001", "fine", NULL);
    cr_assert_eq(store_set(store, "states", "17", &err), 0);
    closed(store);
    cr_assert_eq(files_in(dir), 1, "a single file");

    store = opened(path, STORE_RESUME, &whole);
    cr_assert_str_eq(table_of(store), "1 000001 fine - 1\n1 000001.000001 fine - 1\n"
                                      "1 000002 fails {\"x\":2} 1\n2 b fine - 1\n");
    cr_assert_eq(store_get(store, "states", &value, &err), 0);
    cr_assert_str_eq(value, "17");
    free(value);
    cr_assert_eq(store_get(store, "none", &value, &err), 0);
    cr_assert_null(value);
    uint64_t count;
    cr_assert_eq(store_count(store, 1, NULL, &count, &err), 0);
    cr_assert_eq(count, 3);
    cr_assert_eq(store_count(store, 1, "fine", &count, &err), 0);
    cr_assert_eq(count, 2);
    cr_assert_str_eq(store_identity(store)->kind, "sweep");
    cr_assert_str_eq(store_identity(store)->config, "x.json");
    cr_assert_eq(store_identity(store)->shards, 1);
    closed(store);
}

Test(store, facts_and_results_are_said_once)
{
    struct error err;
    char message[200];
    struct store *store = opened(path, STORE_NEW, &whole);
    cr_assert_eq(store_set(store, "states", "17", &err), 0);
    cr_assert_eq(store_set(store, "states", "17", &err), 0);
    cr_assert_eq(store_set(store, "states", "18", &err), -1);
    snprintf(message, sizeof message,
             "%s: states: expected \"17\", as when this campaign began, found \"18\"", path);
    cr_assert_str_eq(err.text, message);
    add(store, 1, "a", "fine", NULL);
    const struct campaign_result again = {1, "a", "fails", NULL, 1};
    cr_assert_eq(store_add(store, &again, &err), -1);
    cr_assert(strstr(err.text, "UNIQUE"), "%s", err.text);
    cr_assert_str_eq(table_of(store), "1 a fine - 1\n");
    closed(store);
}

Test(store, names_that_sqlite_would_take_for_something_else)
{
    cr_assert_eq(chdir(dir), 0);
    struct store *store = opened(":memory:", STORE_NEW, &whole);
    cr_assert_str_eq(store_path(store), ":memory:");
    closed(store);
    cr_assert_eq(access(":memory:", F_OK), 0);
    closed(opened("file:x?mode=memory", STORE_NEW, &whole));
    cr_assert_eq(access("file:x?mode=memory", F_OK), 0);
    cr_assert_eq(chdir("/"), 0);
}

Test(store, can_be_read_while_it_is_written)
{
    struct store *store = opened(path, STORE_NEW, &whole);
    struct error err;
    add(store, 1, "a", "fine", NULL);
    cr_assert_eq(store_commit(store, &err), 0);
    add(store, 1, "b", "fine", NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct store *reader = store_open(path, STORE_READ, NULL, NULL);
        _exit(reader && !strcmp(table_of(reader), "1 a fine - 1\n") ? 0 : 1);
    }
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
    closed(store);
}

static int count_round(void *opaque, const struct store_round *round, struct error *err)
{
    (void)err;
    *(uint64_t *)opaque += round->items;
    return 0;
}

Test(store, rounds_and_ends)
{
    struct error err;
    bool finished;
    char missing[40], message[200];
    uint64_t items = 0;
    const struct store_identity third = {"sweep", "x.json", "d  c\n", "{}", 3, 3};
    struct store *store = opened(path, STORE_NEW, &third);
    struct store_round round = {1, 3, 3, "depth 1", 100, true};
    cr_assert_eq(store_begin_round(store, &round, &err), 0);
    cr_assert_eq(store_begin_round(store, &round, &err), 0);
    round.items = 99;
    cr_assert_eq(store_begin_round(store, &round, &err), -1);
    snprintf(message, sizeof message,
             "%s: round 1: expected 100 items, as when this campaign began, found 99", path);
    cr_assert_str_eq(err.text, message);
    cr_assert_eq(store_each_round(store, count_round, &items, &err), 0);
    cr_assert_eq(items, 100);
    cr_assert_eq(store_is_finished(store, &finished, missing, sizeof missing, &err), 0);
    cr_assert_not(finished);
    cr_assert_str_eq(missing, "1/3, 2/3, 3/3");
    cr_assert_eq(store_finish(store, &err), 0);
    cr_assert_eq(store_is_finished(store, &finished, missing, sizeof missing, &err), 0);
    cr_assert_not(finished);
    cr_assert_str_eq(missing, "1/3, 2/3");
    cr_assert_eq(store_is_finished(store, &finished, missing, 6, &err), 0);
    cr_assert_str_eq(missing, "1/3, ");
    closed(store);
}

/* ---- The same campaign? -------------------------------------------------------------------- */

Test(store, goes_on_with_the_same_campaign_only)
{
    struct store_identity other = whole;
    closed(opened(path, STORE_RESUME, &whole)); /* begins it */
    refused(path, STORE_NEW, &whole,
            "exists already: go on with it (--resume), or choose another name");
    other.config = "elsewhere/x.json";
    closed(opened(path, STORE_RESUME, &other));
    other = whole;
    other.kind = "inject";
    refused(path, STORE_RESUME, &other, "expected a campaign of kind inject, found sweep");
    other = whole;
    other.digest = "c0ffed  the config\n" IMAGE_LINE;
    refused(path, STORE_RESUME, &other,
            "the config has changed since this campaign began (SHA-256 c0ffee  the  then, "
            "c0ffed  the  now): begin another one, without --resume");
    other.digest = CONFIG_LINE "fedcba9876543210  guest.elf\n";
    refused(path, STORE_RESUME, &other,
            "guest.elf has changed since this campaign began (SHA-256 0123456789ab then, "
            "fedcba987654 now): begin another one, without --resume");
    other.digest = CONFIG_LINE;
    refused(path, STORE_RESUME, &other,
            "guest.elf has changed since this campaign began (SHA-256 0123456789ab then, "
            "none now): begin another one, without --resume");
    other.digest = CONFIG_LINE IMAGE_LINE "77777777777777  disk.img\n";
    refused(path, STORE_RESUME, &other,
            "disk.img has changed since this campaign began (SHA-256 none then, "
            "777777777777 now): begin another one, without --resume");
    other = whole;
    other.parameters = "{\"a\":2}";
    refused(path, STORE_RESUME, &other,
            "expected a campaign with the options {\"a\":2}, found {\"a\":1}");
    other = whole;
    other.shard = 2;
    other.shards = 3;
    refused(path, STORE_RESUME, &other, "expected shard 2/3, found 1/1");
}

Test(store, other_versions_are_refused)
{
    closed(opened(path, STORE_NEW, &whole));
    sql(path, "UPDATE identity SET value = '0.0.1' WHERE name = 'version'");
    refused(path, STORE_RESUME, &whole,
            "expected a campaign of iaso 0.1.0, found 0.0.1: begin another one, without --resume");
    closed(opened(path, STORE_READ, NULL));
    sql(path, "PRAGMA user_version = 2");
    refused(path, STORE_READ, NULL,
            "expected version 1 of the database, found 2: made by another iaso");
}

/* ---- Bad files ----------------------------------------------------------------------------- */

static const enum store_mode existing[] = {STORE_RESUME, STORE_READ};

Test(store, foreign_files_are_left_alone)
{
    static const char something_else[] =
        "expected the database of a campaign, found something else";
    char journal[100];
    snprintf(journal, sizeof journal, "%s-journal", path);
    for (int i = 0; i < 2; i++) {
        write_file(path, "some text of mine\n", 18);
        refused(path, existing[i], &whole, something_else);
        unlink(path);
        sql(path, "CREATE TABLE mine(a); INSERT INTO mine VALUES(1)");
        write_file(journal, "not to be touched", 17);
        refused(path, existing[i], &whole, something_else);
        cr_expect_eq(access(journal, F_OK), 0);
        unlink(journal);
        refused(dir, existing[i], &whole,
                i ? "expected the database of a campaign, found no regular file"
                  : "cannot open: Is a directory");
        refused("/dev/null", existing[i], &whole,
                "expected the database of a campaign, found no regular file");
    }
    refused("/nowhere/a.db", STORE_READ, NULL, "cannot open: No such file or directory");
    refused("/nowhere/a.db", STORE_NEW, &whole, "cannot open: No such file or directory");
    refused("/proc/a.db", STORE_NEW, &whole, "cannot open: No such file or directory");
    write_file(path, "", 0);
    refused(path, STORE_READ, NULL, "expected the database of a campaign, found an empty file");
    closed(opened(path, STORE_RESUME, &whole)); /* killed before it had begun */
    cr_assert_eq(mkfifo(journal, 0600), 0);
    refused(journal, STORE_READ, NULL,
            "expected the database of a campaign, found no regular file");
}

static void *read_file(size_t *size)
{
    FILE *in = fopen(path, "r");
    uint8_t *data = malloc(1 << 20);
    cr_assert(in && data);
    *size = fread(data, 1, 1 << 20, in);
    fclose(in);
    return data;
}

static void fill(struct store *store, unsigned count)
{
    char key[20];
    for (unsigned i = 0; i < count; i++) {
        snprintf(key, sizeof key, "%06u", i);
        add(store, 1, key, "fine", "{\"some\":\"thing that takes room\"}");
    }
}

Test(store, truncated_and_damaged_databases)
{
    struct store *store = opened(path, STORE_NEW, &whole);
    size_t size;
    fill(store, 2000);
    closed(store);
    uint8_t *data = read_file(&size);
    cr_assert_gt(size, 40000);
    /* Whatever the damage is, there is an answer, and nobody's file is touched. */
    for (size_t length = 1; length < size; length += length < 200 ? 13 : 4096) {
        struct error err = {""};
        write_file(path, data, length);
        cr_expect_null(store_open(path, STORE_RESUME, &whole, &err), "%zu", length);
        cr_expect(strstr(err.text, "damaged") || strstr(err.text, "something else"), "%s",
                  err.text);
    }
    for (size_t at = 0; at < size; at += 257) {
        struct error err = {""};
        data[at] ^= 0x5a;
        write_file(path, data, size);
        struct store *damaged = store_open(path, STORE_RESUME, &whole, &err);
        cr_expect(damaged || err.text[0], "%zu", at);
        cr_expect_null(strchr(err.text, '\n'), "%s", err.text);
        store_close(damaged, NULL);
        data[at] ^= 0x5a;
    }
    free(data);
}

Test(store, another_campaign_uses_it)
{
    struct store *store = opened(path, STORE_NEW, &whole);
    pid_t pid = fork();
    if (pid == 0) {
        struct error err = {""};
        store_forget(store);
        struct store *mine = store_open(path, STORE_RESUME, &whole, &err);
        _exit(!mine && strstr(err.text, "a.db: another campaign is using it") ? 0 : 1);
    }
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
    closed(store);
    closed(opened(path, STORE_RESUME, &whole));
}

/* As an ordinary user, whoever runs the tests. */
static void as_nobody(void (*function)(void))
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        if (getuid() == 0 && (setgid(65534) || setuid(65534)))
            _exit(1);
        function();
        _exit(0);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
}

static void expect_error(enum store_mode mode, const char *expected)
{
    struct error err = {""};
    if (store_open(path, mode, &whole, &err) || !strstr(err.text, expected))
        _exit(2);
}

static void in_closed_folder(void)
{
    struct error err = {""};
    struct store *store = store_open(path, STORE_RESUME, &whole, &err);
    const struct campaign_result result = {1, "a", "fine", NULL, 1};
    if (!store || (store_add(store, &result, &err) == 0 && store_commit(store, &err) == 0) ||
        !strstr(err.text, "a.db: cannot write the file, or a journal beside it"))
        _exit(3);
}

static void write_protected(void)
{
    expect_error(STORE_RESUME, "a.db: cannot open: Permission denied");
    struct store *store = store_open(path, STORE_READ, NULL, NULL);
    if (!store || strcmp(table_of(store), "1 b fine - 1\n"))
        _exit(3);
}

static void not_readable(void)
{
    expect_error(STORE_READ, "a.db: cannot open: Permission denied");
}

static void not_creatable(void)
{
    expect_error(STORE_NEW, "a.db: cannot open: Permission denied");
}

Test(store, permissions)
{
    struct store *store = opened(path, STORE_NEW, &whole);
    add(store, 1, "b", "fine", NULL);
    closed(store);
    cr_assert_eq(chmod(dir, 0555), 0);
    cr_assert_eq(chmod(path, 0666), 0);
    as_nobody(in_closed_folder);
    cr_assert_eq(chmod(path, 0444), 0);
    as_nobody(write_protected);
    cr_assert_eq(chmod(path, 0), 0);
    as_nobody(not_readable);
    cr_assert_eq(unlink(path), 0);
    as_nobody(not_creatable);
    cr_assert_eq(chmod(dir, 0777), 0);
}

/* ---- No room ------------------------------------------------------------------------------- */

/* Adds and commits until it fails; returns how many were committed. */
static unsigned add_until_full(struct store *store, unsigned first, struct error *err)
{
    for (unsigned i = first;; i++) {
        char key[20];
        snprintf(key, sizeof key, "%06u", i);
        const struct campaign_result result = {1, key, "fine", "{\"some\":\"more\"}", 1};
        cr_assert_lt(i, 100000);
        if (store_add(store, &result, err) || (i % 100 == 99 && store_commit(store, err)))
            return i / 100 * 100;
    }
}

Test(store, a_full_disk_loses_nothing)
{
    struct error err = {""};
    struct store *store = opened(path, STORE_NEW, &whole);
    fill(store, 100);
    cr_assert_eq(store_commit(store, &err), 0);
    struct rlimit limit, was;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &was), 0);
    limit = was;
    limit.rlim_cur = 100000;
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    unsigned committed = add_until_full(store, 100, &err);
    cr_assert(strstr(err.text, "a.db: cannot write: disk I/O error"), "%s", err.text);
    cr_assert_gt(committed, 100);
    store_close(store, NULL);
    cr_assert_null(store_open("/tmp/iaso-store-unused.db", STORE_READ, NULL, NULL));
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &was), 0);

    uint64_t count;
    store = opened(path, STORE_RESUME, &whole);
    cr_assert_eq(store_count(store, 1, NULL, &count, &err), 0);
    cr_assert_eq(count, committed);
    closed(store);
}

/* On a file system of 256 KiB of its own. */
static int fill_small_disk(void)
{
    struct error err = {""};
    uint64_t count;
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("tmpfs", dir, "tmpfs", 0, "size=256k"))
        return 77;
    struct store *store = store_open(path, STORE_NEW, &whole, &err);
    if (!store)
        return 1;
    unsigned committed = add_until_full(store, 0, &err);
    if (!strstr(err.text, "a.db: cannot write: no space left"))
        return 2;
    store_close(store, NULL);
    store = store_open(path, STORE_RESUME, &whole, &err);
    return store && store_count(store, 1, NULL, &count, &err) == 0 && count == committed ? 0 : 3;
}

Test(store, a_disk_that_is_really_full)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(fill_small_disk());
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        cr_skip_test("no right to mount a file system");
    cr_assert_eq(status, 0, "%x", status);
}

Test(store, no_room_to_begin)
{
    struct error err = {""};
    struct rlimit limit = {1000, 1000};
    signal(SIGXFSZ, SIG_IGN);
    pid_t pid = fork();
    if (pid == 0) {
        if (setrlimit(RLIMIT_FSIZE, &limit) || store_open(path, STORE_NEW, &whole, &err) ||
            !strstr(err.text, "a.db: cannot write: disk I/O error"))
            _exit(1);
        _exit(0);
    }
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
    cr_assert_eq(files_in(dir), 0, "nothing is left behind");
}
