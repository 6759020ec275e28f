/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/checkpoint.h"

#define ALIGNMENT 16 /* of a hart's state */

struct checkpoint {
    size_t typed;
    uint64_t disks[MACHINE_MAX_DEVICES];
    uint8_t bytes[] __attribute__((aligned(ALIGNMENT)));
};

static void copy_hart(struct cpu *hart, struct state_copy *copy)
{
    size_t pad = -copy->size % ALIGNMENT, size = cpu_state_size(hart);
    copy->size += pad + size;
    if (!copy->at)
        return;
    copy->at += pad;
    if (copy->restore)
        cpu_restore(hart, copy->at);
    else
        cpu_save(hart, copy->at);
    copy->at += size;
}

void checkpoint_state(struct machine *machine, struct state_copy *copy)
{
    /* First of all the harts: the one that runs brings the clock up to date; and one that is
     * restored may set an event. */
    for (unsigned i = 0; i < machine->hart_count; i++)
        copy_hart(machine->harts[i], copy);
    state_copy(copy, &machine->clock.now, sizeof machine->clock.now);
    state_copy(copy, &machine->clock.deadline, sizeof machine->clock.deadline);
    for (struct clock_event *event = machine->clock.events; event; event = event->next)
        state_copy(copy, &event->due, sizeof event->due);
    for (size_t i = 0; i < machine->device_count; i++)
        state_copy(copy, machine->devices[i]->state, machine->devices[i]->state_size);
    state_copy(copy, &machine->turn, sizeof machine->turn);
    state_copy(copy, &machine->counters, sizeof machine->counters);
}

struct checkpoint *checkpoint_take(struct machine *machine)
{
    struct state_copy copy = {0};
    checkpoint_state(machine, &copy);
    struct checkpoint *checkpoint = arena_alloc(machine->arena, sizeof *checkpoint + copy.size);
    if (!checkpoint)
        return NULL;
    copy = (struct state_copy){.at = checkpoint->bytes};
    checkpoint_state(machine, &copy);
    checkpoint->typed = machine->typed.taken;
    for (size_t i = 0; i < machine->block_count; i++)
        checkpoint->disks[i] = block_mark(machine->blocks[i]);
    return checkpoint;
}

int checkpoint_return(struct machine *machine, const struct checkpoint *checkpoint)
{
    for (size_t i = 0; i < machine->block_count; i++)
        if (block_undo(machine->blocks[i], checkpoint->disks[i]))
            return -1;
    struct state_copy copy = {.at = (uint8_t *)checkpoint->bytes, .restore = true};
    checkpoint_state(machine, &copy);
    machine->turn.resumed = true;
    machine->typed.taken = checkpoint->typed;
    return 0;
}

void checkpoint_free(struct machine *machine, struct checkpoint *checkpoint)
{
    arena_free(machine->arena, checkpoint);
}
