/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/lives_state.h"

/* What the lives of a machine were spent on, and whether they get anywhere. */

/* ---- Events in the guest ------------------------------------------------------------------- */

static void on_watched(void *opaque, unsigned hart, uint64_t pc)
{
    (void)hart;
    struct lives *lives = opaque;
    if (lives->failing)
        return;
    for (size_t i = 0; i < lives->watch_count; i++) {
        const struct lives_watch *watch = &lives->watches[i];
        if (watch->address != pc)
            continue;
        if (watch->progress) {
            lives->lives[lives->count - 1].progress++;
            lives->progress = lives_mark(lives);
            for (struct lives_observer *one = lives->observers; one; one = one->next)
                one->progress(one->opaque);
        }
        if (watch->from && lives->planned == CUTS_NOT_YET) {
            lives->planned = CUTS_BEGIN;
            lives->machine->clock.deadline = 0; /* leave the engine at the next block */
        }
        if (watch->flush)
            nvm_flush(lives->nvm);
        if (watch->counter >= 0) {
            lives->counters[watch->counter].hits++;
            lives->last_counter = (size_t)watch->counter + 1;
        }
        if (watch->sum >= 0)
            lives->counters[watch->counter].sum +=
                cpu_general(lives->machine->harts[0], (unsigned)watch->sum);
    }
}

const char *lives_watched(const struct lives *lives, uint64_t pc)
{
    for (size_t i = 0; i < lives->watch_count; i++) {
        const struct lives_watch *watch = &lives->watches[i];
        if (watch->address == pc && watch->counter >= 0)
            return lives->policy->counters[watch->counter].name;
        if (watch->address == pc && watch->progress)
            return "progress";
    }
    return NULL;
}

static int add_watch(struct lives *lives, const char *path, const char *name,
                     struct lives_watch watch, struct error *err)
{
    size_t length = strlen(name);
    bool optional = length && name[length - 1] == '?';
    char plain[256];
    snprintf(plain, sizeof plain, "%.*s", (int)(optional ? length - 1 : length), name);
    if (optional && !symbols_named(lives->machine->symbols, plain))
        return 0;
    if (power_plan_function(lives->machine, path, plain, &watch.address, err))
        return -1;
    if (cpu_watch(lives->machine->harts[0], watch.address))
        return error_set(err, "out of memory");
    lives->watches[lives->watch_count++] = watch;
    return 0;
}

int lives_watch(struct lives *lives, struct error *err)
{
    const struct power_policy *policy = lives->policy;
    struct cpu *core = lives->machine->harts[0];
    char path[80];
    for (size_t i = 0; i < policy->progress_count; i++) {
        const struct lives_watch watch = {.progress = true, .counter = -1, .sum = -1};
        snprintf(path, sizeof path, "power.progress[%zu]", i);
        if (add_watch(lives, path, policy->progress[i], watch, err))
            return -1;
    }
    if (policy->cuts_from) {
        const struct lives_watch watch = {.from = true, .counter = -1, .sum = -1};
        if (add_watch(lives, "power.cuts_from", policy->cuts_from, watch, err))
            return -1;
    }
    if (policy->nvm.cache.flush) {
        const struct lives_watch watch = {.flush = true, .counter = -1, .sum = -1};
        if (add_watch(lives, "power.nvm.cache.flush", policy->nvm.cache.flush, watch, err))
            return -1;
    }
    for (size_t i = 0; i < policy->counter_count; i++) {
        const struct policy_counter *counter = &policy->counters[i];
        struct lives_watch watch = {.counter = (int)i, .sum = -1};
        snprintf(path, sizeof path, "power.counters.%s.sum", counter->name);
        if (counter->sum && (watch.sum = cpu_general_number(core, counter->sum)) < 0)
            return error_set(err, "%s: expected a general register such as \"r1\", found \"%s\"",
                             path, counter->sum);
        snprintf(path, sizeof path, "power.counters.%s.symbol", counter->name);
        if (add_watch(lives, path, counter->symbol, watch, err))
            return -1;
    }
    const struct cpu_listener listener = {.watched = on_watched, .opaque = lives};
    if (lives->watch_count && cpu_listen(core, &listener))
        return error_set(err, "too many listeners");
    return 0;
}

/* ---- Causes -------------------------------------------------------------------------------- */

static bool matches(const struct policy_patterns *patterns, const char *name)
{
    for (size_t i = 0; i < patterns->count; i++) {
        size_t length = strlen(patterns->names[i]);
        bool any = length && patterns->names[i][length - 1] == '*';
        if (any ? !strncmp(patterns->names[i], name, length - 1)
                : !strcmp(patterns->names[i], name))
            return true;
    }
    return false;
}

static int find_classes(const struct lives *lives, const char *key,
                        const struct policy_patterns *patterns, unsigned **classes, size_t *count,
                        struct error *err)
{
    size_t all = energy_class_count(lives->energy);
    *classes = calloc(all + 1, sizeof **classes);
    if (!*classes)
        return error_set(err, "out of memory");
    for (size_t i = 0; i < all; i++) {
        const struct energy_class class = energy_class(lives->energy, i);
        if (class.function && matches(patterns, class.name))
            (*classes)[(*count)++] = (unsigned)i;
    }
    if (patterns->count && !*count)
        return error_set(err, "power.energy.%s: the kernel has no function \"%s\"", key,
                         patterns->names[0]);
    return 0;
}

