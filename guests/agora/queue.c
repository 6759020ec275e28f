/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bounded queue of numbers. */
#include "kernel.h"
#include "syscalls.h"

#define SLOTS      16
#define MAX_YIELDS 100000

static struct {
    struct spinlock lock;
    struct wait_queue not_full, not_empty;
    uint64_t slots[SLOTS];
    unsigned first, count;
    struct counts in, out;
} queue;

/* Returns how many were put before. */
static uint64_t put(uint64_t value)
{
    uint64_t flags = spin_lock(&queue.lock);
    while (queue.count == SLOTS)
        sleep_on(&queue.not_full, &queue.lock);
    queue.slots[(queue.first + queue.count) % SLOTS] = value;
    queue.count++;
    uint64_t position = queue.in.calls++;
    if (fault_due(FAULT_WILD))
        *(volatile uint64_t *)0x4000000000 = value;
    queue.in.sum += value;
    wake_one(&queue.not_empty);
    spin_unlock(&queue.lock, flags);
    return position;
}

void queue_put(uint64_t value)
{
    put(value);
}

/* Until another thread has taken the item at the position, and one sleeps as it found no more. */
static void await_sleeping_taker(uint64_t position)
{
    for (unsigned i = 0; i < MAX_YIELDS; i++) {
        uint64_t flags = spin_lock(&queue.lock);
        bool sleeps = queue.out.calls > position && queue.not_empty.first;
        spin_unlock(&queue.lock, flags);
        if (sleeps)
            return;
        schedule();
    }
}

int64_t sys_queue_put(uint64_t value)
{
    uint64_t position = put(value);
    if (fault_due(FAULT_BLOCKED)) {
        await_sleeping_taker(position);
        fault_null();
    }
    return 0;
}

int64_t sys_queue_get(void)
{
    uint64_t flags = spin_lock(&queue.lock);
    while (!queue.count)
        sleep_on(&queue.not_empty, &queue.lock);
    uint64_t value = queue.slots[queue.first];
    queue.first = (queue.first + 1) % SLOTS;
    queue.count--;
    queue.out.calls++;
    queue.out.sum += value;
    wake_one(&queue.not_full);
    spin_unlock(&queue.lock, flags);
    return (int64_t)value;
}

struct counts queue_put_counts(void)
{
    return queue.in;
}

struct counts queue_got_counts(void)
{
    return queue.out;
}

bool queue_is_sound(void)
{
    uint64_t flags = spin_lock(&queue.lock);
    uint64_t sum = queue.out.sum;
    for (unsigned i = 0; i < queue.count; i++)
        sum += queue.slots[(queue.first + i) % SLOTS];
    bool sound = queue.count <= SLOTS && queue.in.calls == queue.out.calls + queue.count &&
                 queue.in.sum == sum;
    spin_unlock(&queue.lock, flags);
    return sound;
}
