/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PLIC, with the UART and the RTC as sources. On this board hart h has contexts 2h (M) and 2h + 1
 * (S).
 */
#include "runtime.h"

#define PRIORITY(irq)       (PLIC_BASE + 4UL * (irq))
#define PENDING             (PLIC_BASE + 0x1000)
#define ENABLE(context)     (PLIC_BASE + 0x2000 + 0x80UL * (context))
#define THRESHOLD(context)  (PLIC_BASE + 0x200000 + 0x1000UL * (context))
#define CLAIM(context)      (PLIC_BASE + 0x200004 + 0x1000UL * (context))
#define CONTEXT_M           0
#define CONTEXT_S           1
#define UART_IER            (UART_BASE + 1)
#define UART_IIR            (UART_BASE + 2)
#define UART_MCR            (UART_BASE + 4)
#define UART_LSR            (UART_BASE + 5)
#define UART_SCR            (UART_BASE + 7)
#define RTC_ALARM_LOW       (RTC_BASE + 0x08)
#define RTC_ALARM_HIGH      (RTC_BASE + 0x0c)
#define RTC_IRQ_ENABLED     (RTC_BASE + 0x10)
#define RTC_CLEAR_ALARM     (RTC_BASE + 0x14)
#define RTC_CLEAR_INTERRUPT (RTC_BASE + 0x1c)

/* Printing makes the transmitter busy and raises its interrupt anew: verdicts wait until the end.
 */
static struct note {
    const char *name;
    uint64_t got, want;
} notes[64];
static unsigned note_count;

static void note_equal(const char *name, uint64_t got, uint64_t want)
{
    notes[note_count++] = (struct note){name, got, want};
}

static void note(const char *name, bool ok)
{
    note_equal(name, ok, true);
}

static void note_trap(const char *name, struct result r, uint64_t cause, const void *epc,
                      uint64_t tval)
{
    note(name, r.cause == cause && r.epc == (uintptr_t)epc && r.tval == tval);
}

static void quiet(void);

static void flush_notes(const char *next_group)
{
    quiet();
    for (unsigned i = 0; i < note_count; i++)
        check_equal(notes[i].name, notes[i].got, notes[i].want);
    note_count = 0;
    set_group(next_group);
}

/* The transmitter is empty: its interrupt comes as soon as it is enabled. */
static void raise_uart(void)
{
    while (!(read8(UART_LSR) & 0x20))
        ;
    write8(UART_IER, 2);
}

static void lower_uart(void)
{
    write8(UART_IER, 0);
    (void)read8(UART_IIR);
}

/* An alarm in the past goes off at once. */
static void raise_rtc(void)
{
    write32(RTC_IRQ_ENABLED, 1);
    write32(RTC_ALARM_HIGH, 0);
    write32(RTC_ALARM_LOW, 1);
}

static void lower_rtc(void)
{
    write32(RTC_CLEAR_ALARM, 1);
    write32(RTC_CLEAR_INTERRUPT, 1);
    write32(RTC_IRQ_ENABLED, 0);
}

static bool meip(void)
{
    return mip_becomes(BIT(IRQ_MEI), true);
}

static bool seip(void)
{
    return mip_becomes(BIT(IRQ_SEI), true);
}

static bool no_meip(void)
{
    return mip_becomes(BIT(IRQ_MEI), false);
}

static bool no_seip(void)
{
    return mip_becomes(BIT(IRQ_SEI), false);
}

static bool pending(unsigned irq)
{
    return read32(PENDING) & 1U << irq;
}

static void quiet(void)
{
    lower_uart();
    lower_rtc();
    for (unsigned context = 0; context < 2; context++) {
        for (uint32_t irq; (irq = read32(CLAIM(context)));)
            write32(CLAIM(context), irq);
        write32(ENABLE(context), 0);
        write32(THRESHOLD(context), 0);
    }
    for (unsigned irq = 1; irq < 12; irq++)
        write32(PRIORITY(irq), 0);
    /* Gateways may have latched a request while nobody was enabled: let it through, and drop it. */
    write32(PRIORITY(UART_IRQ), 1);
    write32(PRIORITY(RTC_IRQ), 1);
    write32(ENABLE(CONTEXT_M), 1U << UART_IRQ | 1U << RTC_IRQ);
    for (uint32_t irq; (irq = read32(CLAIM(CONTEXT_M)));)
        write32(CLAIM(CONTEXT_M), irq);
    write32(ENABLE(CONTEXT_M), 0);
}

