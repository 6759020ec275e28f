/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* usleep() */
#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/campaign/campaign.h"
#include "sim/campaign/campaign_progress.h"

#define ITEMS 500

static char dir[] = "/tmp/iaso-campaign-XXXXXX";
static struct campaign_item items[ITEMS];
static char keys[ITEMS][8];

/* What items do beside their work, in memory that all processes share. */
static struct shared {
    _Atomic unsigned runs, tries;
} * shared;

static void setup(void)
{
    cr_assert_not_null(mkdtemp(dir));
    for (unsigned i = 0; i < ITEMS; i++) {
        snprintf(keys[i], sizeof *keys, "%06u", i);
        items[i].key = keys[i];
    }
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(shared, MAP_FAILED);
}

static void teardown(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(campaign, .init = setup, .fini = teardown);

static bool is_failure(const struct campaign_result *result)
{
    return !strcmp(result->outcome, "fails");
}

static const char *path_of(const char *name)
{
    static char path[100];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static struct campaign opened(const char *name, unsigned shard, unsigned shards, unsigned jobs)
{
    const struct store_identity identity = {"test", "x.json", "0  x\n", "{}", shard, shards};
    struct error err = {""};
    struct campaign campaign = {
        .store = store_open(path_of(name), STORE_RESUME, &identity, &err),
        .options = {.jobs = jobs, .quiet = true},
        .is_finding = is_failure,
    };
    cr_assert(campaign.store, "%s", err.text);
    return campaign;
}

static void closed(struct campaign *campaign)
{
    struct error err = {""};
    cr_assert_eq(campaign_close(campaign, &err), 0, "%s", err.text);
}

/* ---- Work ---------------------------------------------------------------------------------- */

/* One in seven fails; the detail depends on the item alone. */
static enum campaign_ran work(void *opaque, const struct campaign_item *item,
                              struct campaign_result *result, struct error *err)
{
    static char detail[100];
    (void)opaque;
    (void)err;
    unsigned number = (unsigned)atoi(item->key);
    shared->runs++;
    snprintf(detail, sizeof detail, "{\"square\":%u}", number * number);
    result->outcome = number % 7 == 3 ? "fails" : "fine";
    result->detail = number % 2 ? detail : NULL;
    return CAMPAIGN_RAN;
}

static int append(void *opaque, const struct campaign_result *result, struct error *err)
{
    (void)err;
    fprintf(opaque, "%s %s %s %u\n", result->key, result->outcome,
            result->detail ? result->detail : "-", result->attempts);
    return 0;
}

/* The results of rounds 1 and 2; malloc'ed. */
static char *table_of(struct store *store)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    cr_assert_eq(store_each(store, 1, append, out, NULL), 0);
    cr_assert_eq(store_each(store, 2, append, out, NULL), 0);
    fclose(out);
    return text;
}

static void expect_table(const char *name, const char *expected)
{
    struct store *store = store_open(path_of(name), STORE_READ, NULL, NULL);
    cr_assert_not_null(store);
    char *text = table_of(store);
    cr_expect_str_eq(text, expected);
    free(text);
    store_close(store, NULL);
}

static int note_failure(void *opaque, const struct campaign_result *result, struct error *err)
{
    struct campaign_item **next = opaque;
    (void)err;
    if (is_failure(result))
        (*next++)->key = strdup(result->key);
    *(struct campaign_item **)opaque += is_failure(result);
    return 0;
}

/* Two rounds; the items of the second are those that failed in the first. */
static enum campaign_end run_campaign(struct campaign *campaign, campaign_run_fn run,
                                      struct error *err)
{
    struct campaign_item failed[ITEMS], *next = failed;
    enum campaign_end end =
        campaign_round(campaign, 1, "first", items, ITEMS, true, run, NULL, err);
    if (end != CAMPAIGN_DONE)
        return end;
    cr_assert_eq(store_each(campaign->store, 1, note_failure, &next, err), 0);
    end = campaign_round(campaign, 2, "second", failed, (size_t)(next - failed), false, run, NULL,
                         err);
    while (next > failed)
        free((char *)(uintptr_t)(--next)->key);
    if (end == CAMPAIGN_DONE)
        cr_assert_eq(store_finish(campaign->store, err), 0);
    return end;
}

static void complete(const char *name, unsigned shard, unsigned shards, unsigned jobs,
                     campaign_run_fn run)
{
    struct error err = {""};
    struct campaign campaign = opened(name, shard, shards, jobs);
    cr_assert_eq(run_campaign(&campaign, run, &err), CAMPAIGN_DONE, "%s", err.text);
    closed(&campaign);
}

/* What an undisturbed campaign says; malloc'ed. */
static char *expected_table(void)
{
    complete("undisturbed.db", 1, 1, 1, work);
    struct store *store = store_open(path_of("undisturbed.db"), STORE_READ, NULL, NULL);
    char *text = table_of(store);
    store_close(store, NULL);
    return text;
}

/* ---- Jobs and shards ----------------------------------------------------------------------- */

Test(campaign, neither_jobs_nor_shards_matter)
{
    static const unsigned jobs[] = {2, 5, 0};
    struct error err = {""};
    char *expected = expected_table(), inputs[3][100];
    cr_assert(strstr(expected, "000003 fails {\"square\":9} 1\n"));
    cr_assert_eq(shared->runs, ITEMS + ITEMS / 7, "each item runs once");
    for (unsigned i = 0; i < 3; i++) {
        char name[20];
        snprintf(name, sizeof name, "j%u.db", jobs[i]);
        complete(name, 0, 0, jobs[i], work);
        expect_table(name, expected);
    }
    for (unsigned i = 0; i < 3; i++) {
        char name[20];
        snprintf(name, sizeof name, "shard%u.db", i);
        complete(name, i + 1, 3, 2, work);
        strcpy(inputs[i], path_of(name));
    }
    const char *const all[] = {inputs[0], inputs[1], inputs[2]};
    cr_assert_eq(store_merge(path_of("merged.db"), all, 3, &err), 0, "%s", err.text);
    expect_table("merged.db", expected);
    complete("merged.db", 1, 1, 2, work); /* there is nothing left to do */
    expect_table("merged.db", expected);
    free(expected);
}

static enum campaign_ran never(void *opaque, const struct campaign_item *item,
                               struct campaign_result *result, struct error *err)
{
    (void)opaque;
    (void)result;
    error_set(err, "item %s was run", item->key);
    return CAMPAIGN_BROKEN;
}

Test(campaign, what_is_done_is_not_done_again)
{
    char *expected = expected_table();
    complete("undisturbed.db", 1, 1, 3, never);
    expect_table("undisturbed.db", expected);
    free(expected);
}

Test(campaign, slices_are_a_partition)
{
    static const size_t counts[] = {0, 1, 2, 99, 100, 101, SIZE_MAX / 2};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        for (unsigned shards = 1; shards < 130; shards += 7) {
            size_t next = 0, first, count;
            for (unsigned shard = 1; shard <= shards; shard++) {
                campaign_slice(counts[i], shard, shards, &first, &count);
                cr_assert_eq(first, next);
                cr_assert_leq(count, counts[i] / shards + 1);
                next += count;
            }
            cr_assert_eq(next, counts[i]);
        }
    }
}

