/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_STORE_STATE_H
#define IASO_SIM_STORE_STATE_H

#include <sqlite3.h>

#include "sim/campaign/store.h"

enum store_statement {
    STATEMENT_ADD,
    STATEMENT_SET,
    STATEMENT_GET,
    STATEMENT_COUNT,
    STATEMENTS,
};

/* Of store.c and its neighbours. */
struct store {
    sqlite3 *db;
    char *file;       /* for SQLite, which has names of its own such as ":memory:" */
    const char *path; /* within it: as it was given */
    bool made;        /* the file, which is ours alone */
    int fd; /* of the lock; -1: none. Closed after the database: closing it drops SQLite's locks */
    struct store_identity identity;
    char *texts[4]; /* that the identity points to */
    sqlite3_stmt *statements[STATEMENTS];
};

/* Checks and locks the file before SQLite sees it; *empty: SQLite may make it a database. */
int store_open_file(struct store *store, enum store_mode mode, bool *empty, struct error *err);

/* Puts a name and what SQLite says is wrong into err; -1. */
int store_fail(const struct store *store, struct error *err);

int store_sql(struct store *store, const char *text, struct error *err);

/* A statement to bind and step; NULL on failure. Those of the enum are kept, others to be
 * finalized. */
sqlite3_stmt *store_prepare(struct store *store, const char *text, struct error *err);
sqlite3_stmt *store_kept(struct store *store, enum store_statement which, struct error *err);

/* Steps once: 1 a row, 0 done, -1 failed. In any case the caller resets the statement. */
int store_step(struct store *store, sqlite3_stmt *statement, struct error *err);

/* Opens a transaction unless there is one. */
int store_begin(struct store *store, struct error *err);

/* -1 unless the campaign was begun by this version of iaso. */
int store_check_version(struct store *store, struct error *err);

/* -1 where kind, digest or parameters are others. */
int store_compare(const struct store *store, const struct store_identity *expected,
                  struct error *err);

#endif
