/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "cpu/riscv_hart.h"
#include "cpu/riscv_mmu.h"

static struct riscv_mmu mmu_at(const struct riscv *hart, enum access_kind kind)
{
    unsigned level = hart->level;
    if (kind != ACCESS_FETCH && level == RISCV_MACHINE && (hart->mstatus & MSTATUS_MPRV))
        level = (hart->mstatus & MSTATUS_MPP) >> MSTATUS_MPP_SHIFT;
    return (struct riscv_mmu){.satp = hart->satp, .mstatus = hart->mstatus, .level = level};
}

/* ---- Code ---- */

/* Guest-physical address of code at pc: where the engine fetches it from, or what a walk says. */
static bool code_gpa(struct riscv *hart, uint64_t pc, uint64_t *gpa)
{
    const struct code_page *page =
        code_map_find(&hart->code_map, hart->code_space >> 16, pc & ~PAGE_OFFSET);
    if (page) {
        *gpa = code_page_gpa(page) | (pc & PAGE_OFFSET);
        return true;
    }
    struct riscv_mmu mmu = mmu_at(hart, ACCESS_FETCH);
    struct riscv_mapping mapping;
    if (riscv_mmu_walk(hart->options.mem, &mmu, pc, ACCESS_FETCH, false, &mapping) != WALK_OK)
        return false;
    *gpa = mapping.gpa;
    return true;
}

size_t riscv_code_bytes(struct riscv *hart, uint64_t pc, uint8_t *bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        uint64_t gpa, in_page = PAGE_OFFSET + 1 - (pc & PAGE_OFFSET);
        size_t step = size - done < in_page ? size - done : (size_t)in_page;
        if (!code_gpa(hart, pc, &gpa) || memory_read(hart->options.mem, gpa, bytes + done, step))
            return done;
        done += step;
        pc += step;
    }
    return done;
}

uint32_t riscv_insn_at(struct riscv *hart, uint64_t pc)
{
    uint8_t bytes[4] = {0};
    if (riscv_code_bytes(hart, pc, bytes, 2) < 2)
        return 0;
    uint16_t low = (uint16_t)(bytes[0] | bytes[1] << 8);
    if (riscv_length(low) == 2)
        return low;
    if (riscv_code_bytes(hart, pc + 2, bytes + 2, 2) < 2)
        return 0;
    uint32_t insn;
    memcpy(&insn, bytes, sizeof insn);
    return insn;
}

