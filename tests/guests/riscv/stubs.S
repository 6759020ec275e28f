/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Single instructions to call: a0 = address, a1 = value, result in a0. */
    .macro stub name, insn:vararg
    .option push
    .option norvc
    .balign 4
    .globl stub_\name
stub_\name:
    \insn
    ret
    .option pop
    .endm

    .macro stub_rvc name, insn:vararg
    .balign 4
    .globl stub_\name
stub_\name:
    \insn
    ret
    .endm

    .macro stub_then name, rvc, first, second
    .option push
    .option \rvc
    .balign 4
    .globl stub_\name
stub_\name:
    \first
    \second
    ret
    .option pop
    .endm

    .text
    .irp i, lb,lbu,lh,lhu,lw,lwu,ld
    stub \i, \i a0, 0(a0)
    .endr
    .irp i, sb,sh,sw,sd
    stub \i, \i a1, 0(a0)
    .endr
    stub_rvc c_lw, c.lw a0, 0(a0)
    stub_rvc c_ld, c.ld a0, 0(a0)
    stub_rvc c_sw, c.sw a1, 0(a0)
    stub_rvc c_sd, c.sd a1, 0(a0)
    stub_then c_fld, rvc, "c.fld fa0, 0(a0)", "fmv.x.d a0, fa0"
    stub_then flw, norvc, "flw fa0, 0(a0)", "fmv.x.w a0, fa0"
    stub_then fld, norvc, "fld fa0, 0(a0)", "fmv.x.d a0, fa0"
    stub_rvc c_fsd, c.fsd fa0, 0(a0)
    stub fsw, fsw fa0, 0(a0)
    stub fsd, fsd fa0, 0(a0)
    stub lr_w, lr.w a0, (a0)
    stub lr_d, lr.d a0, (a0)
    stub sc_w, sc.w a0, a1, (a0)
    stub sc_d, sc.d a0, a1, (a0)
    stub amoadd_w, amoadd.w a0, a1, (a0)
    stub amoadd_d, amoadd.d a0, a1, (a0)
    stub amoswap_w, amoswap.w a0, a1, (a0)
    stub amoor_d, amoor.d a0, a1, (a0)
    stub ecall, ecall
    stub ebreak, ebreak
    stub_rvc c_ebreak, c.ebreak
    stub_rvc c_zero, .2byte 0
    stub ones, .4byte 0xffffffff
    stub nop, nop
    stub mret, mret
    stub sret, sret
    stub wfi, wfi
    stub sfence, sfence.vma
    stub fence_i, fence.i
    stub read_mstatus, csrr a0, mstatus
    stub read_sstatus, csrr a0, sstatus
    stub read_satp, csrr a0, satp
    stub write_satp, csrw satp, a0
    stub read_cycle, csrr a0, cycle
    stub read_time, csrr a0, time
    stub read_instret, csrr a0, instret
    stub write_cycle, csrw cycle, a0
    stub read_missing_csr, csrr a0, 0x7ff
    stub fadd, fadd.d fa0, fa0, fa0
    stub jump, jr a0

    .option push
    .balign 4
    .option rvc
    c.nop
    .globl stub_odd_lw
    .option norvc
stub_odd_lw:
    lw a0, 0(a0)
    ret
    .option pop
