/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/machine.h"

#include <stdlib.h>
#include <string.h>

#include "cpu/riscv.h"
#include "sim/attach.h"
#include "sim/backtrace.h"
#include "sim/board.h"
#include "sim/expect.h"
#include "sim/failures.h"
#include "sim/lives.h"
#include "sim/snapshot.h"
#include "sim/tasks.h"

#define PAGE_BITS     12
#define MCU_PAGE_BITS 10 /* the engine's own, for Cortex-M */
#define MHZ           UINT64_C(1000000)

static int add_regions(struct machine *machine, struct error *err)
{
    const struct config *config = machine->config;
    for (size_t i = 0; i < config->memory_count; i++) {
        const struct config_region *region = &config->memory[i];
        if (memory_add(machine->mem, region->name, region->base, region->size, region->kind,
                       region->nonvolatile, err))
            return error_prefix(err, "memory: ");
        for (uint64_t at = 0; region->fill && at < region->size; at += 4) {
            uint32_t word = (uint32_t)region->fill;
            (void)memory_load(machine->mem, region->base + at, &word, sizeof word);
        }
    }
    for (size_t i = 0; i < config->device_count; i++) {
        const struct config_device *device = &config->devices[i];
        if (device->kind == DEVICE_FRAMEBUFFER &&
            framebuffer_add(machine->mem, device->name, &device->screen, err))
            return error_prefix(err, "devices: ");
    }
    return 0;
}

static int load_symbols(struct machine *machine, struct error *err)
{
    const struct config *config = machine->config;
    machine->symbols = symbols_new();
    if (!machine->symbols)
        return error_set(err, "out of memory");
    for (size_t i = 0; i < config->load_count; i++) {
        const struct config_load *load = &config->load[i];
        if (load->kind != LOAD_KERNEL)
            continue;
        struct error why = {""};
        if (symbols_add_file(machine->symbols, load->file, err) < 0)
            return -1;
        machine->tasks = tasks_new(load->file, machine->symbols, &why);
        if (!machine->tasks && why.text[0])
            return error_set(err, "%s", why.text);
    }
    if (config->system_map && symbols_add_system_map(machine->symbols, config->system_map, err) < 0)
        return -1;
    return 0;
}

/* ---- Page modes: what the memory subsystem does to the guest when nothing else uses it ---- */

static void arm_everything(void *opaque, unsigned hart, const struct trap *trap)
{
    (void)hart;
    (void)trap;
    memory_arm_all(opaque);
}

/* Armed pages cost what a log costs: the pre-image is copied. */
static void copy_page(void *opaque, uint64_t page_gpa, const uint8_t *contents)
{
    (void)page_gpa;
    struct machine *machine = opaque;
    memcpy(machine->scratch, contents, sizeof machine->scratch);
    machine->first_writes++;
}

static void count_access(void *opaque, uint64_t gpa, unsigned size, enum access_kind kind,
                         uint64_t value)
{
    (void)gpa;
    (void)size;
    (void)kind;
    (void)value;
    ((struct machine *)opaque)->precise_accesses++;
}

static int set_page_mode(struct machine *machine, struct error *err)
{
    enum page_mode mode = machine->config->run.pages;
    const struct memory_listener listener = {
        .first_write = copy_page, .access = count_access, .opaque = machine};
    if ((mode == PAGES_ARMED || mode == PAGES_PRECISE) && memory_listen(machine->mem, &listener))
        return error_set(err, "out of memory");
    if (mode == PAGES_PRECISE)
        memory_set_state(machine->mem, 0, UINT64_MAX, PAGE_PRECISE);
    if (mode != PAGES_ARMED)
        return 0;
    memory_arm_all(machine->mem);
    const struct cpu_listener arm = {.trap_entry = arm_everything, .opaque = machine->mem};
    for (unsigned i = 0; i < machine->hart_count; i++)
        if (cpu_listen(machine->harts[i], &arm))
            return error_set(err, "too many listeners");
    return 0;
}

