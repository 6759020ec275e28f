/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "sim/options.h"
#include "sim/screen.h"

#define OPTION_COLUMN  29
#define COMMAND_COLUMN 33

static const char *or_nothing(const char *text)
{
    return text ? text : "";
}

static void print_option(const struct screen *screen, const struct option_row *option)
{
    char left[60], letter[5] = "    ";
    if (option->letter)
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    snprintf(left, sizeof left, "  %s--%s%s%s", letter, option->name, option->argument ? " " : "",
             or_nothing(option->argument));
    screen_item(screen, left, OPTION_COLUMN, option->help);
}

static void print_commands(const struct screen *screen)
{
    const struct command_row *row;
    screen_item(screen, "usage: iaso", 12, "COMMAND [OPTION]...");
    screen_item(screen, "Iaso,", 6,
                "a full-system simulator for operating systems that must survive.");
    screen_text(screen, "\ncommands:\n");
    for (size_t i = 0; (row = options_command_row(i)); i++) {
        char words[60];
        snprintf(words, sizeof words, "  %s%s%s %s", row->name, row->verb ? " " : "",
                 or_nothing(row->verb), or_nothing(row->operand));
        screen_item(screen, words, COMMAND_COLUMN, row->help);
    }
}

/* Of all verbs that the command has; returns the options that they have. */
static unsigned print_usage(const struct screen *screen, const struct command_row *topic)
{
    unsigned options = 0;
    const struct command_row *row;
    for (size_t i = 0; (row = options_command_row(i)); i++) {
        const char *space = row->verb ? " " : "", *verb = or_nothing(row->verb);
        char text[200];
        if (strcmp(row->name, topic->name))
            continue;
        snprintf(text, sizeof text, "iaso %s%s%s%s%s [OPTION]...", row->name, space, verb,
                 row->operand ? " " : "", or_nothing(row->operand));
        screen_item(screen, "usage:", 7, text);
        snprintf(text, sizeof text, "iaso %s%s%s:", row->name, space, verb);
        screen_item(screen, text, (unsigned)strlen(text) + 1, row->help);
        options |= row->options;
    }
    return options;
}

/* Is an option of that name among them? */
static bool has(unsigned options, const char *name)
{
    const struct option_row *option;
    for (size_t id = 0; (option = options_row(id)); id++)
        if (!strcmp(option->name, name))
            return options >> id & 1;
    return false;
}

void options_help(enum command topic, FILE *out)
{
    const struct command_row *row = options_row_of(topic);
    const struct option_row *option;
    unsigned options = row->options;
    struct screen screen;
    screen_open(&screen, out);
    if (!row->name)
        print_commands(&screen);
    else
        options = print_usage(&screen, row);
    screen_text(&screen, "\noptions:\n");
    for (size_t id = 0; (option = options_row(id)); id++)
        if (options >> id & 1)
            print_option(&screen, option);
    screen_text(&screen, "\n");
    screen_item(&screen, "exit codes:", 12,
                "0 the guest finished as expected, 1 it did not, "
                "2 wrong usage or config, 3 a fault of the simulator");
    if (has(options, "resume"))
        screen_item(&screen, "", 12, "130 a campaign was interrupted: go on with --resume");
    if (!row->name)
        screen_text(&screen, "\n`iaso COMMAND --help` tells more about a command.\n");
    if (has(options, "console"))
        screen_text(&screen, "\nOn the console, Ctrl-A x quits and Ctrl-A h lists the other "
                             "keys.\n");
}

void options_version(FILE *out)
{
    fprintf(out, "iaso " IASO_VERSION "\n");
}

int complain(const struct error *err, int code)
{
    struct screen screen;
    screen_open(&screen, stderr);
    screen_text(&screen, "iaso: ");
    screen_text(&screen, err->text);
    screen_text(&screen, "\n");
    return code;
}
