/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* asprintf() */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/campaign/store_schema.h"
#include "sim/campaign/store_state.h"
#include "sim/options.h"
#include "sim/text.h"

#define BUSY_MS 60000 /* how long readers may keep a writer waiting, and the other way round */

/* ---- SQLite -------------------------------------------------------------------------------- */

int store_fail(const struct store *store, struct error *err)
{
    int code = sqlite3_extended_errcode(store->db);
    switch (code & 0xff) {
    case SQLITE_FULL:
        return error_set(err, "%s: cannot write: no space left", store->path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return error_set(err, "%s: locked by another process", store->path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return error_set(err, "%s: the database is damaged (%s)", store->path,
                         sqlite3_errmsg(store->db));
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
        return error_set(err, "%s: cannot write the file, or a journal beside it", store->path);
    case SQLITE_IOERR: /* a file that is larger than RLIMIT_FSIZE allows is one, too */
        return error_set(err, "%s: cannot %s: %s", store->path,
                         code == SQLITE_IOERR_READ ? "read" : "write", sqlite3_errmsg(store->db));
    default:
        return error_set(err, "%s: %s", store->path, sqlite3_errmsg(store->db));
    }
}

int store_sql(struct store *store, const char *text, struct error *err)
{
    return sqlite3_exec(store->db, text, NULL, NULL, NULL) == SQLITE_OK ? 0
                                                                        : store_fail(store, err);
}

sqlite3_stmt *store_prepare(struct store *store, const char *text, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(store->db, text, -1, &statement, NULL) != SQLITE_OK)
        store_fail(store, err);
    return statement;
}

sqlite3_stmt *store_kept(struct store *store, enum store_statement which, struct error *err)
{
    static const char *const texts[STATEMENTS] = {
        [STATEMENT_ADD] = "INSERT INTO result VALUES(?1, ?2, ?3, ?4, ?5)",
        [STATEMENT_SET] = "INSERT OR IGNORE INTO fact VALUES(?1, ?2)",
        [STATEMENT_GET] = "SELECT value FROM fact WHERE name = ?1",
        [STATEMENT_COUNT] =
            "SELECT count(*) FROM result WHERE round = ?1 AND (?2 IS NULL OR outcome = ?2)",
    };
    if (!store->statements[which])
        store->statements[which] = store_prepare(store, texts[which], err);
    return store->statements[which];
}

int store_step(struct store *store, sqlite3_stmt *statement, struct error *err)
{
    int code = sqlite3_step(statement);
    return code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : store_fail(store, err);
}

int store_begin(struct store *store, struct error *err)
{
    return sqlite3_get_autocommit(store->db) ? store_sql(store, "BEGIN IMMEDIATE", err) : 0;
}

int store_commit(struct store *store, struct error *err)
{
    return sqlite3_get_autocommit(store->db) ? 0 : store_sql(store, "COMMIT", err);
}

static void bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC); /* NULL is NULL */
}

static const char *column_text(sqlite3_stmt *statement, int index)
{
    const char *text = (const char *)sqlite3_column_text(statement, index);
    return text ? text : "";
}

/* ---- Identity ------------------------------------------------------------------------------ */

enum {
    TEXT_KIND,
    TEXT_CONFIG,
    TEXT_DIGEST,
    TEXT_PARAMETERS,
};
static const char *const identity_names[] = {[TEXT_KIND] = "kind",
                                             [TEXT_CONFIG] = "config",
                                             [TEXT_DIGEST] = "digest",
                                             [TEXT_PARAMETERS] = "parameters"};

static int add_row(struct store *store, const char *name, const char *value, struct error *err)
{
    sqlite3_stmt *add = store_prepare(store, "INSERT INTO identity VALUES(?1, ?2)", err);
    if (!add)
        return -1;
    bind_text(add, 1, name);
    bind_text(add, 2, value);
    int result = store_step(store, add, err);
    sqlite3_finalize(add);
    return result;
}

