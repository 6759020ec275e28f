/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_CPU_CORTEXM_CORE_H
#define IASO_CPU_CORTEXM_CORE_H

/* Inside the Cortex-M back end: what its files share. References are to DDI 0403E. */

#include <unicorn/unicorn.h>

#include "cpu/code.h"
#include "cpu/cortexm.h"
#include "cpu/cortexm_decode.h"
#include "cpu/executions.h"

/* Precise pages are mapped here as MMIO; guest-physical addresses end at 2^32. */
#define PRECISE_ALIAS (UINT64_C(1) << 36)

#define CORTEXM_MAX_WINDOWS 64
#define CORTEXM_BLOCK_MAX   4096 /* bytes; longer than any block that the engine translates */
#define FAST_BLOCKS         8192
#define NO_ADDRESS          UINT32_MAX

#define PPB_BASE UINT32_C(0xe0000000)
#define PPB_SIZE UINT32_C(0x00100000)

/* Exception numbers (B1.5.2); external line n is 16 + n. */
enum exception {
    EXC_RESET = 1,
    EXC_NMI,
    EXC_HARD_FAULT,
    EXC_MEM_MANAGE,
    EXC_BUS_FAULT,
    EXC_USAGE_FAULT,
    EXC_SVCALL = 11,
    EXC_DEBUG_MONITOR,
    EXC_PENDSV = 14,
    EXC_SYSTICK,
    EXC_EXTERNAL,
    EXC_COUNT = 256,
};

#define PRIORITY_NONE 256 /* lower than any */

/* CFSR, with MemManage in bits 7:0, BusFault in 15:8 and UsageFault in 31:16 (B3.2.15). */
#define CFSR_IACCVIOL      (1u << 0)
#define CFSR_IBUSERR       (1u << 8)
#define CFSR_PRECISERR     (1u << 9)
#define CFSR_UNSTKERR      (1u << 11)
#define CFSR_STKERR        (1u << 12)
#define CFSR_BFARVALID     (1u << 15)
#define CFSR_UNDEFINSTR    (1u << 16)
#define CFSR_INVSTATE      (1u << 17)
#define CFSR_INVPC         (1u << 18)
#define CFSR_NOCP          (1u << 19)
#define CFSR_UNALIGNED     (1u << 24)
#define CFSR_DIVBYZERO     (1u << 25)
#define HFSR_VECTTBL       (1u << 1)
#define HFSR_FORCED        (1u << 30)
#define HFSR_DEBUGEVT      (1u << 31)
#define DFSR_BKPT          (1u << 1)
#define CCR_NONBASETHRDENA (1u << 0)
#define CCR_DIV_0_TRP      (1u << 4)
#define CCR_STKALIGN       (1u << 9)
#define SCR_SLEEPONEXIT    (1u << 1)
#define SCR_SEVONPEND      (1u << 4)
#define FPCCR_ASPEN        (1u << 31)
#define DEMCR_MON_EN       (1u << 16)
#define DEMCR_TRCENA       (1u << 24)
#define XPSR_T             (1u << 24)
#define XPSR_ALIGNED       (1u << 9) /* of a stacked xPSR: a word was left free */
#define CONTROL_NPRIV      1u
#define CONTROL_SPSEL      2u
#define CONTROL_FPCA       4u

/* A set of exceptions. */
typedef uint64_t exceptions[EXC_COUNT / 64];

/* The system control space: plain data, saved and reset as a whole. */
struct cortexm_scs {
    exceptions enabled, pending, active;
    exceptions level; /* of the lines; a reset leaves it alone */
    uint8_t priority[EXC_COUNT];
    uint32_t vtor, prigroup, scr, ccr;
    uint32_t cfsr, hfsr, dfsr, mmfar, bfar;
    uint32_t cpacr, fpccr, fpcar, fpdscr;
    uint32_t demcr;
    struct {
        bool enabled, interrupts, core_clock, counted; /* SYST_CSR, `counted` is COUNTFLAG */
        uint32_t reload, frozen;                       /* `frozen`: the count while not enabled */
        uint32_t period;                               /* what was reloaded last */
        uint64_t zero; /* count of the clock when the counter reaches 0 next */
        uint64_t due;  /* tick of the next event, 0 none */
    } systick;
    bool cycles_on;       /* DWT_CTRL.CYCCNTENA */
    uint64_t cycles_base; /* CYCCNT is clock->now - base; while off it is this itself */
    bool event;           /* the event register of WFE */
};

