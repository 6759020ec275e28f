/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <elf.h>
#include <inttypes.h>

#include "cpu/code.h"
#include "cpu/cortexm.h"
#include "sim/board.h"
#include "sim/lives.h"
#include "sim/mcu_devices.h"

/* Microcontrollers: a Cortex-M core, and devices as the board's JSON lists them. */

/* Cycles to refill the pipeline: 1 to 3 (Cortex-M3 TRM DDI 0337I, Cortex-M4 TRM ARM 100166, tables
 * of instruction timings: P). */
#define TAKEN_BRANCH 2

#define EPOCH_S UINT64_C(1767225600) /* 2026-01-01 00:00:00 UTC: when every run begins */

static int check_device(const struct config *config, const struct config_device *device,
                        struct error *err)
{
    const struct framebuffer *screen = &device->screen;
    if (device->kind != DEVICE_FRAMEBUFFER)
        return mcu_check_device(config, device, err);
    uint64_t end = screen->base + framebuffer_size(screen);
    return end <= MCU_CORE_REGISTERS
               ? 0
               : error_set(err,
                           "devices.%s.base: expected it to end below 0x%" PRIx64
                           ", the core's own registers, found 0x%" PRIx64,
                           device->name, MCU_CORE_REGISTERS, end - 1);
}

static int check(const struct config *config, struct error *err)
{
    bool kernel = false;
    if (config->machine.harts != 1)
        return error_set(err, "machine.harts: expected 1 with a Cortex-M, found %u",
                         config->machine.harts);
    if (config->recovery.enabled)
        return error_set(err, "recovery: expected no such section with a Cortex-M: recovery "
                              "domains know RISC-V kernels only");
    if (config->inject.kind != INJECT_NONE)
        return error_set(err, "inject: expected no such section with a Cortex-M");
    if (config->run.pages == PAGES_HOOKED)
        return error_set(err, "run.pages: expected \"open\", \"armed\" or \"precise\" with a "
                              "Cortex-M, found \"hooked\"");
    for (size_t i = 0; i < config->memory_count; i++) {
        const struct config_region *region = &config->memory[i];
        if (region->base + region->size > MCU_CORE_REGISTERS)
            return error_set(err,
                             "memory: expected region \"%s\" to end below 0x%" PRIx64
                             ", the core's own registers, found 0x%" PRIx64,
                             region->name, MCU_CORE_REGISTERS, region->base + region->size - 1);
    }
    for (size_t i = 0; i < config->device_count; i++)
        if (check_device(config, &config->devices[i], err))
            return -1;
    for (size_t i = 0; i < config->load_count; i++) {
        if (config->load[i].kind == LOAD_FIRMWARE || config->load[i].kind == LOAD_INITRD)
            return error_set(err, "load[%zu]: expected a kernel or raw files with a Cortex-M", i);
        kernel |= config->load[i].kind == LOAD_KERNEL;
    }
    return kernel ? 0 : error_set(err, "load: expected a kernel, found none");
}

static void reset_requested(void *opaque)
{
    struct machine *machine = opaque;
    machine->reboot_wanted = true;
    machine->clock.deadline = 0;
}

static void exited(void *opaque, unsigned code)
{
    struct machine *machine = opaque;
    machine->end = END_POWEROFF;
    machine->exit_code = code;
    machine->clock.deadline = 0;
    cpu_pause(machine->harts[0]);
}

static void output(void *opaque, uint8_t byte)
{
    machine_output(opaque, byte);
}

static size_t input(void *opaque, uint8_t *bytes, size_t size)
{
    return machine_take_input(opaque, bytes, size);
}

static uint32_t semihost(void *opaque, uint32_t operation, uint32_t argument)
{
    struct machine *machine = opaque;
    return semihosting_call(&machine->semihosting, operation, argument);
}

static void price_cycles(void *opaque, uint64_t pc, const struct block *block,
                         struct cpu_price *price)
{
    (void)opaque;
    (void)pc;
    *price = (struct cpu_price){.ticks = block->cycles};
}

static struct cpu_pricing pricing(struct machine *machine)
{
    if (!machine->config->machine.cycles)
        return (struct cpu_pricing){.classes = 1};
    if (machine->lives && lives_energy(machine->lives))
        return lives_pricing(machine->lives, TAKEN_BRANCH);
    return (struct cpu_pricing){.price = price_cycles, .classes = 1, .taken_branch = TAKEN_BRANCH};
}

static int assemble(struct machine *machine, struct error *err)
{
    const struct config *config = machine->config;
    const struct semihosting_host console = {
        .output = output,
        .input = input,
        .exited = exited,
        .opaque = machine,
        .command_line = config->bootargs,
        .epoch_s = EPOCH_S,
        .mem = machine->mem,
        .clock = &machine->clock,
    };
    semihosting_init(&machine->semihosting, &console);
    for (size_t i = 0; i < config->device_count; i++)
        if (config->devices[i].kind != DEVICE_FRAMEBUFFER &&
            mcu_add_device(machine, &config->devices[i], err))
            return -1;
    for (size_t i = 0; i < machine->device_count; i++)
        device_reset(machine->devices[i]);
    const struct cortexm_options options = {
        .model = config->machine.cpu == CPU_CORTEX_M3 ? CORTEXM_M3 : CORTEXM_M4,
        .mem = machine->mem,
        .clock = &machine->clock,
        .lines = config->machine.lines,
        .priority_bits = config->machine.priority_bits,
        .vectors = config->machine.vectors,
        .reference_hz = config->machine.reference_hz,
        .pricing = pricing(machine),
        .host = {semihost, reset_requested, machine},
    };
    machine->harts[0] = cortexm_new(&options, err);
    if (!machine->harts[0])
        return -1;
    machine->hart_count = 1;
    return 0;
}

static int load(struct machine *machine, struct error *err)
{
    const struct config *config = machine->config;
    struct memory *mem = machine->mem;
    for (size_t i = 0; i < config->load_count; i++) {
        const struct config_load *load = &config->load[i];
        uint64_t address = load->has_address ? load->address : config->machine.vectors;
        struct image image;
        if (load->kind == LOAD_KERNEL
                ? load_image(mem, load->file, EM_ARM, address, &machine->plan.kernel, err)
                : load_raw(mem, load->file, address, &image, err))
            return -1;
    }
    /* The core has read the vector table before there was one. */
    return cpu_reset(machine->harts[0], err);
}

const struct board board_mcu = {check, assemble, load, true};