static size_t watched_slot(const struct riscv *hart, uint64_t pc)
{
    size_t at = (size_t)((pc >> 1) * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (hart->watched.room - 1);
    while (hart->watched.slots[at] && hart->watched.slots[at] != pc)
        at = (at + 1) & (hart->watched.room - 1);
    return at;
}

bool riscv_is_watched(const struct riscv *hart, uint64_t pc)
{
    return hart->watched.count && hart->watched.slots[watched_slot(hart, pc)];
}

static int grow_watched(struct riscv *hart)
{
    size_t room = hart->watched.room ? 2 * hart->watched.room : 64, old_room = hart->watched.room;
    uint64_t *old = hart->watched.slots, *slots = calloc(room, sizeof *slots);
    if (!slots)
        return -1;
    hart->watched.slots = slots;
    hart->watched.room = room;
    for (size_t i = 0; i < old_room; i++)
        if (old[i])
            slots[watched_slot(hart, old[i])] = old[i];
    free(old);
    return 0;
}

void riscv_enter_space(struct riscv *hart)
{
    /* Kernels map themselves alike in every address space; if one does not, code_map_note()
     * notices. */
    uint64_t root = hart->level == RISCV_USER ? hart->satp << 2 : 0;
    hart->code_space = code_map_space(&hart->code_map, root | hart->level) << 16;
}

static struct fast_block *fast_block_at(struct riscv *hart, uint64_t pc)
{
    return &hart->blocks[(pc >> 1 ^ pc >> 16) % FAST_BLOCKS];
}

int riscv_watch(struct cpu *cpu, uint64_t pc)
{
    struct riscv *hart = (struct riscv *)cpu;
    if (2 * hart->watched.count >= hart->watched.room && grow_watched(hart))
        return -1;
    size_t at = watched_slot(hart, pc);
    if (hart->watched.slots[at])
        return 0;
    hart->watched.slots[at] = pc;
    hart->watched.count++;
    struct fast_block *block = fast_block_at(hart, pc);
    riscv_flush_executions(hart, block);
    if (block->pc == pc)
        block->key = 0; /* it will be found anew, as one that is watched */
    return 0;
}

/* The engine fetches the page from there; it may be another page than before, or other code. */
static void note_code(struct riscv *hart, uint64_t page, uint64_t gpa)
{
    struct code_page *code = code_cache_page(hart->shared->code, gpa);
    if (!code)
        return;
    enum code_map_news news = code_map_note(&hart->code_map, hart->code_space >> 16, page, code);
    if (news == CODE_MAP_FORGOT) {
        riscv_enter_space(hart);
        news = code_map_note(&hart->code_map, hart->code_space >> 16, page, code);
    }
    if (news != CODE_MAP_CHANGED)
        return;
    for (uint64_t pc = page; pc <= (page | PAGE_OFFSET); pc += 2) {
        struct fast_block *block = fast_block_at(hart, pc);
        if (block->pc != pc)
            continue;
        riscv_flush_executions(hart, block);
        block->key = 0;
    }
}

/* Whether what the block's last instruction is is said by its second half, in the next page: true
 * for CSR instructions and atomics only. Such a block is decoded each time, since the next page may
 * change, or be another, without notice. */
static bool depends_on_next_page(struct riscv *hart, uint64_t pc, uint32_t size)
{
    uint64_t next = (pc | PAGE_OFFSET) + 1;
    if (pc + size <= next)
        return false;
    unsigned opcode = riscv_insn_at(hart, next - 2) & 0x7f;
    return opcode == 0x73 || opcode == 0x2f;
}

static bool hears_context(const struct riscv *hart)
{
    for (size_t i = 0; i < hart->cpu.listener_count; i++)
        if (hart->cpu.listeners[i].context)
            return true;
    return false;
}

/* A block that the fast table does not hold: met for the first time, or pushed out. */
static __attribute__((noinline)) struct fast_block *find_block(struct riscv *hart, uint64_t pc,
                                                               uint32_t size)
{
    struct code_page *page = NULL;
    struct block block = {0};
    uint64_t gpa;
    if (code_gpa(hart, pc, &gpa))
        page = code_cache_page(hart->shared->code, gpa);
    if (page && depends_on_next_page(hart, pc, size)) {
        uint8_t bytes[CODE_BLOCK_MAX];
        size_t got = riscv_code_bytes(hart, pc, bytes, size < sizeof bytes ? size : sizeof bytes);
        block = code_decode(hart->shared->code, bytes, (uint32_t)got);
        page = NULL; /* not kept */
    }
    if (page)
        block = *code_page_find(page, pc & PAGE_OFFSET, size);
    if (page && !block.size) {
        uint8_t bytes[CODE_BLOCK_MAX];
        size_t got = riscv_code_bytes(hart, pc, bytes, size < sizeof bytes ? size : sizeof bytes);
        block = code_page_add(hart->shared->code, page, pc & PAGE_OFFSET, bytes, (uint32_t)got);
    }
    struct fast_block *fast = page ? fast_block_at(hart, pc) : &hart->blocks[FAST_BLOCKS];
    if (hart->profile)
        riscv_profile_flush(hart, fast);
    riscv_flush_executions(hart, fast);
    bool watched = riscv_is_watched(hart, pc);
    bool context = block.context && hart->level != RISCV_USER && hears_context(hart);
    bool special = block.exit || watched || context;
    fast->pc = pc;
    fast->key = hart->code_space | size | (special ? FAST_SPECIAL : 0);
    fast->counts = (lanes){block.insns, block.loads, block.stores, block.cycles};
    hart->exits[fast - hart->blocks] = (struct fast_exit){.exit = block.exit,
                                                          .rd = block.rd,
                                                          .operand = block.operand,
                                                          .watched = watched,
                                                          .context = context};
    return fast;
}

static void stop(struct riscv *hart, uint64_t pc)
{
    hart->stopping = true;
    hart->stop_pc = pc;
    uc_emu_stop(hart->uc);
}

/* All but the common case of on_block(). */
static __attribute__((noinline)) void on_special_block(struct riscv *hart, uint64_t pc,
                                                       uint32_t size)
{
    if (hart->attention && riscv_attend(hart)) {
        stop(hart, pc);
        return;
    }
    if (hart->counts[LANE_INSNS] >= hart->limit) {
        riscv_collect_counts(hart);
        if (hart->clock->now >= hart->clock->deadline) {
            stop(hart, pc);
            return;
        }
        if (hart->cpu.counts.insns >= hart->hold_insns) {
            hart->held = true;
            stop(hart, pc);
            return;
        }
    }
    struct fast_block *block = fast_block_at(hart, pc);
    if (block->pc != pc || (block->key & ~(uint64_t)FAST_SPECIAL) != (hart->code_space | size))
        block = find_block(hart, pc, size);
    if (block->key & FAST_SPECIAL && hart->exits[block - hart->blocks].watched) {
        riscv_collect_counts(hart);
        hart->block_pc = pc;
        cpu_announce_watched(&hart->cpu, pc);
        hart->block_pc = 0;
        if (hart->attention & ATTEND_PAUSE) { /* it will be announced again */
            stop(hart, pc);
            return;
        }
        riscv_sync_tlb(hart);
    }
    hart->last = block;
    hart->counts += block->counts;
    if (!(block->key & FAST_SPECIAL))
        return;
    const struct fast_exit *exit = riscv_last_exit(hart);
    if (exit->exit)
        riscv_alert(hart, ATTEND_EXIT);
    if (exit->context)
        riscv_alert(hart, ATTEND_CONTEXT);
    if ((exit->exit == RISCV_EXIT_CYCLE && !riscv_counter_enabled(hart, CSR_CYCLE)) ||
        (exit->exit == RISCV_EXIT_INSTRET && !riscv_counter_enabled(hart, CSR_INSTRET)))
        riscv_forbid_counters(hart);
}

/* Runs before each block. If it stops the engine the block does not run and pc is its first byte.
 * Every guest instruction passes here, so the common case calls nothing. */
static void on_block(uc_engine *uc, uint64_t pc, uint32_t size, void *opaque)
{
    (void)uc;
    struct riscv *hart = opaque;
    const struct fast_block *block = fast_block_at(hart, pc);
    if (__builtin_expect(block->pc == pc && block->key == (hart->code_space | size) &&
                             hart->counts[LANE_INSNS] < hart->limit,
                         1)) {
        hart->last = block;
        hart->counts += block->counts;
    } else {
        on_special_block(hart, pc, size);
    }
}

/* The same, if there is a profile to keep. */
static void on_block_profiled(uc_engine *uc, uint64_t pc, uint32_t size, void *opaque)
{
    struct riscv *hart = opaque;
    on_block(uc, pc, size, opaque);
    if (!hart->stopping)
        riscv_profile_run(hart);
}

/* The same, if executions are counted, maybe beside a profile. */
static void on_block_counted(uc_engine *uc, uint64_t pc, uint32_t size, void *opaque)
{
    struct riscv *hart = opaque;
    on_block(uc, pc, size, opaque);
    if (hart->stopping)
        return;
    if (hart->profile)
        riscv_profile_run(hart);
    if (hart->level != RISCV_USER)
        executions_run(hart->executions, (size_t)(hart->last - hart->blocks),
                       hart->level == RISCV_MACHINE);
}

void riscv_flush_executions(struct riscv *hart, const struct fast_block *block)
{
    if (hart->executions)
        executions_flush(hart->executions, (size_t)(block - hart->blocks), block->pc,
                         block->key & FAST_SIZE);
}

int riscv_count_executions(struct cpu *cpu, struct error *err)
{
    struct riscv *hart = (struct riscv *)cpu;
    if (hart->executions)
        return 0;
    uc_err status = uc_hook_del(hart->uc, hart->block_hook);
    if (status == UC_ERR_OK)
        status = uc_hook_add(hart->uc, &hart->block_hook, UC_HOOK_BLOCK, (void *)on_block_counted,
                             hart, UINT64_C(1), UINT64_C(0));
    if (status != UC_ERR_OK)
        return error_set(err, "Unicorn: no block hook: %s", uc_strerror(status));
    hart->executions = executions_new(FAST_BLOCKS + 1);
    return hart->executions ? 0 : error_set(err, "out of memory");
}

int riscv_executions(struct cpu *cpu, cpu_executions_fn visit, void *opaque)
{
    struct riscv *hart = (struct riscv *)cpu;
    if (!hart->executions)
        return 0;
    for (size_t i = 0; i <= FAST_BLOCKS; i++)
        riscv_flush_executions(hart, &hart->blocks[i]);
    return executions_visit(hart->executions, visit, opaque);
}

/* ---- Memory ---- */

static bool refuse(struct riscv *hart, uint64_t page, enum access_kind kind, bool page_fault)
{
    hart->fault.set = true;
    hart->fault.kind = kind;
    hart->fault.page = page;
    hart->fault.page_fault = page_fault;
    return false;
}

static bool on_tlb_fill(uc_engine *uc, uint64_t gva, uc_mem_type type, uc_tlb_entry *entry,
                        void *opaque)
{
    (void)uc;
    struct riscv *hart = opaque;
    enum access_kind kind = type == UC_MEM_WRITE   ? ACCESS_WRITE
                            : type == UC_MEM_FETCH ? ACCESS_FETCH
                                                   : ACCESS_READ;
    if (kind == ACCESS_FETCH && gva == (DROP_ALIAS | hart->dropping)) {
        entry->paddr = hart->dropping;
        entry->perms = UC_PROT_EXEC;
        return true;
    }
    if (kind == ACCESS_FETCH && gva == CALL_RETURN) {
        riscv_alert(hart, ATTEND_PAUSE);
        return refuse(hart, gva, kind, true);
    }
    if (kind == ACCESS_FETCH && (hart->attention & ATTEND_EXIT))
        riscv_settle(hart);
    hart->cpu.counts.tlb_fills++;
    struct riscv_mmu mmu = mmu_at(hart, kind);
    struct riscv_mapping mapping;
    enum riscv_walk walk = riscv_mmu_walk(hart->options.mem, &mmu, gva, kind, true, &mapping);
    if (walk != WALK_OK)
        return refuse(hart, gva, kind, walk == WALK_PAGE_FAULT);
    struct grant grant = memory_translate(hart->options.mem, mapping.gpa, kind, mapping.write);
    bool granted = kind == ACCESS_READ    ? grant.read
                   : kind == ACCESS_WRITE ? grant.write
                                          : grant.fetch;
    if (!granted)
        return refuse(hart, gva, kind, false);
    riscv_sync_tlb(hart);
    entry->paddr = mapping.gpa | (grant.precise ? PRECISE_ALIAS : 0);
    entry->perms = 0;
    if (mapping.read && grant.read)
        entry->perms |= UC_PROT_READ;
    if (kind == ACCESS_FETCH) {
        entry->perms |= UC_PROT_EXEC;
        note_code(hart, gva, mapping.gpa);
    } else if (mapping.write && grant.write) {
        entry->perms |= UC_PROT_WRITE;
    }
    return true;
}

/* The engine forgets translations by virtual address: it is led to the page by an address that
 * nobody else uses. A flush is to follow. */
static void drop_translations(struct riscv *hart, uint64_t page_gpa)
{
    hart->dropping = page_gpa;
    uint64_t alias = DROP_ALIAS | page_gpa;
    uc_err status = uc_ctl_remove_cache(hart->uc, alias, alias + PAGE_OFFSET + 1);
    if (status != UC_ERR_OK && !hart->failure.text[0])
        error_set(&hart->failure, "Unicorn: cannot drop translations: %s", uc_strerror(status));
}

/* The mapping goes with the flush that follows every change of code. */
static void on_code_changed(void *opaque, uint64_t page_gpa)
{
    struct riscv *hart = opaque;
    code_cache_empty(hart->shared->code, page_gpa);
    drop_translations(hart, page_gpa);
}

/* ---- Devices and precise pages ---- */

/* The host's side of an access may have changed a page's state. */
static void notice_withdrawal(struct riscv *hart)
{
    if (__builtin_expect(hart->seen_withdrawals != *hart->withdrawals, 0))
        riscv_alert(hart, ATTEND_TLB);
}

static uint64_t device_read(uc_engine *uc, uint64_t offset, unsigned size, void *opaque)
{
    (void)uc;
    const struct device_window *window = opaque;
    riscv_collect_counts(window->hart); /* it may look at the clock */
    uint64_t value = memory_device_read(window->hart->options.mem, window->region, offset, size);
    riscv_collect_counts(window->hart); /* or set it */
    return value;
}

static void device_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value,
                         void *opaque)
{
    (void)uc;
    const struct device_window *window = opaque;
    riscv_collect_counts(window->hart);
    memory_device_write(window->hart->options.mem, window->region, offset, size, value);
    riscv_collect_counts(window->hart);
    notice_withdrawal(window->hart); /* it may have done DMA */
}

