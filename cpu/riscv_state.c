/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "cpu/riscv_hart.h"

#define INTERRUPT_BIT (UINT64_C(1) << 63)

/* Instructions between two collections of counts, at most: no lane may overflow. */
#define MAX_STRETCH (1u << 24)

#define SSIP (1u << RISCV_IRQ_SSI)
#define STIP (1u << RISCV_IRQ_STI)
#define SEIP (1u << RISCV_IRQ_SEI)

/* What sstatus shows of the bits that matter here. */
#define SSTATUS_SEEN (MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_SUM | MSTATUS_MXR)

uint64_t riscv_context_get(struct riscv *hart, enum riscv_field field)
{
    return riscv_window_get(&hart->shared->window, hart->context, field);
}

void riscv_context_set(struct riscv *hart, enum riscv_field field, uint64_t value)
{
    riscv_window_set(&hart->shared->window, hart->context, field, value);
}

/* Engine calls that cannot fail once the engine runs; if one does, the run loop reports it. */
static void must(struct riscv *hart, uc_err status, const char *what)
{
    if (status != UC_ERR_OK && !hart->failure.text[0])
        error_set(&hart->failure, "Unicorn: cannot %s: %s", what, uc_strerror(status));
}

void riscv_save_context(struct riscv *hart)
{
    must(hart, uc_context_save(hart->uc, hart->context), "save the context");
}

void riscv_restore_context(struct riscv *hart)
{
    must(hart, uc_context_restore(hart->uc, hart->context), "restore the context");
}

static uint64_t read_register(struct riscv *hart, int reg)
{
    uint64_t value = 0;
    must(hart, uc_reg_read(hart->uc, reg, &value), "read a register");
    return value;
}

uint64_t riscv_x(struct riscv *hart, unsigned number)
{
    return read_register(hart, UC_RISCV_REG_X0 + (int)number);
}

void riscv_set_x(struct riscv *hart, unsigned number, uint64_t value)
{
    if (number)
        must(hart, uc_reg_write(hart->uc, UC_RISCV_REG_X0 + (int)number, &value),
             "write a register");
}

uint64_t riscv_pc(struct riscv *hart)
{
    return read_register(hart, UC_RISCV_REG_PC);
}

/* Counter-enable registers (sections 3.1.11 and 4.1.5). */
bool riscv_counter_enabled(struct riscv *hart, unsigned csr)
{
    uint64_t bit = UINT64_C(1) << (csr - CSR_CYCLE);
    if (hart->level == RISCV_MACHINE)
        return true;
    riscv_save_context(hart);
    return (riscv_context_get(hart, FIELD_MCOUNTEREN) & bit) &&
           (hart->level != RISCV_USER || (riscv_context_get(hart, FIELD_SCOUNTEREN) & bit));
}

/*
 * The engine lets every level read cycle and instret, except in the oldest version of the
 * privileged architecture that it knows. A block that is going to read a counter that it may not is
 * run under that one; all that it does differently in such a block is the trap.
 */
void riscv_forbid_counters(struct riscv *hart)
{
    hart->counters_forbidden = true;
    riscv_save_context(hart);
    riscv_context_set(hart, FIELD_VERSION, VERSION_1_09);
    riscv_restore_context(hart);
}

static void allow_counters(struct riscv *hart)
{
    hart->counters_forbidden = false;
    riscv_save_context(hart);
    riscv_context_set(hart, FIELD_VERSION, VERSION_1_11);
    riscv_restore_context(hart);
}

static void flush_tlb(struct riscv *hart)
{
    must(hart, uc_ctl_flush_tlb(hart->uc), "flush the TLB");
    hart->cpu.counts.tlb_flushes++;
}

void riscv_sync_tlb(struct riscv *hart)
{
    if (hart->seen_withdrawals != *hart->withdrawals) {
        hart->seen_withdrawals = *hart->withdrawals;
        flush_tlb(hart);
    }
}

void riscv_refresh(struct riscv *hart)
{
    riscv_save_context(hart);
    hart->level = (unsigned)riscv_context_get(hart, FIELD_LEVEL);
    hart->mstatus = riscv_context_get(hart, FIELD_MSTATUS);
    hart->satp = riscv_context_get(hart, FIELD_SATP);
    hart->mie = riscv_context_get(hart, FIELD_MIE);
    hart->mideleg = riscv_context_get(hart, FIELD_MIDELEG);
    hart->medeleg = riscv_context_get(hart, FIELD_MEDELEG);
    hart->mip = (uint32_t)riscv_context_get(hart, FIELD_MIP);
    riscv_enter_space(hart);
}

/* ---- Traps (privileged specification, sections 3.1.6.1, 3.1.7, 3.1.8, 4.1.1) ---- */

