/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hypnos: a persistent RTOS. Power may fail between any two instructions; what an application did
 * with this interface then goes on as if nothing had happened.
 *
 * The model. A task is a function with a volatile stack. Its data that must survive are NV
 * variables, touched only inside transactions, by the accessors below. After a power cut each task
 * starts again from its entry, but a transaction that committed is not executed again: it is
 * bypassed, and its recorded result is put where it was. So volatile state (locals) is rebuilt by
 * executing the code between the transactions again, and that code must do the same each time:
 * it depends on the task's argument, on constants and on results of transactions, nothing else.
 *
 *     NV uint32_t total;
 *
 *     static void worker(uint32_t arg)
 *     {
 *         nv_for (i, 0, 100) {
 *             uint32_t seen = 0;
 *             transaction (seen) {
 *                 uint32_t item;
 *                 if (hypnos_queue_receive(queue, &item, HYPNOS_FOREVER) == HYPNOS_OK)
 *                     nv_set(total, nv_get(total) + item);
 *                 seen = nv_get(total);
 *             }
 *         }
 *     }
 *
 * Rules. The check build (HYPNOS_CHECK) stops with a line "hypnos: rule: ..." and exit code 3 at a
 * breach of those marked *.
 *  1* NV variables are touched by the accessors, and only inside a transaction.
 *  2* Pointers to NV data do not leave a transaction as its result; hand out handles or indices.
 *  3* No pointer into volatile memory is stored in an NV variable.
 *  4* System calls (marked "in a transaction") only inside one; a system call that committed before
 *     a cut is bypassed too when its transaction is executed again.
 *  5* Locks (hypnos_mutex_take and _give) only outside of transactions.
 *  6* Transactions do not nest, are not used in interrupts, and no nv_for begins in one.
 *  7  A transaction is left at its closing brace; `continue` at its outermost level ends it too.
 *     Never by return, break or goto.
 *  8  NV data that several tasks share is guarded by a mutex held around the transactions.
 *  9  A transaction fits into one charge; a task makes a bounded number of transactions outside of
 *     nv_for (their results take up table space until the task or the iteration ends).
 * 10  Locals that the body of an nv_for changes are not carried into the next iteration: only the
 *     loop's variable is (a replay jumps right to the last iteration). What is to be carried, is
 * NV. 11* Two NV_PTR handles of one transaction never lead to the same bytes, and nv_put is not
 * used for what this transaction read before.
 */
#ifndef HYPNOS_H
#define HYPNOS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Applications ---------------------------------------------------------------------------- */

/* An application's first task, of priority 4 and with argument 0. The command line names the
 * application: app=kv. HYPNOS_APP(kv, kv_main) at file scope makes it known. */
