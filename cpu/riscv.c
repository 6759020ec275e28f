/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cpu/riscv.h"

#include <stdlib.h>
#include <string.h>

#include "cpu/riscv_hart.h"
#include "cpu/riscv_mmu.h"

/* Bytes of host memory for translated code, per hart; when it is full the engine starts over. */
#define TRANSLATION_BUFFER (256u << 20)

/* ---- Running ---- */

/* Turns the refused TLB fill into the exception that the hart takes at pc. */
static void take_fault(struct riscv *hart)
{
    uint64_t pc = riscv_pc(hart), page = hart->fault.page, value = page;
    if (hart->fault.kind == ACCESS_FETCH) {
        /* No block ran, and time would stand still if the handler cannot be fetched either: like
         * every instruction that traps, this one counts. */
        hart->attention &= ~(unsigned)ATTEND_EXIT;
        hart->counts[LANE_INSNS]++;
        if (hart->profile)
            riscv_profile_lone(hart, pc);
        if ((pc & ~PAGE_OFFSET) == page)
            value = pc;
        riscv_exception(hart,
                        hart->fault.page_fault ? EXCEPTION_FETCH_PAGE : EXCEPTION_FETCH_ACCESS,
                        value, pc);
        return;
    }
    uint32_t insn = riscv_insn_at(hart, pc);
    struct riscv_access access;
    bool store = hart->fault.kind == ACCESS_WRITE;
    if (riscv_access_of(insn, &access)) {
        uint64_t address = riscv_x(hart, access.base) + (uint64_t)access.offset;
        if ((address & ~PAGE_OFFSET) == page) /* else its second half lies in the next page */
            value = address;
        store = access.store; /* the load half of an AMO faults as a store */
    }
    riscv_cut_short(hart, pc + riscv_length((uint16_t)insn));
    uint64_t cause = hart->fault.page_fault
                         ? (store ? EXCEPTION_STORE_PAGE : EXCEPTION_LOAD_PAGE)
                         : (store ? EXCEPTION_STORE_ACCESS : EXCEPTION_LOAD_ACCESS);
    riscv_exception(hart, cause, value, pc);
}

/* EBREAK stops the engine with pc exact. It could be caught in a hook instead, but what the engine
 * does after that hook depends on its version. */
static void take_breakpoint(struct riscv *hart)
{
    uint64_t pc = riscv_pc(hart);
    riscv_cut_short(hart, pc + riscv_length((uint16_t)riscv_insn_at(hart, pc)));
    riscv_exception(hart, EXCEPTION_BREAKPOINT, pc, pc);
}

/* One stretch of the engine, up to the next reason to leave it. */
static int run_engine(struct riscv *hart, struct error *err)
{
    hart->fault.set = hart->stopping = false;
    uc_err status = uc_emu_start(hart->uc, riscv_pc(hart), 0, 0, 0);
    if (hart->failure.text[0])
        return error_set(err, "%s", hart->failure.text);
    if (hart->stopping) {
        /* With instruction hooks, the engine does not go back to the start of a block that was
         * stopped before it began. */
        if (hart->has_instruction_hooks)
            riscv_write(&hart->cpu, "pc", hart->stop_pc);
        if (hart->stopped_within)
            riscv_cut_short(hart, hart->stop_pc);
        hart->stopped_within = false;
        return 0;
    }
    if (status == UC_ERR_EXCEPTION && hart->fault.set) {
        if (hart->fault.kind == ACCESS_FETCH && (hart->attention & ATTEND_PAUSE))
            return 0; /* nothing ran since the pause was asked for; it will fault again */
        take_fault(hart);
        return 0;
    }
    if (status == UC_ERR_INSN_INVALID) {
        take_breakpoint(hart);
        return 0;
    }
    if (status != UC_ERR_OK)
        return error_set(err, "Unicorn stopped at pc 0x%llx: %s",
                         (unsigned long long)riscv_pc(hart), uc_strerror(status));
    riscv_cut_short(hart, riscv_pc(hart)); /* WFI */
    hart->waiting = true;
    return 0;
}

