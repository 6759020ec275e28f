/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_RECOVERY_RECOVERY_H
#define IASO_RECOVERY_RECOVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu/cpu.h"
#include "mem/arena.h"
#include "mem/memory.h"
#include "recovery/account.h"
#include "recovery/counts.h"
#include "recovery/observer.h"
#include "recovery/policy.h"
#include "sim/clock.h"

/*
 * Recovery domains (Lenharth, Adve, King: "Recovery Domains", ASPLOS 2009) under a guest that knows
 * nothing of them. Listens to the harts and to memory, keeps threads, domains and the log, and
 * takes back what a failed request and those that depend on it did.
 *
 * The run loop calls recovery_turn() before each stretch of a hart, recovery_between() before
 * anything else may touch the guest, and recovery_paused() whenever cpu_run() returned CPU_PAUSED.
 */
struct recovery;

/* What the machine does for recovery. */
struct recovery_host {
    /* The address of a symbol; fails with a message that names the nearest one. */
    int (*symbol)(void *opaque, const char *name, uint64_t *address, struct error *err);
    /* All of the machine's state but memory, to come back to. NULL when out of memory. */
    void *(*checkpoint)(void *opaque);
    int (*rewind)(void *opaque, const void *checkpoint);
    void (*discard)(void *opaque, void *checkpoint);
    /* Instructions executed by all harts. */
    uint64_t (*insns)(void *opaque);
    /* What the policy calls the device behind the region ("uart0", "disk0"). */
    const char *(*device)(void *opaque, const struct region *region);
    /* Sends a byte that was held back. */
    void (*output)(void *opaque, uint8_t byte);
    void *opaque;
};

struct recovery_options {
    struct arena *arena;                  /* holds all of its state, and outlives it */
    const struct recovery_policy *policy; /* outlives it */
    struct memory *mem;
    struct cpu *const *harts;
    unsigned hart_count;
    struct clock *clock;
    struct recovery_host host;
    const struct recovery_observers *observers; /* outlives it, outside of the arena; NULL: none */
    uint64_t firmware, firmware_size;           /* memory that is not the kernel's; size 0: none */
};

/* Resolves the policy's names and starts listening. NULL and err on failure. */
struct recovery *recovery_new(const struct recovery_options *options, struct error *err);

void recovery_turn(struct recovery *recovery, unsigned hart);
void recovery_between(struct recovery *recovery);

/* Hart `hart` was paused. Does what it was paused for. */
int recovery_paused(struct recovery *recovery, unsigned hart, struct error *err);

/* Whether the hart must not run, because its request has failed and others are in the middle of
 * what cannot be interrupted. Its turn is over; recovery_paused() is called in its next. */
bool recovery_waits(const struct recovery *recovery, unsigned hart);

/* Whether hart `hart` was asked to pause: then what its listeners are told is told again, if the
 * guest really goes on there. */
bool recovery_pausing(const struct recovery *recovery, unsigned hart);

/* A byte that the guest sends to the UART: held back or sent on. */
void recovery_output(struct recovery *recovery, uint8_t byte);

/* Settles the accounts and sends what is still held back. */
void recovery_finish(struct recovery *recovery);

const struct recovery_counts *recovery_counts(const struct recovery *recovery);
const struct account *recovery_account(const struct recovery *recovery);

/* What the hart is executing; for use within listeners, too. */
const struct account_where *recovery_where(const struct recovery *recovery, unsigned hart);

#endif
