/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_WORKERS_LIST_H
#define IASO_SIM_WORKERS_LIST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The list of what is left to do, in memory that all workers share. Lock-free: a worker may be
 * killed anywhere. */
struct workers_list {
    atomic_bool stop;
    unsigned slots;
    struct workers_slot {
        _Atomic uint64_t range;  /* what is left of it: first, and past the last << 32 */
        _Atomic uint64_t inside; /* the number of what the worker does now, plus 1; 0: nothing */
        uint64_t padding[6];     /* a cache line */
    } slot[];
};

/* Numbers 0 to count - 1, in as many ranges as there are slots. NULL when out of memory. */
struct workers_list *workers_list_new(unsigned slots, size_t count);
void workers_list_free(struct workers_list *list);

/* Takes the next number for a slot; false if there is none, or if all shall stop. */
bool workers_list_take(struct workers_list *list, unsigned slot, size_t *number);

/* Is anything left? */
bool workers_list_left(const struct workers_list *list);

#endif
