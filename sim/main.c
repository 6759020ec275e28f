/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/board.h"
#include "sim/campaign/campaign_command.h"
#include "sim/campaign/faults_command.h"
#include "sim/campaign/sweep.h"
#include "sim/completion.h"
#include "sim/config.h"
#include "sim/display/display.h"
#include "sim/machine.h"
#include "sim/nearest.h"
#include "sim/options.h"
#include "sim/power_report.h"
#include "sim/progress.h"
#include "sim/report/report_command.h"
#include "sim/report/report_schema.h"
#include "sim/report/run_report.h"
#include "sim/summary.h"
#include "sim/text.h"

static void show_progress(void *opaque, const struct machine *machine)
{
    progress_update(opaque, clock_ns(&machine->clock, machine->clock.now), machine_insns(machine),
                    machine->counters.user_traps ? "user space" : "boot");
}

/* What an engineer wants to see when the guest did not end by itself. */
static void print_diagnosis(const struct screen *screen, struct machine *machine)
{
    if (machine->end != END_LIMIT && machine->end != END_PANIC && machine->end != END_STUCK &&
        machine->end != END_DEAD && machine->end != END_FAULT && machine->end != END_LOCKED &&
        machine->end != END_TIMEOUT)
        return;
    char *where = machine->end == END_PANIC
                      ? strdup(machine->panic_report ? machine->panic_report : "")
                      : machine_describe(machine);
    char *tail = console_tail(machine->console, 12);
    screen_text(screen, where ? where : "");
    screen_text(screen, "last console lines:\n");
    screen_text(screen, tail ? tail : "");
    screen_text(screen, "\n");
    free(where);
    free(tail);
}

/* NULL report: none is wanted. */
static int write_report(const struct options *options, struct run_report *report,
                        const struct summary *summary, const struct screen *screen)
{
    struct error err = {""};
    if (!report)
        return 0;
    if (run_report_end(report, summary, &err)) {
        complain(&err, EXIT_SIMULATOR);
        return -1;
    }
    if (run_report_note(report)[0]) {
        error_set(&err, "%s", run_report_note(report));
        complain(&err, 0);
    }
    if (!options->quiet)
        screen_row(screen, "report", "%s/report.html", summary->machine->config->report.dir);
    return 0;
}

static void say(void *opaque, const char *line)
{
    (void)opaque;
    fprintf(stderr, "iaso: %s\n", line);
}

static int run_machine(const struct options *options, struct machine *machine,
                       struct console *console, struct run_report *report, struct display *display)
{
    const struct config *config = machine->config;
    if (console_pty_name(console))
        fprintf(stderr, "iaso: the console is %s\n", console_pty_name(console));
    bool shared = options->console == CONSOLE_STDIO && isatty(STDOUT_FILENO);
    struct progress *progress = progress_new(STDERR_FILENO, options->quiet || shared);
    struct error err = {""}, said = {""}; /* the summary may point to the first */
    machine_attach(machine, console);
    if (display)
        display_run(display, machine, &err);
    else
        machine_run(machine, show_progress, progress, &err);
    progress_free(progress);

    struct summary summary;
    struct screen screen;
    screen_open(&screen, stderr);
    summary_make(&summary, machine, err.text);
    if (machine->recovery)
        summary.recovery = recovery_counts(machine->recovery);
    if (!options->quiet) {
        print_diagnosis(&screen, machine);
        summary_print(&summary, &screen);
    } else if (summary.failure) {
        error_set(&said, "%s: %s", config->path, summary.failure);
        complain(&said, summary.exit);
    }
    if (console_error(console)) {
        error_set(&said, "%s", console_error(console));
        summary.exit = complain(&said, EXIT_SIMULATOR);
    }
    int code = summary.exit;
    if (options->summary && summary_write(&summary, options->summary, &said))
        code = complain(&said, EXIT_SIMULATOR);
    return write_report(options, report, &summary, &screen) ? EXIT_SIMULATOR : code;
}

static int complain_at(const struct config *config, const char *what, struct error *err)
{
    error_set(err, "%s: %s", config->path, what);
    return complain(err, EXIT_USAGE);
}