Test(campaign, items_come_in_order)
{
    struct error err = {""};
    const struct campaign_item wrong[] = {{"b", NULL}, {"a", NULL}},
                               twice[] = {{"a", NULL}, {"a", NULL}};
    struct campaign campaign = opened("a.db", 1, 1, 1);
    cr_assert_eq(campaign_round(&campaign, 1, "x", wrong, 2, true, work, NULL, &err),
                 CAMPAIGN_FAILED);
    cr_assert_str_eq(err.text, "items b and a: expected ascending keys");
    cr_assert_eq(campaign_round(&campaign, 1, "x", twice, 2, true, work, NULL, &err),
                 CAMPAIGN_FAILED);
    cr_assert_eq(campaign_round(&campaign, 1, "x", items, 0, true, work, NULL, &err),
                 CAMPAIGN_DONE);
    cr_assert_eq(campaign_round(&campaign, 1, "x", items, 2, true, work, NULL, &err),
                 CAMPAIGN_FAILED);
    cr_assert(strstr(err.text, "a.db: round 1: expected 0 items"), "%s", err.text);
    closed(&campaign);
}

static enum campaign_ran say_much(void *opaque, const struct campaign_item *item,
                                  struct campaign_result *result, struct error *err)
{
    static char text[3000001];
    (void)opaque;
    (void)err;
    size_t length = (size_t)atoi(item->key) * 6000;
    memset(text, 'x', length);
    text[length] = 0;
    result->outcome = "fine";
    result->detail = text;
    return CAMPAIGN_RAN;
}

