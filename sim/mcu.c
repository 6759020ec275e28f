/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <elf.h>
#include <inttypes.h>

#include "cpu/cortexm.h"
#include "sim/board.h"

/* Microcontrollers: a Cortex-M core, and devices as the board's JSON lists them. */

static int check(const struct config *config, struct error *err)
{
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
        if (region->base + region->size > CORTEXM_SYSTEM)
            return error_set(err,
                             "memory: region \"%s\" ends at 0x%" PRIx64
                             ", expected it to end at 0x%x, where the core's own registers begin",
                             region->name, region->base + region->size, CORTEXM_SYSTEM);
    }
    for (size_t i = 0; i < config->load_count; i++) {
        if (config->load[i].kind == LOAD_FIRMWARE || config->load[i].kind == LOAD_INITRD)
            return error_set(err, "load[%zu]: expected a kernel or raw files with a Cortex-M", i);
        if (config->load[i].kind == LOAD_KERNEL)
            return 0;
    }
    return error_set(err, "load: expected a kernel, found none");
}

static void reset_requested(void *opaque)
{
    struct machine *machine = opaque;
    machine->reboot_wanted = true;
    machine->clock.deadline = 0;
}

static uint32_t semihost(void *opaque, uint32_t operation, uint32_t argument)
{
    struct machine *machine = opaque;
    return semihosting_call(machine->semihosting, operation, argument);
}
