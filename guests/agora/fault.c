/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Faults planted on purpose: agora.fault=NAME or NAME@N, from the Nth call that could have it on,
 * once. Each strikes where the call has changed several things and has not changed the rest.
 */
#include "kernel.h"

static const struct {
    const char *name;
    uint64_t at; /* unless the command line says otherwise */
} faults[FAULT_COUNT] = {
    [FAULT_NULL] = {"null", 40},                /* sys_file_write() */
    [FAULT_WILD] = {"wild", 100},               /* queue_put() */
    [FAULT_BUG] = {"bug", 200},                 /* counter_add() */
    [FAULT_LOOP] = {"loop", 100},               /* sys_alloc() */
    [FAULT_DOUBLE_FREE] = {"double_free", 100}, /* sys_release() */
    [FAULT_DEPENDENT] = {"dependent", 50},      /* sys_transfer() */
    [FAULT_BLOCKED] = {"blocked", 60},          /* sys_queue_put() */
    [FAULT_INTERRUPT] = {"interrupt", 100},     /* timer_interrupt() */
    [FAULT_NESTED] = {"nested", 20},            /* audit() */
    [FAULT_OUTPUT] = {"output", 10},            /* sys_write() */
};

static uint64_t armed[FAULT_COUNT]; /* at which call; 0: never */
static uint64_t calls[FAULT_COUNT];

/* Written by fault_once() alone: whoever rolls back the kernel must leave it as it is, for the
 * fault not to strike again when the call is repeated. */
static uint32_t struck[FAULT_COUNT];

bool fault_once(int id)
{
    return !__atomic_exchange_n(&struck[id], 1, __ATOMIC_RELAXED);
}

bool fault_due(enum fault id)
{
    return armed[id] && __atomic_add_fetch(&calls[id], 1, __ATOMIC_RELAXED) >= armed[id] &&
           fault_once((int)id);
}

void fault_null(void)
{
    static uint64_t *volatile nowhere;
    *nowhere = 1;
}

static bool is_name(const char *name, const char *text, uint64_t length)
{
    for (uint64_t i = 0; i < length; i++)
        if (name[i] != text[i])
            return false;
    return !name[length];
}

void fault_arm(const char *name, uint64_t length, uint64_t at)
{
    for (unsigned id = 0; id < FAULT_COUNT; id++) {
        if (is_name(faults[id].name, name, length)) {
            armed[id] = at ? at : faults[id].at;
            return;
        }
    }
    panic("agora.fault: no such fault");
}

void fault_report(void)
{
    for (unsigned id = 0; id < FAULT_COUNT; id++) {
        if (armed[id])
            print("agora: fault %s %s\n", faults[id].name, struck[id] ? "struck" : "never struck");
    }
}
