/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_REPORT_COMMAND_H
#define IASO_SIM_REPORT_COMMAND_H

#include "sim/options.h"

/* `iaso report DIR`: makes anew what follows from DIR/report.json. `iaso report A B...`: compares.
 * Returns the exit code; messages are printed. */
int report_command(const struct options *options);

#endif
