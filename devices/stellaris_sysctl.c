/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "devices/stellaris_sysctl.h"

#define DID0    0x000
#define DID1    0x004
#define DC0     0x008
#define DC1     0x010
#define DC2     0x014
#define DC3     0x018
#define DC4     0x01c
#define PBORCTL 0x030
#define SRCR0   0x040
#define SRCR2   0x048
#define RIS     0x050
#define IMC     0x054
#define MISC    0x058
#define RCC     0x060
#define PLLCFG  0x064
#define RCC2    0x070
#define RCGC0   0x100
#define SCGC0   0x110
#define DCGC0   0x120
#define USER0   0x1e0
#define USER1   0x1e4

#define INT_PLL_LOCK 0x40
#define PLL_DOWN     0x2000 /* PWRDN in RCC, PWRDN2 in RCC2 */

#define WORDS (0x200 / 4)

struct sysctl {
    struct device device;
    struct irq_line irq;
    struct {
        uint32_t words[WORDS]; /* by offset / 4 */
    } state;
};

static void sysctl_update(void *device)
{
    const struct sysctl *sysctl = device;
    irq_line_set(&sysctl->irq, sysctl->state.words[RIS / 4] & sysctl->state.words[IMC / 4]);
}

/*
 * PLLCFG: 400 MHz is the crystal times F (bits 5 to 13) over R + 1 (bits 0 to 4). The smallest R
 * that comes within 0.1 %, or the best.
 */
static uint32_t pll_config(uint32_t rcc)
{
    static const uint32_t crystals_hz[16] = {
        1000000, 1843200, 2000000, 2457600, 3579545, 3686400, 4000000, 4096000,
        4915200, 5000000, 5120000, 6000000, 6144000, 7372800, 8000000, 8192000,
    };
    const uint32_t pll_hz = 400000000, tolerance_hz = pll_hz / 1000;
    uint32_t crystal = crystals_hz[rcc >> 6 & 15], best = 0, best_off = UINT32_MAX;
    for (uint32_t r = 0; r < 32 && best_off > tolerance_hz; r++) {
        uint64_t wanted = (uint64_t)pll_hz * (r + 1);
        uint32_t f = (uint32_t)((wanted + crystal / 2) / crystal);
        uint64_t got = (uint64_t)crystal * f / (r + 1);
        uint32_t off = (uint32_t)(got > pll_hz ? got - pll_hz : pll_hz - got);
        if (f < 512 && off < best_off) {
            best = f << 5 | r;
            best_off = off;
        }
    }
    return best;
}

static uint64_t sysctl_read(void *opaque, uint64_t offset, unsigned size)
{
    struct sysctl *sysctl = opaque;
    const uint32_t *words = sysctl->state.words;
    (void)size;
    if (offset % 4 || offset / 4 >= WORDS)
        return 0;
    switch (offset) {
    case MISC:
        return words[RIS / 4] & words[IMC / 4];
    case PLLCFG:
        return pll_config(words[RCC / 4]);
    default:
        return words[offset / 4];
    }
}

static void sysctl_write(void *opaque, uint64_t offset, unsigned size, uint64_t wide)
{
    struct sysctl *sysctl = opaque;
    uint32_t *words = sysctl->state.words, value = (uint32_t)wide;
    (void)size;
    if (offset < PBORCTL || offset % 4 || offset / 4 >= WORDS ||
        (offset >= SRCR0 && offset <= SRCR2))
        return;
    switch (offset) {
    case RIS:
    case PLLCFG:
        return;
    case MISC:
        words[RIS / 4] &= ~value;
        break;
    case RCC:
    case RCC2:
        if (words[offset / 4] & ~value & PLL_DOWN)
            words[RIS / 4] |= INT_PLL_LOCK;
        words[offset / 4] = value;
        break;
    default:
        words[offset / 4] = value;
    }
    sysctl_update(sysctl);
}

static void sysctl_reset(void *device)
{
    static const struct {
        uint32_t offset, value;
    } resets[] = {
        {DID0, 0x10010002}, {DID1, 0x1073402e},  {DC0, 0x00ff007f},   {DC1, 0x001133ff},
        {DC2, 0x030f5317},  {DC3, 0x0f0f87ff},   {DC4, 0x5000007f},   {PBORCTL, 0x7ffd},
        {RCC, 0x078e3ac0},  {RCC2, 0x07802810},  {RCGC0, 1},          {SCGC0, 1},
        {DCGC0, 1},         {USER0, 0xffffffff}, {USER1, 0xffffffff},
    };
    struct sysctl *sysctl = device;
    for (size_t i = 0; i < sizeof resets / sizeof resets[0]; i++)
        sysctl->state.words[resets[i].offset / 4] = resets[i].value;
    sysctl_update(sysctl);
}

static const struct device_ops sysctl_ops = {
    .name = "stellaris-sysctl",
    .mmio = {sysctl_read, sysctl_write},
    .reset = sysctl_reset,
    .restored = sysctl_update,
};

struct device *stellaris_sysctl_new(const struct irq_line *irq)
{
    struct sysctl *sysctl = device_new(sizeof *sysctl, &sysctl_ops, offsetof(struct sysctl, state),
                                       sizeof sysctl->state);
    if (!sysctl)
        return NULL;
    sysctl->irq = *irq;
    return &sysctl->device;
}
