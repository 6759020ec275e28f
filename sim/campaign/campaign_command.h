/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_CAMPAIGN_COMMAND_H
#define IASO_SIM_CAMPAIGN_COMMAND_H

#include "sim/options.h"

/* `iaso campaign merge` and `iaso campaign show`: print and return an exit code. */
int campaign_command_merge(const struct options *options);
int campaign_command_show(const struct options *options);

#endif
