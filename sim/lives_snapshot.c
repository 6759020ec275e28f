/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/lives_state.h"

/* What a run changes in the lives of a machine. What is planned and found out before it begins
 * (watches, recipes, classes) stays as it is. */

/* Lives that are over do not change. */
static void copy_list(struct lives *lives, struct state_copy *copy)
{
    state_copy(copy, &lives->count, sizeof lives->count);
    if (lives->count)
        state_copy(copy, &lives->lives[lives->count - 1], sizeof *lives->lives);
    state_copy(copy, lives->cuts, sizeof lives->cuts);
    state_copy(copy, lives->fingerprints, sizeof lives->fingerprints);
    state_copy(copy, lives->pcs, sizeof lives->pcs);
    state_copy(copy, &lives->stuck, sizeof lives->stuck);
    state_copy(copy, lives->verdict, sizeof lives->verdict);
}

static void copy_account(struct lives *lives, struct state_copy *copy)
{
    state_copy(copy, lives->counters, sizeof lives->counters);
    state_copy(copy, &lives->progress, sizeof lives->progress);
    state_copy(copy, &lives->begin, sizeof lives->begin);
    state_copy(copy, &lives->spent, sizeof lives->spent);
    state_copy(copy, &lives->lost_insns, sizeof lives->lost_insns);
    state_copy(copy, &lives->supplied_fj, sizeof lives->supplied_fj);
    state_copy(copy, &lives->asleep, sizeof lives->asleep);
    state_copy(copy, &lives->sample_ticks, sizeof lives->sample_ticks);
    state_copy(copy, &lives->sample_count, sizeof lives->sample_count);
    state_copy(copy, lives->samples, lives->sample_count * sizeof *lives->samples);
}

void lives_state(struct lives *lives, struct state_copy *copy)
{
    state_copy(copy, &lives->next, sizeof lives->next);
    state_copy(copy, &lives->planned, sizeof lives->planned);
    state_copy(copy, &lives->failing, sizeof lives->failing);
    state_copy(copy, &lives->failed_by, sizeof lives->failed_by);
    copy_list(lives, copy);
    copy_account(lives, copy);
    nvm_state(lives->nvm, copy);
    if (lives->energy)
        energy_state(lives->energy, copy);
    if (lives->supply)
        supply_state(lives->supply, copy);
    schedule_state(lives->schedule, copy);
    volatile_state(lives->ram, copy);
    if (copy->restore)
        lives_await(lives);
}
