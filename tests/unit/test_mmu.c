/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include <string.h>

#include "cpu/riscv.h"
#include "cpu/riscv_csr.h"
#include "cpu/riscv_mmu.h"

#define RAM       UINT64_C(0x80000000)
#define RAM_SIZE  0x20000u
#define ROM       UINT64_C(0x1000)
#define UART      UINT64_C(0x10000000)
#define ROOT      RAM
#define TABLE(n)  (RAM + (n)*0x1000u)
#define OUTSIDE   UINT64_C(0x40000000)
#define FRAME     UINT64_C(0x123456789000) /* what leaves point at; need not exist */
#define UNTOUCHED UINT64_C(0xdeadbeef)

/* Bits of a page-table entry (privileged specification, section 4.3.1). */
enum {
    V = 1,
    R = 2,
    W = 4,
    X = 8,
    U = 16,
    G = 32,
    A = 64,
    D = 128,
    SW = 0x300, /* for software, ignored */
};

enum {
    BARE = 0,
    SV39 = 8,
    SV48 = 9,
    SV57 = 10
};

static struct memory *mem;

static uint64_t no_read(void *opaque, uint64_t offset, unsigned size)
{
    (void)opaque;
    (void)offset;
    (void)size;
    cr_assert_fail("a page-table walk must not touch devices");
    return 0;
}

static const struct mmio_ops device = {.read = no_read};

static void set_up(void)
{
    mem = memory_new(12);
    cr_assert_not_null(mem);
    cr_assert_eq(memory_add(mem, "ram", RAM, RAM_SIZE, REGION_RAM, false, NULL), 0);
    cr_assert_eq(memory_add(mem, "rom", ROM, 0x1000, REGION_ROM, false, NULL), 0);
    cr_assert_eq(memory_add_device(mem, "uart", UART, 0x1000, &device, NULL, NULL), 0);
}

static void tear_down(void)
{
    memory_free(mem);
}

TestSuite(mmu, .init = set_up, .fini = tear_down);

static uint64_t entry(uint64_t target, uint64_t flags)
{
    return target >> 12 << 10 | flags;
}

static void put_entry(uint64_t table, unsigned index, uint64_t value)
{
    cr_assert_eq(memory_load(mem, table + index * 8, &value, 8), 0);
}

static uint64_t get_entry(uint64_t table, unsigned index)
{
    uint64_t value;
    cr_assert_eq(memory_read(mem, table + index * 8, &value, 8), 0);
    return value;
}

static unsigned levels(unsigned mode)
{
    return mode - 5;
}

static unsigned vpn(uint64_t gva, unsigned level)
{
    return gva >> (12 + 9 * level) & 511;
}

/* Tables from the root down to a leaf at `level`, one page each, and the address of the leaf. */
static uint64_t map_at(unsigned mode, uint64_t gva, unsigned level, uint64_t leaf)
{
    unsigned n = 0;
    for (unsigned l = levels(mode) - 1; l > level; l--, n++)
        put_entry(TABLE(n), vpn(gva, l), entry(TABLE(n + 1), V));
    put_entry(TABLE(n), vpn(gva, level), leaf);
    return TABLE(n) + vpn(gva, level) * 8;
}

static uint64_t satp(unsigned mode)
{
    return (uint64_t)mode << 60 | ROOT >> 12;
}

static struct riscv_mapping mapping;

static enum riscv_walk walk(unsigned mode, unsigned level, uint64_t status, uint64_t gva,
                            enum access_kind kind, bool update)
{
    struct riscv_mmu mmu = {.satp = satp(mode), .mstatus = status, .level = level};
    mapping = (struct riscv_mapping){.gpa = UNTOUCHED};
    return riscv_mmu_walk(mem, &mmu, gva, kind, update, &mapping);
}

static enum riscv_walk load_at(unsigned mode, uint64_t gva)
{
    return walk(mode, RISCV_SUPERVISOR, 0, gva, ACCESS_READ, false);
}

