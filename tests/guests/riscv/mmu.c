/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Address translation: bare, Sv39, Sv48, Sv57. Privileged spec, 4.1.11 and 4.3 to 4.6.
 *
 * The image is mapped where it is for S-mode, and a second time at USER_ALIAS for U-mode. The code
 * of the guest itself stays in M-mode, so nothing that it does to the tables can hurt it.
 */
#include "runtime.h"

#define USER_ALIAS 0x40000000UL
#define VA         0x10000000UL /* of most tests */

#define PTE_V BIT(0)
#define PTE_R BIT(1)
#define PTE_W BIT(2)
#define PTE_X BIT(3)
#define PTE_U BIT(4)
#define PTE_G BIT(5)
#define PTE_A BIT(6)
#define PTE_D BIT(7)
#define AD    (PTE_A | PTE_D)
#define RW    (PTE_R | PTE_W | AD)
#define RWX   (PTE_R | PTE_W | PTE_X | AD)

struct space {
    uint64_t *root;
    unsigned levels;
};

#define POOL 48
static uint64_t pool[POOL][512] __attribute__((aligned(4096)));
static unsigned pool_used;

/* A page of data and code: 8 bytes of "li a0, N; ret", then marked dwords. */
static uint8_t pages[8][PAGE_SIZE] __attribute__((aligned(4096)));

static uint64_t *new_table(void)
{
    if (pool_used == POOL) {
        put_line("FAIL out of page tables");
        guest_exit(2);
    }
    uint64_t *table = pool[pool_used++];
    fill(table, 0, PAGE_SIZE);
    return table;
}

/* The entry for `va` at `level` (0: 4 KiB), making the tables above it. */
static uint64_t *entry(struct space *space, uint64_t va, unsigned level)
{
    uint64_t *table = space->root;
    for (unsigned l = space->levels - 1;; l--) {
        uint64_t *pte = &table[va >> (12 + 9 * l) & 511];
        if (l == level)
            return pte;
        if (!(*pte & PTE_V))
            *pte = (uintptr_t)new_table() >> 12 << 10 | PTE_V;
        table = (uint64_t *)(*pte >> 10 << 12);
    }
}

static uint64_t leaf(const void *page, uint64_t flags)
{
    return (uintptr_t)page >> 12 << 10 | flags | PTE_V;
}

static uint64_t *map(struct space *space, uint64_t va, const void *page, uint64_t flags)
{
    uint64_t *pte = entry(space, va, 0);
    *pte = leaf(page, flags);
    return pte;
}

static struct space new_space(unsigned levels)
{
    struct space space = {.levels = levels};
    space.root = new_table();
    for (unsigned i = 0; i < 2; i++) {
        uintptr_t at = i * (2UL << 20);
        *entry(&space, RAM_BASE + at, 1) = leaf((void *)(RAM_BASE + at), RWX);
        *entry(&space, USER_ALIAS + at, 1) = leaf((void *)(RAM_BASE + at), RWX | PTE_U);
    }
    return space;
}

static uint64_t satp_of(const struct space *space, uint64_t asid)
{
    return (uint64_t)(space->levels + 5) << 60 | asid << 44 | (uintptr_t)space->root >> 12;
}

static void use(const struct space *space)
{
    csr_write(satp, satp_of(space, 0));
    sfence_vma();
}

static const void *code_at(enum mode mode, const char *code)
{
    uintptr_t offset = mode == MODE_U ? USER_ALIAS - RAM_BASE : 0;
    return (const void *)((uintptr_t)code + offset);
}

static struct result run(enum mode mode, const char *code, uint64_t a0, uint64_t a1)
{
    struct call call = {
        .mode = mode,
        .pc = (uintptr_t)code_at(mode, code),
        .args = {a0, a1},
        .return_pc = (uintptr_t)code_at(mode, call_return),
    };
    return call_run(&call);
}

static struct result run_at(enum mode mode, uint64_t va)
{
    struct call call = {.mode = mode, .pc = va, .return_pc = (uintptr_t)code_at(mode, call_return)};
    return call_run(&call);
}

/* Page n: code that returns 100 + n, then dwords 0xn000000000000000 + index. */
static void reset_pages(void)
{
    for (unsigned n = 0; n < 8; n++) {
        uint64_t *words = (uint64_t *)pages[n];
        words[0] = 0x00008067UL << 32 | (100UL + n) << 20 | 0x513;
        for (unsigned i = 1; i < 512; i++)
            words[i] = (uint64_t)n << 60 | i;
    }
    fence_i();
}

static void check_run(const char *name, enum mode mode, const char *code, uint64_t va,
                      uint64_t cause, uint64_t tval)
{
    check_trap(name, run(mode, code, va, 7), cause, code_at(mode, code), tval);
}

static void check_fetch(const char *name, enum mode mode, uint64_t va, uint64_t value)
{
    struct result r = run_at(mode, va);
    if (value)
        check(name, r.cause == CAUSE_NONE && r.value == value);
    else
        check_trap(name, r, CAUSE_FETCH_PAGE, (void *)va, va);
}

/* --- leaves at each level, and addresses --- */

