// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who runs. The ready lists are persistent; contexts are not: a task that has not run in this life
 * gets a new stack and starts from its entry when it is first picked, and that is its recovery. So
 * the most urgent ready task recovers first, and one that waits does not recover until its wait is
 * over.
 */
#include "kernel.h"

/* Volatile state. */
struct task *current;
struct live lives[HYPNOS_TASKS] __attribute__((section(".noinit")));
static uint64_t stacks[HYPNOS_TASKS][HYPNOS_STACK / 8]
    __attribute__((section(".noinit"), aligned(8)));
static uint32_t *idle_sp;
static uint32_t started; /* bit by task: it has a context */
static bool turn;

#define CANARY 0x5a5ac3c3u

static EVENT void hypnos_task_restart(const struct task *task)
{
    (void)task;
}

static void live_init(struct task *task)
{
    struct live *live = &lives[task_number(task)];
    uint32_t *sp = live->sp;
    *live = (struct live){.sp = sp};
}

/* In a kernel transaction. Leaves nothing for a replay: the next start is from the beginning. */
static void forget(struct task *task)
{
    KSET(task->user_tail, 0);
    for (struct node *n = task->joiners.head.next; n != &task->joiners.head; n = n->next)
        task_wake(waiter_of(n), HYPNOS_OK);
    if (task->service)
        return;
    KSET(task->state, TASK_ENDED);
    ktx_move(&task->node, NULL);
}

/* What a task executes. */
static void task_run(void *argument)
{
    struct task *task = argument;
    for (;;) {
        hypnos_recover_task(task);
        task->entry(task->arg);
        RULE(!self()->in_tx, "a task ended inside of a transaction");
        ktx_begin_system();
        forget(task);
        if (!task->service)
            started &= ~(1u << task_number(task));
        live_init(task);
        ktx_commit(0);
        while (*(volatile uint32_t *)&task->state == TASK_ENDED)
            ; /* the switch is pending */
    }
}

static void start(struct task *task)
{
    unsigned number = task_number(task);
    live_init(task);
    stacks[number][0] = CANARY;
    started |= 1u << number;
    lives[number].sp = port_frame((uint32_t *)&stacks[number][HYPNOS_STACK / 8], task_run, task);
    hypnos_task_restart(task);
}

static struct task *pick(void)
{
    for (unsigned p = HYPNOS_PRIORITIES - 1; p > 0; p--) {
        const struct list *list = &kernel.ready[p];
        struct node *node = list_first(list);
        if (!node)
            continue;
        if (current && current->node.list == list) {
            if (!turn)
                return current;
            if (current->node.next != &list->head)
                node = current->node.next;
        }
        return task_of(node);
    }
    return NULL;
}

void sched_request(void)
{
    if (pick() != current)
        port_switch_later();
}

void sched_turn(void)
{
    turn = true;
    sched_request();
}

uint32_t *sched_switch(uint32_t *sp)
{
    uint32_t mask = port_lock();
    if (current) {
        lives[task_number(current)].sp = sp;
        if (stacks[task_number(current)][0] != CANARY)
            hypnos_panic("a task's stack has overflowed");
    } else {
        idle_sp = sp;
    }
    current = pick();
    turn = false;
    if (current && !(started & 1u << task_number(current)))
        start(current);
    sp = current ? lives[task_number(current)].sp : idle_sp;
    port_unlock(mask);
    return sp;
}

/* A delay or a timeout is over. */
static void expire(struct task *task)
{
    ktx_begin_system();
    task_wake(task, HYPNOS_TIMEOUT);
    if (task->wait_mutex && task->wait_mutex->owner)
        task_inherit(task->wait_mutex->owner, task);
    ktx_commit(0);
}

static bool is_due(const struct node *node)
{
    return node && (int32_t)(node->key - kernel.now) <= 0;
}

void sched_tick(void)
{
    uint32_t mask = port_lock();
    STORE(kernel.now, kernel.now + 1);
    struct node *node;
    while (is_due(node = list_first(&kernel.delayed)))
        expire(task_of(node));
    while (is_due(node = list_first(&kernel.timers_running)))
        timer_expire(node);
    if (!(kernel.flags & OPTION_NO_TURNS))
        turn = true;
    sched_request();
    port_unlock(mask);
}

void hypnos_yield(void)
{
    uint32_t mask = port_lock();
    sched_turn();
    port_unlock(mask);
}