static void test_registers(void)
{
    flush_notes("registers");
    write32(PRIORITY(UART_IRQ), 5);
    note_equal("priority", read32(PRIORITY(UART_IRQ)), 5);
    write32(PRIORITY(0), 7);
    note_equal("source 0 has no priority", read32(PRIORITY(0)), 0);
    write32(ENABLE(CONTEXT_M), 1U << UART_IRQ);
    write32(ENABLE(CONTEXT_S), 1U << RTC_IRQ);
    note_equal("enable bits of M", read32(ENABLE(CONTEXT_M)), 1U << UART_IRQ);
    note_equal("enable bits of S", read32(ENABLE(CONTEXT_S)), 1U << RTC_IRQ);
    write32(THRESHOLD(CONTEXT_M), 3);
    note_equal("threshold", read32(THRESHOLD(CONTEXT_M)), 3);
    note_equal("nothing to claim", read32(CLAIM(CONTEXT_M)), 0);
    quiet();
}

static void test_claim(void)
{
    flush_notes("claim");
    quiet();
    note("quiet: no MEIP, no SEIP", no_meip() && no_seip());
    raise_uart();
    note("pending", pending(UART_IRQ));
    note("not enabled: no MEIP", no_meip());
    write32(ENABLE(CONTEXT_M), 1U << UART_IRQ);
    /* QEMU 7.2 looks again only when a priority, a threshold or a line changes. */
    note("enabled: MEIP", meip() || on_qemu());
    note("enabled for M only: no SEIP", no_seip());
    write32(PRIORITY(UART_IRQ), 0);
    note("priority 0: no MEIP", no_meip());
    write32(PRIORITY(UART_IRQ), 2);
    note("priority 2: MEIP", meip());
    write32(THRESHOLD(CONTEXT_M), 2);
    note("threshold 2: no MEIP", no_meip());
    write32(THRESHOLD(CONTEXT_M), 1);
    note("threshold 1: MEIP", meip());
    note_equal("claimed", read32(CLAIM(CONTEXT_M)), UART_IRQ);
    note("claimed: MEIP clear", no_meip());
    note("claimed: not pending", !pending(UART_IRQ));
    note_equal("claimed: nothing more", read32(CLAIM(CONTEXT_M)), 0);
    lower_uart();
    write32(CLAIM(CONTEXT_M), UART_IRQ);
    note("completed: quiet", no_meip() && read32(CLAIM(CONTEXT_M)) == 0);

    /* A level that is still high at completion is pending again. */
    raise_uart();
    note_equal("claimed again", read32(CLAIM(CONTEXT_M)), UART_IRQ);
    lower_uart();
    raise_uart();
    note("no second request before completion", no_meip());
    write32(CLAIM(CONTEXT_M), UART_IRQ);
    note("completed while high: MEIP again", meip());
    note_equal("claimed a third time", read32(CLAIM(CONTEXT_M)), UART_IRQ);
    lower_uart();
    write32(CLAIM(CONTEXT_M), UART_IRQ);
    quiet();
}

static void test_priorities(void)
{
    uint32_t both = 1U << UART_IRQ | 1U << RTC_IRQ;
    uint32_t first, second;

    flush_notes("priority");
    quiet();
    write32(ENABLE(CONTEXT_M), both);
    write32(PRIORITY(UART_IRQ), 1);
    write32(PRIORITY(RTC_IRQ), 2);
    raise_uart();
    raise_rtc();
    note("both pending", pending(UART_IRQ) && pending(RTC_IRQ));
    first = read32(CLAIM(CONTEXT_M));
    second = read32(CLAIM(CONTEXT_M));
    note("higher first", first == RTC_IRQ && second == UART_IRQ);
    note_equal("then nothing", read32(CLAIM(CONTEXT_M)), 0);
    lower_uart();
    lower_rtc();
    write32(CLAIM(CONTEXT_M), first);
    write32(CLAIM(CONTEXT_M), second);
    note("completed: quiet", no_meip());

    write32(PRIORITY(UART_IRQ), 3);
    write32(PRIORITY(RTC_IRQ), 3);
    raise_rtc();
    raise_uart();
    first = read32(CLAIM(CONTEXT_M));
    second = read32(CLAIM(CONTEXT_M));
    note("equal: lower number first", first == UART_IRQ && second == RTC_IRQ);
    lower_uart();
    lower_rtc();
    write32(CLAIM(CONTEXT_M), second);
    write32(CLAIM(CONTEXT_M), first);

    write32(PRIORITY(RTC_IRQ), 4);
    write32(THRESHOLD(CONTEXT_M), 3);
    raise_uart();
    note("at the threshold: no MEIP", no_meip());
    raise_rtc();
    note("above it: MEIP", meip());
    note_equal("above it is claimed", read32(CLAIM(CONTEXT_M)), RTC_IRQ);
    note("the other stays masked", no_meip());
    lower_rtc();
    write32(CLAIM(CONTEXT_M), RTC_IRQ);
    write32(THRESHOLD(CONTEXT_M), 0);
    note_equal("until the threshold goes", read32(CLAIM(CONTEXT_M)), UART_IRQ);
    lower_uart();
    write32(CLAIM(CONTEXT_M), UART_IRQ);
    quiet();
}

