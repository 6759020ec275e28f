/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sim/screen.h"
#include "sim/text.h"

#define HASH "882092f2b0e8136711bd48a40d1352468c6ddcaae941d9494fe27317f9f74274"

/* A terminal of so many columns, or (0) a pipe, and what was printed to it. */
struct printed {
    struct screen screen;
    FILE *out;
    int ours;
    char text[8192];
};

static void begin(struct printed *printed, unsigned columns)
{
    int ends[2];
    const struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)columns};
    setenv("TERM", "xterm", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    unsetenv("COLUMNS");
    if (columns)
        cr_assert_eq(openpty(&ends[0], &ends[1], NULL, NULL, &size), 0);
    else
        cr_assert_eq(pipe(ends), 0);
    printed->ours = ends[0];
    printed->out = fdopen(ends[1], "w");
    cr_assert(printed->out);
    screen_open(&printed->screen, printed->out);
}

/* Without the carriage returns of the terminal's line discipline. */
static const char *end(struct printed *printed)
{
    size_t size = 0, kept = 0;
    fputs("\004", printed->out);
    fflush(printed->out);
    while (!size || printed->text[size - 1] != '\004') {
        ssize_t n = read(printed->ours, printed->text + size, sizeof printed->text - size - 1);
        cr_assert(n > 0);
        size += (size_t)n;
    }
    for (size_t i = 0; i < size - 1; i++)
        if (printed->text[i] != '\r')
            printed->text[kept++] = printed->text[i];
    printed->text[kept] = 0;
    fclose(printed->out);
    close(printed->ours);
    return printed->text;
}

static void print_all(const struct screen *screen)
{
    screen_verdict(screen, false, "failed", "the guest's kernel panicked while it wrote a page");
    screen_row(screen, "ran", "1 instruction, %s", "0.000000010 s");
    screen_value(screen, "console sha256", HASH);
}

Test(screen, is_plain_in_a_pipe)
{
    struct printed printed;
    setenv("COLUMNS", "10", 1);
    begin(&printed, 0);
    cr_expect(!printed.screen.terminal && !printed.screen.colour && !printed.screen.width);
    print_all(&printed.screen);
    cr_expect_str_eq(end(&printed),
                     "iaso: failed: the guest's kernel panicked while it wrote a page\n"
                     "  ran             1 instruction, 0.000000010 s\n"
                     "  console sha256  " HASH "\n");
}

Test(screen, fits_the_terminal)
{
    struct printed printed;
    begin(&printed, 80);
    setenv("NO_COLOR", "1", 1);
    screen_open(&printed.screen, printed.out);
    print_all(&printed.screen);
    cr_expect_str_eq(end(&printed),
                     "iaso: failed: the guest's kernel panicked while it wrote a page\n"
                     "ran            1 instruction, 0.000000010 s\n"
                     "console sha256 " HASH "\n");
    begin(&printed, 40);
    print_all(&printed.screen);
    cr_expect_str_eq(end(&printed), "iaso: failed: the guest's kernel\n"
                                    "  panicked while it wrote a page\n"
                                    "ran            1 instruction,\n"
                                    "               0.000000010 s\n"
                                    "console sha256 882092f2b0e8136711bd48...\n");
    begin(&printed, 82);
    print_all(&printed.screen);
    cr_expect(strstr(end(&printed), "\n  console sha256  " HASH "\n"), "%s", printed.text);
}

Test(screen, a_word_may_be_longer_than_the_line)
{
    struct printed printed;
    begin(&printed, 24);
    screen_row(&printed.screen, "report", "/a/very/long/name/of/a/folder and more");
    cr_expect_str_eq(end(&printed), "\033[2mreport\033[0m         /a/very/l\n"
                                    "  ong/name/of/a/folder\n"
                                    "  and more\n");
}

Test(screen, a_line_ends_behind_a_label_rather_than_in_a_word)
{
    struct printed printed;
    begin(&printed, 20);
    setenv("NO_COLOR", "1", 1);
    screen_open(&printed.screen, printed.out);
    screen_verdict(&printed.screen, true, "finished", "poweroff, as expected");
    screen_row(&printed.screen, "ran", "16,099 instructions");
    screen_item(&printed.screen, "  -q, --quiet", 15, "print nothing");
    cr_expect_str_eq(end(&printed), "iaso: finished: \n"
                                    "  poweroff, as\n"
                                    "  expected\n"
                                    "ran            \n"
                                    "  16,099\n"
                                    "  instructions\n"
                                    "  -q, --quiet  print\n"
                                    "  nothing\n");
}

