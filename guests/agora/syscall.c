/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "syscalls.h"

#include "kernel.h"

#define ENTRY(function) (syscall_function)(uintptr_t) function

/* Arguments that a function does not take are in registers that it does not look at. */
const syscall_function syscall_table[SYS_COUNT] = {
    [SYS_WRITE] = ENTRY(sys_write),
    [SYS_GETPID] = ENTRY(sys_getpid),
    [SYS_YIELD] = ENTRY(sys_yield),
    [SYS_TICKS] = ENTRY(sys_ticks),
    [SYS_SLEEP] = ENTRY(sys_sleep),
    [SYS_SPAWN] = ENTRY(sys_spawn),
    [SYS_WAIT] = ENTRY(sys_wait),
    [SYS_EXIT] = ENTRY(sys_exit),
    [SYS_PARK] = ENTRY(sys_park),
    [SYS_COUNTER_ADD] = ENTRY(sys_counter_add),
    [SYS_QUEUE_PUT] = ENTRY(sys_queue_put),
    [SYS_QUEUE_GET] = ENTRY(sys_queue_get),
    [SYS_TRANSFER] = ENTRY(sys_transfer),
    [SYS_ALLOC] = ENTRY(sys_alloc),
    [SYS_RELEASE] = ENTRY(sys_release),
    [SYS_FILE_CREATE] = ENTRY(sys_file_create),
    [SYS_FILE_WRITE] = ENTRY(sys_file_write),
    [SYS_FILE_READ] = ENTRY(sys_file_read),
    [SYS_FILE_REMOVE] = ENTRY(sys_file_remove),
    [SYS_PIPE_WRITE] = ENTRY(sys_pipe_write),
    [SYS_PIPE_READ] = ENTRY(sys_pipe_read),
    [SYS_INVARIANTS] = ENTRY(sys_invariants),
    [SYS_REPORT] = ENTRY(sys_report),
    [SYS_POWER_OFF] = ENTRY(sys_power_off),
};

bool user_owns(uint64_t address, uint64_t size)
{
    uint64_t start = (uint64_t)user_start, end = (uint64_t)user_end;
    return address >= start && address <= end && size <= end - address;
}

/* Interrupts are on for most of it. */
void syscall(struct trap_frame *frame)
{
    uint64_t number = frame->x[17];
    frame->epc += 4;
    irq_enable();
    frame->x[10] = number < SYS_COUNT ? (uint64_t)syscall_table[number](frame->x[10], frame->x[11],
                                                                        frame->x[12], frame->x[13])
                                      : (uint64_t)-ENOSYS;
    irq_disable();
}