static void test_levels(struct space *space)
{
    static const char *const names[] = {"4 KiB leaf", "2 MiB leaf", "1 GiB leaf", "512 GiB leaf",
                                        "256 TiB leaf"};
    static const char *const bad[] = {0, "misaligned 2 MiB leaf", "misaligned 1 GiB leaf",
                                      "misaligned 512 GiB leaf", "misaligned 256 TiB leaf"};
    const uint64_t *page = (const uint64_t *)pages[3];

    for (unsigned level = 0; level < space->levels; level++) {
        uint64_t size = 1UL << (12 + 9 * level);
        /* An index not used by the image at that level. */
        uint64_t va = level < 2 ? VA : size * 5;
        uint64_t base = (uintptr_t)page & ~(size - 1);
        uint64_t *pte = entry(space, va, level);
        uint64_t old = *pte;
        *pte = leaf((void *)base, RWX);
        sfence_vma();
        uint64_t at = va + ((uintptr_t)page - base);
        struct result r = run(MODE_S, stub_ld, at + 80, 0);
        bool loaded = r.cause == CAUSE_NONE && r.value == page[10];
        r = run(MODE_S, stub_sd, at + 88, 0x1234);
        bool stored = r.cause == CAUSE_NONE && page[11] == 0x1234;
        r = run_at(MODE_S, at);
        check(names[level], loaded && stored && r.cause == CAUSE_NONE && r.value == 103);
        if (level) {
            *pte = leaf((void *)(base + PAGE_SIZE), RWX);
            sfence_vma();
            check_run(bad[level], MODE_S, stub_ld, at + 80, CAUSE_LOAD_PAGE, at + 80);
            check_run(bad[level], MODE_S, stub_sw, at + 84, CAUSE_STORE_PAGE, at + 84);
            check_fetch(bad[level], MODE_S, at, 0);
        }
        *pte = old;
        sfence_vma();
        reset_pages();
    }
}

static void test_canonical(struct space *space)
{
    unsigned bits = 12 + 9 * space->levels;
    uint64_t half = 1UL << (bits - 1);
    uint64_t *pte = map(space, 0 - half, pages[2], RWX);
    uint64_t *low = map(space, half - PAGE_SIZE, pages[1], RWX);

    sfence_vma();
    check_equal("lowest address of the upper half", run(MODE_S, stub_ld, 0 - half + 8, 0).value,
                (2UL << 60) + 1);
    check_fetch("fetch from the upper half", MODE_S, 0 - half, 102);
    check_equal("highest address of the lower half", run(MODE_S, stub_ld, half - 8, 0).value,
                (1UL << 60) + 511);
    /* The same page-table indices, without the sign extension. */
    check_run("non-canonical load", MODE_S, stub_ld, half + 8, CAUSE_LOAD_PAGE, half + 8);
    check_run("non-canonical store", MODE_S, stub_sd, half + 16, CAUSE_STORE_PAGE, half + 16);
    check_fetch("non-canonical fetch", MODE_S, half, 0);
    check_run("non-canonical load, low half with high bits", MODE_S, stub_lw,
              (half - 8) | 1UL << 63, CAUSE_LOAD_PAGE, (half - 8) | 1UL << 63);
    check_run("non-canonical load, high half without bit 63", MODE_S, stub_lw,
              (0 - half + 8) & ~(1UL << 63), CAUSE_LOAD_PAGE, (0 - half + 8) & ~(1UL << 63));
    *pte = 0;
    *low = 0;
    sfence_vma();
}

/* --- permissions --- */

static void test_permissions(struct space *space)
{
    static const struct {
        const char *name;
        uint64_t flags;
    } rows[] = {
        {"R", PTE_R},
        {"RW", PTE_R | PTE_W},
        {"X", PTE_X},
        {"RX", PTE_R | PTE_X},
        {"RWX", PTE_R | PTE_W | PTE_X},
        {"RU", PTE_U | PTE_R},
        {"RWU", PTE_U | PTE_R | PTE_W},
        {"XU", PTE_U | PTE_X},
        {"RXU", PTE_U | PTE_R | PTE_X},
        {"RWXU", PTE_U | PTE_R | PTE_W | PTE_X},
        {"W (reserved)", PTE_W},
        {"WX (reserved)", PTE_W | PTE_X},
        {"WU (reserved)", PTE_W | PTE_U},
    };
    uint64_t *pte = entry(space, VA, 0);

    for (size_t row = 0; row < sizeof(rows) / sizeof(*rows); row++) {
        uint64_t flags = rows[row].flags;
        bool reserved = (flags & (PTE_R | PTE_W)) == PTE_W, ok = true;
        *pte = leaf(pages[4], flags | AD);
        sfence_vma();
        for (unsigned n = 0; n < 24; n++) {
            enum mode mode = n & 1 ? MODE_S : MODE_U;
            bool sum = n & 2, mxr = n & 4;
            unsigned access = n / 8; /* load, store, fetch */
            bool user = flags & PTE_U;
            bool reach = mode == MODE_U ? user : !user || (sum && access != 2);
            bool may = access == 0   ? flags & PTE_R || (mxr && flags & PTE_X)
                       : access == 1 ? (flags & PTE_W) != 0
                                     : (flags & PTE_X) != 0;
            static const uint64_t causes[] = {CAUSE_LOAD_PAGE, CAUSE_STORE_PAGE, CAUSE_FETCH_PAGE};
            uint64_t want = reach && may && !reserved ? CAUSE_NONE : causes[access];
            csr_clear(mstatus, STATUS_SUM | STATUS_MXR);
            csr_set(mstatus, (sum ? STATUS_SUM : 0) | (mxr ? STATUS_MXR : 0));
            uint64_t at = access == 2 ? VA : VA + 8 * (n + 1);
            struct result r = access == 0   ? run(mode, stub_ld, at, 0)
                              : access == 1 ? run(mode, stub_sd, at, (4UL << 60) + n + 1)
                                            : run_at(mode, at);
            if (r.cause != want || (want != CAUSE_NONE && r.tval != at)) {
                ok = false;
                put_string("  case ");
                put_decimal(n);
                put_string(" cause ");
                put_hex(r.cause);
                put_string(" tval ");
                put_hex(r.tval);
                put_char('\n');
            }
        }
        csr_clear(mstatus, STATUS_SUM | STATUS_MXR);
        check(rows[row].name, ok);
    }
    *pte = 0;
    sfence_vma();
}

