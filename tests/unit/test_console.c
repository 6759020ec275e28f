/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "sim/console.h"
#include "sim/progress.h"
#include "sim/script.h"
#include "sim/terminal.h"

static struct clock clock_at_1ghz; /* each test runs in a process of its own */

static struct console *make(enum console_kind kind, const char *file,
                            const struct config_step *steps, size_t count)
{
    struct error err = {""};
    clock_init(&clock_at_1ghz, 1000000000);
    struct console *console = console_new(kind, file, &clock_at_1ghz, steps, count, &err);
    cr_assert_not_null(console, "%s", err.text);
    return console;
}

static void print(struct console *console, const char *text)
{
    while (*text)
        console_output(console, (uint8_t)*text++);
}

/* All input that is there, as a string. */
static const char *taken(struct console *console)
{
    static char text[256];
    size_t length = console_take_input(console, (uint8_t *)text, sizeof text - 1);
    text[length] = 0;
    return text;
}

/* ---- Matching ------------------------------------------------------------------------------ */

static size_t first_match(const char *text, const char *stream)
{
    struct matcher matcher;
    size_t found = 0;
    cr_assert_eq(matcher_init(&matcher, text), 0);
    for (size_t i = 0; stream[i] && !found; i++) {
        if (matcher_feed(&matcher, (uint8_t)stream[i]))
            found = i + 1;
    }
    matcher_free(&matcher);
    return found;
}

Test(matcher, finds_what_strstr_finds)
{
    /* Every text of up to 7 letters in every stream of 11, over an alphabet of two. */
    char text[8], stream[12];
    for (unsigned length = 1; length <= 7; length++) {
        for (unsigned t = 0; t < 1u << length; t++) {
            for (unsigned i = 0; i < length; i++)
                text[i] = t >> i & 1 ? 'b' : 'a';
            text[length] = 0;
            for (unsigned s = 0; s < 1u << 11; s++) {
                for (unsigned i = 0; i < 11; i++)
                    stream[i] = s >> i & 1 ? 'b' : 'a';
                stream[11] = 0;
                const char *at = strstr(stream, text);
                size_t expected = at ? (size_t)(at - stream) + length : 0;
                cr_assert_eq(first_match(text, stream), expected, "%s in %s", text, stream);
            }
        }
    }
}

Test(matcher, nothing_never_matches)
{
    cr_assert_eq(first_match("", "abc"), 0);
}

Test(matcher, high_bytes)
{
    cr_assert_eq(first_match("\xc3\xa4", "x\xc3\xc3\xa4"), 4);
}

/* ---- The script ---------------------------------------------------------------------------- */

Test(console, script_sends_after_each_match)
{
    static const struct config_step steps[] = {
        {.expect = "login: ", .send = "root\n"},
        {.expect = "# ", .send = "ls\n"},
        {.expect = "# ", .send = "poweroff\n"},
    };
    struct console *console = make(CONSOLE_NONE, NULL, steps, 3);
    cr_assert_not(console_has_input(console));
    print(console, "login");
    cr_assert_not(console_has_input(console));
    print(console, ": # "); /* the "# " comes after the match, so it is the next step's */
    cr_assert(console_has_input(console));
    cr_assert_str_eq(taken(console), "root\nls\n");
    cr_assert_str_eq(taken(console), "");
    print(console, "# ");
    cr_assert_str_eq(taken(console), "poweroff\n");
    print(console, "# login: # ");
    cr_assert_not(console_has_input(console));
    console_free(console);
}

Test(console, script_without_expect_sends_at_once_and_in_pieces)
{
    static const struct config_step steps[] = {
        {.send = "ab"}, {.send = ""}, {.send = "c"}, {.expect = "x"}, {.send = "d"}};
    struct console *console = make(CONSOLE_NONE, NULL, steps, 5);
    uint8_t byte;
    char all[8] = "";
    while (console_take_input(console, &byte, 1) == 1)
        strncat(all, (char *)&byte, 1);
    cr_assert_str_eq(all, "abc");
    print(console, "x");
    cr_assert_str_eq(taken(console), "d");
    console_free(console);
}