struct hypnos_app {
    const char *name;
    void (*main)(uint32_t arg);
};
#define HYPNOS_APP(app_name, entry)                      \
    static const struct hypnos_app hypnos_app_##app_name \
        __attribute__((section(".apps"), used)) = {#app_name, entry}

/* The end of an application, each from any task, outside or inside of transactions: print
 * "NAME: checksum 0x%08x" and exit with 0, or "NAME: lost: WHAT" (formatted as by hypnos_printf)
 * and exit with 1. */
void hypnos_finish(uint32_t checksum) __attribute__((noreturn));
void hypnos_lost(const char *what, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Command line option scale=N (default 1): how much work to do. */
uint32_t hypnos_scale(void);

/* %s %c %d %u %x, with width and 0 flag (%08x). External: after a cut a line may come twice. */
void hypnos_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- NV variables ---------------------------------------------------------------------------- */

/* At file scope, without initializer: NV struct account accounts[8]; All zero at first boot. */
#define NV __attribute__((section(".nvm")))

/* The same, but not zeroed at first boot: large tables that are written before they are read. */
#define NV_RAW __attribute__((section(".nvm.raw")))

/*
 * Accessors, inside transactions. x is an lvalue of any type but an array (an element, a field, a
 * whole struct, *pointer).
 *   nv_get(x)      its value
 *   nv_set(x, v)   old value into the undo log (once a transaction), then x = v
 *   nv_put(x, v)   x = v without a log record: for what this transaction did not read before
 *                  (not write-after-read: when executed again it writes the same anew)
 *   nv_open(x)     old value into the undo log; T * with which this transaction may read and write
 *   nv_read(to, from, size), nv_write(to, from, size)    memcpy from and to NV; logged
 *   nv_write_new(to, from, size)                         the nv_put of it: not logged
 */
#define nv_get(x)                              \
    ({                                         \
        hypnos_note_read(&(x), sizeof(x));     \
        *(const volatile __typeof__(x) *)&(x); \
    })
#define nv_set(x, v)                                           \
    ({                                                         \
        __typeof__(&(x)) hypnos_at_ = &(x);                    \
        __typeof__(x) hypnos_value_ = (v);                     \
        hypnos_note_value(hypnos_value_);                      \
        hypnos_log(hypnos_at_, sizeof(x));                     \
        *(volatile __typeof__(x) *)hypnos_at_ = hypnos_value_; \
    })
#define nv_put(x, v)                                           \
    ({                                                         \
        __typeof__(&(x)) hypnos_at_ = &(x);                    \
        __typeof__(x) hypnos_value_ = (v);                     \
        hypnos_note_value(hypnos_value_);                      \
        hypnos_note_new(hypnos_at_, sizeof(x));                \
        if (hypnos_flags & HYPNOS_LOG_ALL)                     \
            hypnos_log(hypnos_at_, sizeof(x));                 \
        *(volatile __typeof__(x) *)hypnos_at_ = hypnos_value_; \
    })
#define nv_open(x)                          \
    ({                                      \
        __typeof__(&(x)) hypnos_at_ = &(x); \
        hypnos_log(hypnos_at_, sizeof(x));  \
        hypnos_at_;                         \
    })
void nv_read(void *to, const void *from, size_t size);
void nv_write(void *to, const void *from, size_t size);
void nv_write_new(void *to, const void *from, size_t size);

/*
 * A handle that logs by itself and only if it has to: at the first store, and only if there was a
 * load before. Declared inside the transaction; one handle per object and transaction.
 *
 *     transaction () {
 *         NV_PTR(p, accounts[i].balance);
 *         nv_store(p, nv_load(p) + 5);
 *     }
 */
enum nv_state {
    NV_FRESH, /* neither loaded nor stored in this transaction */
    NV_LOADED,
    NV_OWNED, /* stored: what a later load sees is this transaction's own */
};
#define NV_PTR(p, x)         \
    struct {                 \
        __typeof__(&(x)) at; \
        enum nv_state state; \
    } p = {&(x), NV_FRESH}
#define nv_load(p)                                     \
    ({                                                 \
        hypnos_note_read((p).at, sizeof(*(p).at));     \
        if ((p).state == NV_FRESH)                     \
            (p).state = NV_LOADED;                     \
        *(const volatile __typeof__(*(p).at) *)(p).at; \
    })
#define nv_store(p, v)                                                 \
    ({                                                                 \
        __typeof__(*(p).at) hypnos_value_ = (v);                       \
        hypnos_note_value(hypnos_value_);                              \
        if ((p).state == NV_LOADED || (hypnos_flags & HYPNOS_LOG_ALL)) \
            hypnos_log((p).at, sizeof(*(p).at));                       \
        else if ((p).state == NV_FRESH)                                \
            hypnos_note_new((p).at, sizeof(*(p).at));                  \
        (p).state = NV_OWNED;                                          \
        *(volatile __typeof__(*(p).at) *)(p).at = hypnos_value_;       \
    })

/* ---- Transactions ---------------------------------------------------------------------------- */

/*
 * transaction (r) { ... } executes its body once, whatever cuts there are, and at its end records
 * r, a local variable of any plain type (a struct for several values, at most 1 KiB). After a cut,
 * if it had committed, the body is skipped and r is as recorded. r's value at the start is the
 * body's to use. transaction () { ... } has no result.
 */
#define transaction(...)                                                                   \
    for (bool hypnos_again_ = hypnos_tx_begin(HYPNOS_RESULT_(__VA_ARGS__)); hypnos_again_; \
         hypnos_again_ = hypnos_tx_end(HYPNOS_RESULT_(__VA_ARGS__)))

/*
 * for (uint32_t i = from; i < to; i++) with a non-volatile counter. Outside of transactions. from
 * and to do not change while it runs. Up to HYPNOS_LOOPS nest in a task. The results of an
 * iteration's transactions are dropped when it ends, so that there may be any number of iterations.
 * Leave it early only by nv_break.
 */
#define HYPNOS_LOOPS 8
#define nv_for(i, from, to)                                                             \
    for (uint32_t i = hypnos_loop_begin(from); i < (uint32_t)(to) || hypnos_loop_end(); \
         i = hypnos_loop_next(i))
#define nv_forever(i) nv_for(i, 0, UINT32_MAX)
#define nv_break           \
    {                      \
        hypnos_loop_end(); \
        break;             \
    }

/* ---- System calls: in a transaction ---------------------------------------------------------- */

/* Handles are small numbers >= 0, which may be kept in NV variables, results and plain variables.
 * Calls that make an object return its handle or HYPNOS_NONE; the others HYPNOS_OK, HYPNOS_TIMEOUT,
 * or HYPNOS_NONE (no such object, or it is in the wrong state). Pointers to data (`item`, `bits`)
 * are to volatile memory. */
#define HYPNOS_OK      0
#define HYPNOS_TIMEOUT (-1)
#define HYPNOS_NONE    (-2)

/* Timeouts and delays are in ticks: 1 kHz, or as option tick_us says. A power cut counts as one
 * tick, as nobody knows how long it was. 0 does not wait. */
#define HYPNOS_FOREVER UINT32_MAX

#define HYPNOS_PRIORITIES \
    8 /* 1 to 7 for tasks; higher runs first; equals take turns at each tick */
#define HYPNOS_TASKS      14 /* of them the system has one, for timers, once there is a timer */
#define HYPNOS_QUEUES     16
#define HYPNOS_SEMAPHORES 16
#define HYPNOS_MUTEXES    16
#define HYPNOS_EVENTS     8
#define HYPNOS_TIMERS     16
#define HYPNOS_STACK      2048  /* bytes for each task */
#define HYPNOS_ITEM       64    /* largest queue item, bytes */
#define HYPNOS_HEAP       65536 /* bytes */

/* A task ends by returning from its entry; then its tables are cleared, and it may be started
 * again. It must not hold a mutex at its end. `name` is a constant. */
int hypnos_task_create(const char *name, void (*entry)(uint32_t), uint32_t arg, unsigned priority);
int hypnos_task_start(
    int task); /* one that ended, from its entry; HYPNOS_NONE if it has not ended */
int hypnos_task_join(int task, uint32_t timeout); /* waits for its end */
int hypnos_task_suspend(int task); /* one that is ready or runs; itself too. Else HYPNOS_NONE */
int hypnos_task_resume(int task);
int hypnos_task_priority(int task, unsigned priority);
int hypnos_self(void);

void hypnos_delay(uint32_t ticks);
void hypnos_delay_until(uint32_t tick); /* for periods: a tick in the past does not wait */
uint32_t hypnos_now(void);              /* ticks since first boot */

/* Queues copy items of item_size bytes, first in first out. */
int hypnos_queue_create(unsigned length, unsigned item_size);
int hypnos_queue_send(int queue, const void *item, uint32_t timeout);
int hypnos_queue_receive(int queue, void *item, uint32_t timeout);
int hypnos_queue_count(int queue); /* items in it */

/* Counting semaphores; with maximum 1, binary ones. Giving at the maximum is HYPNOS_NONE. */
int hypnos_semaphore_create(unsigned maximum, unsigned initial);
int hypnos_semaphore_take(int semaphore, uint32_t timeout);
int hypnos_semaphore_give(int semaphore);

/* Mutexes (see below for taking them). */
int hypnos_mutex_create(void);

/* Event groups: 32 bits. Waiting for any or all of `bits`; with clear these bits are cleared when
 * the wait succeeds. *seen, if not NULL, gets the group's bits as they were then. */
int hypnos_event_create(void);
int hypnos_event_set(int group, uint32_t bits);
int hypnos_event_clear(int group, uint32_t bits);
int hypnos_event_wait(int group, uint32_t bits, bool all, bool clear, uint32_t *seen,
                      uint32_t timeout);

/* Software timers. At each expiry callback(timer, arg) runs in the timer task (priority 7), outside
 * of any transaction, as if it were a task of its own. period 0: fires once. Stopped when made. */
int hypnos_timer_create(void (*callback)(uint32_t timer, uint32_t arg), uint32_t arg,
                        uint32_t delay, uint32_t period);
int hypnos_timer_start(int timer); /* delay ticks from now; also restarts a running one */
int hypnos_timer_stop(int timer);

/* The heap in NV memory. NULL: no room. Contents are not zeroed. Keep the pointer in an NV variable
 * before the transaction ends: a block is not freed by itself. A freed one may be another task's at
 * once, so the transaction that frees a block does not touch it. Freeing NULL does nothing. */
void *hypnos_alloc(size_t size);
void hypnos_free(void *block);

/* ---- Locks: outside of transactions ---------------------------------------------------------- */

/* With priority inheritance; not recursive; given back by the task that took it. */
int hypnos_mutex_take(int mutex, uint32_t timeout);
int hypnos_mutex_give(int mutex);

/* ---- From interrupts (of a lower urgency than the kernel's, see port.h) ---------------------- */

/* As the system calls, never waiting. Not bypassed: an interrupt is not replayed. */
int hypnos_queue_send_from_interrupt(int queue, const void *item);
int hypnos_semaphore_give_from_interrupt(int semaphore);
int hypnos_event_set_from_interrupt(int group, uint32_t bits);

/* Anywhere in a task: lets others of the same priority run. Nothing is recorded. */
void hypnos_yield(void);

/* ---- What the macros above use --------------------------------------------------------------- */

#define HYPNOS_LOG_ALL 1u /* in hypnos_flags: option war=off */
extern uint32_t hypnos_flags;

struct hypnos_result {
    void *at;
    size_t size;
#ifdef HYPNOS_CHECK
    bool is_pointer;
#endif
};
#ifdef HYPNOS_CHECK
#define HYPNOS_IS_POINTER_(x) , __builtin_classify_type(x) == 5
#else
#define HYPNOS_IS_POINTER_(x)
#endif
#define HYPNOS_RESULT_(...)                                                             \
    (struct hypnos_result)                                                              \
    {                                                                                   \
        __VA_OPT__(&(__VA_ARGS__), sizeof(__VA_ARGS__) HYPNOS_IS_POINTER_(__VA_ARGS__)) \
    }

bool hypnos_tx_begin(struct hypnos_result result); /* false: bypassed */
bool hypnos_tx_end(struct hypnos_result result);   /* false */
void hypnos_log(const void *at, size_t size);
uint32_t hypnos_loop_begin(uint32_t from);
uint32_t hypnos_loop_next(uint32_t i);
bool hypnos_loop_end(void); /* false */

#ifdef HYPNOS_CHECK
void hypnos_note_read(const void *at, size_t size);
void hypnos_note_new(const void *at, size_t size);
void hypnos_check_value(const void *value, size_t size, bool is_pointer);
#define hypnos_note_value(v) hypnos_check_value(&(v), sizeof(v), __builtin_classify_type(v) == 5)
#else
#define hypnos_note_read(at, size) ((void)0)
#define hypnos_note_new(at, size)  ((void)0)
#define hypnos_note_value(v)       ((void)0)
#endif

#endif
