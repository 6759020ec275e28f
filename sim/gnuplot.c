/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* posix_spawn_file_actions_addchdir_np() */
#include "sim/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/text.h"

extern char **environ;

/* What it prints goes to `words`. Returns the exit code, -1 if it cannot be run. */
static int run(const char *folder, char *const arguments[], FILE *words, struct error *err)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status = -1;
    if (posix_spawn_file_actions_init(&actions))
        return error_set(err, "out of memory");
    int failed = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!failed)
        failed = posix_spawn_file_actions_addchdir_np(&actions, folder);
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO && !failed; fd++)
        failed = posix_spawn_file_actions_adddup2(&actions, fileno(words), fd);
    if (!failed)
        failed = posix_spawnp(&pid, arguments[0], &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed)
        return error_set(err, "cannot run gnuplot: %s (package gnuplot-nox)", strerror(failed));
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* The last line that says something. */
static int complain_of(const char *script, FILE *words, struct error *err)
{
    char line[200], last[200] = "it did not say why", quoted[240];
    rewind(words);
    while (fgets(line, sizeof line, words)) {
        line[strcspn(line, "\n")] = 0;
        if (line[strspn(line, " \t^")])
            strcpy(last, line + strspn(line, " \t"));
    }
    error_set(err, "gnuplot failed to draw %s: %s", script,
              text_quote(last, quoted, sizeof quoted));
    return 1;
}

int gnuplot_run(const char *folder, const char *script, const char *picture, struct error *err)
{
    /* The same pictures everywhere: without the user's own settings. */
    char name[] = "gnuplot", settings[] = "--default-settings", execute[] = "-e", assign[128];
    snprintf(assign, sizeof assign, "picture = '%s'", picture ? picture : "");
    char *const with[] = {name, settings, execute, assign, (char *)script, NULL};
    char *const without[] = {name, settings, (char *)script, NULL};
    FILE *words = tmpfile();
    if (!words)
        return error_set(err, "cannot make a temporary file: %s", strerror(errno));
    int code = run(folder, picture ? with : without, words, err);
    if (code > 0)
        code = complain_of(script, words, err);
    fclose(words);
    return code;
}
