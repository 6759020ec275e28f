/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/program.h"
#include "sim/report/gnuplot.h"

static struct error err;

static int run_shell(const char *script, unsigned seconds)
{
    char name[] = "sh", option[] = "-c";
    char *const arguments[] = {name, option, (char *)script, NULL};
    err.text[0] = 0;
    return program_run("/tmp", arguments, "dash", "a circle", seconds, &err);
}

Test(program, ends)
{
    cr_expect_eq(run_shell("true", 60), 0, "%s", err.text);
    cr_expect_eq(run_shell("test $PWD = /tmp", 60), 0, "in the folder");
    cr_expect_eq(run_shell("cat", 60), 0, "without input");
    cr_expect_eq(run_shell("echo one; echo two >&2; echo; exit 3", 60), 1);
    cr_expect_str_eq(err.text, "sh failed to draw a circle: \"two\"");
    cr_expect_eq(run_shell("kill -9 $$", 60), 1);
    char name[] = "/nonexistent/gnuplot";
    char *const arguments[] = {name, NULL};
    cr_expect_eq(program_run("/tmp", arguments, "gnuplot-nox", "it", 60, &err), -1);
    cr_expect(strstr(err.text, "cannot run") && strstr(err.text, "package gnuplot-nox"), "%s",
              err.text);
}

Test(program, hangs)
{
    cr_expect_eq(run_shell("exec sleep 1000", 1), 1);
    cr_expect_str_eq(err.text, "sh did not draw a circle within 1 s");
}

/* A gnuplot that never ends, before the real one in PATH. */
Test(program, gnuplot_hangs)
{
    char folder[] = "/tmp/iaso-program-XXXXXX", name[64], path[4200];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(name, sizeof name, "%s/gnuplot", folder);
    FILE *out = fopen(name, "w");
    cr_assert(out && fputs("#!/bin/sh\nexec sleep 1000\n", out) >= 0 && !fclose(out));
    cr_assert_eq(chmod(name, 0755), 0);
    snprintf(path, sizeof path, "%s:%s", folder, getenv("PATH"));
    setenv("PATH", path, 1);
    cr_expect_eq(gnuplot_run(folder, "wear.gp", NULL, 1, &err), 1);
    cr_expect_str_eq(err.text, "gnuplot did not draw wear.gp within 1 s");
    cr_expect_eq(gnuplot_run(folder, "wear.gp", "wear.png", 1, &err), 1);
    unlink(name);
    rmdir(folder);
}
