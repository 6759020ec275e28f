/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_SWEEP_RUN_H
#define IASO_SIM_SWEEP_RUN_H

#include "sim/campaign/sweep_states.h"
#include "sim/console.h"
#include "sim/golden.h"
#include "sim/machine.h"

/*
 * What a sweep executes: a machine whose cuts are ours, its golden run without any, and branches of
 * that run. The golden run is done once, by the coordinator; workers have it by fork().
 */
struct sweep_run {
    struct config *config; /* the caller's, changed: see sweep_run_new() */
    struct machine *machine;
    struct console *console;
    struct golden *golden;

    /* Of the golden run. */
    struct sweep_points points;   /* those that were chosen, each state once */
    struct sweep_states known;    /* their states */
    uint64_t chosen;              /* points before equal states were put together */
    uint64_t writes, insns, tick; /* at its end */
    uint8_t *nvm;                 /* what the ranges hold then, one behind the other */
    uint8_t **uncut;              /* what expect.memory[] holds then; NULL: not "uncut" */

    /* What is listened to. */
    uint64_t from, until, recovered; /* addresses of functions; UINT64_MAX: none */
    enum sweep_window {
        WINDOW_BEFORE,
        WINDOW_OPEN,
        WINDOW_CLOSED,
    } window;
    struct sweep_points *record; /* of this life; NULL: not */
    uint64_t life_start;         /* NVM writes before this life */
    uint64_t skipped;            /* writes in the window since the last that was taken */
    bool windowed;               /* only what is in the window is recorded */
    uint64_t awaited;            /* NVM write of the run: */
    struct nvm_store cut_store;  /* what it stored */
    uint64_t cut_pc;             /* and the start of the block of code that it is in */
    bool stop_recovered;         /* stop there */
    bool has_recovered;
    struct nvm_hash recovered_state;
    uint64_t recovered_writes; /* NVM writes of the run then */
    struct error fault;        /* what machine_go() said */
};

/* What became of a branch. */
struct sweep_verdict {
    bool failed;
    char text[600];  /* why, as `iaso run` says it */
    char where[160]; /* the function in which the last cut fell */
};

/*
 * Builds the machine of a config: without its cuts, supply, files to save, wear and limits of
 * lives, which are changed in *config. NULL and err on failure.
 */
struct sweep_run *sweep_run_new(struct config *config, struct error *err);
void sweep_run_free(struct sweep_run *run);

/* The golden run, and what follows from it. Returns 1 if it does not end as the config expects, and
 * says so in err; -1 on error. */
int sweep_run_golden(struct sweep_run *run, struct error *err);

/* The point of a path's first cut among those of the golden run; NULL if it is none. */
const struct sweep_point *sweep_run_point(const struct sweep_run *run, const struct sweep_cut *cut);

/* A position before that NVM write of the golden run, if need be the start. */
uint64_t sweep_run_before(const struct sweep_run *run, uint64_t write);

/* Brings the machine to the block in which the path's first cut falls, all of its cuts planned. */
int sweep_run_seek(struct sweep_run *run, const struct sweep_path *path, uint64_t position,
                   struct error *err);

/* Goes on from a branch point to the end and judges; -1 and err if the simulator failed. */
int sweep_run_finish(struct sweep_run *run, struct sweep_verdict *verdict, struct error *err);

/* Goes on to the start of that life (from 1), unless the run ends before. */
void sweep_run_to_life(struct sweep_run *run, size_t life);

/* How many instructions the machine may have executed when it is stopped. */
uint64_t sweep_run_limit(const struct sweep_run *run);

/* The crash state right now, between two stores. */
struct nvm_hash sweep_run_state(const struct sweep_run *run);

/* The state behind a path's cuts boots: 1 and *state when it has recovered, 0 and the verdict when
 * it ended before. */
int sweep_run_recover(struct sweep_run *run, const struct sweep_point *point,
                      struct nvm_hash *state, struct sweep_verdict *verdict, struct error *err);

#endif
