/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <signal.h>

#include "sim/board.h"
#include "sim/lives.h"
#include "sim/machine.h"

/* The console is looked at this often, in ticks, when nothing else ends a turn. */
#define POLL_TICKS 2000000

/* A panicking guest may go on for so long, in ns of virtual time, to print what it has to say. */
#define PANIC_GRACE_NS 200000000

/* How long to wait for the user at a time when the guest sleeps for ever. */
#define USER_WAIT_MS 100

static volatile sig_atomic_t interrupted;

static void note_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static int reboot(struct machine *machine, struct error *err)
{
    if (machine->recovery)
        return error_set(err, "the guest rebooted: recovery ends with the kernel that it knows");
    machine->reboot_wanted = false;
    machine->reboots++;
    const struct board *board = board_of(machine->config);
    machine_reset_devices(machine);
    if (!board->keeps_memory && board->load(machine, err))
        return -1;
    for (unsigned i = 0; i < machine->hart_count; i++)
        if (cpu_reset(machine->harts[i], err))
            return -1;
    return 0;
}

static void begin_turn(struct machine *machine, uint64_t until)
{
    machine->turn.active = true;
    machine->turn.hart = 0;
    machine->turn.resumed = machine->turn.held = false;
    machine->turn.from = machine->clock.now;
    machine->turn.until = until;
    machine->turn.reached = 0;
}

/* It is the next hart's turn. */
static void end_hart_turn(struct machine *machine)
{
    struct machine_turn *turn = &machine->turn;
    /* An event that this hart set for earlier ends the turn of the harts after it, too. */
    turn->until = earlier(turn->until, machine->clock.deadline);
    if (machine->clock.now > turn->reached)
        turn->reached = machine->clock.now;
    turn->hart++;
}

/* Before the hart runs, and whenever it was paused; 1 if it waits instead, -1 on error. */
static int enter_hart_turn(struct machine *machine, struct error *err)
{
    struct machine_turn *turn = &machine->turn;
    struct recovery *recovery = machine->recovery;
    if (!turn->resumed) {
        machine->clock.now = turn->from;
        machine->clock.deadline = turn->until;
    }
    turn->resumed = false;
    if (recovery)
        recovery_turn(recovery, turn->hart);
    if (!recovery || !recovery_waits(recovery, turn->hart))
        return 0;
    if (recovery_paused(recovery, turn->hart, err))
        return -1;
    if (!recovery_waits(recovery, turn->hart))
        return 0;
    machine->clock.now = turn->until;
    return 1;
}

/* Makes the hart stop when machine_insns() is `insns`: the others do not run meanwhile. */
static void hold_at(struct machine *machine, uint64_t insns)
{
    struct cpu *hart = machine->harts[machine->turn.hart];
    uint64_t others = machine_insns(machine) - hart->counts.insns;
    cpu_hold_at(hart, insns == UINT64_MAX ? insns : insns > others ? insns - others : 0);
}

/* Lets the hart run whose turn it is; -1 on error. Sets turn.held where `insns` says so: see
 * machine_go(). */
static int run_hart(struct machine *machine, uint64_t insns, struct error *err)
{
    struct machine_turn *turn = &machine->turn;
    struct recovery *recovery = machine->recovery;
    int waits = turn->held ? 0 : enter_hart_turn(machine, err);
    turn->held = false;
    if (waits > 0)
        end_hart_turn(machine);
    if (waits)
        return waits > 0 ? 0 : -1;
    hold_at(machine, insns);
    switch (cpu_run(machine->harts[turn->hart], err)) {
    case CPU_FAILED:
        return -1;
    case CPU_HELD:
        turn->held = true;
        return 0;
    case CPU_LOCKED:
        machine->end = END_LOCKED;
        break;
    case CPU_PAUSED:
        turn->resumed = true;
        if (machine->inject && inject_paused(machine->inject, turn->hart, err))
            return -1;
        return recovery ? recovery_paused(recovery, turn->hart, err) : 0;
    case CPU_DEADLINE:
    case CPU_IDLE:
        break;
    }
    end_hart_turn(machine);
    return 0;
}

/* Every hart runs from turn.from to turn.until, unless turn.held is set; returns how many of them
 * wait for an interrupt, -1 on error. Afterwards clock->now is the time that the slowest hart that
 * did not wait has reached. */
static int finish_turn(struct machine *machine, uint64_t insns, struct error *err)
{
    while (machine->turn.hart < machine->hart_count) {
        if (run_hart(machine, insns, err))
            return -1;
        if (machine->turn.held)
            return 0;
        if (machine->end != END_NONE || machine->reboot_wanted ||
            (machine->lives && lives_between(machine->lives)))
            break;
    }
    machine->turn.active = false;
    if (machine->recovery)
        recovery_between(machine->recovery);
    if (machine->turn.reached > machine->clock.now)
        machine->clock.now = machine->turn.reached;
    int waiting = 0; /* one hart may have woken another that had its turn before */
    for (unsigned i = 0; i < machine->hart_count; i++)
        waiting += cpu_idle(machine->harts[i]);
    return waiting;
}

