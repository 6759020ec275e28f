/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "cpu/cortexm_core.h"

/* Exceptions of the engine, as its interrupt hook numbers them. */
#define ENGINE_SVC       2
#define ENGINE_UNALIGNED 4
#define ENGINE_BKPT      7
#define ENGINE_RETURN    8
#define ENGINE_NOCP      17

/* Ticks, if blocks have prices: entry with and without stacking, return (DDI 0337I, 3.9; with zero
 * wait states). */
#define ENTRY_TICKS  12
#define CHAIN_TICKS  6
#define RETURN_TICKS 10

#define EPSR_IT UINT32_C(0x0600fc00)

#define FRAME_WORDS    8
#define FP_FRAME_WORDS 26

/* EXC_RETURN (B1.5.8) */
#define RETURN_BASE    UINT32_C(0xffffffe1)
#define RETURN_BASIC   UINT32_C(0x10) /* the frame has no FP registers */
#define RETURN_THREAD  UINT32_C(0x08)
#define RETURN_PROCESS UINT32_C(0x04)
#define RETURN_SPACE   UINT32_C(0xf0000000) /* and all above */

static struct cortexm_scs *scs_of(struct cortexm *core)
{
    return &core->state.scs;
}

/* ---- Modes ---- */

static unsigned active_now(struct cortexm *core)
{
    return cortexm_get(core, UC_ARM_REG_IPSR) & 0x1ff;
}

bool cortexm_privileged(struct cortexm *core)
{
    return active_now(core) || !(cortexm_get(core, UC_ARM_REG_CONTROL) & CONTROL_NPRIV);
}

static unsigned level_of(struct cortexm *core)
{
    return active_now(core) ? 3 : cortexm_privileged(core) ? 1 : 0;
}

uint32_t cortexm_get_special(struct cortexm *core, int reg)
{
    if (cortexm_privileged(core))
        return cortexm_get(core, reg);
    /* The engine hides it from unprivileged code, and from us. */
    cortexm_set(core, UC_ARM_REG_IPSR, EXC_HARD_FAULT);
    uint32_t value = cortexm_get(core, reg);
    cortexm_set(core, UC_ARM_REG_IPSR, 0);
    return value;
}

/* The engine takes over changes of mode only with the flags. */
static void settle_mode(struct cortexm *core)
{
    cortexm_set(core, UC_ARM_REG_APSR_NZCV, cortexm_get(core, UC_ARM_REG_APSR_NZCV));
}

/* Enters handler mode, on the main stack, with CONTROL.SPSEL and FPCA clear; nPRIV stays. */
static void enter_handler_mode(struct cortexm *core, unsigned number)
{
    if (!active_now(core)) {
        uint32_t npriv = cortexm_get(core, UC_ARM_REG_CONTROL) & CONTROL_NPRIV;
        cortexm_set(core, UC_ARM_REG_IPSR, number); /* privileged */
        cortexm_set(core, UC_ARM_REG_CONTROL, 0);
        cortexm_set(core, UC_ARM_REG_IPSR, 0);
        cortexm_set(core, UC_ARM_REG_CONTROL, npriv);
    }
    cortexm_set(core, UC_ARM_REG_IEPSR, number | XPSR_T);
    cortexm_set(core, UC_ARM_REG_CONTROL, cortexm_get(core, UC_ARM_REG_CONTROL) & ~CONTROL_FPCA);
}

/* From handler mode to `control` of thread mode, or to another handler. */
static void leave_handler_mode(struct cortexm *core, unsigned number, uint32_t control)
{
    if (number) {
        cortexm_set(core, UC_ARM_REG_CONTROL, control);
        cortexm_set(core, UC_ARM_REG_IPSR, number);
        return;
    }
    cortexm_set(core, UC_ARM_REG_CONTROL, 0); /* so that SPSEL can be written in thread mode */
    cortexm_set(core, UC_ARM_REG_IPSR, 0);
    cortexm_set(core, UC_ARM_REG_CONTROL, control);
}

/* ---- Priorities (B1.5.4) ---- */

static int execution_priority(struct cortexm *core, bool ignore_primask)
{
    int boosted = PRIORITY_NONE;
    uint32_t basepri = cortexm_get_special(core, UC_ARM_REG_BASEPRI);
    basepri &= 0xffu << (8 - core->options.priority_bits);
    if (basepri)
        boosted = cortexm_group(core, (int)(basepri & 0xff));
    if (!ignore_primask && cortexm_get_special(core, UC_ARM_REG_PRIMASK) & 1 && boosted > 0)
        boosted = 0;
    if (cortexm_get_special(core, UC_ARM_REG_FAULTMASK) & 1)
        boosted = -1;
    return core->active_priority < boosted ? core->active_priority : boosted;
}

