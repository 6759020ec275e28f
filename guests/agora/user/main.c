/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first thread: starts the others, waits for them, and has the kernel judged. */
#include "user.h"

void user_main(uint64_t work, uint64_t unused) __attribute__((noreturn));

struct worker workers[MAX_WORKERS];

/* By index in workers[]. Two of most, so that each call meets itself. */
static void (*const jobs[])(struct worker *me, uint64_t work) = {
    NULL,       count,      count,      transfer,   produce,    produce,    consume,
    consume,    allocate,   allocate,   use_files,  use_files,  write_pipe, read_pipe,
    be_a_child, be_a_child, be_a_child, be_a_child, be_a_child, be_a_child, sleep_and_spawn,
};

#define JOBS    (sizeof jobs / sizeof *jobs)
#define SLEEPER (FIRST_CHILD + CHILDREN)

_Static_assert(JOBS == SLEEPER + 1, "jobs");

static void begin(uint64_t index, uint64_t work)
{
    struct worker *me = &workers[index];
    me->random = index;
    me->pid = (uint64_t)insist(me, SYS_GETPID, 0, 0, 0, 0);
    jobs[index](me, work);
    exit_thread(index);
}

int64_t start_worker(struct worker *me, unsigned index, uint64_t work)
{
    int64_t pid = call(me, SYS_SPAWN, (uint64_t)begin, index, work, 0);
    me->done.threads += pid > 0;
    return pid;
}

static void start_and_await_all(struct worker *me, uint64_t work)
{
    static int64_t pids[JOBS];
    for (unsigned i = 1; i < JOBS; i++) {
        if (i >= FIRST_CHILD && i < SLEEPER)
            continue;
        do
            pids[i] = start_worker(me, i, work);
        while (pids[i] == -EIO);
        expect(me, pids[i] > 0);
    }
    for (unsigned i = 1; i < JOBS; i++)
        if (pids[i] > 0)
            expect(me, insist(me, SYS_WAIT, (uint64_t)pids[i], 0, 0, 0) == (int64_t)i);
}

static void tell_errors(struct worker *me, unsigned index)
{
    struct line line;
    line_begin(&line, "agora: errors seen by thread ");
    line_number(&line, index);
    line_text(&line, ": ");
    line_number(&line, workers[index].errors);
    line_text(&line, ", first call ");
    line_number(&line, workers[index].first_error);
    line_text(&line, "\n");
    while (line_write(me, &line) == -EIO)
        ;
}

static void add_up(struct totals *totals)
{
    for (unsigned i = 0; i < MAX_WORKERS; i++) {
        const uint64_t *from = (const uint64_t *)&workers[i].done;
        uint64_t *to = (uint64_t *)totals;
        for (unsigned j = 0; j < sizeof *totals / sizeof *to; j++)
            to[j] += from[j];
    }
}

void user_main(uint64_t work, uint64_t unused)
{
    struct worker *me = &workers[0];
    static struct totals totals;
    (void)unused;
    start_and_await_all(me, work);
    for (unsigned i = 0; i < MAX_WORKERS; i++)
        if (workers[i].errors)
            tell_errors(me, i);
    expect(me, !insist(me, SYS_INVARIANTS, 0, 0, 0, 0));
    add_up(&totals);
    int64_t violated = insist(me, SYS_REPORT, (uint64_t)&totals, 0, 0, 0);
    for (;;)
        system_call(SYS_POWER_OFF, violated ? 2 : 0, 0, 0, 0);
}