/* ---- No translation ---- */

Test(mmu, bare_and_machine_mode)
{
    static const struct {
        unsigned mode, level;
    } table[] = {{BARE, RISCV_USER},    {BARE, RISCV_SUPERVISOR}, {BARE, RISCV_MACHINE},
                 {SV39, RISCV_MACHINE}, {SV48, RISCV_MACHINE},    {SV57, RISCV_MACHINE}};
    static const uint64_t addresses[] = {0, RAM, UINT64_MAX, UINT64_C(1) << 40, OUTSIDE};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        for (size_t a = 0; a < sizeof addresses / sizeof addresses[0]; a++) {
            for (unsigned kind = ACCESS_READ; kind <= ACCESS_FETCH; kind++) {
                cr_assert_eq(walk(table[i].mode, table[i].level, 0, addresses[a],
                                  (enum access_kind)kind, true),
                             WALK_OK);
                cr_assert_eq(mapping.gpa, addresses[a]);
                cr_assert(mapping.read && mapping.write && mapping.fetch);
            }
        }
    }
}

/* ---- Levels ---- */

Test(mmu, leaves_of_each_level)
{
    static const uint64_t addresses[] = {0,
                                         0x3fdeadbeef,
                                         0x2aaaaaaaaa,
                                         0x1555555555,
                                         UINT64_C(0xffffffffffffffff),
                                         UINT64_C(0xffffffc012345678)};
    for (unsigned mode = SV39; mode <= SV57; mode++) {
        for (unsigned level = 0; level < levels(mode); level++) {
            for (size_t a = 0; a < sizeof addresses / sizeof addresses[0]; a++) {
                uint64_t gva = addresses[a], inside = (UINT64_C(1) << (12 + 9 * level)) - 1;
                uint64_t frame = FRAME << 8 & ~inside & ((UINT64_C(1) << 56) - 1);
                tear_down();
                set_up();
                map_at(mode, gva, level, entry(frame, V | R | A | SW | G));
                cr_assert_eq(load_at(mode, gva), WALK_OK, "mode %u level %u 0x%lx", mode, level,
                             gva);
                cr_assert_eq(mapping.gpa, frame | (gva & inside), "mode %u level %u", mode, level);
                cr_assert(mapping.read && !mapping.write && !mapping.fetch);
                /* The whole page, and nothing beside it. */
                uint64_t first = gva & ~inside;
                cr_assert_eq(load_at(mode, first), WALK_OK);
                cr_assert_eq(mapping.gpa, frame);
                cr_assert_eq(load_at(mode, first | inside), WALK_OK);
                cr_assert_eq(mapping.gpa, frame | inside);
                cr_assert_eq(load_at(mode, first - 1), WALK_PAGE_FAULT);
                cr_assert_eq(load_at(mode, (first | inside) + 1), WALK_PAGE_FAULT);
            }
        }
    }
}

Test(mmu, misaligned_superpages)
{
    for (unsigned mode = SV39; mode <= SV57; mode++) {
        for (unsigned level = 1; level < levels(mode); level++) {
            for (unsigned bit = 12; bit < 56; bit++) {
                map_at(mode, 0, level, entry(UINT64_C(1) << bit, V | R | W | X | A | D));
                bool aligned = bit >= 12 + 9 * level;
                cr_assert_eq(load_at(mode, 0), aligned ? WALK_OK : WALK_PAGE_FAULT,
                             "mode %u level %u bit %u", mode, level, bit);
                if (aligned)
                    cr_assert_eq(mapping.gpa, UINT64_C(1) << bit);
                else /* and nothing is marked in it */
                    cr_assert_eq(walk(mode, RISCV_SUPERVISOR, 0, 0, ACCESS_WRITE, true),
                                 WALK_PAGE_FAULT);
            }
        }
    }
}

