/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What syscall_table points at; abi.h says what each does. All take registers and return one. */
#ifndef AGORA_SYSCALLS_H
#define AGORA_SYSCALLS_H

#include <stdint.h>

int64_t sys_write(uint64_t bytes, uint64_t size);
int64_t sys_getpid(void);
int64_t sys_yield(void);
int64_t sys_ticks(void);
int64_t sys_sleep(uint64_t ticks);
int64_t sys_spawn(uint64_t function, uint64_t first, uint64_t second);
int64_t sys_wait(uint64_t pid);
int64_t sys_exit(uint64_t code);
int64_t sys_park(void);
int64_t sys_counter_add(uint64_t amount);
int64_t sys_queue_put(uint64_t value);
int64_t sys_queue_get(void);
int64_t sys_transfer(uint64_t value);
int64_t sys_alloc(uint64_t size);
int64_t sys_release(uint64_t handle);
int64_t sys_file_create(uint64_t name);
int64_t sys_file_write(uint64_t file, uint64_t offset, uint64_t bytes, uint64_t size);
int64_t sys_file_read(uint64_t file, uint64_t offset, uint64_t bytes, uint64_t size);
int64_t sys_file_remove(uint64_t file);
int64_t sys_pipe_write(uint64_t bytes, uint64_t size);
int64_t sys_pipe_read(uint64_t bytes, uint64_t size);
int64_t sys_invariants(void);
int64_t sys_report(uint64_t totals);
int64_t sys_power_off(uint64_t code);

#endif
