// SPDX-License-Identifier: GPL-2.0-or-later
/* Tasks: system calls, waiting, priorities. */
#include "kernel.h"

/* ---- In kernel transactions ------------------------------------------------------------------ */

int32_t task_block(struct list *list, uint32_t timeout)
{
    struct task *task = current;
    KSET(task->state, TASK_BLOCKED);
    if (task->wait_mutex)
        STORE(task->wait_mutex, NULL);
    if (list)
        ktx_move(&task->waiter, list);
    if (timeout != HYPNOS_FOREVER)
        STORE(task->node.key, kernel.now + timeout);
    ktx_move(&task->node, timeout == HYPNOS_FOREVER ? NULL : &kernel.delayed);
    return BLOCKED;
}

void task_wake(struct task *task, int32_t result)
{
    KSET(task->wait_result, result);
    KSET(task->state, TASK_READY);
    if (task->waiter.list)
        ktx_move(&task->waiter, NULL);
    ktx_move(&task->node, &kernel.ready[task->priority]);
}

struct task *task_best(const struct list *waiters)
{
    struct task *best = NULL;
    for (struct node *n = waiters->head.next; n != &waiters->head; n = n->next)
        if (!best || waiter_of(n)->priority > best->priority)
            best = waiter_of(n);
    return best;
}

void task_level(struct task *task, uint32_t level)
{
    if (level == task->priority)
        return;
    if (task->state == TASK_READY)
        ktx_move(&task->node, &kernel.ready[level]);
    KSET(task->priority, level);
}

void task_inherit(struct task *task, const struct task *without)
{
    uint32_t level = task->base_priority;
    for (struct mutex *m = kernel.mutexes; m < kernel.mutexes + HYPNOS_MUTEXES; m++) {
        if (!m->used || m->owner != task)
            continue;
        for (struct node *n = m->waiters.head.next; n != &m->waiters.head; n = n->next)
            if (waiter_of(n) != without && waiter_of(n)->priority > level)
                level = waiter_of(n)->priority;
    }
    task_level(task, level);
}

struct task *task_new(const char *name, void (*entry)(uint32_t), uint32_t arg, unsigned priority)
{
    struct task *task = kernel.tasks;
    while (task < kernel.tasks + HYPNOS_TASKS && task->state != TASK_FREE)
        task++;
    if (task == kernel.tasks + HYPNOS_TASKS || priority == 0 || priority >= HYPNOS_PRIORITIES)
        return NULL;
    list_init(&task->joiners, false);
    STORE(task->name, name);
    STORE(task->entry, entry);
    STORE(task->arg, arg);
    STORE(task->priority, priority);
    STORE(task->base_priority, priority);
    KSET(task->state, TASK_READY);
    ktx_move(&task->node, &kernel.ready[priority]);
    return task;
}

/* ---- Their bodies ---------------------------------------------------------------------------- */

static struct task *task_at(int number)
{
    if (number < 0 || number >= HYPNOS_TASKS || kernel.tasks[number].state == TASK_FREE)
        return NULL;
    return &kernel.tasks[number];
}

static int32_t create(const char *name, void (*entry)(uint32_t), uint32_t arg, unsigned priority)
{
    const struct task *task = task_new(name, entry, arg, priority);
    return task ? task_number(task) : HYPNOS_NONE;
}

static int32_t restart(struct task *task)
{
    if (!task || task->state != TASK_ENDED)
        return HYPNOS_NONE;
    KSET(task->state, TASK_READY);
    KSET(task->priority, task->base_priority);
    ktx_move(&task->node, &kernel.ready[task->base_priority]);
    return HYPNOS_OK;
}

static int32_t join(struct task *task, uint32_t timeout)
{
    if (!task || task == current)
        return HYPNOS_NONE;
    if (task->state == TASK_ENDED)
        return HYPNOS_OK;
    return timeout ? task_block(&task->joiners, timeout) : HYPNOS_TIMEOUT;
}

