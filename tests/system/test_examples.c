/* SPDX-License-Identifier: GPL-2.0-or-later */
/* configs/README.md: has each config, and says what the quick ones say. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/harness.h"

#define README "configs/README.md"

/* The first command with the config. */
static const char *entry_of(const char *text, const char *config)
{
    char command[200];
    for (int inject = 0; inject < 2; inject++) {
        snprintf(command, sizeof command, "\n    $ iaso %s %s", inject ? "inject" : "run", config);
        const char *entry = strstr(text, command);
        if (entry)
            return entry + 1;
    }
    return NULL;
}

Test(system_examples, each_config_has_an_entry)
{
    char *text = read_whole(README, NULL);
    glob_t found;
    cr_assert_eq(glob("configs/*.json", 0, NULL, &found), 0);
    cr_expect_gt(found.gl_pathc, 40);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *entry = entry_of(text, found.gl_pathv[i]);
        const char *end = entry ? strchr(entry, '\n') + 1 : "";
        cr_expect(entry, "no entry for %s", found.gl_pathv[i]);
        cr_expect(!strncmp(end, "    iaso: ", 10), "%s: nothing is said of how it ends",
                  found.gl_pathv[i]);
    }
    globfree(&found);
    free(text);
}

Test(system_examples, quick_ones_end_as_they_should)
{
    struct run run;
    char *text = read_whole(README, NULL), *rest = text;
    RUN_COMMAND(&run, "configs/examples", "--quick");
    cr_assert_eq(run.code, 0, "%s", run.err);
    char *now = run.out, *line, *line_now;
    while ((line = strsep(&rest, "\n"))) {
        line_now = strsep(&now, "\n");
        cr_assert(line_now && !strcmp(line, line_now), "expected \"%s\", found \"%s\"", line,
                  line_now ? line_now : "the end");
    }
    run_free(&run);
    free(text);
}
