/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "devices/test_finisher.h"

#define PASS  0x5555
#define FAIL  0x3333
#define RESET 0x7777

struct test_finisher {
    struct device device;
    void (*finished)(void *opaque, enum finish how, unsigned code);
    void *opaque;
};

static uint64_t finisher_read(void *opaque, uint64_t offset, unsigned size)
{
    (void)opaque, (void)offset, (void)size;
    return 0;
}

static void finisher_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    const struct test_finisher *finisher = opaque;
    if (offset != 0 || size < 2)
        return;
    switch (value & 0xffff) {
    case PASS:
        finisher->finished(finisher->opaque, FINISH_PASS, 0);
        break;
    case FAIL:
        finisher->finished(finisher->opaque, FINISH_FAIL, value >> 16 & 0xffff);
        break;
    case RESET:
        finisher->finished(finisher->opaque, FINISH_RESET, 0);
        break;
    }
}

static const struct device_ops finisher_ops = {
    .name = "test",
    .mmio = {finisher_read, finisher_write},
};

struct device *test_finisher_new(void (*finished)(void *opaque, enum finish how, unsigned code),
                                 void *opaque)
{
    struct test_finisher *finisher = device_new(sizeof *finisher, &finisher_ops, 0, 0);
    if (!finisher)
        return NULL;
    finisher->finished = finished;
    finisher->opaque = opaque;
    return &finisher->device;
}
