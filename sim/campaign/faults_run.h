/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_FAULTS_RUN_H
#define IASO_SIM_FAULTS_RUN_H

#include "sim/campaign/campaign.h"
#include "sim/campaign/faults_plan.h"
#include "sim/campaign/faults_rig.h"
#include "sim/golden.h"

/* One round of a fault campaign: a machine, with recovery or without, that stands where the first
 * fault may strike, and from where workers branch off. */
struct fault_runner {
    const struct fault_plan *plan;
    struct rig rig;
    struct golden *golden;
    unsigned reboots; /* of the guest until then */
    char detail[400]; /* of the last result */
};

/* Plan and the config's strings must outlive it. On failure nothing is left. */
int fault_runner_open(struct fault_runner *runner, const struct config *config,
                      const struct fault_plan *plan, enum campaign_mode mode, machine_tick_fn tick,
                      void *opaque, struct error *err);
void fault_runner_close(struct fault_runner *runner);

/* A campaign_run_fn: `opaque` is the runner, the item's data is a struct fault. The outcome is an
 * outcome_name(). */
enum campaign_ran fault_runner_run(void *opaque, const struct campaign_item *item,
                                   struct campaign_result *result, struct error *err);

#endif
