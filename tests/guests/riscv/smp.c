/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several harts, 1 to 8 as the device tree says: IPIs, atomics, locks, code and mappings changed by
 * another hart. Hart 0 gives out jobs; the others do them and report.
 */
#include "runtime.h"

#define ROUNDS 2000

static unsigned hart_count;
static volatile uint64_t alive, job, done[MAX_HARTS], result[MAX_HARTS];
static void (*volatile job_function)(unsigned hart);
static volatile uint64_t stop;

static uint64_t counter_add, counter_sc, counter_lock, lock_word;
static uint32_t counter_word;
static volatile uint64_t turn;
static volatile uint64_t ipis[MAX_HARTS];
static uint8_t code_page[PAGE_SIZE] __attribute__((aligned(4096)));
static uint8_t data_pages[2][PAGE_SIZE] __attribute__((aligned(4096)));
static uint64_t tables[3][512] __attribute__((aligned(4096)));
static volatile uint64_t flush_requests, flush_done[MAX_HARTS];

static uint64_t atomic_add(volatile uint64_t *cell, uint64_t value)
{
    uint64_t old;
    __asm__ volatile("amoadd.d.aqrl %0, %2, (%1)" : "=r"(old) : "r"(cell), "r"(value) : "memory");
    return old;
}

static void lock(uint64_t *word)
{
    uint64_t old;
    do
        __asm__ volatile("amoswap.d.aq %0, %2, (%1)" : "=r"(old) : "r"(word), "r"(1UL) : "memory");
    while (old);
}

static void unlock(uint64_t *word)
{
    __asm__ volatile("amoswap.d.rl zero, zero, (%0)" : : "r"(word) : "memory");
}

/* --- jobs --- */

static void job_identify(unsigned hart)
{
    result[hart] = csr_read(mhartid) << 8 | hart;
}

static void job_add(unsigned hart)
{
    (void)hart;
    for (unsigned i = 0; i < ROUNDS; i++) {
        atomic_add(&counter_add, 1);
        __asm__ volatile("amoadd.w zero, %1, (%0)" : : "r"(&counter_word), "r"(1) : "memory");
    }
}

static void job_lr_sc(unsigned hart)
{
    (void)hart;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t value;
        __asm__ volatile("1: lr.d.aq %0, (%1)\n"
                         "   addi %0, %0, 1\n"
                         "   sc.d.rl %0, %0, (%1)\n"
                         "   bnez %0, 1b"
                         : "=&r"(value)
                         : "r"(&counter_sc)
                         : "memory");
    }
}

static void job_lock(unsigned hart)
{
    (void)hart;
    for (unsigned i = 0; i < ROUNDS / 4; i++) {
        lock(&lock_word);
        volatile uint64_t *counter = &counter_lock;
        uint64_t before = *counter;
        __asm__ volatile("nop\nnop\nnop");
        *counter = before + 1;
        unlock(&lock_word);
    }
}

/* In turn: hart 0, 1, 2, ..., each sees what the one before it wrote. */
static void job_turns(unsigned hart)
{
    uint64_t ok = 1;
    for (uint64_t round = 0; round < 20; round++) {
        while (turn != round * hart_count + hart)
            ;
        fence();
        ok = ok && counter_lock == turn * 3;
        counter_lock += 3;
        fence();
        turn = turn + 1;
    }
    result[hart] = ok;
}

/* Message passing: data, fence, flag, from each hart to the next. */
static struct {
    volatile uint64_t data[7], flag;
} mail[MAX_HARTS];

static void job_mail(unsigned hart)
{
    unsigned from = (hart + hart_count - 1) % hart_count;
    uint64_t ok = 1;
    for (uint64_t i = 1; i <= 200; i++) {
        for (unsigned n = 0; n < 7; n++)
            mail[hart].data[n] = i * 10 + n;
        __asm__ volatile("fence rw, w" : : : "memory");
        mail[hart].flag = i;
        while (mail[from].flag < i)
            ;
        __asm__ volatile("fence r, rw" : : : "memory");
        for (unsigned n = 0; n < 7; n++)
            ok = ok && mail[from].data[n] == i * 10 + n;
        atomic_add(&turn, 1);
        while (turn < i * hart_count)
            ;
    }
    result[hart] = ok;
}

static void job_run_code(unsigned hart)
{
    fence_i();
    result[hart] = ((uint64_t(*)(void))(uintptr_t)code_page)();
}