/* Why the engine was left, to be dealt with before it runs again. */
enum cortexm_event {
    EVENT_NONE,
    EVENT_EXCEPTION, /* `number` of the engine */
    EVENT_INVALID,   /* undefined instruction, or not in Thumb state */
    EVENT_FAULT,     /* a TLB fill was refused, see `fault` */
    EVENT_HAZARD,    /* the next instruction may have to be trapped, see `hazards` */
    EVENT_VECTOR,    /* the vector that was taken looks like an EXC_RETURN */
};

enum cortexm_sleep {
    SLEEP_NONE,
    SLEEP_INTERRUPT, /* WFI, SLEEPONEXIT */
    SLEEP_EVENT,     /* WFE */
};

/* What is saved beside the engine's context. */
struct cortexm_state {
    struct cortexm_scs scs;
    struct {
        enum cortexm_event kind;
        uint32_t number;
        uint32_t page;
        enum access_kind access;
    } event;
    enum cortexm_sleep sleep;
};

/* A block as the block hook wants to find it, direct-mapped by pc. */
struct fast_block {
    uint64_t key; /* pc << 16 | size; 0 none; FAST_SPECIAL is set if it needs more than counting */
    struct cpu_tally *tally;
    uint32_t ticks, energy;
    uint16_t insns, loads, stores;
    uint8_t traits;
    bool watched;
};

#define FAST_SPECIAL (UINT64_C(1) << 63)

/* Addresses of instructions, found by hashing. */
struct address_set {
    uint32_t *slots; /* address | 1; 0 is free */
    size_t room, count;
};

/* Work to do before the next block runs. */
enum attention {
    ATTEND_PENDING = 1, /* an exception is pending that only the masks may hold back */
    ATTEND_TLB = 2,     /* memory may have withdrawn a permission */
    ATTEND_PAUSE = 4,   /* somebody wants the core to stop */
    ATTEND_BASEPRI = 8, /* it may have bits that are not implemented */
};

struct cortexm {
    struct cpu cpu; /* first */
    struct cortexm_options options;
    uc_engine *uc;
    uc_context *context, *power_on;
    struct cortexm_decoder *decoder;
    struct code_cache *code;
    struct clock *clock;
    struct memory *mem;
    struct clock_event systick_event;
    struct cortexm_state state;

    /* The block hook's own. */
    unsigned attention;
    uint64_t insn_limit, tick_limit; /* leave the common case here */
    uint64_t stop_insns, stop_tick;  /* cpu_stop_exactly() */
    uint64_t hold_insns;             /* cpu_hold_at() */
    uint64_t block_start;            /* instructions before the block that ran last */
    uint32_t fallthrough;            /* where the block that ran last ends, or NO_ADDRESS */
    const struct fast_block *last;   /* the block that runs, or ran last, or NULL */
    struct cpu_tally *running;       /* its tally, never NULL */
    struct cpu_tally *tallies;       /* options.pricing.classes of them */
    bool stopping, stopped_within;   /* uc_emu_stop() was called; maybe within a block */
    bool held;                       /* ... as hold_insns were reached */
    uint32_t stop_pc;
    uint32_t block_pc; /* while the block hook announces: where the core is, else NO_ADDRESS */
    uint32_t exit_at;  /* the engine is to stop before this address, within a block */
    uint32_t passed;   /* the hazard there was looked at */
    uint8_t hazards;   /* traits that may have to be trapped as things are */
    uint8_t slow;      /* traits that the common case does not know */
    bool has_instruction_hooks;
    bool spoils_it;    /* the engine leaves ITSTATE behind after a callback, see keep_it() */
    bool dropping;     /* translations are being dropped: fetches are granted */
    uint64_t max_wait; /* ticks, the longest that an access took */

