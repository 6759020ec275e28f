/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long the undo log takes: domains of 16 pages that commit, and such domains that are rolled
 * back, early and after a million others. Times are of the host, for people; nothing tests them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "recovery/log.h"

#define BASE   UINT64_C(0x80000000)
#define PAGE   4096
#define PAGES  16
#define ROUNDS 2000
#define MANY   1000000

static void released(void *opaque, uint64_t page_gpa, bool was_shared)
{
    (void)opaque;
    (void)page_gpa;
    (void)was_shared;
}

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* One domain that writes to so many pages. */
static void write_pages(struct memory *mem, struct log *log, struct log_owner *owner,
                        unsigned pages)
{
    for (unsigned i = 0; i < pages; i++) {
        uint64_t gpa = BASE + i * PAGE, value = i;
        log_save_page(log, owner, gpa, memory_host(mem, gpa, PAGE));
        memory_load(mem, gpa, &value, sizeof value);
    }
}

static void measure(struct memory *mem, struct log *log, const char *when)
{
    double commit = 0, undo = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct log_owner owner = {0}, *owners[] = {&owner};
        double start = now_us();
        write_pages(mem, log, &owner, PAGES);
        log_commit(log, &owner);
        commit += now_us() - start;
        memset(&owner, 0, sizeof owner);
        write_pages(mem, log, &owner, PAGES);
        start = now_us();
        log_undo(log, owners, 1);
        undo += now_us() - start;
    }
    printf("%-24s  log %u pages and commit %6.2f us   roll back %u pages %6.2f us\n", when, PAGES,
           commit / ROUNDS, PAGES, undo / ROUNDS);
}

int main(void)
{
    struct memory *mem = memory_new(12);
    struct arena *arena = arena_open(ARENA_RESERVE, NULL);
    struct log *log = mem && arena ? log_new(arena, mem, released, NULL) : NULL;
    if (!log || memory_add(mem, "ram", BASE, PAGES * PAGE, REGION_RAM, false, NULL)) {
        fputs("out of memory\n", stderr);
        return 1;
    }
    measure(mem, log, "at first");
    for (unsigned i = 0; i < MANY; i++) {
        struct log_owner owner = {0};
        write_pages(mem, log, &owner, 1);
        log_commit(log, &owner);
    }
    measure(mem, log, "after a million domains");
    printf("held by the log afterwards: %llu bytes\n", (unsigned long long)log_bytes(log));
    arena_close(arena);
    memory_free(mem);
    return 0;
}
