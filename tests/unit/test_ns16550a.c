/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "devices/ns16550a.h"
#include "tests/unit/devices.h"

enum {
    DATA,
    IER,
    IIR,
    LCR,
    MCR,
    LSR,
    MSR,
    SCR
};
#define FCR IIR

static char sent[256];
static size_t sent_count;
static const char *typed; /* still to be read */
static size_t largest_room;
static struct wire irq[1];
static struct device *uart;

static void output(void *opaque, uint8_t byte)
{
    (void)opaque;
    cr_assert_lt(sent_count, sizeof sent);
    sent[sent_count++] = (char)byte;
}

static size_t input(void *opaque, uint8_t *bytes, size_t size)
{
    (void)opaque;
    if (size > largest_room)
        largest_room = size;
    size_t n = strnlen(typed, size);
    memcpy(bytes, typed, n);
    typed += n;
    return n;
}

static void set_up(void)
{
    struct irq_line line = wire_line(irq, 0);
    uart = ns16550a_new(&(struct uart_io){output, input, NULL}, &line);
    cr_assert_not_null(uart);
    device_reset(uart);
    typed = "";
}

static void tear_down(void)
{
    device_free(uart);
}

TestSuite(ns16550a, .init = set_up, .fini = tear_down);

static uint8_t get8(uint64_t offset)
{
    return (uint8_t)get(uart, offset, 1);
}

static void put8(uint64_t offset, uint8_t value)
{
    put(uart, offset, 1, value);
}

static void type(const char *text)
{
    typed = text;
    device_poll(uart);
}

Test(ns16550a, power_on_values)
{
    cr_expect_eq(get8(IER), 0);
    cr_expect_eq(get8(IIR), 0x01);
    cr_expect_eq(get8(LCR), 0);
    cr_expect_eq(get8(MCR), 0);
    cr_expect_eq(get8(LSR), 0x60);
    cr_expect_eq(get8(MSR), 0xb0);
    cr_expect(!irq[0].level);
}

Test(ns16550a, sends_at_once)
{
    put8(DATA, 'o');
    put32(uart, DATA, 'k' | 0xffffff00);
    cr_expect_arr_eq(sent, "ok", 2);
    cr_expect_eq(sent_count, 2);
    cr_expect_eq(get8(LSR) & 0x60, 0x60);
}

Test(ns16550a, divisor_latch_hides_data_and_ier)
{
    put8(IER, 0x05);
    put8(LCR, 0x83);
    put8(DATA, 0x34);
    put8(IER, 0x12);
    cr_expect_eq(get8(DATA), 0x34);
    cr_expect_eq(get8(IER), 0x12);
    put8(LCR, 0x03);
    cr_expect_eq(get8(LCR), 0x03);
    cr_expect_eq(get8(IER), 0x05);
    cr_expect_eq(sent_count, 0);
}

Test(ns16550a, scratch_and_masks)
{
    put8(SCR, 0xa5);
    put8(IER, 0xff);
    put8(MCR, 0xef);
    cr_expect_eq(get8(SCR), 0xa5);
    cr_expect_eq(get8(IER), 0x0f);
    cr_expect_eq(get8(MCR), 0x0f);
    cr_expect_eq(get(uart, 8, 1), 0);
    put(uart, 8, 1, 1);
    put(uart, 0xfff, 8, 1);
}

Test(ns16550a, transmit_interrupt_is_acknowledged_by_iir)
{
    put8(IER, 0x02);
    cr_expect(irq[0].level, "the transmitter is empty");
    cr_expect_eq(get8(IIR), 0x02);
    cr_expect(!irq[0].level);
    cr_expect_eq(get8(IIR), 0x01);
    put8(IER, 0x02);
    cr_expect(!irq[0].level, "it was enabled before");
    put8(DATA, 'x');
    cr_expect(irq[0].level);
    put8(IER, 0x00);
    cr_expect(!irq[0].level);
    get8(IIR);
    put8(IER, 0x02);
    cr_expect(irq[0].level);
}

Test(ns16550a, one_byte_without_fifos)
{
    type("ab");
    cr_expect_eq(largest_room, 1);
    cr_expect_eq(get8(LSR), 0x61);
    cr_expect_eq(get8(IIR) & 0xc0, 0);
    put8(IER, 0x01);
    cr_expect_eq(get8(IIR), 0x04);
    cr_expect_eq(get8(DATA), 'a');
    cr_expect_eq(get8(DATA), 'b', "drained, so it asked for more");
    cr_expect_eq(get8(LSR), 0x60);
    cr_expect(!irq[0].level);
}

Test(ns16550a, fifo_takes_sixteen_and_refills_when_drained)
{
    put8(FCR, 0x01);
    type("0123456789abcdefGH");
    cr_expect_eq(largest_room, 16);
    cr_expect_str_eq(typed, "GH");
    device_poll(uart);
    cr_expect_str_eq(typed, "GH", "no room");
    for (unsigned i = 0; i < 15; i++)
        cr_expect_eq(get8(DATA), "0123456789abcdef"[i]);
    cr_expect_str_eq(typed, "GH");
    device_poll(uart);
    cr_expect_str_eq(typed, "");
    cr_expect_eq(get8(DATA), 'f');
    cr_expect_eq(get8(DATA), 'G');
    cr_expect_eq(get8(DATA), 'H');
    cr_expect_eq(get8(LSR), 0x60);
    get8(DATA); /* an empty FIFO may be read */
    cr_expect_eq(get8(LSR), 0x60);
    type("I");
    cr_expect_eq(get8(DATA), 'I');
}

