/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_POWER_ENERGY_H
#define IASO_POWER_ENERGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu/cpu.h"
#include "mem/error.h"
#include "mem/memory.h"
#include "mem/state.h"
#include "sim/clock.h"

/*
 * What a run costs, in ticks (core cycles) and femtojoules (1e-15 J).
 *
 *   each tick that the core is awake     cycle_fj, wait states included
 *   each tick asleep                     sleep_nw
 *   instructions fetched from a region   `fetch` for each 4 bytes of a block, rounded up
 *   loads and stores of a region         `read` and `write`
 *
 * Blocks are priced when they are decoded: ticks, fetches, and their loads and stores as if all
 * went to the *open* regions, which must cost the same. All other regions are precise: each access
 * is announced, counted, and charged the difference (in ticks, at least 0). So the loads and stores
 * of open regions are those of the tallies less the announced ones; those of devices and of memory
 * in no region count as open ones. The cost is for each load and store as it is announced, whatever
 * its size: a core that splits one is charged twice.
 *
 * What ghosts do (memory_power() is off) costs nothing here; the rest of the block that they are in
 * is in the tallies.
 */
struct energy;

struct energy_cost {
    uint32_t ticks; /* wait states */
    uint32_t fj;
};

struct energy_costs {
    struct energy_cost read, write, fetch; /* fetch: 4 bytes */
};

#define ENERGY_MAX_REGIONS  16
#define ENERGY_PRESET_ROLES 4

/* A part. Its regions are known by their role ("sram", "fram"); where they lie is the board's. */
struct energy_preset {
    const char *name;
    const char *source;
    const char *assumed; /* which values are our assumption, NULL if none */
    uint64_t hz;
    uint64_t cycle_fj;
    uint64_t sleep_nw;
    struct {
        const char *role; /* NULL: no more */
        struct energy_costs costs;
    } regions[ENERGY_PRESET_ROLES];
};

const struct energy_preset *energy_preset(const char *name);
const struct energy_preset *energy_preset_at(size_t index); /* NULL at the end */
const struct energy_costs *energy_preset_costs(const struct energy_preset *preset,
                                               const char *role);

/*
 * A function, or whatever a class is to be. Classes of blocks, as cpu_price.class has them: one for
 * each function in order of address, then one for each region's code that is in no function, then
 * one for all other code. cpu_price.energy is the number of words (4 bytes) fetched.
 */
struct energy_function {
    uint64_t start, end;
    const char *name; /* the caller's; must live as long */
};

struct energy_options {
    struct memory *mem;
    struct clock *clock;
    uint64_t cycle_fj;
    uint64_t sleep_nw;
    const struct energy_function *functions; /* copied; code is of the one that begins last before
                                                it, unless that ends before it */
    size_t function_count;
};

/* Adds a listener to `mem`: before the nvm's, so that the write at which power fails is charged. */
struct energy *energy_new(const struct energy_options *options, struct error *err);
void energy_free(struct energy *energy);

/* [start, end) of memory; where regions overlap, the one added last counts. Fails when there are
 * too many, and when an open region's read and write do not cost what those of the other open ones
 * do. */
int energy_add_region(struct energy *energy, const char *name, uint64_t start, uint64_t end,
                      const struct energy_costs *costs, bool open, struct error *err);

/* What the core is made with, after the last region; then the core itself. */
struct cpu_pricing energy_pricing(struct energy *energy, unsigned taken_branch);
int energy_attach(struct energy *energy, struct cpu *cpu, struct error *err);

/* The core sleeps for so long; the caller moves the clock. */
void energy_sleep(struct energy *energy, uint64_t ticks);

/* Energy so far (fJ), in time proportional to the number of classes. */
uint64_t energy_total(const struct energy *energy);

/* By cause; `active` is cycle_fj for all ticks awake, wait states included. */
struct energy_causes {
    uint64_t active, fetch, read, write, sleep; /* fJ; their sum is energy_total() */
    uint64_t ticks, wait_ticks, sleep_ticks;    /* awake with wait states; those; asleep */
};
struct energy_causes energy_causes(const struct energy *energy);

/* By region. The reads and writes of all open regions are in the first of them. `fj` is without
 * cycle_fj for the wait states. */
struct energy_region {
    char name[32];
    uint64_t start, end;
    struct energy_costs costs;
    bool open;
    struct {
        uint64_t count, ticks, fj;
    } kinds[3]; /* enum access_kind; fetches count 4 bytes */
};
size_t energy_region_count(const struct energy *energy);
struct energy_region energy_region(const struct energy *energy, size_t index);

/* By class. */
struct energy_class {
    const char *name; /* the function's or the region's, or "other" */
    bool function;
    uint64_t start, end;
    uint64_t insns, ticks, fj;
};
size_t energy_class_count(const struct energy *energy);
struct energy_class energy_class(const struct energy *energy, size_t index);

/* Its fj alone: for use often, also within listeners of the core. */
uint64_t energy_class_fj(const struct energy *energy, size_t index);

/* Likewise: what the reads or writes of a region that is not open have cost, without the cycles
 * that the core waited; 0 for open ones. */
uint64_t energy_announced_fj(const struct energy *energy, size_t region, enum access_kind kind);

/* What has been counted, without what the core's own tallies have; after energy_attach(). */
void energy_state(struct energy *energy, struct state_copy *copy);

/* The class of the code at an address. */
unsigned energy_class_of(const struct energy *energy, uint64_t pc);

#endif
