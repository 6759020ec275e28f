/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_FAULTS_H
#define IASO_SIM_FAULTS_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#include "recovery/policy.h"
#include "sim/config.h"
#include "sim/symbols.h"

/*
 * What a fault campaign injects. Each fault is drawn for itself, with replacement: kind, place and
 * time are uniform, and so is what else the kind needs.
 *
 *   kind   over campaign.kinds
 *   place  over the addresses of the kernel's instructions that were executed inside recovery
 *          domains, between campaign.from and campaign.until, in the run without a fault
 *   time   over the times at which that instruction was executed so
 *   flip   the register over x1 to x31, the bit over its 64: as the upset of a register file
 *   wild   8 random bytes, aligned, up to 256 bytes from where a register points to memory which
 *          the kernel may write, in the same page (beyond its end comes its start): an index or a
 *          pointer that is a little wrong
 */
struct fault {
    uint64_t index; /* of the draw */
    uint64_t seed;  /* of what is drawn for it later */
    enum inject_kind kind;
    uint64_t address; /* the instruction */
    unsigned reg;     /* flip: 1 to 31 */
    unsigned bit;
    uint64_t target, value; /* wild */

    /* What the run without the fault tells. */
    uint64_t hits; /* times at which it might have struck; 0: never, the draw does not count */
    uint64_t nth;  /* time in a request, since the machine was switched on, at which it strikes */
    uint64_t position; /* machine_position() then */
    unsigned hart;
    enum request_kind request;
    uint64_t number; /* of the request */
};

/* The ith draw: all that is above the next comment but the wild store's. The places are in
 * ascending order. */
void fault_draw(struct fault *fault, const struct campaign_policy *policy, uint64_t i,
                const uint64_t *places, size_t count);

/* The fault might strike once more, for the `hits`th time: shall it? In the end each time was as
 * likely as any. */
bool fault_takes(const struct fault *fault, uint64_t hits);

/* A wild store's target: one of the `count` addresses that registers hold, with some distance. */
void fault_aim(struct fault *fault, const uint64_t *pointers, size_t count);

/* As section `inject` of a config; with symbols, its place has a name that stays theirs. */
void fault_policy(const struct fault *fault, const struct symbols *symbols,
                  struct inject_policy *policy);

/* The options of `iaso inject` that inject it: "--at x+0x4 --nth 3 --kind null". */
void fault_options(const struct fault *fault, const struct symbols *symbols, char *text,
                   size_t size);

const char *fault_kind_name(enum inject_kind kind);
enum inject_kind fault_kind_named(const char *name); /* INJECT_NONE: unknown */

#endif
