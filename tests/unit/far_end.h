/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_TESTS_UNIT_FAR_END_H
#define IASO_TESTS_UNIT_FAR_END_H

#include <stdlib.h>
#include <string.h>

#include "devices/uart.h"

/* Somebody at the other end of a UART: what arrived there, and what is still to be read. */
struct far_end {
    char sent[256];
    size_t sent_count;
    const char *typed;
};

static inline void far_end_output(void *opaque, uint8_t byte)
{
    struct far_end *end = opaque;
    if (end->sent_count == sizeof end->sent)
        abort();
    end->sent[end->sent_count++] = (char)byte;
}

static inline size_t far_end_input(void *opaque, uint8_t *bytes, size_t size)
{
    struct far_end *end = opaque;
    if (!end->typed)
        return 0;
    size_t count = strnlen(end->typed, size);
    memcpy(bytes, end->typed, count);
    end->typed += count;
    return count;
}

static inline struct uart_io far_end_io(struct far_end *end)
{
    return (struct uart_io){far_end_output, far_end_input, end};
}

#endif
