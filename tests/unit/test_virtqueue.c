/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "devices/virtqueue.h"
#include "tests/unit/virtio_driver.h"

static struct memory *mem;
static struct virtqueue queue;
static struct virtio_chain chain;

static void set_up(void)
{
    mem = driver_memory();
    queue = (struct virtqueue){DESC, AVAIL, USED, QUEUE_SIZE, 0, 0, true};
}

static void tear_down(void)
{
    memory_free(mem);
}

TestSuite(virtqueue, .init = set_up, .fini = tear_down);

static enum virtqueue_result pop(void)
{
    return virtqueue_pop(&queue, mem, F_INDIRECT, &chain);
}

Test(virtqueue, empty)
{
    cr_expect_eq(virtqueue_peek(&queue, mem, 0), VIRTQUEUE_EMPTY);
    cr_expect_eq(pop(), VIRTQUEUE_EMPTY);
}

Test(virtqueue, chain_of_three)
{
    desc(mem, DESC, 5, DATA, 16, NEXT, 1);
    desc(mem, DESC, 1, DATA + 100, 512, NEXT | WRITE, 7);
    desc(mem, DESC, 7, DATA + 900, 1, WRITE, 0);
    offer(mem, 5);
    cr_expect_eq(virtqueue_peek(&queue, mem, 0), VIRTQUEUE_REQUEST);
    cr_expect_eq(pop(), VIRTQUEUE_REQUEST);
    cr_expect_eq(chain.head, 5);
    cr_expect_eq(chain.readable, 1);
    cr_expect_eq(chain.writable, 2);
    cr_expect_eq(chain.readable_bytes, 16);
    cr_expect_eq(chain.writable_bytes, 513);
    cr_expect_eq(chain.buffers[2].address, DATA + 900);
    cr_expect_eq(pop(), VIRTQUEUE_EMPTY);
}

Test(virtqueue, indirect_table_after_a_direct_buffer)
{
    desc(mem, DESC, 0, DATA, 16, NEXT, 3);
    desc(mem, DESC, 3, TABLE, 3 * 16, INDIRECT | WRITE, 0); /* WRITE means nothing here */
    desc(mem, TABLE, 0, DATA + 16, 8, NEXT, 2);
    desc(mem, TABLE, 2, DATA + 32, 4, WRITE, 0);
    offer(mem, 0);
    cr_expect_eq(pop(), VIRTQUEUE_REQUEST);
    cr_expect_eq(chain.readable, 2);
    cr_expect_eq(chain.writable, 1);
    cr_expect_eq(chain.buffers[2].address, DATA + 32);
}

Test(virtqueue, an_indirect_table_may_be_as_long_as_any_queue)
{
    desc(mem, DESC, 0, TABLE, 16 * VIRTQUEUE_MAX, INDIRECT, 0);
    for (unsigned i = 0; i < VIRTQUEUE_MAX; i++)
        desc(mem, TABLE, i, DATA, UINT32_MAX, i + 1 < VIRTQUEUE_MAX ? NEXT : 0, i + 1);
    offer(mem, 0);
    cr_expect_eq(pop(), VIRTQUEUE_REQUEST);
    cr_expect_eq(chain.readable, VIRTQUEUE_MAX);
    cr_expect_eq(chain.readable_bytes, UINT64_C(0xffffffff) * VIRTQUEUE_MAX);
}

Test(virtqueue, indexes_wrap)
{
    queue.last_avail = queue.used_index = 0xfffe;
    store(mem, AVAIL + 2, 0xfffe, 2);
    bool interrupt;
    for (unsigned i = 0; i < 4; i++) {
        desc(mem, DESC, i, DATA, 1 + i, 0, 0);
        offer(mem, i);
        cr_expect_eq(pop(), VIRTQUEUE_REQUEST);
        cr_expect_eq(chain.head, i);
        cr_expect_eq(virtqueue_push(&queue, mem, 0, chain.head, 9 + i, &interrupt), 0);
    }
    cr_expect_eq(used_count(mem), 2);
    for (unsigned i = 0; i < 4; i++) {
        cr_expect_eq(load(mem, USED + 4 + 8 * ((0xfffe + i) % QUEUE_SIZE), 4), i);
        cr_expect_eq(used_length(mem, 0xfffe + i), 9 + i);
    }
}

