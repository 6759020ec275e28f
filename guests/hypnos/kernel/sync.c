// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Queues, semaphores, mutexes, event groups. Who gives hands over to the most urgent waiter
 * directly, so a wait is one kernel transaction of the waiter's and what it waited for cannot be
 * taken away before it runs again, be it after a cut. The item goes to, or waits in, the waiter's
 * table of calls.
 */
#include "kernel.h"

#define OBJECT(array, number, is_used)                                                \
    ((unsigned)(number) < sizeof(array) / sizeof(array)[0] && (array)[number].is_used \
         ? &(array)[number]                                                           \
         : NULL)

/* The first free one of an array's elements; or HYPNOS_NONE. */
#define FREE_OBJECT(array, is_used)                             \
    ({                                                          \
        int free_ = 0, all_ = sizeof(array) / sizeof(array)[0]; \
        while (free_ < all_ && (array)[free_].is_used)          \
            free_++;                                            \
        free_ == all_ ? HYPNOS_NONE : free_;                    \
    })

/* ---- Queues ---------------------------------------------------------------------------------- */

static int32_t queue_create(unsigned length, unsigned item_size)
{
    int number = FREE_OBJECT(kernel.queues, items);
    if (number < 0 || length == 0 || item_size == 0 || item_size > HYPNOS_ITEM)
        return HYPNOS_NONE;
    struct queue *queue = &kernel.queues[number];
    uint32_t words = (item_size + 3) / 4, *items = heap_take((size_t)length * words * 4);
    if (!items)
        return HYPNOS_NONE;
    list_init(&queue->senders, false);
    list_init(&queue->receivers, false);
    STORE(queue->length, length);
    STORE(queue->item_size, item_size);
    STORE(queue->item_words, words);
    STORE(queue->first, 0);
    STORE(queue->count, 0);
    KSET(queue->items, items);
    return number;
}

static uint32_t *queue_slot(const struct queue *queue, uint32_t index)
{
    return queue->items + (queue->first + index) % queue->length * queue->item_words;
}

/* Items come and go as whole words: their last one is padded. */
static void words_from(uint32_t *words, const void *item, size_t size)
{
    const char *from = item;
    char *to = (char *)words;
    words[(size - 1) / 4] = 0;
    while (size--)
        *to++ = *from++;
}

static int32_t queue_send(struct queue *queue, const void *item, uint32_t timeout)
{
    if (!queue)
        return HYPNOS_NONE;
    uint32_t words[PAYLOAD_WORDS];
    words_from(words, item, queue->item_size);
    struct task *receiver = task_best(&queue->receivers);
    if (receiver) {
        ktx_copy(call_payload(receiver), words, queue->item_words, false);
        task_wake(receiver, HYPNOS_OK);
        return HYPNOS_OK;
    }
    if (queue->count < queue->length) {
        ktx_copy(queue_slot(queue, queue->count), words, queue->item_words, false);
        KSET(queue->count, queue->count + 1);
        return HYPNOS_OK;
    }
    if (timeout == 0)
        return HYPNOS_TIMEOUT;
    ktx_copy(call_payload(current), words, queue->item_words, false);
    return task_block(&queue->senders, timeout);
}

/* The slot that a waiting sender fills is the one just emptied: its item is logged. */
static int32_t queue_receive(struct queue *queue, uint32_t timeout)
{
    if (!queue)
        return HYPNOS_NONE;
    if (queue->count == 0)
        return timeout ? task_block(&queue->receivers, timeout) : HYPNOS_TIMEOUT;
    ktx_copy(call_payload(current), queue_slot(queue, 0), queue->item_words, false);
    struct task *sender = task_best(&queue->senders);
    if (sender) {
        ktx_copy(queue_slot(queue, 0), call_payload(sender), queue->item_words, true);
        task_wake(sender, HYPNOS_OK);
    } else {
        KSET(queue->count, queue->count - 1);
    }
    KSET(queue->first, (queue->first + 1) % queue->length);
    return HYPNOS_OK;
}

int hypnos_queue_create(unsigned length, unsigned item_size)
{
    int32_t status;
    if (call_bypassed(CALL_QUEUE_CREATE, &status, NULL, 0))
        return status;
    if (ktx_begin(&status))
        status = ktx_commit(queue_create(length, item_size));
    return call_end(CALL_QUEUE_CREATE, status, NULL, 0);
}

int hypnos_queue_send(int queue, const void *item, uint32_t timeout)
{
    int32_t status;
    if (call_bypassed(CALL_QUEUE_SEND, &status, NULL, 0))
        return status;
    if (ktx_begin(&status))
        status = ktx_commit(queue_send(OBJECT(kernel.queues, queue, items), item, timeout));
    return call_end(CALL_QUEUE_SEND, status, NULL, 0);
}

