/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "devices/plic.h"

#define PENDING        0x001000
#define ENABLE         0x002000
#define ENABLE_STRIDE  0x80
#define CONTEXT        0x200000
#define CONTEXT_STRIDE 0x1000
#define THRESHOLD      0
#define CLAIM          4

#define PRIORITY_MASK 7
#define WORDS         ((PLIC_MAX_SOURCES + 1) / 32)

struct plic {
    struct device device;
    unsigned sources, contexts;
    struct irq_line outputs[PLIC_MAX_CONTEXTS];
    struct {
        uint32_t priority[PLIC_MAX_SOURCES + 1];
        uint32_t level[WORDS];   /* the inputs */
        uint32_t pending[WORDS]; /* forwarded by the gateway, not yet claimed */
        uint32_t claimed[WORDS]; /* not yet completed: the gateway is closed */
        uint32_t enable[PLIC_MAX_CONTEXTS][WORDS];
        uint32_t threshold[PLIC_MAX_CONTEXTS];
    } state;
};

static bool bit_get(const uint32_t *words, unsigned bit)
{
    return words[bit / 32] >> bit % 32 & 1;
}

static void bit_set(uint32_t *words, unsigned bit, bool value)
{
    uint32_t mask = UINT32_C(1) << bit % 32;
    words[bit / 32] = value ? words[bit / 32] | mask : words[bit / 32] & ~mask;
}

/* The pending, enabled source with the highest priority; 0 if there is none. */
static unsigned best_source(const struct plic *plic, unsigned context)
{
    unsigned best = 0;
    for (unsigned word = 0; word < WORDS; word++) {
        uint32_t ready = plic->state.pending[word] & plic->state.enable[context][word];
        for (; ready; ready &= ready - 1) {
            unsigned source = word * 32 + (unsigned)__builtin_ctz(ready);
            if (plic->state.priority[source] > (best ? plic->state.priority[best] : 0))
                best = source;
        }
    }
    return best;
}

static void plic_update(void *device)
{
    struct plic *plic = device;
    for (unsigned context = 0; context < plic->contexts; context++) {
        unsigned best = best_source(plic, context);
        irq_line_set(&plic->outputs[context],
                     best && plic->state.priority[best] > plic->state.threshold[context]);
    }
}

static void input_set(void *opaque, unsigned source, bool level)
{
    struct plic *plic = opaque;
    bit_set(plic->state.level, source, level);
    if (level && !bit_get(plic->state.claimed, source) && !bit_get(plic->state.pending, source)) {
        bit_set(plic->state.pending, source, true);
        plic_update(plic);
    }
}

static uint32_t claim(struct plic *plic, unsigned context)
{
    unsigned source = best_source(plic, context);
    if (source) {
        bit_set(plic->state.pending, source, false);
        bit_set(plic->state.claimed, source, true);
        plic_update(plic);
    }
    return source;
}

static void complete(struct plic *plic, unsigned context, uint32_t source)
{
    if (source > plic->sources || !bit_get(plic->state.enable[context], source))
        return;
    bit_set(plic->state.claimed, source, false);
    if (bit_get(plic->state.level, source))
        bit_set(plic->state.pending, source, true);
    plic_update(plic);
}

/* Bits of a word of sources that exist: source 0 does not. */
static uint32_t word_mask(const struct plic *plic, uint64_t word)
{
    uint32_t mask = 0;
    for (unsigned bit = 0; bit < 32; bit++) {
        if (word * 32 + bit >= 1 && word * 32 + bit <= plic->sources)
            mask |= UINT32_C(1) << bit;
    }
    return mask;
}

static uint64_t plic_read(void *opaque, uint64_t offset, unsigned size)
{
    struct plic *plic = opaque;
    if (size != 4 || offset % 4)
        return 0;
    if (offset < PENDING)
        return offset / 4 <= plic->sources ? plic->state.priority[offset / 4] : 0;
    if (offset < ENABLE)
        return (offset - PENDING) / 4 < WORDS ? plic->state.pending[(offset - PENDING) / 4] : 0;
    if (offset < CONTEXT) {
        uint64_t context = (offset - ENABLE) / ENABLE_STRIDE;
        uint64_t word = (offset - ENABLE) % ENABLE_STRIDE / 4;
        return context < plic->contexts && word < WORDS ? plic->state.enable[context][word] : 0;
    }
    uint64_t context = (offset - CONTEXT) / CONTEXT_STRIDE;
    if (context >= plic->contexts)
        return 0;
    switch ((offset - CONTEXT) % CONTEXT_STRIDE) {
    case THRESHOLD:
        return plic->state.threshold[context];
    case CLAIM:
        return claim(plic, (unsigned)context);
    default:
        return 0;
    }
}

static void plic_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct plic *plic = opaque;
    if (size != 4 || offset % 4)
        return;
    if (offset < PENDING) {
        if (offset > 0 && offset / 4 <= plic->sources)
            plic->state.priority[offset / 4] = value & PRIORITY_MASK;
    } else if (offset >= ENABLE && offset < CONTEXT) {
        uint64_t context = (offset - ENABLE) / ENABLE_STRIDE;
        uint64_t word = (offset - ENABLE) % ENABLE_STRIDE / 4;
        if (context < plic->contexts && word < WORDS)
            plic->state.enable[context][word] = (uint32_t)value & word_mask(plic, word);
    } else if (offset >= CONTEXT) {
        uint64_t context = (offset - CONTEXT) / CONTEXT_STRIDE;
        if (context >= plic->contexts)
            return;
        uint64_t reg = (offset - CONTEXT) % CONTEXT_STRIDE;
        if (reg == THRESHOLD)
            plic->state.threshold[context] = value & PRIORITY_MASK;
        else if (reg == CLAIM)
            complete(plic, (unsigned)context, (uint32_t)value);
    }
    plic_update(plic);
}

static const struct device_ops plic_ops = {
    .name = "plic",
    .mmio = {plic_read, plic_write},
    .reset = plic_update,
    .restored = plic_update,
};

struct device *plic_new(unsigned sources, unsigned contexts, const struct irq_line *outputs)
{
    if (sources < 1 || sources > PLIC_MAX_SOURCES || contexts > PLIC_MAX_CONTEXTS)
        return NULL;
    struct plic *plic =
        device_new(sizeof *plic, &plic_ops, offsetof(struct plic, state), sizeof plic->state);
    if (!plic)
        return NULL;
    plic->sources = sources;
    plic->contexts = contexts;
    for (unsigned context = 0; context < contexts; context++)
        plic->outputs[context] = outputs[context];
    return &plic->device;
}

struct irq_line plic_input(struct device *device, unsigned source)
{
    const struct plic *plic = (const struct plic *)device;
    if (source < 1 || source > plic->sources)
        return (struct irq_line){0};
    return (struct irq_line){input_set, device, source};
}
