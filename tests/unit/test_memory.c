/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "mem/memory.h"

#define PAGE  0x1000u
#define ROM   UINT64_C(0x1000) /* 2 pages */
#define NEAR  UINT64_C(0x3000) /* RAM right behind the ROM, 1 page */
#define UART  UINT64_C(0x4000) /* a device right behind that, 1 page */
#define LOW   UINT64_C(0x80000000)
#define HIGH  (LOW + 4 * PAGE) /* adjacent to LOW */
#define END   (HIGH + 4 * PAGE)
#define LAST  (UINT64_MAX - PAGE + 1) /* RAM that ends with the address space */
#define EMPTY UINT64_C(0x40000000)    /* nothing there */

/* ---- A listener that keeps a diary ---- */

enum event_type {
    FIRST_WRITE = 1,
    ACCESS,
    CODE_CHANGED,
};

struct event {
    char who;
    enum event_type type;
    uint64_t gpa;
    unsigned size;
    enum access_kind kind;
    uint64_t value;
    uint8_t image; /* first_write: the byte at `probe` in the pre-image */
    uint8_t now;   /* the same byte of memory, as memory_read() gave it during the call */
};

static struct event events[4096];
static size_t event_count;
static uint64_t probe; /* offset in the page */
static struct memory *mem;

static struct event *add_event(const char *who, enum event_type type, uint64_t gpa)
{
    cr_assert_lt(event_count, sizeof events / sizeof events[0]);
    struct event *event = &events[event_count++];
    *event = (struct event){.who = *who, .type = type, .gpa = gpa};
    return event;
}

static void on_first_write(void *opaque, uint64_t page, const uint8_t *contents)
{
    struct event *event = add_event(opaque, FIRST_WRITE, page);
    event->image = contents[probe];
    cr_assert_eq(memory_read(mem, page + probe, &event->now, 1), 0);
}

static void on_access(void *opaque, uint64_t gpa, unsigned size, enum access_kind kind,
                      uint64_t value)
{
    struct event *event = add_event(opaque, ACCESS, gpa);
    event->size = size;
    event->kind = kind;
    event->value = value;
    cr_assert_eq(memory_read(mem, gpa, &event->now, 1), 0);
}

static void on_code_changed(void *opaque, uint64_t page)
{
    struct event *event = add_event(opaque, CODE_CHANGED, page);
    cr_assert_eq(memory_read(mem, page + probe, &event->now, 1), 0);
}

static void listen_as(char who)
{
    static char names[] = "abc";
    struct memory_listener listener = {.first_write = on_first_write,
                                       .access = on_access,
                                       .code_changed = on_code_changed,
                                       .opaque = &names[who - 'a']};
    cr_assert_eq(memory_listen(mem, &listener), 0);
}

static unsigned count(enum event_type type)
{
    unsigned n = 0;
    for (size_t i = 0; i < event_count; i++)
        n += events[i].type == type;
    return n;
}

static uint64_t device_read(void *opaque, uint64_t offset, unsigned size)
{
    (void)opaque;
    (void)offset;
    (void)size;
    cr_assert_fail("memory must not touch devices");
    return 0;
}

static void device_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    (void)value;
    (void)device_read(opaque, offset, size);
}

static const struct mmio_ops device_ops = {device_read, device_write};

static void set_up(void)
{
    mem = memory_new(12);
    cr_assert_not_null(mem);
    /* In no order. */
    cr_assert_eq(memory_add(mem, "low", LOW, 4 * PAGE, REGION_RAM, false, NULL), 0);
    cr_assert_eq(memory_add(mem, "rom", ROM, 2 * PAGE, REGION_ROM, false, NULL), 0);
    cr_assert_eq(memory_add(mem, "last", LAST, PAGE, REGION_RAM, false, NULL), 0);
    cr_assert_eq(memory_add(mem, "high", HIGH, 4 * PAGE, REGION_RAM, true, NULL), 0);
    cr_assert_eq(memory_add(mem, "near", NEAR, PAGE, REGION_RAM, false, NULL), 0);
    cr_assert_eq(memory_add_device(mem, "uart", UART, PAGE, &device_ops, &mem, NULL), 0);
    event_count = 0;
    probe = 0;
}

static void tear_down(void)
{
    memory_free(mem);
}

TestSuite(memory, .init = set_up, .fini = tear_down);

static void store(uint64_t gpa, uint8_t byte)
{
    cr_assert_eq(memory_write(mem, gpa, &byte, 1), 0);
}

static uint8_t load(uint64_t gpa)
{
    uint8_t byte;
    cr_assert_eq(memory_read(mem, gpa, &byte, 1), 0);
    return byte;
}

static uint64_t withdrawals(void)
{
    return *memory_withdrawals(mem);
}

/* ---- Regions ---- */

Test(memory, page_sizes)
{
    static const unsigned refused[] = {0, 9, 17, 63, 64, UINT32_MAX};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        cr_assert_null(memory_new(refused[i]), "%u bits", refused[i]);
    for (unsigned bits = 10; bits <= 16; bits++) {
        struct memory *other = memory_new(bits);
        cr_assert_not_null(other);
        cr_assert_eq(memory_page_bits(other), bits);
        cr_assert_eq(memory_page_size(other), UINT64_C(1) << bits);
        uint64_t size = memory_page_size(other);
        cr_assert_eq(memory_add(other, "a", size, size, REGION_RAM, false, NULL), 0);
        cr_assert_eq(memory_add(other, "b", 3 * size, size / 2, REGION_RAM, false, NULL), -1);
        cr_assert_eq(memory_add(other, "c", 3 * size + size / 2, size, REGION_RAM, false, NULL),
                     -1);
        memory_free(other);
    }
    memory_free(NULL);
}

Test(memory, regions_are_sorted_and_described)
{
    static const struct {
        const char *name;
        uint64_t base, pages;
        enum region_kind kind;
        bool nonvolatile;
    } expected[] = {
        {"rom", ROM, 2, REGION_ROM, false},      {"near", NEAR, 1, REGION_RAM, false},
        {"uart", UART, 1, REGION_DEVICE, false}, {"low", LOW, 4, REGION_RAM, false},
        {"high", HIGH, 4, REGION_RAM, true},     {"last", LAST, 1, REGION_RAM, false},
    };
    size_t n = sizeof expected / sizeof expected[0];
    cr_assert_eq(memory_region_count(mem), n);
    for (size_t i = 0; i < n; i++) {
        const struct region *region = memory_region(mem, i);
        cr_assert_str_eq(region->name, expected[i].name);
        cr_assert_eq(region->base, expected[i].base);
        cr_assert_eq(region->size, expected[i].pages * PAGE);
        cr_assert_eq(region->kind, expected[i].kind);
        cr_assert_eq(region->nonvolatile, expected[i].nonvolatile);
        bool device = region->kind == REGION_DEVICE;
        cr_assert_eq(region->host != NULL, !device);
        cr_assert_eq(region->ops, device ? &device_ops : NULL);
        cr_assert_eq(region->opaque, device ? &mem : NULL);
        for (uint64_t at = 0; !device && at < region->size; at++)
            cr_assert_eq(region->host[at], 0);
        cr_assert_eq(memory_find(mem, region->base), region);
        cr_assert_eq(memory_find(mem, region->base + region->size - 1), region);
    }
    static const uint64_t nowhere[] = {0, ROM - 1, UART + PAGE, EMPTY, LOW - 1, END, LAST - 1};
    for (size_t i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++)
        cr_assert_null(memory_find(mem, nowhere[i]), "0x%lx", nowhere[i]);
}

