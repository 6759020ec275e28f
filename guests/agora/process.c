/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads of user mode: how they begin, wait for each other, and end. */
#include "kernel.h"
#include "syscalls.h"

static struct {
    struct spinlock lock;
    uint64_t spawned, exited;
} lives;

int64_t sys_getpid(void)
{
    return (int64_t)current()->pid;
}

int64_t sys_yield(void)
{
    schedule();
    return 0;
}

int64_t sys_spawn(uint64_t function, uint64_t first, uint64_t second)
{
    if (!user_owns(function, 4))
        return -EFAULT;
    struct thread *thread = thread_new(function, first, second);
    if (!thread)
        return -EAGAIN;
    uint64_t flags = spin_lock(&lives.lock);
    lives.spawned++;
    spin_unlock(&lives.lock, flags);
    make_runnable(thread);
    return (int64_t)thread->pid;
}

int64_t sys_wait(uint64_t pid)
{
    if (pid < 1 || pid > MAX_THREADS || pid == current()->pid)
        return -EINVAL;
    struct thread *thread = &threads[pid - 1];
    if (thread->state == THREAD_UNUSED)
        return -ENOENT;
    uint64_t flags = spin_lock(&lives.lock);
    while (!thread->exited)
        sleep_on(&thread->joiners, &lives.lock);
    spin_unlock(&lives.lock, flags);
    return thread->exit_code;
}

/* Returns, so that the call ends as others do, and what it did is done; sys_park() follows. */
int64_t sys_exit(uint64_t code)
{
    struct thread *me = current();
    uint64_t flags = spin_lock(&lives.lock);
    me->exited = true;
    me->exit_code = (int64_t)code;
    lives.exited++;
    wake_all(&me->joiners);
    spin_unlock(&lives.lock, flags);
    return 0;
}

int64_t sys_park(void)
{
    if (!current()->exited)
        return -EINVAL;
    current()->state = THREAD_DEAD;
    for (;;)
        schedule();
}

struct counts spawn_counts(void)
{
    uint64_t flags = spin_lock(&lives.lock);
    struct counts counts = {lives.spawned, lives.exited};
    spin_unlock(&lives.lock, flags);
    return counts;
}
