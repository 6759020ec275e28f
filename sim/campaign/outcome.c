/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/campaign/outcome.h"

#include <math.h>
#include <string.h>

#define Z95 1.959963984540054 /* a normal deviate exceeds it in 2.5 % */

static const struct {
    const char *name, *title;
} names[OUTCOMES] = {
    [OUTCOME_MASKED] = {"masked", "masked"},
    [OUTCOME_FAILED] = {"failed-request", "failed request only"},
    [OUTCOME_RECOVERED] = {"recovered", "recovered"},
    [OUTCOME_COLLATERAL] = {"collateral", "recovered, with collateral"},
    [OUTCOME_CORRUPT] = {"corruption", "silent corruption"},
    [OUTCOME_HANG] = {"hang", "hang"},
    [OUTCOME_DEAD] = {"kernel-dead", "kernel dead"},
};

enum outcome outcome_of(const struct outcome_facts *facts)
{
    bool rolled_back = facts->failures > 0;
    if (facts->dead)
        return OUTCOME_DEAD;
    if (facts->over_budget)
        return OUTCOME_HANG;
    if (facts->check_failed || (facts->said_wrong && !rolled_back && !facts->refused))
        return OUTCOME_CORRUPT;
    if (rolled_back)
        return facts->failures == 1 && !facts->innocents && !facts->refused ? OUTCOME_RECOVERED
                                                                            : OUTCOME_COLLATERAL;
    return facts->refused || facts->said_failed ? OUTCOME_FAILED : OUTCOME_MASKED;
}

const char *outcome_name(enum outcome outcome)
{
    return names[outcome].name;
}

const char *outcome_title(enum outcome outcome)
{
    return names[outcome].title;
}

int outcome_named(const char *name)
{
    for (int i = 0; i < OUTCOMES; i++)
        if (!strcmp(names[i].name, name))
            return i;
    return -1;
}

bool outcome_is_survival(enum outcome outcome)
{
    return outcome <= OUTCOME_COLLATERAL;
}

struct interval wilson(uint64_t part, uint64_t all)
{
    double n = (double)all, p = (double)part / n, z2 = Z95 * Z95;
    double middle = p + z2 / (2 * n);
    double spread = Z95 * sqrt(p * (1 - p) / n + z2 / (4 * n * n));
    double low = (middle - spread) / (1 + z2 / n), high = (middle + spread) / (1 + z2 / n);
    /* Exact where rounding is not. */
    return (struct interval){part ? low : 0, part < all ? high : 1};
}
