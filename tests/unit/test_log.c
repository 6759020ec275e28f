/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "recovery/log.h"

#define PAGE  UINT64_C(1024)
#define PAGES 64
#define BASE  UINT64_C(0x80000000)

/* Addresses of the page number n. */
#define AT(n, offset) (BASE + (n)*PAGE + (offset))

static struct memory *mem;
static struct arena *arena;
static struct log *undo_log; /* log() is a logarithm */
static struct log_owner a, b, c;
static struct {
    unsigned count;
    uint64_t page;
    bool was_shared;
} releases;

static void on_released(void *opaque, uint64_t page_gpa, bool was_shared)
{
    cr_assert_eq(opaque, &releases);
    releases.count++;
    releases.page = page_gpa;
    releases.was_shared = was_shared;
}

static void set_up(void)
{
    mem = memory_new(10);
    cr_assert_not_null(mem);
    cr_assert_eq(memory_add(mem, "ram", BASE, PAGES * PAGE, REGION_RAM, false, NULL), 0);
    arena = arena_open(ARENA_RESERVE, NULL);
    cr_assert_not_null(arena);
    undo_log = log_new(arena, mem, on_released, &releases);
    cr_assert_not_null(undo_log);
    memset(&releases, 0, sizeof releases);
    a = b = c = (struct log_owner){0};
}

static void tear_down(void)
{
    arena_close(arena);
    memory_free(mem);
}

TestSuite(log, .init = set_up, .fini = tear_down);

static uint64_t peek(uint64_t gpa, unsigned size)
{
    uint64_t value = 0;
    cr_assert_eq(memory_read(mem, gpa, &value, size), 0);
    return value;
}

/* Nobody hears of it. */
static void poke(uint64_t gpa, unsigned size, uint64_t value)
{
    cr_assert_eq(memory_load(mem, gpa, &value, size), 0);
}

static void save_page(struct log_owner *owner, unsigned page)
{
    const uint8_t *contents = memory_host(mem, AT(page, 0), PAGE);
    cr_assert_eq(log_save_page(undo_log, owner, AT(page, 0), contents), 0);
}

/* A store to a page that is the owner's alone. */
static void write_page(struct log_owner *owner, uint64_t gpa, unsigned size, uint64_t value)
{
    save_page(owner, (unsigned)((gpa - BASE) / PAGE));
    poke(gpa, size, value);
}

/* A store to a shared page. */
static void write_bytes(struct log_owner *owner, uint64_t gpa, unsigned size, uint64_t value)
{
    cr_assert_eq(log_save_bytes(undo_log, owner, gpa, size), 0);
    poke(gpa, size, value);
}

static void share(unsigned page)
{
    cr_assert_eq(log_share(undo_log, AT(page, 0)), 0);
}

/* Shares a page on behalf of `owner`, who has changed its last byte. */
static void share_for(struct log_owner *owner, unsigned page)
{
    write_page(owner, AT(page, PAGE - 1), 1, peek(AT(page, PAGE - 1), 1) ^ 0xee);
    share(page);
    cr_assert(log_is_shared(undo_log, AT(page, 0)));
}

static long undo(struct log_owner *first, struct log_owner *second)
{
    struct log_owner *owners[] = {first, second};
    return log_undo(undo_log, owners, second ? 2 : 1);
}

static struct log_owner *writer(uint64_t gpa)
{
    struct log_owner *writers[LOG_MAX_WRITERS];
    size_t count = log_writers(undo_log, gpa, 1, writers);
    cr_assert_leq(count, 1);
    return count ? writers[0] : NULL;
}

static void expect_nothing_left(void)
{
    cr_expect_eq(log_bytes(undo_log), 0, "%lu bytes", log_bytes(undo_log));
    struct log_owner *const owners[] = {&a, &b, &c};
    for (size_t i = 0; i < 3; i++) {
        cr_expect_null(owners[i]->first);
        cr_expect_eq(owners[i]->bytes, 0);
        cr_expect_eq(owners[i]->pages, 0);
        cr_expect_eq(owners[i]->words, 0);
        cr_expect_not(owners[i]->known);
    }
}

/* ---- Pages ---- */

Test(log, nothing_yet)
{
    struct log_owner *writers[LOG_MAX_WRITERS];
    cr_expect_eq(log_bytes(undo_log), 0);
    cr_expect_gt(log_position(undo_log), 0);
    cr_expect_eq(log_oldest_checkpoint(undo_log), UINT64_MAX);
    cr_expect_not(log_is_shared(undo_log, BASE));
    cr_expect_eq(log_writers(undo_log, BASE, 8, writers), 0);
    log_forget_bytes(undo_log, BASE, 8);
    log_commit(undo_log, &a);
    log_absorb(undo_log, &a, &b);
    log_collect(undo_log);
    log_remove_checkpoint(undo_log, 5);
    cr_expect_eq(undo(&a, &b), 0);
    cr_expect_eq(log_undo(undo_log, NULL, 0), 0);
    cr_expect_eq(releases.count, 0);
    expect_nothing_left();
}

