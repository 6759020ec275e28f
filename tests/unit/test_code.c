/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include <capstone/capstone.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/code.h"
#include "cpu/code_map.h"
#include "cpu/riscv_decode.h"

/* ---- One instruction ---- */

enum kind {
    OTHER,
    LOAD,
    STORE,
    AMO,
};

/* Encodings are the assembler's; what each does to memory was written down by hand. */
static const struct insn {
    uint32_t word;
    const char *text;
    unsigned length;
    enum kind kind;
    unsigned size, base;
    int offset;
} insns[] = {
    /* clang-format off */
    {0x80058503, "lb a0, -2048(a1)", 4, LOAD, 1, 11, -2048},
    {0x7ff00003, "lb zero, 2047(zero)", 4, LOAD, 1, 0, 2047},
    {0x0052cf83, "lbu t6, 5(t0)", 4, LOAD, 1, 5, 5},
    {0xffe11483, "lh s1, -2(sp)", 4, LOAD, 2, 2, -2},
    {0x1001d083, "lhu ra, 256(gp)", 4, LOAD, 2, 3, 256},
    {0xffc42783, "lw a5, -4(s0)", 4, LOAD, 4, 8, -4},
    {0x404eee03, "lwu t3, 1028(t4)", 4, LOAD, 4, 29, 1028},
    {0xc0023d83, "ld s11, -1024(tp)", 4, LOAD, 8, 4, -1024},
    {0x00c62507, "flw fa0, 12(a2)", 4, LOAD, 4, 12, 12},
    {0xff8fbf87, "fld ft11, -8(t6)", 4, LOAD, 8, 31, -8},
    {0x80a58023, "sb a0, -2048(a1)", 4, STORE, 1, 11, -2048},
    {0x7ff00fa3, "sb t6, 2047(zero)", 4, STORE, 1, 0, 2047},
    {0x00a91fa3, "sh a0, 31(s2)", 4, STORE, 2, 18, 31},
    {0x0209a023, "sw zero, 32(s3)", 4, STORE, 4, 19, 32},
    {0xfe113023, "sd ra, -32(sp)", 4, STORE, 8, 2, -32},
    {0xfd4abfa3, "sd s4, -33(s5)", 4, STORE, 8, 21, -33},
    {0xfeb6ae27, "fsw fa1, -4(a3)", 4, STORE, 4, 13, -4},
    {0x55b73827, "fsd fs11, 1360(a4)", 4, STORE, 8, 14, 1360},
    {0x1005a52f, "lr.w a0, (a1)", 4, LOAD, 4, 11, 0},
    {0x160332af, "lr.d.aqrl t0, (t1)", 4, LOAD, 8, 6, 0},
    {0x18c5a52f, "sc.w a0, a2, (a1)", 4, STORE, 4, 11, 0},
    {0x1ac4b52f, "sc.d.rl a0, a2, (s1)", 4, STORE, 8, 9, 0},
    {0x08b6252f, "amoswap.w a0, a1, (a2)", 4, AMO, 4, 12, 0},
    {0x06b6252f, "amoadd.w.aqrl a0, a1, (a2)", 4, AMO, 4, 12, 0},
    {0x20b3a52f, "amoxor.w a0, a1, (t2)", 4, AMO, 4, 7, 0},
    {0x60b6202f, "amoand.w zero, a1, (a2)", 4, AMO, 4, 12, 0},
    {0x4006a52f, "amoor.w a0, zero, (a3)", 4, AMO, 4, 13, 0},
    {0x80b7252f, "amomin.w a0, a1, (a4)", 4, AMO, 4, 14, 0},
    {0xa0b7a52f, "amomax.w a0, a1, (a5)", 4, AMO, 4, 15, 0},
    {0xc0b8252f, "amominu.w a0, a1, (a6)", 4, AMO, 4, 16, 0},
    {0xe0b8a52f, "amomaxu.w a0, a1, (a7)", 4, AMO, 4, 17, 0},
    {0x08b9352f, "amoswap.d a0, a1, (s2)", 4, AMO, 8, 18, 0},
    {0x00b9b52f, "amoadd.d a0, a1, (s3)", 4, AMO, 8, 19, 0},
    {0x20ba352f, "amoxor.d a0, a1, (s4)", 4, AMO, 8, 20, 0},
    {0x60bab52f, "amoand.d a0, a1, (s5)", 4, AMO, 8, 21, 0},
    {0x40bb352f, "amoor.d a0, a1, (s6)", 4, AMO, 8, 22, 0},
    {0x80bbb52f, "amomin.d a0, a1, (s7)", 4, AMO, 8, 23, 0},
    {0xa0bc352f, "amomax.d a0, a1, (s8)", 4, AMO, 8, 24, 0},
    {0xc4bcb52f, "amominu.d.aq a0, a1, (s9)", 4, AMO, 8, 25, 0},
    {0xe0bd352f, "amomaxu.d a0, a1, (s10)", 4, AMO, 8, 26, 0},
    {0x4188, "c.lw a0, 0(a1)", 2, LOAD, 4, 11, 0},
    {0x43c0, "c.lw s0, 4(a5)", 2, LOAD, 4, 15, 4},
    {0x403c, "c.lw a5, 64(s0)", 2, LOAD, 4, 8, 64},
    {0x5c88, "c.lw a0, 56(s1)", 2, LOAD, 4, 9, 56},
    {0x5de8, "c.lw a0, 124(a1)", 2, LOAD, 4, 11, 124},
    {0x6608, "c.ld a0, 8(a2)", 2, LOAD, 8, 12, 8},
    {0x62a8, "c.ld a0, 64(a3)", 2, LOAD, 8, 13, 64},
    {0x7f64, "c.ld s1, 248(a4)", 2, LOAD, 8, 14, 248},
    {0x2148, "c.fld fa0, 128(a0)", 2, LOAD, 8, 10, 128},
    {0x3c60, "c.fld fs0, 248(s0)", 2, LOAD, 8, 8, 248},
    {0xc188, "c.sw a0, 0(a1)", 2, STORE, 4, 11, 0},
    {0xc0f8, "c.sw a4, 68(s1)", 2, STORE, 4, 9, 68},
    {0xdcf8, "c.sw a4, 124(s1)", 2, STORE, 4, 9, 124},
    {0xea08, "c.sd a0, 16(a2)", 2, STORE, 8, 12, 16},
    {0xe060, "c.sd s0, 192(s0)", 2, STORE, 8, 8, 192},
    {0xffe0, "c.sd s0, 248(a5)", 2, STORE, 8, 15, 248},
    {0xb69c, "c.fsd fa5, 40(a3)", 2, STORE, 8, 13, 40},
    {0x4502, "c.lwsp a0, 0(sp)", 2, LOAD, 4, 2, 0},
    {0x4f92, "c.lwsp t6, 4(sp)", 2, LOAD, 4, 2, 4},
    {0x5082, "c.lwsp ra, 32(sp)", 2, LOAD, 4, 2, 32},
    {0x4086, "c.lwsp ra, 64(sp)", 2, LOAD, 4, 2, 64},
    {0x557e, "c.lwsp a0, 252(sp)", 2, LOAD, 4, 2, 252},
    {0x60a2, "c.ldsp ra, 8(sp)", 2, LOAD, 8, 2, 8},
    {0x7082, "c.ldsp ra, 32(sp)", 2, LOAD, 8, 2, 32},
    {0x6406, "c.ldsp s0, 64(sp)", 2, LOAD, 8, 2, 64},
    {0x747e, "c.ldsp s0, 504(sp)", 2, LOAD, 8, 2, 504},
    {0x251e, "c.fldsp fa0, 448(sp)", 2, LOAD, 8, 2, 448},
    {0xc02a, "c.swsp a0, 0(sp)", 2, STORE, 4, 2, 0},
    {0xde06, "c.swsp ra, 60(sp)", 2, STORE, 4, 2, 60},
    {0xc086, "c.swsp ra, 64(sp)", 2, STORE, 4, 2, 64},
    {0xdf86, "c.swsp ra, 252(sp)", 2, STORE, 4, 2, 252},
    {0xfc06, "c.sdsp ra, 56(sp)", 2, STORE, 8, 2, 56},
    {0xe0a2, "c.sdsp s0, 64(sp)", 2, STORE, 8, 2, 64},
    {0xffa2, "c.sdsp s0, 504(sp)", 2, STORE, 8, 2, 504},
    {0xa222, "c.fsdsp fs0, 256(sp)", 2, STORE, 8, 2, 256},
    {0xfffff537, "lui a0, 0xfffff", 4, OTHER, 0, 0, 0},
    {0x00001517, "auipc a0, 1", 4, OTHER, 0, 0, 0},
    {0xfff58513, "addi a0, a1, -1", 4, OTHER, 0, 0, 0},
    {0x03f59513, "slli a0, a1, 63", 4, OTHER, 0, 0, 0},
    {0x0035851b, "addiw a0, a1, 3", 4, OTHER, 0, 0, 0},
    {0x00c58533, "add a0, a1, a2", 4, OTHER, 0, 0, 0},
    {0x40c5853b, "subw a0, a1, a2", 4, OTHER, 0, 0, 0},
    {0x02c58533, "mul a0, a1, a2", 4, OTHER, 0, 0, 0},
    {0x02c5d533, "divu a0, a1, a2", 4, OTHER, 0, 0, 0},
    {0x001000ef, "jal ra, .+2048", 4, OTHER, 0, 0, 0},
    {0x008500e7, "jalr ra, 8(a0)", 4, OTHER, 0, 0, 0},
    {0x00b50463, "beq a0, a1, .+8", 4, OTHER, 0, 0, 0},
    {0x00b57463, "bgeu a0, a1, .+8", 4, OTHER, 0, 0, 0},
    {0x0ff0000f, "fence", 4, OTHER, 0, 0, 0},
    {0x0000100f, "fence.i", 4, OTHER, 0, 0, 0},
    {0x00000073, "ecall", 4, OTHER, 0, 0, 0},
    {0x00100073, "ebreak", 4, OTHER, 0, 0, 0},
    {0x10500073, "wfi", 4, OTHER, 0, 0, 0},
    {0x10200073, "sret", 4, OTHER, 0, 0, 0},
    {0x30200073, "mret", 4, OTHER, 0, 0, 0},
    {0x12b50073, "sfence.vma a0, a1", 4, OTHER, 0, 0, 0},
    {0x34059573, "csrrw a0, mscratch, a1", 4, OTHER, 0, 0, 0},
    {0x02c5f553, "fadd.d fa0, fa1, fa2", 4, OTHER, 0, 0, 0},
    {0x68c5f543, "fmadd.s fa0, fa1, fa2, fa3", 4, OTHER, 0, 0, 0},
    {0xc2257553, "fcvt.l.d a0, fa0", 4, OTHER, 0, 0, 0},
    {0xe2050553, "fmv.x.d a0, fa0", 4, OTHER, 0, 0, 0},
    {0x5a05f553, "fsqrt.d fa0, fa1", 4, OTHER, 0, 0, 0},
    {0x0001, "c.nop", 2, OTHER, 0, 0, 0},
    {0x0515, "c.addi a0, 5", 2, OTHER, 0, 0, 0},
    {0x2515, "c.addiw a0, 5", 2, OTHER, 0, 0, 0},
    {0x557d, "c.li a0, -1", 2, OTHER, 0, 0, 0},
    {0x6505, "c.lui a0, 1", 2, OTHER, 0, 0, 0},
    {0x6121, "c.addi16sp sp, 64", 2, OTHER, 0, 0, 0},
    {0x0808, "c.addi4spn a0, sp, 16", 2, OTHER, 0, 0, 0},
    {0x0532, "c.slli a0, 12", 2, OTHER, 0, 0, 0},
    {0x8131, "c.srli a0, 12", 2, OTHER, 0, 0, 0},
    {0x8531, "c.srai a0, 12", 2, OTHER, 0, 0, 0},
    {0x8931, "c.andi a0, 12", 2, OTHER, 0, 0, 0},
    {0x8d0d, "c.sub a0, a1", 2, OTHER, 0, 0, 0},
    {0x8d2d, "c.xor a0, a1", 2, OTHER, 0, 0, 0},
    {0x8d4d, "c.or a0, a1", 2, OTHER, 0, 0, 0},
    {0x8d6d, "c.and a0, a1", 2, OTHER, 0, 0, 0},
    {0x9d0d, "c.subw a0, a1", 2, OTHER, 0, 0, 0},
    {0x9d2d, "c.addw a0, a1", 2, OTHER, 0, 0, 0},
    {0xa081, "c.j .+64", 2, OTHER, 0, 0, 0},
    {0xc121, "c.beqz a0, .+64", 2, OTHER, 0, 0, 0},
    {0xe121, "c.bnez a0, .+64", 2, OTHER, 0, 0, 0},
    {0x8502, "c.jr a0", 2, OTHER, 0, 0, 0},
    {0x9502, "c.jalr a0", 2, OTHER, 0, 0, 0},
    {0x852e, "c.mv a0, a1", 2, OTHER, 0, 0, 0},
    {0x952e, "c.add a0, a1", 2, OTHER, 0, 0, 0},
    {0x9002, "c.ebreak", 2, OTHER, 0, 0, 0},
    /* clang-format on */
};

