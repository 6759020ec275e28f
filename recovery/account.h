/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_RECOVERY_ACCOUNT_H
#define IASO_RECOVERY_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recovery/policy.h"

/*
 * Where the guest kernel's dynamic reads and writes happened: inside a recovery domain, by kind and
 * number of the request, and by thread; or outside, by the reason. User mode is counted apart.
 */
struct account;

enum outside_reason {
    OUTSIDE_BOOT,   /* before the first request */
    OUTSIDE_IDLE,   /* a thread whose request is none, with nothing to do: see account_where */
    OUTSIDE_THREAD, /* a kernel thread between requests */
    OUTSIDE_EXEMPT, /* exempt code, and open domains' own work */
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

struct account *account_new(void);
void account_free(struct account *account);

/* Adds to the bucket. Out of memory: goes to a bucket of its own kind with number UINT64_MAX. */
void account_charge(struct account *account, const struct account_where *where,
                    const struct account_counts *counts);

/* One domain of that kind and number has ended. */
void account_domain(struct account *account, enum request_kind kind, uint64_t number,
                    uint64_t log_bytes, uint64_t pages, uint64_t records);

/* Rows in a fixed order (by kind, then number; by reason; by thread id), NULL at the end. */
struct account_row {
    struct account_where where;
    struct account_counts counts;
    uint64_t domains, log_bytes, pages, records; /* WHERE_INSIDE, by request */
};
const struct account_row *account_request(const struct account *account, size_t index);
const struct account_row *account_outside(const struct account *account, size_t index);
const struct account_row *account_thread(const struct account *account, size_t index);

#endif