static int check_length(void *opaque, const struct campaign_result *result, struct error *err)
{
    (void)err;
    cr_assert_eq(strlen(result->detail), (size_t)atoi(result->key) * 6000);
    ++*(unsigned *)opaque;
    return 0;
}

Test(campaign, long_results)
{
    struct error err = {""};
    struct campaign campaign = opened("a.db", 1, 1, 2);
    unsigned count = 0;
    cr_assert_eq(campaign_round(&campaign, 1, "x", items + 450, 50, true, say_much, NULL, &err),
                 CAMPAIGN_DONE, "%s", err.text);
    cr_assert_eq(store_each(campaign.store, 1, check_length, &count, &err), 0);
    cr_assert_eq(count, 50);
    closed(&campaign);
}

/* ---- Workers that die ---------------------------------------------------------------------- */

/* The 251st item dies so; the others are as always. */
static enum death {
    DIES_ONCE,
    ABORTS,
    IS_KILLED,
    EXITS,
    RUNS_OUT,
    FAILS_FOR_WANT_OF_MEMORY,
} death;

static enum campaign_ran use_up_memory(struct error *err)
{
    const struct rlimit limit = {64 << 20, 64 << 20};
#ifndef __SANITIZE_ADDRESS__ /* which reserves more than that */
    cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
    for (size_t size = 1 << 20;; size *= 2) {
        volatile char *memory = malloc(size);
        if (!memory)
            break;
        memory[size - 1] = 1; /* never freed: the process is thrown away */
    }
#else
    (void)limit;
#endif
    error_set(err, "out of memory");
    return CAMPAIGN_RAN_OUT;
}

static enum campaign_ran die(void *opaque, const struct campaign_item *item,
                             struct campaign_result *result, struct error *err)
{
    const struct rlimit none = {0, 0};
    if (strcmp(item->key, "000250"))
        return work(opaque, item, result, err);
    setrlimit(RLIMIT_CORE, &none);
    shared->tries++;
    switch (death) {
    case DIES_ONCE:
        if (shared->tries > 1)
            return work(opaque, item, result, err);
        /* fall through */
    case ABORTS:
        signal(SIGABRT, SIG_DFL); /* Criterion has a handler */
        abort();
    case IS_KILLED:
        raise(SIGKILL);
        break;
    case EXITS:
        _exit(0);
    case RUNS_OUT:
        return use_up_memory(err);
    case FAILS_FOR_WANT_OF_MEMORY:
        error_set(err, "snapshot: out of memory");
        break;
    }
    return CAMPAIGN_BROKEN;
}

Test(campaign, an_item_whose_worker_dies_is_lost_and_nothing_else)
{
    static const char *const rows[] = {
        [DIES_ONCE] = "000250 fine - 2\n",
        [ABORTS] = "000250 lost {\"signal\":6} 2\n",
        [IS_KILLED] = "000250 lost {\"signal\":9} 2\n",
        [EXITS] = "000250 lost {\"exit\":0} 2\n",
        [RUNS_OUT] = "000250 lost {\"error\":\"out of memory\"} 2\n",
        [FAILS_FOR_WANT_OF_MEMORY] = "000250 lost {\"error\":\"snapshot: out of memory\"} 2\n",
    };
    char *expected = expected_table(), *row = strstr(expected, "000250 fine - 1\n");
    cr_assert_not_null(row);
    *row = 0;
    for (death = DIES_ONCE; death <= FAILS_FOR_WANT_OF_MEMORY; death++) {
        for (unsigned jobs = 1; jobs <= 3; jobs += 2) {
            char name[20], *text;
            snprintf(name, sizeof name, "%d-%u.db", death, jobs);
            shared->tries = 0;
            complete(name, 1, 1, jobs, die);
            cr_expect_eq(shared->tries, 2);
            cr_assert_geq(
                asprintf(&text, "%s%s%s", expected, rows[death], row + strlen("000250 fine - 1\n")),
                0);
            expect_table(name, text);
            free(text);
        }
    }
    free(expected);
}