Test(console, a_match_does_not_reach_back_before_the_last)
{
    static const struct config_step steps[] = {{.expect = "aa"}, {.expect = "aa", .send = "!"}};
    struct console *console = make(CONSOLE_NONE, NULL, steps, 2);
    print(console, "aaa");
    cr_assert_not(console_has_input(console));
    print(console, "a");
    cr_assert_str_eq(taken(console), "!");
    console_free(console);
}

Test(console, script_times_out_in_virtual_time)
{
    static const struct config_step steps[] = {
        {.expect = "a", .send = "1", .timeout_ns = 1000},
        {.expect = "\x1b"
                   "b",
         .timeout_ns = 10000},
    };
    struct console *console = make(CONSOLE_NONE, NULL, steps, 2);
    cr_assert_eq(console_next_timeout(console), 1001);
    clock_at_1ghz.now = 1000;
    cr_assert_eq(console_poll(console), CONSOLE_GO_ON);
    print(console, "a");
    cr_assert_eq(console_next_timeout(console), 11001, "counts from the step before");
    clock_at_1ghz.now = 11000;
    cr_assert_eq(console_poll(console), CONSOLE_GO_ON);
    cr_assert_null(console_script_error(console));
    clock_at_1ghz.now = 11001;
    cr_assert_eq(console_poll(console), CONSOLE_TIMEOUT);
    cr_assert_str_eq(console_script_error(console),
                     "step 2 of 2: no \"\\x1bb\" after 10us of virtual time");
    console_free(console);
}

Test(console, no_timeout_is_for_ever)
{
    static const struct config_step steps[] = {{.expect = "a"}};
    struct console *console = make(CONSOLE_NONE, NULL, steps, 1);
    clock_at_1ghz.now = UINT64_MAX - 1;
    cr_assert_eq(console_next_timeout(console), UINT64_MAX);
    cr_assert_eq(console_poll(console), CONSOLE_GO_ON);
    console_free(console);
}

Test(console, wait_knows_when_no_input_can_come)
{
    static const struct config_step steps[] = {{.send = "x"}, {.expect = "never"}};
    struct console *console = make(CONSOLE_NONE, NULL, steps, 2);
    cr_assert(console_wait(console, 0));
    taken(console);
    cr_assert_not(console_wait(console, 0));
    console_free(console);
}

/* ---- What was printed ---------------------------------------------------------------------- */

Test(console, hash_and_count)
{
    struct console *console = make(CONSOLE_NONE, NULL, NULL, 0);
    char hex[65];
    console_sha256(console, hex);
    cr_assert_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    print(console, "a");
    console_sha256(console, hex); /* must not disturb what follows */
    console_poll(console);
    print(console, "bc");
    console_sha256(console, hex);
    cr_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    cr_assert_eq(console_bytes(console), 3);
    console_free(console);
}