Test(screen, colour_only_where_it_is_wanted)
{
    static const struct {
        const char *term, *no_color;
        bool colour;
    } cases[] = {
        {"xterm", NULL, true}, {"xterm", "", true},   {"xterm", "1", false},
        {"xterm", "0", false}, {"dumb", NULL, false}, {"", NULL, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct printed printed;
        begin(&printed, 80);
        setenv("TERM", cases[i].term, 1);
        unsetenv("NO_COLOR");
        if (cases[i].no_color)
            setenv("NO_COLOR", cases[i].no_color, 1);
        screen_open(&printed.screen, printed.out);
        cr_expect_eq(screen_rewrites(fileno(printed.out)), cases[i].term[0] == 'x');
        screen_verdict(&printed.screen, true, "finished", "poweroff");
        cr_expect_str_eq(end(&printed),
                         cases[i].colour ? "iaso: \033[1;32mfinished\033[0m: poweroff\n"
                                         : "iaso: finished: poweroff\n",
                         "case %zu: %s", i, printed.text);
    }
}

Test(screen, width)
{
    struct printed printed;
    static const struct {
        unsigned terminal;
        const char *columns;
        unsigned width;
    } cases[] = {{100, NULL, 100}, {100, "60", 60},    {100, "none", 100}, {100, "-5", 100},
                 {100, "0", 100},  {100, "3", 20},     {5, NULL, 20},      {100, "99999", 1000},
                 {100, "", 100},   {60000, NULL, 1000}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(&printed, cases[i].terminal);
        if (cases[i].columns)
            setenv("COLUMNS", cases[i].columns, 1);
        cr_expect_eq(screen_columns(fileno(printed.out)), cases[i].width, "case %zu", i);
        end(&printed);
    }
    begin(&printed, 0);
    cr_expect_eq(screen_columns(fileno(printed.out)), 80);
    end(&printed);
}

/* What a guest can call things. */
static const char hostile[] = "a\033[31mb\x9b"
                              "c\xc2\x9b\n\r\t\x7f\xff\xe2\x80\xae<\xf0\x9f\x98\x80>\xe6\xbc\xa2";
static const char harmless[] = "a\\x1b[31mb\\x9bc\\u009b%s\\x0d\\x09\\x7f\\xff\\u202e"
                               "<\xf0\x9f\x98\x80>\xe6\xbc\xa2";

Test(screen, what_a_guest_says_cannot_do_anything)
{
    char expected[200];
    for (unsigned columns = 0; columns <= 200; columns += 200) {
        struct printed printed;
        begin(&printed, columns);
        printed.screen.colour = false;
        screen_text(&printed.screen, hostile);
        snprintf(expected, sizeof expected, harmless, "\n");
        cr_expect_str_eq(end(&printed), expected, "%u: %s", columns, printed.text);
        begin(&printed, columns);
        printed.screen.colour = false;
        screen_verdict(&printed.screen, true, "finished", hostile);
        snprintf(expected, sizeof expected, harmless, "\\x0a");
        cr_expect(strstr(end(&printed), expected), "%u: %s", columns, printed.text);
    }
}

Test(screen, another_locale_gets_no_utf8)
{
    struct printed printed;
    begin(&printed, 100);
    setenv("LC_ALL", "C", 1);
    screen_text(&printed.screen, "<\xe6\xbc\xa2>");
    cr_expect_str_eq(end(&printed), "<\\xe6\\xbc\\xa2>");
}

Test(screen, wide_characters_take_two_columns)
{
    struct printed printed;
    begin(&printed, 20);
    printed.screen.colour = false;
    /* 18 columns of room behind an indentation of 2 */
    screen_verdict(&printed.screen, true, "finished",
                   "\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2"
                   "\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2");
    cr_expect_str_eq(end(&printed),
                     "iaso: finished: \xe6\xbc\xa2\xe6\xbc\xa2\n"
                     "  \xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2"
                     "\xe6\xbc\xa2\xe6\xbc\xa2\n");
}

Test(screen, tables_become_paragraphs)
{
    static const char *const cells[] = {"outcome", "with", "without", "recovered", "470  47.0 %",
                                        "0",       "hang", "-",       "82   8.2 %"};
    struct printed printed;
    begin(&printed, 0);
    screen_table(&printed.screen, cells, 3, 3);
    const char *wide = "outcome           with     without\n"
                       "recovered  470  47.0 %           0\n"
                       "hang                 -  82   8.2 %\n";
    cr_expect_str_eq(end(&printed), wide, "%s", printed.text);
    begin(&printed, 34);
    printed.screen.colour = false;
    screen_table(&printed.screen, cells, 3, 3);
    cr_expect_str_eq(end(&printed), wide, "%s", printed.text);
    begin(&printed, 33);
    printed.screen.colour = false;
    screen_table(&printed.screen, cells, 3, 3);
    cr_expect_str_eq(end(&printed),
                     "recovered\n  with     470  47.0 %\n  without  0\n"
                     "hang\n  with     -\n  without  82   8.2 %\n",
                     "%s", printed.text);
}

Test(screen, the_status_line_never_wraps)
{
    struct printed printed;
    begin(&printed, 20);
    screen_status(fileno(printed.out), "0123456789\033 \xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2");
    screen_status(fileno(printed.out), "");
    cr_expect_str_eq(end(&printed), "0123456789\\x1b \xe6\xbc\xa2\xe6\xbc\xa2\033[K\033[K", "%s",
                     printed.text);
}

Test(screen, numbers_are_grouped)
{
    static const struct {
        uint64_t number;
        const char *text;
    } cases[] = {{0, "0"},
                 {999, "999"},
                 {1000, "1,000"},
                 {123456789, "123,456,789"},
                 {UINT64_MAX, "18,446,744,073,709,551,615"}};
    char buffer[TEXT_GROUP_SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_str_eq(text_group(cases[i].number, buffer), cases[i].text);
}