Test(mmu, root_comes_from_satp)
{
    uint64_t gva = 0x5000;
    put_entry(TABLE(7), 0, entry(TABLE(8), V));
    put_entry(TABLE(8), 0, entry(TABLE(9), V));
    put_entry(TABLE(9), 5, entry(FRAME, V | R | A));
    /* All 16 bits of the address-space number are set: they are no part of the root. */
    struct riscv_mmu mmu = {.satp = (uint64_t)SV39 << 60 | UINT64_C(0xffff) << 44 | TABLE(7) >> 12,
                            .level = RISCV_SUPERVISOR};
    cr_assert_eq(riscv_mmu_walk(mem, &mmu, gva, ACCESS_READ, false, &mapping), WALK_OK);
    cr_assert_eq(mapping.gpa, FRAME);
}

Test(mmu, canonical_addresses)
{
    for (unsigned mode = SV39; mode <= SV57; mode++) {
        unsigned width = 12 + 9 * levels(mode);
        for (unsigned i = 0; i < 512; i++) /* every root entry maps something */
            put_entry(ROOT, i, entry(0, V | R | A));
        uint64_t half = UINT64_C(1) << (width - 1);
        cr_assert_eq(load_at(mode, 0), WALK_OK);
        cr_assert_eq(load_at(mode, half - 1), WALK_OK);
        cr_assert_eq(load_at(mode, half), WALK_PAGE_FAULT);
        cr_assert_eq(load_at(mode, 2 * half - 1), WALK_PAGE_FAULT);
        cr_assert_eq(load_at(mode, 2 * half), WALK_PAGE_FAULT);
        cr_assert_eq(load_at(mode, -half - 1), WALK_PAGE_FAULT);
        cr_assert_eq(load_at(mode, -half), WALK_OK);
        cr_assert_eq(load_at(mode, UINT64_MAX), WALK_OK);
        for (unsigned bit = width - 1; bit < 64; bit++) {
            cr_assert_eq(load_at(mode, UINT64_C(1) << bit), WALK_PAGE_FAULT, "bit %u", bit);
            cr_assert_eq(load_at(mode, ~(UINT64_C(1) << bit)), WALK_PAGE_FAULT, "bit %u", bit);
        }
    }
}

/* ---- Permissions ---- */

Test(mmu, permission_matrix)
{
    for (unsigned flags = 0; flags < 16; flags++) {
        /* Every combination of R, W, X and U. */
        bool r = flags & 1, w = flags & 2, x = flags & 4, user_page = flags & 8;
        for (unsigned how = 0; how < 8; how++) {
            bool user = how & 1, sum = how & 2, mxr = how & 4;
            uint64_t status = (sum ? MSTATUS_SUM : 0) | (mxr ? MSTATUS_MXR : 0);
            /* By the book: S-mode reaches user pages with SUM only, and never executes them. */
            bool leaf = r || x, valid = leaf && !(w && !r);
            bool data = user ? user_page : !user_page || sum;
            bool code = user ? user_page : !user_page;
            bool can[3] = {
                [ACCESS_READ] = valid && data && (r || (x && mxr)),
                [ACCESS_WRITE] = valid && data && w,
                [ACCESS_FETCH] = valid && code && x,
            };
            map_at(SV39, 0x1000, 0,
                   entry(FRAME, V | A | D | (r ? R : 0) | (w ? W : 0) | (x ? X : 0) |
                                    (user_page ? U : 0)));
            for (unsigned kind = ACCESS_READ; kind <= ACCESS_FETCH; kind++) {
                enum riscv_walk result = walk(SV39, user ? RISCV_USER : RISCV_SUPERVISOR, status,
                                              0x1234, (enum access_kind)kind, false);
                cr_assert_eq(result, can[kind] ? WALK_OK : WALK_PAGE_FAULT,
                             "flags %u how %u kind %u", flags, how, kind);
                if (!can[kind])
                    continue;
                cr_assert_eq(mapping.gpa, FRAME + 0x234);
                cr_assert_eq(mapping.read, can[ACCESS_READ], "flags %u how %u", flags, how);
                cr_assert_eq(mapping.write, can[ACCESS_WRITE], "flags %u how %u", flags, how);
                cr_assert_eq(mapping.fetch, can[ACCESS_FETCH], "flags %u how %u", flags, how);
            }
        }
    }
}

