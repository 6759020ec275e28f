/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/cortexm_board.h"

/* How a Cortex-M runs: exact stops, pauses, sleep, time, counts, states. */

/* ---- Exact stops ---- */

/* An IT block, a literal, accesses, a loop, a call, an SVC and a division. */
/*
 *        movs r4, #0
 *        movs r5, #5
 *        ldr r6, =0x20001000
 *    again:
 *        cmp r5, #3
 *        itete lt
 *        addlt r4, #1
 *        addge r4, #16
 *        strlt r4, [r6]
 *        strge r4, [r6, #4]
 *        push {r4, r5}
 *        pop {r0, r1}
 *        bl twice
 *        ldrd r2, r3, [r6]
 *        subs r5, #1
 *        bne again
 *        svc #0
 *        sdiv r7, r4, r0
 *        umull r8, r9, r4, r4
 *        bkpt 0xab
 *    twice:
 *        lsls r0, r0, #1
 *        bx lr
 */
static const uint16_t medley[] = {
    0x2400, 0x2505, 0x4e0b, 0x2d03, 0xbfb5, 0x3401, 0x3410, 0x6034, 0x6074, 0xb430,
    0xbc03, 0xf000, 0xf80a, 0xe9d6, 0x2300, 0x3d01, 0xd1f1, 0xdf00, 0xfb94, 0xf7f0,
    0xfba4, 0x8904, 0xbeab, 0x0040, 0x4770, 0x0000, 0x1000, 0x2000,
};

static struct board *medley_board(const struct cortexm_options *options)
{
    return board_new(options, medley, sizeof medley);
}

struct point {
    uint64_t insns, ticks;
    uint32_t pc, r0, r4, it;
};

static void look_at(struct board *board, struct point *point)
{
    *point = (struct point){board->cpu->counts.insns, board->clock.now,
                            board_reg(board, "pc"),   board_reg(board, "r0"),
                            board_reg(board, "r4"),   board_reg(board, "xpsr") & 0x0600fc00};
}

static void expect_end(struct board *board)
{
    board_finish(board);
    cr_assert_eq(board_reg(board, "r4"), 3 * 16 + 2);
    cr_assert_eq(board_reg(board, "r7"), 0);
    cr_assert_eq(board_reg(board, "r8"), 2500);
    EXPECT_LOG(board, 11);
}

/* The whole path, one instruction at a time. */
static size_t trace(struct point *points, size_t size, const struct cortexm_options *options)
{
    struct board *board = medley_board(options);
    size_t count = 0;
    for (; count < size && !board->semihosts; count++) {
        look_at(board, &points[count]);
        cpu_stop_exactly(board->cpu, points[count].insns + 1, UINT64_MAX);
        enum cpu_stop stop = cpu_run(board->cpu, &board->err);
        if (!board->semihosts)
            cr_assert_eq(stop, CPU_DEADLINE, "%d %s", stop, board->err.text);
    }
    board_free(board);
    return count;
}

Test(cortexm_run, steps_one_instruction_at_a_time)
{
    struct point points[200];
    size_t count = trace(points, 200, NULL);
    cr_assert_lt(count, 200);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(points[i].insns, i);
        cr_assert_eq(points[i].ticks, i);
    }
    /* cmp, itete, and the four that it makes conditional */
    const uint32_t first[] = {0x1000, 0x1002, 0x1004, 0x1006, 0x1008, 0x100a};
    for (size_t i = 0; i < 6; i++)
        cr_assert_eq(points[i].pc, first[i], "%zu: %x", i, points[i].pc);
    cr_assert_eq(points[4].it, 0);
    cr_assert_eq(points[5].it, 0x0200b400, "%x", points[5].it); /* ITSTATE 10110101 */
    struct board *board = medley_board(NULL);
    expect_end(board);
    cr_assert_eq(board->cpu->counts.insns, count);
    board_free(board);
}

Test(cortexm_run, stops_before_any_instruction_and_goes_on)
{
    struct point points[200], there;
    size_t count = trace(points, 200, NULL);
    for (size_t i = 1; i < count; i++) {
        struct board *board = medley_board(NULL);
        cpu_stop_exactly(board->cpu, i, UINT64_MAX);
        cr_assert_eq(cpu_run(board->cpu, &board->err), CPU_DEADLINE, "%s", board->err.text);
        look_at(board, &there);
        cr_assert(!memcmp(&there, &points[i], sizeof there), "%zu: at %x, expected %x", i, there.pc,
                  points[i].pc);
        cpu_stop_exactly(board->cpu, UINT64_MAX, UINT64_MAX);
        expect_end(board);
        cr_assert_eq(board->cpu->counts.insns, count);
        board_free(board);
    }
}

