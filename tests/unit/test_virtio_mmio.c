/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "tests/unit/virtio_driver.h"

/* A back end that returns each request with its readable bytes copied to the writable ones. */
struct echo {
    unsigned notified, resets, power_ons, restored, freed;
};

static const uint8_t echo_config[6] = {1, 2, 3, 4, 5, 6};

static void echo_notify(struct virtio *virtio, void *opaque, unsigned queue)
{
    struct virtio_chain chain;
    uint8_t bytes[64];
    ((struct echo *)opaque)->notified++;
    while (virtio_pop(virtio, queue, &chain)) {
        uint64_t size = chain.readable_bytes;
        if (size > sizeof bytes || virtio_read(virtio, &chain, 0, bytes, size) ||
            virtio_write(virtio, &chain, 0, bytes, size))
            return;
        virtio_push(virtio, queue, &chain, (uint32_t)size);
        ++*(uint64_t *)virtio_state(virtio);
    }
}

static void echo_power_on(struct virtio *virtio, void *opaque)
{
    ((struct echo *)opaque)->power_ons++;
    *(uint64_t *)virtio_state(virtio) = 1000;
}

static void echo_reset(struct virtio *virtio, void *opaque)
{
    (void)virtio;
    ((struct echo *)opaque)->resets++;
}

static void echo_restored(struct virtio *virtio, void *opaque)
{
    (void)virtio;
    ((struct echo *)opaque)->restored++;
}

static void echo_free(void *opaque)
{
    ((struct echo *)opaque)->freed++;
}

static const struct virtio_backend_ops echo_ops = {
    .device_id = 77,
    .queues = 2,
    .state_size = sizeof(uint64_t),
    .notify = echo_notify,
    .power_on = echo_power_on,
    .reset = echo_reset,
    .restored = echo_restored,
    .free = echo_free,
};

static struct memory *mem;
static struct wire irq[1];
static struct echo echo;
static struct device *device;

static void set_up(bool legacy)
{
    struct virtio_backend backend = {&echo_ops, &echo, UINT64_C(1) << 40 | 4, echo_config,
                                     sizeof echo_config};
    struct virtio_wiring wiring = {driver_memory(), wire_line(irq, 0), legacy};
    mem = wiring.memory;
    device = virtio_mmio_new(&wiring, &backend);
    cr_assert_not_null(device);
    device_reset(device);
}

static void modern(void)
{
    set_up(false);
}

static void legacy(void)
{
    set_up(true);
}

static void tear_down(void)
{
    device_free(device);
    cr_expect_eq(echo.freed, 1);
    memory_free(mem);
}

TestSuite(virtio_mmio, .init = modern, .fini = tear_down);
TestSuite(virtio_legacy, .init = legacy, .fini = tear_down);

/* Descriptors 0 -> 1: eight bytes in, eight bytes out. */
static void offer_echo(void)
{
    store(mem, DATA, UINT64_C(0x1122334455667788), 8);
    desc(mem, DESC, 0, DATA, 8, NEXT, 1);
    desc(mem, DESC, 1, DATA + 64, 8, WRITE, 0);
    offer(mem, 0);
}

Test(virtio_mmio, identity)
{
    cr_expect_eq(get32(device, 0x000), 0x74726976);
    cr_expect_eq(get32(device, 0x004), 2);
    cr_expect_eq(get32(device, 0x008), 77);
    cr_expect_eq(get32(device, 0x00c), 0x554d4551);
    cr_expect_eq(get32(device, STATUS), 0);
    cr_expect_eq(get32(device, 0x0b0), 0xffffffff, "no shared memory");
    cr_expect_eq(get32(device, 0x0bc), 0xffffffff);
    cr_expect_eq(get32(device, 0x0fc), 0);
}

Test(virtio_mmio, features_in_halves)
{
    cr_expect_eq(get32(device, 0x010), 1u << 28 | 1u << 29 | 4);
    put32(device, 0x014, 1);
    cr_expect_eq(get32(device, 0x010), 1u << 8 | 1);
    put32(device, 0x014, 2);
    cr_expect_eq(get32(device, 0x010), 0);
    put32(device, 0x014, 0xffffffff);
    cr_expect_eq(get32(device, 0x010), 0);
}

