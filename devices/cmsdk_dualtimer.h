/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_CMSDK_DUALTIMER_H
#define IASO_DEVICES_CMSDK_DUALTIMER_H

#include "devices/device.h"

/*
 * The APB dual timer of Arm's Cortex-M System Design Kit (DDI 0479D, section 4.2), in other places
 * known as SP804: two timers 0x20 bytes apart, clocked by the core's clock, on one interrupt line;
 * words only.
 *
 *   0x00 LOAD     sets the count as well
 *   0x04 VALUE    counts down
 *   0x08 CONTROL  0 one-shot, 1 32 bits, 2 and 3 ticks a count (1, 16, 256), 5 interrupt enable,
 *                 6 periodic (from LOAD; else from all ones), 7 enable
 *   0x0c INTCLR   any write clears
 *   0x10 RIS      0x14 MIS
 *   0x18 BGLOAD   LOAD without setting the count
 *   0xfd0 to 0xffc identification
 *
 * With 16 bits, the upper half of LOAD and VALUE reads 0. Integration test registers are not there.
 */
struct device *cmsdk_dualtimer_new(struct clock *clock, const struct irq_line *irq);

#endif
