/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_STELLARIS_GPTM_H
#define IASO_DEVICES_STELLARIS_GPTM_H

#include "devices/device.h"

/*
 * General-purpose timer module of Stellaris parts (LM3S6965 data sheet, chapter "General-Purpose
 * Timers"), clocked by the core's clock; words only.
 *
 *   0x00 CFG    0: one 32-bit timer (A), 4: two of 16 bits     0x28 TAILR  0x2c TBILR
 *   0x04 TAMR   0x08 TBMR: 1 one-shot, 2 periodic              0x38 TAPR   0x3c TBPR (16 bits only)
 *   0x0c CTL    0 enable A, 8 enable B                         0x48 TAR    0x4c TBR
 *   0x18 IMR    0x1c RIS  0x20 MIS  0x24 ICR: 0 A timed out, 8 B timed out
 *
 * Enabling a timer loads it; writing its interval while it runs does, too. The other modes
 * (real-time clock, capture, PWM) do not count, and the match registers and the rest of CTL hold
 * what is written.
 */
struct device *stellaris_gptm_new(struct clock *clock, const struct irq_line *irq_a,
                                  const struct irq_line *irq_b);

#endif
