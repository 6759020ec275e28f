/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/cortexm_board.h"

/* Exceptions of the Cortex-M, with expectations from the ARMv7-M manual (DDI 0403E). */

/* ---- Entry and return (B1.5.6 to B1.5.8) ---- */

/*
 *        sub sp, #4          @ not a multiple of 8
 *        movs r0, #10
 *        movs r1, #11
 *        movs r2, #12
 *        movs r3, #13
 *        mov r12, r3
 *        mvn lr, #5
 *        movs r4, #0         @ Z
 *        svc #0
 *        bkpt 0xab
 */
static const uint16_t enter_from_main[] = {
    0xb081, 0x200a, 0x210b, 0x220c, 0x230d, 0x469c, 0xf06f, 0x0e05, 0x2400, 0xdf00, 0xbeab,
};

/*
 *        mrs r5, ipsr
 *        mov r6, sp
 *        mov r7, lr
 *        mrs r8, control
 *        movs r0, #99
 *        movs r1, #99
 *        movs r4, #1
 *        bx lr
 */
static const uint16_t look[] = {
    0xf3ef, 0x8505, 0x466e, 0x4677, 0xf3ef, 0x8814, 0x2063, 0x2163, 0x2401, 0x4770,
};

Test(cortexm, basic_frame_is_aligned_and_says_so)
{
    struct board *board = BOARD(enter_from_main);
    board_load(board, CODE + 0x400, look, sizeof look);
    board_vector(board, 11, CODE + 0x400);
    board_finish(board);
    uint32_t frame = STACK - 4 - 4 - 0x20;
    cr_assert_eq(board_reg(board, "r5"), 11);
    cr_assert_eq(board_reg(board, "r6"), frame);
    cr_assert_eq(board_reg(board, "r7"), 0xfffffff9);
    cr_assert_eq(board_word(board, frame), 10);
    cr_assert_eq(board_word(board, frame + 4), 11);
    cr_assert_eq(board_word(board, frame + 8), 12);
    cr_assert_eq(board_word(board, frame + 12), 13);
    cr_assert_eq(board_word(board, frame + 16), 13);
    cr_assert_eq(board_word(board, frame + 20), ~5u);
    cr_assert_eq(board_word(board, frame + 24), CODE + 0x14);
    cr_assert_eq(board_word(board, frame + 28), 0x41000200, "%x", board_word(board, frame + 28));
    cr_assert_eq(board_reg(board, "sp"), STACK - 4);
    cr_assert_eq(board_reg(board, "r1"), 11);
    cr_assert_eq(board_reg(board, "r4"), 1);
    cr_assert_eq(board_reg(board, "lr"), ~5u);
    cr_assert_eq(board_reg(board, "xpsr"), 0x41000000);
    cr_assert_eq(board->entries, 1);
    cr_assert_eq(board->trap.cause, 11);
    cr_assert_eq(board->trap.from, 1);
    cr_assert_eq(board->trap.pc, CODE + 0x14);
    cr_assert_not(board->trap.interrupt);
    board_free(board);
}

Test(cortexm, frames_are_not_aligned_without_stkalign)
{
    struct board *board = BOARD(enter_from_main);
    board_load(board, CODE + 0x400, look, sizeof look);
    board_vector(board, 11, CODE + 0x400);
    board_set_ppb(board, CCR, 0);
    board_finish(board);
    cr_assert_eq(board_reg(board, "r6"), STACK - 4 - 0x20);
    cr_assert_eq(board_word(board, STACK - 8), 0x41000000);
    board_free(board);
}

/*
 *        ldr r0, =0x20004000
 *        msr psp, r0
 *        movs r0, #3         @ PSP, unprivileged
 *        msr control, r0
 *        isb
 *        svc #0
 *        mrs r9, control
 *        mrs r10, psp        @ reads 0
 *        mov r11, sp
 *        bkpt 0xab
 */
static const uint16_t enter_from_process[] = {
    0x4807, 0xf380, 0x8809, 0x2003, 0xf380, 0x8814, 0xf3bf, 0x8f6f, 0xdf00,
    0xf3ef, 0x8914, 0xf3ef, 0x8a09, 0x46eb, 0xbeab, 0x0000, 0x4000, 0x2000,
};

