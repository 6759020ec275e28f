/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* asprintf() */
#include "sim/options.h"

#include <getopt.h>
#include <limits.h>
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
    OPTION_FORCE,
    OPTION_QUIET,
    OPTION_DISPLAY,
    OPTION_SCREENSHOT,
    OPTION_AT,
    OPTION_KIND,
    OPTION_NTH,
    OPTION_TASK,
    OPTION_REGISTER,
    OPTION_BIT,
    OPTION_ADDRESS,
    OPTION_VALUE,
    OPTION_OUTPUT,
    OPTION_CAMPAIGN,
    OPTION_DB,
    OPTION_RESUME,
    OPTION_JOBS,
    OPTION_SHARD,
    OPTION_SEED,
    OPTION_DEPTH,
    OPTION_EVERY,
    OPTION_SAMPLE,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_COUNT,
};

/* Which options a command has: bit (1 << id). */
#define HAS(id) (1u << (id))

static const struct option_row option_rows[OPTION_COUNT] = {
    [OPTION_SET] = {"set", 's', "PATH=VALUE",
                    "change the config, as in machine.harts=4 or memory[0].size=1G"},
    [OPTION_CONSOLE] = {"console", 'c', "WHERE",
                        "the guest's console: stdio (default), file=NAME, pty or none"},
    [OPTION_MAX_INSNS] = {"max-insns", 'n', "N",
                          "stop after N instructions; 20G will do for 20000000000"},
    [OPTION_SUMMARY] = {"summary", 0, "FILE", "write a summary of the run to FILE, as JSON"},
    [OPTION_REPORT] = {"report", 0, "DIR", "leave a report in DIR, a new or empty folder"},
    [OPTION_FORCE] = {"force", 0, NULL, "replace an older report"},
    [OPTION_DISPLAY] = {"display", 'd', NULL, "show the machine in a window while it runs"},
    [OPTION_SCREENSHOT] = {"screenshot", 0, "FILE",
                           "write the last frame of --display to FILE, as PNG, and do not wait"},
    [OPTION_AT] = {"at", 0, "SYMBOL[+OFFSET]", "where the fault happens"},
    [OPTION_KIND] = {"kind", 0, "KIND", "what happens: null, flip, wild, skip, bug or hang"},
    [OPTION_NTH] = {"nth", 0, "N", "the Nth time that a request gets there"},
    [OPTION_TASK] = {"task", 0, "NAME", "only in the thread of this name (Linux)"},
    [OPTION_REGISTER] = {"register", 0, "R", "flip: the register, such as a0"},
    [OPTION_BIT] = {"bit", 0, "B", "flip: the bit, 0 to 63"},
    [OPTION_ADDRESS] = {"address", 0, "A", "wild: the address, or SYMBOL[+OFFSET], to store to"},
    [OPTION_VALUE] = {"value", 0, "V", "wild: the value"},
    [OPTION_QUIET] = {"quiet", 'q', NULL, "print nothing but the guest's console and errors"},
    [OPTION_OUTPUT] = {"output", 'o', "FILE",
                       "write to FILE, or DIR (report), instead of standard output"},
    [OPTION_CAMPAIGN] = {"campaign", 0, "N", "N faults drawn at random: section `campaign`"},
    [OPTION_DB] = {"db", 0, "FILE", "the campaign's database (default: a new one in out/)"},
    [OPTION_RESUME] = {"resume", 0, NULL, "go on with the database, if there is one"},
    [OPTION_JOBS] = {"jobs", 'j', "N", "N worker processes (default: one for each core)"},
    [OPTION_SHARD] = {"shard", 0, "I/N", "only the Ith of N parts of the campaign"},
    [OPTION_DEPTH] = {"depth", 0, "N", "power cuts in a run, at most: 1 to 3"},
    [OPTION_EVERY] = {"every", 0, "N", "only each Nth store"},
    [OPTION_SAMPLE] = {"sample", 0, "N", "only N stores, drawn at random"},
    [OPTION_SEED] = {"seed", 0, "N", "of what is drawn at random"},
    [OPTION_HELP] = {"help", 'h', NULL, "print this help"},
    [OPTION_VERSION] = {"version", 'V', NULL, "print the version"},
};

