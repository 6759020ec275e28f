/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/campaign/sweep_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "power/random.h"
#include "sim/attach.h"
#include "sim/expect.h"
#include "sim/lives.h"
#include "sim/power_plan.h"
#include "sim/summary.h"

#define SLACK_INSNS 1000000 /* so that a short golden run does not make for impatience */

/* ---- What is heard ------------------------------------------------------------------------- */

static struct nvm_hash with_standing(const struct sweep_run *run, struct nvm_hash hash)
{
    uint64_t standing = console_standing(run->console);
    hash.low ^= standing * UINT64_C(0xff51afd7ed558ccd);
    hash.high ^= standing * UINT64_C(0xc4ceb9fe1a85ec53);
    return hash;
}

struct nvm_hash sweep_run_state(const struct sweep_run *run)
{
    static const struct nvm_variant kept = {.lines = NVM_LINES_KEPT},
                                    lost = {.lines = NVM_LINES_LOST};
    const struct nvm *nvm = lives_nvm(run->machine->lives);
    struct nvm_hash now = nvm_hash_of_cut(nvm, &kept, NULL),
                    medium = nvm_hash_of_cut(nvm, &lost, NULL);
    now.low += medium.low * UINT64_C(0x9e3779b97f4a7c15);
    now.high += medium.high * UINT64_C(0x9e3779b97f4a7c15);
    return with_standing(run, now);
}

static void record(struct sweep_run *run, const struct nvm_store *store,
                   const struct nvm_variant *variant)
{
    const struct nvm *nvm = lives_nvm(run->machine->lives);
    const struct sweep_point point = {
        .state = with_standing(run, nvm_hash_of_cut(nvm, variant, store)),
        .position = machine_position(run->machine),
        .cut = {store->ordinal - run->life_start, *variant},
    };
    sweep_points_add(run->record, &point);
}

static void record_torn(struct sweep_run *run, const struct nvm_store *store)
{
    enum nvm_torn torn = (enum nvm_torn)run->config->power.nvm.torn;
    uint32_t all = (UINT32_C(1) << store->units) - 1;
    if (!run->config->sweep.torn || torn == NVM_TORN_NONE)
        return;
    for (uint32_t units = 1; units < all;
         units = torn == NVM_TORN_PREFIX ? 2 * units + 1 : units + 1) {
        const struct nvm_variant variant = {.store = NVM_STORE_UNITS, .units = units};
        record(run, store, &variant);
    }
}

/* Seeds that look different, and are short in a path. */
static uint64_t subset_seed(const struct sweep_run *run, uint64_t ordinal, unsigned subset)
{
    struct random random = {run->config->sweep.seed + ordinal * 1000 + subset};
    return random_next(&random) >> 40;
}

static void record_all(struct sweep_run *run, const struct nvm_store *store)
{
    static const struct nvm_variant whole, lost = {.lines = NVM_LINES_LOST},
                                           kept = {.lines = NVM_LINES_KEPT};
    if (run->config->power.nvm.cache.lines == 0 ||
        run->config->power.nvm.cache.dirty != NVM_DIRTY_RANDOM) {
        record(run, store, &whole);
        if (run->config->power.nvm.cache.lines == 0)
            record_torn(run, store);
        return;
    }
    record(run, store, &lost);
    record(run, store, &kept);
    for (unsigned i = 0; i < run->config->sweep.subsets; i++) {
        const struct nvm_variant variant = {.lines = NVM_LINES_RANDOM,
                                            .seed = subset_seed(run, store->ordinal, i)};
        record(run, store, &variant);
    }
}

static bool in_window(struct sweep_run *run)
{
    const struct config *config = run->config;
    uint64_t now = clock_ns(&run->machine->clock, run->machine->clock.now);
    if (!run->windowed)
        return true;
    if (run->window != WINDOW_OPEN || now < config->sweep.after_ns ||
        (config->sweep.before_ns && now >= config->sweep.before_ns))
        return false;
    if (++run->skipped < config->sweep.every)
        return false;
    run->skipped = 0;
    return true;
}

static void on_store(void *opaque, const struct nvm_store *store)
{
    struct sweep_run *run = opaque;
    if (store->ordinal == run->awaited) {
        struct cpu *core = run->machine->harts[0];
        run->cut_pc = core->ops->pc(core);
        run->cut_store = *store;
    }
    if (run->record && in_window(run))
        record_all(run, store);
}

