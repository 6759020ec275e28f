/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel wants of machine mode: OpenSBI, or machine.c where there is no firmware. */
#ifndef AGORA_SBI_H
#define AGORA_SBI_H

#define SBI_TIME 0x54494d45
#define SBI_IPI  0x735049
#define SBI_HSM  0x48534d

#ifndef __ASSEMBLER__

#include <stdint.h>

/* Function 0 of each extension is all that is needed. */
static inline int64_t sbi_call(uint64_t extension, uint64_t first, uint64_t second, uint64_t third)
{
    register uint64_t a0 __asm__("a0") = first;
    register uint64_t a1 __asm__("a1") = second;
    register uint64_t a2 __asm__("a2") = third;
    register uint64_t a6 __asm__("a6") = 0;
    register uint64_t a7 __asm__("a7") = extension;
    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
    return (int64_t)a0;
}

static inline void sbi_set_timer(uint64_t time)
{
    sbi_call(SBI_TIME, time, 0, 0);
}

static inline void sbi_send_ipi(uint64_t hart)
{
    sbi_call(SBI_IPI, 1, hart, 0); /* a mask of one bit, which stands for `hart` */
}

static inline int64_t sbi_hart_start(uint64_t hart, uint64_t entry, uint64_t argument)
{
    return sbi_call(SBI_HSM, hart, entry, argument);
}

#endif
#endif
