/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/campaign/faults_plan.h"

#include <stdlib.h>
#include <string.h>

#include "sim/campaign/faults_places.h"
#include "sim/campaign/faults_rig.h"
#include "sim/kernel_view.h"

#define STEP         UINT64_C(100000) /* instructions between two looks at the console */
#define STUCK_FACTOR 10               /* how much longer than ever is too long */
#define STUCK_LEAST  UINT64_C(10000000)
#define REGISTERS    32

struct planner {
    struct fault_plan *plan;
    const struct config *config;
    machine_tick_fn tick;
    void *opaque;
    struct rig rig;
    struct places before, after; /* the window's start and end */

    struct progress_seen { /* signs of progress, and when there was the last */
        uint64_t output, idle, traps, insns;
    } seen;

    uint64_t *places;
    size_t place_count;
    struct fault *draws; /* by address */
    size_t draw_count;
    struct slot { /* an address that is counted at */
        uint64_t nth, hits;
        size_t first, count; /* its draws */
    } * slots;
    uint64_t *addresses; /* of the slots, ascending */
    size_t slot_count;
};

/* ---- The first run: what is executed, and that all is well ---------------------------------- */

/* The longest time without a sign of progress. */
static void watch_progress(struct planner *planner)
{
    const struct machine *machine = planner->rig.machine;
    const struct progress_seen now = {.output = console_bytes(planner->rig.console),
                                      .idle = machine->counters.idle_skips,
                                      .traps = machine->counters.user_traps,
                                      .insns = machine_insns(machine)};
    struct progress_seen *seen = &planner->seen;
    if (now.output == seen->output && now.idle == seen->idle && now.traps == seen->traps)
        return;
    if (now.insns - seen->insns > planner->plan->stuck)
        planner->plan->stuck = now.insns - seen->insns;
    *seen = now;
}

static int open_window(struct planner *planner, struct error *err)
{
    struct rig *rig = &planner->rig;
    planner->plan->from = machine_insns(rig->machine);
    planner->seen.insns = planner->plan->from;
    console_forget_notes(rig->console);
    return places_note(&planner->before, rig->machine) ? error_set(err, "out of memory") : 0;
}

static int close_window(struct planner *planner, struct error *err)
{
    struct machine *machine = planner->rig.machine;
    planner->plan->until = machine_insns(machine);
    if (places_note(&planner->after, machine))
        return error_set(err, "out of memory");
    planner->places =
        places_between(&planner->before, &planner->after, machine, &planner->place_count, err);
    return planner->places ? 0 : error_prefix(err, "campaign: ");
}

static int check_end(const struct planner *planner, struct error *err)
{
    char text[300];
    const struct rig_texts texts = rig_texts(&planner->rig);
    const char *wrong = rig_verdict(&planner->rig, text, sizeof text);
    if (wrong)
        return error_set(err, "campaign: expected the run without a fault to go well, but %s",
                         wrong);
    if (texts.last)
        return error_set(err, "campaign: expected the run without a fault to go well, but it "
                              "printed a text of campaign.failed or campaign.wrong");
    return 0;
}

static int never(const char *key, const char *text, struct error *err)
{
    return error_set(err,
                     "%s: expected a text that the run without a fault prints%s, found "
                     "\"%.200s\"",
                     key, strcmp(key, "campaign.until") ? "" : " after campaign.from", text);
}

static int profile(struct planner *planner, struct error *err)
{
    struct rig *rig = &planner->rig;
    const struct campaign_policy *policy = &planner->config->campaign;
    bool opened = !policy->from, closed = false;
    if (rig_open(rig, planner->config, RIG_PROFILE, err) || (opened && open_window(planner, err)))
        return -1;
    enum machine_end end = END_NONE;
    while (end == END_NONE) {
        end = machine_go(rig->machine, machine_insns(rig->machine) + STEP, planner->tick,
                         planner->opaque, err);
        if (end == END_FAULT)
            return -1;
        if (!opened && rig_saw(rig, rig->from)) {
            opened = true;
            if (open_window(planner, err))
                return -1;
        } else if (opened && !closed && rig_saw(rig, rig->until)) {
            closed = true;
            if (close_window(planner, err))
                return -1;
        }
        if (opened)
            watch_progress(planner);
    }
    (void)machine_finish(rig->machine, NULL);
    planner->plan->end = machine_insns(rig->machine);
    if (check_end(planner, err))
        return -1;
    if (!opened)
        return never("campaign.from", policy->from, err);
    if (!closed && policy->until)
        return never("campaign.until", policy->until, err);
    return closed ? 0 : close_window(planner, err);
}

