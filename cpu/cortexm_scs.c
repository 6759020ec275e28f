/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "cpu/cortexm_core.h"

/* Offsets in the private peripheral bus (B3.1). */
#define SCS 0x0e000

/* Offsets in the system control space (B3.2, B3.3, B3.4). */
enum {
    REG_ICTR = 0x004,
    SYSTICK = 0x010, /* four registers */
    SYSTICK_END = 0x020,
    REG_ISER = 0x100,
    REG_ICER = 0x180,
    REG_ISPR = 0x200,
    REG_ICPR = 0x280,
    REG_IABR = 0x300,
    REG_IPR = 0x400,
    REG_CPUID = 0xd00,
    REG_ICSR = 0xd04,
    REG_VTOR = 0xd08,
    REG_AIRCR = 0xd0c,
    REG_SCR = 0xd10,
    REG_CCR = 0xd14,
    REG_SHPR = 0xd18,
    REG_SHCSR = 0xd24,
    REG_CFSR = 0xd28,
    REG_HFSR = 0xd2c,
    REG_DFSR = 0xd30,
    REG_MMFAR = 0xd34,
    REG_BFAR = 0xd38,
    REG_CPACR = 0xd88,
    REG_DEMCR = 0xdfc,
    REG_STIR = 0xf00,
    REG_FPCCR = 0xf34,
    REG_FPCAR = 0xf38,
    REG_FPDSCR = 0xf3c,
    REG_MVFR0 = 0xf40,
    REG_MVFR1 = 0xf44,
};

#define CPUID_M3 UINT32_C(0x412fc231) /* r2p1 */
#define CPUID_M4 UINT32_C(0x410fc241) /* r0p1 */

#define ICSR_NMIPENDSET (1u << 31)
#define ICSR_PENDSVSET  (1u << 28)
#define ICSR_PENDSVCLR  (1u << 27)
#define ICSR_PENDSTSET  (1u << 26)
#define ICSR_PENDSTCLR  (1u << 25)
#define ICSR_ISRPENDING (1u << 22)
#define ICSR_RETTOBASE  (1u << 11)

#define AIRCR_KEY         0x05fau
#define AIRCR_READ_KEY    0xfa05u
#define AIRCR_SYSRESETREQ (1u << 2)
#define AIRCR_VECTRESET   (1u << 0)

#define CCR_WRITABLE   0x31bu
#define SCR_WRITABLE   0x16u
#define CPACR_WRITABLE 0x00f00000u

/* ---- Priorities and pending exceptions (B1.5.4) ---- */

int cortexm_priority(const struct cortexm *core, unsigned number)
{
    switch (number) {
    case EXC_RESET:
        return -3;
    case EXC_NMI:
        return -2;
    case EXC_HARD_FAULT:
        return -1;
    }
    return core->state.scs.priority[number];
}

int cortexm_group(const struct cortexm *core, int priority)
{
    return priority < 0 ? priority : priority & ~((2 << core->state.scs.prigroup) - 1);
}

void cortexm_update(struct cortexm *core)
{
    struct cortexm_scs *scs = &core->state.scs;
    int best = PRIORITY_NONE, active = PRIORITY_NONE;
    core->best = 0;
    for (unsigned i = 0; i < EXC_COUNT / 64; i++) {
        for (uint64_t set = scs->pending[i] & scs->enabled[i]; set; set &= set - 1) {
            unsigned number = 64 * i + (unsigned)__builtin_ctzll(set);
            if (cortexm_priority(core, number) < best) {
                best = cortexm_priority(core, number);
                core->best = number;
            }
        }
        for (uint64_t set = scs->active[i]; set; set &= set - 1) {
            unsigned number = 64 * i + (unsigned)__builtin_ctzll(set);
            int group = cortexm_group(core, cortexm_priority(core, number));
            active = group < active ? group : active;
        }
    }
    core->best_priority = cortexm_group(core, best);
    core->active_priority = active;
    core->attention &= ~(unsigned)ATTEND_PENDING;
    if (core->best && core->best_priority < active)
        cortexm_alert(core, ATTEND_PENDING);
    else
        cortexm_set_limits(core);
}

