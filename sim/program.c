/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* posix_spawn_file_actions_addchdir_np() */
#include "sim/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/text.h"

#define SECOND_NS 1000000000
#define TURN_NS   5000000 /* how often it is asked whether it is done */
#define TIMED_OUT 256     /* no exit code */

extern char **environ;

/* Starts it; what it prints goes to `words`. */
static int start(const char *folder, char *const arguments[], const char *package, FILE *words,
                 pid_t *pid, struct error *err)
{
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions))
        return error_set(err, "out of memory");
    int failed = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!failed)
        failed = posix_spawn_file_actions_addchdir_np(&actions, folder);
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO && !failed; fd++)
        failed = posix_spawn_file_actions_adddup2(&actions, fileno(words), fd);
    if (!failed)
        failed = posix_spawnp(pid, arguments[0], &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed)
        return error_set(err, "cannot run %s: %s (package %s)", arguments[0], strerror(failed),
                         package);
    return 0;
}

/* Returns the exit code, TIMED_OUT if it had to be killed. */
static int await(pid_t pid, unsigned seconds)
{
    int status = -1;
    bool over = false;
    for (uint64_t left = (uint64_t)seconds * (SECOND_NS / TURN_NS); !over && left > 0; left--) {
        over = waitpid(pid, &status, WNOHANG) != 0;
        if (!over)
            nanosleep(&(struct timespec){.tv_nsec = TURN_NS}, NULL);
    }
    if (!over) {
        kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        return TIMED_OUT;
    }
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
                const char *subject, unsigned seconds, struct error *err)
{
    pid_t pid;
    FILE *words = tmpfile();
    if (!words)
        return error_set(err, "cannot make a temporary file: %s", strerror(errno));
    int code = start(folder, arguments, package, words, &pid, err);
    if (code == 0)
        code = await(pid, seconds);
    if (code == TIMED_OUT) {
        error_set(err, "%s did not draw %s within %u s", arguments[0], subject, seconds);
        code = 1;
    } else if (code > 0) {
        code = complain_of(arguments[0], subject, words, err);
    }
    fclose(words);
    return code;
}
