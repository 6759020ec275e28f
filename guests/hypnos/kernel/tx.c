// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * User transactions, non-volatile loops, and locks as far as they are replayed: all that has a
 * place in a task's user table.
 *
 * The table holds records in the order of execution, and the tail, one word, says up to where they
 * are valid; storing it is the commit. A record is a header and its payload: RECORD_TX     the
 * result RECORD_LOCK   the status RECORD_LOOP   two counters; the tail's bit TAIL_SLOT(depth) says
 * which of them is valid. So one store of the tail steps the counter and drops the iteration's
 * records.
 */
#include "kernel.h"

enum record {
    RECORD_TX = 1,
    RECORD_LOCK,
    RECORD_LOOP,
};

#define RECORD(kind, size)  ((uint32_t)(kind) << 24 | (uint32_t)(size))
#define RECORD_SIZE(header) ((header)&0xffffffu)

/* ---- Events, and copying --------------------------------------------------------------------- */

static EVENT void hypnos_tx_commit(size_t result_size)
{
    (void)result_size;
}

static EVENT void hypnos_tx_bypass(void)
{
}

static EVENT void hypnos_lock_bypass(void)
{
}

static EVENT void hypnos_loop_resume(uint32_t i)
{
    (void)i;
}

/* Each byte is stored once, by words as far as both sides are aligned. */
static void copy(void *to, const void *from, size_t size)
{
    char *at = to;
    const char *value = from;
    if ((((uintptr_t)at | (uintptr_t)value) & 3) == 0)
        for (; size >= 4; size -= 4, at += 4, value += 4)
            *(volatile uint32_t *)at = *(const uint32_t *)value;
    for (; size; size--)
        *(volatile char *)at++ = *value++;
}

/* ---- The user table -------------------------------------------------------------------------- */

static void append(struct task *task, uint32_t header, const void *payload, bool fence)
{
    uint32_t at = task->user_tail & TAIL_WORDS, size = RECORD_SIZE(header);
    uint32_t words = 1 + (size + 3) / 4;
    if (at + words > USER_WORDS)
        hypnos_panic("a task's table of transactions is full");
    uint32_t *table = tables_of(task)->user;
    uint32_t tail = (task->user_tail & ~TAIL_WORDS) | (at + words);
    bool collect = task->log_used || task->call_tail || task->kernel_tail;
    if (!fence)
        STORE(task->user_tail, tail | (collect ? TAIL_COMMITTED : 0));
    STORE(table[at], header);
    copy(&table[at + 1], payload, size);
    port_fence();
    STORE(task->user_tail, tail | (collect ? TAIL_COMMITTED : 0));
    lives[task_number(task)].user = at + words;
}

/* Second half of a commit: log and tables of what has committed are of no use any more. */
static void collect(struct task *task)
{
    if (!(task->user_tail & TAIL_COMMITTED))
        return;
    if (task->log_used)
        STORE(task->log_used, 0);
    if (task->call_tail)
        STORE(task->call_tail, 0);
    if (task->kernel_tail)
        STORE(task->kernel_tail, 0);
    port_fence();
    STORE(task->user_tail, task->user_tail & ~TAIL_COMMITTED);
}

/* The next record, if it is there: to be replayed. NULL: it is to be made. */
static const uint32_t *replay(enum record kind)
{
    struct live *live = self();
    if (live->user >= (current->user_tail & TAIL_WORDS))
        return NULL;
    const uint32_t *record = &tables_of(current)->user[live->user];
    if (record[0] >> 24 != kind)
        hypnos_panic("a replay went another way than what it replays");
    live->user += 1 + (RECORD_SIZE(record[0]) + 3) / 4;
    return record;
}

/* ---- Transactions ---------------------------------------------------------------------------- */

bool hypnos_tx_begin(struct hypnos_result result)
{
    check_tx_begin(result);
    const uint32_t *record = replay(RECORD_TX);
    if (record) {
        hypnos_tx_bypass();
        copy(result.at, record + 1, result.size);
        return false;
    }
    struct live *live = self();
    live->calls = 0;
    live->call_words = 0;
    live->kernel = 0;
    if (live->records)
        for (unsigned i = 0; i < LOG_CACHE; i++)
            live->logged[i].at = NULL;
    live->records = 0;
    live->in_tx = true;
    return true;
}

bool hypnos_tx_end(struct hypnos_result result)
{
    check_tx_end(result);
    append(current, RECORD(RECORD_TX, result.size), result.at,
           !(hypnos_flags & OPTION_BREAK_FENCE));
    collect(current);
    self()->in_tx = false;
    hypnos_tx_commit(result.size);
    return false;
}

/* ---- The undo log ---------------------------------------------------------------------------- */

static EVENT void hypnos_log_append(const void *at, size_t size)
{
    uint32_t words = (size + 3) / 4, used = current->log_used;
    if (used + words + 2 > LOG_WORDS)
        hypnos_panic("a task's undo log is full");
    uint32_t *log = &tables_of(current)->log[used];
    copy(log, at, size);
    STORE(log[words], (uint32_t)at);
    STORE(log[words + 1], size);
    port_fence();
    STORE(current->log_used, used + words + 2);
}

