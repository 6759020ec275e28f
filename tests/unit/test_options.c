/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/options.h"

#define PARSE(options, err, ...) \
    parse(options, err, (const char *const[]){"iaso", __VA_ARGS__, NULL})

static int parse(struct options *options, struct error *err, const char *const *argv)
{
    int argc = 0;
    while (argv[argc])
        argc++;
    err->text[0] = 0;
    return options_parse(options, argc, (char *const *)argv, err);
}

#define ASSERT_USAGE(message, ...)                                          \
    do {                                                                    \
        struct options usage_options;                                       \
        struct error usage_error;                                           \
        cr_assert_eq(PARSE(&usage_options, &usage_error, __VA_ARGS__), -1); \
        cr_assert_str_eq(usage_error.text, message);                        \
    } while (0)

Test(options, run_with_everything)
{
    struct options options;
    struct error err;
    cr_assert_eq(PARSE(&options, &err, "run", "--set", "machine.harts=4", "x.json", "--set=a=b=c",
                       "--console", "file=out.txt", "--max-insns", "1.5G", "--summary", "s.json",
                       "--quiet"),
                 0, "%s", err.text);
    cr_assert_eq(options.command, COMMAND_RUN);
    cr_assert_str_eq(options.config, "x.json");
    cr_assert_eq(options.override_count, 2);
    cr_assert_str_eq(options.overrides[0], "machine.harts=4");
    cr_assert_str_eq(options.overrides[1], "a=b=c");
    cr_assert_eq(options.console, CONSOLE_FILE);
    cr_assert_str_eq(options.console_file, "out.txt");
    cr_assert_eq(options.max_insns, 1500000000);
    cr_assert_str_eq(options.summary, "s.json");
    cr_assert(options.quiet);
    options_free(&options);
}

Test(options, inject_is_run_with_more_overrides)
{
    static const char *const expected[] = {
        "inject.at=f+0x10",  "inject.kind=flip",   "a=b",          "inject.nth=3",
        "inject.task=sh",    "inject.register=a0", "inject.bit=5", "inject.address=jiffies",
        "inject.value=0x10", "report.dir=out"};
    struct options options;
    struct error err;
    cr_assert_eq(PARSE(&options, &err, "inject", "--at", "f+0x10", "x.json", "--kind=flip", "--set",
                       "a=b", "--nth", "3", "--task", "sh", "--register", "a0", "--bit", "5",
                       "--address", "jiffies", "--value", "0x10", "--report", "out", "-q"),
                 0, "%s", err.text);
    cr_assert_eq(options.command, COMMAND_INJECT);
    cr_assert_str_eq(options.config, "x.json");
    cr_assert(options.quiet);
    cr_assert_eq(options.override_count, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < options.override_count; i++)
        cr_assert_str_eq(options.overrides[i], expected[i]);
    options_free(&options);
}

Test(options, run_defaults)
{
    struct options options;
    struct error err;
    cr_assert_eq(PARSE(&options, &err, "run", "x.json"), 0);
    cr_assert_eq(options.console, CONSOLE_STDIO);
    cr_assert_eq(options.max_insns, 0);
    cr_assert_eq(options.override_count, 0);
    cr_assert_null(options.summary);
    cr_assert_not(options.quiet);
    options_free(&options);
}

Test(options, letters_and_dashes)
{
    struct options options;
    struct error err;
    cr_assert_eq(PARSE(&options, &err, "run", "-qn20k", "-c", "none", "--", "-x.json"), 0);
    cr_assert(options.quiet);
    cr_assert_eq(options.max_insns, 20000);
    cr_assert_eq(options.console, CONSOLE_NONE);
    cr_assert_str_eq(options.config, "-x.json");
    options_free(&options);
}

Test(options, consoles)
{
    static const struct {
        const char *text;
        enum console_kind kind;
    } all[] = {{"stdio", CONSOLE_STDIO}, {"pty", CONSOLE_PTY}, {"none", CONSOLE_NONE}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct options options;
        struct error err;
        cr_assert_eq(PARSE(&options, &err, "run", "x", "--console", all[i].text), 0);
        cr_assert_eq(options.console, all[i].kind);
        options_free(&options);
    }
}

