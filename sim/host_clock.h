/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_HOST_CLOCK_H
#define IASO_SIM_HOST_CLOCK_H

#include <stdint.h>

/* The host's time in ns, from no particular moment, never going back. For what people see while it
 * happens, and for when a campaign commits; nothing of it reaches the guest or a report. */
uint64_t host_clock_ns(void);

#endif
