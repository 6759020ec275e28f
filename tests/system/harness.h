/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_TESTS_SYSTEM_HARNESS_H
#define IASO_TESTS_SYSTEM_HARNESS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Runs the built simulator as a user does: the program that the environment variable IASO names,
 * or ./iaso, in the top directory. What cannot be set up fails the test at once.
 */

/* A folder of temporary files; left behind, for a look, when a test fails. */
struct place {
    char dir[80];
    char *names[32]; /* handed out by place_file() */
    size_t count;
};

void place_make(struct place *place);
void place_remove(struct place *place);

/* The path of a file in it, which need not exist; lives as long as the place. */
const char *place_file(struct place *place, const char *name);

/* The same, with this text or these bytes in it. */
const char *place_write(struct place *place, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
const char *place_bytes(struct place *place, const char *name, const void *bytes, size_t size);

/* The whole file, NUL-terminated, malloc'ed. */
char *read_whole(const char *path, size_t *size);

/* The test fails if it is not JSON. cJSON_Delete() it. */
cJSON *read_json(const char *path);

/* ---- Runs to the end ----------------------------------------------------------------------- */

#define RUN_TIMED_OUT 1000

struct run {
    int code;        /* exit code; minus the signal's number; RUN_TIMED_OUT */
    char *out, *err; /* NUL-terminated */
    size_t out_size;
    cJSON *summary; /* what --summary wrote, if that was among the arguments */
};

/* `input` is what standard input has; NULL: /dev/null. Free the run with run_free(). */
void run_program(struct run *run, const char *input, const char *const arguments[]);
void run_free(struct run *run);

/* Any other program, found as a shell finds it. */
void run_command(struct run *run, const char *const command[]);
bool have_command(const char *name);

#define RUN(run, ...)              RUN_INPUT(run, NULL, __VA_ARGS__)
#define RUN_INPUT(run, input, ...) run_program(run, input, (const char *const[]){__VA_ARGS__, NULL})
#define RUN_COMMAND(run, ...)      run_command(run, (const char *const[]){__VA_ARGS__, NULL})

/* Values of the summary; the test fails if they are not there. */
const char *summary_text(const struct run *run, const char *key);
double summary_number(const struct run *run, const char *key);

/* A number of an object, at a path such as "power.nvm.writes"; the test fails if there is none. */
double number_at(const cJSON *object, const char *path);

/* The test fails unless both runs ended alike: exit, end, console, memory and instructions. */
void expect_same(const struct run *a, const struct run *b, const char *what);

/* ---- Runs to talk to ----------------------------------------------------------------------- */

struct session {
    pid_t pid;
    int terminal; /* our end of the pseudo terminal that is its standard input and output, or -1 */
    int line;     /* the other end, for its settings */
    int err;      /* its standard error, if that is a pipe, or -1 */
    char *seen;   /* everything that it printed to the terminal and to the pipe */
    size_t size;
};

enum session_kind {
    SESSION_TERMINAL,     /* standard input, output and error are a terminal, which it controls */
    SESSION_TERMINAL_ERR, /* only standard error is a terminal */
    SESSION_PIPE_ERR,     /* standard error is a pipe; no input, no output */
};

void session_start(struct session *session, enum session_kind kind, const char *const arguments[]);
/* The same on a terminal of so many columns; 0: it does not say. */
void session_start_wide(struct session *session, enum session_kind kind, unsigned columns,
                        const char *const arguments[]);
/* Reads until `text` was printed, after what an earlier call waited for; the test fails when that
 * takes too long. */
void session_expect(struct session *session, const char *text);
/* The rest of that line, as far as there is room. */
void session_line(struct session *session, char *line, size_t size);
void session_send(struct session *session, const char *text);
/* Reads on until it has ended; its exit code as in struct run. */
int session_end(struct session *session);
void session_free(struct session *session);

/* ---- Programs of a few instructions -------------------------------------------------------- */

/* A raw kernel that stores `value` to the test finisher's register. */
const char *finisher_program(struct place *place, const char *name, uint32_t value);

#endif
