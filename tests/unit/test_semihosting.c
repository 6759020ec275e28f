/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include "sim/semihosting.h"
#include "tests/unit/far_end.h"

#define RAM      0x20000000
#define RAM_SIZE 0x1000
#define BLOCK    (RAM + 0x100) /* of parameters */
#define BUFFER   (RAM + 0x200)
#define FAILED   UINT32_MAX

static struct far_end end;
static struct clock clk;
static struct memory *mem;
static struct semihosting semihosting;
static unsigned exits, exit_code;

static void exited(void *opaque, unsigned code)
{
    (void)opaque;
    exits++;
    exit_code = code;
}

static void set_up(void)
{
    struct error err;
    clock_init(&clk, 96000000);
    clk.now = 96000000;
    mem = memory_new(10);
    cr_assert_not_null(mem);
    cr_assert_eq(memory_add(mem, "rom", 0, 0x400, REGION_ROM, false, &err), 0);
    cr_assert_eq(memory_add(mem, "ram", RAM, RAM_SIZE, REGION_RAM, false, &err), 0);
    semihosting_init(&semihosting, &(struct semihosting_host){
                                       .output = far_end_output,
                                       .input = far_end_input,
                                       .exited = exited,
                                       .opaque = &end,
                                       .command_line = "image one two",
                                       .epoch_s = 1700000000,
                                       .mem = mem,
                                       .clock = &clk,
                                   });
}

static void tear_down(void)
{
    memory_free(mem);
}

TestSuite(semihosting, .init = set_up, .fini = tear_down);

static void store(uint32_t address, const void *bytes, size_t size)
{
    cr_assert_eq(memory_write(mem, address, bytes, size), 0);
}

static uint32_t load(uint32_t address)
{
    uint32_t word;
    cr_assert_eq(memory_read(mem, address, &word, 4), 0);
    return word;
}

/* With a parameter block of up to three words. */
static uint32_t call(uint32_t operation, uint32_t a, uint32_t b, uint32_t c)
{
    store(BLOCK, (uint32_t[]){a, b, c}, 12);
    return semihosting_call(&semihosting, operation, BLOCK);
}

static uint32_t open(const char *name, uint32_t mode)
{
    store(BUFFER, name, strlen(name) + 1);
    return call(0x01, BUFFER, mode, (uint32_t)strlen(name));
}

static uint32_t error(void)
{
    return semihosting_call(&semihosting, 0x13, 0);
}

static void expect_sent(const char *text)
{
    cr_expect_eq(end.sent_count, strlen(text));
    cr_expect_arr_eq(end.sent, text, strlen(text));
}

Test(semihosting, writec_and_write0)
{
    store(BUFFER, "hello", 6);
    semihosting_call(&semihosting, 0x03, BUFFER);
    semihosting_call(&semihosting, 0x04, BUFFER);
    expect_sent("hhello");
}

Test(semihosting, write0_ends_where_memory_ends)
{
    store(RAM + RAM_SIZE - 3, "abc", 3);
    semihosting_call(&semihosting, 0x04, RAM + RAM_SIZE - 3);
    expect_sent("abc");
    semihosting_call(&semihosting, 0x04, 0xfffffffe);
    semihosting_call(&semihosting, 0x03, 0x10000000);
    expect_sent("abc");
}

Test(semihosting, write_to_the_console)
{
    uint32_t handle = open(":tt", 4);
    cr_assert_neq(handle, FAILED);
    store(BUFFER, "text", 4);
    cr_expect_eq(call(0x05, handle, BUFFER, 4), 0);
    expect_sent("text");
    cr_expect_eq(call(0x09, handle, 0, 0), 1, "a terminal");
    cr_expect_eq(call(0x0c, handle, 0, 0), 0);
    cr_expect_eq(call(0x0a, handle, 0, 0), FAILED, "cannot seek");
    cr_expect_eq(call(0x06, handle, BUFFER, 4), 4, "nor be read");
    cr_expect_eq(call(0x02, handle, 0, 0), 0);
    cr_expect_eq(call(0x05, handle, BUFFER, 4), 4, "closed");
    cr_expect_eq(error(), 9);
}

