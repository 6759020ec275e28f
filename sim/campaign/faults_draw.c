/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "power/random.h"
#include "sim/faults.h"

#define REGISTERS   31 /* x0 is no register */
#define WILD_WORDS  32 /* on each side */
#define PAGE_OFFSET UINT64_C(0xfff)
#define KINDS       (INJECT_HANG - INJECT_NONE)

/* Streams of randomness that have nothing to do with each other. */
enum stream {
    STREAM_DRAW,
    STREAM_TIME,
    STREAM_AIM,
};

static const char *const kind_names[] = {
    [INJECT_NONE] = "none", [INJECT_NULL] = "null", [INJECT_FLIP] = "flip", [INJECT_WILD] = "wild",
    [INJECT_SKIP] = "skip", [INJECT_BUG] = "bug",   [INJECT_HANG] = "hang",
};

static const char *const register_names[REGISTERS + 1] = {
    "zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
    "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
    "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};

const char *fault_kind_name(enum inject_kind kind)
{
    return kind_names[kind];
}

enum inject_kind fault_kind_named(const char *name)
{
    for (int kind = INJECT_NULL; name && kind <= INJECT_HANG; kind++)
        if (!strcmp(kind_names[kind], name))
            return (enum inject_kind)kind;
    return INJECT_NONE;
}

static struct random stream(uint64_t seed, enum stream which, uint64_t number)
{
    struct random random = {seed};
    random.state = random_next(&random) ^ (uint64_t)which;
    random.state = random_next(&random) ^ number;
    return random;
}

static enum inject_kind draw_kind(struct random *random, unsigned kinds)
{
    uint64_t choice = random_below(random, (uint64_t)__builtin_popcount(kinds));
    for (int kind = 0; kind < KINDS; kind++)
        if (kinds >> kind & 1 && choice-- == 0)
            return (enum inject_kind)(kind + 1);
    return INJECT_NONE;
}

void fault_draw(struct fault *fault, const struct campaign_policy *policy, uint64_t i,
                const uint64_t *places, size_t count)
{
    struct random random = stream(policy->seed, STREAM_DRAW, i);
    *fault = (struct fault){.index = i};
    fault->seed = random_next(&random);
    fault->kind = draw_kind(&random, policy->kinds);
    fault->address = places[random_below(&random, count)];
    fault->reg = 1 + (unsigned)random_below(&random, REGISTERS);
    fault->bit = (unsigned)random_below(&random, 64);
}

/* Vitter's algorithm R, for one. */
bool fault_takes(const struct fault *fault, uint64_t hits)
{
    struct random random = stream(fault->seed, STREAM_TIME, hits);
    return random_below(&random, hits) == 0;
}

void fault_aim(struct fault *fault, const uint64_t *pointers, size_t count)
{
    struct random random = stream(fault->seed, STREAM_AIM, 0);
    uint64_t pointer = pointers[random_below(&random, count)];
    uint64_t near = pointer + 8 * (random_below(&random, 2 * WILD_WORDS + 1) - WILD_WORDS);
    fault->target = (pointer & ~PAGE_OFFSET) | (near & PAGE_OFFSET & ~UINT64_C(7));
    fault->value = random_next(&random);
}

/* The function that the address is in, if that name leads back to it; else the address alone. */
static const char *name_of(const struct symbols *symbols, uint64_t address, uint64_t *offset)
{
    const struct symbol *at = symbols ? symbols_at(symbols, address, offset) : NULL;
    const struct symbol *named = at ? symbols_named(symbols, at->name) : NULL;
    if (named && named->address + *offset == address)
        return at->name;
    *offset = address;
    return NULL;
}

void fault_policy(const struct fault *fault, const struct symbols *symbols,
                  struct inject_policy *policy)
{
    *policy = (struct inject_policy){.kind = fault->kind,
                                     .nth = fault->nth,
                                     .reg = register_names[fault->reg],
                                     .bit = fault->bit,
                                     .address = fault->target,
                                     .value = fault->value};
    policy->symbol = name_of(symbols, fault->address, &policy->offset);
}

void fault_options(const struct fault *fault, const struct symbols *symbols, char *text,
                   size_t size)
{
    struct inject_policy policy;
    fault_policy(fault, symbols, &policy);
    int length = snprintf(text, size, "--at %s%s0x%" PRIx64 " --nth %" PRIu64 " --kind %s",
                          policy.symbol ? policy.symbol : "", policy.symbol ? "+" : "",
                          policy.offset, policy.nth, fault_kind_name(policy.kind));
    if (length < 0 || (size_t)length >= size)
        return;
    text += length;
    size -= (size_t)length;
    if (policy.kind == INJECT_FLIP)
        snprintf(text, size, " --register %s --bit %u", policy.reg, policy.bit);
    else if (policy.kind == INJECT_WILD)
        snprintf(text, size, " --address 0x%" PRIx64 " --value 0x%" PRIx64, policy.address,
                 policy.value);
}
