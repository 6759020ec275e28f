/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_CAMPAIGN_H
#define IASO_SIM_CAMPAIGN_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "mem/error.h"
#include "sim/campaign/store.h"
#include "sim/config.h"
#include "sim/options.h"
#include "sim/screen.h"

struct report_dir;

/*
 * A campaign runs many items, each a branch of the same run, in worker processes on all cores, and
 * keeps what they say in a database. It works in rounds: the items of a round are known when it
 * begins, and follow from the config and from the results of the rounds before, never from the
 * time, the order of results or the number of workers. Hence a campaign that was killed goes on
 * with what the database has not got yet, and shards of it on several computers add up to the same.
 *
 *     campaign_open(), then campaign_round() for each round, store_finish(), campaign_close()
 */
struct campaign {
    struct store *store;
    struct campaign_options {
        unsigned jobs; /* workers; 0: one for each core that this process may use */
        bool quiet;    /* no progress */
    } options;
    /* Which results are findings, for the progress; NULL: none. */
    bool (*is_finding)(const struct campaign_result *result);
    char *directory; /* for files about findings: the database's name without ".db"; not made */
};

/*
 * Opens the database that the options ask for (--db, --resume, --shard) or, without --db,
 * out/CONFIG.KIND.db, where CONFIG is the config's name without folder and ".json"; if there is one
 * already, out/CONFIG.KIND.2.db and so on, and with --resume the last of them. `parameters` is the
 * JSON of what the command line asks for beside the config. is_finding is left to the caller.
 */
int campaign_open(struct campaign *campaign, const char *kind, const struct options *options,
                  const struct config *config, const char *parameters, struct error *err);
int campaign_close(struct campaign *campaign, struct error *err);

/* The outcome of an item that killed its workers. */
#define CAMPAIGN_LOST "lost"

struct campaign_item {
    const char *key;  /* unique in its round */
    const void *data; /* the caller's */
};

/*
 * Runs one item, in a worker: sets result->outcome and, if there is more to say, result->detail;
 * both stay valid until the next call. A worker gets its items in ascending order, with few
 * exceptions. What the function changes is seen by later calls in the same worker only.
 */
enum campaign_ran {
    CAMPAIGN_RAN = 0,
    CAMPAIGN_RAN_OUT = 1, /* of memory, say: as if the worker had died in it */
    CAMPAIGN_BROKEN = -1, /* the campaign cannot go on, err says why; "out of memory" is as above */
};
typedef enum campaign_ran (*campaign_run_fn)(void *opaque, const struct campaign_item *item,
                                             struct campaign_result *result, struct error *err);

enum campaign_end {
    CAMPAIGN_DONE,
    CAMPAIGN_INTERRUPTED, /* SIGINT or SIGTERM; what is done is saved */
    CAMPAIGN_FAILED,      /* err; what is done is saved if that can be */
};

/*
 * Forks the workers, hands out the items that the store has not got, and adds what comes back.
 * Items must be in ascending order of key (strcmp). `sharded`: does only this shard's slice of
 * them; else all of them. Rounds count from 1; `what` is a word or two for the progress.
 *
 * An item whose worker dies gets another chance in a fresh worker at the end of the round; if that
 * dies too, its outcome is CAMPAIGN_LOST, and its detail {"signal": N}, {"exit": N} or {"error":
 * TEXT}.
 *
 * The first SIGINT or SIGTERM lets the workers finish the items that they are in; the second kills
 * them. Whatever the end is, nothing of the workers is left.
 */
enum campaign_end campaign_round(struct campaign *campaign, unsigned round, const char *what,
                                 const struct campaign_item *items, size_t count, bool sharded,
                                 campaign_run_fn run, void *opaque, struct error *err);

/* One line to standard error that says what is saved and how to go on; returns EXIT_INTERRUPTED. */
int campaign_interrupted(const struct campaign *campaign);

/* The items of a shard: [*first, *first + *count) of `items`. */
void campaign_slice(size_t items, unsigned shard, unsigned shards, size_t *first, size_t *count);

/*
 * What a kind of campaign tells about its database, for `iaso campaign show` and for the command
 * itself: text to the screen (NULL: none), and what goes into a summary, both as complete as the
 * database. Needs nothing but the database.
 */
struct campaign_kind {
    const char *name;
    int (*report)(struct store *store, const struct screen *screen, cJSON *summary,
                  struct error *err);
    /* Puts files about findings into the folder of a report; NULL: there are none. */
    int (*files)(struct store *store, struct report_dir *dir, struct error *err);
};

/* Of all kinds; the last one is NULL. In campaign_command.c. */
extern const struct campaign_kind *const campaign_kinds[];

#endif
