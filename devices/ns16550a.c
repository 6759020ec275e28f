/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "devices/ns16550a.h"

enum {
    RBR_THR_DLL,
    IER_DLM,
    IIR_FCR,
    LCR,
    MCR,
    LSR,
    MSR,
    SCR
};

#define IER_RECEIVE  0x01
#define IER_TRANSMIT 0x02
#define IER_LINE     0x04
#define IER_MODEM    0x08
#define IER_MASK     0x0f

#define IIR_MODEM    0x00
#define IIR_NONE     0x01
#define IIR_TRANSMIT 0x02
#define IIR_RECEIVE  0x04
#define IIR_LINE     0x06
#define IIR_TIMEOUT  0x0c
#define IIR_FIFO     0xc0

#define FCR_ENABLE        0x01
#define FCR_CLEAR_RECEIVE 0x02
#define FCR_TRIGGER_SHIFT 6

#define LCR_DLAB 0x80

#define MCR_DTR  0x01
#define MCR_RTS  0x02
#define MCR_OUT1 0x04
#define MCR_OUT2 0x08
#define MCR_LOOP 0x10
#define MCR_MASK 0x1f

#define LSR_READY   0x01
#define LSR_OVERRUN 0x02
#define LSR_EMPTY   0x60 /* holding and shift register */

#define MSR_DELTAS 0x0f
#define MSR_CTS    0x10
#define MSR_DSR    0x20
#define MSR_RI     0x40
#define MSR_DCD    0x80

#define FIFO_SIZE 16

struct ns16550a {
    struct device device;
    struct uart_io io;
    struct irq_line irq;
    struct {
        uint8_t ier, fcr, lcr, mcr, msr, scr, dll, dlm;
        bool overrun;
        bool transmitted; /* transmit interrupt not yet acknowledged */
        uint8_t fifo[FIFO_SIZE], head, count;
    } state;
};

static unsigned fifo_depth(const struct ns16550a *uart)
{
    return uart->state.fcr & FCR_ENABLE ? FIFO_SIZE : 1;
}

static unsigned fifo_trigger(const struct ns16550a *uart)
{
    static const uint8_t levels[] = {1, 4, 8, 14};
    return uart->state.fcr & FCR_ENABLE ? levels[uart->state.fcr >> FCR_TRIGGER_SHIFT] : 1;
}

/* The interrupt of the highest priority. */
static uint8_t interrupt(const struct ns16550a *uart)
{
    if (uart->state.ier & IER_LINE && uart->state.overrun)
        return IIR_LINE;
    if (uart->state.ier & IER_RECEIVE && uart->state.count)
        return uart->state.count >= fifo_trigger(uart) ? IIR_RECEIVE : IIR_TIMEOUT;
    if (uart->state.ier & IER_TRANSMIT && uart->state.transmitted)
        return IIR_TRANSMIT;
    if (uart->state.ier & IER_MODEM && uart->state.msr & MSR_DELTAS)
        return IIR_MODEM;
    return IIR_NONE;
}

static void uart_update(void *device)
{
    const struct ns16550a *uart = device;
    irq_line_set(&uart->irq, interrupt(uart) != IIR_NONE);
}

static void fifo_put(struct ns16550a *uart, uint8_t byte)
{
    if (uart->state.count < fifo_depth(uart)) {
        uart->state.fifo[(uart->state.head + uart->state.count++) % FIFO_SIZE] = byte;
        return;
    }
    uart->state.overrun = true;
    if (!(uart->state.fcr & FCR_ENABLE)) /* without a FIFO the newer byte wins */
        uart->state.fifo[uart->state.head] = byte;
}

static void fifo_fill(struct ns16550a *uart)
{
    uint8_t bytes[FIFO_SIZE];
    size_t room = fifo_depth(uart) - uart->state.count;
    if (!uart->io.input || !room || uart->state.mcr & MCR_LOOP)
        return;
    size_t got = uart->io.input(uart->io.opaque, bytes, room);
    for (size_t i = 0; i < got && i < room; i++)
        fifo_put(uart, bytes[i]);
}

static uint8_t fifo_get(struct ns16550a *uart)
{
    uint8_t byte = uart->state.fifo[uart->state.head];
    if (uart->state.count) {
        uart->state.head = (uart->state.head + 1) % FIFO_SIZE;
        if (--uart->state.count == 0)
            fifo_fill(uart);
    }
    return byte;
}

