/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "tests/system/harness.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define MAX_ARGUMENTS 64
#define MAX_SECONDS   400 /* for any run: a slow machine is no failure */
#define TALK_SECONDS  120 /* for an answer */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* ---- Files --------------------------------------------------------------------------------- */

void place_make(struct place *place)
{
    *place = (struct place){.dir = "/tmp/iaso-test-XXXXXX"};
    cr_assert(mkdtemp(place->dir), "mkdtemp: %s", strerror(errno));
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *walk)
{
    (void)status;
    (void)flag;
    (void)walk;
    return remove(path);
}

void place_remove(struct place *place)
{
    nftw(place->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    while (place->count)
        free(place->names[--place->count]);
}

const char *place_file(struct place *place, const char *name)
{
    size_t i = place->count++;
    cr_assert(i < sizeof place->names / sizeof *place->names, "too many files");
    cr_assert(asprintf(&place->names[i], "%s/%s", place->dir, name) > 0);
    return place->names[i];
}

const char *place_bytes(struct place *place, const char *name, const void *bytes, size_t size)
{
    const char *path = place_file(place, name);
    FILE *file = fopen(path, "w");
    cr_assert(file && fwrite(bytes, 1, size, file) == size && !fclose(file), "%s: %s", path,
              strerror(errno));
    return path;
}

const char *place_write(struct place *place, const char *name, const char *format, ...)
{
    char *text;
    va_list args;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    cr_assert(length >= 0);
    const char *path = place_bytes(place, name, text, (size_t)length);
    free(text);
    return path;
}

char *read_whole(const char *path, size_t *size)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t length = 0, capacity = 0, n;
    cr_assert(file, "%s: %s", path, strerror(errno));
    do {
        if (capacity - length < 4096)
            text = realloc(text, capacity = capacity * 2 + 8192);
        cr_assert(text);
        n = fread(text + length, 1, capacity - length - 1, file);
        length += n;
    } while (n);
    fclose(file);
    text[length] = 0;
    if (size)
        *size = length;
    return text;
}

cJSON *read_json(const char *path)
{
    char *text = read_whole(path, NULL);
    cJSON *json = cJSON_Parse(text);
    cr_assert(json, "%s is not JSON:\n%s", path, text);
    free(text);
    return json;
}

/* ---- Processes ----------------------------------------------------------------------------- */

static const char *program(void)
{
    const char *name = getenv("IASO");
    return name && *name ? name : "./iaso";
}