int lives_find_causes(struct lives *lives, struct error *err)
{
    const struct power_policy *policy = lives->policy;
    if (!lives->energy)
        return 0;
    return find_classes(lives, "logging", &policy->energy.logging, &lives->logging,
                        &lives->logging_count, err) ||
                   find_classes(lives, "recovery", &policy->energy.recovery, &lives->recovery,
                                &lives->recovery_count, err)
               ? -1
               : 0;
}

static bool is_one_of(const unsigned *classes, size_t count, unsigned class)
{
    for (size_t i = 0; i < count; i++)
        if (classes[i] == class)
            return true;
    return false;
}

bool lives_is_logging(const struct lives *lives, unsigned class)
{
    return is_one_of(lives->logging, lives->logging_count, class);
}

bool lives_is_recovery(const struct lives *lives, unsigned class)
{
    return is_one_of(lives->recovery, lives->recovery_count, class);
}

void lives_observe(struct lives *lives, struct lives_observer *observer)
{
    observer->next = lives->observers;
    lives->observers = observer;
}

static uint64_t energy_of(const struct lives *lives, const unsigned *classes, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += energy_class(lives->energy, classes[i]).fj;
    return sum;
}

struct lives_mark lives_mark(const struct lives *lives)
{
    struct lives_mark mark = {.insns = machine_insns(lives->machine)};
    if (!lives->energy)
        return mark;
    const struct energy_causes causes = energy_causes(lives->energy);
    mark.total = causes.active + causes.fetch + causes.read + causes.write + causes.sleep;
    mark.sleep = causes.sleep;
    mark.logging = energy_of(lives, lives->logging, lives->logging_count);
    mark.recovery = energy_of(lives, lives->recovery, lives->recovery_count);
    return mark;
}

void lives_settle(struct lives *lives, bool cut)
{
    const struct lives_mark now = lives_mark(lives), *begin = &lives->begin;
    const struct lives_mark *end = cut ? &lives->progress : &now; /* of what was of use */
    struct life_split *spent = &lives->spent;
    uint64_t logging = end->logging - begin->logging, recovery = end->recovery - begin->recovery;
    uint64_t before = end->sleep - begin->sleep, after = now.sleep - end->sleep;
    spent->logging += logging;
    spent->recovery += recovery;
    spent->sleep += before + after;
    spent->useful += end->total - begin->total - logging - recovery - before;
    spent->lost += now.total - end->total - after;
    lives->lost_insns += now.insns - end->insns;
    for (struct lives_observer *one = lives->observers; one; one = one->next)
        one->over(one->opaque, cut);
}

/* ---- Progress ------------------------------------------------------------------------------ */

/* Where most of the last cuts fell. */
static void name_place(const struct lives *lives, char *name, size_t size)
{
    size_t seen = lives->count < LIVES_PCS ? lives->count : LIVES_PCS, best = 0, most = 0;
    const struct symbols *symbols = lives->machine->symbols;
    for (size_t i = 0; i < seen; i++) {
        size_t same = 0;
        for (size_t j = 0; j < seen; j++)
            same += symbols_at(symbols, lives->pcs[i], NULL) ==
                    symbols_at(symbols, lives->pcs[j], NULL);
        if (same > most) {
            most = same;
            best = i;
        }
    }
    const struct symbol *symbol = symbols_at(symbols, lives->pcs[best], NULL);
    if (symbol)
        snprintf(name, size, "%s (%zu of the last %zu cuts)", symbol->name, most, seen);
    else
        snprintf(name, size, "0x%llx", (unsigned long long)lives->pcs[best]);
}

static void write_verdict(struct lives *lives)
{
    const struct life *life = &lives->lives[lives->count - 1];
    char place[160], given[80] = "";
    name_place(lives, place, sizeof place);
    if (lives->energy)
        snprintf(given, sizeof given, " and %.3g uJ", (double)life->energy * 1e-9);
    snprintf(lives->verdict, sizeof lives->verdict,
             "no progress in %llu lives: power fails in %s, after %.4g ms%s%s",
             (unsigned long long)lives->stuck, place,
             (double)clock_ns(&lives->machine->clock, life->on) * 1e-6, given,
             nvm_range_count(lives->nvm) ? "" : "; no memory is non-volatile");
}

bool lives_are_stuck(struct lives *lives)
{
    const struct life *life = &lives->lives[lives->count - 1];
    bool progress = life->progress > 0;
    lives->pcs[(lives->count - 1) % LIVES_PCS] = life->pc;
    if (!lives->policy->stuck_lives)
        return false;
    if (!lives->policy->progress_count) {
        uint64_t print = nvm_fingerprint(lives->nvm);
        progress = true;
        for (size_t i = 0; i < LIVES_FINGERPRINTS && i + 1 < lives->count; i++)
            progress &= lives->fingerprints[i] != print;
        lives->fingerprints[(lives->count - 1) % LIVES_FINGERPRINTS] = print;
    }
    lives->stuck = progress ? 0 : lives->stuck + 1;
    if (lives->stuck < lives->policy->stuck_lives)
        return false;
    write_verdict(lives);
    return true;
}
