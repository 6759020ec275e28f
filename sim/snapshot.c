/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/snapshot.h"

#include <stdlib.h>

#include "mem/journal.h"
#include "sim/checkpoint.h"
#include "sim/failures.h"
#include "sim/lives.h"

struct snapshot {
    struct machine *machine;
    struct snapshot *below; /* the one before it; of a spare one, the next spare one */
    size_t room;            /* for bytes */
    uint64_t disks[MACHINE_MAX_DEVICES];
    char *panic_report;
    struct arena_copy *arena; /* may be an older one in a spare snapshot; NULL: none */
    uint8_t bytes[] __attribute__((aligned(16)));
};

/* Lists that only grow are cut back by their length. */
static void copy_run(struct machine *machine, struct state_copy *copy)
{
    state_copy(copy, &machine->end, sizeof machine->end);
    state_copy(copy, &machine->exit_code, sizeof machine->exit_code);
    state_copy(copy, &machine->reboots, sizeof machine->reboots);
    state_copy(copy, &machine->reboot_wanted, sizeof machine->reboot_wanted);
    state_copy(copy, &machine->typed.taken, sizeof machine->typed.taken);
    state_copy(copy, &machine->typed.count, sizeof machine->typed.count);
    state_copy(copy, &machine->panic_at, sizeof machine->panic_at);
    state_copy(copy, &machine->panic_hart, sizeof machine->panic_hart);
    state_copy(copy, &machine->first_writes, sizeof machine->first_writes);
    state_copy(copy, &machine->precise_accesses, sizeof machine->precise_accesses);
}

/* Everything but memory, the disks and the arena. */
static void copy_all(struct machine *machine, struct state_copy *copy)
{
    checkpoint_state(machine, copy);
    copy_run(machine, copy);
    state_copy(copy, &machine->semihosting.state, sizeof machine->semihosting.state);
    console_state(machine->console, copy);
    if (machine->lives)
        lives_state(machine->lives, copy);
    if (machine->failures)
        failures_state(machine->failures, copy);
}

static void free_one(struct snapshot *snapshot)
{
    if (snapshot)
        arena_copy_free(snapshot->arena);
    free(snapshot);
}

/* One that was dropped, if it is large enough, or a new one. */
static struct snapshot *get(struct machine *machine, size_t size)
{
    struct snapshot *snapshot = machine->spare_snapshots;
    if (snapshot)
        machine->spare_snapshots = snapshot->below;
    if (snapshot && snapshot->room >= size)
        return snapshot;
    free_one(snapshot);
    snapshot = malloc(sizeof *snapshot + size + size / 4);
    if (!snapshot)
        return NULL;
    snapshot->room = size + size / 4;
    snapshot->arena = NULL;
    return snapshot;
}

static void put(struct machine *machine, struct snapshot *snapshot)
{
    snapshot->below = machine->spare_snapshots;
    machine->spare_snapshots = snapshot;
}

static int save_arena(struct machine *machine, struct snapshot *snapshot)
{
    for (unsigned i = 0; i < machine->hart_count; i++)
        cpu_profile_settle(machine->harts[i]);
    return arena_save(machine->arena, &snapshot->arena);
}

struct snapshot *snapshot_take(struct machine *machine, struct error *err)
{
    struct state_copy copy = {0};
    copy_all(machine, &copy);
    struct snapshot *snapshot = get(machine, copy.size);
    if (!snapshot) {
        error_set(err, "out of memory");
        return NULL;
    }
    copy = (struct state_copy){.at = snapshot->bytes};
    copy_all(machine, &copy);
    if (machine->arena && save_arena(machine, snapshot)) {
        put(machine, snapshot);
        error_set(err, "out of memory");
        return NULL;
    }
    if (memory_mark(machine->mem, err)) {
        put(machine, snapshot);
        return NULL;
    }
    for (size_t i = 0; i < machine->block_count; i++)
        snapshot->disks[i] = block_mark(machine->blocks[i]);
    snapshot->machine = machine;
    snapshot->panic_report = machine->panic_report;
    snapshot->below = machine->snapshots;
    machine->snapshots = snapshot;
    return snapshot;
}

int snapshot_restore(struct snapshot *snapshot, struct error *err)
{
    struct machine *machine = snapshot->machine;
    if (machine->snapshots != snapshot)
        return error_set(err, "expected the newest snapshot, found an older one");
    for (size_t i = 0; i < machine->block_count; i++)
        if (block_undo(machine->blocks[i], snapshot->disks[i]))
            return error_set(err,
                             "a disk without an overlay was written to: that cannot be undone");
    if (memory_rewind(machine->mem, err))
        return -1;
    struct state_copy copy = {.at = snapshot->bytes, .restore = true};
    copy_all(machine, &copy);
    if (machine->arena)
        arena_restore(machine->arena, snapshot->arena);
    if (machine->panic_report != snapshot->panic_report) /* it panicked since */
        free(machine->panic_report);
    machine->panic_report = snapshot->panic_report;
    return 0;
}

void snapshot_drop(struct snapshot *snapshot)
{
    if (!snapshot)
        return;
    struct machine *machine = snapshot->machine;
    memory_unmark(machine->mem);
    machine->snapshots = snapshot->below;
    put(machine, snapshot);
    for (size_t i = 0; !machine->snapshots && i < machine->block_count; i++)
        block_trim(machine->blocks[i], UINT64_MAX);
}

static void free_list(struct snapshot *snapshot)
{
    while (snapshot) {
        struct snapshot *below = snapshot->below;
        free_one(snapshot);
        snapshot = below;
    }
}

void snapshot_free_all(struct machine *machine)
{
    free_list(machine->snapshots);
    free_list(machine->spare_snapshots);
}
