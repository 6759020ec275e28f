/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cpu/cortexm.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/cortexm_core.h"

/* Bytes of host memory for translated code; when it is full the engine starts over. */
#define TRANSLATION_BUFFER (64u << 20)

/* More instructions than a block has: the exact stops are looked for this early. */
#define BLOCK_INSNS 1024
#define BLOCK_TICKS 65536

/* ---- The engine's registers ---- */

void cortexm_fail(struct cortexm *core, const char *what, uc_err status)
{
    if (!core->failure.text[0])
        error_set(&core->failure, "Unicorn %s: %s", what, uc_strerror(status));
}

uint32_t cortexm_get(struct cortexm *core, int reg)
{
    uint32_t value = 0;
    uc_err status = uc_reg_read(core->uc, reg, &value);
    if (status != UC_ERR_OK)
        cortexm_fail(core, "cannot read a register", status);
    return value;
}

void cortexm_set(struct cortexm *core, int reg, uint32_t value)
{
    uc_err status = uc_reg_write(core->uc, reg, &value);
    if (status != UC_ERR_OK)
        cortexm_fail(core, "cannot write a register", status);
}

void cortexm_set_pc(struct cortexm *core, uint32_t pc, bool thumb)
{
    cortexm_set(core, UC_ARM_REG_R15, pc | thumb);
}

uint32_t cortexm_pc(struct cortexm *core)
{
    return core->block_pc != NO_ADDRESS ? core->block_pc : cortexm_get(core, UC_ARM_REG_R15);
}

/* ---- Running ---- */

static uint64_t early(uint64_t limit, uint64_t by)
{
    return limit == UINT64_MAX ? limit : limit > by ? limit - by : 0;
}

void cortexm_set_limits(struct cortexm *core)
{
    uint64_t insns = early(core->stop_insns, BLOCK_INSNS);
    insns = insns < core->hold_insns ? insns : core->hold_insns;
    core->insn_limit = core->attention ? 0 : insns;
    core->tick_limit = early(core->stop_tick, BLOCK_TICKS);
}

static void stop_exactly(struct cpu *cpu, uint64_t insns, uint64_t tick)
{
    struct cortexm *core = (struct cortexm *)cpu;
    core->stop_insns = insns;
    core->stop_tick = tick;
    core->exit_at = NO_ADDRESS;
    cortexm_set_limits(core);
}

static void hold_at(struct cpu *cpu, uint64_t insns)
{
    struct cortexm *core = (struct cortexm *)cpu;
    core->hold_insns = insns;
    cortexm_set_limits(core);
}

static uint64_t block_start(struct cpu *cpu)
{
    return ((struct cortexm *)cpu)->block_start;
}

/* Makes the engine end a block before exit_at, or no more. It forgets the block that reaches there
 * now, and when it has stopped the shortened one. */
static void set_exit(struct cortexm *core, bool on)
{
    uint64_t exit = core->exit_at;
    uc_err status = uc_ctl_set_exits(core->uc, &exit, on ? (size_t)1 : (size_t)0);
    if (status == UC_ERR_OK && on)
        status = uc_ctl_remove_cache(core->uc, exit - 1, exit);
    if (status != UC_ERR_OK)
        cortexm_fail(core, "cannot set an exit", status);
}

/* The engine stopped by itself and said that all is well. */
static int after_halt(struct cortexm *core, uint32_t exit_at, struct error *err)
{
    uint32_t pc = cortexm_get(core, UC_ARM_REG_R15);
    if (pc == exit_at)
        return 0;
    if (cortexm_insn_at(core, pc - 2) != 0xbf30 && cortexm_insn_at(core, pc - 4) != 0xf3af8003)
        return error_set(err, "Unicorn stopped at pc 0x%08" PRIx32 " for no reason", pc);
    core->state.sleep = SLEEP_INTERRUPT;
    return 0;
}

/* One stretch of the engine, up to the next reason to leave it. */
static int run_engine(struct cortexm *core, struct error *err)
{
    uint32_t pc = cortexm_get(core, UC_ARM_REG_R15), exit_at = core->exit_at;
    bool thumb = cortexm_get(core, UC_ARM_REG_XPSR) & XPSR_T;
    if (exit_at != NO_ADDRESS)
        set_exit(core, true);
    core->stopping = core->stopped_within = false;
    uc_err status = uc_emu_start(core->uc, pc | thumb, 0, 0, 0);
    if (exit_at != NO_ADDRESS) {
        set_exit(core, false);
        core->exit_at = core->exit_at == exit_at ? NO_ADDRESS : core->exit_at;
    }
    if (core->failure.text[0])
        return error_set(err, "%s", core->failure.text);
    if (core->stopping) {
        if (core->has_instruction_hooks) /* then the engine does not go back to the stop */
            cortexm_set_pc(core, core->stop_pc, true);
        if (core->stopped_within)
            cortexm_cut_short(core, core->stop_pc);
        return 0;
    }
    if (core->state.event.kind != EVENT_NONE)
        return 0;
    if (status != UC_ERR_OK)
        return error_set(err, "Unicorn stopped at pc 0x%08" PRIx32 ": %s",
                         cortexm_get(core, UC_ARM_REG_R15), uc_strerror(status));
    return after_halt(core, exit_at, err);
}

