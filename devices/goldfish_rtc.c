/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "devices/goldfish_rtc.h"

#include "devices/timer.h"

#define TIME_LOW        0x00
#define TIME_HIGH       0x04
#define ALARM_LOW       0x08
#define ALARM_HIGH      0x0c
#define IRQ_ENABLED     0x10
#define CLEAR_ALARM     0x14
#define ALARM_STATUS    0x18
#define CLEAR_INTERRUPT 0x1c

#define NS_PER_S UINT64_C(1000000000)

struct goldfish_rtc {
    struct device device;
    struct clock *clock;
    uint64_t epoch_ns;
    struct irq_line irq;
    struct clock_event event;
    struct {
        uint64_t offset_ns; /* set by the guest */
        uint64_t alarm_ns;
        uint32_t time_high; /* latched */
        bool armed, pending, enabled;
    } state;
};

static uint64_t time_ns(const struct goldfish_rtc *rtc)
{
    return rtc->epoch_ns + rtc->state.offset_ns + clock_ns(rtc->clock, rtc->clock->now);
}

/* Sets off an alarm that is due, drives the line, and returns when to look again. */
static uint64_t rtc_check(struct goldfish_rtc *rtc)
{
    uint64_t now = time_ns(rtc);
    if (rtc->state.armed && now >= rtc->state.alarm_ns) {
        rtc->state.armed = false;
        rtc->state.pending = true;
    }
    irq_line_set(&rtc->irq, rtc->state.pending && rtc->state.enabled);
    return rtc->state.armed ? timer_due(rtc->clock, NS_PER_S, rtc->state.alarm_ns - now) : 0;
}

static uint64_t rtc_fire(void *opaque, uint64_t due)
{
    (void)due;
    return rtc_check(opaque);
}

static void rtc_update(void *device)
{
    struct goldfish_rtc *rtc = device;
    clock_set(rtc->clock, &rtc->event, rtc_check(rtc));
}

static uint64_t rtc_read(void *opaque, uint64_t offset, unsigned size)
{
    struct goldfish_rtc *rtc = opaque;
    if (size != 4)
        return 0;
    switch (offset) {
    case TIME_LOW: {
        uint64_t now = time_ns(rtc);
        rtc->state.time_high = (uint32_t)(now >> 32);
        return (uint32_t)now;
    }
    case TIME_HIGH:
        return rtc->state.time_high;
    case ALARM_LOW:
        return (uint32_t)rtc->state.alarm_ns;
    case ALARM_HIGH:
        return rtc->state.alarm_ns >> 32;
    case IRQ_ENABLED:
        return rtc->state.enabled;
    case ALARM_STATUS:
        return rtc->state.armed;
    default:
        return 0;
    }
}

static uint64_t with_low(uint64_t old, uint64_t low)
{
    return (old >> 32) << 32 | (uint32_t)low;
}

static uint64_t with_high(uint64_t old, uint64_t high)
{
    return high << 32 | (uint32_t)old;
}

static void rtc_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct goldfish_rtc *rtc = opaque;
    if (size != 4)
        return;
    uint64_t now = time_ns(rtc);
    switch (offset) {
    case TIME_LOW:
        rtc->state.offset_ns += with_low(now, value) - now;
        break;
    case TIME_HIGH:
        rtc->state.offset_ns += with_high(now, value) - now;
        break;
    case ALARM_LOW:
        rtc->state.alarm_ns = with_low(rtc->state.alarm_ns, value);
        rtc->state.armed = true;
        break;
    case ALARM_HIGH:
        rtc->state.alarm_ns = with_high(rtc->state.alarm_ns, value);
        break;
    case IRQ_ENABLED:
        rtc->state.enabled = value & 1;
        break;
    case CLEAR_ALARM:
        rtc->state.armed = false;
        break;
    case CLEAR_INTERRUPT:
        rtc->state.pending = false;
        break;
    }
    rtc_update(rtc);
}

static const struct device_ops rtc_ops = {
    .name = "goldfish-rtc",
    .mmio = {rtc_read, rtc_write},
    .reset = rtc_update,
    .restored = rtc_update,
};

struct device *goldfish_rtc_new(struct clock *clock, uint64_t epoch_ns, const struct irq_line *irq)
{
    struct goldfish_rtc *rtc =
        device_new(sizeof *rtc, &rtc_ops, offsetof(struct goldfish_rtc, state), sizeof rtc->state);
    if (!rtc)
        return NULL;
    rtc->clock = clock;
    rtc->epoch_ns = epoch_ns;
    rtc->irq = *irq;
    rtc->event = (struct clock_event){.name = "rtc-alarm", .fire = rtc_fire, .opaque = rtc};
    clock_add(clock, &rtc->event);
    return &rtc->device;
}
