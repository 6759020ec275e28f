/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "mem/journal.h"
#include "power/random.h"

#define PAGE   1024u
#define RAM    UINT64_C(0x20000000)
#define OTHER  UINT64_C(0x30000000)
#define ROM    UINT64_C(0x1000)
#define PAGES  12 /* of each */
#define SIZE   (PAGES * PAGE)
#define EPOCHS 4
#define DEPTH  6

static const uint64_t bases[] = {RAM, OTHER, ROM};

/* A memory, and what a TLB was granted; stores that it lets through go past the memory. */
struct bench {
    struct memory *mem;
    struct error err;
    bool granted[3][PAGES];
    uint64_t seen;
    uint64_t epochs[EPOCHS];
    unsigned first_writes, accesses, conflicts, loaded, code_changed, code[3][PAGES];
};

static unsigned region_of(uint64_t gpa)
{
    return gpa >= OTHER ? 1 : gpa >= RAM ? 0 : 2;
}

static void on_first_write(void *opaque, uint64_t page, const uint8_t *contents)
{
    struct bench *bench = opaque;
    bench->first_writes += (unsigned)(page >> 10) + contents[0];
}

static void on_access(void *opaque, uint64_t gpa, unsigned size, enum access_kind kind,
                      uint64_t value)
{
    struct bench *bench = opaque;
    bench->accesses += (unsigned)(gpa * 7 + size + kind + value);
}

static void on_conflict(void *opaque, uint64_t page)
{
    struct bench *bench = opaque;
    bench->conflicts++;
    memory_own(bench->mem, page, 0);
}

static void on_loaded(void *opaque, uint64_t gpa, uint64_t length)
{
    struct bench *bench = opaque;
    bench->loaded += (unsigned)(gpa + length);
}

static void on_code_changed(void *opaque, uint64_t page)
{
    struct bench *bench = opaque;
    unsigned region = region_of(page);
    bench->code_changed++;
    bench->code[region][(page - bases[region]) / PAGE]++;
}

static void open_bench(struct bench *bench)
{
    *bench = (struct bench){.mem = memory_new(10)};
    cr_assert(bench->mem);
    const struct memory_listener listener = {
        on_first_write, on_access, on_conflict, on_loaded, NULL, on_code_changed, bench};
    cr_assert_not(memory_add(bench->mem, "ram", RAM, SIZE, REGION_RAM, false, &bench->err));
    cr_assert_not(memory_add(bench->mem, "other", OTHER, SIZE, REGION_RAM, true, &bench->err));
    cr_assert_not(memory_add(bench->mem, "rom", ROM, SIZE, REGION_ROM, false, &bench->err));
    cr_assert_not(memory_listen(bench->mem, &listener));
    for (unsigned i = 1; i < EPOCHS; i++)
        bench->epochs[i] = memory_new_epoch(bench->mem);
}

static uint8_t *host(struct bench *bench, uint64_t gpa)
{
    const struct region *region = memory_find(bench->mem, gpa);
    return region->host + (gpa - region->base);
}

static void mark(struct bench *bench)
{
    cr_assert_not(memory_mark(bench->mem, &bench->err), "%s", bench->err.text);
}

static void rewind_to(struct bench *bench)
{
    cr_assert_not(memory_rewind(bench->mem, &bench->err), "%s", bench->err.text);
}

static void put(struct bench *bench, uint64_t gpa, uint8_t value)
{
    cr_assert_not(memory_write(bench->mem, gpa, &value, 1));
}

/* ---- One thing at a time ------------------------------------------------------------------- */

Test(journal, goes_back_as_often_as_wanted)
{
    struct bench bench;
    open_bench(&bench);
    put(&bench, RAM + 5, 1);
    mark(&bench);
    for (unsigned i = 0; i < 3; i++) {
        put(&bench, RAM + 5, 2);
        put(&bench, RAM + PAGE, 3);
        cr_expect_eq(memory_kept_pages(bench.mem), 2);
        rewind_to(&bench);
        cr_expect_eq(*host(&bench, RAM + 5), 1);
        cr_expect_eq(*host(&bench, RAM + PAGE), 0);
        cr_expect_eq(memory_kept_pages(bench.mem), 0);
    }
    memory_unmark(bench.mem);
    memory_free(bench.mem);
}