Test(virtio_mmio, features_that_were_not_offered)
{
    put32(device, STATUS, 3);
    put32(device, 0x020, 8);
    put32(device, STATUS, 0x0b);
    cr_expect_eq(get32(device, STATUS), 0x03);
    put32(device, 0x020, 4);
    put32(device, STATUS, 0x0b);
    cr_expect_eq(get32(device, STATUS), 0x0b);
}

Test(virtio_mmio, configuration_takes_any_width)
{
    cr_expect_eq(get(device, 0x100, 1), 0x01);
    cr_expect_eq(get(device, 0x101, 2), 0x0302);
    cr_expect_eq(get(device, 0x100, 4), 0x04030201);
    cr_expect_eq(get(device, 0x100, 8), 0x060504030201);
    cr_expect_eq(get(device, 0x104, 4), 0x0605, "zeros beyond its end");
    cr_expect_eq(get(device, 0xffc, 4), 0);
    put32(device, 0x100, 0xffffffff);
    cr_expect_eq(get(device, 0x100, 4), 0x04030201);
}

Test(virtio_mmio, registers_are_four_bytes_wide)
{
    cr_expect_eq(get(device, 0, 1), 0);
    cr_expect_eq(get(device, 0, 8), 0);
    cr_expect_eq(get(device, 2, 4), 0);
    put(device, STATUS, 1, 1);
    cr_expect_eq(get32(device, STATUS), 0);
}

Test(virtio_mmio, queues)
{
    cr_expect_eq(get32(device, 0x034), VIRTQUEUE_MAX);
    put32(device, 0x030, 1);
    cr_expect_eq(get32(device, 0x034), VIRTQUEUE_MAX);
    put32(device, 0x044, 1);
    cr_expect_eq(get32(device, 0x044), 1);
    put32(device, 0x030, 2);
    cr_expect_eq(get32(device, 0x034), 0);
    put32(device, 0x044, 1);
    cr_expect_eq(get32(device, 0x044), 0);
    cr_expect_eq(get32(device, 0x040), 0);
}

Test(virtio_mmio, request)
{
    driver_start(device, F_VERSION_1);
    offer_echo();
    notify(device);
    cr_expect_eq(load(mem, DATA + 64, 8), 0x1122334455667788);
    cr_expect_eq(used_count(mem), 1);
    cr_expect_eq(used_length(mem, 0), 8);
    cr_expect(irq[0].level);
    cr_expect_eq(get32(device, INTERRUPT), 1);
    put32(device, 0x064, 2);
    cr_expect(irq[0].level);
    put32(device, 0x064, 1);
    cr_expect(!irq[0].level);
    cr_expect_eq(get32(device, INTERRUPT), 0);
}

Test(virtio_mmio, nothing_before_driver_ok)
{
    driver_start(device, F_VERSION_1);
    put32(device, STATUS, 0x0b);
    offer_echo();
    notify(device);
    cr_expect_eq(used_count(mem), 0);
    put32(device, STATUS, 0x0f);
    notify(device);
    cr_expect_eq(used_count(mem), 1);
}

Test(virtio_mmio, nothing_from_a_queue_that_is_not_ready)
{
    driver_start(device, F_VERSION_1);
    put32(device, 0x044, 0);
    offer_echo();
    notify(device);
    put32(device, 0x050, 1);
    put32(device, 0x050, 2);
    put32(device, 0x050, 0xffffffff);
    cr_expect_eq(echo.notified, 0);
}

Test(virtio_mmio, a_queue_in_use_cannot_be_moved)
{
    driver_start(device, F_VERSION_1);
    put32(device, 0x080, 0);
    put32(device, 0x090, 0);
    put32(device, 0x0a0, 0);
    put32(device, 0x038, 2);
    offer_echo();
    notify(device);
    put32(device, 0x044, 1); /* it is ready: the indexes go on */
    offer_echo();
    notify(device);
    cr_expect_eq(used_count(mem), 2);
    cr_expect_eq(*(uint64_t *)virtio_state((struct virtio *)device), 1002, "each served once");
}