static void check_invalid(const char *name, uint64_t *pte, uint64_t value)
{
    uint64_t old = *pte;
    *pte = value;
    sfence_vma();
    struct result load = run(MODE_S, stub_ld, VA + 8, 0), store = run(MODE_S, stub_sd, VA + 16, 0),
                  fetch = run_at(MODE_S, VA);
    check(name, load.cause == CAUSE_LOAD_PAGE && load.tval == VA + 8 &&
                    store.cause == CAUSE_STORE_PAGE && store.tval == VA + 16 &&
                    fetch.cause == CAUSE_FETCH_PAGE && fetch.tval == VA && fetch.epc == VA);
    *pte = old;
    sfence_vma();
}

static void test_invalid(struct space *space)
{
    uint64_t *pte = map(space, VA, pages[4], RWX);
    uint64_t good = *pte;

    check_invalid("V = 0", pte, good & ~PTE_V);
    check_invalid("all bits but V", pte, ~PTE_V);
    check_invalid("pointer at the last level", pte, leaf(pages[4], 0));
    /* Reserved until an extension defines them (4.4.1). */
    check_invalid("reserved bit 54", pte, good | BIT(54));
    check_invalid("reserved bit 60", pte, good | BIT(60));
    check_invalid("V = 0 in the table above", entry(space, VA, 1), *entry(space, VA, 1) & ~PTE_V);
    check_invalid("V = 0 two tables above", entry(space, VA, 2), 0);

    /* Physical addresses where nothing is: access faults, with the virtual address (4.3.2). */
    *pte = leaf((void *)UNMAPPED, RWX);
    sfence_vma();
    check_run("leaf to nowhere, load", MODE_S, stub_ld, VA + 8, CAUSE_LOAD_ACCESS, VA + 8);
    check_run("leaf to nowhere, store", MODE_S, stub_sd, VA + 8, CAUSE_STORE_ACCESS, VA + 8);
    check_trap("leaf to nowhere, fetch", run_at(MODE_S, VA), CAUSE_FETCH_ACCESS, (void *)VA, VA);
    uint64_t *above = entry(space, VA, 1), old = *above;
    *above = leaf((void *)UNMAPPED, 0);
    sfence_vma();
    struct result load = run(MODE_S, stub_ld, VA + 8, 0), store = run(MODE_S, stub_sd, VA + 8, 0),
                  fetch = run_at(MODE_S, VA);
    bool addresses = load.tval == VA + 8 && store.tval == VA + 8 && fetch.tval == VA;
    /* The walk itself meets an access fault, and the access takes it. QEMU makes it a page fault.
     */
    check_deviating("table at nowhere",
                    addresses && load.cause == CAUSE_LOAD_ACCESS &&
                        store.cause == CAUSE_STORE_ACCESS && fetch.cause == CAUSE_FETCH_ACCESS,
                    addresses && load.cause == CAUSE_LOAD_PAGE && store.cause == CAUSE_STORE_PAGE &&
                        fetch.cause == CAUSE_FETCH_PAGE);
    *above = old;
    *pte = 0;
    sfence_vma();
}

/* --- MPRV --- */

/* (address, mstatus to access with, mstatus to leave) */
extern char mprv_load[], mprv_load_at[], mprv_store[], mprv_store_at[];
__asm__("    .balign 4\n"
        "mprv_load:\n"
        "    csrw mstatus, a1\n"
        "    .option push\n"
        "    .option norvc\n"
        "mprv_load_at:\n"
        "    ld a0, 0(a0)\n"
        "    csrw mstatus, a2\n"
        "    ret\n"
        "mprv_store:\n"
        "    csrw mstatus, a1\n"
        "mprv_store_at:\n"
        "    sd a0, 0(a0)\n"
        "    csrw mstatus, a2\n"
        "    ret\n"
        "    .option pop\n");

static struct result mprv(bool store, enum mode mode, uint64_t extra, uint64_t va)
{
    uint64_t status = csr_read(mstatus) & ~STATUS_MPP;
    return call_mode(MODE_M, store ? mprv_store : mprv_load, va,
                     status | STATUS_MPRV | (uint64_t)mode << 11 | extra, status);
}

static void test_mprv(struct space *space)
{
    uint64_t user = VA, kernel = VA + PAGE_SIZE, exec = VA + 2 * PAGE_SIZE;
    map(space, user, pages[5], RW | PTE_U);
    map(space, kernel, pages[6], RW);
    map(space, exec, pages[7], PTE_X | PTE_A);
    sfence_vma();

    check_equal("MPRV: MPP=U reads a user page", mprv(false, MODE_U, 0, user + 8).value,
                (5UL << 60) + 1);
    check_trap("MPRV: MPP=U, supervisor page", mprv(false, MODE_U, 0, kernel + 8), CAUSE_LOAD_PAGE,
               mprv_load_at, kernel + 8);
    check_equal("MPRV: MPP=S reads its page", mprv(false, MODE_S, 0, kernel + 8).value,
                (6UL << 60) + 1);
    check_trap("MPRV: MPP=S, user page, no SUM", mprv(false, MODE_S, 0, user + 8), CAUSE_LOAD_PAGE,
               mprv_load_at, user + 8);
    check_equal("MPRV: MPP=S, user page, SUM", mprv(false, MODE_S, STATUS_SUM, user + 8).value,
                (5UL << 60) + 1);
    check_trap("MPRV: execute-only page", mprv(false, MODE_S, 0, exec + 8), CAUSE_LOAD_PAGE,
               mprv_load_at, exec + 8);
    check_equal("MPRV: execute-only page with MXR", mprv(false, MODE_S, STATUS_MXR, exec + 8).value,
                (7UL << 60) + 1);
    check_trap("MPRV: store to it", mprv(true, MODE_S, STATUS_MXR, exec + 8), CAUSE_STORE_PAGE,
               mprv_store_at, exec + 8);
    struct result r = mprv(true, MODE_U, 0, user + 64);
    check("MPRV: store through translation",
          r.cause == CAUSE_NONE && *(uint64_t *)&pages[5][64] == user + 64);
    check_equal("MPRV: MPP=M does not translate",
                mprv(false, MODE_M, 0, (uintptr_t)&pages[5][8]).value, (5UL << 60) + 1);
    *entry(space, user, 0) = *entry(space, kernel, 0) = *entry(space, exec, 0) = 0;
    sfence_vma();
    reset_pages();
}

