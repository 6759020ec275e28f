/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include "devices/pl011.h"
#include "tests/unit/devices.h"
#include "tests/unit/far_end.h"

enum {
    DR = 0x00,
    RSR = 0x04,
    FR = 0x18,
    IBRD = 0x24,
    FBRD = 0x28,
    LCR_H = 0x2c,
    CR = 0x30,
    IFLS = 0x34,
    IMSC = 0x38,
    RIS = 0x3c,
    MIS = 0x40,
    ICR = 0x44,
};

#define FEN      0x10
#define LOOPBACK 0x380
#define RX       0x10
#define TX       0x20
#define OE       0x400

static struct far_end end;
static struct wire irq[1];
static struct device *uart;

static struct device *make(enum pl011_variant variant)
{
    struct irq_line line = wire_line(irq, 0);
    struct uart_io io = far_end_io(&end);
    struct device *made = pl011_new(variant, &io, &line);
    cr_assert_not_null(made);
    device_reset(made);
    return made;
}

static void set_up(void)
{
    uart = make(PL011_LUMINARY);
}

static void tear_down(void)
{
    device_free(uart);
}

TestSuite(pl011, .init = set_up, .fini = tear_down);

static void type(const char *text)
{
    end.typed = text;
    device_poll(uart);
}

Test(pl011, power_on_values)
{
    cr_expect_eq(get32(uart, FR), 0x90);
    cr_expect_eq(get32(uart, CR), 0x300);
    cr_expect_eq(get32(uart, IFLS), 0x12);
    cr_expect_eq(get32(uart, LCR_H), 0);
    cr_expect_eq(get32(uart, IMSC), 0);
    cr_expect_eq(get32(uart, RIS), 0);
    cr_expect(!irq[0].level);
}

Test(pl011, variants_differ_in_identification)
{
    struct device *arm = make(PL011_ARM);
    cr_expect_eq(get32(uart, 0xfe4), 0x00);
    cr_expect_eq(get32(uart, 0xfe8), 0x18);
    cr_expect_eq(get32(arm, 0xfe4), 0x10);
    cr_expect_eq(get32(arm, 0xfe8), 0x14);
    for (uint64_t offset = 0xff0; offset < 0x1000; offset += 4)
        cr_expect_eq(get32(uart, offset), get32(arm, offset));
    cr_expect_eq(get32(arm, 0x1000), 0, "past the last register");
    cr_expect_eq(get32(arm, 0x1020), 0);
    device_free(arm);
}

Test(pl011, sends_at_once_and_interrupts)
{
    put32(uart, IMSC, TX);
    cr_expect(!irq[0].level);
    put32(uart, DR, 'o');
    put(uart, DR, 1, 'k');
    cr_expect_eq(end.sent_count, 2);
    cr_expect_arr_eq(end.sent, "ok", 2);
    cr_expect_eq(get32(uart, FR) & 0xa0, 0x80, "empty, not full");
    cr_expect(irq[0].level);
    cr_expect_eq(get32(uart, MIS), TX);
    put32(uart, ICR, TX);
    cr_expect(!irq[0].level);
}

Test(pl011, holds_what_is_written)
{
    put32(uart, IBRD, 0x12345);
    put32(uart, FBRD, 0x7f);
    cr_expect_eq(get32(uart, IBRD), 0x2345);
    cr_expect_eq(get32(uart, FBRD), 0x3f);
    put32(uart, RIS, 0xffff);
    cr_expect_eq(get32(uart, RIS), 0);
}

Test(pl011, one_byte_without_fifo)
{
    type("ab");
    cr_expect_str_eq(end.typed, "b");
    cr_expect_eq(get32(uart, FR) & 0x50, 0x40, "full, not empty");
    cr_expect_eq(get32(uart, DR), 'a');
    cr_expect_eq(get32(uart, DR), 'b', "asked for as soon as there was room");
    cr_expect_eq(get32(uart, FR) & 0x50, 0x10);
}

Test(pl011, fifo_of_16_in_order)
{
    put32(uart, LCR_H, 0x60 | FEN);
    put32(uart, IMSC, RX);
    type("0123456789abcdefgh");
    cr_expect_str_eq(end.typed, "gh");
    cr_expect(irq[0].level);
    for (const char *c = "0123456789abcdefgh"; *c; c++) {
        cr_expect(irq[0].level);
        cr_expect_eq(get32(uart, DR), (uint32_t)*c);
    }
    cr_expect(!irq[0].level, "taken back when the FIFO is empty");
    cr_expect_eq(get32(uart, FR) & 0x50, 0x10);
}

Test(pl011, each_byte_interrupts_anew)
{
    put32(uart, LCR_H, FEN);
    put32(uart, IMSC, RX);
    type("a");
    put32(uart, ICR, RX);
    cr_expect(!irq[0].level);
    type("b");
    cr_expect(irq[0].level);
}

Test(pl011, changing_the_fifo_empties_it)
{
    put32(uart, LCR_H, FEN);
    type("abc");
    put32(uart, LCR_H, 0);
    cr_expect_eq(get32(uart, FR) & 0x50, 0x10);
    cr_expect_eq(get32(uart, RIS), 0);
}

Test(pl011, loopback_can_overrun)
{
    put32(uart, CR, LOOPBACK);
    type("typed");
    put32(uart, DR, 'x');
    put32(uart, DR, 'y');
    cr_expect_eq(end.sent_count, 0);
    cr_expect_eq(get32(uart, RIS), OE | RX | TX);
    cr_expect_eq(get32(uart, DR), 0x800 | 'x');
    cr_expect_eq(get32(uart, RSR), 8);
    put32(uart, RSR, 0);
    cr_expect_eq(get32(uart, RSR), 0);
    cr_expect_str_eq(end.typed, "typed", "not connected");
}

Test(pl011, state_can_be_restored)
{
    put32(uart, IMSC, TX);
    void *before = save(uart);
    put32(uart, DR, 'x');
    cr_expect(irq[0].level);
    restore(uart, before);
    cr_expect(!irq[0].level);
    device_reset(uart);
    cr_expect_eq(get32(uart, IMSC), 0);
}
