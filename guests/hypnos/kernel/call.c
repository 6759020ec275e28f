// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * System calls as far as they are replayed. A transaction's completed calls have their records in
 * the task's table of calls: header, status, payload. The kernel transactions of the call that is
 * under way are in the table of kernel transactions. Both are dropped when the user transaction
 * commits.
 */
#include "kernel.h"

#define HEADER(call, words) ((uint32_t)(call) << 16 | (uint32_t)(words))

static EVENT void hypnos_syscall_bypass(enum call call)
{
    (void)call;
}

static EVENT void hypnos_syscall_commit(enum call call)
{
    (void)call;
}

uint32_t *call_payload(const struct task *task)
{
    uint32_t at = (task->call_tail & 0xffff) + 2;
    if (at + PAYLOAD_WORDS > CALL_WORDS)
        hypnos_panic("a transaction makes too many system calls");
    return &tables_of(task)->calls[at];
}

static void fetch(void *out, const uint32_t *payload, size_t size)
{
    const char *from = (const char *)payload;
    for (char *to = out; size; size--)
        *to++ = *from++;
}

bool call_bypassed(enum call call, int32_t *status, void *out, size_t size)
{
    RULE(!port_in_interrupt() && self()->in_tx, "a system call outside of a transaction");
    struct live *live = self();
    if (live->calls == current->call_tail >> 16) {
        live->kernel = 0;
        return false;
    }
    const uint32_t *record = &tables_of(current)->calls[live->call_words];
    if (record[0] >> 16 != call)
        hypnos_panic("a replay makes another system call than what it replays");
    hypnos_syscall_bypass(call);
    live->calls++;
    live->call_words += 2 + (record[0] & 0xffff);
    *status = (int32_t)record[1];
    if (size)
        fetch(out, record + 2, size);
    return true;
}

int32_t call_end(enum call call, int32_t status, void *out, size_t size)
{
    while (status == BLOCKED && *(volatile uint32_t *)&current->state != TASK_READY)
        ; /* the switch is pending */
    if (status == BLOCKED)
        status = current->wait_result;

    struct live *live = self();
    uint32_t words = (size + 3) / 4, *payload = call_payload(current);
    if (size)
        fetch(out, payload, size);
    STORE(payload[-2], HEADER(call, words));
    STORE(payload[-1], (uint32_t)status);
    live->calls++;
    live->call_words += 2 + words;
    port_fence();
    STORE(current->call_tail, live->calls << 16 | live->call_words);
    hypnos_syscall_commit(call);
    return status;
}
