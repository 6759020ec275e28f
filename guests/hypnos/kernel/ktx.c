// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kernel transactions. One at a time in the whole system, with interrupts masked, so there is one
 * journal: undo records of single words, and the list operations that are to follow the commit.
 *
 * Before the commit flag is set, a cut means: undo. After it: go on forward, which is repeating the
 * list operations, each of which finds out how far it got.
 */
#include "ktx.h"

#define HEAD_UNDO(head)   ((head)&0x3ffu)        /* undo records */
#define HEAD_MOVES(head)  ((head) >> 10 & 0x3fu) /* list operations to do */
#define HEAD_TASK(head)   ((head) >> 16 & 0x3fu) /* whose transaction it is, or */
#define HEAD_SYSTEM       0x3fu
#define HEAD_NUMBER(head) ((head) >> 22 & 0xfu) /* which of its call */
#define HEAD_COMMITTED    (1u << 31)

#define UNDO_RECORDS 512u
#define MOVES        (2u * HYPNOS_TASKS + 2u)

struct move {
    struct node *node;
    struct list *to;
};

static NV_RAW struct journal {
    uint32_t head; /* HEAD_*; 0: there is nothing to recover */
    struct undo {
        uint32_t *at;
        uint32_t old;
    } undo[UNDO_RECORDS];
    struct move moves[MOVES];
} journal;

/* Volatile state: of the transaction that is under way. */
static struct move planned[MOVES];
static unsigned plans;
static uint32_t mask;
static uint32_t owner; /* as HEAD_TASK */

static EVENT void hypnos_kernel_commit(void)
{
}

static EVENT void hypnos_kernel_undo(void)
{
}

static EVENT void hypnos_kernel_bypass(void)
{
}

void journal_format(void)
{
    STORE(journal.head, 0);
}

__attribute__((noinline)) void hypnos_log_kernel(void *at)
{
    uint32_t used = journal.head;
    if (used == UNDO_RECORDS)
        hypnos_panic("the kernel's undo log is full");
    STORE(journal.undo[used].old, *(uint32_t *)at);
    STORE(journal.undo[used].at, at);
    STORE(journal.head, used + 1);
}

void ktx_begin_system(void)
{
    mask = port_lock();
    owner = HEAD_SYSTEM;
    plans = 0;
}

bool ktx_begin(int32_t *status)
{
    struct live *live = self();
    uint32_t tail = current->kernel_tail;
    if (tail >> 16 == live->calls && live->kernel < (tail & 0xffff)) {
        hypnos_kernel_bypass();
        *status = tables_of(current)->kernel[live->kernel++];
        return false;
    }
    ktx_begin_system();
    owner = task_number(current);
    return true;
}

void ktx_set(void *at, uint32_t value)
{
    hypnos_log_kernel(at);
    *(volatile uint32_t *)at = value;
}

void ktx_copy(void *to, const void *from, size_t words, bool logged)
{
    uint32_t *at = to;
    const uint32_t *value = from;
    for (size_t i = 0; i < words; i++) {
        if (logged || (hypnos_flags & OPTION_LOG_ALL))
            hypnos_log_kernel(&at[i]);
        STORE(at[i], value[i]);
    }
}

void ktx_move(struct node *node, struct list *to)
{
    planned[plans++] = (struct move){node, to};
}

/* The operation log: all there is to be known for going forward. */
static __attribute__((noinline)) void hypnos_log_moves(void)
{
    for (unsigned i = 0; i < plans; i++) {
        STORE(journal.moves[i].node, planned[i].node);
        STORE(journal.moves[i].to, planned[i].to);
    }
}

/* From the commit flag on. */
static void complete(uint32_t head)
{
    if (HEAD_TASK(head) != HEAD_SYSTEM) {
        struct task *task = &kernel.tasks[HEAD_TASK(head)];
        STORE(task->kernel_tail, (task->call_tail >> 16) << 16 | (HEAD_NUMBER(head) + 1));
    }
    for (unsigned i = 0; i < HEAD_MOVES(head); i++)
        list_move(journal.moves[i].node, journal.moves[i].to, false);
    port_fence();
    STORE(journal.head, 0);
}

static void commit(int32_t status)
{
    bool forward = !(hypnos_flags & OPTION_LIST_UNDO);
    bool late = hypnos_flags & OPTION_BREAK_FENCE;
    for (unsigned i = 0; !forward && i < plans; i++)
        list_move(planned[i].node, planned[i].to, true);

    uint32_t number = owner == HEAD_SYSTEM ? 0 : lives[owner].kernel++;
    uint32_t head = HEAD_COMMITTED | number << 22 | owner << 16 | (forward ? plans : 0) << 10;
    if (late)
        STORE(journal.head, head);
    if (owner != HEAD_SYSTEM)
        STORE(tables[owner].kernel[number], status);
    if (forward)
        hypnos_log_moves();
    port_fence();
    STORE(journal.head, head);
    hypnos_kernel_commit();
    complete(head);
}

int32_t ktx_commit(int32_t status)
{
    if (journal.head || plans)
        commit(status);
    if (plans)
        sched_request();
    port_unlock(mask);
    return status;
}

static __attribute__((noinline)) void hypnos_recover_undo(uint32_t records)
{
    hypnos_kernel_undo();
    while (records--)
        STORE(*journal.undo[records].at, journal.undo[records].old);
    port_fence();
    STORE(journal.head, 0);
}

void hypnos_recover_kernel(void)
{
    uint32_t head = journal.head;
    if (head & HEAD_COMMITTED)
        complete(head);
    else if (head)
        hypnos_recover_undo(HEAD_UNDO(head));
}