#define INSNS (sizeof insns / sizeof insns[0])

static const struct {
    uint32_t word;
    const char *text;
    enum riscv_exit exit;
    int rd, operand; /* -1: of no consequence */
} exits[] = {
    /* clang-format off */
    {0x30059573, "csrrw a0, mstatus, a1", RISCV_EXIT_STATUS, -1, -1},
    {0x30001073, "csrrw zero, mstatus, zero", RISCV_EXIT_STATUS, -1, -1},
    {0x3005a573, "csrrs a0, mstatus, a1", RISCV_EXIT_STATUS, -1, -1},
    {0x1005a073, "csrrs zero, sstatus, a1", RISCV_EXIT_STATUS, -1, -1},
    {0x1005b073, "csrrc zero, sstatus, a1", RISCV_EXIT_STATUS, -1, -1},
    {0x3005b573, "csrrc a0, mstatus, a1", RISCV_EXIT_STATUS, -1, -1},
    {0x30002573, "csrrs a0, mstatus, zero", RISCV_EXIT_NONE, -1, -1},
    {0x30003573, "csrrc a0, mstatus, zero", RISCV_EXIT_NONE, -1, -1},
    {0x10002573, "csrrs a0, sstatus, zero", RISCV_EXIT_NONE, -1, -1},
    {0x30045073, "csrrwi zero, mstatus, 8", RISCV_EXIT_STATUS, -1, -1},
    {0x10005073, "csrrwi zero, sstatus, 0", RISCV_EXIT_STATUS, -1, -1},
    {0x30046073, "csrrsi zero, mstatus, 8", RISCV_EXIT_STATUS_SET, -1, 8},
    {0x300fe573, "csrrsi a0, mstatus, 31", RISCV_EXIT_STATUS_SET, -1, 31},
    {0x10016073, "csrrsi zero, sstatus, 2", RISCV_EXIT_STATUS_SET, -1, 2},
    {0x10056073, "csrrsi zero, sstatus, 10", RISCV_EXIT_STATUS_SET, -1, 2},
    {0x30047073, "csrrci zero, mstatus, 8", RISCV_EXIT_STATUS_CLEAR, -1, 8},
    {0x10017573, "csrrci a0, sstatus, 2", RISCV_EXIT_STATUS_CLEAR, -1, 2},
    {0x10047573, "csrrci a0, sstatus, 8", RISCV_EXIT_STATUS_CLEAR, -1, 0},
    {0x30006573, "csrrsi a0, mstatus, 0", RISCV_EXIT_NONE, -1, -1},
    {0x10007573, "csrrci a0, sstatus, 0", RISCV_EXIT_NONE, -1, -1},
    {0x18051073, "csrrw zero, satp, a0", RISCV_EXIT_SATP, -1, -1},
    {0x18001573, "csrrw a0, satp, zero", RISCV_EXIT_SATP, -1, -1},
    {0x18005573, "csrrwi a0, satp, 0", RISCV_EXIT_SATP, -1, -1},
    {0x1805a573, "csrrs a0, satp, a1", RISCV_EXIT_SATP, -1, -1},
    {0x1805b573, "csrrc a0, satp, a1", RISCV_EXIT_SATP, -1, -1},
    {0x1800e573, "csrrsi a0, satp, 1", RISCV_EXIT_SATP, -1, -1},
    {0x1800f573, "csrrci a0, satp, 1", RISCV_EXIT_SATP, -1, -1},
    {0x18002573, "csrrs a0, satp, zero", RISCV_EXIT_NONE, -1, -1},
    {0x18003573, "csrrc a0, satp, zero", RISCV_EXIT_NONE, -1, -1},
    {0x18006573, "csrrsi a0, satp, 0", RISCV_EXIT_NONE, -1, -1},
    {0x30451073, "csrrw zero, mie, a0", RISCV_EXIT_INTERRUPTS, -1, -1},
    {0x10452073, "csrrs zero, sie, a0", RISCV_EXIT_INTERRUPTS, -1, -1},
    {0x10453073, "csrrc zero, sie, a0", RISCV_EXIT_INTERRUPTS, -1, -1},
    {0x30251073, "csrrw zero, medeleg, a0", RISCV_EXIT_INTERRUPTS, -1, -1},
    {0x30351073, "csrrw zero, mideleg, a0", RISCV_EXIT_INTERRUPTS, -1, -1},
    {0x30447073, "csrrci zero, mie, 8", RISCV_EXIT_INTERRUPTS, -1, -1},
    {0x30402573, "csrrs a0, mie, zero", RISCV_EXIT_NONE, -1, -1},
    {0x10402573, "csrrs a0, sie, zero", RISCV_EXIT_NONE, -1, -1},
    {0x30206573, "csrrsi a0, medeleg, 0", RISCV_EXIT_NONE, -1, -1},
    {0x34451073, "csrrw zero, mip, a0", RISCV_EXIT_PENDING, -1, -1},
    {0x14452573, "csrrs a0, sip, a0", RISCV_EXIT_PENDING, -1, -1},
    {0x14417573, "csrrci a0, sip, 2", RISCV_EXIT_PENDING, -1, -1},
    {0x34402573, "csrrs a0, mip, zero", RISCV_EXIT_NONE, -1, -1},
    {0x14402573, "csrrs a0, sip, zero", RISCV_EXIT_NONE, -1, -1},
    {0xc0002573, "csrrs a0, cycle, zero", RISCV_EXIT_CYCLE, 10, -1},
    {0xb0002ff3, "csrrs t6, mcycle, zero", RISCV_EXIT_CYCLE, 31, -1},
    {0xc02024f3, "csrrs s1, instret, zero", RISCV_EXIT_INSTRET, 9, -1},
    {0xb02028f3, "csrrs a7, minstret, zero", RISCV_EXIT_INSTRET, 17, -1},
    {0xc0102573, "csrrs a0, time, zero", RISCV_EXIT_NONE, -1, -1},
    {0x34059573, "csrrw a0, mscratch, a1", RISCV_EXIT_NONE, -1, -1},
    {0x34159573, "csrrw a0, mepc, a1", RISCV_EXIT_NONE, -1, -1},
    {0x30559573, "csrrw a0, mtvec, a1", RISCV_EXIT_NONE, -1, -1},
    {0x30659573, "csrrw a0, mcounteren, a1", RISCV_EXIT_NONE, -1, -1},
    {0x3a059573, "csrrw a0, pmpcfg0, a1", RISCV_EXIT_NONE, -1, -1},
    {0x00359573, "csrrw a0, fcsr, a1", RISCV_EXIT_NONE, -1, -1},
    {0x10200073, "sret", RISCV_EXIT_SRET, -1, -1},
    {0x30200073, "mret", RISCV_EXIT_MRET, -1, -1},
    {0x00000073, "ecall", RISCV_EXIT_NONE, -1, -1},
    {0x00100073, "ebreak", RISCV_EXIT_NONE, -1, -1},
    {0x10500073, "wfi", RISCV_EXIT_NONE, -1, -1},
    {0x12000073, "sfence.vma", RISCV_EXIT_NONE, -1, -1},
    {0x00150513, "addi a0, a0, 1", RISCV_EXIT_NONE, -1, -1},
    {0x0505, "c.addi a0, 1", RISCV_EXIT_NONE, -1, -1},
    {0x00053503, "ld a0, 0(a0)", RISCV_EXIT_NONE, -1, -1},
    /* clang-format on */
};