/* The alias of all RAM below 2^50 is one window, so the offset is the guest-physical address. */
static uint64_t precise_read(uc_engine *uc, uint64_t offset, unsigned size, void *opaque)
{
    (void)uc;
    struct riscv *hart = opaque;
    uint64_t value = memory_access(hart->options.mem, offset, size, ACCESS_READ, 0);
    notice_withdrawal(hart);
    return value;
}

static void precise_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value,
                          void *opaque)
{
    (void)uc;
    struct riscv *hart = opaque;
    memory_access(hart->options.mem, offset, size, ACCESS_WRITE, value);
    notice_withdrawal(hart);
}

static uc_err map_device(struct riscv *hart, const struct region *region)
{
    if (hart->window_count == RISCV_MAX_WINDOWS)
        return UC_ERR_NOMEM;
    struct device_window *window = &hart->windows[hart->window_count++];
    *window = (struct device_window){hart, region};
    return uc_mmio_map(hart->uc, region->base, region->size, device_read, window, device_write,
                       window);
}

int riscv_map_memory(struct riscv *hart, struct error *err)
{
    const struct memory *mem = hart->options.mem;
    uint64_t top = 0;
    for (size_t i = 0; i < memory_region_count(mem); i++) {
        const struct region *region = memory_region(mem, i);
        uc_err status;
        if (region->kind == REGION_DEVICE)
            status = map_device(hart, region);
        else
            status =
                uc_mem_map_ptr(hart->uc, region->base, region->size, UC_PROT_ALL, region->host);
        if (status != UC_ERR_OK)
            return error_set(err, "Unicorn: cannot map region \"%s\": %s", region->name,
                             uc_strerror(status));
        top = region->base + region->size;
    }
    if (top > PRECISE_ALIAS)
        return error_set(err, "memory above 0x%llx is not supported",
                         (unsigned long long)PRECISE_ALIAS);
    uc_err status =
        uc_mmio_map(hart->uc, PRECISE_ALIAS, top, precise_read, hart, precise_write, hart);
    if (status != UC_ERR_OK)
        return error_set(err, "Unicorn: cannot map the precise alias: %s", uc_strerror(status));
    return 0;
}

