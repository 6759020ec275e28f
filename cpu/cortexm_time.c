/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cpu/cortexm_core.h"

/* Offsets in the system control space (B3.3.2). */
enum {
    REG_SYST_CSR = 0x010,
    REG_SYST_RVR = 0x014,
    REG_SYST_CVR = 0x018,
    REG_SYST_CALIB = 0x01c,
};

/* Offsets in the private peripheral bus (C1.8). */
#define DWT_CTRL   0x01000
#define DWT_CYCCNT 0x01004

#define CSR_ENABLE    (1u << 0)
#define CSR_TICKINT   (1u << 1)
#define CSR_CLKSOURCE (1u << 2)
#define CSR_COUNTFLAG (1u << 16)
#define CALIB_NOREF   (1u << 31)
#define COUNTER_MASK  0xffffffu

/* Four comparators less than a real one: there are none; nor is there trace. */
#define DWT_CTRL_FIXED ((1u << 27) | (1u << 26) | (1u << 24))

/* ---- SysTick (B3.3) ---- */

/* The counter's clock, as a count since the beginning of time, and the tick at which it shows a
 * count first. */
static uint64_t systick_count(const struct cortexm *core)
{
    if (core->state.scs.systick.core_clock)
        return core->clock->now;
    return clock_scale(core->clock->now, core->clock->rate, core->options.reference_hz);
}

static uint64_t systick_tick(const struct cortexm *core, uint64_t count)
{
    if (core->state.scs.systick.core_clock)
        return count;
    uint64_t tick = clock_scale(count, core->options.reference_hz, core->clock->rate);
    bool early = clock_scale(tick, core->clock->rate, core->options.reference_hz) < count;
    return tick + early;
}

static void systick_arm(struct cortexm *core)
{
    struct cortexm_scs *scs = &core->state.scs;
    bool counts = scs->systick.enabled && scs->systick.zero != UINT64_MAX;
    scs->systick.due = counts ? systick_tick(core, scs->systick.zero) : 0;
    clock_set(core->clock, &core->systick_event, scs->systick.due);
}

void cortexm_systick_settle(struct cortexm *core)
{
    struct cortexm_scs *scs = &core->state.scs;
    uint64_t now = systick_count(core), length = scs->systick.reload + UINT64_C(1);
    if (!scs->systick.enabled || now < scs->systick.zero)
        return;
    if (scs->systick.reload)
        scs->systick.zero += (now - scs->systick.zero) / length * length + length;
    else
        scs->systick.zero = UINT64_MAX;
    scs->systick.period = scs->systick.reload;
    scs->systick.counted = true;
    systick_arm(core);
    if (scs->systick.interrupts)
        cortexm_pend(core, EXC_SYSTICK);
}

uint64_t cortexm_systick_fire(void *opaque, uint64_t due)
{
    (void)due;
    struct cortexm *core = opaque;
    cortexm_systick_settle(core);
    return core->state.scs.systick.due;
}

static uint32_t systick_value(struct cortexm *core)
{
    struct cortexm_scs *scs = &core->state.scs;
    cortexm_systick_settle(core);
    if (!scs->systick.enabled)
        return scs->systick.frozen;
    if (scs->systick.zero == UINT64_MAX)
        return 0;
    uint64_t left = scs->systick.zero - systick_count(core);
    return left > scs->systick.period ? 0 : (uint32_t)left;
}

/* Counts on from `value`; from 0 the next count reloads. */
static void systick_start(struct cortexm *core, uint32_t value)
{
    struct cortexm_scs *scs = &core->state.scs;
    scs->systick.period = value ? COUNTER_MASK : scs->systick.reload;
    uint64_t left = value ? value : scs->systick.reload + UINT64_C(1);
    scs->systick.zero = !value && !scs->systick.reload ? UINT64_MAX : systick_count(core) + left;
    systick_arm(core);
}

