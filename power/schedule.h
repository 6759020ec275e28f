/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_POWER_SCHEDULE_H
#define IASO_POWER_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/error.h"
#include "mem/state.h"
#include "power/list.h"
#include "power/nvm.h"

/*
 * When power fails by plan. A schedule is a set of sources; in each life the first that is due ends
 * it, and in the next life each goes on.
 *
 * All counters are those of the run, as the caller has them: instructions and NVM writes executed
 * since its start, and the clock, whose ticks go on while power is off. A source counts over the
 * run, or from the start of a life. What lies behind when a life begins (a time when power was off,
 * say) never comes.
 *
 *   INSN         when `nth` instructions have been executed
 *   TIME         at the first instruction at or after tick `nth`
 *   NVM_WRITE    at the `nth` NVM write
 *   SYMBOL       before the instruction at symbol number `symbol`, at its `nth` time
 *   EVERY        each life lasts `ticks`
 *   EXPONENTIAL  each life lasts a random time of mean `ticks`, kept within [min, max]
 *   UNIFORM      each life lasts a random time within [min, max]
 *   LIST         as power/list.h says
 */
struct schedule;

enum cut_kind {
    CUT_INSN,
    CUT_TIME,
    CUT_NVM_WRITE,
    CUT_SYMBOL,
    CUT_EVERY,
    CUT_EXPONENTIAL,
    CUT_UNIFORM,
    CUT_LIST,
};

#define CUT_OF_RUN    UINT64_C(0)
#define CUT_EACH_LIFE UINT64_MAX

/* How long power stays off. */
struct cut_off {
    enum {
        CUT_OFF_FIXED,
        CUT_OFF_EXPONENTIAL,
        CUT_OFF_UNIFORM,
    } kind;
    uint64_t ticks;    /* FIXED; mean of EXPONENTIAL */
    uint64_t min, max; /* EXPONENTIAL, UNIFORM; `max` 0 in EXPONENTIAL: no limit */
};

struct cut_source {
    enum cut_kind kind;
    uint64_t nth;  /* INSN, TIME, NVM_WRITE, SYMBOL: 1 or more */
    uint64_t life; /* of these: CUT_OF_RUN, the number of a life (from 1), or CUT_EACH_LIFE */
    unsigned symbol;
    uint64_t ticks, min, max;   /* EVERY, EXPONENTIAL, UNIFORM: 1 or more; EXPONENTIAL: min, max may
                                   be 0 for no limit */
    uint64_t count;             /* cuts that it makes, 0: no limit */
    struct nvm_variant variant; /* NVM_WRITE: what it leaves, see nvm_set_write_limit() */
    bool repeat;                /* LIST of on-times: begins again at its end */
    struct cut_list *list;      /* LIST; the schedule's when added */
    struct cut_off off;         /* a list with off-times goes before this */
    uint64_t seed;              /* of EXPONENTIAL, UNIFORM and `off` */
};

struct schedule *schedule_new(void);
void schedule_free(struct schedule *schedule);

/* The source is copied. Its number is the count of those before it. Fails when it says something
 * impossible (the message does not say where it stands), and then leaves `list` to the caller. */
int schedule_add(struct schedule *schedule, const struct cut_source *source, struct error *err);

struct cut_counters {
    uint64_t insns, tick, nvm_writes;
};

/* When this life ends, in the same counters; whichever comes first. UINT64_MAX: not by this. */
struct cut_next {
    uint64_t insns, tick, nvm_write;
    struct nvm_variant variant; /* of the NVM write */
};

/* Power is on. Lives count from 1. */
void schedule_begin_life(struct schedule *schedule, const struct cut_counters *now,
                         struct cut_next *next);

/*
 * A source at an NVM write of a certain life moves to the `nth` of it (UINT64_MAX: never), and is
 * as good as new. If that life is this one, `life` has the counters as they were at its start, and
 * *next is brought up to date.
 */
void schedule_move(struct schedule *schedule, size_t source, uint64_t nth,
                   const struct nvm_variant *variant, const struct cut_counters *life,
                   struct cut_next *next);

/* The instruction at a symbol is about to be executed; whether that is a cut. */
bool schedule_hit(struct schedule *schedule, unsigned symbol);

#define CUT_UNPLANNED SIZE_MAX

/* Power fails, of whatever cause, with the counters at that point: counts the cut for the source
 * that was due (the first added, if several were) and fills in how long power stays off. Returns
 * the source's number, or CUT_UNPLANNED, with *off_ticks 0, if none was due. */
size_t schedule_cut(struct schedule *schedule, const struct cut_counters *now, uint64_t *off_ticks);

/* All of it; sources that were added since it was saved are gone when it is restored. */
void schedule_state(struct schedule *schedule, struct state_copy *copy);

#endif
