/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "cpu/riscv_hart.h"

/* What cpu_save() saves, followed by the engine's context. */
struct saved {
    struct cpu_counts counts;
    unsigned hart;
    unsigned level, attention;
    uint32_t lines, software;
    bool counters_forbidden, waiting;
    uint64_t fflags;
    uint8_t context[] __attribute__((aligned(16)));
};

/* Of the hart, not of the thread that it runs. */
static const enum riscv_field hart_fields[] = {
    FIELD_MHARTID, FIELD_MIP,   FIELD_MIE,    FIELD_MIDELEG, FIELD_MEDELEG,    FIELD_MTVEC,
    FIELD_MEPC,    FIELD_MTVAL, FIELD_MCAUSE, FIELD_STVEC,   FIELD_MCOUNTEREN, FIELD_SCOUNTEREN,
};

#define HART_FIELDS (sizeof hart_fields / sizeof hart_fields[0])

static struct riscv *hart_of(struct cpu *cpu)
{
    return (struct riscv *)cpu;
}

size_t riscv_state_size(struct cpu *cpu)
{
    return sizeof(struct saved) + uc_context_size(hart_of(cpu)->uc);
}

/* The accrued exceptions of floating point are in no window and in no context; the engine lets them
 * be reached while mstatus.FS is not Off. Leaves the context as it is in the engine. */
static uint64_t reach_fflags(struct riscv *hart, const uint64_t *value)
{
    uint64_t old = 0;
    riscv_save_context(hart);
    uint64_t status = riscv_context_get(hart, FIELD_MSTATUS);
    bool off = !(status & MSTATUS_FS);
    if (off) {
        riscv_context_set(hart, FIELD_MSTATUS, status | MSTATUS_FS);
        riscv_restore_context(hart);
    }
    uc_err failed = value ? uc_reg_write(hart->uc, UC_RISCV_REG_FFLAGS, value)
                          : uc_reg_read(hart->uc, UC_RISCV_REG_FFLAGS, &old);
    if (failed != UC_ERR_OK && !hart->failure.text[0])
        error_set(&hart->failure, "Unicorn: cannot reach fflags: %s", uc_strerror(failed));
    if (off || value) { /* writing them makes FS Dirty */
        riscv_context_set(hart, FIELD_MSTATUS, status);
        riscv_restore_context(hart);
    }
    return old;
}

void riscv_set_fflags(struct riscv *hart, uint64_t value)
{
    (void)reach_fflags(hart, &value);
}

void riscv_save(struct cpu *cpu, void *state)
{
    struct riscv *hart = hart_of(cpu);
    struct saved *saved = state;
    riscv_collect_counts(hart);
    uint64_t fflags = reach_fflags(hart, NULL);
    if (hart->block_pc) /* the engine's own may be behind */
        riscv_context_set(hart, FIELD_PC, hart->block_pc);
    *saved = (struct saved){
        .counts = hart->cpu.counts,
        .hart = hart->cpu.number,
        .level = hart->level,
        .attention = hart->attention & ~(unsigned)(ATTEND_EXIT | ATTEND_PAUSE),
        .lines = hart->lines,
        .software = hart->software,
        .counters_forbidden = hart->counters_forbidden,
        .waiting = hart->waiting,
        .fflags = fflags,
    };
    memcpy(saved->context, hart->context, uc_context_size(hart->uc));
}

/* The hart stands at what its context says. */
static void stand(struct riscv *hart, unsigned attention)
{
    riscv_restore_context(hart);
    riscv_refresh(hart);
    riscv_forget_last(hart);
    hart->block_pc = 0;
    hart->attention = 0;
    riscv_alert(hart, (enum attention)(attention | ATTEND_LINES | ATTEND_TLB));
    hart->seen_withdrawals = *hart->withdrawals - 1; /* flush */
}

void riscv_restore(struct cpu *cpu, const void *state)
{
    struct riscv *hart = hart_of(cpu);
    const struct saved *saved = state;
    memcpy(hart->context, saved->context, uc_context_size(hart->uc));
    hart->cpu.counts = saved->counts;
    hart->counts = (lanes){0};
    hart->lines = saved->lines;
    hart->software = saved->software;
    hart->counters_forbidden = saved->counters_forbidden;
    hart->waiting = saved->waiting;
    stand(hart, saved->attention);
    riscv_set_fflags(hart, saved->fflags);
}

/* mscratch is in no window; the engine lets M-mode have it. */
static uint64_t swap_mscratch(struct riscv *hart, const uint64_t *value)
{
    uint64_t old = 0;
    riscv_save_context(hart);
    uint64_t level = riscv_context_get(hart, FIELD_LEVEL);
    riscv_context_set(hart, FIELD_LEVEL, RISCV_MACHINE);
    riscv_restore_context(hart);
    uc_err status = value ? uc_reg_write(hart->uc, UC_RISCV_REG_MSCRATCH, value)
                          : uc_reg_read(hart->uc, UC_RISCV_REG_MSCRATCH, &old);
    if (status != UC_ERR_OK && !hart->failure.text[0])
        error_set(&hart->failure, "Unicorn: cannot reach mscratch: %s", uc_strerror(status));
    riscv_save_context(hart);
    riscv_context_set(hart, FIELD_LEVEL, level);
    riscv_restore_context(hart);
    return old;
}

