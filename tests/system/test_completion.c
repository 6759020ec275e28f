/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Completion, as bash and zsh do it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/system/harness.h"

struct expectation {
    const char *line, *completed;
};

/* Both scripts print "LINE -> COMPLETED" for each line. */
static void expect_completed(const char *shell, const char *option, const char *script,
                             const struct expectation *expected, size_t count)
{
    struct place place;
    struct run run;
    const char *command[64] = {shell, option, script};
    place_make(&place);
    RUN(&run, "completion", shell);
    cr_assert_eq(run.code, 0, "%s", run.err);
    command[3] = place_bytes(&place, "completions", run.out, run.out_size);
    run_free(&run);
    for (size_t i = 0; i < count; i++)
        command[4 + i] = expected[i].line;
    run_command(&run, command);
    cr_assert_eq(run.code, 0, "%d\n%s%s", run.code, run.out, run.err);
    cr_expect_str_empty(run.err, "%s", run.err);
    char *rest = run.out;
    for (size_t i = 0; i < count; i++) {
        char *line = strsep(&rest, "\n"), whole[400];
        snprintf(whole, sizeof whole, "%s -> %s", expected[i].line, expected[i].completed);
        cr_expect_str_eq(line ? line : "", whole, "%s\nnot: %s", line ? line : "", whole);
    }
    run_free(&run);
    place_remove(&place);
}

Test(system_completion, bash)
{
    static const struct expectation expected[] = {
        {"iaso sw", "sweep"},
        {"iaso --", "--help --version"},
        {"iaso c", "check campaign completion"},
        {"iaso campaign ", "merge show"},
        {"iaso campaign show --sum", "--summary"},
        {"iaso run configs/hel", "configs/hello.json"},
        {"iaso check configs/RE", ""},
        {"iaso run --max", "--max-insns"},
        {"iaso run --set machine.ha", "machine.harts="},
        {"iaso run --set run.pages=", "open armed precise hooked"},
        {"iaso run -s run.pages=a", "armed"},
        {"iaso run --set=run.pages=a", "armed"},
        {"iaso run --set machine.cycles=t", "true"},
        {"iaso inject x --kind=", "none null flip wild skip bug hang"},
        {"iaso inject x --kind fl", "flip"},
        {"iaso run x --console ", "stdio file= pty none"},
        {"iaso run x --console=file=LIC", "LICENSE"},
        {"iaso run x -c n", "none"},
        {"iaso run x --report conf", "configs"},
        {"iaso completion ", "bash zsh"},
        {"iaso dtb -o Make", "Makefile"},
        {"iaso run --depth", ""},
        {"iaso sweep --depth ", ""},
        {"iaso nonsense ", ""},
    };
    expect_completed("bash", "--norc", "tests/system/complete.bash", expected,
                     sizeof expected / sizeof *expected);
}

Test(system_completion, zsh)
{
    static const struct expectation expected[] = {
        {"iaso sw", "iaso sweep "},
        {"iaso --ver", "iaso --version "},
        {"iaso campaign sh", "iaso campaign show "},
        {"iaso power p", "iaso power plot "},
        {"iaso run configs/hel", "iaso run configs/hello.json "},
        {"iaso run --max", "iaso run --max-insns="},
        {"iaso run x --set machine.ha", "iaso run x --set machine.harts="},
        {"iaso run x --set run.pages=ar", "iaso run x --set run.pages=armed "},
        {"iaso inject x --kind=fl", "iaso inject x --kind=flip "},
        {"iaso run x --console file=LIC", "iaso run x --console file=LICENSE "},
        {"iaso run x -c n", "iaso run x -c none "},
        {"iaso run x --report conf", "iaso run x --report configs/"},
        {"iaso completion z", "iaso completion zsh "},
        {"iaso run x --depth", "iaso run x --depth"},
    };
    expect_completed("zsh", "-f", "tests/system/complete.zsh", expected,
                     sizeof expected / sizeof *expected);
}

Test(system_completion, other_shells_are_refused)
{
    struct run run;
    RUN(&run, "completion", "fish");
    cr_expect_eq(run.code, 2);
    cr_expect_str_eq(run.err, "iaso: expected \"bash\" or \"zsh\", found \"fish\"\n");
    cr_expect_str_empty(run.out);
    run_free(&run);
}
