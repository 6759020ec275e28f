/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The console as a person uses it: on a terminal, or on a pseudo terminal of the simulator's. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "tests/system/harness.h"

static const char *echo_config(struct place *place)
{
    return place_write(place, "echo.json",
                       "{\"load\": [{\"kernel\": \"build/guests/riscv/echo.elf\"}]}");
}

static struct termios settings(const struct session *session)
{
    struct termios now;
    memset(&now, 0, sizeof now);
    cr_assert_eq(tcgetattr(session->line, &now), 0);
    return now;
}

/* On a terminal, at the guest's first prompt; `before` is how the terminal was. */
static void start_echo(struct session *session, struct place *place, struct termios *before)
{
    setenv("NO_COLOR", "1", 1);
    const char *const arguments[] = {"run", echo_config(place), NULL};
    session_start(session, SESSION_TERMINAL, arguments);
    /* The simulator may be at it already, so take those of another new terminal. */
    struct session fresh;
    const char *const version[] = {"--version", NULL};
    session_start(&fresh, SESSION_TERMINAL, version);
    *before = settings(&fresh);
    cr_assert_eq(session_end(&fresh), 0);
    session_free(&fresh);
    session_expect(session, "echo ready");
    session_expect(session, "> ");
}

static void expect_restored(const struct session *session, const struct termios *before)
{
    struct termios after = settings(session);
    cr_expect(before->c_lflag & ECHO);
    cr_expect_eq(after.c_iflag, before->c_iflag);
    cr_expect_eq(after.c_oflag, before->c_oflag);
    cr_expect_eq(after.c_cflag, before->c_cflag);
    cr_expect_eq(after.c_lflag, before->c_lflag);
    cr_expect_arr_eq(after.c_cc, before->c_cc, sizeof after.c_cc);
}

Test(system_terminal, typing_help_and_quitting)
{
    struct place place;
    struct session session;
    struct termios before;
    place_make(&place);
    start_echo(&session, &place, &before);
    cr_expect_eq(settings(&session).c_lflag & (ICANON | ECHO | ISIG), 0, "not in raw mode");
    session_send(&session, "abc\r");
    session_expect(&session, "cba");
    session_send(&session, "\001h");
    session_expect(&session, "Ctrl-A x");
    session_send(&session, "x\003y\r"); /* Ctrl-C is for the guest */
    session_expect(&session, "y\003x");
    session_send(&session, "\001\001\r"); /* and so is Ctrl-A, typed twice */
    session_expect(&session, "\001");
    session_send(&session, "\001x");
    cr_expect_eq(session_end(&session), 0, "%s", session.seen);
    cr_expect(strstr(session.seen, "iaso: finished: quit"), "%s", session.seen);
    expect_restored(&session, &before);
    session_free(&session);
    place_remove(&place);
}

Test(system_terminal, restored_when_the_guest_ends)
{
    struct place place;
    struct session session;
    struct termios before;
    place_make(&place);
    start_echo(&session, &place, &before);
    session_send(&session, "quit\r");
    session_expect(&session, "bye");
    cr_expect_eq(session_end(&session), 0, "%s", session.seen);
    expect_restored(&session, &before);
    session_free(&session);
    place_remove(&place);
}

static void end_by_signal(int number, int code)
{
    struct place place;
    struct session session;
    struct termios before;
    place_make(&place);
    start_echo(&session, &place, &before);
    cr_assert_eq(kill(session.pid, number), 0);
    int ended = session_end(&session);
    cr_expect_eq(ended, code, "signal %d: exit code %d\n%s", number, ended, session.seen);
    expect_restored(&session, &before);
    session_free(&session);
    place_remove(&place);
}

Test(system_terminal, restored_after_sigterm)
{
    end_by_signal(SIGTERM, 1);
}

Test(system_terminal, restored_after_sigint)
{
    end_by_signal(SIGINT, 1);
}

Test(system_terminal, restored_after_a_fatal_signal)
{
    end_by_signal(SIGHUP, -SIGHUP);
}

Test(system_terminal, restored_after_a_config_error)
{
    struct place place;
    struct session session;
    place_make(&place);
    const char *const arguments[] = {"run", echo_config(&place), "--set", "load[0].kernel=/none",
                                     NULL};
    session_start(&session, SESSION_TERMINAL, arguments);
    cr_expect_eq(session_end(&session), 2);
    cr_expect(settings(&session).c_lflag & ECHO);
    cr_expect(strstr(session.seen, "/none"), "%s", session.seen);
    session_free(&session);
    place_remove(&place);
}

/* Reads until `text` comes, or fails. */
static void read_until(int fd, const char *text)
{
    char seen[4096] = "";
    size_t size = 0;
    for (int tries = 0; tries < 120 && !strstr(seen, text); tries++) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        ssize_t n = poll(&ready, 1, 1000) > 0 ? read(fd, seen + size, sizeof seen - 1 - size) : 0;
        size += n > 0 ? (size_t)n : 0;
        seen[size] = 0;
    }
    cr_assert(strstr(seen, text), "no \"%s\" but:\n%s", text, seen);
}

static void type(int fd, const char *text)
{
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

Test(system_terminal, console_on_a_pseudo_terminal)
{
    struct place place;
    struct session session;
    char name[80];
    place_make(&place);
    const char *const arguments[] = {"run", echo_config(&place), "--console", "pty", NULL};
    session_start(&session, SESSION_PIPE_ERR, arguments);
    session_expect(&session, "iaso: the console is ");
    session_expect(&session, "/dev/pts/");
    cr_assert(session.size > 0);
    snprintf(name, sizeof name, "/dev/pts/%.*s", (int)strcspn(session.seen, "\n"), session.seen);
    int fd = open(name, O_RDWR | O_NOCTTY);
    cr_assert(fd >= 0, "%s", name);
    read_until(fd, "> ");
    type(fd, "abc\n");
    read_until(fd, "cba");
    type(fd, "\001x\n"); /* no commands here: a program may be at the other end */
    read_until(fd, "x\001");
    type(fd, "quit\n");
    read_until(fd, "bye");
    close(fd);
    cr_expect_eq(session_end(&session), 0, "%s", session.seen);
    cr_expect(strstr(session.seen, "iaso: finished: poweroff"), "%s", session.seen);
    session_free(&session);
    place_remove(&place);
}
