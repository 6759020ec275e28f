/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/attach.h"

#include <stdio.h>
#include <string.h>

#include "sim/checkpoint.h"
#include "sim/failures.h"
#include "sim/kernel_view.h"

/* The register that points to the current task_struct in a RISC-V Linux kernel. */
#define REGISTER_TP 4

static int find_symbol(void *opaque, const char *name, uint64_t *address, struct error *err)
{
    const struct machine *machine = opaque;
    const struct symbol *symbol = symbols_named(machine->symbols, name);
    if (symbol) {
        *address = symbol->address;
        return 0;
    }
    const char *near = symbols_nearest(machine->symbols, name);
    return error_set(err, "expected a symbol of the guest, found \"%s\"%s%s%s", name,
                     near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
}

/* A hart and the memory that it sees. */
struct view {
    struct cpu *cpu;
    const struct memory *mem;
};

static int read_virtual(void *opaque, uint64_t gva, void *buffer, size_t size)
{
    const struct view *view = opaque;
    return cpu_read_virtual(view->cpu, view->mem, gva, buffer, size);
}

int attach_task(const struct machine *machine, unsigned hart, uint64_t thread,
                char name[TASKS_COMM_SIZE], int *pid, int *tgid)
{
    struct view view = {machine->harts[hart], machine->mem};
    uint8_t bytes[4];
    name[0] = 0;
    *pid = *tgid = -1;
    if (!machine->tasks || tasks_name(machine->tasks, read_virtual, &view, thread, name, pid))
        return -1;
    if (read_virtual(&view, thread + tasks_tgid_offset(machine->tasks), bytes, sizeof bytes) == 0)
        *tgid = bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (bytes[3] & 0x7f) << 24;
    return 0;
}

/* ---- Recovery ------------------------------------------------------------------------------ */

static void *take_checkpoint(void *opaque)
{
    return checkpoint_take(opaque);
}

static int return_to(void *opaque, const void *checkpoint)
{
    return checkpoint_return(opaque, checkpoint);
}

static void discard_checkpoint(void *opaque, void *checkpoint)
{
    checkpoint_free(opaque, checkpoint);
}

static uint64_t count_insns(void *opaque)
{
    return machine_insns(opaque);
}

static void put_output(void *opaque, uint8_t byte)
{
    machine_output(opaque, byte);
}

const char *attach_device_name(const struct machine *machine, const struct region *region)
{
    const struct config_device *device;
    unsigned slot;
    if (sscanf(region->name, "virtio%u", &slot) == 1 &&
        (device = config_virtio(machine->config, slot)))
        return device->name;
    return region->name;
}

static const char *device_name(void *opaque, const struct region *region)
{
    return attach_device_name(opaque, region);
}

static void name_thread(void *opaque, unsigned hart, uint64_t thread, char name[TASKS_COMM_SIZE])
{
    int pid, tgid;
    (void)attach_task(opaque, hart, thread, name, &pid, &tgid);
}

static int attach_failures(struct machine *machine, struct error *err)
{
    const struct failures_host host = {
        .clock = &machine->clock, .insns = count_insns, .task = name_thread, .opaque = machine};
    machine->failures = failures_new(&host);
    if (!machine->failures)
        return error_set(err, "out of memory");
    observers_add(&machine->observers, failures_observer(machine->failures));
    return 0;
}

int attach_recovery(struct machine *machine, struct error *err)
{
    if (!machine->config->recovery.enabled)
        return 0;
    struct recovery_options options = {
        .arena = machine->arena,
        .policy = &machine->config->recovery,
        .mem = machine->mem,
        .harts = machine->harts,
        .hart_count = machine->hart_count,
        .clock = &machine->clock,
        .observers = &machine->observers,
        .host =
            {
                .symbol = find_symbol,
                .checkpoint = take_checkpoint,
                .rewind = return_to,
                .discard = discard_checkpoint,
                .insns = count_insns,
                .device = device_name,
                .output = put_output,
                .opaque = machine,
            },
    };
    const struct boot_plan *plan = &machine->plan;
    if (plan->firmware.end > plan->firmware.start) {
        /* Between the firmware and the kernel lies what the firmware allocates. */
        uint64_t end =
            plan->kernel.start > plan->firmware.start ? plan->kernel.start : plan->firmware.end;
        options.firmware = plan->firmware.start;
        options.firmware_size = end - plan->firmware.start;
    }
    if (attach_failures(machine, err))
        return -1;
    machine->recovery = recovery_new(&options, err);
    return machine->recovery ? 0 : -1;
}

/* ---- Faults -------------------------------------------------------------------------------- */

static bool is_task(void *opaque, unsigned hart, const char *name)
{
    const struct machine *machine = opaque;
    char task[TASKS_COMM_SIZE];
    int pid, tgid;
    (void)attach_task(machine, hart, cpu_general(machine->harts[hart], REGISTER_TP), task, &pid,
                      &tgid);
    return !strcmp(task, name);
}

static uint64_t position(void *opaque)
{
    return machine_position(opaque);
}

int attach_inject(struct machine *machine, struct error *err)
{
    return machine->config->inject.kind == INJECT_NONE ? 0 : attach_faults(machine, err);
}

int attach_faults(struct machine *machine, struct error *err)
{
    if (!machine->arena && !(machine->arena = arena_open(ARENA_RESERVE, err)))
        return -1;
    const struct inject_options options = {
        .arena = machine->arena,
        .policy = &machine->config->inject,
        .mem = machine->mem,
        .harts = machine->harts,
        .hart_count = machine->hart_count,
        .symbol = find_symbol,
        .is_task = is_task,
        .position = position,
        .opaque = machine,
    };
    machine->inject = inject_new(&options, err);
    return machine->inject ? 0 : -1;
}

/* ---- Console ------------------------------------------------------------------------------- */

struct console *attach_silent_console(struct machine *machine, struct error *err)
{
    const struct config *config = machine->config;
    struct console *console = console_new(CONSOLE_NONE, NULL, &machine->clock, config->run.script,
                                          config->run.script_count, err);
    if (!console)
        return NULL;
    if (config->expect.console && console_watch(console, config->expect.console)) {
        error_set(err, "out of memory");
        console_free(console);
        return NULL;
    }
    machine_attach(machine, console);
    return console;
}

static int read_kernel(void *opaque, uint64_t gva, void *buffer, size_t size)
{
    return kernel_view_read(opaque, gva, buffer, size);
}

struct request_names attach_request_names(const struct machine *machine)
{
    return (struct request_names){&machine->config->recovery, machine->symbols, read_kernel,
                                  (void *)machine};
}
