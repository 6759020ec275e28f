/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "power/energy.h"
#include "power/list.h"
#include "power/supply.h"
#include "power/trace.h"
#include "sim/nearest.h"
#include "sim/power_plan.h"
#include "sim/text.h"
#include "sim/walk.h"

/* What one key alone does not tell, of section `power`. */

static bool power_of_two(uint64_t value)
{
    return value && !(value & (value - 1));
}

static const cJSON *section(const struct walk *walk, const char *name)
{
    const cJSON *power = cJSON_GetObjectItemCaseSensitive(walk->root, "power");
    return name ? cJSON_GetObjectItemCaseSensitive(power, name) : power;
}

static bool is_region(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->memory_count; i++)
        if (!strcmp(config->memory[i].name, name))
            return true;
    return false;
}

static int unknown_region(struct walk *walk, const char *name)
{
    char quoted[WALK_FOUND_SIZE];
    struct nearest search;
    nearest_init(&search, name);
    for (size_t i = 0; i < walk->config->memory_count; i++)
        nearest_offer(&search, walk->config->memory[i].name);
    return walk_fail(walk, "expected the name of a region in section `memory`, found %s%s%s%s",
                     text_quote(name, quoted, sizeof quoted),
                     search.best ? "; did you mean \"" : "", search.best ? search.best : "",
                     search.best ? "\"?" : "");
}

static int want_power_of_two(struct walk *walk, const char *path, unsigned value, bool or_zero)
{
    if (power_of_two(value) || (or_zero && !value))
        return 0;
    walk_at(walk, "%s", path);
    return walk_fail(walk, "expected a power of two%s, found %u", or_zero ? " or 0" : "", value);
}

/* One that is yet to be made needs a folder. */
static int check_nvm_file(struct walk *walk, const struct policy_nvm *range)
{
    char folder[PATH_MAX], quoted[WALK_FOUND_SIZE];
    if (!range->save || !access(range->file, F_OK))
        return walk_file(walk, range->file, range->save);
    const char *slash = strrchr(range->file, '/');
    int length = slash ? (int)(slash - range->file) + 1 : 2;
    snprintf(folder, sizeof folder, "%.*s", length, slash ? range->file : "./");
    if (!access(folder, W_OK))
        return 0;
    return walk_fail(walk, "expected a file that can be made, but %s: %s",
                     text_quote(folder, quoted, sizeof quoted), strerror(errno));
}

static int check_nvm(struct walk *walk)
{
    const struct power_policy *policy = &walk->config->power;
    for (size_t i = 0; i < policy->nvm.range_count; i++) {
        const struct policy_nvm *range = &policy->nvm.ranges[i];
        walk_at(walk, "power.nvm.ranges[%zu].region", i);
        if (range->region && !is_region(walk->config, range->region))
            return unknown_region(walk, range->region);
        walk_at(walk, "power.nvm.ranges[%zu].file", i);
        if (range->file && check_nvm_file(walk, range))
            return -1;
    }
    unsigned lines = policy->nvm.cache.lines, ways = policy->nvm.cache.ways;
    if (want_power_of_two(walk, "power.nvm.atomic", policy->nvm.atomic, false) ||
        want_power_of_two(walk, "power.nvm.wear_line", policy->nvm.wear_line, true) ||
        want_power_of_two(walk, "power.nvm.cache.lines", lines, true) ||
        want_power_of_two(walk, "power.nvm.cache.ways", ways, true) ||
        want_power_of_two(walk, "power.nvm.cache.line", policy->nvm.cache.line, false))
        return -1;
    walk_at(walk, "power.nvm.cache.%s", ways ? "ways" : "lines");
    if (lines && ways > lines)
        return walk_fail(walk, "expected at most as many ways as lines (%u), found %u", lines,
                         ways);
    if (!ways && lines > NVM_MAX_WAYS)
        return walk_fail(walk,
                         "expected at most %d lines in a fully associative cache (`ways` 0), "
                         "found %u",
                         NVM_MAX_WAYS, lines);
    return 0;
}

static int check_list(struct walk *walk, const struct policy_cut *cut)
{
    struct error err = {""};
    if (walk_file(walk, cut->list, false))
        return -1;
    struct cut_list *list =
        list_load(cut->list, walk->config->machine.clock_hz, cut->list_unit, &err);
    if (!list)
        return walk_fail(walk, "%s", err.text);
    bool absolute = list->absolute;
    list_free(list);
    if (absolute && cut->repeat)
        return walk_fail(walk, "%s: expected on-times to repeat, found times of the run",
                         cut->list);
    return 0;
}

