/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/console.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "sim/script.h"
#include "sim/terminal.h"
#include "sim/text.h"

#define OUTPUT_SIZE 4096
#define INPUT_SIZE  4096
#define TAIL_SIZE   16384 /* a power of two */

#define CTRL_A 1

struct console {
    enum console_kind kind;

    /* The host's side; -1 for none. */
    int in, out;
    int line;         /* our own end of the pty's line, so that it never hangs up */
    bool is_terminal; /* raw, with commands after Ctrl-A */
    bool attended;    /* see console_attend() */
    double pace;
    bool after_ctrl_a;
    bool quit;
    char pty_name[64];
    char error[120];

    /* From the guest. */
    uint8_t output[OUTPUT_SIZE]; /* not yet hashed, not yet written */
    size_t output_length;
    struct sha256_ctx hash; /* without what is in `output` */
    uint64_t bytes;
    uint8_t tail[TAIL_SIZE]; /* the last bytes; byte number n is at n % TAIL_SIZE */
    struct script *script;
    struct matcher watch;
    bool watched_seen;
    struct matcher noted[CONSOLE_MAX_NOTES];
    struct console_note notes[CONSOLE_MAX_NOTES];
    int note_count;

    /* To the guest, from the user. */
    uint8_t input[INPUT_SIZE];
    size_t input_start, input_length;
};

/* ---- To the host --------------------------------------------------------------------------- */

static void write_out(struct console *console, const uint8_t *bytes, size_t length)
{
    while (length > 0 && console->out >= 0) {
        ssize_t n = write(console->out, bytes, length);
        if (n >= 0) {
            bytes += n;
            length -= (size_t)n;
        } else if (errno == EAGAIN && console->kind == CONSOLE_PTY) {
            return; /* nobody reads the line */
        } else if (errno == EAGAIN) {
            struct pollfd ready = {.fd = console->out, .events = POLLOUT};
            poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            snprintf(console->error, sizeof console->error, "cannot write the console's output: %s",
                     strerror(errno));
            return;
        }
    }
}

static void flush(struct console *console)
{
    if (console->output_length == 0)
        return;
    sha256_update(&console->hash, console->output_length, console->output);
    if (!console->error[0])
        write_out(console, console->output, console->output_length);
    console->output_length = 0;
}

static void print_help(struct console *console)
{
    static const char help[] = "\nCtrl-A h       this help\n"
                               "Ctrl-A x       quit\n"
                               "Ctrl-A Ctrl-A  send Ctrl-A\n";
    flush(console);
    write_out(console, (const uint8_t *)help, sizeof help - 1);
}

/* ---- Opening and closing ------------------------------------------------------------------- */

static int open_stdio(struct console *console, struct error *err)
{
    console->in = STDIN_FILENO;
    console->out = STDOUT_FILENO;
    if (!isatty(STDIN_FILENO))
        return 0;
    if (!terminal_is_ours(STDIN_FILENO)) { /* in the background: reading would stop the process */
        console->in = -1;
        return 0;
    }
    console->is_terminal = true;
    return terminal_make_raw(STDIN_FILENO, err);
}

static int open_file(struct console *console, const char *file, struct error *err)
{
    char quoted[200];
    console->out = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (console->out >= 0)
        return 0;
    text_quote(file, quoted, sizeof quoted);
    if (errno == EEXIST)
        return error_set(err, "the console's file %s exists already and is not overwritten",
                         quoted);
    return error_set(err, "cannot create the console's file %s: %s", quoted, strerror(errno));
}

static int open_pty(struct console *console, struct error *err)
{
    struct termios settings;
    if (openpty(&console->out, &console->line, NULL, NULL, NULL)) {
        console->out = console->line = -1;
        return error_set(err, "cannot open a pseudo terminal: %s", strerror(errno));
    }
    console->in = console->out;
    if (ttyname_r(console->line, console->pty_name, sizeof console->pty_name) ||
        fcntl(console->out, F_SETFL, O_NONBLOCK) || fcntl(console->out, F_SETFD, FD_CLOEXEC) ||
        fcntl(console->line, F_SETFD, FD_CLOEXEC) || tcgetattr(console->line, &settings))
        return error_set(err, "cannot set up the pseudo terminal: %s", strerror(errno));
    cfmakeraw(&settings);
    if (tcsetattr(console->line, TCSANOW, &settings))
        return error_set(err, "cannot set up the pseudo terminal: %s", strerror(errno));
    return 0;
}

