/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is left on the screen when a command has ended: on terminals of several widths, in a pipe,
 * and when the guest has names that are up to something. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/harness.h"

#define MAX_ROWS    400
#define MAX_COLUMNS 220

/* A terminal that does as much as iaso asks of one: wraps, and knows CR, LF, EL and SGR. */
struct screenful {
    char rows[MAX_ROWS][MAX_COLUMNS + 1];
    size_t row, column, columns;
    bool wrapped; /* some line was too long */
};

static void put(struct screenful *screen, char c)
{
    if (screen->column == screen->columns) {
        screen->wrapped = true;
        screen->row++;
        screen->column = 0;
    }
    cr_assert(screen->row < MAX_ROWS);
    screen->rows[screen->row][screen->column++] = c;
}

static const char *control(struct screenful *screen, const char *at)
{
    at += strcspn(at, "ABCDEFGHJKmhl");
    cr_assert(*at == 'K' || *at == 'm', "an unexpected control sequence");
    if (*at == 'K')
        memset(screen->rows[screen->row] + screen->column, 0, MAX_COLUMNS - screen->column);
    return at;
}

static void show(struct screenful *screen, unsigned columns, const char *seen)
{
    *screen = (struct screenful){.columns = columns};
    for (const char *at = seen; *at; at++) {
        if (*at == '\033' && at[1] == '[') {
            at = control(screen, at + 2);
        } else if (*at == '\r') {
            screen->column = 0;
        } else if (*at == '\n') {
            screen->row++;
        } else {
            cr_assert((unsigned char)*at >= ' ', "control character %d", *at);
            put(screen, *at);
        }
    }
}

