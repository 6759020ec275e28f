/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "power/energy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/code.h"

#define NOWHERE (-1) /* in place of a region's index */

struct place {
    struct energy_region seen;
    uint64_t counts[2]; /* announced: ACCESS_READ, ACCESS_WRITE */
    uint32_t waits[2];  /* ticks on top of what the block was charged */
    int64_t surplus[2]; /* fJ, likewise */
};

/* What accesses cost a class on top of its tally. */
struct surplus {
    uint64_t ticks;
    int64_t fj;
    int home; /* the region that its code is in, or NOWHERE */
};

struct energy {
    struct memory *mem;
    struct clock *clock;
    struct cpu *cpu; /* NULL until attached */
    uint64_t cycle_fj, sleep_nw;
    struct energy_function *functions; /* by start */
    size_t function_count;
    struct place regions[ENERGY_MAX_REGIONS];
    size_t region_count;
    int first_open;           /* or NOWHERE */
    struct energy_costs open; /* what open regions cost; all 0 if there is none */
    struct surplus *classes;
    size_t class_count;
    uint64_t sleep_ticks;
};

/* ---- Where code and data lie --------------------------------------------------------------- */

static int region_at(const struct energy *energy, uint64_t gpa)
{
    for (size_t i = energy->region_count; i--;) {
        const struct energy_region *region = &energy->regions[i].seen;
        if (gpa - region->start < region->end - region->start)
            return (int)i;
    }
    return NOWHERE;
}

static const struct energy_function *function_at(const struct energy *energy, uint64_t pc)
{
    size_t low = 0, high = energy->function_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (energy->functions[middle].start <= pc)
            low = middle + 1;
        else
            high = middle;
    }
    return low && pc < energy->functions[low - 1].end ? &energy->functions[low - 1] : NULL;
}

unsigned energy_class_of(const struct energy *energy, uint64_t pc)
{
    const struct energy_function *function = function_at(energy, pc);
    if (function)
        return (unsigned)(function - energy->functions);
    int region = region_at(energy, pc);
    size_t code = region == NOWHERE ? energy->region_count : (size_t)region;
    return (unsigned)(energy->function_count + code);
}

/* The region that the code of a class is in, or NOWHERE. */
static int home_of(const struct energy *energy, size_t class)
{
    if (class < energy->function_count)
        return region_at(energy, energy->functions[class].start);
    class -= energy->function_count;
    return class < energy->region_count ? (int)class : NOWHERE;
}

static struct energy_cost fetch_cost(const struct energy *energy, int region)
{
    return region == NOWHERE ? (struct energy_cost){0} : energy->regions[region].seen.costs.fetch;
}

/* ---- As the guest runs --------------------------------------------------------------------- */

static void price(void *opaque, uint64_t pc, const struct block *block, struct cpu_price *price)
{
    const struct energy *energy = opaque;
    unsigned class = energy_class_of(energy, pc);
    uint32_t words = (block->size + 3u) / 4;
    *price = (struct cpu_price){
        .class = class,
        .ticks = block->cycles + words * fetch_cost(energy, home_of(energy, class)).ticks +
                 block->loads * energy->open.read.ticks + block->stores * energy->open.write.ticks,
        .energy = words,
    };
}

static void on_access(void *opaque, uint64_t gpa, unsigned size, enum access_kind kind,
                      uint64_t value)
{
    (void)size;
    (void)value;
    struct energy *energy = opaque;
    int index = region_at(energy, gpa);
    if (index == NOWHERE || kind > ACCESS_WRITE || !memory_power(energy->mem))
        return;
    struct place *region = &energy->regions[index];
    if (region->seen.open)
        return;
    region->counts[kind]++;
    energy->clock->now += region->waits[kind];
    if (!energy->cpu)
        return;
    const struct cpu_tally *tallies;
    unsigned running;
    if (cpu_tallies(energy->cpu, &tallies, &running) && running < energy->class_count) {
        energy->classes[running].ticks += region->waits[kind];
        energy->classes[running].fj += region->surplus[kind];
    }
}

void energy_sleep(struct energy *energy, uint64_t ticks)
{
    energy->sleep_ticks += ticks;
}

void energy_state(struct energy *energy, struct state_copy *copy)
{
    for (size_t i = 0; i < energy->region_count; i++)
        state_copy(copy, energy->regions[i].counts, sizeof energy->regions[i].counts);
    state_copy(copy, energy->classes, energy->class_count * sizeof *energy->classes);
    state_copy(copy, &energy->sleep_ticks, sizeof energy->sleep_ticks);
}

/* ---- Construction -------------------------------------------------------------------------- */

static int by_start(const void *left, const void *right)
{
    const struct energy_function *a = left, *b = right;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return a->end < b->end ? -1 : a->end > b->end;
}