int hypnos_queue_receive(int queue, void *item, uint32_t timeout)
{
    struct queue *from = OBJECT(kernel.queues, queue, items);
    size_t size = from ? from->item_size : 0;
    uint32_t words[PAYLOAD_WORDS];
    int32_t status;
    if (!call_bypassed(CALL_QUEUE_RECEIVE, &status, words, size)) {
        if (ktx_begin(&status))
            status = ktx_commit(queue_receive(from, timeout));
        status = call_end(CALL_QUEUE_RECEIVE, status, words, size);
    }
    if (status == HYPNOS_OK)
        __builtin_memcpy(item, words, size);
    return status;
}

int hypnos_queue_count(int queue)
{
    int32_t status;
    if (call_bypassed(CALL_QUEUE_COUNT, &status, NULL, 0))
        return status;
    const struct queue *of = OBJECT(kernel.queues, queue, items);
    return call_end(CALL_QUEUE_COUNT, of ? (int32_t)of->count : HYPNOS_NONE, NULL, 0);
}

int hypnos_queue_send_from_interrupt(int queue, const void *item)
{
    ktx_begin_system();
    return ktx_commit(queue_send(OBJECT(kernel.queues, queue, items), item, 0));
}

/* ---- Semaphores ------------------------------------------------------------------------------ */

static int32_t semaphore_create(unsigned maximum, unsigned initial)
{
    int number = FREE_OBJECT(kernel.semaphores, maximum);
    if (number < 0 || maximum == 0 || initial > maximum)
        return HYPNOS_NONE;
    struct semaphore *semaphore = &kernel.semaphores[number];
    list_init(&semaphore->waiters, false);
    STORE(semaphore->count, initial);
    KSET(semaphore->maximum, maximum);
    return number;
}

static int32_t semaphore_take(struct semaphore *semaphore, uint32_t timeout)
{
    if (!semaphore)
        return HYPNOS_NONE;
    if (semaphore->count == 0)
        return timeout ? task_block(&semaphore->waiters, timeout) : HYPNOS_TIMEOUT;
    KSET(semaphore->count, semaphore->count - 1);
    return HYPNOS_OK;
}

static int32_t semaphore_give(struct semaphore *semaphore)
{
    if (!semaphore || semaphore->count == semaphore->maximum)
        return HYPNOS_NONE;
    struct task *waiter = task_best(&semaphore->waiters);
    if (waiter)
        task_wake(waiter, HYPNOS_OK);
    else
        KSET(semaphore->count, semaphore->count + 1);
    return HYPNOS_OK;
}

int hypnos_semaphore_create(unsigned maximum, unsigned initial)
{
    int32_t status;
    if (call_bypassed(CALL_SEMAPHORE_CREATE, &status, NULL, 0))
        return status;
    if (ktx_begin(&status))
        status = ktx_commit(semaphore_create(maximum, initial));
    return call_end(CALL_SEMAPHORE_CREATE, status, NULL, 0);
}

int hypnos_semaphore_take(int semaphore, uint32_t timeout)
{
    int32_t status;
    if (call_bypassed(CALL_SEMAPHORE_TAKE, &status, NULL, 0))
        return status;
    if (ktx_begin(&status))
        status = ktx_commit(semaphore_take(OBJECT(kernel.semaphores, semaphore, maximum), timeout));
    return call_end(CALL_SEMAPHORE_TAKE, status, NULL, 0);
}

int hypnos_semaphore_give(int semaphore)
{
    int32_t status;
    if (call_bypassed(CALL_SEMAPHORE_GIVE, &status, NULL, 0))
        return status;
    if (ktx_begin(&status))
        status = ktx_commit(semaphore_give(OBJECT(kernel.semaphores, semaphore, maximum)));
    return call_end(CALL_SEMAPHORE_GIVE, status, NULL, 0);
}

int hypnos_semaphore_give_from_interrupt(int semaphore)
{
    ktx_begin_system();
    return ktx_commit(semaphore_give(OBJECT(kernel.semaphores, semaphore, maximum)));
}

/* ---- Mutexes --------------------------------------------------------------------------------- */

static int32_t mutex_create(void)
{
    int number = FREE_OBJECT(kernel.mutexes, used);
    if (number < 0)
        return HYPNOS_NONE;
    struct mutex *mutex = &kernel.mutexes[number];
    list_init(&mutex->waiters, false);
    STORE(mutex->owner, NULL);
    KSET(mutex->used, 1);
    return number;
}

static int32_t mutex_take(struct mutex *mutex, uint32_t timeout)
{
    if (!mutex || mutex->owner == current)
        return HYPNOS_NONE;
    if (!mutex->owner) {
        KSET(mutex->owner, current);
        return HYPNOS_OK;
    }
    if (timeout == 0)
        return HYPNOS_TIMEOUT;
    int32_t status = task_block(&mutex->waiters, timeout);
    STORE(current->wait_mutex, mutex);
    if (mutex->owner->priority < current->priority)
        task_level(mutex->owner, current->priority);
    return status;
}

static int32_t mutex_give(struct mutex *mutex)
{
    if (!mutex || mutex->owner != current)
        return HYPNOS_NONE;
    struct task *next = task_best(&mutex->waiters);
    KSET(mutex->owner, next);
    if (next)
        task_wake(next, HYPNOS_OK);
    task_inherit(current, NULL);
    return HYPNOS_OK;
}

