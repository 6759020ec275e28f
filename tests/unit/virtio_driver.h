/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_TESTS_UNIT_VIRTIO_DRIVER_H
#define IASO_TESTS_UNIT_VIRTIO_DRIVER_H

#include <criterion/criterion.h>

#include "devices/virtio_mmio.h"
#include "tests/unit/devices.h"

/* A driver of one virtqueue in 1 MiB of guest memory, for tests: it can do what a real one does,
 * and what none should. */

#define RAM      UINT64_C(0x80000000)
#define RAM_SIZE UINT64_C(0x100000)

#define DESC  RAM /* the layout of a legacy queue of 8 entries, page size 4096 */
#define AVAIL (RAM + 0x80)
#define USED  (RAM + 0x1000)
#define TABLE (RAM + 0x2000) /* for indirect descriptors */
#define DATA  (RAM + 0x10000)

#define QUEUE_SIZE 8

#define NEXT     1
#define WRITE    2
#define INDIRECT 4

#define STATUS      0x070
#define INTERRUPT   0x060
#define NEEDS_RESET 0x40

#define F_INDIRECT  (UINT64_C(1) << 28)
#define F_EVENT_IDX (UINT64_C(1) << 29)
#define F_VERSION_1 (UINT64_C(1) << 32)

static inline struct memory *driver_memory(void)
{
    struct memory *mem = memory_new(12);
    cr_assert_not_null(mem);
    cr_assert_eq(memory_add(mem, "ram", RAM, RAM_SIZE, REGION_RAM, false, NULL), 0);
    return mem;
}

static inline void store(struct memory *mem, uint64_t gpa, uint64_t value, unsigned size)
{
    cr_assert_eq(memory_load(mem, gpa, &value, size), 0);
}

static inline uint64_t load(const struct memory *mem, uint64_t gpa, unsigned size)
{
    uint64_t value = 0;
    cr_assert_eq(memory_read(mem, gpa, &value, size), 0);
    return value;
}

/* Entry `index` of a table of descriptors at `table`. */
static inline void desc(struct memory *mem, uint64_t table, unsigned index, uint64_t address,
                        uint32_t length, unsigned flags, unsigned next)
{
    uint64_t at = table + 16 * index;
    store(mem, at, address, 8);
    store(mem, at + 8, length, 4);
    store(mem, at + 12, flags, 2);
    store(mem, at + 14, next, 2);
}

/* Puts a chain into the available ring. */
static inline void offer(struct memory *mem, unsigned head)
{
    uint16_t index = (uint16_t)load(mem, AVAIL + 2, 2);
    store(mem, AVAIL + 4 + 2 * (index % QUEUE_SIZE), head, 2);
    store(mem, AVAIL + 2, (uint16_t)(index + 1), 2);
}

static inline unsigned used_count(const struct memory *mem)
{
    return (unsigned)load(mem, USED + 2, 2);
}

static inline uint32_t used_length(const struct memory *mem, unsigned index)
{
    return (uint32_t)load(mem, USED + 4 + 8 * (index % QUEUE_SIZE) + 4, 4);
}

static inline void notify(struct device *device)
{
    put32(device, 0x050, 0);
}

/* Initialises the device up to DRIVER_OK, with queue 0 at the addresses above. */
static inline void driver_start(struct device *device, uint64_t features)
{
    bool legacy = get32(device, 0x004) == 1;
    put32(device, STATUS, 0);
    put32(device, STATUS, 1);
    put32(device, STATUS, 3);
    for (unsigned sel = 0; sel < 2; sel++) {
        put32(device, 0x024, sel);
        put32(device, 0x020, features >> 32 * sel);
    }
    if (!legacy)
        put32(device, STATUS, 0x0b);
    put32(device, 0x030, 0);
    put32(device, 0x038, QUEUE_SIZE);
    if (legacy) {
        put32(device, 0x028, 4096);
        put32(device, 0x03c, 4096);
        put32(device, 0x040, DESC / 4096);
    } else {
        const uint64_t rings[] = {DESC, AVAIL, USED};
        for (unsigned i = 0; i < 3; i++) {
            put32(device, 0x080 + 0x10 * i, rings[i] & 0xffffffff);
            put32(device, 0x084 + 0x10 * i, rings[i] >> 32);
        }
        put32(device, 0x044, 1);
    }
    put32(device, STATUS, legacy ? 0x07 : 0x0f);
}

#endif
