/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/board.h"

const struct board *board_of(const struct config *config)
{
    return config->machine.cpu == CPU_RV64GC ? &board_virt : &board_mcu;
}

int board_put(struct machine *machine, struct device *device, const char *name, uint64_t base,
              uint64_t size, struct error *err)
{
    if (!device)
        return error_set(err, "out of memory");
    if (machine->device_count == MACHINE_MAX_DEVICES) {
        device_free(device);
        return error_set(err, "too many devices");
    }
    machine->devices[machine->device_count++] = device;
    return memory_add_device(machine->mem, name, base, size, &device->ops->mmio, device, err);
}
