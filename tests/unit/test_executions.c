/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include "cpu/executions.h"

#define SLOTS 4

static struct cpu_executions seen[3000];
static size_t seen_count;

static void on_visit(void *opaque, const struct cpu_executions *executions)
{
    cr_assert_eq(opaque, seen);
    cr_assert_lt(seen_count, sizeof seen / sizeof seen[0]);
    seen[seen_count++] = *executions;
}

static void visit(const struct executions *executions)
{
    seen_count = 0;
    cr_assert_eq(executions_visit(executions, on_visit, seen), 0);
    for (size_t i = 1; i < seen_count; i++)
        cr_assert_lt(seen[i - 1].address, seen[i].address);
    if (seen_count)
        cr_expect(!seen[seen_count - 1].inside && !seen[seen_count - 1].outside);
}

static void expect_at(uint64_t address, uint64_t inside, uint64_t outside)
{
    struct cpu_executions found = {0};
    for (size_t i = 0; i < seen_count && seen[i].address <= address; i++)
        found = seen[i];
    cr_expect_eq(found.inside, inside, "%lx: %lu inside", address, found.inside);
    cr_expect_eq(found.outside, outside, "%lx: %lu outside", address, found.outside);
}

Test(executions, blocks_that_overlap)
{
    struct executions *executions = executions_new(SLOTS);
    visit(executions);
    cr_expect_eq(seen_count, 0);
    for (unsigned i = 0; i < 10; i++)
        executions_run(executions, 1, false);
    executions_set_side(executions, EXECUTED_INSIDE);
    for (unsigned i = 0; i < 3; i++)
        executions_run(executions, 1, false);
    executions_run(executions, 1, true);
    executions_flush(executions, 1, 0x1000, 0x20);
    executions_run(executions, 1, false);
    executions_flush(executions, 1, 0x1010, 0x20); /* within the first, and beyond */
    executions_flush(executions, 1, 0x1234, 0x20); /* nothing was counted */
    visit(executions);
    expect_at(0xfff, 0, 0);
    expect_at(0x1000, 3, 11);
    expect_at(0x1010, 4, 11);
    expect_at(0x1020, 1, 0);
    expect_at(0x1030, 0, 0);
    executions_free(executions);
    executions_free(NULL);
}

Test(executions, cut_short)
{
    struct executions *executions = executions_new(SLOTS);
    executions_run(executions, 0, false);
    executions_run(executions, 0, false);
    executions_set_side(executions, EXECUTED_INSIDE); /* the block that is cut ran before */
    executions_cut(executions, 0x1008, 0x1010);
    executions_flush(executions, 0, 0x1000, 0x10);
    visit(executions);
    expect_at(0x1000, 0, 2);
    expect_at(0x1006, 0, 2);
    expect_at(0x1008, 0, 1);
    expect_at(0x1010, 0, 0);
    executions_free(executions);
}

Test(executions, many)
{
    struct executions *executions = executions_new(SLOTS);
    for (unsigned i = 0; i < 5000; i++) {
        uint64_t pc = UINT64_C(0xffffffff80000000) + i % 2500 * 2;
        executions_run(executions, 0, false);
        executions_flush(executions, 0, pc, 2);
    }
    visit(executions);
    cr_expect_eq(seen_count, 2501);
    for (unsigned i = 0; i < 2500; i++)
        expect_at(UINT64_C(0xffffffff80000000) + i * 2, 0, 2);
    executions_free(executions);
}
