/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* renameat2() */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/campaign/store_state.h"

/* What two databases say of the same thing, and contradict each other. "lost" says nothing. */
#define CONFLICTS                                                                                \
    "SELECT 'fact', name FROM fact a JOIN other.fact b USING(name) WHERE a.value <> b.value "    \
    "UNION ALL "                                                                                 \
    "SELECT 'round', round FROM round a JOIN other.round b USING(round, shards, shard) "         \
    "WHERE a.items <> b.items OR a.sharded <> b.sharded "                                        \
    "UNION ALL "                                                                                 \
    "SELECT 'result', round || ', ' || key FROM result a JOIN other.result b USING(round, key) " \
    "WHERE a.outcome <> 'lost' AND b.outcome <> 'lost' "                                         \
    "AND (a.outcome <> b.outcome OR a.detail IS NOT b.detail) LIMIT 1"

/* The same whatever the order of the inputs is. */
#define ADDITION                                                                         \
    "INSERT OR IGNORE INTO fact SELECT * FROM other.fact;"                               \
    "INSERT OR IGNORE INTO round SELECT * FROM other.round;"                             \
    "INSERT INTO part SELECT * FROM other.part WHERE true ON CONFLICT DO UPDATE SET"     \
    " finished = max(finished, excluded.finished);"                                      \
    "INSERT INTO result SELECT * FROM other.result WHERE true ON CONFLICT DO UPDATE SET" \
    " outcome = iif(outcome = 'lost', excluded.outcome, outcome),"                       \
    " detail = CASE WHEN outcome <> 'lost' THEN detail WHEN excluded.outcome <> 'lost'"  \
    "  THEN excluded.detail ELSE min(detail, excluded.detail) END,"                      \
    " attempts = max(attempts, excluded.attempts);"

static int check_conflicts(struct store *output, const char *input, struct error *err)
{
    sqlite3_stmt *get = store_prepare(output, CONFLICTS, err);
    if (!get)
        return -1;
    int row = store_step(output, get, err);
    if (row == 1)
        row = error_set(err,
                        "%s: %s %s: expected the same as in the databases before it, found "
                        "another",
                        input, (const char *)sqlite3_column_text(get, 0),
                        (const char *)sqlite3_column_text(get, 1));
    sqlite3_finalize(get);
    return row;
}

static int attach(struct store *output, const char *input, struct error *err)
{
    sqlite3_stmt *attach = store_prepare(output, "ATTACH ?1 AS other", err);
    if (!attach)
        return -1;
    sqlite3_bind_text(attach, 1, input, -1, SQLITE_STATIC);
    int result = store_step(output, attach, err);
    sqlite3_finalize(attach);
    return result;
}

static int add_input(struct store *output, const char *path, struct error *err)
{
    struct store *input = store_open(path, STORE_READ, NULL, err);
    if (!input)
        return -1;
    int result = -1;
    if (store_check_version(input, err) == 0 && store_compare(input, &output->identity, err) == 0 &&
        attach(output, input->file, err) == 0 && store_begin(output, err) == 0 &&
        check_conflicts(output, path, err) == 0 && store_sql(output, ADDITION, err) == 0 &&
        store_commit(output, err) == 0)
        result = store_sql(output, "DETACH other", err);
    store_close(input, NULL);
    return result;
}

/* A database of the first input's campaign, with no rows at all. */
static struct store *new_output(const char *path, const char *input, struct error *err)
{
    struct store *first = store_open(input, STORE_READ, NULL, err);
    struct store *output = first ? store_open(path, STORE_NEW, store_identity(first), err) : NULL;
    store_close(first, NULL);
    if (output && store_sql(output, "DELETE FROM part", err)) {
        store_close(output, NULL);
        unlink(path);
        return NULL;
    }
    return output;
}

/* Where the file system cannot do it in one step, somebody may come between. */
static int rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (access(to, F_OK) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(from, to);
}

int store_merge(const char *output, const char *const *inputs, size_t count, struct error *err)
{
    char *temporary = NULL;
    if (access(output, F_OK) == 0)
        return error_set(err, "%s: expected a new file, found one", output);
    if (asprintf(&temporary, "%s.%ld", output, (long)getpid()) < 0)
        return error_set(err, "out of memory");
    struct store *store = new_output(temporary, inputs[0], err);
    int result = store ? 0 : -1;
    for (size_t i = 0; i < count && result == 0; i++)
        result = add_input(store, inputs[i], err);
    if (store) {
        int closed = store_close(store, result ? NULL : err);
        if (result == 0 && (result = closed) == 0 && rename_new(temporary, output))
            result = error_set(err, "%s: cannot write: %s", output, strerror(errno));
        if (result)
            unlink(temporary);
    }
    free(temporary);
    return result;
}
