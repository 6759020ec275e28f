/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_CPU_RISCV_CSR_H
#define IASO_CPU_RISCV_CSR_H

#include <stdint.h>

/* RISC-V privileged architecture: CSR numbers (chapter 2), mstatus (3.1.6), satp (4.1.11) and
 * exception codes (3.1.15). */

#define CSR_SSTATUS    0x100
#define CSR_SIE        0x104
#define CSR_SIP        0x144
#define CSR_SATP       0x180
#define CSR_MSTATUS    0x300
#define CSR_MISA       0x301
#define CSR_MEDELEG    0x302
#define CSR_MIDELEG    0x303
#define CSR_MIE        0x304
#define CSR_MIP        0x344
#define CSR_MCYCLE     0xb00
#define CSR_MINSTRET   0xb02
#define CSR_CYCLE      0xc00
#define CSR_TIME       0xc01
#define CSR_INSTRET    0xc02
#define CSR_MCOUNTEREN 0x306
#define CSR_SCOUNTEREN 0x106

#define MSTATUS_SIE       (UINT64_C(1) << 1)
#define MSTATUS_MIE       (UINT64_C(1) << 3)
#define MSTATUS_SPIE      (UINT64_C(1) << 5)
#define MSTATUS_MPIE      (UINT64_C(1) << 7)
#define MSTATUS_SPP       (UINT64_C(1) << 8)
#define MSTATUS_MPP       (UINT64_C(3) << 11)
#define MSTATUS_MPP_SHIFT 11
#define MSTATUS_FS        (UINT64_C(3) << 13)
#define MSTATUS_MPRV      (UINT64_C(1) << 17)
#define MSTATUS_SUM       (UINT64_C(1) << 18)
#define MSTATUS_MXR       (UINT64_C(1) << 19)

#define MSTATUS_XL_64 (UINT64_C(2) << 32 | UINT64_C(2) << 34) /* UXL and SXL: 64 bits */

#define SATP_MODE_SHIFT 60
#define SATP_PPN        ((UINT64_C(1) << 44) - 1)

enum riscv_exception {
    EXCEPTION_FETCH_MISALIGNED = 0,
    EXCEPTION_FETCH_ACCESS = 1,
    EXCEPTION_ILLEGAL = 2,
    EXCEPTION_BREAKPOINT = 3,
    EXCEPTION_LOAD_MISALIGNED = 4,
    EXCEPTION_LOAD_ACCESS = 5,
    EXCEPTION_STORE_MISALIGNED = 6,
    EXCEPTION_STORE_ACCESS = 7,
    EXCEPTION_ECALL_USER = 8,
    EXCEPTION_FETCH_PAGE = 12,
    EXCEPTION_LOAD_PAGE = 13,
    EXCEPTION_STORE_PAGE = 15,
};

#endif