void cortexm_pend(struct cortexm *core, unsigned number)
{
    struct cortexm_scs *scs = &core->state.scs;
    if (!exceptions_has(scs->pending, number) && scs->scr & SCR_SEVONPEND)
        scs->event = true;
    exceptions_put(scs->pending, number, true);
    cortexm_update(core);
}

/* A line that is high makes its interrupt pending (B3.4.1). */
void cortexm_sample_lines(struct cortexm *core)
{
    struct cortexm_scs *scs = &core->state.scs;
    for (unsigned i = 0; i < EXC_COUNT / 64; i++)
        scs->pending[i] |= scs->level[i] & ~scs->active[i];
    cortexm_update(core);
}

void cortexm_set_irq(struct cpu *cpu, unsigned number, bool level)
{
    struct cortexm *core = (struct cortexm *)cpu;
    struct cortexm_scs *scs = &core->state.scs;
    number += EXC_EXTERNAL;
    if (number >= EXC_EXTERNAL + core->options.lines || exceptions_has(scs->level, number) == level)
        return;
    exceptions_put(scs->level, number, level);
    if (level)
        cortexm_pend(core, number); /* also while it is active: an edge is latched */
}

/* ---- NVIC (B3.4) ---- */

/* Word `index` of a set, external interrupts only. */
static uint32_t lines_word(const struct cortexm *core, const exceptions set, unsigned index)
{
    uint32_t word = 0;
    for (unsigned bit = 0; bit < 32; bit++) {
        unsigned line = 32 * index + bit;
        if (line < core->options.lines && exceptions_has(set, EXC_EXTERNAL + line))
            word |= 1u << bit;
    }
    return word;
}

static void change_lines(struct cortexm *core, exceptions set, unsigned index, uint32_t word,
                         bool on)
{
    for (; word; word &= word - 1) {
        unsigned line = 32 * index + (unsigned)__builtin_ctz(word);
        if (line < core->options.lines)
            exceptions_put(set, EXC_EXTERNAL + line, on);
    }
}

static void set_priority(struct cortexm *core, unsigned number, uint32_t value)
{
    core->state.scs.priority[number] =
        (uint8_t)(value & 0xffu << (8 - core->options.priority_bits));
}

static uint32_t nvic_read(struct cortexm *core, uint32_t offset)
{
    const struct cortexm_scs *scs = &core->state.scs;
    unsigned index = offset % 0x80 / 4;
    if (offset >= REG_IPR) {
        uint32_t value = 0;
        for (unsigned i = 0; i < 4; i++)
            if (offset - REG_IPR + i < core->options.lines)
                value |= (uint32_t)scs->priority[EXC_EXTERNAL + offset - REG_IPR + i] << 8 * i;
        return value;
    }
    if (index >= 8)
        return 0;
    if (offset >= REG_IABR)
        return lines_word(core, scs->active, index);
    return lines_word(core, offset >= REG_ISPR ? scs->pending : scs->enabled, index);
}

static void nvic_write(struct cortexm *core, uint32_t offset, uint32_t value)
{
    struct cortexm_scs *scs = &core->state.scs;
    unsigned index = offset % 0x80 / 4;
    if (offset >= REG_IPR) {
        for (unsigned i = 0; i < 4; i++)
            if (offset - REG_IPR + i < core->options.lines)
                set_priority(core, EXC_EXTERNAL + offset - REG_IPR + i, value >> 8 * i);
    } else if (index < 8 && offset < REG_IABR) {
        bool set = offset < REG_ICER || (offset >= REG_ISPR && offset < REG_ICPR);
        change_lines(core, offset >= REG_ISPR ? scs->pending : scs->enabled, index, value, set);
        if (set && offset >= REG_ISPR && scs->scr & SCR_SEVONPEND)
            scs->event = true;
    }
    cortexm_sample_lines(core);
}

/* ---- System control block (B3.2) ---- */

