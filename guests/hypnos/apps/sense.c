/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Periodic software timers, each of which samples a channel. */
#include "app.h"

static NV struct channel {
    uint32_t samples, least, largest, sum, digest;
} channels[SENSE_CHANNELS];
static NV_RAW uint16_t block[SENSE_CHANNELS][SENSE_BLOCK];
static NV int done;

static uint32_t samples_of(uint32_t c)
{
    return SENSE_TIMES / (c + 1) * hypnos_scale();
}

/* In a transaction. */
static uint32_t mean(uint32_t c)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < SENSE_BLOCK; i++)
        sum += nv_get(block[c][i]);
    return sum / SENSE_BLOCK;
}

/* Returns whether this was the channel's last. In a transaction. */
static bool sample(uint32_t c)
{
    struct channel channel = nv_get(channels[c]);
    if (channel.samples == samples_of(c))
        return false;
    uint32_t value = SENSE_BASE + draw(SENSE_SEED + c, channel.samples) % (SENSE_SPAN << c);
    NV_PTR(at, block[c][channel.samples % SENSE_BLOCK]);
    nv_store(at, (uint16_t)value);
    if (value < channel.least)
        channel.least = value;
    if (value > channel.largest)
        channel.largest = value;
    channel.sum += value;
    if (++channel.samples % SENSE_BLOCK == 0)
        channel.digest = fold(channel.digest, mean(c));
    nv_set(channels[c], channel);
    return channel.samples == samples_of(c);
}

static void on_timer(uint32_t timer, uint32_t c)
{
    transaction()
    {
        if (sample(c)) {
            hypnos_timer_stop((int)timer);
            hypnos_semaphore_give(nv_get(done));
        }
    }
}

static void sense_main(uint32_t arg)
{
    (void)arg;
    int semaphore = HYPNOS_NONE;
    uint32_t result = FOLD_START;
    transaction(semaphore)
    {
        semaphore = hypnos_semaphore_create(SENSE_CHANNELS, 0);
        nv_put(done, semaphore);
    }
    for (uint32_t c = 0; c < SENSE_CHANNELS; c++) {
        transaction()
        {
            nv_put(channels[c], ((struct channel){.least = UINT32_MAX, .digest = FOLD_START}));
            hypnos_timer_start(hypnos_timer_create(on_timer, c, c + 1, c + 1));
        }
    }
    for (uint32_t c = 0; c < SENSE_CHANNELS; c++) {
        transaction()
        {
            hypnos_semaphore_take(semaphore, HYPNOS_FOREVER);
        }
    }
    transaction(result)
    {
        for (uint32_t c = 0; c < SENSE_CHANNELS; c++) {
            struct channel channel = nv_get(channels[c]);
            app_expect("samples", samples_of(c), channel.samples);
            result = fold(fold(result, channel.least), channel.largest);
            result = fold(fold(result, channel.sum), channel.digest);
        }
    }
    hypnos_finish(result);
}

HYPNOS_APP(sense, sense_main);
