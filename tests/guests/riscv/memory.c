/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loads, stores and atomics of every size, place and encoding, against a byte-by-byte model. Prints
 * checksums that must not depend on how the simulator maps its pages.
 */
#include "runtime.h"

#define BUFFER (8 * PAGE_SIZE)

static uint8_t buffer[BUFFER] __attribute__((aligned(4096)));
static uint8_t shadow[BUFFER] __attribute__((aligned(4096)));
static uint64_t checksum = 0xcbf29ce484222325;

static uint64_t random_state = 88172645463325252UL;

static uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void mix(uint64_t value)
{
    checksum = (checksum ^ value) * 0x100000001b3;
    checksum ^= checksum >> 29;
}

static void put_checksum(const char *name)
{
    for (size_t i = 0; i < BUFFER; i += 8)
        mix(*(uint64_t *)&buffer[i]);
    put_string("checksum ");
    put_string(name);
    put_char(' ');
    put_hex(checksum);
    put_char('\n');
}

/* The model: one byte at a time. */
static uint64_t model_load(const uint8_t *memory, size_t at, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = size; i--;)
        value = value << 8 | ((const volatile uint8_t *)memory)[at + i];
    return value;
}

static void model_store(uint8_t *memory, size_t at, unsigned size, uint64_t value)
{
    for (unsigned i = 0; i < size; i++, value >>= 8)
        ((volatile uint8_t *)memory)[at + i] = (uint8_t)value;
}

static uint64_t sign_extend(uint64_t value, unsigned size)
{
    unsigned shift = 64 - 8 * size;
    return (uint64_t)((int64_t)(value << shift) >> shift);
}

typedef uint64_t access_function(void *address, uint64_t value);

static uint64_t access(const char *stub, const void *address, uint64_t value)
{
    return ((access_function *)(uintptr_t)stub)((void *)(uintptr_t)address, value);
}

struct access_case {
    const char *name, *stub;
    unsigned size;
    bool store, is_signed, fp;
};

static const struct access_case accesses[] = {
    {"lb", stub_lb, 1, false, true, false},      {"lbu", stub_lbu, 1, false, false, false},
    {"lh", stub_lh, 2, false, true, false},      {"lhu", stub_lhu, 2, false, false, false},
    {"lw", stub_lw, 4, false, true, false},      {"lwu", stub_lwu, 4, false, false, false},
    {"ld", stub_ld, 8, false, false, false},     {"c.lw", stub_c_lw, 4, false, true, false},
    {"c.ld", stub_c_ld, 8, false, false, false}, {"flw", stub_flw, 4, false, true, true},
    {"fld", stub_fld, 8, false, false, true},    {"c.fld", stub_c_fld, 8, false, false, true},
    {"sb", stub_sb, 1, true, false, false},      {"sh", stub_sh, 2, true, false, false},
    {"sw", stub_sw, 4, true, false, false},      {"sd", stub_sd, 8, true, false, false},
    {"c.sw", stub_c_sw, 4, true, false, false},  {"c.sd", stub_c_sd, 8, true, false, false},
    {"fsw", stub_fsw, 4, true, false, true},     {"fsd", stub_fsd, 8, true, false, true},
    {"c.fsd", stub_c_fsd, 8, true, false, true},
};
#define ACCESSES (sizeof(accesses) / sizeof(*accesses))

/* One access, checked against the model in shadow. */
static bool do_access(const struct access_case *c, size_t at, uint64_t value)
{
    if (c->store) {
        if (c->fp)
            __asm__ volatile("fmv.d.x fa0, %0" : : "r"(value) : "fa0");
        access(c->stub, &buffer[at], value);
        model_store(shadow, at, c->size, value);
        return model_load(buffer, at, c->size) == model_load(shadow, at, c->size);
    }
    uint64_t want = model_load(shadow, at, c->size);
    if (c->is_signed)
        want = sign_extend(want, c->size);
    uint64_t got = access(c->stub, &buffer[at], value);
    mix(got);
    return got == want;
}

static bool same(void)
{
    for (size_t i = 0; i < BUFFER; i++)
        if (((volatile uint8_t *)buffer)[i] != shadow[i])
            return false;
    return true;
}