static enum cpu_stop run_until(struct riscv *hart, struct error *err)
{
    if (hart->seen_handovers != *hart->handovers)
        hart->seen_withdrawals = *hart->withdrawals - 1; /* flush */
    riscv_sync_tlb(hart);
    for (;;) {
        riscv_collect_counts(hart);
        bool wanted = riscv_attend(hart);
        if (hart->attention & ATTEND_PAUSE) {
            hart->attention &= ~(unsigned)ATTEND_PAUSE;
            return CPU_PAUSED;
        }
        if (wanted)
            riscv_take_interrupt(hart);
        if (hart->waiting && !(hart->mip & (uint32_t)hart->mie))
            return CPU_IDLE;
        hart->waiting = false;
        if (hart->clock->now >= hart->clock->deadline)
            return CPU_DEADLINE;
        if (run_engine(hart, err))
            return CPU_FAILED;
        if (hart->held) {
            hart->held = false;
            return CPU_HELD;
        }
    }
}

static enum cpu_stop run(struct cpu *cpu, struct error *err)
{
    struct riscv *hart = (struct riscv *)cpu;
    enum cpu_stop stop = run_until(hart, err);
    riscv_collect_counts(hart);
    hart->seen_handovers = *hart->handovers;
    return stop;
}

static void pause_hart(struct cpu *cpu)
{
    riscv_alert((struct riscv *)cpu, ATTEND_PAUSE);
}

static void hold_at(struct cpu *cpu, uint64_t insns)
{
    struct riscv *hart = (struct riscv *)cpu;
    hart->hold_insns = insns;
    riscv_collect_counts(hart);
}

static uint64_t block_start(struct cpu *cpu)
{
    const struct riscv *hart = (struct riscv *)cpu;
    lanes before = hart->counts - hart->last->counts;
    return cpu->counts.insns + (uint64_t)(int32_t)before[LANE_INSNS];
}

static uint64_t block_pc(struct cpu *cpu)
{
    return ((struct riscv *)cpu)->last->pc;
}

static void set_irq(struct cpu *cpu, unsigned number, bool level)
{
    struct riscv *hart = (struct riscv *)cpu;
    uint32_t bit = UINT32_C(1) << number;
    uint32_t lines = level ? hart->lines | bit : hart->lines & ~bit;
    if (lines != hart->lines) {
        hart->lines = lines;
        riscv_alert(hart, ATTEND_LINES);
    }
}

static int reset(struct cpu *cpu, struct error *err)
{
    struct riscv *hart = (struct riscv *)cpu;
    const struct riscv_window *window = &hart->shared->window;
    uc_err status = uc_context_restore(hart->uc, hart->power_on);
    if (status == UC_ERR_OK)
        status = uc_ctl_flush_tlb(hart->uc);
    if (status != UC_ERR_OK)
        return error_set(err, "Unicorn cannot be reset: %s", uc_strerror(status));
    hart->level = RISCV_MACHINE;
    hart->mstatus = riscv_window_get(window, hart->power_on, FIELD_MSTATUS);
    hart->satp = hart->mie = hart->mideleg = hart->medeleg = 0;
    hart->mip = hart->software = 0;
    hart->waiting = false;
    hart->attention = ATTEND_LINES;
    riscv_set_fflags(hart, 0);
    riscv_forget_last(hart);
    code_map_forget(&hart->code_map);
    riscv_enter_space(hart);
    return 0;
}

static bool is_idle(struct cpu *cpu)
{
    struct riscv *hart = (struct riscv *)cpu;
    return hart->waiting && !((hart->lines | hart->software) & (uint32_t)hart->mie);
}

/* ---- Looking at it ---- */

static uint64_t pc_of(struct cpu *cpu)
{
    return riscv_pc((struct riscv *)cpu);
}

const char *const riscv_x_names[32] = {"zero", "ra", "sp",  "gp",  "tp", "t0", "t1", "t2",
                                       "s0",   "s1", "a0",  "a1",  "a2", "a3", "a4", "a5",
                                       "a6",   "a7", "s2",  "s3",  "s4", "s5", "s6", "s7",
                                       "s8",   "s9", "s10", "s11", "t3", "t4", "t5", "t6"};