Test(log, a_page_comes_back)
{
    poke(AT(3, 8), 8, 0x1122334455667788);
    uint64_t before = log_position(undo_log);
    write_page(&a, AT(3, 8), 4, 1);
    cr_expect_gt(log_position(undo_log), before);
    cr_expect_eq(a.pages, 1);
    cr_expect_eq(a.words, 0);
    cr_expect_gt(a.bytes, PAGE);
    cr_expect_eq(a.bytes, log_bytes(undo_log));
    cr_expect_eq(a.saved_pages, 1);
    cr_expect_eq(a.saved_bytes, PAGE);

    write_page(&a, AT(3, 0), 8, 2); /* has it already */
    cr_expect_eq(a.pages, 1);
    cr_expect_eq(a.saved_pages, 1);
    cr_expect_eq(a.bytes, log_bytes(undo_log));

    cr_expect_eq(undo(&a, NULL), 1);
    cr_expect_eq(peek(AT(3, 8), 8), 0x1122334455667788);
    cr_expect_eq(peek(AT(3, 0), 8), 0);
    cr_expect_eq(releases.count, 1);
    cr_expect_eq(releases.page, AT(3, 0));
    cr_expect_not(releases.was_shared);
    expect_nothing_left();
    cr_expect_eq(a.saved_pages, 1); /* ever */
}

Test(log, nobody_saves_nothing_without_a_checkpoint)
{
    write_page(NULL, AT(0, 0), 8, 1);
    cr_expect_eq(log_bytes(undo_log), 0);
    share_for(&a, 1);
    uint64_t bytes = log_bytes(undo_log);
    write_bytes(NULL, AT(1, 0), 8, 1);
    cr_expect_eq(log_bytes(undo_log), bytes);
    cr_expect_null(writer(AT(1, 0)));
}

Test(log, a_commit_is_for_good)
{
    write_page(&a, AT(0, 0), 8, 1);
    write_page(&b, AT(0, 8), 8, 2); /* a page may be of several owners of one thread */
    write_page(&b, AT(1, 0), 8, 3);
    log_commit(undo_log, &a);
    cr_expect_eq(releases.count, 0);
    log_commit(undo_log, &b);
    cr_expect_eq(releases.count, 2);
    expect_nothing_left();
    cr_expect_eq(undo(&a, &b), 0);
    cr_expect_eq(peek(AT(0, 0), 8), 1);
    cr_expect_eq(peek(AT(0, 8), 8), 2);
    cr_expect_eq(peek(AT(1, 0), 8), 3);
}

Test(log, newest_first_whatever_the_order_of_owners)
{
    for (unsigned round = 0; round < 2; round++) {
        poke(AT(0, 0), 8, 10);
        write_page(&a, AT(0, 0), 8, 11);
        write_page(&b, AT(0, 0), 8, 12);
        write_page(&a, AT(0, 0), 8, 13); /* behind what b saved: an entry of its own */
        write_page(&c, AT(0, 0), 8, 14);
        struct log_owner *owners[] = {&a, &b, &c};
        if (round) {
            owners[0] = &c;
            owners[2] = &a;
        }
        cr_expect_eq(log_undo(undo_log, owners, 3), 4);
        cr_expect_eq(peek(AT(0, 0), 8), 10);
        expect_nothing_left();
    }
    cr_expect_eq(releases.count, 2);
}

Test(log, the_nested_alone)
{
    write_page(&a, AT(0, 0), 8, 1);
    write_page(&b, AT(0, 0), 8, 2);
    write_page(&b, AT(1, 0), 8, 2);
    cr_expect_eq(undo(&b, NULL), 2);
    cr_expect_eq(peek(AT(0, 0), 8), 1);
    cr_expect_eq(peek(AT(1, 0), 8), 0);
    cr_expect_eq(releases.count, 1);
    cr_expect_eq(releases.page, AT(1, 0));
    cr_expect_eq(undo(&a, NULL), 1);
    cr_expect_eq(peek(AT(0, 0), 8), 0);
    expect_nothing_left();
}

Test(log, absorbed)
{
    write_page(&a, AT(0, 0), 8, 1);
    write_page(&b, AT(0, 0), 8, 2); /* superfluous once it is a's */
    write_page(&b, AT(1, 0), 8, 3);
    log_absorb(undo_log, &a, &b);
    cr_expect_eq(a.pages, 2);
    cr_expect_eq(a.bytes, log_bytes(undo_log));
    cr_expect_eq(a.saved_pages, 1); /* what each has saved by itself stays */
    cr_expect_eq(b.saved_pages, 2);
    cr_expect_eq(b.pages, 0);
    cr_expect_not(b.known);
    cr_expect_eq(releases.count, 0);
    cr_expect_eq(undo(&b, NULL), 0);
    cr_expect_eq(peek(AT(1, 0), 8), 3);
    cr_expect_eq(undo(&a, NULL), 2);
    cr_expect_eq(peek(AT(0, 0), 8), 0);
    cr_expect_eq(peek(AT(1, 0), 8), 0);
    expect_nothing_left();
}