#define EXITS (sizeof exits / sizeof exits[0])

static struct riscv_decoder *decoder;

static void set_up(void)
{
    decoder = riscv_decoder_new(NULL);
    cr_assert_not_null(decoder);
}

static void tear_down(void)
{
    riscv_decoder_free(decoder);
}

TestSuite(decode, .init = set_up, .fini = tear_down);

static struct block decode(uint32_t word, size_t available)
{
    uint8_t bytes[4];
    memcpy(bytes, &word, sizeof bytes);
    uint8_t *exact = malloc(available); /* so that a sanitizer sees a byte too many */
    memcpy(exact, bytes, available);
    struct block insn;
    memset(&insn, 0xff, sizeof insn);
    riscv_decode(decoder, exact, available, &insn);
    free(exact);
    return insn;
}

Test(decode, counts)
{
    for (unsigned again = 0; again < 2; again++) { /* from the decoder's memory, too */
        for (size_t i = 0; i < INSNS; i++) {
            struct block insn = decode(insns[i].word, insns[i].length);
            const char *text = insns[i].text;
            cr_assert_eq(insn.size, insns[i].length, "%s", text);
            cr_assert_eq(insn.loads, insns[i].kind == LOAD || insns[i].kind == AMO, "%s", text);
            cr_assert_eq(insn.stores, insns[i].kind == STORE || insns[i].kind == AMO, "%s", text);
            cr_assert(insn.cycles >= 1 && insn.cycles <= 40, "%s: %u cycles", text, insn.cycles);
        }
    }
}

