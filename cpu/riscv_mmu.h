/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_CPU_RISCV_MMU_H
#define IASO_CPU_RISCV_MMU_H

#include <stdbool.h>
#include <stdint.h>

#include "mem/memory.h"

/* What a translation depends on besides memory. */
struct riscv_mmu {
    uint64_t satp;
    uint64_t mstatus; /* SUM and MXR count */
    unsigned level;   /* effective privilege: RISCV_MACHINE means no translation */
};

struct riscv_mapping {
    uint64_t gpa; /* of the byte asked for */
    bool read, write,
        fetch; /* what the leaf allows at this level; write only if it is dirty already */
};

enum riscv_walk {
    WALK_OK,
    WALK_PAGE_FAULT,
    WALK_ACCESS_FAULT, /* a page table lies outside of memory */
};

/*
 * The address translation algorithm (privileged specification, section 4.3.2) for bare, Sv39, Sv48
 * and Sv57. With `update`, A and D bits are set in memory as hardware that updates them does;
 * without, nothing changes.
 */
enum riscv_walk riscv_mmu_walk(struct memory *mem, const struct riscv_mmu *mmu, uint64_t gva,
                               enum access_kind kind, bool update, struct riscv_mapping *mapping);

#endif
