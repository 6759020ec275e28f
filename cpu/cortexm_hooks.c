/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "cpu/cortexm_core.h"

/* As uc_version() gives it, the last byte for releases. */
#define VERSION_2_1_1 0x020101ffu

/* ---- Sets of addresses ---- */

static size_t set_slot(const struct address_set *set, uint32_t slot)
{
    size_t at = ((slot >> 1) * UINT32_C(2654435761) >> 8) & (set->room - 1);
    while (set->slots[at] && set->slots[at] != slot)
        at = (at + 1) & (set->room - 1);
    return at;
}

bool address_set_has(const struct address_set *set, uint32_t pc)
{
    return set->count && set->slots[set_slot(set, pc | 1)];
}

static int set_add(struct address_set *set, uint32_t pc)
{
    if (2 * set->count >= set->room) {
        struct address_set old = *set;
        set->room = old.room ? 2 * old.room : 64;
        set->slots = calloc(set->room, sizeof *set->slots);
        if (!set->slots) {
            *set = old;
            return -1;
        }
        for (size_t i = 0; i < old.room; i++)
            if (old.slots[i])
                set->slots[set_slot(set, old.slots[i])] = old.slots[i];
        free(old.slots);
    }
    size_t at = set_slot(set, pc | 1);
    set->count += !set->slots[at];
    set->slots[at] = pc | 1;
    return 0;
}

int cortexm_watch(struct cpu *cpu, uint64_t pc)
{
    struct cortexm *core = (struct cortexm *)cpu;
    if (set_add(&core->watched, (uint32_t)pc))
        return -1;
    for (size_t i = 0; i < FAST_BLOCKS; i++) { /* found anew, as ones that are watched */
        cortexm_flush_executions(core, &core->blocks[i]);
        core->blocks[i].key = 0;
    }
    core->last = NULL;
    return 0;
}

/* ---- Memory ---- */

/* After 2.1.1 an access within an IT block that enters a callback leaves the block's ITSTATE in the
 * engine, which applies it to the next block too. Within a block it is 0. */
static void keep_it(struct cortexm *core)
{
    if (__builtin_expect(core->spoils_it, 0))
        cortexm_set(core, UC_ARM_REG_EPSR, XPSR_T);
}

void cortexm_sync_tlb(struct cortexm *core)
{
    core->attention &= ~(unsigned)ATTEND_TLB;
    if (core->seen_withdrawals == *core->withdrawals)
        return;
    core->seen_withdrawals = *core->withdrawals;
    core->cpu.counts.tlb_flushes++;
    uc_err status = uc_ctl_flush_tlb(core->uc);
    if (status != UC_ERR_OK)
        cortexm_fail(core, "cannot flush its TLB", status);
}

static bool refuse(struct cortexm *core, uint32_t page, enum access_kind kind)
{
    core->state.event.kind = EVENT_FAULT;
    core->state.event.page = page;
    core->state.event.access = kind;
    return false;
}

static bool on_tlb_fill(uc_engine *uc, uint64_t page, uc_mem_type type, uc_tlb_entry *entry,
                        void *opaque)
{
    (void)uc;
    struct cortexm *core = opaque;
    enum access_kind kind = type == UC_MEM_WRITE   ? ACCESS_WRITE
                            : type == UC_MEM_FETCH ? ACCESS_FETCH
                                                   : ACCESS_READ;
    entry->paddr = page;
    if (kind == ACCESS_FETCH && core->dropping) {
        entry->perms = UC_PROT_EXEC;
        return true;
    }
    core->cpu.counts.tlb_fills++;
    if (page - PPB_BASE < PPB_SIZE && !cortexm_privileged(core))
        return refuse(core, (uint32_t)page, kind);
    struct grant grant = memory_translate(core->mem, page, kind, true);
    bool granted = kind == ACCESS_READ    ? grant.read
                   : kind == ACCESS_WRITE ? grant.write
                                          : grant.fetch;
    if (!granted)
        return refuse(core, (uint32_t)page, kind);
    cortexm_sync_tlb(core);
    entry->paddr = page | (grant.precise ? PRECISE_ALIAS : 0);
    entry->perms = 0;
    if (grant.read)
        entry->perms |= UC_PROT_READ;
    if (kind == ACCESS_FETCH)
        entry->perms |= UC_PROT_EXEC;
    else if (grant.write)
        entry->perms |= UC_PROT_WRITE;
    if (kind != ACCESS_FETCH)
        keep_it(core);
    return true;
}

static void on_code_changed(void *opaque, uint64_t page_gpa)
{
    struct cortexm *core = opaque;
    cortexm_forget_code(core, (uint32_t)page_gpa);
    core->dropping = true;
    uc_err status = uc_ctl_remove_cache(core->uc, page_gpa, page_gpa + memory_page_size(core->mem));
    core->dropping = false;
    if (status != UC_ERR_OK)
        cortexm_fail(core, "cannot drop translations", status);
}

/* ---- Devices and precise pages ---- */