bool cortexm_may_take(struct cortexm *core, bool wake)
{
    return core->best && core->best_priority < execution_priority(core, wake);
}

/* ---- Entry ---- */

static int lock_up(struct cortexm *core, struct error *err)
{
    const struct cortexm_scs *scs = scs_of(core);
    core->locked = true;
    char where[32] = "";
    if (scs->cfsr & CFSR_BFARVALID)
        snprintf(where, sizeof where, ", BFAR 0x%08" PRIx32, scs->bfar);
    return error_set(err,
                     "the core locked up at pc 0x%08" PRIx32 ", HFSR 0x%08" PRIx32
                     ", CFSR 0x%08" PRIx32 "%s",
                     cortexm_get(core, UC_ARM_REG_R15), scs->hfsr, scs->cfsr, where);
}

/* Makes a synchronous exception pending, as HardFault if it cannot be taken itself. */
static int raise(struct cortexm *core, unsigned number, struct error *err)
{
    struct cortexm_scs *scs = scs_of(core);
    int priority = execution_priority(core, false);
    bool taken = exceptions_has(scs->enabled, number) &&
                 cortexm_group(core, cortexm_priority(core, number)) < priority;
    if (!taken) {
        if (priority <= -1)
            return lock_up(core, err);
        scs->hfsr |= number == EXC_DEBUG_MONITOR ? HFSR_DEBUGEVT : HFSR_FORCED;
        number = EXC_HARD_FAULT;
    }
    cortexm_pend(core, number);
    return 0;
}

static int fault(struct cortexm *core, unsigned number, uint32_t status, struct error *err)
{
    scs_of(core)->cfsr |= status;
    return raise(core, number, err);
}

static int push_frame(struct cortexm *core, uint32_t return_pc, uint32_t *exc_return)
{
    uint32_t words[FP_FRAME_WORDS] = {0};
    uint32_t sp = cortexm_get(core, UC_ARM_REG_R13);
    uint32_t control = cortexm_get(core, UC_ARM_REG_CONTROL);
    bool fp = control & CONTROL_FPCA && core->options.model == CORTEXM_M4 &&
              scs_of(core)->fpccr & FPCCR_ASPEN;
    bool align = fp || scs_of(core)->ccr & CCR_STKALIGN;
    unsigned count = fp ? FP_FRAME_WORDS : FRAME_WORDS;
    for (int i = 0; i < 4; i++)
        words[i] = cortexm_get(core, UC_ARM_REG_R0 + i);
    words[4] = cortexm_get(core, UC_ARM_REG_R12);
    words[5] = cortexm_get(core, UC_ARM_REG_R14);
    words[6] = return_pc;
    words[7] = cortexm_get(core, UC_ARM_REG_XPSR) & ~XPSR_ALIGNED;
    if (align && sp & 4)
        words[7] |= XPSR_ALIGNED;
    for (int i = 0; fp && i < 16; i++)
        words[8 + i] = cortexm_get(core, UC_ARM_REG_S0 + i);
    if (fp)
        words[24] = cortexm_get(core, UC_ARM_REG_FPSCR);
    sp -= 4 * count;
    if (align)
        sp &= ~UINT32_C(4);
    cortexm_set(core, UC_ARM_REG_R13, sp);
    *exc_return = RETURN_BASE | (fp ? 0 : RETURN_BASIC);
    if (!active_now(core))
        *exc_return |= RETURN_THREAD | (control & CONTROL_SPSEL ? RETURN_PROCESS : 0);
    if (fp)
        scs_of(core)->fpcar = sp + 4 * FRAME_WORDS;
    return memory_write(core->mem, sp, words, 4 * count);
}

