/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_SWEEP_EXPLORE_H
#define IASO_SIM_SWEEP_EXPLORE_H

#include "sim/campaign/sweep_run.h"

/*
 * A crash state of the first life, and, if the config wants deeper ones, some of those that the
 * lives behind it go through: each is run to its end and judged. States that the golden run has, or
 * that a sibling has, are left out.
 */
struct sweep_found {
    struct sweep_path path;
    struct sweep_verdict verdict;
};

struct sweep_tree {
    uint64_t runs[CONFIG_MAX_DEPTH]; /* that were judged, by depth */
    struct sweep_found *failures;
    size_t failure_count, room;
};

int sweep_explore(struct sweep_run *run, const struct sweep_point *point, struct sweep_tree *tree,
                  struct error *err);

void sweep_tree_free(struct sweep_tree *tree);

#endif
