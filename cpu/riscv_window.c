/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cpu/riscv_window.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NOWHERE UINT32_MAX

uint64_t riscv_window_get(const struct riscv_window *window, const uc_context *context,
                          enum riscv_field field)
{
    uint64_t value = 0;
    memcpy(&value, (const char *)context + window->offset[field], field == FIELD_MIP ? 4 : 8);
    return value;
}

void riscv_window_set(const struct riscv_window *window, uc_context *context,
                      enum riscv_field field, uint64_t value)
{
    memcpy((char *)context + window->offset[field], &value, field == FIELD_MIP ? 4 : 8);
}

/* Which register shows a field, and two values it accepts. */
static const struct probe {
    enum riscv_field field;
    int reg;
    const char *name;
    uint64_t values[2];
} probes[] = {
    {FIELD_PC, UC_RISCV_REG_PC, "pc", {0x5a5a1230, 0x123456788}},
    {FIELD_MSTATUS, UC_RISCV_REG_MSTATUS, "mstatus", {0x2a, 0x20088}},
    {FIELD_MIE, UC_RISCV_REG_MIE, "mie", {0x2a2, 0x888}},
    {FIELD_MIDELEG, UC_RISCV_REG_MIDELEG, "mideleg", {0x222, 0x20}},
    {FIELD_MEDELEG, UC_RISCV_REG_MEDELEG, "medeleg", {0xb109, 0x1a0}},
    {FIELD_MTVEC, UC_RISCV_REG_MTVEC, "mtvec", {0x81234560, 0x123450001}},
    {FIELD_MEPC, UC_RISCV_REG_MEPC, "mepc", {0x76543210, 0x987654320}},
    {FIELD_MCAUSE, UC_RISCV_REG_MCAUSE, "mcause", {0xabcde1, 0x8000000000000b0d}},
    {FIELD_MTVAL, UC_RISCV_REG_MTVAL, "mtval", {0xcafe123456, 0x77665544332211}},
    {FIELD_STVEC, UC_RISCV_REG_STVEC, "stvec", {0x82345670, 0x223450001}},
    {FIELD_SEPC, UC_RISCV_REG_SEPC, "sepc", {0x66543210, 0x887654320}},
    {FIELD_SCAUSE, UC_RISCV_REG_SCAUSE, "scause", {0xbbcde1, 0x8000000000000c0d}},
    {FIELD_STVAL, UC_RISCV_REG_STVAL, "stval", {0xdafe123456, 0x67665544332211}},
    {FIELD_SATP, UC_RISCV_REG_SATP, "satp", {0x8000000000080123, 0x9000000000080456}},
    {FIELD_MCOUNTEREN, UC_RISCV_REG_MCOUNTEREN, "mcounteren", {0x5a5a5, 0x12345678}},
    {FIELD_SCOUNTEREN, UC_RISCV_REG_SCOUNTEREN, "scounteren", {0x6b6b6, 0x11335577}},
};

struct measurement {
    uc_engine *uc;
    size_t size;
    uc_context *before; /* as it was found */
    uc_context *sample[3];
};

static bool sample_is(const struct measurement *m, unsigned n, size_t at, uint64_t value,
                      size_t width)
{
    return memcmp((const char *)m->sample[n] + at, &value, width) == 0;
}

/* The only place where `count` samples read `values`, or NOWHERE. */
static uint32_t find_field(const struct measurement *m, const uint64_t *values, unsigned count,
                           size_t width)
{
    uint32_t found = NOWHERE;
    for (size_t at = 0; at + width <= m->size; at += 4) {
        bool same = true;
        for (unsigned n = 0; n < count && same; n++)
            same = sample_is(m, n, at, values[n], width);
        if (!same)
            continue;
        if (found != NOWHERE)
            return NOWHERE;
        found = (uint32_t)at;
    }
    return found;
}

