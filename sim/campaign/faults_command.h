/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_FAULTS_COMMAND_H
#define IASO_SIM_FAULTS_COMMAND_H

#include "sim/config.h"
#include "sim/options.h"

/* `iaso inject CONFIG --campaign N`: prints and returns an exit code. */
int faults_command(const struct options *options, const struct config *config);

/* What a fault campaign must find in the config. */
int faults_check(const struct config *config, struct error *err);

#endif
