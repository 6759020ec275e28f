/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <stdlib.h>
#include <string.h>

#include "recovery/log.h"

/*
 * The undo log against a model that cannot be wrong: a list of every byte that was ever stored and
 * of who did it. What memory should be after an undo is what comes out when the list is played
 * without those who are undone. Memory is driven as recovery/track.c drives it.
 */
#define PAGE         UINT64_C(1024)
#define PAGES        12
#define SIZE         (PAGES * PAGE)
#define BASE         UINT64_C(0x80000000)
#define LINEAGES     4
#define MAX_DEPTH    6
#define MAX_OWNERS   (LINEAGES * MAX_DEPTH)
#define CHECKPOINTS  8
#define NOBODY       (-1)
#define BIT(owner)   (UINT32_C(1) << (owner))
#define STEPS        4000
#define NUMBER_SEEDS 18

struct owner {
    struct log_owner log; /* first: the log knows owners by it */
    bool used;
    unsigned lineage;
    uint64_t begun;
    bool spoilt; /* somebody whom nobody undoes wrote over what it wrote: not to be undone alone */
};

/* Threads: owners one within the other, or one behind the other. 0 is outside of all. */
struct lineage {
    uint64_t epoch;
    int stack[MAX_DEPTH];
    unsigned depth;
};

struct change {
    uint32_t at;
    int owner;
    uint8_t value;
};

static struct model {
    struct memory *mem;
    struct log *log;
    uint64_t random;
    struct owner owners[MAX_OWNERS];
    struct lineage lineages[LINEAGES + 1];
    unsigned active;
    bool exempt;
    bool torture; /* there are checkpoints, and nobody commits because of an access */

    uint8_t base[SIZE], now[SIZE];
    struct change *changes; /* to base */
    size_t change_count, change_room;
    struct {
        uint64_t position;
        size_t change_count;
        uint8_t memory[SIZE];
    } checkpoints[CHECKPOINTS];
    size_t checkpoint_count;

    uint64_t undone, rewound, shared, reclaimed, forgotten, absorbed, spoilt; /* how often */
} model;

static uint32_t number(uint32_t below)
{
    model.random ^= model.random << 13;
    model.random ^= model.random >> 7;
    model.random ^= model.random << 17;
    return (uint32_t)(model.random >> 32) % below;
}

static int top_of(const struct lineage *lineage)
{
    return lineage->depth ? lineage->stack[lineage->depth - 1] : NOBODY;
}

static int logger(void)
{
    return model.exempt ? NOBODY : top_of(&model.lineages[model.active]);
}

static void enter(unsigned lineage, bool exempt)
{
    model.active = lineage;
    model.exempt = exempt;
    bool owns = logger() != NOBODY;
    memory_enter(model.mem, owns ? lineage : 0, model.lineages[exempt ? 0 : lineage].epoch);
}

static void renew(struct lineage *lineage)
{
    lineage->epoch = memory_new_epoch(model.mem);
}

/* ---- The list of changes ---- */

static void record(uint32_t at, unsigned size, uint64_t value, int owner)
{
    for (unsigned i = 0; i < size; i++) {
        if (model.change_count == model.change_room) {
            model.change_room = model.change_room ? 2 * model.change_room : 1024;
            model.changes = realloc(model.changes, model.change_room * sizeof model.changes[0]);
            cr_assert_not_null(model.changes);
        }
        model.now[at + i] = (uint8_t)(value >> 8 * i);
        model.changes[model.change_count++] =
            (struct change){.at = at + i, .owner = owner, .value = model.now[at + i]};
    }
}

/* Memory if all changes had been made but those of some owners. */
static void play(uint32_t without, uint8_t memory[SIZE])
{
    memcpy(memory, model.base, SIZE);
    for (size_t i = 0; i < model.change_count; i++) {
        const struct change *change = &model.changes[i];
        if (change->owner == NOBODY || !(without & BIT(change->owner)))
            memory[change->at] = change->value;
    }
}

/* Which owners changed each byte; and on whom each owner depends, if asked. */
static void look(uint32_t changed_by[SIZE], uint32_t needs[MAX_OWNERS])
{
    memset(changed_by, 0, SIZE * sizeof changed_by[0]);
    for (size_t i = 0; i < model.change_count; i++) {
        const struct change *change = &model.changes[i];
        if (change->owner == NOBODY)
            continue;
        if (needs)
            needs[change->owner] |= changed_by[change->at] & ~BIT(change->owner);
        changed_by[change->at] |= BIT(change->owner);
    }
}