static int probe_register(struct measurement *m, const struct probe *probe,
                          struct riscv_window *window, struct error *err)
{
    uint64_t shown[2];
    for (unsigned n = 0; n < 2; n++) {
        if (uc_reg_write(m->uc, probe->reg, &probe->values[n]) ||
            uc_reg_read(m->uc, probe->reg, &shown[n]) || uc_context_save(m->uc, m->sample[n]))
            return error_set(err, "Unicorn: register %s cannot be written", probe->name);
    }
    window->offset[probe->field] = shown[0] == shown[1] ? NOWHERE : find_field(m, shown, 2, 8);
    if (window->offset[probe->field] == NOWHERE)
        return error_set(err, "Unicorn: register %s was not found in the context", probe->name);
    return 0;
}

/* mip is 32 bits wide and only its supervisor bits can be written through the API. */
static int probe_mip(struct measurement *m, struct riscv_window *window, struct error *err)
{
    static const uint64_t values[3] = {0x222, 0x20, 0};
    for (unsigned n = 0; n < 3; n++) {
        uint64_t shown;
        if (uc_reg_write(m->uc, UC_RISCV_REG_MIP, &values[n]) ||
            uc_reg_read(m->uc, UC_RISCV_REG_MIP, &shown) || uc_context_save(m->uc, m->sample[n]))
            return error_set(err, "Unicorn: register mip cannot be written");
        if (shown != values[n])
            return error_set(err, "Unicorn: register mip reads 0x%llx after 0x%llx was written",
                             (unsigned long long)shown, (unsigned long long)values[n]);
    }
    window->offset[FIELD_MIP] = find_field(m, values, 3, 4);
    if (window->offset[FIELD_MIP] == NOWHERE)
        return error_set(err, "Unicorn: register mip was not found in the context");
    return 0;
}

#define CODE_AT 0x10000u

/* Runs the instructions, placed at `at`, until WFI. */
static int run_code(struct measurement *m, uint64_t at, const uint32_t *code, size_t size)
{
    return uc_mem_write(m->uc, at, code, size) || uc_emu_start(m->uc, at, 0, 0, 0);
}

/* MRET to each level and look which field says so; WFI is refused in U-mode, which stops as well.
 */
static int probe_level(struct measurement *m, struct riscv_window *window, struct error *err)
{
    static const uint32_t code[] = {0x30200073 /* mret */, 0x10500073 /* wfi */};
    static const uint64_t levels[3] = {0, 1, 3};
    for (unsigned n = 0; n < 3; n++) {
        uint64_t status = levels[n] << 11, epc = CODE_AT + 4;
        if (uc_context_restore(m->uc, m->before) ||
            uc_reg_write(m->uc, UC_RISCV_REG_MSTATUS, &status) ||
            uc_reg_write(m->uc, UC_RISCV_REG_MEPC, &epc))
            return error_set(err, "Unicorn: the privilege level cannot be set up");
        (void)run_code(m, CODE_AT, code, sizeof code); /* in U-mode this ends with an exception */
        if (uc_context_save(m->uc, m->sample[n]))
            return error_set(err, "Unicorn: the context cannot be saved");
    }
    window->offset[FIELD_LEVEL] = find_field(m, levels, 3, 8);
    if (window->offset[FIELD_LEVEL] == NOWHERE)
        return error_set(err, "Unicorn: the privilege level was not found in the context");
    return 0;
}

