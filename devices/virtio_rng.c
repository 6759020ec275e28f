/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "devices/virtio_rng.h"

#include <endian.h>
#include <stdlib.h>

struct virtio_rng {
    uint64_t seed;
};

struct rng_state { /* xoshiro256**, Blackman and Vigna 2018 */
    uint64_t s[4];
};

static uint64_t rotate_left(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static uint64_t next_word(struct rng_state *state)
{
    uint64_t *s = state->s;
    uint64_t word = rotate_left(s[1] * 5, 7) * 9;
    uint64_t carry = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= carry;
    s[3] = rotate_left(s[3], 45);
    return word;
}

/* Fills the state from the seed by splitmix64, which never gives four zeros in a row. */
static void rng_power_on(struct virtio *virtio, void *opaque)
{
    const struct virtio_rng *rng = opaque;
    struct rng_state *state = virtio_state(virtio);
    uint64_t counter = rng->seed;
    for (unsigned i = 0; i < 4; i++) {
        counter += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t mixed = counter;
        mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
        state->s[i] = mixed ^ mixed >> 31;
    }
}

static void rng_notify(struct virtio *virtio, void *opaque, unsigned queue)
{
    struct rng_state *state = virtio_state(virtio);
    struct virtio_chain chain;
    (void)opaque;
    for (unsigned n = 0; n < VIRTQUEUE_MAX && virtio_pop(virtio, queue, &chain); n++) {
        uint64_t size = chain.writable_bytes;
        if (size > VIRTIO_RNG_MAX)
            size = VIRTIO_RNG_MAX;
        for (uint64_t done = 0; done < size; done += 8) {
            uint64_t word = htole64(next_word(state));
            if (virtio_write(virtio, &chain, done, &word, size - done < 8 ? size - done : 8))
                return;
        }
        virtio_push(virtio, queue, &chain, (uint32_t)size);
    }
}

static const struct virtio_backend_ops rng_ops = {
    .device_id = VIRTIO_ID_ENTROPY,
    .queues = 1,
    .state_size = sizeof(struct rng_state),
    .notify = rng_notify,
    .power_on = rng_power_on,
    .free = free,
};

struct device *virtio_rng_new(const struct virtio_wiring *wiring, uint64_t seed)
{
    struct virtio_rng *rng = calloc(1, sizeof *rng);
    if (!rng)
        return NULL;
    rng->seed = seed;
    struct device *device =
        virtio_mmio_new(wiring, &(struct virtio_backend){.ops = &rng_ops, .opaque = rng});
    if (!device)
        free(rng);
    return device;
}
