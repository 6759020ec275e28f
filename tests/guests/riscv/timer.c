/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CLINT timer, its interrupt in M and S, wfi, the time CSR, and Sstc where the hart has it. */
#include "runtime.h"

#define TICKS 20000 /* 2 ms at the board's 10 MHz */

static uint64_t now(void)
{
    return read64(CLINT_MTIME);
}

/* data: [0] count, [1] time of the last, [2] cause of the last, [3] deadlines still to set. */
static bool on_timer(struct hart *hart)
{
    uint64_t cause = hart->frame.cause;
    if (!(cause & INTERRUPT))
        return false;
    hart->data[0]++;
    hart->data[1] = now();
    hart->data[2] = cause;
    if (hart->data[3]) {
        hart->data[3]--;
        write64(CLINT_MTIMECMP(0), read64(CLINT_MTIMECMP(0)) + TICKS);
    } else {
        write64(CLINT_MTIMECMP(0), ~0UL);
    }
    return true;
}

static bool on_illegal(struct hart *hart)
{
    if (hart->frame.cause != CAUSE_ILLEGAL)
        return false;
    hart->data[7] = 1;
    hart->frame.epc += 4;
    return true;
}

static void test_clint(void)
{
    set_group("mtime");
    uint64_t a = now();
    for (unsigned i = 0; i < 20000; i++)
        __asm__ volatile("");
    uint64_t b = now();
    check("advances", b > a);
    check("is the time CSR", csr_read(time) - b < 10000000);
    bool between = true;
    for (unsigned i = 0; i < 100; i++) {
        uint64_t before = now(), csr = csr_read(time), after = now();
        between = between && before <= csr && csr <= after;
    }
    check("time lies between two reads of mtime", between);
    uint64_t high = read32(CLINT_MTIME + 4), low = read32(CLINT_MTIME);
    check("halves can be read", (high << 32 | low) - b < 10000000);

    set_group("mtimecmp");
    write64(CLINT_MTIMECMP(0), 0x123456789abcdef0);
    check_equal("reads back", read64(CLINT_MTIMECMP(0)), 0x123456789abcdef0);
    check_equal("low half", read32(CLINT_MTIMECMP(0)), 0x9abcdef0);
    check_equal("high half", read32(CLINT_MTIMECMP(0) + 4), 0x12345678);
    write32(CLINT_MTIMECMP(0), 0xffffffff);
    write32(CLINT_MTIMECMP(0) + 4, 0x7fffffff);
    check_equal("halves written", read64(CLINT_MTIMECMP(0)), 0x7fffffffffffffff);
    check("not due: MTIP clear", mip_becomes(BIT(IRQ_MTI), false));
    write64(CLINT_MTIMECMP(0), now());
    check("due now: MTIP set", mip_becomes(BIT(IRQ_MTI), true));
    write64(CLINT_MTIMECMP(0), 0);
    check("in the past: MTIP set", mip_becomes(BIT(IRQ_MTI), true));
    write64(CLINT_MTIMECMP(0), ~0UL);
    check("never: MTIP clear", mip_becomes(BIT(IRQ_MTI), false));
    uint64_t due = now() + TICKS;
    write64(CLINT_MTIMECMP(0), due);
    uint64_t seen;
    bool early = false;
    while (!(csr_read(mip) & BIT(IRQ_MTI)))
        early = early || now() > due + 10 * TICKS;
    seen = now();
    check("polled: MTIP not before the deadline", seen >= due);
    check("polled: MTIP not long after", !early);
    write64(CLINT_MTIMECMP(0), ~0UL);
}

static void test_interrupt(void)
{
    struct hart *hart = this_hart();

    set_group("MTI");
    hart->hook = on_timer;
    for (unsigned i = 0; i < 8; i++)
        hart->data[i] = 0;
    write64(CLINT_MTIMECMP(0), 0);
    mip_becomes(BIT(IRQ_MTI), true);
    csr_set(mstatus, STATUS_MIE);
    __asm__ volatile("nop\nnop");
    check_equal("masked by mie", hart->data[0], 0);
    csr_clear(mstatus, STATUS_MIE);
    csr_write(mie, BIT(IRQ_MTI));
    __asm__ volatile("nop\nnop");
    check_equal("masked by MIE", hart->data[0], 0);
    csr_set(mstatus, STATUS_MIE);
    __asm__ volatile("nop\nnop");
    check_equal("taken once enabled", hart->data[0], 1);
    check_equal("cause", hart->data[2], INTERRUPT | IRQ_MTI);
    check("MTIP cleared by mtimecmp", mip_becomes(BIT(IRQ_MTI), false));

    uint64_t due = now() + TICKS;
    write64(CLINT_MTIMECMP(0), due);
    sleep_until(hart->data[0] >= 2);
    check("wfi: not early", hart->data[1] >= due);
    due = now() + TICKS;
    write64(CLINT_MTIMECMP(0), due);
    while (hart->data[0] < 3)
        ;
    check("busy loop: not early", hart->data[1] >= due);

    /* The handler itself sets the next deadline; three in a row, then it stops. */
    due = now() + TICKS;
    hart->data[3] = 2;
    write64(CLINT_MTIMECMP(0), due);
    sleep_until(hart->data[0] >= 6);
    check("three deadlines in a row", hart->data[1] >= due + 2 * TICKS);
    due = now() + TICKS;
    uint64_t count = hart->data[0];
    hart->data[3] = 9;
    write64(CLINT_MTIMECMP(0), due);
    while (hart->data[0] < count + 10)
        ;
    check("ten while busy", hart->data[1] >= due + 9 * TICKS);
    check_equal("and no more", hart->data[0], count + 10);

    /* A later deadline replaces an earlier one. */
    write64(CLINT_MTIMECMP(0), now() + TICKS);
    write64(CLINT_MTIMECMP(0), now() + 10 * TICKS);
    due = now() + 3 * TICKS;
    while (now() < due)
        ;
    check_equal("postponed", hart->data[0], count + 10);
    csr_clear(mstatus, STATUS_MIE);
    write64(CLINT_MTIMECMP(0), ~0UL);

    due = now() + TICKS;
    write64(CLINT_MTIMECMP(0), due);
    wfi();
    while (!(csr_read(mip) & BIT(IRQ_MTI)))
        wfi();
    check("wfi wakes with MIE = 0", now() >= due && hart->data[0] == count + 10);
    write64(CLINT_MTIMECMP(0), ~0UL);
    csr_write(mie, 0);
    hart->hook = 0;
}

