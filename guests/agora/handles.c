/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory of the allocator's that user threads hold, by handle. */
#include "kernel.h"
#include "syscalls.h"

#define HANDLES   64
#define ALLOC_MAX 4096

static struct {
    struct spinlock lock;
    struct handle {
        uint8_t *memory;
        uint64_t size;
        struct thread *owner;
    } slots[HANDLES];
    uint64_t bytes; /* of all handles */
    uint64_t allocs, releases;
} handles;

static void hang(void)
{
    for (;;)
        __asm__ volatile("" : : : "memory");
}

/* The first and the last byte tell later whether somebody else wrote there. */
static void mark(uint8_t *memory, uint64_t size, unsigned slot)
{
    memory[0] = memory[size - 1] = (uint8_t)(slot + 1);
}

static bool is_marked(const struct handle *handle, unsigned slot)
{
    return handle->memory[0] == slot + 1 && handle->memory[handle->size - 1] == slot + 1;
}

int64_t sys_alloc(uint64_t size)
{
    if (!size || size > ALLOC_MAX)
        return -EINVAL;
    uint8_t *memory = kalloc(size);
    if (!memory)
        return -ENOMEM;
    uint64_t flags = spin_lock(&handles.lock);
    unsigned slot = 0;
    while (slot < HANDLES && handles.slots[slot].memory)
        slot++;
    if (slot < HANDLES) {
        handles.slots[slot] = (struct handle){memory, size, current()};
        handles.bytes += size;
    }
    spin_unlock(&handles.lock, flags);
    if (slot == HANDLES) {
        kfree(memory);
        return -ENOSPC;
    }
    mark(memory, size, slot);
    if (fault_due(FAULT_LOOP))
        hang();
    flags = spin_lock(&handles.lock);
    handles.allocs++;
    spin_unlock(&handles.lock, flags);
    return slot;
}

int64_t sys_release(uint64_t number)
{
    uint64_t flags = spin_lock(&handles.lock);
    struct handle *handle = &handles.slots[number % HANDLES];
    if (number >= HANDLES || !handle->memory || handle->owner != current()) {
        spin_unlock(&handles.lock, flags);
        return -EINVAL;
    }
    if (!is_marked(handle, (unsigned)number))
        panic("memory was overwritten");
    uint8_t *memory = handle->memory;
    handles.bytes -= handle->size;
    handle->memory = NULL;
    spin_unlock(&handles.lock, flags);
    kfree(memory);
    if (fault_due(FAULT_DOUBLE_FREE))
        kfree(memory);
    flags = spin_lock(&handles.lock);
    handles.releases++;
    spin_unlock(&handles.lock, flags);
    return 0;
}

struct counts alloc_counts(void)
{
    return (struct counts){handles.allocs, handles.bytes};
}

struct counts release_counts(void)
{
    return (struct counts){handles.releases, 0};
}

bool handles_are_sound(void)
{
    uint64_t bytes = 0, used = 0;
    bool sound = true;
    uint64_t flags = spin_lock(&handles.lock);
    for (unsigned i = 0; i < HANDLES; i++) {
        const struct handle *handle = &handles.slots[i];
        if (handle->memory) {
            used++;
            bytes += handle->size;
            sound &= is_marked(handle, i);
        }
    }
    sound &= bytes == handles.bytes && handles.allocs - handles.releases == used;
    spin_unlock(&handles.lock, flags);
    return sound;
}
