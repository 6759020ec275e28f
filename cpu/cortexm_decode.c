/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cpu/cortexm_decode.h"

#include <stdlib.h>
#include <string.h>

#include "cpu/disassembler.h"

#define MEMO_BITS 13

struct memo {
    uint32_t word;
    bool valid;
    struct block insn;
};

struct cortexm_decoder {
    struct disassembler disassembler;
    enum cortexm_model model;
    struct memo memo[1 << MEMO_BITS];
};

struct cortexm_decoder *cortexm_decoder_new(enum cortexm_model model, struct error *err)
{
    struct cortexm_decoder *decoder = calloc(1, sizeof *decoder);
    if (!decoder) {
        error_set(err, "out of memory");
        return NULL;
    }
    decoder->model = model;
    if (disassembler_open(&decoder->disassembler, CS_ARCH_ARM,
                          (cs_mode)(CS_MODE_THUMB | CS_MODE_MCLASS), "Thumb", err)) {
        free(decoder);
        return NULL;
    }
    return decoder;
}

void cortexm_decoder_free(struct cortexm_decoder *decoder)
{
    if (!decoder)
        return;
    disassembler_close(&decoder->disassembler);
    free(decoder);
}

/* ---- Operands of loads and stores (DDI 0403E, A5.2 to A5.3, A6.4 to A6.6) ---- */

static uint32_t bits(uint32_t word, unsigned high, unsigned low)
{
    return (word >> low) & ((2u << (high - low)) - 1);
}

static unsigned ones(uint32_t word)
{
    return (unsigned)__builtin_popcount(word);
}

static bool access_16(uint32_t w, struct cortexm_access *a)
{
    unsigned op = bits(w, 15, 11);
    bool load = op & 1;
    a->count = 1;
    if (op == 0x09) { /* LDR literal */
        *a = (struct cortexm_access){15, -1, 0, (int32_t)bits(w, 7, 0) * 4, 4, 1, true, false};
        return true;
    }
    if (op == 0x0a || op == 0x0b) { /* register offset */
        static const uint8_t sizes[8] = {4, 2, 1, 1, 4, 2, 1, 2};
        unsigned kind = bits(w, 11, 9);
        a->size = sizes[kind];
        a->base = bits(w, 5, 3);
        a->index = (int)bits(w, 8, 6);
        load = kind >= 3;
    } else if (op >= 0x0c && op <= 0x11) { /* immediate offset: word, byte, halfword */
        a->size = op < 0x0e ? 4 : op < 0x10 ? 1 : 2;
        a->base = bits(w, 5, 3);
        a->offset = (int32_t)(bits(w, 10, 6) * a->size);
    } else if (op == 0x12 || op == 0x13) { /* relative to sp */
        a->size = 4;
        a->base = 13;
        a->offset = (int32_t)bits(w, 7, 0) * 4;
    } else if ((w & 0xf600) == 0xb400) { /* PUSH, POP */
        a->size = 4;
        a->count = ones(bits(w, 8, 0));
        a->base = 13;
        load = w & 0x0800;
        a->offset = load ? 0 : -4 * (int32_t)a->count;
    } else if (op == 0x18 || op == 0x19) { /* STM, LDM */
        a->size = 4;
        a->count = ones(bits(w, 7, 0));
        a->base = bits(w, 10, 8);
    } else {
        return false;
    }
    a->load = load;
    a->store = !load;
    return true;
}

/* LDRD, STRD, exclusives, table branches. */
static bool access_dual(uint32_t w, struct cortexm_access *a)
{
    bool pre = w & 1u << 24, up = w & 1u << 23, write_back = w & 1u << 21;
    int32_t offset = (int32_t)bits(w, 7, 0) * 4;
    if (pre || write_back) {
        a->size = 4;
        a->count = 2;
        a->offset = !pre ? 0 : up ? offset : -offset;
        return true;
    }
    a->count = 1;
    a->size = 4;
    if (!up) {
        a->offset = offset;
        return true;
    }
    unsigned kind = bits(w, 7, 4);
    a->size = 1u << (kind & 1);
    if (kind < 2) { /* TBB, TBH */
        a->index = (int)bits(w, 3, 0);
        a->shift = kind;
    }
    return kind < 2 || kind == 4 || kind == 5;
}

/* LDR, STR and the like of one register. */
static bool access_single(uint32_t w, struct cortexm_access *a)
{
    unsigned width = bits(w, 22, 21);
    if (width == 3 || (a->load && width < 2 && bits(w, 15, 12) == 15)) /* undefined, PLD */
        return false;
    a->size = 1u << width;
    a->count = 1;
    bool up = w & 1u << 23;
    if (a->base == 15)
        a->offset = up ? (int32_t)bits(w, 11, 0) : -(int32_t)bits(w, 11, 0);
    else if (up)
        a->offset = (int32_t)bits(w, 11, 0);
    else if (w & 1u << 11) /* P, U, W, imm8 */
        a->offset = !(w & 1u << 10) ? 0
                    : w & 1u << 9   ? (int32_t)bits(w, 7, 0)
                                    : -(int32_t)bits(w, 7, 0);
    else {
        a->index = (int)bits(w, 3, 0);
        a->shift = bits(w, 5, 4);
    }
    return true;
}

/* VLDR, VSTR, VLDM, VSTM. */
static bool access_fp(uint32_t w, struct cortexm_access *a)
{
    bool pre = w & 1u << 24, up = w & 1u << 23, write_back = w & 1u << 21;
    if (bits(w, 11, 9) != 5 || (!pre && !up)) /* another coprocessor, VMOV of two registers */
        return false;
    int32_t offset = (int32_t)bits(w, 7, 0) * 4;
    a->size = 4;
    if (pre && !write_back) {
        a->count = w & 1u << 8 ? 2 : 1;
        a->offset = up ? offset : -offset;
    } else {
        a->count = bits(w, 7, 0);
        a->offset = pre ? -offset : 0;
    }
    return true;
}

