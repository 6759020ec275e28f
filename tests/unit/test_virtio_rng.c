/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include "devices/virtio_rng.h"
#include "tests/unit/virtio_driver.h"

static struct memory *mem;
static struct wire irq[1];
static struct device *rng;

static void start(uint64_t seed)
{
    struct virtio_wiring wiring = {driver_memory(), wire_line(irq, 0), false};
    mem = wiring.memory;
    rng = virtio_rng_new(&wiring, seed);
    cr_assert_not_null(rng);
    device_reset(rng);
    driver_start(rng, F_VERSION_1);
}

static void set_up(void)
{
    start(1);
}

static void tear_down(void)
{
    device_free(rng);
    memory_free(mem);
}

TestSuite(virtio_rng, .init = set_up, .fini = tear_down);

static uint64_t draw(void)
{
    desc(mem, DESC, 0, DATA, 8, WRITE, 0);
    offer(mem, 0);
    notify(rng);
    return load(mem, DATA, 8);
}

/* xoshiro256** seeded by splitmix64(1), computed apart from this code. */
Test(virtio_rng, known_sequence)
{
    cr_expect_eq(draw(), UINT64_C(0xb3f2af6d0fc710c5));
    cr_expect_eq(draw(), UINT64_C(0x853b559647364cea));
    cr_expect_eq(draw(), UINT64_C(0x92f89756082a4514));
}

Test(virtio_rng, identity)
{
    cr_expect_eq(get32(rng, 0x008), VIRTIO_ID_ENTROPY);
    cr_expect_eq(get32(rng, 0x100), 0);
}

Test(virtio_rng, fills_odd_sizes_and_no_more)
{
    desc(mem, DESC, 0, DATA, 3, NEXT | WRITE, 1);
    desc(mem, DESC, 1, DATA + 100, 8, WRITE, 0);
    offer(mem, 0);
    notify(rng);
    cr_expect_eq(used_length(mem, 0), 11);
    cr_expect(irq[0].level);
    cr_expect_neq(load(mem, DATA, 3), 0);
    cr_expect_neq(load(mem, DATA + 100, 8), 0);
    cr_expect_eq(load(mem, DATA + 3, 8), 0);
    cr_expect_eq(load(mem, DATA + 108, 8), 0);
}

Test(virtio_rng, power_on_starts_over_but_a_driver_reset_does_not)
{
    uint64_t first = draw();
    store(mem, AVAIL + 2, 0, 2);
    driver_start(rng, F_VERSION_1);
    cr_expect_neq(draw(), first);
    device_reset(rng);
    store(mem, AVAIL + 2, 0, 2);
    driver_start(rng, F_VERSION_1);
    cr_expect_eq(draw(), first);
}

Test(virtio_rng, saved_state_repeats)
{
    draw();
    void *state = save(rng);
    uint64_t next = draw();
    store(mem, AVAIL + 2, 1, 2);
    restore(rng, state);
    cr_expect_eq(draw(), next);
}

Test(virtio_rng_seed, matters)
{
    start(1);
    uint64_t one = draw();
    tear_down();
    start(2);
    cr_expect_neq(draw(), one);
    tear_down();
}

Test(virtio_rng, large_requests_are_cut)
{
    desc(mem, DESC, 0, RAM, UINT32_MAX, WRITE, 0);
    desc(mem, DESC, 0, DATA, UINT32_MAX, WRITE, 0);
    offer(mem, 0);
    notify(rng);
    cr_expect_eq(used_length(mem, 0), VIRTIO_RNG_MAX);
}

Test(virtio_rng, buffers_to_read_from)
{
    desc(mem, DESC, 0, DATA, 8, 0, 0);
    offer(mem, 0);
    notify(rng);
    cr_expect_eq(used_length(mem, 0), 0);
    cr_expect_eq(used_count(mem), 1);
    cr_expect_eq(load(mem, DATA, 8), 0);
}

Test(virtio_rng, buffer_outside_memory)
{
    desc(mem, DESC, 0, RAM + RAM_SIZE - 4, 8, WRITE, 0);
    offer(mem, 0);
    notify(rng);
    cr_expect(get32(rng, STATUS) & NEEDS_RESET);
}
