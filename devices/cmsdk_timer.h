/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_CMSDK_TIMER_H
#define IASO_DEVICES_CMSDK_TIMER_H

#include "devices/device.h"

/*
 * The APB timer of Arm's Cortex-M System Design Kit (DDI 0479D, section 4.1), clocked by the core's
 * clock; words only.
 *
 *   0x00 CTRL       0 enable, 3 interrupt enable; 1 and 2 choose the external input, which is not
 *                   there: they hold what is written
 *   0x04 VALUE      counts down
 *   0x08 RELOAD     writing it sets VALUE as well; with 0 the timer stops at 0
 *   0x0c INTSTATUS  bit 0 (write 1: clear)
 *   0xfd0 to 0xffc  identification
 */
struct device *cmsdk_timer_new(struct clock *clock, const struct irq_line *irq);

#endif