struct energy *energy_new(const struct energy_options *options, struct error *err)
{
    struct energy *energy = calloc(1, sizeof *energy);
    size_t size = options->function_count * sizeof *energy->functions;
    struct energy_function *functions = malloc(size ? size : 1);
    struct memory_listener listener = {.access = on_access, .opaque = energy};
    if (!energy || !functions || memory_listen(options->mem, &listener)) {
        free(energy);
        free(functions);
        error_set(err, "out of memory");
        return NULL;
    }
    if (size)
        memcpy(functions, options->functions, size);
    qsort(functions, options->function_count, sizeof *functions, by_start);
    energy->mem = options->mem;
    energy->clock = options->clock;
    energy->cycle_fj = options->cycle_fj;
    energy->sleep_nw = options->sleep_nw;
    energy->functions = functions;
    energy->function_count = options->function_count;
    energy->first_open = NOWHERE;
    return energy;
}

void energy_free(struct energy *energy)
{
    if (!energy)
        return;
    free(energy->functions);
    free(energy->classes);
    free(energy);
}

static bool same(const struct energy_cost *a, const struct energy_cost *b)
{
    return a->ticks == b->ticks && a->fj == b->fj;
}

static int add_open(struct energy *energy, const struct energy_region *region, struct error *err)
{
    if (energy->first_open == NOWHERE) {
        energy->first_open = (int)energy->region_count;
        energy->open = region->costs;
        return 0;
    }
    if (same(&energy->open.read, &region->costs.read) &&
        same(&energy->open.write, &region->costs.write))
        return 0;
    return error_set(err,
                     "region \"%s\": expected accesses to cost what they do in \"%s\", as they are "
                     "not told apart; or count them",
                     region->name, energy->regions[energy->first_open].seen.name);
}

int energy_add_region(struct energy *energy, const char *name, uint64_t start, uint64_t end,
                      const struct energy_costs *costs, bool open, struct error *err)
{
    if (energy->region_count == ENERGY_MAX_REGIONS)
        return error_set(err, "region \"%s\": expected at most %d regions with costs", name,
                         ENERGY_MAX_REGIONS);
    if (start >= end)
        return error_set(err,
                         "region \"%s\": expected it to end after 0x%" PRIx64 ", found 0x%" PRIx64,
                         name, start, end);
    struct energy_region region = {.start = start, .end = end, .costs = *costs, .open = open};
    strncpy(region.name, name, sizeof region.name - 1);
    if (open && add_open(energy, &region, err))
        return -1;
    if (!open)
        memory_set_state(energy->mem, start, end - start, PAGE_PRECISE);
    energy->regions[energy->region_count++].seen = region;
    return 0;
}

static uint32_t above(uint32_t ticks, uint32_t charged)
{
    return ticks > charged ? ticks - charged : 0;
}

struct cpu_pricing energy_pricing(struct energy *energy, unsigned taken_branch)
{
    const struct energy_costs *open = &energy->open;
    for (size_t i = 0; i < energy->region_count; i++) {
        struct place *region = &energy->regions[i];
        const struct energy_costs *costs = &region->seen.costs;
        region->waits[ACCESS_READ] = above(costs->read.ticks, open->read.ticks);
        region->waits[ACCESS_WRITE] = above(costs->write.ticks, open->write.ticks);
        region->surplus[ACCESS_READ] = (int64_t)costs->read.fj - open->read.fj;
        region->surplus[ACCESS_WRITE] = (int64_t)costs->write.fj - open->write.fj;
    }
    return (struct cpu_pricing){
        .price = price,
        .opaque = energy,
        .classes = (unsigned)(energy->function_count + energy->region_count + 1),
        .taken_branch = taken_branch,
    };
}

int energy_attach(struct energy *energy, struct cpu *cpu, struct error *err)
{
    energy->class_count = energy->function_count + energy->region_count + 1;
    energy->classes = calloc(energy->class_count, sizeof *energy->classes);
    if (!energy->classes)
        return error_set(err, "out of memory");
    for (size_t i = 0; i < energy->class_count; i++)
        energy->classes[i].home = home_of(energy, i);
    energy->cpu = cpu;
    return 0;
}

/* ---- Totals -------------------------------------------------------------------------------- */

static size_t tallies_of(const struct energy *energy, const struct cpu_tally **tallies)
{
    size_t count = energy->cpu ? cpu_tallies(energy->cpu, tallies, NULL) : 0;
    return count < energy->class_count ? count : energy->class_count;
}

/* What blocks did in all; `words` and what they cost by the region that they were fetched from. */
struct sums {
    uint64_t ticks, loads, stores;
    uint64_t words[ENERGY_MAX_REGIONS];
};

static struct sums sum_up(const struct energy *energy)
{
    struct sums sums = {0};
    const struct cpu_tally *tallies;
    size_t count = tallies_of(energy, &tallies);
    for (size_t i = 0; i < count; i++) {
        int home = energy->classes[i].home;
        sums.ticks += tallies[i].ticks + energy->classes[i].ticks;
        sums.loads += tallies[i].loads;
        sums.stores += tallies[i].stores;
        if (home != NOWHERE)
            sums.words[home] += tallies[i].energy;
    }
    return sums;
}

