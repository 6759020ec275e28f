/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_POWER_VCD_H
#define IASO_SIM_POWER_VCD_H

#include <stdio.h>

#include "sim/machine.h"

/*
 * The lives of a machine as signals, for waveform viewers: a value change dump (IEEE 1364-2001,
 * section 18) in nanoseconds of virtual time. Module `power` has `on`, the number of the `life`,
 * the events `cut` and `brown_out`, `progress` (entries of functions in power.progress, known at
 * each life's end) and, with a supply, its voltage. After the run; the machine must have lives.
 * Whoever owns the file finds out whether all could be written.
 */
void power_vcd_write(const struct machine *machine, FILE *out);

#endif
