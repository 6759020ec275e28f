/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "devices/pl011.h"

#define DR    0x00
#define RSR   0x04
#define FR    0x18
#define ILPR  0x20
#define IBRD  0x24
#define FBRD  0x28
#define LCR_H 0x2c
#define CR    0x30
#define IFLS  0x34
#define IMSC  0x38
#define RIS   0x3c
#define MIS   0x40
#define ICR   0x44
#define DMACR 0x48
#define ID    0xfe0

#define FR_RXFE 0x10
#define FR_RXFF 0x40
#define FR_TXFE 0x80

#define LCR_FEN 0x10
#define CR_LBE  0x80

#define INT_RX   0x010
#define INT_TX   0x020
#define INT_OE   0x400
#define INT_MASK 0x7ff

#define DR_OVERRUN  0x800
#define RSR_OVERRUN 0x08

#define FIFO_SIZE 16

struct pl011 {
    struct device device;
    const uint8_t *id;
    struct uart_io io;
    struct irq_line irq;
    struct {
        uint32_t rsr, ilpr, ibrd, fbrd, lcr, cr, ifls, mask, raw, dmacr;
        uint8_t fifo[FIFO_SIZE], head, count;
        bool overrun; /* reported with the next byte that is read */
    } state;
};

static unsigned fifo_depth(const struct pl011 *uart)
{
    return uart->state.lcr & LCR_FEN ? FIFO_SIZE : 1;
}

static void uart_update(void *device)
{
    const struct pl011 *uart = device;
    irq_line_set(&uart->irq, uart->state.raw & uart->state.mask);
}

static void fifo_put(struct pl011 *uart, uint8_t byte)
{
    if (uart->state.count == fifo_depth(uart)) {
        uart->state.overrun = true;
        uart->state.raw |= INT_OE;
        return;
    }
    uart->state.fifo[(uart->state.head + uart->state.count++) % FIFO_SIZE] = byte;
    uart->state.raw |= INT_RX;
}

static void fifo_fill(struct pl011 *uart)
{
    uint8_t bytes[FIFO_SIZE];
    size_t room = fifo_depth(uart) - uart->state.count;
    if (!uart->io.input || !room || uart->state.cr & CR_LBE)
        return;
    size_t got = uart->io.input(uart->io.opaque, bytes, room);
    for (size_t i = 0; i < got && i < room; i++)
        fifo_put(uart, bytes[i]);
}

static uint32_t receive(struct pl011 *uart)
{
    uint32_t value = uart->state.fifo[uart->state.head];
    if (uart->state.overrun)
        value |= DR_OVERRUN;
    uart->state.rsr = uart->state.overrun ? RSR_OVERRUN : 0;
    uart->state.overrun = false;
    if (uart->state.count) {
        uart->state.head = (uart->state.head + 1) % FIFO_SIZE;
        if (--uart->state.count == 0) {
            uart->state.raw &= ~(uint32_t)INT_RX;
            fifo_fill(uart);
        }
    }
    uart_update(uart);
    return value;
}

static void transmit(struct pl011 *uart, uint8_t byte)
{
    uart->state.raw |= INT_TX;
    if (uart->state.cr & CR_LBE)
        fifo_put(uart, byte);
    else if (uart->io.output)
        uart->io.output(uart->io.opaque, byte);
}

static uint32_t flags(const struct pl011 *uart)
{
    return FR_TXFE | (uart->state.count ? 0 : FR_RXFE) |
           (uart->state.count == fifo_depth(uart) ? FR_RXFF : 0);
}

static uint64_t uart_read(void *opaque, uint64_t offset, unsigned size)
{
    struct pl011 *uart = opaque;
    (void)size;
    if (offset >= ID && offset < 0x1000 && offset % 4 == 0)
        return uart->id[(offset - ID) / 4];
    switch (offset) {
    case DR:
        return receive(uart);
    case RSR:
        return uart->state.rsr;
    case FR:
        return flags(uart);
    case ILPR:
        return uart->state.ilpr;
    case IBRD:
        return uart->state.ibrd;
    case FBRD:
        return uart->state.fbrd;
    case LCR_H:
        return uart->state.lcr;
    case CR:
        return uart->state.cr;
    case IFLS:
        return uart->state.ifls;
    case IMSC:
        return uart->state.mask;
    case RIS:
        return uart->state.raw;
    case MIS:
        return uart->state.raw & uart->state.mask;
    case DMACR:
        return uart->state.dmacr;
    default:
        return 0;
    }
}

static void set_line_control(struct pl011 *uart, uint32_t value)
{
    if ((uart->state.lcr ^ value) & LCR_FEN) {
        uart->state.head = uart->state.count = 0;
        uart->state.raw &= ~(uint32_t)INT_RX;
    }
    uart->state.lcr = value & 0xff;
}

static void uart_write(void *opaque, uint64_t offset, unsigned size, uint64_t wide)
{
    struct pl011 *uart = opaque;
    uint32_t value = (uint32_t)wide;
    (void)size;
    switch (offset) {
    case DR:
        transmit(uart, (uint8_t)value);
        break;
    case RSR:
        uart->state.rsr = 0;
        break;
    case ILPR:
        uart->state.ilpr = value & 0xff;
        break;
    case IBRD:
        uart->state.ibrd = value & 0xffff;
        break;
    case FBRD:
        uart->state.fbrd = value & 0x3f;
        break;
    case LCR_H:
        set_line_control(uart, value);
        break;
    case CR:
        uart->state.cr = value & 0xffff;
        break;
    case IFLS:
        uart->state.ifls = value & 0x3f;
        break;
    case IMSC:
        uart->state.mask = value & INT_MASK;
        break;
    case ICR:
        uart->state.raw &= ~value;
        break;
    case DMACR:
        uart->state.dmacr = value & 7;
        break;
    }
    uart_update(uart);
}

static void uart_reset(void *device)
{
    struct pl011 *uart = device;
    uart->state.cr = 0x300;
    uart->state.ifls = 0x12;
    uart_update(uart);
}

static void uart_poll(void *device)
{
    fifo_fill(device);
    uart_update(device);
}

static const struct device_ops uart_ops = {
    .name = "pl011",
    .mmio = {uart_read, uart_write},
    .reset = uart_reset,
    .restored = uart_update,
    .poll = uart_poll,
};

struct device *pl011_new(enum pl011_variant variant, const struct uart_io *io,
                         const struct irq_line *irq)
{
    static const uint8_t ids[][8] = {
        [PL011_ARM] = {0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1},
        [PL011_LUMINARY] = {0x11, 0x00, 0x18, 0x01, 0x0d, 0xf0, 0x05, 0xb1},
    };
    struct pl011 *uart =
        device_new(sizeof *uart, &uart_ops, offsetof(struct pl011, state), sizeof uart->state);
    if (!uart)
        return NULL;
    uart->id = ids[variant];
    uart->io = *io;
    uart->irq = *irq;
    return &uart->device;
}