/* The host's side of an access may have changed a page's state, and taken time. */
static void after_access(struct cortexm *core, uint64_t before)
{
    if (__builtin_expect(core->seen_withdrawals != *core->withdrawals, 0))
        cortexm_alert(core, ATTEND_TLB);
    uint64_t wait = core->clock->now - before;
    if (__builtin_expect(wait > core->max_wait, 0))
        core->max_wait = wait;
    keep_it(core);
}

static uint64_t device_read(uc_engine *uc, uint64_t offset, unsigned size, void *opaque)
{
    (void)uc;
    const struct device_window *window = opaque;
    struct cortexm *core = window->core;
    uint64_t before = core->clock->now;
    uint64_t value = memory_device_read(core->mem, window->region, offset, size);
    after_access(core, before);
    return value;
}

static void device_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value,
                         void *opaque)
{
    (void)uc;
    const struct device_window *window = opaque;
    struct cortexm *core = window->core;
    uint64_t before = core->clock->now;
    memory_device_write(core->mem, window->region, offset, size, value);
    after_access(core, before);
}

/* The alias of the whole address space is one window, so the offset is the address. */
static uint64_t precise_read(uc_engine *uc, uint64_t offset, unsigned size, void *opaque)
{
    (void)uc;
    struct cortexm *core = opaque;
    uint64_t before = core->clock->now;
    uint64_t value = memory_access(core->mem, offset, size, ACCESS_READ, 0);
    after_access(core, before);
    return value;
}

static void precise_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value,
                          void *opaque)
{
    (void)uc;
    struct cortexm *core = opaque;
    uint64_t before = core->clock->now;
    memory_access(core->mem, offset, size, ACCESS_WRITE, value);
    after_access(core, before);
}

static uc_err map_device(struct cortexm *core, const struct region *region)
{
    if (core->window_count == CORTEXM_MAX_WINDOWS)
        return UC_ERR_NOMEM;
    struct device_window *window = &core->windows[core->window_count++];
    *window = (struct device_window){core, region};
    return uc_mmio_map(core->uc, region->base, region->size, device_read, window, device_write,
                       window);
}

int cortexm_map_memory(struct cortexm *core, struct error *err)
{
    uint64_t top = 0;
    for (size_t i = 0; i < memory_region_count(core->mem); i++) {
        const struct region *region = memory_region(core->mem, i);
        uc_err status =
            region->kind == REGION_DEVICE
                ? map_device(core, region)
                : uc_mem_map_ptr(core->uc, region->base, region->size, UC_PROT_ALL, region->host);
        if (status != UC_ERR_OK)
            return error_set(err, "Unicorn: cannot map region \"%s\": %s", region->name,
                             uc_strerror(status));
        top = region->base + region->size;
    }
    if (top > UINT64_C(1) << 32)
        return error_set(err, "a Cortex-M has no memory above 0xffffffff, found up to 0x%llx",
                         (unsigned long long)top - 1);
    uc_err status =
        uc_mmio_map(core->uc, PRECISE_ALIAS, top, precise_read, core, precise_write, core);
    if (status != UC_ERR_OK)
        return error_set(err, "Unicorn: cannot map the precise alias: %s", uc_strerror(status));
    return 0;
}

/* ---- Exceptions ---- */

/* SVC, BKPT, exception return and the engine's own faults: looked at once it has stopped. */
static void on_exception(uc_engine *uc, uint32_t number, void *opaque)
{
    struct cortexm *core = opaque;
    core->state.event.kind = EVENT_EXCEPTION;
    core->state.event.number = number;
    uc_err status = uc_emu_stop(uc);
    if (status != UC_ERR_OK)
        cortexm_fail(core, "cannot stop", status);
}

#define OP_WFE      UINT32_C(0xbf20)
#define OP_WFE_WIDE UINT32_C(0xf3af8002)

/* WFE and YIELD arrive here too; the engine goes on, but comes back from uc_emu_start() if it is
 * stopped. */
static bool on_invalid(uc_engine *uc, void *opaque)
{
    struct cortexm *core = opaque;
    uint32_t pc = cortexm_get(core, UC_ARM_REG_R15);
    uint32_t narrow = cortexm_insn_at(core, pc - 2), wide = cortexm_insn_at(core, pc - 4);
    bool wfe = narrow == OP_WFE || wide == OP_WFE_WIDE;
    bool yield = narrow == (OP_WFE ^ 0x30) || wide == (OP_WFE_WIDE ^ 3);
    if (pc != core->fallthrough || (!wfe && !yield)) {
        core->state.event.kind = EVENT_INVALID;
        return false;
    }
    if (wfe && !core->state.scs.event) {
        core->state.sleep = SLEEP_EVENT;
        core->stopping = true;
        core->stop_pc = pc;
        uc_err status = uc_emu_stop(uc);
        if (status != UC_ERR_OK)
            cortexm_fail(core, "cannot stop", status);
    }
    if (wfe)
        core->state.scs.event = false;
    return true;
}

