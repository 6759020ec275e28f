/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGORA_THREAD_H
#define AGORA_THREAD_H

#include "abi.h"
#include "arch.h"

struct spinlock {
    uint32_t locked;
};

/* Threads in the order in which they began to wait. Guarded by the lock of what they wait for. */
struct wait_queue {
    struct thread *first, *last;
};

/* A lock that may be held for long, over schedule(), with interrupts on. */
struct mutex {
    struct spinlock lock;
    struct thread *owner;
    struct wait_queue waiters;
};

enum thread_state {
    THREAD_UNUSED,
    THREAD_READY, /* running, or wants to */
    THREAD_SLEEPING,
    THREAD_DEAD,
};

/*
 * The register tp holds the current one in the kernel; sscratch does in user mode and is 0 in the
 * kernel. `state` and `waiting_in` say what a thread wants and are written by whoever changes that.
 * The group `on` says where a thread is and belongs to sched.c: only schedule() and make_runnable()
 * touch it, under the run queue's lock. So when the first are undone behind the kernel's back,
 * the second are still right, and a make_runnable() too many does no harm: whoever sleeps looks
 * again at what it waits for.
 */
struct thread {
    uint64_t kernel_sp; /* top of its kernel stack */
    uint64_t user_sp;   /* for a few instructions of trap_entry */
    struct context context;
    uint64_t pid; /* 0: idle */

    enum thread_state state;
    bool preempted; /* give up the hart on the way back to user mode */
    struct wait_queue *waiting_in;
    struct thread *next_waiting;
    uint64_t deadline; /* of sys_sleep(), in ticks */

    bool exited;
    int64_t exit_code;
    struct wait_queue joiners;

    struct {
        struct thread *next_queued;
        bool queued, running;
        bool wake_pending; /* make_runnable() came while it was running */
        uint32_t hart;
    } on;
};

/* What a hart has of its own. */
struct hart {
    uint64_t id; /* as firmware knows it; the index in harts[] is ours */
    struct thread *idle;
    bool waiting; /* for an interrupt; written by idle() alone */
    struct {
        uint64_t total, user, kernel, idle;
    } ticks;
};

extern struct hart harts[MAX_HARTS];
extern unsigned hart_count;
extern struct thread threads[MAX_THREADS];

static inline struct thread *current(void)
{
    struct thread *thread;
    __asm__ volatile("mv %0, tp" : "=r"(thread));
    return thread;
}

/* ---- lock.c -------------------------------------------------------------------------------- */

/* With interrupts off already. */
void spin_acquire(struct spinlock *lock);
void spin_release(struct spinlock *lock);

/* Interrupts are off while a spinlock is held; spin_unlock() takes what spin_lock() returned. */
uint64_t spin_lock(struct spinlock *lock);
void spin_unlock(struct spinlock *lock, uint64_t flags);

void mutex_lock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);

/* Releases the lock, sleeps, takes it again. May return early: callers look again. */
void sleep_on(struct wait_queue *queue, struct spinlock *lock);

/* With the queue's lock held. */
void wake_one(struct wait_queue *queue);
void wake_all(struct wait_queue *queue);
void wake(struct thread *thread); /* one that waits in any queue */

/* Functions that are `noipa` are known by name to who watches the kernel from below: they are
 * called, never copied, and nothing is concluded from what they return. */

/* ---- sched.c ------------------------------------------------------------------------------- */

/* Gives the hart to the thread that has waited longest; returns when this one runs again, perhaps
 * on another hart. A sleeping one must have been made runnable. Never called with a lock held. */
void schedule(void) __attribute__((noipa));

/* Puts a thread into the run queue unless it is there or runs. May be called for any thread at
 * any time: those that do not exist (any more) are dropped by schedule(). */
void make_runnable(struct thread *thread) __attribute__((noipa));

void sched_init_idle(unsigned hart);
void idle(void) __attribute__((noreturn));
struct thread *thread_new(uint64_t entry, uint64_t first, uint64_t second);

/* ---- entry.S ------------------------------------------------------------------------------- */

/* Releases the run queue's lock when `old` is saved: from then on another hart may run it. */
void switch_to(struct context *old, struct context *new);
void trap_entry(void);
void thread_start(void);    /* context.s[0..2]: user's pc, a0, a1; s[3]: sp */
void secondary_start(void); /* a1: idle thread */

#endif
