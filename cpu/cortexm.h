/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_CPU_CORTEXM_H
#define IASO_CPU_CORTEXM_H

#include "cpu/cpu.h"

/*
 * An ARMv7-M core with its system control space: NVIC, SysTick, SCB, DWT cycle counter (ARMv7-M
 * Architecture Reference Manual, DDI 0403E, chapters B1 and B3). Interrupt numbers of cpu_set_irq()
 * are those of the external lines, from 0. Levels in struct trap: 0 unprivileged thread mode, 1
 * privileged thread mode, 3 handler mode; `cause` is the exception number. A lockup ends cpu_run()
 * with CPU_LOCKED. One tick of the clock is one cycle of the core.
 *
 * Not as on silicon: there is no MPU (MPU_TYPE reads 0). Floating-point registers are stacked at
 * once, not lazily, and FPDSCR is not applied. LDM, STM, LDRD and STRD do not fault on unaligned
 * addresses, nor does CCR.UNALIGN_TRP do anything. SysTick and CYCCNT are read as of the end of the
 * basic block. Exceptions do not clear the exclusive monitor. CCR.BFHFNMIGN and USERSETMPEND are
 * ignored, unprivileged loads (LDRT) from the private bus are not refused. Without the DWT's
 * comparators and the ITM.
 */
enum cortexm_model {
    CORTEXM_M3,
    CORTEXM_M4, /* with the single-precision FPU */
};

#define CORTEXM_MAX_LINES 240

/* What the core asks of the machine around it. */
struct cortexm_host {
    /* BKPT 0xab was executed: ARM semihosting. Returns what goes into r0. */
    uint32_t (*semihost)(void *opaque, uint32_t operation, uint32_t argument);
    /* AIRCR.SYSRESETREQ was written. */
    void (*reset_requested)(void *opaque);
    void *opaque;
};

struct cortexm_options {
    enum cortexm_model model;
    struct memory *mem; /* all other regions are in place: the core adds "ppb" at 0xe0000000 */
    struct clock *clock;
    unsigned lines;         /* external interrupts, 1 to CORTEXM_MAX_LINES */
    unsigned priority_bits; /* that are implemented, 2 to 8 */
    uint64_t vectors;       /* address of the vector table at reset */
    uint64_t reference_hz;  /* of SysTick's reference clock; 0: there is none */
    struct cpu_pricing pricing;
    struct cortexm_host host;
};

/* Starts, and starts again after cpu_reset(), with MSP and pc from the vector table. */
struct cpu *cortexm_new(const struct cortexm_options *options, struct error *err);

/* Where the next cpu_reset() starts instead, and only that one; VTOR is `vectors` all the same. */
void cortexm_start_at(struct cpu *cpu, uint32_t pc, uint32_t sp);

#endif