Test(memory, regions_that_are_refused)
{
    static const struct {
        uint64_t base, size;
        const char *says;
    } table[] = {
        {LOW, PAGE, "overlaps \"low\""},
        {LOW - PAGE, 2 * PAGE, "overlaps \"low\""},
        {LOW - PAGE, 64 * PAGE, "overlaps \"low\""},
        {LOW + 3 * PAGE, 2 * PAGE, "overlaps"},
        {HIGH + 3 * PAGE, 2 * PAGE, "overlaps \"high\""},
        {UART, PAGE, "overlaps \"uart\""},
        {LAST, PAGE, "overlaps \"last\""},
        {EMPTY, 0, "in pages of 4096"},
        {EMPTY + 1, PAGE, "in pages of 4096"},
        {EMPTY + PAGE / 2, PAGE, "in pages of 4096"},
        {EMPTY, PAGE + 8, "in pages of 4096"},
        {EMPTY, 1, "in pages of 4096"},
        {LAST, 2 * PAGE, "wrap around"},
        {UINT64_MAX, PAGE, "in pages of 4096"},
        {0, UINT64_MAX, ""},
        {EMPTY, UINT64_MAX - PAGE + 1, ""},
        {PAGE, UINT64_MAX - PAGE + 1, ""},
        {EMPTY, UINT64_C(1) << 62, ""},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct error err = {""};
        cr_assert_eq(memory_add(mem, "new", table[i].base, table[i].size, REGION_RAM, false, &err),
                     -1, "entry %zu", i);
        cr_assert_not_null(strstr(err.text, table[i].says), "entry %zu: %s", i, err.text);
        cr_assert_not_null(strstr(err.text, "\"new\""), "entry %zu: %s", i, err.text);
        if (*table[i].says) /* a device needs no host memory */
            cr_assert_eq(memory_add_device(mem, "new", table[i].base, table[i].size, &device_ops,
                                           NULL, NULL),
                         -1, "entry %zu", i);
        cr_assert_eq(memory_region_count(mem), 6, "entry %zu", i);
    }
}

Test(memory, long_names_are_cut)
{
    char name[200];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = 0;
    cr_assert_eq(memory_add(mem, name, EMPTY, PAGE, REGION_RAM, false, NULL), 0);
    const struct region *region = memory_find(mem, EMPTY);
    cr_assert_eq(strlen(region->name), sizeof region->name - 1);
    cr_assert_eq(strspn(region->name, "n"), sizeof region->name - 1);
}

Test(memory, many_regions_are_found)
{
    for (unsigned i = 0; i < 100; i++) /* 37 and 100 have no common factor: any order */
        cr_assert_eq(
            memory_add(mem, "x", EMPTY + (i * 37 % 100) * 2 * PAGE, PAGE, REGION_RAM, false, NULL),
            0);
    for (unsigned i = 0; i < 100; i++) {
        uint64_t base = EMPTY + i * 2 * PAGE;
        cr_assert_eq(memory_find(mem, base + PAGE - 1)->base, base);
        cr_assert_null(memory_find(mem, base + PAGE));
        store(base + 5, (uint8_t)i);
    }
    for (unsigned i = 0; i < 100; i++)
        cr_assert_eq(load(EMPTY + i * 2 * PAGE + 5), i);
}

/* ---- Copies ---- */

Test(memory, copies_span_regions)
{
    uint8_t in[3 * PAGE], out[3 * PAGE];
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(i * 7 + i / 256);
    uint64_t at = HIGH - PAGE - 100;
    cr_assert_eq(memory_write(mem, at, in, sizeof in), 0);
    cr_assert_eq(memory_read(mem, at, out, sizeof out), 0);
    cr_assert_arr_eq(in, out, sizeof in);
    cr_assert_arr_eq(memory_find(mem, HIGH)->host, in + PAGE + 100, 2 * PAGE - 100);
    cr_assert_eq(load(at - 1), 0);
    cr_assert_eq(load(at + sizeof in), 0);

    memset(out, 0, sizeof out); /* ROM and the RAM behind it */
    cr_assert_eq(memory_load(mem, ROM + 10, in, 3 * PAGE - 10), 0);
    cr_assert_eq(memory_read(mem, ROM + 10, out, 3 * PAGE - 10), 0);
    cr_assert_arr_eq(in, out, 3 * PAGE - 10);
    cr_assert_eq(load(ROM + 9), 0);
}

Test(memory, copies_reach_the_end_of_the_address_space)
{
    uint8_t in[16] = "0123456789abcde", out[16] = {0};
    cr_assert_eq(memory_write(mem, UINT64_MAX - 15, in, 16), 0);
    cr_assert_eq(memory_read(mem, UINT64_MAX - 15, out, 16), 0);
    cr_assert_arr_eq(in, out, 16);
    cr_assert_eq(memory_load(mem, UINT64_MAX, in, 1), 0);
    cr_assert_eq(load(UINT64_MAX), '0');

    /* One byte more would be address 0, whether there is memory or not. */
    cr_assert_eq(memory_add(mem, "zero", 0, PAGE, REGION_RAM, false, NULL), 0);
    cr_assert_eq(memory_write(mem, UINT64_MAX - 14, in, 16), -1);
    cr_assert_eq(memory_read(mem, UINT64_MAX - 14, out, 16), -1);
    cr_assert_eq(memory_load(mem, UINT64_MAX - 14, in, 16), -1);
    cr_assert_eq(load(0), 0);
    cr_assert_null(memory_host(mem, UINT64_MAX - 14, 16));
    cr_assert_not_null(memory_host(mem, UINT64_MAX - 15, 16));
}

