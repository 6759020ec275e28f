/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_CPU_RISCV_HART_H
#define IASO_CPU_RISCV_HART_H

/* Inside the RISC-V back end: what its files share. */

#include <unicorn/unicorn.h>

#include "cpu/code.h"
#include "cpu/code_map.h"
#include "cpu/executions.h"
#include "cpu/riscv.h"
#include "cpu/riscv_csr.h"
#include "cpu/riscv_decode.h"
#include "cpu/riscv_window.h"

/* Precise pages are mapped here as MMIO, beside the RAM that they alias. */
#define PRECISE_ALIAS (UINT64_C(1) << 50)

/* A guest-virtual address | this is canonical in no paging mode, and no physical address either. */
#define DROP_ALIAS (UINT64_C(1) << 62)

/* Where a function that cpu_call() called returns to; not canonical either. */
#define CALL_RETURN (UINT64_C(3) << 60)

#define PAGE_OFFSET UINT64_C(0xfff)

/* Longer than any block that the engine translates. */
#define CODE_BLOCK_MAX 4096

#define RISCV_MAX_WINDOWS 64

#define FAST_BLOCKS 32768

/* insns, loads, stores, cycles; added up in one instruction. */
typedef uint32_t lanes __attribute__((vector_size(16)));

enum lane {
    LANE_INSNS,
    LANE_LOADS,
    LANE_STORES,
    LANE_CYCLES,
};

/*
 * A block as the block hook wants to find it: half a cache line, direct-mapped by pc. It is valid
 * while `key` equals the hart's code space (what pc means now) | size. A block that needs more than
 * to be counted has FAST_SPECIAL in its key too, and is found at the second try.
 */
struct fast_block {
    uint64_t pc;
    uint64_t key;
    lanes counts;
} __attribute__((aligned(32)));

#define FAST_SIZE    0x3fff
#define FAST_SPECIAL 0x8000

/* The rest of it, in a table of the same order. */
struct fast_exit {
    uint8_t exit, rd, operand;
    bool watched, context;
};

struct riscv_shared {
    struct riscv_window window;
    struct riscv_decoder *decoder;
    struct code_cache *code;
};

/* Work to do before the next block runs. */
enum attention {
    ATTEND_EXIT = 1,     /* the last block's exit changes cached state */
    ATTEND_LINES = 2,    /* an interrupt line changed */
    ATTEND_TAKE = 4,     /* an interrupt is to be taken */
    ATTEND_TLB = 8,      /* memory may have withdrawn a permission */
    ATTEND_PAUSE = 16,   /* somebody wants the hart to stop */
    ATTEND_CONTEXT = 32, /* the stack or thread pointer was replaced */
};

/*
 * Between blocks level, mstatus (but for FS and SD), satp, mie, mideleg, medeleg and mip equal the
 * engine's. CSR instructions and xRET end their block, so the copies are brought up to date when
 * the next block begins, or when it is fetched, whichever is first (riscv_settle).
 */
struct riscv {
    struct cpu cpu; /* first */
    struct riscv_options options;
    struct riscv_shared *shared;
    uc_engine *uc;
    uc_context *context; /* scratch for the window */
    uc_context *power_on;

    /* The block hook's own. Virtual time is clock->now when `counts` were collected last, plus
     * counts[LANE_INSNS]. */
    lanes counts;
    uint32_t limit;                /* leave the common case when counts[LANE_INSNS] gets here */
    unsigned attention;            /* enum attention; raised by riscv_alert() */
    uint64_t code_space;           /* of the level and address space now, << 16 */
    const struct fast_block *last; /* the block that runs, or ran last; never NULL */
    unsigned level;
    bool counters_forbidden;
    bool stopping;       /* uc_emu_stop() was called */
    bool held;           /* ... as hold_insns were reached */
    uint64_t hold_insns; /* cpu_hold_at() */
    const uint64_t *withdrawals, *handovers;
    uint64_t seen_withdrawals, seen_handovers;
    struct clock *clock;
    struct code_map code_map;
    struct fast_block
        blocks[FAST_BLOCKS + 1]; /* the last one: a block that cannot be kept, or none */
    struct fast_exit exits[FAST_BLOCKS + 1];

    /* Cached architectural state */
    uint64_t mstatus, satp, mie, mideleg, medeleg;
    uint32_t mip;
    uint32_t lines;    /* mip bits that devices drive */
    uint32_t software; /* SSIP, STIP, SEIP as software wrote them */
    bool waiting;      /* in WFI */

    struct {
        bool set;
        enum access_kind kind;
        uint64_t page;   /* guest-virtual */
        bool page_fault; /* otherwise an access fault */
    } fault;             /* the TLB fill that was refused last */
    struct {             /* addresses, open addressing; 0 is free */
        uint64_t *slots;
        size_t room, count; /* room is a power of two, or 0 */
    } watched;
    uint64_t block_pc;   /* while the block hook announces: where the hart is, else 0 */
    uint64_t stop_pc;    /* where the engine was stopped */
    bool stopped_within; /* ... maybe within a block */
    struct instruction_hook {
        uint64_t pc;
        uc_hook hook;
    } * instruction_hooks; /* of cpu_stop_at() */
    size_t instruction_hook_count, instruction_hook_room;
    bool has_instruction_hooks; /* or had */
    uint64_t dropping;          /* guest-physical page whose translations were dropped last */
    struct device_window {
        struct riscv *hart;
        const struct region *region;
    } windows[RISCV_MAX_WINDOWS];
    size_t window_count;
    struct riscv_profile *profile; /* NULL: not asked for */
    struct executions *executions; /* likewise */
    uc_hook block_hook;
    struct error failure; /* text if something went wrong inside of a hook */
};

