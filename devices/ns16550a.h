/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_NS16550A_H
#define IASO_DEVICES_NS16550A_H

#include "devices/device.h"
#include "devices/uart.h"

/*
 * NS16550A UART (National Semiconductor PC16550D data sheet), registers one byte apart. An access
 * of more than one byte acts on the one register at its offset.
 *
 * Transmission is instant: a byte goes out as it is stored, so the transmitter is always empty.
 * Reading LSR, which says so, takes the "transmitter empty" interrupt back as reading IIR does: xv6
 * looks at LSR only, and with a level-triggered PLIC it would be interrupted for ever.
 * Reception is by pull, into a FIFO of 16 bytes, or 1 with FIFOs disabled. The character timeout is
 * instant as well: bytes below the trigger level are indicated as a timeout at once.
 * Overruns occur in loopback only. Baud rate, parity, breaks and framing errors are not modelled:
 * the divisor, LCR and the rest of the registers hold what is written. The modem inputs CTS, DSR
 * and DCD are always on, except in loopback.
 */
struct device *ns16550a_new(const struct uart_io *io, const struct irq_line *irq);

#endif