Test(memory, copies_are_all_or_nothing)
{
    static const struct {
        uint64_t gpa, length;
        bool read, write, load; /* which succeed */
    } table[] = {
        {LOW, 1, true, true, true},
        {LOW - 1, 2, false, false, false},
        {LOW - 1, 1, false, false, false},
        {END - 1, 1, true, true, true},
        {END - 1, 2, false, false, false},
        {END, 1, false, false, false},
        {LOW, 8 * PAGE, true, true, true},
        {LOW, 8 * PAGE + 1, false, false, false},
        {ROM, 1, true, false, true},
        {NEAR - 1, 2, true, false, true},
        {NEAR, 1, true, true, true},
        {NEAR, PAGE, true, true, true},
        {NEAR, PAGE + 1, false, false, false},
        {NEAR - 1, PAGE + 2, false, false, false},
        {UART, 1, false, false, false},
        {UART - 1, 2, false, false, false},
        {EMPTY, 8, false, false, false},
        {LOW, UINT64_MAX, false, false, false},
        {LAST, UINT64_MAX, false, false, false},
        {0, UINT64_MAX, false, false, false},
        {UINT64_MAX, UINT64_MAX, false, false, false},
        {ROM, UINT64_MAX - ROM + 1, false, false, false},
    };
    static uint8_t buffer[8 * PAGE + 8];
    listen_as('a');
    memory_arm_all(mem);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        uint8_t before[MEMORY_DIGEST_SIZE], after[MEMORY_DIGEST_SIZE];
        memory_digest(mem, before);
        memset(buffer, 0x5a, sizeof buffer);
        cr_assert_eq(memory_read(mem, table[i].gpa, buffer, table[i].length),
                     table[i].read ? 0 : -1, "entry %zu", i);
        for (size_t b = 0; !table[i].read && b < sizeof buffer; b++)
            cr_assert_eq(buffer[b], 0x5a, "entry %zu", i);
        memset(buffer, (int)(0x60 + i), sizeof buffer);
        event_count = 0;
        if (!table[i].write) {
            cr_assert_eq(memory_write(mem, table[i].gpa, buffer, table[i].length), -1);
            cr_assert_eq(event_count, 0, "entry %zu: announced a write that failed", i);
        }
        if (!table[i].load)
            cr_assert_eq(memory_load(mem, table[i].gpa, buffer, table[i].length), -1);
        memory_digest(mem, after);
        cr_assert_arr_eq(before, after, sizeof after, "entry %zu", i);
        if (table[i].write) {
            cr_assert_eq(memory_write(mem, table[i].gpa, buffer, table[i].length), 0);
            cr_assert_eq(load(table[i].gpa + table[i].length - 1), 0x60 + i);
        }
        if (table[i].load) {
            memset(buffer, (int)(0xa0 + i), sizeof buffer);
            cr_assert_eq(memory_load(mem, table[i].gpa, buffer, table[i].length), 0);
            cr_assert_eq(load(table[i].gpa), 0xa0 + i);
            cr_assert_eq(load(table[i].gpa + table[i].length - 1), 0xa0 + i);
        }
    }
}

Test(memory, nothing_can_be_copied_anywhere)
{
    listen_as('a');
    memory_arm_all(mem);
    static const uint64_t places[] = {0, LOW, ROM, UART, EMPTY, UINT64_MAX};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        cr_assert_eq(memory_read(mem, places[i], NULL, 0), 0);
        cr_assert_eq(memory_write(mem, places[i], NULL, 0), 0);
        cr_assert_eq(memory_load(mem, places[i], NULL, 0), 0);
    }
    cr_assert_eq(event_count, 0);
    uint64_t moved = withdrawals();
    memory_set_state(mem, LOW, 0, PAGE_PRECISE);
    cr_assert_eq(memory_state(mem, LOW), PAGE_ARMED);
    cr_assert_eq(withdrawals(), moved);
}

Test(memory, host_addresses)
{
    const struct region *low = memory_find(mem, LOW), *rom = memory_find(mem, ROM);
    cr_assert_eq(memory_host(mem, LOW, 1), low->host);
    cr_assert_eq(memory_host(mem, LOW, 4 * PAGE), low->host);
    cr_assert_eq(memory_host(mem, LOW + 7, 4 * PAGE - 7), low->host + 7);
    cr_assert_eq(memory_host(mem, HIGH - 1, 1), low->host + 4 * PAGE - 1);
    cr_assert_eq(memory_host(mem, ROM + 1, 2 * PAGE - 1), rom->host + 1);
    cr_assert_eq(memory_host(mem, LOW + 3, 0), low->host + 3);
    static const struct {
        uint64_t gpa, length;
    } none[] = {
        {LOW, 4 * PAGE + 1},     {HIGH - 1, 2}, {LOW - 1, 1},    {LOW + 1, UINT64_MAX},
        {LOW + 8, 4 * PAGE - 7}, {UART, 1},     {EMPTY, 1},      {LAST + 1, PAGE},
        {LAST, UINT64_MAX},      {END, 1},      {UINT64_MAX, 2}, {0, 0},
    };
    for (unsigned warm = 0; warm < 2; warm++) { /* whatever was looked up before */
        for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
            cr_assert_null(memory_host(mem, none[i].gpa, none[i].length), "entry %zu", i);
        memory_translate(mem, LOW, ACCESS_READ, false);
    }
    cr_assert_eq(memory_host(mem, LOW + PAGE, 8), low->host + PAGE);
    cr_assert_eq(memory_host(mem, HIGH, 8), memory_find(mem, HIGH)->host);
}

/* ---- Page states ---- */

Test(memory, pages_begin_open)
{
    listen_as('a');
    for (uint64_t gpa = LOW; gpa < END; gpa += PAGE)
        cr_assert_eq(memory_state(mem, gpa), PAGE_OPEN);
    store(LOW, 1);
    memory_translate(mem, LOW + PAGE, ACCESS_WRITE, true);
    cr_assert_eq(event_count, 0);
}

Test(memory, state_of_a_range)
{
    /* The pages that the range touches, no more. */
    memory_set_state(mem, LOW + PAGE + 5, PAGE, PAGE_ARMED);
    memory_set_state(mem, HIGH + PAGE - 1, 2, PAGE_PRECISE);
    static const enum page_state expected[8] = {
        PAGE_OPEN,    PAGE_ARMED,   PAGE_ARMED, PAGE_OPEN,
        PAGE_PRECISE, PAGE_PRECISE, PAGE_OPEN,  PAGE_OPEN,
    };
    for (unsigned i = 0; i < 8; i++) {
        cr_assert_eq(memory_state(mem, LOW + i * PAGE), expected[i], "page %u", i);
        cr_assert_eq(memory_state(mem, LOW + i * PAGE + PAGE - 1), expected[i], "page %u", i);
    }
    /* Over a border between regions. */
    memory_set_state(mem, HIGH - 1, 2, PAGE_ARMED);
    cr_assert_eq(memory_state(mem, LOW + 3 * PAGE), PAGE_ARMED);
    cr_assert_eq(memory_state(mem, HIGH), PAGE_ARMED);
    cr_assert_eq(memory_state(mem, HIGH + PAGE), PAGE_PRECISE);
    memory_set_state(mem, HIGH - 1, 1, PAGE_OPEN);
    cr_assert_eq(memory_state(mem, HIGH - 1), PAGE_OPEN);
    cr_assert_eq(memory_state(mem, HIGH), PAGE_ARMED);
}

Test(memory, states_of_hostile_ranges)
{
    memory_set_state(mem, 0, UINT64_MAX, PAGE_PRECISE);
    for (uint64_t gpa = LOW; gpa < END; gpa += PAGE)
        cr_assert_eq(memory_state(mem, gpa), PAGE_PRECISE);
    cr_assert_eq(memory_state(mem, LAST), PAGE_PRECISE);
    cr_assert_eq(memory_state(mem, NEAR), PAGE_PRECISE);
    static const uint64_t others[] = {UART, EMPTY, 0, LOW - 1, END};
    cr_assert_eq(memory_state(mem, ROM), PAGE_PRECISE);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        cr_assert_eq(memory_state(mem, others[i]), PAGE_OPEN);

    memory_set_state(mem, HIGH, UINT64_MAX, PAGE_ARMED); /* ends with the address space */
    cr_assert_eq(memory_state(mem, HIGH - 1), PAGE_PRECISE);
    cr_assert_eq(memory_state(mem, HIGH), PAGE_ARMED);
    cr_assert_eq(memory_state(mem, LAST), PAGE_ARMED);
    cr_assert_eq(memory_state(mem, NEAR), PAGE_PRECISE);
    memory_set_state(mem, UINT64_MAX, 1, PAGE_OPEN);
    cr_assert_eq(memory_state(mem, LAST), PAGE_OPEN);
    memory_set_state(mem, LAST, PAGE, PAGE_ARMED);
    cr_assert_eq(memory_state(mem, UINT64_MAX), PAGE_ARMED);
    memory_set_state(mem, EMPTY, PAGE, PAGE_ARMED);
    memory_set_state(mem, UINT64_MAX, UINT64_MAX, PAGE_OPEN);
    cr_assert_eq(memory_state(mem, UINT64_MAX), PAGE_OPEN);
}