    /* The exception of highest priority that is pending and enabled (0: none), its group priority,
     * and that of the active ones. */
    unsigned best;
    int best_priority, active_priority;

    const uint64_t *withdrawals;
    uint64_t seen_withdrawals;
    struct address_set watched;
    struct address_set hooked;  /* divisions with a hook of their own, for good */
    struct address_set checked; /* those of them on which blocks need not end any more */
    uint32_t *checks;           /* the same in order, with room for as many as are hooked */
    bool start_set;
    bool locked; /* the error is a lockup */
    uint32_t start_pc, start_sp;
    struct executions *executions; /* NULL: not asked for */
    struct cpu_follower follower;  /* likewise */
    bool follow_next;              /* the next block is announced, whatever its class */
    uc_hook block_hook;
    struct device_window {
        struct cortexm *core;
        const struct region *region;
    } windows[CORTEXM_MAX_WINDOWS];
    size_t window_count;
    struct error failure; /* text if something went wrong inside of a hook */
    struct fast_block blocks[FAST_BLOCKS];
};

static inline bool exceptions_has(const exceptions set, unsigned number)
{
    return set[number / 64] >> number % 64 & 1;
}

static inline void exceptions_put(exceptions set, unsigned number, bool on)
{
    uint64_t bit = UINT64_C(1) << number % 64;
    set[number / 64] = on ? set[number / 64] | bit : set[number / 64] & ~bit;
}

/* The block hook leaves its common case. */
static inline void cortexm_alert(struct cortexm *core, enum attention what)
{
    core->attention |= (unsigned)what;
    core->insn_limit = 0;
}

/* ---- cortexm.c ---- */

/* Registers of the engine, by its constants. */
uint32_t cortexm_get(struct cortexm *core, int reg);
void cortexm_set(struct cortexm *core, int reg, uint32_t value);

/* Sets pc; the instruction set state too. */
void cortexm_set_pc(struct cortexm *core, uint32_t pc, bool thumb);

/* Where the core is, also from within listeners. */
uint32_t cortexm_pc(struct cortexm *core);

/* Takes note of a failed engine call. */
void cortexm_fail(struct cortexm *core, const char *what, uc_err status);

/* Sets the limits of the block hook from attention and the exact stops. */
void cortexm_set_limits(struct cortexm *core);

/* ---- cortexm_hooks.c: what the engine calls ---- */

int cortexm_add_hooks(struct cortexm *core, struct error *err);
int cortexm_map_memory(struct cortexm *core, struct error *err);
int cortexm_watch(struct cpu *cpu, uint64_t pc);
int cortexm_stop_at(struct cpu *cpu, uint64_t pc, struct error *err);

/* Gives the division at pc a hook that looks at its divisor. It cannot stop the engine within an IT
 * block. */
void cortexm_check_division(struct cortexm *core, uint32_t pc);

/* Only the first `count` of them are checked. */
void cortexm_uncheck(struct cortexm *core, size_t count);

bool cortexm_is_division(uint32_t insn);

bool address_set_has(const struct address_set *set, uint32_t pc);

/* Flushes the engine's TLB if memory withdrew a permission that it may hold. */
void cortexm_sync_tlb(struct cortexm *core);

/* ---- cortexm_block.c: blocks, what they count and where they must end ---- */

/* The instruction at pc as cortexm_access_of() wants it, 0 if it cannot be read. */
uint32_t cortexm_insn_at(struct cortexm *core, uint32_t pc);

/* Its length, 2 if it cannot be read. */
unsigned cortexm_insn_length(struct cortexm *core, uint32_t pc);

/* The block that ran last ended at pc `end` instead: takes back what was counted beyond. */
void cortexm_cut_short(struct cortexm *core, uint32_t end);