Test(decode, access_of)
{
    for (size_t i = 0; i < INSNS; i++) {
        const char *text = insns[i].text;
        struct riscv_access access;
        memset(&access, 0xff, sizeof access);
        bool any = riscv_access_of(insns[i].word, &access);
        cr_assert_eq(any, insns[i].kind != OTHER, "%s", text);
        if (!any)
            continue;
        cr_assert_eq(access.base, insns[i].base, "%s: x%u", text, access.base);
        cr_assert_eq(access.offset, insns[i].offset, "%s: %ld", text, (long)access.offset);
        cr_assert_eq(access.size, insns[i].size, "%s: %u", text, access.size);
        cr_assert_eq(access.load, insns[i].kind == LOAD || insns[i].kind == AMO, "%s", text);
        cr_assert_eq(access.store, insns[i].kind == STORE || insns[i].kind == AMO, "%s", text);
    }
}

Test(decode, cycles_are_plausible)
{
    /* Words of the table by their text: a division costs more than a multiplication, and so on. */
    static const char *const slower[] = {"divu", "mul", "lw", "addi a0"};
    unsigned last = UINT32_MAX;
    for (unsigned s = 0; s < 4; s++) {
        for (size_t i = 0; i < INSNS; i++) {
            if (strncmp(insns[i].text, slower[s], strlen(slower[s])) != 0)
                continue;
            unsigned cycles = decode(insns[i].word, insns[i].length).cycles;
            cr_assert_lt(cycles, last, "%s", slower[s]);
            last = cycles;
            break;
        }
    }
    cr_assert_eq(last, 1);
}