Test(virtqueue, interrupt_unless_suppressed)
{
    bool interrupt = false;
    cr_expect_eq(virtqueue_push(&queue, mem, 0, 0, 0, &interrupt), 0);
    cr_expect(interrupt);
    store(mem, AVAIL, 1, 2);
    cr_expect_eq(virtqueue_push(&queue, mem, 0, 0, 0, &interrupt), 0);
    cr_expect(!interrupt);
}

Test(virtqueue, interrupt_at_the_event_index)
{
    bool interrupt;
    store(mem, AVAIL + 4 + 2 * QUEUE_SIZE, 2, 2);
    for (unsigned i = 0; i < 5; i++) {
        cr_expect_eq(virtqueue_push(&queue, mem, F_EVENT_IDX, 0, 0, &interrupt), 0);
        cr_expect_eq(interrupt, i == 2, "entry %u", i);
    }
}

Test(virtqueue, asks_for_the_next_notification_when_empty)
{
    uint64_t event = USED + 4 + 8 * QUEUE_SIZE;
    desc(mem, DESC, 0, DATA, 1, 0, 0);
    offer(mem, 0);
    offer(mem, 0);
    for (unsigned i = 0; i < 2; i++)
        cr_expect_eq(virtqueue_pop(&queue, mem, F_EVENT_IDX, &chain), VIRTQUEUE_REQUEST);
    cr_expect_eq(load(mem, event, 2), 0);
    cr_expect_eq(virtqueue_pop(&queue, mem, F_EVENT_IDX, &chain), VIRTQUEUE_EMPTY);
    cr_expect_eq(load(mem, event, 2), 2);
}

/* ---- Rings that make no sense ------------------------------------------------------------- */

static void too_many_waiting(void)
{
    store(mem, AVAIL + 2, QUEUE_SIZE + 1, 2);
}

static void index_goes_back(void)
{
    queue.last_avail = 1;
}

static void head_out_of_range(void)
{
    offer(mem, QUEUE_SIZE);
}

static void next_out_of_range(void)
{
    desc(mem, DESC, 0, DATA, 1, NEXT, QUEUE_SIZE);
    offer(mem, 0);
}

static void loop_to_itself(void)
{
    desc(mem, DESC, 0, DATA, 1, NEXT, 0);
    offer(mem, 0);
}

static void loop_of_two(void)
{
    desc(mem, DESC, 0, DATA, 0, NEXT | WRITE, 1);
    desc(mem, DESC, 1, DATA, 0, NEXT | WRITE, 0);
    offer(mem, 0);
}

static void readable_after_writable(void)
{
    desc(mem, DESC, 0, DATA, 1, NEXT | WRITE, 1);
    desc(mem, DESC, 1, DATA, 1, 0, 0);
    offer(mem, 0);
}

static void indirect_of_length(uint32_t length)
{
    desc(mem, DESC, 0, TABLE, length, INDIRECT, 0);
    offer(mem, 0);
}

static void indirect_empty(void)
{
    indirect_of_length(0);
}

static void indirect_ragged(void)
{
    indirect_of_length(17);
}

static void indirect_with_next(void)
{
    desc(mem, DESC, 0, TABLE, 16, INDIRECT | NEXT, 1);
    offer(mem, 0);
}

static void indirect_in_indirect(void)
{
    indirect_of_length(16);
    desc(mem, TABLE, 0, TABLE, 16, INDIRECT, 0);
}

static void indirect_loop(void)
{
    indirect_of_length(32);
    desc(mem, TABLE, 0, DATA, 1, NEXT, 1);
    desc(mem, TABLE, 1, DATA, 1, NEXT, 0);
}

static void indirect_chain_too_long(void)
{
    indirect_of_length(16 * (VIRTQUEUE_MAX + 1));
    for (unsigned i = 0; i <= VIRTQUEUE_MAX; i++)
        desc(mem, TABLE, i, DATA, 1, i < VIRTQUEUE_MAX ? NEXT : 0, i + 1);
}