/* --- A and D: set by hardware, or a page fault asks for them --- */

static void check_ad(struct space *space, const char *name, unsigned access, uint64_t before,
                     uint64_t expect, unsigned level)
{
    uint64_t *pte = entry(space, level ? 0x20000000UL : VA, level);
    uint64_t at = level ? 0x20000000UL + ((uintptr_t)pages[4] & ((2UL << 20) - 1)) : VA;
    uint64_t page = level ? (uintptr_t)pages[4] & ~((2UL << 20) - 1) : (uintptr_t)pages[4];
    *pte = leaf((void *)page, PTE_R | PTE_W | PTE_X | before);
    uint64_t old = *pte;
    sfence_vma();
    struct result r = access == 0   ? run(MODE_S, stub_ld, at + 8, 0)
                      : access == 1 ? run(MODE_S, stub_sd, at + 8, 0)
                      : access == 2 ? run_at(MODE_S, at)
                                    : run(MODE_S, stub_amoadd_d, at + 8, 0);
    static const uint64_t causes[] = {CAUSE_LOAD_PAGE, CAUSE_STORE_PAGE, CAUSE_FETCH_PAGE,
                                      CAUSE_STORE_PAGE};
    volatile uint64_t *now = pte;
    check(name, (r.cause == causes[access] && *now == old) ||
                    (r.cause == CAUSE_NONE && *now == (old | expect)));
    *pte = 0;
    sfence_vma();
}

static void test_accessed_dirty(struct space *space)
{
    check_ad(space, "A on load, and not D", 0, 0, PTE_A, 0);
    check_ad(space, "A on fetch, and not D", 2, 0, PTE_A, 0);
    check_ad(space, "A and D on store", 1, 0, AD, 0);
    check_ad(space, "D on store with A set", 1, PTE_A, AD, 0);
    check_ad(space, "A and D on AMO", 3, 0, AD, 0);
    check_ad(space, "A on load, D set", 0, PTE_D, AD, 0);
    check_ad(space, "A of a 2 MiB leaf", 0, 0, PTE_A, 1);
    check_ad(space, "D of a 2 MiB leaf", 1, PTE_A, AD, 1);

    /* First a load, then a store: the second must still set D. */
    uint64_t *pte = map(space, VA, pages[4], PTE_R | PTE_W | PTE_A);
    volatile uint64_t *now = pte;
    sfence_vma();
    run(MODE_S, stub_ld, VA + 8, 0);
    check("load leaves D clear", !(*now & PTE_D));
    struct result r = run(MODE_S, stub_sd, VA + 8, 1);
    check("store after load", r.cause == CAUSE_STORE_PAGE || *now & PTE_D);
    /* Software clears D and fences: the next store sets it again. */
    *pte = leaf(pages[4], PTE_R | PTE_W | PTE_A);
    sfence_vma();
    r = run(MODE_S, stub_sd, VA + 8, 1);
    check("store after D was cleared", r.cause == CAUSE_STORE_PAGE || *now & PTE_D);
    *pte = leaf(pages[4], PTE_R | PTE_A);
    sfence_vma();
    r = run(MODE_S, stub_sd, VA + 8, 1);
    check("no D from a store that faults", r.cause == CAUSE_STORE_PAGE && !(*now & PTE_D));
    *pte = 0;
    sfence_vma();
    reset_pages();
}

/* --- accesses that cross into another page --- */

static bool straddle_ok(struct result r, uint64_t misaligned, uint64_t cause, uint64_t tval,
                        uint64_t at)
{
    return (r.cause == cause && r.tval == tval) || (r.cause == misaligned && r.tval == at);
}

