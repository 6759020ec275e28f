/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_MPS2_SCC_H
#define IASO_DEVICES_MPS2_SCC_H

#include "devices/device.h"

/*
 * Serial configuration controller of Arm's MPS2 boards (technical reference manual 100112, section
 * 4.4); words only.
 *
 *   0x00 CFG0  0x04 CFG1 (LEDs): hold what is written
 *   0x10 CFG4  the board's revision
 *   0xa0 CFGDATA_RTN  0xa4 CFGDATA_OUT  0xa8 CFGCTRL  0xac CFGSTAT: the oscillators' frequencies,
 *              which can be read and set, in Hz, without any effect
 *   0x100 DLL  always locked
 *   0xff8 AID  0xffc ID (of the FPGA image)
 */
struct device *mps2_scc_new(uint32_t id);

#endif