static void find_needs(uint32_t needs[MAX_OWNERS])
{
    static uint32_t changed_by[SIZE];
    memset(needs, 0, MAX_OWNERS * sizeof needs[0]);
    look(changed_by, needs);
    for (unsigned n = 1; n <= LINEAGES; n++) {
        const struct lineage *lineage = &model.lineages[n];
        for (unsigned i = 1; i < lineage->depth; i++)
            needs[lineage->stack[i]] |= BIT(lineage->stack[i - 1]);
    }
}

/* The owner and all that must have committed before it may. */
static uint32_t all_needs(int owner)
{
    uint32_t needs[MAX_OWNERS], set = BIT(owner), before = 0;
    find_needs(needs);
    while (set != before) {
        before = set;
        for (int i = 0; i < MAX_OWNERS; i++)
            if (set & BIT(i))
                set |= needs[i];
    }
    return set;
}

static uint32_t all_dependents(int owner)
{
    uint32_t needs[MAX_OWNERS], set = BIT(owner), before = 0;
    find_needs(needs);
    while (set != before) {
        before = set;
        for (int i = 0; i < MAX_OWNERS; i++)
            if (model.owners[i].used && (needs[i] & set))
                set |= BIT(i);
    }
    return set;
}

/* ---- Owners ---- */

static void drop_owner(int owner)
{
    struct lineage *lineage = &model.lineages[model.owners[owner].lineage];
    unsigned kept = 0;
    for (unsigned i = 0; i < lineage->depth; i++)
        if (lineage->stack[i] != owner)
            lineage->stack[kept++] = lineage->stack[i];
    lineage->depth = kept;
    cr_assert_null(model.owners[owner].log.first);
    cr_assert_not(model.owners[owner].log.known);
    model.owners[owner].used = false;
}

static void rename_changes(int from, int to)
{
    for (size_t i = 0; i < model.change_count; i++)
        if (model.changes[i].owner == from)
            model.changes[i].owner = to;
}

static void begin(struct lineage *lineage)
{
    if (lineage->depth == MAX_DEPTH)
        return;
    int owner = 0;
    while (model.owners[owner].used)
        owner++;
    model.owners[owner] = (struct owner){.used = true,
                                         .lineage = (unsigned)(lineage - model.lineages),
                                         .begun = log_position(model.log)};
    lineage->stack[lineage->depth++] = owner;
    renew(lineage);
}

static void absorb(struct lineage *lineage)
{
    if (lineage->depth < 2)
        return;
    int child = top_of(lineage), parent = lineage->stack[lineage->depth - 2];
    log_absorb(model.log, &model.owners[parent].log, &model.owners[child].log);
    model.owners[parent].spoilt |= model.owners[child].spoilt;
    rename_changes(child, parent);
    drop_owner(child);
    model.absorbed++;
}

static void commit(int owner)
{
    uint32_t set = all_needs(owner);
    int first = (int)number(MAX_OWNERS); /* any order will do */
    for (int n = 0; n < MAX_OWNERS; n++) {
        int i = (first + n) % MAX_OWNERS;
        if (!(set & BIT(i)))
            continue;
        log_commit(model.log, &model.owners[i].log);
        rename_changes(i, NOBODY);
        drop_owner(i);
    }
}

static int any_owner(void)
{
    int owner = (int)number(MAX_OWNERS);
    return model.owners[owner].used ? owner : NOBODY;
}

/* ---- Checkpoints ---- */

static void renew_all(void)
{
    for (unsigned i = 0; i <= LINEAGES; i++)
        renew(&model.lineages[i]);
}

static void checkpoint(void)
{
    if (model.checkpoint_count == CHECKPOINTS)
        return;
    size_t n = model.checkpoint_count++;
    model.checkpoints[n].position = log_checkpoint(model.log);
    model.checkpoints[n].change_count = model.change_count;
    memcpy(model.checkpoints[n].memory, model.now, SIZE);
    renew_all();
}

static void remove_checkpoint(size_t n)
{
    log_remove_checkpoint(model.log, model.checkpoints[n].position);
    model.checkpoint_count--;
    memmove(&model.checkpoints[n], &model.checkpoints[n + 1],
            (model.checkpoint_count - n) * sizeof model.checkpoints[0]);
}

