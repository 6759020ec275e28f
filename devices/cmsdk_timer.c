/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "devices/cmsdk_timer.h"

#include "devices/cmsdk_id.h"
#include "devices/countdown.h"

#define CTRL      0x00
#define VALUE     0x04
#define RELOAD    0x08
#define INTSTATUS 0x0c

#define CTRL_ENABLE    0x1
#define CTRL_INTERRUPT 0x8
#define CTRL_MASK      0xf

struct cmsdk_timer {
    struct device device;
    struct clock *clock;
    struct irq_line irq;
    struct clock_event event;
    struct {
        struct countdown counter;
        uint32_t ctrl;
        bool pending;
    } state;
};

static void timer_update(void *device)
{
    struct cmsdk_timer *timer = device;
    irq_line_set(&timer->irq, timer->state.pending);
    clock_set(timer->clock, &timer->event, countdown_due(&timer->state.counter));
}

static uint64_t timer_fire(void *opaque, uint64_t due)
{
    struct cmsdk_timer *timer = opaque;
    (void)due;
    if (timer->state.ctrl & CTRL_INTERRUPT)
        timer->state.pending = true;
    irq_line_set(&timer->irq, timer->state.pending);
    return countdown_expire(&timer->state.counter);
}

static uint64_t timer_read(void *opaque, uint64_t offset, unsigned size)
{
    struct cmsdk_timer *timer = opaque;
    (void)size;
    switch (offset) {
    case CTRL:
        return timer->state.ctrl;
    case VALUE:
        return countdown_value(&timer->state.counter, timer->clock->now);
    case RELOAD:
        return timer->state.counter.reload;
    case INTSTATUS:
        return timer->state.pending;
    default:
        return cmsdk_id(offset, CMSDK_TIMER);
    }
}

static void set_value(struct cmsdk_timer *timer, uint32_t value)
{
    struct countdown *counter = &timer->state.counter;
    if (timer->state.ctrl & CTRL_ENABLE)
        countdown_run(counter, timer->clock->now, value);
    else
        counter->value = value;
}

static void control(struct cmsdk_timer *timer, uint32_t value)
{
    struct countdown *counter = &timer->state.counter;
    timer->state.ctrl = value & CTRL_MASK;
    if (!(value & CTRL_ENABLE))
        countdown_stop(counter, timer->clock->now);
    else if (!counter->running)
        countdown_run(counter, timer->clock->now, counter->value);
}

static void timer_write(void *opaque, uint64_t offset, unsigned size, uint64_t wide)
{
    struct cmsdk_timer *timer = opaque;
    uint32_t value = (uint32_t)wide;
    (void)size;
    switch (offset) {
    case CTRL:
        control(timer, value);
        break;
    case VALUE:
        set_value(timer, value);
        break;
    case RELOAD:
        timer->state.counter.reload = value;
        set_value(timer, value);
        break;
    case INTSTATUS:
        if (value & 1)
            timer->state.pending = false;
        break;
    }
    timer_update(timer);
}

static void timer_reset(void *device)
{
    struct cmsdk_timer *timer = device;
    timer->state.counter.step = 1;
    timer_update(timer);
}

static const struct device_ops timer_ops = {
    .name = "cmsdk-timer",
    .mmio = {timer_read, timer_write},
    .reset = timer_reset,
    .restored = timer_update,
};

struct device *cmsdk_timer_new(struct clock *clock, const struct irq_line *irq)
{
    struct cmsdk_timer *timer = device_new(
        sizeof *timer, &timer_ops, offsetof(struct cmsdk_timer, state), sizeof timer->state);
    if (!timer)
        return NULL;
    timer->clock = clock;
    timer->irq = *irq;
    timer->event = (struct clock_event){.name = "timer", .fire = timer_fire, .opaque = timer};
    clock_add(clock, &timer->event);
    return &timer->device;
}
