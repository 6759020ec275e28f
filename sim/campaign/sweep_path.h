/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_SWEEP_PATH_H
#define IASO_SIM_SWEEP_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "power/nvm.h"
#include "sim/config.h"

/* A power cut in a sweep: behind the nth NVM write of its life, from 1. */
struct sweep_cut {
    uint64_t write;
    struct nvm_variant variant;
};

/*
 * The cuts that lead to a crash state, one a life: its name. As text "77.5" is the 5th write of the
 * life after the cut at the 77th of the first. Behind a number stands the variant: "t2" (torn: the
 * mask of units that are new), "l" or "k" (all dirty lines are lost, or kept), "r9" (a random
 * subset with that seed). As a key the numbers are padded, so that keys sort as paths do.
 */
struct sweep_path {
    struct sweep_cut cuts[CONFIG_MAX_DEPTH];
    unsigned count;
};

#define SWEEP_PATH_SIZE 120

void sweep_path_format(const struct sweep_path *path, char text[SWEEP_PATH_SIZE]);
void sweep_path_key(const struct sweep_path *path, char key[SWEEP_PATH_SIZE]);

/* Either form; false if it is none. */
bool sweep_path_parse(struct sweep_path *path, const char *text);

#endif