static uint64_t general(struct cpu *cpu, unsigned number)
{
    return riscv_x((struct riscv *)cpu, number);
}

int riscv_register_number(const char *name)
{
    for (int i = 0; i < 32; i++)
        if (!strcmp(name, riscv_x_names[i]))
            return i;
    return -1;
}

static const struct {
    const char *name;
    enum riscv_field field;
} csr_names[] = {
    {"mstatus", FIELD_MSTATUS}, {"mip", FIELD_MIP},         {"mie", FIELD_MIE},
    {"mideleg", FIELD_MIDELEG}, {"medeleg", FIELD_MEDELEG}, {"mtvec", FIELD_MTVEC},
    {"mepc", FIELD_MEPC},       {"mcause", FIELD_MCAUSE},   {"mtval", FIELD_MTVAL},
    {"stvec", FIELD_STVEC},     {"sepc", FIELD_SEPC},       {"scause", FIELD_SCAUSE},
    {"stval", FIELD_STVAL},     {"satp", FIELD_SATP},       {"mhartid", FIELD_MHARTID},
    {"level", FIELD_LEVEL},
};

static void put_register(struct cpu_register *registers, size_t size, size_t *count,
                         const char *name, uint64_t value)
{
    if (*count < size)
        registers[*count] = (struct cpu_register){name, value};
    ++*count;
}

static size_t registers_of(struct cpu *cpu, struct cpu_register *registers, size_t size)
{
    struct riscv *hart = (struct riscv *)cpu;
    size_t count = 0;
    put_register(registers, size, &count, "pc", riscv_pc(hart));
    for (unsigned i = 1; i < 32; i++)
        put_register(registers, size, &count, riscv_x_names[i], riscv_x(hart, i));
    if (uc_context_save(hart->uc, hart->context) == UC_ERR_OK)
        for (size_t i = 0; i < sizeof csr_names / sizeof csr_names[0]; i++)
            put_register(
                registers, size, &count, csr_names[i].name,
                riscv_window_get(&hart->shared->window, hart->context, csr_names[i].field));
    uint64_t scratch = 0;
    if (hart->level >= RISCV_SUPERVISOR &&
        uc_reg_read(hart->uc, UC_RISCV_REG_SSCRATCH, &scratch) == UC_ERR_OK)
        put_register(registers, size, &count, "sscratch", scratch);
    return count;
}

static int translate(struct cpu *cpu, uint64_t gva, uint64_t *gpa)
{
    struct riscv *hart = (struct riscv *)cpu;
    /* A debugger may look at user pages. */
    struct riscv_mmu mmu = {
        .satp = hart->satp, .mstatus = hart->mstatus | MSTATUS_SUM, .level = hart->level};
    struct riscv_mapping mapping;
    if (riscv_mmu_walk(hart->options.mem, &mmu, gva, ACCESS_READ, false, &mapping) != WALK_OK)
        return -1;
    *gpa = mapping.gpa;
    return 0;
}

/* ---- Life ---- */

static void free_hart(struct cpu *cpu)
{
    struct riscv *hart = (struct riscv *)cpu;
    if (hart->context)
        uc_context_free(hart->context);
    if (hart->power_on)
        uc_context_free(hart->power_on);
    if (hart->uc)
        uc_close(hart->uc);
    code_map_free(&hart->code_map);
    executions_free(hart->executions);
    free(hart->watched.slots);
    free(hart->instruction_hooks);
    free(hart);
}

static const struct cpu_ops riscv_ops = {
    .name = "riscv64",
    .run = run,
    .set_irq = set_irq,
    .idle = is_idle,
    .watch = riscv_watch,
    .pause = pause_hart,
    .hold_at = hold_at,
    .block_start = block_start,
    .block_pc = block_pc,
    .state_size = riscv_state_size,
    .save = riscv_save,
    .restore = riscv_restore,
    .adopt = riscv_adopt,
    .general = general,
    .general_number = riscv_register_number,
    .write = riscv_write,
    .leave_trap = riscv_leave_trap,
    .stop_at = riscv_stop_at,
    .stop_no_more = riscv_stop_no_more,
    .inject = riscv_inject,
    .call = riscv_call,
    .profile_inside = riscv_profile_inside,
    .profile_settle = riscv_profile_settle,
    .profile = riscv_profile_visit,
    .count_executions = riscv_count_executions,
    .executions = riscv_executions,
    .reset = reset,
    .pc = pc_of,
    .registers = registers_of,
    .translate = translate,
    .free = free_hart,
};

