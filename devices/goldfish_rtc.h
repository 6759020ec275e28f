/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_GOLDFISH_RTC_H
#define IASO_DEVICES_GOLDFISH_RTC_H

#include "devices/device.h"

/*
 * Goldfish real-time clock ("google,goldfish-rtc"): nanoseconds since 1970, in 4-byte registers;
 * other accesses read 0 and are dropped.
 *
 *   0x00 TIME_LOW         reading it latches TIME_HIGH; writing either half sets the clock
 *   0x04 TIME_HIGH
 *   0x08 ALARM_LOW        writing it arms the alarm (write ALARM_HIGH first)
 *   0x0c ALARM_HIGH
 *   0x10 IRQ_ENABLED      bit 0
 *   0x14 CLEAR_ALARM      any write disarms
 *   0x18 ALARM_STATUS     1 while armed
 *   0x1c CLEAR_INTERRUPT  any write lowers the interrupt
 *
 * The time is the epoch of the config plus virtual time, never the host's clock. Setting it lasts
 * until the next reset. An alarm in the past goes off at once.
 */
struct device *goldfish_rtc_new(struct clock *clock, uint64_t epoch_ns, const struct irq_line *irq);

#endif
