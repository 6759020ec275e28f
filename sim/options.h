/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_OPTIONS_H
#define IASO_SIM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "mem/error.h"
#include "sim/console.h"

#define IASO_VERSION "0.1.0"

#define OPTIONS_MAX_JOBS   1024
#define OPTIONS_MAX_SHARDS 100000

/* Exit codes of `iaso`; the help says the same. */
enum exit_code {
    EXIT_AS_EXPECTED = 0,   /* the guest finished as the config expects; for other commands: done */
    EXIT_GUEST_FAILED = 1,  /* it did not */
    EXIT_USAGE = 2,         /* command line or config */
    EXIT_SIMULATOR = 3,     /* the simulator's own fault, or the host's */
    EXIT_INTERRUPTED = 130, /* a campaign was, and can go on with --resume */
};

/* Tells the user; returns the code. */
int complain(const struct error *err, int code);

enum command {
    COMMAND_NONE, /* as a topic: `iaso` itself */
    COMMAND_RUN,
    COMMAND_INJECT, /* run, with a fault */
    COMMAND_SWEEP,  /* a campaign of power cuts */
    COMMAND_CHECK,
    COMMAND_SCHEMA,
    COMMAND_DTB,
    COMMAND_PLOT, /* `power plot`: run, and draw */
    COMMAND_CAMPAIGN_MERGE,
    COMMAND_CAMPAIGN_SHOW,
    COMMAND_COMPLETION,
    COMMAND_REPORT,  /* rebuild, or compare */
    COMMAND_HELP,    /* --help, -h: print options_help() and exit with 0 */
    COMMAND_VERSION, /* --version, -V: print options_version() and exit with 0 */
};

/* The command line, as plain data. Strings are the caller's argv; what an option does not set is
 * NULL, 0 or false. A new command or option is a row of the tables in options.c and a field here.
 */
struct options {
    enum command command;
    enum command topic;    /* of COMMAND_HELP */
    const char *config;    /* the first operand, mostly the file of a config; NULL: none */
    const char **operands; /* all of them, in order; owned */
    size_t operand_count;
    const char **overrides; /* each --set, in order, and each option that is short for one; for
                               config_load(); owned */
    size_t override_count;
    char **made; /* overrides that are not in argv; owned */
    size_t made_count;

    /* run, inject */
    enum console_kind console; /* default CONSOLE_STDIO */
    const char *console_file;  /* CONSOLE_FILE */
    uint64_t max_insns;        /* 0: as in the config */
    const char *summary;       /* where to write the summary */
    bool display;              /* show it in a window */
    const char *screenshot;    /* where the last frame goes to, and the window closes then */
    const char *report;        /* the folder of the report, also in the config */
    bool quiet;                /* no progress, no summary on the terminal */

    const char *output; /* file or folder; NULL: as the command says */
    bool force;         /* a report may replace an older one */

    /* Campaigns */
    bool campaign;          /* inject: many faults */
    bool fault;             /* inject: an option said something of the one fault */
    const char *db;         /* the database; NULL: the command chooses a name */
    bool resume;            /* go on with it */
    unsigned jobs;          /* worker processes; 0: one for each core */
    unsigned shard, shards; /* from 1; 1 of 1 is the default */
    uint64_t seed;          /* of what is drawn at random */
    bool has_seed;
};

/*
 * Reads the command line; argv is left as it is. On failure err says in one line what is wrong and
 * which help to ask for; exit with EXIT_USAGE. Not safe in several threads at once (getopt_long()
 * is not).
 */
int options_parse(struct options *options, int argc, char *const *argv, struct error *err);
void options_free(struct options *options);

/* A command: a row of the table, in the order of the help. */
struct command_row {
    enum command command;
    const char *name;     /* NULL: `iaso` itself */
    const char *verb;     /* a second word; NULL: none */
    const char *operand;  /* NULL: takes none */
    const char *expected; /* what operands are, for messages */
    unsigned least, most; /* operands */
    const char *help;
    unsigned options; /* which it has: bit (1 << index) */
};

struct option_row {
    const char *name;
    char letter;          /* 0: none */
    const char *argument; /* NULL: takes none */
    const char *help;
};

/* The tables, for whoever tells of them; NULL behind the last row. */
const struct command_row *options_command_row(size_t index);
const struct option_row *options_row(size_t index);

/* That of `iaso` itself, if the command has none. */
const struct command_row *options_row_of(enum command command);

/* The config's key that the option of that index is short for; NULL: none. */
const char *options_key(size_t index);

/* What to type for the same, without what only says where files go; malloc'ed, NULL when out of
 * memory. */
char *options_command(const struct options *options);

/* The help of `iaso` (COMMAND_NONE) or of one command. */
void options_help(enum command topic, FILE *out);
void options_version(FILE *out);

#endif
