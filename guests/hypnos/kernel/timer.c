// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Software timers. Those that run are sorted by expiry; the tick moves an expired one to those that
 * are due, and a task takes them from there, calls back, and ends: it starts anew at once, with
 * empty tables, so a callback is replayed as a task of its own would be.
 */
#include "kernel.h"

struct due {
    int32_t timer;
    void (*callback)(uint32_t timer, uint32_t arg);
    uint32_t arg;
};

static struct timer *timer_of(struct node *node)
{
    return (struct timer *)((char *)node - offsetof(struct timer, node));
}

static struct timer *timer_at(int number)
{
    if (number < 0 || number >= HYPNOS_TIMERS || !kernel.timers[number].callback)
        return NULL;
    return &kernel.timers[number];
}

void timer_expire(struct node *node)
{
    ktx_begin_system();
    ktx_move(node, &kernel.timers_due);
    if (kernel.timer_waits) {
        KSET(kernel.timer_waits, 0);
        task_wake(kernel.timer_task, HYPNOS_OK);
    }
    ktx_commit(0);
}

/* ---- The timer task -------------------------------------------------------------------------- */

/* It changes something in any case: a kernel transaction that did not would not be in the table. */
static int32_t timer_wait(void)
{
    bool waits = !list_first(&kernel.timers_due);
    KSET(kernel.timer_waits, waits);
    return waits ? task_block(NULL, HYPNOS_FOREVER) : HYPNOS_OK;
}

/* None is due if the one that was has been stopped since. */
static int32_t timer_take(void)
{
    struct node *node = list_first(&kernel.timers_due);
    struct due due = {.callback = NULL};
    if (node) {
        struct timer *timer = timer_of(node);
        due = (struct due){timer - kernel.timers, timer->callback, timer->arg};
        if (timer->period)
            KSET(node->key, node->key + timer->period);
        ktx_move(node, timer->period ? &kernel.timers_running : NULL);
    }
    ktx_copy(call_payload(current), &due, sizeof(due) / 4, false);
    return HYPNOS_OK;
}

static struct due timer_next(void)
{
    struct due due;
    int32_t status;
    if (call_bypassed(CALL_TIMER_NEXT, &status, &due, sizeof(due)))
        return due;
    if (ktx_begin(&status))
        status = ktx_commit(timer_wait());
    while (status == BLOCKED && *(volatile uint32_t *)&current->state != TASK_READY)
        ; /* the switch is pending */
    if (ktx_begin(&status))
        status = ktx_commit(timer_take());
    call_end(CALL_TIMER_NEXT, status, &due, sizeof(due));
    return due;
}

static void timer_task(uint32_t arg)
{
    (void)arg;
    struct due due;
    transaction(due) due = timer_next();
    if (due.callback)
        due.callback(due.timer, due.arg);
}

/* ---- System calls ---------------------------------------------------------------------------- */

static int32_t create(void (*callback)(uint32_t, uint32_t), uint32_t arg, uint32_t delay,
                      uint32_t period)
{
    struct timer *timer = kernel.timers;
    while (timer < kernel.timers + HYPNOS_TIMERS && timer->callback)
        timer++;
    if (timer == kernel.timers + HYPNOS_TIMERS || !callback)
        return HYPNOS_NONE;
    if (!kernel.timer_task) {
        struct task *task = task_new("timers", timer_task, 0, HYPNOS_PRIORITIES - 1);
        if (!task)
            return HYPNOS_NONE;
        STORE(task->service, 1);
        KSET(kernel.timer_task, task);
    }
    STORE(timer->arg, arg);
    STORE(timer->delay, delay);
    STORE(timer->period, period);
    KSET(timer->callback, callback);
    return timer - kernel.timers;
}

int hypnos_timer_create(void (*callback)(uint32_t timer, uint32_t arg), uint32_t arg,
                        uint32_t delay, uint32_t period)
{
    int32_t status;
    if (call_bypassed(CALL_TIMER_CREATE, &status, NULL, 0))
        return status;
    if (ktx_begin(&status))
        status = ktx_commit(create(callback, arg, delay, period));
    return call_end(CALL_TIMER_CREATE, status, NULL, 0);
}

static int32_t halt(struct timer *timer)
{
    if (!timer)
        return HYPNOS_NONE;
    ktx_move(&timer->node, NULL);
    return HYPNOS_OK;
}

static int32_t run(struct timer *timer)
{
    STORE(timer->node.key, kernel.now + timer->delay);
    ktx_move(&timer->node, &kernel.timers_running);
    return HYPNOS_OK;
}

/* Two kernel transactions: a node moves once in one. */
int hypnos_timer_start(int timer)
{
    int32_t status;
    if (call_bypassed(CALL_TIMER_START, &status, NULL, 0))
        return status;
    if (ktx_begin(&status))
        status = ktx_commit(halt(timer_at(timer)));
    if (status == HYPNOS_OK && ktx_begin(&status))
        status = ktx_commit(run(timer_at(timer)));
    return call_end(CALL_TIMER_START, status, NULL, 0);
}

int hypnos_timer_stop(int timer)
{
    int32_t status;
    if (call_bypassed(CALL_TIMER_STOP, &status, NULL, 0))
        return status;
    if (ktx_begin(&status))
        status = ktx_commit(halt(timer_at(timer)));
    return call_end(CALL_TIMER_STOP, status, NULL, 0);
}
