/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_COVERAGE_H
#define IASO_SIM_COVERAGE_H

#include <stdio.h>

#include "mem/error.h"
#include "sim/machine.h"

/*
 * coverage.info: which source lines of the guest were executed, and how often, as an LCOV tracefile
 * (geninfo(1), FILES), for guests whose ELF files have DWARF. Code above user mode counts.
 *
 * Two test names, each with all files, functions and lines: `domains` for executions inside of
 * recovery domains, `outside` for all others; without recovery `all`. `genhtml --show-details`
 * shows them side by side and their sum as the file's coverage; a sum that is right, as an
 * execution is in one of them only. What one test says alone:
 *
 *     sed -n '/^TN:domains$/,/^end_of_record$/p' coverage.info > domains.info
 *
 * A line's count is that of its instruction that was executed most often (of a loop's head the
 * test, not the initialisation), of those that begin a statement if it has any: others may have
 * been moved elsewhere. Where the compiler made several copies of a function by inlining it, the
 * copies' counts are added up. A function's count is that of the first instruction of each copy.
 * Lines without an instruction of their own are not listed. Names in which LCOV's separators or
 * control characters occur have "_" in their place.
 */
struct coverage;

/* Makes the harts count, if there is something to say in the end. Before the machine's first turn;
 * the machine must outlive it. NULL and err on failure. */
struct coverage *coverage_new(struct machine *machine, struct error *err);
void coverage_free(struct coverage *coverage);

/* Why there is nothing to write ("no DWARF in the kernel's image"); NULL: there is. */
const char *coverage_missing(const struct coverage *coverage);

/* After the run. -1 and err when out of memory; the caller checks the file. */
int coverage_write(const struct coverage *coverage, FILE *out, struct error *err);

#endif