static void price_cycles(void *opaque, uint64_t pc, const struct block *block,
                         struct cpu_price *price)
{
    (void)opaque;
    price->class = pc >= CODE && pc < CODE + 0x400;
    price->ticks = block->cycles;
    price->energy = 3u * block->insns;
}

static const struct cortexm_options priced = {
    .model = CORTEXM_M4, .pricing = {.price = price_cycles, .classes = 2, .taken_branch = 2}};

/* Wait states included, whenever they are added. */
Test(cortexm_run, stops_at_any_tick)
{
    struct point points[200], there;
    size_t count = trace(points, 200, &priced), last = 0;
    while (last < count && points[last].pc != CODE + 0x22) /* the SVC: entry takes ticks too */
        last++;
    cr_assert_lt(last, count);
    for (unsigned wait = 0; wait < 4; wait += 3) {
        for (uint64_t tick = 1; tick < points[last].ticks; tick++) {
            struct board *board = medley_board(&priced);
            memory_set_state(board->mem, DATA, 4, PAGE_PRECISE);
            if (wait) { /* let it see how long an access takes */
                board->wait = wait;
                void *state = malloc(cpu_state_size(board->cpu));
                cpu_save(board->cpu, state);
                board_finish(board);
                cpu_restore(board->cpu, state);
                board->clock.now = 0;
                board_put(board, LOG, 0);
                board->semihosts = 0;
                free(state);
            }
            cpu_stop_exactly(board->cpu, UINT64_MAX, tick);
            cr_assert_eq(cpu_run(board->cpu, &board->err), CPU_DEADLINE, "%s", board->err.text);
            look_at(board, &there);
            cr_assert_geq(there.ticks, tick);
            cr_assert_geq(there.insns, 1);
            uint64_t insns = there.insns;
            cr_assert_eq(there.pc, points[insns].pc);
            if (!wait)
                cr_assert(points[insns - 1].ticks < tick && points[insns].ticks >= tick,
                          "tick %u: %u insns at %u", (unsigned)tick, (unsigned)insns,
                          (unsigned)there.ticks);
            else /* one instruction takes that long at most: a load of two words */
                cr_assert_leq(there.ticks - tick, 2 + 2 * wait);
            cpu_stop_exactly(board->cpu, UINT64_MAX, UINT64_MAX);
            expect_end(board);
            board_free(board);
        }
    }
}

Test(cortexm_run, tallies_add_up)
{
    struct board *board = medley_board(&priced);
    expect_end(board);
    const struct cpu_tally *tallies;
    unsigned running;
    cr_assert_eq(cpu_tallies(board->cpu, &tallies, &running), 2);
    cr_assert_eq(running, 1);
    const struct cpu_counts *counts = &board->cpu->counts;
    cr_assert_eq(tallies[0].insns, 7, "the logger");
    cr_assert_eq(tallies[0].loads, 2);
    cr_assert_eq(tallies[0].stores, 2);
    cr_assert_eq(tallies[0].energy, 21);
    cr_assert_eq(tallies[0].insns + tallies[1].insns, counts->insns);
    cr_assert_eq(tallies[0].loads + tallies[1].loads, counts->loads);
    cr_assert_eq(tallies[0].stores + tallies[1].stores, counts->stores);
    cr_assert_eq(tallies[0].ticks + tallies[1].ticks, board->clock.now);
    cr_assert_eq(counts->cycles, board->clock.now);
    board_free(board);
}

/* movs 1, ldr 2, b 1 + 2; str 1, push of three 4, subs 1, bne 1 + 2 the first time; nop 1, bkpt 1
 */
/*
 *        movs r5, #2
 *        ldr r6, =0x20001000
 *        b loop
 *        nop
 *    loop:
 *        str r5, [r6]
 *        push {r0, r1, r2}
 *        subs r5, #1
 *        bne loop
 *        nop
 *        bkpt 0xab
 */