static int check_random(struct walk *walk, const struct policy_cut *cut, size_t index)
{
    walk_at(walk, "power.cuts[%zu].random", index);
    if (!cut->random && !cut->has_at && !cut->every_ns && !cut->list)
        return walk_fail(walk, "expected \"exponential\" or \"uniform\", found \"none\"");
    walk_at(walk, "power.cuts[%zu]", index);
    if (cut->random == POLICY_EXPONENTIAL && !cut->mean_ns)
        return walk_fail(walk, "expected the key \"mean\" beside \"random\": \"exponential\"");
    if (cut->random == POLICY_UNIFORM && !cut->max_ns)
        return walk_fail(walk, "expected the key \"max\" beside \"random\": \"uniform\"");
    walk_at(walk, "power.cuts[%zu].mean", index);
    if (cut->random == POLICY_UNIFORM && cut->mean_ns)
        return walk_fail(walk, "expected it beside \"random\": \"exponential\" only");
    walk_at(walk, "power.cuts[%zu].max", index);
    if (cut->random && cut->max_ns && cut->max_ns < cut->min_ns)
        return walk_fail(walk, "expected at least \"min\", %" PRIu64 " ns, found %" PRIu64 " ns",
                         cut->min_ns, cut->max_ns);
    return 0;
}

static int check_cut(struct walk *walk, size_t index)
{
    const struct policy_cut *cut = &walk->config->power.cuts[index];
    if (check_random(walk, cut, index))
        return -1;
    if ((cut->torn || cut->has_dirty) && !cut->at.has_nvm_write) {
        walk_at(walk, "power.cuts[%zu].%s", index, cut->torn ? "torn" : "dirty");
        return walk_fail(walk, "expected it beside at.nvm_write only");
    }
    walk_at(walk, "power.cuts[%zu].units", index);
    if (cut->has_units && !cut->torn)
        return walk_fail(walk, "expected it beside \"torn\": true only");
    walk_at(walk, "power.cuts[%zu].dirty_seed", index);
    if (cut->dirty_seed && cut->dirty != NVM_DIRTY_RANDOM)
        return walk_fail(walk, "expected it beside \"dirty\": \"random\" only");
    if (cut->each_life && cut->life) {
        walk_at(walk, "power.cuts[%zu].each_life", index);
        return walk_fail(walk, "expected this key or \"life\", not both");
    }
    walk_at(walk, "power.cuts[%zu].list", index);
    return cut->list ? check_list(walk, cut) : 0;
}

/* The names of all presets, for a message. */
static int unknown_preset(struct walk *walk, const char *name, const char *(*at)(size_t))
{
    char known[200] = "", quoted[WALK_FOUND_SIZE];
    struct nearest search;
    size_t length = 0;
    nearest_init(&search, name);
    for (size_t i = 0; at(i); i++) {
        nearest_offer(&search, at(i));
        if (length < sizeof known)
            length += (size_t)snprintf(known + length, sizeof known - length, "%s%s",
                                       length ? ", " : "", at(i));
    }
    return walk_fail(walk, "expected one of %s, found %s%s%s%s", known,
                     text_quote(name, quoted, sizeof quoted),
                     search.best ? "; did you mean \"" : "", search.best ? search.best : "",
                     search.best ? "\"?" : "");
}

static const char *supply_name(size_t index)
{
    const struct supply_preset *preset = supply_preset_at(index);
    return preset ? preset->name : NULL;
}

static const char *energy_name(size_t index)
{
    const struct energy_preset *preset = energy_preset_at(index);
    return preset ? preset->name : NULL;
}

/* Blames the key that the message begins with: "supply.off: expected ...". */
static int supply_fail(struct walk *walk, const struct error *err)
{
    const char *rest = strstr(err->text, ": ");
    if (!rest)
        return walk_fail(walk, "%s", err->text);
    walk_at(walk, "power.%.*s", (int)(rest - err->text), err->text);
    return walk_fail(walk, "%s", rest + 2);
}