Test(options, other_commands)
{
    struct options options;
    struct error err;
    cr_assert_eq(PARSE(&options, &err, "check", "x.json", "--set", "a=1"), 0);
    cr_assert_eq(options.command, COMMAND_CHECK);
    cr_assert_eq(options.override_count, 1);
    options_free(&options);
    cr_assert_eq(PARSE(&options, &err, "schema"), 0);
    cr_assert_eq(options.command, COMMAND_SCHEMA);
    cr_assert_null(options.config);
    options_free(&options);
    cr_assert_eq(PARSE(&options, &err, "dtb", "x.json", "-o", "x.dtb"), 0);
    cr_assert_eq(options.command, COMMAND_DTB);
    cr_assert_str_eq(options.output, "x.dtb");
    options_free(&options);
}

Test(options, campaigns)
{
    struct options options;
    struct error err;
    cr_assert_eq(PARSE(&options, &err, "inject", "x.json", "--db", "a.db", "--resume", "-j", "12",
                       "--shard", "2/30", "--seed", "5M"),
                 0, "%s", err.text);
    cr_assert_str_eq(options.db, "a.db");
    cr_assert(options.resume && options.has_seed);
    cr_assert_eq(options.jobs, 12);
    cr_assert_eq(options.shard, 2);
    cr_assert_eq(options.shards, 30);
    cr_assert_eq(options.seed, 5000000);
    options_free(&options);
    cr_assert_eq(PARSE(&options, &err, "inject", "x.json"), 0);
    cr_assert(!options.db && !options.resume && !options.has_seed && options.jobs == 0);
    cr_assert(options.shard == 1 && options.shards == 1);
    options_free(&options);
}

Test(options, many_operands)
{
    struct options options;
    struct error err;
    cr_assert_eq(PARSE(&options, &err, "campaign", "merge", "out.db", "a.db", "b.db", "--", "-c"),
                 0, "%s", err.text);
    cr_assert_eq(options.command, COMMAND_CAMPAIGN_MERGE);
    cr_assert_eq(options.operand_count, 4);
    cr_assert_str_eq(options.operands[0], "out.db");
    cr_assert_str_eq(options.operands[3], "-c");
    options_free(&options);
    cr_assert_eq(PARSE(&options, &err, "campaign", "show", "a.db", "--summary", "s.json"), 0);
    cr_assert_eq(options.command, COMMAND_CAMPAIGN_SHOW);
    cr_assert_str_eq(options.operands[0], "a.db");
    cr_assert_str_eq(options.summary, "s.json");
    options_free(&options);
}

Test(options, help_and_version)
{
    struct options options;
    struct error err;
    const char *help[] = {"--help", "-h"}, *version[] = {"--version", "-V"};
    cr_assert_eq(PARSE(&options, &err, "help"), 0);
    cr_assert_eq(options.command, COMMAND_HELP);
    cr_assert_eq(options.topic, COMMAND_NONE);
    options_free(&options);
    cr_assert_eq(PARSE(&options, &err, "help", "dtb"), 0);
    cr_assert_eq(options.topic, COMMAND_DTB);
    options_free(&options);
    cr_assert_eq(PARSE(&options, &err, "help", "dtp"), -1);
    cr_assert(strstr(err.text, "did you mean \"dtb\"?"), "%s", err.text);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(PARSE(&options, &err, help[i]), 0);
        cr_assert_eq(options.command, COMMAND_HELP);
        cr_assert_eq(options.topic, COMMAND_NONE);
        options_free(&options);
        cr_assert_eq(PARSE(&options, &err, "dtb", help[i]), 0, "needs no config");
        cr_assert_eq(options.command, COMMAND_HELP);
        cr_assert_eq(options.topic, COMMAND_DTB);
        options_free(&options);
        cr_assert_eq(PARSE(&options, &err, version[i]), 0);
        cr_assert_eq(options.command, COMMAND_VERSION);
        options_free(&options);
    }
}

