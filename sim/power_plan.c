/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/power_plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem/sections.h"

#define MICRO 1e-6
#define PICO  1e-12

const char *power_plan_kernel(const struct config *config)
{
    for (size_t i = 0; i < config->load_count; i++)
        if (config->load[i].kind == LOAD_KERNEL)
            return config->load[i].file;
    return NULL;
}

const struct symbol *power_plan_symbol(const struct machine *machine, const char *path,
                                       const char *name, struct error *err)
{
    const struct symbol *symbol = symbols_named(machine->symbols, name);
    const char *near = symbol ? NULL : symbols_nearest(machine->symbols, name);
    if (!symbol)
        error_set(err, "%s: the kernel has no symbol \"%s\"%s%s%s", path, name,
                  near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return symbol;
}

int power_plan_function(const struct machine *machine, const char *path, const char *name,
                        uint64_t *address, struct error *err)
{
    const struct symbol *symbol = power_plan_symbol(machine, path, name, err);
    if (!symbol)
        return -1;
    if (!strchr("TtWw", symbol->type))
        return error_set(err, "%s: expected a function, found \"%s\", which is none", path, name);
    *address = symbol->address & ~UINT64_C(1);
    return 0;
}

/* ---- Supply -------------------------------------------------------------------------------- */

void power_plan_supply(const struct power_policy *policy, struct supply_config *supply)
{
    const struct supply_preset *preset =
        policy->supply.preset ? supply_preset(policy->supply.preset) : NULL;
    *supply = preset ? preset->config
                     : (struct supply_config){.input = SUPPLY_CONVERTER,
                                              .input_efficiency = 1,
                                              .output_efficiency = 1};
    if (policy->supply.has_capacitor)
        supply->farads = (double)policy->supply.picofarads * PICO;
    if (policy->supply.has_on)
        supply->on_volts = (double)policy->supply.on_uv * MICRO;
    if (policy->supply.has_off)
        supply->off_volts = (double)policy->supply.off_uv * MICRO;
    if (policy->supply.has_start)
        supply->start_volts = (double)policy->supply.start_uv * MICRO;
    if (policy->supply.has_max)
        supply->max_volts = (double)policy->supply.max_uv * MICRO;
    if (policy->supply.has_brownout)
        supply->brownout_volts = (double)policy->supply.brownout_uv * MICRO;
    if (policy->supply.has_leak)
        supply->leak_amps = (double)policy->supply.leak_pa * PICO;
    if (policy->supply.has_diode)
        supply->diode_volts = (double)policy->supply.diode_uv * MICRO;
    if (policy->supply.has_input)
        supply->input = (enum supply_input)policy->supply.input;
    if (policy->supply.has_input_percent)
        supply->input_efficiency = policy->supply.input_percent / 100.0;
    if (policy->supply.has_output_percent)
        supply->output_efficiency = policy->supply.output_percent / 100.0;
}

struct trace *power_plan_trace(const struct power_policy *policy, struct error *err)
{
    if (!policy->supply.trace) {
        struct trace *trace = trace_constant((double)policy->supply.harvest_pw * PICO);
        if (!trace)
            error_set(err, "out of memory");
        return trace;
    }
    const struct trace_options options = {
        .format = (enum trace_format)policy->supply.format,
        .ohms = (double)policy->supply.load_mohm * 1e-3,
        .scale = policy->supply.scale / 100.0,
        .linear = policy->supply.linear,
        .once = policy->supply.once,
    };
    return trace_load(policy->supply.trace, &options, err);
}

/* ---- Energy -------------------------------------------------------------------------------- */

static int add_region(struct energy *energy, const struct machine *machine,
                      const struct policy_region *wanted, const struct energy_preset *preset,
                      struct error *err)
{
    const struct config *config = machine->config;
    struct energy_costs costs = {
        .read = {wanted->read_ticks, (uint32_t)wanted->read_fj},
        .write = {wanted->write_ticks, (uint32_t)wanted->write_fj},
        .fetch = {wanted->fetch_ticks, (uint32_t)wanted->fetch_fj},
    };
    if (wanted->role)
        costs = *energy_preset_costs(preset, wanted->role);
    for (size_t i = 0; i < config->memory_count; i++) {
        const struct config_region *region = &config->memory[i];
        if (!strcmp(region->name, wanted->name) &&
            energy_add_region(energy, region->name, region->base, region->base + region->size,
                              &costs, wanted->open, err)) {
            char place[80];
            snprintf(place, sizeof place, "power.energy.regions.%s: ", wanted->name);
            return error_prefix(err, place);
        }
    }
    return 0;
}

struct energy *power_plan_energy(struct machine *machine, struct error *err)
{
    const struct power_policy *policy = &machine->config->power;
    const struct energy_preset *preset =
        policy->energy.preset ? energy_preset(policy->energy.preset) : NULL;
    struct energy_function *functions = NULL;
    size_t count = symbols_functions(machine->symbols, NULL, 0);
    struct symbol *symbols = calloc(count + 1, sizeof *symbols);
    functions = calloc(count + 1, sizeof *functions);
    struct energy *energy = NULL;
    if (symbols && functions) {
        symbols_functions(machine->symbols, symbols, count);
        for (size_t i = 0; i < count; i++)
            functions[i] = (struct energy_function){
                symbols[i].address & ~UINT64_C(1),
                (symbols[i].address & ~UINT64_C(1)) + symbols[i].size, symbols[i].name};
        const struct energy_options options = {
            .mem = machine->mem,
            .clock = &machine->clock,
            .cycle_fj =
                policy->energy.has_cycle || !preset ? policy->energy.cycle_fj : preset->cycle_fj,
            .sleep_nw = policy->energy.has_sleep || !preset ? policy->energy.sleep_pw / 1000
                                                            : preset->sleep_nw,
            .functions = functions,
            .function_count = count,
        };
        energy = energy_new(&options, err);
    } else {
        error_set(err, "out of memory");
    }
    free(symbols);
    free(functions);
    for (size_t i = 0; energy && i < policy->energy.region_count; i++) {
        if (add_region(energy, machine, &policy->energy.regions[i], preset, err)) {
            energy_free(energy);
            energy = NULL;
        }
    }
    return energy;
}

/* ---- Non-volatile memory ------------------------------------------------------------------- */

/* Where a range of the config lies. */
static int place_range(const struct machine *machine, size_t index, char name[32], uint64_t *start,
                       uint64_t *end, struct error *err)
{
    const struct config *config = machine->config;
    const struct policy_nvm *range = &config->power.nvm.ranges[index];
    char path[64];
    if (range->section) {
        struct section section;
        snprintf(path, sizeof path, "power.nvm.ranges[%zu].section: ", index);
        if (section_find(power_plan_kernel(config), range->section, &section, err))
            return error_prefix(err, path);
        free(section.bytes);
        *start = section.address;
        *end = section.address + section.size;
        snprintf(name, 32, "%s", range->section);
    } else if (range->symbol) {
        snprintf(path, sizeof path, "power.nvm.ranges[%zu].symbol", index);
        const struct symbol *symbol = power_plan_symbol(machine, path, range->symbol, err);
        if (!symbol)
            return -1;
        *start = symbol->address;
        *end = symbol->address + symbol->size;
        snprintf(name, 32, "%s", range->symbol);
    } else if (range->region) {
        for (size_t i = 0; i < config->memory_count; i++) {
            const struct config_region *region = &config->memory[i];
            if (strcmp(region->name, range->region))
                continue;
            *start = region->base;
            *end = region->base + region->size;
        }
        snprintf(name, 32, "%s", range->region);
    } else {
        *start = range->base;
        *end = range->base + range->size;
        snprintf(name, 32, "0x%" PRIx64, range->base);
    }
    return 0;
}

/* What of [at, end) is in no range yet becomes ranges of that name. */
static int add_gaps(struct nvm *nvm, const char *name, uint64_t at, uint64_t end, struct error *err)
{
    while (at < end) {
        uint64_t gap = end, next = end;
        for (size_t i = 0; i < nvm_range_count(nvm); i++) {
            const struct nvm_range *range = nvm_range(nvm, i);
            if (range->end <= at || range->start >= gap)
                continue;
            gap = range->start > at ? range->start : at;
            next = range->end;
        }
        if (gap > at && nvm_add_range(nvm, name, at, gap, err))
            return -1;
        at = next;
    }
    return 0;
}

/* Regions of RAM that are non-volatile as a whole. */
static int add_regions(const struct config *config, struct nvm *nvm, struct error *err)
{
    for (size_t i = 0; i < config->memory_count; i++) {
        const struct config_region *region = &config->memory[i];
        if (region->kind == REGION_RAM && region->nonvolatile &&
            add_gaps(nvm, region->name, region->base, region->base + region->size, err))
            return -1;
    }
    return 0;
}

struct nvm *power_plan_nvm(struct machine *machine, struct error *err)
{
    const struct config *config = machine->config;
    const struct power_policy *policy = &config->power;
    struct nvm_policy plan = nvm_default_policy();
    plan.atomic = policy->nvm.atomic;
    plan.torn = (enum nvm_torn)policy->nvm.torn;
    plan.wear_line = policy->nvm.wear_line;
    plan.seed = policy->seed;
    if (policy->nvm.cache.lines) {
        unsigned ways = policy->nvm.cache.ways ? policy->nvm.cache.ways : policy->nvm.cache.lines;
        plan.cache.sets = policy->nvm.cache.lines / ways;
        plan.cache.ways = ways;
        plan.cache.line = policy->nvm.cache.line;
        plan.cache.dirty = (enum nvm_dirty)policy->nvm.cache.dirty;
    }
    struct nvm *nvm = nvm_new(machine->mem, &plan, err);
    if (!nvm)
        return NULL;
    for (size_t i = 0; i < policy->nvm.range_count; i++) {
        char name[32], path[64];
        uint64_t start = 0, end = 0;
        if (place_range(machine, i, name, &start, &end, err))
            goto fail;
        snprintf(path, sizeof path, "power.nvm.ranges[%zu]: ", i);
        if (nvm_add_range(nvm, name, start, end, err)) {
            error_prefix(err, path);
            goto fail;
        }
    }
    if (add_regions(config, nvm, err))
        goto fail;
    return nvm;
fail:
    nvm_free(nvm);
    return NULL;
}

/* The range's number in the nvm, which keeps them by address. */
static size_t find_range(const struct machine *machine, const struct nvm *nvm, size_t index,
                         struct error *err)
{
    char name[32];
    uint64_t start, end;
    if (place_range(machine, index, name, &start, &end, err))
        return SIZE_MAX;
    for (size_t i = 0; i < nvm_range_count(nvm); i++)
        if (nvm_range(nvm, i)->start == start)
            return i;
    return SIZE_MAX;
}

int power_plan_load(struct machine *machine, struct nvm *nvm, struct error *err)
{
    const struct power_policy *policy = &machine->config->power;
    for (size_t i = 0; i < policy->nvm.range_count; i++) {
        const struct policy_nvm *range = &policy->nvm.ranges[i];
        if (!range->file || (range->save && access(range->file, F_OK)))
            continue;
        size_t number = find_range(machine, nvm, i, err);
        if (number == SIZE_MAX || nvm_load_file(nvm, number, range->file, err))
            return -1;
    }
    return 0;
}

int power_plan_save(struct machine *machine, const struct nvm *nvm, struct error *err)
{
    const struct power_policy *policy = &machine->config->power;
    for (size_t i = 0; i < policy->nvm.range_count; i++) {
        const struct policy_nvm *range = &policy->nvm.ranges[i];
        if (!range->save)
            continue;
        size_t number = find_range(machine, nvm, i, err);
        if (number == SIZE_MAX || nvm_save_file(nvm, number, range->file, err))
            return -1;
    }
    return 0;
}

/* ---- Cuts ---------------------------------------------------------------------------------- */

static struct nvm_variant variant_of(const struct policy_cut *cut)
{
    struct nvm_variant variant = {.units = cut->units, .seed = cut->dirty_seed};
    if (cut->torn)
        variant.store = cut->has_units ? NVM_STORE_UNITS : NVM_STORE_TORN;
    if (cut->has_dirty)
        variant.lines = cut->dirty == NVM_DIRTY_LOST   ? NVM_LINES_LOST
                        : cut->dirty == NVM_DIRTY_KEPT ? NVM_LINES_KEPT
                                                       : NVM_LINES_RANDOM;
    return variant;
}

static int place_cut(const struct machine *machine, size_t index, struct power_stops *stops,
                     struct cut_source *source, struct error *err)
{
    const struct policy_cut *cut = &machine->config->power.cuts[index];
    const struct clock *clock = &machine->clock;
    source->life = cut->each_life ? CUT_EACH_LIFE : cut->life;
    source->variant = variant_of(cut);
    if (cut->at.has_insn) {
        source->kind = CUT_INSN;
        source->nth = cut->at.insn;
    } else if (cut->at.has_time) {
        source->kind = CUT_TIME;
        source->nth = clock_ticks(clock, cut->at.time_ns);
        if (!source->nth)
            source->nth = 1;
    } else if (cut->at.has_nvm_write) {
        source->kind = CUT_NVM_WRITE;
        source->nth = cut->at.nvm_write;
    } else {
        char path[64];
        uint64_t address = 0;
        source->kind = CUT_SYMBOL;
        source->nth = cut->at.nth;
        source->symbol = (unsigned)stops->count;
        snprintf(path, sizeof path, "power.cuts[%zu].at.symbol", index);
        if (cut->at.symbol && power_plan_function(machine, path, cut->at.symbol, &address, err))
            return -1;
        if ((address + cut->at.offset) & 1)
            return error_set(err,
                             "%s: expected an even address, as instructions have, found 0x%" PRIx64,
                             path, address + cut->at.offset);
        stops->addresses[stops->count++] = address + cut->at.offset;
    }
    return 0;
}

/* At least one tick. */
static uint64_t ticks_of(const struct clock *clock, uint64_t ns)
{
    uint64_t ticks = clock_ticks(clock, ns);
    return ticks || !ns ? ticks : 1;
}

struct schedule *power_plan_schedule(struct machine *machine, struct power_stops *stops,
                                     struct error *err)
{
    const struct power_policy *policy = &machine->config->power;
    const struct clock *clock = &machine->clock;
    struct schedule *schedule = schedule_new();
    if (!schedule) {
        error_set(err, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < policy->cut_count; i++) {
        const struct policy_cut *cut = &policy->cuts[i];
        struct cut_source source = {
            .count = cut->count,
            .repeat = cut->repeat,
            .off = {.kind = CUT_OFF_FIXED,
                    .ticks = clock_ticks(clock, cut->has_off ? cut->off_ns : policy->off_ns)},
            .seed = policy->seed + i,
            .ticks = ticks_of(clock, cut->every_ns ? cut->every_ns : cut->mean_ns),
            .min = ticks_of(clock, cut->min_ns),
            .max = ticks_of(clock, cut->max_ns),
            .kind = cut->every_ns                       ? CUT_EVERY
                    : cut->random == POLICY_EXPONENTIAL ? CUT_EXPONENTIAL
                    : cut->random == POLICY_UNIFORM     ? CUT_UNIFORM
                                                        : CUT_LIST,
        };
        char place[40];
        snprintf(place, sizeof place, "power.cuts[%zu]: ", i);
        int failed = 0;
        if (cut->has_at)
            failed = place_cut(machine, i, stops, &source, err);
        else if (cut->list)
            failed = !(source.list =
                           list_load(cut->list, clock->rate, (enum list_unit)cut->list_unit, err));
        if (source.kind == CUT_UNIFORM && !source.min)
            source.min = 1;
        if (!failed && schedule_add(schedule, &source, err)) {
            list_free(source.list);
            error_prefix(err, place);
            failed = -1;
        }
        if (failed) {
            schedule_free(schedule);
            return NULL;
        }
    }
    return schedule;
}
