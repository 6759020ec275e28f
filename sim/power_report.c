/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/power_report.h"

#include <inttypes.h>
#include <stdio.h>

#include "sim/power_plan.h"
#include "sim/text.h"

#define MAX_LIVES 10000 /* that are listed one by one */
#define MAX_LINES 16    /* of wear */
#define MAX_BINS  256   /* of wear, of a range */

static const char *const end_names[] = {[LIFE_RUNS] = "runs",
                                        [LIFE_PLANNED] = "planned",
                                        [LIFE_BROWN_OUT] = "brown-out",
                                        [LIFE_LAST] = "last"};

static void add(cJSON *json, const char *name, uint64_t value)
{
    cJSON_AddNumberToObject(json, name, (double)value);
}

static void add_address(cJSON *json, const char *name, uint64_t address)
{
    char text[32];
    snprintf(text, sizeof text, "0x%" PRIx64, address);
    cJSON_AddStringToObject(json, name, text);
}

static void add_nj(cJSON *json, const char *name, uint64_t femtojoules)
{
    cJSON_AddNumberToObject(json, name, (double)femtojoules * 1e-6);
}

struct totals {
    uint64_t on, off, progress, torn; /* on, off: ticks */
};

static struct totals totals_of(const struct machine *machine)
{
    const struct lives *lives = machine->lives;
    struct totals totals = {0};
    for (size_t i = 0; i < lives_count(lives); i++) {
        const struct life *life = lives_at(lives, i);
        totals.on += life->on;
        totals.progress += life->progress;
        totals.torn += life->torn;
    }
    totals.off = machine->clock.now - totals.on;
    return totals;
}

static uint64_t cuts_of(const struct lives *lives)
{
    return lives_cuts(lives, LIFE_PLANNED) + lives_cuts(lives, LIFE_BROWN_OUT);
}

static void add_wear_map(cJSON *json, const struct nvm *nvm)
{
    cJSON *array = cJSON_AddArrayToObject(json, "map");
    for (size_t i = 0; i < nvm_range_count(nvm); i++) {
        struct nvm_wear_bin bins[MAX_BINS];
        size_t count = nvm_wear_map(nvm, i, bins, MAX_BINS);
        for (size_t k = 0; k < count; k++) {
            cJSON *object = cJSON_CreateObject();
            cJSON_AddStringToObject(object, "range", nvm_range(nvm, i)->name);
            add_address(object, "start", bins[k].start);
            add_address(object, "end", bins[k].end);
            add(object, "max", bins[k].max);
            cJSON_AddNumberToObject(object, "mean", (double)bins[k].total / (double)bins[k].lines);
            cJSON_AddItemToArray(array, object);
        }
    }
}

static void add_nvm(cJSON *json, const struct nvm *nvm, bool details)
{
    cJSON *ranges = details ? cJSON_AddArrayToObject(json, "ranges") : NULL;
    uint64_t reads = 0, writes = 0, medium = 0, read_bytes = 0, written_bytes = 0;
    char hash[2 * MEMORY_DIGEST_SIZE + 1];
    uint8_t digest[MEMORY_DIGEST_SIZE];
    for (size_t i = 0; i < nvm_range_count(nvm); i++) {
        const struct nvm_range *range = nvm_range(nvm, i);
        reads += range->reads;
        writes += range->writes;
        medium += range->medium_writes;
        read_bytes += range->read_bytes;
        written_bytes += range->written_bytes;
        if (!details)
            continue;
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "name", range->name);
        add_address(object, "start", range->start);
        add(object, "size", range->end - range->start);
        add(object, "reads", range->reads);
        add(object, "writes", range->writes);
        add(object, "medium_writes", range->medium_writes);
        cJSON_AddItemToArray(ranges, object);
    }
    add(json, "reads", reads);
    add(json, "writes", writes);
    add(json, "read_bytes", read_bytes);
    add(json, "written_bytes", written_bytes);
    add(json, "medium_writes", medium);
    const struct nvm_wear wear = nvm_wear(nvm);
    cJSON *worn = cJSON_AddObjectToObject(json, "wear");
    add(worn, "lines", wear.lines);
    add(worn, "worn", wear.worn);
    add(worn, "max", wear.max);
    cJSON_AddNumberToObject(worn, "mean", wear.mean);
    struct nvm_wear_line lines[MAX_LINES];
    size_t count = details ? nvm_wear_top(nvm, lines, MAX_LINES) : 0;
    cJSON *top = details ? cJSON_AddArrayToObject(worn, "most") : NULL;
    for (size_t i = 0; i < count; i++) {
        cJSON *object = cJSON_CreateObject();
        add_address(object, "line", lines[i].gpa);
        add(object, "writes", lines[i].writes);
        cJSON_AddItemToArray(top, object);
    }
    if (details)
        add_wear_map(worn, nvm);
    nvm_digest(nvm, digest);
    text_hex(digest, sizeof digest, hash);
    cJSON_AddStringToObject(json, "sha256", hash);
}

