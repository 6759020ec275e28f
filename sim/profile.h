/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_PROFILE_H
#define IASO_SIM_PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include "cpu/cpu.h"
#include "recovery/account.h"
#include "sim/symbols.h"

/* Reads and writes by kernel function. Without a symbol, code belongs to the function NULL. */
struct profile;

struct profile_row {
    const char *name; /* of the function; owned by the symbols */
    uint64_t address;
    struct account_counts inside, outside; /* of domains; without cycles */
};

/* NULL when out of memory. The symbols must outlive it. */
struct profile *profile_new(const struct symbols *symbols);
void profile_free(struct profile *profile);

/* Adds what the code at pc has done. -1 when out of memory. */
int profile_add(struct profile *profile, uint64_t pc, const struct account_counts *inside,
                const struct account_counts *outside);

/* Adds what cpu_profile() knows. -1 when out of memory. */
int profile_add_hart(struct profile *profile, struct cpu *cpu);

/* Puts the functions in order: most loads and stores first, then by address. */
void profile_sort(struct profile *profile);

/* Valid after profile_sort(), until the next addition; NULL at the end. */
const struct profile_row *profile_row(const struct profile *profile, size_t index);

#endif
