/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Modern virtio-mmio: block and entropy devices, in any of the 8 slots.
 * Virtio 1.1, 2.6, 4.2, 5.2, 5.4. The disk must be writable and have at least 64 sectors; its
 * contents change.
 */
#include "runtime.h"

#define SLOT(n) (VIRTIO_BASE + 0x1000UL * (n))

enum reg {
    MAGIC = 0x000,
    VERSION = 0x004,
    DEVICE_ID = 0x008,
    VENDOR_ID = 0x00c,
    DEVICE_FEATURES = 0x010,
    DEVICE_FEATURES_SEL = 0x014,
    DRIVER_FEATURES = 0x020,
    DRIVER_FEATURES_SEL = 0x024,
    QUEUE_SEL = 0x030,
    QUEUE_NUM_MAX = 0x034,
    QUEUE_NUM = 0x038,
    QUEUE_READY = 0x044,
    QUEUE_NOTIFY = 0x050,
    INTERRUPT_STATUS = 0x060,
    INTERRUPT_ACK = 0x064,
    STATUS = 0x070,
    QUEUE_DESC = 0x080,
    QUEUE_DRIVER = 0x090,
    QUEUE_DEVICE = 0x0a0,
    CONFIG = 0x100,
};

#define STATUS_ACKNOWLEDGE 1
#define STATUS_DRIVER      2
#define STATUS_DRIVER_OK   4
#define STATUS_FEATURES_OK 8

#define ID_BLOCK   2
#define ID_ENTROPY 4

#define F_VERSION_1 BIT(32)
#define F_BLK_RO    BIT(5)
#define F_BLK_FLUSH BIT(9)

#define DESC_NEXT  1
#define DESC_WRITE 2

#define BLK_IN          0
#define BLK_OUT         1
#define BLK_FLUSH       4
#define BLK_GET_ID      8
#define BLK_OK          0
#define BLK_IOERR       1
#define BLK_UNSUPPORTED 2

#define QUEUE_SIZE 8
#define SECTOR     512

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};

static struct {
    struct descriptor descriptors[QUEUE_SIZE];
    struct {
        volatile uint16_t flags, index, ring[QUEUE_SIZE], used_event;
    } available;
    uint8_t pad[2048];
    struct {
        volatile uint16_t flags, index;
        struct {
            volatile uint32_t id, length;
        } ring[QUEUE_SIZE];
        volatile uint16_t available_event;
    } used __attribute__((aligned(4)));
} queue __attribute__((aligned(4096)));

static struct {
    uint32_t type, reserved;
    uint64_t sector;
} header;
static volatile uint8_t request_status;
static uint8_t data[8 * SECTOR] __attribute__((aligned(16)));
static uint8_t expected[8 * SECTOR];
static unsigned slot;

static uint32_t get(unsigned reg)
{
    return read32(SLOT(slot) + reg);
}

static void put(unsigned reg, uint32_t value)
{
    write32(SLOT(slot) + reg, value);
}

static uint64_t device_features(void)
{
    put(DEVICE_FEATURES_SEL, 1);
    uint64_t high = get(DEVICE_FEATURES);
    put(DEVICE_FEATURES_SEL, 0);
    return high << 32 | get(DEVICE_FEATURES);
}

static void driver_features(uint64_t features)
{
    put(DRIVER_FEATURES_SEL, 1);
    put(DRIVER_FEATURES, (uint32_t)(features >> 32));
    put(DRIVER_FEATURES_SEL, 0);
    put(DRIVER_FEATURES, (uint32_t)features);
}

static bool find(uint32_t id)
{
    for (slot = 0; slot < 8; slot++)
        if (get(MAGIC) == 0x74726976 && get(DEVICE_ID) == id)
            return true;
    return false;
}

static void put_address(unsigned reg, const volatile void *memory)
{
    put(reg, (uint32_t)(uintptr_t)memory);
    put(reg + 4, (uint32_t)((uintptr_t)memory >> 32));
}