Test(memory, arm_all_spares_precise_pages)
{
    memory_set_state(mem, LOW, PAGE, PAGE_PRECISE);
    uint64_t moved = withdrawals();
    memory_arm_all(mem);
    cr_assert_eq(withdrawals(), moved + 1);
    cr_assert_eq(memory_state(mem, LOW), PAGE_PRECISE);
    for (uint64_t gpa = LOW + PAGE; gpa < END; gpa += PAGE)
        cr_assert_eq(memory_state(mem, gpa), PAGE_ARMED);
    cr_assert_eq(memory_state(mem, ROM), PAGE_OPEN);
    cr_assert_eq(memory_state(mem, UART), PAGE_OPEN);
    /* From precise it goes on to what it is told, not to what it was. */
    memory_set_state(mem, LOW, PAGE, PAGE_OPEN);
    cr_assert_eq(memory_state(mem, LOW), PAGE_OPEN);
    memory_arm_all(mem);
    cr_assert_eq(memory_state(mem, LOW), PAGE_ARMED);
    /* Opened one by one. */
    memory_set_state(mem, LOW, 2 * PAGE, PAGE_OPEN);
    cr_assert_eq(memory_state(mem, LOW + PAGE), PAGE_OPEN);
    cr_assert_eq(memory_state(mem, LOW + 2 * PAGE), PAGE_ARMED);
}

Test(memory, arm_all_takes_constant_time)
{
    /* 16 GiB have 4 million pages; a million armings that looked at each would take hours. */
    cr_assert_eq(
        memory_add(mem, "big", UINT64_C(1) << 40, UINT64_C(1) << 34, REGION_RAM, false, NULL), 0);
    for (unsigned i = 0; i < 1000000; i++)
        memory_arm_all(mem);
    cr_assert_eq(memory_state(mem, (UINT64_C(1) << 40) + (UINT64_C(1) << 33)), PAGE_ARMED);
}

Test(memory, withdrawals_move_with_every_change_of_state)
{
    uint64_t before = withdrawals();
    const enum page_state states[] = {PAGE_OPEN, PAGE_ARMED, PAGE_PRECISE};
    for (unsigned from = 0; from < 3; from++) {
        for (unsigned to = 0; to < 3; to++) {
            memory_set_state(mem, LOW, PAGE, states[from]);
            before = withdrawals();
            memory_set_state(mem, LOW, PAGE, states[to]);
            if (from == to)
                cr_assert_eq(withdrawals(), before, "%u to %u", from, to);
            else
                cr_assert_neq(withdrawals(), before, "%u to %u", from, to);
            cr_assert_eq(memory_state(mem, LOW), states[to]);
        }
    }
    memory_set_state(mem, ROM, PAGE, PAGE_PRECISE);
    cr_assert_neq(withdrawals(), before);
    memory_set_state(mem, ROM, PAGE, PAGE_ARMED);
    cr_assert_eq(memory_state(mem, ROM), PAGE_OPEN);
    before = withdrawals();
    memory_set_state(mem, ROM, PAGE, PAGE_ARMED);
    memory_set_state(mem, UART, PAGE, PAGE_PRECISE);
    memory_set_state(mem, EMPTY, PAGE, PAGE_PRECISE);
    cr_assert_eq(withdrawals(), before);
}

Test(memory, withdrawals_stand_still_without_cause)
{
    listen_as('a');
    memory_set_state(mem, LOW, PAGE, PAGE_ARMED);
    memory_set_state(mem, LOW + PAGE, PAGE, PAGE_PRECISE);
    const uint64_t *counter = memory_withdrawals(mem);
    uint64_t before = *counter;
    memory_translate(mem, LOW, ACCESS_READ, true);
    memory_translate(mem, LOW, ACCESS_WRITE, true); /* opens it: gives, takes nothing */
    memory_translate(mem, LOW, ACCESS_WRITE, true);
    memory_translate(mem, LOW + PAGE, ACCESS_WRITE, true);
    memory_translate(mem, LOW + 2 * PAGE, ACCESS_READ, true);
    memory_translate(mem, LOW + 3 * PAGE, ACCESS_FETCH, true);
    memory_translate(mem, LOW + 3 * PAGE, ACCESS_FETCH, true);
    memory_translate(mem, LOW + 3 * PAGE, ACCESS_READ, true);
    memory_translate(mem, ROM, ACCESS_FETCH, true);
    memory_translate(mem, ROM, ACCESS_WRITE, true);
    memory_translate(mem, UART, ACCESS_WRITE, true);
    memory_translate(mem, EMPTY, ACCESS_FETCH, true);
    memory_access(mem, LOW + PAGE, 8, ACCESS_WRITE, 1);
    memory_access(mem, LOW + PAGE, 8, ACCESS_READ, 0);
    store(LOW, 1);
    store(LOW + PAGE, 1);
    (void)load(LOW);
    uint8_t digest[MEMORY_DIGEST_SIZE];
    memory_digest(mem, digest);
    cr_assert_eq(memory_add(mem, "more", EMPTY, PAGE, REGION_RAM, false, NULL), 0);
    cr_assert_eq(*counter, before);
    cr_assert_eq(memory_withdrawals(mem), counter);
}

/* ---- First writes ---- */

Test(memory, the_pre_image_comes_before_the_change)
{
    listen_as('a');
    probe = 77;
    store(LOW + PAGE + 77, 0x11);
    memory_set_state(mem, LOW + PAGE, 1, PAGE_ARMED);
    store(LOW + PAGE + 77, 0x22);
    cr_assert_eq(event_count, 1);
    cr_assert_eq(events[0].type, FIRST_WRITE);
    cr_assert_eq(events[0].gpa, LOW + PAGE);
    cr_assert_eq(events[0].image, 0x11);
    cr_assert_eq(events[0].now, 0x11);
    cr_assert_eq(load(LOW + PAGE + 77), 0x22);

    memory_set_state(mem, LOW + PAGE, 1, PAGE_ARMED);
    event_count = 0;
    struct grant grant = memory_translate(mem, LOW + PAGE + 1234, ACCESS_WRITE, false);
    cr_assert(grant.write && grant.read && !grant.fetch && !grant.precise);
    cr_assert_eq(event_count, 1);
    cr_assert_eq(events[0].type, FIRST_WRITE);
    cr_assert_eq(events[0].gpa, LOW + PAGE);
    cr_assert_eq(events[0].image, 0x22);
}