Test(cortexm, process_stack_and_privilege)
{
    struct board *board = BOARD(enter_from_process);
    board_load(board, CODE + 0x400, look, sizeof look);
    board_vector(board, 11, CODE + 0x400);
    board_finish(board);
    cr_assert_eq(board_reg(board, "r7"), 0xfffffffd);
    cr_assert_eq(board_reg(board, "r6"), STACK, "the handler runs on the main stack");
    cr_assert_eq(board_reg(board, "r8"), 1, "SPSEL is clear in handlers, nPRIV stays");
    cr_assert_eq(board_reg(board, "r9"), 3);
    cr_assert_eq(board_reg(board, "r10"), 0);
    cr_assert_eq(board_reg(board, "r11"), 0x20004000);
    cr_assert_eq(board_word(board, 0x20004000 - 0x20 + 24), board->trap.pc);
    cr_assert_eq(board_reg(board, "psp"), 0x20004000);
    cr_assert_eq(board_reg(board, "msp"), STACK);
    cr_assert_eq(board->trap.from, 0);
    board_free(board);
}

/*
 *        ldr r0, =0xe000ed88
 *        ldr r1, =0x00f00000
 *        str r1, [r0]
 *        dsb
 *        isb
 *        vmov.f32 s0, #1.0
 *        vmov.f32 s15, #2.0
 *        vmov.f32 s16, #3.0
 *        mrs r9, control
 *        svc #0
 *        mrs r10, control
 *        bkpt 0xab
 */
static const uint16_t enter_with_fp[] = {
    0x4809, 0xf44f, 0x0170, 0x6001, 0xf3bf, 0x8f4f, 0xf3bf, 0x8f6f, 0xeeb7, 0x0a00, 0xeef0,
    0x7a00, 0xeeb0, 0x8a08, 0xf3ef, 0x8914, 0xdf00, 0xf3ef, 0x8a14, 0xbeab, 0xed88, 0xe000,
};

/*
 *        mrs r5, ipsr
 *        mov r6, sp
 *        mov r7, lr
 *        mrs r8, control
 *        vmov.f32 s0, #4.0
 *        vmov.f32 s15, #4.0
 *        bx lr
 */
static const uint16_t look_with_fp[] = {
    0xf3ef, 0x8505, 0x466e, 0x4677, 0xf3ef, 0x8814, 0xeeb1, 0x0a00, 0xeef1, 0x7a00, 0x4770,
};

Test(cortexm, extended_frame)
{
    struct board *board = BOARD(enter_with_fp);
    board_load(board, CODE + 0x400, look_with_fp, sizeof look_with_fp);
    board_vector(board, 11, CODE + 0x400);
    board_finish(board);
    uint32_t frame = STACK - 26 * 4;
    frame &= ~7u;
    cr_assert_eq(board_reg(board, "r7"), 0xffffffe9);
    cr_assert_eq(board_reg(board, "r6"), frame);
    cr_assert_eq(board_reg(board, "r8"), 0);
    cr_assert_eq(board_reg(board, "r9"), 4);
    cr_assert_eq(board_reg(board, "r10"), 4);
    cr_assert_eq(board_word(board, frame + 0x20), 0x3f800000);
    cr_assert_eq(board_word(board, frame + 0x5c), 0x40000000);
    cr_assert_eq(board_reg(board, "s0"), 0x3f800000);
    cr_assert_eq(board_reg(board, "s15"), 0x40000000);
    cr_assert_eq(board_reg(board, "s16"), 0x40400000);
    cr_assert_eq(board_reg(board, "sp"), STACK);
    board_free(board);
}

/* ---- Priorities (B1.5.4) ---- */

/*
 *        ldr r0, =0xe000e200  @ ISPR
 *        movs r1, #3
 *        str r1, [r0]
 *        dsb
 *        isb
 *        nop
 *        bkpt 0xab
 */
static const uint16_t pend_two[] = {
    0x4804, 0x2103, 0x6001, 0xf3bf, 0x8f4f, 0xf3bf, 0x8f6f, 0xbf00, 0xbeab, 0x0000, 0xe200, 0xe000,
};

static struct board *two_lines(uint8_t first, uint8_t second, unsigned group)
{
    struct board *board = BOARD(pend_two);
    board_set_ppb(board, AIRCR, 0x05fa0000 | group << 8);
    board_set_ppb(board, 0xe000e400, first | (uint32_t)second << 8);
    board_set_ppb(board, ISER, 3);
    return board;
}

