// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * app=selftest: every kind of object and every call, by three tasks of different priorities that
 * end and start again at each stage. What must hold is checked at the end of the stage; any
 * sequence of power cuts has to give the same checksum as none.
 */
#include "hypnos.h"

#define WORKERS 3u
#define ROUNDS  24u

#define EXPECT(found, expected)                                                                 \
    do {                                                                                        \
        int32_t found_ = (int32_t)(found), expected_ = (int32_t)(expected);                     \
        if (found_ != expected_)                                                                \
            hypnos_lost(#found " in stage %u (expected %d, found %d)", (unsigned)nv_get(stage), \
                        (int)expected_, (int)found_);                                           \
    } while (0)

static NV uint32_t stage;
static NV int tasks[WORKERS], queue, narrow, full, items_left, binary, mutex, mutex2, events,
    ticker, alarm;
static NV uint32_t digest;
static NV uint32_t sums[WORKERS], counts[WORKERS];
static NV struct {
    uint32_t a, b;
} twins; /* always equal while nobody holds the mutex */
static NV uint32_t fired, alarmed, places;
static NV void *blocks[8];
static NV char text[37];
static NV uint8_t bytes[16];
static NV_RAW uint32_t scratch[16];

static void mix(uint32_t value)
{
    nv_set(digest, (nv_get(digest) ^ value) * 16777619u);
}

/* For what a handle is needed outside of transactions. */
static int handle(const int *at)
{
    int h = 0;
    transaction(h) h = nv_get(*at);
    return h;
}

/* ---- Queues: one of length 1 and odd item size; senders and receivers both wait -------------- */

struct item {
    uint32_t n;
    char name[7];
} __attribute__((packed));

static void queue_send_all(uint32_t worker)
{
    nv_for(i, 0, ROUNDS)
    {
        transaction()
        {
            struct item item = {.n = i, .name = "item-?"};
            item.name[5] = (char)('a' + i % 26);
            EXPECT(hypnos_queue_send(nv_get(narrow), &item, HYPNOS_FOREVER), HYPNOS_OK);
            EXPECT(hypnos_queue_send(nv_get(queue), &i, HYPNOS_FOREVER), HYPNOS_OK);
            nv_set(counts[worker], nv_get(counts[worker]) + 1);
        }
    }
}

static void queue_receive_all(uint32_t worker)
{
    nv_for(i, 0, 2 * ROUNDS)
    {
        uint32_t sum = 0;
        transaction(sum)
        {
            struct item item;
            uint32_t n;
            EXPECT(hypnos_queue_receive(nv_get(narrow), &item, HYPNOS_FOREVER), HYPNOS_OK);
            EXPECT(item.name[5], 'a' + item.n % 26);
            EXPECT(hypnos_queue_receive(nv_get(queue), &n, HYPNOS_FOREVER), HYPNOS_OK);
            nv_set(sums[worker], nv_get(sums[worker]) + item.n + n);
            sum = nv_get(sums[worker]);
        }
        transaction() EXPECT(sum, nv_get(sums[worker]));
    }
}

static void queue_check(void)
{
    uint32_t n;
    EXPECT(nv_get(sums[0]), 2 * ROUNDS * (ROUNDS - 1));
    EXPECT(hypnos_queue_count(nv_get(queue)), 0);
    EXPECT(hypnos_queue_receive(nv_get(queue), &n, 2), HYPNOS_TIMEOUT);
    EXPECT(hypnos_queue_receive(nv_get(queue), &n, 0), HYPNOS_TIMEOUT);
    EXPECT(hypnos_queue_receive(HYPNOS_QUEUES, &n, 0), HYPNOS_NONE);
}

/* ---- Semaphores: producer and consumers, bounded --------------------------------------------- */

static void semaphore_produce(uint32_t worker)
{
    (void)worker;
    nv_for(i, 0, 2 * ROUNDS) transaction()
    {
        EXPECT(hypnos_semaphore_take(nv_get(full), HYPNOS_FOREVER), HYPNOS_OK);
        EXPECT(hypnos_semaphore_give(nv_get(items_left)), HYPNOS_OK);
    }
}