/* As firmware does it: M takes MTI, masks it and raises STIP. */
static bool inject_stip(struct hart *hart)
{
    if (hart->frame.cause != (INTERRUPT | IRQ_MTI))
        return false;
    hart->data[0]++;
    csr_clear(mie, BIT(IRQ_MTI));
    csr_set(mip, BIT(IRQ_STI));
    return true;
}

extern char s_wait[], s_wait_at[];
__asm__("    .option push\n"
        "    .option norvc\n"
        "    .balign 4\n"
        "s_wait:\n"
        "    csrsi sstatus, 2\n"
        "s_wait_at:\n"
        "    wfi\n"
        "    j s_wait_at\n"
        "    .option pop\n");

static void test_supervisor(void)
{
    struct hart *hart = this_hart();

    set_group("STI by M-mode");
    csr_write(mideleg, BIT(IRQ_STI));
    csr_write(stvec, (uintptr_t)s_vectors | 1);
    csr_clear(mip, BIT(IRQ_STI));
    bool all = true, vectors = true;
    hart->data[0] = 0;
    hart->hook = inject_stip;
    for (unsigned i = 0; i < 5; i++) {
        csr_clear(sstatus, STATUS_SIE);
        csr_write(mie, BIT(IRQ_MTI) | BIT(IRQ_STI));
        uint64_t due = now() + TICKS;
        write64(CLINT_MTIMECMP(0), due);
        struct result r = call_mode(MODE_S, s_wait, 0, 0, 0);
        all = all && r.by_s && r.cause == (INTERRUPT | IRQ_STI) && now() >= due;
        vectors = vectors && r.vector == IRQ_STI;
        write64(CLINT_MTIMECMP(0), ~0UL);
        csr_clear(mip, BIT(IRQ_STI));
    }
    check("five ticks", all);
    check("through the vector", vectors);
    check_equal("M saw each once", hart->data[0], 5);
    hart->hook = 0;
    csr_clear(sstatus, STATUS_SIE);
    csr_set(mip, BIT(IRQ_STI));
    struct result r = call_mode(MODE_S, stub_nop, 0, 0, 0);
    check_equal("masked by SIE", r.cause, CAUSE_NONE);
    r = call_mode(MODE_U, stub_nop, 0, 0, 0);
    check_trap("U cannot mask it", r, INTERRUPT | IRQ_STI, stub_nop, 0);
    csr_clear(mip, BIT(IRQ_STI));
    csr_write(mie, 0);
    csr_write(mideleg, 0);
    csr_clear(sstatus, STATUS_SIE);
}

/* menvcfg is 0x30a, stimecmp 0x14d. */
static void test_sstc(void)
{
    struct hart *hart = this_hart();
    uint64_t have = 0;

    set_group("Sstc");
    hart->data[7] = 0;
    hart->hook = on_illegal;
    __asm__ volatile(".option push\n"
                     ".option norvc\n"
                     "csrs 0x30a, %1\n"
                     "csrr %0, 0x30a\n"
                     ".option pop"
                     : "+r"(have)
                     : "r"(BIT(63))
                     : "memory");
    hart->hook = 0;
    if (hart->data[7] || !(have & BIT(63))) {
        skip("this hart does not have it");
        return;
    }
    csr_write(mcounteren, 7);
    csr_write(mideleg, BIT(IRQ_STI));
    csr_write(stvec, (uintptr_t)s_vectors | 1);
    csr_write(0x14d, ~0UL);
    check_equal("stimecmp reads back", csr_read(0x14d), ~0UL);
    check("not due: STIP clear", !(csr_read(mip) & BIT(IRQ_STI)));
    csr_write(0x14d, 0);
    check("due: STIP set", csr_read(mip) & BIT(IRQ_STI));
    csr_write(0x14d, ~0UL);
    check("STIP cleared by stimecmp", !(csr_read(mip) & BIT(IRQ_STI)));
    csr_write(mie, BIT(IRQ_STI));
    uint64_t due = now() + TICKS;
    csr_write(0x14d, due);
    struct result r = call_mode(MODE_S, s_wait, 0, 0, 0);
    check("interrupt at the deadline", r.by_s && r.cause == (INTERRUPT | IRQ_STI) && now() >= due);
    csr_write(0x14d, ~0UL);
    csr_write(mie, 0);
    csr_write(mideleg, 0);
    __asm__ volatile("csrc 0x30a, %0" : : "r"(BIT(63)));
}

void guest_main(void)
{
    csr_write(mie, 0);
    write64(CLINT_MTIMECMP(0), ~0UL);
    test_clint();
    test_interrupt();
    test_supervisor();
    test_sstc();
    set_group("");
}