static void run_on(struct screenful *screen, unsigned columns, int code,
                   const char *const arguments[])
{
    struct session session;
    setenv("TERM", "xterm", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    unsetenv("COLUMNS");
    session_start_wide(&session, SESSION_TERMINAL_ERR, columns, arguments);
    int ended = session_end(&session);
    cr_expect_eq(ended, code, "%d\n%s", ended, session.seen);
    show(screen, columns, session.seen);
    session_free(&session);
}

static const char *const configs[] = {"configs/hello.json", "configs/agora-null.json",
                                      "configs/hypnos-kv.json"};
/* agora's whole work takes its time. */
static const char *const sets[] = {"machine.harts=1", "bootargs=agora.work=0", "machine.seed=1"};
static const char *const subjects[] = {"console", "recovery", "power"};

Test(system_closing, five_lines_on_terminals_and_in_pipes)
{
    static const unsigned widths[] = {80, 200};
    static const char *const labels[] = {"ran", "", "console sha256", "memory sha256"};
    for (size_t config = 0; config < 3; config++) {
        const char *const arguments[] = {"run",   configs[config], "--console", "none",
                                         "--set", sets[config],    NULL};
        struct run run;
        run_program(&run, NULL, arguments);
        char *lines = run.err;
        cr_expect(!strchr(lines, '\033') && !strchr(lines, '\r'), "%s", lines);
        for (size_t i = 0; i < 2; i++) {
            struct screenful screen;
            run_on(&screen, widths[i], 0, arguments);
            cr_expect(!screen.wrapped && screen.row == 5, "%zu rows", screen.row);
            char *rest = lines, line[300] = "";
            for (size_t row = 0; row < 5; row++) {
                const char *shown = screen.rows[row];
                const char *label = row == 2 ? subjects[config] : row ? labels[row - 1] : "iaso:";
                cr_expect_eq(strncmp(shown + strspn(shown, " "), label, strlen(label)), 0,
                             "row %zu: %s", row, shown);
                snprintf(line, sizeof line, "%.*s", (int)strcspn(rest, "\n"), rest);
                rest += strcspn(rest, "\n") + 1;
                if (widths[i] == 200)
                    cr_expect_str_eq(shown, line);
            }
            cr_expect_eq(strlen(screen.rows[3]), widths[i] == 80 ? 79 : 82);
            cr_expect_str_empty(rest, "more than five lines:\n%s", lines);
        }
        run_free(&run);
    }
}

Test(system_closing, a_narrow_terminal)
{
    for (size_t config = 0; config < 3; config++) {
        const char *const arguments[] = {"run",   configs[config], "--console", "none",
                                         "--set", sets[config],    NULL};
        struct screenful screen;
        run_on(&screen, 40, 0, arguments);
        cr_expect(!screen.wrapped);
        size_t begun = 0;
        for (size_t row = 0; row < screen.row; row++)
            begun += screen.rows[row][0] != ' ';
        cr_expect_eq(begun, 5);
        cr_expect(strstr(screen.rows[screen.row - 1], "memory sha256 ") &&
                      strstr(screen.rows[screen.row - 1], "..."),
                  "%s", screen.rows[screen.row - 1]);
    }
}

Test(system_closing, no_colour_when_asked)
{
    struct session session;
    const char *const arguments[] = {"run", "configs/hello.json", "--console", "none", NULL};
    setenv("TERM", "xterm", 1);
    for (int i = 0; i < 2; i++) {
        setenv("NO_COLOR", i ? "yes" : "", 1);
        session_start(&session, SESSION_TERMINAL_ERR, arguments);
        cr_expect_eq(session_end(&session), 0);
        cr_expect_eq(!strstr(session.seen, "\033[1;32mfinished\033[0m"), i, "%s", session.seen);
        session_free(&session);
    }
}

/* The progress line, drawn many times, leaves nothing behind. */
Test(system_closing, no_debris_of_the_progress_line)
{
    static const unsigned widths[] = {20, 40, 200};
    const char *const arguments[] = {"run",         "configs/hello.json",
                                     "--console",   "none",
                                     "--set",       "load[0].kernel=build/guests/riscv/stuck.elf",
                                     "--max-insns", "600M",
                                     NULL};
    for (size_t i = 0; i < 3; i++) {
        struct screenful screen;
        run_on(&screen, widths[i], 1, arguments);
        cr_expect(!strncmp(screen.rows[0], "hart 0", 6), "%s", screen.rows[0]);
        for (size_t row = 0; row < screen.row; row++)
            cr_expect(!strstr(screen.rows[row], "MIPS"), "%s", screen.rows[row]);
    }
}

/* The guest's function spin_forever, by another name. */
Test(system_closing, names_with_control_characters)
{
    struct place place;
    struct run run;
    size_t size;
    place_make(&place);
    char *image = read_whole("build/guests/riscv/stuck.elf", &size);
    for (char *name; (name = memmem(image, size, "spin_forever", 12));)
        memcpy(name, "\033[2J\r\n\x9b\x1b]0;.", 12);
    const char *kernel = place_bytes(&place, "hostile.elf", image, size);
    const char *config = place_write(&place, "hostile.json",
                                     "{\"load\": [{\"kernel\": \"%s\"}], \"run\": {\"max_insns\": "
                                     "1000000}}",
                                     kernel);
    RUN(&run, "run", config);
    cr_expect_eq(run.code, 1);
    cr_expect(strstr(run.err, "[2J") && strstr(run.err, "\\x9b"), "%s", run.err);
    for (const char *at = run.err; *at; at++)
        cr_assert(*at == '\n' || (unsigned char)*at >= ' ', "control character %d", *at);
    run_free(&run);
    free(image);
    place_remove(&place);
}

/* A campaign's tables, and what a sweep says. */
Test(system_closing, tables_fit)
{
    struct place place;
    struct run run;
    struct screenful screen;
    static const unsigned widths[] = {40, 80};
    place_make(&place);
    const char *faults = place_file(&place, "faults.db"), *sweep = place_file(&place, "sweep.db");
    RUN(&run, "inject", "configs/agora-null.json", "--set", "bootargs=agora.work=0", "--campaign",
        "4", "--db", faults, "-q");
    cr_assert_eq(run.code, 0, "%s", run.err);
    run_free(&run);
    RUN(&run, "sweep", "configs/hypnos-kv.json", "--depth", "1", "--sample", "20", "--db", sweep,
        "-q");
    cr_assert_eq(run.code, 0, "%s", run.err);
    run_free(&run);
    for (size_t i = 0; i < 4; i++) {
        struct session session;
        unsigned width = widths[i / 2];
        const char *const arguments[] = {"campaign", "show", i % 2 ? sweep : faults, NULL};
        setenv("TERM", "xterm", 1);
        session_start_wide(&session, SESSION_TERMINAL, width, arguments);
        cr_expect_eq(session_end(&session), 0);
        char *examples = strstr(session.seen, "examples, each"); /* are to be copied, not broken */
        if (examples)
            *examples = 0;
        show(&screen, width, session.seen);
        cr_expect(!screen.wrapped && screen.row > 8, "%s", session.seen);
        session_free(&session);
    }
    place_remove(&place);
}
