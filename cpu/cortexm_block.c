/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "cpu/cortexm_core.h"

static struct fast_block *fast_block_at(struct cortexm *core, uint32_t pc)
{
    return &core->blocks[(pc >> 1 ^ pc >> 14) % FAST_BLOCKS];
}

static uint64_t key_of(uint32_t pc, uint32_t size)
{
    return (uint64_t)pc << 16 | size;
}

static uint32_t block_start(const struct fast_block *block)
{
    return (uint32_t)((block->key & ~FAST_SPECIAL) >> 16);
}

static uint32_t block_size(const struct fast_block *block)
{
    return (uint32_t)block->key & 0xffff;
}

/* ---- Decoding ---- */

uint32_t cortexm_insn_at(struct cortexm *core, uint32_t pc)
{
    uint16_t halves[2];
    if (memory_read(core->mem, pc, halves, 2))
        return 0;
    if (cortexm_length(halves[0]) == 2)
        return halves[0];
    if (memory_read(core->mem, pc + 2, halves + 1, 2))
        return 0;
    return (uint32_t)halves[0] << 16 | halves[1];
}

unsigned cortexm_insn_length(struct cortexm *core, uint32_t pc)
{
    uint16_t half = 0;
    return memory_read(core->mem, pc, &half, 2) ? 2 : cortexm_length(half);
}

static size_t code_bytes(struct cortexm *core, uint32_t pc, uint32_t size, uint8_t *bytes)
{
    if (size > CORTEXM_BLOCK_MAX)
        size = CORTEXM_BLOCK_MAX;
    return memory_read(core->mem, pc, bytes, size) ? 0 : size;
}

static struct cpu_price price_of(struct cortexm *core, uint32_t pc, const struct block *block)
{
    const struct cpu_pricing *pricing = &core->options.pricing;
    struct cpu_price price = {.ticks = block->insns};
    if (pricing->price)
        pricing->price(pricing->opaque, pc, block, &price);
    return price;
}

/* The first `size` bytes at pc; not kept. */
static struct block part_of_block(struct cortexm *core, uint32_t pc, uint32_t size)
{
    uint8_t bytes[CORTEXM_BLOCK_MAX];
    return code_decode(core->code, bytes, (uint32_t)code_bytes(core, pc, size, bytes));
}

/* A block that the fast table does not hold: met for the first time, or pushed out. */
static __attribute__((noinline)) struct fast_block *find_block(struct cortexm *core, uint32_t pc,
                                                               uint32_t size)
{
    struct block block = {0};
    struct code_page *page = code_cache_page(core->code, pc);
    unsigned offset = pc & 0xfff;
    if (page)
        block = *code_page_find(page, offset, size);
    if (!block.size) {
        uint8_t bytes[CORTEXM_BLOCK_MAX];
        uint32_t got = (uint32_t)code_bytes(core, pc, size, bytes);
        block = page && got == size ? code_page_add(core->code, page, offset, bytes, got)
                                    : code_decode(core->code, bytes, got);
    }
    struct cpu_price price = price_of(core, pc, &block);
    struct fast_block *fast = fast_block_at(core, pc);
    cortexm_flush_executions(core, fast);
    bool watched = address_set_has(&core->watched, pc);
    *fast = (struct fast_block){
        .key = key_of(pc, size) | (watched ? FAST_SPECIAL : 0),
        .tally = &core->tallies[price.class < core->options.pricing.classes ? price.class : 0],
        .ticks = price.ticks,
        .energy = price.energy,
        .insns = block.insns,
        .loads = block.loads,
        .stores = block.stores,
        .traits = block.traits,
        .watched = watched,
    };
    return fast;
}

void cortexm_forget_code(struct cortexm *core, uint32_t page)
{
    uint32_t size = (uint32_t)memory_page_size(core->mem), from = page ? page - 2 : 0;
    code_cache_empty(core->code, page);
    code_cache_empty(core->code, from);
    from -= from < CORTEXM_BLOCK_MAX ? from : CORTEXM_BLOCK_MAX;
    for (size_t i = 0; i < FAST_BLOCKS; i++) {
        struct fast_block *block = &core->blocks[i];
        uint32_t start = block_start(block);
        if (start < from || start - from >= size + CORTEXM_BLOCK_MAX + 2)
            continue;
        cortexm_flush_executions(core, block);
        block->key = 0;
    }
}

/* ---- Counting ---- */

static inline void count(struct cortexm *core, const struct fast_block *block)
{
    struct cpu_counts *counts = &core->cpu.counts;
    struct cpu_tally *tally = block->tally;
    core->clock->now += block->ticks;
    core->block_start = counts->insns;
    counts->insns += block->insns;
    counts->loads += block->loads;
    counts->stores += block->stores;
    counts->cycles += block->ticks;
    tally->blocks++;
    tally->insns += block->insns;
    tally->loads += block->loads;
    tally->stores += block->stores;
    tally->ticks += block->ticks;
    tally->energy += block->energy;
    core->running = tally;
    core->last = block;
}