static void refill(void)
{
    for (size_t i = 0; i < BUFFER; i++)
        buffer[i] = shadow[i] = (uint8_t)(random_next() >> 24);
}

static bool trap_seen;

static bool misaligned_hook(struct hart *hart)
{
    uint64_t cause = hart->frame.cause;
    if (cause != CAUSE_LOAD_MISALIGNED && cause != CAUSE_STORE_MISALIGNED)
        return false;
    trap_seen = true;
    hart->frame.epc += (*(const uint16_t *)hart->frame.epc & 3) == 3 ? 4 : 2;
    return true;
}

/* Whether plain misaligned accesses work; an implementation may trap. */
static bool misaligned_works(void)
{
    this_hart()->hook = misaligned_hook;
    trap_seen = false;
    access(stub_ld, buffer + 1, 0);
    access(stub_sd, buffer + PAGE_SIZE - 3, 0);
    this_hart()->hook = 0;
    return !trap_seen;
}

static void test_accesses(bool misaligned)
{
    set_group("aligned");
    refill();
    for (size_t n = 0; n < ACCESSES; n++) {
        bool ok = true;
        for (size_t at = 0; at < 2 * PAGE_SIZE; at += accesses[n].size)
            if (at % 512 < 64 || at % PAGE_SIZE > PAGE_SIZE - 64)
                ok = ok && do_access(&accesses[n], at, random_next());
        check(accesses[n].name, ok);
    }
    check("nothing else changed", same());

    set_group("misaligned");
    if (!misaligned) {
        skip("this hart traps on misaligned accesses");
        return;
    }
    refill();
    for (size_t n = 0; n < ACCESSES; n++) {
        bool inside = true, across = true;
        for (size_t at = 1; at < 129; at++)
            inside = inside && do_access(&accesses[n], at, random_next());
        for (size_t at = 2 * PAGE_SIZE - 9; at < 2 * PAGE_SIZE + 9; at++)
            across = across && do_access(&accesses[n], at, random_next());
        check(accesses[n].name, inside);
        if (accesses[n].size > 1) {
            set_group("across pages");
            check(accesses[n].name, across);
            set_group("misaligned");
        }
    }
    check("nothing else changed", same());
}

static void test_random_stream(bool misaligned)
{
    set_group("random stream");
    refill();
    bool ok = true;
    for (unsigned i = 0; i < 50000; i++) {
        const struct access_case *c = &accesses[random_next() % ACCESSES];
        size_t at = random_next() % (BUFFER - 8);
        if (!misaligned || random_next() % 4)
            at &= ~(size_t)(c->size - 1);
        ok = do_access(c, at, random_next()) && ok;
    }
    check("50000 accesses", ok);
    check("memory as the model", same());
    put_checksum("random stream");
}

/* --- atomics --- */

#define AMO(name, suffix)                                                \
    static uint64_t amo_##name##_##suffix(void *address, uint64_t value) \
    {                                                                    \
        uint64_t old;                                                    \
        __asm__ volatile("amo" #name "." #suffix " %0, %2, (%1)"         \
                         : "=&r"(old)                                    \
                         : "r"(address), "r"(value)                      \
                         : "memory");                                    \
        return old;                                                      \
    }
#define AMO_BOTH(name) AMO(name, w) AMO(name, d)
AMO_BOTH(swap)
AMO_BOTH(add)
AMO_BOTH(xor)
AMO_BOTH(and)
AMO_BOTH(or)
AMO_BOTH(min)
AMO_BOTH(max)
AMO_BOTH(minu)
AMO_BOTH(maxu)

enum amo_kind {
    SWAP,
    ADD,
    XOR,
    AND,
    OR,
    MIN,
    MAX,
    MINU,
    MAXU
};

static uint64_t amo_model(enum amo_kind kind, uint64_t a, uint64_t b)
{
    switch (kind) {
    case SWAP:
        return b;
    case ADD:
        return a + b;
    case XOR:
        return a ^ b;
    case AND:
        return a & b;
    case OR:
        return a | b;
    case MIN:
        return (int64_t)a < (int64_t)b ? a : b;
    case MAX:
        return (int64_t)a > (int64_t)b ? a : b;
    case MINU:
        return a < b ? a : b;
    case MAXU:
        return a > b ? a : b;
    }
    return 0;
}

