/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* asprintf() */
#include "sim/options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "sim/nearest.h"
#include "sim/text.h"
#include "sim/units.h"

#define QUOTED 80

enum option_id {
    OPTION_SET,
    OPTION_CONSOLE,
    OPTION_MAX_INSNS,
    OPTION_SUMMARY,
    OPTION_REPORT,
    OPTION_QUIET,
    OPTION_AT,
    OPTION_KIND,
    OPTION_NTH,
    OPTION_TASK,
    OPTION_REGISTER,
    OPTION_BIT,
    OPTION_ADDRESS,
    OPTION_VALUE,
    OPTION_OUTPUT,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_COUNT,
};

/* Which options a command has: bit (1 << id). */
#define HAS(id) (1u << (id))

static const struct option_row {
    const char *name;
    char letter;          /* 0: none */
    const char *argument; /* NULL: takes none */
    const char *help;
} option_rows[OPTION_COUNT] = {
    [OPTION_SET] = {"set", 's', "PATH=VALUE",
                    "change the config, as in machine.harts=4 or memory[0].size=1G"},
    [OPTION_CONSOLE] = {"console", 'c', "WHERE",
                        "the guest's console: stdio (default), file=NAME, pty or none"},
    [OPTION_MAX_INSNS] = {"max-insns", 'n', "N",
                          "stop after N instructions; 20G will do for 20000000000"},
    [OPTION_SUMMARY] = {"summary", 0, "FILE", "write a summary of the run to FILE, as JSON"},
    [OPTION_REPORT] = {"report", 0, "DIR", "write reports to files in DIR"},
    [OPTION_AT] = {"at", 0, "SYMBOL[+OFFSET]", "where the fault happens"},
    [OPTION_KIND] = {"kind", 0, "KIND", "what happens: null, flip, wild, skip, bug or hang"},
    [OPTION_NTH] = {"nth", 0, "N", "the Nth time that a request gets there"},
    [OPTION_TASK] = {"task", 0, "NAME", "only in the thread of this name (Linux)"},
    [OPTION_REGISTER] = {"register", 0, "R", "flip: the register, such as a0"},
    [OPTION_BIT] = {"bit", 0, "B", "flip: the bit, 0 to 63"},
    [OPTION_ADDRESS] = {"address", 0, "A", "wild: the address, or SYMBOL[+OFFSET], to store to"},
    [OPTION_VALUE] = {"value", 0, "V", "wild: the value"},
    [OPTION_QUIET] = {"quiet", 'q', NULL, "print nothing but the guest's console and errors"},
    [OPTION_OUTPUT] = {"output", 'o', "FILE", "write to FILE (dtb: instead of standard output)"},
    [OPTION_HELP] = {"help", 'h', NULL, "print this help"},
    [OPTION_VERSION] = {"version", 'V', NULL, "print the version"},
};

/* The config's key that an option is short for; NULL: none. */
static const char *const option_keys[OPTION_COUNT] = {
    [OPTION_REPORT] = "report.dir",  [OPTION_AT] = "inject.at",
    [OPTION_KIND] = "inject.kind",   [OPTION_NTH] = "inject.nth",
    [OPTION_TASK] = "inject.task",   [OPTION_REGISTER] = "inject.register",
    [OPTION_BIT] = "inject.bit",     [OPTION_ADDRESS] = "inject.address",
    [OPTION_VALUE] = "inject.value",
};

#define RUN_OPTIONS                                                                        \
    (HAS(OPTION_SET) | HAS(OPTION_CONSOLE) | HAS(OPTION_MAX_INSNS) | HAS(OPTION_SUMMARY) | \
     HAS(OPTION_REPORT) | HAS(OPTION_QUIET) | HAS(OPTION_HELP))
#define INJECT_OPTIONS                                                        \
    (HAS(OPTION_AT) | HAS(OPTION_KIND) | HAS(OPTION_NTH) | HAS(OPTION_TASK) | \
     HAS(OPTION_REGISTER) | HAS(OPTION_BIT) | HAS(OPTION_ADDRESS) | HAS(OPTION_VALUE))

