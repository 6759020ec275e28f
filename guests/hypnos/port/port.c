// SPDX-License-Identifier: GPL-2.0-or-later
/* ARMv7-M: vectors, start-up, context switch, tick, idle, semihosting. */
#include "kernel.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define SYST_CSR          REGISTER(0xe000e010) /* SysTick: control, reload, current value */
#define SYST_RVR          REGISTER(0xe000e014)
#define SYST_CVR          REGISTER(0xe000e018)
#define SCB_ICSR          REGISTER(0xe000ed04)
#define SCB_VTOR          REGISTER(0xe000ed08)
#define SCB_SHPR3         REGISTER(0xe000ed20)
#define SCB_CPACR         REGISTER(0xe000ed88)
#define ICSR_PENDSVSET    (1u << 28)

#define PENDSV_PRIORITY  0xffu
#define SYSTICK_PRIORITY 0xf0u
#define EXC_RETURN_TASK  0xfffffffdu /* thread mode, process stack, no FP context */

extern char port_stack_end[];
extern char port_data_start[], port_data_end[], port_data_image[], port_bss_start[], port_bss_end[];

static uint64_t idle_stack[64] __attribute__((section(".noinit")));

void port_reset(void) __attribute__((noreturn));
void port_poison(void) __attribute__((weak)); /* tests: spoils volatile memory */

static void port_fault(void)
{
    uint32_t number;
    __asm__ volatile("mrs %0, ipsr" : "=r"(number));
    hypnos_printf("hypnos: exception %u (task %s)\n", (unsigned)number,
                  current ? current->name : "none");
    port_exit(4);
}

static void __attribute__((naked)) port_switch(void)
{
    __asm__ volatile("mrs r0, psp\n\t"
#ifdef __ARM_FP
                     "tst lr, #0x10\n\t"
                     "it eq\n\t"
                     "vstmdbeq r0!, {s16-s31}\n\t"
#endif
                     "stmdb r0!, {r4-r11, lr}\n\t"
                     "bl sched_switch\n\t"
                     "ldmia r0!, {r4-r11, lr}\n\t"
#ifdef __ARM_FP
                     "tst lr, #0x10\n\t"
                     "it eq\n\t"
                     "vldmiaeq r0!, {s16-s31}\n\t"
#endif
                     "msr psp, r0\n\t"
                     "isb\n\t"
                     "bx lr\n\t");
}

static void port_tick(void)
{
    sched_tick();
}

/* Interrupt lines: one that a board or a test handles has a function of this name. */
void port_default(void);
void port_default(void)
{
    port_fault();
}
void port_line0(void) __attribute__((weak, alias("port_default")));
void port_line1(void) __attribute__((weak, alias("port_default")));
void port_line2(void) __attribute__((weak, alias("port_default")));
void port_line3(void) __attribute__((weak, alias("port_default")));
void port_line4(void) __attribute__((weak, alias("port_default")));
void port_line5(void) __attribute__((weak, alias("port_default")));
void port_line6(void) __attribute__((weak, alias("port_default")));
void port_line7(void) __attribute__((weak, alias("port_default")));
void port_line8(void) __attribute__((weak, alias("port_default")));
void port_line9(void) __attribute__((weak, alias("port_default")));
void port_line10(void) __attribute__((weak, alias("port_default")));
void port_line11(void) __attribute__((weak, alias("port_default")));
void port_line12(void) __attribute__((weak, alias("port_default")));
void port_line13(void) __attribute__((weak, alias("port_default")));
void port_line14(void) __attribute__((weak, alias("port_default")));
void port_line15(void) __attribute__((weak, alias("port_default")));

static const void *const vectors[] __attribute__((section(".vectors"), used)) = {
    port_stack_end, port_reset,  port_fault,  port_fault,  port_fault, port_fault,  port_fault,
    NULL,           NULL,        NULL,        NULL,        port_fault, port_fault,  NULL,
    port_switch,    port_tick,   port_line0,  port_line1,  port_line2, port_line3,  port_line4,
    port_line5,     port_line6,  port_line7,  port_line8,  port_line9, port_line10, port_line11,
    port_line12,    port_line13, port_line14, port_line15,
};

void port_reset(void)
{
    SCB_VTOR = (uint32_t)vectors;
    SCB_SHPR3 = SYSTICK_PRIORITY << 24 | PENDSV_PRIORITY << 16;
#ifdef __ARM_FP
    SCB_CPACR |= 0xfu << 20;
    __asm__ volatile("dsb\n\tisb");
#endif
    if (port_poison)
        port_poison();
    const uint32_t *from = (const uint32_t *)port_data_image;
    for (uint32_t *to = (uint32_t *)port_data_start; to < (uint32_t *)port_data_end;)
        *to++ = *from++;
    for (uint32_t *to = (uint32_t *)port_bss_start; to < (uint32_t *)port_bss_end;)
        *to++ = 0;
    hypnos_boot();
}

uint32_t *port_frame(uint32_t *top, void (*entry)(void *), void *arg)
{
    uint32_t *frame = top - 8; /* r0-r3, r12, lr, pc, xpsr */
    frame[0] = (uint32_t)arg;
    frame[5] = 0;
    frame[6] = (uint32_t)entry & ~1u;
    frame[7] = 1u << 24;
    frame[-1] = EXC_RETURN_TASK; /* above r4-r11 */
    return frame - 9;
}

void port_switch_later(void)
{
    SCB_ICSR = ICSR_PENDSVSET;
}

static void __attribute__((noreturn, used)) port_idle(void)
{
    port_switch_later();
    port_unlock(0);
    for (;;)
        __asm__ volatile("wfi");
}

void port_run(uint32_t tick_us)
{
    SYST_RVR = (uint32_t)port_core_clock / 1000000u * tick_us - 1;
    SYST_CVR = 0;
    SYST_CSR = 7;
    __asm__ volatile("msr psp, %0\n\t"
                     "msr control, %1\n\t"
                     "isb\n\t"
                     "b port_idle"
                     :
                     : "r"(&idle_stack[sizeof(idle_stack) / 8]), "r"(2)
                     : "memory");
    __builtin_unreachable();
}
