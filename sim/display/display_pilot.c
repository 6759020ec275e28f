/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/display/display_pilot.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recovery/recovery.h"
#include "sim/attach.h"
#include "sim/display/display_layout.h"
#include "sim/faults.h"
#include "sim/host_clock.h"
#include "sim/lives.h"
#include "sim/text.h"

#define PIECE_MS    20
#define FIRST_PIECE 100000
#define MIN_PIECE   1000
#define MAX_PIECE   UINT64_C(1000000000)

/* A fault strikes so many blocks after its request began, where it is likely to matter. */
#define BLOCKS_INSIDE 24

/* News are there for so long, and then fade. */
#define NEWS_MS    10000
#define FADE_MS    2000
#define FADE_STEPS 8

/* A late guest catches up with real time, unless it is later than that. */
#define MAX_LATE_MS 500

uint64_t display_pilot_ms(void)
{
    return host_clock_ns() / 1000000;
}

void display_pilot_say(struct display_pilot *pilot, bool failed, const char *text)
{
    snprintf(pilot->said, sizeof pilot->said, "%s", text);
    pilot->said_ms = display_pilot_ms();
    pilot->failed = failed;
}

unsigned display_pilot_faded(const struct display_pilot *pilot)
{
    uint64_t age = display_pilot_ms() - pilot->said_ms;
    if (age < NEWS_MS)
        return 0;
    return age - NEWS_MS < FADE_MS
               ? (unsigned)((age - NEWS_MS) * FADE_STEPS / FADE_MS) * 256 / FADE_STEPS
               : 256;
}

/* Says what was done, and the command line with `option` that does it again. */
static void say_again(struct display_pilot *pilot, const char *done, enum command command,
                      const char *option)
{
    struct options run = *pilot->run;
    char text[sizeof pilot->said];
    run.command = command;
    char *typed = options_command(&run);
    int length =
        snprintf(text, sizeof text, "%s; again: %s %s", done, typed ? typed : "iaso ...", option);
    if (length < 0 || (size_t)length >= sizeof text)
        snprintf(text, sizeof text, "%s; again: iaso ... %s", done, option);
    free(typed);
    display_pilot_say(pilot, false, text);
}

void display_pilot_init(struct display_pilot *pilot, struct machine *machine,
                        const struct options *run)
{
    static const enum inject_kind kinds[] = {[DISPLAY_BUG] = INJECT_BUG,
                                             [DISPLAY_NULL] = INJECT_NULL,
                                             [DISPLAY_SKIP] = INJECT_SKIP,
                                             [DISPLAY_HANG] = INJECT_HANG};
    struct error err = {""};
    *pilot = (struct display_pilot){.machine = machine,
                                    .run = run,
                                    .speed = machine->config->display.speed,
                                    .piece = FIRST_PIECE,
                                    .kind = kinds[machine->config->display.fault]};
    if (machine->config->machine.cpu != CPU_RV64GC)
        snprintf(pilot->why_not, sizeof pilot->why_not, "faults are for RISC-V kernels");
    else if (machine->config->inject.kind != INJECT_NONE)
        snprintf(pilot->why_not, sizeof pilot->why_not, "the config has a fault already");
    else if (attach_faults(machine, &err))
        snprintf(pilot->why_not, sizeof pilot->why_not, "%.190s", err.text);
}

static void tick(void *opaque, const struct machine *machine)
{
    struct display_pilot *pilot = opaque;
    (void)machine;
    if (display_pilot_ms() >= pilot->deadline)
        machine_yield(pilot->machine);
}

/* ---- Pace ---------------------------------------------------------------------------------- */

/* How many ticks the machine may go on for, at its speed. */
static uint64_t allowed(struct display_pilot *pilot)
{
    const struct clock *clock = &pilot->machine->clock;
    uint64_t now = display_pilot_ms();
    if (pilot->speed == 0)
        return UINT64_MAX;
    if (!pilot->pace.set) {
        pilot->pace.set = true;
        pilot->pace.ms = now;
        pilot->pace.ticks = clock->now;
    }
    double per_ms = (double)clock->rate * pilot->speed / 1000;
    uint64_t target = pilot->pace.ticks + (uint64_t)((double)(now - pilot->pace.ms) * per_ms);
    if (target <= clock->now)
        return 0;
    if ((double)(target - clock->now) > per_ms * MAX_LATE_MS)
        pilot->pace.set = false;
    return target - clock->now;
}

static void adapt(struct display_pilot *pilot, uint64_t insns, uint64_t ms)
{
    if (insns < pilot->piece / 2)
        return; /* the piece ended early */
    if (ms * 2 < PIECE_MS && pilot->piece < MAX_PIECE)
        pilot->piece *= 2;
    else if (ms > 2 * PIECE_MS && pilot->piece > MIN_PIECE)
        pilot->piece /= 2;
}

/* One piece; false when it is not time for one. */
static bool run_piece(struct display_pilot *pilot, struct error *err)
{
    struct machine *machine = pilot->machine;
    uint64_t before = machine_insns(machine), ticks = allowed(pilot), began = display_pilot_ms();
    if (ticks == 0)
        return false;
    (void)machine_go(machine, before + (ticks < pilot->piece ? ticks : pilot->piece), tick, pilot,
                     err);
    adapt(pilot, machine_insns(machine) - before, display_pilot_ms() - began);
    return true;
}

/* ---- Faults -------------------------------------------------------------------------------- */