void cortexm_charge(struct cortexm *core, unsigned ticks)
{
    core->clock->now += ticks;
    core->cpu.counts.cycles += ticks;
    core->running->ticks += ticks;
}

void cortexm_cut_short(struct cortexm *core, uint32_t end)
{
    const struct fast_block *block = core->last;
    if (!block)
        return;
    uint32_t start = block_start(block);
    core->last = NULL;
    core->fallthrough = NO_ADDRESS;
    if (end - start >= block_size(block))
        return;
    if (core->executions)
        executions_cut(core->executions, end, start + block_size(block));
    struct block part = part_of_block(core, start, end - start);
    struct cpu_price price = price_of(core, start, &part);
    struct cpu_counts *counts = &core->cpu.counts;
    struct cpu_tally *tally = block->tally;
    core->clock->now -= block->ticks - price.ticks;
    counts->insns -= block->insns - part.insns;
    counts->loads -= block->loads - part.loads;
    counts->stores -= block->stores - part.stores;
    counts->cycles -= block->ticks - price.ticks;
    tally->insns -= block->insns - part.insns;
    tally->loads -= block->loads - part.loads;
    tally->stores -= block->stores - part.stores;
    tally->ticks -= block->ticks - price.ticks;
    tally->energy -= block->energy - price.energy;
}

/* ---- Where blocks must end ---- */

void cortexm_stop(struct cortexm *core, uint32_t pc)
{
    core->stopping = true;
    core->stop_pc = pc;
    uc_err status = uc_emu_stop(core->uc);
    if (status != UC_ERR_OK)
        cortexm_fail(core, "cannot stop", status);
}

/* The address in the block before which the core is to stop exactly, at the latest; its end if
 * there is none. An access may take as long as the longest so far did, so this may be early; then
 * the rest is looked at as a block of its own. */
static uint32_t exact_stop(struct cortexm *core, const struct fast_block *block, uint32_t pc,
                           uint32_t size)
{
    uint64_t insns = core->stop_insns - core->cpu.counts.insns;
    uint64_t ticks = core->stop_tick - core->clock->now;
    uint64_t waits = (block->loads + block->stores) * core->max_wait;
    if (insns >= block->insns && ticks > block->ticks + waits)
        return pc + size;
    for (uint32_t at = pc;;) {
        at += cortexm_insn_length(core, at);
        if (at - pc >= size)
            return pc + size;
        struct block part = part_of_block(core, pc, at - pc);
        struct cpu_price price = price_of(core, pc, &part);
        if (part.insns >= insns ||
            price.ticks + (part.loads + part.stores) * core->max_wait >= ticks)
            return at;
    }
}

/* The first instruction in the block that may have to be trapped; its end if there is none. */
static uint32_t first_hazard(struct cortexm *core, uint32_t pc, uint32_t size)
{
    for (uint32_t at = pc; at - pc < size; at += cortexm_insn_length(core, at)) {
        struct block insn = part_of_block(core, at, cortexm_insn_length(core, at));
        if ((insn.traits & core->hazards) && at != core->passed &&
            !address_set_has(&core->checked, at))
            return at;
    }
    return pc + size;
}

/* The engine keeps all 8 bits that were written. */
static void mask_basepri(struct cortexm *core)
{
    uint32_t value = cortexm_get_special(core, UC_ARM_REG_BASEPRI);
    uint32_t kept = value & 0xffu << (8 - core->options.priority_bits);
    core->attention &= ~(unsigned)ATTEND_BASEPRI;
    if (kept != value && cortexm_privileged(core))
        cortexm_set(core, UC_ARM_REG_BASEPRI, kept);
}

/* Whether the core must leave the engine before the block: the limits and `attention`. */
static bool must_leave(struct cortexm *core)
{
    if (core->attention & ATTEND_TLB)
        cortexm_sync_tlb(core);
    if (core->attention & ATTEND_BASEPRI)
        mask_basepri(core);
    cortexm_set_limits(core);
    if (core->attention & ATTEND_PAUSE || core->clock->now >= core->clock->deadline ||
        core->clock->now >= core->stop_tick || core->cpu.counts.insns >= core->stop_insns)
        return true;
    return core->attention & ATTEND_PENDING && cortexm_may_take(core, false);
}

