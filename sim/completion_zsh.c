/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "sim/completion.h"

static const char helpers[] = "#compdef iaso\n"
                              "# zsh completion for iaso, made by `iaso completion zsh`\n"
                              "\n"
                              "_iaso_words() # WORDS, one of which may be \"file=\"\n"
                              "{\n"
                              "    if compset -P 'file='; then\n"
                              "        _files\n"
                              "        return\n"
                              "    fi\n"
                              "    compadd -- ${@:#*=}\n"
                              "    compadd -S '' -- ${(M)@:#*=}\n"
                              "}\n"
                              "\n"
                              "_iaso_keys()\n"
                              "{\n"
                              "    local words key=${PREFIX%%=*}\n"
                              "    case $key in\n";

static const char keys_middle[] = "    esac\n"
                                  "    if compset -P '*='; then\n"
                                  "        compadd -- ${=words}\n"
                                  "    else\n"
                                  "        compadd -S '' --";

static const char begin[] = "\n"
                            "    fi\n"
                            "}\n"
                            "\n"
                            "_iaso()\n"
                            "{\n"
                            "    local curcontext=$curcontext state line command\n"
                            "    local -a commands verbs\n"
                            "    typeset -A opt_args\n"
                            "    if ((CURRENT == 2)); then\n"
                            "        commands=(\n";

static const char end[] = "    esac\n"
                          "}\n"
                          "\n"
                          "if [[ $funcstack[1] == _iaso ]]; then\n"
                          "    _iaso \"$@\"\n"
                          "else\n"
                          "    compdef _iaso iaso\n"
                          "fi\n";

/* Within single quotes; a backslash before the characters of `special`. */
static void print_escaped(const char *text, const char *special, FILE *out)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\'", out);
        else if (strchr(special, *text))
            fputc('\\', out);
        fputc(*text, out);
    }
}

static void print_action(const struct completion_value *value, const char *const *choices,
                         FILE *out)
{
    if (choices) {
        fputs("_iaso_words ", out);
        completion_print_choices(choices, out);
        return;
    }
    switch (value->what) {
    case COMPLETE_NOTHING:
        fputc(' ', out);
        break;
    case COMPLETE_WORDS:
        fprintf(out, "_iaso_words %s", value->words);
        break;
    case COMPLETE_FILES:
        fprintf(out, value->words ? "_files -g \"*.%s\"" : "_files", value->words);
        break;
    case COMPLETE_FOLDERS:
        fputs("_directories", out);
        break;
    case COMPLETE_KEYS:
        fputs("_iaso_keys", out);
        break;
    }
}

static void print_option(const struct option_row *option, size_t id, FILE *out)
{
    const char *equals = option->argument ? "=" : "";
    fputs(" \\\n            ", out);
    if (option->argument && completion_value(option->argument)->what == COMPLETE_KEYS)
        fputs("'*'", out); /* may be repeated */
    else if (option->letter)
        fprintf(out, "'(-%c --%s)'", option->letter, option->name);
    if (option->letter)
        fprintf(out, "{-%c%s,--%s%s}'[", option->letter, option->argument ? "+" : "", option->name,
                equals);
    else
        fprintf(out, "'--%s%s[", option->name, equals);
    print_escaped(option->help, "[]:\\", out);
    fputc(']', out);
    if (option->argument) {
        fputc(':', out);
        print_escaped(option->argument, "[]:\\", out);
        fputc(':', out);
        print_action(completion_value(option->argument), completion_choices(id), out);
    }
    fputc('\'', out);
}

static void print_command(const struct command_row *row, FILE *out)
{
    const struct option_row *option;
    fputs("    '", out);
    completion_print_command(row, out);
    fputs("')\n        _arguments -s -S", out);
    for (size_t id = 0; (option = options_row(id)); id++)
        if (completion_has(row, id))
            print_option(option, id, out);
    if (row->operand) {
        fprintf(out, " \\\n            '%s:", row->most == 1 ? "1" : "*");
        print_escaped(row->operand, "[]:\\", out);
        fputc(':', out);
        print_action(completion_value(row->operand), NULL, out);
        fputc('\'', out);
    }
    fputs(" ;;\n", out);
}

static void print_described(const char *name, const char *help, FILE *out)
{
    fprintf(out, "            '%s:", name);
    print_escaped(help, ":\\", out);
    fputs("'\n", out);
}

static void print_verbs(FILE *out)
{
    const struct command_row *row, *each;
    for (size_t index = 0; (row = completion_next_name(&index));) {
        if (!row->verb)
            continue;
        fprintf(out, "    if [[ $command == %s ]]; then\n        verbs=(\n", row->name);
        for (size_t i = 0; (each = options_command_row(i)); i++)
            if (!strcmp(each->name, row->name))
                print_described(each->verb, each->help, out);
        fputs("        )\n"
              "        if ((CURRENT == 2)); then\n"
              "            _describe verb verbs\n"
              "            return\n"
              "        fi\n"
              "        command+=\" $words[2]\"\n"
              "        shift words\n"
              "        ((CURRENT--))\n"
              "    fi\n",
              out);
    }
}

void completion_zsh(FILE *out)
{
    const struct command_row *row;
    fputs(helpers, out);
    completion_print_key_cases(out);
    fputs(keys_middle, out);
    completion_print_keys(out);
    fputs(begin, out);
    for (size_t index = 0; (row = completion_next_name(&index));)
        print_described(row->name, row->verb ? "..." : row->help, out);
    fputs("        )\n"
          "        _describe command commands\n"
          "        [[ $PREFIX == -* ]] && compadd -- --help --version\n"
          "        return\n"
          "    fi\n"
          "    command=$words[2]\n"
          "    shift words\n"
          "    ((CURRENT--))\n",
          out);
    print_verbs(out);
    fputs("    case $command in\n", out);
    for (size_t i = 0; (row = options_command_row(i)); i++)
        print_command(row, out);
    fputs(end, out);
}