Test(decode, exits)
{
    for (unsigned again = 0; again < 2; again++) {
        for (size_t i = 0; i < EXITS; i++) {
            struct block insn = decode(exits[i].word, riscv_length((uint16_t)exits[i].word));
            cr_assert_eq(insn.exit, exits[i].exit, "%s: %u", exits[i].text, insn.exit);
            if (exits[i].rd >= 0)
                cr_assert_eq(insn.rd, exits[i].rd, "%s", exits[i].text);
            if (exits[i].operand >= 0)
                cr_assert_eq(insn.operand & 0xa, exits[i].operand & 0xa, "%s", exits[i].text);
        }
    }
}

Test(decode, exits_of_all_registers)
{
    /* csrrw and csrrwi write whatever the source; the others only if it is not x0 or 0. */
    for (unsigned funct3 = 1; funct3 < 8; funct3++) {
        for (unsigned source = 0; source < 32 && funct3 != 4; source++) {
            bool writes = (funct3 & 3) == 1 || source;
            uint32_t word = 0x73 | funct3 << 12 | source << 15 | 0x180u << 20;
            cr_assert_eq(decode(word, 4).exit, writes ? RISCV_EXIT_SATP : RISCV_EXIT_NONE,
                         "funct3 %u source %u", funct3, source);
            word = 0x73 | funct3 << 12 | source << 15 | 0xb00u << 20 | 5 << 7;
            cr_assert_eq(decode(word, 4).exit, RISCV_EXIT_CYCLE);
            cr_assert_eq(decode(word, 4).rd, 5);
        }
    }
}

Test(decode, lengths)
{
    for (uint32_t low = 0; low <= UINT16_MAX; low++) {
        unsigned length = (low & 3) == 3 ? 4 : 2;
        cr_assert_eq(riscv_length((uint16_t)low), length);
        cr_assert_eq(decode(low, 2).size, length); /* the rest of it is in the next page */
    }
}

Test(decode, cut_off_words_are_not_remembered_as_whole)
{
    /* The first half of an AMO alone, then the AMO, then the half again. */
    uint32_t amo = 0x00b6252f /* amoadd.w a0, a1, (a2) */;
    cr_assert_eq(decode(amo, 2).size, 4);
    struct block whole = decode(amo, 4);
    cr_assert(whole.loads == 1 && whole.stores == 1);
    cr_assert_eq(decode(amo, 3).size, 4);
    whole = decode(amo, 4);
    cr_assert(whole.loads == 1 && whole.stores == 1);
}

/* ---- Against the disassembler, everything it knows ---- */

static const struct {
    const char *name;
    enum kind kind;
    unsigned size;
} mnemonics[] = {
    {"lb", LOAD, 1},      {"lbu", LOAD, 1},     {"lh", LOAD, 2},       {"lhu", LOAD, 2},
    {"lw", LOAD, 4},      {"lwu", LOAD, 4},     {"ld", LOAD, 8},       {"flw", LOAD, 4},
    {"fld", LOAD, 8},     {"sb", STORE, 1},     {"sh", STORE, 2},      {"sw", STORE, 4},
    {"sd", STORE, 8},     {"fsw", STORE, 4},    {"fsd", STORE, 8},     {"c.lw", LOAD, 4},
    {"c.ld", LOAD, 8},    {"c.fld", LOAD, 8},   {"c.sw", STORE, 4},    {"c.sd", STORE, 8},
    {"c.fsd", STORE, 8},  {"c.lwsp", LOAD, 4},  {"c.ldsp", LOAD, 8},   {"c.fldsp", LOAD, 8},
    {"c.swsp", STORE, 4}, {"c.sdsp", STORE, 8}, {"c.fsdsp", STORE, 8},
};

static const char *const x_names[32] = {
    "zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
    "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
    "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
};

/* Compares with Capstone's text; false if it does not know the word. */
static bool compare(csh capstone, cs_insn *insn, uint32_t word, unsigned length)
{
    const uint8_t *code = (const uint8_t *)&word;
    size_t left = length;
    uint64_t address = 0;
    if (!cs_disasm_iter(capstone, &code, &left, &address, insn))
        return false;
    struct riscv_access access;
    bool any = riscv_access_of(word, &access);
    bool atomic = strncmp(insn->mnemonic, "amo", 3) == 0 ||
                  strncmp(insn->mnemonic, "lr.", 3) == 0 || strncmp(insn->mnemonic, "sc.", 3) == 0;
    if (atomic) {
        cr_assert(any, "%08x %s", word, insn->mnemonic);
        cr_assert_eq(access.size, strchr(insn->mnemonic, '.')[1] == 'w' ? 4 : 8);
        cr_assert_eq(access.load, insn->mnemonic[0] != 's', "%08x", word);
        cr_assert_eq(access.store, insn->mnemonic[0] != 'l', "%08x", word);
        cr_assert_eq(access.offset, 0);
        return true;
    }
    for (size_t i = 0; i < sizeof mnemonics / sizeof mnemonics[0]; i++) {
        if (strcmp(insn->mnemonic, mnemonics[i].name) != 0)
            continue;
        cr_assert(any, "%08x %s %s", word, insn->mnemonic, insn->op_str);
        cr_assert_eq(access.size, mnemonics[i].size, "%08x %s", word, insn->mnemonic);
        cr_assert_eq(access.load, mnemonics[i].kind == LOAD, "%08x %s", word, insn->mnemonic);
        cr_assert_eq(access.store, mnemonics[i].kind == STORE, "%08x %s", word, insn->mnemonic);
        const char *operand = strstr(insn->op_str, ", ");
        cr_assert_not_null(operand, "%08x %s %s", word, insn->mnemonic, insn->op_str);
        char *paren;
        long offset = strtol(operand + 2, &paren, 0);
        cr_assert_eq(access.offset, offset, "%08x %s %s", word, insn->mnemonic, insn->op_str);
        char base[16];
        snprintf(base, sizeof base, "(%s)", x_names[access.base]);
        cr_assert_str_eq(paren, base, "%08x %s %s", word, insn->mnemonic, insn->op_str);
        return true;
    }
    cr_assert_not(any, "%08x %s %s", word, insn->mnemonic, insn->op_str);
    return true;
}

