/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_CPU_RISCV_H
#define IASO_CPU_RISCV_H

#include "cpu/cpu.h"
#include "mem/arena.h"

/* RV64GC with M, S and U modes, Sv39/48/57; Unicorn's U54 model underneath. Interrupt numbers of
 * cpu_set_irq() are those of the mip register (privileged specification, section 3.1.9). */
enum riscv_interrupt {
    RISCV_IRQ_SSI = 1,
    RISCV_IRQ_MSI = 3,
    RISCV_IRQ_STI = 5,
    RISCV_IRQ_MTI = 7,
    RISCV_IRQ_SEI = 9,
    RISCV_IRQ_MEI = 11,
};

enum riscv_level {
    RISCV_USER = 0,
    RISCV_SUPERVISOR = 1,
    RISCV_MACHINE = 3,
};

/* Names of the x registers in the ABI, as in `struct cpu_register`. */
extern const char *const riscv_x_names[32];

/* What the harts of a machine share: the decoded blocks of guest code, and where the engine keeps
 * its state. */
struct riscv_shared;

struct riscv_shared *riscv_shared_new(struct error *err);
void riscv_shared_free(struct riscv_shared *shared);

struct riscv_options {
    unsigned hart;
    struct memory *mem; /* all regions are in place before the first hart is made */
    struct clock *clock;
    struct riscv_shared *shared;
    uint64_t (*time)(void *opaque); /* the time CSR */
    void *time_opaque;
    struct arena *profile; /* of counts for cpu_profile(), at a cost for each block; NULL: none */
    bool hook_accesses;    /* also count with the engine's own per-access hooks, for comparison */
};

/* Starts, and starts again after cpu_reset(), in M-mode at `pc` with all x registers 0. */
struct cpu *riscv_new(const struct riscv_options *options, uint64_t pc, struct error *err);

#endif