static const uint16_t timed[] = {
    0x2502, 0x4e04, 0xe000, 0xbf00, 0x6035, 0xb407, 0x3d01, 0xd1fb, 0xbf00, 0xbeab, 0x1000, 0x2000,
};

Test(cortexm_run, cycles_are_those_of_the_manual)
{
    struct board *board = board_new(&priced, timed, sizeof timed);
    board_finish(board);
    cr_assert_eq(board->clock.now, 1 + 2 + 1 + 2 + 7 + 2 + 7 + 1 + 1, "%u",
                 (unsigned)board->clock.now);
    cr_assert_eq(board->cpu->counts.stores, 8, "one for each register");
    cr_assert_eq(board->cpu->counts.loads, 1);
    board_free(board);
}

/*
 *        movs r4, #1
 *        ldr r0, =0x30000010
 *        ldr r1, [r0, #4]
 *        movs r4, #2
 *        str r4, [r0]
 *        bkpt 0xab
 */
static const uint16_t load_nowhere[] = {
    0x2401, 0x4802, 0x6841, 0x2402, 0x6004, 0xbeab, 0x0010, 0x3000,
};

Test(cortexm_run, a_block_cut_short_counts_what_it_did)
{
    struct board *board = board_new(&priced, load_nowhere, sizeof load_nowhere);
    board_load(board, LOGGER, (const uint16_t[]){0xbeab}, 2);
    board_finish(board);
    cr_assert_eq(board_reg(board, "r4"), 1);
    const struct cpu_tally *tallies;
    cpu_tallies(board->cpu, &tallies, NULL);
    cr_assert_eq(tallies[1].insns, 3);
    cr_assert_eq(tallies[1].loads, 2);
    cr_assert_eq(tallies[1].stores, 0);
    cr_assert_eq(tallies[1].energy, 9);
    cr_assert_eq(tallies[1].ticks, 1 + 2 + 2 + 12);
    cr_assert_eq(board->clock.now, 1 + 2 + 2 + 12 + 1);
    cr_assert_eq(board->cpu->counts.insns, 4);
    board_free(board);
}

/* ---- Pauses ---- */

/*
 *        ldr r0, =0x40000000
 *        movs r1, #7
 *        str r1, [r0]
 *        movs r2, #8
 *        str r2, [r0]
 *        svc #0
 *        movs r3, #1
 *        bkpt 0xab
 */
static const uint16_t store_then_svc[] = {
    0xf04f, 0x4080, 0x2107, 0x6001, 0x2208, 0x6002, 0xdf00, 0x2301, 0xbeab,
};

Test(cortexm_run, a_pause_within_an_access_defers_what_ends_the_block)
{
    struct board *board = BOARD(store_then_svc);
    board->pause = true;
    cr_assert_eq(cpu_run(board->cpu, &board->err), CPU_PAUSED);
    cr_assert_eq(board->stored, 8);
    cr_assert_eq(board->entries, 0);
    cr_assert_eq(board_reg(board, "r2"), 8);
    board->pause = false;
    board_finish(board);
    EXPECT_LOG(board, 11);
    cr_assert_eq(board_reg(board, "r3"), 1);
    board_free(board);
}

Test(cortexm_run, without_power_the_rest_of_the_block_has_no_effect)
{
    struct board *board = BOARD(store_then_svc);
    board->pause = board->unplug = true;
    cr_assert_eq(cpu_run(board->cpu, &board->err), CPU_PAUSED);
    cr_assert_eq(board->stored, 7);
    cr_assert_eq(board->entries, 0);
    cr_assert_eq(board_word(board, STACK - 8), 0);
    memory_set_power(board->mem, true);
    board->pause = board->unplug = false;
    cr_assert_eq(cpu_reset(board->cpu, &board->err), 0);
    board_finish(board);
    EXPECT_LOG(board, 11);
    board_free(board);
}

/*
 *        movs r4, #3
 *    again:
 *        bl callee
 *        subs r4, #1
 *        bne again
 *        bkpt 0xab
 *        nop
 *    callee:
 *        adds r5, #1
 *        adds r6, #1
 *        bx lr
 */
static const uint16_t call_three_times[] = {
    0x2403, 0xf000, 0xf804, 0x3c01, 0xd1fb, 0xbeab, 0xbf00, 0x3501, 0x3601, 0x4770,
};