static void semaphore_consume(uint32_t worker)
{
    nv_for(i, 0, ROUNDS) transaction()
    {
        EXPECT(hypnos_semaphore_take(nv_get(items_left), HYPNOS_FOREVER), HYPNOS_OK);
        nv_set(counts[worker], nv_get(counts[worker]) + 1);
        EXPECT(hypnos_semaphore_give(nv_get(full)), HYPNOS_OK);
    }
}

static void semaphore_check(void)
{
    EXPECT(nv_get(counts[1]), ROUNDS);
    EXPECT(nv_get(counts[2]), ROUNDS);
    EXPECT(hypnos_semaphore_take(nv_get(items_left), 1), HYPNOS_TIMEOUT);
    EXPECT(hypnos_semaphore_give(nv_get(full)), HYPNOS_NONE);
}

/* ---- Mutexes: two of them, held over several transactions ------------------------------------ */

static void mutex_work(uint32_t worker)
{
    int outer = handle(&mutex), inner = handle(&mutex2);
    nv_for(i, 0, ROUNDS)
    {
        if (hypnos_mutex_take(outer, worker == 2 ? 1 : HYPNOS_FOREVER) != HYPNOS_OK)
            hypnos_mutex_take(outer, HYPNOS_FOREVER);
        uint32_t seen = 0;
        transaction(seen)
        {
            seen = nv_get(twins.a);
            nv_set(twins.a, seen + 1);
            if (worker == 0)
                hypnos_delay(1);
        }
        hypnos_mutex_take(inner, HYPNOS_FOREVER);
        transaction()
        {
            EXPECT(nv_get(twins.b), seen);
            nv_set(twins.b, seen + 1);
        }
        hypnos_mutex_give(inner);
        hypnos_mutex_give(outer);
    }
}

static void mutex_check(void)
{
    EXPECT(nv_get(twins.a), WORKERS * ROUNDS);
    EXPECT(nv_get(twins.b), WORKERS * ROUNDS);
}

/* ---- Event groups: a barrier, again and again ------------------------------------------------ */

static void event_work(uint32_t worker)
{
    nv_for(i, 0, ROUNDS) transaction()
    {
        uint32_t seen;
        EXPECT(hypnos_event_set(nv_get(events), 1u << worker), HYPNOS_OK);
        if (worker == 0) {
            EXPECT(hypnos_event_wait(nv_get(events), 7, true, true, &seen, HYPNOS_FOREVER), 0);
            EXPECT(seen & 7, 7);
            EXPECT(hypnos_event_set(nv_get(events), 0x60), HYPNOS_OK);
        } else {
            EXPECT(hypnos_event_wait(nv_get(events), 0x10u << worker, false, true, NULL,
                                     HYPNOS_FOREVER),
                   0);
        }
        nv_set(counts[worker], nv_get(counts[worker]) + 1);
    }
}

static void event_check(void)
{
    uint32_t seen;
    EXPECT(hypnos_event_clear(nv_get(events), ~0u), HYPNOS_OK);
    EXPECT(hypnos_event_wait(nv_get(events), 1, false, false, &seen, 2), HYPNOS_TIMEOUT);
    EXPECT(seen, 0);
    for (unsigned w = 0; w < WORKERS; w++)
        EXPECT(nv_get(counts[w]), ROUNDS);
}

/* ---- Timers, delays -------------------------------------------------------------------------- */

static void on_tick(uint32_t timer, uint32_t arg)
{
    transaction()
    {
        EXPECT(timer, nv_get(ticker));
        nv_set(fired, nv_get(fired) + arg);
        if (nv_get(fired) == 5 * arg)
            hypnos_timer_stop(timer);
        hypnos_semaphore_give(nv_get(items_left));
    }
}