static void test_straddling(struct space *space)
{
    uint64_t border = VA + PAGE_SIZE;
    uint64_t *first = map(space, VA, pages[4], RWX), *second = entry(space, border, 0);
    static const struct {
        const char *load_name, *store_name, *load, *store;
        unsigned size;
    } sizes[] = {{"lh into a missing page", "sh into a missing page", stub_lh, stub_sh, 2},
                 {"lw into a missing page", "sw into a missing page", stub_lw, stub_sw, 4},
                 {"ld into a missing page", "sd into a missing page", stub_ld, stub_sd, 8},
                 {"fld into a missing page", "fsd into a missing page", stub_fld, stub_fsd, 8},
                 {"c.ld into a missing page", "c.sd into a missing page", stub_c_ld, stub_c_sd, 8}};

    *second = 0;
    sfence_vma();
    for (unsigned i = 0; i < 5; i++) {
        bool load_ok = true, store_ok = true;
        for (unsigned over = 1; over < sizes[i].size; over++) {
            uint64_t at = border - over;
            struct result r = run(MODE_S, sizes[i].load, at, 0);
            load_ok = load_ok && r.epc == (uintptr_t)sizes[i].load &&
                      straddle_ok(r, CAUSE_LOAD_MISALIGNED, CAUSE_LOAD_PAGE, border, at);
            r = run(MODE_S, sizes[i].store, at, 0);
            store_ok = store_ok && r.epc == (uintptr_t)sizes[i].store &&
                       straddle_ok(r, CAUSE_STORE_MISALIGNED, CAUSE_STORE_PAGE, border, at);
        }
        check(sizes[i].load_name, load_ok);
        check(sizes[i].store_name, store_ok);
    }

    *second = leaf(pages[5], RWX);
    *first = 0;
    sfence_vma();
    struct result r = run(MODE_S, stub_ld, border - 3, 0);
    check("ld out of a missing page",
          straddle_ok(r, CAUSE_LOAD_MISALIGNED, CAUSE_LOAD_PAGE, border - 3, border - 3));
    r = run(MODE_S, stub_sd, border - 3, 0);
    check("sd out of a missing page",
          straddle_ok(r, CAUSE_STORE_MISALIGNED, CAUSE_STORE_PAGE, border - 3, border - 3));

    *first = leaf(pages[4], RWX);
    *second = leaf(pages[5], PTE_R | AD);
    sfence_vma();
    r = run(MODE_S, stub_sd, border - 4, 0);
    check("sd into a read-only page",
          straddle_ok(r, CAUSE_STORE_MISALIGNED, CAUSE_STORE_PAGE, border, border - 4));

    /* Neighbours in virtual memory, not in physical memory: pages 4 and 6. */
    *second = leaf(pages[6], RWX);
    sfence_vma();
    r = run(MODE_S, stub_ld, border - 4, 0);
    check("ld over a border", r.cause == CAUSE_LOAD_MISALIGNED ||
                                  r.value == ((uint64_t) * (uint32_t *)pages[6] << 32 | 4UL << 28));
    r = run(MODE_S, stub_sd, border - 2, 0x1122334455667788);
    check("sd over a border",
          r.cause == CAUSE_STORE_MISALIGNED ||
              (*(uint16_t *)&pages[4][4094] == 0x7788 && *(uint32_t *)pages[6] == 0x33445566 &&
               *(uint16_t *)&pages[6][4] == 0x1122));
    check("the physical neighbour is untouched",
          *(uint32_t *)pages[5] == ((100U + 5) << 20 | 0x513));
    reset_pages();

    /* Code: "addi a0, zero, 55" over the border, "ret" after it. */
    *(uint16_t *)&pages[4][4094] = 0x0513;
    *(uint16_t *)&pages[6][0] = 55 << 4;
    *(uint32_t *)&pages[6][2] = 0x00008067;
    fence_i();
    check_fetch("4-byte instruction over a border", MODE_S, border - 2, 55);
    *second = leaf(pages[6], RW);
    sfence_vma();
    check_trap("4-byte instruction into a page without X", run_at(MODE_S, border - 2),
               CAUSE_FETCH_PAGE, (void *)(border - 2), border);
    *second = 0;
    sfence_vma();
    check_trap("4-byte instruction into a missing page", run_at(MODE_S, border - 2),
               CAUSE_FETCH_PAGE, (void *)(border - 2), border);
    if (on_qemu()) {
        skip("4-byte instruction into nowhere: QEMU 7.2 dies of an assertion");
    } else {
        *second = leaf((void *)UNMAPPED, RWX);
        sfence_vma();
        check_trap("4-byte instruction into nowhere", run_at(MODE_S, border - 2),
                   CAUSE_FETCH_ACCESS, (void *)(border - 2), border);
    }
    *second = leaf(pages[6], RWX);
    *first = leaf(pages[4], RW);
    sfence_vma();
    check_trap("4-byte instruction out of a page without X", run_at(MODE_S, border - 2),
               CAUSE_FETCH_PAGE, (void *)(border - 2), border - 2);
    /* A 2-byte one at the end does not need the next page. */
    *(uint16_t *)&pages[4][4092] = 0x4525; /* c.li a0, 9 */
    *(uint16_t *)&pages[4][4094] = 0x8082; /* c.jr ra */
    fence_i();
    *first = leaf(pages[4], RWX);
    *second = 0;
    sfence_vma();
    check_fetch("2-byte instruction at the end of a page", MODE_S, border - 4, 9);
    *(uint16_t *)&pages[4][4094] = 0x0001; /* c.nop, and on into the missing page */
    fence_i();
    check_trap("running off the end of a page", run_at(MODE_S, border - 4), CAUSE_FETCH_PAGE,
               (void *)border, border);
    *first = *second = 0;
    sfence_vma();
    reset_pages();
}

/* --- sfence.vma, ASIDs, satp --- */

extern char s_remap[];
__asm__("    .balign 4\n"
        "s_remap:\n" /* a0: entry, a1: value, a2: address, a3: which kind of fence */
        "    ld t0, 0(a2)\n"
        "    sd a1, 0(a0)\n"
        "    beqz a3, 1f\n"
        "    addi a3, a3, -1\n"
        "    beqz a3, 2f\n"
        "    addi a3, a3, -1\n"
        "    beqz a3, 3f\n"
        "    sfence.vma a2, zero\n"
        "    j 4f\n"
        "1:  sfence.vma\n"
        "    j 4f\n"
        "2:  sfence.vma zero, zero\n"
        "    j 4f\n"
        "3:  li t1, 0\n"
        "    sfence.vma a2, t1\n"
        "4:  ld a0, 0(a2)\n"
        "    ret\n");

