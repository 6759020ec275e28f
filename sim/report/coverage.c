/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/report/coverage.h"

#include <stdlib.h>

#include "sim/report/lcov.h"
#include "sim/report/source_lines.h"

struct coverage {
    struct machine *machine;
    bool *has; /* DWARF, of each image that is loaded */
    bool any;
};

struct coverage *coverage_new(struct machine *machine, struct error *err)
{
    const struct config *config = machine->config;
    struct coverage *coverage = calloc(1, sizeof *coverage);
    bool *has = calloc(config->load_count + 1, sizeof *has);
    if (!coverage || !has) {
        free(coverage);
        free(has);
        error_set(err, "out of memory");
        return NULL;
    }
    *coverage = (struct coverage){.machine = machine, .has = has};
    for (size_t i = 0; i < config->load_count; i++) {
        has[i] = config->load[i].file && source_lines_in(config->load[i].file);
        coverage->any |= has[i];
    }
    for (unsigned i = 0; coverage->any && i < machine->hart_count; i++) {
        if (cpu_count_executions(machine->harts[i], err)) {
            coverage_free(coverage);
            return NULL;
        }
    }
    return coverage;
}

void coverage_free(struct coverage *coverage)
{
    if (coverage)
        free(coverage->has);
    free(coverage);
}

const char *coverage_missing(const struct coverage *coverage)
{
    return coverage->any ? NULL : "no DWARF in the kernel's image";
}

static void on_visit(void *opaque, const struct cpu_executions *executions)
{
    lcov_executed(opaque, executions);
}

int coverage_write(const struct coverage *coverage, FILE *out, struct error *err)
{
    const struct machine *machine = coverage->machine;
    const struct config *config = machine->config;
    struct source_lines *lines = source_lines_new();
    struct lcov *lcov = lcov_new();
    int result = lines && lcov ? 0 : error_set(err, "out of memory");
    for (size_t i = 0; !result && i < config->load_count; i++)
        if (coverage->has[i])
            result = source_lines_add(lines, config->load[i].file, err);
    for (unsigned i = 0; !result && i < machine->hart_count; i++) {
        lcov_begin_hart(lcov);
        if (cpu_executions(machine->harts[i], on_visit, lcov))
            result = error_set(err, "out of memory");
    }
    if (!result && lcov_write(lcov, lines, machine->recovery != NULL, out))
        result = error_set(err, "out of memory");
    lcov_free(lcov);
    source_lines_free(lines);
    return result;
}