Test(journal, what_a_dropped_mark_kept_goes_to_the_one_below)
{
    struct bench bench;
    open_bench(&bench);
    mark(&bench);
    put(&bench, RAM, 1);
    mark(&bench);
    put(&bench, RAM, 2);
    put(&bench, RAM + PAGE, 2);
    cr_expect_eq(memory_kept_pages(bench.mem), 3);
    memory_unmark(bench.mem);
    cr_expect_eq(memory_kept_pages(bench.mem), 2);
    cr_expect_eq(*host(&bench, RAM), 2);
    rewind_to(&bench);
    cr_expect_eq(*host(&bench, RAM), 0);
    cr_expect_eq(*host(&bench, RAM + PAGE), 0);
    put(&bench, RAM, 7);
    memory_unmark(bench.mem);
    cr_expect_eq(memory_kept_pages(bench.mem), 0);
    cr_expect_eq(*host(&bench, RAM), 7);
    memory_free(bench.mem);
}

Test(journal, a_tlb_may_write_to_what_is_kept_only)
{
    struct bench bench;
    open_bench(&bench);
    cr_assert(memory_translate(bench.mem, RAM, ACCESS_READ, true).write);
    uint64_t before = *memory_withdrawals(bench.mem);
    mark(&bench);
    cr_expect_gt(*memory_withdrawals(bench.mem), before);
    cr_expect_not(memory_translate(bench.mem, RAM, ACCESS_READ, true).write);
    cr_expect(memory_translate(bench.mem, RAM, ACCESS_WRITE, true).write);
    cr_expect_eq(memory_kept_pages(bench.mem), 1);
    cr_expect(memory_translate(bench.mem, RAM, ACCESS_READ, true).write);
    before = *memory_withdrawals(bench.mem);
    rewind_to(&bench);
    cr_expect_gt(*memory_withdrawals(bench.mem), before);
    cr_expect_not(memory_translate(bench.mem, RAM, ACCESS_READ, true).write);
    memory_unmark(bench.mem);
    cr_expect(memory_translate(bench.mem, RAM, ACCESS_READ, true).write);
    memory_free(bench.mem);
}

Test(journal, translations_of_code_that_comes_back_are_dropped)
{
    struct bench bench;
    open_bench(&bench);
    memory_translate(bench.mem, RAM, ACCESS_FETCH, false);
    mark(&bench);
    put(&bench, RAM, 1);
    cr_expect_eq(bench.code_changed, 1);
    rewind_to(&bench); /* nothing was fetched since */
    cr_expect_eq(bench.code_changed, 1);
    put(&bench, RAM, 1);
    cr_expect_eq(bench.code_changed, 1);
    memory_translate(bench.mem, RAM, ACCESS_FETCH, false);
    memory_set_state(bench.mem, RAM + PAGE, 1, PAGE_ARMED);
    memory_translate(bench.mem, RAM + PAGE, ACCESS_FETCH, false);
    rewind_to(&bench);
    cr_expect_eq(bench.code_changed, 2);
    cr_expect_eq(bench.code[0][0], 2); /* the other page came back as it was */
    memory_unmark(bench.mem);
    memory_free(bench.mem);
}

Test(journal, states_come_back_without_a_store)
{
    struct bench bench;
    open_bench(&bench);
    uint8_t byte = 9;
    memory_own(bench.mem, RAM, 3);
    mark(&bench);
    memory_own(bench.mem, RAM, 4);
    memory_set_state(bench.mem, RAM, 2 * PAGE, PAGE_PRECISE);
    memory_arm_all(bench.mem);
    memory_set_power(bench.mem, false);
    memory_enter(bench.mem, 8, bench.epochs[2]);
    cr_assert_not(memory_load(bench.mem, ROM + 7, &byte, 1));
    rewind_to(&bench);
    cr_expect_eq(memory_owner(bench.mem, RAM), 3);
    cr_expect_eq(memory_state(bench.mem, RAM + PAGE), PAGE_OPEN);
    cr_expect(memory_power(bench.mem));
    cr_expect_eq(*host(&bench, ROM + 7), 0);
    memory_unmark(bench.mem);
    memory_free(bench.mem);
}

/* ---- Against plain copies ------------------------------------------------------------------ */

/* What can be seen of a memory, as a mark is to bring it back. */
struct copy {
    uint8_t bytes[3][SIZE];
    uint32_t owners[3][PAGES];
    enum page_state states[EPOCHS][3][PAGES];
    bool power;
    unsigned who, epoch;
};

