/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_CPU_RISCV_DECODE_H
#define IASO_CPU_RISCV_DECODE_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu/code.h"

/* What a block's last instruction may change behind the back of the back end's cached state. */
enum riscv_exit {
    RISCV_EXIT_NONE,
    RISCV_EXIT_STATUS,       /* write to mstatus or sstatus */
    RISCV_EXIT_STATUS_SET,   /* csrsi mstatus/sstatus, operand */
    RISCV_EXIT_STATUS_CLEAR, /* csrci mstatus/sstatus, operand */
    RISCV_EXIT_SATP,
    RISCV_EXIT_INTERRUPTS, /* write to xie, medeleg, mideleg */
    RISCV_EXIT_PENDING,    /* write to mip or sip */
    RISCV_EXIT_SRET,
    RISCV_EXIT_MRET,
    RISCV_EXIT_CYCLE,   /* rd = cycle counter */
    RISCV_EXIT_INSTRET, /* rd = instructions retired */
};

/* Decodes with Capstone and remembers what it said of each instruction word. */
struct riscv_decoder;

struct riscv_decoder *riscv_decoder_new(struct error *err);
void riscv_decoder_free(struct riscv_decoder *decoder);

/* A decode_fn; `decoder` is a struct riscv_decoder. */
void riscv_decode(void *decoder, const uint8_t *bytes, size_t available, struct block *insn);

/* Length in bytes of the instruction that begins with these 16 bits (unprivileged specification,
 * section 1.5): 2 or 4. */
static inline unsigned riscv_length(uint16_t low)
{
    return (low & 3) == 3 ? 4 : 2;
}

/* How an instruction reaches memory: base register, immediate, width and direction. */
struct riscv_access {
    unsigned base; /* x register */
    int64_t offset;
    unsigned size;    /* bytes */
    bool load, store; /* an AMO is both */
};

/* False if the instruction is not a load, store or AMO of RV64GC. `insn` holds the instruction's 2
 * or 4 bytes. */
bool riscv_access_of(uint32_t insn, struct riscv_access *access);

#endif
