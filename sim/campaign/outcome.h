/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_OUTCOME_H
#define IASO_SIM_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

/* What became of a guest after a fault. The first that holds, from the last to the first: */
enum outcome {
    OUTCOME_MASKED,     /* nothing was noticed, and all checks are right */
    OUTCOME_FAILED,     /* no rollback; a program failed or was killed; the checks are right */
    OUTCOME_RECOVERED,  /* the request was rolled back and its caller got the error, no other
                           was; the checks are right */
    OUTCOME_COLLATERAL, /* likewise, but others had to be rolled back too, or failed too, or a
                           later failure could not be undone */
    OUTCOME_CORRUPT,    /* the guest went on to the end, but a check finds something wrong, or a
                           result is wrong that nothing was reported about */
    OUTCOME_HANG,       /* the kernel works, but the workload does not come to its end */
    OUTCOME_DEAD,       /* the kernel panicked, locked up, made no progress, or the machine was
                           reset or switched off before its time */
    OUTCOMES,
};

/* What is looked at. */
struct outcome_facts {
    bool dead;         /* panic, lock-up, no progress, reset, off too early */
    bool over_budget;  /* the instructions, or a script's timeout */
    bool check_failed; /* after campaign.until a text of `failed` or `wrong`; the guest's exit code;
                          expect.console */
    bool said_failed;  /* before that a text of `failed` */
    bool said_wrong;   /* ... a text of `wrong`, before any of `failed` */
    uint64_t failures, innocents, refused; /* domains: failed and rolled back; rolled back with
                                              them; failed and not rolled back */
};

enum outcome outcome_of(const struct outcome_facts *facts);

const char *outcome_name(enum outcome outcome);  /* "kernel-dead" */
const char *outcome_title(enum outcome outcome); /* "kernel dead" */
int outcome_named(const char *name);             /* -1: unknown */

/* Whether the kernel and all that the fault did not concern have survived: up to COLLATERAL. */
bool outcome_is_survival(enum outcome outcome);

/* The 95 % confidence interval of a share of `part` in `all`, which is not 0 (Wilson, Probable
 * Inference, 1927). */
struct interval {
    double low, high;
};
struct interval wilson(uint64_t part, uint64_t all);

#endif