Test(cortexm, lower_value_first_then_lower_number)
{
    struct board *board = two_lines(0x80, 0x40, 0);
    board_finish(board);
    EXPECT_LOG(board, 17, 16);
    board_free(board);
    board = two_lines(0x40, 0x40, 0);
    board_finish(board);
    EXPECT_LOG(board, 16, 17);
    board_free(board);
}

Test(cortexm, tail_chaining_leaves_the_frame)
{
    struct board *board = two_lines(0x80, 0x40, 0);
    board_finish(board);
    cr_assert_eq(board->entries, 2);
    cr_assert_eq(board->returns, 1);
    cr_assert_eq(board->trap.from, 3);
    cr_assert_eq(board_reg(board, "sp"), STACK);
    board_free(board);
}

/* Line 0's handler makes line 1 pending. */
/*
 *        push {r4, lr}
 *        ldr r0, =0xe000e200
 *        movs r1, #2
 *        str r1, [r0]
 *        dsb
 *        isb
 *        ldr r0, =0x801       @ the logger
 *        blx r0
 *        pop {r4, pc}
 */
static const uint16_t pend_line_1[] = {
    0xb510, 0x4805, 0x2102, 0x6001, 0xf3bf, 0x8f4f, 0xf3bf,
    0x8f6f, 0xf640, 0x0001, 0x4780, 0xbd10, 0xe200, 0xe000,
};

static void nest(uint8_t first, uint8_t second, unsigned group, bool nested)
{
    struct board *board = two_lines(first, second, group);
    board_load(board, CODE + 0x400, pend_line_1, sizeof pend_line_1);
    board_vector(board, 16, CODE + 0x400);
    board_load(board, CODE + 2, (const uint16_t[]){0x2101}, 2); /* pends line 0 only */
    board_finish(board);
    if (nested)
        EXPECT_LOG(board, 17, 16);
    else
        EXPECT_LOG(board, 16, 17);
    cr_assert_eq(board->returns, nested ? 2 : 1);
    board_free(board);
}

Test(cortexm, groups_decide_who_preempts)
{
    nest(0x80, 0x40, 0, true);
    nest(0x40, 0x40, 0, false);
    nest(0x40, 0x80, 0, false);
    nest(0x81, 0x80, 0, false); /* bit 0 is the subpriority */
    nest(0x82, 0x80, 0, true);
    nest(0xc0, 0x80, 6, false);
    nest(0xc0, 0x80, 5, true);
    nest(0x80, 0x00, 7, false);
}

Test(cortexm, unimplemented_priority_bits_read_zero)
{
    struct board *board =
        board_new(&(struct cortexm_options){.priority_bits = 3}, pend_two, sizeof pend_two);
    board_set_ppb(board, 0xe000e400, 0xffffffff);
    cr_assert_eq(board_ppb(board, 0xe000e400), 0xe0e0e0e0);
    board_set_ppb(board, 0xe000ed1c, 0xffffffff);
    cr_assert_eq(board_ppb(board, 0xe000ed1c) >> 24, 0xe0);
    board_free(board);
}

/*
 *        movs r0, #0xbf
 *        msr basepri, r0
 *        mrs r4, basepri
 *        movs r0, #0x5f
 *        msr basepri_max, r0
 *        mrs r5, basepri
 *        bkpt 0xab
 */
static const uint16_t odd_basepri[] = {
    0x20bf, 0xf380, 0x8811, 0xf3ef, 0x8411, 0x205f, 0xf380, 0x8812, 0xf3ef, 0x8511, 0xbeab,
};

Test(cortexm, basepri_has_the_bits_that_are_implemented)
{
    struct board *board =
        board_new(&(struct cortexm_options){.priority_bits = 3}, odd_basepri, sizeof odd_basepri);
    board_finish(board);
    cr_assert_eq(board_reg(board, "r4"), 0xa0);
    cr_assert_eq(board_reg(board, "r5"), 0x40);
    board_free(board);
}

/*
 *        movs r2, #0x80
 *        ldr r0, =0xe000e200
 *        movs r1, #1
 *        cpsid i
 *        str r1, [r0]         @ line 0, priority 0x80
 *        isb
 *        mov r4, r8           @ not yet
 *        cpsie i
 *        isb
 *        mov r5, r8           @ 1
 *        msr basepri, r2
 *        str r1, [r0]
 *        isb
 *        mov r6, r8           @ 1: 0x80 does not preempt 0x80
 *        movs r2, #0x82
 *        msr basepri, r2
 *        isb
 *        mov r7, r8           @ 2
 *        movs r2, #0
 *        msr basepri, r2
 *        cpsid f
 *        str r1, [r0]
 *        isb
 *        mov r9, r8           @ 2
 *        cpsie f
 *        isb
 *        mov r10, r8          @ 3
 *        bkpt 0xab
 */