static void test_amo(void)
{
    static const struct {
        const char *name;
        access_function *w, *d;
    } ops[] = {
        [SWAP] = {"amoswap", amo_swap_w, amo_swap_d}, [ADD] = {"amoadd", amo_add_w, amo_add_d},
        [XOR] = {"amoxor", amo_xor_w, amo_xor_d},     [AND] = {"amoand", amo_and_w, amo_and_d},
        [OR] = {"amoor", amo_or_w, amo_or_d},         [MIN] = {"amomin", amo_min_w, amo_min_d},
        [MAX] = {"amomax", amo_max_w, amo_max_d},     [MINU] = {"amominu", amo_minu_w, amo_minu_d},
        [MAXU] = {"amomaxu", amo_maxu_w, amo_maxu_d},
    };
    static const uint64_t values[] = {
        0,
        1,
        ~0UL,
        0x7fffffff,
        0x80000000,
        0xffffffff,
        0x100000000,
        0x7fffffffffffffff,
        0x8000000000000000,
        0xffffffff80000000,
        0x123456789abcdef0,
    };
    const unsigned count = sizeof(values) / sizeof(*values);

    for (unsigned op = 0; op < 9; op++) {
        bool word = true, dword = true;
        for (unsigned n = 0; n < count * count; n++) {
            uint64_t a = values[n / count], b = values[n % count];
            uint64_t *cell = (uint64_t *)&buffer[(n % 7) * PAGE_SIZE + 8 * n];
            *cell = a;
            uint64_t old = ops[op].d(cell, b);
            dword = dword && old == a && *cell == amo_model((enum amo_kind)op, a, b);
            mix(*cell);

            for (unsigned half = 0; half < 2; half++) {
                *cell = 0x5555555555555555;
                ((uint32_t *)cell)[half] = (uint32_t)a;
                old = ops[op].w((uint32_t *)cell + half, b);
                /* Operands as signed words: right for min and max, and no matter for the others. */
                uint64_t x = sign_extend(a, 4), y = sign_extend(b, 4);
                uint32_t want = (uint32_t)amo_model((enum amo_kind)op, x, y);
                if (op == MINU || op == MAXU)
                    want = (uint32_t)amo_model((enum amo_kind)op, (uint32_t)a, (uint32_t)b);
                word = word && old == x && ((uint32_t *)cell)[half] == want &&
                       ((uint32_t *)cell)[!half] == 0x55555555;
                mix(*cell);
            }
        }
        set_group("w");
        check(ops[op].name, word);
        set_group("d");
        check(ops[op].name, dword);
    }
    set_group("");
    put_checksum("atomics");
}

static uint64_t lr_sc(bool word, void *lr_at, void *sc_at, uint64_t value, uint64_t *loaded)
{
    uint64_t old, failed;
    if (word)
        __asm__ volatile(".balign 64\n lr.w %0, (%2)\n sc.w %1, %4, (%3)"
                         : "=&r"(old), "=&r"(failed)
                         : "r"(lr_at), "r"(sc_at), "r"(value)
                         : "memory");
    else
        __asm__ volatile(".balign 64\n lr.d %0, (%2)\n sc.d %1, %4, (%3)"
                         : "=&r"(old), "=&r"(failed)
                         : "r"(lr_at), "r"(sc_at), "r"(value)
                         : "memory");
    *loaded = old;
    return failed;
}

/* Constrained LR/SC loops succeed in the end; a single one may fail, so each is tried a few times.
 */