static void job_reservation(unsigned hart)
{
    /* All try to SC after the same LR; the sum of the successes is the final count. */
    uint64_t wins = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t value, failed;
        __asm__ volatile("lr.d.aq %0, (%2)\n"
                         "addi %0, %0, 1\n"
                         "sc.d.rl %1, %0, (%2)"
                         : "=&r"(value), "=&r"(failed)
                         : "r"(&counter_sc)
                         : "memory");
        wins += !failed;
    }
    result[hart] = wins;
}

/* A load through satp-translated memory in S-mode. */
static uint64_t load_mapped(void)
{
    return call_mode(MODE_S, stub_ld, 0x10000000, 0, 0).value;
}

static void job_enter_space(unsigned hart)
{
    csr_write(satp, 8UL << 60 | (uintptr_t)tables[0] >> 12);
    sfence_vma();
    result[hart] = load_mapped();
}

static void job_load_mapped(unsigned hart)
{
    result[hart] = load_mapped();
}

static void job_leave_space(unsigned hart)
{
    (void)hart;
    csr_write(satp, 0);
    sfence_vma();
}

/* Runs in S-mode until the mapping shows the new page; the IPI does the fence. */
extern char spin_until[];
__asm__("    .balign 4\n"
        "spin_until:\n" /* a0: address, a1: value, a2: limit */
        "1:  ld t0, 0(a0)\n"
        "    beq t0, a1, 2f\n"
        "    addi a2, a2, -1\n"
        "    bnez a2, 1b\n"
        "    li a0, 0\n"
        "    ret\n"
        "2:  li a0, 1\n"
        "    ret\n");

static void job_spin(unsigned hart)
{
    struct result r = call_mode(MODE_S, spin_until, 0x10000000, 2, 200000000);
    result[hart] = r.cause == CAUSE_NONE ? r.value : 99;
}

/* The IPI handler, in M-mode: counts, and fences if asked to. */
static bool on_ipi(struct hart *hart)
{
    if (hart->frame.cause != (INTERRUPT | IRQ_MSI))
        return false;
    write32(CLINT_MSIP(hart->id), 0);
    fence();
    ipis[hart->id] = ipis[hart->id] + 1;
    if (flush_requests) {
        sfence_vma();
        fence();
        flush_done[hart->id] = flush_requests;
    }
    return true;
}

static void job_wait_ipi(unsigned hart)
{
    /* Sleeps with interrupts on until ten have come. */
    csr_set(mstatus, STATUS_MIE);
    sleep_until(ipis[hart] >= 10);
    csr_clear(mstatus, STATUS_MIE);
    result[hart] = ipis[hart];
}

static void job_chain(unsigned hart)
{
    /* A token goes round by IPIs: each wakes the next. */
    csr_set(mstatus, STATUS_MIE);
    for (uint64_t round = 1; round <= 10; round++) {
        sleep_until(ipis[hart] + (hart == 0) >= round);
        write32(CLINT_MSIP((hart + 1) % hart_count), 1);
    }
    sleep_until(ipis[hart] >= 10);
    csr_clear(mstatus, STATUS_MIE);
    result[hart] = ipis[hart];
}

/* --- the crew --- */

static void work(struct hart *hart)
{
    unsigned id = (unsigned)hart->id;
    hart->hook = on_ipi;
    csr_write(mie, BIT(IRQ_MSI));
    atomic_add(&alive, 1);
    for (uint64_t seen = 0;;) {
        while (job == seen)
            ;
        fence();
        seen = job;
        if (stop)
            break;
        job_function(id);
        fence();
        done[id] = seen;
    }
    csr_write(mie, 0);
}

static void start_job(void (*function)(unsigned hart))
{
    job_function = function;
    for (unsigned i = 0; i < MAX_HARTS; i++)
        result[i] = ipis[i] = 0;
    fence();
    job = job + 1;
}

static void finish_job(void)
{
    for (unsigned i = 1; i < hart_count; i++)
        while (done[i] != job)
            ;
    fence();
}

static void do_job(void (*function)(unsigned hart))
{
    start_job(function);
    function(0);
    finish_job();
}

static bool all(uint64_t value, unsigned first)
{
    for (unsigned i = first; i < hart_count; i++)
        if (result[i] != value)
            return false;
    return true;
}

static void write_code(int value)
{
    ((volatile uint32_t *)code_page)[0] = (uint32_t)value << 20 | 0x513;
    ((volatile uint32_t *)code_page)[1] = 0x8067;
}