static const uint16_t masked[] = {
    0x2280, 0x4812, 0x2101, 0xb672, 0x6001, 0xf3bf, 0x8f6f, 0x4644, 0xb662, 0xf3bf,
    0x8f6f, 0x4645, 0xf382, 0x8811, 0x6001, 0xf3bf, 0x8f6f, 0x4646, 0x2282, 0xf382,
    0x8811, 0xf3bf, 0x8f6f, 0x4647, 0x2200, 0xf382, 0x8811, 0xb671, 0x6001, 0xf3bf,
    0x8f6f, 0x46c1, 0xb661, 0xf3bf, 0x8f6f, 0x46c2, 0xbeab, 0x0000, 0xe200, 0xe000,
};

/*
 *        add r8, r8, #1
 *        bx lr
 */
static const uint16_t count_in_r8[] = {
    0xf108,
    0x0801,
    0x4770,
};

Test(cortexm, masks)
{
    struct board *board = BOARD(masked);
    board_load(board, CODE + 0x400, count_in_r8, sizeof count_in_r8);
    board_vector(board, 16, CODE + 0x400);
    board_set_ppb(board, ISER, 1);
    board_set_ppb(board, 0xe000e400, 0x80);
    board_finish(board);
    cr_assert_eq(board_reg(board, "r4"), 0);
    cr_assert_eq(board_reg(board, "r5"), 1);
    cr_assert_eq(board_reg(board, "r6"), 1);
    cr_assert_eq(board_reg(board, "r7"), 2);
    cr_assert_eq(board_reg(board, "r9"), 2);
    cr_assert_eq(board_reg(board, "r10"), 3);
    board_free(board);
}

/*
 *        ldr r0, =0xe000ed04
 *        ldr r1, =0x14000000
 *        str r1, [r0]
 *        isb
 *        svc #0
 *        bkpt 0xab
 */
static const uint16_t pend_systick_and_pendsv[] = {
    0x4803, 0xf04f, 0x51a0, 0x6001, 0xf3bf, 0x8f6f, 0xdf00, 0xbeab, 0xed04, 0xe000,
};

Test(cortexm, pendsv_comes_last)
{
    struct board *board = BOARD(pend_systick_and_pendsv);
    board_set_ppb(board, 0xe000ed20, 0x40ff0000); /* SysTick before PendSV */
    board_finish(board);
    EXPECT_LOG(board, 15, 14, 11);
    board_free(board);
}

/* The handler at hand has the lowest priority; its line stays high for two rounds. */
Test(cortexm, a_line_that_stays_high_is_taken_again)
{
    struct board *board = BOARD(pend_two);
    board_load(board, CODE, (const uint16_t[]){0xbf00, 0xbf00, 0xbf00}, 6);
    board_set_ppb(board, ISER, 4);
    cpu_set_irq(board->cpu, 2, true);
    cpu_stop_exactly(board->cpu, 20, UINT64_MAX);
    cr_assert_eq(cpu_run(board->cpu, &board->err), CPU_DEADLINE);
    cpu_set_irq(board->cpu, 2, false);
    cpu_stop_exactly(board->cpu, UINT64_MAX, UINT64_MAX);
    board_finish(board);
    cr_assert_geq(board_word(board, LOG), 12);
    cr_assert_eq(board->returns, 1);
    board_free(board);
}

/* ---- Faults (B1.5.14, B3.2.15) ---- */

/*
 *        nop
 *        udf #1
 */
static const uint16_t undefined[] = {
    0xbf00,
    0xde01,
};

/*
 *        nop
 *        ldr r0, =0x1400
 *        bx r0
 */
static const uint16_t to_arm_state[] = {
    0xbf00,
    0xf44f,
    0x50a0,
    0x4700,
};

/*
 *        ldr r0, =0x30000010
 *        ldr r1, [r0, #4]
 */
static const uint16_t load_nowhere[] = {
    0x4800,
    0x6841,
    0x0010,
    0x3000,
};