/* The field behind the reset vector (0x1000), which follows the level; csrr must agree. */
static int probe_mhartid(struct measurement *m, struct riscv_window *window, struct error *err)
{
    static const uint32_t code[] = {0xf1402573 /* csrr a0, mhartid */, 0x10500073 /* wfi */};
    const uint64_t reset_vector = 0x1000, expected = 5;
    for (size_t at = window->offset[FIELD_LEVEL]; at + 16 <= m->size; at += 8) {
        uint64_t value, shown;
        memcpy(&value, (const char *)m->before + at, sizeof value);
        if (value != reset_vector)
            continue;
        window->offset[FIELD_MHARTID] = (uint32_t)at + 8;
        memcpy(m->sample[0], m->before, m->size);
        riscv_window_set(window, m->sample[0], FIELD_MHARTID, expected);
        if (uc_context_restore(m->uc, m->sample[0]) == UC_ERR_OK &&
            run_code(m, CODE_AT + 0x100, code, sizeof code) == 0 &&
            uc_reg_read(m->uc, UC_RISCV_REG_A0, &shown) == UC_ERR_OK && shown == expected)
            return 0;
    }
    return error_set(err, "Unicorn: mhartid was not found in the context");
}

/* The only field that holds the version; with an older one, U-mode may not read `cycle` any more.
 */
static int probe_version(struct measurement *m, struct riscv_window *window, struct error *err)
{
    static const uint32_t code[] = {0xc0002573 /* csrr a0, cycle */, 0x10500073 /* wfi */};
    const uint64_t version = VERSION_1_11;
    memcpy(m->sample[0], m->before, m->size);
    window->offset[FIELD_VERSION] = find_field(m, &version, 1, 8);
    if (window->offset[FIELD_VERSION] == NOWHERE)
        return error_set(err, "Unicorn: the privileged version was not found in the context");
    riscv_window_set(window, m->sample[0], FIELD_LEVEL, 1);
    riscv_window_set(window, m->sample[0], FIELD_MCOUNTEREN, 0);
    bool allowed = uc_context_restore(m->uc, m->sample[0]) == UC_ERR_OK &&
                   run_code(m, CODE_AT + 0x200, code, sizeof code) == 0;
    riscv_window_set(window, m->sample[0], FIELD_VERSION, VERSION_1_09);
    bool refused = uc_context_restore(m->uc, m->sample[0]) == UC_ERR_OK &&
                   run_code(m, CODE_AT + 0x300, code, sizeof code) != 0;
    if (!allowed || !refused)
        return error_set(err, "Unicorn: the privileged version does not govern counters");
    return 0;
}

static int measure(struct measurement *m, struct riscv_window *window, struct error *err)
{
    for (unsigned n = 0; n < 3; n++)
        if (uc_context_alloc(m->uc, &m->sample[n]))
            return error_set(err, "Unicorn: no memory for a context");
    if (uc_context_alloc(m->uc, &m->before) || uc_context_save(m->uc, m->before))
        return error_set(err, "Unicorn: the context cannot be saved");
    m->size = uc_context_size(m->uc);
    for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++)
        if (probe_register(m, &probes[i], window, err))
            return -1;
    if (probe_mip(m, window, err))
        return -1;
    if (uc_mem_map(m->uc, CODE_AT, 0x1000, UC_PROT_ALL))
        return error_set(err, "Unicorn: no memory for a trial");
    int result = probe_level(m, window, err);
    if (!result)
        result = probe_mhartid(m, window, err);
    if (!result)
        result = probe_version(m, window, err);
    return result;
}

uc_engine *riscv_engine_new(struct error *err)
{
    uc_engine *uc;
    uc_err status = uc_open(UC_ARCH_RISCV, UC_MODE_RISCV64, &uc);
    if (status == UC_ERR_OK) {
        status = uc_ctl_set_cpu_model(uc, UC_CPU_RISCV64_SIFIVE_U54);
        if (status == UC_ERR_OK)
            return uc;
        uc_close(uc);
    }
    error_set(err, "Unicorn cannot emulate RISC-V: %s", uc_strerror(status));
    return NULL;
}

int riscv_window_measure(struct riscv_window *window, struct error *err)
{
    struct measurement m = {.uc = riscv_engine_new(err)};
    if (!m.uc)
        return -1;
    int result = measure(&m, window, err);
    uc_context_free(m.before);
    for (unsigned n = 0; n < 3; n++)
        uc_context_free(m.sample[n]);
    uc_close(m.uc);
    return result;
}
