/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_MPS2_FPGAIO_H
#define IASO_DEVICES_MPS2_FPGAIO_H

#include "devices/device.h"

/*
 * FPGAIO of Arm's MPS2 boards (application note DAI 0385, section 4.6); words only.
 *
 *   0x00 LED0      two LEDs: holds what is written     0x08 BUTTON  0
 *   0x10 CLK1HZ    0x14 CLK100HZ   count up with virtual time
 *   0x18 COUNTER   counts up each time that PSCNTR has passed 0
 *   0x1c PRESCALE  0x20 PSCNTR     counts down from PRESCALE with the core's clock
 *   0x4c MISC      holds what is written
 */
struct device *mps2_fpgaio_new(struct clock *clock);

#endif