Test(semihosting, lengths_that_lead_outside)
{
    uint32_t handle = open(":tt", 4);
    store(RAM + RAM_SIZE - 2, "yz", 2);
    cr_expect_eq(call(0x05, handle, RAM + RAM_SIZE - 2, 10), 8);
    cr_expect_eq(error(), 14);
    cr_expect_eq(call(0x05, handle, RAM + RAM_SIZE - 2, UINT32_MAX), UINT32_MAX - 2);
    cr_expect_eq(call(0x05, handle, 0xffffffff, 2), 2);
    expect_sent("yzyz");
}

Test(semihosting, read_from_the_console)
{
    uint32_t handle = open(":tt", 0);
    cr_expect_eq(call(0x06, handle, BUFFER, 8), 8, "nothing was typed: end of file");
    end.typed = "abcdef";
    cr_expect_eq(call(0x06, handle, BUFFER, 4), 0);
    cr_expect_eq(load(BUFFER), 0x64636261);
    cr_expect_eq(call(0x06, handle, BUFFER, 8), 6);
    cr_expect_eq(load(BUFFER) & 0xffff, 0x6665);
    cr_expect_eq(call(0x05, handle, BUFFER, 1), 1, "cannot be written");
    end.typed = "z";
    cr_expect_eq(semihosting_call(&semihosting, 0x07, 0), 'z');
    cr_expect_eq(semihosting_call(&semihosting, 0x07, 0), FAILED);
}

Test(semihosting, input_is_not_lost_on_bad_buffers)
{
    uint32_t handle = open(":tt", 0);
    end.typed = "abc";
    cr_expect_eq(call(0x06, handle, 0x10000000, 3), 3);
    cr_expect_eq(call(0x06, handle, RAM + RAM_SIZE - 2, 3), 3);
    cr_expect_eq(error(), 14);
    cr_expect_str_eq(end.typed, "abc");
    cr_expect_eq(call(0x06, handle, 0, 3), 3, "ROM");
}

Test(semihosting, features)
{
    uint32_t handle = open(":semihosting-features", 0);
    cr_assert_neq(handle, FAILED);
    cr_expect_eq(call(0x0c, handle, 0, 0), 5);
    cr_expect_eq(call(0x09, handle, 0, 0), 0);
    cr_expect_eq(call(0x06, handle, BUFFER, 100), 95);
    cr_expect_eq(load(BUFFER), 0x42464853);
    cr_expect_eq(load(BUFFER + 4) & 0xff, 3);
    cr_expect_eq(call(0x0a, handle, 4, 0), 0);
    cr_expect_eq(call(0x06, handle, BUFFER, 1), 0);
    cr_expect_eq(load(BUFFER) & 0xff, 3);
    cr_expect_eq(call(0x0a, handle, 6, 0), FAILED);
    cr_expect_eq(open(":semihosting-features", 4), FAILED);
    cr_expect_eq(error(), 13);
}

Test(semihosting, other_files_are_refused)
{
    cr_expect_eq(open("/etc/passwd", 0), FAILED);
    cr_expect_eq(error(), 2);
    cr_expect_eq(open("a name that is longer than any that is known here", 4), FAILED);
    cr_expect_eq(error(), 2);
    cr_expect_eq(open(":tt", 12), FAILED);
    cr_expect_eq(error(), 22);
    cr_expect_eq(call(0x01, 0x10000000, 0, 3), FAILED);
    cr_expect_eq(error(), 14);
    cr_expect_eq(call(0x0e, BUFFER, 3, 0), 2, "remove");
    cr_expect_eq(call(0x02, 0, 0, 0), FAILED);
    cr_expect_eq(call(0x02, 9, 0, 0), FAILED);
    cr_expect_eq(call(0x02, FAILED, 0, 0), FAILED);
    for (unsigned i = 0; i < SEMIHOSTING_MAX_FILES; i++)
        cr_expect_eq(open(":tt", 4), i + 1);
    cr_expect_eq(open(":tt", 4), FAILED);
    cr_expect_eq(error(), 24);
}

