/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the threads do: all calls, at the same time, a fixed amount of each. They note what calls
 * that succeeded should have done. */
#include "user.h"

#define COUNTS     1500
#define TRANSFERS  300
#define PUTS       600 /* of each of two */
#define GETS       (PUTS + TRANSFERS / 2)
#define ALLOCS     700
#define HELD       8
#define PIPE_CALLS 300
#define NAPS       30

/* ---- Adds to the counter; sees that time does not go back and that it is still itself ------ */

static void look_at_the_clock(struct worker *me, int64_t *last)
{
    int64_t now = call(me, SYS_TICKS, 0, 0, 0, 0);
    if (now == -EIO)
        return;
    me->done.ticks_went_back += now < *last;
    *last = now;
}

static void add(struct worker *me, uint64_t amount)
{
    int64_t result = call(me, SYS_COUNTER_ADD, amount, 0, 0, 0);
    if (!result) {
        me->done.counter_calls++;
        me->done.counter_sum += amount;
    }
    expect(me, !result || result == -EIO);
}

void count(struct worker *me, uint64_t work)
{
    int64_t last = 0;
    for (uint64_t i = 0; i < COUNTS * work; i++) {
        add(me, next_random(me, 100));
        if (i % 4 == 0)
            look_at_the_clock(me, &last);
        if (i % 8 == 0)
            expect(me, insist(me, SYS_GETPID, 0, 0, 0, 0) == (int64_t)me->pid);
        if (i % 16 == 0)
            insist(me, SYS_YIELD, 0, 0, 0, 0);
    }
}

/* ---- Adds to the counter and puts into the queue, in one call ------------------------------ */

void transfer(struct worker *me, uint64_t work)
{
    for (uint64_t i = 0; i < TRANSFERS * work; i++) {
        uint64_t value = next_random(me, 1000);
        expect(me, !insist(me, SYS_TRANSFER, value, 0, 0, 0));
        me->done.counter_calls++;
        me->done.counter_sum += value;
        me->done.put_calls++;
        me->done.put_sum += value;
    }
}

/* ---- Puts into the queue; pauses, so that it gets empty now and then ----------------------- */

void produce(struct worker *me, uint64_t work)
{
    for (uint64_t i = 0; i < PUTS * work; i++) {
        uint64_t value = next_random(me, 1000);
        expect(me, !insist(me, SYS_QUEUE_PUT, value, 0, 0, 0));
        me->done.put_calls++;
        me->done.put_sum += value;
        if (i % 20 == 0)
            insist(me, SYS_SLEEP, 1, 0, 0, 0);
    }
}

/* ---- Takes half of what is put into the queue ---------------------------------------------- */

void consume(struct worker *me, uint64_t work)
{
    for (uint64_t i = 0; i < GETS * work; i++) {
        int64_t value = insist(me, SYS_QUEUE_GET, 0, 0, 0, 0);
        expect(me, value >= 0 && value < 1000);
        me->done.got_calls++;
        me->done.got_sum += (uint64_t)value;
    }
}

/* ---- Allocates and releases in no order ---------------------------------------------------- */

static void release(struct worker *me, int64_t *handle)
{
    int64_t result = call(me, SYS_RELEASE, (uint64_t)*handle, 0, 0, 0);
    if (result == -EIO)
        return;
    me->done.release_calls++;
    *handle = -1;
    expect(me, !result);
}

void allocate(struct worker *me, uint64_t work)
{
    int64_t held[HELD];
    for (unsigned i = 0; i < HELD; i++)
        held[i] = -1;
    for (uint64_t i = 0; i < ALLOCS * work; i++) {
        int64_t *handle = &held[next_random(me, HELD)];
        if (*handle >= 0)
            release(me, handle);
        if (*handle >= 0)
            continue;
        int64_t result = call(me, SYS_ALLOC, 1 + next_random(me, 1500), 0, 0, 0);
        if (result >= 0) {
            me->done.alloc_calls++;
            *handle = result;
        }
        expect(me, result >= 0 || result == -EIO);
    }
    for (unsigned i = 0; i < HELD; i++)
        while (held[i] >= 0)
            release(me, &held[i]);
}

/* ---- The pipe: calls of many sizes, known to both ends ------------------------------------- */

static uint64_t pipe_size(uint64_t i)
{
    return 5 + i * 7 % 90;
}

void write_pipe(struct worker *me, uint64_t work)
{
    uint8_t bytes[100];
    for (uint64_t i = 0; i < PIPE_CALLS * work; i++) {
        uint64_t size = pipe_size(i);
        for (uint64_t j = 0; j < size; j++)
            bytes[j] = (uint8_t)next_random(me, 256);
        expect(me, insist(me, SYS_PIPE_WRITE, (uint64_t)bytes, size, 0, 0) == (int64_t)size);
        me->done.pipe_in += size;
        for (uint64_t j = 0; j < size; j++)
            me->done.pipe_in_hash = stream_hash(me->done.pipe_in_hash, bytes[j]);
    }
}

void read_pipe(struct worker *me, uint64_t work)
{
    uint8_t bytes[50];
    uint64_t left = 0;
    for (uint64_t i = 0; i < PIPE_CALLS * work; i++)
        left += pipe_size(i);
    while (left) {
        uint64_t want = left < sizeof bytes ? left : sizeof bytes;
        int64_t size = insist(me, SYS_PIPE_READ, (uint64_t)bytes, want, 0, 0);
        bool right = size > 0 && size <= (int64_t)want;
        expect(me, right);
        if (!right)
            return;
        left -= (uint64_t)size;
        me->done.pipe_out += (uint64_t)size;
        for (int64_t j = 0; j < size; j++)
            me->done.pipe_out_hash = stream_hash(me->done.pipe_out_hash, bytes[j]);
    }
}

/* ---- Sleeps, says so, and has children from time to time ----------------------------------- */

static void nap(struct worker *me, uint64_t ticks)
{
    int64_t before = insist(me, SYS_TICKS, 0, 0, 0, 0);
    expect(me, !insist(me, SYS_SLEEP, ticks, 0, 0, 0));
    int64_t after = insist(me, SYS_TICKS, 0, 0, 0, 0);
    expect(me, after - before >= (int64_t)ticks);
}

static void have_a_child(struct worker *me, unsigned index)
{
    int64_t pid = start_worker(me, index, 1);
    if (pid == -EIO)
        return;
    expect(me, pid > 0);
    expect(me, insist(me, SYS_WAIT, (uint64_t)pid, 0, 0, 0) == (int64_t)index);
}

void sleep_and_spawn(struct worker *me, uint64_t work)
{
    for (uint64_t i = 0; i < NAPS * work; i++) {
        struct line line;
        nap(me, 1 + i % 4);
        line_begin(&line, "agora: nap ");
        line_number(&line, i + 1);
        line_text(&line, "\n");
        line_write(me, &line);
        if (i % 5 == 0 && i / 5 < CHILDREN)
            have_a_child(me, FIRST_CHILD + (unsigned)(i / 5));
    }
}

/* ---- Counts a little ----------------------------------------------------------------------- */

void be_a_child(struct worker *me, uint64_t work)
{
    for (uint64_t i = 0; i < 20 * work; i++)
        add(me, i);
}
