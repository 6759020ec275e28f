/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "devices/virtio_blk.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define F_SEG_MAX  (UINT64_C(1) << 2)
#define F_RO       (UINT64_C(1) << 5)
#define F_BLK_SIZE (UINT64_C(1) << 6)
#define F_FLUSH    (UINT64_C(1) << 9)

#define TYPE_IN     0
#define TYPE_OUT    1
#define TYPE_FLUSH  4
#define TYPE_GET_ID 8

#define STATUS_OK    0
#define STATUS_IOERR 1
#define STATUS_UNSUP 2

#define ID_SIZE    20
#define STEP_BYTES 16384 /* copied at a time */

struct virtio_blk {
    struct virtio *virtio;
    struct clock *clock;
    struct block *block;
    uint64_t latency; /* ticks */
    struct clock_event done;
    uint8_t id[ID_SIZE];
    struct { /* configuration space, 5.2.4 */
        uint64_t capacity;
        uint32_t size_max, seg_max;
        uint32_t geometry;
        uint32_t blk_size;
    } config;
};

struct blk_state {
    uint64_t due; /* when the request at the head of the queue is done; 0: idle */
};

struct header { /* as in guest memory */
    uint32_t type;
    uint32_t reserved;
    uint64_t sector;
};

/* One read or write of `bytes` at `sector`, to or from the chain. Returns the status, or -1 if the
 * driver's buffers are not in memory. */
static int transfer(struct virtio_blk *blk, const struct virtio_chain *chain, uint64_t sector,
                    uint64_t bytes, bool store)
{
    uint8_t buffer[STEP_BYTES];
    uint64_t all = block_sectors(blk->block);
    if (bytes % BLOCK_SECTOR_SIZE || sector > all || bytes / BLOCK_SECTOR_SIZE > all - sector)
        return STATUS_IOERR;
    for (uint64_t done = 0, step; done < bytes; done += step) {
        step = bytes - done < sizeof buffer ? bytes - done : sizeof buffer;
        uint64_t at = sector + done / BLOCK_SECTOR_SIZE;
        if (store && virtio_read(blk->virtio, chain, sizeof(struct header) + done, buffer, step))
            return -1;
        if (store ? block_write(blk->block, at, buffer, step / BLOCK_SECTOR_SIZE)
                  : block_read(blk->block, at, buffer, step / BLOCK_SECTOR_SIZE))
            return STATUS_IOERR;
        if (!store && virtio_write(blk->virtio, chain, done, buffer, step))
            return -1;
    }
    return STATUS_OK;
}

static void serve(struct virtio_blk *blk, const struct virtio_chain *chain)
{
    struct header header;
    int result = STATUS_UNSUP;
    uint64_t written = 0;
    if (chain->readable_bytes < sizeof header || chain->writable_bytes < 1) {
        virtio_fail(blk->virtio);
        return;
    }
    if (virtio_read(blk->virtio, chain, 0, &header, sizeof header))
        return;
    uint64_t room = chain->writable_bytes - 1; /* the status is the last byte */
    uint64_t sector = le64toh(header.sector);
    switch (le32toh(header.type)) {
    case TYPE_IN:
        result = transfer(blk, chain, sector, room, false);
        written = result == STATUS_OK ? room : 0;
        break;
    case TYPE_OUT:
        result = transfer(blk, chain, sector, chain->readable_bytes - sizeof header, true);
        break;
    case TYPE_FLUSH:
        result = block_flush(blk->block) ? STATUS_IOERR : STATUS_OK;
        break;
    case TYPE_GET_ID:
        written = room < ID_SIZE ? room : ID_SIZE;
        result = virtio_write(blk->virtio, chain, 0, blk->id, written) ? -1 : STATUS_OK;
        break;
    }
    uint8_t status = (uint8_t)result;
    if (result < 0 || virtio_write(blk->virtio, chain, room, &status, 1))
        return;
    /* The length counts bytes written from the first on: the status only if no gap precedes it. */
    virtio_push(blk->virtio, 0, chain, (uint32_t)(written == room ? room + 1 : written));
}

/* Does the request at the head, if any; returns whether another waits. */
static bool serve_next(struct virtio_blk *blk)
{
    struct virtio_chain chain;
    if (virtio_pop(blk->virtio, 0, &chain))
        serve(blk, &chain);
    return virtio_waiting(blk->virtio, 0);
}

static uint64_t blk_done(void *opaque, uint64_t due)
{
    struct virtio_blk *blk = opaque;
    struct blk_state *state = virtio_state(blk->virtio);
    return state->due = serve_next(blk) ? due + blk->latency : 0;
}

static void blk_notify(struct virtio *virtio, void *opaque, unsigned queue)
{
    struct virtio_blk *blk = opaque;
    struct blk_state *state = virtio_state(virtio);
    if (state->due || !virtio_waiting(virtio, queue))
        return;
    if (!blk->latency) {
        for (unsigned n = 0; n < VIRTQUEUE_MAX && serve_next(blk); n++)
            ;
        return;
    }
    state->due = blk->clock->now + blk->latency;
    clock_set(blk->clock, &blk->done, state->due);
}

static void blk_restored(struct virtio *virtio, void *opaque)
{
    struct virtio_blk *blk = opaque;
    const struct blk_state *state = virtio_state(virtio);
    clock_set(blk->clock, &blk->done, state->due);
}

static void blk_reset(struct virtio *virtio, void *opaque)
{
    struct blk_state *state = virtio_state(virtio);
    state->due = 0;
    blk_restored(virtio, opaque);
}

static const struct virtio_backend_ops blk_ops = {
    .device_id = VIRTIO_ID_BLOCK,
    .queues = 1,
    .state_size = sizeof(struct blk_state),
    .notify = blk_notify,
    .reset = blk_reset,
    .restored = blk_restored,
    .free = free,
};

struct device *virtio_blk_new(const struct virtio_wiring *wiring, struct clock *clock,
                              struct block *block, const char *serial, uint64_t latency_ns)
{
    struct virtio_blk *blk = calloc(1, sizeof *blk);
    if (!blk)
        return NULL;
    blk->clock = clock;
    blk->block = block;
    blk->latency = clock_ticks(clock, latency_ns);
    if (latency_ns && !blk->latency)
        blk->latency = 1;
    blk->done = (struct clock_event){.name = "virtio-blk", .fire = blk_done, .opaque = blk};
    memcpy(blk->id, serial, strnlen(serial, ID_SIZE));
    blk->config.capacity = htole64(block_sectors(block));
    blk->config.seg_max = htole32(VIRTQUEUE_MAX - 2); /* all but header and status */
    blk->config.blk_size = htole32(BLOCK_SECTOR_SIZE);
    struct virtio_backend backend = {
        .ops = &blk_ops,
        .opaque = blk,
        .features = F_SEG_MAX | F_BLK_SIZE | F_FLUSH | (block_read_only(block) ? F_RO : 0),
        .config = &blk->config,
        .config_size = sizeof blk->config,
    };
    struct device *device = virtio_mmio_new(wiring, &backend);
    if (!device) {
        free(blk);
        return NULL;
    }
    blk->virtio = (struct virtio *)device;
    clock_add(clock, &blk->done);
    return device;
}