static void set_stuck(struct fault_plan *plan, const struct config *config)
{
    plan->stuck *= STUCK_FACTOR;
    if (plan->stuck < STUCK_LEAST)
        plan->stuck = STUCK_LEAST;
    /* A request that hangs must have time to be found out. */
    if (plan->stuck < 2 * config->recovery.failure.hang_insns)
        plan->stuck = 2 * config->recovery.failure.hang_insns;
}

/* ---- The draw ------------------------------------------------------------------------------- */

static int by_address(const void *a, const void *b)
{
    const struct fault *x = a, *y = b;
    if (x->address != y->address)
        return x->address < y->address ? -1 : 1;
    return x->seed < y->seed ? -1 : x->seed > y->seed;
}

/* More than are wanted: some places are executed outside of the window or of domains only. */
static int draw(struct planner *planner, struct error *err)
{
    const struct campaign_policy *policy = &planner->config->campaign;
    size_t count = policy->faults + policy->faults / 4 + 32;
    planner->draw_count = count;
    planner->draws = calloc(count, sizeof *planner->draws);
    planner->slots = calloc(count, sizeof *planner->slots);
    planner->addresses = calloc(count, sizeof *planner->addresses);
    if (!planner->draws || !planner->slots || !planner->addresses)
        return error_set(err, "out of memory");
    for (size_t i = 0; i < count; i++)
        fault_draw(&planner->draws[i], policy, i, planner->places, planner->place_count);
    qsort(planner->draws, count, sizeof *planner->draws, by_address);
    for (size_t i = 0; i < count; i++) {
        size_t last = planner->slot_count;
        if (!last || planner->addresses[last - 1] != planner->draws[i].address) {
            planner->addresses[last] = planner->draws[i].address;
            planner->slots[last] = (struct slot){.first = i};
            planner->slot_count++;
        }
        planner->slots[planner->slot_count - 1].count++;
    }
    return 0;
}

/* ---- The second run: when ------------------------------------------------------------------- */

/* Addresses in general registers where the kernel may write. */
static size_t find_pointers(const struct machine *machine, struct cpu *hart, uint64_t *pointers)
{
    size_t count = 0;
    for (unsigned i = 1; i < REGISTERS; i++) {
        uint64_t pointer = cpu_general(hart, i), gpa, word;
        if (kernel_view_translate(machine, hart, pointer, ACCESS_WRITE, &gpa) &&
            !memory_read(machine->mem, gpa & ~UINT64_C(7), &word, sizeof word))
            pointers[count++] = pointer;
    }
    return count;
}

static void take(const struct planner *planner, struct fault *fault, const struct slot *slot,
                 unsigned hart)
{
    const struct machine *machine = planner->rig.machine;
    const struct account_where *where = recovery_where(machine->recovery, hart);
    uint64_t pointers[REGISTERS];
    fault->nth = slot->nth;
    fault->position = machine_position(machine);
    fault->hart = hart;
    fault->request = where->kind;
    fault->number = where->number;
    if (fault->kind != INJECT_WILD)
        return;
    size_t count = find_pointers(machine, machine->harts[hart], pointers);
    if (count)
        fault_aim(fault, pointers, count);
    else
        fault->nth = 0; /* no such store can be made here */
}