static void rewind_to(size_t n)
{
    uint64_t position = model.checkpoints[n].position;
    cr_assert_eq(log_undo_to(model.log, position), 0);
    memcpy(model.now, model.checkpoints[n].memory, SIZE);
    model.change_count = model.checkpoints[n].change_count;
    model.checkpoint_count = n + 1;
    for (int i = 0; i < MAX_OWNERS; i++) {
        if (!model.owners[i].used || model.owners[i].begun < position)
            continue;
        cr_assert_null(model.owners[i].log.first);
        log_commit(model.log, &model.owners[i].log);
        drop_owner(i);
    }
    if (number(2))
        remove_checkpoint(n);
    renew_all();
    model.rewound++;
}

static void undo(int owner)
{
    uint32_t set = all_dependents(owner);
    struct log_owner *owners[MAX_OWNERS];
    size_t count = 0, kept = 0, first = model.change_count;
    for (int i = 0; i < MAX_OWNERS; i++) {
        if (!(set & BIT(i)))
            continue;
        if (model.owners[i].spoilt)
            return;
        owners[count++] = &model.owners[i].log;
    }
    for (size_t i = count; i > 1; i--) {
        size_t other = number((uint32_t)i);
        struct log_owner *swapped = owners[i - 1];
        owners[i - 1] = owners[other];
        owners[other] = swapped;
    }
    play(set, model.now);
    for (size_t i = 0; i < model.change_count; i++) {
        const struct change *change = &model.changes[i];
        bool goes = change->owner != NOBODY && (set & BIT(change->owner));
        if (goes && first == model.change_count)
            first = i;
        if (!goes)
            model.changes[kept++] = *change;
    }
    /* There is no way back into the midst of what is undone. */
    for (size_t n = model.checkpoint_count; n > 0; n--)
        if (model.checkpoints[n - 1].change_count > first)
            remove_checkpoint(n - 1);
    model.change_count = kept;
    cr_assert_geq(log_undo(model.log, owners, count), 0);
    for (int i = 0; i < MAX_OWNERS; i++) {
        if (!(set & BIT(i)))
            continue;
        renew(&model.lineages[model.owners[i].lineage]);
        drop_owner(i);
    }
    model.undone++;
}

/* ---- What memory announces: as in recovery/track.c ---- */

static void on_released(void *opaque, uint64_t page_gpa, bool was_shared)
{
    (void)opaque;
    memory_own(model.mem, page_gpa, 0);
    if (was_shared)
        memory_set_state(model.mem, page_gpa, 1, PAGE_ARMED);
}

static void on_first_write(void *opaque, uint64_t page_gpa, const uint8_t *contents)
{
    (void)opaque;
    int owner = logger();
    struct log_owner *log = owner == NOBODY ? NULL : &model.owners[owner].log;
    cr_assert_eq(log_save_page(model.log, log, page_gpa, contents), 0);
    if (log)
        memory_own(model.mem, page_gpa, model.active);
}

static void on_conflict(void *opaque, uint64_t page_gpa)
{
    (void)opaque;
    memory_own(model.mem, page_gpa, 0);
    memory_set_state(model.mem, page_gpa, 1, PAGE_PRECISE);
    cr_assert_eq(log_share(model.log, page_gpa), 0);
    model.shared++;
}

static uint32_t lineage_of(const struct log_owner *owner)
{
    return ((const struct owner *)owner)->lineage;
}

/* Somebody whom nobody undoes touches the bytes: the writers commit, or can no longer be undone. */
static void lose_writers(uint64_t gpa, unsigned size)
{
    struct log_owner *writers[LOG_MAX_WRITERS];
    size_t count = log_writers(model.log, gpa, size, writers);
    for (size_t i = 0; i < count; i++) {
        int owner = (int)((struct owner *)writers[i] - model.owners);
        if (!model.owners[owner].used)
            continue; /* went with one before it */
        if (model.torture) {
            model.owners[owner].spoilt = true;
            model.spoilt++;
        } else {
            commit(owner);
        }
    }
}

static void forget(uint64_t gpa, unsigned size)
{
    log_forget_bytes(model.log, gpa, size);
    for (size_t i = 0; i < model.change_count; i++)
        if (model.changes[i].at - (gpa - BASE) < size)
            model.changes[i].owner = NOBODY;
    model.forgotten++;
}