/*
 *        ldr r0, =0x300003f8
 *        mov r1, #8
 *        ldmdb r0!, {r2, r3}
 */
static const uint16_t pop_nowhere[] = {
    0x4802, 0xf04f, 0x0108, 0xe930, 0x000c, 0x0000, 0x03f8, 0x3000,
};

/*
 *        ldr r0, =0x30000010
 *        movs r1, #3
 *        strb r1, [r0, r1, lsl #0]
 */
static const uint16_t store_nowhere[] = {
    0x4801, 0x2103, 0xf800, 0x1001, 0x0010, 0x3000,
};

/*
 *        ldr r0, =0x2000
 *        nop
 *        str r1, [r0]
 */
static const uint16_t store_to_rom[] = {
    0xf44f,
    0x5000,
    0xbf00,
    0x6001,
};

/*
 *        ldr r0, =0x30000011
 *        nop
 *        bx r0
 */
static const uint16_t fetch_nowhere[] = {
    0x4801, 0xbf00, 0x4700, 0x0000, 0x0011, 0x3000,
};

/*
 *        ldr r0, =0x40000011
 *        nop
 *        bx r0
 */
static const uint16_t fetch_device[] = {
    0x4801, 0xbf00, 0x4700, 0x0000, 0x0011, 0x4000,
};

/*
 *        ldr r0, =0x20001001
 *        nop
 *        ldrex r1, [r0]
 */
static const uint16_t unaligned_exclusive[] = {
    0x4801, 0xbf00, 0xe850, 0x1f00, 0x1001, 0x2000,
};

/*
 *        nop
 *        nop
 *        vmov.f32 s0, #1.0
 */
static const uint16_t use_fpu[] = {
    0xbf00,
    0xbf00,
    0xeeb7,
    0x0a00,
};

/*
 *        movs r1, #0
 *        movs r0, #7
 *        udiv r2, r0, r1
 */
static const uint16_t divide_by_zero[] = {
    0x2100,
    0x2007,
    0xfbb0,
    0xf2f1,
};

/*
 *        cmp r0, r0
 *        itt eq
 *        moveq r1, #0
 *        sdiveq r2, r0, r1
 */
static const uint16_t divide_by_zero_in_it[] = {
    0x4280, 0xbf04, 0x2100, 0xfb90, 0xf2f1,
};

/*
 *        movs r0, #1
 *        msr control, r0
 *        isb
 *        ldr r0, =0xe000ed00
 *        ldr r1, [r0]
 */
static const uint16_t unprivileged_ppb[] = {
    0x2001, 0xf380, 0x8814, 0xf3bf, 0x8f6f, 0x4801, 0x6801, 0x0000, 0xed00, 0xe000,
};

/*
 *        ldr lr, =0xfffffff5
 *        mov r0, #0
 *        bx lr
 */
static const uint16_t return_to_nowhere[] = {
    0xf06f, 0x0e0a, 0xf04f, 0x0000, 0x4770,
};

static const struct fault_case {
    const char *name;
    const uint16_t *program;
    size_t size;
    enum cortexm_model model;
    uint32_t offset; /* of the instruction; of the target, for fetches, from 0 */
    unsigned number;
    uint32_t cfsr, bfar;
} fault_cases[] = {
    {"undefined", undefined, sizeof undefined, CORTEXM_M4, CODE + 2, 6, 1u << 16, 0},
    {"arm state", to_arm_state, sizeof to_arm_state, CORTEXM_M4, 0x1400, 6, 1u << 17, 0},
    {"load", load_nowhere, sizeof load_nowhere, CORTEXM_M4, CODE + 2, 5, 0x8200, NOWHERE + 0x14},
    {"ldmdb", pop_nowhere, sizeof pop_nowhere, CORTEXM_M4, CODE + 6, 5, 0x8200, NOWHERE + 0x3f0},
    {"store", store_nowhere, sizeof store_nowhere, CORTEXM_M4, CODE + 4, 5, 0x8200, NOWHERE + 0x13},
    {"rom", store_to_rom, sizeof store_to_rom, CORTEXM_M4, CODE + 6, 5, 0x8200, 0x2000},
    {"fetch", fetch_nowhere, sizeof fetch_nowhere, CORTEXM_M4, NOWHERE + 0x10, 5, 1u << 8, 0},
    {"xn", fetch_device, sizeof fetch_device, CORTEXM_M4, DEVICE + 0x10, 4, 1, 0},
    {"ldrex", unaligned_exclusive, sizeof unaligned_exclusive, CORTEXM_M4, CODE + 4, 6, 1u << 24,
     0},
    {"no fpu", use_fpu, sizeof use_fpu, CORTEXM_M3, CODE + 4, 6, 1u << 19, 0},
    {"fpu off", use_fpu, sizeof use_fpu, CORTEXM_M4, CODE + 4, 6, 1u << 19, 0},
    {"division", divide_by_zero, sizeof divide_by_zero, CORTEXM_M4, CODE + 4, 6, 1u << 25, 0},
    {"in it", divide_by_zero_in_it, sizeof divide_by_zero_in_it, CORTEXM_M4, CODE + 6, 6, 1u << 25,
     0},
    {"ppb", unprivileged_ppb, sizeof unprivileged_ppb, CORTEXM_M4, CODE + 12, 5, 0x8200,
     0xe000ed00},
};

