/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_VIRT_H
#define IASO_SIM_VIRT_H

#include "sim/machine.h"

/* Puts the devices and harts of board `virt` into a machine whose memory regions are in place. */
int virt_assemble(struct machine *machine, struct error *err);

#endif