/* Resets the device and brings it to DRIVER_OK with one queue; false if it refuses. */
static bool set_up(uint64_t features)
{
    put(STATUS, 0);
    for (unsigned i = 0; get(STATUS) && i < 100000; i++)
        ;
    put(STATUS, STATUS_ACKNOWLEDGE);
    put(STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
    driver_features(features);
    put(STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
    if (!(get(STATUS) & STATUS_FEATURES_OK))
        return false;
    fill(&queue, 0, sizeof(queue));
    put(QUEUE_SEL, 0);
    if (get(QUEUE_READY) || get(QUEUE_NUM_MAX) < QUEUE_SIZE)
        return false;
    put(QUEUE_NUM, QUEUE_SIZE);
    put_address(QUEUE_DESC, queue.descriptors);
    put_address(QUEUE_DRIVER, &queue.available);
    put_address(QUEUE_DEVICE, &queue.used);
    put(QUEUE_READY, 1);
    put(STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
    return get(QUEUE_READY) == 1;
}

static void describe(unsigned n, const volatile void *memory, uint32_t length, uint16_t flags)
{
    queue.descriptors[n] = (struct descriptor){(uintptr_t)memory, length, flags, (uint16_t)(n + 1)};
}

static void offer(uint16_t head)
{
    queue.available.ring[queue.available.index % QUEUE_SIZE] = head;
    fence();
    queue.available.index = queue.available.index + 1;
    fence();
}

/* Waits for the used ring to reach the available one; false after 5 s. */
static bool wait_used(void)
{
    for (uint64_t end = csr_read(time) + 50000000; csr_read(time) < end;) {
        fence();
        if (queue.used.index == queue.available.index)
            return true;
    }
    return false;
}

static uint32_t used_length(void)
{
    return queue.used.ring[(uint16_t)(queue.used.index - 1) % QUEUE_SIZE].length;
}

/* One block request; its status, or 0xff if it never ends. */
static uint8_t block(uint32_t type, uint64_t sector, void *memory, uint32_t length,
                     bool device_writes)
{
    header.type = type;
    header.reserved = 0;
    header.sector = sector;
    request_status = 0xee;
    unsigned n = 0;
    describe(n++, &header, sizeof(header), DESC_NEXT);
    if (length)
        describe(n++, memory, length, DESC_NEXT | (device_writes ? DESC_WRITE : 0));
    describe(n, &request_status, 1, DESC_WRITE);
    offer(0);
    put(QUEUE_NOTIFY, 0);
    if (!wait_used())
        return 0xff;
    put(INTERRUPT_ACK, get(INTERRUPT_STATUS));
    return request_status;
}

static bool equal(const uint8_t *a, const uint8_t *b, size_t size)
{
    while (size--)
        if (*a++ != *b++)
            return false;
    return true;
}

static void test_identity(void)
{
    check_equal("version 2", get(VERSION), 2);
    check("vendor", get(VENDOR_ID) != 0);
    put(STATUS, 0);
    check_equal("reset: status 0", get(STATUS), 0);
    check_equal("reset: queue not ready", get(QUEUE_READY), 0);
    check("offers VIRTIO_F_VERSION_1", device_features() & F_VERSION_1);
    put(QUEUE_SEL, 5);
    check_equal("queue 5 does not exist", get(QUEUE_NUM_MAX), 0);
    put(QUEUE_SEL, 0);
    check("queue 0 does", get(QUEUE_NUM_MAX) >= QUEUE_SIZE);
    /* The device must not accept a feature that it did not offer; QEMU takes the others silently.
     */
    uint64_t unknown = BIT(50) & ~device_features();
    check_deviating("refuses a feature that it did not offer", !set_up(F_VERSION_1 | unknown),
                    true);
    check("set up", set_up(F_VERSION_1));
    check_equal("status", get(STATUS), 15);
}

/* --- block --- */

static uint64_t disk_sectors(void)
{
    return (uint64_t)get(CONFIG + 4) << 32 | get(CONFIG);
}

static void pattern(uint8_t *memory, size_t size, unsigned seed)
{
    for (size_t i = 0; i < size; i++)
        memory[i] = (uint8_t)(i * 31 + (i >> 8) * 7 + seed);
}

static void test_block(void)
{
    set_group("block");
    if (!find(ID_BLOCK)) {
        skip("no virtio-blk device");
        return;
    }
    if (get(VERSION) == 1) {
        skip("the device is a legacy one");
        return;
    }
    test_identity();
    uint64_t sectors = disk_sectors(), offered = device_features();
    check("capacity of 64 sectors or more", sectors >= 64);
    check("writable", !(offered & F_BLK_RO));
    check("can flush", offered & F_BLK_FLUSH);
    check("set up with flush", set_up(F_VERSION_1 | (offered & F_BLK_FLUSH)));

    pattern(data, SECTOR, 1);
    check_equal("write one sector", block(BLK_OUT, 3, data, SECTOR, false), BLK_OK);
    check_equal("used length of a write", used_length(), 1);
    fill(data, 0, SECTOR);
    check_equal("read it", block(BLK_IN, 3, data, SECTOR, true), BLK_OK);
    check_equal("used length of a read", used_length(), SECTOR + 1);
    pattern(expected, SECTOR, 1);
    check("same data", equal(data, expected, SECTOR));

    pattern(data, 8 * SECTOR, 9);
    check_equal("write 8 sectors", block(BLK_OUT, 10, data, 8 * SECTOR, false), BLK_OK);
    pattern(expected, 8 * SECTOR, 9);
    bool ok = true;
    for (unsigned i = 8; i--;) {
        fill(data, 0xcc, SECTOR);
        ok = ok && block(BLK_IN, 10 + i, data, SECTOR, true) == BLK_OK &&
             equal(data, expected + SECTOR * i, SECTOR);
    }
    check("read one by one, last first", ok);
    check_equal("flush", block(BLK_FLUSH, 0, 0, 0, false), BLK_OK);
    check_equal("sector 3 is still there", block(BLK_IN, 3, data, SECTOR, true), BLK_OK);
    pattern(expected, SECTOR, 1);
    check("with its data", equal(data, expected, SECTOR));

    fill(data, 0, 32);
    check_equal("get id", block(BLK_GET_ID, 0, data, 20, true), BLK_OK);
    bool printable = true;
    for (unsigned i = 0; i < 20 && data[i]; i++)
        printable = printable && data[i] >= ' ' && data[i] < 127;
    check("id is text", printable);

    check_equal("last sector", block(BLK_IN, sectors - 1, data, SECTOR, true), BLK_OK);
    check_equal("read beyond the end", block(BLK_IN, sectors, data, SECTOR, true), BLK_IOERR);
    check_equal("write beyond the end", block(BLK_OUT, sectors, data, SECTOR, false), BLK_IOERR);
    check_equal("read over the end", block(BLK_IN, sectors - 1, data, 2 * SECTOR, true), BLK_IOERR);
    check_equal("sector 2^63", block(BLK_IN, 1UL << 63, data, SECTOR, true), BLK_IOERR);
    check_equal("unknown request", block(77, 0, data, SECTOR, true), BLK_UNSUPPORTED);

    /* Data in three pieces, header in two descriptors' worth of other places. */
    pattern(data, 2 * SECTOR, 40);
    header.type = BLK_OUT;
    header.sector = 30;
    request_status = 0xee;
    describe(0, &header, sizeof(header), DESC_NEXT);
    describe(1, data, 100, DESC_NEXT);
    describe(2, data + 100, 924 - 400, DESC_NEXT);
    describe(3, data + 624, 400, DESC_NEXT);
    describe(4, &request_status, 1, DESC_WRITE);
    offer(0);
    put(QUEUE_NOTIFY, 0);
    check("write in pieces", wait_used() && request_status == BLK_OK);
    fill(data, 0, sizeof(data));
    block(BLK_IN, 30, data, 2 * SECTOR, true);
    pattern(expected, 2 * SECTOR, 40);
    check("read back", equal(data, expected, 2 * SECTOR));

    /* Two requests with one notification. */
    static struct {
        uint32_t type, reserved;
        uint64_t sector;
    } headers[2] = {{BLK_IN, 0, 30}, {BLK_IN, 0, 31}};
    static volatile uint8_t statuses[2] = {0xee, 0xee};
    for (unsigned i = 0; i < 2; i++) {
        describe(3 * i, &headers[i], 16, DESC_NEXT);
        describe(3 * i + 1, data + 2048 + SECTOR * i, SECTOR, DESC_NEXT | DESC_WRITE);
        describe(3 * i + 2, &statuses[i], 1, DESC_WRITE);
        offer((uint16_t)(3 * i));
    }
    put(QUEUE_NOTIFY, 0);
    check("two at once", wait_used() && statuses[0] == BLK_OK && statuses[1] == BLK_OK &&
                             equal(data + 2048, expected, 2 * SECTOR));

    ok = true;
    for (unsigned i = 0; i < 200; i++) {
        pattern(data, SECTOR, i);
        ok = ok && block(BLK_OUT, i % 16 + 40, data, SECTOR, false) == BLK_OK;
    }
    for (unsigned i = 184; i < 200; i++) {
        pattern(expected, SECTOR, i);
        ok = ok && block(BLK_IN, i % 16 + 40, data, SECTOR, true) == BLK_OK &&
             equal(data, expected, SECTOR);
    }
    check("200 writes around the ring", ok);
}

/* data: [0] count, [1] claimed, [2] InterruptStatus */
static bool on_external(struct hart *hart)
{
    if (hart->frame.cause != (INTERRUPT | IRQ_MEI))
        return false;
    hart->data[0] = hart->data[0] + 1;
    hart->data[1] = read32(PLIC_BASE + 0x200004);
    hart->data[2] = get(INTERRUPT_STATUS);
    put(INTERRUPT_ACK, (uint32_t)hart->data[2]);
    write32(PLIC_BASE + 0x200004, (uint32_t)hart->data[1]);
    return true;
}

/* Sends what is in the queue and waits for the interrupt. */
static void check_interrupt(void)
{
    struct hart *hart = this_hart();
    unsigned irq = VIRTIO_IRQ + slot;

    put(INTERRUPT_ACK, get(INTERRUPT_STATUS));
    check_equal("interrupt status clear", get(INTERRUPT_STATUS), 0);
    hart->hook = on_external;
    hart->data[0] = 0;
    /* Requests before left one pending: claim it first. */
    write32(PLIC_BASE + 4UL * irq, 1);
    write32(PLIC_BASE + 0x2000, 1U << irq);
    write32(PLIC_BASE + 0x200000, 0);
    for (uint32_t claimed; (claimed = read32(PLIC_BASE + 0x200004));)
        write32(PLIC_BASE + 0x200004, claimed);
    csr_write(mie, BIT(IRQ_MEI));
    csr_set(mstatus, STATUS_MIE);
    put(QUEUE_NOTIFY, 0);
    sleep_until(hart->data[0]);
    csr_clear(mstatus, STATUS_MIE);
    csr_write(mie, 0);
    hart->hook = 0;
    write32(PLIC_BASE + 0x2000, 0);
    check_equal("interrupt of its slot", hart->data[1], irq);
    check_equal("says used buffer", hart->data[2], 1);
    check_equal("acknowledged", get(INTERRUPT_STATUS), 0);
    check_equal("once", hart->data[0], 1);
    check("queue is done", queue.used.index == queue.available.index);
}

static void test_block_interrupt(void)
{
    set_group("block interrupt");
    if (!find(ID_BLOCK) || get(VERSION) == 1 || !set_up(F_VERSION_1)) {
        skip("no virtio-blk device");
        return;
    }
    header.type = BLK_IN;
    header.sector = 30;
    request_status = 0xee;
    describe(0, &header, sizeof(header), DESC_NEXT);
    describe(1, data, SECTOR, DESC_NEXT | DESC_WRITE);
    describe(2, &request_status, 1, DESC_WRITE);
    offer(0);
    check_interrupt();
    check_equal("request status", request_status, BLK_OK);

    /* A driver may ask for silence. */
    queue.available.flags = 1;
    request_status = 0xee;
    offer(0);
    put(QUEUE_NOTIFY, 0);
    check("no interrupt if not wanted",
          wait_used() && request_status == BLK_OK && get(INTERRUPT_STATUS) == 0);
    put(STATUS, 0);
    check("reset: queue not ready", get(STATUS) == 0 && get(QUEUE_READY) == 0);
}

static void test_entropy(void)
{
    set_group("entropy");
    if (!find(ID_ENTROPY)) {
        skip("no virtio-rng device");
        return;
    }
    if (get(VERSION) == 1) {
        skip("the device is a legacy one");
        return;
    }
    test_identity();
    fill(data, 0, sizeof(data));
    describe(0, data, 64, DESC_WRITE);
    offer(0);
    check_interrupt();
    uint32_t length = used_length();
    unsigned zeros = 0;
    for (unsigned i = 0; i < length && i < 64; i++)
        zeros += !data[i];
    check("gives 1 to 64 bytes", length >= 1 && length <= 64);
    check("not all of them zero", zeros < length);
    bool clean = true;
    for (unsigned i = 64; i < 128; i++)
        clean = clean && !data[i];
    check("writes no more than asked for", clean);
    copy(expected, data, 64);
    describe(0, data, 64, DESC_WRITE);
    offer(0);
    put(QUEUE_NOTIFY, 0);
    check("a second time", wait_used());
    check("other bytes", !equal(data, expected, 64));
}

void guest_main(void)
{
    check_equal("slot 0 has the magic value", read32(SLOT(0)), 0x74726976);
    test_block();
    test_block_interrupt();
    test_entropy();
    set_group("");
}
