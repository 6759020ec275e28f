/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cpu/riscv_decode.h"

#include <stdlib.h>
#include <string.h>

#include "cpu/disassembler.h"
#include "cpu/riscv_csr.h"

#define MEMO_BITS 14

struct memo {
    uint32_t word;
    bool valid;
    struct block insn;
};

struct riscv_decoder {
    struct disassembler disassembler;
    struct memo memo[1 << MEMO_BITS];
};

struct riscv_decoder *riscv_decoder_new(struct error *err)
{
    struct riscv_decoder *decoder = calloc(1, sizeof *decoder);
    if (!decoder) {
        error_set(err, "out of memory");
        return NULL;
    }
    if (disassembler_open(&decoder->disassembler, CS_ARCH_RISCV,
                          (cs_mode)(CS_MODE_RISCV64 | CS_MODE_RISCVC), "RISC-V", err)) {
        free(decoder);
        return NULL;
    }
    return decoder;
}

void riscv_decoder_free(struct riscv_decoder *decoder)
{
    if (!decoder)
        return;
    disassembler_close(&decoder->disassembler);
    free(decoder);
}

static uint32_t bits(uint32_t word, unsigned high, unsigned low)
{
    return (word >> low) & ((2u << (high - low)) - 1);
}

static int64_t sign_extend(uint32_t value, unsigned width)
{
    return (int64_t)((uint64_t)value << (64 - width)) >> (64 - width);
}

/* Extra cycles beyond one, by mnemonic: typical latencies of a single-issue in-order RV64 core as
 * in SiFive's U54 manual (section "Pipeline"): 2-cycle loads, 3-cycle multiplies, iterative
 * division. */
static const struct {
    const char *prefix;
    uint16_t extra;
} latencies[] = {
    {"mul", 2}, {"div", 32}, {"rem", 32}, {"fdiv", 25}, {"fsqrt", 25}, {"amo", 4},
    {"lr.", 4}, {"sc.", 4},  {"csr", 2},  {"fmadd", 3}, {"fmul", 3},   {"fadd", 3},
};

static void classify_mnemonic(const char *mnemonic, struct block *insn)
{
    const char *name = strncmp(mnemonic, "c.", 2) == 0 ? mnemonic + 2 : mnemonic;
    for (size_t i = 0; i < sizeof latencies / sizeof latencies[0]; i++)
        if (strncmp(name, latencies[i].prefix, strlen(latencies[i].prefix)) == 0)
            insn->cycles += latencies[i].extra;
    if (insn->loads)
        insn->cycles += 1;
}

/* CSR instructions and xRET (SYSTEM major opcode). */
static void classify_system(uint32_t word, struct block *insn)
{
    unsigned funct3 = bits(word, 14, 12);
    insn->rd = (uint8_t)bits(word, 11, 7);
    if (funct3 == 0) {
        if (word == 0x10200073)
            insn->exit = RISCV_EXIT_SRET;
        else if (word == 0x30200073)
            insn->exit = RISCV_EXIT_MRET;
        return;
    }
    unsigned csr = bits(word, 31, 20), source = bits(word, 19, 15);
    bool writes = (funct3 & 3) == 1 || source != 0;
    switch (csr) {
    case CSR_CYCLE:
    case CSR_MCYCLE:
        insn->exit = RISCV_EXIT_CYCLE;
        return;
    case CSR_INSTRET:
    case CSR_MINSTRET:
        insn->exit = RISCV_EXIT_INSTRET;
        return;
    }
    if (!writes)
        return;
    switch (csr) {
    case CSR_MSTATUS:
    case CSR_SSTATUS:
        insn->exit = funct3 == 6   ? RISCV_EXIT_STATUS_SET
                     : funct3 == 7 ? RISCV_EXIT_STATUS_CLEAR
                                   : RISCV_EXIT_STATUS;
        insn->operand = (uint8_t)(csr == CSR_SSTATUS ? source & MSTATUS_SIE : source);
        return;
    case CSR_SATP:
        insn->exit = RISCV_EXIT_SATP;
        return;
    case CSR_MIE:
    case CSR_SIE:
    case CSR_MEDELEG:
    case CSR_MIDELEG:
        insn->exit = RISCV_EXIT_INTERRUPTS;
        return;
    case CSR_MIP:
    case CSR_SIP:
        insn->exit = RISCV_EXIT_PENDING;
        return;
    }
}

/* Does it replace sp (x2) or tp (x4), other than by adding to what it holds? */
static bool replaces_context(uint32_t w, unsigned size)
{
    if (size == 2) {
        unsigned rd = bits(w, 11, 7), funct3 = bits(w, 15, 13);
        if (rd != 2 && rd != 4)
            return false;
        switch (bits(w, 1, 0)) {
        case 1: /* c.li, c.lui (with rd = sp it is c.addi16sp) */
            return funct3 == 2 || (funct3 == 3 && rd != 2);
        case 2: /* c.lwsp, c.ldsp, c.mv */
            return funct3 == 2 || funct3 == 3 || (funct3 == 4 && !bits(w, 12, 12) && bits(w, 6, 2));
        }
        return false;
    }
    unsigned rd = bits(w, 11, 7), rs1 = bits(w, 19, 15), rs2 = bits(w, 24, 20);
    if (rd != 2 && rd != 4)
        return false;
    switch (bits(w, 6, 0)) {
    case 0x13: /* OP-IMM: addi rd, rd, imm moves it */
        return bits(w, 14, 12) != 0 || rs1 != rd;
    case 0x33: /* OP: so do add and sub */
        return bits(w, 14, 12) != 0 || (rs1 != rd && rs2 != rd);
    case 0x03: /* LOAD */
    case 0x17: /* AUIPC */
    case 0x1b: /* OP-IMM-32 */
    case 0x2f: /* AMO */
    case 0x37: /* LUI */
    case 0x3b: /* OP-32 */
        return true;
    case 0x73: /* SYSTEM: CSR instructions */
        return bits(w, 14, 12) != 0;
    }
    return false;
}

