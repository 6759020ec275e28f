/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_VIRT_H
#define IASO_SIM_VIRT_H

#include "sim/machine.h"

/* Whether the board can be built as configured: its windows are free, its slots suffice, there is
 * RAM to boot from. The message names the JSON path, not the file. */
int virt_check(const struct config *config, struct error *err);

/* Puts the devices and harts of board `virt` into a machine whose memory regions are in place. */
int virt_assemble(struct machine *machine, struct error *err);

#endif
