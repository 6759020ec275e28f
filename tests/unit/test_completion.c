/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/completion.h"

static bool is_free(const char *name)
{
    static const char *const names[] = {"N", "SYMBOL[+OFFSET]", "NAME", "R", "B", "A", "V", "I/N"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

/* A new one must be made known to the shells, or be said to be free. */
Test(completion, knows_all_arguments_and_operands)
{
    const struct option_row *option;
    const struct command_row *row;
    for (size_t id = 0; (option = options_row(id)); id++)
        if (option->argument && !completion_choices(id))
            cr_expect_eq(completion_value(option->argument)->what == COMPLETE_NOTHING,
                         is_free(option->argument), "--%s %s", option->name, option->argument);
    for (size_t i = 0; (row = options_command_row(i)); i++)
        if (row->operand)
            cr_expect_neq(completion_value(row->operand)->what, COMPLETE_NOTHING, "%s",
                          row->operand);
}