struct walk {
    struct bench bench;
    struct random random;
    uint8_t bytes[3][SIZE]; /* what is in memory */
    struct copy *copies[DEPTH];
    unsigned marks, who, epoch; /* who accesses, in bench.epochs[epoch] */
};

static unsigned pick(struct walk *walk, unsigned below)
{
    return (unsigned)random_below(&walk->random, below);
}

static void look_at(struct walk *walk, struct copy *copy)
{
    struct memory *mem = walk->bench.mem;
    copy->power = memory_power(mem);
    copy->who = walk->who;
    copy->epoch = walk->epoch;
    for (unsigned e = 0; e < EPOCHS; e++) {
        memory_enter(mem, walk->who, walk->bench.epochs[e]);
        for (unsigned r = 0; r < 3; r++)
            for (unsigned p = 0; p < PAGES; p++)
                copy->states[e][r][p] = memory_state(mem, bases[r] + p * PAGE);
    }
    memory_enter(mem, walk->who, walk->bench.epochs[walk->epoch]);
    for (unsigned r = 0; r < 3; r++) {
        memcpy(copy->bytes[r], host(&walk->bench, bases[r]), SIZE);
        for (unsigned p = 0; p < PAGES; p++)
            copy->owners[r][p] = memory_owner(mem, bases[r] + p * PAGE);
    }
}

static void expect_bytes(struct walk *walk)
{
    for (unsigned r = 0; r < 3; r++)
        cr_assert_not(memcmp(walk->bytes[r], host(&walk->bench, bases[r]), SIZE));
}

static void sync_tlb(struct bench *bench)
{
    if (bench->seen == *memory_withdrawals(bench->mem))
        return;
    bench->seen = *memory_withdrawals(bench->mem);
    memset(bench->granted, 0, sizeof bench->granted);
}

/* A store of the guest: past the memory if the TLB says so. */
static void guest_store(struct bench *bench, unsigned region, unsigned offset, uint8_t value)
{
    uint64_t gpa = bases[region] + offset;
    bool *granted = &bench->granted[region][offset / PAGE];
    sync_tlb(bench);
    if (!*granted) {
        struct grant grant = memory_translate(bench->mem, gpa, ACCESS_WRITE, true);
        sync_tlb(bench);
        if (grant.precise) {
            memory_access(bench->mem, gpa, 1, ACCESS_WRITE, value);
            return;
        }
        *granted = grant.write;
    }
    *host(bench, gpa) = value;
}

static void guest_load(struct bench *bench, unsigned region, unsigned offset, bool fetch)
{
    uint64_t gpa = bases[region] + offset;
    sync_tlb(bench);
    if (!fetch && bench->granted[region][offset / PAGE])
        return;
    struct grant grant =
        memory_translate(bench->mem, gpa, fetch ? ACCESS_FETCH : ACCESS_READ, true);
    sync_tlb(bench);
    if (fetch)
        return;
    if (grant.precise)
        memory_access(bench->mem, gpa, 1, ACCESS_READ, 0);
    else
        bench->granted[region][offset / PAGE] = grant.write;
}

/* One step that every memory is told of; the randomness is drawn by the caller. */
struct step {
    unsigned kind, region, offset, length, number;
    uint8_t value;
};

static struct step draw(struct walk *walk)
{
    struct step step = {pick(walk, 12),       pick(walk, 3), pick(walk, SIZE),
                        pick(walk, 3 * PAGE), pick(walk, 4), (uint8_t)pick(walk, 256)};
    if (step.length > SIZE - step.offset)
        step.length = SIZE - step.offset;
    return step;
}

static void take(struct bench *bench, const struct step *step)
{
    static uint8_t bytes[3 * PAGE];
    struct memory *mem = bench->mem;
    unsigned region = step->region, ram = region % 2;
    memset(bytes, step->value, step->length);
    switch (step->kind) {
    case 0:
        cr_assert_not(memory_load(mem, bases[region] + step->offset, bytes, step->length));
        break;
    case 1:
        cr_assert_not(memory_write(mem, bases[ram] + step->offset, bytes, step->length));
        break;
    case 2:
        memory_set_state(mem, bases[region] + step->offset, step->length,
                         (enum page_state)(step->number % 3));
        break;
    case 3:
        memory_own(mem, bases[region] + step->offset, step->number);
        memory_withdraw(mem); /* handovers do not do it */
        break;
    case 4:
        guest_load(bench, region, step->offset, true);
        break;
    case 5:
        memory_set_power(mem, step->number);
        break;
    case 6:
    case 7:
        guest_load(bench, region, step->offset, false);
        break;
    default:
        guest_store(bench, ram, step->offset, step->value);
    }
}