static const struct command_row {
    enum command command;
    const char *name;
    const char *verb;    /* a second word; NULL: none */
    const char *operand; /* NULL: takes none */
    const char *help;
    unsigned options;
} command_rows[] = {
    {COMMAND_RUN, "run", NULL, "CONFIG", "run the machine that CONFIG describes", RUN_OPTIONS},
    {COMMAND_INJECT, "inject", NULL, "CONFIG",
     "like run, with a fault: section `inject` or options", RUN_OPTIONS | INJECT_OPTIONS},
    {COMMAND_CHECK, "check", NULL, "CONFIG", "only say whether CONFIG is valid",
     HAS(OPTION_SET) | HAS(OPTION_HELP)},
    {COMMAND_SCHEMA, "schema", NULL, NULL, "print the JSON Schema of configs", HAS(OPTION_HELP)},
    {COMMAND_DTB, "dtb", NULL, "CONFIG", "print the machine's device tree, flattened",
     HAS(OPTION_SET) | HAS(OPTION_OUTPUT) | HAS(OPTION_HELP)},
    {COMMAND_PLOT, "power", "plot", "CONFIG",
     "run, and draw voltage, on-times and power cuts (power.svg)",
     RUN_OPTIONS | HAS(OPTION_OUTPUT)},
};

#define COMMAND_ROWS (sizeof command_rows / sizeof *command_rows)

/* `iaso` itself; not in the table, since it is no word to type. */
static const struct command_row top = {.command = COMMAND_NONE,
                                       .options = HAS(OPTION_HELP) | HAS(OPTION_VERSION)};

static int usage(struct error *err, const struct command_row *row, const char *message)
{
    return error_set(err, "%s (try: iaso %s%s--help)", message, row->name ? row->name : "",
                     row->name ? " " : "");
}

/* `what` with the argument in quotes, and the known word that is nearest to it. */
static int usage_of(struct error *err, const struct command_row *row, const char *what,
                    const char *argument, const char *prefix, const char *near)
{
    char quoted[QUOTED], message[300];
    snprintf(message, sizeof message, "%s %s%s%s%s%s", what,
             text_quote(argument, quoted, sizeof quoted), near ? "; did you mean \"" : "",
             near ? prefix : "", near ? near : "", near ? "\"?" : "");
    return usage(err, row, message);
}

static int set_console(struct options *options, const struct command_row *row, const char *value,
                       struct error *err)
{
    static const char *const names[] = {"stdio", "file", "pty", "none"};
    static const enum console_kind kinds[] = {CONSOLE_STDIO, CONSOLE_FILE, CONSOLE_PTY,
                                              CONSOLE_NONE};
    size_t length = strcspn(value, "=");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i]) != length || strncmp(names[i], value, length))
            continue;
        bool has_name = value[length] && value[length + 1];
        if (kinds[i] == CONSOLE_FILE ? !has_name : value[length] != 0)
            break;
        options->console = kinds[i];
        options->console_file = has_name ? value + length + 1 : NULL;
        return 0;
    }
    const char *near = nearest(value, names, sizeof names / sizeof *names);
    return usage_of(err, row, "--console: expected stdio, file=NAME, pty or none, found", value, "",
                    near && strcmp(near, "file") && strcmp(near, value) ? near : NULL);
}

/* As if --set KEY=VALUE had been typed. */
static int set_key(struct options *options, const char *key, const char *value, struct error *err)
{
    char *text = NULL;
    if (asprintf(&text, "%s=%s", key, value) < 0)
        return error_set(err, "out of memory");
    options->made[options->made_count++] = text;
    options->overrides[options->override_count++] = text;
    return 0;
}

