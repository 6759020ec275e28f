/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_POWER_SUPPLY_H
#define IASO_POWER_SUPPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/error.h"
#include "mem/state.h"
#include "power/trace.h"

/*
 * A capacitor between a harvester and the machine: E = C V^2 / 2. The load is switched on when the
 * voltage reaches `on_volts` and off when it falls to `off_volts`.
 *
 * Input: through a diode straight from the harvester, which then sees the capacitor's voltage, or
 * through a boost converter that takes the trace's power whatever the voltage is. Output: from the
 * capacitor with an efficiency.
 *
 * The energy is integrated by the midpoint method in steps that end wherever the trace has a
 * sample, and that change the energy by at most 2 % and take at most a tenth of the circuit's time
 * constant: exact for constant power, within 0.1 % for the charging of an RC circuit. Doubles are
 * added in a fixed order, so equal calls give equal results.
 */
struct supply;

enum supply_input {
    SUPPLY_DIODE,
    SUPPLY_CONVERTER,
};

struct supply_config {
    double farads;
    double on_volts, off_volts;
    double start_volts;    /* at time 0 */
    double max_volts;      /* what exceeds it is burnt; 0: no limit */
    double brownout_volts; /* off at once, whenever the thresholds are checked; 0: none */
    uint64_t check_ns;     /* thresholds are looked at only so often; 0: always */
    enum supply_input input;
    double diode_volts;       /* SUPPLY_DIODE: drop */
    double input_efficiency;  /* SUPPLY_CONVERTER: above 0, to 1; TRACE_POWER always */
    double output_efficiency; /* above 0, to 1 */
    double leak_amps;         /* out of the capacitor, at all times */
};

struct supply_preset {
    const char *name;
    const char *source;  /* where the values are from */
    const char *assumed; /* which of them are our assumption, NULL if none */
    struct supply_config config;
};

/* NULL if there is none of that name; the index walks all, NULL at the end. */
const struct supply_preset *supply_preset(const char *name);
const struct supply_preset *supply_preset_at(size_t index);

/* Says what is wrong with the values, as "supply.off: expected ..., found ...". */
int supply_check(const struct supply_config *config, struct error *err);

/* Checks, too. The trace stays the caller's. Off at first unless start_volts >= on_volts. */
struct supply *supply_new(const struct supply_config *config, const struct trace *trace,
                          struct error *err);
void supply_free(struct supply *supply);

bool supply_on(const struct supply *supply);
double supply_volts(const struct supply *supply);
uint64_t supply_ns(const struct supply *supply); /* of its own life, all calls added up */

/* Joules: harvested into the capacitor, leaked, delivered to the load, and burnt as too much. */
struct supply_totals {
    double harvested, leaked, delivered, lost_in_output, burnt;
};
struct supply_totals supply_totals(const struct supply *supply);

/* The energy (fJ, of the load) between now and the off-voltage: a full charge's budget right after
 * switching on, without what is harvested meanwhile. */
uint64_t supply_budget(const struct supply *supply);

/* How long (ns, at least 1) a load of at most `watts` runs before the supply can possibly switch
 * off; at least `resolution`, so the caller who runs that long and asks again comes to an end. */
uint64_t supply_next_off(const struct supply *supply, double watts, uint64_t resolution);

/* Time goes on by `ns`, in which the load took `femtojoules`, evenly. Returns whether the supply is
 * still on. It is off for good once it switched off in between. */
bool supply_advance(struct supply *supply, uint64_t ns, uint64_t femtojoules);

/* Takes energy in no time, for costs that are known only later. Returns as supply_advance(). */
bool supply_consume(struct supply *supply, uint64_t femtojoules);

/* Power is off, for a reason of the caller's. */
void supply_switch_off(struct supply *supply);

/*
 * Lets time go on without load until the supply switches on; *off_ns is how long that took. Fails
 * with "can never reach 2.8 V: stalls at 2.31 V" when the trace has ended, or repeats and brought
 * nothing more in a whole round, or with "did not reach ..." after limit_ns.
 */
int supply_recharge(struct supply *supply, uint64_t limit_ns, uint64_t *off_ns, struct error *err);

void supply_state(struct supply *supply, struct state_copy *copy);

#endif