struct console *console_new(enum console_kind kind, const char *file, struct clock *clock,
                            const struct config_step *steps, size_t step_count, struct error *err)
{
    struct console *console = calloc(1, sizeof *console);
    if (!console) {
        error_set(err, "out of memory");
        return NULL;
    }
    console->kind = kind;
    console->in = console->out = console->line = -1;
    console->pace = 1;
    sha256_init(&console->hash);
    console->script = script_new(clock, steps, step_count, err);
    int result = console->script ? 0 : -1;
    if (result == 0 && kind == CONSOLE_STDIO)
        result = open_stdio(console, err);
    else if (result == 0 && kind == CONSOLE_FILE)
        result = open_file(console, file, err);
    else if (result == 0 && kind == CONSOLE_PTY)
        result = open_pty(console, err);
    if (result == 0)
        return console;
    console->is_terminal = false; /* not made raw by us */
    console_free(console);
    return NULL;
}

void console_free(struct console *console)
{
    if (!console)
        return;
    flush(console);
    if (console->is_terminal)
        terminal_restore();
    if (console->kind != CONSOLE_STDIO && console->out >= 0)
        close(console->out); /* a pty's is its input as well */
    if (console->line >= 0)
        close(console->line);
    script_free(console->script);
    matcher_free(&console->watch);
    for (int i = 0; i < console->note_count; i++)
        matcher_free(&console->noted[i]);
    free(console);
}

const char *console_pty_name(const struct console *console)
{
    return console->kind == CONSOLE_PTY ? console->pty_name : NULL;
}

const char *console_error(const struct console *console)
{
    return console->error[0] ? console->error : NULL;
}

/* ---- The guest's side ---------------------------------------------------------------------- */

static void note_match(struct console_note *note, uint64_t bytes)
{
    if (note->count++ == 0)
        note->first = bytes;
    note->last = bytes;
}

void console_output(struct console *console, uint8_t byte)
{
    console->tail[console->bytes % TAIL_SIZE] = byte;
    console->bytes++;
    console->output[console->output_length++] = byte;
    if (console->output_length == OUTPUT_SIZE)
        flush(console);
    script_feed(console->script, byte);
    if (!console->watched_seen && matcher_feed(&console->watch, byte))
        console->watched_seen = true;
    for (int i = 0; i < console->note_count; i++)
        if (matcher_feed(&console->noted[i], byte))
            note_match(&console->notes[i], console->bytes);
}

size_t console_take_input(struct console *console, uint8_t *bytes, size_t size)
{
    size_t taken = script_take(console->script, bytes, size);
    for (; taken < size && console->input_length > 0; taken++) {
        bytes[taken] = console->input[console->input_start];
        console->input_start = (console->input_start + 1) % INPUT_SIZE;
        console->input_length--;
    }
    return taken;
}

bool console_has_input(const struct console *console)
{
    return console->input_length > 0 || script_has_input(console->script);
}

/* ---- The user's side ----------------------------------------------------------------------- */

/* What does not fit is dropped: the guest is not listening, but Ctrl-A x must still be heard. */
static void add_input(struct console *console, uint8_t byte)
{
    if (console->input_length < INPUT_SIZE)
        console->input[(console->input_start + console->input_length++) % INPUT_SIZE] = byte;
}

static void typed(struct console *console, uint8_t byte)
{
    bool command = console->after_ctrl_a;
    console->after_ctrl_a = false;
    if (!command && byte == CTRL_A)
        console->after_ctrl_a = true;
    else if (!command || byte == CTRL_A)
        add_input(console, byte);
    else if (byte == 'x' || byte == 'X')
        console->quit = true;
    else if (byte == 'h' || byte == 'H' || byte == '?')
        print_help(console);
}

/* Waits up to `ms` for something to read; then reads without blocking. */
static void read_input(struct console *console, int ms)
{
    uint8_t bytes[256];
    size_t room = INPUT_SIZE - console->input_length;
    size_t wanted = console->is_terminal || room > sizeof bytes ? sizeof bytes : room;
    struct pollfd ready = {.fd = console->in, .events = POLLIN};
    if (console->in < 0 || wanted == 0 || poll(&ready, 1, ms) <= 0)
        return;
    ssize_t n = read(console->in, bytes, wanted);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        console->in = -1; /* the end of a pipe or a file, or a terminal that went away */
        return;
    }
    for (ssize_t i = 0; i < n; i++) {
        if (console->is_terminal)
            typed(console, bytes[i]);
        else
            add_input(console, bytes[i]);
    }
}

enum console_request console_poll(struct console *console)
{
    flush(console);
    read_input(console, 0);
    if (console->quit)
        return CONSOLE_QUIT;
    return script_check(console->script) ? CONSOLE_TIMEOUT : CONSOLE_GO_ON;
}

void console_type(struct console *console, uint8_t byte)
{
    add_input(console, byte);
}

void console_attend(struct console *console, bool attended, double pace)
{
    console->attended = attended;
    console->pace = pace;
}