Test(options, usage_errors)
{
    ASSERT_USAGE("expected a command (try: iaso --help)", NULL);
    ASSERT_USAGE("expected a command (try: iaso --help)", "--");
    ASSERT_USAGE("unknown command \"rnu\"; did you mean \"run\"? (try: iaso --help)", "rnu");
    ASSERT_USAGE("unknown command \"frobnicate\" (try: iaso --help)", "frobnicate");
    ASSERT_USAGE("unknown or ambiguous option \"--sett\"; did you mean \"--set\"? "
                 "(try: iaso run --help)",
                 "run", "x", "--sett=1");
    ASSERT_USAGE("unknown or ambiguous option \"-z\" (try: iaso run --help)", "run", "--quiet",
                 "-zq", "x");
    ASSERT_USAGE("unknown or ambiguous option \"--output\" (try: iaso run --help)", "run", "x",
                 "--output", "y");
    ASSERT_USAGE("expected a value after \"--set\" (try: iaso run --help)", "run", "x", "--set");
    ASSERT_USAGE("expected no value after \"--quiet\" (try: iaso run --help)", "run", "x",
                 "--quiet=1");
    ASSERT_USAGE("expected the file name of a config (try: iaso run --help)", "run");
    ASSERT_USAGE("expected no further argument, found \"y\" (try: iaso run --help)", "run", "x",
                 "y");
    ASSERT_USAGE("expected no further argument, found \"x\" (try: iaso schema --help)", "schema",
                 "report", "x");
    ASSERT_USAGE("expected the folder of a report, or of several (try: iaso report --help)",
                 "report");
    ASSERT_USAGE("--set: expected PATH=VALUE, found \"a\" (try: iaso run --help)", "run", "x",
                 "--set", "a");
    ASSERT_USAGE("--summary: expected FILE, found nothing (try: iaso run --help)", "run", "x",
                 "--summary=");
    ASSERT_USAGE("unknown or ambiguous option \"--kind\" (try: iaso run --help)", "run", "x",
                 "--kind=bug");
    ASSERT_USAGE("--report: expected DIR, found nothing (try: iaso run --help)", "run", "x",
                 "--report=");
    ASSERT_USAGE("--at: expected SYMBOL[+OFFSET], found nothing (try: iaso inject --help)",
                 "inject", "x", "--kind=bug", "--at=");
    ASSERT_USAGE("expected the file name of a config (try: iaso inject --help)", "inject", "--at",
                 "f");
    ASSERT_USAGE("--max-insns: expected a count such as 20M, found \"20Q\" (try: iaso run --help)",
                 "run", "x", "--max-insns", "20Q");
    ASSERT_USAGE("--max-insns: expected a count such as 20M, found \"0\" (try: iaso run --help)",
                 "run", "x", "--max-insns", "0");
    ASSERT_USAGE("--console: expected stdio, file=NAME, pty or none, found \"stdoi\"; did you mean "
                 "\"stdio\"? (try: iaso run --help)",
                 "run", "x", "--console", "stdoi");
    ASSERT_USAGE("--console: expected stdio, file=NAME, pty or none, found \"file=\" "
                 "(try: iaso run --help)",
                 "run", "x", "--console", "file=");
    ASSERT_USAGE("expected a verb (merge or show), found \"mrge\"; did you mean \"merge\"? "
                 "(try: iaso campaign --help)",
                 "campaign", "mrge", "x");
    ASSERT_USAGE("expected a verb (merge or show), found \"\" (try: iaso campaign --help)",
                 "campaign");
    ASSERT_USAGE("expected a verb (plot), found \"--quiet\" (try: iaso power --help)", "power",
                 "--quiet");
    ASSERT_USAGE("expected the names of a new database and of those to merge "
                 "(try: iaso campaign --help)",
                 "campaign", "merge", "out.db");
    ASSERT_USAGE("expected the file name of a database (try: iaso campaign --help)", "campaign",
                 "show");
    ASSERT_USAGE("expected no further argument, found \"b\" (try: iaso campaign --help)",
                 "campaign", "show", "a", "b");
    ASSERT_USAGE("--jobs: expected a number from 1 to 1024, found \"0\" (try: iaso inject --help)",
                 "inject", "x", "-j0");
    ASSERT_USAGE("--jobs: expected a number from 1 to 1024, found \"1025\" "
                 "(try: iaso inject --help)",
                 "inject", "x", "--jobs=1025");
    ASSERT_USAGE("--jobs: expected a number from 1 to 1024, found \"4294967298\" "
                 "(try: iaso inject --help)",
                 "inject", "x", "--jobs=4294967298");
    static const char *const shards[] = {"0/3", "4/3",  "1",   "1/",  "/3",
                                         "a/3", "1/3x", "1/0", "-1/3"};
    for (size_t i = 0; i < sizeof shards / sizeof *shards; i++) {
        char message[200];
        snprintf(message, sizeof message,
                 "--shard: expected I/N such as 2/4, I from 1 to N, found \"%s\" "
                 "(try: iaso inject --help)",
                 shards[i]);
        ASSERT_USAGE(message, "inject", "x", "--shard", shards[i]);
    }
    ASSERT_USAGE("--seed: expected a number, found \"many\" (try: iaso inject --help)", "inject",
                 "x", "--seed", "many");
    ASSERT_USAGE("--console: expected stdio, file=NAME, pty or none, found \"pty=3\" "
                 "(try: iaso run --help)",
                 "run", "x", "--console", "pty=3");
}

