/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_CPU_CPU_H
#define IASO_CPU_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/error.h"
#include "mem/memory.h"
#include "sim/clock.h"

/*
 * One hart (RISC-V) or core (Arm) of a machine. A back end is one `const struct cpu_ops`; its
 * constructor is declared in its own header (cpu/riscv.h).
 *
 * The run loop calls cpu_run(), which advances clock->now by one tick per guest instruction and
 * comes back at the first basic block that begins at or after clock->deadline, or earlier as enum
 * cpu_stop says. Devices call cpu_set_irq() at any time, also from within an access of this very
 * hart.
 */
struct cpu;

enum cpu_stop {
    CPU_DEADLINE, /* clock->deadline was reached */
    CPU_IDLE,     /* waits for an interrupt: nothing to do until cpu_set_irq() */
    CPU_PAUSED,   /* somebody asked for it with cpu_pause() */
    CPU_HELD,     /* as cpu_hold_at() said */
    CPU_FAILED,   /* the engine failed; err says how */
    CPU_LOCKED,   /* the guest's fault: it cannot go on before a reset; err says where */
};

/*
 * What basic blocks cost, for machines in which instructions are not all alike. `price` is asked
 * once for each block that was decoded; the back end adds the answer to its tallies each time that
 * the block runs. Whoever sets the prices says what `class` and `energy` mean (power/energy.h).
 */
struct cpu_price {
    unsigned class; /* the tally that the block belongs to, below cpu_pricing.classes */
    uint32_t ticks; /* that the clock moves on by, besides what the back end finds out as it runs:
                       taken branches, accesses */
    uint32_t energy;
};

struct block;

struct cpu_pricing {
    /* NULL: each instruction takes one tick, and there is one class. */
    void (*price)(void *opaque, uint64_t pc, const struct block *block, struct cpu_price *price);
    void *opaque;
    unsigned classes;
    unsigned taken_branch; /* ticks that a taken branch costs on top, to refill the pipeline */
};

/* What the blocks of one class have done. */
struct cpu_tally {
    uint64_t blocks, insns, loads, stores;
    uint64_t ticks;  /* with taken branches, without what accesses cost on top */
    uint64_t energy; /* without what accesses cost */
};

/* What the hart has done since reset. A trapped instruction counts as executed. */
struct cpu_counts {
    uint64_t insns;
    uint64_t loads, stores; /* an AMO is both; LDM, STM and the like are one for each register */
    uint64_t cycles;        /* estimate, see struct block */
    uint64_t traps;
    uint64_t tlb_fills;
    uint64_t tlb_flushes; /* of our own making */
    uint64_t hooked;      /* accesses that the engine's own hooks saw, if they are on */
};

/* A trap that is about to be handled: registers already hold the handler's pc and level. */
struct trap {
    bool interrupt;
    uint64_t cause;    /* exception or interrupt number, without the interrupt bit */
    uint64_t value;    /* xTVAL */
    uint64_t pc;       /* xEPC */
    uint64_t frame;    /* Cortex-M: where the registers were stacked */
    unsigned from, to; /* privilege levels: 0 user, 1 supervisor, 3 machine */
};

/* Told in the order in which they were added. `hart` is the hart's number. */
struct cpu_listener {
    void (*trap_entry)(void *opaque, unsigned hart, const struct trap *trap);
    /* xRET was executed; the next instruction runs at level `to`. */
    void (*trap_return)(void *opaque, unsigned hart, unsigned from, unsigned to);
    /* A watched address is about to be executed. */
    void (*watched)(void *opaque, unsigned hart, uint64_t pc);
    /* Above user mode, the stack or thread pointer was replaced, not merely moved: this may be
     * another thread. Told before the next block. */
    void (*context)(void *opaque, unsigned hart);
    /* The instruction at an address of cpu_stop_at() is about to be executed. */
    void (*reached)(void *opaque, unsigned hart, uint64_t pc);
    void *opaque;
};

/* A register by the name the architecture's manual gives it ("a0", "pc", "satp"). */
struct cpu_register {
    const char *name;
    uint64_t value;
};

/* What can go wrong with an instruction. */
enum cpu_fault {
    CPU_FAULT_NULL,       /* it loads from address 0, instead of what it does */
    CPU_FAULT_BREAKPOINT, /* it is a breakpoint */
    CPU_FAULT_SKIP,       /* it does nothing */
    CPU_FAULT_HANG,       /* it jumps to itself: memory is changed */
};

