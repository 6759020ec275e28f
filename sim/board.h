/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_BOARD_H
#define IASO_SIM_BOARD_H

#include "sim/config.h"
#include "sim/machine.h"

/*
 * What differs between kinds of machines: how a config's board becomes harts and devices, and how
 * it starts. One `const struct board` for each kind of CPU; which devices there are is data.
 */
struct board {
    /* Is the config one that this board can be? For `iaso check`, before anything is built. */
    int (*check)(const struct config *config, struct error *err);
    /* Adds devices and harts to a machine that has its memory. */
    int (*assemble)(struct machine *machine, struct error *err);
    /* Loads the images, at power-on and, unless memory keeps them, at each reboot. */
    int (*load)(struct machine *machine, struct error *err);
    bool keeps_memory; /* in a reboot that the guest asks for */
};

extern const struct board board_virt; /* RV64GC, QEMU's virt */
extern const struct board board_mcu;  /* Cortex-M */

const struct board *board_of(const struct config *config);

/* Puts a device on the bus under a name; the machine owns it from now on, and resets it. NULL
 * stands for one that there was no memory for. */
int board_put(struct machine *machine, struct device *device, const char *name, uint64_t base,
              uint64_t size, struct error *err);

#endif