static uint32_t icsr(struct cortexm *core)
{
    const struct cortexm_scs *scs = &core->state.scs;
    cortexm_systick_settle(core);
    unsigned active = 0;
    for (unsigned i = 0; i < EXC_COUNT / 64; i++)
        active += (unsigned)__builtin_popcountll(scs->active[i]);
    uint64_t external =
        scs->pending[0] >> EXC_EXTERNAL | scs->pending[1] | scs->pending[2] | scs->pending[3];
    return (cortexm_get(core, UC_ARM_REG_IPSR) & 0x1ff) | (active <= 1 ? ICSR_RETTOBASE : 0) |
           core->best << 12 | (external ? ICSR_ISRPENDING : 0) |
           (exceptions_has(scs->pending, EXC_SYSTICK) ? ICSR_PENDSTSET : 0) |
           (exceptions_has(scs->pending, EXC_PENDSV) ? ICSR_PENDSVSET : 0) |
           (exceptions_has(scs->pending, EXC_NMI) ? ICSR_NMIPENDSET : 0);
}

static void write_icsr(struct cortexm *core, uint32_t value)
{
    struct cortexm_scs *scs = &core->state.scs;
    cortexm_systick_settle(core);
    if (value & ICSR_PENDSVCLR)
        exceptions_put(scs->pending, EXC_PENDSV, false);
    if (value & ICSR_PENDSTCLR)
        exceptions_put(scs->pending, EXC_SYSTICK, false);
    cortexm_update(core);
    if (value & ICSR_PENDSVSET)
        cortexm_pend(core, EXC_PENDSV);
    if (value & ICSR_PENDSTSET)
        cortexm_pend(core, EXC_SYSTICK);
    if (value & ICSR_NMIPENDSET)
        cortexm_pend(core, EXC_NMI);
}

static void write_aircr(struct cortexm *core, uint32_t value)
{
    struct cortexm_scs *scs = &core->state.scs;
    const struct cortexm_host *host = &core->options.host;
    if (value >> 16 != AIRCR_KEY)
        return;
    scs->prigroup = value >> 8 & 7;
    cortexm_update(core);
    if (value & (AIRCR_SYSRESETREQ | AIRCR_VECTRESET) && host->reset_requested)
        host->reset_requested(host->opaque);
}

/* Bits of SHCSR (B3.2.13), and what they show. */
static const struct {
    uint8_t bit, number;
    enum {
        SHOWS_ACTIVE,
        SHOWS_PENDING,
        SHOWS_ENABLED
    } what;
} shcsr_bits[] = {
    {0, EXC_MEM_MANAGE, SHOWS_ACTIVE},    {1, EXC_BUS_FAULT, SHOWS_ACTIVE},
    {3, EXC_USAGE_FAULT, SHOWS_ACTIVE},   {7, EXC_SVCALL, SHOWS_ACTIVE},
    {8, EXC_DEBUG_MONITOR, SHOWS_ACTIVE}, {10, EXC_PENDSV, SHOWS_ACTIVE},
    {11, EXC_SYSTICK, SHOWS_ACTIVE},      {12, EXC_USAGE_FAULT, SHOWS_PENDING},
    {13, EXC_MEM_MANAGE, SHOWS_PENDING},  {14, EXC_BUS_FAULT, SHOWS_PENDING},
    {15, EXC_SVCALL, SHOWS_PENDING},      {16, EXC_MEM_MANAGE, SHOWS_ENABLED},
    {17, EXC_BUS_FAULT, SHOWS_ENABLED},   {18, EXC_USAGE_FAULT, SHOWS_ENABLED},
};

#define SHCSR_BITS (sizeof shcsr_bits / sizeof shcsr_bits[0])

static uint64_t *shcsr_set(struct cortexm_scs *scs, size_t i)
{
    switch (shcsr_bits[i].what) {
    case SHOWS_ACTIVE:
        return scs->active;
    case SHOWS_PENDING:
        return scs->pending;
    default:
        return scs->enabled;
    }
}

static uint32_t shcsr(struct cortexm *core)
{
    uint32_t value = 0;
    for (size_t i = 0; i < SHCSR_BITS; i++)
        if (exceptions_has(shcsr_set(&core->state.scs, i), shcsr_bits[i].number))
            value |= 1u << shcsr_bits[i].bit;
    return value;
}

static void write_shcsr(struct cortexm *core, uint32_t value)
{
    for (size_t i = 0; i < SHCSR_BITS; i++)
        exceptions_put(shcsr_set(&core->state.scs, i), shcsr_bits[i].number,
                       value >> shcsr_bits[i].bit & 1);
    cortexm_update(core);
}

