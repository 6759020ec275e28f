/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's parts, as they see each other. What survives a power cut is in `struct kernel`,
 * `struct journal` and `struct tables`, all in NV memory; what does not is in `struct live` and the
 * few variables marked volatile state.
 */
#ifndef HYPNOS_KERNEL_H
#define HYPNOS_KERNEL_H

#include "hypnos.h"
#include "port.h"

/* Counted by symbol from outside: called once for each event, does nothing. */
#define EVENT __attribute__((noipa, unused))

/* One store to NV memory, in program order with all others. */
#define STORE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

/* ---- list.c: doubly linked, circular; in order of arrival, or of the nodes' keys ------------- */

struct list;
struct node {
    struct node *next, *prev;
    struct list *list; /* the last field written when it comes in, and when it goes */
    uint32_t key;      /* ticks; of a list's head: whether the list is sorted by it */
};
struct list {
    struct node head;
};

void list_init(struct list *list, bool sorted);
struct node *list_first(const struct list *list); /* NULL: none */

/* Takes the node out of its list, if any, and puts it into `to`, if any. May be executed again from
 * the start after it was interrupted anywhere; `to` differs from the list where the node was. With
 * `logged` each store is preceded by a record in the kernel's undo log. */
void list_move(struct node *node, struct list *to, bool logged);

/* ---- Objects --------------------------------------------------------------------------------- */

enum task_state {
    TASK_FREE,
    TASK_READY,
    TASK_BLOCKED,
    TASK_SUSPENDED,
    TASK_ENDED,
};

struct task {
    struct node node;   /* in ready, delayed, or no list */
    struct node waiter; /* in the list of what it waits for */
    struct list joiners;
    const char *name;
    void (*entry)(uint32_t);
    uint32_t arg;
    uint32_t state; /* enum task_state */
    uint32_t priority, base_priority;
    uint32_t service;    /* starts anew whenever it ends */
    int32_t wait_result; /* what the call returns for which it waited */
    uint32_t wait_bits, wait_flags;
    struct mutex *wait_mutex;

    /* Tails of the replay tables. */
    uint32_t user_tail;   /* TAIL_*: the last committed transaction or lock, states of its loops */
    uint32_t call_tail;   /* count << 16 | words: completed system calls of this transaction */
    uint32_t kernel_tail; /* generation << 16 | count: kernel transactions of the call number
                             `generation`; counts nothing once that call has completed */
    uint32_t log_used;    /* words in the undo log of the user transaction */
};

#define TAIL_WORDS     0xffffu
#define TAIL_SLOT(d)   (1u << (16 + (d))) /* which of its counters the loop at depth d uses */
#define TAIL_COMMITTED (1u << 31) /* the undo log and the tables of calls are yet to be cleared */

#define USER_WORDS   8192u
#define CALL_WORDS   512u
#define KERNEL_COUNT 4u
#define LOG_WORDS    1024u

struct tables {
    uint32_t user[USER_WORDS];
    uint32_t calls[CALL_WORDS];
    int32_t kernel[KERNEL_COUNT];
    uint32_t log[LOG_WORDS]; /* records: old bytes, address, size; read from the end */
};

struct queue {
    uint32_t *items; /* NULL: no such queue */
    uint32_t length, item_size, item_words, first, count;
    struct list senders, receivers;
};

struct semaphore {
    uint32_t maximum; /* 0: no such semaphore */
    uint32_t count;
    struct list waiters;
};

struct mutex {
    uint32_t used;
    struct task *owner;
    struct list waiters;
};

struct event {
    uint32_t used, bits;
    struct list waiters;
};

struct timer {
    struct node node; /* in timers while it runs, in due when it expired */
    void (*callback)(uint32_t timer, uint32_t arg); /* NULL: no such timer */
    uint32_t arg, delay, period;
};

/* ---- The kernel's persistent state ----------------------------------------------------------- */