/* A call of a guest function with up to two arguments, on the stack of the thread that runs. */
struct cpu_call {
    uint64_t function;
    uint64_t arguments[2];
    uint64_t max_insns;
};

/* What the code at an address has done. */
struct cpu_profile_counts {
    uint64_t insns, loads, stores;
};

/* A basic block; of several at the address, the longest. */
struct cpu_profile_block {
    uint64_t pc;
    uint32_t size;                             /* bytes */
    struct cpu_profile_counts inside, outside; /* of a recovery domain */
};

/* From this address up to the next one that is visited, each instruction was executed so often,
 * inside and outside of recovery domains. */
struct cpu_executions {
    uint64_t address;
    uint64_t inside, outside;
};

typedef void (*cpu_executions_fn)(void *opaque, const struct cpu_executions *executions);

/* Told before a block runs whose class (struct cpu_price) is another than that of the block that
 * ran before it, and of the first block after a trap, a return from one, or a reset. `from` is the
 * class of the block before, whose tally is complete, `to` that of the block at pc, which is
 * counted already. */
struct cpu_follower {
    void (*entered)(void *opaque, unsigned from, unsigned to, uint64_t pc);
    void *opaque;
};

typedef void (*cpu_profile_fn)(void *opaque, const struct cpu_profile_block *block);

/* What only recovery calls may be NULL where the config cannot ask for recovery: adopt, leave_trap,
 * stop_no_more, inject, call, profile. stop_exactly, tallies, profile_inside, profile_settle,
 * block_pc and follow may be NULL anywhere. */
struct cpu_ops {
    const char *name; /* "riscv64" */
    enum cpu_stop (*run)(struct cpu *cpu, struct error *err);
    void (*set_irq)(struct cpu *cpu, unsigned number, bool level);
    bool (*idle)(struct cpu *cpu);
    int (*watch)(struct cpu *cpu, uint64_t gva);
    void (*pause)(struct cpu *cpu);
    size_t (*state_size)(struct cpu *cpu);
    void (*save)(struct cpu *cpu, void *state);
    void (*restore)(struct cpu *cpu, const void *state);
    void (*adopt)(struct cpu *cpu, const void *state);
    uint64_t (*general)(struct cpu *cpu, unsigned number);
    int (*general_number)(const char *name);
    int (*write)(struct cpu *cpu, const char *name, uint64_t value);
    void (*leave_trap)(struct cpu *cpu, bool step_over);
    int (*stop_at)(struct cpu *cpu, uint64_t gva, struct error *err);
    int (*stop_no_more)(struct cpu *cpu, uint64_t gva, struct error *err);
    void (*stop_exactly)(struct cpu *cpu, uint64_t insns, uint64_t tick);
    void (*hold_at)(struct cpu *cpu, uint64_t insns);
    uint64_t (*block_start)(struct cpu *cpu);
    uint64_t (*block_pc)(struct cpu *cpu);
    size_t (*tallies)(struct cpu *cpu, const struct cpu_tally **tallies, unsigned *running);
    int (*inject)(struct cpu *cpu, enum cpu_fault fault);
    int (*call)(struct cpu *cpu, const struct cpu_call *call, uint64_t *result, struct error *err);
    void (*profile_inside)(struct cpu *cpu, bool inside);
    void (*profile_settle)(struct cpu *cpu);
    int (*profile)(struct cpu *cpu, cpu_profile_fn visit, void *opaque);
    int (*count_executions)(struct cpu *cpu, struct error *err);
    int (*executions)(struct cpu *cpu, cpu_executions_fn visit, void *opaque);
    int (*follow)(struct cpu *cpu, const struct cpu_follower *follower, struct error *err);
    int (*reset)(struct cpu *cpu, struct error *err);
    uint64_t (*pc)(struct cpu *cpu);
    /* Fills up to `size` entries, returns how many there are. */
    size_t (*registers)(struct cpu *cpu, struct cpu_register *registers, size_t size);
    /* Guest-virtual to guest-physical as a load would be translated now, without side effects. */
    int (*translate)(struct cpu *cpu, uint64_t gva, uint64_t *gpa);
    void (*free)(struct cpu *cpu);
};

#define CPU_MAX_LISTENERS 8

struct cpu {
    const struct cpu_ops *ops;
    unsigned number;
    struct cpu_counts counts;
    struct cpu_listener listeners[CPU_MAX_LISTENERS];
    size_t listener_count;
};

static inline enum cpu_stop cpu_run(struct cpu *cpu, struct error *err)
{
    return cpu->ops->run(cpu, err);
}