/* data: [0] count, [1] last claimed, [2] cause */
static bool serve_m(struct hart *hart)
{
    if (hart->frame.cause != (INTERRUPT | IRQ_MEI))
        return false;
    hart->data[0]++;
    hart->data[1] = read32(CLAIM(CONTEXT_M));
    if (hart->data[1] == UART_IRQ)
        lower_uart();
    else if (hart->data[1] == RTC_IRQ)
        lower_rtc();
    write32(CLAIM(CONTEXT_M), (uint32_t)hart->data[1]);
    return true;
}

static void test_traps(void)
{
    struct hart *hart = this_hart();
    struct result r;

    flush_notes("trap to M");
    quiet();
    hart->hook = serve_m;
    hart->data[0] = hart->data[1] = 0;
    write32(PRIORITY(UART_IRQ), 1);
    write32(PRIORITY(RTC_IRQ), 1);
    write32(ENABLE(CONTEXT_M), 1U << UART_IRQ | 1U << RTC_IRQ);
    raise_uart();
    csr_write(mie, BIT(IRQ_MEI));
    note_equal("masked by MIE", hart->data[0], 0);
    csr_set(mstatus, STATUS_MIE);
    __asm__ volatile("nop\nnop");
    note_equal("taken", hart->data[0], 1);
    note_equal("by the UART", hart->data[1], UART_IRQ);
    raise_rtc();
    for (unsigned i = 0; i < 10000 && hart->data[0] < 2; i++)
        ;
    note_equal("the RTC", hart->data[1], RTC_IRQ);
    note_equal("two in all", hart->data[0], 2);
    csr_clear(mstatus, STATUS_MIE);
    raise_uart();
    r = call_mode(MODE_S, stub_nop, 0, 0, 0);
    note("from S, with MIE = 0", r.cause == CAUSE_NONE && hart->data[0] == 3);
    /* mip.MEIP is the PLIC's alone. */
    csr_set(mip, BIT(IRQ_MEI));
    note("MEIP of mip is read-only", no_meip());
    hart->hook = 0;
    csr_write(mie, 0);

    flush_notes("trap to S");
    quiet();
    csr_write(mideleg, BIT(IRQ_SEI));
    csr_write(stvec, (uintptr_t)s_vectors | 1);
    csr_clear(sstatus, STATUS_SIE);
    csr_write(mie, BIT(IRQ_SEI));
    write32(PRIORITY(UART_IRQ), 1);
    write32(ENABLE(CONTEXT_S), 1U << UART_IRQ);
    raise_uart();
    note("SEIP, not MEIP", seip() && no_meip());
    r = call_mode(MODE_S, stub_nop, 0, 0, 0);
    note_equal("masked by SIE", r.cause, CAUSE_NONE);
    struct call call = {.mode = MODE_S, .pc = (uintptr_t)stub_nop, .set_status = STATUS_SIE};
    r = call_run(&call);
    note("goes to S", r.by_s && r.vector == IRQ_SEI);
    note_trap("external interrupt", r, INTERRUPT | IRQ_SEI, stub_nop, 0);
    csr_clear(sstatus, STATUS_SIE);
    r = call_mode(MODE_U, stub_nop, 0, 0, 0);
    note_trap("from U", r, INTERRUPT | IRQ_SEI, stub_nop, 0);
    csr_clear(sstatus, STATUS_SIE);
    csr_clear(mip, BIT(IRQ_SEI));
    note("the PLIC's SEIP cannot be cleared by software", seip());
    r = call_mode(MODE_S, stub_lw, CLAIM(CONTEXT_S), 0, 0);
    note_equal("S claims", r.value, UART_IRQ);
    note("SEIP clear", no_seip());
    lower_uart();
    r = call_mode(MODE_S, stub_sw, CLAIM(CONTEXT_S), UART_IRQ, 0);
    r = call_mode(MODE_U, stub_nop, 0, 0, 0);
    note_equal("completed: quiet", r.cause, CAUSE_NONE);

    /* Both contexts enabled: whoever claims first has it. */
    write32(ENABLE(CONTEXT_M), 1U << UART_IRQ);
    raise_uart();
    note("both enabled: MEIP and SEIP", meip() && seip());
    note_equal("M claims", read32(CLAIM(CONTEXT_M)), UART_IRQ);
    note("neither is left", no_meip() && no_seip());
    note_equal("S gets nothing", read32(CLAIM(CONTEXT_S)), 0);
    lower_uart();
    write32(CLAIM(CONTEXT_M), UART_IRQ);
    csr_write(mie, 0);
    csr_write(mideleg, 0);
    csr_clear(sstatus, STATUS_SIE);
    quiet();
}

