/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_LIVES_STATE_H
#define IASO_SIM_LIVES_STATE_H

/* Inside of sim/lives: what its files share. */

#include "power/schedule.h"
#include "power/volatile.h"
#include "sim/lives.h"
#include "sim/power_plan.h"

/* Progress, counters, the cache's flush, the first cut. */
#define LIVES_MAX_WATCHES  (POWER_MAX_PATTERNS + POWER_MAX_COUNTERS + 2)
#define LIVES_FINGERPRINTS 8
#define LIVES_PCS          64 /* cuts that the verdict looks back at */

/* A function whose entry means something. */
struct lives_watch {
    uint64_t address;
    bool progress, flush, from;
    int counter; /* index, or -1 */
    int sum;     /* register, or -1 */
};

/* Everything spent since the start of the run. */
struct lives_mark {
    uint64_t total, logging, recovery, sleep, insns;
};

struct lives_recipe {
    uint64_t gpa, size;
    uint8_t *bytes; /* NULL: zeros */
};

struct lives {
    struct machine *machine;
    const struct power_policy *policy;
    struct nvm *nvm;
    struct energy *energy;
    struct trace *trace;
    struct supply *supply;
    struct schedule *schedule;
    struct volatile_memory *ram;

    struct cut_next next;
    struct { /* a person's cut, UINT64_MAX: none */
        uint64_t insns, tick;
    } now;
    uint64_t stop; /* of lives_stop_at() */
    enum lives_cuts {
        CUTS_NOT_YET, /* power.cuts_from was not executed */
        CUTS_BEGIN,   /* it is about to be */
        CUTS_ON,
    } planned;
    bool failing;            /* power has failed; the core is about to stop */
    enum life_end failed_by; /* then */

    struct lives_watch watches[LIVES_MAX_WATCHES];
    size_t watch_count;
    struct power_stops stops;
    struct {
        uint64_t hits, sum;
    } counters[POWER_MAX_COUNTERS];
    size_t last_counter; /* its number plus 1; 0: none was hit */

    unsigned *logging, *recovery; /* classes of energy */
    size_t logging_count, recovery_count;
    struct lives_observer *observers;
    struct lives_mark progress, begin; /* at the last progress, or the life's start; at its start */
    struct life_split spent;
    uint64_t lost_insns;

    struct life *lives;
    size_t count, room;
    uint64_t cuts[LIFE_LAST + 1];

    uint64_t fingerprints[LIVES_FINGERPRINTS], pcs[LIVES_PCS];
    uint64_t stuck; /* lives since the last progress */

    uint64_t supplied_fj; /* what the supply knows of */
    struct {
        uint64_t insns, since; /* executed when it fell asleep; tick */
    } asleep;
    double peak_watts;
    struct lives_sample *samples;
    size_t sample_count, sample_room;
    uint64_t sample_ticks;

    struct lives_recipe recipe[2 * POWER_MAX_SECTIONS];
    size_t recipe_count;
    uint32_t entry, sp;
    bool has_entry;

    char verdict[400];
};

/* ---- lives.c ---- */

/* Sees to it that this life ends when lives->next says. */
void lives_await(struct lives *lives);

/* ---- lives_account.c ---- */

/* Finds the functions to watch, and makes the core announce them. */
int lives_watch(struct lives *lives, struct error *err);

/* Finds the classes of energy that are logging and recovery. */
int lives_find_causes(struct lives *lives, struct error *err);

struct lives_mark lives_mark(const struct lives *lives);

/* A life is over: adds up what it was spent on. `cut`: it did not end by itself. */
void lives_settle(struct lives *lives, bool cut);

/* After a cut: has there been progress lately? If not for too long, writes the verdict. */
bool lives_are_stuck(struct lives *lives);

/* ---- lives_supply.c ---- */

int lives_supply_new(struct lives *lives, struct error *err);

/* Brings the supply up to date; false if it has switched off. */
bool lives_supply_step(struct lives *lives);

/* The clock must be looked at again by then. */
uint64_t lives_supply_deadline(struct lives *lives);

/* Power is off: waits for `ticks` and then until the supply is on again; adds to *ticks. Fails,
 * with the verdict, if that never happens. */
int lives_supply_recharge(struct lives *lives, uint64_t *ticks);

void lives_sample(struct lives *lives, uint64_t tick, bool always);

#endif