Test(ns16550a, priorities_of_interrupts)
{
    put8(FCR, 0x01);
    put8(MCR, 0x10); /* loopback: all modem inputs fall */
    for (unsigned i = 0; i < 17; i++)
        put8(DATA, (uint8_t)i);
    put8(IER, 0x0f);
    cr_expect_eq(get8(IIR), 0xc6, "overrun");
    cr_expect_eq(get8(LSR), 0x63);
    cr_expect_eq(get8(LSR), 0x61, "reading cleared the error");
    cr_expect_eq(get8(IIR), 0xc4, "data");
    put8(FCR, 0x03);
    cr_expect_eq(get8(IIR), 0xc0, "reading LSR has taken the transmitter's back");
    put8(IER, 0x0d);
    put8(IER, 0x0f);
    cr_expect_eq(get8(IIR), 0xc2, "transmitter");
    cr_expect_eq(get8(IIR), 0xc0, "modem");
    cr_expect(irq[0].level);
    cr_expect_eq(get8(MSR), 0x0b);
    cr_expect_eq(get8(IIR), 0xc1);
    cr_expect(!irq[0].level);
}

Test(ns16550a, loopback_of_data)
{
    put8(MCR, 0x10);
    put8(DATA, 'x');
    cr_expect_eq(sent_count, 0);
    type("typed");
    cr_expect_eq(strlen(typed), 5, "the line is cut off");
    put8(DATA, 'y');
    cr_expect_eq(get8(LSR), 0x63);
    cr_expect_eq(get8(DATA), 'y', "without a FIFO the newer byte wins");
}

Test(ns16550a, overrun_of_the_fifo_keeps_what_is_in_it)
{
    put8(FCR, 0x01);
    put8(MCR, 0x10);
    for (unsigned i = 0; i < 20; i++)
        put8(DATA, (uint8_t)i);
    for (unsigned i = 0; i < 16; i++)
        cr_expect_eq(get8(DATA), i);
    cr_expect_eq(get8(LSR), 0x62);
}

Test(ns16550a, ring_indicator_counts_when_it_falls)
{
    put8(MCR, 0x1f);
    cr_expect_eq(get8(MSR), 0xf0, "no input but RI changed, and RI rose");
    put8(MCR, 0x1b);
    cr_expect_eq(get8(MSR), 0xb4);
    cr_expect_eq(get8(MSR), 0xb0);
}

Test(ns16550a, fifo_control)
{
    put8(FCR, 0x01);
    cr_expect_eq(get8(IIR), 0xc1);
    type("abc");
    put8(FCR, 0x05); /* clears the transmitter only */
    cr_expect_eq(get8(DATA), 'a');
    put8(FCR, 0x03);
    cr_expect_eq(get8(LSR), 0x60);
    type("def");
    put8(FCR, 0x00); /* a change of mode empties the FIFO */
    cr_expect_eq(get8(LSR), 0x60);
    cr_expect_eq(get8(IIR), 0x01);
    put8(FCR, 0xc0);
    put8(IER, 0x01);
    type("g");
    cr_expect_eq(get8(IIR), 0x04, "no trigger level without FIFOs");
}

Test(ns16550a, no_callbacks)
{
    struct irq_line none = {0};
    struct device *mute = ns16550a_new(&(struct uart_io){0}, &none);
    cr_assert_not_null(mute);
    device_reset(mute);
    put(mute, DATA, 1, 'x');
    device_poll(mute);
    cr_expect_eq(get(mute, LSR, 1), 0x60);
    device_free(mute);
}

Test(ns16550a, reset_and_restore)
{
    put8(FCR, 0x01);
    put8(IER, 0x01);
    type("hi");
    void *state = save(uart);
    device_reset(uart);
    cr_expect(!irq[0].level);
    cr_expect_eq(get8(LSR), 0x60);
    restore(uart, state);
    cr_expect(irq[0].level);
    cr_expect_eq(get8(DATA), 'h');
    cr_expect_eq(get8(DATA), 'i');
}

ParameterizedTestParameters(ns16550a_fifo, trigger_level)
{
    static unsigned levels[] = {1, 4, 8, 14};
    return cr_make_param_array(unsigned, levels, 4);
}

ParameterizedTest(unsigned *level, ns16550a_fifo, trigger_level)
{
    set_up();
    unsigned code = *level == 1 ? 0 : *level == 4 ? 1 : *level == 8 ? 2 : 3;
    put8(FCR, (uint8_t)(code << 6 | 1));
    put8(IER, 0x01);
    for (unsigned count = 1; count <= 16; count++) {
        type("x");
        cr_expect_eq(get8(IIR), count >= *level ? 0xc4 : 0xcc, "%u bytes", count);
        cr_expect(irq[0].level);
    }
    tear_down();
}