Test(memory, one_first_write_per_page_and_arm)
{
    listen_as('a');
    for (unsigned round = 1; round <= 5; round++) {
        if (round & 1)
            memory_arm_all(mem);
        else
            memory_set_state(mem, LOW, 8 * PAGE, PAGE_ARMED);
        event_count = 0;
        for (unsigned i = 0; i < 10; i++) {
            cr_assert(memory_translate(mem, LOW, ACCESS_WRITE, true).write);
            store(LOW + i, (uint8_t)i);
            store(HIGH + i, (uint8_t)i);
            cr_assert(memory_translate(mem, HIGH, ACCESS_WRITE, true).write);
        }
        cr_assert_eq(event_count, 2);
        cr_assert_eq(events[0].gpa, LOW);
        cr_assert_eq(events[1].gpa, HIGH);
        cr_assert_eq(memory_state(mem, LOW), PAGE_OPEN);
        cr_assert_eq(memory_state(mem, LOW + PAGE), PAGE_ARMED);
        store(LOW + PAGE, 1);
        cr_assert_eq(event_count, 3);
    }
}

Test(memory, arming_an_armed_page_again_changes_nothing)
{
    listen_as('a');
    memory_set_state(mem, LOW, PAGE, PAGE_ARMED);
    memory_arm_all(mem);
    memory_set_state(mem, LOW, PAGE, PAGE_ARMED);
    store(LOW, 1);
    store(LOW, 2);
    cr_assert_eq(event_count, 1);
    cr_assert_eq(memory_state(mem, LOW), PAGE_OPEN);
}

Test(memory, loads_and_fetches_are_no_first_writes)
{
    listen_as('a');
    memory_arm_all(mem);
    uint64_t value = 9;
    memory_translate(mem, LOW, ACCESS_READ, true);
    memory_translate(mem, LOW, ACCESS_FETCH, true);
    (void)load(LOW);
    (void)memory_host(mem, LOW, 8);
    cr_assert_eq(memory_load(mem, LOW, &value, 8), 0); /* the programmer's cable */
    cr_assert_eq(memory_state(mem, LOW), PAGE_ARMED);
    cr_assert_eq(count(FIRST_WRITE), 0);
    store(LOW, 1);
    cr_assert_eq(count(FIRST_WRITE), 1);
    cr_assert_eq(events[event_count - 1].image, 9);
}

/* ---- Precise pages ---- */

Test(memory, precise_accesses_tell_all)
{
    listen_as('a');
    memory_set_state(mem, LOW, PAGE, PAGE_PRECISE);
    static const uint64_t values[] = {0x8899aabbccddeeff, 0xffffffffffffffff};
    for (unsigned v = 0; v < 2; v++) {
        for (unsigned size = 1; size <= 8; size *= 2) {
            uint64_t mask = size == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1;
            uint64_t at = LOW + 0x100 + 3, around = UINT64_C(0x0102030405060708);
            cr_assert_eq(memory_load(mem, at, &around, 8), 0);
            event_count = 0;
            memory_access(mem, at, size, ACCESS_WRITE, values[v] & mask);
            uint64_t got = memory_access(mem, at, size, ACCESS_READ, 0x1234);
            cr_assert_eq(got, values[v] & mask, "size %u", size);
            cr_assert_eq(event_count, 2);
            for (unsigned e = 0; e < 2; e++) {
                cr_assert_eq(events[e].type, ACCESS);
                cr_assert_eq(events[e].gpa, at);
                cr_assert_eq(events[e].size, size);
                cr_assert_eq(events[e].kind, e ? ACCESS_READ : ACCESS_WRITE);
                cr_assert_eq(events[e].value, values[v] & mask);
            }
            cr_assert_eq(events[0].now, 0x08, "announced after the change");
            uint64_t whole;
            cr_assert_eq(memory_read(mem, at, &whole, 8), 0);
            cr_assert_eq(whole, (around & ~mask) | (values[v] & mask), "size %u", size);
        }
    }
    event_count = 0;
    cr_assert_eq(memory_access(mem, LOW + 0x103, 8, ACCESS_FETCH, 0), values[1]);
    cr_assert_eq(event_count, 1);
    cr_assert_eq(events[0].kind, ACCESS_FETCH);
    cr_assert_eq(count(FIRST_WRITE), 0);
    cr_assert_eq(memory_state(mem, LOW), PAGE_PRECISE);
}

Test(memory, accesses_to_nothing)
{
    static const uint64_t places[] = {0, UART, EMPTY, END, LOW - 1};
    listen_as('a');
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        cr_assert_eq(memory_access(mem, places[i], 8, ACCESS_READ, 55), 0);
        cr_assert_eq(memory_access(mem, places[i], 8, ACCESS_WRITE, 55), 0);
    }
    cr_assert_eq(event_count, 0);
}

Test(memory, listeners_are_told_in_order)
{
    struct memory_listener deaf = {0};
    cr_assert_eq(memory_listen(mem, &deaf), 0);
    listen_as('a');
    listen_as('b');
    cr_assert_eq(memory_listen(mem, &deaf), 0);
    listen_as('c');
    memory_set_state(mem, LOW, PAGE, PAGE_PRECISE);
    memory_access(mem, LOW, 4, ACCESS_WRITE, 1);
    memory_set_state(mem, HIGH, PAGE, PAGE_ARMED);
    memory_translate(mem, HIGH, ACCESS_FETCH, false);
    store(HIGH, 1);
    cr_assert_eq(event_count, 9);
    static const enum event_type types[] = {ACCESS, FIRST_WRITE, CODE_CHANGED};
    for (unsigned i = 0; i < 9; i++) {
        cr_assert_eq(events[i].who, "abc"[i % 3]);
        cr_assert_eq(events[i].type, types[i / 3]);
        cr_assert_eq(events[i].now, 0);
    }
}

Test(memory, host_writes_to_precise_pages)
{
    listen_as('a');
    memory_set_state(mem, LOW, PAGE, PAGE_PRECISE);
    uint8_t bytes[40];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(0xc0 + i);
    static const struct {
        uint64_t offset, length;
    } table[] = {{0, 8},  {0, 1}, {5, 1},   {5, 3},        {5, 4},       {3, 37},
                 {8, 40}, {1, 7}, {15, 16}, {PAGE - 8, 8}, {PAGE - 3, 3}};
    for (size_t t = 0; t < sizeof table / sizeof table[0]; t++) {
        event_count = 0;
        cr_assert_eq(memory_write(mem, LOW + table[t].offset, bytes, table[t].length), 0);
        /* Whatever the pieces are, in order they make up exactly what was written. */
        uint64_t at = table[t].offset;
        for (size_t e = 0; e < event_count; e++) {
            cr_assert_eq(events[e].type, ACCESS);
            cr_assert_eq(events[e].kind, ACCESS_WRITE);
            cr_assert_eq(events[e].gpa, LOW + at, "entry %zu", t);
            unsigned size = events[e].size;
            cr_assert(size == 1 || size == 2 || size == 4 || size == 8);
            cr_assert_eq(at % size, 0, "a piece that is not aligned");
            uint64_t value = 0;
            memcpy(&value, bytes + (at - table[t].offset), size);
            cr_assert_eq(events[e].value, value);
            at += size;
        }
        cr_assert_eq(at, table[t].offset + table[t].length, "entry %zu", t);
        uint8_t out[sizeof bytes];
        cr_assert_eq(memory_read(mem, LOW + table[t].offset, out, table[t].length), 0);
        cr_assert_arr_eq(out, bytes, table[t].length);
    }
    cr_assert_eq(memory_state(mem, LOW), PAGE_PRECISE);
}

