/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/campaign/campaign.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/campaign/campaign_progress.h"
#include "sim/campaign/workers.h"
#include "sim/host_clock.h"

#define POLL_MS   200
#define COMMIT_MS 250
#define MAX_JOBS  1024
#define MAX_TRIES 2 /* an item whose workers die so often is lost */

/* Signal handlers cannot be handed a pointer: how many there were in this round. */
static volatile sig_atomic_t signals;

static void note_signal(int number)
{
    (void)number;
    if (signals < 2)
        signals++;
}

struct round {
    struct campaign *campaign;
    unsigned number;
    const struct campaign_item *items; /* of this shard */
    size_t count;
    struct item_state {
        bool done;
        uint8_t deaths;
    } * states;
    size_t *todo; /* items that the present workers do */
    size_t todo_count;
    uint64_t done, findings;
    uint64_t committed_ms; /* host's time of the last commit */
    campaign_run_fn run;
    void *opaque;
    struct campaign_progress *progress;
    sigset_t mask; /* as it was outside */
};

/* When to commit; nothing else depends on it. */
static uint64_t host_ms(void)
{
    return host_clock_ns() / 1000000;
}

/* ---- In a worker --------------------------------------------------------------------------- */

static void enter(void *opaque)
{
    struct round *round = opaque;
    store_forget(round->campaign->store);
}

static enum campaign_ran run(void *opaque, size_t number, struct campaign_result *result,
                             struct error *err)
{
    struct round *round = opaque;
    const struct campaign_item *item = &round->items[round->todo[number]];
    result->round = round->number;
    result->key = item->key;
    return round->run(round->opaque, item, result, err);
}

/* ---- Results ------------------------------------------------------------------------------- */

static void count_result(struct round *round, size_t index, const struct campaign_result *result)
{
    const struct campaign *campaign = round->campaign;
    round->states[index].done = true;
    round->done++;
    round->findings += campaign->is_finding && campaign->is_finding(result);
}

static int add_result(struct round *round, size_t index, const char *outcome, const char *detail,
                      struct error *err)
{
    const struct item_state *state = &round->states[index];
    const struct campaign_result result = {
        .round = round->number,
        .key = round->items[index].key,
        .outcome = outcome,
        .detail = detail,
        .attempts = state->deaths + (strcmp(outcome, CAMPAIGN_LOST) != 0),
    };
    if (state->done)
        return 0;
    count_result(round, index, &result);
    return store_add(round->campaign->store, &result, err);
}

static int done(void *opaque, size_t number, const char *outcome, const char *detail,
                struct error *err)
{
    struct round *round = opaque;
    return add_result(round, round->todo[number], outcome, detail, err);
}

static int died(void *opaque, size_t number, const char *how, struct error *err)
{
    struct round *round = opaque;
    size_t index = round->todo[number];
    if (++round->states[index].deaths < MAX_TRIES)
        return 0;
    return add_result(round, index, CAMPAIGN_LOST, how, err);
}

/* ---- A round ------------------------------------------------------------------------------- */

struct visit {
    struct round *round;
    size_t next;
};

/* What the store has already; both are in ascending order. A merged one may have more. */
static int note_known(void *opaque, const struct campaign_result *result, struct error *err)
{
    struct visit *visit = opaque;
    struct round *round = visit->round;
    int order = -1;
    (void)err;
    while (visit->next < round->count &&
           (order = strcmp(round->items[visit->next].key, result->key), order < 0))
        visit->next++;
    if (visit->next < round->count && order == 0)
        count_result(round, visit->next++, result);
    return 0;
}

static int check_order(const struct campaign_item *items, size_t count, struct error *err)
{
    for (size_t i = 1; i < count; i++)
        if (strcmp(items[i - 1].key, items[i].key) >= 0)
            return error_set(err, "items %.100s and %.100s: expected ascending keys",
                             items[i - 1].key, items[i].key);
    return 0;
}

/* Lists what has died so many times and is not done yet. */
static void list_todo(struct round *round, uint8_t deaths)
{
    round->todo_count = 0;
    for (size_t i = 0; i < round->count; i++)
        if (!round->states[i].done && round->states[i].deaths == deaths)
            round->todo[round->todo_count++] = i;
}

static int save(struct round *round, struct error *err)
{
    uint64_t now = host_ms();
    if (now - round->committed_ms < COMMIT_MS)
        return 0;
    round->committed_ms = now;
    return store_commit(round->campaign->store, err);
}