/* Enters the best pending exception; registers have been stacked (B1.5.7, ExceptionTaken). */
static int enter(struct cortexm *core, uint32_t exc_return, uint32_t return_pc, unsigned from,
                 struct error *err)
{
    struct cortexm_scs *scs = scs_of(core);
    unsigned number = core->best;
    uint32_t vector = 0;
    if (memory_read(core->mem, scs->vtor + 4 * number, &vector, sizeof vector)) {
        scs->hfsr |= HFSR_VECTTBL;
        if (number == EXC_HARD_FAULT || core->active_priority <= -1)
            return lock_up(core, err);
        exceptions_put(scs->pending, number, false);
        cortexm_pend(core, EXC_HARD_FAULT);
        return enter(core, exc_return, return_pc, from, err);
    }
    enter_handler_mode(core, number);
    cortexm_set(core, UC_ARM_REG_R14, exc_return);
    cortexm_set_pc(core, vector & ~UINT32_C(1), vector & 1);
    settle_mode(core);
    exceptions_put(scs->pending, number, false);
    exceptions_put(scs->active, number, true);
    cortexm_update(core);
    scs->event = true;
    core->state.sleep = SLEEP_NONE;
    core->fallthrough = core->exit_at = core->passed = NO_ADDRESS;
    core->last = NULL;
    core->follow_next = true;
    core->cpu.counts.traps++;
    bool process = exc_return & RETURN_THREAD && exc_return & RETURN_PROCESS;
    struct trap trap = {
        .interrupt = number >= EXC_PENDSV || number == EXC_NMI,
        .cause = number,
        .value = number == EXC_BUS_FAULT || number == EXC_HARD_FAULT ? scs->bfar : 0,
        .pc = return_pc,
        .frame = cortexm_get(core, process ? UC_ARM_REG_PSP : UC_ARM_REG_MSP),
        .from = from,
        .to = 3,
    };
    cpu_announce_entry(&core->cpu, &trap);
    if (vector >= RETURN_SPACE) /* a plain branch there is no return */
        core->state.event.kind = EVENT_VECTOR;
    return 0;
}

int cortexm_take_pending(struct cortexm *core, struct error *err)
{
    if (!cortexm_may_take(core, false))
        return 0;
    uint32_t pc = cortexm_get(core, UC_ARM_REG_R15), exc_return;
    unsigned from = level_of(core);
    if (core->options.pricing.price)
        cortexm_charge(core, ENTRY_TICKS);
    if (push_frame(core, pc, &exc_return) && fault(core, EXC_BUS_FAULT, CFSR_STKERR, err))
        return -1;
    return enter(core, exc_return, pc, from, err);
}

/* ---- Return (B1.5.8) ---- */

static unsigned active_count(const struct cortexm_scs *scs)
{
    unsigned count = 0;
    for (size_t i = 0; i < EXC_COUNT / 64; i++)
        count += (unsigned)__builtin_popcountll(scs->active[i]);
    return count;
}

static void deactivate(struct cortexm *core, unsigned number)
{
    exceptions_put(scs_of(core)->active, number, false);
    if (number != EXC_NMI)
        cortexm_set(core, UC_ARM_REG_FAULTMASK, 0);
    cortexm_sample_lines(core);
}

/* An integrity check failed: a UsageFault, in the place of the return. */
static int bad_return(struct cortexm *core, uint32_t exc_return, struct error *err)
{
    if (fault(core, EXC_USAGE_FAULT, CFSR_INVPC, err))
        return -1;
    return enter(core, exc_return | UINT32_C(0xf0000000), exc_return, 3, err);
}

static bool return_is_legal(const struct cortexm *core, uint32_t exc_return, unsigned nested)
{
    const struct cortexm_scs *scs = &core->state.scs;
    bool fp = core->options.model == CORTEXM_M4;
    if ((exc_return | RETURN_BASIC | 15) != UINT32_MAX || (!fp && !(exc_return & RETURN_BASIC)))
        return false;
    switch (exc_return & 15) {
    case 1:
        return nested != 1;
    case 9:
    case 13:
        return nested == 1 || scs->ccr & CCR_NONBASETHRDENA;
    }
    return false;
}

/* Takes the registers from the frame at `sp`. */
static void pop_registers(struct cortexm *core, const uint32_t *words, bool fp)
{
    for (int i = 0; i < 4; i++)
        cortexm_set(core, UC_ARM_REG_R0 + i, words[i]);
    cortexm_set(core, UC_ARM_REG_R12, words[4]);
    cortexm_set(core, UC_ARM_REG_R14, words[5]);
    for (int i = 0; fp && i < 16; i++)
        cortexm_set(core, UC_ARM_REG_S0 + i, words[8 + i]);
    if (fp)
        cortexm_set(core, UC_ARM_REG_FPSCR, words[24]);
}

