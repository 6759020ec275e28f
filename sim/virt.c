/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "cpu/riscv.h"
#include "devices/block.h"
#include "devices/clint.h"
#include "devices/goldfish_rtc.h"
#include "devices/ns16550a.h"
#include "devices/plic.h"
#include "devices/test_finisher.h"
#include "devices/virt.h"
#include "devices/virtio_blk.h"
#include "devices/virtio_mmio.h"
#include "devices/virtio_rng.h"
#include "sim/board.h"

/* 2026-01-01 00:00:00 UTC: when every run begins. */
#define EPOCH_NS (UINT64_C(1767225600) * 1000000000)

/* How long a disk takes for a request. */
#define DISK_LATENCY_NS 50000

/* `number` is the hart's number in the upper bits and the interrupt's in the lower eight. */
static void hart_irq(void *opaque, unsigned number, bool level)
{
    struct machine *machine = opaque;
    struct cpu *hart = machine->harts[number >> 8];
    if (hart) /* devices are reset once before there are harts: all lines are low */
        cpu_set_irq(hart, number & 0xff, level);
}

static struct irq_line line_to(struct machine *machine, unsigned hart, enum riscv_interrupt number)
{
    return (struct irq_line){hart_irq, machine, hart << 8 | number};
}

static void finished(void *opaque, enum finish how, unsigned code)
{
    struct machine *machine = opaque;
    if (how == FINISH_RESET) {
        machine->reboot_wanted = true;
    } else {
        machine->end = END_POWEROFF;
        machine->exit_code = code;
    }
    machine->clock.deadline = 0; /* leave the engine at the next block */
}

static void uart_output(void *opaque, uint8_t byte)
{
    struct machine *machine = opaque;
    if (machine->recovery)
        recovery_output(machine->recovery, byte);
    else
        machine_output(machine, byte);
}

static size_t uart_input(void *opaque, uint8_t *bytes, size_t size)
{
    return machine_take_input(opaque, bytes, size);
}

static uint64_t read_time(void *opaque)
{
    return clint_time(opaque);
}

static struct device *new_disk(struct machine *machine, const struct virtio_wiring *wiring,
                               const struct config_device *wanted, struct error *err)
{
    enum block_mode mode = wanted->read_only ? BLOCK_READ_ONLY
                           : wanted->overlay ? BLOCK_OVERLAY
                                             : BLOCK_DIRECT;
    struct block *block = block_open(wanted->file, mode, err);
    if (!block) {
        error_prefix(err, "devices.%s: ", wanted->name);
        return NULL;
    }
    machine->blocks[machine->block_count++] = block;
    struct device *disk =
        virtio_blk_new(wiring, &machine->clock, block, wanted->name, DISK_LATENCY_NS);
    if (!disk)
        error_set(err, "out of memory");
    return disk;
}

static int add_virtio(struct machine *machine, struct device *plic, unsigned slot,
                      struct error *err)
{
    const struct config *config = machine->config;
    const struct config_device *wanted = config_virtio(config, slot);
    const struct virtio_wiring wiring = {
        .memory = machine->mem,
        .irq = plic_input(plic, VIRT_VIRTIO_IRQ + slot),
        .legacy = wanted && wanted->legacy,
    };
    struct device *device = NULL;
    if (!wanted)
        device = virtio_mmio_new(&wiring, NULL);
    else if (wanted->kind == DEVICE_VIRTIO_RNG)
        device = virtio_rng_new(&wiring, config->machine.seed + slot);
    else if (!(device = new_disk(machine, &wiring, wanted, err)))
        return -1;
    char name[32];
    snprintf(name, sizeof name, "virtio%u", slot);
    return board_put(machine, device, name, VIRT_VIRTIO_BASE + slot * (uint64_t)VIRT_VIRTIO_SIZE,
                     VIRT_VIRTIO_SIZE, err);
}

static int add_devices(struct machine *machine, struct error *err)
{
    unsigned harts = machine->config->machine.harts;
    struct irq_line msip[CONFIG_MAX_HARTS], mtip[CONFIG_MAX_HARTS], contexts[2 * CONFIG_MAX_HARTS];
    for (unsigned i = 0; i < harts; i++) {
        msip[i] = line_to(machine, i, RISCV_IRQ_MSI);
        mtip[i] = line_to(machine, i, RISCV_IRQ_MTI);
        contexts[VIRT_PLIC_M(i)] = line_to(machine, i, RISCV_IRQ_MEI);
        contexts[VIRT_PLIC_S(i)] = line_to(machine, i, RISCV_IRQ_SEI);
    }
    machine->clint = clint_new(&machine->clock, harts, VIRT_TIMEBASE_HZ, msip, mtip, NULL);
    struct device *plic = plic_new(VIRT_PLIC_SOURCES, VIRT_PLIC_CONTEXTS * harts, contexts);
    if (board_put(machine, machine->clint, "clint", VIRT_CLINT_BASE, VIRT_CLINT_SIZE, err))
        return -1;
    if (board_put(machine, plic, "plic", VIRT_PLIC_BASE, VIRT_PLIC_SIZE, err))
        return -1;
    struct irq_line uart_irq = plic_input(plic, VIRT_UART_IRQ);
    struct irq_line rtc_irq = plic_input(plic, VIRT_RTC_IRQ);
    const struct uart_io io = {uart_output, uart_input, machine};
    machine->uart = ns16550a_new(&io, &uart_irq);
    struct device *rtc = goldfish_rtc_new(&machine->clock, EPOCH_NS, &rtc_irq);
    if (board_put(machine, machine->uart, "uart0", VIRT_UART_BASE, VIRT_UART_SIZE, err) ||
        board_put(machine, rtc, "rtc", VIRT_RTC_BASE, VIRT_RTC_SIZE, err) ||
        board_put(machine, test_finisher_new(finished, machine), "test", VIRT_TEST_BASE,
                  VIRT_TEST_SIZE, err))
        return -1;
    for (unsigned slot = 0; slot < VIRT_VIRTIO_MAX; slot++)
        if (add_virtio(machine, plic, slot, err))
            return -1;
    return 0;
}