/* Whether the core sleeps on: WFI ignores PRIMASK, WFE looks at its event register too
 * (B1.5.18, B1.5.19). */
static bool sleeps(struct cortexm *core)
{
    struct cortexm_state *state = &core->state;
    if (state->sleep == SLEEP_NONE)
        return false;
    bool event = state->sleep == SLEEP_EVENT && state->scs.event;
    if (!event && !cortexm_may_take(core, true))
        return true;
    if (event)
        state->scs.event = false;
    state->sleep = SLEEP_NONE;
    return false;
}

static bool is_over(const struct cortexm *core)
{
    return core->clock->now >= core->clock->deadline || core->clock->now >= core->stop_tick ||
           core->cpu.counts.insns >= core->stop_insns;
}

static enum cpu_stop failed(struct cortexm *core)
{
    enum cpu_stop stop = core->locked ? CPU_LOCKED : CPU_FAILED;
    core->locked = false;
    return stop;
}

static enum cpu_stop run(struct cpu *cpu, struct error *err)
{
    struct cortexm *core = (struct cortexm *)cpu;
    cortexm_sync_tlb(core);
    for (;;) {
        if (core->attention & ATTEND_PAUSE) {
            core->attention &= ~(unsigned)ATTEND_PAUSE;
            cortexm_set_limits(core);
            return CPU_PAUSED;
        }
        if (core->state.event.kind != EVENT_NONE) {
            if (cortexm_handle_event(core, err))
                return failed(core);
            continue;
        }
        if (is_over(core))
            return CPU_DEADLINE;
        if (sleeps(core))
            return CPU_IDLE;
        if (cortexm_take_pending(core, err))
            return failed(core);
        if (core->state.event.kind != EVENT_NONE)
            continue;
        cortexm_sync_tlb(core); /* a frame may have been written */
        cortexm_set_limits(core);
        if (run_engine(core, err))
            return CPU_FAILED;
        if (core->held) {
            core->held = false;
            return CPU_HELD;
        }
    }
}

static bool is_idle(struct cpu *cpu)
{
    struct cortexm *core = (struct cortexm *)cpu;
    return core->state.sleep != SLEEP_NONE &&
           !(core->state.sleep == SLEEP_EVENT && core->state.scs.event) &&
           !cortexm_may_take(core, true);
}

static void pause_core(struct cpu *cpu)
{
    cortexm_alert((struct cortexm *)cpu, ATTEND_PAUSE);
}

static size_t tallies(struct cpu *cpu, const struct cpu_tally **all, unsigned *running)
{
    struct cortexm *core = (struct cortexm *)cpu;
    *all = core->tallies;
    if (running)
        *running = (unsigned)(core->running - core->tallies);
    return core->options.pricing.classes;
}

static int reset(struct cpu *cpu, struct error *err)
{
    struct cortexm *core = (struct cortexm *)cpu;
    uint32_t start[2];
    uc_err status = uc_context_restore(core->uc, core->power_on);
    if (status != UC_ERR_OK)
        return error_set(err, "Unicorn cannot be reset: %s", uc_strerror(status));
    if (memory_read(core->mem, core->options.vectors, start, sizeof start))
        return error_set(err, "no memory at 0x%08" PRIx64 ", where the vector table should be",
                         core->options.vectors);
    if (core->start_set) {
        start[0] = core->start_sp;
        start[1] = core->start_pc | 1;
    }
    core->start_set = false;
    core->state.event.kind = EVENT_NONE;
    core->state.sleep = SLEEP_NONE;
    core->fallthrough = core->block_pc = core->exit_at = core->passed = NO_ADDRESS;
    core->last = NULL;
    core->follow_next = true;
    core->attention = 0;
    cortexm_scs_reset(core);
    cortexm_set(core, UC_ARM_REG_R13, start[0] & ~UINT32_C(3));
    cortexm_set_pc(core, start[1] & ~UINT32_C(1), start[1] & 1);
    return 0;
}

void cortexm_start_at(struct cpu *cpu, uint32_t pc, uint32_t sp)
{
    struct cortexm *core = (struct cortexm *)cpu;
    core->start_set = true;
    core->start_pc = pc;
    core->start_sp = sp;
}

static uint64_t pc_of(struct cpu *cpu)
{
    return cortexm_pc((struct cortexm *)cpu);
}

static int translate(struct cpu *cpu, uint64_t gva, uint64_t *gpa)
{
    *gpa = gva;
    return memory_host(((struct cortexm *)cpu)->mem, gva, 1) ? 0 : -1;
}

/* ---- Life ---- */

static void free_core(struct cpu *cpu)
{
    struct cortexm *core = (struct cortexm *)cpu;
    if (core->context)
        uc_context_free(core->context);
    if (core->power_on)
        uc_context_free(core->power_on);
    if (core->uc)
        uc_close(core->uc);
    code_cache_free(core->code);
    cortexm_decoder_free(core->decoder);
    free(core->watched.slots);
    free(core->hooked.slots);
    free(core->checked.slots);
    free(core->checks);
    free(core->tallies);
    executions_free(core->executions);
    free(core);
}

