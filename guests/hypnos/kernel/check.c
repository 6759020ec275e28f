// SPDX-License-Identifier: GPL-2.0-or-later
/* The check build: rules that the compiler cannot see to, and lists that must be whole at each
 * boot. */
#include "kernel.h"

#ifdef HYPNOS_CHECK

#define SPANS 64u

/* What the transaction under way has read, and what it owns: logged, or written without having been
 * read. When there is no more room, nothing more is noted. Volatile state. */
struct notes {
    struct span {
        uintptr_t from, to;
        bool owned;
    } spans[SPANS];
    unsigned count;
};
static struct notes all_notes[HYPNOS_TASKS] __attribute__((section(".noinit")));

void rule_broken(const char *what)
{
    hypnos_printf("hypnos: rule: %s (task %s)\n", what, current ? current->name : "none");
    port_exit(3);
}

static bool is_nv(uintptr_t at, size_t size)
{
    return at >= (uintptr_t)port_boot_start && at < (uintptr_t)port_nv_end &&
           (uintptr_t)port_nv_end - at >= size;
}

static struct notes *notes(void)
{
    return &all_notes[task_number(current)];
}

static void access(const void *at, size_t size)
{
    RULE(is_nv((uintptr_t)at, size), "an accessor used on what is not in NV memory");
    RULE(!port_in_interrupt() && current && self()->in_tx,
         "persistent data touched outside of a transaction");
}

static void note(const void *at, size_t size, bool owned)
{
    struct notes *n = notes();
    if (n->count < SPANS)
        n->spans[n->count++] = (struct span){(uintptr_t)at, (uintptr_t)at + size, owned};
}

static bool owned(const void *at, size_t size)
{
    const struct notes *n = notes();
    for (unsigned i = 0; i < n->count; i++)
        if (n->spans[i].owned && n->spans[i].from <= (uintptr_t)at &&
            (uintptr_t)at + size <= n->spans[i].to)
            return true;
    return false;
}

void check_tx_begin(struct hypnos_result result)
{
    RULE(!port_in_interrupt(), "a transaction in an interrupt");
    RULE(!self()->in_tx, "a transaction in a transaction");
    RULE(!result.at || !is_nv((uintptr_t)result.at, 1), "a result variable in NV memory");
    notes()->count = 0;
}

void check_logged(const void *at, size_t size)
{
    access(at, size);
    if (!owned(at, size))
        note(at, size, true);
}

void hypnos_note_read(const void *at, size_t size)
{
    access(at, size);
    if (!owned(at, size))
        note(at, size, false);
}

void hypnos_note_new(const void *at, size_t size)
{
    access(at, size);
    if (owned(at, size))
        return;
    const struct notes *n = notes();
    for (unsigned i = 0; i < n->count; i++)
        RULE(n->spans[i].owned || n->spans[i].to <= (uintptr_t)at ||
                 n->spans[i].from >= (uintptr_t)at + size,
             "written without a log record after it was read");
    note(at, size, true);
}

void hypnos_check_value(const void *value, size_t size, bool is_pointer)
{
    if (!is_pointer || size != sizeof(uintptr_t))
        return;
    uintptr_t pointer = *(const uintptr_t *)value;
    RULE(pointer < (uintptr_t)port_ram_start || pointer >= (uintptr_t)port_ram_end,
         "a pointer to volatile memory stored in NV memory");
}

void check_tx_end(struct hypnos_result result)
{
    if (result.is_pointer)
        RULE(!is_nv(*(const uintptr_t *)result.at, 1),
             "a pointer to persistent data leaves its transaction");
}

static void check_list(const struct list *list)
{
    const struct node *before = &list->head;
    for (unsigned n = 0; n <= HYPNOS_TASKS + HYPNOS_TIMERS; n++) {
        const struct node *node = before->next;
        RULE(node->prev == before && node->list == list, "a list is not whole after recovery");
        if (node == &list->head)
            return;
        RULE(!list->head.key || before == &list->head || (int32_t)(node->key - before->key) >= 0,
             "a list is not in order after recovery");
        before = node;
    }
    rule_broken("a list does not end");
}

/* A task is where its state says. */
static void check_task(const struct task *task)
{
    if (task->state == TASK_FREE)
        return;
    check_list(&task->joiners);
    const struct list *list = task->node.list;
    bool right = task->state == TASK_READY     ? list == &kernel.ready[task->priority]
                 : task->state == TASK_BLOCKED ? !list || list == &kernel.delayed
                                               : !list;
    RULE(right && (task->state == TASK_BLOCKED || !task->waiter.list),
         "a task is in another list than its state says");
}

void check_lists(void)
{
    for (unsigned p = 0; p < HYPNOS_PRIORITIES; p++)
        check_list(&kernel.ready[p]);
    check_list(&kernel.delayed);
    check_list(&kernel.timers_running);
    check_list(&kernel.timers_due);
    for (unsigned i = 0; i < HYPNOS_TASKS; i++)
        check_task(&kernel.tasks[i]);
    for (unsigned i = 0; i < HYPNOS_QUEUES; i++)
        if (kernel.queues[i].items) {
            check_list(&kernel.queues[i].senders);
            check_list(&kernel.queues[i].receivers);
        }
    for (unsigned i = 0; i < HYPNOS_SEMAPHORES; i++)
        if (kernel.semaphores[i].maximum)
            check_list(&kernel.semaphores[i].waiters);
    for (unsigned i = 0; i < HYPNOS_MUTEXES; i++)
        if (kernel.mutexes[i].used)
            check_list(&kernel.mutexes[i].waiters);
    for (unsigned i = 0; i < HYPNOS_EVENTS; i++)
        if (kernel.events[i].used)
            check_list(&kernel.events[i].waiters);
}

#endif
