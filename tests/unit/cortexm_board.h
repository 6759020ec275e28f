/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_TESTS_UNIT_CORTEXM_BOARD_H
#define IASO_TESTS_UNIT_CORTEXM_BOARD_H

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "cpu/code.h"
#include "cpu/cortexm.h"

/*
 * A Cortex-M with 64 KiB of ROM, 64 KiB of RAM and a device, for tests. Programs are Thumb code
 * for any address, kept as halfwords under their source; BKPT 0xab pauses the core. All vectors
 * lead to LOGGER, which appends the exception's number to the log.
 */

#define ROM     0x00000000u
#define CODE    0x00001000u /* where programs begin */
#define LOGGER  0x00000800u
#define RAM     0x20000000u
#define SIZE    0x10000u
#define STACK   (RAM + 0x8000)
#define LOG     (RAM + 0x100) /* its length in bytes, then the words */
#define DATA    (RAM + 0x1000)
#define DEVICE  0x40000000u
#define NOWHERE 0x30000000u
#define PAGE    1024u

#define ICSR  0xe000ed04u
#define AIRCR 0xe000ed0cu
#define SCR   0xe000ed10u
#define CCR   0xe000ed14u
#define SHCSR 0xe000ed24u
#define CFSR  0xe000ed28u
#define HFSR  0xe000ed2cu
#define BFAR  0xe000ed38u
#define CPACR 0xe000ed88u
#define ISER  0xe000e100u
#define ISPR  0xe000e200u

struct board {
    struct memory *mem;
    struct clock clock;
    struct cpu *cpu;
    struct error err;
    unsigned entries, returns, resets, watched, reached, accesses, semihosts;
    struct trap trap;   /* the last one */
    uint32_t stored;    /* what the device was last told */
    bool pause, unplug; /* at the device's next store */
    int raise;          /* line that the device raises at its next store, or -1 */
    unsigned wait;      /* ticks that each access to a precise page takes */
};

/*
    mrs r0, ipsr
    ldr r1, =0x20000100
    ldr r2, [r1]
    adds r2, #4
    str r2, [r1]
    str r0, [r1, r2]
    bx lr
 */
static const uint16_t board_logger[] = {
    0xf3ef, 0x8005, 0x4902, 0x680a, 0x3204, 0x600a, 0x5088, 0x4770, 0x0100, 0x2000,
};

static inline uint32_t board_semihost(void *opaque, uint32_t operation, uint32_t argument)
{
    struct board *board = opaque;
    (void)argument;
    board->semihosts++;
    cpu_pause(board->cpu);
    return operation + 1;
}

static inline void board_reset_requested(void *opaque)
{
    struct board *board = opaque;
    board->resets++;
}

static inline uint64_t board_device_read(void *opaque, uint64_t offset, unsigned size)
{
    (void)opaque;
    return offset + size;
}

static inline void board_device_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct board *board = opaque;
    (void)offset;
    (void)size;
    board->stored = (uint32_t)value;
    if (board->raise >= 0)
        cpu_set_irq(board->cpu, (unsigned)board->raise, true);
    if (board->pause)
        cpu_pause(board->cpu);
    if (board->unplug)
        memory_set_power(board->mem, false);
}

static const struct mmio_ops board_device = {board_device_read, board_device_write};

static inline void board_entry(void *opaque, unsigned hart, const struct trap *trap)
{
    struct board *board = opaque;
    (void)hart;
    board->entries++;
    board->trap = *trap;
}

static inline void board_return(void *opaque, unsigned hart, unsigned from, unsigned to)
{
    struct board *board = opaque;
    (void)hart;
    (void)from;
    (void)to;
    board->returns++;
}

static inline void board_watched(void *opaque, unsigned hart, uint64_t pc)
{
    struct board *board = opaque;
    (void)hart;
    (void)pc;
    board->watched++;
}

static inline void board_reached(void *opaque, unsigned hart, uint64_t pc)
{
    struct board *board = opaque;
    (void)hart;
    (void)pc;
    board->reached++;
}

static inline void board_access(void *opaque, uint64_t gpa, unsigned size, enum access_kind kind,
                                uint64_t value)
{
    struct board *board = opaque;
    (void)gpa;
    (void)size;
    (void)kind;
    (void)value;
    board->accesses++;
    board->clock.now += board->wait;
}

static inline void board_put(struct board *board, uint32_t address, uint32_t word)
{
    cr_assert_eq(memory_load(board->mem, address, &word, sizeof word), 0);
}

static inline uint32_t board_word(struct board *board, uint32_t address)
{
    uint32_t word;
    cr_assert_eq(memory_read(board->mem, address, &word, sizeof word), 0);
    return word;
}

/* A register of the private peripheral bus. */
static inline uint32_t board_ppb(struct board *board, uint32_t address)
{
    const struct region *region = memory_find(board->mem, address);
    return (uint32_t)memory_device_read(board->mem, region, address - region->base, 4);
}

