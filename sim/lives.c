/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/lives.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cpu/cortexm.h"
#include "mem/sections.h"
#include "sim/lives_state.h"

static struct cpu *core_of(const struct lives *lives)
{
    return lives->machine->harts[0];
}

static struct cut_counters counters_now(const struct lives *lives)
{
    return (struct cut_counters){machine_insns(lives->machine), lives->machine->clock.now,
                                 nvm_writes(lives->nvm)};
}

/* Power fails in the middle of what the core does: the rest of its block has no effect. */
static void fail(void *opaque)
{
    struct lives *lives = opaque;
    lives->failing = true;
    lives->failed_by = LIFE_PLANNED;
    nvm_freeze(lives->nvm);
    memory_set_power(lives->machine->mem, false);
    cpu_pause(core_of(lives));
}

static void on_reached(void *opaque, unsigned hart, uint64_t pc)
{
    (void)hart;
    struct lives *lives = opaque;
    if (lives->failing || lives->planned != CUTS_ON)
        return;
    for (size_t i = 0; i < lives->stops.count; i++)
        if (lives->stops.addresses[i] == pc && schedule_hit(lives->schedule, (unsigned)i))
            fail(lives);
}

void lives_await(struct lives *lives)
{
    nvm_set_write_limit(lives->nvm, lives->next.nvm_write, &lives->next.variant, fail, lives);
    uint64_t insns = lives->next.insns < lives->stop ? lives->next.insns : lives->stop;
    cpu_stop_exactly(core_of(lives), insns, lives->next.tick);
}

/* A person's cut stays, whatever the schedule says, until it was made. */
static void add_now(struct lives *lives)
{
    struct cut_next *next = &lives->next;
    next->insns = next->insns < lives->now.insns ? next->insns : lives->now.insns;
    next->tick = next->tick < lives->now.tick ? next->tick : lives->now.tick;
}

/* Asks the schedule when this life ends, and sees to it. */
static void plan_cut(struct lives *lives)
{
    const struct cut_counters now = counters_now(lives);
    lives->next =
        (struct cut_next){.insns = UINT64_MAX, .tick = UINT64_MAX, .nvm_write = UINT64_MAX};
    if (lives->planned != CUTS_NOT_YET) {
        lives->planned = CUTS_ON;
        schedule_begin_life(lives->schedule, &now, &lives->next);
    }
    add_now(lives);
    lives_await(lives);
}

int lives_cut_now(struct lives *lives, char *again, size_t size, struct error *err)
{
    struct machine *machine = lives->machine;
    if (lives->planned != CUTS_ON)
        return error_set(err, "power.cuts_from: expected \"%s\" to have been executed before a cut",
                         lives->policy->cuts_from);
    if (cpu_idle(core_of(lives))) {
        uint64_t ns = clock_ns(&machine->clock, machine->clock.now + 1) + 1;
        lives->now.tick = clock_ticks(&machine->clock, ns);
        snprintf(again, size, "{\"at\":{\"time\":\"%" PRIu64 "ns\"}}", ns);
        if (lives->now.tick < machine->turn.until)
            machine->turn.until = lives->now.tick;
    } else {
        lives->now.insns = machine_insns(machine) + 1;
        snprintf(again, size, "{\"at\":{\"instruction\":%" PRIu64 "}}", lives->now.insns);
    }
    add_now(lives);
    lives_await(lives);
    return 0;
}

void lives_stop_at(struct lives *lives, uint64_t insns)
{
    lives->stop = insns;
    lives_await(lives);
}

void lives_move_cut(struct lives *lives, size_t cut, uint64_t nvm_write,
                    const struct nvm_variant *variant)
{
    const struct cut_counters begin = {.nvm_writes =
                                           nvm_writes(lives->nvm) - nvm_life_writes(lives->nvm)};
    schedule_move(lives->schedule, cut, nvm_write, variant, &begin, &lives->next);
    nvm_set_write_limit(lives->nvm, lives->next.nvm_write, &lives->next.variant, fail, lives);
}

bool lives_between(struct lives *lives)
{
    if (lives->failing)
        return true;
    if (lives->planned == CUTS_BEGIN)
        plan_cut(lives);
    const struct cut_counters now = counters_now(lives);
    if (now.insns >= lives->next.insns || now.tick >= lives->next.tick) {
        lives->failing = true;
        lives->failed_by = LIFE_PLANNED;
    }
    if (lives->supply && !lives_supply_step(lives) && !lives->failing) {
        lives->failing = true;
        lives->failed_by = LIFE_BROWN_OUT;
    }
    return lives->failing;
}