static void on_hit(void *opaque, unsigned hart, uint64_t pc)
{
    struct planner *planner = opaque;
    const struct machine *machine = planner->rig.machine;
    size_t low = 0, high = planner->slot_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (planner->addresses[middle] <= pc)
            low = middle;
        else
            high = middle;
    }
    if (planner->addresses[low] != pc)
        return;
    struct slot *slot = &planner->slots[low];
    uint64_t position = machine_position(machine);
    slot->nth++;
    if (position < planner->plan->from || position >= planner->plan->until ||
        recovery_where(machine->recovery, hart)->where != WHERE_INSIDE)
        return;
    slot->hits++;
    for (size_t i = 0; i < slot->count; i++) {
        struct fault *fault = &planner->draws[slot->first + i];
        fault->hits = slot->hits;
        if (fault_takes(fault, slot->hits))
            take(planner, fault, slot, hart);
    }
}

static int count_hits(struct planner *planner, struct error *err)
{
    struct rig *rig = &planner->rig;
    if (rig_open(rig, planner->config, RIG_COUNT, err) ||
        inject_count(rig->machine->inject, planner->addresses, planner->slot_count, on_hit, planner,
                     err) ||
        machine_start(rig->machine, err))
        return -1;
    enum machine_end end =
        machine_go(rig->machine, planner->plan->until, planner->tick, planner->opaque, err);
    if (end == END_FAULT)
        return -1;
    (void)machine_finish(rig->machine, NULL);
    return 0;
}

/* ---- What is left of it --------------------------------------------------------------------- */

static int by_draw(const void *a, const void *b)
{
    const struct fault *x = a, *y = b;
    return x->index < y->index ? -1 : x->index > y->index;
}

static int by_time(const void *a, const void *b)
{
    const struct fault *x = a, *y = b;
    if (x->position != y->position)
        return x->position < y->position ? -1 : 1;
    return by_draw(a, b);
}

static int keep(struct planner *planner, struct error *err)
{
    struct fault_plan *plan = planner->plan;
    size_t wanted = planner->config->campaign.faults;
    const struct symbols *symbols = planner->rig.machine->symbols;
    qsort(planner->draws, planner->draw_count, sizeof *planner->draws, by_draw);
    plan->places = planner->place_count;
    plan->faults = calloc(wanted, sizeof *plan->faults);
    plan->options = calloc(wanted, sizeof *plan->options);
    if (!plan->faults || !plan->options)
        return error_set(err, "out of memory");
    for (size_t i = 0; i < planner->draw_count && plan->count < wanted; i++)
        if (planner->draws[i].nth)
            plan->faults[plan->count++] = planner->draws[i];
    if (plan->count < wanted)
        return error_set(err,
                         "campaign.faults: expected at most %zu: so many of %zu that were "
                         "drawn can strike inside domains, found %zu",
                         plan->count, planner->draw_count, wanted);
    qsort(plan->faults, plan->count, sizeof *plan->faults, by_time);
    for (size_t i = 0; i < plan->count; i++) {
        char text[400];
        fault_options(&plan->faults[i], symbols, text, sizeof text);
        plan->options[i] = strdup(text);
        if (!plan->options[i])
            return error_set(err, "out of memory");
    }
    return 0;
}

int fault_plan_make(struct fault_plan *plan, const struct config *config, machine_tick_fn tick,
                    void *opaque, struct error *err)
{
    struct planner planner = {.plan = plan, .config = config, .tick = tick, .opaque = opaque};
    *plan = (struct fault_plan){0};
    int result = profile(&planner, err);
    rig_close(&planner.rig);
    set_stuck(plan, config);
    if (!result)
        result = draw(&planner, err) || count_hits(&planner, err) || keep(&planner, err) ? -1 : 0;
    rig_close(&planner.rig);
    places_free(&planner.before);
    places_free(&planner.after);
    free(planner.places);
    free(planner.draws);
    free(planner.slots);
    free(planner.addresses);
    if (result)
        fault_plan_free(plan);
    return result;
}

void fault_plan_free(struct fault_plan *plan)
{
    for (size_t i = 0; plan->options && i < plan->count; i++)
        free(plan->options[i]);
    free(plan->options);
    free(plan->faults);
    *plan = (struct fault_plan){0};
}