static int set_option(struct options *options, const struct command_row *row, enum option_id id,
                      const char *value, struct error *err)
{
    char message[QUOTED];
    const struct option_row *option = &option_rows[id];
    if (option->argument && !*value) {
        snprintf(message, sizeof message, "--%s: expected %s, found nothing", option->name,
                 option->argument);
        return usage(err, row, message);
    }
    if (option_keys[id])
        return set_key(options, option_keys[id], value, err);
    switch (id) {
    case OPTION_SET:
        if (!strchr(value, '='))
            return usage_of(err, row, "--set: expected PATH=VALUE, found", value, "", NULL);
        options->overrides[options->override_count++] = value;
        return 0;
    case OPTION_CONSOLE:
        return set_console(options, row, value, err);
    case OPTION_MAX_INSNS:
        if (units_parse(UNITS_COUNT, value, &options->max_insns) || options->max_insns == 0)
            return usage_of(err, row, "--max-insns: expected a count such as 20M, found", value, "",
                            NULL);
        return 0;
    case OPTION_SUMMARY:
        options->summary = value;
        return 0;
    case OPTION_QUIET:
        options->quiet = true;
        return 0;
    case OPTION_OUTPUT:
        options->output = value;
        return 0;
    case OPTION_HELP:
        options->command = COMMAND_HELP;
        options->topic = row->command;
        return 0;
    case OPTION_VERSION:
        options->command = COMMAND_VERSION;
        return 0;
    default:
        break;
    }
    return -1;
}

/* What getopt_long() answered '?' or ':' to. */
static int bad_option(const struct command_row *row, int answer, const char *argument,
                      const struct option *known, struct error *err)
{
    char word[QUOTED], letter[3] = {'-', (char)optopt, 0};
    bool is_long = optopt == 0 || optopt >= 256; /* else the letter, perhaps one of several */
    snprintf(word, sizeof word, "%.*s", (int)strcspn(argument, "="), argument);
    const char *shown = is_long ? word : letter;
    if (answer == ':')
        return usage_of(err, row, "expected a value after", shown, "", NULL);
    if (is_long && optopt)
        return usage_of(err, row, "expected no value after", shown, "", NULL);
    struct nearest search;
    nearest_init(&search, word + (is_long ? 2 : 0));
    for (; is_long && known->name; known++)
        nearest_offer(&search, known->name);
    return usage_of(err, row, "unknown or ambiguous option", shown, "--", search.best);
}

/* The tables of getopt_long() for one command. */
static void describe_options(const struct command_row *row, struct option *longs, char *shorts)
{
    *shorts++ = ':'; /* tell a missing value from an unknown option */
    for (int id = 0; id < OPTION_COUNT; id++) {
        const struct option_row *option = &option_rows[id];
        if (!(row->options & HAS(id)))
            continue;
        *longs++ = (struct option){
            .name = option->name,
            .has_arg = option->argument ? required_argument : no_argument,
            .val = 256 + id,
        };
        if (option->letter)
            *shorts++ = option->letter;
        if (option->letter && option->argument)
            *shorts++ = ':';
    }
    *longs = (struct option){0};
    *shorts = 0;
}

static enum option_id find_letter(int letter)
{
    int id = 0;
    while (id < OPTION_COUNT && option_rows[id].letter != letter)
        id++;
    return (enum option_id)id;
}

/* argv[0] is the command's name; getopt_long() may put argv in another order. */
static int parse_command(struct options *options, const struct command_row *row, int argc,
                         char **argv, struct error *err)
{
    struct option longs[OPTION_COUNT + 1];
    char shorts[2 * OPTION_COUNT + 2];
    int answer;
    describe_options(row, longs, shorts);
    options->command = row->command;
    opterr = 0;
    optind = 0; /* GNU: forget about the last argv */
    while (answer = getopt_long(argc, argv, shorts, longs, NULL), answer != -1) {
        if (answer == '?' || answer == ':')
            return bad_option(row, answer, argv[optind - 1], longs, err);
        enum option_id id = answer >= 256 ? (enum option_id)(answer - 256) : find_letter(answer);
        if (set_option(options, row, id, optarg ? optarg : "", err))
            return -1;
        if (options->command == COMMAND_HELP || options->command == COMMAND_VERSION)
            return 0;
    }
    int operands = argc - optind;
    if (row->operand && operands == 0)
        return usage(err, row, "expected the file name of a config");
    if (operands > (row->operand ? 1 : 0))
        return usage_of(err, row, "expected no further argument, found",
                        argv[optind + (row->operand ? 1 : 0)], "", NULL);
    options->config = row->operand ? argv[optind] : NULL;
    return 0;
}