Test(log, absorbed_words)
{
    share_for(&a, 0);
    write_bytes(&a, AT(0, 0), 2, 0x1111);
    write_bytes(&b, AT(0, 0), 4, 0x22222222); /* half of it superfluous */
    write_bytes(&b, AT(0, 8), 8, 3);
    write_bytes(&a, AT(0, 16), 8, 4);
    write_bytes(&b, AT(0, 16), 8, 5); /* all of it */
    log_absorb(undo_log, &a, &b);
    cr_expect_eq(a.words, 5);
    cr_expect_eq(writer(AT(0, 1)), &a);
    cr_expect_eq(writer(AT(0, 3)), &a);
    cr_expect_null(writer(AT(0, 4)));
    cr_expect_eq(undo(&a, NULL), 5);
    for (uint64_t at = 0; at < PAGE; at += 8)
        cr_expect_eq(peek(AT(0, at), 8), 0);
    cr_expect(releases.was_shared);
    expect_nothing_left();
}

Test(log, an_owner_can_be_used_again)
{
    uint64_t value = 0;
    for (unsigned i = 1; i <= 100; i++) {
        write_page(&a, AT(0, 0), 8, i);
        if (i % 3) {
            cr_expect_eq(undo(&a, NULL), 1);
        } else {
            log_commit(undo_log, &a);
            value = i;
        }
        cr_expect_eq(peek(AT(0, 0), 8), value);
    }
    expect_nothing_left();
    cr_expect_eq(a.saved_pages, 100);
}

Test(log, more_pages_than_buckets)
{
    const unsigned count = 10000;
    const uint64_t far = UINT64_C(0x100000000);
    cr_assert_eq(memory_add(mem, "more", far, count * PAGE, REGION_RAM, false, NULL), 0);
    for (unsigned i = 0; i < count; i++) {
        uint64_t page = far + i * UINT64_C(7919) % count * PAGE; /* a prime: all of them */
        struct log_owner *owner = i % 2 ? &a : &b;
        cr_assert_eq(log_save_page(undo_log, owner, page, memory_host(mem, page, PAGE)), 0);
        poke(page, 4, i + 1);
    }
    cr_expect_eq(a.pages, count / 2);
    cr_expect_eq(log_bytes(undo_log), a.bytes + b.bytes);
    log_commit(undo_log, &b);
    cr_expect_eq(undo(&a, NULL), count / 2);
    for (unsigned i = 0; i < count; i++)
        cr_expect_eq(peek(far + i * UINT64_C(7919) % count * PAGE, 4), i % 2 ? 0 : i + 1);
    cr_expect_eq(releases.count, count);
    expect_nothing_left();
}

/* ---- Shared pages ---- */

Test(log, sharing_splits_into_the_bytes_that_changed)
{
    poke(AT(0, 0), 8, 0x1122334455667788);
    poke(AT(0, 8), 8, 0x55);
    write_page(&a, AT(0, 0), 2, 0x9988); /* the lower byte stays */
    write_page(&a, AT(0, 16), 8, 7);
    write_page(&a, AT(0, 16), 8, 0); /* as if nothing had been */
    share(0);
    cr_expect(log_is_shared(undo_log, AT(0, 0)));
    cr_expect_eq(a.pages, 0);
    cr_expect_eq(a.words, 1);
    cr_expect_eq(a.saved_pages, 1);
    cr_expect_eq(a.bytes, log_bytes(undo_log));
    cr_expect_lt(a.bytes, PAGE);
    for (uint64_t at = 0; at < PAGE; at++)
        cr_expect_eq(writer(AT(0, at)), at == 1 ? &a : NULL, "byte %lu", at);
    /* What others do beside it stays. */
    write_bytes(&b, AT(0, 0), 1, 0x33);
    poke(AT(0, 2), 1, 0x44);
    cr_expect_eq(undo(&a, NULL), 1);
    cr_expect_eq(peek(AT(0, 0), 8), 0x1122334455447733);
    cr_expect_eq(releases.count, 0);
    cr_expect_eq(undo(&b, NULL), 1);
    cr_expect_eq(peek(AT(0, 0), 8), 0x1122334455447788);
    cr_expect_eq(releases.count, 1);
    cr_expect(releases.was_shared);
    cr_expect_not(log_is_shared(undo_log, AT(0, 0)));
    expect_nothing_left();
}

