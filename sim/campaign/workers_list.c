/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "sim/campaign/workers_list.h"

#include <sys/mman.h>

static uint64_t range_of(uint64_t first, uint64_t end)
{
    return end << 32 | first;
}

static uint64_t first_of(uint64_t range)
{
    return (uint32_t)range;
}

static uint64_t end_of(uint64_t range)
{
    return range >> 32;
}

static size_t size_of(unsigned slots)
{
    return sizeof(struct workers_list) + slots * sizeof(struct workers_slot);
}

struct workers_list *workers_list_new(unsigned slots, size_t count)
{
    if (count > UINT32_MAX)
        return NULL;
    struct workers_list *list =
        mmap(NULL, size_of(slots), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (list == MAP_FAILED)
        return NULL;
    list->slots = slots;
    for (unsigned i = 0; i < slots; i++)
        list->slot[i].range =
            range_of((uint64_t)count * i / slots, (uint64_t)count * (i + 1) / slots);
    return list;
}

void workers_list_free(struct workers_list *list)
{
    if (list)
        munmap(list, size_of(list->slots));
}

static bool take_first(struct workers_slot *slot, size_t *number)
{
    uint64_t range = slot->range;
    while (first_of(range) < end_of(range)) {
        uint64_t rest = range_of(first_of(range) + 1, end_of(range));
        if (atomic_compare_exchange_weak(&slot->range, &range, rest)) {
            *number = first_of(range);
            slot->inside = first_of(range) + 1;
            return true;
        }
    }
    return false;
}

static unsigned longest(struct workers_list *list)
{
    unsigned best = 0;
    uint64_t most = 0;
    for (unsigned i = 0; i < list->slots; i++) {
        uint64_t range = list->slot[i].range, left = end_of(range) - first_of(range);
        if (left > most) {
            most = left;
            best = i;
        }
    }
    return best;
}

/* The upper half of the longest range becomes that of a slot whose own is empty. */
static bool take_half(struct workers_list *list, struct workers_slot *mine)
{
    for (;;) {
        struct workers_slot *victim = &list->slot[longest(list)];
        uint64_t range = victim->range, first = first_of(range), end = end_of(range);
        if (first >= end)
            return false;
        uint64_t middle = first + (end - first) / 2;
        if (atomic_compare_exchange_strong(&victim->range, &range, range_of(first, middle))) {
            mine->range = range_of(middle, end);
            return true;
        }
    }
}

bool workers_list_take(struct workers_list *list, unsigned slot, size_t *number)
{
    struct workers_slot *mine = &list->slot[slot];
    while (!list->stop) {
        if (take_first(mine, number))
            return true;
        if (!take_half(list, mine))
            return false;
    }
    return false;
}

bool workers_list_left(const struct workers_list *list)
{
    for (unsigned i = 0; i < list->slots; i++) {
        uint64_t range = list->slot[i].range;
        if (first_of(range) < end_of(range))
            return true;
    }
    return false;
}
