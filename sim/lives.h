/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_LIVES_H
#define IASO_SIM_LIVES_H

#include "mem/state.h"
#include "power/energy.h"
#include "power/nvm.h"
#include "power/supply.h"
#include "sim/machine.h"

/*
 * The lives of a machine whose power fails (section `power`): watches for the moment, takes away
 * what is volatile, and starts the machine again. The run loop drives it:
 *
 *   lives_between()   whenever the core has stopped; true: power has failed, stop the turn
 *   lives_cut()       then; the next life has begun when it returns
 *   lives_deadline()  the clock must not pass this without lives_between() being asked
 *   lives_sleep()     the clock is about to jump over idle time
 */
struct lives;

enum life_end {
    LIFE_RUNS,
    LIFE_PLANNED,   /* by power.cuts */
    LIFE_BROWN_OUT, /* the supply's voltage fell to the off-threshold */
    LIFE_LAST,      /* the run ended in it */
};

/* What it was spent on, in fJ (or in instructions). */
struct life_split {
    uint64_t useful;   /* up to the last progress, without the two below */
    uint64_t logging;  /* power.energy.logging */
    uint64_t recovery; /* power.energy.recovery */
    uint64_t lost;     /* after the last progress, in a life that was cut */
    uint64_t sleep;
};

struct life {
    enum life_end end;
    size_t source;      /* LIFE_PLANNED: index in power.cuts */
    uint64_t start, on; /* ticks: when it began, how long it lasted */
    uint64_t off;       /* how long power was off afterwards */
    uint64_t insns, nvm_writes;
    uint64_t energy;   /* fJ */
    uint64_t progress; /* entries of functions in power.progress */
    double volts_from, volts_to;
    uint64_t pc;
    bool torn;
};

/* For memory with power cuts: before the core is made, after memory and symbols are there. */
struct lives *lives_new(struct machine *machine, struct error *err);
/* When the images are loaded and the hart is there: the first life. */
int lives_begin(struct lives *lives, struct error *err);
void lives_free(struct lives *lives);

/* Told at the moment, to read what has been spent until then; must change nothing. */
struct lives_observer {
    void (*progress)(void *opaque);          /* a function of power.progress is about to run */
    void (*over)(void *opaque, bool by_cut); /* the life is, by a power cut or as the run is */
    void *opaque;
    struct lives_observer *next; /* set by lives_observe() */
};

/* The observer must live as long as the run. Observers are no part of the lives' state. */
void lives_observe(struct lives *lives, struct lives_observer *observer);

/* What the core is to be made with. */
struct cpu_pricing lives_pricing(struct lives *lives, unsigned taken_branch);

bool lives_between(struct lives *lives);
int lives_cut(struct lives *lives, struct error *err);
uint64_t lives_deadline(struct lives *lives);
void lives_sleep(struct lives *lives, uint64_t ticks);

/* Of power.cuts, one `at` an NVM write of a certain `life`: moves to another write of it
 * (UINT64_MAX: never). Not for other kinds of cuts. */
void lives_move_cut(struct lives *lives, size_t cut, uint64_t nvm_write,
                    const struct nvm_variant *variant);

/*
 * A person's cut, in the middle of this life: after the next instruction or, if the core sleeps, at
 * the next nanosecond. `again` becomes what makes the same cut when it is an element of power.cuts.
 * Fails where nobody may cut yet (power.cuts_from). Between calls of machine_go().
 */
int lives_cut_now(struct lives *lives, char *again, size_t size, struct error *err);

/* Until lives_stop_at(UINT64_MAX) the core stops at this instruction as well: see
 * cpu_stop_exactly(). */
void lives_stop_at(struct lives *lives, uint64_t insns);

/* Nothing will wake the core but a power failure: is that hopeless, as the supply has lasted for
 * power.supply.patience already? */
bool lives_sleep_on(struct lives *lives);

/* The run is over; saves what is to be saved. Fails if it cannot. */
int lives_finish(struct lives *lives, struct error *err);

/* Everything that a run changes, with energy, NVM, supply and schedule; between the turns of a life
 * only. */
void lives_state(struct lives *lives, struct state_copy *copy);

/* ---- Results ------------------------------------------------------------------------------- */

size_t lives_count(const struct lives *lives);
const struct life *lives_at(const struct lives *lives, size_t index);
uint64_t lives_cuts(const struct lives *lives, enum life_end end);
const struct nvm *lives_nvm(const struct lives *lives);
struct nvm *lives_hashed_nvm(struct lives *lives);            /* for power/nvm.h's crash states */
const struct energy *lives_energy(const struct lives *lives); /* NULL: not modelled */
const struct supply *lives_supply(const struct lives *lives); /* NULL: none */
struct life_split lives_spent(const struct lives *lives);     /* energy */
uint64_t lives_lost_insns(const struct lives *lives);

/* Whether the class of energy counts as logging, or as recovery, where it was not lost. */
bool lives_is_logging(const struct lives *lives, unsigned class);
bool lives_is_recovery(const struct lives *lives, unsigned class);

/* Hits of a counter of the config, and the sum of its register. */
void lives_counter(const struct lives *lives, size_t index, uint64_t *hits, uint64_t *sum);

/* The counter of the config that was hit last; its number of counters if none was. */
size_t lives_last_counter(const struct lives *lives);

/* What it means that the guest executes pc: the name of a counter of the config, or "progress";
 * NULL: nothing. */
const char *lives_watched(const struct lives *lives, uint64_t pc);

/* Why the run ended, if power is the reason; else "". */
const char *lives_verdict(const struct lives *lives);

/* The supply's voltage over time, at every life's ends and in between. */
struct lives_sample {
    uint64_t tick;
    double volts;
    bool on;
};
size_t lives_samples(const struct lives *lives, const struct lives_sample **samples);

#endif