Test(cortexm_run, watched_functions_are_announced)
{
    struct board *board = BOARD(call_three_times);
    cr_assert_eq(cpu_watch(board->cpu, (CODE + 0xe) | 1), 0);
    board_finish(board);
    cr_assert_eq(board->watched, 3);
    cr_assert_eq(board_reg(board, "r5"), 3);
    board_free(board);
}

Test(cortexm_run, instructions_within_blocks_are_announced)
{
    struct board *board = BOARD(call_three_times);
    cr_assert_eq(cpu_stop_at(board->cpu, CODE + 0x10, &board->err), 0);
    board_finish(board);
    cr_assert_eq(board->reached, 3);
    cr_assert_eq(board_reg(board, "r6"), 3);
    board_free(board);
}

static void pause_where_reached(void *opaque, unsigned hart, uint64_t pc)
{
    struct board *board = opaque;
    (void)hart;
    cr_assert_eq(cpu_general(board->cpu, 5), cpu_general(board->cpu, 6) + 1);
    cr_assert_eq(board->cpu->ops->pc(board->cpu), pc);
    cpu_pause(board->cpu);
}

Test(cortexm_run, a_pause_where_an_instruction_is_reached_is_exact)
{
    struct board *board = BOARD(call_three_times);
    struct cpu_listener listener = {.reached = pause_where_reached, .opaque = board};
    cr_assert_eq(cpu_listen(board->cpu, &listener), 0);
    cr_assert_eq(cpu_stop_at(board->cpu, CODE + 0x10, &board->err), 0);
    cr_assert_eq(cpu_run(board->cpu, &board->err), CPU_PAUSED);
    cr_assert_eq(board_reg(board, "pc"), CODE + 0x10);
    cr_assert_eq(board_reg(board, "r5"), 1);
    cr_assert_eq(board_reg(board, "r6"), 0);
    cr_assert_eq(board->cpu->counts.insns, 3);
    board_free(board);
}

/* ---- States ---- */

Test(cortexm_run, a_state_taken_anywhere_goes_on_from_there)
{
    struct point points[200], there;
    size_t count = trace(points, 200, NULL);
    struct board *board = medley_board(NULL);
    size_t size = (cpu_state_size(board->cpu) + 7) & ~(size_t)7;
    uint8_t *states = malloc(count * size), *ram = malloc(count * SIZE);
    for (size_t i = 0; i < count; i++) {
        cpu_save(board->cpu, states + i * size);
        cr_assert_eq(memory_read(board->mem, RAM, ram + i * SIZE, SIZE), 0);
        cpu_stop_exactly(board->cpu, i + 1, UINT64_MAX);
        cpu_run(board->cpu, &board->err);
    }
    cpu_stop_exactly(board->cpu, UINT64_MAX, UINT64_MAX);
    for (size_t i = count; i-- > 0;) {
        cpu_restore(board->cpu, states + i * size);
        board->clock.now = points[i].ticks;
        cr_assert_eq(memory_write(board->mem, RAM, ram + i * SIZE, SIZE), 0);
        look_at(board, &there);
        cr_assert(!memcmp(&there, &points[i], sizeof there), "%zu: at %x, expected %x", i, there.pc,
                  points[i].pc);
        expect_end(board);
        cr_assert_eq(board->cpu->counts.insns, count);
    }
    free(states);
    free(ram);
    board_free(board);
}

/*
 *        movs r4, #0
 *        mov r5, #1000
 *    again:
 *        tst r5, #1
 *        itett ne
 *        addne r4, #1
 *        addeq r4, #100
 *        addne r4, #2
 *        addne r4, #3
 *        subs r5, #1
 *        bne again
 *        bkpt 0xab
 */
static const uint16_t interrupted_it_blocks[] = {
    0x2400, 0xf44f, 0x757a, 0xf015, 0x0f01, 0xbf17, 0x3401,
    0x3464, 0x3402, 0x3403, 0x3d01, 0xd1f6, 0xbeab,
};

/*
 *        adds r8, #1
 *        movs r0, #0
 *        cmp r0, #1
 *        bx lr
 */
static const uint16_t spoil_flags[] = {
    0xf118, 0x0801, 0x2000, 0x2801, 0x4770,
};

