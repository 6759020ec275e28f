/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_RECOVERY_OBSERVER_H
#define IASO_RECOVERY_OBSERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recovery/counts.h"
#include "recovery/policy.h"

/*
 * For those who want to see what becomes of domains, and must not influence it: traces, reports,
 * views. They are told at the moment, in the middle of things: an observer may read the guest and
 * the clock, and must change neither, nor call recovery. What it is given is valid until it
 * returns.
 *
 * Observers live outside of the machine's arena, since they do not go back when the machine does.
 * In torture, and in branches from a snapshot, they are therefore told of the same again: a domain
 * that ended is open once more without a word and ends again, one that was opened is opened again
 * under another id, and virtual time goes back. Torture announces that it goes back (`rewound`).
 */

/* A domain as it is when somebody is told of it. */
struct observed_domain {
    uint64_t id;     /* from 1, in the order of opening; no two domains of a run have the same */
    uint64_t parent; /* the id of that in which it is nested, or 0 */
    uint64_t thread; /* as the policy's identity says */
    enum request_kind kind;
    uint64_t number;    /* system call, cause, interrupt, or index of the function */
    uint64_t opened;    /* tick */
    uint64_t log_bytes; /* that it has saved up to now, those of nested ones not included */
    bool independent;   /* commits at its return, whatever becomes of its parent */
    bool lost;          /* can no longer be undone */
};

/* Why a domain is part of a rollback. */
enum observed_role {
    ROLE_FAILED,    /* its request failed */
    ROLE_DEPENDENT, /* read or overwrote what another member wrote */
    ROLE_LATER,     /* opened later by a thread that goes back */
    ROLES,
};

struct observed_member {
    struct observed_domain domain;
    enum observed_role role;
    bool innocent; /* of another thread than the failed one */
    bool entry;    /* its thread goes back to the beginning of it */
    bool error;    /* its caller gets the error; else it is executed again */
};

/* Two members, by index: `domain` depends on `on`. */
struct observed_edge {
    size_t domain, on;
};

/* A failure, and what was undone for it: nothing if it was refused. */
struct observed_failure {
    unsigned hart;
    uint64_t thread;            /* 0: not known */
    const char *what;           /* was seen: a function of the guest, "breakpoint", "hang", ... */
    enum refused_reason reason; /* why it was refused; REFUSED_REASONS: it was not */
    bool error;                 /* the failed request returns the error; else it is retried */
    /* The closure in the order of opening, which a refused failure may have as well, up to where it
     * was refused; no edges then. */
    const struct observed_member *members;
    size_t member_count;
    const struct observed_edge *edges;
    size_t edge_count;
};

/* What is NULL is not called. A hart is the one on which it happened, or the number of harts if it
 * was between their turns; threads may migrate. */
struct recovery_observer {
    void (*opened)(void *opaque, unsigned hart, const struct observed_domain *domain);
    /* Its request is done. `committed` or `lingers` follows, unless it was lost before. */
    void (*closed)(void *opaque, unsigned hart, const struct observed_domain *domain);
    /* It waits for others before it is committed, lost or aborted. */
    void (*lingers)(void *opaque, const struct observed_domain *domain);
    /* It is part of its parent now, or for good. */
    void (*committed)(void *opaque, const struct observed_domain *domain);
    /* It cannot be undone any more, in the middle of its request or lingering. */
    void (*lost)(void *opaque, const struct observed_domain *domain, enum refused_reason why);
    /* Each member of a rollback, after `failed`, the oldest first. `closed` is not called. */
    void (*aborted)(void *opaque, unsigned hart, const struct observed_domain *domain);
    void (*depends)(void *opaque, unsigned hart, const struct observed_domain *domain,
                    const struct observed_domain *on);
    void (*failed)(void *opaque, const struct observed_failure *failure);
    /* The domain, in which that is counted, has put so many bytes into its log, before the hart
     * changes them: the block at cpu_block_pc() is in the middle of a store. */
    void (*logged)(void *opaque, unsigned hart, const struct observed_domain *domain,
                   uint64_t bytes);
    /* Its log_bytes are now in recovery_counts' log_bytes: when it is committed, or ends lost.
     * Where torture opens it again, they are added to it again. */
    void (*counted)(void *opaque, const struct observed_domain *domain);
    /* The hart runs another thread. */
    void (*switched)(void *opaque, unsigned hart, uint64_t thread);
    /* Torture: the machine is about to go back to where the domain was opened. What each hart runs
     * there is told with `switched`, whether or not it is another thread. */
    void (*rewound)(void *opaque, unsigned hart, const struct observed_domain *domain);
    void *opaque;
    struct recovery_observer *next; /* set by observers_add() */
};

/* Those who are told, in the order in which they were added; belongs to whoever has the recovery,
 * and outlives it. */
struct recovery_observers {
    struct recovery_observer *first;
};

/* The observer must outlive the list's use, or be removed. */
void observers_add(struct recovery_observers *observers, struct recovery_observer *observer);
void observers_remove(struct recovery_observers *observers, struct recovery_observer *observer);

#endif