/* Is the block that the hart is about to execute one that belongs to a request? */
static bool is_place(struct display_pilot *pilot, unsigned hart, uint64_t pc)
{
    const struct machine *machine = pilot->machine;
    uint64_t offset;
    bool inside = machine->turn.held && inject_in_request(machine->inject, hart) &&
                  symbols_at(machine->symbols, pc, &offset);
    if (inside && machine->recovery)
        inside = recovery_where(machine->recovery, hart)->where == WHERE_INSIDE;
    pilot->inside = inside ? pilot->inside + 1 : 0;
    return pilot->inside >= BLOCKS_INSIDE;
}

static void tell_fault(struct display_pilot *pilot, uint64_t pc)
{
    const struct machine *machine = pilot->machine;
    const struct fault fault = {.kind = pilot->kind, .address = pc, .nth = 1};
    char options[300], text[400];
    fault_options(&fault, machine->symbols, options, sizeof options);
    snprintf(text, sizeof text, "%s --set inject.after=%" PRIu64, options, pilot->policy.after);
    say_again(pilot, "fault injected", COMMAND_INJECT, text);
}

static void strike(struct display_pilot *pilot, unsigned hart, uint64_t pc, struct error *err)
{
    struct machine *machine = pilot->machine;
    struct error why = {""};
    pilot->strikes = false;
    pilot->policy = (struct inject_policy){
        .kind = pilot->kind, .offset = pc, .nth = 1, .after = machine_insns(machine)};
    if (inject_arm(machine->inject, &pilot->policy, hart, &why)) {
        display_pilot_say(pilot, true, why.text);
        return;
    }
    (void)machine_go(machine, machine_insns(machine) + 1, NULL, NULL, err);
    if (inject_done(machine->inject))
        tell_fault(pilot, pc);
    else
        display_pilot_say(pilot, true, "the fault found no request: try again");
    if (inject_disarm(machine->inject, pc, hart, &why))
        display_pilot_say(pilot, true, why.text);
}

/* From block to block, to where a fault may strike. */
static void seek_place(struct display_pilot *pilot, struct error *err)
{
    struct machine *machine = pilot->machine;
    (void)machine_go(machine, machine_insns(machine) + 1, tick, pilot, err);
    unsigned hart = machine->turn.hart;
    if (machine->end != END_NONE || hart >= machine->hart_count)
        return;
    uint64_t pc = machine->harts[hart]->ops->pc(machine->harts[hart]);
    if (is_place(pilot, hart, pc))
        strike(pilot, hart, pc, err);
}

void display_pilot_fault(struct display_pilot *pilot)
{
    char text[300];
    snprintf(text, sizeof text, "no fault: %s", pilot->why_not);
    if (pilot->why_not[0]) {
        display_pilot_say(pilot, true, text);
        return;
    }
    display_pilot_say(pilot, false, "a fault waits for the next request");
    pilot->strikes = true;
    pilot->inside = 0;
}

/* ---- Power cuts ---------------------------------------------------------------------------- */

void display_pilot_cut(struct display_pilot *pilot)
{
    struct machine *machine = pilot->machine;
    char again[120], text[300];
    struct error why = {""};
    if (!machine->lives) {
        display_pilot_say(pilot, true, "no power cut: the config has no section `power`");
        return;
    }
    if (lives_cut_now(machine->lives, again, sizeof again, &why)) {
        display_pilot_say(pilot, true, why.text);
        return;
    }
    snprintf(text, sizeof text, "--set 'power.cuts[%zu]=%s'", machine->config->power.cut_count,
             again);
    say_again(pilot, "power cut", pilot->run->command, text);
}

/* ---- Running ------------------------------------------------------------------------------- */

enum machine_end display_pilot_run(struct display_pilot *pilot, unsigned ms, struct error *err)
{
    struct machine *machine = pilot->machine;
    uint64_t began = display_pilot_ms(), before = machine_insns(machine);
    pilot->deadline = began + ms;
    while (machine->end == END_NONE && !pilot->paused && display_pilot_ms() < pilot->deadline) {
        if (pilot->strikes)
            seek_place(pilot, err);
        else if (!run_piece(pilot, err))
            break;
    }
    uint64_t took = display_pilot_ms() - began;
    if (took)
        pilot->mips +=
            ((double)(machine_insns(machine) - before) * 1e-3 / (double)took - pilot->mips) / 4;
    return machine->end;
}

static void say_where(struct display_pilot *pilot, const char *what)
{
    char text[80], number[TEXT_GROUP_SIZE];
    snprintf(text, sizeof text, "%s at instruction %s", what,
             text_group(machine_insns(pilot->machine), number));
    display_pilot_say(pilot, false, text);
}

enum machine_end display_pilot_step(struct display_pilot *pilot, struct error *err)
{
    if (!pilot->paused)
        display_pilot_pause(pilot);
    else if (pilot->machine->end == END_NONE)
        (void)machine_step(pilot->machine, NULL, NULL, err);
    say_where(pilot, "paused");
    return pilot->machine->end;
}

void display_pilot_pause(struct display_pilot *pilot)
{
    pilot->paused = !pilot->paused;
    say_where(pilot, pilot->paused ? "paused" : "goes on");
    pilot->pace.set = false;
    pilot->mips = 0;
}

/* As fast as it goes is faster than any. */
static double rank(double speed)
{
    return speed == 0 ? INFINITY : speed;
}

void display_pilot_speed(struct display_pilot *pilot, int by)
{
    double now = rank(pilot->speed);
    pilot->pace.set = false;
    for (size_t i = 0; i < DISPLAY_SPEEDS; i++) {
        double speed = display_speeds[by > 0 ? i : DISPLAY_SPEEDS - 1 - i];
        if (by > 0 ? rank(speed) > now : rank(speed) < now) {
            pilot->speed = speed;
            return;
        }
    }
}
