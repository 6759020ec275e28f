/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Never ends: an empty loop with interrupts off, for the stuck-guest detection. */
#include "runtime.h"

__attribute__((noinline, noreturn)) static void spin_forever(void)
{
    for (;;)
        __asm__ volatile("");
}

void guest_main(void)
{
    put_line("stuck: no progress from here");
    csr_clear(mstatus, STATUS_MIE);
    csr_write(mie, 0);
    spin_forever();
}
