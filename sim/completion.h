/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_COMPLETION_H
#define IASO_SIM_COMPLETION_H

#include <stdio.h>

#include "mem/error.h"
#include "sim/options.h"
#include "sim/schema.h"

/* Prints what makes a shell, "bash" or "zsh", complete the commands, options, option values and
 * config keys that the tables have. Fails for any other shell. */
int completion_print(const char *shell, FILE *out, struct error *err);

/* ---- For the shells' own files ------------------------------------------------------------- */

void completion_bash(FILE *out);
void completion_zsh(FILE *out);

enum completion_what {
    COMPLETE_NOTHING, /* it cannot be guessed */
    COMPLETE_WORDS,
    COMPLETE_FILES, /* `words`: their extension, or NULL */
    COMPLETE_FOLDERS,
    COMPLETE_KEYS, /* of configs, then "=" and a value */
};

/* What may stand where the help has such a word: "CONFIG", "WHERE". */
struct completion_value {
    const char *name;
    enum completion_what what;
    const char *words;
};
const struct completion_value *completion_value(const char *name);

/* The choices of the config's key that the option is short for; NULL: it is for none, or for one
 * without. Ends with NULL. */
const char *const *completion_choices(size_t option);

/* Words with spaces between them. */
void completion_print_choices(const char *const *choices, FILE *out);
void completion_print_keys(FILE *out); /* each with "=" behind it */
/* For each key that has choices, cases of the shell's that set the variable `words`. */
void completion_print_key_cases(FILE *out);

/* "campaign show" */
void completion_print_command(const struct command_row *row, FILE *out);

/* The rows of the commands' first words: the first of those with the same name, from *index on,
 * which moves behind them; NULL behind the last. */
const struct command_row *completion_next_name(size_t *index);

bool completion_has(const struct command_row *row, size_t option);

#endif