#define OPTION_LOG_ALL     HYPNOS_LOG_ALL
#define OPTION_NO_LOOPS    (1u << 1) /* nv_for=off */
#define OPTION_LIST_UNDO   (1u << 2) /* list=undo */
#define OPTION_EAGER       (1u << 3) /* lazy=off: undo all tasks' transactions at boot */
#define OPTION_NO_TURNS    (1u << 4) /* rr=off */
#define OPTION_BREAK_LOG   (1u << 5) /* the first undo record of each transaction is left out */
#define OPTION_BREAK_FENCE (1u << 6) /* commit flags are set before what they vouch for */

struct kernel {
    uint32_t now; /* ticks */
    uint32_t flags, scale, tick_us;
    const struct hypnos_app *app;
    struct list ready[HYPNOS_PRIORITIES];
    struct list delayed, timers_running, timers_due;
    struct task *timer_task;
    uint32_t timer_waits; /* it waits for a timer to be due */
    struct task tasks[HYPNOS_TASKS];
    struct queue queues[HYPNOS_QUEUES];
    struct semaphore semaphores[HYPNOS_SEMAPHORES];
    struct mutex mutexes[HYPNOS_MUTEXES];
    struct event events[HYPNOS_EVENTS];
    struct timer timers[HYPNOS_TIMERS];
};
extern struct kernel kernel;
extern struct tables tables[HYPNOS_TASKS];

static inline struct task *task_of(struct node *node)
{
    return (struct task *)((char *)node - offsetof(struct task, node));
}

static inline struct task *waiter_of(struct node *node)
{
    return (struct task *)((char *)node - offsetof(struct task, waiter));
}

static inline int task_number(const struct task *task)
{
    return task - kernel.tasks;
}

static inline struct tables *tables_of(const struct task *task)
{
    return &tables[task_number(task)];
}

/* ---- Volatile state -------------------------------------------------------------------------- */

#define LOG_CACHE 8u

/* A task since it started in this life: how far its replay got. */
struct live {
    uint32_t *sp;
    uint32_t user;              /* words of the user table replayed or written */
    uint32_t calls, call_words; /* the same of the table of calls */
    uint32_t kernel;            /* the same of the table of kernel transactions */
    uint32_t depth;             /* of loops, whose records are at */
    uint32_t loops[HYPNOS_LOOPS];
    uint32_t records; /* undo records of this transaction */
    bool in_tx;
    struct {
        const void *at;
        size_t size;
    } logged[LOG_CACHE]; /* some of what the undo log holds already */
};

extern struct task *current; /* NULL: idle */
extern struct live lives[HYPNOS_TASKS];

static inline struct live *self(void)
{
    return &lives[task_number(current)];
}

/* ---- ktx.c: kernel transactions, with interrupts masked -------------------------------------- */

/* Begins the current task's next kernel transaction of the system call that it is in. false: it
 * committed before a cut; *status is what it had returned. */
bool ktx_begin(int32_t *status);

/* Begins one that belongs to no task's call. */
void ktx_begin_system(void);

/* A logged store to a word of NV memory; and one of words that nothing refers to if this is undone.
 */
void ktx_set(void *at, uint32_t value);
#define KSET(x, v) ktx_set(&(x), (uint32_t)(v))
void ktx_copy(void *to, const void *from, size_t words, bool logged);

/* Plans list_move(); it happens at commit. At most one of a node in a transaction. */
void ktx_move(struct node *node, struct list *to);

/* Commits, with the result for the replay; asks for a task switch if that is due. Returns `status`.
 * What changed nothing is not recorded: in a call of several kernel transactions only the last may
 * be so. */
int32_t ktx_commit(int32_t status);

/* At boot: undoes or completes what was interrupted. */
void hypnos_recover_kernel(void);

/* ---- call.c: system calls and their table ---------------------------------------------------- */

