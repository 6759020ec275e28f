/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recovery/counts.h"

#include <stddef.h>

const char *refused_name(enum refused_reason reason)
{
    static const char *const names[] = {
        [REFUSED_LOG_LIMIT] = "log-limit", [REFUSED_OUTPUT] = "output",
        [REFUSED_LINGER] = "linger",       [REFUSED_OUTSIDE] = "outside",
        [REFUSED_NO_DOMAIN] = "no-domain", [REFUSED_EXEMPT] = "exempt",
        [REFUSED_WAKE] = "wake",           [REFUSED_ENDLESS] = "endless",
        [REFUSED_OTHER] = "other",
    };
    return names[reason];
}

static uint64_t sum(const uint64_t *numbers, size_t count)
{
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += numbers[i];
    return total;
}

uint64_t recovery_domains(const struct recovery_counts *counts)
{
    return sum(counts->domains, REQUEST_KINDS);
}

uint64_t recovery_refused(const struct recovery_counts *counts)
{
    return sum(counts->refused, REFUSED_REASONS);
}