/* Expects the context freshly saved; leaves it restored with the hart at its handler. */
static void enter_trap(struct riscv *hart, struct trap *trap)
{
    trap->from = hart->level;
    uint64_t delegated = trap->interrupt ? hart->mideleg : hart->medeleg;
    bool supervisor = hart->level != RISCV_MACHINE && (delegated >> trap->cause & 1);
    trap->to = supervisor ? RISCV_SUPERVISOR : RISCV_MACHINE;
    uint64_t status = riscv_context_get(hart, FIELD_MSTATUS), vector;
    if (supervisor) {
        bool enabled = status & MSTATUS_SIE;
        status &= ~(MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_SIE);
        status |= (enabled ? MSTATUS_SPIE : 0) | (hart->level ? MSTATUS_SPP : 0);
        vector = riscv_context_get(hart, FIELD_STVEC);
    } else {
        bool enabled = status & MSTATUS_MIE;
        status &= ~(MSTATUS_MPIE | MSTATUS_MPP | MSTATUS_MIE);
        status |= (enabled ? MSTATUS_MPIE : 0) | (uint64_t)hart->level << MSTATUS_MPP_SHIFT;
        vector = riscv_context_get(hart, FIELD_MTVEC);
    }
    uint64_t cause = trap->cause | (trap->interrupt ? INTERRUPT_BIT : 0);
    riscv_context_set(hart, supervisor ? FIELD_SCAUSE : FIELD_MCAUSE, cause);
    riscv_context_set(hart, supervisor ? FIELD_SEPC : FIELD_MEPC, trap->pc);
    riscv_context_set(hart, supervisor ? FIELD_STVAL : FIELD_MTVAL, trap->value);
    riscv_context_set(hart, FIELD_MSTATUS, status);
    riscv_context_set(hart, FIELD_LEVEL, trap->to);
    uint64_t offset = trap->interrupt && (vector & 3) == 1 ? 4 * trap->cause : 0;
    riscv_context_set(hart, FIELD_PC, (vector & ~UINT64_C(3)) + offset);
    riscv_restore_context(hart);

    hart->level = trap->to;
    riscv_enter_space(hart);
    hart->mstatus = status;
    hart->waiting = false;
    hart->cpu.counts.traps++;
    riscv_collect_counts(hart);
    if (status & MSTATUS_MPRV)
        flush_tlb(hart); /* M-mode's data translations depend on MPP, which has changed */
    cpu_announce_entry(&hart->cpu, trap);
    riscv_sync_tlb(hart);
}

void riscv_exception(struct riscv *hart, uint64_t cause, uint64_t value, uint64_t pc)
{
    struct trap trap = {.cause = cause, .value = value, .pc = pc};
    riscv_save_context(hart);
    enter_trap(hart, &trap);
}

/* ---- Interrupts (sections 3.1.9 and 4.1.3) ---- */

/* The interrupts that would be taken now, as mip bits. */
static uint32_t deliverable(const struct riscv *hart)
{
    uint32_t pending = hart->mip & (uint32_t)hart->mie;
    if (!pending)
        return 0;
    uint32_t machine = pending & ~(uint32_t)hart->mideleg;
    if (machine && (hart->level != RISCV_MACHINE || (hart->mstatus & MSTATUS_MIE)))
        return machine;
    uint32_t supervisor = pending & (uint32_t)hart->mideleg;
    if (hart->level == RISCV_USER ||
        (hart->level == RISCV_SUPERVISOR && (hart->mstatus & MSTATUS_SIE)))
        return supervisor;
    return 0;
}

void riscv_take_interrupt(struct riscv *hart)
{
    static const uint8_t priority[] = {RISCV_IRQ_MEI, RISCV_IRQ_MSI, RISCV_IRQ_MTI,
                                       RISCV_IRQ_SEI, RISCV_IRQ_SSI, RISCV_IRQ_STI};
    hart->attention &= ~(unsigned)ATTEND_TAKE;
    uint32_t candidates = deliverable(hart);
    for (size_t i = 0; i < sizeof priority; i++) {
        if (!(candidates >> priority[i] & 1))
            continue;
        riscv_save_context(hart);
        struct trap trap = {
            .interrupt = true, .cause = priority[i], .pc = riscv_context_get(hart, FIELD_PC)};
        enter_trap(hart, &trap);
        return;
    }
}

/* Makes the engine's mip equal to ours; the context holds what is to be changed. */
static void store_mip(struct riscv *hart)
{
    hart->mip = hart->lines | hart->software;
    riscv_context_set(hart, FIELD_MIP, hart->mip);
    riscv_restore_context(hart);
}

/*
 * The guest wrote mip or sip. Unicorn's riscv_cpu_update_mip() then arms an interrupt request of
 * its own, which may already have been served: then the engine stands at the handler. Learn of it,
 * and take the request back, so that interrupts are taken in one place only.
 */