/* A page-table update, a virtqueue's index: what is stored at once is announced at once. */
Test(memory, aligned_words_are_announced_whole)
{
    listen_as('a');
    memory_set_state(mem, LOW, PAGE, PAGE_PRECISE);
    uint64_t word = 0x1122334455667788;
    cr_assert_eq(memory_write(mem, LOW + 16, &word, 8), 0);
    cr_assert_eq(event_count, 1);
    cr_assert_eq(events[0].size, 8);
    cr_assert_eq(events[0].value, word);
}

Test(memory, host_writes_over_mixed_pages)
{
    listen_as('a');
    memory_set_state(mem, LOW + PAGE, PAGE, PAGE_ARMED);
    memory_set_state(mem, LOW + 2 * PAGE, PAGE, PAGE_PRECISE);
    memory_set_state(mem, LOW + 3 * PAGE, PAGE, PAGE_ARMED);
    memory_set_state(mem, HIGH, PAGE, PAGE_ARMED); /* not reached */
    static uint8_t bytes[3 * PAGE + 16];
    memset(bytes, 0x33, sizeof bytes);
    probe = 5;
    cr_assert_eq(memory_write(mem, LOW + PAGE - 8, bytes, 3 * PAGE + 8), 0);
    cr_assert_eq(count(FIRST_WRITE), 2);
    cr_assert_eq(events[0].type, FIRST_WRITE);
    cr_assert_eq(events[0].gpa, LOW + PAGE);
    cr_assert_eq(events[0].image, 0);
    cr_assert_eq(events[event_count - 1].type, FIRST_WRITE);
    cr_assert_eq(events[event_count - 1].gpa, LOW + 3 * PAGE);
    uint64_t announced = 0;
    for (size_t e = 1; e + 1 < event_count; e++) {
        cr_assert_eq(events[e].type, ACCESS);
        cr_assert_eq(events[e].gpa, LOW + 2 * PAGE + announced);
        announced += events[e].size;
    }
    cr_assert_eq(announced, PAGE);
    static const enum page_state after[] = {PAGE_OPEN, PAGE_OPEN, PAGE_PRECISE, PAGE_OPEN,
                                            PAGE_ARMED};
    for (unsigned i = 0; i < 5; i++)
        cr_assert_eq(memory_state(mem, LOW + i * PAGE), after[i], "page %u", i);
    for (uint64_t gpa = LOW + PAGE - 8; gpa < HIGH; gpa++)
        cr_assert_eq(load(gpa), 0x33);
    cr_assert_eq(load(HIGH), 0);
}

/* ---- Listeners that change page states ---- */

struct change {
    uint64_t gpa;
    enum page_state state;
    bool arm_all;
    unsigned calls;
};

static void change_on_first_write(void *opaque, uint64_t page, const uint8_t *contents)
{
    struct change *change = opaque;
    (void)page;
    (void)contents;
    change->calls++;
    if (change->arm_all)
        memory_arm_all(mem);
    else
        memory_set_state(mem, change->gpa, 1, change->state);
}

static void change_on_access(void *opaque, uint64_t gpa, unsigned size, enum access_kind kind,
                             uint64_t value)
{
    (void)size;
    (void)kind;
    (void)value;
    change_on_first_write(opaque, gpa, NULL);
}

Test(memory, first_write_may_make_the_page_precise)
{
    struct change change = {.gpa = LOW, .state = PAGE_PRECISE};
    struct memory_listener changer = {.first_write = change_on_first_write, .opaque = &change};
    cr_assert_eq(memory_listen(mem, &changer), 0);
    listen_as('b');

    memory_set_state(mem, LOW, PAGE, PAGE_ARMED);
    uint64_t before = withdrawals();
    struct grant grant = memory_translate(mem, LOW, ACCESS_WRITE, true);
    cr_assert(grant.read && grant.write && grant.precise);
    cr_assert_eq(memory_state(mem, LOW), PAGE_PRECISE);
    cr_assert_neq(withdrawals(), before);
    cr_assert_eq(event_count, 1); /* the second listener hears of the first write all the same */

    memory_set_state(mem, LOW, PAGE, PAGE_ARMED);
    event_count = 0;
    store(LOW + 3, 7);
    cr_assert_eq(event_count, 2);
    cr_assert_eq(events[0].type, FIRST_WRITE);
    cr_assert_eq(events[1].type, ACCESS);
    cr_assert_eq(events[1].gpa, LOW + 3);
    cr_assert_eq(events[1].value, 7);
    cr_assert_eq(load(LOW + 3), 7);
    cr_assert_eq(memory_state(mem, LOW), PAGE_PRECISE);
}

Test(memory, first_write_may_arm_other_pages)
{
    struct change change = {.gpa = HIGH, .state = PAGE_ARMED};
    struct memory_listener changer = {.first_write = change_on_first_write, .opaque = &change};
    cr_assert_eq(memory_listen(mem, &changer), 0);
    memory_set_state(mem, LOW, PAGE, PAGE_ARMED);
    store(LOW, 1);
    cr_assert_eq(memory_state(mem, LOW), PAGE_OPEN);
    cr_assert_eq(memory_state(mem, HIGH), PAGE_ARMED);

    /* A new domain begins in the callback: the page that it came for counts as written in it. */
    change.arm_all = true;
    memory_set_state(mem, LOW, PAGE, PAGE_ARMED);
    memory_set_state(mem, LOW + PAGE, PAGE, PAGE_OPEN);
    cr_assert(memory_translate(mem, LOW, ACCESS_WRITE, true).write);
    cr_assert_eq(memory_state(mem, LOW), PAGE_OPEN);
    cr_assert_eq(memory_state(mem, LOW + PAGE), PAGE_ARMED);
    cr_assert_eq(change.calls, 2);
}

Test(memory, an_access_may_open_the_page)
{
    struct change change = {.gpa = LOW, .state = PAGE_OPEN};
    struct memory_listener changer = {.access = change_on_access, .opaque = &change};
    cr_assert_eq(memory_listen(mem, &changer), 0);
    memory_set_state(mem, LOW, PAGE, PAGE_PRECISE);
    uint64_t before = withdrawals();
    memory_access(mem, LOW, 4, ACCESS_WRITE, 0x12345678);
    cr_assert_eq(memory_state(mem, LOW), PAGE_OPEN);
    cr_assert_neq(withdrawals(), before); /* what is mapped precise must be mapped anew */
    cr_assert_eq(load(LOW + 3), 0x12);
    cr_assert_eq(change.calls, 1);
    struct grant grant = memory_translate(mem, LOW, ACCESS_READ, true);
    cr_assert(grant.read && grant.write && !grant.precise);
}

static void change_on_code_changed(void *opaque, uint64_t page)
{
    change_on_first_write(opaque, page, NULL);
}

Test(memory, code_changed_may_change_states)
{
    struct change change = {.gpa = LOW, .state = PAGE_ARMED};
    struct memory_listener changer = {.code_changed = change_on_code_changed, .opaque = &change};
    cr_assert_eq(memory_listen(mem, &changer), 0);
    memory_translate(mem, LOW + PAGE, ACCESS_FETCH, false);
    store(LOW + PAGE, 1);
    cr_assert_eq(memory_state(mem, LOW), PAGE_ARMED);
    cr_assert_eq(memory_state(mem, LOW + PAGE), PAGE_OPEN);
    cr_assert_eq(change.calls, 1);
}

/* ---- Grants ---- */