Test(virtio_mmio, suppressed_interrupt)
{
    driver_start(device, F_VERSION_1);
    store(mem, AVAIL, 1, 2);
    offer_echo();
    notify(device);
    cr_expect_eq(used_count(mem), 1);
    cr_expect(!irq[0].level);
}

Test(virtio_mmio, event_index_counts_only_if_accepted)
{
    driver_start(device, F_VERSION_1 | F_EVENT_IDX);
    store(mem, AVAIL + 4 + 2 * QUEUE_SIZE, 1, 2);
    offer_echo();
    notify(device);
    cr_expect(!irq[0].level);
    offer_echo();
    notify(device);
    cr_expect(irq[0].level);
    cr_expect_eq(load(mem, USED + 4 + 8 * QUEUE_SIZE, 2), 2);
}

Test(virtio_mmio, a_broken_driver_gets_needs_reset)
{
    driver_start(device, F_VERSION_1);
    desc(mem, DESC, 0, DATA, 1, NEXT, 0);
    offer(mem, 0);
    notify(device);
    cr_expect_eq(get32(device, STATUS), 0x0f | NEEDS_RESET);
    cr_expect_eq(get32(device, INTERRUPT), 2);
    cr_expect(irq[0].level);
    put32(device, STATUS, 0x0f);
    cr_expect_eq(get32(device, STATUS), 0x0f | NEEDS_RESET, "only a reset clears it");
    store(mem, AVAIL + 2, 0, 2);
    offer_echo();
    notify(device);
    cr_expect_eq(used_count(mem), 0);
    driver_start(device, F_VERSION_1);
    cr_expect_eq(get32(device, STATUS), 0x0f);
    cr_expect(!irq[0].level);
    notify(device);
    cr_expect_eq(used_count(mem), 1);
}

Test(virtio_mmio, buffers_outside_memory)
{
    static const uint64_t bad[] = {0, RAM - 4, RAM + RAM_SIZE - 4, UINT64_MAX - 3};
    for (size_t i = 0; i < 2 * sizeof bad / sizeof *bad; i++) {
        store(mem, AVAIL + 2, 0, 2);
        driver_start(device, F_VERSION_1);
        offer_echo();
        desc(mem, DESC, i % 2, bad[i / 2], 8, i % 2 ? WRITE : NEXT, 1);
        notify(device);
        cr_expect(get32(device, STATUS) & NEEDS_RESET, "case %zu", i);
        cr_expect_eq(used_count(mem), 0);
    }
}

Test(virtio_mmio, more_written_than_there_is_room)
{
    driver_start(device, F_VERSION_1);
    offer_echo();
    desc(mem, DESC, 1, DATA + 64, 7, WRITE, 0);
    notify(device);
    cr_expect(get32(device, STATUS) & NEEDS_RESET);
}

ParameterizedTestParameters(virtio_hostile, queue_size)
{
    static uint32_t sizes[] = {0, 3, 512, 0x10000, 0x80000000, 0xffffffff};
    return cr_make_param_array(uint32_t, sizes, sizeof sizes / sizeof *sizes);
}

ParameterizedTest(uint32_t *size, virtio_hostile, queue_size)
{
    set_up(false);
    put32(device, 0x038, *size);
    cr_expect(get32(device, STATUS) & NEEDS_RESET);
    cr_expect(!irq[0].level, "no interrupt before DRIVER_OK");
    tear_down();
}

Test(virtio_mmio, copies_span_buffers)
{
    driver_start(device, F_VERSION_1);
    store(mem, DATA, UINT64_C(0x8877665544332211), 8);
    desc(mem, DESC, 0, DATA, 3, NEXT, 1);
    desc(mem, DESC, 1, DATA + 3, 0, NEXT, 2);
    desc(mem, DESC, 2, DATA + 3, 5, NEXT, 3);
    desc(mem, DESC, 3, DATA + 64, 1, NEXT | WRITE, 4);
    desc(mem, DESC, 4, DATA + 80, 7, NEXT | WRITE, 5);
    desc(mem, DESC, 5, DATA + 96, 7, WRITE, 0);
    offer(mem, 0);
    notify(device);
    cr_expect_eq(used_length(mem, 0), 8);
    cr_expect_eq(load(mem, DATA + 64, 8), 0x11);
    cr_expect_eq(load(mem, DATA + 80, 8), 0x88776655443322);
    cr_expect_eq(load(mem, DATA + 96, 8), 0);
}