static int pop_frame(struct cortexm *core, uint32_t exc_return, struct error *err)
{
    uint32_t words[FP_FRAME_WORDS];
    bool thread = exc_return & RETURN_THREAD, fp = !(exc_return & RETURN_BASIC);
    bool process = thread && exc_return & RETURN_PROCESS;
    int bank = process ? UC_ARM_REG_PSP : UC_ARM_REG_MSP;
    uint32_t sp = cortexm_get(core, bank), size = 4 * (fp ? FP_FRAME_WORDS : FRAME_WORDS);
    if (memory_read(core->mem, sp, words, size)) {
        if (fault(core, EXC_BUS_FAULT, CFSR_UNSTKERR, err))
            return -1;
        return enter(core, exc_return, exc_return, 3, err);
    }
    uint32_t xpsr = words[7], number = xpsr & 0x1ff;
    if (thread != !number)
        return bad_return(core, exc_return, err);
    bool aligned = fp || scs_of(core)->ccr & CCR_STKALIGN;
    sp += size;
    if (aligned && xpsr & XPSR_ALIGNED)
        sp |= 4;
    cortexm_set(core, bank, sp);
    uint32_t control = cortexm_get(core, UC_ARM_REG_CONTROL) & CONTROL_NPRIV;
    control |= (process ? CONTROL_SPSEL : 0) | (fp ? CONTROL_FPCA : 0);
    pop_registers(core, words, fp);
    leave_handler_mode(core, number, control);
    cortexm_set_pc(core, words[6] & ~UINT32_C(1), xpsr & XPSR_T);
    cortexm_set(core, UC_ARM_REG_XPSR_NZCVQG, xpsr); /* all of it */
    settle_mode(core);
    scs_of(core)->event = true;
    if (thread && !active_count(scs_of(core)) && scs_of(core)->scr & SCR_SLEEPONEXIT)
        core->state.sleep = SLEEP_INTERRUPT;
    if (core->options.pricing.price)
        cortexm_charge(core, RETURN_TICKS);
    core->follow_next = true;
    cpu_announce_return(&core->cpu, 3, level_of(core));
    return 0;
}

static int exception_return(struct cortexm *core, uint32_t exc_return, struct error *err)
{
    struct cortexm_scs *scs = scs_of(core);
    unsigned returning = active_now(core), nested = active_count(scs);
    bool inactive = !exceptions_has(scs->active, returning);
    core->fallthrough = NO_ADDRESS;
    deactivate(core, returning);
    if (inactive || !return_is_legal(core, exc_return, nested))
        return bad_return(core, exc_return, err);
    if (cortexm_may_take(core, false)) { /* tail-chaining: the frame stays where it is */
        if (core->options.pricing.price)
            cortexm_charge(core, CHAIN_TICKS);
        return enter(core, exc_return, exc_return, 3, err);
    }
    return pop_frame(core, exc_return, err);
}

/* ---- Events ---- */

/* Moves past the instruction at pc, which the engine left undone. */
static void step_over(struct cortexm *core, uint32_t pc)
{
    uint32_t epsr = cortexm_get(core, UC_ARM_REG_EPSR);
    uint32_t it = (epsr >> 8 & 0xfc) | (epsr >> 25 & 3);
    it = it & 7 ? (it & 0xe0) | (it << 1 & 0x1f) : 0;
    cortexm_set_pc(core, pc + cortexm_insn_length(core, pc), true);
    cortexm_set(core, UC_ARM_REG_EPSR, XPSR_T | (it & 0xfc) << 8 | (it & 3) << 25);
}

static int breakpoint(struct cortexm *core, uint32_t pc, struct error *err)
{
    const struct cortexm_host *host = &core->options.host;
    core->fallthrough = pc + 2;
    if (cortexm_insn_at(core, pc) == 0xbeab && host->semihost) {
        uint32_t operation = cortexm_get(core, UC_ARM_REG_R0);
        uint32_t argument = cortexm_get(core, UC_ARM_REG_R1);
        step_over(core, pc);
        uint32_t result = host->semihost(host->opaque, operation, argument);
        cortexm_set(core, UC_ARM_REG_R0, result);
        return 0;
    }
    scs_of(core)->dfsr |= DFSR_BKPT;
    return raise(core, EXC_DEBUG_MONITOR, err);
}

static int engine_exception(struct cortexm *core, struct error *err)
{
    uint32_t pc = cortexm_get(core, UC_ARM_REG_R15);
    switch (core->state.event.number) {
    case ENGINE_SVC:
        return raise(core, EXC_SVCALL, err);
    case ENGINE_BKPT:
        return breakpoint(core, pc, err);
    case ENGINE_RETURN:
        return exception_return(core, pc | 1, err);
    case ENGINE_UNALIGNED:
        cortexm_cut_short(core, pc + cortexm_insn_length(core, pc));
        return fault(core, EXC_USAGE_FAULT, CFSR_UNALIGNED, err);
    case ENGINE_NOCP:
        cortexm_cut_short(core, pc + cortexm_insn_length(core, pc));
        return fault(core, EXC_USAGE_FAULT, CFSR_NOCP, err);
    }
    return error_set(err, "Unicorn: exception %" PRIu32 " at pc 0x%08" PRIx32 " is not known",
                     core->state.event.number, pc);
}