struct riscv_shared *riscv_shared_new(struct error *err)
{
    struct riscv_shared *shared = calloc(1, sizeof *shared);
    if (!shared) {
        error_set(err, "out of memory");
        return NULL;
    }
    shared->decoder = riscv_decoder_new(err);
    if (shared->decoder) {
        shared->code = code_cache_new(riscv_decode, shared->decoder);
        if (!shared->code)
            error_set(err, "out of memory");
    }
    if (!shared->code || riscv_window_measure(&shared->window, err)) {
        riscv_shared_free(shared);
        return NULL;
    }
    return shared;
}

void riscv_shared_free(struct riscv_shared *shared)
{
    if (!shared)
        return;
    code_cache_free(shared->code);
    riscv_decoder_free(shared->decoder);
    free(shared);
}

static int set_up(struct riscv *hart, uint64_t pc, struct error *err)
{
    hart->uc = riscv_engine_new(err);
    if (!hart->uc)
        return -1;
    uc_err status = uc_ctl_set_tcg_buffer_size(hart->uc, TRANSLATION_BUFFER);
    if (status == UC_ERR_OK)
        status = uc_ctl_tlb_mode(hart->uc, UC_TLB_VIRTUAL);
    if (status == UC_ERR_OK)
        status = uc_ctl_exits_enable(hart->uc);
    if (status == UC_ERR_OK)
        status = uc_context_alloc(hart->uc, &hart->context);
    if (status == UC_ERR_OK)
        status = uc_context_alloc(hart->uc, &hart->power_on);
    if (status != UC_ERR_OK)
        return error_set(err, "Unicorn cannot be set up: %s", uc_strerror(status));
    if (riscv_map_memory(hart, err) || riscv_add_hooks(hart, err))
        return -1;
    const struct riscv_window *window = &hart->shared->window;
    status = uc_context_save(hart->uc, hart->power_on);
    if (status != UC_ERR_OK)
        return error_set(err, "Unicorn cannot save a context: %s", uc_strerror(status));
    riscv_window_set(window, hart->power_on, FIELD_MHARTID, hart->options.hart);
    riscv_window_set(window, hart->power_on, FIELD_LEVEL, RISCV_MACHINE);
    riscv_window_set(window, hart->power_on, FIELD_PC, pc);
    uint64_t status_bits = riscv_window_get(window, hart->power_on, FIELD_MSTATUS);
    riscv_window_set(window, hart->power_on, FIELD_MSTATUS, status_bits | MSTATUS_XL_64);
    return reset(&hart->cpu, err);
}

struct cpu *riscv_new(const struct riscv_options *options, uint64_t pc, struct error *err)
{
    struct riscv *hart = aligned_alloc(64, (sizeof *hart + 63) / 64 * 64);
    if (!hart) {
        error_set(err, "out of memory");
        return NULL;
    }
    memset(hart, 0, sizeof *hart);
    hart->cpu.ops = &riscv_ops;
    hart->cpu.number = options->hart;
    hart->options = *options;
    hart->hold_insns = UINT64_MAX;
    hart->shared = options->shared;
    hart->clock = options->clock;
    hart->withdrawals = memory_withdrawals(options->mem);
    hart->seen_withdrawals = *hart->withdrawals;
    hart->handovers = memory_handovers(options->mem);
    hart->seen_handovers = *hart->handovers;
    if (options->profile)
        hart->profile = riscv_profile_new(options->profile);
    if (code_map_init(&hart->code_map) || (options->profile && !hart->profile)) {
        error_set(err, "out of memory");
        free_hart(&hart->cpu);
        return NULL;
    }
    if (set_up(hart, pc, err)) {
        free_hart(&hart->cpu);
        return NULL;
    }
    return &hart->cpu;
}