static void test_lr_sc(void)
{
    uint64_t *cell = (uint64_t *)&buffer[3 * PAGE_SIZE + 64], loaded = 0, failed = 1;

    set_group("lr/sc");
    *cell = 0x11223344aabbccdd;
    for (unsigned i = 0; failed && i < 100; i++)
        failed = lr_sc(false, cell, cell, 0x99, &loaded);
    check("d succeeds", !failed && loaded == 0x11223344aabbccdd && *cell == 0x99);
    *cell = 0x11223344aabbccdd;
    failed = 1;
    for (unsigned i = 0; failed && i < 100; i++)
        failed = lr_sc(true, cell, cell, 0x88, &loaded);
    check("w succeeds, sign-extended",
          !failed && loaded == 0xffffffffaabbccdd && *cell == 0x1122334400000088);
    *cell = 5;
    failed = access(stub_sc_d, cell, 6);
    check("sc.d without reservation fails", failed && *cell == 5);
    lr_sc(false, cell, cell, 7, &loaded);
    failed = access(stub_sc_d, cell, 8);
    check("second sc.d fails", failed && *cell == 7);
    /* The first SC is to another address; it must fail, and use up the reservation. */
    cell[512] = 1;
    failed = lr_sc(false, cell, &cell[512], 2, &loaded);
    check("sc.d to another page fails", failed && cell[512] == 1);
    failed = access(stub_sc_d, cell, 9);
    check("and the reservation is gone", failed && *cell == 7);
    uint64_t sum = 0;
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t *counter = (uint64_t *)&buffer[(i % 5) * PAGE_SIZE + 8];
        uint64_t value, tmp;
        __asm__ volatile("1: lr.d %0, (%2)\n"
                         "   add %1, %0, %3\n"
                         "   sc.d %1, %1, (%2)\n"
                         "   bnez %1, 1b"
                         : "=&r"(value), "=&r"(tmp)
                         : "r"(counter), "r"(i)
                         : "memory");
        sum += *counter - value;
    }
    check_equal("1000 additions", sum, 499500);
    set_group("");
}

/* --- floating point and compressed forms --- */

static void test_encodings(void)
{
    uint64_t *cell = (uint64_t *)&buffer[PAGE_SIZE];
    uint64_t a, b, c, d;

    set_group("fp");
    static const uint64_t patterns[] = {0x7ff4000000000001, 0xfff8000000000000, 1,
                                        1UL << 63,          0x3ff0000000000000, 0x7ff0000000000000};
    bool exact = true;
    for (unsigned i = 0; i < 6; i++) {
        cell[0] = patterns[i];
        __asm__ volatile("fld fa0, 0(%0)\n fsd fa0, 8(%0)" : : "r"(cell) : "fa0", "memory");
        exact = exact && cell[1] == patterns[i];
    }
    check("fld, fsd keep all bits, signalling NaNs too", exact);
    cell[0] = 0x123456787fa00001;
    __asm__ volatile("flw fa0, 0(%1)\n fmv.x.d %0, fa0\n fsw fa0, 12(%1)\n"
                     : "=&r"(a)
                     : "r"(cell)
                     : "fa0", "memory");
    check_equal("flw boxes with ones", a, 0xffffffff7fa00001);
    check_equal("fsw keeps the word", (uint32_t)(cell[1] >> 32), 0x7fa00001);
    __asm__ volatile("fcvt.d.l fa0, %1\n fcvt.d.l fa1, %2\n fdiv.d fa0, fa0, fa1\n fsd fa0, 0(%3)\n"
                     "fmv.x.d %0, fa0"
                     : "=&r"(a)
                     : "r"(1L), "r"(3L), "r"(cell)
                     : "fa0", "fa1", "memory");
    check("1.0 / 3.0", a == 0x3fd5555555555555 && cell[0] == a);

    set_group("compressed");
    __asm__ volatile(".option push\n"
                     ".option rvc\n"
                     "mv t0, sp\n"
                     "mv sp, %4\n"
                     "li t1, 0x1234\n"
                     "c.swsp t1, 252(sp)\n"
                     "li t1, -2\n"
                     "c.sdsp t1, 504(sp)\n"
                     "fmv.d.x fa1, t1\n"
                     "c.fsdsp fa1, 496(sp)\n"
                     "c.lwsp %0, 252(sp)\n"
                     "c.ldsp %1, 504(sp)\n"
                     "c.fldsp fa0, 496(sp)\n"
                     "fmv.x.d %2, fa0\n"
                     "c.addi16sp sp, 496\n"
                     "mv %3, sp\n"
                     "mv sp, t0\n"
                     ".option pop"
                     : "=&r"(a), "=&r"(b), "=&r"(c), "=&r"(d)
                     : "r"(buffer + 2 * PAGE_SIZE)
                     : "t0", "t1", "fa0", "fa1", "memory");
    check("stack-pointer forms",
          a == 0x1234 && b == ~1UL && c == ~1UL && d == (uintptr_t)buffer + 2 * PAGE_SIZE + 496);
    for (unsigned i = 0; i < 32; i++)
        cell[i] = i + 1;
    __asm__ volatile(".option push\n"
                     ".option rvc\n"
                     "mv a5, %2\n"
                     "c.ld a4, 248(a5)\n"
                     "c.lw a3, 124(a5)\n"
                     "c.add a4, a3\n"
                     "c.sd a4, 8(a5)\n"
                     "c.sw a4, 4(a5)\n"
                     "mv %0, a4\n"
                     "ld zero, 0(a5)\n"
                     "mv %1, zero\n"
                     ".option pop"
                     : "=&r"(a), "=&r"(b)
                     : "r"(cell)
                     : "a3", "a4", "a5", "memory");
    check("largest offsets", a == 32 && cell[1] == 32 && cell[0] == (1 | 32UL << 32));
    check("load to x0", b == 0);
    put_checksum("encodings");
}

