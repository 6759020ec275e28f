// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From reset to the first task: format at first boot, else recover what the kernel was doing. Tasks
 * recover when they are picked.
 */
#include "ktx.h"

#define MAGIC_WHOLE   0x48797073u
#define MAGIC_PARTIAL 0x48797070u
#define ZERO_STEP     64u /* words */
#define MAIN_PRIORITY 4u

struct kernel kernel __attribute__((section(".nvm.kernel")));
struct tables tables[HYPNOS_TASKS] __attribute__((section(".nvm.raw")));
uint32_t hypnos_flags;

static struct boot_block {
    uint32_t magic;   /* MAGIC_*, changed by the layout; anything else: never formatted */
    uint32_t *zeroed; /* with MAGIC_PARTIAL: up to where NV memory is zero */
} boot_block __attribute__((section(".nvm.boot")));

/* ---- First boot ------------------------------------------------------------------------------ */

static void zero(uint32_t *from, const uint32_t *to)
{
    while (from < to)
        STORE(*from++, 0);
}

/* May take several lives, so it remembers how far it came. */
static void zero_all(uint32_t magic)
{
    uint32_t *end = (uint32_t *)port_raw_start;
    if (boot_block.magic != magic) {
        STORE(boot_block.zeroed, (uint32_t *)port_zero_start);
        port_fence();
        STORE(boot_block.magic, magic);
    }
    while (boot_block.zeroed != end) {
        uint32_t *from = boot_block.zeroed;
        uint32_t *to = end - from > (ptrdiff_t)ZERO_STEP ? from + ZERO_STEP : end;
        zero(from, to);
        port_fence();
        STORE(boot_block.zeroed, to);
    }
}

/* In one life; what an earlier one may have changed is changed back. */
static void format_kernel(void)
{
    zero((uint32_t *)&kernel.tasks[0], (const uint32_t *)&kernel.tasks[1]);
    STORE(kernel.flags, 0);
    for (unsigned p = 0; p < HYPNOS_PRIORITIES; p++)
        list_init(&kernel.ready[p], false);
    list_init(&kernel.delayed, true);
    list_init(&kernel.timers_running, true);
    list_init(&kernel.timers_due, false);
    journal_format();
    heap_format();
    options_read();
    ktx_begin_system();
    task_new("main", kernel.app->main, 0, MAIN_PRIORITY);
    ktx_commit(0);
}

/* ---- Every boot ------------------------------------------------------------------------------ */

static EVENT void hypnos_recovered(void)
{
}

static __attribute__((noinline)) void hypnos_recover(void)
{
    hypnos_recover_kernel();
    if (kernel.flags & OPTION_EAGER)
        for (unsigned i = 0; i < HYPNOS_TASKS; i++)
            hypnos_recover_task(&kernel.tasks[i]);
    hypnos_recovered();
    check_lists();
}

void hypnos_boot(void)
{
    uint32_t layout = (uint32_t)port_nv_end;
    port_lock();
    if (boot_block.magic == (MAGIC_WHOLE ^ layout)) {
        hypnos_flags = kernel.flags;
        hypnos_recover();
        sched_tick();
    } else {
        zero_all(MAGIC_PARTIAL ^ layout);
        format_kernel();
        port_fence();
        STORE(boot_block.magic, MAGIC_WHOLE ^ layout);
        hypnos_flags = kernel.flags;
    }
    port_run(kernel.tick_us);
}
