/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_LCOV_H
#define IASO_SIM_LCOV_H

#include <stdbool.h>
#include <stdio.h>

#include "cpu/cpu.h"
#include "sim/report/source_lines.h"

/* An LCOV tracefile from source lines and executions: see sim/report/coverage.h. */
struct lcov;

struct lcov *lcov_new(void); /* NULL when out of memory */
void lcov_free(struct lcov *lcov);

/* What cpu_executions() says of one hart follows, a visit each; several harts add up. */
void lcov_begin_hart(struct lcov *lcov);
void lcov_executed(struct lcov *lcov, const struct cpu_executions *executions);

/* With `domains` two tests, else one. -1 when out of memory, now or before. */
int lcov_write(struct lcov *lcov, struct source_lines *lines, bool domains, FILE *out);

#endif