/*
 *        bkpt 0xab
 */
static const uint16_t stop_here[] = {
    0xbeab,
};

static struct board *faulting(const struct fault_case *it, uint32_t shcsr)
{
    struct board *board =
        board_new(&(struct cortexm_options){.model = it->model}, it->program, it->size);
    board_load(board, CODE + 0x800, stop_here, sizeof stop_here);
    for (unsigned i = 3; i < 7; i++)
        board_vector(board, i, CODE + 0x800);
    board_set_ppb(board, SHCSR, shcsr);
    board_set_ppb(board, CCR, 1u << 4 | 1u << 9);
    board_finish(board);
    cr_assert_eq(board->trap.pc, it->offset, "%s: pc %llx", it->name,
                 (unsigned long long)board->trap.pc);
    cr_assert_eq(board_word(board, STACK - 8), it->offset, "%s", it->name);
    cr_assert_eq(board_ppb(board, CFSR), it->cfsr, "%s: %x", it->name, board_ppb(board, CFSR));
    if (it->bfar)
        cr_assert_eq(board_ppb(board, BFAR), it->bfar, "%s: %x", it->name, board_ppb(board, BFAR));
    return board;
}

Test(cortexm, each_fault_has_its_status)
{
    for (size_t i = 0; i < sizeof fault_cases / sizeof fault_cases[0]; i++) {
        const struct fault_case *it = &fault_cases[i];
        struct board *board = faulting(it, 7u << 16);
        cr_assert_eq(board->trap.cause, it->number, "%s: %llu", it->name,
                     (unsigned long long)board->trap.cause);
        cr_assert_eq(board_ppb(board, HFSR), 0, "%s", it->name);
        board_free(board);
    }
}

Test(cortexm, a_disabled_fault_is_a_hard_fault)
{
    for (size_t i = 0; i < sizeof fault_cases / sizeof fault_cases[0]; i++) {
        const struct fault_case *it = &fault_cases[i];
        struct board *board = faulting(it, 0);
        cr_assert_eq(board->trap.cause, 3, "%s", it->name);
        cr_assert_eq(board_ppb(board, HFSR), 1u << 30, "%s", it->name);
        board_free(board);
    }
}

/*
 *        cpsid i
 *        isb
 *        svc #0
 *        bkpt 0xab
 */
static const uint16_t masked_svc[] = {
    0xb672, 0xf3bf, 0x8f6f, 0xdf00, 0xbeab,
};

Test(cortexm, a_masked_svc_is_a_hard_fault)
{
    struct board *board = BOARD(masked_svc);
    board_finish(board);
    EXPECT_LOG(board, 3);
    cr_assert_eq(board_ppb(board, HFSR), 1u << 30);
    cr_assert_eq(board->trap.pc, CODE + 8, "after the SVC");
    board_free(board);
}

Test(cortexm, a_bad_return_is_a_usage_fault)
{
    struct board *board = BOARD(masked_svc);
    board_load(board, CODE, (const uint16_t[]){0xbf00, 0xbf00, 0xbf00}, 6);
    board_load(board, CODE + 0x400, return_to_nowhere, sizeof return_to_nowhere);
    board_vector(board, 11, CODE + 0x400);
    board_load(board, CODE + 0x800, stop_here, sizeof stop_here);
    board_vector(board, 6, CODE + 0x800);
    board_set_ppb(board, SHCSR, 7u << 16);
    board_finish(board);
    cr_assert_eq(board_reg(board, "xpsr") & 0x1ff, 6);
    cr_assert_eq(board_ppb(board, CFSR), 1u << 18);
    cr_assert_eq(board_reg(board, "lr"), 0xfffffff5);
    cr_assert_eq(board->returns, 0);
    board_free(board);
}

