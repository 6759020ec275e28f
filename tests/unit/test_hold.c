/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/cortexm_board.h"

#include "cpu/riscv.h"

/* cpu_hold_at(), cpu_block_start(), and that a state brings back all that makes blocks count. */

/*
 *        movs r4, #0
 *        movs r5, #5
 *        ldr r6, =0x20001000
 *    again:
 *        str r5, [r6]
 *        cmp r5, #3
 *        it lt
 *        addlt r4, #1
 *        bl twice
 *        subs r5, #1
 *        bne again
 *        svc #0
 *        movs r0, #3
 *        sdiv r7, r4, r0
 *        movs r1, #1
 *        bkpt 0xab
 *    twice:
 *        str r4, [r6, #4]
 *        bx lr
 */
static const uint16_t program[] = {
    0x2400, 0x2505, 0x4e08, 0x6035, 0x2d03, 0xbfb8, 0x3401, 0xf000, 0xf808, 0x3d01, 0xd1f7,
    0xdf00, 0x2003, 0xfb94, 0xf7f0, 0x2101, 0xbeab, 0x6074, 0x4770, 0x0000, 0x1000, 0x2000,
};

static void price(void *opaque, uint64_t pc, const struct block *block, struct cpu_price *to)
{
    (void)opaque;
    to->class = pc >= CODE && pc < CODE + 0x400;
    to->ticks = block->cycles;
    to->energy = (block->size + 3u) / 4;
}

static const struct cortexm_options priced = {
    .model = CORTEXM_M4, .pricing = {.price = price, .classes = 2, .taken_branch = 2}};

/* What a run came to. */
struct result {
    struct cpu_counts counts;
    struct cpu_tally tallies[2];
    uint64_t now;
    uint32_t r4, r7;
};

static struct result finish(struct board *board)
{
    struct result result = {0};
    const struct cpu_tally *tallies;
    board_finish(board);
    result.counts = board->cpu->counts;
    result.counts.tlb_fills = result.counts.tlb_flushes = 0;
    cr_assert_eq(cpu_tallies(board->cpu, &tallies, NULL), 2);
    memcpy(result.tallies, tallies, sizeof result.tallies);
    result.now = board->clock.now;
    result.r4 = board_reg(board, "r4");
    result.r7 = board_reg(board, "r7");
    return result;
}

static void expect_same(const struct result *a, const struct result *b)
{
    cr_expect_not(memcmp(&a->counts, &b->counts, sizeof a->counts));
    cr_expect_not(memcmp(a->tallies, b->tallies, sizeof a->tallies));
    cr_expect_eq(a->now, b->now);
    cr_expect_eq(a->r4, b->r4);
    cr_expect_eq(a->r7, b->r7);
}

static struct board *open_board(void)
{
    struct board *board = board_new(&priced, program, sizeof program);
    memory_set_state(board->mem, DATA, 4, PAGE_PRECISE);
    board->wait = 3;
    return board;
}

static void hold(struct board *board, uint64_t insns)
{
    cpu_hold_at(board->cpu, insns);
    cr_assert_eq(cpu_run(board->cpu, &board->err), CPU_HELD, "%s", board->err.text);
}

Test(hold, is_not_noticed)
{
    struct board *board = open_board();
    const struct result plain = finish(board);
    board_free(board);
    cr_assert_eq(plain.r4, 2);
    uint64_t before = 0;
    for (uint64_t i = 0; i + 3 < plain.counts.insns; i++) {
        board = open_board();
        hold(board, i);
        uint64_t insns = board->cpu->counts.insns, pc = board_reg(board, "pc");
        cr_expect(insns >= i && insns >= before && insns < i + 8, "%u: %u", (unsigned)i,
                  (unsigned)insns);
        before = insns;
        hold(board, i); /* it is there */
        cr_expect_eq(board->cpu->counts.insns, insns);
        cr_expect_eq(board_reg(board, "pc"), pc);
        cpu_hold_at(board->cpu, UINT64_MAX);
        const struct result held = finish(board);
        expect_same(&held, &plain);
        board_free(board);
    }
    board = open_board();
    for (uint64_t insns = 0; insns + 8 < plain.counts.insns; insns = board->cpu->counts.insns + 1)
        hold(board, insns);
    cpu_hold_at(board->cpu, UINT64_MAX);
    const struct result held = finish(board);
    expect_same(&held, &plain);
    board_free(board);
}

