/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line again. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/options.h"
#include "sim/text.h"

/* The value that an override gives to a key, or NULL. */
static const char *value_for(const char *override, const char *key)
{
    size_t length = key ? strlen(key) : 0;
    return length && !strncmp(override, key, length) && override[length] == '='
               ? override + length + 1
               : NULL;
}

static void print_override(const struct options *options, const char *override, FILE *out)
{
    bool made = false;
    const struct option_row *row;
    if (value_for(override, "report.dir"))
        return;
    for (size_t i = 0; i < options->made_count; i++)
        made |= options->made[i] == override;
    for (size_t i = 0; made && (row = options_row(i)); i++) {
        const char *value = value_for(override, options_key(i));
        if (!value)
            continue;
        fprintf(out, " --%s ", row->name);
        text_shell(value, out);
        return;
    }
    fputs(" --set ", out);
    text_shell(override, out);
}

static void print_name(enum command command, FILE *out)
{
    const struct command_row *row;
    for (size_t i = 0; (row = options_command_row(i)); i++)
        if (row->command == command)
            fprintf(out, " %s%s%s", row->name, row->verb ? " " : "", row->verb ? row->verb : "");
}

char *options_command(const struct options *options)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    fputs("iaso", out);
    print_name(options->command, out);
    for (size_t i = 0; i < options->operand_count; i++) {
        fputc(' ', out);
        text_shell(options->operands[i], out);
    }
    for (size_t i = 0; i < options->override_count; i++)
        print_override(options, options->overrides[i], out);
    if (options->max_insns)
        fprintf(out, " --max-insns %" PRIu64, options->max_insns);
    if (options->has_seed)
        fprintf(out, " --seed %" PRIu64, options->seed);
    if (options->shards > 1)
        fprintf(out, " --shard %u/%u", options->shard, options->shards);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}