void cortexm_set_hazards(struct cortexm *core)
{
    const struct cortexm_scs *scs = &core->state.scs;
    bool no_fpu = core->options.model == CORTEXM_M4 && !(scs->cpacr & CPACR_WRITABLE);
    core->hazards =
        (uint8_t)((no_fpu ? CORTEXM_FP : 0) | (scs->ccr & CCR_DIV_0_TRP ? CORTEXM_DIVIDE : 0));
    core->slow = (uint8_t)(core->hazards | CORTEXM_SEV |
                           (core->options.priority_bits < 8 ? CORTEXM_BASEPRI : 0));
}

static uint32_t scb_read(struct cortexm *core, uint32_t offset)
{
    const struct cortexm_scs *scs = &core->state.scs;
    bool fpu = core->options.model == CORTEXM_M4;
    switch (offset) {
    case REG_ICTR:
        return (core->options.lines - 1) / 32;
    case REG_CPUID:
        return fpu ? CPUID_M4 : CPUID_M3;
    case REG_ICSR:
        return icsr(core);
    case REG_VTOR:
        return scs->vtor;
    case REG_AIRCR:
        return AIRCR_READ_KEY << 16 | scs->prigroup << 8;
    case REG_SCR:
        return scs->scr;
    case REG_CCR:
        return scs->ccr;
    case REG_SHPR:
    case REG_SHPR + 4:
    case REG_SHPR + 8: {
        const uint8_t *priority = &scs->priority[4 + offset - REG_SHPR];
        return priority[0] | priority[1] << 8 | priority[2] << 16 | (uint32_t)priority[3] << 24;
    }
    case REG_SHCSR:
        return shcsr(core);
    case REG_CFSR:
        return scs->cfsr;
    case REG_HFSR:
        return scs->hfsr;
    case REG_DFSR:
        return scs->dfsr;
    case REG_MMFAR:
        return scs->mmfar;
    case REG_BFAR:
        return scs->bfar;
    case REG_CPACR:
        return scs->cpacr;
    case REG_DEMCR:
        return scs->demcr;
    case REG_FPCCR:
        return scs->fpccr;
    case REG_FPCAR:
        return scs->fpcar;
    case REG_FPDSCR:
        return scs->fpdscr;
    case REG_MVFR0:
        return fpu ? 0x10110021 : 0;
    case REG_MVFR1:
        return fpu ? 0x11000011 : 0;
    }
    return 0; /* MPU_TYPE among them: there are no regions */
}

static void scb_write(struct cortexm *core, uint32_t offset, uint32_t value)
{
    struct cortexm_scs *scs = &core->state.scs;
    bool fpu = core->options.model == CORTEXM_M4;
    switch (offset) {
    case REG_ICSR:
        write_icsr(core, value);
        return;
    case REG_VTOR:
        scs->vtor = value & ~UINT32_C(0x7f);
        return;
    case REG_AIRCR:
        write_aircr(core, value);
        return;
    case REG_SCR:
        scs->scr = value & SCR_WRITABLE;
        return;
    case REG_CCR:
        scs->ccr = value & CCR_WRITABLE;
        cortexm_set_hazards(core);
        return;
    case REG_SHPR:
    case REG_SHPR + 4:
    case REG_SHPR + 8:
        for (unsigned i = 0; i < 4; i++)
            set_priority(core, 4 + offset - REG_SHPR + i, value >> 8 * i);
        cortexm_update(core);
        return;
    case REG_SHCSR:
        write_shcsr(core, value);
        return;
    case REG_CFSR: /* bits are cleared by writing 1 */
        scs->cfsr &= ~value;
        return;
    case REG_HFSR:
        scs->hfsr &= ~value;
        return;
    case REG_DFSR:
        scs->dfsr &= ~value;
        return;
    case REG_MMFAR:
        scs->mmfar = value;
        return;
    case REG_BFAR:
        scs->bfar = value;
        return;
    case REG_CPACR:
        scs->cpacr = fpu ? value & CPACR_WRITABLE : 0;
        cortexm_set_hazards(core);
        return;
    case REG_DEMCR:
        cortexm_control_cycles(core, scs->cycles_on, value);
        exceptions_put(scs->enabled, EXC_DEBUG_MONITOR, value & DEMCR_MON_EN);
        cortexm_update(core);
        return;
    case REG_STIR:
        if ((value & 0x1ff) < core->options.lines)
            cortexm_pend(core, EXC_EXTERNAL + (value & 0x1ff));
        return;
    case REG_FPCCR:
        scs->fpccr = fpu ? value & 0xc0000000 : 0;
        return;
    case REG_FPCAR:
        scs->fpcar = fpu ? value & ~UINT32_C(7) : 0;
        return;
    case REG_FPDSCR:
        scs->fpdscr = fpu ? value & 0x07c00000 : 0;
        return;
    }
}