Test(console, hash_of_a_million)
{
    struct console *console = make(CONSOLE_NONE, NULL, NULL, 0);
    char hex[65];
    for (int i = 0; i < 1000000; i++)
        console_output(console, 'a');
    console_sha256(console, hex);
    cr_assert_str_eq(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    console_free(console);
}

Test(console, watch)
{
    struct console *console = make(CONSOLE_NONE, NULL, NULL, 0);
    cr_assert_eq(console_watch(console, "all 12 checks passed"), 0);
    print(console, "all 12 checks ");
    cr_assert_not(console_seen(console));
    console_poll(console);
    print(console, "passed\n");
    cr_assert(console_seen(console));
    console_free(console);
}

static void assert_tail(struct console *console, size_t lines, const char *expected)
{
    char *text = console_tail(console, lines);
    cr_assert_str_eq(text, expected);
    free(text);
}

Test(console, tail)
{
    struct console *console = make(CONSOLE_NONE, NULL, NULL, 0);
    assert_tail(console, 3, "");
    print(console, "one\r\ntwo\x1b[0m\n\nthree\t\"4\"");
    assert_tail(console, 0, "");
    assert_tail(console, 1, "three\\t\"4\"\n");
    assert_tail(console, 3, "two\\x1b[0m\n\nthree\\t\"4\"\n");
    assert_tail(console, 9, "one\ntwo\\x1b[0m\n\nthree\\t\"4\"\n");
    print(console, "\n");
    assert_tail(console, 1, "three\\t\"4\"\n");
    for (int i = 0; i < 100000; i++)
        console_output(console, i % 10 == 9 ? '\n' : 'x');
    assert_tail(console, 2, "xxxxxxxxx\nxxxxxxxxx\n");
    char *all = console_tail(console, 100000);
    cr_assert_eq(strlen(all), 16384, "as much as is kept");
    free(all);
    console_free(console);
}

/* ---- Files and pipes ----------------------------------------------------------------------- */

Test(console, file_is_new_and_gets_the_output)
{
    char dir[] = "/tmp/iaso-console-XXXXXX", file[64], text[16] = "";
    struct error err = {""};
    cr_assert_not_null(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/out", dir);
    struct console *console = make(CONSOLE_FILE, file, NULL, 0);
    print(console, "hello");
    console_poll(console);
    print(console, "!\n");
    cr_assert_not(console_wait(console, 0));
    cr_assert_null(console_error(console));
    console_free(console);

    int fd = open(file, O_RDONLY);
    cr_assert_eq(read(fd, text, sizeof text - 1), 7);
    close(fd);
    cr_assert_str_eq(text, "hello!\n");

    cr_assert_null(console_new(CONSOLE_FILE, file, &clock_at_1ghz, NULL, 0, &err));
    cr_assert(strstr(err.text, "exists already"), "%s", err.text);
    unlink(file);
    rmdir(dir);
    cr_assert_null(console_new(CONSOLE_FILE, file, &clock_at_1ghz, NULL, 0, &err));
    cr_assert(strstr(err.text, "No such file"), "%s", err.text);
}

/* Makes standard input and output pipes; returns our ends. */
static void pipe_stdio(int *to, int *from)
{
    int in[2], out[2];
    cr_assert_eq(pipe(in), 0);
    cr_assert_eq(pipe(out), 0);
    fflush(NULL);
    dup2(in[0], 0);
    dup2(out[1], 1);
    close(in[0]);
    close(out[1]);
    *to = in[1];
    *from = out[0];
}

Test(console, stdio_through_pipes)
{
    static const struct config_step steps[] = {{.expect = "?", .send = "script "}};
    int to, from;
    char text[32] = "";
    pipe_stdio(&to, &from);
    struct console *console = make(CONSOLE_STDIO, NULL, steps, 1);
    cr_assert_eq(console_poll(console), CONSOLE_GO_ON);
    cr_assert_not(console_has_input(console));
    cr_assert(console_wait(console, 0), "there may be more");
    cr_assert_eq(write(to, "user\001x", 6), 6);
    print(console, "?");
    cr_assert_eq(console_poll(console), CONSOLE_GO_ON, "no commands in a pipe");
    cr_assert_eq(read(from, text, sizeof text - 1), 1);
    cr_assert_str_eq(text, "?");
    cr_assert_str_eq(taken(console), "script user\001x");
    close(to);
    cr_assert_not(console_wait(console, 1000), "end of input");
    console_free(console);
}

Test(console, a_pipe_is_not_read_faster_than_the_guest_takes_it)
{
    int to, from;
    uint8_t bytes[5000];
    size_t total = 0, n;
    pipe_stdio(&to, &from);
    struct console *console = make(CONSOLE_STDIO, NULL, NULL, 0);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i % 251);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(write(to, bytes, sizeof bytes), sizeof bytes);
    close(to);
    for (int i = 0; i < 200; i++)
        console_poll(console);
    do {
        uint8_t got[700];
        n = console_take_input(console, got, sizeof got);
        for (size_t i = 0; i < n; i++, total++)
            cr_assert_eq(got[i], total % sizeof bytes % 251, "at %zu", total);
    } while (console_wait(console, 0));
    cr_assert_eq(total, 5 * sizeof bytes);
    console_free(console);
}

Test(console, output_that_cannot_be_written_is_reported)
{
    int full = open("/dev/full", O_WRONLY), null = open("/dev/null", O_RDONLY);
    fflush(NULL);
    int saved = dup(1);
    dup2(full, 1);
    dup2(null, 0);
    struct console *console = make(CONSOLE_STDIO, NULL, NULL, 0);
    print(console, "x");
    console_poll(console);
    dup2(saved, 1);
    cr_assert_str_eq(console_error(console),
                     "cannot write the console's output: No space left on device");
    console_free(console);
}

/* ---- Terminals ----------------------------------------------------------------------------- */

Test(console, pty_both_ways)
{
    struct console *console = make(CONSOLE_PTY, NULL, NULL, 0);
    char text[16] = "";
    cr_assert_not_null(console_pty_name(console));
    for (int i = 0; i < 200000; i++) /* nobody reads: must not block */
        console_output(console, '.');
    console_poll(console);
    int fd = open(console_pty_name(console), O_RDWR | O_NOCTTY);
    cr_assert_geq(fd, 0);
    tcflush(fd, TCIFLUSH);
    print(console, "a\n");
    console_poll(console);
    cr_assert_eq(read(fd, text, sizeof text), 2, "no carriage return is added");
    cr_assert_eq(write(fd, "\001x\003\r", 4), 4);
    cr_assert(console_wait(console, 1000));
    cr_assert_eq(console_poll(console), CONSOLE_GO_ON);
    cr_assert_str_eq(taken(console), "\001x\003\r");
    close(fd);
    cr_assert_eq(console_poll(console), CONSOLE_GO_ON);
    cr_assert(console_wait(console, 0), "somebody else may come");
    console_free(console);
}

/* Runs `child` in a process whose terminal is a new pty; returns its end, and the process. */
static int with_terminal(void (*child)(void), pid_t *pid)
{
    int fd;
    fflush(NULL);
    *pid = forkpty(&fd, NULL, NULL, NULL);
    cr_assert_geq(*pid, 0);
    if (*pid == 0) {
        signal(SIGHUP, SIG_DFL); /* ignored under nohup */
        signal(SIGINT, SIG_DFL); /* and in the background of a script */
        child();
        _exit(0);
    }
    return fd;
}

/* Reads until `text` has come. */
static void await(int fd, const char *text)
{
    struct matcher matcher;
    uint8_t byte;
    matcher_init(&matcher, text);
    do {
        cr_assert_eq(read(fd, &byte, 1), 1, "no \"%s\"", text);
    } while (!matcher_feed(&matcher, byte));
    matcher_free(&matcher);
}

static void interactive(void)
{
    clock_init(&clock_at_1ghz, 1000000000);
    struct console *console = console_new(CONSOLE_STDIO, NULL, &clock_at_1ghz, NULL, 0, NULL);
    uint8_t bytes[16];
    if (!console)
        _exit(1);
    print(console, "raw\n");
    while (console_poll(console) == CONSOLE_GO_ON) {
        size_t n = console_take_input(console, bytes, sizeof bytes);
        for (size_t i = 0; i < n; i++) {
            char text[8];
            snprintf(text, sizeof text, "<%02x>", bytes[i]);
            print(console, text);
        }
        console_wait(console, 1000);
    }
    char hex[65];
    console_sha256(console, hex);
    print(console, "quit\n");
    console_free(console);
    console_free(NULL);
}

static bool is_cooked(int fd)
{
    struct termios settings;
    cr_assert_eq(tcgetattr(fd, &settings), 0); /* our end tells those of the other */
    return (settings.c_lflag & ICANON) && (settings.c_lflag & ECHO) && (settings.c_lflag & ISIG);
}

Test(console, terminal_is_raw_and_has_commands, .timeout = 20)
{
    pid_t pid;
    int status, fd = with_terminal(interactive, &pid);
    await(fd, "raw\r\n");
    cr_assert_not(is_cooked(fd));
    cr_assert_eq(write(fd, "\003\032\001\001\001q\r", 7), 7);
    await(fd, "<03><1a><01><0d>");
    cr_assert_eq(write(fd, "\001h", 2), 2);
    await(fd, "Ctrl-A x ");
    cr_assert_eq(write(fd, "\001x", 2), 2);
    await(fd, "quit\r\n");
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
    cr_assert(is_cooked(fd));
}

static void assert_restored_after(int number)
{
    pid_t pid;
    int status, fd = with_terminal(interactive, &pid);
    await(fd, "raw\r\n");
    cr_assert_not(is_cooked(fd));
    kill(pid, number);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(is_cooked(fd), "signal %d", number);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == number, "signal %d: %x", number, status);
    close(fd);
}