static void settle_pending(struct riscv *hart)
{
    riscv_save_context(hart);
    uint32_t written = (uint32_t)riscv_context_get(hart, FIELD_MIP);
    uint32_t driven_too = written & hart->lines & (SEIP | STIP);
    hart->software = (written & (SSIP | STIP | SEIP) & ~driven_too) | (hart->software & driven_too);

    unsigned level = (unsigned)riscv_context_get(hart, FIELD_LEVEL);
    uint64_t pc = riscv_context_get(hart, FIELD_PC);
    bool served = pc != hart->last->pc + (hart->last->key & FAST_SIZE);
    /* A write of 0 with nothing pending and all rights clears the request. */
    riscv_context_set(hart, FIELD_MIP, 0);
    riscv_context_set(hart, FIELD_LEVEL, RISCV_MACHINE);
    riscv_restore_context(hart);
    uint64_t zero = 0;
    must(hart, uc_reg_write(hart->uc, UC_RISCV_REG_MIP, &zero), "clear mip");
    riscv_context_set(hart, FIELD_LEVEL, level);
    store_mip(hart);
    if (!served)
        return;
    struct trap trap = {.interrupt = true, .from = hart->level, .to = level};
    trap.cause = riscv_context_get(hart, level == RISCV_MACHINE ? FIELD_MCAUSE : FIELD_SCAUSE) &
                 ~INTERRUPT_BIT;
    trap.pc = riscv_context_get(hart, level == RISCV_MACHINE ? FIELD_MEPC : FIELD_SEPC);
    hart->level = level;
    riscv_enter_space(hart);
    hart->mstatus = riscv_context_get(hart, FIELD_MSTATUS);
    hart->cpu.counts.traps++;
    cpu_announce_entry(&hart->cpu, &trap);
}

/* ---- What a block's exit changed ---- */

static void settle_status(struct riscv *hart)
{
    if (hart->level == RISCV_SUPERVISOR) {
        uint64_t seen = read_register(hart, UC_RISCV_REG_SSTATUS) & SSTATUS_SEEN;
        hart->mstatus = (hart->mstatus & ~SSTATUS_SEEN) | seen;
        return;
    }
    riscv_save_context(hart);
    hart->mstatus = riscv_context_get(hart, FIELD_MSTATUS);
}

static void settle_return(struct riscv *hart, bool supervisor)
{
    unsigned from = hart->level;
    uint64_t status = hart->mstatus;
    if (supervisor) {
        hart->level = status & MSTATUS_SPP ? RISCV_SUPERVISOR : RISCV_USER;
        bool enable = status & MSTATUS_SPIE;
        status &= ~(MSTATUS_SPP | MSTATUS_SIE);
        status |= MSTATUS_SPIE | (enable ? MSTATUS_SIE : 0);
    } else {
        hart->level = (status & MSTATUS_MPP) >> MSTATUS_MPP_SHIFT;
        bool enable = status & MSTATUS_MPIE;
        status &= ~(MSTATUS_MPP | MSTATUS_MIE);
        status |= MSTATUS_MPIE | (enable ? MSTATUS_MIE : 0);
    }
    hart->mstatus = status;
    riscv_enter_space(hart);
    riscv_collect_counts(hart);
    cpu_announce_return(&hart->cpu, from, hart->level);
}

void riscv_settle(struct riscv *hart)
{
    hart->attention &= ~(unsigned)ATTEND_EXIT;
    switch ((enum riscv_exit)riscv_last_exit(hart)->exit) {
    case RISCV_EXIT_NONE:
        return;
    case RISCV_EXIT_STATUS:
        settle_status(hart);
        break;
    case RISCV_EXIT_STATUS_SET:
        hart->mstatus |= riscv_last_exit(hart)->operand & (MSTATUS_SIE | MSTATUS_MIE);
        break;
    case RISCV_EXIT_STATUS_CLEAR:
        hart->mstatus &= ~(riscv_last_exit(hart)->operand & (MSTATUS_SIE | MSTATUS_MIE));
        break;
    case RISCV_EXIT_SATP:
        riscv_save_context(hart);
        hart->satp = riscv_context_get(hart, FIELD_SATP);
        riscv_enter_space(hart);
        break;
    case RISCV_EXIT_INTERRUPTS:
        riscv_save_context(hart);
        hart->mie = riscv_context_get(hart, FIELD_MIE);
        hart->mideleg = riscv_context_get(hart, FIELD_MIDELEG);
        hart->medeleg = riscv_context_get(hart, FIELD_MEDELEG);
        break;
    case RISCV_EXIT_PENDING:
        settle_pending(hart);
        break;
    case RISCV_EXIT_SRET:
        settle_return(hart, true);
        break;
    case RISCV_EXIT_MRET:
        settle_return(hart, false);
        break;
    case RISCV_EXIT_CYCLE:
        riscv_collect_counts(hart);
        riscv_set_x(hart, riscv_last_exit(hart)->rd, hart->cpu.counts.cycles);
        return;
    case RISCV_EXIT_INSTRET:
        riscv_collect_counts(hart);
        riscv_set_x(hart, riscv_last_exit(hart)->rd, hart->cpu.counts.insns);
        return;
    }
    riscv_sync_tlb(hart);
    if (deliverable(hart))
        riscv_alert(hart, ATTEND_TAKE);
}

