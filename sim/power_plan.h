/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_POWER_PLAN_H
#define IASO_SIM_POWER_PLAN_H

#include "power/energy.h"
#include "power/nvm.h"
#include "power/schedule.h"
#include "power/supply.h"
#include "power/trace.h"
#include "sim/machine.h"

/*
 * What section `power` of a config says, as what power/ is made with. Errors name the place in the
 * config. A machine must have its memory and its symbols.
 */
void power_plan_supply(const struct power_policy *policy, struct supply_config *supply);
struct trace *power_plan_trace(const struct power_policy *policy, struct error *err);

struct energy *power_plan_energy(struct machine *machine, struct error *err);
struct nvm *power_plan_nvm(struct machine *machine, struct error *err);

/* The symbols of cuts at symbols, in the order of their numbers in the schedule; the caller makes
 * the hart stop there. */
struct power_stops {
    uint64_t addresses[POWER_MAX_CUTS];
    size_t count;
};
struct schedule *power_plan_schedule(struct machine *machine, struct power_stops *stops,
                                     struct error *err);

/* Loads and saves the files of ranges. */
int power_plan_load(struct machine *machine, struct nvm *nvm, struct error *err);
int power_plan_save(struct machine *machine, const struct nvm *nvm, struct error *err);

/* The symbol that the config names at `path`; NULL and err if there is none. */
const struct symbol *power_plan_symbol(const struct machine *machine, const char *path,
                                       const char *name, struct error *err);

/* The address of a function that the config names at `path`, without a Thumb bit. */
int power_plan_function(const struct machine *machine, const char *path, const char *name,
                        uint64_t *address, struct error *err);

/* The kernel's file, or NULL. */
const char *power_plan_kernel(const struct config *config);

#endif