enum call {
    CALL_TASK_CREATE = 1,
    CALL_TASK_START,
    CALL_TASK_JOIN,
    CALL_TASK_SUSPEND,
    CALL_TASK_RESUME,
    CALL_TASK_PRIORITY,
    CALL_DELAY,
    CALL_NOW,
    CALL_QUEUE_CREATE,
    CALL_QUEUE_SEND,
    CALL_QUEUE_RECEIVE,
    CALL_QUEUE_COUNT,
    CALL_SEMAPHORE_CREATE,
    CALL_SEMAPHORE_TAKE,
    CALL_SEMAPHORE_GIVE,
    CALL_MUTEX_CREATE,
    CALL_EVENT_CREATE,
    CALL_EVENT_SET,
    CALL_EVENT_CLEAR,
    CALL_EVENT_WAIT,
    CALL_TIMER_CREATE,
    CALL_TIMER_START,
    CALL_TIMER_STOP,
    CALL_TIMER_NEXT,
    CALL_ALLOC,
    CALL_FREE,
};

#define PAYLOAD_WORDS (HYPNOS_ITEM / 4u)
#define BLOCKED       INT32_MIN /* a kernel transaction's status: the task waits */

/* true: this call completed before a cut; *status and `size` bytes at `out` are as they were. */
bool call_bypassed(enum call call, int32_t *status, void *out, size_t size);

/* Waits if status is BLOCKED; records the result; copies the payload out. Returns the status. */
int32_t call_end(enum call call, int32_t status, void *out, size_t size);

/* Where the call that this task is in has its payload, or will have: PAYLOAD_WORDS of its table. */
uint32_t *call_payload(const struct task *task);

/* ---- tx.c: user transactions, loops, locks --------------------------------------------------- */

bool lock_bypassed(int32_t *status);
int32_t lock_end(int32_t status);

/* Before a task starts in this life: undoes its transaction, or completes its commit. */
void hypnos_recover_task(struct task *task);

/* ---- task.c, sched.c ------------------------------------------------------------------------- */

/* In a kernel transaction. task_block makes the current task wait in `list` (may be NULL) and
 * returns BLOCKED; task_wake ends a wait. */
int32_t task_block(struct list *list, uint32_t timeout);
void task_wake(struct task *task, int32_t result);
struct task *task_best(const struct list *waiters); /* most urgent one; NULL: none */

void task_level(struct task *task, uint32_t level); /* sets its present priority */

/* Sets it to the task's own with what it inherits from those who wait for its mutexes, but for
 * `without`. */
void task_inherit(struct task *task, const struct task *without);

/* In a kernel transaction, or when formatting. NULL: no room. */
struct task *task_new(const char *name, void (*entry)(uint32_t), uint32_t arg, unsigned priority);

void sched_request(void); /* switches when interrupts are let in, if another task is to run */
void sched_turn(void);    /* it is the turn of the next task of the same priority */
uint32_t *sched_switch(uint32_t *sp);
void sched_tick(void);

/* ---- sync.c, timer.c, heap.c ----------------------------------------------------------------- */

/* In a kernel transaction: a timer has expired. */
void timer_expire(struct node *node);

void heap_format(void);
void *heap_take(size_t size); /* in a kernel transaction */

/* ---- boot.c, options.c, print.c -------------------------------------------------------------- */

void hypnos_boot(void) __attribute__((noreturn));
void options_read(void);
void hypnos_panic(const char *what) __attribute__((noreturn)); /* exit code 3 */

/* ---- check.c --------------------------------------------------------------------------------- */

#ifdef HYPNOS_CHECK
#define RULE(condition, what) ((condition) ? (void)0 : rule_broken(what))
void rule_broken(const char *what) __attribute__((noreturn));
void check_lists(void);
void check_tx_begin(struct hypnos_result result);
void check_tx_end(struct hypnos_result result);
void check_logged(const void *at, size_t size);
#else
#define RULE(condition, what)  ((void)0)
#define check_lists()          ((void)0)
#define check_tx_begin(result) ((void)0)
#define check_tx_end(result)   ((void)0)
#define check_logged(at, size) ((void)0)
#endif

#endif