/* The config's key that an option is short for; NULL: none. */
static const char *const option_keys[OPTION_COUNT] = {
    [OPTION_DEPTH] = "sweep.depth",
    [OPTION_EVERY] = "sweep.every",
    [OPTION_SAMPLE] = "sweep.sample",
    [OPTION_REPORT] = "report.dir",
    [OPTION_AT] = "inject.at",
    [OPTION_KIND] = "inject.kind",
    [OPTION_NTH] = "inject.nth",
    [OPTION_TASK] = "inject.task",
    [OPTION_REGISTER] = "inject.register",
    [OPTION_BIT] = "inject.bit",
    [OPTION_ADDRESS] = "inject.address",
    [OPTION_VALUE] = "inject.value",
    [OPTION_CAMPAIGN] = "campaign.faults",
};

#define RUN_OPTIONS                                                                        \
    (HAS(OPTION_SET) | HAS(OPTION_CONSOLE) | HAS(OPTION_MAX_INSNS) | HAS(OPTION_SUMMARY) | \
     HAS(OPTION_REPORT) | HAS(OPTION_FORCE) | HAS(OPTION_QUIET) | HAS(OPTION_HELP) |       \
     HAS(OPTION_DISPLAY) | HAS(OPTION_SCREENSHOT))
#define INJECT_OPTIONS                                                        \
    (HAS(OPTION_AT) | HAS(OPTION_KIND) | HAS(OPTION_NTH) | HAS(OPTION_TASK) | \
     HAS(OPTION_REGISTER) | HAS(OPTION_BIT) | HAS(OPTION_ADDRESS) | HAS(OPTION_VALUE))

#define CAMPAIGN_OPTIONS \
    (HAS(OPTION_DB) | HAS(OPTION_RESUME) | HAS(OPTION_JOBS) | HAS(OPTION_SHARD) | HAS(OPTION_SEED))

#define CONFIG_OPERAND "CONFIG", "the file name of a config", 1, 1
#define ANY_NUMBER     UINT_MAX

static const struct command_row command_rows[] = {
    {COMMAND_RUN, "run", NULL, CONFIG_OPERAND, "run the machine that CONFIG describes",
     RUN_OPTIONS},
    {COMMAND_INJECT, "inject", NULL, CONFIG_OPERAND,
     "like run, with a fault: section `inject` or options; or many: --campaign",
     RUN_OPTIONS | INJECT_OPTIONS | CAMPAIGN_OPTIONS | HAS(OPTION_CAMPAIGN)},
    {COMMAND_SWEEP, "sweep", NULL, CONFIG_OPERAND,
     "cut power behind each store to non-volatile memory, and see what breaks",
     CAMPAIGN_OPTIONS | HAS(OPTION_SET) | HAS(OPTION_SUMMARY) | HAS(OPTION_QUIET) |
         HAS(OPTION_REPORT) | HAS(OPTION_FORCE) | HAS(OPTION_HELP) | HAS(OPTION_DEPTH) |
         HAS(OPTION_EVERY) | HAS(OPTION_SAMPLE)},
    {COMMAND_CHECK, "check", NULL, CONFIG_OPERAND, "only say whether CONFIG is valid",
     HAS(OPTION_SET) | HAS(OPTION_HELP)},
    {COMMAND_REPORT, "report", NULL, "DIR...", "the folder of a report, or of several", 1,
     ANY_NUMBER, "make tables and pages of a report anew, or compare several",
     HAS(OPTION_OUTPUT) | HAS(OPTION_FORCE) | HAS(OPTION_HELP)},
    {COMMAND_SCHEMA, "schema", NULL, "[WHAT]", "config or report", 0, 1,
     "print the JSON Schema of configs or of reports", HAS(OPTION_HELP)},
    {COMMAND_DTB, "dtb", NULL, CONFIG_OPERAND, "print the machine's device tree, flattened",
     HAS(OPTION_SET) | HAS(OPTION_OUTPUT) | HAS(OPTION_HELP)},
    {COMMAND_PLOT, "power", "plot", CONFIG_OPERAND,
     "run, and draw voltage, on-times and power cuts (power.svg)",
     RUN_OPTIONS | HAS(OPTION_OUTPUT)},
    {COMMAND_CAMPAIGN_MERGE, "campaign", "merge", "OUT.db IN.db...",
     "the names of a new database and of those to merge", 2, ANY_NUMBER,
     "make one database of those of a campaign's shards", HAS(OPTION_HELP)},
    {COMMAND_CAMPAIGN_SHOW, "campaign", "show", "DB", "the file name of a database", 1, 1,
     "tell what a campaign's database says",
     HAS(OPTION_SUMMARY) | HAS(OPTION_REPORT) | HAS(OPTION_FORCE) | HAS(OPTION_HELP)},
    {COMMAND_COMPLETION, "completion", NULL, "SHELL", "bash or zsh", 1, 1,
     "print what completes commands and options in bash or zsh", HAS(OPTION_HELP)},
};