static __attribute__((noinline)) void on_special_block(struct cortexm *core, uint32_t pc,
                                                       uint32_t size)
{
    core->fallthrough = pc; /* if the block does not run, it is not jumped to again */
    if (must_leave(core)) {
        cortexm_stop(core, pc);
        return;
    }
    if (core->cpu.counts.insns >= core->hold_insns) {
        core->held = true;
        cortexm_stop(core, pc);
        return;
    }
    struct fast_block *block = fast_block_at(core, pc);
    if ((block->key & ~FAST_SPECIAL) != key_of(pc, size))
        block = find_block(core, pc, size);
    if (block->watched && core->exit_at == NO_ADDRESS && core->passed != pc) {
        core->block_pc = pc;
        cpu_announce_watched(&core->cpu, pc);
        core->block_pc = NO_ADDRESS;
        if (core->attention & ATTEND_PAUSE) { /* it will be announced again */
            cortexm_stop(core, pc);
            return;
        }
        cortexm_sync_tlb(core);
    }
    uint32_t end = exact_stop(core, block, pc, size);
    if (block->traits & core->hazards) {
        uint32_t hazard = first_hazard(core, pc, size);
        if (hazard == pc) {
            core->state.event.kind = EVENT_HAZARD;
            cortexm_stop(core, pc);
            return;
        }
        end = hazard - pc < end - pc ? hazard : end;
    }
    /* The engine is to translate a shorter block; if it did not, its block is one instruction that
     * is none (the T bit is clear). */
    if (end != pc + size && core->exit_at != end) {
        core->exit_at = end;
        cortexm_stop(core, pc);
        return;
    }
    if (block->traits & CORTEXM_SEV)
        core->state.scs.event = true;
    if (block->traits & core->slow & CORTEXM_BASEPRI)
        cortexm_alert(core, ATTEND_BASEPRI);
    core->passed = NO_ADDRESS;
    core->fallthrough = pc + size;
    count(core, block);
}

/* If it stops the engine the block does not run and pc is its first byte. Every guest instruction
 * passes here, so the common case calls nothing. */
void cortexm_on_block(uc_engine *uc, uint64_t address, uint32_t size, void *opaque)
{
    (void)uc;
    struct cortexm *core = opaque;
    uint32_t pc = (uint32_t)address;
    if (__builtin_expect(core->stopping, 0)) { /* stopped within the block before */
        core->stop_pc = pc;
        core->stopped_within = false;
        return;
    }
    if (pc != core->fallthrough && core->fallthrough != NO_ADDRESS)
        cortexm_charge(core, core->options.pricing.taken_branch);
    const struct fast_block *block = fast_block_at(core, pc);
    const struct clock *clock = core->clock;
    if (__builtin_expect(block->key == key_of(pc, size) && !(block->traits & core->slow) &&
                             clock->now < clock->deadline && clock->now < core->tick_limit &&
                             core->cpu.counts.insns < core->insn_limit,
                         1)) {
        core->fallthrough = pc + size;
        count(core, block);
    } else {
        on_special_block(core, pc, size);
    }
}

/* ---- Those who want to know ---- */

/* The same hook, if executions are counted or somebody follows. */
static void on_block_observed(uc_engine *uc, uint64_t address, uint32_t size, void *opaque)
{
    struct cortexm *core = opaque;
    const struct cpu_tally *before = core->running;
    cortexm_on_block(uc, address, size, opaque);
    if (core->stopping)
        return;
    if (core->executions)
        executions_run(core->executions, (size_t)(core->last - core->blocks), true);
    if (core->follower.entered && (core->running != before || core->follow_next)) {
        core->follow_next = false;
        core->follower.entered(core->follower.opaque, (unsigned)(before - core->tallies),
                               (unsigned)(core->running - core->tallies), address);
    }
}

static int observe_blocks(struct cortexm *core, struct error *err)
{
    uc_err status = uc_hook_del(core->uc, core->block_hook);
    if (status == UC_ERR_OK)
        status = uc_hook_add(core->uc, &core->block_hook, UC_HOOK_BLOCK, (void *)on_block_observed,
                             core, UINT64_C(1), UINT64_C(0));
    return status == UC_ERR_OK ? 0
                               : error_set(err, "Unicorn: no block hook: %s", uc_strerror(status));
}

void cortexm_flush_executions(struct cortexm *core, const struct fast_block *block)
{
    if (core->executions)
        executions_flush(core->executions, (size_t)(block - core->blocks), block_start(block),
                         block_size(block));
}

int cortexm_count_executions(struct cpu *cpu, struct error *err)
{
    struct cortexm *core = (struct cortexm *)cpu;
    if (core->executions)
        return 0;
    core->executions = executions_new(FAST_BLOCKS);
    return core->executions ? observe_blocks(core, err) : error_set(err, "out of memory");
}

int cortexm_executions(struct cpu *cpu, cpu_executions_fn visit, void *opaque)
{
    struct cortexm *core = (struct cortexm *)cpu;
    if (!core->executions)
        return 0;
    for (size_t i = 0; i < FAST_BLOCKS; i++)
        cortexm_flush_executions(core, &core->blocks[i]);
    return executions_visit(core->executions, visit, opaque);
}

int cortexm_follow(struct cpu *cpu, const struct cpu_follower *follower, struct error *err)
{
    struct cortexm *core = (struct cortexm *)cpu;
    core->follower = *follower;
    core->follow_next = true;
    return observe_blocks(core, err);
}
