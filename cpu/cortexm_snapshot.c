/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "cpu/cortexm_core.h"

/* What cpu_save() saves, followed by the tallies and the engine's context. */
struct saved {
    struct cpu_counts counts;
    struct cortexm_state state;
    uint64_t block_start, max_wait;
    size_t checked;
    uint32_t pc, fallthrough, passed;
    unsigned running; /* the tally of the block that ran last */
    bool thumb;
    struct cpu_tally tallies[];
};

static struct cortexm *core_of(struct cpu *cpu)
{
    return (struct cortexm *)cpu;
}

static size_t tallies_size(const struct cortexm *core)
{
    return core->options.pricing.classes * sizeof *core->tallies;
}

size_t cortexm_state_size(struct cpu *cpu)
{
    return sizeof(struct saved) + tallies_size(core_of(cpu)) + uc_context_size(core_of(cpu)->uc);
}

static void *context_in(const struct cortexm *core, const struct saved *saved)
{
    return (uint8_t *)saved->tallies + tallies_size(core);
}

void cortexm_save(struct cpu *cpu, void *state)
{
    struct cortexm *core = core_of(cpu);
    struct saved *saved = state;
    uc_err status = uc_context_save(core->uc, core->context);
    if (status != UC_ERR_OK)
        cortexm_fail(core, "cannot save a context", status);
    *saved = (struct saved){
        .counts = core->cpu.counts,
        .state = core->state,
        .block_start = core->block_start,
        .max_wait = core->max_wait,
        .checked = core->checked.count,
        .pc = cortexm_pc(core),
        .fallthrough = core->fallthrough,
        .passed = core->passed,
        .running = (unsigned)(core->running - core->tallies),
        .thumb = cortexm_get(core, UC_ARM_REG_XPSR) & XPSR_T,
    };
    memcpy(saved->tallies, core->tallies, tallies_size(core));
    memcpy(context_in(core, saved), core->context, uc_context_size(core->uc));
}

void cortexm_restore(struct cpu *cpu, const void *state)
{
    struct cortexm *core = core_of(cpu);
    const struct saved *saved = state;
    memcpy(core->context, context_in(core, saved), uc_context_size(core->uc));
    uc_err status = uc_context_restore(core->uc, core->context);
    if (status != UC_ERR_OK)
        cortexm_fail(core, "cannot restore a context", status);
    cortexm_set_pc(core, saved->pc, saved->thumb);
    core->cpu.counts = saved->counts;
    core->state = saved->state;
    memcpy(core->tallies, saved->tallies, tallies_size(core));
    core->running = core->tallies + saved->running;
    core->block_start = saved->block_start;
    core->max_wait = saved->max_wait;
    cortexm_uncheck(core, saved->checked);
    core->fallthrough = saved->fallthrough;
    core->passed = saved->passed;
    core->exit_at = NO_ADDRESS;
    core->last = NULL;
    core->attention = ATTEND_TLB | ATTEND_BASEPRI;
    core->seen_withdrawals = *core->withdrawals - 1; /* flush */
    clock_set(core->clock, &core->systick_event, saved->state.scs.systick.due);
    cortexm_set_hazards(core);
    cortexm_update(core);
}

/* ---- Registers by name ---- */

static const struct {
    const char *name;
    int reg;
} names[] = {
    {"r0", UC_ARM_REG_R0},
    {"r1", UC_ARM_REG_R1},
    {"r2", UC_ARM_REG_R2},
    {"r3", UC_ARM_REG_R3},
    {"r4", UC_ARM_REG_R4},
    {"r5", UC_ARM_REG_R5},
    {"r6", UC_ARM_REG_R6},
    {"r7", UC_ARM_REG_R7},
    {"r8", UC_ARM_REG_R8},
    {"r9", UC_ARM_REG_R9},
    {"r10", UC_ARM_REG_R10},
    {"r11", UC_ARM_REG_R11},
    {"r12", UC_ARM_REG_R12},
    {"sp", UC_ARM_REG_R13},
    {"lr", UC_ARM_REG_R14},
    {"pc", UC_ARM_REG_R15},
    {"xpsr", UC_ARM_REG_XPSR},
    {"msp", UC_ARM_REG_MSP},
    {"psp", UC_ARM_REG_PSP},
    {"control", UC_ARM_REG_CONTROL},
    {"primask", UC_ARM_REG_PRIMASK},
    {"basepri", UC_ARM_REG_BASEPRI},
    {"faultmask", UC_ARM_REG_FAULTMASK},
    {"fpscr", UC_ARM_REG_FPSCR},
};

