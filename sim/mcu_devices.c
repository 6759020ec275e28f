/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/mcu_devices.h"

#include <inttypes.h>
#include <stdio.h>

#include "devices/bitband.h"
#include "devices/cmsdk_dualtimer.h"
#include "devices/cmsdk_timer.h"
#include "devices/cmsdk_uart.h"
#include "devices/mps2_fpgaio.h"
#include "devices/mps2_scc.h"
#include "devices/pl011.h"
#include "devices/registers.h"
#include "devices/stellaris_gptm.h"
#include "devices/stellaris_sysctl.h"
#include "sim/board.h"

#define DEVICE_ALIGNMENT UINT64_C(4096)

static void core_line(void *opaque, unsigned number, bool level)
{
    struct machine *machine = opaque;
    if (machine->harts[0]) /* devices are reset once before there is a core: all lines are low */
        cpu_set_irq(machine->harts[0], number, level);
}

static struct irq_line line(struct machine *machine, const struct config_irq *irq)
{
    return irq->connected ? (struct irq_line){core_line, machine, irq->line}
                          : (struct irq_line){NULL, NULL, 0};
}

static void output(void *opaque, uint8_t byte)
{
    machine_output(opaque, byte);
}

static size_t input(void *opaque, uint8_t *bytes, size_t size)
{
    return machine_take_input(opaque, bytes, size);
}

static struct uart_io far_end(struct machine *machine, const struct config_device *wanted)
{
    return wanted->console ? (struct uart_io){output, input, machine}
                           : (struct uart_io){NULL, NULL, NULL};
}

typedef struct device *(*make_fn)(struct machine *machine, const struct config_device *wanted,
                                  struct error *err);

static struct device *make_pl011(struct machine *machine, const struct config_device *wanted,
                                 struct error *err)
{
    (void)err;
    const struct uart_io io = far_end(machine, wanted);
    const struct irq_line irq = line(machine, &wanted->irq);
    return pl011_new((enum pl011_variant)wanted->variant, &io, &irq);
}

static struct device *make_cmsdk_uart(struct machine *machine, const struct config_device *wanted,
                                      struct error *err)
{
    (void)err;
    const struct uart_io io = far_end(machine, wanted);
    const struct cmsdk_uart_lines lines = {.transmit = line(machine, &wanted->irq_transmit),
                                           .receive = line(machine, &wanted->irq_receive),
                                           .overrun = line(machine, &wanted->irq_overrun)};
    return cmsdk_uart_new(&io, &lines);
}

static struct device *make_gptm(struct machine *machine, const struct config_device *wanted,
                                struct error *err)
{
    (void)err;
    const struct irq_line a = line(machine, &wanted->irq), b = line(machine, &wanted->irq_b);
    return stellaris_gptm_new(&machine->clock, &a, &b);
}

static struct device *make_sysctl(struct machine *machine, const struct config_device *wanted,
                                  struct error *err)
{
    (void)err;
    const struct irq_line irq = line(machine, &wanted->irq);
    return stellaris_sysctl_new(&irq);
}

static struct device *make_cmsdk_timer(struct machine *machine, const struct config_device *wanted,
                                       struct error *err)
{
    (void)err;
    const struct irq_line irq = line(machine, &wanted->irq);
    return cmsdk_timer_new(&machine->clock, &irq);
}

static struct device *make_dualtimer(struct machine *machine, const struct config_device *wanted,
                                     struct error *err)
{
    (void)err;
    const struct irq_line irq = line(machine, &wanted->irq);
    return cmsdk_dualtimer_new(&machine->clock, &irq);
}

static struct device *make_scc(struct machine *machine, const struct config_device *wanted,
                               struct error *err)
{
    (void)machine;
    (void)err;
    return mps2_scc_new((uint32_t)wanted->id);
}

static struct device *make_fpgaio(struct machine *machine, const struct config_device *wanted,
                                  struct error *err)
{
    (void)wanted;
    (void)err;
    return mps2_fpgaio_new(&machine->clock);
}

static struct device *make_registers(struct machine *machine, const struct config_device *wanted,
                                     struct error *err)
{
    struct registers_rule rules[CONFIG_MAX_REGISTERS];
    (void)machine;
    for (size_t i = 0; i < wanted->register_count; i++) {
        const struct config_register *reg = &wanted->registers[i];
        rules[i] = (struct registers_rule){
            .offset = (uint32_t)reg->at,
            .reset = (uint32_t)reg->reset,
            .ones = (uint32_t)reg->ones,
            .fixed = (uint32_t)reg->fixed,
            .mirrors = reg->has_mirrors,
            .of = (uint32_t)reg->mirrors,
        };
    }
    return registers_new(wanted->size, rules, wanted->register_count, err);
}

