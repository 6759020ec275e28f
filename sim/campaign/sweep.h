/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_SWEEP_H
#define IASO_SIM_SWEEP_H

#include "sim/config.h"
#include "sim/options.h"

/* `iaso sweep`: prints and returns an exit code. Changes the config, see sweep_run_new(). */
int sweep_command(const struct options *options, struct config *config);

#endif