/* ---- Exceptions ---- */

/* The time CSR, which the engine does not have; pc is past it already. */
static bool emulate_csr(struct riscv *hart, uint32_t insn)
{
    bool csr_read = (insn & 0x7f) == 0x73 && (insn >> 12 & 3) >= 2 && (insn >> 15 & 31) == 0;
    if (!csr_read || insn >> 20 != CSR_TIME || !riscv_counter_enabled(hart, CSR_TIME))
        return false;
    riscv_collect_counts(hart);
    riscv_set_x(hart, insn >> 7 & 31, hart->options.time(hart->options.time_opaque));
    return true;
}

static void on_exception(uc_engine *uc, uint32_t number, void *opaque)
{
    (void)uc;
    struct riscv *hart = opaque;
    /* The engine has stepped over it, as if it were 4 bytes long. */
    uint64_t pc = riscv_pc(hart) - 4, value = 0;
    uint32_t insn = riscv_insn_at(hart, pc);
    struct riscv_access access;
    uint64_t cause = number;
    switch (number) {
    case EXCEPTION_ECALL_USER:
        cause += hart->level;
        break;
    case EXCEPTION_ILLEGAL:
        if (emulate_csr(hart, insn)) {
            hart->attention &= ~(unsigned)ATTEND_EXIT;
            return;
        }
        value = insn;
        break;
    case EXCEPTION_LOAD_MISALIGNED:
    case EXCEPTION_STORE_MISALIGNED:
        if (riscv_access_of(insn, &access)) {
            value = riscv_x(hart, access.base) + (uint64_t)access.offset;
            /* The engine runs an AMO as a load and a store, but it faults as a store. */
            cause = access.store ? EXCEPTION_STORE_MISALIGNED : EXCEPTION_LOAD_MISALIGNED;
        }
        break;
    }
    riscv_cut_short(hart, pc + riscv_length((uint16_t)insn));
    riscv_exception(hart, cause, value, pc);
}

