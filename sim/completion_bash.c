/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "sim/completion.h"

static const char helpers[] = "# bash completion for iaso, made by `iaso completion bash`\n"
                              "\n"
                              "_iaso_reply() # OPTION_OF_COMPGEN...\n"
                              "{\n"
                              "    local found\n"
                              "    mapfile -t found < <(compgen \"$@\")\n"
                              "    COMPREPLY+=(\"${found[@]}\")\n"
                              "}\n"
                              "\n"
                              "_iaso_files() # PREFIX VALUE [EXTENSION]\n"
                              "{\n"
                              "    compopt -o filenames 2> /dev/null\n"
                              "    if [[ $3 ]]; then\n"
                              "        _iaso_reply -P \"$1\" -X \"!*.$3\" -f -- \"$2\"\n"
                              "        _iaso_reply -P \"$1\" -d -- \"$2\"\n"
                              "    else\n"
                              "        _iaso_reply -P \"$1\" -f -- \"$2\"\n"
                              "    fi\n"
                              "}\n"
                              "\n"
                              "_iaso_folders() # PREFIX VALUE\n"
                              "{\n"
                              "    compopt -o filenames 2> /dev/null\n"
                              "    _iaso_reply -P \"$1\" -d -- \"$2\"\n"
                              "}\n"
                              "\n"
                              "_iaso_words() # PREFIX VALUE WORDS\n"
                              "{\n"
                              "    if [[ $2 == file=* ]]; then\n"
                              "        _iaso_files \"$1file=\" \"${2#file=}\"\n"
                              "    else\n"
                              "        _iaso_reply -P \"$1\" -W \"$3\" -- \"$2\"\n"
                              "    fi\n"
                              "}\n"
                              "\n"
                              "_iaso_keys() # PREFIX VALUE\n"
                              "{\n"
                              "    local words=\n"
                              "    case ${2%%=*} in\n";

static const char keys_end[] = "    esac\n"
                               "    if [[ $2 == *=* ]]; then\n"
                               "        _iaso_words \"$1${2%%=*}=\" \"${2#*=}\" \"$words\"\n"
                               "    else\n"
                               "        _iaso_words \"$1\" \"$2\" '";

static const char begin[] =
    "'\n"
    "    fi\n"
    "}\n"
    "\n"
    "_iaso()\n"
    "{\n"
    "    local word=${COMP_WORDS[COMP_CWORD]} words=() i\n"
    "    COMPREPLY=()\n"
    "    for ((i = 1; i <= COMP_CWORD; i++)); do # bash breaks words at each \"=\"\n"
    "        if ((i > 1)) && [[ ${COMP_WORDS[i]} == = || ${COMP_WORDS[i - 1]} == = ]]; then\n"
    "            words[${#words[@]} - 1]+=${COMP_WORDS[i]}\n"
    "        else\n"
    "            words+=(\"${COMP_WORDS[i]}\")\n"
    "        fi\n"
    "    done\n"
    "    local before=$((${#words[@]} - 1)) command=${words[0]} options= taking= option= prefix=\n"
    "    local value=${words[before]}\n"
    "    if ((before == 0)); then\n"
    "        _iaso_words '' \"$value\" '";

static const char find_option[] =
    "    esac\n"
    "    if [[ $value == --*=* ]]; then\n"
    "        option=${value%%=*} prefix=$option= value=${value#*=}\n"
    "    elif [[ \" $taking \" == *\" ${words[before - 1]} \"* ]]; then\n"
    "        option=${words[before - 1]}\n"
    "    fi\n"
    "    if [[ $option ]]; then\n"
    "        case $option in\n";

static const char find_operand[] = "        esac\n"
                                   "    elif [[ $value == -* ]]; then\n"
                                   "        _iaso_words '' \"$value\" \"$options\"\n"
                                   "    else\n"
                                   "        case $command in\n";

