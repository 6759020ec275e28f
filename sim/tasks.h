/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_TASKS_H
#define IASO_SIM_TASKS_H

#include <stddef.h>
#include <stdint.h>

#include "mem/error.h"
#include "sim/symbols.h"

/*
 * Names for the tasks of a Linux guest: where `comm` and `pid` lie in struct task_struct, as the
 * kernel's own type information (BTF, CONFIG_DEBUG_INFO_BTF) says.
 */
struct tasks;

#define TASKS_COMM_SIZE 16 /* TASK_COMM_LEN, with the NUL */

/*
 * Reads the BTF out of a kernel image file: an Image (plain or gzip; where the symbols
 * __start_BTF and __stop_BTF say, else searched for by its magic number) or an ELF file (section
 * .BTF). `symbols` may be NULL. Returns NULL with an empty error text when the kernel has no BTF or
 * no task_struct in it, which is not an error; NULL with a message when the file cannot be read.
 */
struct tasks *tasks_new(const char *path, const struct symbols *symbols, struct error *err);
void tasks_free(struct tasks *tasks);

/* Offsets in bytes into struct task_struct. */
size_t tasks_comm_offset(const struct tasks *tasks);
size_t tasks_pid_offset(const struct tasks *tasks);
size_t tasks_tgid_offset(const struct tasks *tasks);

/*
 * The name and thread id of the task whose task_struct is at `task_pointer` (guest-virtual; on
 * RISC-V register tp while in the kernel, else sscratch). `read` copies guest-virtual memory and
 * returns 0 if all of it could be read. Returns 0, or -1 if what is there is not a task; then comm
 * is "" and *pid is -1. Unprintable characters become '?'.
 */
int tasks_name(const struct tasks *tasks,
               int (*read)(void *opaque, uint64_t gva, void *buffer, size_t size), void *opaque,
               uint64_t task_pointer, char comm[TASKS_COMM_SIZE], int *pid);

#endif