static struct device *make_bitband(struct machine *machine, const struct config_device *wanted,
                                   struct error *err)
{
    (void)err;
    return bitband_new(machine->mem, wanted->of);
}

static const struct {
    make_fn make;  /* NULL: not a microcontroller's */
    uint64_t size; /* of its window; 0: the config says */
} kinds[] = {
    [DEVICE_VIRTIO_BLK] = {NULL, 0},
    [DEVICE_VIRTIO_RNG] = {NULL, 0},
    [DEVICE_PL011] = {make_pl011, 0x1000},
    [DEVICE_STELLARIS_GPTM] = {make_gptm, 0x1000},
    [DEVICE_STELLARIS_SYSCTL] = {make_sysctl, 0x1000},
    [DEVICE_CMSDK_UART] = {make_cmsdk_uart, 0x1000},
    [DEVICE_CMSDK_TIMER] = {make_cmsdk_timer, 0x1000},
    [DEVICE_CMSDK_DUALTIMER] = {make_dualtimer, 0x1000},
    [DEVICE_MPS2_SCC] = {make_scc, 0x1000},
    [DEVICE_MPS2_FPGAIO] = {make_fpgaio, 0x1000},
    [DEVICE_REGISTERS] = {make_registers, 0},
    [DEVICE_BITBAND] = {make_bitband, BITBAND_SIZE},
    [DEVICE_FRAMEBUFFER] = {NULL, 0}, /* memory: sim/machine.c */
};

static uint64_t size_of(const struct config_device *wanted)
{
    return kinds[wanted->kind].size ? kinds[wanted->kind].size : wanted->size;
}

static int check_place(const struct config_device *wanted, struct error *err)
{
    const uint64_t size = size_of(wanted);
    if (!wanted->has_base)
        return error_set(err, "devices.%s: expected the key \"base\", which is missing",
                         wanted->name);
    if (wanted->base % DEVICE_ALIGNMENT || size % DEVICE_ALIGNMENT)
        return error_set(err, "devices.%s.%s: expected a multiple of 4096 bytes, found 0x%" PRIx64,
                         wanted->name, wanted->base % DEVICE_ALIGNMENT ? "base" : "size",
                         wanted->base % DEVICE_ALIGNMENT ? wanted->base : size);
    if (wanted->base + size > MCU_CORE_REGISTERS)
        return error_set(err,
                         "devices.%s.base: expected it to end below 0x%" PRIx64
                         ", the core's own registers, found 0x%" PRIx64,
                         wanted->name, MCU_CORE_REGISTERS, wanted->base + size - 1);
    return 0;
}

int mcu_check_device(const struct config *config, const struct config_device *wanted,
                     struct error *err)
{
    if (!kinds[wanted->kind].make)
        return error_set(err, "devices.%s.type: expected a type other than virtio with a Cortex-M",
                         wanted->name);
    if (check_place(wanted, err))
        return -1;
    const struct config_irq *irqs[] = {&wanted->irq, &wanted->irq_b, &wanted->irq_receive,
                                       &wanted->irq_transmit, &wanted->irq_overrun};
    for (size_t i = 0; i < sizeof irqs / sizeof *irqs; i++)
        if (irqs[i]->connected && irqs[i]->line >= config->machine.lines)
            return error_set(err,
                             "devices.%s: expected interrupts below machine.lines (%u), found %u",
                             wanted->name, config->machine.lines, irqs[i]->line);
    return 0;
}

int mcu_add_device(struct machine *machine, const struct config_device *wanted, struct error *err)
{
    char place[48];
    struct error why = {""};
    struct device *device = kinds[wanted->kind].make(machine, wanted, &why);
    snprintf(place, sizeof place, "devices.%s: ", wanted->name);
    if (!device && why.text[0]) {
        error_set(err, "%s", why.text);
    } else if (!board_put(machine, device, wanted->name, wanted->base, size_of(wanted), err)) {
        if (wanted->console && !machine->uart)
            machine->uart = device;
        return 0;
    }
    return error_prefix(err, "%s", place);
}
