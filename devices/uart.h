/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_DEVICES_UART_H
#define IASO_DEVICES_UART_H

#include <stddef.h>
#include <stdint.h>

/*
 * The far end of a UART's wires. Every UART here asks for input while it has room (when the machine
 * polls it, and when the guest has made room), so that nothing is lost between console and guest.
 */
struct uart_io {
    /* One byte sent. NULL: dropped. */
    void (*output)(void *opaque, uint8_t byte);
    /* Fills in up to `size` bytes and returns how many; 0 if there is nothing now. NULL: none. */
    size_t (*input)(void *opaque, uint8_t *bytes, size_t size);
    void *opaque;
};

#endif