#define COMMAND_ROWS (sizeof command_rows / sizeof *command_rows)

const struct command_row *options_command_row(size_t index)
{
    return index < COMMAND_ROWS ? &command_rows[index] : NULL;
}

const struct option_row *options_row(size_t index)
{
    return index < OPTION_COUNT ? &option_rows[index] : NULL;
}

const char *options_key(size_t index)
{
    return option_keys[index];
}

/* `iaso` itself; not in the table, since it is no word to type. */
static const struct command_row top = {.command = COMMAND_NONE,
                                       .options = HAS(OPTION_HELP) | HAS(OPTION_VERSION)};

const struct command_row *options_row_of(enum command command)
{
    for (size_t i = 0; i < COMMAND_ROWS; i++)
        if (command_rows[i].command == command)
            return &command_rows[i];
    return &top;
}

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

/* A number in decimal, from 1 to `most`, up to `end`; 0 if it is none. */
static unsigned read_number(const char *text, char end, unsigned most)
{
    uint64_t number = 0;
    for (; *text >= '0' && *text <= '9' && number <= most; text++)
        number = number * 10 + (uint64_t)(*text - '0');
    return *text == end && number <= most ? (unsigned)number : 0;
}

static int set_jobs(struct options *options, const struct command_row *row, const char *value,
                    struct error *err)
{
    options->jobs = read_number(value, 0, OPTIONS_MAX_JOBS);
    return options->jobs ? 0
                         : usage_of(err, row, "--jobs: expected a number from 1 to 1024, found",
                                    value, "", NULL);
}

static int set_shard(struct options *options, const struct command_row *row, const char *value,
                     struct error *err)
{
    const char *slash = strchr(value, '/');
    options->shards = slash ? read_number(slash + 1, 0, OPTIONS_MAX_SHARDS) : 0;
    options->shard = read_number(value, '/', options->shards);
    return options->shard
               ? 0
               : usage_of(err, row, "--shard: expected I/N such as 2/4, I from 1 to N, found",
                          value, "", NULL);
}

static int set_seed(struct options *options, const struct command_row *row, const char *value,
                    struct error *err)
{
    options->has_seed = true;
    return units_parse(UNITS_COUNT, value, &options->seed)
               ? usage_of(err, row, "--seed: expected a number, found", value, "", NULL)
               : 0;
}

/* Those without a value. */
static int set_flag(struct options *options, const struct command_row *row, enum option_id id)
{
    options->quiet |= id == OPTION_QUIET;
    options->force |= id == OPTION_FORCE;
    options->display |= id == OPTION_DISPLAY;
    options->resume |= id == OPTION_RESUME;
    if (id == OPTION_VERSION)
        options->command = COMMAND_VERSION;
    if (id == OPTION_HELP) {
        options->command = COMMAND_HELP;
        options->topic = row->command;
    }
    return 0;
}

