/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "devices/cmsdk_dualtimer.h"

#include "devices/cmsdk_id.h"
#include "devices/countdown.h"

#define LOAD    0x00
#define VALUE   0x04
#define CONTROL 0x08
#define INTCLR  0x0c
#define RIS     0x10
#define MIS     0x14
#define BGLOAD  0x18

#define CONTROL_ONESHOT   0x01
#define CONTROL_32_BITS   0x02
#define CONTROL_INTERRUPT 0x20
#define CONTROL_PERIODIC  0x40
#define CONTROL_ENABLE    0x80
#define CONTROL_MASK      0xef

#define TIMERS      2
#define TIMER_SHIFT 5 /* log2 of the distance of their registers */

struct dualtimer {
    struct device device;
    struct clock *clock;
    struct irq_line irq;
    struct half {
        struct dualtimer *timer;
        unsigned number;
        struct clock_event event;
    } halves[TIMERS];
    struct {
        struct {
            struct countdown counter;
            uint32_t load, control;
            bool raw;
        } half[TIMERS];
    } state;
};

static bool masked(const struct dualtimer *timer, unsigned number)
{
    return timer->state.half[number].raw && timer->state.half[number].control & CONTROL_INTERRUPT;
}

static void drive_line(const struct dualtimer *timer)
{
    irq_line_set(&timer->irq, masked(timer, 0) || masked(timer, 1));
}

static void timer_update(void *device)
{
    struct dualtimer *timer = device;
    drive_line(timer);
    for (unsigned i = 0; i < TIMERS; i++)
        clock_set(timer->clock, &timer->halves[i].event,
                  countdown_due(&timer->state.half[i].counter));
}

static uint64_t half_fire(void *opaque, uint64_t due)
{
    struct half *half = opaque;
    (void)due;
    half->timer->state.half[half->number].raw = true;
    drive_line(half->timer);
    return countdown_expire(&half->timer->state.half[half->number].counter);
}

static uint64_t timer_read(void *opaque, uint64_t offset, unsigned size)
{
    struct dualtimer *timer = opaque;
    unsigned i = (unsigned)(offset >> TIMER_SHIFT);
    (void)size;
    if (i >= TIMERS)
        return cmsdk_id(offset, CMSDK_DUALTIMER);
    switch (offset % (1 << TIMER_SHIFT)) {
    case LOAD:
    case BGLOAD:
        return timer->state.half[i].load;
    case VALUE:
        return countdown_value(&timer->state.half[i].counter, timer->clock->now);
    case CONTROL:
        return timer->state.half[i].control;
    case RIS:
        return timer->state.half[i].raw;
    case MIS:
        return masked(timer, i);
    default:
        return 0;
    }
}

static uint32_t width(uint32_t control)
{
    return control & CONTROL_32_BITS ? UINT32_MAX : UINT16_MAX;
}

/* Takes over what LOAD and CONTROL say; the count becomes `value`. */
static void settle(struct dualtimer *timer, unsigned i, uint32_t value)
{
    static const uint32_t steps[] = {1, 16, 256, 256};
    struct countdown *counter = &timer->state.half[i].counter;
    uint32_t control = timer->state.half[i].control;
    counter->step = steps[control >> 2 & 3];
    counter->once = control & CONTROL_ONESHOT;
    counter->reload =
        control & CONTROL_PERIODIC ? timer->state.half[i].load & width(control) : width(control);
    value &= width(control);
    if (control & CONTROL_ENABLE)
        countdown_run(counter, timer->clock->now, value);
    else
        counter->value = value;
}

static void timer_write(void *opaque, uint64_t offset, unsigned size, uint64_t wide)
{
    struct dualtimer *timer = opaque;
    uint32_t value = (uint32_t)wide;
    unsigned i = (unsigned)(offset >> TIMER_SHIFT);
    (void)size;
    if (i >= TIMERS)
        return;
    struct countdown *counter = &timer->state.half[i].counter;
    switch (offset % (1 << TIMER_SHIFT)) {
    case LOAD:
        timer->state.half[i].load = value & width(timer->state.half[i].control);
        settle(timer, i, value);
        break;
    case CONTROL:
        countdown_stop(counter, timer->clock->now);
        timer->state.half[i].control = value & CONTROL_MASK;
        settle(timer, i, counter->value);
        break;
    case INTCLR:
        timer->state.half[i].raw = false;
        break;
    case BGLOAD:
        timer->state.half[i].load = value & width(timer->state.half[i].control);
        if (timer->state.half[i].control & CONTROL_PERIODIC)
            counter->reload = timer->state.half[i].load;
        break;
    }
    timer_update(timer);
}

static void timer_reset(void *device)
{
    struct dualtimer *timer = device;
    for (unsigned i = 0; i < TIMERS; i++) {
        timer->state.half[i].control = CONTROL_INTERRUPT;
        settle(timer, i, UINT32_MAX);
    }
    timer_update(timer);
}

static const struct device_ops timer_ops = {
    .name = "cmsdk-dualtimer",
    .mmio = {timer_read, timer_write},
    .reset = timer_reset,
    .restored = timer_update,
};

struct device *cmsdk_dualtimer_new(struct clock *clock, const struct irq_line *irq)
{
    struct dualtimer *timer = device_new(sizeof *timer, &timer_ops,
                                         offsetof(struct dualtimer, state), sizeof timer->state);
    if (!timer)
        return NULL;
    timer->clock = clock;
    timer->irq = *irq;
    for (unsigned i = 0; i < TIMERS; i++) {
        struct half *half = &timer->halves[i];
        *half = (struct half){timer, i, {.name = "dualtimer", .fire = half_fire, .opaque = half}};
        clock_add(clock, &half->event);
    }
    return &timer->device;
}