static void test_wfi(void)
{
    struct hart *hart = this_hart();

    flush_notes("wfi");
    quiet();
    hart->data[0] = hart->data[1] = 0;
    hart->hook = serve_m;
    write32(PRIORITY(RTC_IRQ), 1);
    write32(ENABLE(CONTEXT_M), 1U << RTC_IRQ);
    csr_write(mie, BIT(IRQ_MEI));
    csr_set(mstatus, STATUS_MIE);
    /* An alarm 2 ms from now; the RTC counts nanoseconds, low half first. */
    uint64_t low = read32(RTC_BASE), alarm = ((uint64_t)read32(RTC_BASE + 4) << 32 | low) + 2000000;
    write32(RTC_IRQ_ENABLED, 1);
    write32(RTC_ALARM_HIGH, (uint32_t)(alarm >> 32));
    write32(RTC_ALARM_LOW, (uint32_t)alarm);
    sleep_until(hart->data[0]);
    low = read32(RTC_BASE);
    note("woken by the RTC's alarm", hart->data[1] == RTC_IRQ);
    note("not early", ((uint64_t)read32(RTC_BASE + 4) << 32 | low) >= alarm);
    csr_clear(mstatus, STATUS_MIE);
    csr_write(mie, 0);
    hart->hook = 0;
    quiet();
}

/* --- the UART's own side --- */

static void test_uart(void)
{
    flush_notes("uart");
    quiet();
    write8(UART_SCR, 0x5a);
    note_equal("scratch register", read8(UART_SCR), 0x5a);
    raise_uart();
    note_equal("IIR says transmitter empty", read8(UART_IIR) & 0xf, 2);
    note_equal("reading IIR clears it", read8(UART_IIR) & 0xf, 1);
    lower_uart();

    /* Loopback: what is sent is received, and nothing leaves. */
    write32(PRIORITY(UART_IRQ), 1);
    write32(ENABLE(CONTEXT_M), 1U << UART_IRQ);
    write8(UART_BASE + 2, 7); /* FIFOs on and empty, trigger at one */
    write8(UART_MCR, 0x10);
    write8(UART_BASE, 'L');
    bool received = false;
    for (uint64_t end = csr_read(time) + 100000; !received && csr_read(time) < end;)
        received = read8(UART_LSR) & 1;
    note("loopback: data ready", received);
    write8(UART_IER, 1);
    note("loopback: interrupt", meip());
    note("loopback: IIR says data", (read8(UART_IIR) & 0xf) == 4 || (read8(UART_IIR) & 0xf) == 12);
    note_equal("loopback: the byte", read8(UART_BASE), 'L');
    note("loopback: no more data", !(read8(UART_LSR) & 1));
    note_equal("claimed", read32(CLAIM(CONTEXT_M)), UART_IRQ);
    write8(UART_IER, 0);
    write32(CLAIM(CONTEXT_M), UART_IRQ);
    write8(UART_MCR, 0);
    note("quiet afterwards", no_meip());
    /* The divisor latch hides data and IER. */
    write8(UART_BASE + 3, 0x83);
    write8(UART_BASE, 0x12);
    write8(UART_BASE + 1, 0x34);
    bool latch = read8(UART_BASE) == 0x12 && read8(UART_BASE + 1) == 0x34;
    write8(UART_BASE, 1);
    write8(UART_BASE + 1, 0);
    write8(UART_BASE + 3, 3);
    note("divisor latch", latch && read8(UART_IER) == 0);
    quiet();
}

void guest_main(void)
{
    csr_write(mie, 0);
    quiet();
    test_registers();
    test_claim();
    test_priorities();
    test_traps();
    test_wfi();
    test_uart();
    flush_notes("");
}