uint64_t lives_deadline(struct lives *lives)
{
    uint64_t deadline = lives->next.tick;
    if (lives->supply) {
        uint64_t supply = lives_supply_deadline(lives);
        deadline = supply < deadline ? supply : deadline;
    }
    return deadline;
}

void lives_sleep(struct lives *lives, uint64_t ticks)
{
    if (lives->energy)
        energy_sleep(lives->energy, ticks);
}

bool lives_sleep_on(struct lives *lives)
{
    const struct cut_counters now = counters_now(lives);
    if (lives->asleep.insns != now.insns) {
        lives->asleep.insns = now.insns;
        lives->asleep.since = now.tick;
    }
    return lives->supply && lives->next.tick == UINT64_MAX &&
           clock_ns(&lives->machine->clock, now.tick - lives->asleep.since) >=
               lives->policy->supply.limit_ns;
}

/* ---- One life ------------------------------------------------------------------------------ */

static int add_life(struct lives *lives, struct error *err)
{
    if (lives->count == lives->room) {
        size_t room = lives->room ? 2 * lives->room : 256;
        struct life *all = realloc(lives->lives, room * sizeof *all);
        if (!all)
            return error_set(err, "out of memory");
        lives->lives = all;
        lives->room = room;
    }
    lives->lives[lives->count++] = (struct life){
        .start = lives->machine->clock.now,
        .volts_from = lives->supply ? supply_volts(lives->supply) : 0,
    };
    return 0;
}

static int begin_life(struct lives *lives, struct error *err)
{
    const struct cut_counters now = counters_now(lives);
    if (add_life(lives, err))
        return -1;
    lives->failing = false;
    memory_set_power(lives->machine->mem, true);
    nvm_begin_life(lives->nvm);
    plan_cut(lives);
    lives->begin = lives->progress = lives_mark(lives);
    lives_sample(lives, now.tick, true);
    return 0;
}

static void end_life(struct lives *lives, enum life_end end)
{
    if (lives->supply)
        (void)lives_supply_step(lives); /* what was spent since it was looked at last */
    struct life *life = &lives->lives[lives->count - 1];
    const struct lives_mark now = lives_mark(lives);
    life->end = end;
    life->on = lives->machine->clock.now - life->start;
    life->insns = now.insns - lives->begin.insns;
    life->energy = now.total - lives->begin.total;
    life->nvm_writes = nvm_life_writes(lives->nvm);
    life->pc = core_of(lives)->ops->pc(core_of(lives));
    life->volts_to = lives->supply ? supply_volts(lives->supply) : 0;
    lives->cuts[end]++;
    lives_settle(lives, end != LIFE_LAST);
    lives_sample(lives, lives->machine->clock.now, true);
}

/* What later lives find in memory besides, and where they begin. */
static int apply_recipe(struct lives *lives, struct error *err)
{
    static const uint8_t zeros[256];
    struct memory *mem = lives->machine->mem;
    for (size_t i = 0; i < lives->recipe_count; i++) {
        const struct lives_recipe *part = &lives->recipe[i];
        int failed = 0;
        if (part->bytes) {
            failed = memory_load(mem, part->gpa, part->bytes, part->size);
        } else {
            for (uint64_t done = 0; done < part->size && !failed; done += sizeof zeros) {
                uint64_t left = part->size - done;
                failed = memory_load(mem, part->gpa + done, zeros,
                                     left < sizeof zeros ? left : sizeof zeros);
            }
        }
        if (failed)
            return error_set(err, "power.later_lives: there is no memory at 0x%llx",
                             (unsigned long long)part->gpa);
        nvm_hash_changed(lives->nvm, part->gpa, part->size);
    }
    if (lives->has_entry)
        cortexm_start_at(core_of(lives), lives->entry, lives->sp);
    return 0;
}

static bool too_many(struct lives *lives)
{
    uint64_t max = lives->policy->max_lives;
    if (!max || lives->count < max)
        return false;
    snprintf(lives->verdict, sizeof lives->verdict,
             "the guest did not finish in %llu lives (power.max_lives)", (unsigned long long)max);
    lives->machine->end = END_LIVES;
    return true;
}

