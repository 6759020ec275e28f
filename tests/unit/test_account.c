/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include "recovery/account.h"

static struct arena *arena;
static struct account *account;

static void set_up(void)
{
    arena = arena_open(ARENA_RESERVE, NULL);
    cr_assert_not_null(arena);
    account = account_new(arena);
    cr_assert_not_null(account);
}

static void tear_down(void)
{
    arena_close(arena);
}

TestSuite(account, .init = set_up, .fini = tear_down);

static void inside(enum request_kind kind, uint64_t number, uint64_t thread, uint64_t n)
{
    const struct account_where where = {
        .where = WHERE_INSIDE, .kind = kind, .number = number, .thread = thread};
    account_charge(account, &where, &(struct account_counts){n, 2 * n, 3 * n, 4 * n});
}

static void outside(enum outside_reason reason, uint64_t thread, uint64_t n)
{
    const struct account_where where = {.where = WHERE_OUTSIDE, .reason = reason, .thread = thread};
    account_charge(account, &where, &(struct account_counts){n, 2 * n, 3 * n, 4 * n});
}

static void user(uint64_t thread, uint64_t n)
{
    const struct account_where where = {.where = WHERE_USER, .thread = thread};
    account_charge(account, &where, &(struct account_counts){n, 2 * n, 3 * n, 4 * n});
}

static void expect_counts(struct account_counts counts, uint64_t n, const char *what)
{
    cr_expect_eq(counts.insns, n, "%s: %lu", what, counts.insns);
    cr_expect_eq(counts.loads, 2 * n, "%s", what);
    cr_expect_eq(counts.stores, 3 * n, "%s", what);
    cr_expect_eq(counts.cycles, 4 * n, "%s", what);
}

static void expect_request(size_t index, enum request_kind kind, uint64_t number, uint64_t n)
{
    const struct account_row *row = account_request(account, index);
    cr_assert_not_null(row);
    cr_expect_eq(row->where.where, WHERE_INSIDE);
    cr_expect_eq(row->where.kind, kind);
    cr_expect_eq(row->where.number, number);
    cr_expect_eq(row->where.thread, 0);
    expect_counts(row->counts, n, "request");
    expect_counts(row->outside, 0, "request");
}

static void expect_thread(size_t index, uint64_t thread, uint64_t in, uint64_t out)
{
    const struct account_row *row = account_thread(account, index);
    cr_assert_not_null(row);
    cr_expect_eq(row->where.thread, thread);
    cr_expect_eq(row->where.number, 0);
    expect_counts(row->counts, in, "inside");
    expect_counts(row->outside, out, "outside");
}

Test(account, nothing_yet)
{
    cr_expect_null(account_request(account, 0));
    cr_expect_null(account_outside(account, 0));
    cr_expect_null(account_thread(account, 0));
    for (int where = WHERE_USER; where <= WHERE_OUTSIDE; where++)
        expect_counts(account_total(account, where), 0, "total");
}

Test(account, rows_are_sums_in_order)
{
    outside(OUTSIDE_BOOT, 0, 1);
    user(0x700, 2);
    inside(REQUEST_SYSCALL, 64, 0x700, 10);
    inside(REQUEST_INTERRUPT, 5, 0x700, 20);
    inside(REQUEST_SYSCALL, 63, 0x800, 30);
    user(0x800, 3);
    outside(OUTSIDE_IDLE, 0x600, 40);
    outside(OUTSIDE_FIRMWARE, 0x600, 50);
    inside(REQUEST_SYSCALL, 64, 0x800, 60);
    inside(REQUEST_SYSCALL, 64, 0x800, 70);
    inside(REQUEST_FAULT, 64, 0x700, 80);
    outside(OUTSIDE_EXEMPT, 0x800, 90);

    expect_request(0, REQUEST_SYSCALL, 63, 30);
    expect_request(1, REQUEST_SYSCALL, 64, 140);
    expect_request(2, REQUEST_FAULT, 64, 80);
    expect_request(3, REQUEST_INTERRUPT, 5, 20);
    cr_expect_null(account_request(account, 4));

    static const enum outside_reason reasons[] = {OUTSIDE_BOOT, OUTSIDE_IDLE, OUTSIDE_EXEMPT,
                                                  OUTSIDE_FIRMWARE};
    static const uint64_t sums[] = {1, 40, 90, 50};
    for (size_t i = 0; i < 4; i++) {
        const struct account_row *row = account_outside(account, i);
        cr_assert_not_null(row);
        cr_expect_eq(row->where.where, WHERE_OUTSIDE);
        cr_expect_eq(row->where.reason, reasons[i]);
        expect_counts(row->counts, sums[i], "reason");
    }
    cr_expect_null(account_outside(account, 4));

    expect_thread(0, 0, 0, 1);
    expect_thread(1, 0x600, 0, 40); /* firmware is no thread's */
    expect_thread(2, 0x700, 110, 0);
    expect_thread(3, 0x800, 160, 90);
    cr_expect_null(account_thread(account, 4));

    expect_counts(account_total(account, WHERE_USER), 5, "user");
    expect_counts(account_total(account, WHERE_INSIDE), 270, "inside");
    expect_counts(account_total(account, WHERE_OUTSIDE), 131, "outside");
}

