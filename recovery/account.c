/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recovery/account.h"

#include <string.h>

#define FIRST_ROOM 64
#define MAX_ROOM   (1u << 16)
#define SPARE      REQUEST_KINDS /* rows that only ACCOUNT_OTHERS may take */

/* Rows found by (kind, number). A thread's number is its identity, and its kind is 0. */
struct table {
    struct account_row *rows; /* in order of appearance */
    uint32_t *order;          /* sorted; indices into rows */
    uint32_t *slots;          /* open addressing, 2 * room; index + 1, or 0 */
    uint32_t count, room;     /* room is a power of two */
    bool threads;
};

struct account {
    struct arena *arena;
    struct table requests, threads;
    struct account_row outside[OUTSIDE_REASONS];
    bool met[OUTSIDE_REASONS];
    struct account_counts user;

    /* Where the last charge went; `to[0]` is NULL if that is not known. */
    struct account_where last;
    struct account_counts *to[2];
    struct account_counts nobody;
};

static int table_grow(struct arena *arena, struct table *table)
{
    uint32_t room = table->room ? table->room * 2 : FIRST_ROOM;
    if (room > MAX_ROOM)
        return -1;
    struct account_row *rows = arena_resize(arena, table->rows, room * sizeof *rows);
    if (rows)
        table->rows = rows;
    uint32_t *order = arena_resize(arena, table->order, room * sizeof *order);
    if (order)
        table->order = order;
    uint32_t *slots = arena_zeroed(arena, (size_t)room * 2, sizeof *slots);
    if (!rows || !order || !slots) {
        arena_free(arena, slots);
        return -1;
    }
    arena_free(arena, table->slots);
    table->slots = slots;
    table->room = room;
    return 0;
}

static uint64_t number_of(const struct table *table, const struct account_row *row)
{
    return table->threads ? row->where.thread : row->where.number;
}

static bool is(const struct table *table, const struct account_row *row, enum request_kind kind,
               uint64_t number)
{
    return row->where.kind == kind && number_of(table, row) == number;
}

/* The slot that names the row, or the free one where it would go. */
static uint32_t *slot_of(const struct table *table, enum request_kind kind, uint64_t number)
{
    uint64_t key = number * REQUEST_KINDS + (uint64_t)kind;
    for (uint64_t i = key * UINT64_C(0x9e3779b97f4a7c15) >> 32;; i++) {
        uint32_t *slot = &table->slots[i & (table->room * 2 - 1)];
        if (!*slot || is(table, &table->rows[*slot - 1], kind, number))
            return slot;
    }
}

