/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "devices/clint.h"

#include "devices/timer.h"

#define MSIP     0x0000
#define MTIMECMP 0x4000
#define MTIME    0xbff8

struct clint {
    struct device device;
    struct clock *clock;
    uint64_t timebase_hz;
    unsigned harts;
    struct irq_line msip[CLINT_MAX_HARTS];
    struct timer {
        struct clint *clint;
        const uint64_t *compare; /* in state */
        struct irq_line line;
        struct clock_event event;
    } mtimer[CLINT_MAX_HARTS], stimer[CLINT_MAX_HARTS];
    struct {
        uint64_t offset; /* mtime minus the clock's count */
        uint64_t mtimecmp[CLINT_MAX_HARTS];
        uint64_t stimecmp[CLINT_MAX_HARTS];
        uint32_t msip[CLINT_MAX_HARTS];
    } state;
};

static uint64_t mtime(const struct clint *clint)
{
    return clint->state.offset +
           clock_scale(clint->clock->now, clint->clock->rate, clint->timebase_hz);
}

/* Drives the line and returns when the comparison next turns out differently: when mtime reaches
 * the comparator or, from there, when it wraps to 0. */
static uint64_t timer_update(const struct timer *timer)
{
    uint64_t now = mtime(timer->clint);
    bool level = now >= *timer->compare;
    irq_line_set(&timer->line, level);
    if (*timer->compare == 0)
        return 0;
    return timer_due(timer->clint->clock, timer->clint->timebase_hz,
                     level ? 0 - now : *timer->compare - now);
}

static uint64_t timer_fire(void *opaque, uint64_t due)
{
    (void)due;
    return timer_update(opaque);
}

static void timer_set(struct timer *timer)
{
    clock_set(timer->clint->clock, &timer->event, timer_update(timer));
}

static void clint_update(void *device)
{
    struct clint *clint = device;
    for (unsigned hart = 0; hart < clint->harts; hart++) {
        irq_line_set(&clint->msip[hart], clint->state.msip[hart]);
        timer_set(&clint->mtimer[hart]);
        timer_set(&clint->stimer[hart]);
    }
}

/* The 64-bit word at an offset that is a multiple of 8: a register, or two of msip. */
static uint64_t word_read(const struct clint *clint, uint64_t offset)
{
    if (offset < MTIMECMP) {
        uint64_t hart = (offset - MSIP) / 4;
        uint64_t low = hart < clint->harts ? clint->state.msip[hart] : 0;
        uint64_t high = hart + 1 < clint->harts ? clint->state.msip[hart + 1] : 0;
        return high << 32 | low;
    }
    if (offset == MTIME)
        return mtime(clint);
    uint64_t hart = (offset - MTIMECMP) / 8;
    return hart < clint->harts ? clint->state.mtimecmp[hart] : 0;
}

static void word_write(struct clint *clint, uint64_t offset, uint64_t value)
{
    if (offset < MTIMECMP) {
        for (uint64_t hart = (offset - MSIP) / 4, end = hart + 2; hart < end; hart++) {
            if (hart < clint->harts) {
                clint->state.msip[hart] = value & 1;
                irq_line_set(&clint->msip[hart], value & 1);
            }
            value >>= 32;
        }
    } else if (offset == MTIME) {
        clint->state.offset += value - mtime(clint);
        clint_update(clint);
    } else if ((offset - MTIMECMP) / 8 < clint->harts) {
        uint64_t hart = (offset - MTIMECMP) / 8;
        clint->state.mtimecmp[hart] = value;
        timer_set(&clint->mtimer[hart]);
    }
}

static uint64_t clint_read(void *opaque, uint64_t offset, unsigned size)
{
    if (size < 4 || offset % size)
        return 0;
    uint64_t word = word_read(opaque, offset & ~UINT64_C(7));
    return size == 8 ? word : (uint32_t)(word >> (offset & 4 ? 32 : 0));
}

static void clint_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    if (size < 4 || offset % size)
        return;
    uint64_t base = offset & ~UINT64_C(7);
    if (size == 4) {
        uint64_t word = word_read(opaque, base);
        value = offset & 4 ? value << 32 | (uint32_t)word : (word >> 32) << 32 | (uint32_t)value;
    }
    word_write(opaque, base, value);
}

static void clint_reset(void *device)
{
    struct clint *clint = device;
    clint->state.offset = 0 - mtime(clint);
    for (unsigned hart = 0; hart < CLINT_MAX_HARTS; hart++)
        clint->state.mtimecmp[hart] = clint->state.stimecmp[hart] = UINT64_MAX;
    clint_update(clint);
}

static const struct device_ops clint_ops = {
    .name = "clint",
    .mmio = {clint_read, clint_write},
    .reset = clint_reset,
    .restored = clint_update,
};

static void timer_init(struct timer *timer, struct clint *clint, const char *name,
                       const uint64_t *compare, const struct irq_line *line)
{
    *timer = (struct timer){
        .clint = clint,
        .compare = compare,
        .event = {.name = name, .fire = timer_fire, .opaque = timer},
    };
    if (line)
        timer->line = *line;
    clock_add(clint->clock, &timer->event);
}

struct device *clint_new(struct clock *clock, unsigned harts, uint64_t timebase_hz,
                         const struct irq_line *msip, const struct irq_line *mtip,
                         const struct irq_line *stip)
{
    if (harts < 1 || harts > CLINT_MAX_HARTS || timebase_hz == 0)
        return NULL;
    struct clint *clint =
        device_new(sizeof *clint, &clint_ops, offsetof(struct clint, state), sizeof clint->state);
    if (!clint)
        return NULL;
    clint->clock = clock;
    clint->harts = harts;
    clint->timebase_hz = timebase_hz;
    for (unsigned hart = 0; hart < harts; hart++) {
        clint->msip[hart] = msip[hart];
        timer_init(&clint->mtimer[hart], clint, "mtimecmp", &clint->state.mtimecmp[hart],
                   &mtip[hart]);
        timer_init(&clint->stimer[hart], clint, "stimecmp", &clint->state.stimecmp[hart],
                   stip ? &stip[hart] : NULL);
    }
    return &clint->device;
}

uint64_t clint_time(const struct device *device)
{
    return mtime((const struct clint *)device);
}

uint64_t clint_stimecmp(const struct device *device, unsigned hart)
{
    return ((const struct clint *)device)->state.stimecmp[hart];
}

void clint_set_stimecmp(struct device *device, unsigned hart, uint64_t value)
{
    struct clint *clint = (struct clint *)device;
    clint->state.stimecmp[hart] = value;
    timer_set(&clint->stimer[hart]);
}