static void note(struct walk *walk, const struct step *step)
{
    if (step->kind == 0)
        memset(walk->bytes[step->region] + step->offset, step->value, step->length);
    else if (step->kind == 1)
        memset(walk->bytes[step->region % 2] + step->offset, step->value, step->length);
    else if (step->kind > 7)
        walk->bytes[step->region % 2][step->offset] = step->value;
}

/* TLBs are flushed when somebody else accesses. */
static void enter(struct bench *bench, unsigned who, unsigned epoch)
{
    memory_enter(bench->mem, who, bench->epochs[epoch]);
    memory_withdraw(bench->mem);
}

static void step_back(struct walk *walk)
{
    static struct copy found;
    const struct copy *copy = walk->copies[walk->marks - 1];
    rewind_to(&walk->bench);
    for (unsigned p = 0; p < PAGES; p++)
        cr_assert_eq(memory_state(walk->bench.mem, RAM + p * PAGE),
                     copy->states[copy->epoch][0][p]);
    walk->who = copy->who;
    walk->epoch = copy->epoch;
    look_at(walk, &found);
    memcpy(walk->bytes, copy->bytes, sizeof walk->bytes);
    expect_bytes(walk);
    cr_assert_not(memcmp(found.owners, copy->owners, sizeof found.owners));
    cr_assert_not(memcmp(found.states, copy->states, sizeof found.states));
    cr_assert_eq(found.power, copy->power);
}

static void random_walk(uint64_t seed)
{
    struct walk *walk = calloc(1, sizeof *walk);
    walk->random.state = seed;
    open_bench(&walk->bench);
    for (unsigned i = 0; i < DEPTH; i++)
        cr_assert(walk->copies[i] = malloc(sizeof *walk->copies[i]));
    for (unsigned i = 0; i < 6000; i++) {
        unsigned what = pick(walk, 60);
        if (what == 0 && walk->marks < DEPTH) {
            mark(&walk->bench);
            look_at(walk, walk->copies[walk->marks++]);
        } else if (what == 1 && walk->marks) {
            memory_unmark(walk->bench.mem);
            walk->marks--;
        } else if (what < 4 && walk->marks) {
            step_back(walk);
        } else if (what == 4) {
            walk->who = pick(walk, 4);
            walk->epoch = pick(walk, EPOCHS);
            enter(&walk->bench, walk->who, walk->epoch);
        } else {
            struct step step = draw(walk);
            take(&walk->bench, &step);
            note(walk, &step);
        }
        if (i % 16 == 0)
            expect_bytes(walk);
    }
    for (unsigned i = 0; i < DEPTH; i++)
        free(walk->copies[i]);
    memory_free(walk->bench.mem);
    free(walk);
}

Test(journal, brings_back_what_plain_copies_hold)
{
    for (uint64_t seed = 1; seed <= 40; seed++)
        random_walk(seed);
}

/* The same steps with marks, some of them dropped again, and without. */
Test(journal, listeners_hear_nothing_of_marks)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct bench plain, marked;
        struct walk walk = {.random = {seed}};
        unsigned marks = 0;
        open_bench(&plain);
        open_bench(&marked);
        for (unsigned i = 0; i < 4000; i++) {
            struct step step = draw(&walk);
            unsigned what = pick(&walk, 40);
            if (what == 0) {
                mark(&marked);
                marks++;
            } else if (what == 1 && marks) {
                memory_unmark(marked.mem);
                marks--;
            } else if (what == 2) {
                enter(&plain, step.number, step.number);
                enter(&marked, step.number, step.number);
            } else {
                take(&plain, &step);
                take(&marked, &step);
            }
            cr_assert_eq(plain.first_writes, marked.first_writes);
            cr_assert_eq(plain.accesses, marked.accesses);
            cr_assert_eq(plain.conflicts, marked.conflicts);
            cr_assert_eq(plain.loaded, marked.loaded);
            cr_assert_eq(plain.code_changed, marked.code_changed);
        }
        for (unsigned r = 0; r < 3; r++)
            cr_assert_not(memcmp(host(&plain, bases[r]), host(&marked, bases[r]), SIZE));
        memory_free(plain.mem);
        memory_free(marked.mem);
    }
}