Test(cortexm, a_fault_in_the_hard_fault_handler_locks_up)
{
    struct board *board = BOARD(undefined);
    board_load(board, CODE + 0x400, undefined, sizeof undefined);
    board_vector(board, 3, CODE + 0x400);
    cr_assert_eq(board_run(board, 1000), CPU_FAILED);
    cr_assert_str_eq(board->err.text, "the core locked up at pc 0x00001402, HFSR 0x40000000, CFSR "
                                      "0x00010000");
    board_free(board);
}

Test(cortexm, a_frame_that_cannot_be_pushed_is_a_bus_fault)
{
    struct board *board = BOARD(masked_svc);
    board_load(board, CODE, (const uint16_t[]){0xbf00, 0xbf00, 0xbf00}, 6);
    cr_assert_eq(cpu_write(board->cpu, "sp", NOWHERE), 0);
    board_load(board, CODE + 0x800, stop_here, sizeof stop_here);
    board_vector(board, 5, CODE + 0x800);
    board_vector(board, 11, CODE + 0x800);
    board_set_ppb(board, SHCSR, 7u << 16);
    board_finish(board);
    cr_assert_eq(board_ppb(board, CFSR), 1u << 12);
    cr_assert_eq(board_ppb(board, SHCSR) & 0x8002, 0x8002, "SVCall is still pending");
    board_free(board);
}

/*
 *        movs r4, #0
 *        mov r5, #100
 *    again:
 *        sdiv r0, r4, r5
 *        adds r4, #3
 *        adds r6, r6, r0
 *        subs r5, #1
 *        bne again
 *        udiv r0, r4, r5
 *        bkpt 0xab
 */
static const uint16_t divide_often[] = {
    0x2400, 0xf04f, 0x0564, 0xfb94, 0xf0f5, 0x3403, 0x1836, 0x3d01, 0xd1f9, 0xfbb4, 0xf0f5, 0xbeab,
};

Test(cortexm, divisions_are_checked_again_and_again)
{
    struct board *board = BOARD(divide_often);
    board_load(board, CODE + 0x800, stop_here, sizeof stop_here);
    board_vector(board, 3, CODE + 0x800);
    board_set_ppb(board, CCR, 1u << 4 | 1u << 9);
    for (unsigned round = 1; round < 3; round++) {
        board_finish(board);
        cr_assert_eq(board->entries, round);
        cr_assert_eq(board_ppb(board, CFSR), 1u << 25);
        cr_assert_eq(board->trap.pc, CODE + 0x12);
        cr_assert_eq(board->cpu->counts.insns, round * (2 + 5 * 100 + 1 + 1));
        cr_assert_eq(board_reg(board, "r4"), 300);
        cr_assert_eq(cpu_reset(board->cpu, &board->err), 0);
        board_set_ppb(board, CCR, 1u << 4 | 1u << 9);
    }
    board_set_ppb(board, CCR, 1u << 9);
    board_finish(board);
    cr_assert_eq(board->entries, 2);
    cr_assert_eq(board_reg(board, "r0"), 0 + 1, "the host adds 1 to the quotient");
    board_free(board);
}

/*
 *        nop
 *        bkpt 1
 *        bkpt 0xab
 */
static const uint16_t break_here[] = {
    0xbf00,
    0xbe01,
    0xbeab,
};

Test(cortexm, a_breakpoint_is_a_hard_fault_or_goes_to_the_monitor)
{
    struct board *board = BOARD(break_here);
    board_load(board, CODE + 0x800, stop_here, sizeof stop_here);
    board_vector(board, 3, CODE + 0x800);
    board_vector(board, 12, CODE + 0x800);
    board_finish(board);
    cr_assert_eq(board->trap.cause, 3);
    cr_assert_eq(board->trap.pc, CODE + 2);
    cr_assert_eq(board_ppb(board, HFSR), 1u << 31);
    cr_assert_eq(cpu_reset(board->cpu, &board->err), 0);
    board_set_ppb(board, 0xe000edfc, 1u << 16);
    board_finish(board);
    cr_assert_eq(board->trap.cause, 12);
    cr_assert_eq(board_ppb(board, HFSR), 0);
    board_free(board);
}