void riscv_adopt(struct cpu *cpu, const void *state)
{
    struct riscv *hart = hart_of(cpu);
    const struct saved *saved = state;
    uint64_t kept[HART_FIELDS];
    bool migrated = saved->hart != hart->cpu.number;
    uint64_t mscratch = migrated ? swap_mscratch(hart, NULL) : 0;
    riscv_save_context(hart);
    for (size_t i = 0; i < HART_FIELDS; i++)
        kept[i] = riscv_context_get(hart, hart_fields[i]);
    memcpy(hart->context, saved->context, uc_context_size(hart->uc));
    for (size_t i = 0; i < HART_FIELDS; i++)
        riscv_context_set(hart, hart_fields[i], kept[i]);
    hart->waiting = false;
    stand(hart, 0);
    riscv_set_fflags(hart, saved->fflags);
    if (migrated)
        swap_mscratch(hart, &mscratch);
}

int riscv_write(struct cpu *cpu, const char *name, uint64_t value)
{
    struct riscv *hart = hart_of(cpu);
    if (!strcmp(name, "pc")) {
        riscv_save_context(hart);
        riscv_context_set(hart, FIELD_PC, value);
        riscv_restore_context(hart);
        return 0;
    }
    int number = riscv_register_number(name);
    if (number < 0)
        return -1;
    riscv_set_x(hart, (unsigned)number, value);
    return 0;
}

/* As SRET does (privileged specification, section 3.3.2). */
void riscv_leave_trap(struct cpu *cpu, bool step_over)
{
    struct riscv *hart = hart_of(cpu);
    riscv_save_context(hart);
    uint64_t status = riscv_context_get(hart, FIELD_MSTATUS);
    uint64_t pc = riscv_context_get(hart, FIELD_SEPC);
    bool enable = status & MSTATUS_SPIE;
    riscv_context_set(hart, FIELD_LEVEL, status & MSTATUS_SPP ? RISCV_SUPERVISOR : RISCV_USER);
    status &= ~(MSTATUS_SPP | MSTATUS_SIE);
    status |= MSTATUS_SPIE | (enable ? MSTATUS_SIE : 0);
    riscv_context_set(hart, FIELD_MSTATUS, status);
    stand(hart, 0);
    if (step_over)
        pc += riscv_length((uint16_t)riscv_insn_at(hart, pc));
    riscv_save_context(hart);
    riscv_context_set(hart, FIELD_PC, pc);
    riscv_restore_context(hart);
}

/* "c.j 0": an instruction of two bytes that jumps to itself. */
#define JUMP_TO_SELF UINT16_C(0xa001)

static int hang(struct riscv *hart, uint64_t pc)
{
    uint64_t gpa;
    const uint16_t insn = JUMP_TO_SELF;
    if (hart->cpu.ops->translate(&hart->cpu, pc, &gpa))
        return -1;
    return memory_write(hart->options.mem, gpa, &insn, sizeof insn);
}

int riscv_inject(struct cpu *cpu, enum cpu_fault fault)
{
    struct riscv *hart = hart_of(cpu);
    uint64_t pc = riscv_pc(hart);
    switch (fault) {
    case CPU_FAULT_NULL:
        riscv_exception(hart, EXCEPTION_LOAD_PAGE, 0, pc);
        return 0;
    case CPU_FAULT_BREAKPOINT:
        riscv_exception(hart, EXCEPTION_BREAKPOINT, pc, pc);
        return 0;
    case CPU_FAULT_SKIP:
        return riscv_write(cpu, "pc", pc + riscv_length((uint16_t)riscv_insn_at(hart, pc)));
    case CPU_FAULT_HANG:
        return hang(hart, pc);
    }
    return -1;
}

static void prepare_call(struct riscv *hart, const struct cpu_call *call)
{
    uint64_t sp =
        (riscv_x(hart, 2) - 512) & ~UINT64_C(15); /* below what the thread may still use */
    riscv_set_x(hart, 1, CALL_RETURN);
    riscv_set_x(hart, 2, sp);
    riscv_set_x(hart, 10, call->arguments[0]);
    riscv_set_x(hart, 11, call->arguments[1]);
    riscv_save_context(hart);
    uint64_t status = riscv_context_get(hart, FIELD_MSTATUS);
    riscv_context_set(hart, FIELD_MSTATUS, status & ~MSTATUS_SIE);
    riscv_context_set(hart, FIELD_PC, call->function);
    hart->waiting = false;
    stand(hart, 0);
}

int riscv_call(struct cpu *cpu, const struct cpu_call *call, uint64_t *result, struct error *err)
{
    struct riscv *hart = hart_of(cpu);
    if (hart->level != RISCV_SUPERVISOR)
        return error_set(err, "the hart is not in its kernel");
    struct saved *saved = malloc(riscv_state_size(cpu));
    if (!saved)
        return error_set(err, "out of memory");
    riscv_save(cpu, saved);
    uint64_t deadline = hart->clock->deadline;
    uint64_t hold = hart->hold_insns;
    hart->clock->deadline = hart->clock->now + call->max_insns;
    hart->hold_insns = UINT64_MAX;
    prepare_call(hart, call);
    enum cpu_stop stop = cpu_run(cpu, err);
    bool returned = stop == CPU_PAUSED && hart->fault.set && hart->fault.page == CALL_RETURN;
    if (returned)
        *result = riscv_x(hart, 10);
    else if (stop != CPU_FAILED)
        error_set(err, "the function did not return within %llu instructions",
                  (unsigned long long)call->max_insns);
    saved->counts = hart->cpu.counts;
    saved->lines = hart->lines;
    saved->software = hart->software;
    hart->clock->deadline = deadline;
    hart->hold_insns = hold;
    riscv_restore(cpu, saved);
    free(saved);
    return returned ? 0 : -1;
}