static inline void cpu_set_irq(struct cpu *cpu, unsigned number, bool level)
{
    cpu->ops->set_irq(cpu, number, level);
}

/* The listener is copied. Fails when there are CPU_MAX_LISTENERS already. */
int cpu_listen(struct cpu *cpu, const struct cpu_listener *listener);

/* Whether the hart waits and nothing has woken it yet. */
static inline bool cpu_idle(struct cpu *cpu)
{
    return cpu->ops->idle(cpu);
}

/* Announces `watched` whenever control arrives at the address by a jump, call or return, such as a
 * function's entry. Fails when out of memory. */
static inline int cpu_watch(struct cpu *cpu, uint64_t gva)
{
    return cpu->ops->watch(cpu, gva);
}

/* Power-on state; watched addresses, listeners and counts stay. */
static inline int cpu_reset(struct cpu *cpu, struct error *err)
{
    return cpu->ops->reset(cpu, err);
}

/* Makes cpu_run() return CPU_PAUSED before the next block. For use from within listeners. */
static inline void cpu_pause(struct cpu *cpu)
{
    cpu->ops->pause(cpu);
}

/*
 * All of the hart but memory and TLB: registers, interrupt lines, counts, tallies. A state is plain
 * bytes, cpu_state_size() of them, and belongs to the hart that it was saved of. May be saved from
 * within listeners, where it is the state before the instruction that was announced; restored and
 * adopted only while the hart does not run.
 */
static inline size_t cpu_state_size(struct cpu *cpu)
{
    return cpu->ops->state_size(cpu);
}

static inline void cpu_save(struct cpu *cpu, void *state)
{
    cpu->ops->save(cpu, state);
}

static inline void cpu_restore(struct cpu *cpu, const void *state)
{
    cpu->ops->restore(cpu, state);
}

/* Takes on only what belongs to a thread (general and floating-point registers, pc, level, the trap
 * that is being handled), also of a state that was saved of another hart of the machine. */
static inline void cpu_adopt(struct cpu *cpu, const void *state)
{
    cpu->ops->adopt(cpu, state);
}

/* The number of a general register, or -1. */
static inline int cpu_general_number(struct cpu *cpu, const char *name)
{
    return cpu->ops->general_number(name);
}

/* A general register by the architecture's number. */
static inline uint64_t cpu_general(struct cpu *cpu, unsigned number)
{
    return cpu->ops->general(cpu, number);
}

/* Sets a general register or "pc" while the hart does not run; fails if there is none. */
static inline int cpu_write(struct cpu *cpu, const char *name, uint64_t value)
{
    return cpu->ops->write(cpu, name, value);
}

/* At the first instruction of a trap handler: goes back to where the trap came from, or behind the
 * instruction that trapped. */
static inline void cpu_leave_trap(struct cpu *cpu, bool step_over)
{
    cpu->ops->leave_trap(cpu, step_over);
}

/* Announces `reached` whenever the instruction at the address is about to be executed, wherever in
 * its block that is. Not cheap: 1,000 addresses make a run several times slower. Before the hart
 * first runs, or, where there is a stop_no_more, while it does not run and could execute the
 * address now. */
static inline int cpu_stop_at(struct cpu *cpu, uint64_t gva, struct error *err)
{
    return cpu->ops->stop_at(cpu, gva, err);
}

/* Takes cpu_stop_at() back, while the hart does not run; also if it was not called. `reached` may
 * be announced still, if the hart could not execute the address now. */
static inline int cpu_stop_no_more(struct cpu *cpu, uint64_t gva, struct error *err)
{
    return cpu->ops->stop_no_more(cpu, gva, err);
}

/*
 * Makes cpu_run() return CPU_DEADLINE before the first instruction at which counts.insns >= insns
 * or clock->now >= tick, wherever in its block that is; UINT64_MAX stands for never. Until it is
 * called again. Back ends without it stop at blocks only.
 */
static inline void cpu_stop_exactly(struct cpu *cpu, uint64_t insns, uint64_t tick)
{
    if (cpu->ops->stop_exactly)
        cpu->ops->stop_exactly(cpu, insns, tick);
}

/*
 * Makes cpu_run() return CPU_HELD before the first block that begins with counts.insns >= insns,
 * when nothing is left to be done before it: the next cpu_run() goes on as if it had not returned.
 * UINT64_MAX stands for never. Until it is called again.
 */
static inline void cpu_hold_at(struct cpu *cpu, uint64_t insns)
{
    cpu->ops->hold_at(cpu, insns);
}

