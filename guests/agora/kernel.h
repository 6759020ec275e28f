/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's parts, as they see each other. */
#ifndef AGORA_KERNEL_H
#define AGORA_KERNEL_H

#include "abi.h"
#include "arch.h"
#include "thread.h"

/* ---- console.c: UART, panic ---------------------------------------------------------------- */

/* %s, %u (uint64_t), %x (uint64_t), %%. One line is never torn by another hart's. */
void print(const char *format, ...);
void panic(const char *why) __attribute__((noreturn, noipa));
void power_off(unsigned code) __attribute__((noreturn));
extern const struct trap_frame *fatal_frame; /* what panic() is about, or NULL */

/* ---- boot.c, fdt.c, options.c, paging.c ---------------------------------------------------- */

struct board {
    const char *bootargs;
    uint64_t hart_ids[MAX_HARTS];
    unsigned harts;
};

void fdt_read(const void *blob, struct board *board);

#define TICK_TIME 2000 /* in units of the board's timer, 10 MHz: 0.2 ms */

extern uint64_t option_work; /* agora.work=N: scales what the user threads do */
void options_read(const char *bootargs);

void paging_init(void);
void paging_enable(void);

extern char image_start[], text_end[], rodata_end[], user_start[], user_text_end[], user_end[],
    image_end[];
extern char user_stacks[MAX_THREADS][PAGE_SIZE];

/* Where a thread of the user's begins when the kernel starts it, and what happens to one that does
 * what it must not: user/start.c. */
void user_main(uint64_t work, uint64_t unused);
void user_crashed(uint64_t cause, uint64_t address);

/* ---- timer.c ------------------------------------------------------------------------------- */

void timer_start(void); /* on each hart */
void timer_interrupt(bool from_user);
uint64_t ticks_now(void);

/* ---- kalloc.c ------------------------------------------------------------------------------ */

void kalloc_init(void);
void *kalloc(uint64_t size); /* 16 bytes aligned; NULL: there is no room */
void kfree(void *memory);
uint64_t kalloc_free_bytes(void);
uint64_t kalloc_initial_bytes(void);
bool kalloc_is_sound(void);

/* ---- The subsystems behind the system calls; `..._is_sound`: what must hold at any rest ---- */

bool audit_is_sound(void);
bool clock_is_sound(void);
bool files_are_sound(void);
bool pipe_is_sound(void);
bool queue_is_sound(void);
bool handles_are_sound(void);

struct counts {
    uint64_t calls, sum;
};

struct counts counter_counts(void);
struct counts queue_put_counts(void);
struct counts queue_got_counts(void);
struct counts alloc_counts(void); /* sum: of bytes that have a handle */
struct counts release_counts(void);
struct counts file_counts(void);
struct counts write_counts(void);
struct counts spawn_counts(void); /* sum: of them, how many have exited */
struct counts pipe_in_counts(void), pipe_out_counts(void);

void counter_add(uint64_t amount);
void queue_put(uint64_t value);
long audit(void) __attribute__((noipa));
uint64_t file_kept_sum(const char *name); /* computed from the bytes; 0: there is no such file */
void files_remove_all(void);

/* ---- fault.c: faults planted on purpose ---------------------------------------------------- */

enum fault {
    FAULT_NULL,
    FAULT_WILD,
    FAULT_BUG,
    FAULT_LOOP,
    FAULT_DOUBLE_FREE,
    FAULT_DEPENDENT,
    FAULT_BLOCKED,
    FAULT_INTERRUPT,
    FAULT_NESTED,
    FAULT_OUTPUT,
    FAULT_COUNT,
};

void fault_arm(const char *name, uint64_t length, uint64_t at);
bool fault_due(enum fault id); /* asked once in each call that could fail */
bool fault_once(int id) __attribute__((noipa));
void fault_null(void);
void fault_report(void);

/* ---- syscall.c ----------------------------------------------------------------------------- */

typedef int64_t (*syscall_function)(uint64_t, uint64_t, uint64_t, uint64_t);
extern const syscall_function syscall_table[SYS_COUNT];
void syscall(struct trap_frame *frame);
bool user_owns(uint64_t address, uint64_t size);

/* ---- string.c ------------------------------------------------------------------------------ */

void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);

#endif