static int invalid(struct cortexm *core, struct error *err)
{
    uint32_t pc = cortexm_get(core, UC_ARM_REG_R15);
    bool thumb = cortexm_get(core, UC_ARM_REG_XPSR) & XPSR_T;
    cortexm_cut_short(core, pc + cortexm_insn_length(core, pc));
    return fault(core, EXC_USAGE_FAULT, thumb ? CFSR_UNDEFINSTR : CFSR_INVSTATE, err);
}

/* The address of the access at pc that the page refused: the first one in it. */
static uint32_t fault_address(struct cortexm *core, uint32_t pc, uint32_t page)
{
    struct cortexm_access access;
    if (!cortexm_access_of(cortexm_insn_at(core, pc), &access))
        return page;
    static const int regs[16] = {
        UC_ARM_REG_R0,  UC_ARM_REG_R1,  UC_ARM_REG_R2,  UC_ARM_REG_R3,
        UC_ARM_REG_R4,  UC_ARM_REG_R5,  UC_ARM_REG_R6,  UC_ARM_REG_R7,
        UC_ARM_REG_R8,  UC_ARM_REG_R9,  UC_ARM_REG_R10, UC_ARM_REG_R11,
        UC_ARM_REG_R12, UC_ARM_REG_R13, UC_ARM_REG_R14, UC_ARM_REG_R15,
    };
    uint32_t address =
        access.base == 15 ? (pc + 4) & ~UINT32_C(3) : cortexm_get(core, regs[access.base]);
    if (access.index >= 0)
        address += cortexm_get(core, regs[access.index]) << access.shift;
    address += (uint32_t)access.offset;
    return address >= page && address - page < memory_page_size(core->mem) ? address : page;
}

/* Memory from which no instructions can be fetched, whatever is there (B3.1). */
static bool is_execute_never(uint32_t address)
{
    return address >> 29 == 2 || address >= 0xa0000000;
}

static int fetch_fault(struct cortexm *core, uint32_t pc, struct error *err)
{
    core->cpu.counts.insns++; /* so that time does not stand still */
    cortexm_charge(core, 1);
    core->fallthrough = NO_ADDRESS;
    core->last = NULL;
    if (is_execute_never(pc))
        return fault(core, EXC_MEM_MANAGE, CFSR_IACCVIOL, err);
    return fault(core, EXC_BUS_FAULT, CFSR_IBUSERR, err);
}

static int memory_fault(struct cortexm *core, struct error *err)
{
    uint32_t pc = cortexm_get(core, UC_ARM_REG_R15);
    if (core->state.event.access == ACCESS_FETCH) {
        if (active_now(core) && pc >= RETURN_SPACE) /* the engine did not notice the return */
            return exception_return(core, pc | 1, err);
        return fetch_fault(core, pc, err);
    }
    scs_of(core)->bfar = fault_address(core, pc, core->state.event.page);
    cortexm_cut_short(core, pc + cortexm_insn_length(core, pc));
    return fault(core, EXC_BUS_FAULT, CFSR_PRECISERR | CFSR_BFARVALID, err);
}

/* The instruction at pc is executed by the engine unless it has to be trapped. */
static int hazard(struct cortexm *core, struct error *err)
{
    uint32_t pc = cortexm_get(core, UC_ARM_REG_R15), insn = cortexm_insn_at(core, pc);
    uint32_t status = CFSR_NOCP;
    if (cortexm_is_division(insn)) {
        status = CFSR_DIVBYZERO;
        if (cortexm_get(core, UC_ARM_REG_R0 + (int)(insn & 15))) {
            core->passed = pc;
            if (!(cortexm_get(core, UC_ARM_REG_EPSR) & EPSR_IT))
                cortexm_check_division(core, pc);
            return 0;
        }
    }
    core->cpu.counts.insns++; /* it counts as executed, in no block */
    core->fallthrough = NO_ADDRESS;
    cortexm_charge(core, 1);
    return fault(core, EXC_USAGE_FAULT, status, err);
}

int cortexm_handle_event(struct cortexm *core, struct error *err)
{
    enum cortexm_event kind = core->state.event.kind;
    core->state.event.kind = EVENT_NONE;
    switch (kind) {
    case EVENT_NONE:
        return 0;
    case EVENT_EXCEPTION:
        return engine_exception(core, err);
    case EVENT_INVALID:
        return invalid(core, err);
    case EVENT_FAULT:
        return memory_fault(core, err);
    case EVENT_HAZARD:
        return hazard(core, err);
    case EVENT_VECTOR:
        return fetch_fault(core, cortexm_get(core, UC_ARM_REG_R15), err);
    }
    return 0;
}