/* Accesses that were not announced, hence went to open regions. */
static uint64_t open_count(const struct energy *energy, enum access_kind kind, uint64_t all)
{
    for (size_t i = 0; i < energy->region_count; i++) {
        uint64_t announced = energy->regions[i].counts[kind];
        all = all > announced ? all - announced : 0;
    }
    return all;
}

/* A region's reads or writes. */
static uint64_t count_of(const struct energy *energy, size_t index, enum access_kind kind,
                         const struct sums *sums)
{
    if ((int)index == energy->first_open)
        return open_count(energy, kind, kind == ACCESS_READ ? sums->loads : sums->stores);
    return energy->regions[index].counts[kind];
}

static const struct energy_cost *cost_of(const struct energy_region *region, unsigned kind)
{
    return kind == ACCESS_READ    ? &region->costs.read
           : kind == ACCESS_WRITE ? &region->costs.write
                                  : &region->costs.fetch;
}

static struct energy_region describe(const struct energy *energy, size_t index,
                                     const struct sums *sums)
{
    struct energy_region region = energy->regions[index].seen;
    for (unsigned kind = 0; kind < 3; kind++) {
        const struct energy_cost *cost = cost_of(&region, kind);
        uint64_t count = kind == ACCESS_FETCH
                             ? sums->words[index]
                             : count_of(energy, index, (enum access_kind)kind, sums);
        region.kinds[kind].count = count;
        region.kinds[kind].ticks = count * cost->ticks;
        region.kinds[kind].fj = count * cost->fj;
    }
    return region;
}

struct energy_causes energy_causes(const struct energy *energy)
{
    struct sums sums = sum_up(energy);
    struct energy_causes causes = {.ticks = sums.ticks, .sleep_ticks = energy->sleep_ticks};
    for (size_t i = 0; i < energy->region_count; i++) {
        struct energy_region region = describe(energy, i, &sums);
        causes.read += region.kinds[ACCESS_READ].fj;
        causes.write += region.kinds[ACCESS_WRITE].fj;
        causes.fetch += region.kinds[ACCESS_FETCH].fj;
        for (unsigned kind = 0; kind < 3; kind++)
            causes.wait_ticks += region.kinds[kind].ticks;
    }
    causes.active = sums.ticks * energy->cycle_fj;
    causes.sleep = (uint64_t)((unsigned __int128)energy->sleep_ticks * energy->sleep_nw * 1000000 /
                              energy->clock->rate);
    return causes;
}

uint64_t energy_total(const struct energy *energy)
{
    struct energy_causes causes = energy_causes(energy);
    return causes.active + causes.fetch + causes.read + causes.write + causes.sleep;
}

size_t energy_region_count(const struct energy *energy)
{
    return energy->region_count;
}

struct energy_region energy_region(const struct energy *energy, size_t index)
{
    struct sums sums = sum_up(energy);
    return describe(energy, index, &sums);
}

size_t energy_class_count(const struct energy *energy)
{
    return energy->function_count + energy->region_count + 1;
}

uint64_t energy_class_fj(const struct energy *energy, size_t index)
{
    const struct cpu_tally *tallies;
    if (index >= tallies_of(energy, &tallies))
        return 0;
    const struct cpu_tally *tally = &tallies[index];
    const struct surplus *surplus = &energy->classes[index];
    int64_t fj =
        (int64_t)(tally->loads * energy->open.read.fj + tally->stores * energy->open.write.fj +
                  tally->energy * fetch_cost(energy, surplus->home).fj) +
        surplus->fj;
    return (tally->ticks + surplus->ticks) * energy->cycle_fj + (fj > 0 ? (uint64_t)fj : 0);
}

uint64_t energy_announced_fj(const struct energy *energy, size_t region, enum access_kind kind)
{
    const struct place *place = &energy->regions[region];
    return place->counts[kind] * cost_of(&place->seen, kind)->fj;
}

struct energy_class energy_class(const struct energy *energy, size_t index)
{
    struct energy_class class = {.name = "other"};
    const struct cpu_tally *tallies;
    if (index < energy->function_count) {
        const struct energy_function *function = &energy->functions[index];
        class =
            (struct energy_class){function->name, true, function->start, function->end, 0, 0, 0};
    } else if (index - energy->function_count < energy->region_count) {
        const struct energy_region *region = &energy->regions[index - energy->function_count].seen;
        class = (struct energy_class){region->name, false, region->start, region->end, 0, 0, 0};
    }
    if (index >= tallies_of(energy, &tallies))
        return class;
    const struct cpu_tally *tally = &tallies[index];
    class.insns = tally->insns;
    class.ticks = tally->ticks + energy->classes[index].ticks;
    class.fj = energy_class_fj(energy, index);
    return class;
}