static inline void board_set_ppb(struct board *board, uint32_t address, uint32_t value)
{
    const struct region *region = memory_find(board->mem, address);
    memory_device_write(board->mem, region, address - region->base, 4, value);
}

static inline uint32_t board_reg(struct board *board, const char *name)
{
    uint64_t value = 0;
    cr_assert_eq(cpu_register_value(board->cpu, name, &value), 0, "no register %s", name);
    return (uint32_t)value;
}

static inline void board_load(struct board *board, uint32_t address, const uint16_t *program,
                              size_t size)
{
    cr_assert_eq(memory_load(board->mem, address, program, size), 0);
}

static inline void board_vector(struct board *board, unsigned number, uint32_t address)
{
    board_put(board, ROM + 4 * number, address | 1);
}

/* The board with a program at CODE, just reset. */
static inline struct board *board_new(const struct cortexm_options *more, const uint16_t *program,
                                      size_t size)
{
    struct board *board = calloc(1, sizeof *board);
    cr_assert_not_null(board);
    board->raise = -1;
    board->mem = memory_new(10);
    clock_init(&board->clock, 1000000);
    struct error *err = &board->err;
    cr_assert_eq(memory_add(board->mem, "rom", ROM, SIZE, REGION_ROM, false, err), 0);
    cr_assert_eq(memory_add(board->mem, "ram", RAM, SIZE, REGION_RAM, false, err), 0);
    cr_assert_eq(memory_add_device(board->mem, "device", DEVICE, PAGE, &board_device, board, err),
                 0);
    struct memory_listener memory_listener = {.access = board_access, .opaque = board};
    cr_assert_eq(memory_listen(board->mem, &memory_listener), 0);
    for (unsigned i = 1; i < 64; i++)
        board_vector(board, i, LOGGER);
    board_put(board, ROM, STACK);
    board_vector(board, 1, CODE);
    board_load(board, LOGGER, board_logger, sizeof board_logger);
    board_load(board, CODE, program, size);
    struct cortexm_options options = more ? *more : (struct cortexm_options){.model = CORTEXM_M4};
    options.mem = board->mem;
    options.clock = &board->clock;
    options.lines = 40;
    options.priority_bits = options.priority_bits ? options.priority_bits : 8;
    options.host = (struct cortexm_host){board_semihost, board_reset_requested, board};
    board->cpu = cortexm_new(&options, err);
    cr_assert_not_null(board->cpu, "%s", err->text);
    struct cpu_listener listener = {.trap_entry = board_entry,
                                    .trap_return = board_return,
                                    .watched = board_watched,
                                    .reached = board_reached,
                                    .opaque = board};
    cr_assert_eq(cpu_listen(board->cpu, &listener), 0);
    return board;
}

static inline void board_free(struct board *board)
{
    cpu_free(board->cpu);
    memory_free(board->mem);
    free(board);
}

/* Runs as the machine's run loop does; sleeps to the next event. CPU_IDLE: there is none. */
static inline enum cpu_stop board_run(struct board *board, uint64_t max_insns)
{
    for (;;) {
        board->clock.deadline = clock_next(&board->clock);
        if (board->cpu->counts.insns >= max_insns)
            return CPU_DEADLINE;
        enum cpu_stop stop = cpu_run(board->cpu, &board->err);
        uint64_t next = clock_next(&board->clock);
        if (stop == CPU_IDLE && next != UINT64_MAX)
            board->clock.now = next > board->clock.now ? next : board->clock.now;
        else if (stop != CPU_DEADLINE || board->clock.now < board->clock.deadline)
            return stop;
        clock_fire(&board->clock);
    }
}

/* To its BKPT. */
static inline void board_finish(struct board *board)
{
    enum cpu_stop stop = board_run(board, 100000);
    cr_assert_eq(stop, CPU_PAUSED, "stopped with %d at %x: %s", stop, board_reg(board, "pc"),
                 board->err.text);
}

/* What LOGGER wrote. */
static inline void board_expect_log(struct board *board, const uint32_t *numbers, size_t count)
{
    cr_assert_eq(board_word(board, LOG), 4 * count, "%u exceptions", board_word(board, LOG) / 4);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(board_word(board, LOG + 4 + 4 * (uint32_t)i), numbers[i], "%zu. is %u", i,
                     board_word(board, LOG + 4 + 4 * (uint32_t)i));
}

#define BOARD(program) board_new(NULL, program, sizeof program)
#define BOARD_M3(program) \
    board_new(&(struct cortexm_options){.model = CORTEXM_M3}, program, sizeof program)
#define EXPECT_LOG(board, ...)                               \
    board_expect_log(board, (const uint32_t[]){__VA_ARGS__}, \
                     sizeof((const uint32_t[]){__VA_ARGS__}) / 4)

#endif