Test(console, terminal_is_restored_on_signals, .timeout = 20)
{
    assert_restored_after(SIGTERM);
    assert_restored_after(SIGINT);
    assert_restored_after(SIGABRT);
    assert_restored_after(SIGHUP);
}

static void exits(void)
{
    if (!terminal_is_ours(0) || terminal_make_raw(0, NULL))
        _exit(1);
    if (terminal_make_raw(0, NULL) == 0) /* twice is an error */
        _exit(2);
    if (write(1, "raw", 3) != 3)
        _exit(3);
    char byte;
    if (read(0, &byte, 1) != 1)
        _exit(4);
    exit(0);
}

Test(console, terminal_is_restored_at_exit, .timeout = 20)
{
    pid_t pid;
    int status, fd = with_terminal(exits, &pid);
    await(fd, "raw");
    cr_assert_not(is_cooked(fd));
    cr_assert_eq(write(fd, "x", 1), 1);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status));
    cr_assert(is_cooked(fd));
}

/* ---- Progress ------------------------------------------------------------------------------ */

Test(progress, is_only_for_terminals)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    cr_assert_null(progress_new(ends[1], false));
    cr_assert_eq(openpty(&ends[0], &ends[1], NULL, NULL, NULL), 0);
    cr_assert_null(progress_new(ends[1], true));
    progress_update(NULL, 0, 0, NULL);
    progress_clear(NULL);
    progress_free(NULL);
}

Test(progress, is_throttled_and_cleared, .timeout = 20)
{
    int ours, line;
    char text[512];
    cr_assert_eq(openpty(&ours, &line, NULL, NULL, NULL), 0);
    setenv("TERM", "xterm", 1);
    struct progress *progress = progress_new(line, false);
    cr_assert_not_null(progress);
    for (int i = 0; i < 1000; i++)
        progress_update(progress, 1, 1, "too early");
    usleep(250 * 1000);
    progress_update(progress, 1234567890, 50000000, "boot");
    progress_update(progress, 2234567890, 50000000, "too early");
    progress_free(progress);
    size_t got = 0; /* a terminal hands over one write at a time */
    for (text[0] = 0; !strstr(text, "\033[K\r\033[K"); text[got] = 0) {
        ssize_t n = read(ours, text + got, sizeof text - 1 - got);
        cr_assert_gt(n, 0);
        got += (size_t)n;
    }
    cr_assert_eq(strncmp(text, "\r1.234 s  ", 10), 0, "%s", text);
    cr_assert(strstr(text, " MIPS  boot\033[K\r\033[K"), "%s", text);
    cr_assert_not(strstr(text, "early"), "%s", text);
}