int lives_cut(struct lives *lives, struct error *err)
{
    struct machine *machine = lives->machine;
    const struct cut_counters now = counters_now(lives);
    uint64_t off = 0;
    size_t source = schedule_cut(lives->schedule, &now, &off);
    if (now.insns >= lives->now.insns || now.tick >= lives->now.tick) {
        if (source == CUT_UNPLANNED)
            off = clock_ticks(&machine->clock, lives->policy->off_ns);
        lives->now.insns = lives->now.tick = UINT64_MAX;
    }
    end_life(lives, lives->failed_by);
    struct life *life = &lives->lives[lives->count - 1];
    life->source = source;
    struct nvm_cut cut;
    if (nvm_cut(lives->nvm, &cut, err))
        return -1;
    life->torn = cut.torn;
    if (too_many(lives))
        return 0;
    if (lives_are_stuck(lives)) {
        machine->end = END_NO_PROGRESS;
        return 0;
    }
    if (lives->supply && lives_supply_recharge(lives, &off)) {
        machine->end = END_UNPOWERED;
        return 0;
    }
    life->off = off;
    machine->clock.now += off;
    volatile_cut(lives->ram);
    machine_reset_devices(machine);
    if (apply_recipe(lives, err) || cpu_reset(core_of(lives), err))
        return -1;
    return begin_life(lives, err);
}

/* ---- All of them --------------------------------------------------------------------------- */

static uint64_t spare(void *opaque, uint64_t gpa, uint64_t end, uint64_t *until)
{
    const struct nvm *nvm = opaque;
    for (size_t i = 0; i < nvm_range_count(nvm); i++) {
        const struct nvm_range *range = nvm_range(nvm, i);
        if (range->end <= gpa)
            continue;
        if (range->start >= end)
            break;
        *until = range->end < end ? range->end : end;
        return range->start > gpa ? range->start : gpa;
    }
    *until = end;
    return end;
}

struct lives *lives_new(struct machine *machine, struct error *err)
{
    const struct power_policy *policy = &machine->config->power;
    struct lives *lives = calloc(1, sizeof *lives);
    if (!lives) {
        error_set(err, "out of memory");
        return NULL;
    }
    lives->machine = machine;
    lives->policy = policy;
    lives->planned = policy->cuts_from ? CUTS_NOT_YET : CUTS_ON;
    lives->now.insns = lives->now.tick = lives->stop = UINT64_MAX;
    /* The order of the listeners: the write at which power fails is charged. */
    bool failed = policy->energy.enabled && !(lives->energy = power_plan_energy(machine, err));
    if (!failed)
        failed = !(lives->nvm = power_plan_nvm(machine, err));
    if (!failed)
        failed = !(lives->ram = volatile_new(machine->mem, policy->seed, spare, lives->nvm, err));
    if (!failed && policy->supply.enabled)
        failed = lives_supply_new(lives, err);
    if (failed) {
        lives_free(lives);
        return NULL;
    }
    return lives;
}

struct cpu_pricing lives_pricing(struct lives *lives, unsigned taken_branch)
{
    return energy_pricing(lives->energy, taken_branch);
}

static int add_recipe(struct lives *lives, const char *key, const char *name, size_t index,
                      bool reload, struct error *err)
{
    struct section section;
    char path[64];
    snprintf(path, sizeof path, "power.later_lives.%s[%zu]: ", key, index);
    if (section_find(power_plan_kernel(lives->machine->config), name, &section, err))
        return error_prefix(err, path);
    if (!reload || !section.bytes) {
        free(section.bytes);
        section.bytes = NULL;
    }
    lives->recipe[lives->recipe_count++] =
        (struct lives_recipe){section.address, section.size, section.bytes};
    for (uint64_t at = 0; at < section.size; at++) {
        const struct region *region = memory_find(lives->machine->mem, section.address + at);
        if (!region || region->kind != REGION_RAM)
            return error_set(err, "%sexpected a section in RAM, found 0x%llx, which is not", path,
                             (unsigned long long)(section.address + at));
        at = region->base + region->size - section.address - 1;
    }
    return 0;
}