static int assemble(struct machine *machine, struct error *err)
{
    const struct config *config = machine->config;
    const struct board *board = board_of(config);
    bool mcu = config->machine.cpu != CPU_RV64GC;
    machine->mem = memory_new(mcu ? MCU_PAGE_BITS : PAGE_BITS);
    if (!machine->mem)
        return error_set(err, "out of memory");
    clock_init(&machine->clock, mcu ? config->machine.clock_hz : config->machine.mips * MHZ);
    if (add_regions(machine, err) || load_symbols(machine, err))
        return -1;
    if ((config->recovery.enabled || config->inject.kind != INJECT_NONE) &&
        !(machine->arena = arena_open(ARENA_RESERVE, err)))
        return -1;
    if (config->power.enabled && !(machine->lives = lives_new(machine, err)))
        return -1;
    if (board->assemble(machine, err) || board->load(machine, err) || set_page_mode(machine, err) ||
        attach_recovery(machine, err) || attach_inject(machine, err) ||
        (machine->lives && lives_begin(machine->lives, err)) || expect_check(machine, err))
        return -1;
    return 0;
}

struct machine *machine_new(const struct config *config, struct error *err)
{
    struct machine *machine = calloc(1, sizeof *machine);
    if (!machine) {
        error_set(err, "out of memory");
        return NULL;
    }
    machine->config = config;
    if (assemble(machine, err)) {
        machine_free(machine);
        return NULL;
    }
    return machine;
}

void machine_attach(struct machine *machine, struct console *console)
{
    machine->console = console;
}

void machine_reset_devices(struct machine *machine)
{
    for (struct clock_event *event = machine->clock.events; event; event = event->next)
        event->due = 0;
    for (size_t i = 0; i < machine->device_count; i++)
        device_reset(machine->devices[i]);
    if (board_of(machine->config) == &board_mcu)
        semihosting_reset(&machine->semihosting);
}

void machine_free(struct machine *machine)
{
    if (!machine)
        return;
    lives_free(machine->lives);
    snapshot_free_all(machine);
    failures_free(machine->failures);
    for (unsigned i = 0; i < machine->hart_count; i++)
        cpu_free(machine->harts[i]);
    for (size_t i = 0; i < machine->device_count; i++)
        device_free(machine->devices[i]);
    for (size_t i = 0; i < machine->block_count; i++)
        block_close(machine->blocks[i]);
    riscv_shared_free(machine->riscv);
    memory_free(machine->mem);
    arena_close(machine->arena);
    tasks_free(machine->tasks);
    symbols_free(machine->symbols);
    free(machine->panic_report);
    free(machine->typed.bytes);
    free(machine);
}

uint64_t machine_insns(const struct machine *machine)
{
    uint64_t insns = 0;
    for (unsigned i = 0; i < machine->hart_count; i++)
        insns += machine->harts[i]->counts.insns;
    return insns;
}

uint64_t machine_position(const struct machine *machine)
{
    uint64_t insns = machine_insns(machine), position = insns;
    for (unsigned i = 0; i < machine->hart_count; i++) {
        struct cpu *hart = machine->harts[i];
        uint64_t start = insns - hart->counts.insns + cpu_block_start(hart);
        if (i == machine->turn.hart)
            return start;
        position = start < position ? start : position;
    }
    return position;
}

/* What the user typed is remembered, so that the guest can take it once more after it was rolled
 * back to before it did. */
size_t machine_take_input(struct machine *machine, uint8_t *bytes, size_t size)
{
    struct machine_typed *typed = &machine->typed;
    size_t again = typed->count - typed->taken;
    if (again) {
        if (size > again)
            size = again;
    } else {
        if (typed->count + size > typed->room) {
            size_t room = 2 * (typed->count + size);
            uint8_t *all = realloc(typed->bytes, room);
            if (!all)
                return 0;
            typed->bytes = all;
            typed->room = room;
        }
        size = console_take_input(machine->console, typed->bytes + typed->count, size);
        typed->count += size;
    }
    if (size)
        memcpy(bytes, typed->bytes + typed->taken, size);
    typed->taken += size;
    return size;
}

void machine_output(struct machine *machine, uint8_t byte)
{
    console_output(machine->console, byte);
    if (machine->config->run.until == UNTIL_CONSOLE && machine->end == END_NONE &&
        console_seen(machine->console)) {
        machine->end = END_EXPECTED;
        machine->clock.deadline = 0; /* leave the engine at the next block */
    }
}

bool machine_has_input(const struct machine *machine)
{
    return machine->typed.taken < machine->typed.count || console_has_input(machine->console);
}