static void access_word(uint64_t gpa, unsigned size, bool store)
{
    int owner = logger();
    if (owner == NOBODY && (!model.exempt || model.torture))
        lose_writers(gpa, size);
    if (!store)
        return;
    if (owner != NOBODY)
        cr_assert_eq(log_save_bytes(model.log, &model.owners[owner].log, gpa, size), 0);
    else if (model.torture)
        cr_assert_eq(log_save_bytes(model.log, NULL, gpa, size), 0);
    else
        forget(gpa, size);
}

static void on_access(void *opaque, uint64_t gpa, unsigned size, enum access_kind kind,
                      uint64_t value)
{
    (void)opaque;
    uint64_t page = gpa & ~(PAGE - 1);
    bool store = kind == ACCESS_WRITE;
    if (!log_is_shared(model.log, page) ||
        (store && !memcmp(model.now + (gpa - BASE), &value, size)))
        return;
    if (logger() != NOBODY && log_reclaim(model.log, page, model.active, lineage_of)) {
        memory_set_state(model.mem, page, 1, PAGE_ARMED);
        memory_own(model.mem, page, model.active);
        model.reclaimed++;
    }
    unsigned in_word = 8 - (unsigned)(gpa & 7), first = size < in_word ? size : in_word;
    access_word(gpa, first, store);
    if (size > first)
        access_word(gpa + first, size - first, store);
}

/* ---- Accesses ---- */

static void store(uint32_t at, unsigned size, uint64_t value)
{
    if (size < 8)
        value &= (UINT64_C(1) << 8 * size) - 1;
    struct grant grant = memory_translate(model.mem, BASE + at, ACCESS_WRITE, true);
    cr_assert(grant.write);
    bool changes = memcmp(model.now + at, &value, size);
    if (grant.precise)
        memory_access(model.mem, BASE + at, size, ACCESS_WRITE, value);
    else
        cr_assert_eq(memory_write(model.mem, BASE + at, &value, size), 0);
    if (changes || !grant.precise)
        record(at, size, value, logger());
}

static void load(uint32_t at, unsigned size)
{
    uint64_t value = 0, expected = 0;
    memcpy(&expected, model.now + at, size);
    if (memory_translate(model.mem, BASE + at, ACCESS_READ, true).precise)
        value = memory_access(model.mem, BASE + at, size, ACCESS_READ, 0);
    else
        memory_read(model.mem, BASE + at, &value, size);
    cr_assert_eq(value, expected);
}

/* Mostly a few words of each page, so that everybody meets everybody. */
static void access_something(uint32_t page)
{
    static const unsigned sizes[] = {1, 2, 4, 8};
    unsigned size = sizes[number(4)];
    uint32_t offset = number(8) ? number(24) : number((uint32_t)PAGE);
    if (offset + size > PAGE)
        offset = (uint32_t)PAGE - size;
    uint32_t at = page * (uint32_t)PAGE + offset;
    if (!number(4))
        load(at, size);
    else if (number(4))
        store(at, size, (uint64_t)number(UINT32_MAX) << 32 | number(UINT32_MAX));
    else
        store(at, size, number(2)); /* often what was there before */
}

static void access_some(void)
{
    unsigned lineage = number(40) ? 1 + number(LINEAGES) : 0;
    while (lineage && !model.lineages[lineage].depth && number(20))
        lineage = 1 + number(LINEAGES); /* seldom outside of all owners */
    bool exempt = !number(30);
    uint32_t page = number(PAGES);
    for (unsigned i = number(10) ? 1 + number(4) : 150; i > 0; i--) {
        enter(lineage, exempt);
        access_something(page);
    }
    enter(0, false);
}

/* ---- Checks ---- */

static void compare(const char *what)
{
    const uint8_t *memory = memory_host(model.mem, BASE, SIZE);
    for (uint32_t i = 0; i < SIZE; i++)
        cr_assert_eq(memory[i], model.now[i], "%s: at 0x%x found 0x%02x, expected 0x%02x", what, i,
                     memory[i], model.now[i]);
}

/* The writers of bytes of shared pages have written them, and where there are none nothing would
 * come of an undo (but in torture, what somebody outside stored hides what is below). */
static void check_writers(void)
{
    static uint32_t changed_by[SIZE];
    static uint8_t settled[SIZE];
    look(changed_by, NULL);
    play(UINT32_MAX, settled);
    for (uint32_t at = 0; at < SIZE; at++) {
        struct log_owner *writers[LOG_MAX_WRITERS];
        if (!log_is_shared(model.log, BASE + at / PAGE * PAGE))
            continue;
        if (log_writers(model.log, BASE + at, 1, writers))
            cr_assert(changed_by[at] & BIT((struct owner *)writers[0] - model.owners));
        else if (!model.torture)
            cr_assert_eq(settled[at], model.now[at], "0x%x", at);
    }
}

