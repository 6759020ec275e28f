/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_RECOVERY_ACCOUNT_H
#define IASO_RECOVERY_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/arena.h"
#include "recovery/policy.h"

/*
 * Where the guest kernel's dynamic reads and writes happened: inside a recovery domain, by kind and
 * number of the request, and by thread; or outside, by the reason. User mode is counted apart, and
 * so is firmware, which is no part of the kernel.
 *
 * Whoever knows what a hart is executing charges what it has executed whenever that changes. Lives
 * in an arena, and goes with it.
 */
struct account;

enum outside_reason {
    OUTSIDE_BOOT,         /* before the first request */
    OUTSIDE_IDLE,         /* a hart's idle thread, with no request */
    OUTSIDE_THREAD,       /* any other kernel thread with no request */
    OUTSIDE_EXEMPT,       /* exempt code, and open domains' own work */
    OUTSIDE_AFTER_OUTPUT, /* the rest of a request that a barrier or a full log has committed */
    OUTSIDE_FIRMWARE,     /* machine mode */
    OUTSIDE_REASONS,
};

/* What is being executed on a hart. */
struct account_where {
    enum {
        WHERE_USER,
        WHERE_INSIDE,
        WHERE_OUTSIDE,
    } where;
    enum outside_reason reason; /* WHERE_OUTSIDE */
    enum request_kind kind;     /* WHERE_INSIDE */
    uint64_t number;            /* WHERE_INSIDE: system call, cause, interrupt, index of function */
    uint64_t thread;            /* identity, 0 if unknown */
};

struct account_counts {
    uint64_t insns, loads, stores, cycles;
};

/* The number of requests, and the identity of threads, that there was no room for. */
#define ACCOUNT_OTHERS UINT64_MAX

/* NULL when out of memory. */
struct account *account_new(struct arena *arena);

/* Adds to the rows of the request or reason and of the thread. When there are too many rows, or no
 * memory for them, what is new goes to ACCOUNT_OTHERS of its kind: nothing is lost. */
void account_charge(struct account *account, const struct account_where *where,
                    const struct account_counts *counts);

/* One domain of that kind and number has ended. */
void account_domain(struct account *account, enum request_kind kind, uint64_t number,
                    uint64_t log_bytes, uint64_t pages, uint64_t records);

/*
 * Rows in a fixed order (by kind, then number; by reason; by thread), NULL at the end; valid until
 * the next charge. `where` says what the row is of; its other fields are 0. A thread has two
 * counts, and firmware is in neither.
 */
struct account_row {
    struct account_where where;
    struct account_counts counts;  /* of a request or a reason; of a thread: inside of domains */
    struct account_counts outside; /* of a thread only */
    uint64_t domains, log_bytes, pages, records; /* of a request only */
};
const struct account_row *account_request(const struct account *account, size_t index);
const struct account_row *account_outside(const struct account *account, size_t index);
const struct account_row *account_thread(const struct account *account, size_t index);

/* Sums: user mode, inside of domains, and outside of them (WHERE_OUTSIDE; without firmware). */
struct account_counts account_total(const struct account *account, int where);

#endif
