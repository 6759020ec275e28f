/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* usleep() */
#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/system/harness.h"

#define CONFIG "configs/hypnos-kv.json"
#define EVERY  "200"

/* What `iaso campaign show` says of a database behind the line that names it; malloc'ed. */
static char *shown(const char *path)
{
    struct run run;
    RUN(&run, "campaign", "show", path);
    cr_assert_eq(run.code, 0, "%s", run.err);
    const char *name = strstr(run.out, "\n  database ");
    cr_assert(name, "%s", run.out);
    char *text = strdup(strchr(name + 1, '\n'));
    run_free(&run);
    return text;
}

/* Starts a sweep, kills it with SIGKILL after so many microseconds, or as soon as it is done. */
static void sweep_and_kill(const char *path, unsigned microseconds)
{
    struct session session;
    session_start(&session, SESSION_PIPE_ERR,
                  (const char *const[]){"sweep", CONFIG, "--every", EVERY, "--quiet", "--jobs", "2",
                                        "--db", path, "--resume", NULL});
    usleep(microseconds);
    kill(session.pid, SIGKILL);
    int code = session_end(&session);
    cr_assert(code == -SIGKILL || code == 0, "%d", code);
    session_free(&session);
}

Test(campaign_command, a_sweep_that_is_killed_twenty_times, .timeout = 600)
{
    struct place place;
    struct run run;
    unsigned short seed[3] = {5, 6, 7};
    place_make(&place);
    const char *whole = place_file(&place, "whole.db"), *killed = place_file(&place, "killed.db");
    RUN(&run, "sweep", CONFIG, "--every", EVERY, "--quiet", "--db", whole);
    cr_assert_eq(run.code, 0, "%s", run.err);
    run_free(&run);
    for (int i = 0; i < 20; i++)
        sweep_and_kill(killed, (unsigned)(nrand48(seed) % 500000));
    RUN(&run, "sweep", CONFIG, "--every", EVERY, "--quiet", "--db", killed, "--resume");
    cr_assert_eq(run.code, 0, "%s", run.err);
    run_free(&run);
    char *expected = shown(whole), *found = shown(killed);
    cr_expect(strstr(expected, "\n  state           finished\n"), "%s", expected);
    cr_expect_str_eq(found, expected);
    free(expected);
    free(found);
    place_remove(&place);
}

Test(campaign_command, shards_merge_to_the_whole, .timeout = 600)
{
    static const char *const names[] = {"1/3", "2/3", "3/3"};
    struct place place;
    struct run run;
    char name[20];
    const char *parts[3];
    place_make(&place);
    const char *whole = place_file(&place, "whole.db"), *merged = place_file(&place, "merged.db");
    RUN(&run, "sweep", CONFIG, "--every", EVERY, "--quiet", "--db", whole, "-j1");
    cr_assert_eq(run.code, 0, "%s", run.err);
    run_free(&run);
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%d.db", i);
        parts[i] = place_file(&place, name);
        RUN(&run, "sweep", CONFIG, "--every", EVERY, "--quiet", "--db", parts[i], "--shard",
            names[i]);
        cr_assert_eq(run.code, 0, "%s", run.err);
        run_free(&run);
    }
    RUN(&run, "campaign", "merge", merged, parts[2], parts[0], parts[1]);
    cr_assert_eq(run.code, 0, "%s", run.err);
    run_free(&run);
    char *expected = shown(whole), *found = shown(merged);
    cr_expect_str_eq(found, expected);
    free(expected);
    free(found);

    RUN(&run, "campaign", "merge", merged, parts[0]);
    cr_expect_eq(run.code, 2);
    cr_expect(strstr(run.err, "merged.db: expected a new file, found one\n"), "%s", run.err);
    run_free(&run);
    RUN(&run, "sweep", CONFIG, "--every", EVERY, "--db", parts[0], "--shard", "2/3", "--resume");
    cr_expect_eq(run.code, 2);
    cr_expect(strstr(run.err, "0.db: expected shard 2/3, found 1/3\n"), "%s", run.err);
    run_free(&run);
    RUN(&run, "sweep", CONFIG, "--every", "201", "--db", whole, "--resume");
    cr_expect_eq(run.code, 2);
    cr_expect(strstr(run.err, "whole.db: the config (or what --set makes of it) has changed since "
                              "this campaign began"),
              "%s", run.err);
    run_free(&run);
    RUN(&run, "campaign", "show", CONFIG);
    cr_expect_eq(run.code, 2);
    cr_expect_str_eq(run.err, "iaso: " CONFIG
                              ": expected the database of a campaign, found something else\n");
    run_free(&run);
    place_remove(&place);
}

/* The database gets the number of a stream that is closed, unless somebody takes care. */
Test(campaign_command, messages_do_not_get_into_the_database, .timeout = 600)
{
    static const char *const closed[] = {"2>&-", ">&- 2>&-", "<&- >&- 2>&-"};
    struct place place;
    struct run run;
    char name[20], command[400];
    const char *program = getenv("IASO") ? getenv("IASO") : "./iaso";
    place_make(&place);
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
        snprintf(name, sizeof name, "%zu.db", i);
        const char *path = place_file(&place, name);
        snprintf(command, sizeof command, "%s sweep " CONFIG " --sample 3 --db %s %s", program,
                 path, closed[i]);
        run_command(&run, (const char *const[]){"sh", "-c", command, NULL});
        cr_expect_eq(run.code, 0, "%s: %d", closed[i], run.code);
        run_free(&run);
        char *text = shown(path);
        cr_expect(strstr(text, "\n  state           finished\n"), "%s", text);
        free(text);
    }
    place_remove(&place);
}

/* run_program() would read the summary back. */
static void expect_refused(const char *arguments, const char *path, const char *summary)
{
    struct run run;
    char command[500];
    const char *program = getenv("IASO") ? getenv("IASO") : "./iaso";
    snprintf(command, sizeof command, "%s %s%s --summary %s", program, arguments, path, summary);
    run_command(&run, (const char *const[]){"sh", "-c", command, NULL});
    cr_expect_eq(run.code, 2, "%s: %d", command, run.code);
    cr_expect(strstr(run.err, "--summary: expected another file than the database, found "), "%s",
              run.err);
    run_free(&run);
}

Test(campaign_command, the_summary_does_not_replace_the_database, .timeout = 600)
{
    struct place place;
    struct run run;
    place_make(&place);
    const char *path = place_file(&place, "a.db"), *other = place_file(&place, "b.db");
    RUN(&run, "sweep", CONFIG, "--sample", "3", "--quiet", "--db", path);
    cr_assert_eq(run.code, 0, "%s", run.err);
    run_free(&run);
    cr_assert_eq(symlink("a.db", other), 0);
    expect_refused("campaign show ", path, path);
    expect_refused("campaign show ", path, other);
    expect_refused("sweep " CONFIG " --sample 3 --resume --db ", path, other);
    expect_refused("sweep " CONFIG " --sample 3 --db ", place_file(&place, "c.db"),
                   place_file(&place, "./c.db"));
    char *text = shown(path);
    cr_expect(strstr(text, "\n  state           finished\n"), "%s", text);
    free(text);
    place_remove(&place);
}