/* ---- Accessed and dirty ---- */

Test(mmu, accessed_and_dirty)
{
    for (unsigned mode = SV39; mode <= SV57; mode++) {
        for (unsigned level = 0; level < levels(mode); level++) {
            for (unsigned had = 0; had < 4; had++) {
                for (unsigned kind = ACCESS_READ; kind <= ACCESS_FETCH; kind++) {
                    uint64_t before =
                        entry(0, V | R | W | X | SW | (had & 1 ? A : 0) | (had & 2 ? D : 0));
                    uint64_t marked = before | A | (kind == ACCESS_WRITE ? D : 0);
                    uint64_t at = map_at(mode, 0x1000, level, before);
                    uint64_t now;
                    cr_assert_eq(
                        walk(mode, RISCV_SUPERVISOR, 0, 0x1000, (enum access_kind)kind, false),
                        WALK_OK);
                    cr_assert_eq(memory_read(mem, at, &now, 8), 0);
                    cr_assert_eq(now, before, "marked without `update`");
                    cr_assert_eq(
                        walk(mode, RISCV_SUPERVISOR, 0, 0x1000, (enum access_kind)kind, true),
                        WALK_OK);
                    cr_assert_eq(memory_read(mem, at, &now, 8), 0);
                    cr_assert_eq(now, marked, "mode %u level %u had %u kind %u", mode, level, had,
                                 kind);
                    /* A clean page must come back for its first store. */
                    cr_assert_eq(mapping.write, (marked & D) != 0);
                    cr_assert(mapping.read && mapping.fetch);
                }
            }
        }
    }
}

Test(mmu, a_fault_marks_nothing)
{
    uint64_t before = entry(FRAME, V | R);
    map_at(SV39, 0x1000, 0, before);
    cr_assert_eq(walk(SV39, RISCV_SUPERVISOR, 0, 0x1000, ACCESS_WRITE, true), WALK_PAGE_FAULT);
    cr_assert_eq(walk(SV39, RISCV_SUPERVISOR, 0, 0x1000, ACCESS_FETCH, true), WALK_PAGE_FAULT);
    cr_assert_eq(walk(SV39, RISCV_USER, 0, 0x1000, ACCESS_READ, true), WALK_PAGE_FAULT);
    cr_assert_eq(get_entry(TABLE(2), 1), before);
    cr_assert_eq(walk(SV39, RISCV_SUPERVISOR, 0, 0x1000, ACCESS_READ, true), WALK_OK);
    cr_assert_eq(get_entry(TABLE(2), 1), before | A);
    cr_assert_eq(get_entry(TABLE(0), 0), entry(TABLE(1), V), "only the leaf is marked");
}

struct diary {
    unsigned first_writes, accesses;
    uint64_t page, gpa, value;
    unsigned size;
    enum access_kind kind;
    uint64_t entry_before;
};

static void on_first_write(void *opaque, uint64_t page, const uint8_t *contents)
{
    struct diary *diary = opaque;
    diary->first_writes++;
    diary->page = page;
    memcpy(&diary->entry_before, contents + 8, 8);
}

static void on_access(void *opaque, uint64_t gpa, unsigned size, enum access_kind kind,
                      uint64_t value)
{
    struct diary *diary = opaque;
    diary->accesses++;
    diary->gpa = gpa;
    diary->size = size;
    diary->kind = kind;
    diary->value = value;
}