/* Instructions since the last sign of progress: output, idleness, or a trap out of user mode. */
static bool is_stuck(struct machine *machine)
{
    struct progress_mark mark = {
        .output = console_bytes(machine->console),
        .idle_skips = machine->counters.idle_skips,
        .user_traps = machine->counters.user_traps,
    };
    struct progress_mark *last = &machine->counters.mark;
    uint64_t insns = machine_insns(machine);
    if (mark.output != last->output || mark.idle_skips != last->idle_skips ||
        mark.user_traps != last->user_traps) {
        mark.insns = insns;
        *last = mark;
        return false;
    }
    uint64_t limit = machine->config->run.stuck_insns;
    return limit && insns - last->insns >= limit;
}

/* Where the next turn ends at the latest. */
static uint64_t turn_end(const struct machine *machine)
{
    const struct config *config = machine->config;
    uint64_t now = machine->clock.now;
    uint64_t end = now + (machine->hart_count > 1 ? config->machine.quantum : POLL_TICKS);
    if (config->run.max_insns) {
        uint64_t left = config->run.max_insns - machine_insns(machine);
        end = earlier(end, now + (left + machine->hart_count - 1) / machine->hart_count);
    }
    if (machine->panic_at)
        end = earlier(end, machine->panic_at);
    end = earlier(end, clock_next(&machine->clock));
    if (machine->lives)
        end = earlier(end, lives_deadline(machine->lives));
    return earlier(end, console_next_timeout(machine->console));
}

/* A person sees time pass at a pace, up to `next` or for a while; input ends the wait. Returns the
 * tick that is reached then. */
static uint64_t wait_for_user(struct machine *machine, uint64_t next)
{
    const struct clock *clock = &machine->clock;
    if (!console_interactive(machine->console))
        return next;
    double pace = console_pace(machine->console);
    double ms = (double)clock_ns(clock, next - clock->now) / 1e6 / pace;
    if (ms > USER_WAIT_MS) {
        ms = USER_WAIT_MS;
        next = clock->now + 1 + clock_ticks(clock, (uint64_t)(ms * pace * 1e6));
    }
    if (ms >= 1)
        console_wait(machine->console, (int)ms);
    return next;
}

/* Every hart waits: virtual time jumps to what wakes one of them. */
static void skip_idle(struct machine *machine)
{
    struct clock *clock = &machine->clock;
    machine->counters.idle_skips++;
    uint64_t next = earlier(clock_next(clock), console_next_timeout(machine->console));
    if (machine->panic_at)
        next = earlier(next, machine->panic_at);
    if (machine->lives && next == UINT64_MAX && lives_sleep_on(machine->lives)) {
        machine->end = END_DEAD;
        return;
    }
    if (machine->lives)
        next = earlier(next, lives_deadline(machine->lives));
    if (next != UINT64_MAX) {
        if (next <= clock->now)
            return;
        next = wait_for_user(machine, next);
        if (machine_has_input(machine))
            return;
        if (machine->lives)
            lives_sleep(machine->lives, next - clock->now);
        clock->now = next;
        return;
    }
    if (!machine_has_input(machine) && !console_wait(machine->console, USER_WAIT_MS))
        machine->end = END_DEAD;
}

static void check_ends(struct machine *machine)
{
    const struct config *config = machine->config;
    if (interrupted)
        machine->end = END_INTERRUPT;
    else if (config->run.max_insns && machine_insns(machine) >= config->run.max_insns)
        machine->end = END_LIMIT;
    else if (machine->panic_at && machine->clock.now >= machine->panic_at)
        machine->end = END_PANIC;
    else if (is_stuck(machine))
        machine->end = END_STUCK;
}

static void poll_console(struct machine *machine)
{
    switch (console_poll(machine->console)) {
    case CONSOLE_GO_ON:
        break;
    case CONSOLE_QUIT:
        machine->end = END_QUIT;
        break;
    case CONSOLE_TIMEOUT:
        machine->end = END_TIMEOUT;
        break;
    }
}

/* What happens between turns: events, the host's side, ends. */
static void between_turns(struct machine *machine, machine_tick_fn tick, void *opaque)
{
    struct clock *clock = &machine->clock;
    clock_fire(clock);
    if (machine->uart && machine_has_input(machine))
        device_poll(machine->uart);
    if (clock->now >= machine->turn.next_poll ||
        clock->now >= console_next_timeout(machine->console)) {
        machine->turn.next_poll = clock->now + POLL_TICKS;
        poll_console(machine);
        if (tick)
            tick(opaque, machine);
    }
    check_ends(machine);
}

