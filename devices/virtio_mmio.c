/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "devices/virtio_mmio.h"

#include <string.h>

#define MAGIC               0x000
#define VERSION             0x004
#define DEVICE_ID           0x008
#define VENDOR_ID           0x00c
#define DEVICE_FEATURES     0x010
#define DEVICE_FEATURES_SEL 0x014
#define DRIVER_FEATURES     0x020
#define DRIVER_FEATURES_SEL 0x024
#define GUEST_PAGE_SIZE     0x028 /* legacy */
#define QUEUE_SEL           0x030
#define QUEUE_SIZE_MAX      0x034
#define QUEUE_SIZE          0x038
#define QUEUE_ALIGN         0x03c /* legacy */
#define QUEUE_PFN           0x040 /* legacy */
#define QUEUE_READY         0x044
#define QUEUE_NOTIFY        0x050
#define INTERRUPT_STATUS    0x060
#define INTERRUPT_ACK       0x064
#define STATUS              0x070
#define QUEUE_DESC_LOW      0x080
#define QUEUE_DESC_HIGH     0x084
#define QUEUE_DRIVER_LOW    0x090
#define QUEUE_DRIVER_HIGH   0x094
#define QUEUE_DEVICE_LOW    0x0a0
#define QUEUE_DEVICE_HIGH   0x0a4
#define SHM_LEN_LOW         0x0b0
#define SHM_BASE_HIGH       0x0bc
#define CONFIG              0x100

#define MAGIC_VALUE  0x74726976 /* "virt" */
#define VENDOR_VALUE 0x554d4551 /* what drivers that check it expect */

#define STATUS_DRIVER_OK          0x04
#define STATUS_FEATURES_OK        0x08
#define STATUS_DEVICE_NEEDS_RESET 0x40

#define INTERRUPT_USED   1
#define INTERRUPT_CONFIG 2

#define FEATURE_VERSION_1 (UINT64_C(1) << 32)

#define DEFAULT_ALIGN 4096 /* of a legacy used ring */

struct virtio {
    struct device device;
    struct virtio_wiring wiring;
    struct virtio_backend backend;
    uint64_t offered;
    struct virtio_mmio_state {
        uint64_t accepted; /* feature bits */
        uint32_t device_features_sel, driver_features_sel;
        uint32_t queue_sel;
        uint32_t status;
        uint32_t interrupts;
        uint32_t page_size; /* legacy */
        uint32_t align[VIRTIO_MAX_QUEUES], pfn[VIRTIO_MAX_QUEUES];
        struct virtqueue queues[VIRTIO_MAX_QUEUES];
    } state;
    uint64_t backend_state[]; /* saved together with state */
};

_Static_assert(sizeof(struct virtio) ==
                   offsetof(struct virtio, state) + sizeof(struct virtio_mmio_state),
               "the back end's state follows the transport's at once");

static void interrupts_set(struct virtio *virtio, uint32_t interrupts)
{
    virtio->state.interrupts = interrupts;
    irq_line_set(&virtio->wiring.irq, interrupts != 0);
}

/* The queues and features as after power-on; the back end's state stays. */
static void transport_reset(struct virtio *virtio)
{
    uint32_t page_size = virtio->state.page_size;
    memset(&virtio->state, 0, sizeof virtio->state);
    virtio->state.page_size = page_size;
    for (unsigned i = 0; i < VIRTIO_MAX_QUEUES; i++) {
        virtio->state.queues[i].size = VIRTQUEUE_MAX;
        virtio->state.align[i] = DEFAULT_ALIGN;
    }
    interrupts_set(virtio, 0);
    if (virtio->backend.ops && virtio->backend.ops->reset)
        virtio->backend.ops->reset(virtio, virtio->backend.opaque);
}

void virtio_fail(struct virtio *virtio)
{
    uint32_t status = virtio->state.status;
    virtio->state.status |= STATUS_DEVICE_NEEDS_RESET;
    if (status & STATUS_DRIVER_OK && !(status & STATUS_DEVICE_NEEDS_RESET))
        interrupts_set(virtio, virtio->state.interrupts | INTERRUPT_CONFIG);
}