Test(account, only_the_fields_that_count)
{
    struct account_where where = {
        .where = WHERE_INSIDE, .reason = OUTSIDE_IDLE, .kind = REQUEST_FAULT, .number = 13};
    const struct account_counts counts = {1, 2, 3, 4};
    account_charge(account, &where, &counts);
    where.reason = OUTSIDE_BOOT;
    account_charge(account, &where, &counts);
    expect_request(0, REQUEST_FAULT, 13, 2);
    where.where = WHERE_OUTSIDE;
    account_charge(account, &where, &counts);
    where.number = 12;
    where.kind = REQUEST_SYSCALL;
    account_charge(account, &where, &counts);
    cr_expect_null(account_request(account, 1));
    expect_counts(account_outside(account, 0)->counts, 2, "boot");
    cr_expect_eq(account_outside(account, 0)->where.number, 0);
    cr_expect_null(account_outside(account, 1));
}

Test(account, domains)
{
    inside(REQUEST_SYSCALL, 64, 1, 7);
    for (uint64_t i = 0; i < 200; i++) { /* rows move */
        account_domain(account, REQUEST_FUNCTION, i, 4096, 1, 0);
        inside(REQUEST_SYSCALL, 64, 1, 1);
    }
    account_domain(account, REQUEST_SYSCALL, 64, 8192, 2, 5);
    account_domain(account, REQUEST_SYSCALL, 64, 100, 0, 6);
    const struct account_row *row = account_request(account, 0);
    expect_request(0, REQUEST_SYSCALL, 64, 207);
    cr_expect_eq(row->domains, 2);
    cr_expect_eq(row->log_bytes, 8292);
    cr_expect_eq(row->pages, 2);
    cr_expect_eq(row->records, 11);
    expect_request(200, REQUEST_FUNCTION, 199, 0);
    cr_expect_eq(account_request(account, 200)->domains, 1);
    expect_thread(0, 1, 207, 0);
    cr_expect_null(account_thread(account, 1));
}

Test(account, many_rows)
{
    const uint64_t count = 20011; /* a prime: all residues appear */
    for (unsigned round = 1; round <= 2; round++)
        for (uint64_t i = 0; i < count; i++) {
            uint64_t at = i * 7919 % count;
            inside(REQUEST_FUNCTION, at * 64, at << 12 | UINT64_C(1) << 63, at);
        }
    for (uint64_t i = 0; i < count; i++) {
        expect_request(i, REQUEST_FUNCTION, i * 64, 2 * i);
        expect_thread(i, i << 12 | UINT64_C(1) << 63, 2 * i, 0);
    }
    cr_expect_null(account_request(account, count));
    cr_expect_null(account_thread(account, count));
}

Test(account, nothing_is_lost_when_there_are_too_many)
{
    const uint64_t count = 70000;
    for (uint64_t i = 0; i < count; i++)
        inside(REQUEST_SYSCALL, i, i, 1);
    inside(REQUEST_SYSCALL, 3, 3, 1);        /* has its row */
    inside(REQUEST_FAULT, 13, count + 1, 5); /* has none */
    account_domain(account, REQUEST_FAULT, 12, 1, 2, 3);
    outside(OUTSIDE_THREAD, count + 2, 6);
    expect_counts(account_total(account, WHERE_INSIDE), count + 6, "inside");
    expect_request(3, REQUEST_SYSCALL, 3, 2);

    const struct account_row *row;
    size_t rows = 0, threads = 0;
    uint64_t others = 0;
    for (; (row = account_request(account, rows)); rows++)
        if (row->where.number == ACCOUNT_OTHERS && row->where.kind == REQUEST_SYSCALL)
            others = row->counts.insns;
    cr_expect_eq(others, count - (rows - 2));
    expect_request(rows - 2, REQUEST_SYSCALL, ACCOUNT_OTHERS, others);
    expect_request(rows - 1, REQUEST_FAULT, ACCOUNT_OTHERS, 5);
    cr_expect_eq(account_request(account, rows - 1)->pages, 2);

    while (account_thread(account, threads))
        threads++;
    expect_thread(threads - 1, ACCOUNT_OTHERS, count - (threads - 1) + 5, 6);
}
