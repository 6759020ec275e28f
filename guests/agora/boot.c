/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel.h"
#include "sbi.h"

void kernel_main(uint64_t hart, const void *devicetree) __attribute__((noreturn));
void kernel_secondary(void) __attribute__((noreturn));

/* Hart 0 of ours is the one that booted. */
static void number_harts(uint64_t boot_hart, const struct board *board)
{
    harts[hart_count++].id = boot_hart;
    for (unsigned i = 0; i < board->harts; i++)
        if (board->hart_ids[i] != boot_hart)
            harts[hart_count++].id = board->hart_ids[i];
    for (unsigned i = 0; i < hart_count; i++)
        sched_init_idle(i);
}

static void start_other_harts(void)
{
    for (unsigned i = 1; i < hart_count; i++)
        if (sbi_hart_start(harts[i].id, (uint64_t)secondary_start, (uint64_t)harts[i].idle))
            panic("a hart does not start");
}

static void enter(void)
{
    csr_write(stvec, trap_entry);
    paging_enable();
    timer_start();
}

void kernel_main(uint64_t hart, const void *devicetree)
{
    struct board board;
    fdt_read(devicetree, &board);
    options_read(board.bootargs);
    number_harts(hart, &board);
    kalloc_init();
    paging_init();
    print("agora: %u harts, work %u\n", (uint64_t)hart_count, option_work);
    struct thread *first = thread_new((uint64_t)user_main, option_work, 0);
    make_runnable(first);
    start_other_harts();
    enter();
    idle();
}

void kernel_secondary(void)
{
    enter();
    idle();
}
