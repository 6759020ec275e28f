/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static const int fatal[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGILL,  SIGABRT, SIGBUS, SIGFPE,
                            SIGSEGV, SIGPIPE, SIGTERM, SIGXCPU, SIGXFSZ, SIGSYS, SIGALRM};

#define FATAL_COUNT (sizeof fatal / sizeof *fatal)

static volatile sig_atomic_t raw_fd = -1;
static struct termios before;
static struct sigaction handlers_before[FATAL_COUNT];

static void put_back(void)
{
    int fd = raw_fd;
    raw_fd = -1;
    if (fd >= 0)
        tcsetattr(fd, TCSANOW, &before);
}

/* Async-signal-safe: tcsetattr(), sigaction(), raise(). */
static void on_fatal(int number)
{
    int saved = errno;
    put_back();
    for (size_t i = 0; i < FATAL_COUNT; i++) {
        if (fatal[i] == number)
            sigaction(number, &handlers_before[i], NULL);
    }
    errno = saved;
    raise(number); /* delivered when this handler returns */
}

static void catch_signals(void)
{
    for (size_t i = 0; i < FATAL_COUNT; i++) {
        struct sigaction ours = {.sa_handler = on_fatal, .sa_flags = SA_ONSTACK};
        sigemptyset(&ours.sa_mask);
        sigaction(fatal[i], NULL, &handlers_before[i]);
        if (handlers_before[i].sa_handler != SIG_IGN)
            sigaction(fatal[i], &ours, NULL);
    }
}

/* Leaves alone what somebody else installed since. */
static void release_signals(void)
{
    for (size_t i = 0; i < FATAL_COUNT; i++) {
        struct sigaction now;
        sigaction(fatal[i], NULL, &now);
        if (now.sa_handler == on_fatal)
            sigaction(fatal[i], &handlers_before[i], NULL);
    }
}

bool terminal_is_ours(int fd)
{
    return isatty(fd) && tcgetpgrp(fd) == getpgrp();
}

int terminal_make_raw(int fd, struct error *err)
{
    static bool registered;
    if (raw_fd >= 0)
        return error_set(err, "the terminal is in use by another console");
    if (tcgetattr(fd, &before))
        return error_set(err, "cannot read the terminal's settings: %s", strerror(errno));
    if (!registered && atexit(put_back))
        return error_set(err, "out of memory");
    registered = true;

    struct termios raw = before;
    raw.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    catch_signals();
    raw_fd = fd;
    if (tcsetattr(fd, TCSANOW, &raw)) {
        int error = errno;
        raw_fd = -1;
        release_signals();
        return error_set(err, "cannot set the terminal to raw mode: %s", strerror(error));
    }
    return 0;
}

void terminal_restore(void)
{
    if (raw_fd < 0)
        return;
    put_back();
    release_signals();
}