static void check_sums(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < MAX_OWNERS; i++)
        sum += model.owners[i].used ? model.owners[i].log.bytes : 0;
    if (model.checkpoint_count)
        cr_assert_leq(sum, log_bytes(model.log));
    else
        cr_assert_eq(sum, log_bytes(model.log));
}

/* When all is settled, nothing is left. */
static void settle(void)
{
    for (int i = 0; i < MAX_OWNERS; i++)
        if (model.owners[i].used)
            commit(i);
    while (model.checkpoint_count)
        remove_checkpoint(number((uint32_t)model.checkpoint_count));
    cr_assert_eq(log_bytes(model.log), 0);
    for (unsigned page = 0; page < PAGES; page++) {
        cr_assert_eq(memory_owner(model.mem, BASE + page * PAGE), 0);
        cr_assert_neq(memory_state(model.mem, BASE + page * PAGE), PAGE_PRECISE);
        cr_assert_not(log_is_shared(model.log, BASE + page * PAGE));
    }
    memcpy(model.base, model.now, SIZE);
    model.change_count = 0;
}

/* Returns what was done. */
static const char *step(void)
{
    struct lineage *lineage = &model.lineages[1 + number(LINEAGES)];
    uint32_t what = number(1000);
    int owner = any_owner();
    size_t n = model.checkpoint_count ? number((uint32_t)model.checkpoint_count) : 0;
    if (what < 100) {
        begin(lineage);
        return "begin";
    }
    if (what < 130) {
        absorb(lineage);
        return "absorb";
    }
    if (what < 150) {
        if (owner != NOBODY)
            commit(owner);
        return "commit";
    }
    if (what < 200) {
        if (owner != NOBODY)
            undo(owner);
        return "undo";
    }
    if (what < 220) {
        if (model.torture)
            checkpoint();
        return "checkpoint";
    }
    if (what < 230) {
        if (model.checkpoint_count)
            remove_checkpoint(n);
        return "remove a checkpoint";
    }
    if (what < 240) {
        if (model.checkpoint_count)
            rewind_to(n);
        return "back to a checkpoint";
    }
    if (what < 244) {
        log_collect(model.log);
        return "collect";
    }
    if (what < 246) {
        settle();
        return "settle";
    }
    access_some();
    return "accesses";
}

ParameterizedTestParameters(log_model, random_steps)
{
    static uint64_t seeds[NUMBER_SEEDS];
    for (size_t i = 0; i < NUMBER_SEEDS; i++)
        seeds[i] = i + 1;
    return cr_make_param_array(uint64_t, seeds, NUMBER_SEEDS);
}

ParameterizedTest(uint64_t *seed, log_model, random_steps)
{
    model.random = *seed * UINT64_C(0x9e3779b97f4a7c15);
    model.mem = memory_new(10);
    cr_assert_not_null(model.mem);
    cr_assert_eq(memory_add(model.mem, "ram", BASE, SIZE, REGION_RAM, false, NULL), 0);
    const struct memory_listener listener = {
        .first_write = on_first_write, .conflict = on_conflict, .access = on_access};
    cr_assert_eq(memory_listen(model.mem, &listener), 0);
    struct arena *arena = arena_open(ARENA_RESERVE, NULL);
    cr_assert_not_null(arena);
    model.log = log_new(arena, model.mem, on_released, NULL);
    cr_assert_not_null(model.log);
    model.torture = *seed % 3;
    renew_all();
    enter(0, false);

    for (unsigned i = 0; i < STEPS; i++) {
        compare(step());
        check_sums();
        if (!number(16))
            check_writers();
    }
    /* It has been everywhere. */
    cr_expect_gt(model.undone, 5, "%lu", model.undone);
    cr_expect_gt(model.absorbed, 10, "%lu", model.absorbed);
    cr_expect_gt(model.shared, 100, "%lu", model.shared);
    cr_expect_gt(model.reclaimed, 4, "%lu", model.reclaimed);
    cr_expect(model.rewound > 5 || !model.torture);
    cr_expect(model.spoilt > 5 || !model.torture);
    cr_expect(model.forgotten > 5 || model.torture);
    settle();
    compare("memory");

    arena_close(arena);
    memory_free(model.mem);
    free(model.changes);
}
