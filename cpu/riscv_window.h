/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_CPU_RISCV_WINDOW_H
#define IASO_CPU_RISCV_WINDOW_H

#include <stdint.h>
#include <unicorn/unicorn.h>

#include "mem/error.h"

/*
 * A window into the engine's CPU state: fields of the saved context that the engine's register API
 * hides (privilege level, machine bits of mip, mhartid) or guards by privilege and side effects.
 *
 * Where the fields lie is not documented and differs between versions, so it is measured: a field
 * is the only place in the context that takes on each of several values given to the register. The
 * result is checked by executing instructions that read it back.
 */
enum riscv_field {
    FIELD_PC,
    FIELD_LEVEL, /* 0, 1, 3 */
    FIELD_MHARTID,
    FIELD_MSTATUS,
    FIELD_MIP, /* 32 bits wide */
    FIELD_MIE,
    FIELD_MIDELEG,
    FIELD_MEDELEG,
    FIELD_MTVEC,
    FIELD_MEPC,
    FIELD_MCAUSE,
    FIELD_MTVAL,
    FIELD_STVEC,
    FIELD_SEPC,
    FIELD_SCAUSE,
    FIELD_STVAL,
    FIELD_SATP,
    FIELD_MCOUNTEREN,
    FIELD_SCOUNTEREN,
    FIELD_VERSION, /* of the privileged architecture, as the engine codes it */
    FIELD_COUNT,
};

/* Values of FIELD_VERSION. */
#define VERSION_1_11 UINT64_C(0x11100)
#define VERSION_1_09 UINT64_C(0x10901)

struct riscv_window {
    uint32_t offset[FIELD_COUNT]; /* bytes from the start of the uc_context */
};

/* A new engine of the model that Iaso uses; NULL and err on failure. */
uc_engine *riscv_engine_new(struct error *err);

/* Measures on an engine of its own. */
int riscv_window_measure(struct riscv_window *window, struct error *err);

/* Reads and writes a field of a saved context. */
uint64_t riscv_window_get(const struct riscv_window *window, const uc_context *context,
                          enum riscv_field field);
void riscv_window_set(const struct riscv_window *window, uc_context *context,
                      enum riscv_field field, uint64_t value);

#endif
