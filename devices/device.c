/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "devices/device.h"

#include <stdlib.h>
#include <string.h>

void *device_new(size_t size, const struct device_ops *ops, size_t state_offset, size_t state_size)
{
    struct device *device = calloc(1, size);
    if (!device)
        return NULL;
    device->ops = ops;
    device->state = (char *)device + state_offset;
    device->state_size = state_size;
    return device;
}

void device_reset(struct device *device)
{
    memset(device->state, 0, device->state_size);
    if (device->ops->reset)
        device->ops->reset(device);
}

void device_free(struct device *device)
{
    if (!device)
        return;
    if (device->ops->free)
        device->ops->free(device);
    free(device);
}
