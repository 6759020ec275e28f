/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "devices/stellaris_gptm.h"

#include "devices/countdown.h"

#define CFG      0x00
#define TAMR     0x04
#define TBMR     0x08
#define CTL      0x0c
#define IMR      0x18
#define RIS      0x1c
#define MIS      0x20
#define ICR      0x24
#define TAILR    0x28
#define TBILR    0x2c
#define TAMATCHR 0x30
#define TBMATCHR 0x34
#define TAPR     0x38
#define TBPR     0x3c
#define TAPMR    0x40
#define TBPMR    0x44
#define TAR      0x48
#define TBR      0x4c

#define CFG_32_BITS 0
#define CFG_16_BITS 4

#define MR_MODE     0x3
#define MR_ONESHOT  0x1
#define MR_PERIODIC 0x2
#define MR_PWM      0x8

#define CTL_MASK 0x6f6f

/* In IMR, RIS, MIS and ICR. */
#define INT_MASK 0x70f
static const uint32_t timed_out[] = {0x001, 0x100};
static const uint32_t interrupts[] = {0x00f, 0x700};
static const uint32_t enable[] = {0x001, 0x100}; /* in CTL */

struct gptm {
    struct device device;
    struct clock *clock;
    struct half {
        struct gptm *gptm;
        unsigned number;
        struct irq_line irq;
        struct clock_event event;
    } halves[2]; /* A and B */
    struct {
        uint32_t config, control, mask, raw;
        struct {
            struct countdown counter;
            uint32_t mode, load, match, prescale, match_prescale;
        } half[2];
    } state;
};

static void drive_lines(const struct gptm *gptm)
{
    for (unsigned i = 0; i < 2; i++)
        irq_line_set(&gptm->halves[i].irq, gptm->state.raw & gptm->state.mask & interrupts[i]);
}

static void gptm_update(void *device)
{
    struct gptm *gptm = device;
    drive_lines(gptm);
    for (unsigned i = 0; i < 2; i++)
        clock_set(gptm->clock, &gptm->halves[i].event, countdown_due(&gptm->state.half[i].counter));
}

static uint64_t half_fire(void *opaque, uint64_t due)
{
    struct half *half = opaque;
    struct gptm *gptm = half->gptm;
    (void)due;
    gptm->state.raw |= timed_out[half->number];
    drive_lines(gptm);
    uint64_t next = countdown_expire(&gptm->state.half[half->number].counter);
    if (!next)
        gptm->state.control &= ~enable[half->number];
    return next;
}

static bool counts(const struct gptm *gptm, unsigned i)
{
    uint32_t mode = gptm->state.half[i].mode & (MR_MODE | MR_PWM);
    if (mode != MR_ONESHOT && mode != MR_PERIODIC)
        return false;
    return gptm->state.config == CFG_16_BITS || (gptm->state.config == CFG_32_BITS && i == 0);
}

/* Loads a timer that is enabled. */
static void start(struct gptm *gptm, unsigned i)
{
    struct countdown *counter = &gptm->state.half[i].counter;
    bool narrow = gptm->state.config == CFG_16_BITS;
    if (!counts(gptm, i))
        return;
    counter->once = (gptm->state.half[i].mode & MR_MODE) == MR_ONESHOT;
    counter->step = narrow ? gptm->state.half[i].prescale + 1 : 1;
    counter->reload = gptm->state.half[i].load & (narrow ? UINT16_MAX : UINT32_MAX);
    countdown_run(counter, gptm->clock->now, counter->reload);
}

static void set_control(struct gptm *gptm, uint32_t value)
{
    uint32_t changed = gptm->state.control ^ value;
    gptm->state.control = value & CTL_MASK;
    for (unsigned i = 0; i < 2; i++) {
        if (!(changed & enable[i]))
            continue;
        if (value & enable[i])
            start(gptm, i);
        else
            countdown_stop(&gptm->state.half[i].counter, gptm->clock->now);
    }
}

static void set_load(struct gptm *gptm, unsigned i, uint32_t value)
{
    gptm->state.half[i].load = value;
    if (gptm->state.half[i].counter.running)
        start(gptm, i);
}

/* The register at an offset, if it holds what is written; else NULL. */
static uint32_t *held(struct gptm *gptm, uint64_t offset)
{
    switch (offset) {
    case CFG:
        return &gptm->state.config;
    case TAMR:
    case TBMR:
        return &gptm->state.half[offset == TBMR].mode;
    case CTL:
        return &gptm->state.control;
    case IMR:
        return &gptm->state.mask;
    case TAILR:
    case TBILR:
        return &gptm->state.half[offset == TBILR].load;
    case TAMATCHR:
    case TBMATCHR:
        return &gptm->state.half[offset == TBMATCHR].match;
    case TAPR:
    case TBPR:
        return &gptm->state.half[offset == TBPR].prescale;
    case TAPMR:
    case TBPMR:
        return &gptm->state.half[offset == TBPMR].match_prescale;
    default:
        return NULL;
    }
}

static uint64_t gptm_read(void *opaque, uint64_t offset, unsigned size)
{
    struct gptm *gptm = opaque;
    const uint32_t *reg = held(gptm, offset);
    (void)size;
    if (reg)
        return *reg;
    switch (offset) {
    case RIS:
        return gptm->state.raw;
    case MIS:
        return gptm->state.raw & gptm->state.mask;
    case TAR:
    case TBR:
        return countdown_value(&gptm->state.half[offset == TBR].counter, gptm->clock->now);
    default:
        return 0;
    }
}

static void gptm_write(void *opaque, uint64_t offset, unsigned size, uint64_t wide)
{
    struct gptm *gptm = opaque;
    uint32_t value = (uint32_t)wide;
    uint32_t *reg = held(gptm, offset);
    (void)size;
    switch (offset) {
    case CTL:
        set_control(gptm, value);
        break;
    case TAILR:
    case TBILR:
        set_load(gptm, offset == TBILR, value);
        break;
    case IMR:
        gptm->state.mask = value & INT_MASK;
        break;
    case ICR:
        gptm->state.raw &= ~value;
        break;
    case TAPR:
    case TBPR:
        *reg = value & 0xff;
        break;
    default:
        if (reg)
            *reg = value;
    }
    gptm_update(gptm);
}

static void gptm_reset(void *device)
{
    struct gptm *gptm = device;
    for (unsigned i = 0; i < 2; i++) {
        gptm->state.half[i].counter.step = 1;
        gptm->state.half[i].load = gptm->state.half[i].match = i ? UINT16_MAX : UINT32_MAX;
    }
    gptm_update(gptm);
}

static const struct device_ops gptm_ops = {
    .name = "stellaris-gptm",
    .mmio = {gptm_read, gptm_write},
    .reset = gptm_reset,
    .restored = gptm_update,
};

struct device *stellaris_gptm_new(struct clock *clock, const struct irq_line *irq_a,
                                  const struct irq_line *irq_b)
{
    struct gptm *gptm =
        device_new(sizeof *gptm, &gptm_ops, offsetof(struct gptm, state), sizeof gptm->state);
    if (!gptm)
        return NULL;
    gptm->clock = clock;
    for (unsigned i = 0; i < 2; i++) {
        struct half *half = &gptm->halves[i];
        *half = (struct half){gptm, i, i ? *irq_b : *irq_a, {.name = "gptm"}};
        half->event.fire = half_fire;
        half->event.opaque = half;
        clock_add(clock, &half->event);
    }
    return &gptm->device;
}