static void on_alarm(uint32_t timer, uint32_t arg)
{
    (void)timer;
    transaction() nv_set(alarmed, nv_get(alarmed) + arg);
}

static void timer_work(uint32_t worker)
{
    if (worker == 0) {
        transaction()
        {
            EXPECT(hypnos_timer_start(nv_get(alarm)), HYPNOS_OK);
            EXPECT(hypnos_timer_start(nv_get(ticker)), HYPNOS_OK);
        }
        nv_for(i, 0, 5) transaction()
            EXPECT(hypnos_semaphore_take(nv_get(items_left), HYPNOS_FOREVER), HYPNOS_OK);
        transaction() hypnos_delay(20);
    } else {
        uint32_t start = 0;
        transaction(start) start = hypnos_now();
        nv_for(i, 1, 6) transaction()
        {
            hypnos_delay_until(start + i * worker);
            if ((int32_t)(hypnos_now() - (start + i * worker)) < 0)
                hypnos_lost("time: woken too early");
        }
    }
}

static void timer_check(void)
{
    EXPECT(nv_get(fired), 15);
    EXPECT(nv_get(alarmed), 9);
}

/* ---- The heap -------------------------------------------------------------------------------- */

static void heap_work(uint32_t worker)
{
    nv_for(i, 0, ROUNDS)
    {
        unsigned slot = worker * 2 + i % 2;
        transaction()
        {
            uint32_t *block = nv_get(blocks[slot]);
            for (unsigned k = 0; block && k < 4; k++)
                EXPECT(nv_get(block[k]), (i - 2) * 4 + k + worker);
        }
        transaction()
        {
            hypnos_free(nv_get(blocks[slot]));
            uint32_t *block = hypnos_alloc(16 + 8 * (i % 5));
            if (!block)
                hypnos_lost("heap: no room");
            for (unsigned k = 0; k < 4; k++)
                nv_put(block[k], i * 4 + k + worker);
            nv_set(blocks[slot], (void *)block);
        }
    }
}

static void heap_check(void)
{
    for (unsigned i = 0; i < 2 * WORKERS; i++) {
        hypnos_free(nv_get(blocks[i]));
        nv_set(blocks[i], NULL);
    }
    void *most = hypnos_alloc(HYPNOS_HEAP - 1024);
    EXPECT(most == NULL, 0);
    hypnos_free(most);
    EXPECT(hypnos_alloc(HYPNOS_HEAP) == NULL, 1);
}

/* ---- Loops, results, accessors --------------------------------------------------------------- */

static void loop_work(uint32_t worker)
{
    if (worker != 0)
        return;
    nv_for(i, 0, 4)
    {
        nv_for(j, 0, 6)
        {
            uint32_t stop = 0;
            transaction(stop)
            {
                mix(i * 8 + j);
                stop = j > i;
            }
            if (stop)
                nv_break;
        }
        nv_for(j, 2, 4) nv_for(k, 0, j) transaction() mix(j * 100 + k);
        nv_for(j, 0, 3) transaction() mix(j * 1000);
    }
    nv_for(i, 9, 9) hypnos_lost("loop: without end");
    struct {
        uint32_t a;
        uint16_t b;
        char c;
    } result = {.a = 0};
    transaction(result)
    {
        NV_PTR(p, twins.a);
        nv_store(p, nv_load(p) * 3 + 1);
        nv_store(p, nv_load(p) + 1);
        result.a = nv_load(p);
        result.b = 7;
        result.c = 'x';
        nv_write(text, "some text, not of whole words at all", sizeof(text));
        nv_write(text + 5, "TEXT", 4);
        *nv_open(bytes[3]) = 3;
        nv_put(bytes[5], 5);
        for (unsigned i = 0; i < 16; i++)
            nv_put(scratch[i], i * i);
    }
    transaction()
    {
        char copy[sizeof(text)];
        nv_read(copy, text, sizeof(copy));
        for (unsigned i = 0; i < sizeof(copy); i++)
            mix((uint32_t)copy[i]);
        mix(result.a + result.b + (uint32_t)result.c);
        for (unsigned i = 0; i < 16; i++)
            mix(nv_get(scratch[i]) + nv_get(bytes[i]));
    }
}

