/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_NS16550A_H
#define IASO_DEVICES_NS16550A_H

#include "devices/device.h"

/*
 * NS16550A UART (National Semiconductor PC16550D data sheet), registers one byte apart. An access
 * of more than one byte acts on the one register at its offset.
 *
 * Transmission is instant: a byte goes out as it is stored, so the transmitter is always empty.
 * Reading LSR, which says so, takes the "transmitter empty" interrupt back as reading IIR does: xv6
 * looks at LSR only, and with a level-triggered PLIC it would be interrupted for ever.
 * Reception is by pull: the device asks for input while there is room in its FIFO (16 bytes, or 1
 * with FIFOs disabled), so that nothing is lost between the console and the guest. The character
 * timeout is instant as well: bytes below the trigger level are indicated as a timeout at once.
 * Overruns occur in loopback only. Baud rate, parity, breaks and framing errors are not modelled:
 * the divisor, LCR and the rest of the registers hold what is written. The modem inputs CTS, DSR
 * and DCD are always on, except in loopback.
 */
struct ns16550a_io {
    /* One byte sent. NULL: dropped. */
    void (*output)(void *opaque, uint8_t byte);
    /* Fills in up to `size` bytes and returns how many; 0 if there is nothing now. NULL: none. */
    size_t (*input)(void *opaque, uint8_t *bytes, size_t size);
    void *opaque;
};

struct device *ns16550a_new(const struct ns16550a_io *io, const struct irq_line *irq);

/* Asks for input if there is room. The machine calls it between turns; the device itself asks
 * when the guest has drained the FIFO. */
void ns16550a_poll(struct device *uart);

#endif
