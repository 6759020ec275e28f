/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sv39, one table for all: every page is where it is, user mode has its own, and nothing else is
 * mapped, so that a wild access faults. */
#include "kernel.h"

enum {
    VALID = 1 << 0,
    READ = 1 << 1,
    WRITE = 1 << 2,
    EXECUTE = 1 << 3,
    USER = 1 << 4,
    ACCESSED = 1 << 6,
    DIRTY = 1 << 7,
};

#define ENTRIES   512
#define SATP_SV39 (8UL << 60)
#define UART_PAGE 0x10000000UL
#define TEST_PAGE 0x100000UL

/* The root; the gigabyte of devices with two pages; that of RAM with up to 4 MiB of image. */
static uint64_t tables[8][ENTRIES] __attribute__((aligned(PAGE_SIZE)));
static unsigned used = 1;

static uint64_t *table_below(uint64_t *entry)
{
    if (!*entry) {
        if (used == sizeof tables / sizeof *tables)
            panic("too few page tables");
        *entry = (uint64_t)tables[used++] >> 12 << 10 | VALID;
    }
    return (uint64_t *)(*entry >> 10 << 12);
}

static void map_page(uint64_t address, uint64_t flags)
{
    uint64_t *table = table_below(&tables[0][address >> 30 & 511]);
    table = table_below(&table[address >> 21 & 511]);
    table[address >> 12 & 511] = address >> 12 << 10 | flags | VALID | ACCESSED | DIRTY;
}

static void map(const char *start, const char *end, uint64_t flags)
{
    for (uint64_t page = (uint64_t)start; page < (uint64_t)end; page += PAGE_SIZE)
        map_page(page, flags);
}

void paging_init(void)
{
    map(image_start, text_end, READ | EXECUTE);
    map(text_end, rodata_end, READ);
    map(rodata_end, user_start, READ | WRITE);
    map(user_start, user_text_end, READ | EXECUTE | USER);
    map(user_text_end, user_end, READ | WRITE | USER);
    map(user_end, image_end, READ | WRITE);
    map_page(UART_PAGE, READ | WRITE);
    map_page(TEST_PAGE, READ | WRITE);
}

/* The kernel may reach the user's memory. */
void paging_enable(void)
{
    __asm__ volatile("sfence.vma" : : : "memory");
    csr_write(satp, SATP_SV39 | (uint64_t)tables >> 12);
    __asm__ volatile("sfence.vma" : : : "memory");
    csr_set(sstatus, STATUS_SUM);
}
