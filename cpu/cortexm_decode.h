/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_CPU_CORTEXM_DECODE_H
#define IASO_CPU_CORTEXM_DECODE_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu/code.h"
#include "cpu/cortexm.h"

/* What a block contains: bits of struct block's traits. */
enum cortexm_trait {
    CORTEXM_FP = 1,     /* needs the FPU */
    CORTEXM_DIVIDE = 2, /* SDIV, UDIV */
    CORTEXM_SEV = 4,
    CORTEXM_BASEPRI = 8, /* writes it */
};

/* Decodes with Capstone and remembers what it said of each instruction. */
struct cortexm_decoder;

struct cortexm_decoder *cortexm_decoder_new(enum cortexm_model model, struct error *err);
void cortexm_decoder_free(struct cortexm_decoder *decoder);

/* A decode_fn; `decoder` is a struct cortexm_decoder. Cycles are those of the Technical Reference
 * Manuals, without pipeline refills. */
void cortexm_decode(void *decoder, const uint8_t *bytes, size_t available, struct block *insn);

/* Length in bytes of the Thumb instruction that begins with this halfword (A5.1): 2 or 4. */
static inline unsigned cortexm_length(uint16_t first)
{
    return first >> 11 >= 0x1d ? 4 : 2;
}

/* How an instruction reaches memory: `count` transfers of `size` bytes, upwards from
 * r[base] + (r[index] << shift) + offset; r15 stands for Align(pc + 4, 4). */
struct cortexm_access {
    unsigned base;
    int index; /* -1: none */
    unsigned shift;
    int32_t offset;
    unsigned size, count;
    bool load, store;
};

/* False if the instruction does not access memory. Instructions of four bytes have their first
 * halfword in the upper half. */
bool cortexm_access_of(uint32_t insn, struct cortexm_access *access);

#endif