Test(cortexm_run, an_interrupt_does_not_disturb_it_blocks)
{
    struct board *board = BOARD(interrupted_it_blocks);
    board_load(board, CODE + 0x400, spoil_flags, sizeof spoil_flags);
    board_vector(board, 16, CODE + 0x400);
    board_set_ppb(board, ISER, 1);
    enum cpu_stop stop = CPU_DEADLINE;
    unsigned raised = 0;
    for (uint64_t insns = 7; stop == CPU_DEADLINE; insns = board->cpu->counts.insns + 7) {
        cpu_stop_exactly(board->cpu, insns, UINT64_MAX);
        stop = cpu_run(board->cpu, &board->err);
        cpu_set_irq(board->cpu, 0, true);
        cpu_set_irq(board->cpu, 0, false);
        raised += stop == CPU_DEADLINE;
    }
    cr_assert_eq(stop, CPU_PAUSED, "%s", board->err.text);
    cr_assert_eq(board_reg(board, "r4"), 500 * 106);
    cr_assert_gt(board_reg(board, "r8"), 500);
    cr_assert_eq(board_reg(board, "sp"), STACK);
    board_free(board);
}

/*
 *        ldr r3, =0x20001001
 *        blx r3
 *        mov r4, r0
 *        ldr r1, =0x20001000
 *        ldr r2, =0x2009      @ movs r0, #9
 *        strh r2, [r1]
 *        dsb
 *        isb
 *        blx r3
 *        bkpt 0xab
 */
static const uint16_t in_ram[] = {
    0x4b06, 0x4798, 0x4604, 0x4906, 0xf242, 0x0209, 0x800a, 0xf3bf, 0x8f4f,
    0xf3bf, 0x8f6f, 0x4798, 0xbeab, 0x0000, 0x1001, 0x2000, 0x1000, 0x2000,
};

/*
 *        movs r0, #5
 *        bx lr
 */
static const uint16_t return_five[] = {
    0x2005,
    0x4770,
};

Test(cortexm_run, code_in_ram_may_change)
{
    struct board *board = BOARD(in_ram);
    board_load(board, DATA, return_five, sizeof return_five);
    board_finish(board);
    cr_assert_eq(board_reg(board, "r4"), 5);
    cr_assert_eq(board_reg(board, "r0"), 9 + 1, "the host adds 1");
    board_load(board, DATA, return_five, sizeof return_five);
    cr_assert_eq(cpu_reset(board->cpu, &board->err), 0);
    board_finish(board);
    cr_assert_eq(board_reg(board, "r4"), 5);
    board_free(board);
}

Test(cortexm_run, precise_pages_announce_each_access)
{
    struct board *board = medley_board(NULL);
    memory_set_state(board->mem, DATA, 4, PAGE_PRECISE);
    expect_end(board);
    cr_assert_eq(board->accesses, 5 + 5 * 2);
    cr_assert_eq(board_word(board, DATA), 50);
    cr_assert_eq(board_word(board, DATA + 4), 48);
    board_free(board);
}

/* ---- Sleep (B1.5.18, B1.5.19) ---- */

/*
 *        cpsid i
 *        wfi
 *        movs r4, #1
 *        cpsie i
 *        isb
 *        movs r5, #1
 *        bkpt 0xab
 */
static const uint16_t sleep_masked[] = {
    0xb672, 0xbf30, 0x2401, 0xb662, 0xf3bf, 0x8f6f, 0x2501, 0xbeab,
};

Test(cortexm_run, wfi_wakes_though_primask_is_set)
{
    struct board *board = BOARD(sleep_masked);
    board_set_ppb(board, ISER, 1);
    cr_assert_eq(board_run(board, 1000), CPU_IDLE);
    cr_assert(cpu_idle(board->cpu));
    cpu_set_irq(board->cpu, 1, true);
    cr_assert(cpu_idle(board->cpu), "line 1 is not enabled");
    cr_assert_eq(board_run(board, 1000), CPU_IDLE);
    cpu_set_irq(board->cpu, 0, true);
    cpu_set_irq(board->cpu, 0, false);
    cr_assert_not(cpu_idle(board->cpu));
    cr_assert_eq(board->entries, 0);
    board_finish(board);
    EXPECT_LOG(board, 16);
    cr_assert_eq(board_reg(board, "r5"), 1);
    board_free(board);
}