/* Runs before each block: a block hook. */
void cortexm_on_block(uc_engine *uc, uint64_t pc, uint32_t size, void *opaque);

/* Makes the engine stop before the block that it is about to run. */
void cortexm_stop(struct cortexm *core, uint32_t pc);

/* Forgets what is known of the code in the page; the page before may reach into it. */
void cortexm_forget_code(struct cortexm *core, uint32_t page);

int cortexm_count_executions(struct cpu *cpu, struct error *err);
int cortexm_executions(struct cpu *cpu, cpu_executions_fn visit, void *opaque);
int cortexm_follow(struct cpu *cpu, const struct cpu_follower *follower, struct error *err);

/* The fast block is about to become another, or none. */
void cortexm_flush_executions(struct cortexm *core, const struct fast_block *block);

/* Time that no block takes, on the account of the block that ran last. */
void cortexm_charge(struct cortexm *core, unsigned ticks);

/* ---- cortexm_exception.c: entry, return, faults ---- */

bool cortexm_privileged(struct cortexm *core);

/* Deals with state.event. -1 if the core locked up. */
int cortexm_handle_event(struct cortexm *core, struct error *err);

/* Takes the best pending exception if it may be taken now. -1 if the core locked up. */
int cortexm_take_pending(struct cortexm *core, struct error *err);

/* Whether the best pending exception would be taken now; `wake`: if PRIMASK were clear. */
bool cortexm_may_take(struct cortexm *core, bool wake);

/* A special register, whatever the privilege; `reg` is the engine's constant. */
uint32_t cortexm_get_special(struct cortexm *core, int reg);

/* ---- cortexm_scs.c: the system control space ---- */

/* Power-on values; the lines keep their level. */
void cortexm_scs_reset(struct cortexm *core);

/* Finds the best pending exception anew; due after each change of the sets or priorities. */
void cortexm_update(struct cortexm *core);

void cortexm_pend(struct cortexm *core, unsigned number);
void cortexm_set_irq(struct cpu *cpu, unsigned number, bool level);

/* The group part of a priority. */
int cortexm_group(const struct cortexm *core, int priority);
int cortexm_priority(const struct cortexm *core, unsigned number);

/* An active interrupt whose line is high is pending again once it has returned. */
void cortexm_sample_lines(struct cortexm *core);

/* CPACR or CCR changed. */
void cortexm_set_hazards(struct cortexm *core);

extern const struct mmio_ops cortexm_ppb_ops;

/* ---- cortexm_time.c: SysTick and the cycle counter ---- */

/* A clock_fn: the SysTick counter reached 0. */
uint64_t cortexm_systick_fire(void *opaque, uint64_t due);

/* Brings the counter up to now. */
void cortexm_systick_settle(struct cortexm *core);

/* Registers, by offset in the system control space. */
uint32_t cortexm_systick_read(struct cortexm *core, uint32_t offset);
void cortexm_systick_write(struct cortexm *core, uint32_t offset, uint32_t value);

/* The cycle counter runs if CYCCNTENA and DEMCR.TRCENA are set. */
void cortexm_control_cycles(struct cortexm *core, bool on, uint32_t demcr);

/* Registers of the DWT, by offset in the private peripheral bus. */
uint32_t cortexm_dwt_read(struct cortexm *core, uint32_t offset);
void cortexm_dwt_write(struct cortexm *core, uint32_t offset, uint32_t value);

/* ---- cortexm_snapshot.c ---- */

size_t cortexm_state_size(struct cpu *cpu);
void cortexm_save(struct cpu *cpu, void *state);
void cortexm_restore(struct cpu *cpu, const void *state);
uint64_t cortexm_general(struct cpu *cpu, unsigned number);
int cortexm_register_number(const char *name);
int cortexm_write(struct cpu *cpu, const char *name, uint64_t value);
size_t cortexm_registers(struct cpu *cpu, struct cpu_register *registers, size_t size);

#endif
