/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include <string.h>

#include "cpu/riscv_window.h"

#define CODE UINT64_C(0x10000)
#define WFI  0x10500073u

static struct riscv_window window;
static uc_engine *uc;
static uc_context *context;

static void set_up(void)
{
    struct error err = {""};
    cr_assert_eq(riscv_window_measure(&window, &err), 0, "%s", err.text);
    uc = riscv_engine_new(&err);
    cr_assert_not_null(uc, "%s", err.text);
    cr_assert_eq(uc_context_alloc(uc, &context), UC_ERR_OK);
    cr_assert_eq(uc_mem_map(uc, CODE, 0x10000, UC_PROT_ALL), UC_ERR_OK);
    cr_assert_eq(uc_context_save(uc, context), UC_ERR_OK);
}

static void tear_down(void)
{
    uc_context_free(context);
    uc_close(uc);
}

TestSuite(window, .init = set_up, .fini = tear_down);

/* Executes one instruction and a WFI, each time at a place that was not translated before. */
static uc_err execute(uint32_t insn)
{
    static uint64_t at = CODE;
    uint32_t code[] = {insn, WFI};
    at += 16;
    cr_assert_eq(uc_mem_write(uc, at, code, sizeof code), UC_ERR_OK);
    return uc_emu_start(uc, at, 0, 0, 0);
}

static uint32_t csrr_a0(unsigned csr)
{
    return 0x2573 | csr << 20;
}

static uint32_t csrw_a0(unsigned csr)
{
    return 0x51073 | csr << 20;
}

static const struct {
    const char *name;
    enum riscv_field field;
    unsigned csr;
    uint64_t values[2];
} fields[] = {
    {"mhartid", FIELD_MHARTID, 0xf14, {7, 1}},
    {"mstatus", FIELD_MSTATUS, 0x300, {0x1888, 0x80122}},
    {"mip", FIELD_MIP, 0x344, {0xaaa, 0x800}},
    {"mie", FIELD_MIE, 0x304, {0xaaa, 0x20}},
    {"mideleg", FIELD_MIDELEG, 0x303, {0x222, 0x200}},
    {"medeleg", FIELD_MEDELEG, 0x302, {0xb109, 0x100}},
    {"mtvec", FIELD_MTVEC, 0x305, {0x80001000, 0x8000000000000001}},
    {"mepc", FIELD_MEPC, 0x341, {0x123456789abc, 0xfffffffffffffff0}},
    {"mcause", FIELD_MCAUSE, 0x342, {13, 0x8000000000000007}},
    {"mtval", FIELD_MTVAL, 0x343, {0xdeadbeefcafe1234, 1}},
    {"stvec", FIELD_STVEC, 0x105, {0x80002000, 0xffffffff80000001}},
    {"sepc", FIELD_SEPC, 0x141, {0x3fffffff00, 0xffffffff80000010}},
    {"scause", FIELD_SCAUSE, 0x142, {15, 0x8000000000000009}},
    {"stval", FIELD_STVAL, 0x143, {0x1122334455667788, 2}},
    {"satp", FIELD_SATP, 0x180, {UINT64_C(8) << 60 | 0x80001, UINT64_C(9) << 60 | 0x80002}},
    {"mcounteren", FIELD_MCOUNTEREN, 0x306, {7, 2}},
    {"scounteren", FIELD_SCOUNTEREN, 0x106, {5, 7}},
};

#define FIELDS (sizeof fields / sizeof fields[0])

Test(window, fields_are_distinct)
{
    size_t size = uc_context_size(uc);
    for (unsigned a = 0; a < FIELD_COUNT; a++) {
        unsigned width = a == FIELD_MIP ? 4 : 8;
        cr_assert_gt(window.offset[a], 0, "field %u", a);
        cr_assert_leq(window.offset[a] + width, size, "field %u", a);
        cr_assert_eq(window.offset[a] % 4, 0, "field %u", a);
        for (unsigned b = a + 1; b < FIELD_COUNT; b++) {
            uint32_t low = window.offset[a] < window.offset[b] ? a : b, high = low == a ? b : a;
            cr_assert_geq(window.offset[high], window.offset[low] + (low == FIELD_MIP ? 4 : 8),
                          "fields %u and %u overlap", a, b);
        }
    }
}

Test(window, measured_alike_each_time)
{
    struct riscv_window again;
    memset(&again, 0xff, sizeof again);
    cr_assert_eq(riscv_window_measure(&again, NULL), 0);
    cr_assert_arr_eq(window.offset, again.offset, sizeof window.offset);
}

