/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Code that changes: under the hand that runs it, through another mapping, and over page borders.
 */
#include "runtime.h"

#define VA_CODE 0x10000000UL /* where code runs: R-X */
#define VA_DATA 0x20000000UL /* where it is written: RW- */

static uint8_t area[8][PAGE_SIZE] __attribute__((aligned(4096)));

static uint32_t op_addi(unsigned rd, unsigned rs, int value)
{
    return (uint32_t)value << 20 | rs << 15 | rd << 7 | 0x13;
}

static uint32_t op_jump(int offset)
{
    uint32_t o = (uint32_t)offset;
    return (o >> 20 & 1) << 31 | (o >> 1 & 0x3ff) << 21 | (o >> 11 & 1) << 20 |
           (o >> 12 & 0xff) << 12 | 0x6f;
}

#define OP_RET 0x00008067U
#define A0     10

static uint64_t run(const void *code, uint64_t a0)
{
    return ((uint64_t(*)(uint64_t))(uintptr_t)code)(a0);
}

static void write_constant(void *at, int value)
{
    ((volatile uint32_t *)at)[0] = op_addi(A0, 0, value);
    ((volatile uint32_t *)at)[1] = OP_RET;
}

static void test_in_place(void)
{
    set_group("fence.i");
    bool ok = true;
    for (int i = 0; i < 300; i++) {
        write_constant(area[0], i);
        fence_i();
        ok = ok && run(area[0], 0) == (uint64_t)i;
    }
    check("rewritten 300 times", ok);

    /* Warm code, one byte of its immediate changed. */
    write_constant(area[0], 1);
    fence_i();
    for (unsigned i = 0; i < 1000; i++)
        ok = ok && run(area[0], 0) == 1;
    area[0][3] = 0x7f;
    fence_i();
    check_equal("one byte changed", run(area[0], 0), 0x7f1);
    *(volatile uint16_t *)&area[0][2] = 0x0050;
    fence_i();
    check_equal("half of an instruction changed", run(area[0], 0), 5);

    /* A chain of 100 blocks over 2 pages, one of them changed each time. */
    for (unsigned i = 0; i < 100; i++) {
        volatile uint32_t *block = (uint32_t *)&area[1][64 * i];
        block[0] = op_addi(A0, A0, 1);
        block[1] = i == 99 ? OP_RET : op_jump(60);
    }
    fence_i();
    check_equal("chain of blocks", run(area[1], 0), 100);
    ok = true;
    for (unsigned i = 0; i < 100; i++) {
        *(volatile uint32_t *)&area[1][64 * i] = op_addi(A0, A0, 2);
        fence_i();
        ok = ok && run(area[1], 0) == 101 + i;
    }
    check("each block changed in turn", ok);

    /* Data beside code in one page: the code must not be lost, nor the data. */
    write_constant(area[3], 77);
    fence_i();
    volatile uint64_t *data = (uint64_t *)&area[3][128];
    *data = 0;
    ok = true;
    for (unsigned i = 0; i < 2000; i++) {
        ok = ok && run(area[3], 0) == 77;
        *data += i;
    }
    check("data in a code page", ok && *data == 1999000);

    /* The page becomes data, then code again. */
    for (unsigned i = 0; i < 512; i++)
        ((volatile uint64_t *)area[3])[i] = i;
    uint64_t sum = 0;
    for (unsigned i = 0; i < 512; i++)
        sum += ((volatile uint64_t *)area[3])[i];
    check_equal("code page as data", sum, 511 * 256);
    write_constant(area[3], 78);
    fence_i();
    check_equal("and code again", run(area[3], 0), 78);
    /* Code is moved; the old place now traps. */
    copy(area[4], area[3], 8);
    *(volatile uint32_t *)area[3] = 0;
    fence_i();
    check_equal("moved", run(area[4], 0), 78);
    check_trap_or_zero("nothing left behind", call_mode(MODE_M, area[3], 0, 0, 0), CAUSE_ILLEGAL,
                       area[3], 0);
}

/* Code that changes code ahead of itself in its own page: a1 = new instruction, a2 = place. */
extern char change_ahead[], change_here[], change_loop[];
__asm__("    .option push\n"
        "    .option norvc\n"
        "    .section .data\n"
        "    .balign 4096\n"
        "change_ahead:\n"
        "    la t0, change_here\n"
        "    sw a1, 0(t0)\n"
        "    fence.i\n"
        "change_here:\n"
        "    li a0, 1\n"
        "    ret\n"
        "change_loop:\n" /* each round increments the immediate of its own addi */
        "    li t0, 100\n"
        "    li a0, 0\n"
        "    la t1, 2f\n"
        "    lui t3, 0x100\n"
        "1:\n"
        "2:  addi a0, a0, 0\n"
        "    lw t2, 0(t1)\n"
        "    add t2, t2, t3\n"
        "    sw t2, 0(t1)\n"
        "    fence.i\n"
        "    addi t0, t0, -1\n"
        "    bnez t0, 1b\n"
        "    ret\n"
        "    .text\n"
        "    .option pop\n");