Test(mmu, marking_is_announced)
{
    struct diary diary = {0};
    struct memory_listener listener = {
        .first_write = on_first_write, .access = on_access, .opaque = &diary};
    cr_assert_eq(memory_listen(mem, &listener), 0);
    uint64_t before = entry(FRAME, V | R | W);
    uint64_t at = map_at(SV39, 0x1000, 0, before);
    memory_set_state(mem, at, 8, PAGE_ARMED);
    cr_assert_eq(walk(SV39, RISCV_SUPERVISOR, 0, 0x1000, ACCESS_READ, false), WALK_OK);
    cr_assert_eq(diary.first_writes, 0);
    cr_assert_eq(walk(SV39, RISCV_SUPERVISOR, 0, 0x1000, ACCESS_READ, true), WALK_OK);
    cr_assert_eq(diary.first_writes, 1);
    cr_assert_eq(diary.page, TABLE(2));
    cr_assert_eq(diary.entry_before, before);

    memory_set_state(mem, at, 8, PAGE_PRECISE);
    cr_assert_eq(walk(SV39, RISCV_SUPERVISOR, 0, 0x1000, ACCESS_WRITE, true), WALK_OK);
    cr_assert_eq(diary.accesses, 1);
    cr_assert_eq(diary.gpa, at);
    cr_assert_eq(diary.size, 8);
    cr_assert_eq(diary.kind, ACCESS_WRITE);
    cr_assert_eq(diary.value, before | A | D);

    /* Nothing left to mark: nothing is written. */
    memory_set_state(mem, at, 8, PAGE_ARMED);
    cr_assert_eq(walk(SV39, RISCV_SUPERVISOR, 0, 0x1000, ACCESS_WRITE, true), WALK_OK);
    cr_assert_eq(diary.first_writes, 1);
    cr_assert_eq(diary.accesses, 1);
    cr_assert_eq(memory_state(mem, at), PAGE_ARMED);
}

/* ---- Bad tables ---- */

Test(mmu, reserved_encodings)
{
    static const struct {
        const char *what;
        uint64_t leaf;
    } table[] = {
        {"invalid", R | W | X | A | D},
        {"write-only", V | W | A | D},
        {"write and execute", V | W | X | A | D},
        {"N", UINT64_C(1) << 63 | V | R | A},
        {"PBMT 1", UINT64_C(1) << 61 | V | R | A},
        {"PBMT 2", UINT64_C(2) << 61 | V | R | A},
        {"reserved 54", UINT64_C(1) << 54 | V | R | A},
        {"reserved 57", UINT64_C(1) << 57 | V | R | A},
        {"reserved 60", UINT64_C(1) << 60 | V | R | A},
        {"zero", 0},
        {"ones", UINT64_MAX},
        {"pointer at the last level", V},
        {"pointer to itself at the last level", 0 /* below */},
    };
    for (unsigned mode = SV39; mode <= SV57; mode++) {
        for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
            uint64_t leaf = table[i].leaf;
            uint64_t at = map_at(mode, 0, 0, leaf);
            if (i == sizeof table / sizeof table[0] - 1)
                map_at(mode, 0, 0, entry(at, V));
            for (unsigned kind = ACCESS_READ; kind <= ACCESS_FETCH; kind++)
                cr_assert_eq(walk(mode, RISCV_SUPERVISOR, MSTATUS_SUM | MSTATUS_MXR, 0,
                                  (enum access_kind)kind, true),
                             WALK_PAGE_FAULT, "mode %u, %s", mode, table[i].what);
        }
    }
}

Test(mmu, reserved_bits_of_pointers)
{
    /* A, D and U are reserved in an entry that points to a table, as are the high bits. */
    static const uint64_t bad[] = {
        A, D, U, UINT64_C(1) << 54, UINT64_C(1) << 61, UINT64_C(1) << 62, UINT64_C(1) << 63, W};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        for (unsigned level = 1; level < 3; level++) {
            map_at(SV39, 0, 0, entry(FRAME, V | R | A));
            cr_assert_eq(load_at(SV39, 0), WALK_OK);
            put_entry(TABLE(2 - level), 0, get_entry(TABLE(2 - level), 0) | bad[i]);
            cr_assert_eq(load_at(SV39, 0), WALK_PAGE_FAULT, "bit %zu level %u", i, level);
        }
    }
    map_at(SV39, 0, 0, entry(FRAME, V | R | A));
    put_entry(TABLE(0), 0, get_entry(TABLE(0), 0) | G | SW); /* these are not */
    cr_assert_eq(load_at(SV39, 0), WALK_OK);
}