static void on_watched(void *opaque, unsigned hart, uint64_t pc)
{
    (void)hart;
    struct sweep_run *run = opaque;
    if (pc == run->until && run->window == WINDOW_OPEN)
        run->window = WINDOW_CLOSED;
    if (pc == run->from && run->window == WINDOW_BEFORE)
        run->window = WINDOW_OPEN;
    if (pc != run->recovered || run->has_recovered || lives_count(run->machine->lives) < 2 ||
        nvm_frozen(lives_nvm(run->machine->lives)))
        return;
    run->has_recovered = true;
    run->recovered_state = sweep_run_state(run);
    run->recovered_writes = nvm_writes(lives_nvm(run->machine->lives));
    if (run->stop_recovered)
        cpu_hold_at(run->machine->harts[0], 0);
}

/* ---- The machine --------------------------------------------------------------------------- */

/* What counts is when the guest stores what; all else of the config stays. */
static void prepare(struct config *config)
{
    struct power_policy *power = &config->power;
    memset(power->cuts, 0, sizeof power->cuts);
    power->cut_count = config->sweep.depth;
    for (unsigned i = 0; i < config->sweep.depth; i++) {
        power->cuts[i].has_at = power->cuts[i].at.has_nvm_write = true;
        power->cuts[i].at.nvm_write = UINT64_MAX;
        power->cuts[i].life = i + 1;
    }
    power->cuts_from = NULL;
    power->supply.enabled = false;
    power->stuck_lives = power->max_lives = 0;
    power->nvm.wear_line = 0;
    for (size_t i = 0; i < power->nvm.range_count; i++)
        power->nvm.ranges[i].save = false;
}

static int watch(struct sweep_run *run, const char *key, const char *name, uint64_t *address,
                 struct error *err)
{
    *address = UINT64_MAX;
    if (!name)
        return 0;
    if (power_plan_function(run->machine, key, name, address, err))
        return -1;
    return cpu_watch(run->machine->harts[0], *address) ? error_set(err, "out of memory") : 0;
}

static int listen(struct sweep_run *run, struct error *err)
{
    const struct config *config = run->config;
    const struct cpu_listener listener = {.watched = on_watched, .opaque = run};
    run->awaited = UINT64_MAX;
    run->window = config->sweep.from ? WINDOW_BEFORE : WINDOW_OPEN;
    if (watch(run, "sweep.from", config->sweep.from, &run->from, err) ||
        watch(run, "sweep.until", config->sweep.until, &run->until, err) ||
        watch(run, "power.recovered", config->power.recovered, &run->recovered, err))
        return -1;
    if (cpu_listen(run->machine->harts[0], &listener))
        return error_set(err, "too many listeners");
    nvm_hash_begin(lives_hashed_nvm(run->machine->lives), on_store, run);
    return 0;
}

struct sweep_run *sweep_run_new(struct config *config, struct error *err)
{
    struct sweep_run *run = calloc(1, sizeof *run);
    if (!run) {
        error_set(err, "out of memory");
        return NULL;
    }
    prepare(config);
    run->config = config;
    run->machine = machine_new(config, err);
    bool failed = !run->machine;
    if (!failed && !nvm_range_count(lives_nvm(run->machine->lives)))
        failed = error_set(err, "power.nvm: expected memory that survives a power cut, found none");
    if (!failed)
        failed = !(run->console = attach_silent_console(run->machine, err));
    if (!failed)
        failed = listen(run, err) || machine_start(run->machine, err) ||
                 !(run->golden = golden_new(run->machine, err));
    if (!failed)
        return run;
    sweep_run_free(run);
    return NULL;
}

void sweep_run_free(struct sweep_run *run)
{
    if (!run)
        return;
    for (size_t i = 0; run->uncut && i < run->config->expect.memory_count; i++)
        free(run->uncut[i]);
    free(run->uncut);
    free(run->nvm);
    sweep_points_free(&run->points);
    sweep_states_free(&run->known);
    golden_free(run->golden);
    machine_free(run->machine);
    console_free(run->console);
    free(run);
}

/* ---- The golden run ------------------------------------------------------------------------ */

