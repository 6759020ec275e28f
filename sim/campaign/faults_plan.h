/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_FAULTS_PLAN_H
#define IASO_SIM_FAULTS_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "sim/config.h"
#include "sim/faults.h"
#include "sim/machine.h"

/* What a fault campaign is going to do: it follows from the config alone. */
struct fault_plan {
    /* Of the run without a fault, in instructions. */
    uint64_t from, until; /* faults strike at from <= position < until */
    uint64_t end;
    uint64_t stuck; /* no guest that lives goes so long without a sign of progress */

    uint64_t places;      /* instructions of the kernel that were executed inside domains then */
    struct fault *faults; /* in the order in which they strike; owned */
    char **options;       /* ... of `iaso inject` to inject them alone; owned */
    size_t count;
};

/*
 * Runs the machine with recovery and without a fault twice: once to see what it executes and that
 * all is well, and once to see when. `tick` is as of machine_go(). Names what is wrong by the
 * config's path of keys.
 */
int fault_plan_make(struct fault_plan *plan, const struct config *config, machine_tick_fn tick,
                    void *opaque, struct error *err);
void fault_plan_free(struct fault_plan *plan);

/* As a text, and back; the text is malloc'ed, NULL when out of memory. */
char *fault_plan_print(const struct fault_plan *plan);
int fault_plan_parse(struct fault_plan *plan, const char *text, struct error *err);

#endif