/* One letter each: r, w, x, p(recise). */
static const char *show(struct grant grant)
{
    static char text[5];
    snprintf(text, sizeof text, "%s%s%s%s", grant.read ? "r" : "", grant.write ? "w" : "",
             grant.fetch ? "x" : "", grant.precise ? "p" : "");
    return text;
}

Test(memory, grants_of_fresh_pages)
{
    static const struct {
        const char *what;
        uint64_t gpa;
        int state; /* -1: leave it */
        enum access_kind kind;
        const char *plain, *may_write;
    } table[] = {
        {"open", LOW, PAGE_OPEN, ACCESS_READ, "r", "rw"},
        {"open", LOW, PAGE_OPEN, ACCESS_WRITE, "rw", "rw"},
        {"open", LOW, PAGE_OPEN, ACCESS_FETCH, "rx", "rx"},
        {"armed", LOW, PAGE_ARMED, ACCESS_READ, "r", "r"},
        {"armed", LOW, PAGE_ARMED, ACCESS_WRITE, "rw", "rw"},
        {"armed", LOW, PAGE_ARMED, ACCESS_FETCH, "rx", "rx"},
        {"precise", LOW, PAGE_PRECISE, ACCESS_READ, "rwp", "rwp"},
        {"precise", LOW, PAGE_PRECISE, ACCESS_WRITE, "rwp", "rwp"},
        {"precise", LOW, PAGE_PRECISE, ACCESS_FETCH, "x", "x"},
        {"rom", ROM, -1, ACCESS_READ, "r", "r"},
        {"rom", ROM, -1, ACCESS_WRITE, "r", "r"},
        {"rom", ROM, -1, ACCESS_FETCH, "rx", "rx"},
        {"armed rom", ROM, PAGE_ARMED, ACCESS_READ, "r", "r"},
        {"precise rom", ROM, PAGE_PRECISE, ACCESS_READ, "rp", "rp"},
        {"precise rom", ROM, PAGE_PRECISE, ACCESS_FETCH, "x", "x"},
        {"device", UART, -1, ACCESS_READ, "rw", "rw"},
        {"device", UART, -1, ACCESS_WRITE, "rw", "rw"},
        {"device", UART, -1, ACCESS_FETCH, "rw", "rw"},
        {"nothing", EMPTY, -1, ACCESS_READ, "", ""},
        {"nothing", EMPTY, -1, ACCESS_WRITE, "", ""},
        {"nothing", EMPTY, -1, ACCESS_FETCH, "", ""},
        {"before", LOW - 1, -1, ACCESS_READ, "", ""},
        {"behind", END, -1, ACCESS_WRITE, "", ""},
        {"last", UINT64_MAX, PAGE_OPEN, ACCESS_READ, "r", "rw"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        for (unsigned may_write = 0; may_write < 2; may_write++) {
            tear_down();
            set_up();
            if (table[i].state >= 0)
                memory_set_state(mem, table[i].gpa, 1, (enum page_state)table[i].state);
            struct grant grant = memory_translate(mem, table[i].gpa, table[i].kind, may_write);
            cr_assert_str_eq(show(grant), may_write ? table[i].may_write : table[i].plain,
                             "entry %zu, %s, kind %d, may_write %u", i, table[i].what,
                             table[i].kind, may_write);
        }
    }
}

Test(memory, the_pages_own_state_counts)
{
    memory_set_state(mem, LOW + PAGE, PAGE, PAGE_PRECISE);
    cr_assert_str_eq(show(memory_translate(mem, LOW + PAGE - 1, ACCESS_READ, true)), "rw");
    cr_assert_str_eq(show(memory_translate(mem, LOW + PAGE, ACCESS_READ, true)), "rwp");
    cr_assert_str_eq(show(memory_translate(mem, LOW + 2 * PAGE - 1, ACCESS_READ, true)), "rwp");
    cr_assert_str_eq(show(memory_translate(mem, LOW + 2 * PAGE, ACCESS_READ, true)), "rw");
    cr_assert_str_eq(show(memory_translate(mem, HIGH + PAGE, ACCESS_READ, true)), "rw");
}

/* ---- Writable or executable ---- */

Test(memory, a_fetch_withdraws_the_write)
{
    static const struct {
        enum access_kind kind;
        bool may_write, withdraws;
    } table[] = {{ACCESS_WRITE, false, true},
                 {ACCESS_READ, true, true},
                 {ACCESS_READ, false, false},
                 {ACCESS_FETCH, true, false}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        uint64_t page = LOW + i * PAGE;
        memory_translate(mem, page, table[i].kind, table[i].may_write);
        uint64_t before = withdrawals();
        cr_assert_str_eq(show(memory_translate(mem, page, ACCESS_FETCH, true)), "rx");
        cr_assert_eq(withdrawals() != before, table[i].withdraws, "entry %zu", i);
        before = withdrawals();
        memory_translate(mem, page, ACCESS_FETCH, true); /* once is enough */
        cr_assert_eq(withdrawals(), before, "entry %zu", i);
        /* A read does not bring the write back. */
        cr_assert_str_eq(show(memory_translate(mem, page, ACCESS_READ, true)), "r");
        cr_assert_eq(withdrawals(), before, "entry %zu", i);
    }
}

Test(memory, the_first_write_to_code_announces_it_once)
{
    listen_as('a');
    memory_translate(mem, LOW + PAGE, ACCESS_FETCH, false);
    uint64_t before = withdrawals();
    cr_assert_str_eq(show(memory_translate(mem, LOW + PAGE + 8, ACCESS_WRITE, false)), "rw");
    cr_assert_eq(event_count, 1);
    cr_assert_eq(events[0].type, CODE_CHANGED);
    cr_assert_eq(events[0].gpa, LOW + PAGE);
    cr_assert_neq(withdrawals(), before);
    before = withdrawals();
    memory_translate(mem, LOW + PAGE, ACCESS_WRITE, false);
    store(LOW + PAGE, 1);
    cr_assert_str_eq(show(memory_translate(mem, LOW + PAGE, ACCESS_READ, true)), "rw");
    cr_assert_eq(event_count, 1);
    cr_assert_eq(withdrawals(), before);

    /* And the same again. */
    memory_translate(mem, LOW + PAGE, ACCESS_FETCH, false);
    cr_assert_neq(withdrawals(), before);
    store(LOW + PAGE, 2);
    cr_assert_eq(count(CODE_CHANGED), 2);
    cr_assert_eq(events[1].now, 1);
}

Test(memory, every_way_of_writing_changes_code)
{
    listen_as('a');
    uint8_t bytes[3] = {1, 2, 3};
    memory_translate(mem, LOW, ACCESS_FETCH, false);
    memory_translate(mem, LOW + PAGE, ACCESS_FETCH, false);
    memory_translate(mem, LOW + 2 * PAGE, ACCESS_FETCH, false);
    cr_assert_eq(memory_write(mem, LOW + PAGE - 2, bytes, 3), 0);
    cr_assert_eq(event_count, 2);
    cr_assert_eq(events[0].gpa, LOW);
    cr_assert_eq(events[1].gpa, LOW + PAGE);

    event_count = 0;
    memory_translate(mem, LOW, ACCESS_FETCH, false);
    memory_translate(mem, LOW + PAGE, ACCESS_FETCH, false);
    cr_assert_eq(memory_load(mem, LOW + PAGE - 2, bytes, 3), 0);
    cr_assert_eq(event_count, 2);
    cr_assert_eq(events[1].gpa, LOW + PAGE);
    cr_assert_eq(memory_load(mem, LOW + PAGE - 1, bytes, 1), 0);
    cr_assert_eq(event_count, 2);

    event_count = 0;
    memory_translate(mem, ROM, ACCESS_FETCH, false);
    cr_assert_eq(memory_load(mem, ROM, bytes, 3), 0);
    cr_assert_eq(event_count, 1);
    cr_assert_eq(events[0].type, CODE_CHANGED);
    cr_assert_eq(events[0].gpa, ROM);

    event_count = 0;
    memory_set_state(mem, HIGH, PAGE, PAGE_PRECISE);
    memory_translate(mem, HIGH, ACCESS_FETCH, false);
    /* The grant alone changes nothing, nor does a load; the store does. */
    memory_translate(mem, HIGH, ACCESS_WRITE, false);
    memory_access(mem, HIGH, 4, ACCESS_READ, 0);
    cr_assert_eq(count(CODE_CHANGED), 0);
    uint64_t before = withdrawals();
    memory_access(mem, HIGH, 4, ACCESS_WRITE, 1);
    memory_access(mem, HIGH, 4, ACCESS_WRITE, 2);
    cr_assert_eq(count(CODE_CHANGED), 1);
    cr_assert_neq(withdrawals(), before);
    memory_translate(mem, HIGH, ACCESS_FETCH, false);
    store(HIGH, 1);
    cr_assert_eq(count(CODE_CHANGED), 2);

    /* A page that was fetched before it was armed: both are announced, the pre-image first. */
    event_count = 0;
    memory_translate(mem, HIGH + PAGE, ACCESS_FETCH, false);
    memory_set_state(mem, HIGH + PAGE, PAGE, PAGE_ARMED);
    memory_translate(mem, HIGH + PAGE, ACCESS_WRITE, false);
    cr_assert_eq(event_count, 2);
    cr_assert_eq(events[0].type, FIRST_WRITE);
    cr_assert_eq(events[1].type, CODE_CHANGED);
}

/* ---- Digest ---- */

static bool digests_differ(void)
{
    static uint8_t last[MEMORY_DIGEST_SIZE];
    uint8_t digest[MEMORY_DIGEST_SIZE];
    memory_digest(mem, digest);
    bool differ = memcmp(digest, last, sizeof last) != 0;
    memcpy(last, digest, sizeof last);
    return differ;
}

Test(memory, digest_of_nothing)
{
    /* SHA-256 of the empty string. */
    static const uint8_t empty[MEMORY_DIGEST_SIZE] = {
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
        0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
        0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
    };
    uint8_t digest[MEMORY_DIGEST_SIZE];
    memory_digest(mem, digest);
    cr_assert_arr_eq(digest, empty, sizeof empty);
    struct memory *other = memory_new(12);
    memory_digest(other, digest);
    cr_assert_arr_eq(digest, empty, sizeof empty);
    memory_free(other);
}

Test(memory, digest_of_one_page)
{
    /* printf '\x00\x10\x00\x80\x00\x00\x00\x00'; printf '\x01'; head -c 4095 /dev/zero */
    static const uint8_t expected[MEMORY_DIGEST_SIZE] = {
        0x29, 0xdc, 0x96, 0xb1, 0x72, 0x85, 0x11, 0xe7, 0x2a, 0x68, 0xec,
        0x0c, 0x62, 0xa3, 0x0b, 0x19, 0xed, 0x07, 0x68, 0xd4, 0x61, 0xdd,
        0x29, 0x08, 0x6f, 0x8f, 0xc0, 0xe0, 0xa9, 0x21, 0x06, 0x9b,
    };
    store(LOW + PAGE, 1);
    uint8_t digest[MEMORY_DIGEST_SIZE];
    memory_digest(mem, digest);
    cr_assert_arr_eq(digest, expected, sizeof expected);
}

Test(memory, digest_sees_every_bit_of_ram)
{
    digests_differ();
    static const uint64_t places[] = {LOW,  LOW + 1, LOW + PAGE - 1, LOW + PAGE, HIGH - 1,
                                      HIGH, END - 1, NEAR,           LAST,       LAST + PAGE - 1};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            store(places[i], (uint8_t)(1u << bit));
            cr_assert(digests_differ(), "0x%lx bit %u", places[i], bit);
        }
        cr_assert_not(digests_differ());
        store(places[i], 0);
        cr_assert(digests_differ());
    }
    uint8_t byte = 1;
    digests_differ();
    cr_assert_eq(memory_load(mem, ROM, &byte, 1), 0); /* does not count */
    cr_assert_not(digests_differ());
    store(LOW, 1);
    cr_assert(digests_differ());
    store(LOW, 0);
    store(LOW + PAGE, 1); /* the same page elsewhere */
    cr_assert(digests_differ());
}