static void add_regions(cJSON *json, const struct energy *energy)
{
    static const char *const kinds[] = {
        [ACCESS_READ] = "reads", [ACCESS_WRITE] = "writes", [ACCESS_FETCH] = "fetches"};
    cJSON *array = cJSON_AddArrayToObject(json, "regions");
    for (size_t i = 0; i < energy_region_count(energy); i++) {
        const struct energy_region region = energy_region(energy, i);
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "name", region.name);
        cJSON_AddBoolToObject(object, "open", region.open);
        for (int kind = 0; kind < 3; kind++) {
            cJSON *part = cJSON_AddObjectToObject(object, kinds[kind]);
            add(part, "count", region.kinds[kind].count);
            add(part, "wait_cycles", region.kinds[kind].ticks);
            add_nj(part, "nj", region.kinds[kind].fj);
        }
        cJSON_AddItemToArray(array, object);
    }
}

static void add_functions(cJSON *json, const struct energy *energy)
{
    cJSON *array = cJSON_AddArrayToObject(json, "functions");
    for (size_t i = 0; i < energy_class_count(energy); i++) {
        const struct energy_class class = energy_class(energy, i);
        if (!class.insns)
            continue;
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "name", class.name);
        add(object, "instructions", class.insns);
        add(object, "cycles", class.ticks);
        add_nj(object, "nj", class.fj);
        cJSON_AddItemToArray(array, object);
    }
}

static void add_energy(cJSON *json, const struct lives *lives, bool details)
{
    const struct energy *energy = lives_energy(lives);
    const struct life_split spent = lives_spent(lives);
    const struct energy_causes causes = energy_causes(energy);
    add_nj(json, "total", energy_total(energy));
    add_nj(json, "useful", spent.useful);
    add_nj(json, "logging", spent.logging);
    add_nj(json, "recovery", spent.recovery);
    add_nj(json, "lost", spent.lost);
    add_nj(json, "sleep", spent.sleep);
    if (!details)
        return;
    cJSON *by = cJSON_AddObjectToObject(json, "by_kind");
    add_nj(by, "active", causes.active);
    add_nj(by, "fetch", causes.fetch);
    add_nj(by, "read", causes.read);
    add_nj(by, "write", causes.write);
    add_nj(by, "sleep", causes.sleep);
    add_regions(json, energy);
    add_functions(json, energy);
}

