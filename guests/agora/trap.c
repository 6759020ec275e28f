/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What trap_entry calls, with interrupts off. */
#include "kernel.h"

void handle_trap(struct trap_frame *frame);

/* The thread goes on at user_crashed(), which says so and ends it. */
static void crash_user(struct trap_frame *frame)
{
    if (frame->epc == (uint64_t)user_crashed)
        panic("user_crashed() crashed");
    frame->epc = (uint64_t)user_crashed;
    frame->x[10] = frame->cause;
    frame->x[11] = frame->tval;
}

/* The kernel gives up the hart on the way back to user mode, and where it calls schedule(). */
void handle_trap(struct trap_frame *frame)
{
    bool from_user = !(frame->status & STATUS_SPP);
    if (frame->cause == CAUSE_STI) {
        timer_interrupt(from_user);
        current()->preempted = true;
    } else if (frame->cause == CAUSE_SSI) {
        csr_clear(sip, IRQ_SOFTWARE);
    } else if (!from_user) {
        fatal_frame = frame;
        panic("unexpected trap in the kernel");
    } else if (frame->cause == CAUSE_ECALL_U) {
        syscall(frame);
    } else {
        crash_user(frame);
    }
    if (from_user && current()->preempted) {
        current()->preempted = false;
        schedule();
    }
}
