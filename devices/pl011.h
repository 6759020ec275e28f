/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_PL011_H
#define IASO_DEVICES_PL011_H

#include "devices/device.h"
#include "devices/uart.h"

/*
 * PrimeCell UART PL011 (Arm DDI 0183, r1p5), also as Luminary's variant, which differs in its
 * identification registers only. Registers are words; a narrower access acts on the register at
 * its offset.
 *
 *   0x00 DR     0x18 FR    0x28 FBRD   0x34 IFLS   0x40 MIS
 *   0x04 RSR    0x20 ILPR  0x2c LCR_H  0x38 IMSC   0x44 ICR
 *                0x24 IBRD  0x30 CR     0x3c RIS    0x48 DMACR   0xfe0 to 0xffc identification
 *
 * Transmission is instant, and does not wait for CR.UARTEN: firmware for QEMU prints without it.
 * A transmitted byte raises the transmit interrupt. Each received byte raises the receive
 * interrupt, whatever IFLS says, so that drivers work that know nothing of the receive timeout
 * (which is never raised); it falls when the FIFO is empty. The FIFO has 16 places, or 1 without
 * LCR_H.FEN. Overruns occur in loopback only; baud rate, parity, breaks and DMA are not modelled.
 * All interrupts are combined on one line.
 */
enum pl011_variant {
    PL011_ARM,
    PL011_LUMINARY,
};

struct device *pl011_new(enum pl011_variant variant, const struct uart_io *io,
                         const struct irq_line *irq);

#endif