/* What counts.insns was when the block began that runs: for use within `reached` and listeners of
 * memory. */
static inline uint64_t cpu_block_start(struct cpu *cpu)
{
    return cpu->ops->block_start(cpu);
}

/* The address of that block; 0 if it is not known. */
static inline uint64_t cpu_block_pc(struct cpu *cpu)
{
    return cpu->ops->block_pc ? cpu->ops->block_pc(cpu) : 0;
}

/* The tallies since the hart was made (a reset does not clear them): one a class, valid as long as
 * the hart; 0 if there are none. *running, if not NULL, becomes the class of the block that runs,
 * also within listeners. */
static inline size_t cpu_tallies(struct cpu *cpu, const struct cpu_tally **tallies,
                                 unsigned *running)
{
    return cpu->ops->tallies ? cpu->ops->tallies(cpu, tallies, running) : 0;
}

/* Does it to the instruction at the pc while the hart does not run; fails if it cannot be done. */
static inline int cpu_inject(struct cpu *cpu, enum cpu_fault fault)
{
    return cpu->ops->inject(cpu, fault);
}

/*
 * Runs a guest function to its return, with interrupts off, while the hart does not run otherwise;
 * then all registers are as before. Memory and counts keep what it did. Listeners hear of it. Fails
 * when it did not return within max_insns.
 */
static inline int cpu_call(struct cpu *cpu, const struct cpu_call *call, uint64_t *result,
                           struct error *err)
{
    return cpu->ops->call(cpu, call, result, err);
}

/* What follows, from the next block on, happens inside of a recovery domain, or outside. */
static inline void cpu_profile_inside(struct cpu *cpu, bool inside)
{
    if (cpu->ops->profile_inside)
        cpu->ops->profile_inside(cpu, inside);
}

/* Brings the profile up to date in its arena, which is about to be saved. */
static inline void cpu_profile_settle(struct cpu *cpu)
{
    if (cpu->ops->profile_settle)
        cpu->ops->profile_settle(cpu);
}

/*
 * Visits, by address, the basic blocks of the kernel (level 1) that ran since the hart was made,
 * if its back end was asked to profile. Their sums are exact: they equal what cpu_counts got at
 * that level, as a block that is cut short by a trap counts only up to the instruction that
 * trapped. What was undone by cpu_restore() stays in, for it was done; what was counted since the
 * profile's arena was saved is gone when that is put back. A block is inside or outside as a whole.
 * Fails when out of memory.
 */
static inline int cpu_profile(struct cpu *cpu, cpu_profile_fn visit, void *opaque)
{
    return cpu->ops->profile(cpu, visit, opaque);
}

/* Counts from now on how often each instruction above user mode is executed, at a cost for each
 * block. Before the hart first runs. What is counted is no part of the hart's state. */
static inline int cpu_count_executions(struct cpu *cpu, struct error *err)
{
    return cpu->ops->count_executions(cpu, err);
}

/* Visits, by address, where these numbers change: the first address is the first that was executed,
 * both are 0 at the last. An instruction that trapped was executed. Where cpu_profile_inside() is
 * not called all is outside. Nothing is visited if nobody asked for it. Fails when out of memory.
 */
static inline int cpu_executions(struct cpu *cpu, cpu_executions_fn visit, void *opaque)
{
    return cpu->ops->executions(cpu, visit, opaque);
}

/* Tells the follower, which is copied; before the hart first runs, once. It must change nothing.
 * Fails if the back end cannot. */
static inline int cpu_follow(struct cpu *cpu, const struct cpu_follower *follower,
                             struct error *err)
{
    return cpu->ops->follow ? cpu->ops->follow(cpu, follower, err)
                            : error_set(err, "this kind of CPU cannot be followed");
}

void cpu_announce_context(struct cpu *cpu);
void cpu_announce_reached(struct cpu *cpu, uint64_t pc);
void cpu_announce_watched(struct cpu *cpu, uint64_t pc);
void cpu_announce_entry(struct cpu *cpu, const struct trap *trap);
void cpu_announce_return(struct cpu *cpu, unsigned from, unsigned to);

/* Reads guest-virtual memory as the hart sees it now; fails if any byte is not mapped to memory. */
int cpu_read_virtual(struct cpu *cpu, const struct memory *mem, uint64_t gva, void *buffer,
                     size_t size);

/* The value of a register by name; fails if there is none of that name. */
int cpu_register_value(struct cpu *cpu, const char *name, uint64_t *value);

void cpu_free(struct cpu *cpu);

#endif