/* Picks `sample` writes of those in the list, with all their variants, by chance. */
static void draw(const struct sweep_run *run, struct sweep_points *points)
{
    uint64_t sample = run->config->sweep.sample, writes = 0, last = 0;
    for (size_t i = 0; i < points->count; last = points->all[i++].cut.write)
        writes += points->all[i].cut.write != last;
    if (!sample || sample >= writes)
        return;
    /* Selection sampling (Knuth, volume 2, 3.4.2, algorithm S): in order, each subset as likely. */
    struct random random = {run->config->sweep.seed};
    uint64_t wanted = sample, left = writes;
    size_t kept = 0;
    bool take = false;
    last = 0;
    for (size_t i = 0; i < points->count; i++) {
        const struct sweep_point point = points->all[i];
        if (point.cut.write != last) {
            take = random_below(&random, left--) < wanted;
            wanted -= take;
        }
        last = point.cut.write;
        if (take)
            points->all[kept++] = point;
    }
    points->count = kept;
}

/* Of equal states the first stays. */
static int unite(struct sweep_run *run, struct sweep_points *points, struct error *err)
{
    size_t kept = 0;
    run->chosen = points->count;
    for (size_t i = 0; i < points->count; i++) {
        int is_new = sweep_states_add(&run->known, points->all[i].state);
        if (is_new < 0)
            return error_set(err, "out of memory");
        if (is_new)
            points->all[kept++] = points->all[i];
    }
    points->count = kept;
    return 0;
}

/* What the end of the golden run is needed for later. */
static int keep_end(struct sweep_run *run, struct error *err)
{
    const struct nvm *nvm = lives_nvm(run->machine->lives);
    const struct config *config = run->config;
    size_t size = 0, at = 0;
    for (size_t i = 0; i < nvm_range_count(nvm); i++)
        size += nvm_range(nvm, i)->end - nvm_range(nvm, i)->start;
    run->nvm = malloc(size);
    run->uncut = calloc(config->expect.memory_count + 1, sizeof *run->uncut);
    if (!run->nvm || !run->uncut)
        return error_set(err, "out of memory");
    for (size_t i = 0; i < nvm_range_count(nvm); i++) {
        const struct nvm_range *range = nvm_range(nvm, i);
        memory_read(run->machine->mem, range->start, run->nvm + at, range->end - range->start);
        at += range->end - range->start;
    }
    for (size_t i = 0; i < config->expect.memory_count; i++) {
        uint64_t gpa, bytes;
        if (!config->expect.memory[i].uncut)
            continue;
        if (expect_place(run->machine, i, &gpa, &bytes, err))
            return -1;
        run->uncut[i] = malloc(bytes);
        if (!run->uncut[i])
            return error_set(err, "out of memory");
        memory_read(run->machine->mem, gpa, run->uncut[i], bytes);
    }
    run->writes = nvm_writes(nvm);
    run->insns = machine_insns(run->machine);
    run->tick = run->machine->clock.now;
    return 0;
}

int sweep_run_golden(struct sweep_run *run, struct error *err)
{
    char text[400];
    struct error fault = {""};
    run->record = &run->points;
    run->windowed = true;
    enum machine_end end = machine_go(run->machine, UINT64_MAX, NULL, NULL, &fault);
    run->record = NULL;
    run->windowed = false;
    if (end == END_FAULT)
        return error_set(err, "%s", fault.text);
    const char *failure =
        end == END_LOCKED ? fault.text : summary_judge(run->machine, text, sizeof text);
    if (failure) {
        error_set(err, "the run without power cuts fails: %s", failure);
        return 1;
    }
    if (run->points.lost)
        return error_set(err, "out of memory");
    if (!run->points.count) {
        error_set(err, "sweep: expected stores to non-volatile memory where cuts are wanted, found "
                       "none in the run without power cuts");
        return 1;
    }
    draw(run, &run->points);
    if (keep_end(run, err) || unite(run, &run->points, err))
        return -1;
    run->config->run.max_insns = 0; /* sweep_run_limit() from now on */
    return golden_back(run->golden, err);
}

/* ---- Branches ------------------------------------------------------------------------------ */

