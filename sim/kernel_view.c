/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/kernel_view.h"

#include "cpu/riscv.h"
#include "cpu/riscv_csr.h"
#include "cpu/riscv_mmu.h"

bool kernel_view_translate(const struct machine *machine, struct cpu *hart, uint64_t gva,
                           enum access_kind kind, uint64_t *gpa)
{
    struct riscv_mmu mmu = {.mstatus = kind == ACCESS_READ ? MSTATUS_SUM : 0,
                            .level = RISCV_SUPERVISOR};
    struct riscv_mapping mapping;
    if (cpu_register_value(hart, "satp", &mmu.satp) ||
        riscv_mmu_walk(machine->mem, &mmu, gva, kind, false, &mapping) != WALK_OK)
        return false;
    *gpa = mapping.gpa;
    return true;
}

static int read_through(const struct machine *machine, struct cpu *hart, uint64_t gva,
                        uint8_t *bytes, size_t size)
{
    uint64_t page_size = memory_page_size(machine->mem);
    while (size) {
        uint64_t gpa, in_page = page_size - (gva & (page_size - 1));
        size_t step = size < in_page ? size : (size_t)in_page;
        if (!kernel_view_translate(machine, hart, gva, ACCESS_READ, &gpa) ||
            memory_read(machine->mem, gpa, bytes, step))
            return -1;
        bytes += step;
        gva += step;
        size -= step;
    }
    return 0;
}

int kernel_view_read(const struct machine *machine, uint64_t gva, uint8_t *bytes, size_t size)
{
    for (unsigned i = 0; i < machine->hart_count; i++)
        if (read_through(machine, machine->harts[i], gva, bytes, size) == 0)
            return 0;
    return -1;
}