/* The selected queue, or NULL. */
static struct virtqueue *selected(struct virtio *virtio)
{
    return virtio->state.queue_sel < virtio->backend.ops->queues
               ? &virtio->state.queues[virtio->state.queue_sel]
               : NULL;
}

static uint32_t config_read(const struct virtio *virtio, uint64_t offset, unsigned size)
{
    uint8_t bytes[4] = {0};
    for (unsigned i = 0; i < size && i < sizeof bytes; i++) {
        if (offset + i < virtio->backend.config_size)
            bytes[i] = ((const uint8_t *)virtio->backend.config)[offset + i];
    }
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static uint32_t register_read(struct virtio *virtio, uint64_t offset)
{
    const struct virtqueue *queue = selected(virtio);
    switch (offset) {
    case DEVICE_FEATURES:
        return virtio->state.device_features_sel > 1
                   ? 0
                   : (uint32_t)(virtio->offered >> 32 * virtio->state.device_features_sel);
    case QUEUE_SIZE_MAX:
        return queue ? VIRTQUEUE_MAX : 0;
    case QUEUE_PFN:
        return queue && virtio->wiring.legacy ? virtio->state.pfn[virtio->state.queue_sel] : 0;
    case QUEUE_READY:
        return queue && !virtio->wiring.legacy ? queue->ready : 0;
    case INTERRUPT_STATUS:
        return virtio->state.interrupts;
    case STATUS:
        return virtio->state.status;
    default:
        return offset >= SHM_LEN_LOW && offset <= SHM_BASE_HIGH ? UINT32_MAX : 0;
    }
}

static uint64_t virtio_mmio_read(void *opaque, uint64_t offset, unsigned size)
{
    struct virtio *virtio = opaque;
    bool present = virtio->backend.ops;
    if (offset >= CONFIG && present) {
        uint64_t low = config_read(virtio, offset - CONFIG, size);
        return size == 8 ? low | (uint64_t)config_read(virtio, offset - CONFIG + 4, 4) << 32 : low;
    }
    if (size != 4 || offset % 4)
        return 0;
    switch (offset) {
    case MAGIC:
        return MAGIC_VALUE;
    case VERSION:
        return virtio->wiring.legacy ? 1 : 2;
    case DEVICE_ID:
        return present ? virtio->backend.ops->device_id : 0;
    case VENDOR_ID:
        return VENDOR_VALUE;
    default:
        return present ? register_read(virtio, offset) : 0;
    }
}

static void accept_features(struct virtio *virtio, uint32_t value)
{
    uint32_t sel = virtio->state.driver_features_sel;
    if (sel > 1 || virtio->state.status & STATUS_FEATURES_OK)
        return;
    unsigned shift = 32 * sel;
    virtio->state.accepted &= ~(UINT64_C(0xffffffff) << shift);
    virtio->state.accepted |= (uint64_t)value << shift;
}

static void status_write(struct virtio *virtio, uint32_t value)
{
    if (value == 0) {
        transport_reset(virtio);
        return;
    }
    value &= 0xff & ~STATUS_DEVICE_NEEDS_RESET;
    if (value & STATUS_FEATURES_OK && virtio->state.accepted & ~virtio->offered)
        value &= ~(uint32_t)STATUS_FEATURES_OK;
    virtio->state.status = value | (virtio->state.status & STATUS_DEVICE_NEEDS_RESET);
}

static void queue_ready(struct virtqueue *queue, bool ready)
{
    queue->last_avail = queue->used_index = 0;
    queue->ready = ready;
}

/* A legacy queue is one block: descriptors, available ring, and the used ring at the next multiple
 * of the alignment (2.7.2). */
static void legacy_queue(struct virtio *virtio, uint32_t pfn)
{
    struct virtqueue *queue = selected(virtio);
    uint64_t align = virtio->state.align[virtio->state.queue_sel];
    uint64_t avail_end = UINT64_C(16) * queue->size + UINT64_C(2) * (3 + queue->size);
    virtio->state.pfn[virtio->state.queue_sel] = pfn;
    queue->descriptors = (uint64_t)pfn * virtio->state.page_size;
    queue->avail = queue->descriptors + UINT64_C(16) * queue->size;
    queue->used = queue->descriptors + (avail_end + align - 1) / align * align;
    queue_ready(queue, pfn != 0);
}

static void half_write(uint64_t *value, bool high, uint32_t half)
{
    *value = high ? (uint64_t)half << 32 | (uint32_t)*value : (*value >> 32) << 32 | half;
}

static void notify(struct virtio *virtio, uint32_t queue)
{
    if (queue < virtio->backend.ops->queues && virtio->state.queues[queue].ready)
        virtio->backend.ops->notify(virtio, virtio->backend.opaque, queue);
}

/* Registers of the selected queue; it must not change while it is in use (4.2.2.2). */
static void queue_write(struct virtio *virtio, uint64_t offset, uint32_t value)
{
    struct virtqueue *queue = selected(virtio);
    bool legacy = virtio->wiring.legacy;
    if (!queue)
        return;
    if (offset == QUEUE_READY && !legacy && queue->ready != (value & 1))
        queue_ready(queue, value & 1);
    else if (offset == QUEUE_PFN && legacy)
        legacy_queue(virtio, value);
    if (queue->ready)
        return;
    switch (offset) {
    case QUEUE_SIZE:
        if (value == 0 || value > VIRTQUEUE_MAX || value & (value - 1))
            virtio_fail(virtio);
        else
            queue->size = (uint16_t)value;
        break;
    case QUEUE_ALIGN:
        if (value == 0 || value & (value - 1))
            virtio_fail(virtio);
        else
            virtio->state.align[virtio->state.queue_sel] = value;
        break;
    case QUEUE_DESC_LOW:
    case QUEUE_DESC_HIGH:
        half_write(&queue->descriptors, offset == QUEUE_DESC_HIGH, value);
        break;
    case QUEUE_DRIVER_LOW:
    case QUEUE_DRIVER_HIGH:
        half_write(&queue->avail, offset == QUEUE_DRIVER_HIGH, value);
        break;
    case QUEUE_DEVICE_LOW:
    case QUEUE_DEVICE_HIGH:
        half_write(&queue->used, offset == QUEUE_DEVICE_HIGH, value);
        break;
    }
}

static void virtio_mmio_write(void *opaque, uint64_t offset, unsigned size, uint64_t wide)
{
    struct virtio *virtio = opaque;
    uint32_t value = (uint32_t)wide;
    if (!virtio->backend.ops || size != 4 || offset % 4 || offset >= CONFIG)
        return;
    switch (offset) {
    case DEVICE_FEATURES_SEL:
        virtio->state.device_features_sel = value;
        break;
    case DRIVER_FEATURES:
        accept_features(virtio, value);
        break;
    case DRIVER_FEATURES_SEL:
        virtio->state.driver_features_sel = value;
        break;
    case GUEST_PAGE_SIZE:
        virtio->state.page_size = value;
        break;
    case QUEUE_SEL:
        virtio->state.queue_sel = value;
        break;
    case QUEUE_NOTIFY:
        notify(virtio, value);
        break;
    case INTERRUPT_ACK:
        interrupts_set(virtio, virtio->state.interrupts & ~value);
        break;
    case STATUS:
        status_write(virtio, value);
        break;
    default:
        queue_write(virtio, offset, value);
        break;
    }
}

static void virtio_mmio_reset(void *device)
{
    struct virtio *virtio = device;
    if (virtio->backend.ops && virtio->backend.ops->power_on)
        virtio->backend.ops->power_on(virtio, virtio->backend.opaque);
    transport_reset(virtio);
}

static void virtio_mmio_restored(void *device)
{
    struct virtio *virtio = device;
    interrupts_set(virtio, virtio->state.interrupts);
    if (virtio->backend.ops && virtio->backend.ops->restored)
        virtio->backend.ops->restored(virtio, virtio->backend.opaque);
}

static void virtio_mmio_free(void *device)
{
    struct virtio *virtio = device;
    if (virtio->backend.ops && virtio->backend.ops->free)
        virtio->backend.ops->free(virtio->backend.opaque);
}

static const struct device_ops virtio_mmio_ops = {
    .name = "virtio-mmio",
    .mmio = {virtio_mmio_read, virtio_mmio_write},
    .reset = virtio_mmio_reset,
    .restored = virtio_mmio_restored,
    .free = virtio_mmio_free,
};

struct device *virtio_mmio_new(const struct virtio_wiring *wiring,
                               const struct virtio_backend *backend)
{
    size_t extra = backend ? backend->ops->state_size : 0;
    struct virtio *virtio =
        device_new(sizeof *virtio + extra, &virtio_mmio_ops, offsetof(struct virtio, state),
                   sizeof virtio->state + extra);
    if (!virtio)
        return NULL;
    virtio->wiring = *wiring;
    if (backend) {
        virtio->backend = *backend;
        virtio->offered = backend->features | VIRTIO_RING_F_INDIRECT_DESC |
                          VIRTIO_RING_F_EVENT_IDX | (wiring->legacy ? 0 : FEATURE_VERSION_1);
    }
    return &virtio->device;
}

/* ---- For back ends ------------------------------------------------------------------------ */

void *virtio_state(struct virtio *virtio)
{
    return virtio->backend_state;
}

/* Legacy drivers may use a queue before DRIVER_OK (3.1.1). */
static bool usable(const struct virtio *virtio, unsigned queue)
{
    uint32_t status = virtio->state.status;
    return !(status & STATUS_DEVICE_NEEDS_RESET) &&
           (virtio->wiring.legacy || status & STATUS_DRIVER_OK) &&
           virtio->state.queues[queue].ready;
}

static uint64_t negotiated(const struct virtio *virtio)
{
    return virtio->state.accepted & virtio->offered;
}

bool virtio_waiting(struct virtio *virtio, unsigned queue)
{
    if (!usable(virtio, queue))
        return false;
    enum virtqueue_result result =
        virtqueue_peek(&virtio->state.queues[queue], virtio->wiring.memory, negotiated(virtio));
    if (result == VIRTQUEUE_BROKEN)
        virtio_fail(virtio);
    return result == VIRTQUEUE_REQUEST;
}

bool virtio_pop(struct virtio *virtio, unsigned queue, struct virtio_chain *chain)
{
    if (!usable(virtio, queue))
        return false;
    enum virtqueue_result result = virtqueue_pop(&virtio->state.queues[queue],
                                                 virtio->wiring.memory, negotiated(virtio), chain);
    if (result == VIRTQUEUE_BROKEN)
        virtio_fail(virtio);
    return result == VIRTQUEUE_REQUEST;
}

/* Copies between `bytes` and the buffers [first, first + count) of a chain: into the guest if
 * `store`. */
static int copy(struct virtio *virtio, const struct virtio_buffer *buffer, unsigned count,
                uint64_t offset, uint8_t *bytes, uint64_t length, bool store)
{
    for (; length && count; buffer++, count--) {
        if (offset >= buffer->length) {
            offset -= buffer->length;
            continue;
        }
        uint64_t part = buffer->length - offset;
        if (part > length)
            part = length;
        uint64_t gpa = buffer->address + offset;
        if (store ? memory_write(virtio->wiring.memory, gpa, bytes, part)
                  : memory_read(virtio->wiring.memory, gpa, bytes, part))
            break;
        bytes += part;
        length -= part;
        offset = 0;
    }
    if (length) {
        virtio_fail(virtio);
        return -1;
    }
    return 0;
}

int virtio_read(struct virtio *virtio, const struct virtio_chain *chain, uint64_t offset,
                void *buffer, uint64_t length)
{
    return copy(virtio, chain->buffers, chain->readable, offset, buffer, length, false);
}

int virtio_write(struct virtio *virtio, const struct virtio_chain *chain, uint64_t offset,
                 const void *buffer, uint64_t length)
{
    return copy(virtio, chain->buffers + chain->readable, chain->writable, offset,
                (uint8_t *)(uintptr_t)buffer, length, true);
}

void virtio_push(struct virtio *virtio, unsigned queue, const struct virtio_chain *chain,
                 uint32_t written)
{
    bool interrupt = false;
    if (virtqueue_push(&virtio->state.queues[queue], virtio->wiring.memory, negotiated(virtio),
                       chain->head, written, &interrupt))
        virtio_fail(virtio);
    else if (interrupt)
        interrupts_set(virtio, virtio->state.interrupts | INTERRUPT_USED);
}
