/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "power/schedule.h"

#include <inttypes.h>
#include <stdlib.h>

#include "power/random.h"

struct source {
    struct cut_source spec;
    struct random on, off; /* apart, so that one does not depend on how often the other is asked */
    uint64_t made;         /* cuts */
    uint64_t hits;         /* SYMBOL: of the run, or of the life */
    size_t entry;          /* LIST: of this life */
    /* When it ends this life; UINT64_MAX: not by this. */
    uint64_t insns, tick, nvm_write;
    bool hit;
};

struct schedule {
    struct source *sources;
    size_t count;
    uint64_t life; /* from 1 */
};

struct schedule *schedule_new(void)
{
    return calloc(1, sizeof(struct schedule));
}

void schedule_free(struct schedule *schedule)
{
    if (!schedule)
        return;
    for (size_t i = 0; i < schedule->count; i++)
        list_free(schedule->sources[i].spec.list);
    free(schedule->sources);
    free(schedule);
}

/* ---- What makes sense ---------------------------------------------------------------------- */

static int check_limits(const char *what, uint64_t min, uint64_t max, struct error *err)
{
    return min <= max ? 0
                      : error_set(err, "%s: expected min <= max, found %" PRIu64 " and %" PRIu64,
                                  what, min, max);
}

static int check(const struct cut_source *source, struct error *err)
{
    switch (source->kind) {
    case CUT_INSN:
    case CUT_TIME:
    case CUT_NVM_WRITE:
    case CUT_SYMBOL:
        return source->nth ? 0 : error_set(err, "expected 1 or more, found 0");
    case CUT_EVERY:
        return source->ticks ? 0 : error_set(err, "every: expected a time above 0, found 0");
    case CUT_EXPONENTIAL:
        if (!source->ticks)
            return error_set(err, "exponential: expected a mean above 0, found 0");
        return source->max ? check_limits("exponential", source->min, source->max, err) : 0;
    case CUT_UNIFORM:
        if (!source->max)
            return error_set(err, "uniform: expected max above 0, found 0");
        return check_limits("uniform", source->min, source->max, err);
    case CUT_LIST:
        if (!source->list || !source->list->count)
            return error_set(err, "list: expected at least one time, found none");
        if (source->repeat && source->list->absolute)
            return error_set(err, "list: expected on-times to repeat, found times of the run");
        return 0;
    }
    return error_set(err, "expected a kind of cut, found %u", (unsigned)source->kind);
}

static int check_off(const struct cut_off *off, struct error *err)
{
    if (off->kind == CUT_OFF_EXPONENTIAL && !off->ticks)
        return error_set(err, "off: expected a mean above 0, found 0");
    if (off->kind == CUT_OFF_UNIFORM || (off->kind == CUT_OFF_EXPONENTIAL && off->max))
        return check_limits("off", off->min, off->max, err);
    return 0;
}

int schedule_add(struct schedule *schedule, const struct cut_source *source, struct error *err)
{
    if (check(source, err) || check_off(&source->off, err))
        return -1;
    struct source *sources =
        realloc(schedule->sources, (schedule->count + 1) * sizeof *schedule->sources);
    if (!sources)
        return error_set(err, "out of memory");
    schedule->sources = sources;
    struct source *new = &sources[schedule->count++];
    *new = (struct source){.spec = *source,
                           .on.state = source->seed,
                           .off.state = ~source->seed,
                           .insns = UINT64_MAX,
                           .tick = UINT64_MAX,
                           .nvm_write = UINT64_MAX};
    if (source->kind != CUT_LIST)
        new->spec.list = NULL;
    return 0;
}

/* ---- When ---------------------------------------------------------------------------------- */

static uint64_t add(uint64_t a, uint64_t b)
{
    return a + b < a ? UINT64_MAX : a + b;
}

static uint64_t exponential(struct random *random, uint64_t mean, uint64_t min, uint64_t max)
{
    double value = random_exponential(random) * (double)mean;
    uint64_t ticks = value < 0x1p62 ? (uint64_t)(value + 0.5) : UINT64_C(1) << 62;
    if (max && ticks > max)
        ticks = max;
    return ticks < min ? min : ticks;
}

static uint64_t uniform(struct random *random, uint64_t min, uint64_t max)
{
    uint64_t span = max - min + 1;
    return span ? min + random_below(random, span) : random_next(random);
}

/* The random on-time of a life. Drawn in each life, whoever ends it. */
static uint64_t on_time(struct source *source)
{
    const struct cut_source *spec = &source->spec;
    uint64_t ticks = spec->kind == CUT_EVERY ? spec->ticks
                     : spec->kind == CUT_EXPONENTIAL
                         ? exponential(&source->on, spec->ticks, spec->min, spec->max)
                         : uniform(&source->on, spec->min, spec->max);
    return ticks ? ticks : 1;
}

static bool is_spent(const struct source *source)
{
    const struct cut_source *spec = &source->spec;
    bool once = spec->kind <= CUT_SYMBOL && spec->life != CUT_EACH_LIFE;
    return source->made && (once || source->made == spec->count);
}

