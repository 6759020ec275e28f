/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Machine mode, where there is no firmware: hands each hart to the kernel in S-mode. */
#include "arch.h"

#define MACHINE_STACK 4096

    .section .machine.start, "ax"
    .globl machine_start
machine_start:
    csrw mie, zero
    csrci mstatus, 8
    csrr s0, mhartid
    li t0, MAX_HARTS
    bgeu s0, t0, forever
    la t1, machine_stacks
    addi t0, s0, 1
    slli t0, t0, 12
    add sp, t1, t0
    csrw mscratch, sp
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
    la t0, machine_trap
    csrw mtvec, t0
    li t0, 0xb1ff /* all exceptions but those of S- and M-mode's own calls */
    csrw medeleg, t0
    li t0, 0x222
    csrw mideleg, t0
    li t0, 7
    csrw mcounteren, t0
    li t0, 0x1800 /* MPP: S */
    csrc mstatus, t0
    li t0, 0x800
    csrs mstatus, t0
    csrw satp, zero
    csrwi mie, 8 /* MSIE */
    bnez s0, await_start
    la t0, _start
    csrw mepc, t0
    mv a0, s0
    mret

    /* Until sbi_hart_start() names an entry. */
await_start:
    wfi
    mv a0, s0
    call machine_take_start /* a0, a1 = entry, argument */
    beqz a0, await_start
    csrw mepc, a0
    mv a0, s0
    mret

forever:
    wfi
    j forever

    /* Saves what C may change. */
    .balign 4
machine_trap:
    csrrw sp, mscratch, sp
    addi sp, sp, -128
    .set i, 0
    .irp r, ra,t0,t1,t2,t3,t4,t5,t6,a0,a1,a2,a3,a4,a5,a6,a7
    sd \r, 8 * i(sp)
    .set i, i + 1
    .endr
    addi a0, sp, 64
    csrr a1, mhartid
    csrr a2, mcause
    call machine_handle_trap
    .set i, 0
    .irp r, ra,t0,t1,t2,t3,t4,t5,t6,a0,a1,a2,a3,a4,a5,a6,a7
    ld \r, 8 * i(sp)
    .set i, i + 1
    .endr
    addi sp, sp, 128
    csrrw sp, mscratch, sp
    mret

    .section .machine.data, "aw"
    .balign 4096
machine_stacks:
    .space MACHINE_STACK * MAX_HARTS