static void test_sfence(struct space *space)
{
    static const char *const names[] = {"remap by S, sfence.vma", "remap by S, sfence.vma x0, x0",
                                        "remap by S, sfence.vma va, asid",
                                        "remap by S, sfence.vma va, x0"};
    uint64_t *pte = map(space, VA, pages[1], RWX);
    sfence_vma();
    check_equal("before", run(MODE_S, stub_ld, VA + 8, 0).value, (1UL << 60) + 1);
    check_fetch("fetch before", MODE_S, VA, 101);
    *pte = leaf(pages[2], RWX);
    sfence_vma();
    check_equal("remapped", run(MODE_S, stub_ld, VA + 8, 0).value, (2UL << 60) + 1);
    check_fetch("fetch remapped", MODE_S, VA, 102);
    run(MODE_S, stub_sd, VA + 8, 0xabc);
    check("store goes to the new page",
          *(uint64_t *)&pages[2][8] == 0xabc && *(uint64_t *)&pages[1][8] == (1UL << 60) + 1);
    *pte = leaf(pages[2], PTE_R | PTE_X | AD);
    sfence_vma();
    check_run("write permission withdrawn", MODE_S, stub_sd, VA + 8, CAUSE_STORE_PAGE, VA + 8);
    *pte = leaf(pages[2], PTE_R | AD);
    sfence_vma();
    check_fetch("execute permission withdrawn", MODE_S, VA, 0);
    *pte = leaf(pages[2], RWX);
    sfence_vma();
    check_run("write permission granted", MODE_S, stub_sd, VA + 8, CAUSE_NONE, 0);
    *pte = 0;
    sfence_vma();
    check_run("unmapped", MODE_S, stub_ld, VA + 8, CAUSE_LOAD_PAGE, VA + 8);
    for (unsigned i = 0; i < 4; i++) {
        map(space, VA, pages[1], RWX);
        sfence_vma();
        struct call call = {
            .mode = MODE_S,
            .pc = (uintptr_t)s_remap,
            .args = {(uintptr_t)pte, leaf(pages[3], RWX), VA + 8, i},
        };
        struct result r = call_run(&call);
        check(names[i], r.cause == CAUSE_NONE && r.value == (3UL << 60) + 1);
    }
    /* A table in the middle is replaced. */
    uint64_t *above = entry(space, VA, 1), old = *above;
    uint64_t *table = new_table();
    table[VA >> 12 & 511] = leaf(pages[6], RWX);
    *above = leaf(table, 0);
    sfence_vma();
    check_equal("table replaced", run(MODE_S, stub_ld, VA + 8, 0).value, (6UL << 60) + 1);
    *above = old;
    /* A 2 MiB leaf is split. */
    uint64_t *big = entry(space, 0x20000000UL, 1);
    *big = leaf((void *)RAM_BASE, RWX);
    sfence_vma();
    uint64_t at = 0x20000000UL + ((uintptr_t)pages[5] - RAM_BASE);
    check_equal("2 MiB leaf", run(MODE_S, stub_ld, at + 8, 0).value, (5UL << 60) + 1);
    *big = 0;
    map(space, at, pages[7], RWX);
    sfence_vma();
    check_equal("2 MiB leaf split", run(MODE_S, stub_ld, at + 8, 0).value, (7UL << 60) + 1);
    check_run("2 MiB leaf split: the rest is gone", MODE_S, stub_ld, at + PAGE_SIZE,
              CAUSE_LOAD_PAGE, at + PAGE_SIZE);
    *big = 0;
    *pte = 0;
    sfence_vma();
    reset_pages();
}

static void test_address_spaces(struct space *space)
{
    struct space other = new_space(space->levels);
    map(space, VA, pages[1], RWX);
    map(&other, VA, pages[2], RWX);
    csr_write(satp, satp_of(space, 0xffff));
    uint64_t asids = csr_read(satp) >> 44 & 0xffff;
    uint64_t mine = asids ? 1 : 0, others = asids > 1 ? 2 : 0;

    sfence_vma();
    bool ok = true, code = true;
    for (unsigned i = 0; i < 20; i++) {
        bool second = i & 1;
        csr_write(satp, second ? satp_of(&other, others) : satp_of(space, mine));
        if (mine == others)
            sfence_vma();
        struct result r = run(MODE_S, stub_ld, VA + 8, 0);
        ok = ok && r.cause == CAUSE_NONE && r.value == ((second ? 2UL : 1UL) << 60) + 1;
        r = run_at(MODE_S, VA);
        code = code && r.cause == CAUSE_NONE && r.value == (second ? 102 : 101);
    }
    check(asids > 1 ? "two ASIDs, no fence: data" : "two spaces, fence: data", ok);
    check(asids > 1 ? "two ASIDs, no fence: code" : "two spaces, fence: code", code);

    csr_write(satp, satp_of(space, mine));
    sfence_vma();
    struct result r = run(MODE_S, stub_write_satp, satp_of(&other, others), 0);
    check_equal("S switches satp and goes on", r.cause, CAUSE_NONE);
    sfence_vma();
    check_equal("and uses the new space", run(MODE_S, stub_ld, VA + 8, 0).value, (2UL << 60) + 1);
    csr_write(satp, 0);
    sfence_vma();
    check_equal("back to bare", run(MODE_S, stub_ld, (uintptr_t)&pages[5][8], 0).value,
                (5UL << 60) + 1);
    check_trap("bare: virtual addresses are gone", run(MODE_S, stub_ld, UNMAPPED, 0),
               CAUSE_LOAD_ACCESS, stub_ld, UNMAPPED);
    use(space);
    /* An unsupported MODE leaves all of satp as it was. */
    csr_write(satp, 7UL << 60 | 0x12345);
    check_equal("satp with a reserved MODE is not written", csr_read(satp), satp_of(space, 0));
    use(space);
    *entry(space, VA, 0) = 0;
    sfence_vma();
}

/* --- fault, repair, retry --- */

static struct space *demand_space;

static bool map_on_demand(struct hart *hart)
{
    uint64_t cause = hart->frame.cause;
    if (cause != CAUSE_LOAD_PAGE && cause != CAUSE_STORE_PAGE && cause != CAUSE_FETCH_PAGE)
        return false;
    if (hart->frame.tval < VA || hart->frame.tval >= VA + (1UL << 20))
        return false;
    hart->data[0]++;
    uint64_t va = hart->frame.tval & ~(PAGE_SIZE - 1);
    map(demand_space, va, pages[va >> 12 & 7], RWX | PTE_U);
    sfence_vma();
    return true;
}