static int parse(struct options *options, int argc, char **argv, struct error *err)
{
    if (argc < 2)
        return usage(err, &top, "expected a command");
    if (argv[1][0] == '-') {
        if (parse_command(options, &top, 2, argv, err))
            return -1;
        return options->command == COMMAND_NONE ? usage(err, &top, "expected a command") : 0;
    }
    struct nearest search;
    nearest_init(&search, argv[1]);
    for (size_t i = 0; i < COMMAND_ROWS; i++) {
        const struct command_row *row = &command_rows[i];
        bool verb = row->verb && argc > 2 && !strcmp(row->verb, argv[2]);
        if (!strcmp(row->name, argv[1]) && row->verb && !verb && !(argc > 2 && argv[2][0] == '-'))
            return usage_of(err, row, "expected a verb (plot), found", argc > 2 ? argv[2] : "", "",
                            NULL);
        if (!strcmp(row->name, argv[1]))
            return parse_command(options, row, argc - 1 - verb, argv + 1 + verb, err);
        nearest_offer(&search, command_rows[i].name);
    }
    return usage_of(err, &top, "unknown command", argv[1], "", search.best);
}

int options_parse(struct options *options, int argc, char *const *argv, struct error *err)
{
    *options = (struct options){.console = CONSOLE_STDIO};
    char **copy = calloc((size_t)argc + 1, sizeof *copy);
    options->overrides = calloc((size_t)argc + 1, sizeof *options->overrides);
    options->made = calloc((size_t)argc + 1, sizeof *options->made);
    int result = -1;
    if (copy && options->overrides && options->made) {
        memcpy(copy, argv, (size_t)argc * sizeof *copy);
        result = parse(options, argc, copy, err);
    } else {
        error_set(err, "out of memory");
    }
    free(copy);
    if (result)
        options_free(options);
    return result;
}

void options_free(struct options *options)
{
    for (size_t i = 0; i < options->made_count; i++)
        free(options->made[i]);
    free(options->made);
    free(options->overrides);
    *options = (struct options){0};
}

/* ---- Help ---------------------------------------------------------------------------------- */

static void print_option(const struct option_row *option, FILE *out)
{
    char left[40];
    snprintf(left, sizeof left, "--%s%s%s", option->name, option->argument ? " " : "",
             option->argument ? option->argument : "");
    if (option->letter)
        fprintf(out, "  -%c, %-20s %s\n", option->letter, left, option->help);
    else
        fprintf(out, "      %-20s %s\n", left, option->help);
}

void options_help(enum command topic, FILE *out)
{
    const struct command_row *row = &top;
    for (size_t i = 0; i < COMMAND_ROWS; i++) {
        if (command_rows[i].command == topic)
            row = &command_rows[i];
    }
    if (row == &top) {
        fprintf(out, "usage: iaso COMMAND [OPTION]...\n"
                     "Iaso, a full-system simulator for operating systems that must survive.\n"
                     "\ncommands:\n");
        for (size_t i = 0; i < COMMAND_ROWS; i++)
            fprintf(out, "  %s%s%-*s %-7s %s\n", command_rows[i].name,
                    command_rows[i].verb ? " " : "",
                    command_rows[i].verb ? 4 : 10 - (int)strlen(command_rows[i].name),
                    command_rows[i].verb ? command_rows[i].verb : "",
                    command_rows[i].operand ? command_rows[i].operand : "", command_rows[i].help);
    } else {
        fprintf(out, "usage: iaso %s%s%s%s%s [OPTION]...\niaso %s: %s\n", row->name,
                row->verb ? " " : "", row->verb ? row->verb : "", row->operand ? " " : "",
                row->operand ? row->operand : "", row->name, row->help);
    }
    fprintf(out, "\noptions:\n");
    for (int id = 0; id < OPTION_COUNT; id++) {
        if (row->options & HAS(id))
            print_option(&option_rows[id], out);
    }
    fprintf(out, "\nexit codes: 0 the guest finished as expected, 1 it did not,\n"
                 "            2 wrong usage or config, 3 a fault of the simulator\n");
    if (row == &top)
        fprintf(out, "\n`iaso COMMAND --help` tells more about a command.\n");
    if (row->options & HAS(OPTION_CONSOLE))
        fprintf(out, "\nOn the console, Ctrl-A x quits and Ctrl-A h lists the other keys.\n");
}

void options_version(FILE *out)
{
    fprintf(out, "iaso " IASO_VERSION "\n");
}