static const struct cpu_ops cortexm_ops = {
    .name = "cortex-m",
    .run = run,
    .set_irq = cortexm_set_irq,
    .idle = is_idle,
    .watch = cortexm_watch,
    .pause = pause_core,
    .state_size = cortexm_state_size,
    .save = cortexm_save,
    .restore = cortexm_restore,
    .general = cortexm_general,
    .general_number = cortexm_register_number,
    .write = cortexm_write,
    .stop_at = cortexm_stop_at,
    .stop_exactly = stop_exactly,
    .hold_at = hold_at,
    .block_start = block_start,
    .tallies = tallies,
    .count_executions = cortexm_count_executions,
    .executions = cortexm_executions,
    .follow = cortexm_follow,
    .reset = reset,
    .pc = pc_of,
    .registers = cortexm_registers,
    .translate = translate,
    .free = free_core,
};

static int open_engine(struct cortexm *core, struct error *err)
{
    int model = core->options.model == CORTEXM_M3 ? UC_CPU_ARM_CORTEX_M3 : UC_CPU_ARM_CORTEX_M4;
    size_t page_size = 0;
    /* Not UC_MODE_MCLASS: that is always a Cortex-M33. */
    uc_err status = uc_open(UC_ARCH_ARM, UC_MODE_THUMB, &core->uc);
    if (status == UC_ERR_OK)
        status = uc_ctl_set_cpu_model(core->uc, model);
    if (status == UC_ERR_OK)
        status = uc_ctl_set_tcg_buffer_size(core->uc, TRANSLATION_BUFFER);
    if (status == UC_ERR_OK)
        status = uc_ctl_tlb_mode(core->uc, UC_TLB_VIRTUAL);
    if (status == UC_ERR_OK)
        status = uc_ctl_exits_enable(core->uc);
    if (status == UC_ERR_OK)
        status = uc_query(core->uc, UC_QUERY_PAGE_SIZE, &page_size);
    if (status == UC_ERR_OK)
        status = uc_context_alloc(core->uc, &core->context);
    if (status == UC_ERR_OK)
        status = uc_context_alloc(core->uc, &core->power_on);
    if (status != UC_ERR_OK)
        return error_set(err, "Unicorn cannot be set up: %s", uc_strerror(status));
    if (page_size > memory_page_size(core->mem))
        return error_set(err, "Unicorn's pages of %zu bytes are larger than memory's", page_size);
    return 0;
}

static int set_up(struct cortexm *core, struct error *err)
{
    core->decoder = cortexm_decoder_new(core->options.model, err);
    if (!core->decoder)
        return -1;
    core->code = code_cache_new(cortexm_decode, core->decoder);
    core->tallies = calloc(core->options.pricing.classes, sizeof *core->tallies);
    core->running = core->tallies;
    if (!core->code || !core->tallies)
        return error_set(err, "out of memory");
    if (memory_add_device(core->mem, "ppb", PPB_BASE, PPB_SIZE, &cortexm_ppb_ops, core, err))
        return -1;
    if (open_engine(core, err) || cortexm_map_memory(core, err) || cortexm_add_hooks(core, err))
        return -1;
    uc_err status = uc_context_save(core->uc, core->power_on);
    if (status != UC_ERR_OK)
        return error_set(err, "Unicorn cannot save a context: %s", uc_strerror(status));
    return reset(&core->cpu, err);
}

static int check(const struct cortexm_options *options, struct error *err)
{
    if (options->lines < 1 || options->lines > CORTEXM_MAX_LINES)
        return error_set(err, "interrupt lines: expected 1 to %d, found %u", CORTEXM_MAX_LINES,
                         options->lines);
    if (options->priority_bits < 2 || options->priority_bits > 8)
        return error_set(err, "priority bits: expected 2 to 8, found %u", options->priority_bits);
    if (options->vectors & 0x7f || options->vectors > UINT32_MAX)
        return error_set(err, "vector table: expected a multiple of 128, found 0x%" PRIx64,
                         options->vectors);
    return 0;
}

struct cpu *cortexm_new(const struct cortexm_options *options, struct error *err)
{
    if (check(options, err))
        return NULL;
    struct cortexm *core = calloc(1, sizeof *core);
    if (!core) {
        error_set(err, "out of memory");
        return NULL;
    }
    core->cpu.ops = &cortexm_ops;
    core->options = *options;
    if (!core->options.pricing.price)
        core->options.pricing = (struct cpu_pricing){.classes = 1};
    core->clock = options->clock;
    core->mem = options->mem;
    core->withdrawals = memory_withdrawals(options->mem);
    core->seen_withdrawals = *core->withdrawals;
    core->stop_insns = core->stop_tick = core->hold_insns = UINT64_MAX;
    core->systick_event =
        (struct clock_event){.name = "systick", .fire = cortexm_systick_fire, .opaque = core};
    clock_add(core->clock, &core->systick_event);
    if (set_up(core, err)) {
        free_core(&core->cpu);
        return NULL;
    }
    return &core->cpu;
}