/* In the child. */
static void execute_command(int in, int out, int err, const char *const argv[])
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(err, 2) == 2)
        execvp(argv[0], (char *const *)(uintptr_t)argv);
    dprintf(err, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static void execute(int in, int out, int err, const char *const arguments[])
{
    const char *argv[MAX_ARGUMENTS + 2] = {program()};
    for (size_t i = 0; arguments[i] && i < MAX_ARGUMENTS; i++)
        argv[i + 1] = arguments[i];
    execute_command(in, out, err, argv);
}

static int code_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Waits for the end of the process, with an eye on the clock. */
static int wait_until(pid_t pid, double deadline)
{
    const struct timespec nap = {.tv_nsec = 2000000};
    int status = 0;
    pid_t ended;
    while ((ended = waitpid(pid, &status, WNOHANG)) == 0 && now() < deadline)
        nanosleep(&nap, NULL);
    if (ended == pid)
        return code_of(status);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return RUN_TIMED_OUT;
}

/* Appends what there is to read; false at the end of the file. */
static bool append(int fd, char **text, size_t *size)
{
    char bytes[8192];
    ssize_t n = read(fd, bytes, sizeof bytes);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    if (n <= 0)
        return false;
    *text = realloc(*text, *size + (size_t)n + 1);
    cr_assert(*text);
    memcpy(*text + *size, bytes, (size_t)n);
    *size += (size_t)n;
    (*text)[*size] = 0;
    return true;
}

static void make_pipe(int ends[2])
{
    cr_assert(!pipe2(ends, O_CLOEXEC), "pipe: %s", strerror(errno));
}

static void read_summary(struct run *run, const char *const arguments[])
{
    for (size_t i = 0; arguments[i]; i++) {
        if (strcmp(arguments[i], "--summary") || !arguments[i + 1] ||
            access(arguments[i + 1], R_OK))
            continue;
        char *text = read_whole(arguments[i + 1], NULL);
        run->summary = cJSON_Parse(text);
        free(text);
    }
}

/* Without `command`: the simulator. */
static void run_either(struct run *run, const char *input, const char *const arguments[],
                       const char *const command[])
{
    int out[2], err[2], in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    *run = (struct run){.out = calloc(1, 1), .err = calloc(1, 1)};
    if (input) { /* must fit into the pipe */
        int ends[2];
        make_pipe(ends);
        cr_assert_eq(write(ends[1], input, strlen(input)), (ssize_t)strlen(input));
        close(ends[1]);
        close(in);
        in = ends[0];
    }
    make_pipe(out);
    make_pipe(err);
    double deadline = now() + MAX_SECONDS;
    pid_t pid = fork();
    cr_assert(pid >= 0, "fork: %s", strerror(errno));
    if (pid == 0 && command)
        execute_command(in, out[1], err[1], command);
    if (pid == 0)
        execute(in, out[1], err[1], arguments);
    close(in);
    close(out[1]);
    close(err[1]);
    struct pollfd ready[2] = {{.fd = out[0], .events = POLLIN}, {.fd = err[0], .events = POLLIN}};
    size_t err_size = 0;
    while ((ready[0].fd >= 0 || ready[1].fd >= 0) && now() < deadline) {
        poll(ready, 2, 1000);
        if (ready[0].revents && !append(out[0], &run->out, &run->out_size))
            ready[0].fd = -1;
        if (ready[1].revents && !append(err[0], &run->err, &err_size))
            ready[1].fd = -1;
    }
    close(out[0]);
    close(err[0]);
    run->code = wait_until(pid, deadline);
}

void run_program(struct run *run, const char *input, const char *const arguments[])
{
    run_either(run, input, arguments, NULL);
    read_summary(run, arguments);
}

void run_command(struct run *run, const char *const command[])
{
    run_either(run, NULL, NULL, command);
}

bool have_command(const char *name)
{
    char *path = strdup(getenv("PATH") ? getenv("PATH") : ""), *rest = path, *dir, file[4096];
    bool found = false;
    while (!found && (dir = strsep(&rest, ":"))) {
        snprintf(file, sizeof file, "%s/%s", dir, name);
        found = !access(file, X_OK);
    }
    free(path);
    return found;
}

void run_free(struct run *run)
{
    free(run->out);
    free(run->err);
    cJSON_Delete(run->summary);
    *run = (struct run){0};
}

const char *summary_text(const struct run *run, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(run->summary, key);
    cr_assert(cJSON_IsString(item), "the summary has no text \"%s\"; exit %d\n%s", key, run->code,
              run->err);
    return item->valuestring;
}

double summary_number(const struct run *run, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(run->summary, key);
    cr_assert(cJSON_IsNumber(item), "the summary has no number \"%s\"; exit %d\n%s", key, run->code,
              run->err);
    return item->valuedouble;
}

double number_at(const cJSON *object, const char *path)
{
    char copy[128], *rest = copy, *key;
    snprintf(copy, sizeof copy, "%s", path);
    while ((key = strsep(&rest, ".")))
        object = cJSON_GetObjectItemCaseSensitive(object, key);
    cr_assert(cJSON_IsNumber(object), "there is no number \"%s\"", path);
    return object->valuedouble;
}

void expect_same(const struct run *a, const struct run *b, const char *what)
{
    static const char *const texts[] = {"end", "console_sha256", "memory_sha256"};
    static const char *const numbers[] = {"exit", "instructions", "virtual_time_ns",
                                          "console_bytes"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        cr_expect(summary_number(a, numbers[i]) == summary_number(b, numbers[i]),
                  "%s: %s is %.0f and %.0f", what, numbers[i], summary_number(a, numbers[i]),
                  summary_number(b, numbers[i]));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        cr_expect_str_eq(summary_text(a, texts[i]), summary_text(b, texts[i]),
                         "%s: %s is %s and %s", what, texts[i], summary_text(a, texts[i]),
                         summary_text(b, texts[i]));
}

/* ---- Sessions ------------------------------------------------------------------------------ */

void session_start(struct session *session, enum session_kind kind, const char *const arguments[])
{
    session_start_wide(session, kind, 0, arguments);
}

void session_start_wide(struct session *session, enum session_kind kind, unsigned columns,
                        const char *const arguments[])
{
    const struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)columns};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), pipe_ends[2] = {-1, -1};
    *session = (struct session){.terminal = -1, .line = -1, .err = -1, .seen = calloc(1, 1)};
    if (kind == SESSION_PIPE_ERR) {
        make_pipe(pipe_ends);
        session->err = pipe_ends[0];
    } else {
        cr_assert(!openpty(&session->terminal, &session->line, NULL, NULL, &size), "openpty: %s",
                  strerror(errno));
        fcntl(session->terminal, F_SETFD, FD_CLOEXEC);
        fcntl(session->line, F_SETFD, FD_CLOEXEC);
    }
    session->pid = fork();
    cr_assert(session->pid >= 0, "fork: %s", strerror(errno));
    if (session->pid == 0) {
        int line = session->line;
        if (kind == SESSION_PIPE_ERR)
            execute(null, null, pipe_ends[1], arguments);
        if (kind == SESSION_TERMINAL_ERR)
            execute(null, null, line, arguments);
        setsid();
        ioctl(line, TIOCSCTTY, 0);
        execute(line, line, line, arguments);
    }
    close(null);
    if (pipe_ends[1] >= 0)
        close(pipe_ends[1]);
}