static bool access_32(uint32_t w, struct cortexm_access *a)
{
    a->base = bits(w, 19, 16);
    a->load = w & 1u << 20;
    a->store = !a->load;
    switch (bits(w, 31, 25)) {
    case 0x74: /* 1110 100 */
        if (w & 1u << 22)
            return access_dual(w, a);
        a->size = 4;
        a->count = ones(bits(w, 15, 0));
        a->offset = bits(w, 24, 23) == 2 ? -4 * (int32_t)a->count : 0;
        return true;
    case 0x76: /* 1110 110 */
        return access_fp(w, a);
    case 0x7c: /* 1111 100 */
        return access_single(w, a);
    }
    return false;
}

bool cortexm_access_of(uint32_t insn, struct cortexm_access *access)
{
    *access = (struct cortexm_access){.index = -1};
    return insn >> 16 ? access_32(insn, access) : access_16(insn, access);
}

/* ---- Cycles ---- */

/*
 * Cycles beyond one of instructions that do not access memory: Cortex-M3 TRM r2p1 (DDI 0337I),
 * table 3-1, and Cortex-M4 TRM r0p1 (DDI 0439D), tables 3-1 and 7-1. Where a manual gives a range
 * it is the middle. P, the refill after a taken branch, is in struct cpu_pricing; TBB's and TBH's
 * own cycle is that of their load. Instructions that do not stand here take one cycle.
 */
static const struct {
    const char *prefix; /* of the mnemonic; the first match counts */
    uint8_t m3, m4;
} latencies[] = {
    {"mla", 1, 0},   {"mls", 1, 0},   {"umull", 3, 0},  {"smull", 3, 0}, {"umlal", 5, 0},
    {"smlal", 5, 0}, {"sdiv", 6, 6},  {"udiv", 6, 6},   {"mrs", 1, 1},   {"msr", 1, 1},
    {"cps", 1, 1},   {"vdiv", 0, 13}, {"vsqrt", 0, 13}, {"vmla", 0, 2},  {"vmls", 0, 2},
    {"vnmla", 0, 2}, {"vnmls", 0, 2}, {"vfma", 0, 2},   {"vfms", 0, 2},  {"vfnma", 0, 2},
    {"vfnms", 0, 2},
};

static unsigned latency(struct cortexm_decoder *decoder, uint32_t word, unsigned size)
{
    /* Capstone would remember an IT and see conditions in what it is shown next. */
    if (size == 2 && bits(word, 15, 8) == 0xbf)
        return 0;
    uint8_t bytes[4] = {(uint8_t)word, (uint8_t)(word >> 8)};
    if (size == 4) {
        uint16_t halves[2] = {(uint16_t)(word >> 16), (uint16_t)word};
        memcpy(bytes, halves, sizeof bytes);
    }
    const uint8_t *code = bytes;
    size_t left = size;
    uint64_t address = 0;
    if (!cs_disasm_iter(decoder->disassembler.capstone, &code, &left, &address,
                        decoder->disassembler.insn))
        return 0;
    for (size_t i = 0; i < sizeof latencies / sizeof latencies[0]; i++)
        if (!strncmp(decoder->disassembler.insn->mnemonic, latencies[i].prefix,
                     strlen(latencies[i].prefix)))
            return decoder->model == CORTEXM_M3 ? latencies[i].m3 : latencies[i].m4;
    return 0;
}

static uint8_t traits_of(uint32_t word, unsigned size)
{
    if (size == 2)
        return word == 0xbf40 ? CORTEXM_SEV : 0;
    if (word == 0xf3af8004)
        return CORTEXM_SEV;
    if ((word & 0xffd000f0) == 0xfb9000f0)
        return CORTEXM_DIVIDE;
    if ((word & 0xfff0ffff) == 0xf3808811 || (word & 0xfff0ffff) == 0xf3808812)
        return CORTEXM_BASEPRI;
    return (word & 0xec000e00) == 0xec000a00 ? CORTEXM_FP : 0;
}

static void classify(struct cortexm_decoder *decoder, uint32_t word, unsigned size,
                     struct block *insn)
{
    *insn = (struct block){.size = (uint16_t)size, .cycles = 1, .traits = traits_of(word, size)};
    struct cortexm_access access;
    if (!cortexm_access_of(word, &access)) {
        insn->cycles += latency(decoder, word, size);
        return;
    }
    insn->loads = access.load ? (uint16_t)access.count : 0;
    insn->stores = access.store ? (uint16_t)access.count : 0;
    /* LDR 2, LDM 1 + N; a store with an immediate offset waits in the write buffer (DDI 0337I,
     * 3.3.2). */
    bool buffered = access.store && access.count == 1 && access.index < 0;
    insn->cycles += buffered ? 0 : access.count;
}

void cortexm_decode(void *opaque, const uint8_t *bytes, size_t available, struct block *insn)
{
    struct cortexm_decoder *decoder = opaque;
    uint16_t halves[2] = {0};
    memcpy(halves, bytes, available >= 4 ? 4 : 2);
    unsigned size = cortexm_length(halves[0]);
    uint32_t word = size == 4 ? (uint32_t)halves[0] << 16 | halves[1] : halves[0];
    struct memo *memo = &decoder->memo[(word * UINT32_C(2654435761)) >> (32 - MEMO_BITS)];
    if (!memo->valid || memo->word != word) {
        classify(decoder, word, size, &memo->insn);
        memo->word = word;
        memo->valid = true;
    }
    *insn = memo->insn;
}