Test(log, sharing_what_did_not_change)
{
    save_page(&a, 0);
    share(0);
    cr_expect_not(log_is_shared(undo_log, AT(0, 0)));
    cr_expect_eq(releases.count, 1);
    cr_expect(releases.was_shared);
    cr_expect_null(a.first);
    cr_expect_eq(log_bytes(undo_log), 0);
}

Test(log, sharing_pages_of_nested_owners)
{
    write_page(&a, AT(0, 0), 4, 0x01010101);
    write_page(&b, AT(0, 2), 4, 0x02020202);
    write_page(&a, AT(0, 5), 2, 0x0303);
    share(0);
    cr_expect_eq(a.words, 2);
    cr_expect_eq(b.words, 1);
    static struct log_owner *const expected[] = {&a, &a, &b, &b, &b, &a, &a, NULL};
    for (uint64_t at = 0; at < 8; at++)
        cr_expect_eq(writer(AT(0, at)), expected[at], "byte %lu", at);
    struct log_owner *writers[LOG_MAX_WRITERS];
    cr_expect_eq(log_writers(undo_log, AT(0, 4), 2, writers), 2);
    cr_expect_eq(writers[0], &a);
    cr_expect_eq(writers[1], &b);
    cr_expect_eq(undo(&a, &b), 3);
    cr_expect_eq(peek(AT(0, 0), 8), 0);
    expect_nothing_left();
}

Test(log, sharing_what_is_no_memory)
{
    cr_expect_eq(log_share(undo_log, BASE - PAGE), -1);
    cr_expect_eq(log_share(undo_log, AT(PAGES, 0)), -1);
    cr_expect_eq(log_save_bytes(undo_log, &a, BASE - PAGE, 1), 0);
    cr_expect_eq(log_bytes(undo_log), 0);
}

Test(log, sharing_again)
{
    share_for(&a, 0);
    write_bytes(&a, AT(0, 0), 1, 1);
    share(0);
    cr_expect(log_is_shared(undo_log, AT(0, 0)));
    cr_expect_eq(writer(AT(0, 0)), &a);
    log_commit(undo_log, &a);
    cr_expect_not(log_is_shared(undo_log, AT(0, 0)));
    write_page(&b, AT(0, 0), 1, 2); /* a page like any other */
    cr_expect_null(writer(AT(0, 0)));
    cr_expect_eq(b.pages, 1);
    share(0);
    cr_expect_eq(writer(AT(0, 0)), &b);
    undo(&b, NULL);
    cr_expect_eq(peek(AT(0, 0), 1), 1);
    expect_nothing_left();
}

Test(log, owners_of_a_page)
{
    cr_assert_null(log_page_owner(undo_log, AT(0, 0)));
    write_page(&a, AT(0, 8), 1, 1);
    write_page(&b, AT(0, 16), 1, 1);
    cr_assert_eq(log_page_owner(undo_log, AT(0, 0)), &b);
    share(0);
    log_commit(undo_log, &b);
    cr_assert_eq(log_page_owner(undo_log, AT(0, 0)), &a);
    log_commit(undo_log, &a);
    cr_assert_null(log_page_owner(undo_log, AT(0, 0)));
}

Test(log, writers_by_byte)
{
    share_for(&c, 0);
    write_bytes(&a, AT(0, 0), 4, 0x11111111);
    write_bytes(&b, AT(0, 4), 2, 0x2222);
    write_bytes(&c, AT(0, 8), 1, 0x33);
    struct log_owner *writers[LOG_MAX_WRITERS];
    static const struct {
        unsigned offset, size;
        size_t count;
        struct log_owner *newest, *other;
    } expected[] = {
        {0, 1, 1, &a, NULL},    {3, 1, 1, &a, NULL}, {4, 1, 1, &b, NULL}, {5, 1, 1, &b, NULL},
        {6, 1, 0, NULL, NULL},  {0, 4, 1, &a, NULL}, {2, 4, 2, &b, &a},   {4, 4, 1, &b, NULL},
        {6, 2, 0, NULL, NULL},  {0, 8, 2, &b, &a},   {8, 8, 1, &c, NULL}, {9, 4, 0, NULL, NULL},
        {16, 8, 0, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        size_t count = log_writers(undo_log, AT(0, expected[i].offset), expected[i].size, writers);
        cr_assert_eq(count, expected[i].count, "%zu", i);
        cr_expect(count < 1 || writers[0] == expected[i].newest, "%zu", i);
        cr_expect(count < 2 || writers[1] == expected[i].other, "%zu", i);
    }
    /* Who wrote last is it, and a whole word hides what is below. */
    write_bytes(&b, AT(0, 1), 1, 0x44);
    cr_expect_eq(writer(AT(0, 0)), &a);
    cr_expect_eq(writer(AT(0, 1)), &b);
    write_bytes(&c, AT(0, 0), 8, 0x55);
    cr_expect_eq(log_writers(undo_log, AT(0, 0), 8, writers), 1);
    cr_expect_eq(writers[0], &c);
}

Test(log, as_many_writers_as_bytes)
{
    static struct log_owner owners[LOG_MAX_WRITERS];
    share_for(&a, 0);
    struct log_owner *writers[LOG_MAX_WRITERS];
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < LOG_MAX_WRITERS; i++)
            write_bytes(&owners[i], AT(0, i), 1, i + 16 * round);
    cr_expect_eq(log_writers(undo_log, AT(0, 0), 8, writers), LOG_MAX_WRITERS);
    for (unsigned i = 0; i < LOG_MAX_WRITERS; i++)
        cr_expect_eq(writers[i], &owners[LOG_MAX_WRITERS - 1 - i]);
    for (unsigned i = 0; i < LOG_MAX_WRITERS; i++)
        log_commit(undo_log, &owners[i]);
    log_commit(undo_log, &a);
    expect_nothing_left();
}

