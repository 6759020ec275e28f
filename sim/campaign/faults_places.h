/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_FAULTS_PLACES_H
#define IASO_SIM_FAULTS_PLACES_H

#include "sim/machine.h"

/* Addresses of the instructions that a machine's kernel executed inside recovery domains. */
struct places {
    struct places_block {
        uint64_t pc, insns; /* of a block; insns since the machine was made */
        uint32_t size;
    } * blocks; /* of all harts, one after the other, each by pc */
    size_t count, room;
    bool failed; /* out of memory */
};

/* What was executed so far, by the harts' profiles. -1 when out of memory. */
int places_note(struct places *places, const struct machine *machine);
void places_free(struct places *places);

/* What was executed between two notes: ascending addresses, each once; malloc'ed. For the machine
 * of the second, as it was then. NULL and err when out of memory, or if there are none. */
uint64_t *places_between(const struct places *before, const struct places *after,
                         const struct machine *machine, size_t *count, struct error *err);

#endif
