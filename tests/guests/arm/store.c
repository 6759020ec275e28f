/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counts to 200 in non-volatile memory, three stores a step, so that no cut between two stores can
 * do harm: a step writes the copy that is not valid and then says which one is. The third store
 * turns all bits of a word over, and a word with some of them only was torn.
 *
 * The reset code makes a first boot of each: later lives have to begin in resume(), with .data
 * and .bss as they were at first.
 */
#include "runtime.h"

#define STEPS 200

NVM static volatile uint32_t count[2], valid, mark; /* 16 bytes for reset() to clear */

static volatile uint32_t initialised = 0x600dda7a, zeroed;

void exception(void)
{
    finish(3);
}

static void expect(int holds, const char *what, uint32_t found)
{
    if (holds)
        return;
    print("store: ");
    print(what);
    print(" ");
    print_hex(found);
    print("\n");
    finish(1);
}

__attribute__((noinline)) void step(void);
void step(void)
{
    uint32_t other = !valid;
    count[other] = count[valid] + 1;
    valid = other;
    mark = ~mark;
}

void resume(void);
void resume(void)
{
    expect(initialised == 0x600dda7a, ".data is", initialised);
    expect(zeroed == 0, ".bss is", zeroed);
    initialised = zeroed = 1;
    expect(mark == 0 || mark == UINT32_MAX, "torn", mark);
    while (count[valid] < STEPS)
        step();
    print("store: ");
    print_number(count[valid]);
    print(" steps\n");
    finish(0);
}

void run(void)
{
    resume();
    finish(4);
}
