/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "devices/cmsdk_uart.h"

#include "devices/cmsdk_id.h"

#define DATA      0x00
#define STATE     0x04
#define CTRL      0x08
#define INTSTATUS 0x0c
#define BAUDDIV   0x10

#define CTRL_TX_ENABLE 0x01
#define CTRL_RX_ENABLE 0x02
#define CTRL_MASK      0x7f
#define CTRL_INT_SHIFT 2 /* from the bits of `pending` to those of CTRL */

/* In STATE and INTSTATUS alike. */
#define TX         0x01
#define RX         0x02
#define OVERRUNS   0x0c
#define TX_OVERRUN 0x04

struct cmsdk_uart {
    struct device device;
    struct uart_io io;
    struct cmsdk_uart_lines lines;
    struct {
        uint32_t full;    /* STATE */
        uint32_t pending; /* transmit and receive only; overruns are pending while in STATE */
        uint32_t ctrl, bauddiv;
        uint8_t sent, received;
    } state;
};

static uint32_t interrupts(const struct cmsdk_uart *uart)
{
    return uart->state.pending | (uart->state.full & uart->state.ctrl >> CTRL_INT_SHIFT & OVERRUNS);
}

static void uart_update(void *device)
{
    const struct cmsdk_uart *uart = device;
    uint32_t pending = interrupts(uart);
    irq_line_set(&uart->lines.transmit, pending & TX);
    irq_line_set(&uart->lines.receive, pending & RX);
    irq_line_set(&uart->lines.overrun, pending & OVERRUNS);
}

static void note(struct cmsdk_uart *uart, uint32_t interrupt)
{
    uart->state.pending |= interrupt & uart->state.ctrl >> CTRL_INT_SHIFT;
}

static void uart_poll(void *device)
{
    struct cmsdk_uart *uart = device;
    if (!uart->io.input || !(uart->state.ctrl & CTRL_RX_ENABLE) || uart->state.full & RX)
        return;
    if (uart->io.input(uart->io.opaque, &uart->state.received, 1) == 1) {
        uart->state.full |= RX;
        note(uart, RX);
        uart_update(uart);
    }
}

static void transmit(struct cmsdk_uart *uart)
{
    if (!(uart->state.ctrl & CTRL_TX_ENABLE) || !(uart->state.full & TX))
        return;
    if (uart->io.output)
        uart->io.output(uart->io.opaque, uart->state.sent);
    uart->state.full &= ~(uint32_t)TX;
    note(uart, TX);
}

static uint64_t uart_read(void *opaque, uint64_t offset, unsigned size)
{
    struct cmsdk_uart *uart = opaque;
    (void)size;
    switch (offset) {
    case DATA: {
        uint8_t byte = uart->state.received;
        uart->state.full &= ~(uint32_t)RX;
        uart_poll(uart);
        return byte;
    }
    case STATE:
        return uart->state.full;
    case CTRL:
        return uart->state.ctrl;
    case INTSTATUS:
        return interrupts(uart);
    case BAUDDIV:
        return uart->state.bauddiv;
    default:
        return cmsdk_id(offset, CMSDK_UART);
    }
}

static void send(struct cmsdk_uart *uart, uint8_t byte)
{
    if (uart->state.full & TX)
        uart->state.full |= TX_OVERRUN;
    uart->state.sent = byte;
    uart->state.full |= TX;
    transmit(uart);
}

static void uart_write(void *opaque, uint64_t offset, unsigned size, uint64_t wide)
{
    struct cmsdk_uart *uart = opaque;
    uint32_t value = (uint32_t)wide;
    (void)size;
    switch (offset) {
    case DATA:
        send(uart, (uint8_t)value);
        break;
    case STATE:
        uart->state.full &= ~(value & OVERRUNS);
        break;
    case CTRL:
        uart->state.ctrl = value & CTRL_MASK;
        transmit(uart);
        uart_poll(uart);
        break;
    case INTSTATUS:
        uart->state.pending &= ~value;
        uart->state.full &= ~(value & OVERRUNS);
        break;
    case BAUDDIV:
        uart->state.bauddiv = value & 0xfffff;
        break;
    }
    uart_update(uart);
}

static const struct device_ops uart_ops = {
    .name = "cmsdk-uart",
    .mmio = {uart_read, uart_write},
    .reset = uart_update,
    .restored = uart_update,
    .poll = uart_poll,
};

struct device *cmsdk_uart_new(const struct uart_io *io, const struct cmsdk_uart_lines *lines)
{
    struct cmsdk_uart *uart =
        device_new(sizeof *uart, &uart_ops, offsetof(struct cmsdk_uart, state), sizeof uart->state);
    if (!uart)
        return NULL;
    uart->io = *io;
    uart->lines = *lines;
    return &uart->device;
}