static csh open_capstone(cs_insn **insn)
{
    csh capstone;
    cs_mode mode = (cs_mode)(CS_MODE_RISCV64 | CS_MODE_RISCVC);
    cr_assert_eq(cs_open(CS_ARCH_RISCV, mode, &capstone), CS_ERR_OK);
    *insn = cs_malloc(capstone);
    cr_assert_not_null(*insn);
    return capstone;
}

Test(decode, every_compressed_word)
{
    cs_insn *insn;
    csh capstone = open_capstone(&insn);
    unsigned known = 0;
    for (uint32_t word = 0; word <= UINT16_MAX; word++)
        known += (word & 3) != 3 && compare(capstone, insn, word, 2);
    cr_assert_gt(known, 40000);
    cs_free(insn, 1);
    cs_close(&capstone);
}

Test(decode, many_words)
{
    cs_insn *insn;
    csh capstone = open_capstone(&insn);
    unsigned known = 0;
    uint64_t state = 1;
    for (unsigned n = 0; n < 40; n++) {
        for (uint32_t major = 3; major < 0x8000; major += 4) { /* opcode, rd and funct3 */
            state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
            if ((major & 0x1f) == 0x1f)
                continue; /* longer than 32 bits */
            known += compare(capstone, insn, (uint32_t)(state >> 32) << 15 | major, 4);
        }
    }
    cr_assert_gt(known, 50000);
    cs_free(insn, 1);
    cs_close(&capstone);
}

/* ---- Blocks ---- */

/* Instructions of a made-up kind: bytes in all, then 1 for a load, 2 for a store, the rest is the
 * exit. */
static unsigned decoded;

static void toy_decode(void *opaque, const uint8_t *bytes, size_t available, struct block *insn)
{
    cr_assert_geq(available, 2);
    cr_assert_eq(opaque, &decoded);
    decoded++;
    *insn = (struct block){.size = bytes[0],
                           .cycles = 3,
                           .loads = bytes[1] & 1,
                           .stores = bytes[1] >> 1 & 1,
                           .exit = bytes[1] >> 4,
                           .rd = bytes[1],
                           .operand = (uint8_t)(bytes[1] + 1)};
}

static struct code_cache *cache;

static void set_up_cache(void)
{
    decoded = 0;
    cache = code_cache_new(toy_decode, &decoded);
    cr_assert_not_null(cache);
}

static void tear_down_cache(void)
{
    code_cache_free(cache);
}

TestSuite(code, .init = set_up_cache, .fini = tear_down_cache);

static const uint8_t toy[] = {2, 0x01, 4, 0x12, 0, 0, 2, 0x23, 2, 0x40, 4, 0x51, 9, 9};