static void test_own_code(void)
{
    set_group("own code");
    check_equal("change ahead", call_mode(MODE_M, change_ahead, 0, op_addi(A0, 0, 2), 0).value, 2);
    check_equal("change back", call_mode(MODE_M, change_ahead, 0, op_addi(A0, 0, 1), 0).value, 1);
    check_equal("from S", call_mode(MODE_S, change_ahead, 0, op_addi(A0, 0, 3), 0).value, 3);
    check_equal("from U", call_mode(MODE_U, change_ahead, 0, op_addi(A0, 0, 4), 0).value, 4);
    check_equal("loop that changes itself", call_mode(MODE_M, change_loop, 0, 0, 0).value, 4950);
}

static void test_page_borders(void)
{
    set_group("page border");
    /* "addi a0, a0, 1" with its halves in two pages, at each of its possible contents. */
    uint8_t *border = area[1];
    bool ok = true;
    for (int i = 0; i < 100; i++) {
        uint32_t op = op_addi(A0, A0, i);
        *(volatile uint16_t *)(border - 2) = (uint16_t)op;
        *(volatile uint16_t *)border = (uint16_t)(op >> 16);
        *(volatile uint16_t *)(border + 2) = 0x8082;
        fence_i();
        ok = ok && run(border - 2, 1000) == 1000 + (uint64_t)i;
        /* The second half alone. */
        *(volatile uint16_t *)border = (uint16_t)(op_addi(A0, A0, i + 1) >> 16);
        fence_i();
        ok = ok && run(border - 2, 1000) == 1001 + (uint64_t)i;
    }
    check("instruction in two pages", ok);
    /* The first half alone: addi becomes xori. */
    *(volatile uint16_t *)(border - 2) |= 0x4000;
    fence_i();
    check_equal("only the first half changed", run(border - 2, 0xff), 0xff ^ 100);

    /* Straight-line code through a border. */
    volatile uint32_t *code = (uint32_t *)(border - 400);
    for (unsigned i = 0; i < 200; i++)
        code[i] = op_addi(A0, A0, 1);
    code[200] = OP_RET;
    fence_i();
    check_equal("200 instructions", run((void *)(uintptr_t)code, 0), 200);
    *(volatile uint32_t *)(border + 4) = op_addi(A0, A0, 11);
    fence_i();
    check_equal("one changed behind the border", run((void *)(uintptr_t)code, 0), 210);

    /* Jumps to and fro between pages. */
    for (unsigned i = 0; i < 50; i++) {
        volatile uint32_t *here = (uint32_t *)&area[4 + (i & 1)][64 * (i / 2)];
        int to = (i & 1 ? -4096 : 4096) + (i & 1 ? 64 : 0) - 4;
        here[0] = op_addi(A0, A0, 3);
        here[1] = i == 49 ? OP_RET : op_jump(to);
    }
    fence_i();
    check_equal("jumps between two pages", run(area[4], 0), 150);
    *(volatile uint32_t *)&area[5][64 * 10] = op_addi(A0, A0, 4);
    fence_i();
    check_equal("one of them changed", run(area[4], 0), 151);
}

/* --- two names for one page --- */

static uint64_t tables[6][512] __attribute__((aligned(4096)));

static void map(uint64_t va, const void *page, uint64_t flags)
{
    uint64_t *middle = va == VA_CODE || va - VA_CODE < 1 << 21 ? tables[2] : tables[3];
    tables[1][va >> 21 & 511] = (uintptr_t)middle >> 12 << 10 | 1;
    middle[va >> 12 & 511] = (uintptr_t)page >> 12 << 10 | flags;
}