double console_pace(const struct console *console)
{
    return console->pace;
}

bool console_interactive(const struct console *console)
{
    return console->attended ||
           (console->in >= 0 && (console->is_terminal || console->kind == CONSOLE_PTY));
}

bool console_wait(struct console *console, int ms)
{
    flush(console);
    if (console_has_input(console) || console->quit)
        return true;
    if (console->in < 0 && console->attended)
        (void)poll(NULL, 0, ms);
    read_input(console, ms);
    return console->in >= 0 || console->attended || console_has_input(console);
}

/* ---- The script ---------------------------------------------------------------------------- */

const char *console_script_error(const struct console *console)
{
    return script_error(console->script);
}

uint64_t console_next_timeout(const struct console *console)
{
    return script_deadline(console->script);
}

/* ---- What was printed ---------------------------------------------------------------------- */

int console_watch(struct console *console, const char *text)
{
    matcher_free(&console->watch);
    console->watched_seen = !text || !*text;
    return matcher_init(&console->watch, text);
}

bool console_seen(const struct console *console)
{
    return console->watched_seen;
}

uint64_t console_standing(const struct console *console)
{
    uint64_t matched = console->watched_seen ? UINT32_MAX : console->watch.matched;
    return script_standing(console->script) * UINT64_C(0x9e3779b97f4a7c15) + matched;
}

int console_note(struct console *console, const char *text)
{
    if (console->note_count == CONSOLE_MAX_NOTES ||
        matcher_init(&console->noted[console->note_count], text))
        return -1;
    return console->note_count++;
}

const struct console_note *console_noted(const struct console *console, int note)
{
    return &console->notes[note];
}

void console_forget_notes(struct console *console)
{
    memset(console->notes, 0, sizeof console->notes);
}

void console_sha256(const struct console *console, char hex[65])
{
    struct sha256_ctx hash = console->hash;
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_update(&hash, console->output_length, console->output);
    sha256_digest(&hash, sizeof digest, digest);
    text_hex(digest, sizeof digest, hex);
}

uint64_t console_bytes(const struct console *console)
{
    return console->bytes;
}

size_t console_recent(const struct console *console, uint8_t *bytes, size_t size)
{
    uint64_t count = console->bytes < TAIL_SIZE ? console->bytes : TAIL_SIZE;
    if (count > size)
        count = size;
    for (uint64_t i = 0; i < count; i++)
        bytes[i] = console->tail[(console->bytes - count + i) % TAIL_SIZE];
    return count;
}

char *console_tail(const struct console *console, size_t lines)
{
    uint64_t end = console->bytes, first = end > TAIL_SIZE ? end - TAIL_SIZE : 0, start = end;
    for (size_t ends = 0; start > first; start--) {
        bool is_end = console->tail[(start - 1) % TAIL_SIZE] == '\n' && start < end;
        if (is_end && ++ends == lines)
            break;
    }
    if (lines == 0)
        start = end;
    char *text = malloc((end - start) * 4 + 2), *to = text;
    if (!text)
        return NULL;
    for (uint64_t i = start; i < end; i++) {
        uint8_t byte = console->tail[i % TAIL_SIZE];
        bool before_end = byte == '\r' && i + 1 < end && console->tail[(i + 1) % TAIL_SIZE] == '\n';
        if (byte == '\n' || byte == '"' || byte == '\\')
            *to++ = (char)byte;
        else if (!before_end)
            to += text_escape(byte, to);
    }
    if (to > text && to[-1] != '\n')
        *to++ = '\n';
    *to = 0;
    return text;
}

void console_state(struct console *console, struct state_copy *copy)
{
    state_copy(copy, &console->bytes, sizeof console->bytes);
    state_copy(copy, console->tail, console->bytes < TAIL_SIZE ? console->bytes : TAIL_SIZE);
    state_copy(copy, &console->output_length, sizeof console->output_length);
    state_copy(copy, console->output, console->output_length);
    state_copy(copy, &console->hash, sizeof console->hash);
    state_copy(copy, &console->watch.matched, sizeof console->watch.matched);
    state_copy(copy, &console->watched_seen, sizeof console->watched_seen);
    for (int i = 0; i < console->note_count; i++)
        state_copy(copy, &console->noted[i].matched, sizeof console->noted[i].matched);
    state_copy(copy, console->notes, sizeof console->notes);
    state_copy(copy, &console->input_start, sizeof console->input_start);
    state_copy(copy, &console->input_length, sizeof console->input_length);
    state_copy(copy, console->input, console->input_length ? sizeof console->input : 0);
    state_copy(copy, &console->after_ctrl_a, sizeof console->after_ctrl_a);
    state_copy(copy, &console->quit, sizeof console->quit);
    script_state(console->script, copy);
}