void hypnos_log(const void *at, size_t size)
{
    struct live *live = self();
    check_logged(at, size);
    unsigned slot = ((uintptr_t)at >> 2) % LOG_CACHE;
    if (live->logged[slot].at == at && live->logged[slot].size >= size)
        return;
    live->logged[slot].at = at;
    live->logged[slot].size = size;
    if (live->records++ == 0 && (hypnos_flags & OPTION_BREAK_LOG))
        return;
    hypnos_log_append(at, size);
}

static __attribute__((noinline)) void hypnos_tx_undo(struct task *task)
{
    const uint32_t *log = tables_of(task)->log;
    for (uint32_t used = task->log_used; used;) {
        uint32_t size = log[used - 1], words = (size + 3) / 4;
        void *at = (void *)log[used - 2];
        used -= 2 + words;
        copy(at, &log[used], size);
    }
    port_fence();
    STORE(task->log_used, 0);
}

__attribute__((noinline)) void hypnos_recover_task(struct task *task)
{
    if (task->user_tail & TAIL_COMMITTED)
        collect(task);
    else if (task->log_used)
        hypnos_tx_undo(task);
}

/* ---- Bulk accessors -------------------------------------------------------------------------- */

void nv_read(void *to, const void *from, size_t size)
{
    hypnos_note_read(from, size);
    copy(to, from, size);
}

void nv_write(void *to, const void *from, size_t size)
{
    hypnos_log(to, size);
    copy(to, from, size);
}

void nv_write_new(void *to, const void *from, size_t size)
{
    hypnos_note_new(to, size);
    if (hypnos_flags & OPTION_LOG_ALL)
        hypnos_log(to, size);
    copy(to, from, size);
}

/* ---- Locks: between transactions, so their record is in the user table ----------------------- */

bool lock_bypassed(int32_t *status)
{
    RULE(!port_in_interrupt() && !self()->in_tx, "a lock in a transaction or an interrupt");
    const uint32_t *record = replay(RECORD_LOCK);
    if (record) {
        hypnos_lock_bypass();
        *status = (int32_t)record[1];
        return true;
    }
    struct live *live = self();
    live->calls = 0;
    live->kernel = 0;
    return false;
}

int32_t lock_end(int32_t status)
{
    while (status == BLOCKED && *(volatile uint32_t *)&current->state != TASK_READY)
        ;
    if (status == BLOCKED)
        status = current->wait_result;
    append(current, RECORD(RECORD_LOCK, 4), &status, true);
    collect(current);
    return status;
}

/* ---- Loops ----------------------------------------------------------------------------------- */

static inline bool loops_are_plain(void)
{
    return hypnos_flags & OPTION_NO_LOOPS;
}

static inline unsigned slot_of(const struct task *task, unsigned depth)
{
    return (task->user_tail & TAIL_SLOT(depth)) != 0;
}

/* The innermost loop's record. */
static inline uint32_t *loop_record(const struct live *live)
{
    return &tables_of(current)->user[live->loops[live->depth - 1]];
}

uint32_t hypnos_loop_begin(uint32_t from)
{
    RULE(!self()->in_tx, "nv_for in a transaction");
    if (loops_are_plain())
        return from;
    struct live *live = self();
    if (live->depth == HYPNOS_LOOPS)
        hypnos_panic("loops are nested too deeply");
    uint32_t at = live->user, depth = live->depth;
    live->loops[live->depth++] = at;
    const uint32_t *record = replay(RECORD_LOOP);
    if (record) {
        uint32_t i = record[1 + slot_of(current, depth)];
        hypnos_loop_resume(i);
        return i;
    }
    append(current, RECORD(RECORD_LOOP, 8), (uint32_t[]){[0] = from, [1] = from}, true);
    return from;
}

uint32_t hypnos_loop_next(uint32_t i)
{
    if (loops_are_plain())
        return i + 1;
    struct live *live = self();
    unsigned depth = live->depth - 1, other = !slot_of(current, depth);
    uint32_t *record = loop_record(live);
    STORE(record[1 + other], i + 1);
    port_fence();
    live->user = live->loops[depth] + 3;
    STORE(current->user_tail, ((current->user_tail ^ TAIL_SLOT(depth)) & ~TAIL_WORDS) | live->user);
    return i + 1;
}

/* Both counters become the same, as the tail's bit is from now on that of the next loop of this
 * depth. */
bool hypnos_loop_end(void)
{
    if (loops_are_plain())
        return false;
    struct live *live = self();
    unsigned slot = slot_of(current, live->depth - 1);
    uint32_t *record = loop_record(live);
    if (record[1] != record[2])
        STORE(record[2 - slot], record[1 + slot]);
    live->depth--;
    return false;
}