static void nothing_to_check(void)
{
}

/* ---- Floating point context; priorities; suspension ------------------------------------------ */

static void context_work(uint32_t worker)
{
    float sum = (float)worker;
    for (uint32_t i = 1; i < 200; i++) {
        sum += 1.0f / (float)(i * (worker + 1));
        if (i % 10 == 0)
            hypnos_yield();
    }
    transaction() nv_set(sums[worker], (uint32_t)(sum * 1000.0f));
    if (worker == 2) {
        transaction() EXPECT(hypnos_task_suspend(hypnos_self()), HYPNOS_OK);
        transaction() nv_set(counts[2], 1);
    } else if (worker == 0) {
        transaction()
        {
            EXPECT(hypnos_task_priority(hypnos_self(), 6), HYPNOS_OK);
            while (hypnos_task_resume(nv_get(tasks[2])) != HYPNOS_OK)
                hypnos_delay(1);
            EXPECT(hypnos_task_priority(hypnos_self(), 2), HYPNOS_OK);
        }
    }
}

static void context_check(void)
{
    EXPECT(nv_get(sums[0]), 5873);
    EXPECT(nv_get(sums[1]), 3936);
    EXPECT(nv_get(sums[2]), 3957);
    EXPECT(nv_get(counts[2]), 1);
}

/* ---- Priority inheritance: the least urgent one holds what the most urgent one waits for ----- */

static void note_place(uint32_t worker)
{
    transaction()
    {
        nv_set(places, nv_get(places) + 1);
        nv_set(counts[worker], nv_get(places));
    }
}

static void inherit_work(uint32_t worker)
{
    int held = handle(&mutex);
    if (worker == 0) {
        hypnos_mutex_take(held, HYPNOS_FOREVER);
        transaction()
        {
            hypnos_semaphore_give(nv_get(binary));
            hypnos_semaphore_give(nv_get(items_left));
        }
        hypnos_mutex_give(held);
        note_place(worker);
    } else if (worker == 1) {
        transaction() hypnos_semaphore_take(nv_get(items_left), HYPNOS_FOREVER);
        note_place(worker);
    } else {
        transaction() hypnos_semaphore_take(nv_get(binary), HYPNOS_FOREVER);
        hypnos_mutex_take(held, HYPNOS_FOREVER);
        note_place(worker);
        hypnos_mutex_give(held);
    }
}

static void inherit_check(void)
{
    for (unsigned w = 0; w < WORKERS; w++)
        EXPECT(nv_get(counts[w]), WORKERS - w);
}

/* ---- Interrupts: what they say may be said again after a cut --------------------------------- */

#define NVIC_ISER0 (*(volatile uint32_t *)0xe000e100)
#define NVIC_ISPR0 (*(volatile uint32_t *)0xe000e200)
#define NVIC_IPR3  (*(volatile uint32_t *)0xe000e40c)
#define LINE_14    (1u << 14)

static int told_queue, told_semaphore, told_events; /* volatile: set anew in each life */

void port_line14(void);
void port_line14(void)
{
    uint32_t item = 0x1414;
    hypnos_queue_send_from_interrupt(told_queue, &item);
    hypnos_semaphore_give_from_interrupt(told_semaphore);
    hypnos_event_set_from_interrupt(told_events, 0x100);
}

