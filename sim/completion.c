/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/completion.h"

#include <string.h>

#include "sim/text.h"

static const struct completion_value values[] = {
    {"CONFIG", COMPLETE_FILES, "json"},        {"DB", COMPLETE_FILES, "db"},
    {"OUT.db IN.db...", COMPLETE_FILES, "db"}, {"FILE", COMPLETE_FILES, NULL},
    {"DIR", COMPLETE_FOLDERS, NULL},           {"DIR...", COMPLETE_FOLDERS, NULL},
    {"PATH=VALUE", COMPLETE_KEYS, NULL},       {"WHERE", COMPLETE_WORDS, "stdio file= pty none"},
    {"SHELL", COMPLETE_WORDS, "bash zsh"},     {"[WHAT]", COMPLETE_WORDS, "config report"},
};

const struct completion_value *completion_value(const char *name)
{
    static const struct completion_value nothing = {NULL, COMPLETE_NOTHING, NULL};
    for (size_t i = 0; name && i < sizeof values / sizeof *values; i++)
        if (!strcmp(values[i].name, name))
            return &values[i];
    return &nothing;
}

const char *const *completion_choices(size_t option)
{
    const struct key *key = schema_root();
    const char *path = options_key(option);
    if (!path)
        return NULL;
    while (key && *path) {
        char name[SCHEMA_NAME_MAX + 1];
        size_t length = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)length, path);
        path += length + (path[length] == '.');
        key = schema_member(key, name);
    }
    return key ? key->choices : NULL;
}

void completion_print_choices(const char *const *choices, FILE *out)
{
    for (size_t i = 0; choices[i]; i++)
        fprintf(out, "%s%s", i ? " " : "", choices[i]);
}

/* All keys that lie in no array and no map. */
static void each_key(const struct key *parent, void (*visit)(const struct key *key, FILE *out),
                     FILE *out)
{
    for (const struct key *key = schema_child(parent, NULL); key; key = schema_child(parent, key)) {
        if (key->type == KEY_OBJECT)
            each_key(key, visit, out);
        else if (!strpbrk(key->path, "[*$"))
            visit(key, out);
    }
}

static void print_key(const struct key *key, FILE *out)
{
    fprintf(out, " %s=", key->path);
}

void completion_print_keys(FILE *out)
{
    each_key(schema_root(), print_key, out);
}

static void print_key_case(const struct key *key, FILE *out)
{
    static const char *const booleans[] = {"true", "false", NULL};
    const char *const *choices = key->type == KEY_BOOLEAN ? booleans : key->choices;
    if (!choices || key->type == KEY_SET)
        return;
    fprintf(out, "        %s) words='", key->path);
    completion_print_choices(choices, out);
    fputs("' ;;\n", out);
}

void completion_print_key_cases(FILE *out)
{
    each_key(schema_root(), print_key_case, out);
}

void completion_print_command(const struct command_row *row, FILE *out)
{
    fprintf(out, "%s%s%s", row->name, row->verb ? " " : "", row->verb ? row->verb : "");
}

const struct command_row *completion_next_name(size_t *index)
{
    const struct command_row *row = options_command_row(*index), *next;
    while (row && (next = options_command_row(++*index)) && !strcmp(next->name, row->name))
        ;
    return row;
}

bool completion_has(const struct command_row *row, size_t option)
{
    return row->options >> option & 1;
}

int completion_print(const char *shell, FILE *out, struct error *err)
{
    char quoted[80];
    if (!strcmp(shell, "bash"))
        completion_bash(out);
    else if (!strcmp(shell, "zsh"))
        completion_zsh(out);
    else
        return error_set(err, "expected \"bash\" or \"zsh\", found %s",
                         text_quote(shell, quoted, sizeof quoted));
    return 0;
}