static enum campaign_ran crash(void *opaque, const struct campaign_item *item,
                               struct campaign_result *result, struct error *err)
{
    (void)opaque;
    (void)item;
    (void)result;
    (void)err;
    _exit(7);
}

Test(campaign, when_all_workers_die_there_is_no_point_in_going_on)
{
    struct error err = {""};
    struct campaign campaign = opened("a.db", 1, 1, 2);
    uint64_t count;
    cr_assert_eq(run_campaign(&campaign, crash, &err), CAMPAIGN_FAILED);
    cr_assert_str_eq(err.text, "16 workers died before there was any result, the last one of "
                               "{\"exit\":7}");
    cr_assert_eq(store_count(campaign.store, 1, NULL, &count, &err), 0);
    cr_assert_eq(count, 0, "they get another chance");
    closed(&campaign);
}

static enum campaign_ran break_down(void *opaque, const struct campaign_item *item,
                                    struct campaign_result *result, struct error *err)
{
    if (strcmp(item->key, "000400"))
        return work(opaque, item, result, err);
    error_set(err, "item %s: that is the end", item->key);
    return CAMPAIGN_BROKEN;
}

Test(campaign, an_error_ends_it_and_keeps_what_is_done)
{
    struct error err = {""};
    char *expected = expected_table();
    struct campaign campaign = opened("a.db", 1, 1, 1);
    uint64_t count;
    cr_assert_eq(run_campaign(&campaign, break_down, &err), CAMPAIGN_FAILED);
    cr_assert_str_eq(err.text, "item 000400: that is the end");
    closed(&campaign);
    campaign = opened("a.db", 1, 1, 2);
    cr_assert_eq(store_count(campaign.store, 1, NULL, &count, &err), 0);
    cr_assert_eq(count, 400);
    closed(&campaign);
    complete("a.db", 1, 1, 2, work);
    expect_table("a.db", expected);
    free(expected);
}

/* ---- Interrupted --------------------------------------------------------------------------- */

static enum campaign_ran interrupt_at_100(void *opaque, const struct campaign_item *item,
                                          struct campaign_result *result, struct error *err)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    if (!strcmp(item->key, "000100"))
        kill(getppid(), signals[shared->tries++ % 3]);
    usleep(100);
    return work(opaque, item, result, err);
}

Test(campaign, a_signal_lets_items_finish)
{
    char *expected = expected_table();
    for (unsigned jobs = 1; jobs <= 3; jobs++) {
        char name[20];
        struct error err = {""};
        uint64_t count;
        snprintf(name, sizeof name, "%u.db", jobs);
        struct campaign campaign = opened(name, 1, 1, jobs);
        cr_assert_eq(run_campaign(&campaign, interrupt_at_100, &err), CAMPAIGN_INTERRUPTED);
        closed(&campaign);
        campaign = opened(name, 1, 1, jobs);
        cr_assert_eq(store_count(campaign.store, 1, NULL, &count, &err), 0);
        cr_assert_gt(count, 100);
        cr_assert_lt(count, ITEMS);
        closed(&campaign);
        complete(name, 1, 1, jobs, work);
        expect_table(name, expected);
    }
    free(expected);
}

static enum campaign_ran hang(void *opaque, const struct campaign_item *item,
                              struct campaign_result *result, struct error *err)
{
    if (strcmp(item->key, "000100"))
        return work(opaque, item, result, err);
    kill(getppid(), SIGINT);
    usleep(300000); /* two that come at once are one */
    kill(getppid(), SIGINT);
    for (;;)
        pause();
}

Test(campaign, a_second_signal_does_not_wait, .timeout = 60)
{
    struct error err = {""};
    char *expected = expected_table();
    struct campaign campaign = opened("a.db", 1, 1, 1);
    uint64_t count;
    cr_assert_eq(run_campaign(&campaign, hang, &err), CAMPAIGN_INTERRUPTED);
    cr_assert_eq(store_count(campaign.store, 1, NULL, &count, &err), 0);
    cr_assert_eq(count, 100);
    closed(&campaign);
    complete("a.db", 1, 1, 2, work);
    expect_table("a.db", expected);
    free(expected);
}