static void test_counters(void)
{
    do_job(job_identify);
    bool ok = true;
    for (unsigned i = 0; i < hart_count; i++)
        ok = ok && result[i] == (i << 8 | i);
    check("mhartid", ok);

    do_job(job_add);
    check_equal("amoadd.d by all", counter_add, ROUNDS * hart_count);
    check_equal("amoadd.w by all", counter_word, ROUNDS * hart_count);
    do_job(job_lr_sc);
    check_equal("lr/sc by all", counter_sc, ROUNDS * hart_count);
    do_job(job_lock);
    check_equal("spinlock by all", counter_lock, ROUNDS / 4 * hart_count);
    counter_sc = 0;
    do_job(job_reservation);
    uint64_t wins = 0;
    for (unsigned i = 0; i < hart_count; i++)
        wins += result[i];
    check_equal("each sc.d that succeeded counts", counter_sc, wins);
    check("some did", wins > 0);
    turn = counter_lock = 0;
    do_job(job_turns);
    check("turns", all(1, 0));
    turn = 0;
    do_job(job_mail);
    check("messages", all(1, 0));
}

static void test_ipis(void)
{
    csr_write(mie, BIT(IRQ_MSI));
    start_job(job_wait_ipi);
    for (unsigned i = 1; i < hart_count; i++) {
        for (uint64_t n = 0; n < 10; n++) {
            write32(CLINT_MSIP(i), 1);
            while (ipis[i] <= n)
                ;
        }
    }
    finish_job();
    check("ten IPIs to each sleeping hart", all(10, 1));
    check("msip reads back clear", read32(CLINT_MSIP(0)) == 0);
    do_job(job_chain);
    check("a token through all harts", all(10, 0));
    csr_write(mie, 0);
}

static void test_code(void)
{
    bool ok = true;
    for (int i = 0; i < 100; i++) {
        write_code(i);
        fence();
        do_job(job_run_code);
        ok = ok && all((uint64_t)i, 0);
    }
    check("code written by hart 0, run by all", ok);
}

static void test_mappings(void)
{
    tables[0][0] = (uintptr_t)tables[1] >> 12 << 10 | 1;
    tables[0][2] = RAM_BASE >> 12 << 10 | 0xcf;
    tables[1][0x10000000 >> 21] = (uintptr_t)tables[2] >> 12 << 10 | 1;
    volatile uint64_t *pte = &tables[2][0];
    *pte = (uintptr_t)data_pages[0] >> 12 << 10 | 0xc7;
    *(uint64_t *)data_pages[0] = 1;
    *(uint64_t *)data_pages[1] = 2;
    fence();
    do_job(job_enter_space);
    check("one address space for all", all(1, 0));

    /* Shootdown: change the entry, then ask all to fence while they run in S-mode. */
    csr_write(mie, BIT(IRQ_MSI));
    start_job(job_spin);
    for (volatile unsigned i = 0; i < 100000; i++)
        ;
    *pte = (uintptr_t)data_pages[1] >> 12 << 10 | 0xc7;
    fence();
    flush_requests = 1;
    fence();
    for (unsigned i = 1; i < hart_count; i++)
        write32(CLINT_MSIP(i), 1);
    sfence_vma();
    for (unsigned i = 1; i < hart_count; i++)
        while (!flush_done[i])
            ;
    check_equal("shootdown: hart 0", load_mapped(), 2);
    finish_job();
    check("shootdown: harts in S-mode see the new page", all(1, 1));
    flush_requests = 0;

    bool ok = true;
    for (unsigned i = 0; i < 20; i++) {
        *pte = (uintptr_t)data_pages[i & 1] >> 12 << 10 | 0xc7;
        fence();
        start_job(job_enter_space);
        job_enter_space(0);
        finish_job();
        ok = ok && all(1 + (i & 1), 0);
        do_job(job_load_mapped);
        ok = ok && all(1 + (i & 1), 0);
    }
    check("remapped 20 times", ok);
    do_job(job_leave_space);
    csr_write(mie, 0);
}

void guest_main(void)
{
    set_group("smp");
    hart_count = dtb_count_harts();
    check("the device tree has 1 to 8 harts", hart_count >= 1 && hart_count <= MAX_HARTS);
    this_hart()->hook = on_ipi;
    alive = 1;
    start_harts(work);
    for (uint64_t end = csr_read(time) + 100000000; alive < hart_count && csr_read(time) < end;)
        ;
    check_equal("all of them are awake", alive, hart_count);
    if (alive != hart_count)
        return;
    test_counters();
    test_ipis();
    test_code();
    test_mappings();
    stop = 1;
    fence();
    job = job + 1;
    set_group("");
}
