/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_BOOT_H
#define IASO_SIM_BOOT_H

#include "mem/load.h"
#include "sim/config.h"

/* Where the images of a RISC-V machine go and what its reset code does. Addresses are
 * guest-physical. */
struct boot_plan {
    uint64_t ram_base, ram_size;           /* the region that holds kernel and device tree */
    struct image kernel, firmware, initrd; /* start == end: none */
    uint64_t devicetree;                   /* where the blob goes */
};

/* The file that a firmware name stands for: "opensbi" is the packaged OpenSBI, fetched with the
 * guests or installed on the host; everything else is a file name. NULL if it is nowhere. */
const char *boot_firmware_file(const char *name);

/* Loads every image of the config into memory, the device tree and the reset code included, and
 * says where in *plan. Can be called again for a reboot. */
int boot_load(const struct config *config, struct memory *mem, struct boot_plan *plan,
              struct error *err);

/* The device tree of the machine, for the plan of a machine that was loaded or with no images at
 * all (plan NULL). malloc'ed. */
int boot_devicetree(const struct config *config, const struct boot_plan *plan, void **blob,
                    size_t *size, struct error *err);

#endif