Test(mmu, tables_outside_of_memory)
{
    static const uint64_t places[] = {OUTSIDE,      UART, RAM + RAM_SIZE,
                                      RAM - 0x1000, 0,    UINT64_C(0xfffffffffff000)};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        for (unsigned kind = ACCESS_READ; kind <= ACCESS_FETCH; kind++) {
            put_entry(TABLE(0), 0, entry(places[i], V));
            cr_assert_eq(walk(SV39, RISCV_SUPERVISOR, 0, 0x1000, (enum access_kind)kind, true),
                         WALK_ACCESS_FAULT, "0x%lx", places[i]);
            struct riscv_mmu mmu = {.satp = (uint64_t)SV48 << 60 | places[i] >> 12,
                                    .level = RISCV_USER};
            cr_assert_eq(riscv_mmu_walk(mem, &mmu, 0, (enum access_kind)kind, true, &mapping),
                         WALK_ACCESS_FAULT);
        }
    }
}

Test(mmu, tables_in_rom)
{
    uint64_t clean = entry(FRAME, V | R | W), used = clean | A | D;
    cr_assert_eq(memory_load(mem, ROM, &clean, 8), 0);
    cr_assert_eq(memory_load(mem, ROM + 8, &used, 8), 0);
    put_entry(TABLE(0), 0, entry(TABLE(1), V));
    put_entry(TABLE(1), 0, entry(ROM, V));
    cr_assert_eq(walk(SV39, RISCV_SUPERVISOR, 0, 0, ACCESS_READ, true), WALK_ACCESS_FAULT);
    cr_assert_eq(walk(SV39, RISCV_SUPERVISOR, 0, 0, ACCESS_READ, false), WALK_OK);
    cr_assert_eq(walk(SV39, RISCV_SUPERVISOR, 0, 0x1000, ACCESS_WRITE, true), WALK_OK);
    cr_assert_eq(mapping.gpa, FRAME);
    uint64_t now;
    cr_assert_eq(memory_read(mem, ROM, &now, 8), 0);
    cr_assert_eq(now, clean);
}

Test(mmu, tables_that_go_in_circles)
{
    for (unsigned mode = SV39; mode <= SV57; mode++) {
        put_entry(ROOT, 0, entry(ROOT, V));
        cr_assert_eq(load_at(mode, 0), WALK_PAGE_FAULT);
        put_entry(ROOT, 0, entry(TABLE(1), V));
        put_entry(TABLE(1), 0, entry(ROOT, V));
        cr_assert_eq(load_at(mode, 0), WALK_PAGE_FAULT);
    }
    /* A recursive mapping is not one: the last level may be the root itself, seen as a page. */
    put_entry(ROOT, 5, entry(ROOT, V));
    put_entry(ROOT, 6, entry(FRAME, V | R | A));
    cr_assert_eq(load_at(SV39, UINT64_C(5) << 30 | 5 << 21 | 6 << 12), WALK_OK);
    cr_assert_eq(mapping.gpa, FRAME);
}

/* The frame itself need not exist: that is found out at the access. */
Test(mmu, leaves_may_point_anywhere)
{
    static const uint64_t frames[] = {0, OUTSIDE, UART, UINT64_C(0xfffffffffff000)};
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        map_at(SV57, 0x1000, 0, entry(frames[i], V | R | W | A | D));
        cr_assert_eq(walk(SV57, RISCV_SUPERVISOR, 0, 0x1fff, ACCESS_WRITE, true), WALK_OK);
        cr_assert_eq(mapping.gpa, frames[i] | 0xfff);
    }
}