static void systick_control(struct cortexm *core, uint32_t value)
{
    struct cortexm_scs *scs = &core->state.scs;
    uint32_t at = systick_value(core);
    scs->systick.enabled = value & CSR_ENABLE;
    scs->systick.interrupts = value & CSR_TICKINT;
    scs->systick.core_clock = value & CSR_CLKSOURCE || !core->options.reference_hz;
    scs->systick.frozen = at;
    if (scs->systick.enabled)
        systick_start(core, at);
    else
        systick_arm(core);
}

uint32_t cortexm_systick_read(struct cortexm *core, uint32_t offset)
{
    struct cortexm_scs *scs = &core->state.scs;
    uint32_t value;
    switch (offset) {
    case REG_SYST_CSR:
        cortexm_systick_settle(core);
        value = (scs->systick.enabled ? CSR_ENABLE : 0) |
                (scs->systick.interrupts ? CSR_TICKINT : 0) |
                (scs->systick.core_clock ? CSR_CLKSOURCE : 0) |
                (scs->systick.counted ? CSR_COUNTFLAG : 0);
        scs->systick.counted = false;
        return value;
    case REG_SYST_RVR:
        return scs->systick.reload;
    case REG_SYST_CVR:
        return systick_value(core);
    default: /* CALIB: the reload value for 10 ms */
        if (core->options.reference_hz)
            return (uint32_t)(core->options.reference_hz / 100 - 1) & COUNTER_MASK;
        return CALIB_NOREF | ((uint32_t)(core->clock->rate / 100 - 1) & COUNTER_MASK);
    }
}

void cortexm_systick_write(struct cortexm *core, uint32_t offset, uint32_t value)
{
    struct cortexm_scs *scs = &core->state.scs;
    switch (offset) {
    case REG_SYST_CSR:
        systick_control(core, value);
        return;
    case REG_SYST_RVR:
        cortexm_systick_settle(core);
        if (scs->systick.enabled && scs->systick.zero == UINT64_MAX && value & COUNTER_MASK) {
            scs->systick.reload = value & COUNTER_MASK;
            systick_start(core, 0);
        }
        scs->systick.reload = value & COUNTER_MASK;
        return;
    case REG_SYST_CVR: /* any value clears it */
        cortexm_systick_settle(core);
        scs->systick.frozen = 0;
        scs->systick.counted = false;
        if (scs->systick.enabled)
            systick_start(core, 0);
        return;
    }
}

/* ---- DWT (C1.8): the cycle counter ---- */

static bool cycles_run(const struct cortexm_scs *scs)
{
    return scs->cycles_on && scs->demcr & DEMCR_TRCENA;
}

static uint32_t cycles(const struct cortexm *core)
{
    const struct cortexm_scs *scs = &core->state.scs;
    return (uint32_t)(cycles_run(scs) ? core->clock->now - scs->cycles_base : scs->cycles_base);
}

static void set_cycles(struct cortexm *core, uint32_t value)
{
    struct cortexm_scs *scs = &core->state.scs;
    scs->cycles_base = cycles_run(scs) ? core->clock->now - value : value;
}

void cortexm_control_cycles(struct cortexm *core, bool on, uint32_t demcr)
{
    uint32_t value = cycles(core); /* it goes on from where it is */
    core->state.scs.cycles_on = on;
    core->state.scs.demcr = demcr;
    set_cycles(core, value);
}

uint32_t cortexm_dwt_read(struct cortexm *core, uint32_t offset)
{
    if (offset == DWT_CTRL)
        return DWT_CTRL_FIXED | core->state.scs.cycles_on;
    return offset == DWT_CYCCNT ? cycles(core) : 0;
}

void cortexm_dwt_write(struct cortexm *core, uint32_t offset, uint32_t value)
{
    if (offset == DWT_CYCCNT)
        set_cycles(core, value);
    if (offset == DWT_CTRL)
        cortexm_control_cycles(core, value & 1, core->state.scs.demcr);
}
