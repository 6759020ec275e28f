/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include "devices/cmsdk_uart.h"
#include "tests/unit/devices.h"
#include "tests/unit/far_end.h"

enum {
    DATA = 0x00,
    STATE = 0x04,
    CTRL = 0x08,
    INTSTATUS = 0x0c,
    BAUDDIV = 0x10,
};

enum {
    TRANSMIT,
    RECEIVE,
    OVERRUN,
};

static struct far_end end;
static struct wire irq[3];
static struct device *uart;

static void set_up(void)
{
    struct cmsdk_uart_lines lines = {wire_line(irq, TRANSMIT), wire_line(irq, RECEIVE),
                                     wire_line(irq, OVERRUN)};
    struct uart_io io = far_end_io(&end);
    uart = cmsdk_uart_new(&io, &lines);
    cr_assert_not_null(uart);
    device_reset(uart);
}

static void tear_down(void)
{
    device_free(uart);
}

TestSuite(cmsdk_uart, .init = set_up, .fini = tear_down);

Test(cmsdk_uart, identification)
{
    static const uint8_t id[] = {0x04, 0x00, 0x00, 0x00, 0x21, 0xb8,
                                 0x1b, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    for (unsigned i = 0; i < sizeof id; i++)
        cr_expect_eq(get32(uart, 0xfd0 + 4 * i), id[i], "0x%x", 0xfd0 + 4 * i);
    cr_expect_eq(get32(uart, 0x1000), 0);
    cr_expect_eq(get32(uart, 0xfcc), 0);
}

Test(cmsdk_uart, sends_when_enabled)
{
    put32(uart, CTRL, 1);
    put32(uart, DATA, 'o');
    put32(uart, DATA, 'k');
    cr_expect_eq(end.sent_count, 2);
    cr_expect_arr_eq(end.sent, "ok", 2);
    cr_expect_eq(get32(uart, STATE), 0);
    cr_expect(!irq[TRANSMIT].level);
}

Test(cmsdk_uart, byte_waits_for_the_transmitter)
{
    put32(uart, DATA, 'a');
    cr_expect_eq(get32(uart, STATE), 1);
    put32(uart, DATA, 'b');
    cr_expect_eq(get32(uart, STATE), 5, "overrun");
    put32(uart, CTRL, 0x11);
    cr_expect_eq(end.sent_count, 1);
    cr_expect_eq(end.sent[0], 'b');
    cr_expect(irq[OVERRUN].level);
    cr_expect_eq(get32(uart, INTSTATUS), 4);
    put32(uart, INTSTATUS, 4);
    cr_expect(!irq[OVERRUN].level);
    cr_expect_eq(get32(uart, STATE), 0);
}

Test(cmsdk_uart, transmit_interrupt)
{
    put32(uart, CTRL, 5);
    cr_expect(!irq[TRANSMIT].level);
    put32(uart, DATA, 'a');
    cr_expect(irq[TRANSMIT].level);
    cr_expect_eq(get32(uart, INTSTATUS), 1);
    put32(uart, INTSTATUS, 1);
    cr_expect(!irq[TRANSMIT].level);
    cr_expect_eq(irq[TRANSMIT].rises, 1);
}

Test(cmsdk_uart, receives_byte_by_byte)
{
    end.typed = "ab";
    device_poll(uart);
    cr_expect_eq(get32(uart, STATE), 0, "the receiver is off");
    put32(uart, CTRL, 0xa);
    cr_expect_eq(get32(uart, STATE), 2);
    cr_expect(irq[RECEIVE].level);
    put32(uart, INTSTATUS, 2);
    cr_expect(!irq[RECEIVE].level);
    cr_expect_eq(get32(uart, DATA), 'a');
    cr_expect(irq[RECEIVE].level, "the next one is here");
    cr_expect_eq(get32(uart, DATA), 'b');
    cr_expect_eq(get32(uart, STATE), 0);
    cr_expect_eq(irq[RECEIVE].rises, 2);
}

Test(cmsdk_uart, holds_the_divisor)
{
    put32(uart, BAUDDIV, 0x1234567);
    cr_expect_eq(get32(uart, BAUDDIV), 0x34567);
}
