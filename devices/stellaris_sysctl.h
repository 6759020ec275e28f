/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_STELLARIS_SYSCTL_H
#define IASO_DEVICES_STELLARIS_SYSCTL_H

#include "devices/device.h"

/*
 * System control of the Stellaris LM3S6965 (its data sheet, chapter "System Control"); words only.
 *
 *   0x000 DID0, DID1, DC0, 0x010 DC1 to DC4  what the part is and has
 *   0x050 RIS  0x054 IMC  0x058 MISC         bit 6, PLL lock, is raised when the PLL is powered up
 *   0x060 RCC  0x064 PLLCFG  0x070 RCC2      clock configuration
 *   0x100 RCGC0 ... 0x128 DCGC2              clock gating: holds what is written, gates nothing
 *
 * The rest holds what is written. The core's clock does not change with RCC: its frequency is the
 * machine's, and all timers count its cycles. PLLs lock at once, peripherals are not reset by SRCR.
 */
struct device *stellaris_sysctl_new(const struct irq_line *irq);

#endif