/* Recomputes the modem inputs and notes which of them changed; RI counts when it falls. */
static void modem_update(struct ns16550a *uart)
{
    uint8_t mcr = uart->state.mcr, old = uart->state.msr, now = MSR_DCD | MSR_DSR | MSR_CTS;
    if (mcr & MCR_LOOP)
        now = (uint8_t)((mcr & MCR_RTS ? MSR_CTS : 0) | (mcr & MCR_DTR ? MSR_DSR : 0) |
                        (mcr & MCR_OUT1 ? MSR_RI : 0) | (mcr & MCR_OUT2 ? MSR_DCD : 0));
    uint8_t changed =
        (uint8_t)((now ^ old) & (MSR_DCD | MSR_DSR | MSR_CTS)) | (uint8_t)(~now & old & MSR_RI);
    uart->state.msr = (uint8_t)(now | (old & MSR_DELTAS) | changed >> 4);
}

static uint64_t uart_read(void *opaque, uint64_t offset, unsigned size)
{
    struct ns16550a *uart = opaque;
    uint8_t value = 0;
    (void)size;
    switch (offset) {
    case RBR_THR_DLL:
        value = uart->state.lcr & LCR_DLAB ? uart->state.dll : fifo_get(uart);
        break;
    case IER_DLM:
        value = uart->state.lcr & LCR_DLAB ? uart->state.dlm : uart->state.ier;
        break;
    case IIR_FCR:
        value = interrupt(uart);
        if (value == IIR_TRANSMIT)
            uart->state.transmitted = false;
        value |= uart->state.fcr & FCR_ENABLE ? IIR_FIFO : 0;
        break;
    case LCR:
        value = uart->state.lcr;
        break;
    case MCR:
        value = uart->state.mcr;
        break;
    case LSR:
        value = (uint8_t)(LSR_EMPTY | (uart->state.count ? LSR_READY : 0) |
                          (uart->state.overrun ? LSR_OVERRUN : 0));
        uart->state.overrun = false;
        uart->state.transmitted =
            false; /* the driver has been told that the transmitter is empty */
        break;
    case MSR:
        value = uart->state.msr;
        uart->state.msr &= (uint8_t)~MSR_DELTAS;
        break;
    case SCR:
        value = uart->state.scr;
        break;
    }
    uart_update(uart);
    return value;
}

static void transmit(struct ns16550a *uart, uint8_t byte)
{
    uart->state.transmitted = true;
    if (uart->state.mcr & MCR_LOOP)
        fifo_put(uart, byte);
    else if (uart->io.output)
        uart->io.output(uart->io.opaque, byte);
}

static void fifo_control(struct ns16550a *uart, uint8_t value)
{
    if ((value ^ uart->state.fcr) & FCR_ENABLE || value & FCR_CLEAR_RECEIVE)
        uart->state.head = uart->state.count = 0;
    uart->state.fcr = value & FCR_ENABLE ? value & (FCR_ENABLE | 3 << FCR_TRIGGER_SHIFT) : 0;
}

static void uart_write(void *opaque, uint64_t offset, unsigned size, uint64_t wide)
{
    struct ns16550a *uart = opaque;
    uint8_t value = (uint8_t)wide;
    (void)size;
    switch (offset) {
    case RBR_THR_DLL:
        if (uart->state.lcr & LCR_DLAB)
            uart->state.dll = value;
        else
            transmit(uart, value);
        break;
    case IER_DLM:
        if (uart->state.lcr & LCR_DLAB) {
            uart->state.dlm = value;
        } else {
            if (value & ~uart->state.ier & IER_TRANSMIT)
                uart->state.transmitted = true;
            uart->state.ier = value & IER_MASK;
        }
        break;
    case IIR_FCR:
        fifo_control(uart, value);
        break;
    case LCR:
        uart->state.lcr = value;
        break;
    case MCR:
        uart->state.mcr = value & MCR_MASK;
        modem_update(uart);
        break;
    case SCR:
        uart->state.scr = value;
        break;
    }
    uart_update(uart);
}

static void uart_reset(void *device)
{
    struct ns16550a *uart = device;
    uart->state.msr = MSR_DCD | MSR_DSR | MSR_CTS;
    uart_update(uart);
}

static void uart_poll(void *device)
{
    struct ns16550a *uart = device;
    if (uart->state.count < fifo_depth(uart)) {
        fifo_fill(uart);
        uart_update(uart);
    }
}

static const struct device_ops uart_ops = {
    .name = "ns16550a",
    .mmio = {uart_read, uart_write},
    .reset = uart_reset,
    .restored = uart_update,
    .poll = uart_poll,
};

struct device *ns16550a_new(const struct uart_io *io, const struct irq_line *irq)
{
    struct ns16550a *uart =
        device_new(sizeof *uart, &uart_ops, offsetof(struct ns16550a, state), sizeof uart->state);
    if (!uart)
        return NULL;
    uart->io = *io;
    uart->irq = *irq;
    return &uart->device;
}