/* ---- The bus ---- */

static uint32_t read_word(struct cortexm *core, uint32_t offset)
{
    if (offset < SCS || offset >= SCS + 0x1000)
        return cortexm_dwt_read(core, offset);
    offset -= SCS;
    if (offset >= SYSTICK && offset < SYSTICK_END)
        return cortexm_systick_read(core, offset);
    if (offset >= REG_ISER && offset < REG_IPR + CORTEXM_MAX_LINES)
        return nvic_read(core, offset);
    return scb_read(core, offset);
}

static void write_word(struct cortexm *core, uint32_t offset, uint32_t value)
{
    if (offset < SCS || offset >= SCS + 0x1000)
        cortexm_dwt_write(core, offset, value);
    else if (offset - SCS >= SYSTICK && offset - SCS < SYSTICK_END)
        cortexm_systick_write(core, offset - SCS, value);
    else if (offset - SCS >= REG_ISER && offset - SCS < REG_IPR + CORTEXM_MAX_LINES)
        nvic_write(core, offset - SCS, value);
    else
        scb_write(core, offset - SCS, value);
}

/* Priorities and CFSR are bytes and halfwords too (B3.2.2). */
static bool has_bytes(uint32_t offset)
{
    offset -= SCS;
    return (offset >= REG_IPR && offset < REG_IPR + CORTEXM_MAX_LINES) ||
           (offset >= REG_SHPR && offset < REG_SHPR + 12) ||
           (offset >= REG_CFSR && offset < REG_CFSR + 4);
}

static uint64_t ppb_read(void *opaque, uint64_t offset, unsigned size)
{
    uint32_t at = (uint32_t)offset, word = read_word(opaque, at & ~UINT32_C(3));
    return word >> 8 * (at & 3) & (size >= 4 ? UINT32_MAX : (1u << 8 * size) - 1);
}

static void ppb_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    uint32_t at = (uint32_t)offset, word = (uint32_t)value, aligned = at & ~UINT32_C(3);
    if (size < 4 && !has_bytes(aligned))
        return;
    if (size < 4) {
        uint32_t mask = ((1u << 8 * size) - 1) << 8 * (at & 3);
        /* CFSR's other bytes must not be cleared. */
        uint32_t other = aligned - SCS == REG_CFSR ? 0 : read_word(opaque, aligned);
        word = (word << 8 * (at & 3) & mask) | (other & ~mask);
    }
    write_word(opaque, aligned, word);
}

const struct mmio_ops cortexm_ppb_ops = {ppb_read, ppb_write};

void cortexm_scs_reset(struct cortexm *core)
{
    struct cortexm_scs *scs = &core->state.scs;
    static const uint8_t always_enabled[] = {EXC_NMI, EXC_HARD_FAULT, EXC_SVCALL, EXC_PENDSV,
                                             EXC_SYSTICK};
    exceptions level;
    memcpy(level, scs->level, sizeof level);
    memset(scs, 0, sizeof *scs);
    memcpy(scs->level, level, sizeof level);
    for (size_t i = 0; i < sizeof always_enabled; i++)
        exceptions_put(scs->enabled, always_enabled[i], true);
    scs->vtor = (uint32_t)core->options.vectors;
    scs->ccr = CCR_STKALIGN;
    scs->fpccr = core->options.model == CORTEXM_M4 ? 0xc0000000 : 0;
    scs->systick.core_clock = !core->options.reference_hz;
    scs->systick.zero = UINT64_MAX;
    clock_set(core->clock, &core->systick_event, 0);
    cortexm_set_hazards(core);
    cortexm_sample_lines(core);
}
