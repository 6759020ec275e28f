/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/checkpoint.h"

#include <string.h>

struct checkpoint {
    uint64_t now, deadline;
    struct machine_turn turn;
    struct machine_progress progress;
    size_t typed;
    uint64_t disks[MACHINE_MAX_DEVICES];
    uint64_t bytes[]; /* due times of the events, then devices, then harts; each 8-byte aligned */
};

static size_t aligned(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

static size_t event_count(const struct machine *machine)
{
    size_t count = 0;
    for (const struct clock_event *event = machine->clock.events; event; event = event->next)
        count++;
    return count;
}

struct checkpoint *checkpoint_take(struct machine *machine)
{
    size_t hart = machine->hart_count ? aligned(cpu_state_size(machine->harts[0])) : 0;
    size_t size = sizeof(struct checkpoint) + event_count(machine) * sizeof(uint64_t) +
                  machine->hart_count * hart;
    for (size_t i = 0; i < machine->device_count; i++)
        size += aligned(machine->devices[i]->state_size);
    struct checkpoint *checkpoint = arena_alloc(machine->arena, size);
    if (!checkpoint)
        return NULL;
    /* First of all the harts: the one that runs brings the clock up to date. */
    uint8_t *at = (uint8_t *)checkpoint + size - machine->hart_count * hart;
    for (unsigned i = 0; i < machine->hart_count; i++)
        cpu_save(machine->harts[i], at + i * hart);
    checkpoint->now = machine->clock.now;
    checkpoint->deadline = machine->clock.deadline;
    checkpoint->turn = machine->turn;
    checkpoint->progress = machine->counters;
    checkpoint->typed = machine->typed.taken;
    for (size_t i = 0; i < machine->block_count; i++)
        checkpoint->disks[i] = block_mark(machine->blocks[i]);
    uint64_t *due = checkpoint->bytes;
    for (const struct clock_event *event = machine->clock.events; event; event = event->next)
        *due++ = event->due;
    at = (uint8_t *)due;
    for (size_t i = 0; i < machine->device_count; i++) {
        memcpy(at, machine->devices[i]->state, machine->devices[i]->state_size);
        at += aligned(machine->devices[i]->state_size);
    }
    return checkpoint;
}

int checkpoint_return(struct machine *machine, const struct checkpoint *checkpoint)
{
    for (size_t i = 0; i < machine->block_count; i++)
        if (block_undo(machine->blocks[i], checkpoint->disks[i]))
            return -1;
    const uint64_t *due = checkpoint->bytes;
    for (struct clock_event *event = machine->clock.events; event; event = event->next)
        event->due = *due++;
    const uint8_t *at = (const uint8_t *)due;
    for (size_t i = 0; i < machine->device_count; i++) {
        memcpy(machine->devices[i]->state, at, machine->devices[i]->state_size);
        at += aligned(machine->devices[i]->state_size);
    }
    size_t hart = machine->hart_count ? aligned(cpu_state_size(machine->harts[0])) : 0;
    for (unsigned i = 0; i < machine->hart_count; i++)
        cpu_restore(machine->harts[i], at + i * hart);
    machine->clock.now = checkpoint->now;
    machine->clock.deadline = checkpoint->deadline;
    machine->turn = checkpoint->turn;
    machine->turn.resumed = true;
    machine->counters = checkpoint->progress;
    machine->typed.taken = checkpoint->typed;
    return 0;
}

void checkpoint_free(struct machine *machine, struct checkpoint *checkpoint)
{
    arena_free(machine->arena, checkpoint);
}
