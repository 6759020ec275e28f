/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/system/harness.h"

/*
 * The microcontroller boards that come with the simulator: firmware of a few instructions stores
 * words to devices' registers and waits for one interrupt, whose handler prints "I" and exits.
 */

#define MAX_STORES 10
#define ISER       0xe000e100 /* of the NVIC: interrupts 0 to 31 */

struct store {
    uint32_t address, value;
};

struct trial {
    const char *name, *board;
    uint32_t vectors, stack, uart; /* addresses; the last one is of the console's data register */
    unsigned irq;
    struct store stores[MAX_STORES];
};

/* Bit `bit` of a device's register, as the bit-band alias has it. */
#define ALIAS(address, bit) (0x42000000 + ((address)-0x40000000) * 32 + (bit)*4)

static const struct trial trials[] = {
    {"a general-purpose timer",
     "lm3s6965evb",
     0,
     0x20001000,
     0x4000c000,
     19,
     {{0x4000c000, 'o'},
      {0x4000c000, 'k'},
      {0x40030004, 2},
      {0x40030028, 1000},
      {0x40030018, 1},
      {ISER, 1 << 19},
      {0x4003000c, 1}}},
    {"a UART, through the bit-band alias",
     "lm3s6965evb",
     0,
     0x20001000,
     0x4000c000,
     5,
     {{0x4000c000, 'o'}, {0x4000c000, 'k'}, {ALIAS(0x4000c038, 5), 1}, {ISER, 1 << 5}}},
    {"a timer",
     "mps2-an386",
     0,
     0x20001000,
     0x40004000,
     8,
     {{0x40004008, 1},
      {0x40004000, 'o'},
      {0x40004000, 'k'},
      {0x40000008, 1000},
      {0x40000000, 9},
      {ISER, 1 << 8}}},
    {"a dual timer",
     "mps2-an386",
     0,
     0x20001000,
     0x40004000,
     10,
     {{0x40004008, 1},
      {0x40004000, 'o'},
      {0x40004000, 'k'},
      {0x40002000, 1000},
      {0x40002008, 0xe2},
      {ISER, 1 << 10}}},
    {"a UART",
     "apollo4-like",
     0x18000,
     0x10001000,
     0x4001c000,
     15,
     {{0x4001c000, 'o'}, {0x4001c000, 'k'}, {0x4001c038, 0x20}, {ISER, 1 << 15}}},
};

enum {
    VECTORS = 0x400,
    HANDLER = VECTORS + 0x14,
    FOREVER = VECTORS + 0x20,
    UART = VECTORS + 0x24,
    TABLE = VECTORS + 0x2c,
};

/* What is behind the vector table. */
static const uint16_t code[] = {
    0xa20a,                 /*       adr   r2, table        */
    0xca03,                 /* next: ldmia r2!, {r0, r1}    */
    0x2800,                 /*       cmp   r0, #0           */
    0xd001,                 /*       beq   wait             */
    0x6001,                 /*       str   r1, [r0]         */
    0xe7fa,                 /*       b     next             */
    0xb662,                 /* wait: cpsie i                */
    0xbf30,                 /*       wfi                    */
    0xe7fd,                 /*       b     wait + 2         */
    0xbf00,                 /*       nop                    */
    0x4803,                 /* handler: ldr r0, uart        */
    0x2149,                 /*       movs  r1, #'I'         */
    0x6001,                 /*       str   r1, [r0]         */
    0x2018,                 /*       movs  r0, #SYS_EXIT    */
    0x4902,                 /*       ldr   r1, reason       */
    0xbeab,                 /*       bkpt  0xab             */
    0xe7fe,                 /* forever: b  forever          */
    0xbf00, 0x0000, 0x0000, /* uart:        */
    0x0026, 0x0002,         /* reason: ADP_Stopped_ApplicationExit */
};

static const char *firmware(struct place *place, const struct trial *trial)
{
    uint32_t words[(TABLE + sizeof trial->stores + 8) / 4] = {trial->stack,
                                                              trial->vectors + VECTORS + 1};
    for (unsigned i = 2; i < VECTORS / 4; i++)
        words[i] = trial->vectors + FOREVER + 1;
    words[16 + trial->irq] = trial->vectors + HANDLER + 1;
    memcpy((char *)words + VECTORS, code, sizeof code);
    words[UART / 4] = trial->uart;
    memcpy((char *)words + TABLE, trial->stores, sizeof trial->stores);
    return place_bytes(place, "firmware.bin", words, sizeof words);
}

static void try(const struct trial *trial)
{
    struct place place;
    struct run run;
    place_make(&place);
    const char *config = place_write(&place, "config.json",
                                     "{\"machine\": {\"board\": \"%s\"}, \"load\": [{\"kernel\": "
                                     "\"%s\"}], \"run\": {\"max_insns\": 100000}}",
                                     trial->board, firmware(&place, trial));
    RUN(&run, "run", config);
    cr_expect_eq(run.code, 0, "%s, %s: %s", trial->board, trial->name, run.err);
    cr_expect(strstr(run.out, "okI"), "%s, %s: \"%s\"", trial->board, trial->name, run.out);
    run_free(&run);
    place_remove(&place);
}

Test(boards, consoles_and_interrupts)
{
    for (size_t i = 0; i < sizeof trials / sizeof trials[0]; i++)
        try(&trials[i]);
}