/* The first point at that write or behind it. */
static size_t find_write(const struct sweep_run *run, uint64_t write)
{
    size_t low = 0, high = run->points.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (run->points.all[middle].cut.write < write)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t sweep_run_before(const struct sweep_run *run, uint64_t write)
{
    size_t next = find_write(run, write);
    if (next < run->points.count && run->points.all[next].cut.write == write)
        return run->points.all[next].position;
    return next ? run->points.all[next - 1].position : 0;
}

const struct sweep_point *sweep_run_point(const struct sweep_run *run, const struct sweep_cut *cut)
{
    size_t low = find_write(run, cut->write);
    for (; low < run->points.count && run->points.all[low].cut.write == cut->write; low++) {
        const struct nvm_variant *variant = &run->points.all[low].cut.variant;
        if (variant->store == cut->variant.store && variant->units == cut->variant.units &&
            variant->lines == cut->variant.lines && variant->seed == cut->variant.seed)
            return &run->points.all[low];
    }
    return NULL;
}

int sweep_run_seek(struct sweep_run *run, const struct sweep_path *path, uint64_t position,
                   struct error *err)
{
    if (golden_seek(run->golden, position, err))
        return -1;
    run->awaited = run->life_start = 0;
    run->has_recovered = false;
    for (unsigned i = 0; i < path->count; i++) {
        const struct sweep_cut *cut = &path->cuts[i];
        lives_move_cut(run->machine->lives, i, cut->write, &cut->variant);
        run->awaited += cut->write;
    }
    return 0;
}

uint64_t sweep_run_limit(const struct sweep_run *run)
{
    return machine_insns(run->machine) + run->config->sweep.patience * run->insns + SLACK_INSNS;
}

/* The first of expect.memory that is not as after the golden run. */
static bool differs(const struct sweep_run *run, char *text, size_t size)
{
    for (size_t i = 0; i < run->config->expect.memory_count; i++)
        if (run->uncut[i] && expect_differs(run->machine, i, run->uncut[i], text, size))
            return true;
    return false;
}

/* The machine has come to its end, or has been stopped as it came to none. */
static int judge(struct sweep_run *run, struct sweep_verdict *verdict, struct error *err)
{
    struct machine *machine = run->machine;
    if (machine->end == END_FAULT)
        return error_set(err, "%s", run->fault.text);
    if (machine->end == END_NONE)
        machine->end = END_LIMIT;
    *verdict = (struct sweep_verdict){0};
    const char *failure = machine->end == END_LOCKED
                              ? run->fault.text
                              : summary_judge(machine, verdict->text, sizeof verdict->text);
    verdict->failed = failure || differs(run, verdict->text, sizeof verdict->text);
    if (failure && failure != verdict->text)
        snprintf(verdict->text, sizeof verdict->text, "%.511s", failure);
    if (!verdict->failed)
        return 0;
    const struct symbol *symbol = symbols_at(machine->symbols, run->cut_pc, NULL);
    if (symbol)
        snprintf(verdict->where, sizeof verdict->where, "%.150s", symbol->name);
    else
        snprintf(verdict->where, sizeof verdict->where, "0x%llx", (unsigned long long)run->cut_pc);
    return 0;
}

/* Up to `insns`, or to an end. */
static void go(struct sweep_run *run, uint64_t insns)
{
    if (run->machine->end == END_NONE)
        (void)machine_go(run->machine, insns, NULL, NULL, &run->fault);
}

int sweep_run_finish(struct sweep_run *run, struct sweep_verdict *verdict, struct error *err)
{
    go(run, sweep_run_limit(run));
    return judge(run, verdict, err);
}

void sweep_run_to_life(struct sweep_run *run, size_t life)
{
    struct machine *machine = run->machine;
    while (machine->end == END_NONE && lives_count(machine->lives) < life)
        go(run, machine_insns(machine) + 1);
    run->life_start = nvm_writes(lives_nvm(machine->lives));
}

int sweep_run_recover(struct sweep_run *run, const struct sweep_point *point,
                      struct nvm_hash *state, struct sweep_verdict *verdict, struct error *err)
{
    const struct sweep_path path = {.cuts = {point->cut}, .count = 1};
    if (sweep_run_seek(run, &path, point->position, err))
        return -1;
    run->stop_recovered = true;
    go(run, sweep_run_limit(run));
    run->stop_recovered = false;
    if (!run->has_recovered)
        return judge(run, verdict, err);
    *state = run->recovered_state;
    return 1;
}