/* Adds a1 to n dwords, a page and 8 bytes apart; each a different instruction's retry. */
extern char walk_pages[];
__asm__("    .balign 4\n"
        "walk_pages:\n"
        "    mv t0, a0\n"
        "    li t1, 64\n"
        "    li t3, 0x1008\n"
        "    li a0, 0\n"
        "1:  amoadd.d t2, a1, (t0)\n"
        "    add a0, a0, t2\n"
        "    add t0, t0, t3\n"
        "    c.ld a5, 0(a3)\n"
        "    add a0, a0, a5\n"
        "    addi t1, t1, -1\n"
        "    bnez t1, 1b\n"
        "    ret\n"
        "    .globl s_fix\n"
        "    .balign 4\n"
        "s_fix:\n" /* sscratch: { entry, value }; counts in t6 */
        "    csrr t4, sscratch\n"
        "    ld t5, 8(t4)\n"
        "    ld t4, 0(t4)\n"
        "    sd t5, 0(t4)\n"
        "    sfence.vma\n"
        "    csrr t6, stval\n"
        "    sret\n");
extern char s_fix[];

static void test_resume(struct space *space)
{
    static uint64_t repair[2];
    struct hart *hart = this_hart();
    uint64_t want[2] = {0, 0};

    demand_space = space;
    for (unsigned mode = MODE_U; mode <= MODE_S; mode++) {
        reset_pages();
        csr_set(mstatus, STATUS_SUM);
        for (unsigned i = 0; i < 64; i++)
            *entry(space, VA + i * PAGE_SIZE, 0) = 0;
        *entry(space, VA + 200 * PAGE_SIZE, 0) = 0;
        sfence_vma();
        hart->data[0] = 0;
        hart->hook = map_on_demand;
        struct call call = {
            .mode = (enum mode)mode,
            .pc = (uintptr_t)code_at((enum mode)mode, walk_pages),
            .args = {VA + 8, 1, 0, VA + 200 * PAGE_SIZE + 16},
            .return_pc = (uintptr_t)code_at((enum mode)mode, call_return),
        };
        struct result r = call_run(&call);
        hart->hook = 0;
        want[0] = 64 * 2;
        for (unsigned i = 0; i < 64; i++)
            want[0] += ((uint64_t)(i & 7) << 60) + 1 + i;
        check_equal(mode == MODE_U ? "on demand from U: sum" : "on demand from S: sum", r.value,
                    want[0]);
        /* 64 pages, and that of the second operand; walking 8 bytes further each never crosses.
         * QEMU takes an AMO on a missing page as a load, but not twice: the page comes with W. */
        check_equal(mode == MODE_U ? "on demand from U: faults" : "on demand from S: faults",
                    hart->data[0], 65);
        bool once = true;
        for (unsigned i = 0; i < 64; i++)
            once = once &&
                   *(uint64_t *)&pages[i & 7][8 + 8 * i] == ((uint64_t)(i & 7) << 60) + 1 + i + 1;
        check("each dword added once", once);
        csr_clear(mstatus, STATUS_SUM);
    }
    for (unsigned i = 0; i < 64; i++)
        *entry(space, VA + i * PAGE_SIZE, 0) = 0;

    /* The same, handled in S-mode with SRET. */
    reset_pages();
    csr_write(medeleg, BIT(CAUSE_LOAD_PAGE) | BIT(CAUSE_STORE_PAGE) | BIT(CAUSE_FETCH_PAGE));
    csr_write(stvec, (uintptr_t)s_fix);
    csr_write(sscratch, (uintptr_t)repair);
    repair[0] = (uintptr_t)entry(space, VA, 0);
    repair[1] = leaf(pages[3], RWX | PTE_U);
    sfence_vma();
    struct result r = run(MODE_U, stub_ld, VA + 8, 0);
    check_equal("S repairs a load of U", r.value, (3UL << 60) + 1);
    check_equal("stval", hart->frame.x[31], VA + 8);
    *entry(space, VA, 0) = 0;
    sfence_vma();
    r = run(MODE_U, stub_sw, VA + 12, 0x5a5a);
    check("S repairs a store of U", r.cause == CAUSE_NONE && *(uint32_t *)&pages[3][12] == 0x5a5a);
    *entry(space, VA, 0) = 0;
    sfence_vma();
    r = run_at(MODE_U, VA);
    check_equal("S repairs a fetch of U", r.value, 103);
    check_equal("stval", hart->frame.x[31], VA);
    /* Copy on write: readable, then made writable. */
    *entry(space, VA, 0) = leaf(pages[3], PTE_R | PTE_U | PTE_A);
    repair[1] = leaf(pages[4], RW | PTE_U);
    sfence_vma();
    check_equal("copy on write: load", run(MODE_U, stub_ld, VA + 32, 0).value, (3UL << 60) + 4);
    r = run(MODE_U, stub_amoadd_d, VA + 32, 5);
    check("copy on write: AMO", r.cause == CAUSE_NONE && r.value == (4UL << 60) + 4 &&
                                    *(uint64_t *)&pages[4][32] == (4UL << 60) + 9 &&
                                    *(uint64_t *)&pages[3][32] == (3UL << 60) + 4);
    csr_write(stvec, (uintptr_t)s_trap);
    *entry(space, VA, 0) = 0;
    sfence_vma();
    r = run(MODE_U, stub_ld, VA + 8, 0);
    check("page fault delegated", r.by_s);
    check_trap("delegated load", r, CAUSE_LOAD_PAGE, code_at(MODE_U, stub_ld), VA + 8);
    r = run(MODE_S, stub_sd, VA + 8, 0);
    check_trap("delegated store from S", r, CAUSE_STORE_PAGE, stub_sd, VA + 8);
    check("SPP is S", r.by_s && r.status & STATUS_SPP);
    r = run_at(MODE_S, VA);
    check_trap("delegated fetch from S", r, CAUSE_FETCH_PAGE, (void *)VA, VA);
    csr_write(medeleg, 0);
    reset_pages();
}

/* --- atomics and floating point --- */

static void check_amo(const char *name, const char *stub, uint64_t va)
{
    struct result r = run(MODE_S, stub, va, 1);
    bool place = r.epc == (uintptr_t)stub && r.tval == va;
    /* AMOs fault as stores; QEMU reads first and reports a load page fault. */
    check_deviating(name, place && r.cause == CAUSE_STORE_PAGE,
                    place && r.cause == CAUSE_LOAD_PAGE);
}