/* How many rows come before (kind, number). */
static uint32_t rank_of(const struct table *table, enum request_kind kind, uint64_t number)
{
    uint32_t low = 0, high = table->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct account_row *row = &table->rows[table->order[middle]];
        if (row->where.kind < kind || (row->where.kind == kind && number_of(table, row) < number))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct account_row *row_of(struct arena *arena, struct table *table, enum request_kind kind,
                                  uint64_t number)
{
    uint32_t *slot = slot_of(table, kind, number);
    if (*slot)
        return &table->rows[*slot - 1];
    if (number != ACCOUNT_OTHERS && table->count + SPARE >= table->room) {
        if (table_grow(arena, table))
            return row_of(arena, table, kind, ACCOUNT_OTHERS);
        for (uint32_t i = 0; i < table->count; i++) {
            const struct account_row *row = &table->rows[i];
            *slot_of(table, row->where.kind, number_of(table, row)) = i + 1;
        }
        slot = slot_of(table, kind, number);
    }
    uint32_t rank = rank_of(table, kind, number), index = table->count++;
    memmove(&table->order[rank + 1], &table->order[rank], (index - rank) * sizeof *table->order);
    table->order[rank] = index;
    *slot = index + 1;
    struct account_row *row = &table->rows[index];
    *row = (struct account_row){.where.kind = kind};
    if (table->threads) {
        row->where.thread = number;
    } else {
        row->where.where = WHERE_INSIDE;
        row->where.number = number;
    }
    return row;
}

static const struct account_row *sorted_row(const struct table *table, size_t index)
{
    return index < table->count ? &table->rows[table->order[index]] : NULL;
}

struct account *account_new(struct arena *arena)
{
    struct account *account = arena_zeroed(arena, 1, sizeof *account);
    if (!account)
        return NULL;
    account->arena = arena;
    account->threads.threads = true;
    if (table_grow(arena, &account->requests) || table_grow(arena, &account->threads))
        return NULL;
    for (int i = 0; i < OUTSIDE_REASONS; i++)
        account->outside[i].where =
            (struct account_where){.where = WHERE_OUTSIDE, .reason = (enum outside_reason)i};
    return account;
}

static bool same(const struct account_where *a, const struct account_where *b)
{
    return a->where == b->where && a->thread == b->thread &&
           (a->where != WHERE_INSIDE || (a->kind == b->kind && a->number == b->number)) &&
           (a->where != WHERE_OUTSIDE || a->reason == b->reason);
}

/* Finds the two counts that a charge goes to. */
static void aim(struct account *account, const struct account_where *where)
{
    account->last = *where;
    account->to[1] = &account->nobody;
    switch (where->where) {
    case WHERE_USER:
        account->to[0] = &account->user;
        break;
    case WHERE_INSIDE:
        account->to[0] =
            &row_of(account->arena, &account->requests, where->kind, where->number)->counts;
        account->to[1] = &row_of(account->arena, &account->threads, 0, where->thread)->counts;
        break;
    case WHERE_OUTSIDE:
        account->met[where->reason] = true;
        account->to[0] = &account->outside[where->reason].counts;
        if (where->reason != OUTSIDE_FIRMWARE)
            account->to[1] = &row_of(account->arena, &account->threads, 0, where->thread)->outside;
        break;
    }
}

static void add(struct account_counts *sum, const struct account_counts *counts)
{
    sum->insns += counts->insns;
    sum->loads += counts->loads;
    sum->stores += counts->stores;
    sum->cycles += counts->cycles;
}

void account_charge(struct account *account, const struct account_where *where,
                    const struct account_counts *counts)
{
    if (!account->to[0] || !same(where, &account->last))
        aim(account, where);
    add(account->to[0], counts);
    add(account->to[1], counts);
}

void account_domain(struct account *account, enum request_kind kind, uint64_t number,
                    uint64_t log_bytes, uint64_t pages, uint64_t records)
{
    account->to[0] = NULL; /* rows may move */
    struct account_row *row = row_of(account->arena, &account->requests, kind, number);
    row->domains++;
    row->log_bytes += log_bytes;
    row->pages += pages;
    row->records += records;
}

const struct account_row *account_request(const struct account *account, size_t index)
{
    return sorted_row(&account->requests, index);
}

const struct account_row *account_outside(const struct account *account, size_t index)
{
    for (int i = 0; i < OUTSIDE_REASONS; i++)
        if (account->met[i] && index-- == 0)
            return &account->outside[i];
    return NULL;
}

const struct account_row *account_thread(const struct account *account, size_t index)
{
    return sorted_row(&account->threads, index);
}

struct account_counts account_total(const struct account *account, int where)
{
    struct account_counts sum = {0};
    const struct account_row *row;
    switch (where) {
    case WHERE_USER:
        return account->user;
    case WHERE_INSIDE:
        for (size_t i = 0; (row = account_request(account, i)); i++)
            add(&sum, &row->counts);
        break;
    case WHERE_OUTSIDE:
        for (size_t i = 0; (row = account_outside(account, i)); i++)
            if (row->where.reason != OUTSIDE_FIRMWARE)
                add(&sum, &row->counts);
        break;
    }
    return sum;
}
