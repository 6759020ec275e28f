/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs the blocks that gen_random made, in M-, S- and U-mode in turn, and prints checksums of all
 * registers, the memory and the traps. The lines must be the same on any two machines.
 */
#include "runtime.h"

#define DATA_SIZE 4096

extern const char *const random_blocks[];
extern const uint32_t random_block_count, random_seed;

/* As the blocks use it: x0 to x31, f0 to f31, fflags. */
static uint64_t state[65];
static uint64_t data[DATA_SIZE / 8] __attribute__((aligned(4096)));
static uint64_t checksum = 0xcbf29ce484222325;
static uintptr_t block_start;

static void mix(uint64_t value)
{
    checksum = (checksum ^ value) * 0x100000001b3;
    checksum ^= checksum >> 29;
}

static bool log_trap(struct hart *hart)
{
    struct frame *f = &hart->frame;
    if (f->epc == hart->return_pc)
        return false;
    hart->data[0] = hart->data[0] + 1;
    mix(f->cause);
    mix(f->epc - block_start);
    mix(f->status & (STATUS_MPP | STATUS_MPIE));
    if (f->cause == CAUSE_LOAD_ACCESS || f->cause == CAUSE_STORE_ACCESS)
        mix(f->tval);
    f->epc += (*(const uint16_t *)f->epc & 3) == 3 ? 4 : 2;
    return true;
}

void guest_main(void)
{
    static const enum mode modes[] = {MODE_M, MODE_S, MODE_U};
    struct hart *hart = this_hart();
    uint64_t seed = random_seed;

    for (unsigned i = 0; i < 64; i++)
        state[i] = seed = seed * 6364136223846793005 + 1442695040888963407;
    for (unsigned i = 0; i < DATA_SIZE / 8; i++)
        data[i] = seed = seed * 6364136223846793005 + 1442695040888963407;
    hart->hook = log_trap;
    for (unsigned n = 0; n < random_block_count; n++) {
        block_start = (uintptr_t)random_blocks[n];
        struct result r =
            call_mode(modes[n % 3], random_blocks[n], (uintptr_t)state, (uintptr_t)data, UNMAPPED);
        mix(r.cause);
        for (unsigned i = 0; i < 65; i++)
            mix(state[i]);
        for (unsigned i = 0; i < DATA_SIZE / 8; i++)
            mix(data[i]);
        if (n % 16 == 15 || n + 1 == random_block_count) {
            put_string("block ");
            put_decimal(n);
            put_string(" traps ");
            put_decimal(hart->data[0]);
            put_string(" checksum ");
            put_hex(checksum);
            put_char('\n');
        }
    }
    guest_exit(0);
}
