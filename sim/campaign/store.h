/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_STORE_H
#define IASO_SIM_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/error.h"

/*
 * The database of a campaign (SQLite): who it is, facts about it, its rounds, and one row for each
 * result. Killed at any time, even with SIGKILL, it loses what was added since the last
 * store_commit() and nothing else. Once closed it is a single file.
 *
 * One process writes to a store, and holds a lock meanwhile; others may read it. A child process
 * must not touch its parent's stores: it calls store_forget() and leaves with _exit().
 *
 * Errors begin with the file's name. Nothing that is no database of a campaign is ever changed.
 */
struct store;

/* What makes two campaigns the same one. Strings are the caller's. */
struct store_identity {
    const char *kind;       /* "sweep", "inject" */
    const char *config;     /* the config's path, for people: it may differ */
    const char *digest;     /* what config_digest() says */
    const char *parameters; /* of the command line, JSON; "{}" if there are none */
    unsigned shard, shards; /* `shard` of `shards`, from 1; 1 of 1: the whole. It may be 0 of 0 */
};

enum store_mode {
    STORE_NEW,    /* there must be no such file */
    STORE_RESUME, /* goes on with the file, if there is one and it is of the same identity */
    STORE_READ,   /* any campaign; `identity` may be NULL and is not looked at */
};

/* One row. "lost" is the outcome of an item that killed its workers. */
struct campaign_result {
    unsigned round;
    const char *key;
    const char *outcome; /* a short word */
    const char *detail;  /* JSON, or NULL */
    unsigned attempts;   /* workers it took; 1 if all went well */
};

struct store *store_open(const char *path, enum store_mode mode,
                         const struct store_identity *identity, struct error *err);

/* Commits and closes; the store is gone even if that fails. NULL: nothing. */
int store_close(struct store *store, struct error *err);

/* In a child process: closes what must not stay open there. The store cannot be used any more. */
void store_forget(struct store *store);

/* The file's name and the identity that it holds; they live as long as the store. */
const char *store_path(const struct store *store);
const struct store_identity *store_identity(const struct store *store);

/* Facts about the campaign as a whole, the same in all its shards: setting one to another value
 * than it has is an error. store_get() gives a malloc'ed string, NULL if there is none. */
int store_set(struct store *store, const char *name, const char *value, struct error *err);
int store_get(struct store *store, const char *name, char **value, struct error *err);

/* Adds to the open transaction, or opens one. A second result of the same item is an error. */
int store_add(struct store *store, const struct campaign_result *result, struct error *err);
int store_commit(struct store *store, struct error *err);

/* Visits the results of a round in order of key (strcmp); what is visited lives until the visitor
 * returns. A visitor that returns other than 0 ends it with that value. It must not add. */
typedef int (*store_visit_fn)(void *opaque, const struct campaign_result *result,
                              struct error *err);
int store_each(struct store *store, unsigned round, store_visit_fn visit, void *opaque,
               struct error *err);

/* How many results a round has; of one outcome, or of all (NULL). */
int store_count(struct store *store, unsigned round, const char *outcome, uint64_t *count,
                struct error *err);

/* A round of one shard, as it was begun. campaign_round() notes them. */
struct store_round {
    unsigned round;
    unsigned shard, shards;
    const char *what; /* a word or two for people */
    uint64_t items;   /* in all shards, or in this one if the round is not sharded */
    bool sharded;     /* the shards share the items; false: each does all that it knows of */
};
int store_begin_round(struct store *store, const struct store_round *round, struct error *err);
typedef int (*store_round_fn)(void *opaque, const struct store_round *round, struct error *err);
int store_each_round(struct store *store, store_round_fn visit, void *opaque, struct error *err);

/* Notes that this shard has done all its rounds. */
int store_finish(struct store *store, struct error *err);

/* Has every shard done so? `missing` names those that have not, such as "2/3, 3/3"; may be NULL. */
int store_is_finished(struct store *store, bool *finished, char *missing, size_t size,
                      struct error *err);

/*
 * Makes a new database of several of the same campaign, which differ in nothing but the shard. What
 * two of them say of the same item must be equal. `output` must not exist, and does not unless all
 * went well.
 */
int store_merge(const char *output, const char *const *inputs, size_t count, struct error *err);

#endif