/* Where blocks of accesses begin. */
struct starts {
    struct cpu *cpu;
    uint64_t at[32];
    size_t count;
};

static void on_access(void *opaque, uint64_t gpa, unsigned size, enum access_kind kind,
                      uint64_t value)
{
    struct starts *starts = opaque;
    (void)gpa;
    (void)size;
    (void)kind;
    (void)value;
    cr_assert_lt(starts->count, 32);
    starts->at[starts->count++] = cpu_block_start(starts->cpu);
}

Test(hold, a_blocks_start_is_before_what_it_does)
{
    struct board *board = open_board();
    struct starts starts = {.cpu = board->cpu}, none = {0};
    const struct memory_listener listener = {.access = on_access, .opaque = &starts};
    cr_assert_not(memory_listen(board->mem, &listener));
    (void)finish(board);
    board_free(board);
    cr_assert_eq(starts.count, 10);
    for (size_t i = 0; i < starts.count; i++) {
        board = open_board();
        none = (struct starts){.cpu = board->cpu};
        const struct memory_listener counter = {.access = on_access, .opaque = &none};
        cr_assert_not(memory_listen(board->mem, &counter));
        hold(board, starts.at[i]);
        cr_expect_eq(board->cpu->counts.insns, starts.at[i]);
        cr_expect_eq(none.count, i, "%zu: %zu", i, none.count);
        board_free(board);
    }
}

/* Blocks end at a division that may have to be trapped, until it was looked at once. */
Test(hold, a_state_knows_what_was_checked)
{
    struct board *board = open_board();
    uint8_t *state = malloc(cpu_state_size(board->cpu));
    board_set_ppb(board, CCR, 0x210); /* DIV_0_TRP, STKALIGN */
    cpu_save(board->cpu, state);
    const struct result first = finish(board);
    cpu_restore(board->cpu, state);
    board->clock.now = 0;
    const struct result again = finish(board);
    expect_same(&again, &first);
    free(state);
    board_free(board);
}

/* ---- RISC-V -------------------------------------------------------------------------------- */

#define DRAM UINT64_C(0x80000000)

static const uint32_t flags[] = {
    0x000062b7, /* lui t0, 6 */
    0x30029073, /* csrw mstatus, t0: floating point on */
    0x001ad073, /* csrwi fflags, 0x15 */
    0x30001073, /* csrw mstatus, zero */
    0x00000013, /* nop */
    0x30029073, /* csrw mstatus, t0 */
    0x00059463, /* bnez a1, 1f */
    0x00115073, /* csrwi fflags, 2 */
    0x00102573, /* 1: csrr a0, fflags */
    0x0000006f, /* j . */
};

static void run_to(struct cpu *cpu, uint64_t insns)
{
    struct error err = {""};
    cpu_hold_at(cpu, insns);
    cr_assert_eq(cpu_run(cpu, &err), CPU_HELD, "%s", err.text);
}

static uint64_t a0_of(struct cpu *cpu)
{
    uint64_t value = 0;
    cr_assert_not(cpu_register_value(cpu, "a0", &value));
    return value;
}

/* With floating point on or off. */
Test(hold, a_state_has_the_accrued_exceptions)
{
    for (uint64_t at = 3; at <= 5; at++) {
        struct error err = {""};
        struct clock clock;
        struct memory *mem = memory_new(12);
        clock_init(&clock, 1000000);
        cr_assert_not(memory_add(mem, "ram", DRAM, 0x1000, REGION_RAM, false, &err));
        cr_assert_not(memory_load(mem, DRAM, flags, sizeof flags));
        struct riscv_shared *shared = riscv_shared_new(&err);
        const struct riscv_options options = {.mem = mem, .clock = &clock, .shared = shared};
        struct cpu *cpu = riscv_new(&options, DRAM, &err);
        cr_assert(cpu, "%s", err.text);
        run_to(cpu, at);
        uint8_t *state = malloc(cpu_state_size(cpu));
        cpu_save(cpu, state);
        run_to(cpu, 10);
        cr_expect_eq(a0_of(cpu), 2);
        cpu_restore(cpu, state);
        cr_assert_not(cpu_write(cpu, "a1", 1));
        run_to(cpu, 10);
        cr_expect_eq(a0_of(cpu), 0x15, "%u: %x", (unsigned)at, (unsigned)a0_of(cpu));
        free(state);
        cpu_free(cpu);
        riscv_shared_free(shared);
        memory_free(mem);
    }
}
