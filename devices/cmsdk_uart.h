/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_CMSDK_UART_H
#define IASO_DEVICES_CMSDK_UART_H

#include "devices/device.h"
#include "devices/uart.h"

/*
 * The APB UART of Arm's Cortex-M System Design Kit (DDI 0479D, section 4.3): one byte of buffer in
 * each direction, words only.
 *
 *   0x00 DATA
 *   0x04 STATE      0 transmit buffer full, 1 receive buffer full,
 *                   2 and 3 overruns (write 1: clear)
 *   0x08 CTRL       0 transmit enable, 1 receive enable, 2 to 5 interrupt enables (transmit,
 *                   receive, their overruns), 6 high-speed test mode (not modelled)
 *   0x0c INTSTATUS  0 transmit, 1 receive, 2 and 3 overruns (write 1: clear)
 *   0x10 BAUDDIV    holds what is written
 *   0xfd0 to 0xffc  identification
 *
 * Transmission is instant; a byte written while the transmitter is disabled waits in the buffer.
 */
struct cmsdk_uart_lines {
    struct irq_line transmit, receive, overrun;
};

struct device *cmsdk_uart_new(const struct uart_io *io, const struct cmsdk_uart_lines *lines);

#endif
