/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include <string.h>

#include "power/volatile.h"

#define RAM   UINT64_C(0x20000000)
#define SIZE  0x4000u
#define MRAM  UINT64_C(0x60000000)
#define ROM   UINT64_C(0x00000000)
#define PAGE  0x400u
#define NVM   (RAM + 0x0e00) /* to NVM_END: in three pages, of one of them all */
#define END   (RAM + 0x1420)
#define PAGES (SIZE / PAGE)

/* 16 KiB of volatile memory, and other memory beside it. */
struct fixture {
    struct memory *mem;
    struct volatile_memory *ram;
    uint8_t before[SIZE], after[SIZE];
};

static uint64_t spare(void *opaque, uint64_t gpa, uint64_t end, uint64_t *until)
{
    (void)opaque;
    if (gpa >= END || end <= NVM) {
        *until = end;
        return end;
    }
    *until = end < END ? end : END;
    return gpa > NVM ? gpa : NVM;
}

static void setup(struct fixture *fixture, uint64_t seed)
{
    struct error err = {""};
    fixture->mem = memory_new(10);
    cr_assert_eq(memory_add(fixture->mem, "rom", ROM, PAGE, REGION_ROM, true, &err), 0);
    cr_assert_eq(memory_add(fixture->mem, "ram", RAM, SIZE, REGION_RAM, false, &err), 0);
    cr_assert_eq(memory_add(fixture->mem, "mram", MRAM, PAGE, REGION_RAM, true, &err), 0);
    fixture->ram = volatile_new(fixture->mem, seed, spare, NULL, &err);
    cr_assert_not_null(fixture->ram, "%s", err.text);
}

static void loaded(struct fixture *fixture)
{
    struct error err = {""};
    cr_assert_eq(volatile_loaded(fixture->ram, &err), 0, "%s", err.text);
}

static void teardown(struct fixture *fixture)
{
    volatile_free(fixture->ram);
    memory_free(fixture->mem);
}

static void look(const struct fixture *fixture, uint8_t bytes[SIZE])
{
    cr_assert_eq(memory_read(fixture->mem, RAM, bytes, SIZE), 0);
}

static void cut(struct fixture *fixture)
{
    look(fixture, fixture->before);
    volatile_cut(fixture->ram);
    look(fixture, fixture->after);
}

static void write_byte(const struct fixture *fixture, uint64_t gpa, uint8_t byte)
{
    cr_assert_eq(memory_write(fixture->mem, gpa, &byte, 1), 0);
}

static unsigned equal_bytes(const uint8_t *a, const uint8_t *b, unsigned size)
{
    unsigned equal = 0;
    for (unsigned i = 0; i < size; i++)
        equal += a[i] == b[i];
    return equal;
}

/* Of 256 values, so about size / 256 bytes of two noises are equal. */
static bool is_other_noise(const uint8_t *a, const uint8_t *b, unsigned size)
{
    return equal_bytes(a, b, size) < size / 32;
}

Test(volatile_memory, begins_as_noise_of_its_seed)
{
    struct fixture one, same, other;
    unsigned seen[256] = {0};
    setup(&one, 1);
    setup(&same, 1);
    setup(&other, 2);
    look(&one, one.after);
    look(&same, same.after);
    look(&other, other.after);
    cr_expect_arr_eq(one.after, same.after, NVM - RAM);
    cr_expect(is_other_noise(one.after, other.after, NVM - RAM));
    cr_expect(is_other_noise(one.after, one.after + PAGE, PAGE), "pages differ");
    for (unsigned i = 0; i < SIZE; i++)
        seen[one.after[i]]++;
    for (unsigned i = 1; i < 256; i++)
        cr_expect(seen[i] > 20 && seen[i] < 120, "%u bytes are %u", seen[i], i);
    teardown(&one);
    teardown(&same);
    teardown(&other);
}

Test(volatile_memory, each_life_has_its_noise)
{
    struct fixture one, same;
    setup(&one, 1);
    setup(&same, 1);
    loaded(&one);
    loaded(&same);
    volatile_cut(one.ram);
    volatile_cut(same.ram);
    for (unsigned life = 0; life < 3; life++) {
        for (uint64_t gpa = RAM; gpa < RAM + SIZE; gpa += PAGE) {
            write_byte(&one, gpa, 1);
            write_byte(&same, gpa + 7, 2);
        }
        cut(&one);
        cut(&same);
        cr_expect(is_other_noise(one.before, one.after, NVM - RAM));
        cr_expect_arr_eq(one.after, same.after, NVM - RAM,
                         "it does not depend on what was written");
    }
    teardown(&one);
    teardown(&same);
}

