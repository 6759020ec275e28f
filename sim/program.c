/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* posix_spawn_file_actions_addchdir_np() */
#include "sim/program.h"

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
static int run(const char *folder, char *const arguments[], const char *package, FILE *words,
               struct error *err)
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
        return error_set(err, "cannot run %s: %s (package %s)", arguments[0], strerror(failed),
                         package);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* The last line that says something. */
static int complain_of(const char *program, const char *subject, FILE *words, struct error *err)
{
    char line[200], last[200] = "it did not say why", quoted[240];
    rewind(words);
    while (fgets(line, sizeof line, words)) {
        line[strcspn(line, "\n")] = 0;
        if (line[strspn(line, " \t^")])
            strcpy(last, line + strspn(line, " \t"));
    }
    error_set(err, "%s failed to draw %s: %s", program, subject,
              text_quote(last, quoted, sizeof quoted));
    return 1;
}

int program_run(const char *folder, char *const arguments[], const char *package,
                const char *subject, struct error *err)
{
    FILE *words = tmpfile();
    if (!words)
        return error_set(err, "cannot make a temporary file: %s", strerror(errno));
    int code = run(folder, arguments, package, words, err);
    if (code > 0)
        code = complain_of(arguments[0], subject, words, err);
    fclose(words);
    return code;
}