static void test_other_accesses(struct space *space)
{
    uint64_t missing = VA, read_only = VA + PAGE_SIZE;
    *entry(space, missing, 0) = 0;
    map(space, read_only, pages[4], PTE_R | AD);
    sfence_vma();

    check_amo("amoadd.w, missing page", stub_amoadd_w, missing + 16);
    check_amo("amoor.d, missing page", stub_amoor_d, missing + 16);
    check_run("amoadd.w, read-only page", MODE_S, stub_amoadd_w, read_only + 16, CAUSE_STORE_PAGE,
              read_only + 16);
    check_run("amoswap.w, read-only page", MODE_S, stub_amoswap_w, read_only + 20, CAUSE_STORE_PAGE,
              read_only + 20);
    check_run("lr.w, missing page", MODE_S, stub_lr_w, missing + 16, CAUSE_LOAD_PAGE, missing + 16);
    check_run("lr.d, read-only page", MODE_S, stub_lr_d, read_only + 16, CAUSE_NONE, 0);
    struct result r = run(MODE_S, stub_sc_d, read_only + 16, 1);
    check("sc.d, read-only page", (r.cause == CAUSE_STORE_PAGE && r.tval == read_only + 16) ||
                                      (r.cause == CAUSE_NONE && r.value));
    static const struct {
        const char *name, *stub;
        bool store;
    } cases[] = {
        {"flw", stub_flw, false},       {"fld", stub_fld, false},   {"c.fld", stub_c_fld, false},
        {"fsw", stub_fsw, true},        {"fsd", stub_fsd, true},    {"c.fsd", stub_c_fsd, true},
        {"c.lw", stub_c_lw, false},     {"c.ld", stub_c_ld, false}, {"c.sw", stub_c_sw, true},
        {"c.sd", stub_c_sd, true},      {"lb", stub_lb, false},     {"lhu", stub_lhu, false},
        {"lwu", stub_lwu, false},       {"sb", stub_sb, true},      {"sh", stub_sh, true},
        {"odd lw", stub_odd_lw, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        check_run(cases[i].name, MODE_S, cases[i].stub, missing + 0x7f8,
                  cases[i].store ? CAUSE_STORE_PAGE : CAUSE_LOAD_PAGE, missing + 0x7f8);
        check_run(cases[i].name, MODE_U, cases[i].stub, read_only + 0x7f8,
                  cases[i].store ? CAUSE_STORE_PAGE : CAUSE_LOAD_PAGE, read_only + 0x7f8);
    }
    bool untouched = true;
    for (unsigned i = 1; i < 512; i++)
        untouched = untouched && ((uint64_t *)pages[4])[i] == (4UL << 60 | i);
    check("faulting stores wrote nothing", untouched);
    *entry(space, read_only, 0) = 0;
    sfence_vma();
}

/* --- many pages, many names for one page --- */

static void test_aliases(struct space *space)
{
    uint64_t base = 0x30000000UL;
    for (unsigned i = 0; i < 512; i++)
        map(space, base + i * PAGE_SIZE, pages[i & 7], RWX);
    sfence_vma();
    bool ok = true;
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 512; i += 3) {
            struct result r = run(MODE_S, stub_ld, base + i * PAGE_SIZE + 8 * i, 0);
            uint64_t want = i ? (uint64_t)(i & 7) << 60 | i : *(uint64_t *)pages[0];
            ok = ok && r.cause == CAUSE_NONE && r.value == want;
        }
    }
    check("512 pages", ok);
    ok = true;
    for (unsigned i = 0; i < 64; i++) {
        run(MODE_S, stub_sw, base + i * PAGE_SIZE + 0x800, i + 1);
        struct result r = run(MODE_S, stub_lw, base + (511 - 7 + (i & 7)) * PAGE_SIZE + 0x800, 0);
        ok = ok && r.value == i + 1 && *(uint32_t *)&pages[i & 7][0x800] == i + 1;
    }
    check("a store is seen through all aliases", ok);
    *entry(space, base, 1) = 0;
    sfence_vma();
    reset_pages();
}

static void test_bare(void)
{
    set_group("bare");
    csr_write(satp, 0);
    sfence_vma();
    reset_pages();
    for (unsigned mode = MODE_U; mode <= MODE_S; mode++) {
        struct result r = call_mode((enum mode)mode, stub_ld, (uintptr_t)&pages[1][8], 0, 0);
        check_equal("load", r.value, (1UL << 60) + 1);
        r = call_mode((enum mode)mode, pages[2], 0, 0, 0);
        check_equal("fetch", r.value, 102);
        r = call_mode((enum mode)mode, stub_ld, 1UL << 62, 0, 0);
        check_trap("load beyond physical memory", r, CAUSE_LOAD_ACCESS, stub_ld, 1UL << 62);
    }
}

static void test_paged(unsigned levels, const char *name)
{
    set_group(name);
    pool_used = 0;
    reset_pages();
    struct space space = new_space(levels);
    csr_write(satp, satp_of(&space, 0));
    if (csr_read(satp) != satp_of(&space, 0)) {
        csr_write(satp, 0);
        skip("this hart does not have it");
        return;
    }
    sfence_vma();
    test_levels(&space);
    test_canonical(&space);
    test_permissions(&space);
    test_invalid(&space);
    test_mprv(&space);
    test_accessed_dirty(&space);
    test_straddling(&space);
    test_sfence(&space);
    test_address_spaces(&space);
    test_resume(&space);
    test_other_accesses(&space);
    test_aliases(&space);
    csr_write(satp, 0);
    sfence_vma();
}

void guest_main(void)
{
    test_bare();
    test_paged(3, "Sv39");
    test_paged(4, "Sv48");
    test_paged(5, "Sv57");
    set_group("");
}