Test(virtio_mmio, reset_by_the_driver_keeps_what_power_on_set_up)
{
    driver_start(device, F_VERSION_1);
    offer_echo();
    notify(device);
    unsigned resets = echo.resets;
    put32(device, STATUS, 0);
    cr_expect_eq(echo.resets, resets + 1);
    cr_expect_eq(echo.power_ons, 1);
    cr_expect_eq(*(uint64_t *)virtio_state((struct virtio *)device), 1001);
    cr_expect_eq(get32(device, 0x044), 0);
    cr_expect(!irq[0].level);
    device_reset(device);
    cr_expect_eq(*(uint64_t *)virtio_state((struct virtio *)device), 1000);
}

Test(virtio_mmio, restore)
{
    driver_start(device, F_VERSION_1);
    offer_echo();
    notify(device);
    void *state = save(device);
    device_reset(device);
    cr_expect(!irq[0].level);
    restore(device, state);
    cr_expect(irq[0].level);
    cr_expect_eq(echo.restored, 1);
    cr_expect_eq(*(uint64_t *)virtio_state((struct virtio *)device), 1001);
    offer_echo();
    notify(device);
    cr_expect_eq(used_count(mem), 2);
}

Test(virtio_legacy, identity)
{
    cr_expect_eq(get32(device, 0x004), 1);
    cr_expect_eq(get32(device, 0x010), 1u << 28 | 1u << 29 | 4);
    cr_expect_eq(get32(device, 0x044), 0);
}

Test(virtio_legacy, request)
{
    driver_start(device, 0);
    cr_expect_eq(get32(device, 0x040), DESC / 4096);
    offer_echo();
    notify(device);
    cr_expect_eq(load(mem, DATA + 64, 8), 0x1122334455667788);
    cr_expect_eq(used_count(mem), 1);
    cr_expect(irq[0].level);
}

Test(virtio_legacy, used_ring_follows_the_alignment)
{
    driver_start(device, 0);
    put32(device, 0x040, 0);
    put32(device, 0x028, 512);
    put32(device, 0x03c, 256);
    put32(device, 0x040, DESC / 512);
    offer_echo();
    notify(device);
    cr_expect_eq(load(mem, RAM + 0x100 + 2, 2), 1, "descriptors end at 0x80, avail at 0x96");
}

Test(virtio_legacy, alignment_defaults_to_a_page)
{
    put32(device, 0x028, 4096);
    put32(device, 0x038, QUEUE_SIZE);
    put32(device, 0x040, DESC / 4096);
    offer_echo();
    notify(device); /* before DRIVER_OK, as old drivers do */
    cr_expect_eq(used_count(mem), 1);
}

Test(virtio_legacy, pfn_zero_stops_the_queue)
{
    driver_start(device, 0);
    put32(device, 0x040, 0);
    offer_echo();
    notify(device);
    cr_expect_eq(echo.notified, 0);
    cr_expect_eq(get32(device, 0x040), 0);
}

Test(virtio_legacy, hostile_addresses)
{
    put32(device, 0x028, 0xffffffff);
    put32(device, 0x040, 0xffffffff);
    notify(device);
    cr_expect(get32(device, STATUS) & NEEDS_RESET);
    put32(device, STATUS, 0);
    put32(device, 0x03c, 3);
    cr_expect(get32(device, STATUS) & NEEDS_RESET);
}

Test(virtio_slot, empty)
{
    struct virtio_wiring wiring = {0};
    struct device *slot = virtio_mmio_new(&wiring, NULL);
    cr_assert_not_null(slot);
    device_reset(slot);
    cr_expect_eq(get32(slot, 0x000), 0x74726976);
    cr_expect_eq(get32(slot, 0x004), 2);
    cr_expect_eq(get32(slot, 0x008), 0);
    for (uint64_t offset = 0; offset < 0x200; offset += 4) {
        put32(slot, offset, 0xffffffff);
        if (offset >= 0x010)
            cr_expect_eq(get32(slot, offset), 0);
    }
    slot->ops->restored(slot);
    device_free(slot);
}
