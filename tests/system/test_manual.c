/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The manual says what there is, and nothing else. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/options.h"
#include "sim/schema.h"
#include "tests/system/harness.h"

#define MANUAL    "sim/iaso.1"
#define MAX_WORDS 200

struct words {
    char all[MAX_WORDS][64];
    size_t count;
};

static bool holds(const struct words *words, const char *word)
{
    for (size_t i = 0; i < words->count; i++)
        if (!strcmp(words->all[i], word))
            return true;
    return false;
}

static void add(struct words *words, const char *word)
{
    if (holds(words, word))
        return;
    cr_assert(words->count < MAX_WORDS);
    snprintf(words->all[words->count++], sizeof *words->all, "%s", word);
}

static void expect_same_words(const char *what, const struct words *manual,
                              const struct words *program)
{
    for (size_t i = 0; i < program->count; i++)
        cr_expect(holds(manual, program->all[i]), "%s %s is not in the manual", what,
                  program->all[i]);
    for (size_t i = 0; i < manual->count; i++)
        cr_expect(holds(program, manual->all[i]), "%s %s is only in the manual", what,
                  manual->all[i]);
    cr_expect_gt(program->count, 5);
}

/* The long options of all macros Fl, the items of COMMANDS and of CONFIGS. */
static void read_manual(struct words *options, struct words *commands, struct words *sections)
{
    char *text = read_whole(MANUAL, NULL), *rest = text, *line;
    bool in_commands = false, in_configs = false;
    while ((line = strsep(&rest, "\n"))) {
        char first[40] = "", second[40] = "";
        if (!strncmp(line, ".Sh ", 4)) {
            in_commands = !strcmp(line + 4, "COMMANDS");
            in_configs = !strcmp(line + 4, "CONFIGS");
        }
        if (in_commands && sscanf(line, ".It Ic %39s %39s", first, second) >= 1) {
            char word[80];
            bool verb = second[0] >= 'a' && second[0] <= 'z';
            snprintf(word, sizeof word, "%s%s%s", first, verb ? " " : "", verb ? second : "");
            add(commands, word);
        }
        if (in_configs && sscanf(line, ".It Va %39s", first) == 1)
            add(sections, first);
        for (char *word = line; *line == '.' && (word = strstr(word, "Fl -")); word += 4) {
            sscanf(word, "Fl -%39s", first);
            add(options, first);
        }
    }
    free(text);
}

Test(system_manual, says_what_there_is)
{
    static struct words options, commands, sections, known_options, known_commands, known_sections;
    const struct command_row *row;
    const struct option_row *option;
    read_manual(&options, &commands, &sections);
    for (size_t i = 0; (option = options_row(i)); i++)
        add(&known_options, option->name);
    for (size_t i = 0; (row = options_command_row(i)); i++) {
        char word[80];
        snprintf(word, sizeof word, "%s%s%s", row->name, row->verb ? " " : "",
                 row->verb ? row->verb : "");
        add(&known_commands, word);
    }
    for (const struct key *key = schema_child(schema_root(), NULL); key;
         key = schema_child(schema_root(), key))
        if (key->path[0] != '$')
            add(&known_sections, key->path);
    expect_same_words("option", &options, &known_options);
    expect_same_words("command", &commands, &known_commands);
    expect_same_words("section", &sections, &known_sections);
}

Test(system_manual, is_right_for_its_formatter)
{
    struct run run;
    RUN_COMMAND(&run, "mandoc", "-Tlint", "-Wwarning", MANUAL);
    cr_expect_eq(run.code, 0, "%d", run.code);
    cr_expect_str_empty(run.out, "%s", run.out);
    cr_expect_str_empty(run.err, "%s", run.err);
    run_free(&run);
}