Test(options, every_command_has_its_help)
{
    static const struct {
        enum command topic;
        const char *has, *has_not;
    } all[] = {
        {COMMAND_NONE, "\n  check CONFIG ", "--set"},
        {COMMAND_RUN, "--console WHERE", "--output"},
        {COMMAND_RUN, "--report DIR", "--kind"},
        {COMMAND_RUN, "--force", "--kind"},
        {COMMAND_REPORT, "usage: iaso report DIR... [OPTION]", "--set"},
        {COMMAND_INJECT, "--at SYMBOL[+OFFSET] ", "--output"},
        {COMMAND_CHECK, "--set PATH=VALUE", "--quiet"},
        {COMMAND_SCHEMA, "usage: iaso schema", "--set"},
        {COMMAND_DTB, "--output FILE", "--quiet"},
        {COMMAND_INJECT, "\n            130 a campaign", "--output"},
        {COMMAND_PLOT, "usage: iaso power plot CONFIG", "--kind"},
        {COMMAND_CAMPAIGN_MERGE, "usage: iaso campaign merge OUT.db IN.db... [OPTION]", "--set"},
        {COMMAND_CAMPAIGN_SHOW, "usage: iaso campaign show DB [OPTION]", "--jobs"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char *text;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        options_help(all[i].topic, out);
        fclose(out);
        cr_assert(strstr(text, all[i].has), "%s", text);
        cr_assert_not(strstr(text, all[i].has_not), "%s", text);
        cr_assert(strstr(text, "exit codes"), "%s", text);
        free(text);
    }
}

Test(options, the_command_again)
{
    static const struct {
        const char *typed[14], *again;
    } all[] = {
        {{"run", "x.json"}, "iaso run x.json"},
        {{"run", "-q", "--report", "out/a", "--force", "x.json", "-c", "none", "-s",
          "report.dir=b"},
         "iaso run x.json"},
        {{"run", "my config.json", "-s", "bootargs=it's \"$HOME\"", "-s", "report.directory=b"},
         "iaso run 'my config.json' --set 'bootargs=it'\\''s \"$HOME\"' --set report.directory=b"},
        {{"run", "x.json", "-n", "20M", "-s", "memory[0].size=1G", "-s", "a="},
         "iaso run x.json --set 'memory[0].size=1G' --set a= --max-insns 20000000"},
        {{"inject", "--at", "f+0x10", "x.json", "--kind=flip", "--set", "inject.at=g"},
         "iaso inject x.json --at f+0x10 --kind flip --set inject.at=g"},
        {{"sweep", "x", "--depth", "2", "--seed", "7", "--jobs", "3"},
         "iaso sweep x --depth 2 --seed 7"},
        {{"sweep", "x", "--shard", "2/4"}, "iaso sweep x --shard 2/4"},
        {{"campaign", "show", "a b.db"}, "iaso campaign show 'a b.db'"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct options options;
        struct error err;
        const char *argv[16] = {"iaso"};
        int argc = 1;
        for (; all[i].typed[argc - 1]; argc++)
            argv[argc] = all[i].typed[argc - 1];
        cr_assert_eq(options_parse(&options, argc, (char *const *)argv, &err), 0, "%s", err.text);
        char *again = options_command(&options);
        cr_expect_str_eq(again, all[i].again);
        free(again);
        options_free(&options);
    }
}

Test(options, argv_is_left_as_it_is)
{
    struct options options;
    struct error err;
    const char *argv[] = {"iaso", "run", "x.json", "-q", NULL};
    cr_assert_eq(options_parse(&options, 4, (char *const *)argv, &err), 0);
    cr_assert_str_eq(argv[2], "x.json");
    cr_assert_str_eq(argv[3], "-q");
    options_free(&options);
}