int hypnos_mutex_create(void)
{
    int32_t status;
    if (call_bypassed(CALL_MUTEX_CREATE, &status, NULL, 0))
        return status;
    if (ktx_begin(&status))
        status = ktx_commit(mutex_create());
    return call_end(CALL_MUTEX_CREATE, status, NULL, 0);
}

int hypnos_mutex_take(int mutex, uint32_t timeout)
{
    int32_t status;
    if (lock_bypassed(&status))
        return status;
    if (ktx_begin(&status))
        status = ktx_commit(mutex_take(OBJECT(kernel.mutexes, mutex, used), timeout));
    return lock_end(status);
}

int hypnos_mutex_give(int mutex)
{
    int32_t status;
    if (lock_bypassed(&status))
        return status;
    if (ktx_begin(&status))
        status = ktx_commit(mutex_give(OBJECT(kernel.mutexes, mutex, used)));
    return lock_end(status);
}

/* ---- Event groups ---------------------------------------------------------------------------- */

#define WAIT_ALL   1u
#define WAIT_CLEAR 2u

static int32_t event_create(void)
{
    int number = FREE_OBJECT(kernel.events, used);
    if (number < 0)
        return HYPNOS_NONE;
    struct event *event = &kernel.events[number];
    list_init(&event->waiters, false);
    STORE(event->bits, 0);
    KSET(event->used, 1);
    return number;
}

static bool satisfied(uint32_t have, uint32_t bits, uint32_t flags)
{
    return flags & WAIT_ALL ? (have & bits) == bits : (have & bits) != 0;
}

static int32_t event_set(struct event *event, uint32_t bits)
{
    if (!event)
        return HYPNOS_NONE;
    uint32_t have = event->bits | bits, clear = 0;
    for (struct node *n = event->waiters.head.next; n != &event->waiters.head; n = n->next) {
        struct task *task = waiter_of(n);
        if (!satisfied(have, task->wait_bits, task->wait_flags))
            continue;
        ktx_copy(call_payload(task), &have, 1, false);
        task_wake(task, HYPNOS_OK);
        if (task->wait_flags & WAIT_CLEAR)
            clear |= task->wait_bits;
    }
    KSET(event->bits, have & ~clear);
    return HYPNOS_OK;
}

static int32_t event_clear(struct event *event, uint32_t bits)
{
    if (!event)
        return HYPNOS_NONE;
    KSET(event->bits, event->bits & ~bits);
    return HYPNOS_OK;
}

static int32_t event_wait(struct event *event, uint32_t bits, uint32_t flags, uint32_t timeout)
{
    if (!event)
        return HYPNOS_NONE;
    uint32_t have = event->bits;
    ktx_copy(call_payload(current), &have, 1, false);
    if (satisfied(have, bits, flags)) {
        if (flags & WAIT_CLEAR)
            KSET(event->bits, have & ~bits);
        return HYPNOS_OK;
    }
    if (timeout == 0)
        return HYPNOS_TIMEOUT;
    STORE(current->wait_bits, bits);
    STORE(current->wait_flags, flags);
    return task_block(&event->waiters, timeout);
}

int hypnos_event_create(void)
{
    int32_t status;
    if (call_bypassed(CALL_EVENT_CREATE, &status, NULL, 0))
        return status;
    if (ktx_begin(&status))
        status = ktx_commit(event_create());
    return call_end(CALL_EVENT_CREATE, status, NULL, 0);
}

int hypnos_event_set(int group, uint32_t bits)
{
    int32_t status;
    if (call_bypassed(CALL_EVENT_SET, &status, NULL, 0))
        return status;
    if (ktx_begin(&status))
        status = ktx_commit(event_set(OBJECT(kernel.events, group, used), bits));
    return call_end(CALL_EVENT_SET, status, NULL, 0);
}

int hypnos_event_clear(int group, uint32_t bits)
{
    int32_t status;
    if (call_bypassed(CALL_EVENT_CLEAR, &status, NULL, 0))
        return status;
    if (ktx_begin(&status))
        status = ktx_commit(event_clear(OBJECT(kernel.events, group, used), bits));
    return call_end(CALL_EVENT_CLEAR, status, NULL, 0);
}

int hypnos_event_wait(int group, uint32_t bits, bool all, bool clear, uint32_t *seen,
                      uint32_t timeout)
{
    uint32_t flags = (all ? WAIT_ALL : 0) | (clear ? WAIT_CLEAR : 0), have;
    int32_t status;
    if (!call_bypassed(CALL_EVENT_WAIT, &status, &have, sizeof(have))) {
        if (ktx_begin(&status))
            status =
                ktx_commit(event_wait(OBJECT(kernel.events, group, used), bits, flags, timeout));
        status = call_end(CALL_EVENT_WAIT, status, &have, sizeof(have));
    }
    if (seen)
        *seen = have;
    return status;
}

int hypnos_event_set_from_interrupt(int group, uint32_t bits)
{
    ktx_begin_system();
    return ktx_commit(event_set(OBJECT(kernel.events, group, used), bits));
}