Test(log, bytes_join_an_entry)
{
    poke(AT(0, 0), 8, 0x8877665544332211);
    share_for(&b, 0);
    write_bytes(&a, AT(0, 0), 1, 0xa0);
    write_bytes(&a, AT(0, 0), 4, 0xa3a2a1a0); /* three more bytes */
    write_bytes(&a, AT(0, 1), 2, 0xffff);
    cr_expect_eq(a.words, 1);
    poke(AT(0, 7), 1, 0xcc); /* by nobody in particular */
    cr_expect_eq(undo(&a, NULL), 1);
    cr_expect_eq(peek(AT(0, 0), 8), 0xcc77665544332211);
}

Test(log, bytes_do_not_join_below_another_owner)
{
    poke(AT(0, 0), 2, 0x2211);
    share_for(&c, 0);
    write_bytes(&a, AT(0, 0), 1, 0xa0);
    write_bytes(&b, AT(0, 1), 1, 0xb1);
    write_bytes(&a, AT(0, 1), 1, 0xa1); /* depends on b now */
    cr_expect_eq(a.words, 2);
    cr_expect_eq(undo(&a, NULL), 2);
    cr_expect_eq(peek(AT(0, 0), 2), 0xb111);
    cr_expect_eq(undo(&b, NULL), 1);
    cr_expect_eq(peek(AT(0, 0), 2), 0x2211);
}

Test(log, bytes_join_again_once_the_other_owner_has_committed)
{
    share_for(&c, 0);
    write_bytes(&a, AT(0, 0), 1, 0xa0);
    write_bytes(&b, AT(0, 1), 1, 0xb1);
    log_commit(undo_log, &b);
    write_bytes(&a, AT(0, 1), 1, 0xa1);
    cr_expect_eq(a.words, 1);
    undo(&a, NULL);
    cr_expect_eq(peek(AT(0, 0), 2), 0xb100);
}

/* The page was nobody's own for a while after the word had been saved, and was changed as a whole.
 */
Test(log, bytes_do_not_join_below_a_newer_page)
{
    uint64_t checkpoint = log_checkpoint(undo_log);
    share_for(&a, 0);
    write_bytes(&a, AT(0, 0), 1, 1);
    log_commit(undo_log, &a); /* kept for the checkpoint */
    cr_expect_not(log_is_shared(undo_log, AT(0, 0)));
    save_page(NULL, 0);
    poke(AT(0, 1), 1, 2);
    share_for(&b, 0);
    write_bytes(NULL, AT(0, 1), 1, 3);
    cr_expect_eq(log_undo_to(undo_log, checkpoint), 0);
    for (uint64_t at = 0; at < PAGE; at += 8)
        cr_expect_eq(peek(AT(0, at), 8), 0);
}

Test(log, bytes_do_not_join_below_a_checkpoint)
{
    share_for(&c, 0);
    write_bytes(&a, AT(0, 0), 1, 1);
    uint64_t checkpoint = log_checkpoint(undo_log);
    write_bytes(&a, AT(0, 0), 1, 2);
    write_bytes(&a, AT(0, 1), 1, 3);
    cr_expect_eq(log_undo_to(undo_log, checkpoint), 0);
    cr_expect_eq(peek(AT(0, 0), 2), 1);
    cr_expect_eq(writer(AT(0, 0)), &a);
    cr_expect_null(writer(AT(0, 1)));
    undo(&a, NULL);
    cr_expect_eq(peek(AT(0, 0), 2), 0);
}

Test(log, saved_bytes_are_counted)
{
    share_for(&a, 0);
    cr_expect_eq(a.saved_bytes, PAGE);
    write_bytes(&b, AT(0, 0), 4, 1);
    write_bytes(&b, AT(0, 8), 2, 1);
    cr_expect_eq(b.saved_words, 2);
    cr_expect_eq(b.saved_bytes, 6);
    cr_expect_eq(b.words, 2);
    cr_expect_eq(b.pages, 0);
    cr_expect_eq(log_bytes(undo_log), a.bytes + b.bytes);
}