static bool interrupt(const struct campaign_result *result)
{
    (void)result;
    raise(SIGINT);
    return false;
}

/* While the results of a campaign that goes on are read, and there is nothing left to do. */
Test(campaign, a_signal_while_no_worker_runs)
{
    struct error err = {""};
    complete("a.db", 1, 1, 1, work);
    struct campaign campaign = opened("a.db", 1, 1, 1);
    campaign.is_finding = interrupt;
    cr_expect_eq(run_campaign(&campaign, work, &err), CAMPAIGN_INTERRUPTED);
    closed(&campaign);
}

/* ---- Killed -------------------------------------------------------------------------------- */

static enum campaign_ran slow(void *opaque, const struct campaign_item *item,
                              struct campaign_result *result, struct error *err)
{
    usleep(8000);
    return work(opaque, item, result, err);
}

/* In a process of its own, which is killed after so many microseconds; true if it was done. */
static bool killed_after(const char *name, unsigned microseconds)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct campaign campaign = opened(name, 1, 1, 2);
        bool done = run_campaign(&campaign, slow, NULL) == CAMPAIGN_DONE;
        _exit(done && campaign_close(&campaign, NULL) == 0 ? 0 : 1);
    }
    usleep(microseconds);
    kill(pid, SIGKILL);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFEXITED(status);
}

Test(campaign, killed_twenty_times)
{
    char *expected = expected_table();
    unsigned short seed[3] = {1, 2, 3};
    for (unsigned i = 0; i < 20; i++)
        killed_after("a.db", (unsigned)(nrand48(seed) % 400000));
    complete("a.db", 1, 1, 2, slow);
    expect_table("a.db", expected);
    free(expected);
}

static enum campaign_ran wait_for_ever(void *opaque, const struct campaign_item *item,
                                       struct campaign_result *result, struct error *err)
{
    (void)opaque;
    (void)item;
    (void)result;
    (void)err;
    shared->runs++;
    while (pause())
        ;
    return CAMPAIGN_RAN;
}

Test(campaign, workers_do_not_outlive_the_coordinator, .timeout = 60)
{
    int fds[2];
    char byte;
    cr_assert_eq(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct campaign campaign = opened("a.db", 1, 1, 3);
        run_campaign(&campaign, wait_for_ever, NULL);
        _exit(1);
    }
    close(fds[1]);
    while (shared->runs < 3)
        usleep(1000);
    kill(pid, SIGKILL);
    cr_assert_eq(waitpid(pid, NULL, 0), pid);
    cr_assert_eq(read(fds[0], &byte, 1), 0, "nobody has the other end any more");
    complete("a.db", 1, 1, 3, work); /* nor the lock */
}

/* ---- Progress ------------------------------------------------------------------------------ */

static void expect_line(unsigned width, uint64_t done, uint64_t fresh, uint64_t seconds,
                        uint64_t failures, const char *expected)
{
    char line[200];
    int length = campaign_progress_line(line, sizeof line, width, "sweep 1", done, 1000, fresh,
                                        seconds * 1000000000, failures);
    cr_expect_str_eq(line, expected);
    cr_expect_eq(length, (int)strlen(expected));
    cr_expect_leq(strlen(line), width);
}

Test(campaign, progress_line)
{
    expect_line(79, 500, 400, 8, 1,
                "sweep 1  [##############...............]  500/1000  50/s  0:10 left  1 failure");
    expect_line(79, 0, 0, 0, 0,
                "sweep 1  [................................]  0/1000  0.0/s  ? left  0 failures");
    expect_line(199, 1000, 10, 100, 12,
                "sweep 1  [########################################]  1000/1000  0.1/s  "
                "0:00 left  12 failures");
    expect_line(60, 10, 10, 100, 0, "sweep 1  [......]  10/1000  0.1/s  2:45:00 left  0 failures");
    expect_line(50, 10, 10, 100, 0, "sweep 1  10/1000  0.1/s  2:45:00 left  0 failures");
    expect_line(30, 10, 10, 100, 0, "sweep 1  10/1000  0.1/s  2:45:");
}
