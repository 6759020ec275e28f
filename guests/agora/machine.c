/* SPDX-License-Identifier: GPL-2.0-or-later */
/* As much of SBI as the kernel calls, for boards without firmware. Keeps out of the kernel's
 * sections, which the kernel clears and protects. */
#include "arch.h"
#include "sbi.h"

#define MACHINE __attribute__((section(".machine"), used))

#define CLINT          0x2000000UL
#define MSIP(hart)     (*(volatile uint32_t *)(CLINT + 4 * (hart)))
#define MTIMECMP(hart) (*(volatile uint64_t *)(CLINT + 0x4000 + 8 * (hart)))

#define MIE_TIMER         0x80
#define MIP_S_TIMER       0x20
#define MIP_S_SOFTWARE    0x2
#define CAUSE_MSI         (CAUSE_INTERRUPT | 3)
#define CAUSE_MTI         (CAUSE_INTERRUPT | 7)
#define CAUSE_ECALL_S     9
#define CALL_BYTES        4
#define SBI_NOT_SUPPORTED (-2)

/* Where a hart is to start, 0: not yet, and what it gets in a1. Returned in a0 and a1. */
struct start {
    uint64_t entry, argument;
};

struct start machine_take_start(uint64_t hart);
void machine_handle_trap(uint64_t a[8], uint64_t hart, uint64_t cause);

static struct start starts[MAX_HARTS] __attribute__((section(".machine.data")));

MACHINE struct start machine_take_start(uint64_t hart)
{
    MSIP(hart) = 0;
    return (struct start){__atomic_load_n(&starts[hart].entry, __ATOMIC_ACQUIRE),
                          starts[hart].argument};
}

static MACHINE int64_t serve(uint64_t extension, uint64_t first, uint64_t second, uint64_t third,
                             uint64_t hart)
{
    if (extension == SBI_TIME) {
        MTIMECMP(hart) = first;
        csr_clear(mip, MIP_S_TIMER);
        csr_set(mie, MIE_TIMER);
        return 0;
    }
    if (extension == SBI_IPI) {
        for (; first; first >>= 1, second++)
            if (first & 1)
                MSIP(second) = 1;
        return 0;
    }
    if (extension == SBI_HSM) {
        starts[first].argument = third;
        __atomic_store_n(&starts[first].entry, second, __ATOMIC_RELEASE);
        MSIP(first) = 1;
        return 0;
    }
    return SBI_NOT_SUPPORTED;
}

/* `a` are the registers a0 to a7. What is not for us and not delegated cannot happen. */
MACHINE void machine_handle_trap(uint64_t a[8], uint64_t hart, uint64_t cause)
{
    if (cause == CAUSE_MTI) {
        csr_clear(mie, MIE_TIMER);
        csr_set(mip, MIP_S_TIMER);
    } else if (cause == CAUSE_MSI) {
        MSIP(hart) = 0;
        csr_set(mip, MIP_S_SOFTWARE);
    } else if (cause == CAUSE_ECALL_S) {
        a[0] = (uint64_t)serve(a[7], a[0], a[1], a[2], hart);
        csr_write(mepc, csr_read(mepc) + CALL_BYTES);
    } else {
        for (;;)
            ;
    }
}