Test(volatile_memory, only_what_has_changed_is_filled)
{
    struct fixture fixture;
    setup(&fixture, 1);
    loaded(&fixture);
    cut(&fixture);
    cr_expect_arr_eq(fixture.before, fixture.after, SIZE);
    write_byte(&fixture, RAM + 3 * PAGE - 1, 1);
    write_byte(&fixture, RAM + 7 * PAGE, 1);
    write_byte(&fixture, RAM + 7 * PAGE + 5, 1);
    memory_set_state(fixture.mem, RAM + 9 * PAGE, PAGE, PAGE_PRECISE);
    memory_access(fixture.mem, RAM + 9 * PAGE + 8, 4, ACCESS_WRITE, 1);
    memory_access(fixture.mem, RAM + 10 * PAGE, 4, ACCESS_READ, 0);
    cut(&fixture);
    for (unsigned page = 0; page < PAGES; page++) {
        const uint8_t *was = fixture.before + page * PAGE, *is = fixture.after + page * PAGE;
        if (page == 2 || page == 7 || page == 9)
            cr_expect(is_other_noise(was, is, PAGE), "page %u", page);
        else
            cr_expect_arr_eq(was, is, PAGE, "page %u", page);
    }
    write_byte(&fixture, RAM + 7 * PAGE, 1);
    cut(&fixture);
    cr_expect(is_other_noise(fixture.before + 7 * PAGE, fixture.after + 7 * PAGE, PAGE),
              "the page was armed again");
    teardown(&fixture);
}

Test(volatile_memory, images_come_back)
{
    struct fixture fixture;
    uint8_t image[3 * PAGE], more[16], late[16] = {0};
    setup(&fixture, 1);
    memset(image, 0x5a, sizeof image);
    memset(more, 0xa5, sizeof more);
    const uint64_t at = RAM + 6 * PAGE + 100, over = at + PAGE;
    cr_assert_eq(memory_load(fixture.mem, at, image, sizeof image), 0);
    cr_assert_eq(memory_load(fixture.mem, over, more, sizeof more), 0);
    memcpy(image + PAGE, more, sizeof more); /* the later one lies on top */
    loaded(&fixture);
    for (unsigned life = 0; life < 3; life++) {
        cr_assert_eq(memory_load(fixture.mem, at, late, sizeof late), 0);
        for (uint64_t gpa = at; gpa < at + sizeof image; gpa += 300)
            write_byte(&fixture, gpa, 9);
        cut(&fixture);
        cr_expect_arr_eq(fixture.after + (at - RAM), image, sizeof image, "life %u", life);
        cr_expect(is_other_noise(fixture.before + 6 * PAGE, fixture.after + 6 * PAGE, 100),
                  "noise before it");
    }
    teardown(&fixture);
}

Test(volatile_memory, non_volatile_bytes_are_spared)
{
    struct fixture fixture;
    uint8_t kept[END - NVM];
    const uint32_t mram = 0x12345678;
    uint32_t found;
    setup(&fixture, 1);
    memset(kept, 0x77, sizeof kept);
    cr_assert_eq(memory_write(fixture.mem, NVM, kept, sizeof kept), 0);
    cr_assert_eq(memory_write(fixture.mem, MRAM, &mram, sizeof mram), 0);
    loaded(&fixture);
    for (unsigned life = 0; life < 2; life++) {
        kept[0]++;
        write_byte(&fixture, NVM, kept[0]);
        write_byte(&fixture, NVM - 1, 1);
        write_byte(&fixture, END, 1);
        cut(&fixture);
        cr_expect_arr_eq(fixture.after + (NVM - RAM), kept, sizeof kept);
        unsigned low = (unsigned)(NVM - RAM) & ~(PAGE - 1), high = (unsigned)(END - RAM);
        cr_expect(
            is_other_noise(fixture.before + low, fixture.after + low, (unsigned)(NVM - RAM) - low));
        cr_expect(is_other_noise(fixture.before + high, fixture.after + high, PAGE - 0x20));
    }
    cr_assert_eq(memory_read(fixture.mem, MRAM, &found, sizeof found), 0);
    cr_expect_eq(found, mram);
    teardown(&fixture);
}
