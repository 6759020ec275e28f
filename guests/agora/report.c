/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What must hold: of the kernel's data alone, and against what the callers of its calls saw. */
#include "kernel.h"
#include "syscalls.h"

static const struct {
    const char *name;
    bool (*holds)(void);
} checks[] = {
    {"allocator's list", kalloc_is_sound},
    {"handles", handles_are_sound},
    {"queue", queue_is_sound},
    {"pipe", pipe_is_sound},
    {"files", files_are_sound},
    {"audits", audit_is_sound},
    {"tick statistics", clock_is_sound},
};

#define CHECKS (sizeof checks / sizeof *checks)

int64_t sys_invariants(void)
{
    int64_t violated = 0;
    for (unsigned i = 0; i < CHECKS; i++)
        violated += !checks[i].holds();
    return violated;
}

struct tally {
    uint64_t held, violated;
};

static void judge(struct tally *tally, bool holds)
{
    print(holds ? "ok\n" : "VIOLATED\n");
    tally->held += holds;
    tally->violated += !holds;
}

static void compare(struct tally *tally, const char *name, uint64_t value, uint64_t expected)
{
    print("agora: %s %u expected %u ", name, value, expected);
    judge(tally, value == expected);
}

static void compare_counts(struct tally *tally, const char *calls_name, const char *sum_name,
                           struct counts counts, uint64_t calls, uint64_t sum)
{
    compare(tally, calls_name, counts.calls, calls);
    compare(tally, sum_name, counts.sum, sum);
}

static void compare_all(struct tally *tally, const struct totals *totals)
{
    compare_counts(tally, "counter calls", "counter", counter_counts(), totals->counter_calls,
                   totals->counter_sum);
    compare_counts(tally, "queue in", "queue in sum", queue_put_counts(), totals->put_calls,
                   totals->put_sum);
    compare_counts(tally, "queue out", "queue out sum", queue_got_counts(), totals->got_calls,
                   totals->got_sum);
    compare(tally, "queue out as in", queue_got_counts().sum, queue_put_counts().sum);
    compare_counts(tally, "pipe in", "pipe in hash", pipe_in_counts(), totals->pipe_in,
                   totals->pipe_in_hash);
    compare_counts(tally, "pipe out", "pipe out hash", pipe_out_counts(), totals->pipe_out,
                   totals->pipe_out_hash);
    compare(tally, "pipe out as in", pipe_out_counts().sum, pipe_in_counts().sum);
    compare(tally, "allocations", alloc_counts().calls, totals->alloc_calls);
    compare(tally, "releases", release_counts().calls, totals->release_calls);
    compare_counts(tally, "file writes", "file bytes", file_counts(), totals->file_calls,
                   totals->file_bytes);
    compare(tally, "checksum of kept0", file_kept_sum("kept0"), totals->kept_sum[0]);
    compare(tally, "checksum of kept1", file_kept_sum("kept1"), totals->kept_sum[1]);
    compare_counts(tally, "console calls", "console bytes", write_counts(), totals->written_calls,
                   totals->written_bytes);
    compare_counts(tally, "threads", "threads that ended", spawn_counts(), totals->threads,
                   totals->threads);
    compare(tally, "ticks that went back", totals->ticks_went_back, 0);
    compare(tally, "surprises", totals->surprises, 0);
}

int64_t sys_report(uint64_t address)
{
    struct tally tally = {0};
    if (!user_owns(address, sizeof(struct totals)))
        return -EFAULT;
    compare_all(&tally, (const struct totals *)address);
    for (unsigned i = 0; i < CHECKS; i++) {
        print("agora: %s ", checks[i].name);
        judge(&tally, checks[i].holds());
    }
    files_remove_all();
    compare(&tally, "free bytes", kalloc_free_bytes(), kalloc_initial_bytes());
    fault_report();
    if (tally.violated)
        print("agora: %u of %u invariants violated\n", tally.violated, tally.violated + tally.held);
    else
        print("agora: all %u invariants hold\n", tally.held);
    return (int64_t)tally.violated;
}

int64_t sys_power_off(uint64_t code)
{
    power_off((unsigned)code);
}