static int add_all(struct store *store, const struct store_identity *identity, struct error *err)
{
    char text[200];
    const char *const values[] = {[TEXT_KIND] = identity->kind,
                                  [TEXT_CONFIG] = identity->config,
                                  [TEXT_DIGEST] = identity->digest,
                                  [TEXT_PARAMETERS] = identity->parameters};
    snprintf(text, sizeof text, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             STORE_APPLICATION_ID, STORE_VERSION);
    if (store_begin(store, err) || store_sql(store, text, err) ||
        store_sql(store, STORE_SCHEMA, err) || add_row(store, "version", IASO_VERSION, err))
        return -1;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (add_row(store, identity_names[i], values[i], err))
            return -1;
    snprintf(text, sizeof text, "INSERT INTO part VALUES(%u, %u, 0)",
             identity->shards ? identity->shards : 1, identity->shards ? identity->shard : 1);
    return store_sql(store, text, err) || store_commit(store, err) ? -1 : 0;
}

static int create(struct store *store, const struct store_identity *identity, struct error *err)
{
    if (add_all(store, identity, err) == 0)
        return 0;
    store_sql(store, "ROLLBACK", NULL);
    return -1;
}

static int read_identity_text(struct store *store, const char *name, char **value,
                              struct error *err)
{
    sqlite3_stmt *get = store_prepare(store, "SELECT value FROM identity WHERE name = ?1", err);
    if (!get)
        return -1;
    bind_text(get, 1, name);
    int row = store_step(store, get, err);
    if (row == 0)
        error_set(err, "%s: the database is damaged (no %s)", store->path, name);
    else if (row == 1 && (*value = strdup(column_text(get, 0)), !*value))
        row = error_set(err, "out of memory");
    sqlite3_finalize(get);
    return row == 1 ? 0 : -1;
}

/* One part is a shard, or the whole; several have been merged, which counts as the whole. */
static int read_parts(struct store *store, struct error *err)
{
    sqlite3_stmt *get =
        store_prepare(store, "SELECT count(*), max(shards), max(shard) FROM part", err);
    if (!get)
        return -1;
    int row = store_step(store, get, err);
    int64_t parts = row == 1 ? sqlite3_column_int64(get, 0) : 0;
    store->identity.shards = parts == 1 ? (unsigned)sqlite3_column_int64(get, 1) : 1;
    store->identity.shard = parts == 1 ? (unsigned)sqlite3_column_int64(get, 2) : 1;
    sqlite3_finalize(get);
    return row == 1 ? 0 : -1;
}

static int read_identity(struct store *store, struct error *err)
{
    for (size_t i = 0; i < sizeof store->texts / sizeof *store->texts; i++)
        if (read_identity_text(store, identity_names[i], &store->texts[i], err))
            return -1;
    store->identity.kind = store->texts[TEXT_KIND];
    store->identity.config = store->texts[TEXT_CONFIG];
    store->identity.digest = store->texts[TEXT_DIGEST];
    store->identity.parameters = store->texts[TEXT_PARAMETERS];
    return read_parts(store, err);
}

/* The first line of `a` that is not in `b`, NULL: there is none. Lines end with a newline. */
static const char *other_line(const char *a, const char *b)
{
    while (*a) {
        size_t length = strcspn(a, "\n") + 1;
        const char *found = b;
        while (*found && strncmp(found, a, length))
            found += strcspn(found, "\n") + (strchr(found, '\n') != NULL);
        if (!*found)
            return a;
        a += length - (a[length - 1] == 0);
    }
    return NULL;
}

static int wrong_digest(const struct store *store, const char *expected, struct error *err)
{
    const char *found = store->identity.digest, *now = other_line(expected, found),
               *before = other_line(found, expected),
               *line = now      ? now
                       : before ? before
                                : "";
    const char *name = strstr(line, "  ");
    int length = name ? (int)strcspn(name + 2, "\n") : 0;
    return error_set(err,
                     "%s: %.*s has changed since this campaign began (SHA-256 %.12s then, %.12s "
                     "now): begin another one, without --resume",
                     store->path, length < 200 ? length : 200, name ? name + 2 : "",
                     before ? before : "none", now ? now : "none");
}

int store_compare(const struct store *store, const struct store_identity *expected,
                  struct error *err)
{
    const struct store_identity *found = &store->identity;
    if (strcmp(found->kind, expected->kind))
        return error_set(err, "%s: expected a campaign of kind %s, found %s", store->path,
                         expected->kind, found->kind);
    if (strcmp(found->digest, expected->digest))
        return wrong_digest(store, expected->digest, err);
    if (strcmp(found->parameters, expected->parameters))
        return error_set(err, "%s: expected a campaign with the options %.150s, found %.150s",
                         store->path, expected->parameters, found->parameters);
    return 0;
}