/*
 *        sev
 *        wfe
 *        movs r4, #1
 *        wfe
 *        movs r4, #2
 *        wfe.w
 *        yield
 *        movs r4, #3
 *        bkpt 0xab
 */
static const uint16_t sleep_for_events[] = {
    0xbf40, 0xbf20, 0x2401, 0xbf20, 0x2402, 0xf3af, 0x8002, 0xbf10, 0x2403, 0xbeab,
};

Test(cortexm_run, wfe_consumes_events)
{
    struct board *board = BOARD(sleep_for_events);
    cr_assert_eq(board_run(board, 1000), CPU_IDLE);
    cr_assert_eq(board_reg(board, "r4"), 1);
    cpu_set_irq(board->cpu, 0, true);
    cr_assert(cpu_idle(board->cpu), "an interrupt that is not enabled is no event");
    cpu_set_irq(board->cpu, 0, false);
    board_set_ppb(board, 0xe000e280, 1);
    board_set_ppb(board, SCR, 1u << 4); /* SEVONPEND */
    cpu_set_irq(board->cpu, 0, true);
    cr_assert_eq(board_run(board, 1000), CPU_IDLE);
    cr_assert_eq(board_reg(board, "r4"), 2);
    board_set_ppb(board, ISER, 1);
    cpu_set_irq(board->cpu, 0, false);
    board_finish(board);
    cr_assert_eq(board_reg(board, "r4"), 3);
    EXPECT_LOG(board, 16);
    board_free(board);
}

Test(cortexm_run, sleep_on_exit)
{
    struct board *board = BOARD(sleep_masked);
    board_load(board, CODE, (const uint16_t[]){0xbf00}, 2);
    board_set_ppb(board, SCR, 1u << 1);
    board_set_ppb(board, ISER, 1);
    cpu_set_irq(board->cpu, 0, true);
    cpu_set_irq(board->cpu, 0, false);
    cr_assert_eq(board_run(board, 1000), CPU_IDLE);
    cr_assert_eq(board_reg(board, "pc"), CODE);
    EXPECT_LOG(board, 16);
    board_free(board);
}

/* ---- Time (B3.3, C1.8) ---- */

/*
 *        ldr r6, =0xe000e010
 *        movs r0, #99
 *        str r0, [r6, #4]
 *        str r0, [r6, #8]     @ clears the counter
 *        movs r0, #7
 *        str r0, [r6]
 *        isb
 *    again:
 *        wfi
 *        ldr r0, =0x20000100
 *        ldr r0, [r0]
 *        cmp r0, #20
 *        bne again
 *        ldr r4, [r6, #8]
 *        ldr r5, [r6]
 *        ldr r7, [r6]
 *        bkpt 0xab
 */
static const uint16_t tick_five_times[] = {
    0x4e08, 0x2063, 0x6070, 0x60b0, 0x2007, 0x6030, 0xf3bf, 0x8f6f, 0xbf30, 0x4805, 0x6800,
    0x2814, 0xd1fa, 0x68b4, 0x6835, 0x6837, 0xbeab, 0x0000, 0xe010, 0xe000, 0x0100, 0x2000,
};

Test(cortexm_run, systick_counts_every_tick)
{
    struct board *board = BOARD(tick_five_times);
    board_finish(board);
    EXPECT_LOG(board, 15, 15, 15, 15, 15);
    cr_assert_eq(board_reg(board, "r5"), 0x10007);
    cr_assert_eq(board_reg(board, "r7"), 7, "reading clears COUNTFLAG");
    /* Started by the block that ends at 7 ticks; then each 100. */
    uint64_t last = 7 + 5 * 100;
    uint32_t end = (uint32_t)(board->clock.now - last);
    cr_assert_lt(end, 40);
    cr_assert_eq(board_reg(board, "r4"), 100 - end + 1 - 1, "%u after %u", board_reg(board, "r4"),
                 end);
    board_free(board);
}

