/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "sim/campaign/store_state.h"

static void take_round(sqlite3_stmt *get, struct store_round *round)
{
    const char *what = (const char *)sqlite3_column_text(get, 3);
    *round = (struct store_round){
        .round = (unsigned)sqlite3_column_int64(get, 0),
        .shards = (unsigned)sqlite3_column_int64(get, 1),
        .shard = (unsigned)sqlite3_column_int64(get, 2),
        .what = what ? what : "",
        .items = (uint64_t)sqlite3_column_int64(get, 4),
        .sharded = sqlite3_column_int64(get, 5) != 0,
    };
}

/* Was it begun before, with other items? */
static int check_round(struct store *store, const struct store_round *round, struct error *err)
{
    sqlite3_stmt *get = store_prepare(
        store, "SELECT * FROM round WHERE round = ?1 AND shards = ?2 AND shard = ?3", err);
    if (!get)
        return -1;
    sqlite3_bind_int64(get, 1, round->round);
    sqlite3_bind_int64(get, 2, round->shards);
    sqlite3_bind_int64(get, 3, round->shard);
    int row = store_step(store, get, err);
    struct store_round found = *round;
    if (row == 1)
        take_round(get, &found);
    sqlite3_finalize(get);
    if (row == 1 && (found.items != round->items || found.sharded != round->sharded))
        return error_set(err,
                         "%s: round %u: expected %" PRIu64
                         " items, as when this campaign began, found %" PRIu64,
                         store->path, round->round, found.items, round->items);
    return row == 1 ? 0 : -1;
}

int store_begin_round(struct store *store, const struct store_round *round, struct error *err)
{
    if (store_begin(store, err))
        return -1;
    sqlite3_stmt *add =
        store_prepare(store, "INSERT OR IGNORE INTO round VALUES(?1, ?2, ?3, ?4, ?5, ?6)", err);
    if (!add)
        return -1;
    sqlite3_bind_int64(add, 1, round->round);
    sqlite3_bind_int64(add, 2, round->shards);
    sqlite3_bind_int64(add, 3, round->shard);
    sqlite3_bind_text(add, 4, round->what, -1, SQLITE_STATIC);
    sqlite3_bind_int64(add, 5, (sqlite3_int64)round->items);
    sqlite3_bind_int64(add, 6, round->sharded);
    int result = store_step(store, add, err);
    sqlite3_finalize(add);
    return result || check_round(store, round, err) ? -1 : 0;
}

int store_each_round(struct store *store, store_round_fn visit, void *opaque, struct error *err)
{
    sqlite3_stmt *get =
        store_prepare(store, "SELECT * FROM round ORDER BY round, shards, shard", err);
    if (!get)
        return -1;
    int row, result = 0;
    while (result == 0 && (row = store_step(store, get, err), row)) {
        struct store_round round;
        take_round(get, &round);
        result = row < 0 ? -1 : visit(opaque, &round, err);
    }
    sqlite3_finalize(get);
    return result;
}

int store_finish(struct store *store, struct error *err)
{
    char text[120];
    snprintf(text, sizeof text, "INSERT OR REPLACE INTO part VALUES(%u, %u, 1)",
             store->identity.shards, store->identity.shard);
    return store_begin(store, err) || store_sql(store, text, err) || store_commit(store, err) ? -1
                                                                                              : 0;
}

/* Appends shards that have not finished, of the division into `shards`; returns how many. */
static int add_missing(struct store *store, unsigned shards, char *missing, size_t size,
                       struct error *err)
{
    sqlite3_stmt *get = store_prepare(
        store, "SELECT shard FROM part WHERE shards = ?1 AND finished ORDER BY shard", err);
    if (!get)
        return -1;
    sqlite3_bind_int64(get, 1, shards);
    unsigned next = 1;
    int row = 1, count = 0;
    size_t length = 0;
    if (size)
        *missing = 0;
    while (row == 1) {
        row = store_step(store, get, err);
        unsigned finished = row == 1 ? (unsigned)sqlite3_column_int64(get, 0) : shards + 1;
        for (; row >= 0 && next < finished && next <= shards; next++, count++)
            if (length < size)
                length += (size_t)snprintf(missing + length, size - length, "%s%u/%u",
                                           length ? ", " : "", next, shards);
        next = finished + 1;
    }
    sqlite3_finalize(get);
    return row < 0 ? -1 : count;
}

int store_is_finished(struct store *store, bool *finished, char *missing, size_t size,
                      struct error *err)
{
    /* The division that is nearest to its end: fewest shards missing. */
    sqlite3_stmt *get = store_prepare(
        store, "SELECT shards FROM part GROUP BY shards ORDER BY shards - sum(finished), shards",
        err);
    if (!get)
        return -1;
    int row = store_step(store, get, err);
    unsigned shards = row == 1 ? (unsigned)sqlite3_column_int64(get, 0) : 1;
    sqlite3_finalize(get);
    if (row < 0)
        return -1;
    int count = add_missing(store, shards, missing, size, err);
    *finished = count == 0;
    return count < 0 ? -1 : 0;
}