Test(code, sums)
{
    static const struct {
        uint32_t size;
        unsigned insns, loads, stores, exit;
    } table[] = {
        {0, 0, 0, 0, 0},
        {2, 1, 1, 0, 0},
        {6, 2, 1, 1, 1},
        {8, 3, 2, 2, 2},
        {10, 4, 2, 2, 4},
        {14, 5, 3, 2, 5},
        {12, 5, 3, 2, 5} /* cut off in the last one */,
        {4, 2, 1, 1, 1},
        {1, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct block sum = code_decode(cache, toy, table[i].size);
        cr_assert_eq(sum.size, table[i].size);
        cr_assert_eq(sum.insns, table[i].insns, "entry %zu", i);
        cr_assert_eq(sum.loads, table[i].loads, "entry %zu", i);
        cr_assert_eq(sum.stores, table[i].stores, "entry %zu", i);
        cr_assert_eq(sum.cycles, 3 * table[i].insns, "entry %zu", i);
        cr_assert_eq(sum.exit, table[i].exit, "entry %zu", i);
        if (sum.insns)
            cr_assert_eq(sum.operand, sum.rd + 1);
    }
}

Test(code, pages)
{
    struct code_page *page = code_cache_page(cache, 0x80001234);
    cr_assert_eq(code_page_gpa(page), 0x80001000);
    cr_assert_eq(code_cache_page(cache, 0x80001000), page);
    cr_assert_eq(code_cache_page(cache, 0x80001fff), page);
    cr_assert_neq(code_cache_page(cache, 0x80002000), page);
    /* Far apart but of one hash, perhaps. */
    for (unsigned shift = 13; shift < 63; shift++) {
        struct code_page *other = code_cache_page(cache, 0x80001000 ^ UINT64_C(1) << shift);
        cr_assert_neq(other, page);
        cr_assert_eq(code_page_gpa(other), 0x80001000 ^ UINT64_C(1) << shift);
    }
    cr_assert_eq(code_cache_page(cache, 0x80001000), page);
    code_cache_free(NULL);
}

Test(code, blocks_are_found_by_offset_and_size)
{
    struct code_page *page = code_cache_page(cache, 0x1000);
    cr_assert_eq(code_page_find(page, 0, 8)->size, 0);
    struct block block = code_page_add(cache, page, 0x10, toy, 8);
    cr_assert_eq(block.insns, 3);
    code_page_add(cache, page, 0x10, toy, 6);
    code_page_add(cache, page, 0x12, toy, 8);
    code_page_add(cache, page, 0xffe, toy, 2);
    unsigned before = decoded;
    const struct block *found = code_page_find(page, 0x10, 8);
    cr_assert_eq(found->size, 8);
    cr_assert_eq(found->insns, 3);
    cr_assert_eq(found->loads, 2);
    cr_assert_eq(found->exit, 2);
    found = code_page_find(page, 0x10, 6);
    cr_assert_eq(found->insns, 2);
    cr_assert_eq(code_page_find(page, 0x12, 8)->size, 8);
    cr_assert_eq(code_page_find(page, 0xffe, 2)->insns, 1);
    cr_assert_eq(code_page_find(page, 0x10, 2)->size, 0);
    cr_assert_eq(code_page_find(page, 0x14, 8)->size, 0);
    cr_assert_eq(code_page_find(code_cache_page(cache, 0x2000), 0x10, 8)->size, 0);
    cr_assert_eq(decoded, before);
}

Test(code, emptying)
{
    struct code_page *one = code_cache_page(cache, 0x1000), *two = code_cache_page(cache, 0x2000);
    uint32_t versions[2] = {code_page_version(one), code_page_version(two)};
    code_page_add(cache, one, 0, toy, 8);
    code_page_add(cache, two, 0, toy, 8);
    cr_assert_eq(code_page_version(one), versions[0]);
    code_cache_empty(cache, 0x1abc);
    cr_assert_eq(code_page_version(one), versions[0] + 1);
    cr_assert_eq(code_page_version(two), versions[1]);
    cr_assert_eq(code_page_find(one, 0, 8)->size, 0);
    cr_assert_eq(code_page_find(two, 0, 8)->size, 8);
    code_page_add(cache, one, 0, toy, 6);
    cr_assert_eq(code_page_find(one, 0, 6)->size, 6);
    code_cache_empty(cache, 0x77000); /* never heard of */
    code_cache_empty_all(cache);
    cr_assert_eq(code_page_version(one), versions[0] + 2);
    cr_assert_eq(code_page_version(two), versions[1] + 1);
    cr_assert_eq(code_page_find(one, 0, 6)->size, 0);
    cr_assert_eq(code_page_find(two, 0, 8)->size, 0);
    cr_assert_eq(code_cache_page(cache, 0x1000), one); /* the page itself stays */
}

Test(code, more_blocks_than_fit)
{
    /* 70,000 different ones: those beyond the limit are decoded, only not kept. */
    static uint8_t bytes[4096];
    for (size_t i = 0; i < sizeof bytes; i += 2)
        bytes[i] = 2;
    struct code_page *page = code_cache_page(cache, 0x1000);
    unsigned kept = 0;
    for (uint32_t n = 0; n < 70000; n++) {
        uint32_t offset = n % 2048 * 2, size = 2 + n / 2048 * 2;
        struct block block = code_page_add(cache, page, offset, bytes, size);
        cr_assert_eq(block.insns, size / 2);
        const struct block *found = code_page_find(page, offset, size);
        cr_assert(found->size == 0 || found->size == size);
        kept += found->size == size;
    }
    cr_assert_gt(kept, 65000);
    for (uint32_t n = 0; n < kept; n++)
        cr_assert_eq(code_page_find(page, n % 2048 * 2, 2 + n / 2048 * 2)->insns, 1 + n / 2048);
    code_cache_empty(cache, 0x1000);
    code_page_add(cache, page, 0, bytes, 2);
    cr_assert_eq(code_page_find(page, 0, 2)->size, 2);
}

/* ---- Where code lies ---- */

static struct code_map map;

static void set_up_map(void)
{
    set_up_cache();
    cr_assert_eq(code_map_init(&map), 0);
}

static void tear_down_map(void)
{
    code_map_free(&map);
    tear_down_cache();
}

TestSuite(code_map, .init = set_up_map, .fini = tear_down_map);

#define VIRTUAL UINT64_C(0xffffffff80000000)

Test(code_map, spaces)
{
    uint64_t one = code_map_space(&map, 1), two = code_map_space(&map, 2);
    uint64_t zero = code_map_space(&map, 0); /* machine mode without satp: a root like any other */
    uint64_t top = code_map_space(&map, UINT64_MAX);
    cr_assert(one && two && zero && top);
    cr_assert(one != two && one != zero && two != zero && top != one && top != two && top != zero);
    cr_assert_eq(code_map_space(&map, 1), one);
    cr_assert_eq(code_map_space(&map, 2), two);
    cr_assert_eq(code_map_space(&map, 0), zero);
    cr_assert_eq(code_map_space(&map, UINT64_MAX), top);
    code_map_forget(&map);
    uint64_t now = code_map_space(&map, 1);
    cr_assert(now != one && now != two && now != zero && now != top && now != 0);
}

Test(code_map, notes)
{
    struct code_page *here = code_cache_page(cache, 0x1000),
                     *there = code_cache_page(cache, 0x2000);
    uint64_t one = code_map_space(&map, 1), two = code_map_space(&map, 2);
    cr_assert_null(code_map_find(&map, one, VIRTUAL));
    cr_assert_eq(code_map_note(&map, one, VIRTUAL, here), CODE_MAP_SAME);
    cr_assert_eq(code_map_find(&map, one, VIRTUAL), here);
    cr_assert_null(code_map_find(&map, two, VIRTUAL));
    cr_assert_null(code_map_find(&map, one, VIRTUAL + 0x1000));
    cr_assert_null(code_map_find(&map, one, 0));
    cr_assert_eq(code_map_note(&map, one, VIRTUAL, here), CODE_MAP_SAME);
    cr_assert_eq(code_map_note(&map, two, VIRTUAL, there), CODE_MAP_SAME);
    cr_assert_eq(code_map_note(&map, one, 0, here), CODE_MAP_SAME);
    cr_assert_eq(code_map_find(&map, one, VIRTUAL), here);
    cr_assert_eq(code_map_find(&map, two, VIRTUAL), there);
    cr_assert_eq(code_map_find(&map, one, 0), here);
}

Test(code_map, changed)
{
    struct code_page *here = code_cache_page(cache, 0x1000);
    uint64_t one = code_map_space(&map, 1), two = code_map_space(&map, 2);
    code_map_note(&map, one, VIRTUAL, here);
    code_map_note(&map, two, VIRTUAL, here);
    code_cache_empty(cache, 0x1000);
    /* Each mapping hears of it, once. */
    cr_assert_eq(code_map_note(&map, one, VIRTUAL, here), CODE_MAP_CHANGED);
    cr_assert_eq(code_map_note(&map, one, VIRTUAL, here), CODE_MAP_SAME);
    cr_assert_eq(code_map_note(&map, two, VIRTUAL, here), CODE_MAP_CHANGED);
    cr_assert_eq(code_map_note(&map, two, VIRTUAL, here), CODE_MAP_SAME);
    cr_assert_eq(code_map_find(&map, one, VIRTUAL), here);
    code_cache_empty(cache, 0x2000);
    cr_assert_eq(code_map_note(&map, one, VIRTUAL, here), CODE_MAP_SAME);
    cr_assert_eq(code_map_space(&map, 1), one);
    /* Noted for the first time after it was emptied: no news. */
    cr_assert_eq(code_map_note(&map, one, VIRTUAL + 0x1000, here), CODE_MAP_SAME);
}

Test(code_map, forgot)
{
    struct code_page *here = code_cache_page(cache, 0x1000),
                     *there = code_cache_page(cache, 0x2000);
    uint64_t one = code_map_space(&map, 1), two = code_map_space(&map, 2);
    code_map_note(&map, one, VIRTUAL, here);
    code_map_note(&map, two, 0, here);
    cr_assert_eq(code_map_note(&map, one, VIRTUAL, there), CODE_MAP_FORGOT);
    cr_assert_null(code_map_find(&map, one, VIRTUAL));
    cr_assert_null(code_map_find(&map, two, 0));
    uint64_t three = code_map_space(&map, 1), four = code_map_space(&map, 2);
    cr_assert(three != one && three != two && four != one && four != two && three != four);
    cr_assert_eq(code_map_note(&map, three, VIRTUAL, there), CODE_MAP_SAME);
    cr_assert_eq(code_map_find(&map, three, VIRTUAL), there);
}

Test(code_map, many_pages)
{
    struct code_page *here = code_cache_page(cache, 0x1000),
                     *there = code_cache_page(cache, 0x2000);
    uint64_t space = code_map_space(&map, 7);
    unsigned forgotten = 0, known = 0;
    for (uint64_t n = 0; n < 100000; n++) {
        struct code_page *code = n & 1 ? here : there;
        enum code_map_news news = code_map_note(&map, space, VIRTUAL + n * 0x1000, code);
        known++;
        if (news == CODE_MAP_FORGOT) {
            forgotten++;
            cr_assert_gt(known, 1000, "so few pages must fit");
            cr_assert_null(code_map_find(&map, space, VIRTUAL + (n - 1) * 0x1000));
            uint64_t last = space;
            space = code_map_space(&map, 7);
            cr_assert_neq(space, last);
            news = code_map_note(&map, space, VIRTUAL + n * 0x1000, code);
            known = 1;
        }
        cr_assert_eq(news, CODE_MAP_SAME);
        cr_assert_eq(code_map_find(&map, space, VIRTUAL + n * 0x1000), code);
        if (known > 500)
            cr_assert_eq(code_map_find(&map, space, VIRTUAL + (n - 500) * 0x1000), code);
    }
    cr_assert_gt(forgotten, 0, "it must not grow for ever");
    cr_assert_leq(map.count, map.room / 2);
}

/* A page of one space is not found in any other, wherever the search for that begins. */
Test(code_map, spaces_are_kept_apart)
{
    struct code_page *here = code_cache_page(cache, 0x1000);
    uint64_t space = code_map_space(&map, 7);
    cr_assert_eq(code_map_note(&map, space, VIRTUAL, here), CODE_MAP_SAME);
    for (uint64_t other = 1; other < 1000000; other++)
        cr_assert_eq(code_map_find(&map, other, VIRTUAL), other == space ? here : NULL);
}

/* When it is full, the pages that it knows are still the same. */
Test(code_map, known_pages_do_not_need_room)
{
    struct code_page *here = code_cache_page(cache, 0x1000);
    uint64_t space = code_map_space(&map, 7), n = 0;
    while (map.count < map.room / 2)
        cr_assert_eq(code_map_note(&map, space, n++ * 0x1000, here), CODE_MAP_SAME);
    cr_assert_eq(code_map_note(&map, space, 0, here), CODE_MAP_SAME);
    code_cache_empty(cache, 0x1000);
    cr_assert_eq(code_map_note(&map, space, 0, here), CODE_MAP_CHANGED);
    cr_assert_eq(code_map_note(&map, space, n * 0x1000, here), CODE_MAP_FORGOT);
}

Test(code_map, many_spaces)
{
    struct code_page *here = code_cache_page(cache, 0x1000);
    uint64_t last = 0;
    for (uint64_t root = 0; root < 10000; root++) {
        uint64_t space = code_map_space(&map, root << 12);
        cr_assert_gt(space, last, "a number was used twice");
        last = space;
        cr_assert_eq(code_map_space(&map, root << 12) != 0, true);
        last = code_map_space(&map, root << 12);
        cr_assert_null(code_map_find(&map, last, VIRTUAL));
        cr_assert_eq(code_map_note(&map, last, VIRTUAL, here), CODE_MAP_SAME);
    }
    cr_assert_leq(map.space_count, map.space_room / 2 + 1);
    cr_assert_lt(last, UINT64_C(1) << 48);
}
