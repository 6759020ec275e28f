/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime.h"

    .section .text.start, "ax"
    .globl _start
_start:
    csrw mie, zero
    csrci mstatus, 8
    /* S and U may reach everything; harts without PMP trap here and go on. */
    la t0, no_pmp
    csrw mtvec, t0
    li t0, -1
    srli t0, t0, 10
    csrw pmpaddr0, t0
    li t0, 0x1f
    csrw pmpcfg0, t0
    .balign 4
no_pmp:
    li t0, 0x6000
    csrs mstatus, t0
    fscsr zero
    csrr s0, mhartid
    li t0, MAX_HARTS
    bgeu s0, t0, idle
    la tp, harts
    li t0, HART_SIZE
    mul t0, t0, s0
    add tp, tp, t0
    la sp, stacks
    addi t1, s0, 1
    li t0, STACK_SIZE
    mul t0, t0, t1
    add sp, sp, t0
    la t0, trap_stacks
    li t2, STACK_SIZE
    mul t1, t1, t2
    add s2, t0, t1
    la t0, m_trap
    csrw mtvec, t0
    csrw mscratch, tp
    bnez s0, secondary

    la t0, bss_start
    la t1, bss_end
1:  bgeu t0, t1, 2f
    sd zero, 0(t0)
    addi t0, t0, 8
    j 1b
2:  sd s2, HART_SP(tp)
    la t0, guest_dtb
    sd a1, 0(t0)
    call runtime_main
idle:
    wfi
    j idle

/* Sleeps until hart 0 has set the function to run and sends a software interrupt. */
secondary:
    csrwi mie, 8
    wfi
    la t0, secondary_function
    ld t1, 0(t0)
    beqz t1, secondary
    fence r, rw
    csrw mie, zero
    li t0, 0x2000000
    slli t2, s0, 2
    add t0, t0, t2
    sw zero, 0(t0)
    sd s2, HART_SP(tp)
    mv a0, s0
    mv a1, t1
    call runtime_secondary
    j idle

    .text
/* Vectored mtvec: records the entry that was used. */
    .balign 256
    .globl m_vectors
m_vectors:
    .option push
    .option norvc
    .set i, 0
    .rept 16
    j m_vector_code + 24 * i
    .set i, i + 1
    .endr
    .balign 4
m_vector_code:
    .set i, 0
    .rept 16
    csrrw tp, mscratch, tp
    sd t0, HART_FRAME + 8 * 5(tp)
    li t0, i
    sd t0, HART_VECTOR(tp)
    ld t0, HART_FRAME + 8 * 5(tp)
    j m_vectored
    .set i, i + 1
    .endr
m_vectored:
    csrrw tp, mscratch, tp
    j m_save
    .option pop

    .balign 4
    .globl m_trap
m_trap:
    csrrw tp, mscratch, tp
    sd zero, HART_VECTOR(tp)
    csrrw tp, mscratch, tp
m_save:
    csrrw tp, mscratch, tp
    .irp r, 1,2,3,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    sd x\r, HART_FRAME + 8 * \r(tp)
    .endr
    csrrw t0, mscratch, tp
    sd t0, HART_FRAME + 8 * 4(tp)
    csrr t0, mepc
    sd t0, HART_FRAME + 8 * 32(tp)
    csrr t0, mcause
    sd t0, HART_FRAME + 8 * 33(tp)
    csrr t0, mtval
    sd t0, HART_FRAME + 8 * 34(tp)
    csrr t0, mstatus
    sd t0, HART_FRAME + 8 * 35(tp)
    ld sp, HART_SP(tp)
    mv a0, tp
    call runtime_trap
    csrr tp, mscratch
    beqz a0, leave_call
    ld t0, HART_FRAME + 8 * 35(tp)
    csrw mstatus, t0
    ld t0, HART_FRAME + 8 * 32(tp)
    csrw mepc, t0
    .irp r, 1,2,3,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    ld x\r, HART_FRAME + 8 * \r(tp)
    .endr
    ld tp, HART_FRAME + 8 * 4(tp)
    mret

/* void call_enter(struct hart *hart, const uint64_t args[6], pc, sp, ra, mstatus) */
    .globl call_enter
call_enter:
    .set i, 0
    .irp r, ra,sp,gp,tp,s0,s1,s2,s3,s4,s5,s6,s7,s8,s9,s10,s11
    sd \r, HART_SAVED + 8 * i(a0)
    .set i, i + 1
    .endr
    csrw mepc, a2
    csrw mstatus, a5
    mv sp, a3
    mv ra, a4
    mv t0, a1
    ld a0, 0(t0)
    ld a1, 8(t0)
    ld a2, 16(t0)
    ld a3, 24(t0)
    ld a4, 32(t0)
    ld a5, 40(t0)
    mret

leave_call:
    .set i, 0
    .irp r, ra,sp,gp,x0,s0,s1,s2,s3,s4,s5,s6,s7,s8,s9,s10,s11
    ld \r, HART_SAVED + 8 * i(tp)
    .set i, i + 1
    .endr
    ld tp, HART_SAVED + 8 * 3(tp)
    ret

    .balign 4
    .globl call_return, call_wfi_return
call_wfi_return:
    wfi
call_return:
    ecall
    j call_return

/* Trap handlers of S-mode that only report to M-mode, which then reads the S-mode CSRs. */
    .balign 256
    .globl s_vectors, s_trap
s_vectors:
    .rept 16
    ecall
    .endr
s_trap:
    ecall

    .section .stacks, "aw", @nobits
    .balign 4096
stacks:
    .space STACK_SIZE * MAX_HARTS
trap_stacks:
    .space STACK_SIZE * MAX_HARTS
    .globl call_stacks
call_stacks:
    .space STACK_SIZE * MAX_HARTS