/* The value of the counter at which the source is due. */
static uint64_t nth(const struct source *source, uint64_t life, uint64_t now)
{
    const struct cut_source *spec = &source->spec;
    if (spec->life == CUT_OF_RUN)
        return spec->nth > now ? spec->nth : UINT64_MAX;
    return spec->life == life || spec->life == CUT_EACH_LIFE ? add(now, spec->nth) : UINT64_MAX;
}

static uint64_t list_tick(struct source *source, uint64_t life, uint64_t now)
{
    const struct cut_list *list = source->spec.list;
    if (list->absolute) {
        while (source->entry < list->count && list->entries[source->entry].on <= now)
            source->entry++;
        return source->entry < list->count ? list->entries[source->entry].on : UINT64_MAX;
    }
    if (life > list->count && !source->spec.repeat)
        return UINT64_MAX;
    source->entry = (life - 1) % list->count;
    return add(now, list->entries[source->entry].on);
}

static void begin(struct source *source, uint64_t life, const struct cut_counters *now)
{
    source->insns = source->tick = source->nvm_write = UINT64_MAX;
    source->hit = false;
    if (source->spec.life != CUT_OF_RUN)
        source->hits = 0;
    if (is_spent(source))
        return;
    switch (source->spec.kind) {
    case CUT_INSN:
        source->insns = nth(source, life, now->insns);
        return;
    case CUT_TIME:
        source->tick = nth(source, life, now->tick);
        return;
    case CUT_NVM_WRITE:
        source->nvm_write = nth(source, life, now->nvm_writes);
        return;
    case CUT_SYMBOL:
        return;
    case CUT_LIST:
        source->tick = list_tick(source, life, now->tick);
        return;
    case CUT_EVERY:
    case CUT_EXPONENTIAL:
    case CUT_UNIFORM:
        source->tick = add(now->tick, on_time(source));
        return;
    }
}

static void find_next(const struct schedule *schedule, struct cut_next *next)
{
    *next = (struct cut_next){.insns = UINT64_MAX, .tick = UINT64_MAX, .nvm_write = UINT64_MAX};
    for (size_t i = 0; i < schedule->count; i++) {
        const struct source *source = &schedule->sources[i];
        if (source->insns < next->insns)
            next->insns = source->insns;
        if (source->tick < next->tick)
            next->tick = source->tick;
        if (source->nvm_write < next->nvm_write) {
            next->nvm_write = source->nvm_write;
            next->variant = source->spec.variant;
        }
    }
}

void schedule_begin_life(struct schedule *schedule, const struct cut_counters *now,
                         struct cut_next *next)
{
    schedule->life++;
    for (size_t i = 0; i < schedule->count; i++)
        begin(&schedule->sources[i], schedule->life, now);
    find_next(schedule, next);
}

void schedule_move(struct schedule *schedule, size_t source, uint64_t nth,
                   const struct nvm_variant *variant, const struct cut_counters *life,
                   struct cut_next *next)
{
    struct source *moved = &schedule->sources[source];
    moved->spec.nth = nth;
    moved->spec.variant = *variant;
    moved->made = 0;
    begin(moved, schedule->life, life);
    find_next(schedule, next);
}

bool schedule_hit(struct schedule *schedule, unsigned symbol)
{
    bool any = false;
    for (size_t i = 0; i < schedule->count; i++) {
        struct source *source = &schedule->sources[i];
        const struct cut_source *spec = &source->spec;
        if (spec->kind != CUT_SYMBOL || spec->symbol != symbol || is_spent(source))
            continue;
        bool counts =
            spec->life == CUT_OF_RUN || spec->life == CUT_EACH_LIFE || spec->life == schedule->life;
        if (counts && ++source->hits == spec->nth)
            any = source->hit = true;
    }
    return any;
}

/* ---- A cut --------------------------------------------------------------------------------- */

static uint64_t off_time(struct source *source)
{
    const struct cut_off *off = &source->spec.off;
    if (source->spec.kind == CUT_LIST && source->spec.list->has_off)
        return source->spec.list->entries[source->entry].off;
    switch (off->kind) {
    case CUT_OFF_EXPONENTIAL:
        return exponential(&source->off, off->ticks, off->min, off->max);
    case CUT_OFF_UNIFORM:
        return uniform(&source->off, off->min, off->max);
    default:
        return off->ticks;
    }
}

size_t schedule_cut(struct schedule *schedule, const struct cut_counters *now, uint64_t *off_ticks)
{
    *off_ticks = 0;
    for (size_t i = 0; i < schedule->count; i++) {
        struct source *source = &schedule->sources[i];
        if (now->insns < source->insns && now->tick < source->tick &&
            now->nvm_writes < source->nvm_write && !source->hit)
            continue;
        source->made++;
        *off_ticks = off_time(source);
        return i;
    }
    return CUT_UNPLANNED;
}

void schedule_state(struct schedule *schedule, struct state_copy *copy)
{
    size_t count = schedule->count;
    state_copy(copy, &schedule->count, sizeof schedule->count);
    for (size_t i = schedule->count; i < count; i++)
        list_free(schedule->sources[i].spec.list);
    state_copy(copy, schedule->sources, schedule->count * sizeof *schedule->sources);
    state_copy(copy, &schedule->life, sizeof schedule->life);
}