static void classify(struct riscv_decoder *decoder, uint32_t word, unsigned size,
                     struct block *insn)
{
    *insn = (struct block){
        .size = (uint16_t)size, .cycles = 1, .context = replaces_context(word, size)};
    struct riscv_access access;
    if (riscv_access_of(word, &access)) {
        insn->loads = access.load;
        insn->stores = access.store;
    }
    uint8_t bytes[4];
    memcpy(bytes, &word, sizeof bytes);
    const uint8_t *code = bytes;
    size_t left = size;
    uint64_t address = 0;
    if (cs_disasm_iter(decoder->disassembler.capstone, &code, &left, &address,
                       decoder->disassembler.insn))
        classify_mnemonic(decoder->disassembler.insn->mnemonic, insn);
    if (size == 4 && (word & 0x7f) == 0x73)
        classify_system(word, insn);
}

void riscv_decode(void *opaque, const uint8_t *bytes, size_t available, struct block *insn)
{
    struct riscv_decoder *decoder = opaque;
    uint16_t low;
    memcpy(&low, bytes, sizeof low);
    uint32_t word = low;
    unsigned size = riscv_length(low);
    if (size == 4 && available >= 4)
        memcpy(&word, bytes, sizeof word);
    struct memo *memo = &decoder->memo[(word * UINT32_C(2654435761)) >> (32 - MEMO_BITS)];
    if (!memo->valid || memo->word != word) {
        classify(decoder, word, size, &memo->insn);
        memo->word = word;
        memo->valid = true;
    }
    *insn = memo->insn;
}

/* ---- Operands of loads and stores (unprivileged specification, chapters 2, 13, 20 to 22, 27) ----
 */

static bool access_32(uint32_t w, struct riscv_access *a)
{
    unsigned funct3 = bits(w, 14, 12);
    a->base = bits(w, 19, 15);
    switch (bits(w, 6, 0)) {
    case 0x03: /* LOAD */
        if (funct3 == 7)
            return false;
        a->load = true;
        a->offset = sign_extend(bits(w, 31, 20), 12);
        break;
    case 0x07: /* LOAD-FP */
        if (funct3 != 2 && funct3 != 3)
            return false;
        a->load = true;
        a->offset = sign_extend(bits(w, 31, 20), 12);
        break;
    case 0x23: /* STORE */
    case 0x27: /* STORE-FP */
        if (funct3 > 3 || (bits(w, 6, 0) == 0x27 && funct3 < 2))
            return false;
        a->store = true;
        a->offset = sign_extend(bits(w, 31, 25) << 5 | bits(w, 11, 7), 12);
        break;
    case 0x2f: /* AMO */
        if (funct3 != 2 && funct3 != 3)
            return false;
        a->load = bits(w, 31, 27) != 3;  /* not SC */
        a->store = bits(w, 31, 27) != 2; /* not LR */
        break;
    default:
        return false;
    }
    a->size = 1u << (funct3 & 3);
    return true;
}

static bool access_16(uint32_t w, struct riscv_access *a)
{
    unsigned funct3 = bits(w, 15, 13), quadrant = bits(w, 1, 0);
    /* funct3 1 fld, 2 lw, 3 ld, 5 fsd, 6 sw, 7 sd; in quadrant 2 relative to sp */
    if ((quadrant != 0 && quadrant != 2) || (funct3 & 3) == 0)
        return false;
    bool word = (funct3 & 3) == 2;
    a->load = funct3 < 4;
    a->store = !a->load;
    a->size = word ? 4 : 8;
    if (quadrant == 0) {
        a->base = 8 + bits(w, 9, 7);
        a->offset = bits(w, 12, 10) << 3;
        a->offset |= word ? bits(w, 6, 6) << 2 | bits(w, 5, 5) << 6 : bits(w, 6, 5) << 6;
        return true;
    }
    a->base = 2;
    if (a->load)
        a->offset = word ? bits(w, 12, 12) << 5 | bits(w, 6, 4) << 2 | bits(w, 3, 2) << 6
                         : bits(w, 12, 12) << 5 | bits(w, 6, 5) << 3 | bits(w, 4, 2) << 6;
    else
        a->offset = word ? bits(w, 12, 9) << 2 | bits(w, 8, 7) << 6
                         : bits(w, 12, 10) << 3 | bits(w, 9, 7) << 6;
    return true;
}

bool riscv_access_of(uint32_t insn, struct riscv_access *access)
{
    *access = (struct riscv_access){0};
    return riscv_length((uint16_t)insn) == 4 ? access_32(insn, access)
                                             : access_16(insn & 0xffff, access);
}
