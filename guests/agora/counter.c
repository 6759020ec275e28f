/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A counter that all threads share, and its audit. */
#include "kernel.h"
#include "syscalls.h"

#define AUDIT_EVERY 8
#define HISTORY     16
#define MAX_YIELDS  100000

static struct {
    struct spinlock lock;
    uint64_t calls, value;
    uint64_t history[HISTORY]; /* the value after each of the last calls */
} counter;

/* Audits may fail, and then have had no effect; the calls that asked for them do not mind. */
static struct {
    struct mutex lock;
    uint64_t begun, ended, failed, asked;
    uint64_t last_value;
} audits;

/* A request of its own for whoever watches the kernel: 0, or -EIO if it had to be undone. */
long audit(void)
{
    mutex_lock(&audits.lock);
    audits.begun++;
    uint64_t flags = spin_lock(&counter.lock);
    uint64_t value = counter.value, noted = counter.history[counter.calls % HISTORY];
    spin_unlock(&counter.lock, flags);
    if (value < audits.last_value || value != noted)
        panic("audit: the counter is wrong");
    audits.last_value = value;
    if (fault_due(FAULT_NESTED))
        fault_null();
    audits.ended++;
    mutex_unlock(&audits.lock);
    return 0;
}

static void audit_now_and_then(uint64_t calls)
{
    if (calls % AUDIT_EVERY)
        return;
    long result = audit();
    mutex_lock(&audits.lock);
    audits.asked++;
    audits.failed += result != 0;
    mutex_unlock(&audits.lock);
}

static uint64_t add(uint64_t amount)
{
    uint64_t flags = spin_lock(&counter.lock);
    uint64_t calls = ++counter.calls;
    counter.value += amount;
    if (fault_due(FAULT_BUG))
        __asm__ volatile("ebreak");
    counter.history[calls % HISTORY] = counter.value;
    spin_unlock(&counter.lock, flags);
    return calls;
}

int64_t sys_counter_add(uint64_t amount)
{
    audit_now_and_then(add(amount));
    return 0;
}

/* Until another thread has built upon what this one has not committed yet. */
static void await_dependent(uint64_t calls)
{
    for (unsigned i = 0; i < MAX_YIELDS; i++) {
        if (__atomic_load_n(&counter.calls, __ATOMIC_RELAXED) > calls)
            return;
        schedule();
    }
}

int64_t sys_transfer(uint64_t value)
{
    uint64_t calls = add(value);
    queue_put(value);
    if (fault_due(FAULT_DEPENDENT)) {
        await_dependent(calls);
        fault_null();
    }
    return 0;
}

struct counts counter_counts(void)
{
    uint64_t flags = spin_lock(&counter.lock);
    struct counts counts = {counter.calls, counter.value};
    spin_unlock(&counter.lock, flags);
    return counts;
}

bool audit_is_sound(void)
{
    mutex_lock(&audits.lock);
    bool sound = audits.begun == audits.ended && audits.asked == audits.ended + audits.failed;
    mutex_unlock(&audits.lock);
    return sound;
}