static int compare_all(struct store *store, const struct store_identity *expected,
                       struct error *err)
{
    unsigned shard = expected->shards ? expected->shard : 1,
             shards = expected->shards ? expected->shards : 1;
    if (store_compare(store, expected, err))
        return -1;
    if (store->identity.shard != shard || store->identity.shards != shards)
        return error_set(err, "%s: expected shard %u/%u, found %u/%u", store->path, shard, shards,
                         store->identity.shard, store->identity.shards);
    return 0;
}

int store_check_version(struct store *store, struct error *err)
{
    char *version = NULL;
    if (read_identity_text(store, "version", &version, err))
        return -1;
    int result = 0;
    if (strcmp(version, IASO_VERSION))
        result = error_set(err,
                           "%s: expected a campaign of iaso " IASO_VERSION ", found %s: begin "
                           "another one, without --resume",
                           store->path, version);
    free(version);
    return result;
}

/* ---- Opening and closing ------------------------------------------------------------------- */

/* Is it whole? A campaign that is read only in part would be begun again in part. */
static int check_pages(struct store *store, struct error *err)
{
    sqlite3_stmt *check = store_prepare(store, "PRAGMA quick_check(1)", err);
    if (!check)
        return -1;
    int row = store_step(store, check, err);
    const char *text = row == 1 ? column_text(check, 0) : "ok";
    if (strcmp(text, "ok")) {
        const char *heading = strchr(text, '\n'); /* names the database, if there is one */
        text = heading ? heading + 1 : text;
        row = error_set(err, "%s: the database is damaged (%.*s)", store->path,
                        (int)strcspn(text, "\n"), text);
    }
    sqlite3_finalize(check);
    return row == 1 ? 0 : -1;
}

/* A campaign that was killed while it began has left an empty database. */
static int is_blank(struct store *store, struct error *err)
{
    sqlite3_stmt *get = store_prepare(store, "SELECT count(*) FROM sqlite_master", err);
    if (!get)
        return -1;
    int row = store_step(store, get, err);
    if (row == 1)
        row = sqlite3_column_int64(get, 0) == 0;
    sqlite3_finalize(get);
    return row;
}

static int open_database(struct store *store, enum store_mode mode,
                         const struct store_identity *identity, struct error *err)
{
    bool empty = false;
    if (store_open_file(store, mode, &empty, err))
        return -1;
    if (sqlite3_open_v2(store->file, &store->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        return store->db ? store_fail(store, err) : error_set(err, "out of memory");
    sqlite3_busy_timeout(store->db, BUSY_MS);
    sqlite3_extended_result_codes(store->db, 1);
    /* A rollback journal, not a WAL: the file is whole between commits, so that it can be copied,
     * and networks' file systems will do. It is written to in commits only. */
    if (store_sql(
            store,
            "PRAGMA trusted_schema = OFF; PRAGMA cache_spill = OFF; PRAGMA synchronous = FULL;",
            err))
        return -1;
    int blank = empty ? 1 : is_blank(store, err);
    if (blank < 0)
        return -1;
    if (blank && mode == STORE_READ)
        return error_set(err, "%s: expected the database of a campaign, found an empty one",
                         store->path);
    if (blank)
        return create(store, identity, err) || read_identity(store, err) ? -1 : 0;
    if (check_pages(store, err) || read_identity(store, err))
        return -1;
    if (mode == STORE_READ)
        return store_sql(store, "PRAGMA query_only = ON", err);
    return store_check_version(store, err) || compare_all(store, identity, err) ? -1 : 0;
}

struct store *store_open(const char *path, enum store_mode mode,
                         const struct store_identity *identity, struct error *err)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store || asprintf(&store->file, "%s%s", strchr(path, '/') ? "" : "./", path) < 0) {
        free(store);
        error_set(err, "out of memory");
        return NULL;
    }
    store->fd = -1;
    store->path = store->file + (strchr(path, '/') ? 0 : 2);
    if (open_database(store, mode, identity, err) == 0)
        return store;
    bool made = store->made;
    store_close(store, NULL);
    if (made)
        unlink(path);
    return NULL;
}