Test(log, bytes_of_a_page_that_is_not_shared)
{
    cr_expect_eq(log_save_bytes(undo_log, &a, AT(0, 0), 8), 0);
    write_page(&a, AT(1, 0), 8, 1);
    cr_expect_eq(log_save_bytes(undo_log, &b, AT(1, 0), 8), 0);
    cr_expect_eq(b.words, 0);
}

Test(log, undone_in_one_order)
{
    static struct log_owner owners[5];
    share_for(&c, 0);
    for (unsigned i = 0; i < 100; i++)
        write_bytes(&owners[i * 7 % 5], AT(0, i % 5), 1 + i % 4, 0x01010101u * (i + 1));
    struct log_owner *shuffled[] = {&owners[3], &owners[0], &owners[4], &owners[1], &owners[2]};
    cr_expect_gt(log_undo(undo_log, shuffled, 5), 5);
    cr_expect_eq(peek(AT(0, 0), 8), 0);
    cr_expect_eq(releases.count, 0);
    log_commit(undo_log, &c);
    cr_expect_eq(releases.count, 1);
    expect_nothing_left();
}

Test(log, forgotten_bytes_stay)
{
    share_for(&c, 0);
    write_bytes(&a, AT(0, 0), 4, 0x04030201);
    write_bytes(&b, AT(0, 1), 1, 5);
    log_forget_bytes(undo_log, AT(0, 1), 2);
    poke(AT(0, 1), 2, 0x0908);
    cr_expect_eq(a.words, 1);
    cr_expect_eq(b.words, 0); /* nothing is left of it */
    cr_expect_eq(writer(AT(0, 0)), &a);
    cr_expect_null(writer(AT(0, 1)));
    cr_expect_null(writer(AT(0, 2)));
    log_forget_bytes(undo_log, AT(0, 8), 8); /* of nobody */
    undo(&a, &b);
    cr_expect_eq(peek(AT(0, 0), 4), 0x00090800);
    cr_expect_eq(undo(&c, NULL), 1);
    expect_nothing_left();
}

Test(log, forgetting_the_last_bytes_releases_the_page)
{
    share_for(&a, 0);
    log_forget_bytes(undo_log, AT(0, PAGE - 1), 1);
    cr_expect_eq(releases.count, 1);
    cr_expect(releases.was_shared);
    cr_expect_not(log_is_shared(undo_log, AT(0, 0)));
    cr_expect_eq(undo(&a, NULL), 0);
    cr_expect_eq(peek(AT(0, PAGE - 1), 1), 0xee);
    expect_nothing_left();
}

Test(log, nothing_is_forgotten_that_a_checkpoint_needs)
{
    uint64_t checkpoint = log_checkpoint(undo_log);
    share_for(&a, 0);
    log_forget_bytes(undo_log, AT(0, PAGE - 1), 1);
    cr_expect_eq(a.words, 1);
    cr_expect_eq(log_undo_to(undo_log, checkpoint), 0);
    cr_expect_eq(peek(AT(0, PAGE - 1), 1), 0);
}

/* ---- Reclaiming ---- */

/* In these tests a lineage has one owner. */
static uint32_t lineage_of(const struct log_owner *owner)
{
    return owner == &a ? 1 : owner == &b ? 2 : 3;
}

/* Accesses of the lineage until the page is reclaimed; 0: it was not. */
static unsigned visits(uint32_t lineage, unsigned limit)
{
    for (unsigned i = 1; i <= limit; i++)
        if (log_reclaim(undo_log, AT(0, 0), lineage, lineage_of))
            return i;
    return 0;
}

Test(log, reclaimed_by_the_only_one_who_changed_it)
{
    share_for(&a, 0);
    write_bytes(&a, AT(0, 0), 1, 1);
    unsigned first = visits(1, 100000);
    cr_expect_gt(first, 1);
    cr_expect_not(log_is_shared(undo_log, AT(0, 0)));
    cr_expect_eq(releases.count, 0);
    write_page(&a, AT(0, 0), 2, 0x0202); /* saved as a page now */
    cr_expect_eq(a.pages, 1);
    share(0);
    cr_expect_eq(a.pages, 0);
    cr_expect_eq(writer(AT(0, 1)), &a);
    write_bytes(&b, AT(0, 2), 1, 3);
    undo(&a, NULL);
    cr_expect_eq(peek(AT(0, 0), 4), 0x030000);
    cr_expect_eq(peek(AT(0, PAGE - 1), 1), 0);
    undo(&b, NULL);
    expect_nothing_left();
}