static void interrupt_work(uint32_t worker)
{
    if (worker != 0)
        return;
    told_queue = handle(&queue);
    told_semaphore = handle(&binary);
    told_events = handle(&events);
    NVIC_IPR3 = (NVIC_IPR3 & ~0xff0000u) | 0x800000u;
    NVIC_ISER0 = LINE_14;
    nv_for(i, 0, ROUNDS)
    {
        transaction()
        {
            uint32_t item, seen;
            NVIC_ISPR0 = LINE_14;
            EXPECT(hypnos_event_wait(nv_get(events), 0x100, true, true, &seen, HYPNOS_FOREVER), 0);
            NVIC_ISPR0 = LINE_14;
            EXPECT(hypnos_queue_receive(nv_get(queue), &item, HYPNOS_FOREVER), HYPNOS_OK);
            EXPECT(item, 0x1414);
            NVIC_ISPR0 = LINE_14;
            EXPECT(hypnos_semaphore_take(nv_get(binary), HYPNOS_FOREVER), HYPNOS_OK);
            nv_set(counts[0], nv_get(counts[0]) + 1);
        }
    }
}

static void interrupt_check(void)
{
    EXPECT(nv_get(counts[0]), ROUNDS);
}

/* ---- The stages ------------------------------------------------------------------------------ */

static const struct {
    void (*work[WORKERS])(uint32_t worker);
    void (*check)(void);
} stages[] = {
    {{queue_receive_all, queue_send_all, queue_send_all}, queue_check},
    {{semaphore_produce, semaphore_consume, semaphore_consume}, semaphore_check},
    {{mutex_work, mutex_work, mutex_work}, mutex_check},
    {{event_work, event_work, event_work}, event_check},
    {{timer_work, timer_work, timer_work}, timer_check},
    {{heap_work, heap_work, heap_work}, heap_check},
    {{loop_work, loop_work, loop_work}, nothing_to_check},
    {{context_work, context_work, context_work}, context_check},
    {{inherit_work, inherit_work, inherit_work}, inherit_check},
    {{interrupt_work, interrupt_work, interrupt_work}, interrupt_check},
};

static void worker_main(uint32_t worker)
{
    uint32_t now = 0;
    transaction(now) now = nv_get(stage);
    stages[now].work[worker](worker);
}

static void make_objects(void)
{
    transaction()
    {
        nv_set(queue, hypnos_queue_create(4, 4));
        nv_set(narrow, hypnos_queue_create(1, sizeof(struct item)));
        nv_set(full, hypnos_semaphore_create(3, 3));
        nv_set(items_left, hypnos_semaphore_create(100, 0));
        nv_set(binary, hypnos_semaphore_create(1, 0));
        nv_set(mutex, hypnos_mutex_create());
        nv_set(mutex2, hypnos_mutex_create());
        nv_set(events, hypnos_event_create());
        nv_set(ticker, hypnos_timer_create(on_tick, 3, 2, 2));
        nv_set(alarm, hypnos_timer_create(on_alarm, 9, 4, 0));
        nv_set(digest, 2166136261u);
    }
}

static void selftest(uint32_t arg)
{
    (void)arg;
    make_objects();
    nv_for(s, 0, sizeof(stages) / sizeof(stages[0]))
    {
        transaction()
        {
            nv_set(stage, s);
            for (unsigned w = 0; w < WORKERS; w++) {
                nv_set(sums[w], 0);
                nv_set(counts[w], 0);
            }
        }
        transaction()
        {
            for (unsigned w = 0; w < WORKERS; w++)
                if (s == 0)
                    nv_set(tasks[w], hypnos_task_create("worker", worker_main, w, 2 + w));
                else
                    EXPECT(hypnos_task_start(nv_get(tasks[w])), HYPNOS_OK);
        }
        nv_for(w, 0, WORKERS) transaction()
            EXPECT(hypnos_task_join(nv_get(tasks[w]), HYPNOS_FOREVER), HYPNOS_OK);
        transaction()
        {
            stages[s].check();
            for (unsigned w = 0; w < WORKERS; w++) {
                mix(nv_get(sums[w]));
                mix(nv_get(counts[w]));
            }
        }
    }
    uint32_t checksum = 0;
    transaction(checksum) checksum = nv_get(digest);
    hypnos_finish(checksum);
}
HYPNOS_APP(selftest, selftest);