bool riscv_attend(struct riscv *hart)
{
    if (hart->attention & ATTEND_EXIT)
        riscv_settle(hart);
    if (hart->attention & ATTEND_CONTEXT) {
        hart->attention &= ~(unsigned)ATTEND_CONTEXT;
        if (hart->level != RISCV_USER) {
            riscv_collect_counts(hart);
            cpu_announce_context(&hart->cpu);
        }
        hart->attention |= ATTEND_TLB;
    }
    if (hart->attention & ATTEND_TLB) {
        hart->attention &= ~(unsigned)ATTEND_TLB;
        riscv_sync_tlb(hart);
    }
    if (hart->attention & ATTEND_LINES) {
        hart->attention &= ~(unsigned)ATTEND_LINES;
        if (hart->mip != (hart->lines | hart->software)) {
            riscv_save_context(hart);
            store_mip(hart);
        }
        hart->attention |= ATTEND_TAKE;
    }
    if ((hart->attention & ATTEND_TAKE) && !deliverable(hart))
        hart->attention &= ~(unsigned)ATTEND_TAKE;
    return hart->attention & (ATTEND_TAKE | ATTEND_PAUSE);
}

void riscv_cut_short(struct riscv *hart, uint64_t end)
{
    hart->attention &= ~(unsigned)ATTEND_EXIT;
    if (hart->counters_forbidden)
        allow_counters(hart);
    uint64_t executed = end - hart->last->pc;
    const struct fast_block *last = hart->last;
    uint64_t size = last->key & FAST_SIZE;
    if (executed == size + 2) { /* the engine's blocks end before an instruction of all zeros */
        hart->counts += (lanes){1, 0, 0, 1};
        if (hart->profile)
            riscv_profile_correct(hart, (lanes){1, 0, 0, 1});
        riscv_forget_last(hart);
    }
    if (executed >= size)
        return;
    uint8_t bytes[CODE_BLOCK_MAX];
    size_t known = riscv_code_bytes(hart, last->pc, bytes, (size_t)executed);
    struct block part = code_decode(hart->shared->code, bytes, (uint32_t)known);
    lanes beyond = last->counts - (lanes){part.insns, part.loads, part.stores, part.cycles};
    hart->counts -= beyond;
    if (hart->profile)
        riscv_profile_correct(hart, -beyond);
    if (hart->executions && hart->level != RISCV_USER)
        executions_cut(hart->executions, end, last->pc + size);
    riscv_forget_last(hart); /* counted once only */
}

void riscv_forget_last(struct riscv *hart)
{
    if (hart->profile)
        riscv_profile_flush(hart, &hart->blocks[FAST_BLOCKS]);
    riscv_flush_executions(hart, &hart->blocks[FAST_BLOCKS]);
    hart->blocks[FAST_BLOCKS] = (struct fast_block){0};
    hart->exits[FAST_BLOCKS] = (struct fast_exit){0};
    hart->last = &hart->blocks[FAST_BLOCKS];
}

void riscv_collect_counts(struct riscv *hart)
{
    struct cpu_counts *counts = &hart->cpu.counts;
    struct clock *clock = hart->clock;
    /* A block that is cut short later is taken back from what was collected: let it wrap. */
    clock->now += (uint64_t)(int32_t)hart->counts[LANE_INSNS];
    counts->insns += (uint64_t)(int32_t)hart->counts[LANE_INSNS];
    counts->loads += (uint64_t)(int32_t)hart->counts[LANE_LOADS];
    counts->stores += (uint64_t)(int32_t)hart->counts[LANE_STORES];
    counts->cycles += (uint64_t)(int32_t)hart->counts[LANE_CYCLES];
    hart->counts = (lanes){0};
    uint64_t left = clock->deadline > clock->now ? clock->deadline - clock->now : 0;
    uint64_t hold = hart->hold_insns > counts->insns ? hart->hold_insns - counts->insns : 0;
    left = left < hold ? left : hold;
    hart->limit = hart->attention ? 0 : left < MAX_STRETCH ? (uint32_t)left : MAX_STRETCH;
}