static int check_supply(struct walk *walk)
{
    const struct power_policy *policy = &walk->config->power;
    struct supply_config supply;
    struct error err = {""};
    if (!policy->supply.enabled)
        return 0;
    walk_at(walk, "power.supply");
    if (!policy->energy.enabled)
        return walk_fail(walk, "expected a section `power.energy` as well: what empties the "
                               "capacitor");
    walk_at(walk, "power.supply.preset");
    if (policy->supply.preset && !supply_preset(policy->supply.preset))
        return unknown_preset(walk, policy->supply.preset, supply_name);
    walk_at(walk, "power.supply");
    if (!policy->supply.preset &&
        !(policy->supply.has_capacitor && policy->supply.has_on && policy->supply.has_off))
        return walk_fail(walk, "expected a preset, or the keys \"capacitor\", \"on\" and \"off\"");
    power_plan_supply(policy, &supply);
    if (supply_check(&supply, &err))
        return supply_fail(walk, &err);
    walk_at(walk, "power.supply.trace");
    if (!policy->supply.trace)
        return 0;
    if (walk_file(walk, policy->supply.trace, false))
        return -1;
    struct trace *trace = power_plan_trace(policy, &err);
    if (!trace)
        return walk_fail(walk, "%s", err.text);
    trace_free(trace);
    return 0;
}

/* A role says all that accesses cost. */
static int check_role_alone(struct walk *walk, const cJSON *region)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, region)
    {
        if (!strcmp(item->string, "role") || !strcmp(item->string, "open"))
            continue;
        walk_at(walk, "power.energy.regions.%s.%s", region->string, item->string);
        return walk_fail(walk, "expected this key or \"role\", not both");
    }
    return 0;
}

static int check_energy(struct walk *walk)
{
    struct power_policy *policy = &walk->config->power;
    /* Names of functions alone, from a preset say, cost nothing. */
    policy->energy.enabled &= policy->energy.preset || policy->energy.has_cycle ||
                              policy->energy.has_sleep || policy->energy.region_count;
    if (!policy->energy.enabled)
        return 0;
    walk_at(walk, "power.energy");
    walk_at(walk, "machine.cycles");
    if (!walk->config->machine.cycles)
        return walk_fail(walk, "expected true beside `power.energy`, which is by cycles");
    walk_at(walk, "power.energy.preset");
    const struct energy_preset *preset = NULL;
    if (policy->energy.preset && !(preset = energy_preset(policy->energy.preset)))
        return unknown_preset(walk, policy->energy.preset, energy_name);
    walk_at(walk, "power.energy.preset");
    if (preset && !policy->energy.region_count)
        return walk_fail(walk, "expected the key \"regions\" beside it, which says what memory is "
                               "which of the preset's");
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(section(walk, "energy"), "regions");
    item = item ? item->child : NULL;
    for (size_t i = 0; i < policy->energy.region_count; i++, item = item->next) {
        struct policy_region *region = &policy->energy.regions[i];
        region->name = item->string;
        walk_at(walk, "power.energy.regions.%s", region->name);
        if (!is_region(walk->config, region->name))
            return unknown_region(walk, region->name);
        if (region->role && check_role_alone(walk, item))
            return -1;
        walk_at(walk, "power.energy.regions.%s.role", region->name);
        if (region->role && !(preset && energy_preset_costs(preset, region->role))) {
            char known[120] = "";
            size_t length = 0;
            for (size_t r = 0; preset && r < ENERGY_PRESET_ROLES && preset->regions[r].role; r++)
                length += (size_t)snprintf(known + length, sizeof known - length, "%s%s",
                                           length ? ", " : "", preset->regions[r].role);
            return walk_fail(walk, "expected %s%s, found \"%s\"",
                             preset ? "one of the preset's "
                                    : "the key \"preset\" beside `regions`",
                             known, region->role);
        }
    }
    return 0;
}

static void name_counters(struct walk *walk)
{
    struct power_policy *policy = &walk->config->power;
    const cJSON *item;
    size_t i = 0;
    cJSON_ArrayForEach(item, section(walk, "counters"))
    {
        policy->counters[i++].name = item->string;
    }
}

int walk_check_power(struct walk *walk)
{
    struct power_policy *policy = &walk->config->power;
    if (!section(walk, NULL))
        policy->enabled = false;
    if (!policy->enabled)
        return 0;
    walk_at(walk, "power");
    if (walk->config->recovery.enabled)
        return walk_fail(walk, "expected no section `recovery` that is enabled beside it");
    if (walk->config->machine.cpu == CPU_RV64GC)
        return walk_fail(walk, "expected a Cortex-M in `machine.cpu` or `machine.board`: a RISC-V "
                               "hart does not stop at the exact instruction");
    name_counters(walk);
    if (check_nvm(walk) || check_energy(walk) || check_supply(walk))
        return -1;
    for (size_t i = 0; i < policy->cut_count; i++)
        if (check_cut(walk, i))
            return -1;
    return 0;
}