static int command_run(const struct options *options, const struct config *config)
{
    struct error err = {""};
    const char *picture = options->output ? options->output : "power.svg";
    if (options->command != COMMAND_PLOT)
        picture = NULL;
    if (picture && !config->power.enabled)
        return complain_at(config, "expected a section `power` to draw", &err);
    if (picture && power_report_check_plot(picture, &err))
        return complain(&err, EXIT_USAGE);
    if (options->screenshot && display_check_picture(options->screenshot, &err))
        return complain(&err, EXIT_USAGE);
    if (options->summary && summary_check(options->summary, &err))
        return complain(&err, EXIT_USAGE);
    struct machine *machine = machine_new(config, &err);
    if (!machine) {
        error_prefix(&err, "%s: ", config->path);
        return complain(&err, EXIT_USAGE);
    }
    const struct display_options view = {
        .run = options, .font = config->display.font, .picture = options->screenshot, .say = say};
    struct display *display = options->display ? display_open(&view, &err) : NULL;
    if (options->display && !display) {
        machine_free(machine);
        return complain(&err, EXIT_USAGE);
    }
    struct console *console = console_new(options->console, options->console_file, &machine->clock,
                                          config->run.script, config->run.script_count, &err);
    struct run_report *report = NULL;
    int code;
    if (config->report.dir)
        report = run_report_begin(options, machine, &err);
    if ((config->report.dir && !report) || !console ||
        (config->expect.console && console_watch(console, config->expect.console)))
        code = complain(&err, EXIT_USAGE);
    else
        code = run_machine(options, machine, console, report, display);
    if (picture && code != EXIT_USAGE && power_report_plot(machine, picture, &err))
        code = complain(&err, EXIT_SIMULATOR);
    run_report_free(report);
    console_free(console);
    display_close(display);
    machine_free(machine);
    return code;
}

/* What only shows when the machine is put together: does the kernel fit, has it the symbols? */
static int command_check(const struct config *config)
{
    struct error err = {""};
    struct machine *machine = machine_new(config, &err);
    if (!machine) {
        error_prefix(&err, "%s: ", config->path);
        return complain(&err, EXIT_USAGE);
    }
    machine_free(machine);
    return EXIT_AS_EXPECTED;
}

static int command_dtb(const struct options *options, const struct config *config)
{
    struct error err = {""};
    struct machine *machine = machine_new(config, &err);
    void *blob = NULL;
    size_t size;
    if (!machine || boot_devicetree(config, &machine->plan, &blob, &size, &err)) {
        machine_free(machine);
        error_prefix(&err, "%s: ", config->path);
        return complain(&err, EXIT_USAGE);
    }
    machine_free(machine);
    FILE *out = options->output ? fopen(options->output, "wx") : stdout;
    int code = EXIT_AS_EXPECTED;
    if (!out || fwrite(blob, 1, size, out) != size || fflush(out)) {
        error_set(&err, "%s: cannot write: %s", options->output ? options->output : "stdout",
                  strerror(errno));
        code = complain(&err, EXIT_USAGE);
    }
    if (out && out != stdout)
        fclose(out);
    free(blob);
    return code;
}

static int command_schema(const struct options *options)
{
    static const char *const names[] = {"config", "report"};
    const char *what = options->operand_count ? options->operands[0] : "config";
    struct error err = {""};
    char quoted[80], *made = NULL;
    const char *schema = report_schema();
    if (!strcmp(what, names[0])) {
        schema = made = config_schema();
    } else if (strcmp(what, names[1])) {
        const char *near = nearest(what, names, 2);
        error_set(&err, "schema: expected config or report, found %s%s%s%s",
                  text_quote(what, quoted, sizeof quoted), near ? "; did you mean \"" : "",
                  near ? near : "", near ? "\"?" : "");
        return complain(&err, EXIT_USAGE);
    }
    if (!schema) {
        error_set(&err, "out of memory");
        return complain(&err, EXIT_SIMULATOR);
    }
    puts(schema);
    free(made);
    return EXIT_AS_EXPECTED;
}

static int command_completion(const struct options *options)
{
    struct error err = {""};
    if (completion_print(options->operands[0], stdout, &err))
        return complain(&err, EXIT_USAGE);
    return EXIT_AS_EXPECTED;
}