Test(cortexm_run, systick_registers)
{
    struct board *board = BOARD(tick_five_times);
    cr_assert_eq(board_ppb(board, 0xe000e010), 4, "there is no reference clock");
    cr_assert_eq(board_ppb(board, 0xe000e01c), 0x80000000 | (10000 - 1));
    board_set_ppb(board, 0xe000e014, 9);
    board_set_ppb(board, 0xe000e010, 5);
    static const uint32_t values[] = {0, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 9, 8};
    for (unsigned i = 0; i < 13; i++) {
        cr_assert_eq(board_ppb(board, 0xe000e018), values[i], "%u: %u", i,
                     board_ppb(board, 0xe000e018));
        board->clock.now++;
    }
    cr_assert_eq(board_ppb(board, ICSR) >> 26 & 1, 0, "TICKINT is clear");
    board_set_ppb(board, 0xe000e010, 0);
    board->clock.now += 5;
    cr_assert_eq(board_ppb(board, 0xe000e018), 7);
    board_free(board);
}

Test(cortexm_run, systick_with_a_reference_clock)
{
    struct board *board = board_new(&(struct cortexm_options){.reference_hz = 100000},
                                    tick_five_times, sizeof tick_five_times);
    cr_assert_eq(board_ppb(board, 0xe000e010), 0);
    cr_assert_eq(board_ppb(board, 0xe000e01c), 999);
    board_set_ppb(board, 0xe000e014, 9);
    board_set_ppb(board, 0xe000e010, 1);
    board->clock.now = 35;
    cr_assert_eq(board_ppb(board, 0xe000e018), 7);
    board->clock.now = 100;
    cr_assert_eq(board_ppb(board, 0xe000e018), 0);
    cr_assert_eq(board_ppb(board, 0xe000e010), 0x10001);
    board_free(board);
}

/*
 *        ldr r0, =0xe0001000
 *        ldr r1, =0xe000edfc
 *        mov r2, #0x01000000
 *        str r2, [r1]
 *        movs r2, #1
 *        str r2, [r0]
 *        b next
 *    next:
 *        ldr r4, [r0, #4]
 *        b after
 *    after:
 *        nop
 *        nop
 *        nop
 *        ldr r5, [r0, #4]
 *        bkpt 0xab
 */
static const uint16_t cycle_counter[] = {
    0x4807, 0x4908, 0xf04f, 0x7280, 0x600a, 0x2201, 0x6002, 0xe7ff, 0x6844, 0xe7ff,
    0xbf00, 0xbf00, 0xbf00, 0x6845, 0xbeab, 0x0000, 0x1000, 0xe000, 0xedfc, 0xe000,
};

Test(cortexm_run, cycles_are_counted)
{
    struct board *board = BOARD(cycle_counter);
    board_finish(board);
    cr_assert_eq(board_reg(board, "r4"), 2);
    cr_assert_eq(board_reg(board, "r5"), 2 + 5);
    cr_assert_eq(board_ppb(board, 0xe0001000) & 1, 1);
    board_set_ppb(board, 0xe0001000, 0);
    uint32_t held = board_ppb(board, 0xe0001004);
    board->clock.now += 10;
    cr_assert_eq(board_ppb(board, 0xe0001004), held);
    board_set_ppb(board, 0xe0001000, 1);
    board->clock.now += 10;
    cr_assert_eq(board_ppb(board, 0xe0001004), held + 10);
    board_free(board);
}

/* ---- Registers by name ---- */

Test(cortexm_run, registers_by_name)
{
    struct board *board = BOARD(medley);
    static const char *const names[] = {"r0",      "r12",     "sp",        "lr", "msp", "psp",
                                        "primask", "basepri", "faultmask", "s0", "s31"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        uint32_t value = !strcmp(names[i], "primask") || !strcmp(names[i], "faultmask") ? 1 : 64;
        cr_assert_eq(cpu_write(board->cpu, names[i], value), 0, "%s", names[i]);
        cr_assert_eq(board_reg(board, names[i]), value, "%s", names[i]);
    }
    cr_assert_neq(cpu_write(board->cpu, "x1", 0), 0);
    cr_assert_eq(cpu_general_number(board->cpu, "lr"), 14);
    cr_assert_eq(cpu_general_number(board->cpu, "pc"), -1);
    cr_assert_eq(cpu_general(board->cpu, 13), 64);
    cr_assert_eq(cpu_write(board->cpu, "pc", LOGGER | 1), 0);
    cr_assert_eq(board_reg(board, "pc"), LOGGER);
    cr_assert_eq(board_ppb(board, 0xe000ed00), 0x410fc241);
    cr_assert_eq(board_ppb(board, 0xe000ed90), 0, "no MPU");
    board_free(board);
}
