/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gen_random SEED [BLOCKS [strict]]: writes a random RISC-V program to standard output, for
 * random.c.
 *
 * A block is a function that loads all registers from the state (s1), executes a few random
 * instructions three times over, and stores them. s0 points at one page of data, sp at an unmapped
 * address; ra is left alone. Addresses and absolute values that depend on the place of the code are
 * never computed, so the result depends on the seed alone.
 *
 * Single-precision numbers live in f0 to f15, doubles in the others, and fmin and fmax are left
 * out, because engines differ there: those before version 2.2 of "F" treat signalling NaNs
 * otherwise, and some neither make nor check NaN boxes. The flag NV is not recorded, which some do
 * not raise for infinity times zero plus a quiet NaN. With `strict` all of it is used.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t rng;
static bool strict;

static unsigned pick(unsigned n)
{
    rng = rng * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((rng >> 33) % n);
}

#define CHOOSE(list) list[pick(sizeof(list) / sizeof(*list))]

/* A source: any but sp, gp, tp, ra, s0 and s1, whose values depend on the place, and s2, the count.
 */
static unsigned source(void)
{
    static const unsigned regs[] = {0,  5,  6,  7,  10, 11, 12, 13, 14, 15, 16, 17, 19,
                                    20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
    return CHOOSE(regs);
}

static unsigned target(void)
{
    unsigned reg = source();
    return reg || !pick(8) ? reg : 10;
}

static void alu(void)
{
    static const char *const three[] = {"add",  "sub",  "sll",  "slt",    "sltu",  "xor",  "srl",
                                        "sra",  "or",   "and",  "addw",   "subw",  "sllw", "srlw",
                                        "sraw", "mul",  "mulh", "mulhsu", "mulhu", "div",  "divu",
                                        "rem",  "remu", "mulw", "divw",   "divuw", "remw", "remuw"};
    static const char *const immediate[] = {"addi", "slti", "sltiu", "xori",
                                            "ori",  "andi", "addiw"};
    static const char *const shift[] = {"slli", "srli", "srai"};
    static const char *const shift_w[] = {"slliw", "srliw", "sraiw"};
    switch (pick(6)) {
    case 0:
        printf("    %s x%u, x%u, %d\n", CHOOSE(immediate), target(), source(),
               (int)pick(4096) - 2048);
        break;
    case 1:
        printf("    %s x%u, x%u, %u\n", CHOOSE(shift), target(), source(), pick(64));
        break;
    case 2:
        printf("    %s x%u, x%u, %u\n", CHOOSE(shift_w), target(), source(), pick(32));
        break;
    case 3:
        if (pick(2)) {
            printf("    lui x%u, %u\n", target(), pick(1 << 20));
        } else { /* short forms of the assembler's choice */
            unsigned reg = 10 + pick(6);
            printf("    %s x%u, x%u, x%u\n", pick(2) ? "and" : "add", reg, reg, 10 + pick(6));
        }
        break;
    default:
        printf("    %s x%u, x%u, x%u\n", CHOOSE(three), target(), source(), source());
        break;
    }
}

static void memory(void)
{
    static const struct {
        const char *name;
        unsigned size;
    } loads[] = {{"lb", 1}, {"lbu", 1}, {"lh", 2}, {"lhu", 2}, {"lw", 4}, {"lwu", 4}, {"ld", 8}},
      stores[] = {{"sb", 1}, {"sh", 2}, {"sw", 4}, {"sd", 8}};
    static const char *const amo[] = {"swap", "add", "xor",  "and", "or",
                                      "min",  "max", "minu", "maxu"};
    unsigned i;
    unsigned at = pick(2000);
    switch (pick(6)) {
    case 0:
    case 1:
        i = pick(7);
        if (pick(5)) /* the rest may be misaligned */
            at &= ~(loads[i].size - 1);
        printf("    %s x%u, %u(s0)\n", loads[i].name, target(), at);
        break;
    case 2:
    case 3:
        i = pick(4);
        if (pick(5))
            at &= ~(stores[i].size - 1);
        printf("    %s x%u, %u(s0)\n", stores[i].name, source(), at);
        break;
    case 4: /* a computed address, then forgotten */
        printf("    andi x31, x%u, 0x7f8\n    add x31, x31, s0\n", source());
        printf("    amo%s.%c x%u, x%u, (x31)\n    li x31, %u\n", CHOOSE(amo), pick(2) ? 'w' : 'd',
               10 + pick(6), 10 + pick(6), pick(2048));
        break;
    default:
        printf("    addi x31, s0, %u\n1:  lr.d x30, (x31)\n    addi x30, x30, 1\n"
               "    sc.d x30, x30, (x31)\n    bnez x30, 1b\n    li x31, %u\n",
               at & ~7u, pick(2048));
        break;
    }
}

static unsigned float_register(char width)
{
    return strict ? pick(32) : pick(16) + (width == 'd' ? 16 : 0);
}

static void floating(void)
{
    static const char *const three[] = {"fadd",   "fsub",   "fmul", "fdiv", "fsgnj",
                                        "fsgnjn", "fsgnjx", "fmin", "fmax"};
    static const char *const four[] = {"fmadd", "fmsub", "fnmadd", "fnmsub"};
    static const char *const compare[] = {"feq", "flt", "fle"};
    static const char *const integer[] = {"w", "wu", "l", "lu"};
    static const char *const rounding[] = {"rne", "rtz", "rdn", "rup", "rmm"};
    char width = pick(2) ? 's' : 'd';
    unsigned fd = float_register(width), fa = float_register(width), fb = float_register(width);
    switch (pick(11)) {
    case 0:
        printf("    %s.%c f%u, f%u, f%u, f%u\n", CHOOSE(four), width, fd, fa, fb,
               float_register(width));
        break;
    case 1:
        printf("    fsqrt.%c f%u, f%u\n", width, fd, fa);
        break;
    case 2:
        printf("    %s.%c x%u, f%u, f%u\n", CHOOSE(compare), width, target(), fa, fb);
        break;
    case 3:
        printf("    fcvt.%s.%c x%u, f%u, %s\n", CHOOSE(integer), width, target(), fa,
               CHOOSE(rounding));
        break;
    case 4:
        printf("    fcvt.%c.%s f%u, x%u\n", width, CHOOSE(integer), fd, source());
        break;
    case 5:
        if (width == 's')
            printf("    fcvt.s.d f%u, f%u\n", fd, float_register('d'));
        else
            printf("    fcvt.d.s f%u, f%u\n", fd, float_register('s'));
        break;
    case 6:
        printf("    fclass.%c x%u, f%u\n", width, target(), fa);
        break;
    case 7:
        printf(width == 's' ? "    flw f%u, %u(s0)\n" : "    fld f%u, %u(s0)\n", fd, pick(250) * 8);
        break;
    case 8:
        printf(width == 's' ? "    fsw f%u, %u(s0)\n" : "    fsd f%u, %u(s0)\n", fd, pick(250) * 8);
        break;
    case 9:
        if (pick(2))
            printf("    fmv.x.%c x%u, f%u\n", width == 's' ? 'w' : 'd', target(), fa);
        else
            printf("    fmv.%c.x f%u, x%u\n", width == 's' ? 'w' : 'd', fd, source());
        break;
    default:
        printf("    %s.%c f%u, f%u, f%u\n", three[pick(strict ? 9 : 7)], width, fd, fa, fb);
        break;
    }
}

static void trap(void)
{
    switch (pick(6)) {
    case 0:
        printf("    ecall\n");
        break;
    case 1:
        printf("    c.ebreak\n");
        break;
    case 2:
        printf("    .2byte 0\n");
        break;
    case 3:
        printf("    .4byte 0xffffffff\n");
        break;
    case 4:
        printf("    ld x%u, %u(sp)\n", 10 + pick(6), pick(64) * 8);
        break;
    default:
        printf("    sw x%u, %u(sp)\n", source(), pick(64) * 4);
        break;
    }
}

static void instruction(void)
{
    unsigned kind = pick(100);
    if (kind < 45)
        alu();
    else if (kind < 70)
        memory();
    else if (kind < 97)
        floating();
    else
        trap();
}

static void block(unsigned n)
{
    static const char *const branches[] = {"beq", "bne", "blt", "bge", "bltu", "bgeu"};
    printf("    .balign 4\nblock_%u:\n    mv s1, a0\n    mv s0, a1\n    mv sp, a2\n    li s2, 3\n",
           n);
    for (unsigned i = 0; i < 32; i++)
        printf("    %s f%u, %u(s1)\n", i < 16 && !strict ? "flw" : "fld", i, 256 + 8 * i);
    for (unsigned i = 5; i < 32; i++)
        if (i != 8 && i != 9 && i != 18)
            printf("    ld x%u, %u(s1)\n", i, 8 * i);
    printf("    fscsr zero\n9:\n");
    unsigned length = 10 + pick(40);
    for (unsigned i = 0; i < length; i++) {
        if (pick(8)) {
            instruction();
            continue;
        }
        unsigned over = 1 + pick(3);
        printf("    %s x%u, x%u, 2f\n", CHOOSE(branches), source(), source());
        while (over--)
            instruction();
        printf("2:\n");
    }
    /* The loop may be longer than a branch reaches. */
    printf("    addi s2, s2, -1\n    beqz s2, 3f\n    j 9b\n3:\n");
    for (unsigned i = 5; i < 32; i++)
        if (i != 8 && i != 9 && i != 18)
            printf("    sd x%u, %u(s1)\n", i, 8 * i);
    for (unsigned i = 0; i < 32; i++)
        printf("    %s f%u, %u(s1)\n", i < 16 && !strict ? "fsw" : "fsd", i, 256 + 8 * i);
    printf("    csrr t0, fflags\n    andi t0, t0, %d\n    sd t0, 512(s1)\n    ret\n",
           strict ? 31 : 15);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: gen_random SEED [BLOCKS [strict]]\n");
        return 2;
    }
    uint64_t seed = strtoull(argv[1], NULL, 0);
    unsigned blocks = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : 400;

    strict = argc > 3;
    rng = seed * 0x9e3779b97f4a7c15u + 1;
    printf("    .text\n");
    for (unsigned n = 0; n < blocks; n++)
        block(n);
    printf("    .section .rodata\n    .balign 8\n    .globl random_blocks\nrandom_blocks:\n");
    for (unsigned n = 0; n < blocks; n++)
        printf("    .dword block_%u\n", n);
    printf("    .globl random_block_count, random_seed\nrandom_block_count:\n    .word %u\n"
           "random_seed:\n    .word %u\n",
           blocks, (unsigned)seed);
    return 0;
}