static const char end[] =
    "        esac\n"
    "    fi\n"
    "    [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2> /dev/null\n"
    "    # Only what is behind the last \"=\" is replaced, if bash breaks words there.\n"
    "    local kept=$prefix$value\n"
    "    [[ $word == = ]] || kept=${kept%\"$word\"}\n"
    "    COMPREPLY=(\"${COMPREPLY[@]#\"$kept\"}\")\n"
    "}\n"
    "\n"
    "complete -F _iaso iaso\n";

static void print_value(const struct completion_value *value, const char *const *choices, FILE *out)
{
    if (choices) {
        fputs("_iaso_words \"$prefix\" \"$value\" '", out);
        completion_print_choices(choices, out);
        fputs("'", out);
        return;
    }
    switch (value->what) {
    case COMPLETE_NOTHING:
        fputs(":", out);
        break;
    case COMPLETE_WORDS:
        fprintf(out, "_iaso_words \"$prefix\" \"$value\" '%s'", value->words);
        break;
    case COMPLETE_FILES:
        fprintf(out, "_iaso_files \"$prefix\" \"$value\" %s", value->words ? value->words : "");
        break;
    case COMPLETE_FOLDERS:
        fputs("_iaso_folders \"$prefix\" \"$value\"", out);
        break;
    case COMPLETE_KEYS:
        fputs("_iaso_keys \"$prefix\" \"$value\"", out);
        break;
    }
}

/* Where the command has a second word. */
static void print_verbs(FILE *out)
{
    const struct command_row *row;
    for (size_t index = 0; (row = completion_next_name(&index));) {
        if (!row->verb)
            continue;
        fprintf(out,
                "    if [[ $command == %s ]]; then\n"
                "        ((before == 1)) && _iaso_words '' \"$value\" '",
                row->name);
        for (size_t i = 0; options_command_row(i); i++)
            if (!strcmp(options_command_row(i)->name, row->name))
                fprintf(out, "%s ", options_command_row(i)->verb);
        fputs("' && return\n        command+=\" ${words[1]}\"\n    fi\n", out);
    }
}

static void print_options(const struct command_row *row, FILE *out)
{
    const struct option_row *option;
    fputs("    '", out);
    completion_print_command(row, out);
    fputs("')\n        options='", out);
    for (size_t id = 0; (option = options_row(id)); id++)
        if (completion_has(row, id))
            fprintf(out, "--%s ", option->name);
    fputs("'\n        taking='", out);
    for (size_t id = 0; (option = options_row(id)); id++) {
        if (!completion_has(row, id) || !option->argument)
            continue;
        fprintf(out, "--%s ", option->name);
        if (option->letter)
            fprintf(out, "-%c ", option->letter);
    }
    fputs("' ;;\n", out);
}

static void print_option_values(FILE *out)
{
    const struct option_row *option;
    for (size_t id = 0; (option = options_row(id)); id++) {
        if (!option->argument)
            continue;
        fprintf(out, "        --%s", option->name);
        if (option->letter)
            fprintf(out, " | -%c", option->letter);
        fputs(") ", out);
        print_value(completion_value(option->argument), completion_choices(id), out);
        fputs(" ;;\n", out);
    }
}

static void print_operands(FILE *out)
{
    const struct command_row *row;
    for (size_t i = 0; (row = options_command_row(i)); i++) {
        if (!row->operand)
            continue;
        fputs("        '", out);
        completion_print_command(row, out);
        fputs("') ", out);
        print_value(completion_value(row->operand), NULL, out);
        fputs(" ;;\n", out);
    }
}

void completion_bash(FILE *out)
{
    const struct command_row *row;
    fputs(helpers, out);
    completion_print_key_cases(out);
    fputs(keys_end, out);
    completion_print_keys(out);
    fputs(begin, out);
    for (size_t index = 0; (row = completion_next_name(&index));)
        fprintf(out, "%s ", row->name);
    fputs("--help --version'\n        return\n    fi\n", out);
    print_verbs(out);
    fputs("    case $command in\n", out);
    for (size_t i = 0; (row = options_command_row(i)); i++)
        print_options(row, out);
    fputs(find_option, out);
    print_option_values(out);
    fputs(find_operand, out);
    print_operands(out);
    fputs(end, out);
}