Test(memory, digest_forgets_history)
{
    static uint8_t bytes[2 * PAGE];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31);
    cr_assert_eq(memory_write(mem, LOW + 100, bytes, sizeof bytes), 0);
    uint8_t one[MEMORY_DIGEST_SIZE], two[MEMORY_DIGEST_SIZE];
    memory_digest(mem, one);

    tear_down();
    set_up();
    memory_arm_all(mem);
    memory_set_state(mem, LOW, PAGE, PAGE_PRECISE);
    memory_translate(mem, LOW, ACCESS_FETCH, false);
    for (size_t i = sizeof bytes; i-- > 0;) /* backwards, and not right at first */
        store(LOW + 100 + i, 0xee);
    store(HIGH + 9, 1);
    for (size_t i = 0; i < sizeof bytes; i++)
        store(LOW + 100 + i, bytes[i]);
    store(HIGH + 9, 0);
    memory_digest(mem, two);
    cr_assert_arr_eq(one, two, sizeof one);

    /* One region of the same bytes; zero pages and where a region ends do not matter. */
    struct memory *other = memory_new(12);
    cr_assert_eq(memory_add(other, "all", LOW - PAGE, 64 * PAGE, REGION_RAM, true, NULL), 0);
    cr_assert_eq(memory_load(other, LOW + 100, bytes, sizeof bytes), 0);
    memory_digest(other, two);
    cr_assert_arr_eq(one, two, sizeof one);
    memory_free(other);
}

/* ---- Errors ---- */

Test(error, messages)
{
    struct error err = {""};
    cr_assert_eq(error_set(NULL, "%d", 1), -1);
    cr_assert_eq(error_prefix(NULL, "%d", 1), -1);
    cr_assert_eq(error_set(&err, "expected %d", 5), -1);
    cr_assert_eq(error_prefix(&err, "%s: ", "file"), -1);
    cr_assert_str_eq(err.text, "file: expected 5");
    char name[sizeof err.text * 2];
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = 0;
    error_prefix(&err, "%.500s: ", name);
    cr_assert_eq(strlen(err.text), sizeof err.text - 1);
    cr_assert_not_null(strstr(err.text, ": file: exp"));
    error_prefix(&err, "%s", name);
    cr_assert_eq(strlen(err.text), sizeof err.text - 1);
    error_set(&err, "%s", name);
    cr_assert_eq(strlen(err.text), sizeof err.text - 1);
}