Test(log, not_reclaimed_while_it_is_in_use)
{
    share_for(&a, 0);
    write_bytes(&b, AT(0, 0), 1, 1);
    cr_expect_eq(visits(1, 500), 0);
    cr_expect_eq(visits(2, 500), 0);
    log_commit(undo_log, &b);
    cr_expect_eq(visits(2, 500), 0);
    cr_expect_gt(visits(1, 100000), 0);
    share(0);
    for (unsigned i = 0; i < 10000; i++) /* in turn */
        cr_expect_not(log_reclaim(undo_log, AT(0, 0), 1 + i % 2, lineage_of));
    cr_expect(log_is_shared(undo_log, AT(0, 0)));
}

Test(log, what_is_kept_for_a_checkpoint_does_not_keep_a_page_shared)
{
    uint64_t checkpoint = log_checkpoint(undo_log);
    share_for(&a, 0);
    write_bytes(&b, AT(0, 0), 1, 1);
    log_commit(undo_log, &b);
    cr_expect_gt(visits(1, 100000), 0);
    write_page(&a, AT(0, 0), 1, 2);
    cr_expect_eq(log_undo_to(undo_log, checkpoint), 0);
    cr_expect_eq(peek(AT(0, 0), 8), 0);
    cr_expect_eq(peek(AT(0, PAGE - 1), 1), 0);
}

/* ---- Checkpoints ---- */

Test(log, checkpoints_ascend)
{
    uint64_t last = 0, all[200];
    for (unsigned i = 0; i < 200; i++) {
        all[i] = log_checkpoint(undo_log);
        cr_expect_gt(all[i], last);
        cr_expect_eq(log_oldest_checkpoint(undo_log), all[0]);
        last = all[i];
    }
    log_remove_checkpoint(undo_log, all[5]);
    cr_expect_eq(log_oldest_checkpoint(undo_log), all[0]);
    log_remove_checkpoint(undo_log, all[0]);
    cr_expect_eq(log_oldest_checkpoint(undo_log), all[1]);
    log_remove_checkpoint(undo_log, all[0]); /* is none any more */
    cr_expect_eq(log_oldest_checkpoint(undo_log), all[1]);
    for (unsigned i = 0; i < 200; i++)
        log_remove_checkpoint(undo_log, all[i]);
    cr_expect_eq(log_oldest_checkpoint(undo_log), UINT64_MAX);
}

Test(log, back_to_a_checkpoint_whoever_changed_what)
{
    write_page(&a, AT(0, 0), 1, 1);
    uint64_t checkpoint = log_checkpoint(undo_log);
    write_page(&a, AT(0, 0), 1, 2); /* saved once more */
    cr_expect_eq(a.pages, 2);
    write_page(&b, AT(1, 0), 1, 3);
    log_commit(undo_log, &b);
    write_page(NULL, AT(2, 0), 1, 4);
    write_page(&c, AT(3, 0), 1, 5);
    share(3);
    write_bytes(NULL, AT(3, 1), 1, 6);
    write_bytes(&a, AT(3, 2), 1, 7);
    cr_expect_eq(log_undo_to(undo_log, checkpoint), 0);
    for (unsigned page = 0; page < 4; page++)
        cr_expect_eq(peek(AT(page, 0), 8), page ? 0 : 1, "page %u", page);
    cr_expect_eq(log_oldest_checkpoint(undo_log), checkpoint);
    cr_expect_eq(a.pages, 1);
    cr_expect_eq(a.words, 0);
    cr_expect_eq(c.words, 0);
    cr_expect_eq(log_bytes(undo_log), a.bytes);
    cr_expect_not(log_is_shared(undo_log, AT(3, 0)));
    /* And once more from the same one. */
    write_page(NULL, AT(0, 0), 1, 8);
    cr_expect_eq(log_undo_to(undo_log, checkpoint), 0);
    cr_expect_eq(peek(AT(0, 0), 8), 1);
    cr_expect_eq(undo(&a, NULL), 1);
    cr_expect_eq(peek(AT(0, 0), 8), 0);
    log_commit(undo_log, &c);
    expect_nothing_left();
}

Test(log, back_beyond_a_checkpoint)
{
    uint64_t checkpoints[5];
    for (unsigned i = 0; i < 5; i++) {
        checkpoints[i] = log_checkpoint(undo_log);
        write_page(i % 2 ? NULL : &a, AT(0, 0), 8, i + 1);
        write_page(i % 2 ? &b : NULL, AT(1 + i, 0), 8, i + 1);
    }
    cr_expect_eq(log_undo_to(undo_log, checkpoints[3]), 0);
    cr_expect_eq(peek(AT(0, 0), 8), 3);
    cr_expect_eq(peek(AT(3, 0), 8), 3);
    cr_expect_eq(peek(AT(4, 0), 8), 0);
    log_remove_checkpoint(undo_log, checkpoints[1]);
    write_page(NULL, AT(0, 0), 8, 9);
    cr_expect_eq(log_undo_to(undo_log, checkpoints[2]), 0);
    cr_expect_eq(peek(AT(0, 0), 8), 2);
    cr_expect_eq(log_undo_to(undo_log, checkpoints[0]), 0);
    for (unsigned page = 0; page < 6; page++)
        cr_expect_eq(peek(AT(page, 0), 8), 0);
    log_remove_checkpoint(undo_log, checkpoints[0]);
    log_commit(undo_log, &a);
    log_commit(undo_log, &b);
    expect_nothing_left();
}