/* Reads for up to a second; false when there will be nothing more. */
static bool session_read(struct session *session)
{
    int fd = session->terminal >= 0 ? session->terminal : session->err;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    return poll(&ready, 1, 1000) <= 0 || append(fd, &session->seen, &session->size);
}

static void session_drop(struct session *session, size_t passed)
{
    memmove(session->seen, session->seen + passed, session->size - passed + 1);
    session->size -= passed;
}

void session_line(struct session *session, char *line, size_t size)
{
    double deadline = now() + TALK_SECONDS;
    while (!strchr(session->seen, '\n') && now() < deadline && session_read(session))
        ;
    size_t length = strcspn(session->seen, "\n");
    snprintf(line, size, "%.*s", (int)length, session->seen);
    session_drop(session, length);
}

void session_expect(struct session *session, const char *text)
{
    double deadline = now() + TALK_SECONDS;
    char *found;
    while (!(found = strstr(session->seen, text)) && now() < deadline && session_read(session))
        ;
    if (!found)
        kill(session->pid, SIGKILL);
    cr_assert(found, "never printed \"%s\", but:\n%s", text, session->seen);
    session_drop(session, (size_t)(found - session->seen) + strlen(text));
}

void session_send(struct session *session, const char *text)
{
    size_t length = strlen(text);
    cr_assert_eq(write(session->terminal, text, length), (ssize_t)length, "%s", strerror(errno));
}

int session_end(struct session *session)
{
    double deadline = now() + TALK_SECONDS;
    int status = 0;
    pid_t ended;
    int fd = session->terminal >= 0 ? session->terminal : session->err;
    /* We hold the line open, so that its end is not to be seen there. */
    while ((ended = waitpid(session->pid, &status, WNOHANG)) == 0 && now() < deadline) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, 20) > 0)
            append(fd, &session->seen, &session->size);
    }
    if (ended == 0) {
        kill(session->pid, SIGKILL);
        waitpid(session->pid, &status, 0);
        return RUN_TIMED_OUT;
    }
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    while (poll(&ready, 1, 0) > 0 && append(fd, &session->seen, &session->size))
        ;
    return code_of(status);
}

void session_free(struct session *session)
{
    const int fds[] = {session->terminal, session->line, session->err};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    free(session->seen);
}

/* ---- Programs ------------------------------------------------------------------------------ */

const char *finisher_program(struct place *place, const char *name, uint32_t value)
{
    uint32_t high = (value + 0x800) & 0xfffff000, low = (value & 0xfff) << 20;
    const uint32_t code[] = {
        0x00100537,        /* lui a0, 0x100 */
        0x000005b7 | high, /* lui a1, value */
        0x0005859b | low,  /* addiw a1, a1, value */
        0x00b52023,        /* sw a1, 0(a0) */
        0x0000006f,        /* j . */
    };
    return place_bytes(place, name, code, sizeof code);
}