static int run_turns(struct machine *machine, uint64_t insns, machine_tick_fn tick, void *opaque,
                     struct error *err)
{
    for (;;) {
        if (!machine->turn.active) {
            between_turns(machine, tick, opaque);
            if (machine->end != END_NONE)
                return 0;
            begin_turn(machine, turn_end(machine));
            if (machine->turn.yield)
                return 0;
        }
        int waiting = finish_turn(machine, insns, err);
        if (waiting < 0)
            return -1;
        if (machine->turn.held)
            return 0;
        if (machine->reboot_wanted && reboot(machine, err))
            return -1;
        if (machine->end != END_NONE)
            return 0;
        if (machine->lives && lives_between(machine->lives)) {
            if (lives_cut(machine->lives, err))
                return -1;
            if (machine->end != END_NONE)
                return 0;
            continue;
        }
        if ((unsigned)waiting == machine->hart_count) {
            skip_idle(machine);
            machine->turn.next_poll = 0;
        }
    }
}

static void on_trap(void *opaque, unsigned hart, const struct trap *trap)
{
    (void)hart;
    struct machine *machine = opaque;
    if (trap->from == 0 && !trap->interrupt)
        machine->counters.user_traps++;
}

/* The guest's panic function was entered: note where, and let it speak for a while. */
static void on_panic(void *opaque, unsigned hart, uint64_t pc)
{
    struct machine *machine = opaque;
    if (pc != machine->panic_function || machine->panic_at ||
        (machine->recovery && recovery_pausing(machine->recovery, hart)))
        return;
    machine->panic_hart = hart;
    machine->panic_report = machine_describe(machine);
    machine->panic_at = machine->clock.now + clock_ticks(&machine->clock, PANIC_GRACE_NS);
    machine->clock.deadline = earlier(machine->clock.deadline, machine->panic_at);
}

int machine_start(struct machine *machine, struct error *err)
{
    const struct symbol *panic = symbols_named(machine->symbols, "panic");
    machine->panic_function = panic ? panic->address : 0;
    for (unsigned i = 0; i < machine->hart_count; i++) {
        const struct cpu_listener listener = {
            .trap_entry = on_trap, .watched = on_panic, .opaque = machine};
        if (cpu_listen(machine->harts[i], &listener) ||
            (panic && cpu_watch(machine->harts[i], panic->address)))
            return error_set(err, "too many listeners");
    }
    return 0;
}

/* With `turn`, up to the beginning of the next turn at most. */
static enum machine_end run_piece(struct machine *machine, uint64_t insns, bool turn,
                                  machine_tick_fn tick, void *opaque, struct error *err)
{
    machine->turn.yield = turn;
    if (run_turns(machine, insns, tick, opaque, err))
        machine->end = END_FAULT;
    return machine->end;
}

enum machine_end machine_go(struct machine *machine, uint64_t insns, machine_tick_fn tick,
                            void *opaque, struct error *err)
{
    return run_piece(machine, insns, false, tick, opaque, err);
}

void machine_yield(struct machine *machine)
{
    machine->turn.yield = true;
}

static void stop_exactly(struct machine *machine, uint64_t insns)
{
    if (machine->lives)
        lives_stop_at(machine->lives, insns);
    else
        cpu_stop_exactly(machine->harts[0], insns, UINT64_MAX);
}

enum machine_end machine_step(struct machine *machine, machine_tick_fn tick, void *opaque,
                              struct error *err)
{
    uint64_t next = machine_insns(machine) + 1, skips = machine->counters.idle_skips;
    enum machine_end end = machine->end;
    stop_exactly(machine, next);
    while (end == END_NONE && machine_insns(machine) < next &&
           machine->counters.idle_skips == skips)
        end = run_piece(machine, next, true, tick, opaque, err);
    stop_exactly(machine, UINT64_MAX);
    return end;
}

enum machine_end machine_finish(struct machine *machine, struct error *err)
{
    if (machine->recovery)
        recovery_finish(machine->recovery);
    if (machine->lives && machine->end != END_FAULT && lives_finish(machine->lives, err))
        machine->end = END_FAULT;
    (void)console_poll(machine->console);
    return machine->end;
}

void machine_catch_signals(struct machine_signals *signals)
{
    const struct sigaction note = {.sa_handler = note_signal};
    interrupted = 0;
    sigaction(SIGINT, &note, &signals->old_int);
    sigaction(SIGTERM, &note, &signals->old_term);
}

void machine_release_signals(const struct machine_signals *signals)
{
    sigaction(SIGINT, &signals->old_int, NULL);
    sigaction(SIGTERM, &signals->old_term, NULL);
}

bool machine_interrupted(void)
{
    return interrupted;
}

enum machine_end machine_run(struct machine *machine, machine_tick_fn tick, void *opaque,
                             struct error *err)
{
    struct machine_signals signals;
    machine_catch_signals(&signals);
    if (machine_start(machine, err))
        machine->end = END_FAULT;
    else
        (void)machine_go(machine, UINT64_MAX, tick, opaque, err);
    (void)machine_finish(machine, err);
    machine_release_signals(&signals);
    return machine->end;
}
