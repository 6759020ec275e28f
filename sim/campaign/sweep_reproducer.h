/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_SWEEP_REPRODUCER_H
#define IASO_SIM_SWEEP_REPRODUCER_H

#include "sim/campaign/sweep_run.h"
#include "sim/options.h"

/* The config of the sweep, as its file says it and --set changes it, with nothing but the path's
 * cuts, as text; it stops after `limit` instructions. malloc'ed; NULL and err on failure. */
char *sweep_reproducer(const struct sweep_run *run, const struct options *options,
                       const struct sweep_path *path, uint64_t limit, struct error *err);

/* Runs such a config as `iaso run` does: does it fail with that verdict? */
int sweep_reproducer_confirm(const char *text, const char *verdict, bool *confirmed,
                             struct error *err);

#endif