Test(window, set_and_get)
{
    /* A field is set without touching any other. */
    for (unsigned a = 0; a < FIELD_COUNT; a++) {
        uint64_t before[FIELD_COUNT];
        for (unsigned b = 0; b < FIELD_COUNT; b++)
            before[b] = riscv_window_get(&window, context, (enum riscv_field)b);
        uint64_t value = UINT64_C(0xa1b2c3d4e5f60000) + a;
        riscv_window_set(&window, context, (enum riscv_field)a, value);
        for (unsigned b = 0; b < FIELD_COUNT; b++) {
            uint64_t expected = b != a ? before[b] : a == FIELD_MIP ? (uint32_t)value : value;
            cr_assert_eq(riscv_window_get(&window, context, (enum riscv_field)b), expected,
                         "field %u after setting %u", b, a);
        }
    }
}

Test(window, what_is_set_is_what_the_guest_reads)
{
    for (size_t i = 0; i < FIELDS; i++) {
        for (unsigned v = 0; v < 2; v++) {
            uint64_t seen = 0, value = fields[i].values[v];
            uint64_t before = riscv_window_get(&window, context, fields[i].field);
            riscv_window_set(&window, context, fields[i].field, value);
            cr_assert_eq(uc_context_restore(uc, context), UC_ERR_OK);
            cr_assert_eq(execute(csrr_a0(fields[i].csr)), UC_ERR_OK, "%s", fields[i].name);
            cr_assert_eq(uc_reg_read(uc, UC_RISCV_REG_A0, &seen), UC_ERR_OK);
            cr_assert_eq(seen, value, "%s reads 0x%lx", fields[i].name, seen);
            riscv_window_set(&window, context, fields[i].field, before);
        }
    }
}

Test(window, what_the_guest_writes_is_what_is_got)
{
    for (size_t i = 1; i < FIELDS; i++) { /* but mhartid */
        for (unsigned v = 0; v < 2; v++) {
            cr_assert_eq(uc_context_restore(uc, context), UC_ERR_OK);
            uint64_t value = fields[i].values[v], shown;
            if (fields[i].field == FIELD_MIP)
                value &= 0x222; /* the machine's bits are read-only */
            cr_assert_eq(uc_reg_write(uc, UC_RISCV_REG_A0, &value), UC_ERR_OK);
            cr_assert_eq(execute(csrw_a0(fields[i].csr)), UC_ERR_OK, "%s", fields[i].name);
            cr_assert_eq(execute(csrr_a0(fields[i].csr)), UC_ERR_OK, "%s", fields[i].name);
            cr_assert_eq(uc_reg_read(uc, UC_RISCV_REG_A0, &shown), UC_ERR_OK);
            uc_context *after;
            cr_assert_eq(uc_context_alloc(uc, &after), UC_ERR_OK);
            cr_assert_eq(uc_context_save(uc, after), UC_ERR_OK);
            uint64_t got = riscv_window_get(&window, after, fields[i].field);
            cr_assert_eq(got, shown, "%s: 0x%lx, but the guest reads 0x%lx", fields[i].name, got,
                         shown);
            cr_assert_eq(got, value, "%s: 0x%lx for 0x%lx", fields[i].name, got, value);
            uc_context_free(after);
        }
    }
}

Test(window, pc)
{
    uint64_t pc;
    riscv_window_set(&window, context, FIELD_PC, 0x123456788);
    cr_assert_eq(uc_context_restore(uc, context), UC_ERR_OK);
    cr_assert_eq(uc_reg_read(uc, UC_RISCV_REG_PC, &pc), UC_ERR_OK);
    cr_assert_eq(pc, 0x123456788);
}

Test(window, level)
{
    /* Who may read what: mstatus in M-mode, sstatus in S-mode and above. */
    static const struct {
        unsigned level;
        bool mstatus, sstatus;
    } table[] = {{0, false, false}, {1, false, true}, {3, true, true}};
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned machine = 0; machine < 2; machine++) {
            riscv_window_set(&window, context, FIELD_LEVEL, table[i].level);
            riscv_window_set(&window, context, FIELD_MSTATUS, 0x2);
            cr_assert_eq(uc_context_restore(uc, context), UC_ERR_OK);
            uint64_t seen = 0x5555;
            cr_assert_eq(uc_reg_write(uc, UC_RISCV_REG_A0, &seen), UC_ERR_OK);
            (void)execute(csrr_a0(machine ? 0x300 : 0x100));
            cr_assert_eq(uc_reg_read(uc, UC_RISCV_REG_A0, &seen), UC_ERR_OK);
            bool may = machine ? table[i].mstatus : table[i].sstatus;
            cr_assert_eq(seen != 0x5555, may, "level %u reads 0x%lx", table[i].level, seen);
        }
    }
}
