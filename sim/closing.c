/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The five lines that a run ends with: did it go well, how much was it, what was it about, and the
 * two hashes by which it can be compared. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "sim/faults.h"
#include "sim/lives.h"
#include "sim/summary.h"
#include "sim/text.h"

/* A line in the making; what does not fit is cut. */
struct line {
    char text[400];
    size_t length;
};

static void say(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct line *line, const char *format, ...)
{
    va_list args;
    size_t room = sizeof line->text - line->length;
    va_start(args, format);
    int length = vsnprintf(line->text + line->length, room, format, args);
    va_end(args);
    line->length += length < 0 ? 0 : (size_t)length < room ? (size_t)length : room - 1;
}

/* "1 failure", "no failures", "1,234 failures". */
static void say_count(struct line *line, uint64_t count, const char *one, const char *many)
{
    char number[TEXT_GROUP_SIZE];
    say(line, "%s %s", count ? text_group(count, number) : "no", count == 1 ? one : many);
}

static void print_verdict(const struct summary *summary, const struct screen *screen)
{
    const struct config *config = summary->machine->config;
    bool checked = config->expect.console || config->expect.memory_count || config->expect.has_exit;
    struct line line = {.length = 0};
    if (summary->failure)
        say(&line, "%s", summary->failure);
    else if (summary->end == END_EXPECTED)
        say(&line, "the console showed what was expected");
    else
        say(&line, "%s%s", summary_end_name(summary->end),
            checked && summary->end == END_POWEROFF ? ", as expected" : "");
    screen_verdict(screen, !summary->failure, summary->failure ? "failed" : "finished", line.text);
}

static double on_seconds(const struct machine *machine)
{
    uint64_t ticks = 0;
    for (size_t i = 0; i < lives_count(machine->lives); i++)
        ticks += lives_at(machine->lives, i)->on;
    return (double)clock_ns(&machine->clock, ticks) * 1e-9;
}

static void print_amount(const struct machine *machine, const struct screen *screen)
{
    struct line line = {.length = 0};
    uint64_t ns = clock_ns(&machine->clock, machine->clock.now);
    say_count(&line, machine_insns(machine), "instruction", "instructions");
    say(&line, ", %" PRIu64 ".%09" PRIu64 " s", ns / 1000000000, ns % 1000000000);
    if (machine->lives) {
        say(&line, " (on for %.6f s), ", on_seconds(machine));
        say_count(&line, lives_count(machine->lives), "life", "lives");
    }
    if (machine->reboots) {
        say(&line, ", ");
        say_count(&line, machine->reboots, "reboot", "reboots");
    }
    screen_row(screen, "ran", "%s", line.text);
}

static void say_domains(struct line *line, const struct machine *machine,
                        const struct recovery_counts *counts)
{
    const struct account *account = recovery_account(machine->recovery);
    uint64_t inside = account_total(account, WHERE_INSIDE).stores;
    uint64_t all = inside + account_total(account, WHERE_OUTSIDE).stores;
    say_count(line, recovery_domains(counts), "domain", "domains");
    if (recovery_domains(counts) && all)
        say(line, " cover%s %.1f %% of writes", recovery_domains(counts) == 1 ? "s" : "",
            100 * (double)inside / (double)all);
}

/* The live view can inject faults that the config knows nothing of. */
static bool is_fault_planned(const struct machine *machine)
{
    return machine->config->inject.kind != INJECT_NONE;
}

static void say_recovery(struct line *line, const struct machine *machine,
                         const struct recovery_counts *counts)
{
    bool torture = machine->config->recovery.torture != TORTURE_OFF;
    if (is_fault_planned(machine) && !inject_done(machine->inject))
        say(line, "the fault never struck; ");
    if (counts->faults)
        say(line, "%" PRIu64 " of %" PRIu64 " failure%s recovered", counts->recovered,
            counts->faults, counts->faults == 1 ? "" : "s");
    else
        say(line, "no failures");
    if (recovery_refused(counts))
        say(line, ", %" PRIu64 " refused", recovery_refused(counts));
    if (torture) {
        say(line, ", ");
        say_count(line, counts->rolled_back, "rollback", "rollbacks");
    }
    say(line, "; ");
    say_domains(line, machine, counts);
}

/* Joules from femtojoules, with three digits. */
static void say_energy(struct line *line, uint64_t femtojoules)
{
    static const char *const units[] = {"fJ", "pJ", "nJ", "uJ", "mJ", "J"};
    double value = (double)femtojoules;
    size_t unit = 0;
    for (; value >= 999.5 && unit + 1 < sizeof units / sizeof *units; unit++)
        value /= 1000;
    say(line, "%.3g %s", value, units[unit]);
}

static void say_split(struct line *line, const struct lives *lives)
{
    const struct life_split spent = lives_spent(lives);
    const struct {
        const char *name;
        uint64_t value;
    } parts[] = {{"useful", spent.useful},
                 {"logging", spent.logging},
                 {"recovery", spent.recovery},
                 {"lost", spent.lost},
                 {"sleep", spent.sleep}};
    uint64_t total = energy_total(lives_energy(lives));
    const char *before = ": ";
    say(line, "; ");
    say_energy(line, total);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        double percent = total ? 100 * (double)parts[i].value / (double)total : 0;
        if (percent < 0.5)
            continue;
        say(line, "%s%.0f %% %s", before, percent, parts[i].name);
        before = ", ";
    }
}

static void say_power(struct line *line, const struct lives *lives)
{
    uint64_t planned = lives_cuts(lives, LIFE_PLANNED);
    uint64_t brown_outs = lives_cuts(lives, LIFE_BROWN_OUT);
    if (planned || !brown_outs)
        say_count(line, planned, "cut", "cuts");
    if (planned && brown_outs)
        say(line, ", ");
    if (brown_outs)
        say_count(line, brown_outs, "brown-out", "brown-outs");
    if (lives_energy(lives))
        say_split(line, lives);
}

static void say_fault(struct line *line, const struct machine *machine)
{
    const struct inject_policy *fault = &machine->config->inject;
    say(line, "%s at %.200s+0x%" PRIx64 " %s, without recovery", fault_kind_name(fault->kind),
        fault->symbol, fault->offset, inject_done(machine->inject) ? "struck" : "never struck");
}

static void say_console(struct line *line, const struct machine *machine)
{
    say_count(line, console_bytes(machine->console), "byte", "bytes");
    if (machine->config->machine.cpu == CPU_RV64GC) {
        say(line, ", ");
        say_count(line, machine->hart_count, "hart", "harts");
    }
}

static void print_subject(const struct summary *summary, const struct screen *screen)
{
    const struct machine *machine = summary->machine;
    const char *label = "console";
    struct line line = {.length = 0};
    if (summary->recovery) {
        label = "recovery";
        say_recovery(&line, machine, summary->recovery);
    }
    if (machine->lives) {
        say(&line, "%s", summary->recovery ? "; power: " : "");
        label = summary->recovery ? label : "power";
        say_power(&line, machine->lives);
    } else if (!summary->recovery && is_fault_planned(machine)) {
        label = "fault";
        say_fault(&line, machine);
    } else if (!summary->recovery) {
        say_console(&line, machine);
    }
    screen_row(screen, label, "%s", line.text);
}

void summary_print(const struct summary *summary, const struct screen *screen)
{
    print_verdict(summary, screen);
    print_amount(summary->machine, screen);
    print_subject(summary, screen);
    screen_value(screen, "console sha256", summary->console_sha256);
    screen_value(screen, "memory sha256", summary->memory_sha256);
}
