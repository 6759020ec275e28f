/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time: a tick on each hart, and threads that sleep for some ticks of hart 0. */
#include "kernel.h"
#include "sbi.h"
#include "syscalls.h"

static struct {
    struct spinlock lock;
    uint64_t ticks;
    struct wait_queue sleepers;
} clock;

static uint64_t read_time(void)
{
    return csr_read(time);
}

static struct hart *this_hart(void)
{
    return &harts[current()->on.hart];
}

void timer_start(void)
{
    sbi_set_timer(read_time() + TICK_TIME);
    csr_set(sie, IRQ_TIMER | IRQ_SOFTWARE);
}

static void account_tick(bool from_user)
{
    struct hart *hart = this_hart();
    hart->ticks.total++;
    if (fault_due(FAULT_INTERRUPT))
        fault_null();
    if (from_user)
        hart->ticks.user++;
    else if (current()->pid)
        hart->ticks.kernel++;
    else
        hart->ticks.idle++;
}

static void advance_clock(void)
{
    uint64_t flags = spin_lock(&clock.lock);
    clock.ticks++;
    struct thread *next;
    for (struct thread *thread = clock.sleepers.first; thread; thread = next) {
        next = thread->next_waiting;
        if (thread->deadline <= clock.ticks)
            wake(thread);
    }
    spin_unlock(&clock.lock, flags);
}

/* The timer is set again at the end: as long as the interrupt has not done its work, it is
 * pending. */
void timer_interrupt(bool from_user)
{
    account_tick(from_user);
    if (current()->on.hart == 0)
        advance_clock();
    sbi_set_timer(read_time() + TICK_TIME);
}

uint64_t ticks_now(void)
{
    uint64_t flags = spin_lock(&clock.lock);
    uint64_t ticks = clock.ticks;
    spin_unlock(&clock.lock, flags);
    return ticks;
}

int64_t sys_ticks(void)
{
    return (int64_t)ticks_now();
}

int64_t sys_sleep(uint64_t ticks)
{
    struct thread *me = current();
    uint64_t flags = spin_lock(&clock.lock);
    me->deadline = clock.ticks + ticks;
    while (clock.ticks < me->deadline)
        sleep_on(&clock.sleepers, &clock.lock);
    spin_unlock(&clock.lock, flags);
    return 0;
}

/* All ticks of a hart, and the sum of their kinds. On another hart the handler may be half-way
 * through now, but not for long. */
static bool settles(const struct hart *hart)
{
    for (unsigned tries = 0; tries < 100000; tries++) {
        uint64_t flags = irq_save();
        uint64_t total = __atomic_load_n(&hart->ticks.total, __ATOMIC_RELAXED);
        uint64_t parts = __atomic_load_n(&hart->ticks.user, __ATOMIC_RELAXED) +
                         __atomic_load_n(&hart->ticks.kernel, __ATOMIC_RELAXED) +
                         __atomic_load_n(&hart->ticks.idle, __ATOMIC_RELAXED);
        bool whole = total == parts && (hart != &harts[0] || total == ticks_now());
        irq_restore(flags);
        if (whole)
            return true;
    }
    return false;
}

bool clock_is_sound(void)
{
    for (unsigned i = 0; i < hart_count; i++)
        if (!settles(&harts[i]))
            return false;
    return true;
}
