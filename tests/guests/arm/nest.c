/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random exceptions, one inside the other: interrupts, PendSV, SysTick and SVC are set pending and
 * cleared, priorities, their grouping, BASEPRI and PRIMASK are changed, in thread mode and in the
 * handlers. A hash of what each handler sees (its number, its depth, ICSR, the active and
 * the pending bits, BASEPRI) is printed now and then. Nothing depends on time.
 *
 * The command line has the seed.
 */
#include "runtime.h"

#define REG(address)  (*(volatile uint32_t *)(address))
#define BYTE(address) (*(volatile uint8_t *)(address))
#define ISER          REG(0xe000e100)
#define ISPR          REG(0xe000e200)
#define ICPR          REG(0xe000e280)
#define IABR          REG(0xe000e300)
#define IPR(n)        BYTE(0xe000e400 + (n))
#define ICSR          REG(0xe000ed04)
#define AIRCR         REG(0xe000ed0c)
#define SHPR(n)       BYTE(0xe000ed14 + (n)) /* of exception n, 4 to 15 */

#define PENDSVSET (UINT32_C(1) << 28)
#define PENDSTSET (UINT32_C(1) << 26)
#define VECTKEY   (UINT32_C(0x5fa) << 16)

#define LINES  30
#define ALL    ((UINT32_C(1) << LINES) - 1)
#define ROUNDS 3000
#define BUDGET 40 /* of disturbances in one round, so that each comes to an end */

static uint32_t state, hash, depth, deepest, entries;
static int budget;

static uint32_t below(uint32_t limit)
{
    state = state * 1664525 + 1013904223; /* Numerical Recipes, 2nd edition, 7.1 */
    return (state >> 8) % limit;
}

static void mix(uint32_t value)
{
    hash = hash * 31 + value;
}

static void set_basepri(uint32_t value)
{
    __asm__ volatile("msr basepri, %0\n\tisb" ::"r"(value) : "memory");
}

static void disturb(void)
{
    if (budget-- <= 0)
        return;
    switch (below(12)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
        ISPR = UINT32_C(1) << below(LINES);
        break;
    case 5:
        ICSR = PENDSVSET;
        break;
    case 6:
        ICSR = PENDSTSET;
        break;
    case 7:
        ISPR = below(UINT32_C(1) << 24) & ALL;
        break;
    case 8:
        ICPR = UINT32_C(1) << below(LINES);
        break;
    case 9:
        set_basepri(below(8) << 5);
        break;
    case 10: {
        uint32_t line = below(LINES);
        IPR(line) = (uint8_t)below(256);
        break;
    }
    case 11:
        AIRCR = VECTKEY | (below(3) + 3) << 8;
        break;
    }
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}

void exception(void)
{
    uint32_t number, basepri;
    __asm__ volatile("mrs %0, ipsr" : "=r"(number));
    __asm__ volatile("mrs %0, basepri" : "=r"(basepri));
    if (++depth > deepest)
        deepest = depth;
    entries++;
    mix(number);
    mix(depth);
    mix(ICSR);
    mix(IABR);
    mix(basepri);
    disturb();
    if (below(3) == 0)
        set_basepri(0);
    disturb();
    mix(ISPR);
    set_basepri(0);
    depth--;
}

static void set_up(void)
{
    ISER = ALL;
    for (uint32_t i = 0; i < LINES; i++)
        IPR(i) = (uint8_t)below(256);
    SHPR(11) = 0; /* an SVC that cannot be taken would be a fault */
    SHPR(14) = (uint8_t)below(256);
    SHPR(15) = (uint8_t)below(256);
}

static void round(void)
{
    budget = BUDGET;
    disturb();
    set_basepri(0);
    if (below(2))
        __asm__ volatile("svc 0" ::: "memory");
    disturb();
    set_basepri(0);
    if (below(4) == 0) {
        __asm__ volatile("cpsid i" ::: "memory");
        disturb();
        disturb();
        mix(ICSR);
        __asm__ volatile("cpsie i\n\tisb" ::: "memory");
        set_basepri(0);
    }
}

void run(void)
{
    state = command_number();
    set_up();
    for (int i = 0; i < ROUNDS; i++) {
        round();
        if (i % 500)
            continue;
        print_hex(hash);
        print("\n");
    }
    print("nest: ");
    print_hex(hash);
    print(", ");
    print_number(entries);
    print(" exceptions, ");
    print_number(deepest);
    print(" deep\n");
    finish(0);
}