static int plan_recipe(struct lives *lives, struct error *err)
{
    const struct power_policy *policy = lives->policy;
    const struct machine *machine = lives->machine;
    uint64_t address;
    for (size_t i = 0; i < policy->later.zero_count; i++)
        if (add_recipe(lives, "zero", policy->later.zero[i], i, false, err))
            return -1;
    for (size_t i = 0; i < policy->later.reload_count; i++)
        if (add_recipe(lives, "reload", policy->later.reload[i], i, true, err))
            return -1;
    if (!policy->later.entry)
        return 0;
    if (power_plan_function(machine, "power.later_lives.entry", policy->later.entry, &address, err))
        return -1;
    lives->entry = (uint32_t)address;
    if (policy->later.sp) {
        const struct symbol *sp =
            power_plan_symbol(machine, "power.later_lives.sp", policy->later.sp, err);
        if (!sp)
            return -1;
        lives->sp = (uint32_t)sp->address;
    } else if (memory_read(machine->mem, machine->config->machine.vectors, &lives->sp, 4)) {
        return error_set(err, "machine.vectors: there is no memory at 0x%llx",
                         (unsigned long long)machine->config->machine.vectors);
    }
    lives->has_entry = true;
    return 0;
}

/* Once at each address, however many cuts are there. */
static int stop_at_cuts(const struct lives *lives, struct error *err)
{
    const uint64_t *addresses = lives->stops.addresses;
    for (size_t i = 0; i < lives->stops.count; i++) {
        size_t first = 0;
        while (addresses[first] != addresses[i])
            first++;
        if (first == i && cpu_stop_at(core_of(lives), addresses[i], err))
            return -1;
    }
    return 0;
}

int lives_begin(struct lives *lives, struct error *err)
{
    struct machine *machine = lives->machine;
    const struct cpu_listener listener = {.reached = on_reached, .opaque = lives};
    if (volatile_loaded(lives->ram, err) || power_plan_load(machine, lives->nvm, err))
        return -1;
    if (lives->energy && energy_attach(lives->energy, core_of(lives), err))
        return -1;
    lives->schedule = power_plan_schedule(machine, &lives->stops, err);
    if (!lives->schedule)
        return -1;
    if (stop_at_cuts(lives, err))
        return -1;
    if (lives->stops.count && cpu_listen(core_of(lives), &listener))
        return error_set(err, "too many listeners");
    if (lives_watch(lives, err) || lives_find_causes(lives, err) || plan_recipe(lives, err))
        return -1;
    uint64_t off = 0;
    if (lives->supply && !supply_on(lives->supply) && lives_supply_recharge(lives, &off)) {
        machine->end = END_UNPOWERED;
        return add_life(lives, err);
    }
    machine->clock.now += off;
    return begin_life(lives, err);
}

int lives_finish(struct lives *lives, struct error *err)
{
    if (lives->count && lives->lives[lives->count - 1].end == LIFE_RUNS)
        end_life(lives, LIFE_LAST);
    nvm_flush(lives->nvm);
    return power_plan_save(lives->machine, lives->nvm, err);
}

void lives_free(struct lives *lives)
{
    if (!lives)
        return;
    for (size_t i = 0; i < lives->recipe_count; i++)
        free(lives->recipe[i].bytes);
    volatile_free(lives->ram);
    schedule_free(lives->schedule);
    supply_free(lives->supply);
    trace_free(lives->trace);
    nvm_free(lives->nvm);
    energy_free(lives->energy);
    free(lives->logging);
    free(lives->recovery);
    free(lives->samples);
    free(lives->lives);
    free(lives);
}

size_t lives_count(const struct lives *lives)
{
    return lives->count;
}

const struct life *lives_at(const struct lives *lives, size_t index)
{
    return &lives->lives[index];
}

uint64_t lives_cuts(const struct lives *lives, enum life_end end)
{
    return lives->cuts[end];
}

const struct nvm *lives_nvm(const struct lives *lives)
{
    return lives->nvm;
}

struct nvm *lives_hashed_nvm(struct lives *lives)
{
    return lives->nvm;
}

const struct energy *lives_energy(const struct lives *lives)
{
    return lives->energy;
}

const struct supply *lives_supply(const struct lives *lives)
{
    return lives->supply;
}

struct life_split lives_spent(const struct lives *lives)
{
    return lives->spent;
}

uint64_t lives_lost_insns(const struct lives *lives)
{
    return lives->lost_insns;
}

void lives_counter(const struct lives *lives, size_t index, uint64_t *hits, uint64_t *sum)
{
    *hits = lives->counters[index].hits;
    *sum = lives->counters[index].sum;
}

size_t lives_last_counter(const struct lives *lives)
{
    return lives->last_counter ? lives->last_counter - 1 : lives->policy->counter_count;
}

const char *lives_verdict(const struct lives *lives)
{
    return lives->verdict;
}

size_t lives_samples(const struct lives *lives, const struct lives_sample **samples)
{
    *samples = lives->samples;
    return lives->sample_count;
}