/* Of the instructions that cortexm_stop_at() named only. Within an IT block the engine goes on to
 * the end of the block that it runs. */
static void on_instruction(uc_engine *uc, uint64_t pc, uint32_t size, void *opaque)
{
    (void)uc;
    (void)size;
    struct cortexm *core = opaque;
    if (core->stopping)
        return;
    if (!(core->attention & ATTEND_PAUSE)) { /* else it will be reached again */
        core->block_pc = (uint32_t)pc;
        cpu_announce_reached(&core->cpu, pc);
        core->block_pc = NO_ADDRESS;
    }
    if (core->attention & ATTEND_PAUSE) {
        core->stopped_within = true;
        cortexm_stop(core, (uint32_t)pc);
    }
}

bool cortexm_is_division(uint32_t insn)
{
    return (insn & 0xffd000f0) == 0xfb9000f0;
}

static void on_division(uc_engine *uc, uint64_t pc, uint32_t size, void *opaque)
{
    (void)uc;
    (void)size;
    struct cortexm *core = opaque;
    uint32_t insn = cortexm_insn_at(core, (uint32_t)pc);
    if (core->stopping || !(core->hazards & CORTEXM_DIVIDE) || !cortexm_is_division(insn) ||
        cortexm_get(core, UC_ARM_REG_R0 + (int)(insn & 15)))
        return;
    core->state.event.kind = EVENT_HAZARD;
    core->stopped_within = true;
    cortexm_stop(core, (uint32_t)pc);
}

static uc_err hook_division(struct cortexm *core, uint32_t pc)
{
    uc_hook hook;
    uint32_t *checks = realloc(core->checks, (core->hooked.count + 1) * sizeof *checks);
    if (!checks)
        return UC_ERR_NOMEM;
    core->checks = checks;
    if (set_add(&core->hooked, pc))
        return UC_ERR_NOMEM;
    uc_err status = uc_hook_add(core->uc, &hook, UC_HOOK_CODE, (void *)on_division, core,
                                (uint64_t)pc, (uint64_t)pc);
    core->has_instruction_hooks = true;
    return status == UC_ERR_OK ? uc_ctl_remove_cache(core->uc, (uint64_t)pc, (uint64_t)pc + 1)
                               : status;
}

void cortexm_check_division(struct cortexm *core, uint32_t pc)
{
    uc_err status = address_set_has(&core->hooked, pc) ? UC_ERR_OK : hook_division(core, pc);
    if (status == UC_ERR_OK && set_add(&core->checked, pc))
        status = UC_ERR_NOMEM;
    if (status == UC_ERR_OK)
        core->checks[core->checked.count - 1] = pc;
    else
        cortexm_fail(core, "cannot hook a division", status);
}

void cortexm_uncheck(struct cortexm *core, size_t count)
{
    struct address_set *checked = &core->checked;
    if (checked->count == count)
        return;
    memset(checked->slots, 0, checked->room * sizeof *checked->slots);
    checked->count = 0;
    for (size_t i = 0; i < count; i++)
        (void)set_add(checked, core->checks[i]); /* there is room for them */
}

int cortexm_stop_at(struct cpu *cpu, uint64_t pc, struct error *err)
{
    struct cortexm *core = (struct cortexm *)cpu;
    uc_hook hook;
    pc &= ~UINT64_C(1);
    uc_err status =
        uc_hook_add(core->uc, &hook, UC_HOOK_CODE, (void *)on_instruction, core, pc, pc);
    core->has_instruction_hooks = true;
    if (status != UC_ERR_OK)
        return error_set(err, "Unicorn: no instruction hook: %s", uc_strerror(status));
    return 0;
}

int cortexm_add_hooks(struct cortexm *core, struct error *err)
{
    core->spoils_it = uc_version(NULL, NULL) > VERSION_2_1_1;
    const struct {
        int type;
        void *function;
        const char *name;
    } hooks[] = {
        {UC_HOOK_BLOCK, (void *)cortexm_on_block, "block"},
        {UC_HOOK_TLB_FILL, (void *)on_tlb_fill, "TLB fill"},
        {UC_HOOK_INTR, (void *)on_exception, "interrupt"},
        {UC_HOOK_INSN_INVALID, (void *)on_invalid, "invalid instruction"},
    };
    for (size_t i = 0; i < sizeof hooks / sizeof hooks[0]; i++) {
        uc_hook hook;
        uc_err status = uc_hook_add(core->uc, &hook, hooks[i].type, hooks[i].function, core, 1, 0);
        if (status != UC_ERR_OK)
            return error_set(err, "Unicorn: no %s hook: %s", hooks[i].name, uc_strerror(status));
        if (hooks[i].type == UC_HOOK_BLOCK)
            core->block_hook = hook;
    }
    struct memory_listener listener = {.code_changed = on_code_changed, .opaque = core};
    if (memory_listen(core->mem, &listener))
        return error_set(err, "out of memory");
    return 0;
}
