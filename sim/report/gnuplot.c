/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/report/gnuplot.h"

#include <stdio.h>

#include "sim/program.h"

int gnuplot_run(const char *folder, const char *script, const char *picture, unsigned seconds,
                struct error *err)
{
    /* The same pictures everywhere: without the user's own settings. */
    char name[] = "gnuplot", settings[] = "--default-settings", execute[] = "-e", assign[128];
    snprintf(assign, sizeof assign, "picture = '%s'", picture ? picture : "");
    char *const with[] = {name, settings, execute, assign, (char *)script, NULL};
    char *const without[] = {name, settings, (char *)script, NULL};
    return program_run(folder, picture ? with : without, "gnuplot-nox", script, seconds, err);
}