static int set_option(struct options *options, const struct command_row *row, enum option_id id,
                      const char *value, struct error *err)
{
    char message[QUOTED];
    const struct option_row *option = &option_rows[id];
    if (!option->argument)
        return set_flag(options, row, id);
    if (!*value) {
        snprintf(message, sizeof message, "--%s: expected %s, found nothing", option->name,
                 option->argument);
        return usage(err, row, message);
    }
    options->campaign |= id == OPTION_CAMPAIGN;
    options->fault |= option_keys[id] && !strncmp(option_keys[id], "inject.", strlen("inject."));
    if (id == OPTION_REPORT)
        options->report = value;
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
    case OPTION_SCREENSHOT:
        options->display = true;
        options->screenshot = value;
        return 0;
    case OPTION_OUTPUT:
        options->output = value;
        return 0;
    case OPTION_DB:
        options->db = value;
        return 0;
    case OPTION_JOBS:
        return set_jobs(options, row, value, err);
    case OPTION_SHARD:
        return set_shard(options, row, value, err);
    case OPTION_SEED:
        return set_seed(options, row, value, err);
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

static int take_operands(struct options *options, const struct command_row *row, unsigned count,
                         char **operands, struct error *err)
{
    char message[QUOTED];
    if (count < row->least) {
        snprintf(message, sizeof message, "expected %s", row->expected);
        return usage(err, row, message);
    }
    if (count > row->most)
        return usage_of(err, row, "expected no further argument, found", operands[row->most], "",
                        NULL);
    memcpy(options->operands, operands, count * sizeof *operands);
    options->operand_count = count;
    options->config = count ? operands[0] : NULL;
    return 0;
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
    return take_operands(options, row, (unsigned)(argc - optind), argv + optind, err);
}

/* Rows with several verbs follow each other; `row` is the first. */
static int parse_verb(struct options *options, const struct command_row *row, int argc, char **argv,
                      struct error *err)
{
    const char *found = argc > 2 ? argv[2] : "";
    char message[QUOTED] = "expected a verb (";
    size_t length = strlen(message);
    struct nearest search;
    nearest_init(&search, found);
    if (!strcmp(found, "-h") || !strcmp(found, "--help")) {
        options->command = COMMAND_HELP;
        options->topic = row->command;
        return 0;
    }
    for (const struct command_row *each = row;
         each < command_rows + COMMAND_ROWS && !strcmp(each->name, row->name); each++) {
        if (!strcmp(each->verb, found))
            return parse_command(options, each, argc - 2, argv + 2, err);
        nearest_offer(&search, each->verb);
        length += (size_t)snprintf(message + length, sizeof message - length, "%s%s",
                                   each == row ? "" : " or ", each->verb);
    }
    snprintf(message + length, sizeof message - length, "), found");
    return usage_of(err, row, message, found, "", search.best);
}

/* The first row of that name. */
static const struct command_row *find_command(const char *name, struct error *err)
{
    struct nearest search;
    nearest_init(&search, name);
    for (size_t i = 0; i < COMMAND_ROWS; i++) {
        if (!strcmp(command_rows[i].name, name))
            return &command_rows[i];
        nearest_offer(&search, command_rows[i].name);
    }
    usage_of(err, &top, "unknown command", name, "", search.best);
    return NULL;
}

/* `iaso help COMMAND` is `iaso COMMAND --help`. */
static int parse(struct options *options, int argc, char **argv, struct error *err)
{
    if (argc < 2)
        return usage(err, &top, "expected a command");
    if (argv[1][0] == '-') {
        if (parse_command(options, &top, 2, argv, err))
            return -1;
        return options->command == COMMAND_NONE ? usage(err, &top, "expected a command") : 0;
    }
    bool help = !strcmp(argv[1], "help");
    if (help && argc == 2) {
        options->command = COMMAND_HELP;
        return 0;
    }
    const struct command_row *row = find_command(argv[help ? 2 : 1], err);
    if (!row)
        return -1;
    if (help) {
        options->command = COMMAND_HELP;
        options->topic = row->command;
        return 0;
    }
    return row->verb ? parse_verb(options, row, argc, argv, err)
                     : parse_command(options, row, argc - 1, argv + 1, err);
}

int options_parse(struct options *options, int argc, char *const *argv, struct error *err)
{
    *options = (struct options){.console = CONSOLE_STDIO, .shard = 1, .shards = 1};
    char **copy = calloc((size_t)argc + 1, sizeof *copy);
    options->overrides = calloc((size_t)argc + 1, sizeof *options->overrides);
    options->made = calloc((size_t)argc + 1, sizeof *options->made);
    options->operands = calloc((size_t)argc + 1, sizeof *options->operands);
    int result = -1;
    if (copy && options->overrides && options->made && options->operands) {
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
    free(options->operands);
    *options = (struct options){0};
}
