/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "devices/virtqueue.h"

#include <endian.h>

#define DESC_F_NEXT     1
#define DESC_F_WRITE    2
#define DESC_F_INDIRECT 4

#define AVAIL_F_NO_INTERRUPT 1

struct descriptor { /* as in guest memory */
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};

/* A table of descriptors: the queue's own or an indirect one. */
struct table {
    uint64_t address;
    uint32_t count;
};

static int read16(const struct memory *mem, uint64_t gpa, uint16_t *value)
{
    uint16_t raw;
    if (memory_read(mem, gpa, &raw, sizeof raw))
        return -1;
    *value = le16toh(raw);
    return 0;
}

static int write16(struct memory *mem, uint64_t gpa, uint16_t value)
{
    uint16_t raw = htole16(value);
    return memory_write(mem, gpa, &raw, sizeof raw);
}

static int read_descriptor(const struct memory *mem, const struct table *table, uint32_t index,
                           struct descriptor *desc)
{
    if (index >= table->count ||
        memory_read(mem, table->address + UINT64_C(16) * index, desc, sizeof *desc))
        return -1;
    desc->address = le64toh(desc->address);
    desc->length = le32toh(desc->length);
    desc->flags = le16toh(desc->flags);
    desc->next = le16toh(desc->next);
    return 0;
}

/* 2.7.6: flags, index, ring[size], used_event; 2.7.8: flags, index, ring[size] of 8 bytes each,
 * avail_event. */
static uint64_t avail_entry(const struct virtqueue *queue, uint16_t index)
{
    return queue->avail + 4 + UINT64_C(2) * (index & (queue->size - 1));
}

static uint64_t used_event(const struct virtqueue *queue)
{
    return queue->avail + 4 + UINT64_C(2) * queue->size;
}

static uint64_t used_entry(const struct virtqueue *queue, uint16_t index)
{
    return queue->used + 4 + UINT64_C(8) * (index & (queue->size - 1));
}

static uint64_t avail_event(const struct virtqueue *queue)
{
    return queue->used + 4 + UINT64_C(8) * queue->size;
}

enum virtqueue_result virtqueue_peek(const struct virtqueue *queue, struct memory *mem,
                                     uint64_t features)
{
    uint16_t index;
    if (read16(mem, queue->avail + 2, &index))
        return VIRTQUEUE_BROKEN;
    uint16_t waiting = (uint16_t)(index - queue->last_avail);
    if (waiting > queue->size)
        return VIRTQUEUE_BROKEN;
    if (waiting)
        return VIRTQUEUE_REQUEST;
    if (features & VIRTIO_RING_F_EVENT_IDX && write16(mem, avail_event(queue), queue->last_avail))
        return VIRTQUEUE_BROKEN;
    return VIRTQUEUE_EMPTY;
}

/* Appends a buffer; readable ones come first (2.7.4.2). */
static int add_buffer(struct virtio_chain *chain, const struct descriptor *desc)
{
    unsigned count = chain->readable + chain->writable;
    if (count == VIRTQUEUE_MAX)
        return -1;
    chain->buffers[count] = (struct virtio_buffer){desc->address, desc->length};
    if (desc->flags & DESC_F_WRITE) {
        chain->writable++;
        chain->writable_bytes += desc->length;
    } else if (chain->writable) {
        return -1;
    } else {
        chain->readable++;
        chain->readable_bytes += desc->length;
    }
    return 0;
}

/* Follows a chain, which may end in one indirect table. A loop runs into VIRTQUEUE_MAX. */
static int walk(const struct memory *mem, struct table table, uint32_t index, uint64_t features,
                struct virtio_chain *chain)
{
    bool indirect = false;
    for (;;) {
        struct descriptor desc;
        if (read_descriptor(mem, &table, index, &desc))
            return -1;
        if (desc.flags & DESC_F_INDIRECT) {
            if (indirect || desc.flags & DESC_F_NEXT || desc.length == 0 || desc.length % 16 ||
                !(features & VIRTIO_RING_F_INDIRECT_DESC))
                return -1;
            table = (struct table){desc.address, desc.length / 16};
            index = 0;
            indirect = true;
            continue;
        }
        if (add_buffer(chain, &desc))
            return -1;
        if (!(desc.flags & DESC_F_NEXT))
            return 0;
        index = desc.next;
    }
}

enum virtqueue_result virtqueue_pop(struct virtqueue *queue, struct memory *mem, uint64_t features,
                                    struct virtio_chain *chain)
{
    enum virtqueue_result result = virtqueue_peek(queue, mem, features);
    if (result != VIRTQUEUE_REQUEST)
        return result;
    chain->readable = chain->writable = 0;
    chain->readable_bytes = chain->writable_bytes = 0;
    struct table table = {queue->descriptors, queue->size};
    if (read16(mem, avail_entry(queue, queue->last_avail), &chain->head) ||
        walk(mem, table, chain->head, features, chain))
        return VIRTQUEUE_BROKEN;
    queue->last_avail++;
    return VIRTQUEUE_REQUEST;
}

int virtqueue_push(struct virtqueue *queue, struct memory *mem, uint64_t features, uint16_t head,
                   uint32_t written, bool *interrupt)
{
    uint32_t entry[2] = {htole32(head), htole32(written)};
    uint16_t old = queue->used_index, wanted;
    if (memory_write(mem, used_entry(queue, old), entry, sizeof entry) ||
        write16(mem, queue->used + 2, (uint16_t)(old + 1)))
        return -1;
    queue->used_index++;
    if (features & VIRTIO_RING_F_EVENT_IDX) { /* 2.7.7.2, one entry at a time */
        if (read16(mem, used_event(queue), &wanted))
            return -1;
        *interrupt = wanted == old;
    } else {
        if (read16(mem, queue->avail, &wanted))
            return -1;
        *interrupt = !(wanted & AVAIL_F_NO_INTERRUPT);
    }
    return 0;
}
