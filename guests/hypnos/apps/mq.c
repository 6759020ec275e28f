/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Producers and consumers on one message queue. */
#include "app.h"

#define LENGTH 6

struct item {
    uint32_t producer, number, payload;
};

static NV int queue;
static NV struct taken {
    uint32_t items, sum, parity;
    uint32_t next[MQ_PRODUCERS]; /* the least number that may still come */
} taken[MQ_CONSUMERS];

static int queue_handle(void)
{
    int handle = 0;
    transaction(handle)
    {
        handle = nv_get(queue);
    }
    return handle;
}

static void producer(uint32_t p)
{
    int to = queue_handle();
    nv_for(i, 0, MQ_ITEMS * hypnos_scale())
    {
        transaction()
        {
            struct item item = {p, i, draw(MQ_SEED + p, i)};
            app_send(to, &item);
        }
    }
}

/* In a transaction. */
static void take(struct taken *by, const struct item *item)
{
    if (item->producer >= MQ_PRODUCERS)
        hypnos_lost("item (expected one of a producer, found %u)", (unsigned)item->producer);
    if (item->number < nv_get(by->next[item->producer]))
        hypnos_lost("order (expected item %u or later, found %u)",
                    (unsigned)nv_get(by->next[item->producer]), (unsigned)item->number);
    uint32_t mark = draw(item->payload, item->number * 2 + item->producer);
    nv_set(by->next[item->producer], item->number + 1);
    nv_set(by->items, nv_get(by->items) + 1);
    nv_set(by->sum, nv_get(by->sum) + mark);
    nv_set(by->parity, nv_get(by->parity) ^ mark);
}

static void consumer(uint32_t c)
{
    int from = queue_handle();
    nv_for(i, 0, MQ_PRODUCERS * MQ_ITEMS / MQ_CONSUMERS * hypnos_scale())
    {
        transaction()
        {
            struct item item;
            app_receive(from, &item);
            take(&taken[c], &item);
        }
    }
}

static void mq_main(uint32_t arg)
{
    (void)arg;
    int tasks[MQ_PRODUCERS + MQ_CONSUMERS];
    uint32_t result = FOLD_START;
    transaction()
    {
        nv_put(queue, hypnos_queue_create(LENGTH, sizeof(struct item)));
    }
    for (uint32_t p = 0; p < MQ_PRODUCERS; p++)
        tasks[p] = app_task("producer", producer, p, 2);
    for (uint32_t c = 0; c < MQ_CONSUMERS; c++)
        tasks[MQ_PRODUCERS + c] = app_task("consumer", consumer, c, 2 + c);
    for (uint32_t i = 0; i < MQ_PRODUCERS + MQ_CONSUMERS; i++)
        app_join(tasks[i]);
    transaction(result)
    {
        struct taken all = nv_get(taken[0]);
        for (uint32_t c = 1; c < MQ_CONSUMERS; c++) {
            struct taken other = nv_get(taken[c]);
            all.items += other.items;
            all.sum += other.sum;
            all.parity ^= other.parity;
        }
        app_expect("items", MQ_PRODUCERS * MQ_ITEMS * hypnos_scale(), all.items);
        app_expect("items in the queue", 0, (uint32_t)hypnos_queue_count(nv_get(queue)));
        result = fold(fold(fold(result, all.items), all.sum), all.parity);
    }
    hypnos_finish(result);
}

HYPNOS_APP(mq, mq_main);
