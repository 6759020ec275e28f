/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `make install`, and what a user then has. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/system/harness.h"

/* A line for the shell, in the top directory, with $root, $to (where the files are) and $build;
 * returns what it prints. */
static char *shell(const struct place *place, const char *line)
{
    struct run run;
    char *text;
    const char *program = getenv("IASO");
    cr_assert(asprintf(&text,
                       "unset MAKEFLAGS MFLAGS MAKELEVEL; root=%s/root; to=$root/opt/iaso; "
                       "program=%s; build=$(dirname \"$program\"); %s",
                       place->dir, program ? program : "build/iaso", line) > 0);
    RUN_COMMAND(&run, "sh", "-c", text);
    cr_assert_eq(run.code, 0, "%s: %d\n%s%s", line, run.code, run.out, run.err);
    free(text);
    text = run.out;
    run.out = NULL;
    run_free(&run);
    return text;
}

/* What is built already is not built again, whatever its age. */
#define MAKE                                                            \
    "make --no-print-directory -s BUILD=\"$build\" -o \"$build\"/iaso " \
    "DESTDIR=\"$root\" PREFIX=/opt/iaso "
#define LIST "find \"$root\" -printf '%y %m %u %P\\n' | sort"

Test(system_install, installs_what_works_from_anywhere)
{
    struct place place;
    place_make(&place);
    umask(077);
    free(shell(&place, "mkdir \"$root\" && chmod 755 \"$root\" && " MAKE "install"));
    char *first = shell(&place, LIST);
    free(shell(&place, MAKE "install"));
    char *again = shell(&place, LIST);
    cr_expect_str_eq(first, again, "the second time:\n%s", again);

    char *bad = shell(&place, "find \"$root\" \\( -type d ! -perm 755 -o -type f ! -perm 644 ! "
                              "-perm 755 -o ! -user \"$(id -un)\" \\) -print");
    cr_expect_str_empty(bad, "wrong modes or owners:\n%s", bad);
    static const char *const files[] = {
        "bin/iaso", "share/man/man1/iaso.1", "share/bash-completion/completions/iaso",
        "share/zsh/site-functions/_iaso", "share/doc/iaso/examples/configs/README.md"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        cr_expect(strstr(first, files[i]), "no %s in:\n%s", files[i], first);

    char *out =
        shell(&place, "cp -r \"$to\"/share/doc/iaso/examples \"$root\"/../mine && "
                      "cd \"$root\"/../mine && \"$to\"/bin/iaso run configs/agora-null.json "
                      "--console none 2>&1 && \"$to\"/bin/iaso check "
                      "configs/hypnos-trace.json");
    cr_expect(strstr(out, "iaso: finished: poweroff") && strstr(out, "1 of 1 failure recovered"),
              "%s", out);
    char *manual = shell(&place, "mandoc \"$to\"/share/man/man1/iaso.1");
    cr_expect(strstr(manual, "full-system simulator"), "%s", manual);
    char *completed = shell(&place, "bash tests/system/complete.bash "
                                    "\"$to\"/share/bash-completion/completions/iaso 'iaso swe'");
    cr_expect_str_eq(completed, "iaso swe -> sweep\n");
    char *zsh = shell(&place, "\"$program\" completion zsh | cmp - "
                              "\"$to\"/share/zsh/site-functions/_iaso");

    char *left = shell(&place, MAKE "uninstall >/dev/null && find \"$root\" -type f -print");
    cr_expect_str_empty(left, "left behind:\n%s", left);
    char *const texts[] = {first, again, bad, out, manual, completed, zsh, left};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    place_remove(&place);
}
