/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/golden.h"

#include <inttypes.h>
#include <stdlib.h>

#include "sim/snapshot.h"
#include "sim/summary.h"

struct golden {
    struct machine *machine;
    struct snapshot *base;
    struct snapshot *branch; /* above it; NULL: golden_seek() was not called, or failed */
    uint64_t from, to;       /* positions that lead to the branch point */
};

struct golden *golden_new(struct machine *machine, struct error *err)
{
    struct golden *golden = calloc(1, sizeof *golden);
    if (!golden) {
        error_set(err, "out of memory");
        return NULL;
    }
    golden->machine = machine;
    golden->base = snapshot_take(machine, err);
    if (golden->base)
        return golden;
    free(golden);
    return NULL;
}

static void forget_branch(struct golden *golden)
{
    snapshot_drop(golden->branch);
    golden->branch = NULL;
}

int golden_back(struct golden *golden, struct error *err)
{
    return snapshot_restore(golden->branch ? golden->branch : golden->base, err);
}

/* On from where the machine is, which is on the undisturbed run. */
static int go_on(struct golden *golden, uint64_t position, struct error *err)
{
    struct machine *machine = golden->machine;
    enum machine_end end = machine_go(machine, position, NULL, NULL, err);
    if (end == END_FAULT || end == END_LOCKED)
        return -1;
    if (end != END_NONE)
        return error_set(err,
                         "expected the undisturbed run to get to instruction %" PRIu64
                         ", found its end (%s) after %" PRIu64,
                         position, summary_end_name(end), machine_insns(machine));
    golden->branch = snapshot_take(machine, err);
    golden->from = position;
    golden->to = machine_insns(machine);
    return golden->branch ? 0 : -1;
}

int golden_seek(struct golden *golden, uint64_t position, struct error *err)
{
    if (golden->branch && position < golden->from)
        forget_branch(golden);
    if (golden_back(golden, err))
        return -1;
    if (golden->branch && position <= golden->to)
        return 0;
    forget_branch(golden);
    return go_on(golden, position, err);
}

void golden_free(struct golden *golden)
{
    if (!golden)
        return;
    forget_branch(golden);
    snapshot_drop(golden->base);
    free(golden);
}