#define NAMES   (sizeof names / sizeof names[0])
#define GENERAL 15 /* r0 to lr */

static const char *const fp_names[32] = {"s0",  "s1",  "s2",  "s3",  "s4",  "s5",  "s6",  "s7",
                                         "s8",  "s9",  "s10", "s11", "s12", "s13", "s14", "s15",
                                         "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23",
                                         "s24", "s25", "s26", "s27", "s28", "s29", "s30", "s31"};

int cortexm_register_number(const char *name)
{
    for (int i = 0; i < GENERAL; i++)
        if (!strcmp(name, names[i].name))
            return i;
    return -1;
}

static bool is_special(int reg)
{
    return reg == UC_ARM_REG_MSP || reg == UC_ARM_REG_PSP || reg == UC_ARM_REG_PRIMASK ||
           reg == UC_ARM_REG_BASEPRI || reg == UC_ARM_REG_FAULTMASK;
}

uint64_t cortexm_general(struct cpu *cpu, unsigned number)
{
    return number < GENERAL ? cortexm_get(core_of(cpu), names[number].reg) : 0;
}

static int write_named(struct cortexm *core, size_t i, uint32_t value)
{
    switch (names[i].reg) {
    case UC_ARM_REG_R15:
        cortexm_set_pc(core, value & ~UINT32_C(1), true);
        core->fallthrough = NO_ADDRESS;
        return 0;
    case UC_ARM_REG_XPSR:
        value = (value & ~0x1ffu) | cortexm_get(core, UC_ARM_REG_IPSR);
        cortexm_set(core, UC_ARM_REG_XPSR_NZCVQG, value);
        return 0;
    case UC_ARM_REG_CONTROL: /* the mode is not changed from outside */
        return -1;
    }
    if (is_special(names[i].reg) && !cortexm_privileged(core))
        return -1;
    cortexm_set(core, names[i].reg, value);
    cortexm_update(core);
    return 0;
}

int cortexm_write(struct cpu *cpu, const char *name, uint64_t value)
{
    struct cortexm *core = core_of(cpu);
    for (size_t i = 0; i < NAMES; i++)
        if (!strcmp(name, names[i].name))
            return write_named(core, i, (uint32_t)value);
    for (int i = 0; core->options.model == CORTEXM_M4 && i < 32; i++) {
        if (!strcmp(name, fp_names[i])) {
            cortexm_set(core, UC_ARM_REG_S0 + i, (uint32_t)value);
            return 0;
        }
    }
    return -1;
}

size_t cortexm_registers(struct cpu *cpu, struct cpu_register *registers, size_t size)
{
    struct cortexm *core = core_of(cpu);
    bool fpu = core->options.model == CORTEXM_M4;
    size_t named = NAMES - !fpu, count = named + (fpu ? 32 : 0);
    for (size_t i = 0; i < count && i < size; i++) {
        uint32_t value;
        if (i >= named)
            value = cortexm_get(core, UC_ARM_REG_S0 + (int)(i - named));
        else if (names[i].reg == UC_ARM_REG_R15)
            value = cortexm_pc(core);
        else if (is_special(names[i].reg))
            value = cortexm_get_special(core, names[i].reg);
        else
            value = cortexm_get(core, names[i].reg);
        registers[i] =
            (struct cpu_register){i < named ? names[i].name : fp_names[i - named], value};
    }
    return count;
}
