/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_CONSOLE_H
#define IASO_SIM_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/error.h"
#include "mem/state.h"
#include "sim/clock.h"
#include "sim/config.h"

/*
 * The machine's first serial port as seen from outside: what the guest prints goes to the user, to
 * a hash and to the script; what the script or the user types waits until the guest's UART takes
 * it.
 */
struct console;

enum console_kind {
    CONSOLE_STDIO, /* the terminal; raw mode and Ctrl-A commands if it is one */
    CONSOLE_FILE,  /* output to a new file, no input */
    CONSOLE_PTY,   /* a new pseudo terminal; console_pty_name() says which. Output is lost while
                    * its buffer is full, as on a line to which nothing is connected */
    CONSOLE_NONE,  /* output is only hashed and matched */
};

/* What the user asked for with Ctrl-A, or what the script ran into. */
enum console_request {
    CONSOLE_GO_ON,
    CONSOLE_QUIT,    /* Ctrl-A x */
    CONSOLE_TIMEOUT, /* a script step waited longer than its timeout; console_script_error() says
                        which */
};

/*
 * `file` is for CONSOLE_FILE (an existing file is never overwritten: error). `steps` and the clock
 * must outlive the console. The terminal is restored by console_free(), and on a fatal signal.
 */
struct console *console_new(enum console_kind kind, const char *file, struct clock *clock,
                            const struct config_step *steps, size_t step_count, struct error *err);
void console_free(struct console *console);

/* Name of the pseudo terminal, such as "/dev/pts/3", to tell the user; NULL if it is none. */
const char *console_pty_name(const struct console *console);

/* "cannot write the console's output: No space left on device" once that happened (the output is
 * still hashed and matched), else NULL. */
const char *console_error(const struct console *console);

/* One byte from the guest. */
void console_output(struct console *console, uint8_t byte);

/* Takes up to `size` bytes that the guest has not seen yet, the script's before the user's. */
size_t console_take_input(struct console *console, uint8_t *bytes, size_t size);
bool console_has_input(const struct console *console);

/* Looks at the host's side (keyboard, pty) without blocking, flushes output, checks the script's
 * timeout against clock->now. Called between turns of the machine. */
enum console_request console_poll(struct console *console);

/* As if the user had typed it, but without commands: from a keyboard that is not the terminal's.
 * Dropped if the guest does not listen. */
void console_type(struct console *console, uint8_t byte);

/* Whether somebody sits at such a keyboard, so that input may come even where there is no terminal;
 * and how fast an idle guest's time passes for a person: virtual time by real time. */
void console_attend(struct console *console, bool attended, double pace);

/* Whether a person may be typing, so that an idle guest should not race through virtual time. */
bool console_interactive(const struct console *console);

/* As console_attend() was told; 1 where it was not called. */
double console_pace(const struct console *console);

/* Blocks until there is input or `ms` passed; for a guest that sleeps for ever, and therefore
 * prints nothing that a script could wait for (its timeout is another matter:
 * console_next_timeout()). False when no input can ever come: nothing left of what the script sent,
 * and no user. */
bool console_wait(struct console *console, int ms);

/* "step 3 of 5: no \"ready> \" after 10s of virtual time", or NULL. */
const char *console_script_error(const struct console *console);

/* The earliest tick at which a step times out, or UINT64_MAX. */
uint64_t console_next_timeout(const struct console *console);

/* True once `text` has been printed since the start; the text to watch is set before the run. */
int console_watch(struct console *console, const char *text);
bool console_seen(const struct console *console);

/* How far the watched text and the script have come: equal numbers, equal future. */
uint64_t console_standing(const struct console *console);

/* Where `text` is in the output: set up before the run, for up to CONSOLE_MAX_NOTES texts, which
 * must outlive the console. Returns the note's number, or -1 when out of memory or room. */
#define CONSOLE_MAX_NOTES 20
struct console_note {
    uint64_t count;       /* how often the text was printed */
    uint64_t first, last; /* console_bytes() then, if ever */
};
int console_note(struct console *console, const char *text);
const struct console_note *console_noted(const struct console *console, int note);
/* As if none had been printed yet. */
void console_forget_notes(struct console *console);

/* SHA-256 of all output so far, as 64 lower-case hex digits and a NUL. */
void console_sha256(const struct console *console, char hex[65]);
uint64_t console_bytes(const struct console *console);

/* Copies the last bytes of output as they are, at most `size`; returns how many. */
size_t console_recent(const struct console *console, uint8_t *bytes, size_t size);

/* The last lines of output (at most `lines`), control characters escaped; malloc'ed. */
char *console_tail(const struct console *console, size_t lines);

/* What was printed, typed and matched, and how far the script has come. What the host has seen or
 * given is not undone. */
void console_state(struct console *console, struct state_copy *copy);

#endif