extern char two_names[];
__asm__("    .balign 4\n"
        "two_names:\n" /* a0: rounds, a1: where to write, a2: where to run; S-mode */
        "    addi sp, sp, -64\n"
        "    sd ra, 0(sp)\n"
        "    sd s0, 8(sp)\n"
        "    sd s1, 16(sp)\n"
        "    sd s2, 24(sp)\n"
        "    sd s3, 32(sp)\n"
        "    mv s0, a0\n"
        "    mv s1, a1\n"
        "    mv s2, a2\n"
        "    li s3, 0\n"
        "1:  lw t0, 0(s1)\n"
        "    lui t1, 0x100\n"
        "    add t0, t0, t1\n" /* the next immediate */
        "    sw t0, 0(s1)\n"
        "    fence.i\n"
        "    jalr s2\n"
        "    add s3, s3, a0\n"
        "    addi s0, s0, -1\n"
        "    bnez s0, 1b\n"
        "    mv a0, s3\n"
        "    ld ra, 0(sp)\n"
        "    ld s0, 8(sp)\n"
        "    ld s1, 16(sp)\n"
        "    ld s2, 24(sp)\n"
        "    ld s3, 32(sp)\n"
        "    addi sp, sp, 64\n"
        "    ret\n");

static void test_two_mappings(void)
{
    set_group("two mappings");
    const uint64_t rw = 0xc7, rx = 0xcb;
    tables[0][0] = (uintptr_t)tables[1] >> 12 << 10 | 1;
    tables[0][2] = RAM_BASE >> 12 << 10 | 0xcf;
    map(VA_CODE, area[6], rx);
    map(VA_DATA, area[6], rw);
    map(VA_CODE + PAGE_SIZE, area[7], rx);
    map(VA_DATA + PAGE_SIZE, area[7], rw);
    csr_write(satp, 8UL << 60 | (uintptr_t)tables[0] >> 12);
    sfence_vma();

    write_constant(area[6], 0);
    fence_i();
    struct result r = call_mode(MODE_S, two_names, 100, VA_DATA, VA_CODE);
    check_equal("written by one, run by the other", r.cause == CAUSE_NONE ? r.value : 0, 5050);
    write_constant(area[7], 0);
    fence_i();
    r = call_mode(MODE_S, two_names, 100, VA_DATA + PAGE_SIZE, (uintptr_t)area[7]);
    check_equal("run by its third name", r.cause == CAUSE_NONE ? r.value : 0, 5050);
    write_constant(area[7], 0);
    fence_i();
    r = call_mode(MODE_S, two_names, 100, (uintptr_t)area[7], VA_CODE + PAGE_SIZE);
    check_equal("written by its third name", r.cause == CAUSE_NONE ? r.value : 0, 5050);
    /* Written by M-mode, without translation. */
    bool ok = true;
    for (int i = 0; i < 50; i++) {
        write_constant(area[6], i);
        fence_i();
        ok = ok && call_mode(MODE_S, (void *)VA_CODE, 0, 0, 0).value == (uint64_t)i;
    }
    check("written by physical address", ok);

    /* The pages behind the names are exchanged. */
    write_constant(area[6], 61);
    write_constant(area[7], 62);
    fence_i();
    ok = true;
    for (unsigned i = 0; i < 20; i++) {
        map(VA_CODE, area[6 + (i & 1)], rx);
        sfence_vma();
        ok = ok && call_mode(MODE_S, (void *)VA_CODE, 0, 0, 0).value == 61 + (i & 1);
    }
    check("another page under the same name", ok);

    /* As a kernel loads a program: data page, filled, then made executable, then dropped. */
    ok = true;
    for (unsigned i = 0; i < 30; i++) {
        map(VA_CODE, area[6], rw);
        sfence_vma();
        call_mode(MODE_S, stub_sw, VA_CODE, op_addi(A0, 0, (int)i), 0);
        call_mode(MODE_S, stub_sw, VA_CODE + 4, OP_RET, 0);
        map(VA_CODE, area[6], rx);
        sfence_vma();
        fence_i();
        ok = ok && call_mode(MODE_S, (void *)VA_CODE, 0, 0, 0).value == i;
        r = call_mode(MODE_S, stub_sw, VA_CODE, 0, 0);
        ok = ok && r.cause == CAUSE_STORE_PAGE;
    }
    check("write, then execute, 30 programs in one page", ok);
    /* The same page, code in one space and a stack in the next: plain data must survive. */
    map(VA_CODE, area[6], rx);
    map(VA_DATA, area[6], rw);
    sfence_vma();
    ok = true;
    for (unsigned i = 0; i < 200; i++) {
        call_mode(MODE_S, stub_sd, VA_DATA + 2048 + 8 * (i & 31), i * i, 0);
        ok = ok && call_mode(MODE_S, (void *)VA_CODE, 0, 0, 0).value == 29;
        ok = ok && *(volatile uint64_t *)&area[6][2048 + 8 * (i & 31)] == i * i;
    }
    check("data through one name, code through the other", ok);
    csr_write(satp, 0);
    sfence_vma();
}

void guest_main(void)
{
    test_in_place();
    test_own_code();
    test_page_borders();
    test_two_mappings();
    set_group("");
}
