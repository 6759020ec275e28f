/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RV64: registers, and the layouts that assembly shares with C. */
#ifndef AGORA_ARCH_H
#define AGORA_ARCH_H

#define MAX_HARTS  8
#define STACK_SIZE 16384 /* of a thread in the kernel; aligned to it, too */
#define PAGE_SIZE  4096

#define STATUS_SIE  0x2
#define STATUS_SPIE 0x20
#define STATUS_SPP  0x100
#define STATUS_SUM  0x40000

#define FRAME_X(n)   (8 * (n))
#define FRAME_EPC    256
#define FRAME_STATUS 264
#define FRAME_CAUSE  272
#define FRAME_TVAL   280
#define FRAME_SIZE   288

/* Offsets in struct thread. */
#define THREAD_KERNEL_SP 0
#define THREAD_USER_SP   8

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IRQ_SOFTWARE (1UL << 1)
#define IRQ_TIMER    (1UL << 5)

#define CAUSE_INTERRUPT (1UL << 63)
#define CAUSE_SSI       (CAUSE_INTERRUPT | 1)
#define CAUSE_STI       (CAUSE_INTERRUPT | 5)
#define CAUSE_ECALL_U   8

#define csr_read(csr)                                                      \
    ({                                                                     \
        uint64_t csr_value;                                                \
        __asm__ volatile("csrr %0, " #csr : "=r"(csr_value) : : "memory"); \
        csr_value;                                                         \
    })
#define csr_write(csr, value) \
    __asm__ volatile("csrw " #csr ", %0" : : "rK"((uint64_t)(value)) : "memory")
#define csr_set(csr, value) \
    __asm__ volatile("csrs " #csr ", %0" : : "rK"((uint64_t)(value)) : "memory")
#define csr_clear(csr, value) \
    __asm__ volatile("csrc " #csr ", %0" : : "rK"((uint64_t)(value)) : "memory")

struct trap_frame {
    uint64_t x[32]; /* x[4]: the user's tp, or the kernel's when the kernel was interrupted */
    uint64_t epc, status, cause, tval;
};

/* What a function call may not change: see switch_to(). */
struct context {
    uint64_t ra, sp, tp, s[12];
};

static inline void irq_enable(void)
{
    csr_set(sstatus, STATUS_SIE);
}

static inline void irq_disable(void)
{
    csr_clear(sstatus, STATUS_SIE);
}

/* Interrupts off; returns what irq_restore() wants to know. */
static inline uint64_t irq_save(void)
{
    uint64_t status;
    __asm__ volatile("csrrci %0, sstatus, 2" : "=r"(status) : : "memory");
    return status & STATUS_SIE;
}

static inline void irq_restore(uint64_t flags)
{
    csr_set(sstatus, flags);
}

#endif
#endif