/*
 *        ldr r0, =0x20004000
 *        msr psp, r0
 *        movs r0, #0x40
 *        msr basepri, r0
 *        ldr r0, =0xe000e200
 *        movs r1, #1
 *        str r1, [r0]         @ line 0, priority 0x80
 *        movs r0, #3
 *        msr control, r0
 *        isb
 *        movs r4, #5
 *    again:
 *        subs r4, #1
 *        bne again
 *        mov r5, r8
 *        svc #0               @ clears BASEPRI
 *        mov r6, r8
 *        mov r7, sp
 *        bkpt 0xab
 */
static const uint16_t masked_and_unprivileged[] = {
    0x480a, 0xf380, 0x8809, 0x2040, 0xf380, 0x8811, 0x4808, 0x2101, 0x6001,
    0x2003, 0xf380, 0x8814, 0xf3bf, 0x8f6f, 0x2405, 0x3c01, 0xd1fd, 0x4645,
    0xdf00, 0x4646, 0x466f, 0xbeab, 0x4000, 0x2000, 0xe200, 0xe000,
};

/*
 *        movs r0, #0
 *        msr basepri, r0
 *        bx lr
 */
static const uint16_t unmask[] = {
    0x2000,
    0xf380,
    0x8811,
    0x4770,
};

Test(cortexm, masks_hold_in_unprivileged_code)
{
    struct board *board = BOARD(masked_and_unprivileged);
    board_load(board, CODE + 0x400, count_in_r8, sizeof count_in_r8);
    board_vector(board, 16, CODE + 0x400);
    board_load(board, CODE + 0x800, unmask, sizeof unmask);
    board_vector(board, 11, CODE + 0x800);
    board_set_ppb(board, ISER, 1);
    board_set_ppb(board, 0xe000e400, 0x80);
    board_finish(board);
    cr_assert_eq(board_reg(board, "r5"), 0);
    cr_assert_eq(board_reg(board, "r6"), 1);
    cr_assert_eq(board_reg(board, "r7"), 0x20004000);
    board_free(board);
}

/*
 *        ldr r0, =0xe000ed0c
 *        ldr r1, =0x05fa0004
 *        str r1, [r0]
 *        bkpt 0xab
 */
static const uint16_t request_reset[] = {
    0x4801, 0x4902, 0x6001, 0xbeab, 0xed0c, 0xe000, 0x0004, 0x05fa,
};

Test(cortexm, reset_is_requested_and_starts_over)
{
    struct board *board = BOARD(request_reset);
    board_finish(board);
    cr_assert_eq(board->resets, 1);
    board_set_ppb(board, SHCSR, 7u << 16);
    cortexm_start_at(board->cpu, LOGGER, STACK - 64);
    cr_assert_eq(cpu_reset(board->cpu, &board->err), 0);
    cr_assert_eq(board_reg(board, "pc"), LOGGER);
    cr_assert_eq(board_reg(board, "sp"), STACK - 64);
    cr_assert_eq(board_ppb(board, SHCSR), 0);
    cr_assert_eq(cpu_reset(board->cpu, &board->err), 0);
    cr_assert_eq(board_reg(board, "pc"), CODE);
    cr_assert_eq(board_reg(board, "sp"), STACK);
    board_free(board);
}

Test(cortexm, bad_options_are_refused)
{
    struct memory *mem = memory_new(10);
    struct clock clock;
    clock_init(&clock, 1000);
    struct error err;
    struct cortexm_options options = {
        .mem = mem, .clock = &clock, .lines = 241, .priority_bits = 3};
    cr_assert_null(cortexm_new(&options, &err));
    cr_assert_str_eq(err.text, "interrupt lines: expected 1 to 240, found 241");
    options.lines = 32;
    options.priority_bits = 1;
    cr_assert_null(cortexm_new(&options, &err));
    cr_assert_str_eq(err.text, "priority bits: expected 2 to 8, found 1");
    options.priority_bits = 8;
    options.vectors = 0x40;
    cr_assert_null(cortexm_new(&options, &err));
    cr_assert_str_eq(err.text, "vector table: expected a multiple of 128, found 0x40");
    options.vectors = 0;
    cr_assert_null(cortexm_new(&options, &err));
    cr_assert_str_eq(err.text, "no memory at 0x00000000, where the vector table should be");
    memory_free(mem);
}