Test(semihosting, parameter_blocks_that_lead_outside)
{
    static const uint8_t operations[] = {0x01, 0x02, 0x05, 0x06, 0x09, 0x0a,
                                         0x0c, 0x15, 0x16, 0x20, 0x30};
    for (size_t i = 0; i < sizeof operations; i++) {
        semihosting.state.error = 0;
        cr_expect_eq(semihosting_call(&semihosting, operations[i], 0xfffffffc), FAILED, "0x%x",
                     operations[i]);
        cr_expect_eq(error(), 14);
    }
    cr_expect_eq(exits, 0);
}

Test(semihosting, time)
{
    clk.now += 96000000 * 3 + 48000000;
    cr_expect_eq(semihosting_call(&semihosting, 0x10, 0), 350);
    cr_expect_eq(semihosting_call(&semihosting, 0x11, 0), 1700000003);
    cr_expect_eq(semihosting_call(&semihosting, 0x31, 0), 1000000000);
    cr_expect_eq(semihosting_call(&semihosting, 0x30, BUFFER), 0);
    uint64_t ns = load(BUFFER) | (uint64_t)load(BUFFER + 4) << 32;
    cr_expect_eq(ns, UINT64_C(3500000000));
    semihosting_reset(&semihosting);
    cr_expect_eq(semihosting_call(&semihosting, 0x10, 0), 0);
}

Test(semihosting, command_line)
{
    char line[14];
    cr_expect_eq(call(0x15, BUFFER, 13, 0), FAILED, "no room for the 0");
    cr_expect_eq(call(0x15, BUFFER, 14, 0), 0);
    cr_expect_eq(load(BLOCK + 4), 13);
    cr_assert_eq(memory_read(mem, BUFFER, line, sizeof line), 0);
    cr_expect_str_eq(line, "image one two");
    cr_expect_eq(call(0x15, 0, 14, 0), FAILED, "ROM");
}

Test(semihosting, heap_is_left_to_the_image)
{
    store(BUFFER, "xxxxxxxxxxxxxxxx", 16);
    cr_expect_eq(call(0x16, BUFFER, 0, 0), 0);
    for (unsigned i = 0; i < 4; i++)
        cr_expect_eq(load(BUFFER + 4 * i), 0);
}

Test(semihosting, exit_codes)
{
    semihosting_call(&semihosting, 0x18, 0x20026);
    cr_expect_eq(exit_code, 0);
    semihosting_call(&semihosting, 0x18, 0x20023);
    cr_expect_eq(exit_code, 1);
    call(0x20, 0x20026, 42, 0);
    cr_expect_eq(exit_code, 42);
    call(0x20, 0x20023, 42, 0);
    cr_expect_eq(exit_code, 1);
    cr_expect_eq(exits, 4);
}

Test(semihosting, iserror_and_unknown)
{
    cr_expect_eq(call(0x08, FAILED, 0, 0), 1);
    cr_expect_eq(call(0x08, 5, 0, 0), 0);
    cr_expect_eq(semihosting_call(&semihosting, 0x12, BLOCK), FAILED);
    cr_expect_eq(error(), 38);
    cr_expect_eq(semihosting_call(&semihosting, 0x101, 0), FAILED);
}

Test(semihosting, nothing_without_power)
{
    store(BUFFER, "hello", 6);
    memory_set_power(mem, false);
    semihosting_call(&semihosting, 0x04, BUFFER);
    semihosting_call(&semihosting, 0x18, 0x20026);
    cr_expect_eq(end.sent_count, 0);
    cr_expect_eq(exits, 0);
}
