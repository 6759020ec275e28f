/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_GNUPLOT_H
#define IASO_SIM_GNUPLOT_H

#include "mem/error.h"

/* Runs gnuplot on a script, in the folder where that is. `picture`: how the picture is to be
 * called; NULL: as the script says. Returns 1 if gnuplot failed or was killed after so many
 * seconds, -1 if it cannot be run. */
int gnuplot_run(const char *folder, const char *script, const char *picture, unsigned seconds,
                struct error *err);

#endif