/* Of the instructions that riscv_stop_at() named only. */
static void on_instruction(uc_engine *uc, uint64_t pc, uint32_t size, void *opaque)
{
    (void)uc;
    (void)size;
    struct riscv *hart = opaque;
    if (hart->stopping)
        return;
    cpu_announce_reached(&hart->cpu, pc);
    if (hart->attention & ATTEND_PAUSE) {
        hart->stopped_within = true;
        stop(hart, pc);
    }
}

/* Makes the engine forget what it translated of the address' page; false if there is none. */
static bool drop_page_of(struct riscv *hart, uint64_t pc)
{
    uint64_t gpa;
    if (!code_gpa(hart, pc, &gpa))
        return false;
    drop_translations(hart, gpa & ~PAGE_OFFSET);
    hart->seen_withdrawals = *hart->withdrawals - 1; /* flush */
    return true;
}

static int add_instruction_hook(struct riscv *hart, uint64_t pc, struct error *err)
{
    size_t count = hart->instruction_hook_count;
    if (count == hart->instruction_hook_room) {
        size_t room = 2 * count + 8;
        struct instruction_hook *all = realloc(hart->instruction_hooks, room * sizeof *all);
        if (!all)
            return error_set(err, "out of memory");
        hart->instruction_hooks = all;
        hart->instruction_hook_room = room;
    }
    struct instruction_hook *hook = &hart->instruction_hooks[count];
    uc_err status =
        uc_hook_add(hart->uc, &hook->hook, UC_HOOK_CODE, (void *)on_instruction, hart, pc, pc);
    if (status != UC_ERR_OK)
        return error_set(err, "Unicorn: no instruction hook: %s", uc_strerror(status));
    hook->pc = pc;
    hart->instruction_hook_count++;
    hart->has_instruction_hooks = true;
    return 0;
}