/* Does what is listed, with fresh workers. */
static int do_todo(struct round *round, bool single, struct error *err)
{
    static const struct workers_ops ops = {enter, run, done, died};
    unsigned jobs = round->campaign->options.jobs;
    if (jobs == 0)
        jobs = workers_cores();
    if (jobs > MAX_JOBS)
        jobs = MAX_JOBS;
    if (jobs > round->todo_count)
        jobs = (unsigned)round->todo_count;
    struct workers *workers = workers_new(&ops, round, round->todo_count, jobs, single, err);
    int left = workers ? 1 : -1;
    while (left > 0 && signals < 2) {
        if (signals)
            workers_stop(workers);
        left = workers_poll(workers, &round->mask, POLL_MS, err);
        if (left >= 0 && save(round, err))
            left = -1;
        campaign_progress_update(round->progress, round->done, round->findings);
    }
    workers_free(workers);
    return left < 0 ? -1 : 0;
}

static int do_round(struct round *round, struct error *err)
{
    for (uint8_t deaths = 0; deaths < MAX_TRIES && !signals;) {
        list_todo(round, deaths);
        if (round->todo_count == 0)
            deaths++;
        else if (do_todo(round, deaths > 0, err))
            return -1;
    }
    return 0;
}

/* ---- Signals ------------------------------------------------------------------------------- */

static const int caught[] = {SIGHUP, SIGINT, SIGTERM};
#define CAUGHT (sizeof caught / sizeof *caught)

/* From here on they are noted, while workers_poll() waits; what nohup ignores stays ignored. */
static void catch_signals(sigset_t *mask, struct sigaction old[CAUGHT])
{
    const struct sigaction note = {.sa_handler = note_signal};
    sigset_t ours;
    sigemptyset(&ours);
    for (size_t i = 0; i < CAUGHT; i++)
        sigaddset(&ours, caught[i]);
    sigprocmask(SIG_BLOCK, &ours, mask);
    signals = 0;
    for (size_t i = 0; i < CAUGHT; i++) {
        sigaction(caught[i], NULL, &old[i]);
        if (caught[i] != SIGHUP || old[i].sa_handler != SIG_IGN)
            sigaction(caught[i], &note, NULL);
    }
}

static void release_signals(const sigset_t *mask, const struct sigaction old[CAUGHT])
{
    sigprocmask(SIG_SETMASK, mask, NULL); /* one that waits is noted now */
    for (size_t i = 0; i < CAUGHT; i++)
        sigaction(caught[i], &old[i], NULL);
}

static enum campaign_end begin(struct round *round, const struct store_round *about,
                               struct error *err)
{
    struct store *store = round->campaign->store;
    struct visit visit = {.round = round};
    round->states = calloc(round->count + 1, sizeof *round->states);
    round->todo = calloc(round->count + 1, sizeof *round->todo);
    if (!round->states || !round->todo) {
        error_set(err, "out of memory");
        return CAMPAIGN_FAILED;
    }
    if (store_begin_round(store, about, err) ||
        store_each(store, round->number, note_known, &visit, err) || store_commit(store, err))
        return CAMPAIGN_FAILED;
    round->committed_ms = host_ms();
    round->progress = campaign_progress_new(STDERR_FILENO, round->campaign->options.quiet,
                                            about->what, round->count, round->done);
    enum campaign_end end = do_round(round, err) ? CAMPAIGN_FAILED : CAMPAIGN_DONE;
    if (store_commit(store, end == CAMPAIGN_FAILED ? NULL : err))
        end = CAMPAIGN_FAILED;
    campaign_progress_free(round->progress);
    return end;
}

void campaign_slice(size_t items, unsigned shard, unsigned shards, size_t *first, size_t *count)
{
    *first = (size_t)((unsigned __int128)items * (shard - 1) / shards);
    *count = (size_t)((unsigned __int128)items * shard / shards) - *first;
}

enum campaign_end campaign_round(struct campaign *campaign, unsigned number, const char *what,
                                 const struct campaign_item *items, size_t count, bool sharded,
                                 campaign_run_fn run_item, void *opaque, struct error *err)
{
    const struct store_identity *identity = store_identity(campaign->store);
    const struct store_round about = {.round = number,
                                      .shard = identity->shard,
                                      .shards = identity->shards,
                                      .what = what,
                                      .items = count,
                                      .sharded = sharded};
    struct round round = {
        .campaign = campaign, .number = number, .run = run_item, .opaque = opaque};
    size_t first = 0, mine = count;
    if (check_order(items, count, err))
        return CAMPAIGN_FAILED;
    if (sharded)
        campaign_slice(count, about.shard, about.shards, &first, &mine);
    round.items = items + first;
    round.count = mine;
    struct sigaction old[CAUGHT];
    catch_signals(&round.mask, old);
    enum campaign_end end = begin(&round, &about, err);
    release_signals(&round.mask, old);
    if (end == CAMPAIGN_DONE && signals)
        end = CAMPAIGN_INTERRUPTED;
    free(round.states);
    free(round.todo);
    return end;
}
