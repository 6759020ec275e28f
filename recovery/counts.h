/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_RECOVERY_COUNTS_H
#define IASO_RECOVERY_COUNTS_H

#include <stdint.h>

#include "recovery/policy.h"

/* Why a failed request could not be rolled back. */
enum refused_reason {
    REFUSED_LOG_LIMIT, /* its log, or that of a dependent, had grown over policy.log_limit */
    REFUSED_OUTPUT,    /* output that cannot be taken back */
    REFUSED_LINGER,    /* others depended on it, and it did not run for policy.linger_ns */
    REFUSED_OUTSIDE,   /* what it wrote was read by code outside of any domain */
    REFUSED_NO_DOMAIN, /* the failure was in no request */
    REFUSED_EXEMPT,    /* the failure was in exempt code */
    REFUSED_WAKE,      /* a dependent sleeps and could not be woken */
    REFUSED_ENDLESS,   /* a dependent is in a request that never ends */
    REFUSED_OTHER,
    REFUSED_REASONS,
};

/* Events of a run. Plain numbers, so that they can be saved, restored and compared. */
struct recovery_counts {
    uint64_t domains[REQUEST_KINDS]; /* opened */
    uint64_t committed, aborted;
    uint64_t lingered;     /* ended before they could commit */
    uint64_t linger_ticks; /* for how long, in sum */
    uint64_t max_depth;    /* domains open in one thread at a time */

    uint64_t dependencies;      /* of one domain on another, each once */
    uint64_t conflicts;         /* pages that became shared */
    uint64_t shared_pages_peak; /* pages shared at a time */

    uint64_t log_bytes, log_pages, log_records; /* of all domains */
    uint64_t log_bytes_peak;                    /* held at a time */

    uint64_t faults;      /* failures that were seen, injected ones included */
    uint64_t rolled_back; /* domains put back to their entry, torture included */
    uint64_t recovered;   /* failures after which the guest went on */
    uint64_t refused[REFUSED_REASONS];
    uint64_t cascades;        /* rollbacks of more than one domain */
    uint64_t cascade_domains; /* domains in them, in sum */
    uint64_t cascade_max;     /* domains in the largest */
};

/* "log-limit", "output", ... */
const char *refused_name(enum refused_reason reason);

uint64_t recovery_domains(const struct recovery_counts *counts); /* of all kinds */
uint64_t recovery_refused(const struct recovery_counts *counts); /* for all reasons */

#endif