int riscv_stop_at(struct cpu *cpu, uint64_t pc, struct error *err)
{
    struct riscv *hart = (struct riscv *)cpu;
    if (add_instruction_hook(hart, pc, err))
        return -1;
    if (cpu->counts.insns && !drop_page_of(hart, pc))
        return error_set(err, "0x%llx cannot be executed now", (unsigned long long)pc);
    return hart->failure.text[0] ? error_set(err, "%s", hart->failure.text) : 0;
}

/* What the engine has translated with the hook announces still, where it cannot be dropped. */
int riscv_stop_no_more(struct cpu *cpu, uint64_t pc, struct error *err)
{
    struct riscv *hart = (struct riscv *)cpu;
    size_t kept = 0;
    for (size_t i = 0; i < hart->instruction_hook_count; i++) {
        struct instruction_hook *hook = &hart->instruction_hooks[i];
        uc_err status = hook->pc == pc ? uc_hook_del(hart->uc, hook->hook) : UC_ERR_OK;
        if (status != UC_ERR_OK)
            return error_set(err, "Unicorn: an instruction hook stays: %s", uc_strerror(status));
        if (hook->pc != pc)
            hart->instruction_hooks[kept++] = *hook;
    }
    if (kept != hart->instruction_hook_count)
        (void)drop_page_of(hart, pc);
    hart->instruction_hook_count = kept;
    return hart->failure.text[0] ? error_set(err, "%s", hart->failure.text) : 0;
}

/* What every simulator that hooks accesses pays; only counts. */
static void on_access(uc_engine *uc, uc_mem_type type, uint64_t address, int size, int64_t value,
                      void *opaque)
{
    (void)uc;
    (void)type;
    (void)address;
    (void)value;
    (void)size;
    struct riscv *hart = opaque;
    hart->cpu.counts.hooked++;
}

int riscv_add_hooks(struct riscv *hart, struct error *err)
{
    const struct {
        int type;
        void *function;
        const char *name;
    } hooks[] = {
        {UC_HOOK_BLOCK, hart->profile ? (void *)on_block_profiled : (void *)on_block, "block"},
        {UC_HOOK_TLB_FILL, (void *)on_tlb_fill, "TLB fill"},
        {UC_HOOK_INTR, (void *)on_exception, "interrupt"},
        {UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, (void *)on_access, "access"},
    };
    size_t count = sizeof hooks / sizeof hooks[0] - (hart->options.hook_accesses ? 0 : 1);
    for (size_t i = 0; i < count; i++) {
        uc_hook hook;
        uc_err status = uc_hook_add(hart->uc, &hook, hooks[i].type, hooks[i].function, hart, 1, 0);
        if (status != UC_ERR_OK)
            return error_set(err, "Unicorn: no %s hook: %s", hooks[i].name, uc_strerror(status));
        if (hooks[i].type == UC_HOOK_BLOCK)
            hart->block_hook = hook;
    }
    struct memory_listener listener = {.code_changed = on_code_changed, .opaque = hart};
    if (memory_listen(hart->options.mem, &listener))
        return error_set(err, "out of memory");
    return 0;
}
