/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run queue, shared by all harts, and the life of threads. */
#include "kernel.h"
#include "sbi.h"
#include "thread.h"

/* switch_to() knows that the lock comes first. */
struct {
    struct spinlock lock;
    struct thread *first, *last;
} run_queue;

struct hart harts[MAX_HARTS];
unsigned hart_count;
struct thread threads[MAX_THREADS];
struct thread idle_threads[MAX_HARTS];

/* Those of idle threads come first, for the boot hart starts on the first of all. */
char kernel_stacks[MAX_HARTS + MAX_THREADS][STACK_SIZE] __attribute__((aligned(STACK_SIZE)));

static struct spinlock threads_lock;

_Static_assert(offsetof(struct thread, kernel_sp) == THREAD_KERNEL_SP, "THREAD_KERNEL_SP");
_Static_assert(offsetof(struct thread, user_sp) == THREAD_USER_SP, "THREAD_USER_SP");
_Static_assert(sizeof(struct trap_frame) == FRAME_SIZE, "FRAME_SIZE");

static void enqueue(struct thread *thread)
{
    if (thread->on.queued)
        return;
    thread->on.queued = true;
    thread->on.next_queued = NULL;
    if (run_queue.last)
        run_queue.last->on.next_queued = thread;
    else
        run_queue.first = thread;
    run_queue.last = thread;
}

/* Threads that no longer exist may be queued: whoever made them runnable was undone. */
static struct thread *dequeue(void)
{
    struct thread *thread;
    do {
        thread = run_queue.first;
        if (!thread)
            return NULL;
        run_queue.first = thread->on.next_queued;
        if (!run_queue.first)
            run_queue.last = NULL;
        thread->on.queued = false;
    } while (thread->state == THREAD_UNUSED || thread->state == THREAD_DEAD);
    return thread;
}

void make_runnable(struct thread *thread)
{
    uint64_t flags = spin_lock(&run_queue.lock);
    if (thread->on.running)
        thread->on.wake_pending = true;
    else
        enqueue(thread);
    spin_unlock(&run_queue.lock, flags);
}

void schedule(void)
{
    struct thread *previous = current();
    uint64_t flags = spin_lock(&run_queue.lock);
    uint32_t hart = previous->on.hart;
    previous->on.running = false;
    if (previous->pid && (previous->state == THREAD_READY || previous->on.wake_pending))
        enqueue(previous);
    previous->on.wake_pending = false;
    struct thread *next = dequeue();
    if (!next)
        next = harts[hart].idle;
    next->on.running = true;
    next->on.hart = hart;
    if (next == previous)
        spin_release(&run_queue.lock);
    else
        switch_to(&previous->context, &next->context);
    irq_restore(flags);
}

/* ---- Threads ------------------------------------------------------------------------------- */

static void use_stack(struct thread *thread, unsigned index)
{
    thread->kernel_sp = (uint64_t)kernel_stacks[index + 1];
}

void sched_init_idle(unsigned hart)
{
    struct thread *thread = &idle_threads[hart];
    use_stack(thread, hart);
    thread->state = THREAD_READY;
    thread->on.running = true;
    thread->on.hart = hart;
    harts[hart].idle = thread;
}

/* Interrupts are off but for a moment in each round. */
void idle(void)
{
    struct hart *hart = &harts[current()->on.hart];
    for (;;) {
        schedule();
        hart->waiting = true;
        __asm__ volatile("wfi" : : : "memory");
        hart->waiting = false;
        irq_enable();
        irq_disable();
    }
}

/* NULL: there are too many. The thread is not runnable yet. */
struct thread *thread_new(uint64_t entry, uint64_t first, uint64_t second)
{
    struct thread *thread = NULL;
    uint64_t flags = spin_lock(&threads_lock);
    for (unsigned i = 0; i < MAX_THREADS && !thread; i++) {
        if (threads[i].state != THREAD_UNUSED)
            continue;
        thread = &threads[i];
        use_stack(thread, MAX_HARTS + i);
        thread->pid = i + 1;
        thread->state = THREAD_READY;
        thread->context = (struct context){
            .ra = (uint64_t)thread_start,
            .sp = thread->kernel_sp,
            .tp = (uint64_t)thread,
            .s = {entry, first, second, (uint64_t)user_stacks[i + 1]},
        };
    }
    spin_unlock(&threads_lock, flags);
    return thread;
}