int store_close(struct store *store, struct error *err)
{
    if (!store)
        return 0;
    int result = store->db ? store_commit(store, err) : 0;
    for (size_t i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(store->statements[i]);
    if (sqlite3_close(store->db) != SQLITE_OK && result == 0)
        result = store_fail(store, err);
    store_forget(store);
    for (size_t i = 0; i < sizeof store->texts / sizeof *store->texts; i++)
        free(store->texts[i]);
    free(store->file);
    free(store);
    return result;
}

void store_forget(struct store *store)
{
    if (store->fd >= 0)
        close(store->fd);
    store->fd = -1;
}

const char *store_path(const struct store *store)
{
    return store->path;
}

const struct store_identity *store_identity(const struct store *store)
{
    return &store->identity;
}

/* ---- Rows ---------------------------------------------------------------------------------- */

int store_set(struct store *store, const char *name, const char *value, struct error *err)
{
    sqlite3_stmt *set = store_kept(store, STATEMENT_SET, err);
    char *found = NULL, a[80], b[80];
    if (!set || store_begin(store, err))
        return -1;
    bind_text(set, 1, name);
    bind_text(set, 2, value);
    int result = store_step(store, set, err);
    sqlite3_reset(set);
    if (result || store_get(store, name, &found, err))
        return -1;
    if (!found || strcmp(found, value))
        result = error_set(err, "%s: %s: expected %s, as when this campaign began, found %s",
                           store->path, name, text_quote(found ? found : "", a, sizeof a),
                           text_quote(value, b, sizeof b));
    free(found);
    return result;
}

int store_get(struct store *store, const char *name, char **value, struct error *err)
{
    *value = NULL;
    sqlite3_stmt *get = store_kept(store, STATEMENT_GET, err);
    if (!get)
        return -1;
    bind_text(get, 1, name);
    int row = store_step(store, get, err);
    if (row == 1 && (*value = strdup(column_text(get, 0)), !*value))
        row = error_set(err, "out of memory");
    sqlite3_reset(get);
    return row < 0 ? -1 : 0;
}

int store_add(struct store *store, const struct campaign_result *result, struct error *err)
{
    sqlite3_stmt *add = store_kept(store, STATEMENT_ADD, err);
    if (!add || store_begin(store, err))
        return -1;
    sqlite3_bind_int64(add, 1, result->round);
    bind_text(add, 2, result->key);
    bind_text(add, 3, result->outcome);
    bind_text(add, 4, result->detail);
    sqlite3_bind_int64(add, 5, result->attempts);
    int failed = store_step(store, add, err);
    sqlite3_reset(add);
    return failed;
}

int store_each(struct store *store, unsigned round, store_visit_fn visit, void *opaque,
               struct error *err)
{
    sqlite3_stmt *get = store_prepare(
        store, "SELECT key, outcome, detail, attempts FROM result WHERE round = ?1 ORDER BY key",
        err);
    if (!get)
        return -1;
    sqlite3_bind_int64(get, 1, round);
    int row, result = 0;
    while (result == 0 && (row = store_step(store, get, err), row)) {
        const struct campaign_result visited = {
            .round = round,
            .key = column_text(get, 0),
            .outcome = column_text(get, 1),
            .detail = (const char *)sqlite3_column_text(get, 2),
            .attempts = (unsigned)sqlite3_column_int64(get, 3),
        };
        result = row < 0 ? -1 : visit(opaque, &visited, err);
    }
    sqlite3_finalize(get);
    return result;
}

int store_count(struct store *store, unsigned round, const char *outcome, uint64_t *count,
                struct error *err)
{
    sqlite3_stmt *get = store_kept(store, STATEMENT_COUNT, err);
    if (!get)
        return -1;
    sqlite3_bind_int64(get, 1, round);
    bind_text(get, 2, outcome);
    int row = store_step(store, get, err);
    *count = row == 1 ? (uint64_t)sqlite3_column_int64(get, 0) : 0;
    sqlite3_reset(get);
    return row == 1 ? 0 : -1;
}