static void add_lives(cJSON *json, const struct machine *machine)
{
    const struct lives *lives = machine->lives;
    const struct clock *clock = &machine->clock;
    cJSON *array = cJSON_AddArrayToObject(json, "list");
    for (size_t i = 0; i < lives_count(lives) && i < MAX_LIVES; i++) {
        const struct life *life = lives_at(lives, i);
        char pc[96];
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "end", end_names[life->end]);
        if (life->end == LIFE_PLANNED && life->source != SIZE_MAX)
            add(object, "cut", life->source);
        add(object, "start_ns", clock_ns(clock, life->start));
        add(object, "on_ns", clock_ns(clock, life->on));
        add(object, "off_ns", clock_ns(clock, life->off));
        add(object, "instructions", life->insns);
        add(object, "nvm_writes", life->nvm_writes);
        add(object, "progress", life->progress);
        if (lives_energy(lives))
            add_nj(object, "nj", life->energy);
        if (lives_supply(lives)) {
            cJSON_AddNumberToObject(object, "volts_from", life->volts_from);
            cJSON_AddNumberToObject(object, "volts_to", life->volts_to);
        }
        symbols_format(machine->symbols, life->pc, pc, sizeof pc);
        cJSON_AddStringToObject(object, "pc", pc);
        if (life->torn)
            cJSON_AddBoolToObject(object, "torn", true);
        cJSON_AddItemToArray(array, object);
    }
    size_t listed = lives_count(lives) < MAX_LIVES ? lives_count(lives) : MAX_LIVES;
    add(json, "list_left_out", lives_count(lives) - listed);
}

/* Pairs of time in ns and volts; and the voltages at which the supply switches. */
static void add_voltage(cJSON *json, const struct machine *machine)
{
    const struct lives_sample *samples;
    size_t count = lives_samples(machine->lives, &samples);
    cJSON *array = cJSON_AddArrayToObject(json, "voltage");
    struct supply_config supply;
    cJSON *thresholds = cJSON_AddObjectToObject(json, "thresholds");
    power_plan_supply(&machine->config->power, &supply);
    cJSON_AddNumberToObject(thresholds, "on", supply.on_volts);
    cJSON_AddNumberToObject(thresholds, "off", supply.off_volts);
    for (size_t i = 0; i < count; i++) {
        const double pair[] = {(double)clock_ns(&machine->clock, samples[i].tick),
                               samples[i].volts};
        cJSON_AddItemToArray(array, cJSON_CreateDoubleArray(pair, 2));
    }
}

cJSON *power_report(const struct machine *machine, bool details)
{
    const struct lives *lives = machine->lives;
    const struct power_policy *policy = &machine->config->power;
    const struct totals totals = totals_of(machine);
    cJSON *json = cJSON_CreateObject();
    add(json, "lives", lives_count(lives));
    add(json, "cuts", cuts_of(lives));
    add(json, "planned", lives_cuts(lives, LIFE_PLANNED));
    add(json, "brown_outs", lives_cuts(lives, LIFE_BROWN_OUT));
    add(json, "torn", totals.torn);
    add(json, "on_time_ns", clock_ns(&machine->clock, totals.on));
    add(json, "off_time_ns", clock_ns(&machine->clock, totals.off));
    add(json, "progress", totals.progress);
    add(json, "lost_instructions", lives_lost_insns(lives));
    if (lives_verdict(lives)[0])
        cJSON_AddStringToObject(json, "verdict", lives_verdict(lives));
    add_nvm(cJSON_AddObjectToObject(json, "nvm"), lives_nvm(lives), details);
    if (lives_energy(lives))
        add_energy(cJSON_AddObjectToObject(json, "energy_nj"), lives, details);
    cJSON *counters = cJSON_AddObjectToObject(json, "counters");
    for (size_t i = 0; i < policy->counter_count; i++) {
        uint64_t hits, sum;
        lives_counter(lives, i, &hits, &sum);
        cJSON *object = cJSON_AddObjectToObject(counters, policy->counters[i].name);
        add(object, "hits", hits);
        if (policy->counters[i].sum)
            add(object, "sum", sum);
    }
    if (details)
        add_lives(json, machine);
    if (details && lives_supply(lives))
        add_voltage(json, machine);
    return json;
}
