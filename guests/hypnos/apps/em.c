/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rounds of work, started and gathered by an event group. */
#include "app.h"

#define START(w)  (1u << (w))
#define DONE(w)   (1u << (8 + (w)))
#define ALL_START (START(EM_WORKERS) - START(0))
#define ALL_DONE  (DONE(EM_WORKERS) - DONE(0))

static NV int group;
static NV_RAW uint32_t part[EM_WORKERS];
static NV uint32_t worked[EM_WORKERS];
static NV uint32_t total;
static NV uint32_t digest;

static void worker(uint32_t w)
{
    int events = 0;
    transaction(events)
    {
        events = nv_get(group);
    }
    nv_for(round, 0, EM_ROUNDS * hypnos_scale())
    {
        transaction()
        {
            hypnos_event_wait(events, START(w), true, true, NULL, HYPNOS_FOREVER);
        }
        transaction()
        {
            uint32_t sum = 0;
            for (uint32_t k = 0; k < EM_TERMS; k++)
                sum += draw(EM_SEED, (round * EM_WORKERS + w) * EM_TERMS + k) % 1000;
            nv_put(part[w], sum);
            nv_set(worked[w], nv_get(worked[w]) + 1);
        }
        transaction()
        {
            hypnos_event_set(events, DONE(w));
        }
    }
}

/* In a transaction. */
static void gather(uint32_t round)
{
    uint32_t sum = 0;
    for (uint32_t w = 0; w < EM_WORKERS; w++) {
        app_expect("rounds of a worker", round + 1, nv_get(worked[w]));
        sum += nv_get(part[w]);
    }
    nv_set(total, nv_get(total) + sum);
    nv_set(digest, fold(nv_get(digest), sum));
}

static void em_main(uint32_t arg)
{
    (void)arg;
    int events = HYPNOS_NONE, workers[EM_WORKERS];
    uint32_t result = FOLD_START;
    transaction(events)
    {
        events = hypnos_event_create();
        nv_put(group, events);
        nv_put(digest, FOLD_START);
    }
    for (uint32_t w = 0; w < EM_WORKERS; w++)
        workers[w] = app_task("em", worker, w, 2 + w);
    nv_for(round, 0, EM_ROUNDS * hypnos_scale())
    {
        uint32_t seen = 0;
        transaction()
        {
            hypnos_event_set(events, ALL_START);
        }
        transaction(seen)
        {
            hypnos_event_wait(events, ALL_DONE, true, true, &seen, HYPNOS_FOREVER);
        }
        app_expect("events", ALL_DONE, seen & ALL_DONE);
        transaction()
        {
            gather(round);
        }
    }
    for (uint32_t w = 0; w < EM_WORKERS; w++)
        app_join(workers[w]);
    transaction(result)
    {
        result = fold(fold(result, nv_get(total)), nv_get(digest));
    }
    hypnos_finish(result);
}

HYPNOS_APP(em, em_main);