/* --- programs --- */

static void sift(uint64_t *heap, size_t root, size_t count)
{
    for (size_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && heap[child] < heap[child + 1])
            child++;
        if (heap[root] >= heap[child])
            return;
        uint64_t t = heap[root];
        heap[root] = heap[child];
        heap[child] = t;
    }
}

__attribute__((noinline)) static uint64_t recurse(uint64_t depth, const uint64_t *above)
{
    volatile uint64_t local[4] = {depth, *above, depth * 3, *above ^ depth};
    if (!depth)
        return local[1];
    uint64_t mine = local[3] + local[2];
    return recurse(depth - 1, &mine) * 31 + local[0];
}

static void test_programs(void)
{
    uint64_t *words = (uint64_t *)buffer;
    const size_t count = BUFFER / 8;

    set_group("programs");
    for (size_t i = 0; i < count; i++)
        words[i] = random_next();
    uint64_t before = 0, after = 0;
    for (size_t i = 0; i < count; i++)
        before += words[i];
    for (size_t i = count / 2; i--;)
        sift(words, i, count);
    for (size_t n = count; --n;) {
        uint64_t t = words[0];
        words[0] = words[n];
        words[n] = t;
        sift(words, 0, n);
    }
    bool sorted = true;
    for (size_t i = 0; i < count; i++) {
        after += words[i];
        sorted = sorted && (!i || words[i - 1] <= words[i]);
    }
    check("heap sort", sorted && before == after);
    put_checksum("heap sort");

    /* A cycle through all words in a scrambled order: dependent loads. */
    for (size_t i = 0; i < count; i++)
        words[(i * 2897) % count] = (uintptr_t)&words[((i + 1) * 2897) % count];
    uint64_t *p = words;
    for (size_t i = 0; i < 4 * count; i++)
        p = (uint64_t *)*p;
    check("pointer chase comes home", p == words);

    for (size_t i = 0; i < BUFFER; i++)
        buffer[i] = shadow[i] = (uint8_t)(i * 7 + (i >> 8));
    for (unsigned round = 0; round < 20; round++) {
        size_t from = random_next() % (BUFFER / 2), to = random_next() % (BUFFER / 2),
               size = random_next() % (BUFFER / 4);
        copy(buffer + to, buffer + from, size);
        for (size_t i = 0; i < size; i++)
            ((volatile uint8_t *)shadow)[to + i] = shadow[from + i];
    }
    check("overlapping copies", same());
    uint64_t seed = 42;
    mix(recurse(100, &seed));
    put_checksum("programs");
}

/* The checksum of a correct run: found with QEMU, equal on any machine where misaligned accesses
 * work. */
#define EXPECTED 0xeb833bd75b6fc1daUL

void guest_main(void)
{
    bool misaligned = misaligned_works();
    test_accesses(misaligned);
    test_random_stream(misaligned);
    test_amo();
    test_lr_sc();
    test_encodings();
    test_programs();
    set_group("");
    if (misaligned)
        check_equal("checksum of the whole run", checksum, EXPECTED);
}