/* What this command must find in the config. */
static int check_command(const struct options *options, const struct config *config,
                         struct error *err)
{
    bool campaign_only =
        options->db || options->resume || options->jobs || options->shards > 1 || options->has_seed;
    if (options->campaign && options->fault)
        return error_set(err, "expected either --campaign or the options of one fault, found both");
    if (options->command == COMMAND_INJECT && !options->campaign && campaign_only)
        return error_set(err, "expected --db, --resume, --jobs, --shard and --seed beside "
                              "--campaign only");
    if (options->campaign && options->display)
        return error_set(err, "expected no --display beside --campaign");
    if (options->campaign)
        return faults_check(config, err) || board_of(config)->check(config, err) ? -1 : 0;
    if (options->command == COMMAND_INJECT && config->inject.kind == INJECT_NONE)
        return error_set(err, "inject: expected a fault: a section `inject`, or --kind and --at");
    if (options->command == COMMAND_DTB && config->machine.cpu != CPU_RV64GC)
        return error_set(err, "machine.board: expected \"virt\": a Cortex-M has no device tree");
    if (options->command == COMMAND_SWEEP && config->machine.cpu == CPU_RV64GC)
        return error_set(err, "machine.board: expected a board with a Cortex-M: a RISC-V hart does "
                              "not stop at the exact instruction");
    return board_of(config)->check(config, err);
}

static int with_config(const struct options *options)
{
    struct config config;
    struct error err = {""};
    if (config_load(&config, options->config, options->overrides, options->override_count, &err))
        return complain(&err, EXIT_USAGE);
    if (check_command(options, &config, &err)) {
        error_prefix(&err, "%s: ", options->config);
        config_free(&config);
        return complain(&err, EXIT_USAGE);
    }
    if (options->max_insns)
        config.run.max_insns = options->max_insns;
    int code = EXIT_AS_EXPECTED;
    if (options->campaign)
        code = faults_command(options, &config);
    else if (options->command == COMMAND_RUN || options->command == COMMAND_INJECT ||
             options->command == COMMAND_PLOT)
        code = command_run(options, &config);
    else if (options->command == COMMAND_CHECK)
        code = command_check(&config);
    else if (options->command == COMMAND_SWEEP)
        code = sweep_command(options, &config);
    else if (options->command == COMMAND_DTB)
        code = command_dtb(options, &config);
    config_free(&config);
    return code;
}

/* Of what a command printed with stdio; others tell by themselves. */
static int check_printed(int code)
{
    struct error err;
    if (code != EXIT_AS_EXPECTED || (!fflush(stdout) && !ferror(stdout)))
        return code;
    error_set(&err, "cannot write to standard output");
    return complain(&err, EXIT_SIMULATOR);
}

/* What is closed would become the number of the next file, and messages would go into that. */
static int open_standard_streams(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    return fd < 0 ? -1 : close(fd);
}

int main(int argc, char **argv)
{
    struct options options;
    struct error err = {""};
    if (open_standard_streams())
        return EXIT_SIMULATOR;
    if (options_parse(&options, argc, argv, &err))
        return complain(&err, EXIT_USAGE);
    int code = EXIT_AS_EXPECTED;
    switch (options.command) {
    case COMMAND_HELP:
    case COMMAND_NONE:
        options_help(options.topic, stdout);
        break;
    case COMMAND_VERSION:
        options_version(stdout);
        break;
    case COMMAND_SCHEMA:
        code = command_schema(&options);
        break;
    case COMMAND_REPORT:
        code = report_command(&options);
        break;
    case COMMAND_COMPLETION:
        code = command_completion(&options);
        break;
    case COMMAND_CAMPAIGN_MERGE:
        code = campaign_command_merge(&options);
        break;
    case COMMAND_CAMPAIGN_SHOW:
        code = campaign_command_show(&options);
        break;
    case COMMAND_RUN:
    case COMMAND_SWEEP:
    case COMMAND_INJECT:
    case COMMAND_CHECK:
    case COMMAND_DTB:
    case COMMAND_PLOT:
        code = with_config(&options);
        break;
    }
    options_free(&options);
    return check_printed(code);
}
