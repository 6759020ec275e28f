/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "arch.h"

    .section .text.start, "ax"
    /* S-mode, no paging. a0 = hart, a1 = device tree. */
    .globl _start
_start:
    csrw sie, zero
    csrw sscratch, zero
    la t0, bss_start
    la t1, bss_end
1:  bgeu t0, t1, 2f
    sd zero, 0(t0)
    addi t0, t0, 8
    j 1b
2:  la sp, kernel_stacks
    li t0, STACK_SIZE
    add sp, sp, t0
    la tp, idle_threads
    call kernel_main

    /* The same on the other harts; a1 = idle thread. */
    .globl secondary_start
secondary_start:
    csrw sie, zero
    csrw sscratch, zero
    mv tp, a1
    ld sp, THREAD_KERNEL_SP(tp)
    call kernel_secondary

    .text
    /* void switch_to(struct context *old, struct context *new) */
    .globl switch_to
switch_to:
    sd ra, 0(a0)
    sd sp, 8(a0)
    sd tp, 16(a0)
    .set i, 3
    .irp r, s0,s1,s2,s3,s4,s5,s6,s7,s8,s9,s10,s11
    sd \r, 8 * i(a0)
    .set i, i + 1
    .endr
    la t0, run_queue
    fence rw, w
    amoswap.w zero, zero, (t0)
    ld ra, 0(a1)
    ld sp, 8(a1)
    .set i, 3
    .irp r, s0,s1,s2,s3,s4,s5,s6,s7,s8,s9,s10,s11
    ld \r, 8 * i(a1)
    .set i, i + 1
    .endr
    ld tp, 16(a1)
    ret

    /* A new thread's first instructions; interrupts are off. */
    .globl thread_start
thread_start:
    csrw sepc, s0
    mv a0, s1
    mv a1, s2
    mv sp, s3
    li t0, STATUS_SPP
    csrc sstatus, t0
    li t0, STATUS_SPIE
    csrs sstatus, t0
    csrw sscratch, tp
    mv tp, zero
    mv ra, zero
    mv gp, zero
    .irp r, t0,t1,t2,t3,t4,t5,t6,s0,s1,s2,s3,s4,s5,s6,s7,s8,s9,s10,s11,a2,a3,a4,a5,a6,a7
    mv \r, zero
    .endr
    sret

    .balign 4
    .globl trap_entry
trap_entry:
    csrrw tp, sscratch, tp
    bnez tp, from_user
    csrrw tp, sscratch, zero
    sd sp, (FRAME_X(2) - FRAME_SIZE)(sp)
    addi sp, sp, -FRAME_SIZE
    sd tp, FRAME_X(4)(sp)
    j save
from_user:
    sd sp, THREAD_USER_SP(tp)
    ld sp, THREAD_KERNEL_SP(tp)
    addi sp, sp, -FRAME_SIZE
    sd t0, FRAME_X(5)(sp)
    ld t0, THREAD_USER_SP(tp)
    sd t0, FRAME_X(2)(sp)
    csrrw t0, sscratch, zero
    sd t0, FRAME_X(4)(sp)
    ld t0, FRAME_X(5)(sp)
save:
    .irp r, 1,3,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    sd x\r, FRAME_X(\r)(sp)
    .endr
    csrr t0, sepc
    sd t0, FRAME_EPC(sp)
    csrr t0, sstatus
    sd t0, FRAME_STATUS(sp)
    csrr t0, scause
    sd t0, FRAME_CAUSE(sp)
    csrr t0, stval
    sd t0, FRAME_TVAL(sp)
    mv a0, sp
    call handle_trap

    /* Interrupts are off. What user mode has in tp is the last to come back. */
    ld t0, FRAME_STATUS(sp)
    csrw sstatus, t0
    ld t1, FRAME_EPC(sp)
    csrw sepc, t1
    andi t0, t0, STATUS_SPP
    bnez t0, 1f
    csrw sscratch, tp
1:  ld tp, FRAME_X(4)(sp)
    .irp r, 1,3,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
    ld x\r, FRAME_X(\r)(sp)
    .endr
    ld sp, FRAME_X(2)(sp)
    sret