static const struct {
    const char *name;
    uint64_t base, size;
} windows[] = {
    {"rom", VIRT_ROM_BASE, VIRT_ROM_SIZE},
    {"test", VIRT_TEST_BASE, VIRT_TEST_SIZE},
    {"rtc", VIRT_RTC_BASE, VIRT_RTC_SIZE},
    {"clint", VIRT_CLINT_BASE, VIRT_CLINT_SIZE},
    {"plic", VIRT_PLIC_BASE, VIRT_PLIC_SIZE},
    {"uart0", VIRT_UART_BASE, VIRT_UART_SIZE},
    {"virtio", VIRT_VIRTIO_BASE, VIRT_VIRTIO_MAX *(uint64_t)VIRT_VIRTIO_SIZE},
};

static int check(const struct config *config, struct error *err)
{
    if (config->machine.cpu != CPU_RV64GC)
        return error_set(err, "machine.cpu: expected \"rv64gc\" on board virt");
    for (size_t i = 0; i < config->device_count; i++)
        if (config->devices[i].kind != DEVICE_VIRTIO_BLK &&
            config->devices[i].kind != DEVICE_VIRTIO_RNG &&
            config->devices[i].kind != DEVICE_FRAMEBUFFER)
            return error_set(err,
                             "devices.%s.type: expected a virtio device or a frame buffer on "
                             "board virt",
                             config->devices[i].name);
    if (config_virtio(config, VIRT_VIRTIO_MAX))
        return error_set(err,
                         "devices: expected at most %d virtio devices on board virt, found %zu",
                         VIRT_VIRTIO_MAX, config->device_count);
    bool ram = false;
    for (size_t i = 0; i < config->memory_count; i++) {
        const struct config_region *region = &config->memory[i];
        ram |= region->kind == REGION_RAM && !region->nonvolatile;
        for (size_t w = 0; w < sizeof windows / sizeof windows[0]; w++) {
            if (region->base < windows[w].base + windows[w].size &&
                windows[w].base < region->base + region->size)
                return error_set(err,
                                 "memory: region \"%s\" at 0x%" PRIx64
                                 " overlaps the board's %s at 0x%" PRIx64,
                                 region->name, region->base, windows[w].name, windows[w].base);
        }
    }
    if (!ram)
        return error_set(err, "memory: expected a volatile region to boot from, found none");
    for (size_t i = 0; i < config->load_count; i++)
        if (config->load[i].kind == LOAD_KERNEL || config->load[i].kind == LOAD_FIRMWARE)
            return 0;
    return error_set(err, "load: expected a kernel or a firmware, found neither");
}

static int assemble(struct machine *machine, struct error *err)
{
    const struct config *config = machine->config;
    if (memory_add(machine->mem, "rom", VIRT_ROM_BASE, VIRT_ROM_SIZE, REGION_ROM, false, err) ||
        add_devices(machine, err))
        return -1;
    for (size_t i = 0; i < machine->device_count; i++)
        device_reset(machine->devices[i]);
    machine->riscv = riscv_shared_new(err);
    if (!machine->riscv)
        return -1;
    for (unsigned i = 0; i < config->machine.harts; i++) {
        struct riscv_options options = {
            .hart = i,
            .mem = machine->mem,
            .clock = &machine->clock,
            .shared = machine->riscv,
            .time = read_time,
            .time_opaque = machine->clint,
            .hook_accesses = config->run.pages == PAGES_HOOKED,
            .profile =
                config->recovery.enabled && config->recovery.by_function ? machine->arena : NULL,
        };
        machine->harts[i] = riscv_new(&options, VIRT_ROM_BASE, err);
        if (!machine->harts[i])
            return -1;
        machine->hart_count = i + 1;
    }
    return 0;
}

static int load(struct machine *machine, struct error *err)
{
    return boot_load(machine->config, machine->mem, &machine->plan, err);
}

const struct board board_virt = {check, assemble, load, false};
