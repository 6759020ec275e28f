/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_RECOVERY_INJECT_H
#define IASO_RECOVERY_INJECT_H

#include "cpu/cpu.h"
#include "mem/arena.h"
#include "recovery/policy.h"

/*
 * One fault in the guest's kernel: at the nth time that an instruction is about to be executed on
 * behalf of a trap from user mode. Works with recovery and without.
 */
struct inject;

struct inject_options {
    struct arena *arena;                /* holds all of its state, and outlives it */
    const struct inject_policy *policy; /* outlives it */
    struct memory *mem;
    struct cpu *const *harts;
    unsigned hart_count;
    /* The address of a symbol; fails with a message that names the nearest one. */
    int (*symbol)(void *opaque, const char *name, uint64_t *address, struct error *err);
    /* Is the thread that runs on the hart called so? */
    bool (*is_task)(void *opaque, unsigned hart, const char *name);
    /* Instructions that all harts had executed when the block that runs began. */
    uint64_t (*position)(void *opaque);
    void *opaque;
};

/* Before the harts first run. NULL and err on failure. */
struct inject *inject_new(const struct inject_options *options, struct error *err);

/* For a machine whose policy has the kind INJECT_NONE: before the harts first run. `hit` is told
 * whenever an instruction at one of the addresses (each there once) is reached in a request. */
typedef void (*inject_hit_fn)(void *opaque, unsigned hart, uint64_t pc);
int inject_count(struct inject *inject, const uint64_t *addresses, size_t count, inject_hit_fn hit,
                 void *opaque, struct error *err);

/* For such a machine, too, while it does not run: a fault, whose nth time counts from now on. Only
 * `hart` is watched, which must be about to execute the block that the instruction is in. The
 * policy must outlive the fault. inject_disarm() takes the watch back once it has struck; a
 * snapshot of before it was armed makes inject forget it. */
int inject_arm(struct inject *inject, const struct inject_policy *policy, unsigned hart,
               struct error *err);
int inject_disarm(struct inject *inject, uint64_t address, unsigned hart, struct error *err);

/* Hart `hart` was paused: does the deed if that is what it was paused for. */
int inject_paused(struct inject *inject, unsigned hart, struct error *err);

/* How often the instruction was reached in requests (of the task), and whether the fault was
 * injected. */
uint64_t inject_reached(const struct inject *inject);
bool inject_done(const struct inject *inject);

/* Is the hart in a request, where a fault may strike? */
bool inject_in_request(const struct inject *inject, unsigned hart);

#endif