/* ---- riscv_state.c: trap entry and return, interrupts ---- */

/* Brings the cached state up to date with what the last block's exit did. */
void riscv_settle(struct riscv *hart);

/* The block that ran last ended at pc `end` instead of its own end: forgets its exit and takes back
 * what was counted beyond. */
void riscv_cut_short(struct riscv *hart, uint64_t end);

/* The level or satp has changed: which code space is it now? */
void riscv_enter_space(struct riscv *hart);

/* Moves the counts into cpu.counts and clock->now, and sets the next limit. Due whenever somebody
 * else reads either, or may have moved clock->deadline. */
void riscv_collect_counts(struct riscv *hart);

/* No block ran last. */
void riscv_forget_last(struct riscv *hart);

/* What the last block's exit is. */
static inline const struct fast_exit *riscv_last_exit(const struct riscv *hart)
{
    return &hart->exits[hart->last - hart->blocks];
}

static inline void riscv_alert(struct riscv *hart, enum attention what)
{
    hart->attention |= (unsigned)what;
    hart->limit = 0;
}

/* Settles, samples the lines; true if an interrupt is to be taken now. */
bool riscv_attend(struct riscv *hart);

void riscv_take_interrupt(struct riscv *hart);

/* Is the address in the set of those that are watched? */
bool riscv_is_watched(const struct riscv *hart, uint64_t pc);

/* ---- riscv_snapshot.c: saving, restoring and redirecting a hart ---- */

size_t riscv_state_size(struct cpu *cpu);

/* The accrued exceptions of floating point, whatever the level and mstatus.FS. */
void riscv_set_fflags(struct riscv *hart, uint64_t value);
void riscv_save(struct cpu *cpu, void *state);
void riscv_restore(struct cpu *cpu, const void *state);
void riscv_adopt(struct cpu *cpu, const void *state);
int riscv_write(struct cpu *cpu, const char *name, uint64_t value);
void riscv_leave_trap(struct cpu *cpu, bool step_over);
int riscv_inject(struct cpu *cpu, enum cpu_fault fault);
int riscv_call(struct cpu *cpu, const struct cpu_call *call, uint64_t *result, struct error *err);

/* From within the engine's interrupt hook or from outside of uc_emu_start(). */
void riscv_exception(struct riscv *hart, uint64_t cause, uint64_t value, uint64_t pc);

/* Flushes the engine's TLB if memory withdrew a permission that it may hold. */
void riscv_sync_tlb(struct riscv *hart);

uint64_t riscv_pc(struct riscv *hart);

/* Whether the hart may read cycle, time or instret (a CSR number) at its level. */
bool riscv_counter_enabled(struct riscv *hart, unsigned csr);

/* Makes reading cycle or instret trap until that has cut short the block that is about to run. */
void riscv_forbid_counters(struct riscv *hart);

/* Takes the context from the engine and gives it back; between them riscv_context_get() and _set()
 * work on the fields. */
void riscv_save_context(struct riscv *hart);
void riscv_restore_context(struct riscv *hart);
uint64_t riscv_context_get(struct riscv *hart, enum riscv_field field);
void riscv_context_set(struct riscv *hart, enum riscv_field field, uint64_t value);

/* Takes the cached state from the engine, after it was changed from outside. */
void riscv_refresh(struct riscv *hart);

/* 0 to 31 for the name of a general register, or -1. */
int riscv_register_number(const char *name);
uint64_t riscv_x(struct riscv *hart, unsigned number);
void riscv_set_x(struct riscv *hart, unsigned number, uint64_t value);

/* ---- riscv_profile.c: what each block of the kernel did; hart->profile is not NULL ---- */

struct riscv_profile *riscv_profile_new(struct arena *arena);

/* hart->last is about to run. */
void riscv_profile_run(struct riscv *hart);

/* `delta` is added to what was counted of hart->last when it ran last. */
void riscv_profile_correct(struct riscv *hart, lanes delta);

/* An instruction at pc counts that no block holds. */
void riscv_profile_lone(struct riscv *hart, uint64_t pc);

/* The fast block is about to become another. */
void riscv_profile_flush(struct riscv *hart, const struct fast_block *block);

void riscv_profile_inside(struct cpu *cpu, bool inside);
void riscv_profile_settle(struct cpu *cpu);
int riscv_profile_visit(struct cpu *cpu, cpu_profile_fn visit, void *opaque);

/* The fast block is about to become another, or to lose its key. */
void riscv_flush_executions(struct riscv *hart, const struct fast_block *block);

/* ---- riscv_hooks.c: what the engine calls ---- */

int riscv_count_executions(struct cpu *cpu, struct error *err);
int riscv_executions(struct cpu *cpu, cpu_executions_fn visit, void *opaque);

int riscv_add_hooks(struct riscv *hart, struct error *err);
int riscv_map_memory(struct riscv *hart, struct error *err);
int riscv_watch(struct cpu *cpu, uint64_t pc);
int riscv_stop_at(struct cpu *cpu, uint64_t pc, struct error *err);
int riscv_stop_no_more(struct cpu *cpu, uint64_t pc, struct error *err);

/* Reads code bytes as the hart would fetch them, without side effects; returns how many. */
size_t riscv_code_bytes(struct riscv *hart, uint64_t pc, uint8_t *bytes, size_t size);

/* The instruction at pc, 0 if it cannot be read. */
uint32_t riscv_insn_at(struct riscv *hart, uint64_t pc);

#endif