Test(log, what_was_committed_before_is_not_kept)
{
    write_page(&a, AT(0, 0), 8, 1);
    write_page(&b, AT(1, 0), 8, 1);
    uint64_t checkpoint = log_checkpoint(undo_log);
    log_commit(undo_log, &a);
    uint64_t bytes = log_bytes(undo_log);
    cr_expect_eq(bytes, b.bytes);
    write_page(&b, AT(1, 0), 8, 2);
    log_commit(undo_log, &b);
    cr_expect_eq(log_bytes(undo_log), bytes); /* the newer one */
    cr_expect_eq(releases.count, 2);          /* but nobody's changes are uncommitted */
    log_remove_checkpoint(undo_log, checkpoint);
    expect_nothing_left();
}

Test(log, each_stretch_keeps_the_oldest)
{
    uint64_t first = log_checkpoint(undo_log);
    for (unsigned i = 0; i < 10; i++) {
        write_page(&a, AT(0, 0), 8, 1 + i);
        log_commit(undo_log, &a);
    }
    uint64_t one = log_bytes(undo_log);
    cr_expect_lt(one, 2 * PAGE);
    uint64_t second = log_checkpoint(undo_log);
    for (unsigned i = 0; i < 10; i++) {
        write_page(NULL, AT(0, 0), 8, 100 + i);
        write_page(&b, AT(0, 0), 8, 200 + i);
        log_commit(undo_log, &b);
    }
    cr_expect_eq(log_bytes(undo_log), 2 * one);
    log_remove_checkpoint(undo_log, second);
    log_collect(undo_log);
    cr_expect_eq(log_bytes(undo_log), one);
    cr_expect_eq(log_undo_to(undo_log, first), 0);
    cr_expect_eq(peek(AT(0, 0), 8), 0);
    log_remove_checkpoint(undo_log, first);
    expect_nothing_left();
}

Test(log, collecting_by_itself)
{
    uint64_t limit = UINT64_C(64) << 20;
    uint64_t checkpoint = log_checkpoint(undo_log);
    for (unsigned i = 0; i < 150000; i++) {
        uint64_t middle = log_checkpoint(undo_log); /* so that commits find nothing superfluous */
        write_page(&a, AT(i % PAGES, 0), 8, i + 1);
        log_commit(undo_log, &a);
        log_remove_checkpoint(undo_log, middle);
        cr_assert_lt(log_bytes(undo_log), limit);
    }
    log_collect(undo_log);
    cr_expect_lt(log_bytes(undo_log), 2 * PAGES * PAGE);
    cr_expect_eq(log_undo_to(undo_log, checkpoint), 0);
    for (unsigned page = 0; page < PAGES; page++)
        cr_expect_eq(peek(AT(page, 0), 8), 0);
}

Test(log, absorbed_across_a_checkpoint)
{
    write_page(&a, AT(0, 0), 8, 1);
    uint64_t checkpoint = log_checkpoint(undo_log);
    write_page(&b, AT(0, 0), 8, 2);
    log_absorb(undo_log, &a, &b);
    cr_expect_eq(a.pages, 2); /* both are needed */
    cr_expect_eq(log_undo_to(undo_log, checkpoint), 0);
    cr_expect_eq(peek(AT(0, 0), 8), 1);
    undo(&a, NULL);
    cr_expect_eq(peek(AT(0, 0), 8), 0);
}

Test(log, an_undo_beside_what_a_checkpoint_keeps)
{
    uint64_t checkpoint = log_checkpoint(undo_log);
    write_page(&a, AT(0, 0), 8, 1);
    log_commit(undo_log, &a);
    write_page(&b, AT(0, 0), 8, 2);
    write_page(&b, AT(1, 0), 8, 2);
    share(1);
    write_bytes(NULL, AT(1, 8), 8, 3);
    cr_expect_eq(undo(&b, NULL), 2);
    cr_expect_eq(peek(AT(0, 0), 8), 1);
    cr_expect_eq(peek(AT(1, 0), 8), 0);
    cr_expect_eq(peek(AT(1, 8), 8), 3);
    cr_expect_eq(log_undo_to(undo_log, checkpoint), 0);
    cr_expect_eq(peek(AT(0, 0), 8), 0);
    cr_expect_eq(peek(AT(1, 8), 8), 0);
}
