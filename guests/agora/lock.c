/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spinlocks, wait queues, and mutexes made of both. */
#include "sbi.h"
#include "thread.h"

void spin_acquire(struct spinlock *lock)
{
    while (__atomic_exchange_n(&lock->locked, 1, __ATOMIC_ACQUIRE))
        ;
}

void spin_release(struct spinlock *lock)
{
    __atomic_store_n(&lock->locked, 0, __ATOMIC_RELEASE);
}

uint64_t spin_lock(struct spinlock *lock)
{
    uint64_t flags = irq_save();
    spin_acquire(lock);
    return flags;
}

void spin_unlock(struct spinlock *lock, uint64_t flags)
{
    spin_release(lock);
    irq_restore(flags);
}

static void append(struct wait_queue *queue, struct thread *thread)
{
    thread->waiting_in = queue;
    thread->next_waiting = NULL;
    if (queue->last)
        queue->last->next_waiting = thread;
    else
        queue->first = thread;
    queue->last = thread;
}

static void remove(struct wait_queue *queue, struct thread *thread)
{
    struct thread *previous = NULL, *at = queue->first;
    while (at != thread) {
        previous = at;
        at = at->next_waiting;
    }
    if (previous)
        previous->next_waiting = thread->next_waiting;
    else
        queue->first = thread->next_waiting;
    if (queue->last == thread)
        queue->last = previous;
    thread->waiting_in = NULL;
}

void sleep_on(struct wait_queue *queue, struct spinlock *lock)
{
    struct thread *me = current();
    append(queue, me);
    me->state = THREAD_SLEEPING;
    spin_release(lock);
    schedule();
    spin_acquire(lock);
    if (me->waiting_in) { /* only make_runnable() was called */
        remove(queue, me);
        me->state = THREAD_READY;
    }
}

/* A hart that waits would look at the run queue at its next tick only. The search begins where the
 * thread ran, so that not all poke the same one. */
static void poke_a_waiting_hart(const struct thread *thread)
{
    for (unsigned i = 0; i < hart_count; i++) {
        const struct hart *hart = &harts[(thread->on.hart + i) % hart_count];
        if (hart->waiting) {
            sbi_send_ipi(hart->id);
            return;
        }
    }
}

void wake(struct thread *thread)
{
    remove(thread->waiting_in, thread);
    thread->state = THREAD_READY;
    make_runnable(thread);
    poke_a_waiting_hart(thread);
}

void wake_one(struct wait_queue *queue)
{
    if (queue->first)
        wake(queue->first);
}

void wake_all(struct wait_queue *queue)
{
    while (queue->first)
        wake(queue->first);
}

void mutex_lock(struct mutex *mutex)
{
    uint64_t flags = spin_lock(&mutex->lock);
    while (mutex->owner)
        sleep_on(&mutex->waiters, &mutex->lock);
    mutex->owner = current();
    spin_unlock(&mutex->lock, flags);
}

void mutex_unlock(struct mutex *mutex)
{
    uint64_t flags = spin_lock(&mutex->lock);
    mutex->owner = NULL;
    wake_one(&mutex->waiters);
    spin_unlock(&mutex->lock, flags);
}