/* A task that was ready keeps the result of the wait that it had before. */
static int32_t suspend(struct task *task)
{
    if (!task || task->state != TASK_READY)
        return HYPNOS_NONE;
    KSET(task->state, TASK_SUSPENDED);
    ktx_move(&task->node, NULL);
    if (task != current)
        return HYPNOS_OK;
    KSET(task->wait_result, HYPNOS_OK);
    return BLOCKED;
}

static int32_t resume(struct task *task)
{
    if (!task || task->state != TASK_SUSPENDED)
        return HYPNOS_NONE;
    KSET(task->state, TASK_READY);
    ktx_move(&task->node, &kernel.ready[task->priority]);
    return HYPNOS_OK;
}

static int32_t set_priority(struct task *task, unsigned priority)
{
    if (!task || priority == 0 || priority >= HYPNOS_PRIORITIES)
        return HYPNOS_NONE;
    KSET(task->base_priority, priority);
    task_inherit(task, NULL);
    return HYPNOS_OK;
}

static int32_t delay_until(uint32_t tick)
{
    if ((int32_t)(tick - kernel.now) <= 0)
        return HYPNOS_OK;
    return task_block(NULL, tick - kernel.now);
}

/* ---- System calls ---------------------------------------------------------------------------- */

int hypnos_task_create(const char *name, void (*entry)(uint32_t), uint32_t arg, unsigned priority)
{
    int32_t status;
    if (call_bypassed(CALL_TASK_CREATE, &status, NULL, 0))
        return status;
    if (ktx_begin(&status))
        status = ktx_commit(create(name, entry, arg, priority));
    return call_end(CALL_TASK_CREATE, status, NULL, 0);
}

int hypnos_task_start(int task)
{
    int32_t status;
    if (call_bypassed(CALL_TASK_START, &status, NULL, 0))
        return status;
    if (ktx_begin(&status))
        status = ktx_commit(restart(task_at(task)));
    return call_end(CALL_TASK_START, status, NULL, 0);
}

int hypnos_task_join(int task, uint32_t timeout)
{
    int32_t status;
    if (call_bypassed(CALL_TASK_JOIN, &status, NULL, 0))
        return status;
    if (ktx_begin(&status))
        status = ktx_commit(join(task_at(task), timeout));
    return call_end(CALL_TASK_JOIN, status, NULL, 0);
}

int hypnos_task_suspend(int task)
{
    int32_t status;
    if (call_bypassed(CALL_TASK_SUSPEND, &status, NULL, 0))
        return status;
    if (ktx_begin(&status))
        status = ktx_commit(suspend(task_at(task)));
    return call_end(CALL_TASK_SUSPEND, status, NULL, 0);
}

int hypnos_task_resume(int task)
{
    int32_t status;
    if (call_bypassed(CALL_TASK_RESUME, &status, NULL, 0))
        return status;
    if (ktx_begin(&status))
        status = ktx_commit(resume(task_at(task)));
    return call_end(CALL_TASK_RESUME, status, NULL, 0);
}

int hypnos_task_priority(int task, unsigned priority)
{
    int32_t status;
    if (call_bypassed(CALL_TASK_PRIORITY, &status, NULL, 0))
        return status;
    if (ktx_begin(&status))
        status = ktx_commit(set_priority(task_at(task), priority));
    return call_end(CALL_TASK_PRIORITY, status, NULL, 0);
}

int hypnos_self(void)
{
    return task_number(current);
}

void hypnos_delay(uint32_t ticks)
{
    int32_t status;
    if (call_bypassed(CALL_DELAY, &status, NULL, 0))
        return;
    if (ktx_begin(&status))
        status = ktx_commit(ticks ? task_block(NULL, ticks) : HYPNOS_OK);
    call_end(CALL_DELAY, status, NULL, 0);
}

void hypnos_delay_until(uint32_t tick)
{
    int32_t status;
    if (call_bypassed(CALL_DELAY, &status, NULL, 0))
        return;
    if (ktx_begin(&status))
        status = ktx_commit(delay_until(tick));
    call_end(CALL_DELAY, status, NULL, 0);
}

uint32_t hypnos_now(void)
{
    int32_t status;
    if (call_bypassed(CALL_NOW, &status, NULL, 0))
        return status;
    return call_end(CALL_NOW, (int32_t)kernel.now, NULL, 0);
}
