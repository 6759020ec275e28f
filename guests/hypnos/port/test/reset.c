// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For qemu-system-arm -M mps2-an386, which has no power cuts: a timer that is more urgent than the
 * kernel resets the machine at random times. Memory outlives that, so what is volatile is spoilt.
 */
#include "kernel.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define TIMER             0x40000000u /* CMSDK APB timer 0, line 8: control, value, reload, clear */
#define NVIC_ISER0        REGISTER(0xe000e100)
#define SCB_AIRCR         REGISTER(0xe000ed0c)
#define LINE_8            (1u << 8)

#ifndef RESET_LEAST
#define RESET_LEAST 1500u /* timer ticks of 40 ns */
#define RESET_SPAN  30000u
#endif

static uint32_t chance __attribute__((section(".nvm.raw")));

void port_poison(void);
void port_line8(void);

void port_poison(void)
{
    for (uint32_t *at = (uint32_t *)port_ram_start; at < (uint32_t *)port_ram_end; at++)
        if ((char *)at < (char *)__builtin_frame_address(0) - 256 ||
            (char *)at > (char *)__builtin_frame_address(0) + 256)
            *at = 0xdeadbeefu;
    chance = chance * 1664525u + 1013904223u;
    REGISTER(TIMER + 8) = REGISTER(TIMER + 4) = RESET_LEAST + (chance >> 8) % RESET_SPAN;
    REGISTER(TIMER) = 9; /* on, with interrupt; priority 0 as after reset */
    NVIC_ISER0 = LINE_8;
}

void port_line8(void)
{
    SCB_AIRCR = 0x05fa0004u; /* system reset request */
    for (;;)
        ;
}
