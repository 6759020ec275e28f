/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "devices/mps2_fpgaio.h"

#define LED0     0x00
#define CLK1HZ   0x10
#define CLK100HZ 0x14
#define COUNTER  0x18
#define PRESCALE 0x1c
#define PSCNTR   0x20
#define MISC     0x4c

struct seconds {
    uint64_t since; /* tick at which the count was `value` */
    uint32_t value;
};

struct fpgaio {
    struct device device;
    struct clock *clock;
    struct {
        uint32_t led, misc, prescale;
        struct seconds clk1hz, clk100hz;
        uint64_t since; /* tick at which the next two were as they are here */
        uint32_t counter, pscntr;
    } state;
};

static uint32_t count(const struct fpgaio *io, const struct seconds *seconds, uint64_t hz)
{
    uint64_t passed = io->clock->now - seconds->since;
    return seconds->value + (uint32_t)clock_scale(passed, io->clock->rate, hz);
}

/* Brings COUNTER and PSCNTR up to now. */
static void settle(struct fpgaio *io)
{
    uint64_t ticks = io->clock->now - io->state.since;
    io->state.since = io->clock->now;
    if (ticks <= io->state.pscntr) {
        io->state.pscntr -= (uint32_t)ticks;
        return;
    }
    uint64_t period = (uint64_t)io->state.prescale + 1;
    uint64_t reloaded = ticks - io->state.pscntr - 1; /* ticks since it first was */
    io->state.counter += (uint32_t)(1 + reloaded / period);
    io->state.pscntr = (uint32_t)(io->state.prescale - reloaded % period);
}

static uint64_t fpgaio_read(void *opaque, uint64_t offset, unsigned size)
{
    struct fpgaio *io = opaque;
    (void)size;
    settle(io);
    switch (offset) {
    case LED0:
        return io->state.led;
    case CLK1HZ:
        return count(io, &io->state.clk1hz, 1);
    case CLK100HZ:
        return count(io, &io->state.clk100hz, 100);
    case COUNTER:
        return io->state.counter;
    case PRESCALE:
        return io->state.prescale;
    case PSCNTR:
        return io->state.pscntr;
    case MISC:
        return io->state.misc;
    default:
        return 0;
    }
}

static void fpgaio_write(void *opaque, uint64_t offset, unsigned size, uint64_t wide)
{
    struct fpgaio *io = opaque;
    uint32_t value = (uint32_t)wide;
    (void)size;
    settle(io);
    switch (offset) {
    case LED0:
        io->state.led = value & 3;
        break;
    case CLK1HZ:
        io->state.clk1hz = (struct seconds){io->clock->now, value};
        break;
    case CLK100HZ:
        io->state.clk100hz = (struct seconds){io->clock->now, value};
        break;
    case COUNTER:
        io->state.counter = value;
        break;
    case PRESCALE:
        io->state.prescale = value;
        break;
    case PSCNTR:
        io->state.pscntr = value;
        break;
    case MISC:
        io->state.misc = value;
        break;
    }
}

static void fpgaio_reset(void *device)
{
    struct fpgaio *io = device;
    io->state.since = io->state.clk1hz.since = io->state.clk100hz.since = io->clock->now;
}

static const struct device_ops fpgaio_ops = {
    .name = "mps2-fpgaio",
    .mmio = {fpgaio_read, fpgaio_write},
    .reset = fpgaio_reset,
};

struct device *mps2_fpgaio_new(struct clock *clock)
{
    struct fpgaio *io =
        device_new(sizeof *io, &fpgaio_ops, offsetof(struct fpgaio, state), sizeof io->state);
    if (!io)
        return NULL;
    io->clock = clock;
    return &io->device;
}