static void indirect_next_out_of_range(void)
{
    indirect_of_length(16);
    desc(mem, TABLE, 0, DATA, 1, NEXT, 1);
}

static void indirect_table_outside(void)
{
    desc(mem, DESC, 0, RAM + RAM_SIZE - 8, 16, INDIRECT, 0);
    offer(mem, 0);
}

static void descriptors_outside(void)
{
    offer(mem, 1);
    queue.descriptors = RAM + RAM_SIZE - 16;
}

static void descriptors_at_the_end_of_addresses(void)
{
    offer(mem, 1);
    queue.descriptors = UINT64_MAX - 15;
}

static void avail_outside(void)
{
    queue.avail = 0;
}

static void avail_straddles_the_end(void)
{
    queue.avail = RAM + RAM_SIZE - 3;
}

static void (*const hostile[])(void) = {
    too_many_waiting,
    index_goes_back,
    head_out_of_range,
    next_out_of_range,
    loop_to_itself,
    loop_of_two,
    readable_after_writable,
    indirect_empty,
    indirect_ragged,
    indirect_with_next,
    indirect_in_indirect,
    indirect_loop,
    indirect_chain_too_long,
    indirect_next_out_of_range,
    indirect_table_outside,
    descriptors_outside,
    descriptors_at_the_end_of_addresses,
    avail_outside,
    avail_straddles_the_end,
};

/* By index: parameters go to another process, where functions may be elsewhere. */
ParameterizedTestParameters(virtqueue_hostile, broken)
{
    static size_t cases[sizeof hostile / sizeof *hostile];
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++)
        cases[i] = i;
    return cr_make_param_array(size_t, cases, sizeof hostile / sizeof *hostile);
}

ParameterizedTest(size_t *index, virtqueue_hostile, broken)
{
    set_up();
    hostile[*index]();
    cr_expect_eq(pop(), VIRTQUEUE_BROKEN, "case %zu", *index);
    tear_down();
}

Test(virtqueue, indirect_must_be_negotiated)
{
    indirect_of_length(16);
    cr_expect_eq(virtqueue_pop(&queue, mem, 0, &chain), VIRTQUEUE_BROKEN);
}

Test(virtqueue, rings_outside_memory_are_not_written)
{
    bool interrupt;
    queue.used = RAM + RAM_SIZE;
    cr_expect_eq(virtqueue_push(&queue, mem, 0, 0, 0, &interrupt), -1);
    cr_expect_eq(virtqueue_peek(&queue, mem, F_EVENT_IDX), VIRTQUEUE_BROKEN);
    queue.used = USED;
    queue.avail = 0;
    cr_expect_eq(virtqueue_push(&queue, mem, 0, 0, 0, &interrupt), -1);
}

Test(virtqueue, random_rings_end)
{
    uint32_t seed = 1;
    unsigned requests = 0, broken = 0;
    for (unsigned round = 0; round < 20000; round++) {
        for (unsigned i = 0; i < 2 * QUEUE_SIZE; i++) {
            uint32_t r = seed = seed * 1664525 + 1013904223;
            desc(mem, i < QUEUE_SIZE ? DESC : TABLE, i % QUEUE_SIZE, r >> 31 ? TABLE : DATA,
                 (r >> 8 & 15) * 8, r >> 16 & 7, r >> 20 & 7);
        }
        queue.last_avail = 0;
        store(mem, AVAIL + 2, seed >> 28 & 7, 2);
        store(mem, AVAIL + 4, seed >> 24 & 7, 2);
        switch (pop()) {
        case VIRTQUEUE_REQUEST:
            requests++;
            cr_assert_leq(chain.readable + chain.writable, VIRTQUEUE_MAX);
            break;
        case VIRTQUEUE_BROKEN:
            broken++;
            break;
        default:
            break;
        }
    }
    cr_expect_gt(requests, 1000);
    cr_expect_gt(broken, 1000);
}
