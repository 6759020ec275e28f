/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/kallsyms.h"
#include "sim/symbols.h"
#include "sim/tasks.h"
#include "tests/unit/images.h"

#define REAL_KERNEL "build/guests/linux-riscv64/vmlinux"
#define LINK        UINT64_C(0xffffffff80000000)

static void expect_format(const struct symbols *symbols, uint64_t address, const char *expected)
{
    char text[128];
    symbols_format(symbols, address, text, sizeof text);
    cr_expect_str_eq(text, expected);
}

static long add_bytes(struct symbols *symbols, const struct bytes *bytes, struct error *err)
{
    const char *path = file_of(bytes);
    long added = symbols_add_file(symbols, path, err);
    file_gone(path);
    return added;
}

static long add_map(struct symbols *symbols, const char *text, struct error *err)
{
    struct bytes bytes = {0};
    bytes_append(&bytes, text, strlen(text));
    const char *path = file_of(&bytes);
    long added = symbols_add_system_map(symbols, path, err);
    file_gone(path);
    bytes_free(&bytes);
    return added;
}

/* ---- Tables ------------------------------------------------------------------------------- */

Test(symbols, empty_table_answers_too)
{
    struct symbols *symbols = symbols_new();
    cr_expect_null(symbols_at(symbols, 0x1000, NULL));
    cr_expect_null(symbols_named(symbols, "x"));
    cr_expect_null(symbols_nearest(symbols, "x"));
    cr_expect_eq(symbols_count(symbols), 0);
    expect_format(symbols, 0x1000, "0x0000000000001000");
    expect_format(NULL, 0x1000, "0x0000000000001000");
    symbols_free(symbols);
    symbols_free(NULL);
}

Test(symbols, elf)
{
    struct symbols *symbols = symbols_new();
    struct bytes elf = make_elf();
    struct error err = {""};
    cr_assert_eq(add_bytes(symbols, &elf, &err), 3, "%s", err.text);
    uint64_t text = MAKE_ELF_VIRTUAL + MAKE_ELF_TEXT, offset;
    expect_format(symbols, text + 0x10, "start+0x0/0x20");
    expect_format(symbols, text + 0x2f, "start+0x1f/0x20");
    expect_format(symbols, text + 0x30, "0xffffffff80000030"); /* start has a size */
    expect_format(symbols, text + 0x84, "helper+0x4/0x80");    /* up to the section's end */
    expect_format(symbols, text + 0x100, "0xffffffff80000100");
    const struct symbol *symbol =
        symbols_at(symbols, MAKE_ELF_VIRTUAL + MAKE_ELF_DATA + 7, &offset);
    cr_assert(symbol);
    cr_expect_str_eq(symbol->name, "table");
    cr_expect_eq(symbol->type, 'D');
    cr_expect_eq(offset, 7);
    symbol = symbols_named(symbols, "helper");
    cr_assert(symbol);
    cr_expect_eq(symbol->type, 't');
    cr_expect_null(symbols_named(symbols, "$x"));
    cr_expect_str_eq(symbols_nearest(symbols, "hepler"), "helper");
    bytes_free(&elf);
    symbols_free(symbols);
}

/* Every prefix and many single-byte changes: an answer or a message, never a crash. */
Test(symbols, elf_damage)
{
    static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    struct bytes elf = make_elf();
    size_t whole = elf.size;
    for (elf.size = 1; elf.size <= whole; elf.size++) {
        struct symbols *symbols = symbols_new();
        struct error err = {""};
        long added = add_bytes(symbols, &elf, &err);
        cr_assert(added >= 0 || err.text[0]);
        symbols_free(symbols);
    }
    elf.size = whole;
    for (size_t at = 0; at < whole; at++) {
        if (at == 0x100)
            at = 0x240; /* skip the contents */
        uint8_t old = elf.data[at];
        for (size_t i = 0; i < sizeof values; i++) {
            elf.data[at] = values[i];
            struct symbols *symbols = symbols_new();
            struct error err = {""};
            long added = add_bytes(symbols, &elf, &err);
            cr_assert(added >= 0 || err.text[0]);
            symbols_at(symbols, MAKE_ELF_VIRTUAL + MAKE_ELF_TEXT + 0x10, NULL);
            symbols_free(symbols);
        }
        elf.data[at] = old;
    }
    bytes_free(&elf);
}

Test(symbols, system_map)
{
    struct symbols *symbols = symbols_new();
    struct error err = {""};
    cr_assert_eq(add_map(symbols,
                         "0000000000000123 A constant\n"
                         "ffffffff80002000 T _stext\n"
                         "ffffffff80002000 T first_function\r\n"
                         "ffffffff80002000 W alias\n"
                         "\n"
                         "ffffffff80002040 t second\t[module]\n"
                         "ffffffff80002050 B _end",
                         &err),
                 6, "%s", err.text);
    expect_format(symbols, 0xffffffff80002000, "first_function+0x0/0x40");
    expect_format(symbols, 0xffffffff80002044, "second+0x4/0x10");
    expect_format(symbols, 0xffffffff80002050, "_end+0x0");
    expect_format(symbols, 0xffffffff80002051, "0xffffffff80002051");
    expect_format(symbols, 0x123, "0x0000000000000123"); /* a constant is no place */
    cr_expect_eq(symbols_named(symbols, "constant")->address, 0x123);
    cr_expect_eq(symbols_named(symbols, "_stext")->size, 0x40);
    symbols_free(symbols);
}

Test(symbols, system_map_errors)
{
    static const struct {
        const char *map, *text;
    } cases[] = {
        /* what Debian ships in place of the real one */
        {"ffffffffffffffff B The real System.map is in the linux-image-<version>-dbg package\n",
         ":1: expected \"address type name\", found \"ffffffffffffffff B The real System.map"},
        {"ffffffff80002000 T a\nhello\n", ":2: expected"},
        {"ffffffff80002000 T \n", ":1: expected"},
        {"ffffffff80002000 T", ":1: expected"},
        {"ffffffff80002000", ":1: expected"},
        {"ffffffff8000200000 T a\n", ":1: expected"},
        {"ffffffff80002000 * a\n", ":1: expected"},
        {"\033[2J\n", "found \"?[2J\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct symbols *symbols = symbols_new();
        struct error err = {""};
        cr_expect_eq(add_map(symbols, cases[i].map, &err), -1, "%s", cases[i].map);
        cr_expect(strstr(err.text, cases[i].text), "%s", err.text);
        symbols_free(symbols);
    }
    struct symbols *symbols = symbols_new();
    struct error err = {""};
    cr_expect_eq(symbols_add_system_map(symbols, "/nonexistent/map", &err), -1);
    cr_expect_eq(symbols_add_file(symbols, "/nonexistent/map", &err), -1);
    cr_expect(strstr(err.text, "/nonexistent/map: cannot open"), "%s", err.text);
    symbols_free(symbols);
}

Test(symbols, nested_and_repeated)
{
    struct symbols *symbols = symbols_new();
    struct bytes elf = make_elf();
    struct error err = {""};
    /* "helper" into the middle of "start", with a size of its own; then add the file again. */
    size_t helper = 0x240 + 2 * sizeof(Elf64_Sym);
    bytes_put(&elf, helper + offsetof(Elf64_Sym, st_value), MAKE_ELF_VIRTUAL + MAKE_ELF_TEXT + 0x14,
              8);
    bytes_put(&elf, helper + offsetof(Elf64_Sym, st_size), 4, 8);
    cr_assert_eq(add_bytes(symbols, &elf, &err), 3, "%s", err.text);
    cr_assert_eq(add_bytes(symbols, &elf, &err), 3, "%s", err.text);
    cr_expect_eq(symbols_count(symbols), 6);
    uint64_t text = MAKE_ELF_VIRTUAL + MAKE_ELF_TEXT;
    expect_format(symbols, text + 0x10, "start+0x0/0x20");
    expect_format(symbols, text + 0x14, "helper+0x0/0x4");
    expect_format(symbols, text + 0x18, "start+0x8/0x20");
    bytes_free(&elf);
    symbols_free(symbols);
}

Test(symbols, file_without_symbols)
{
    struct symbols *symbols = symbols_new();
    struct error err = {""};
    struct bytes raw = {0}, image = make_image(0x6000), elf = make_elf();
    bytes_append(&raw, "nothing", 7);
    cr_expect_eq(add_bytes(symbols, &raw, &err), 0, "%s", err.text);
    cr_expect_eq(add_bytes(symbols, &image, &err), 0, "%s", err.text);
    bytes_put(&elf, offsetof(Elf64_Ehdr, e_shnum), 0, 2);
    bytes_put(&elf, offsetof(Elf64_Ehdr, e_shoff), 0, 8);
    cr_expect_eq(add_bytes(symbols, &elf, &err), 0, "%s", err.text);
    bytes_free(&raw);
    bytes_free(&image);
    bytes_free(&elf);
    symbols_free(symbols);
}

/* ---- kallsyms ----------------------------------------------------------------------------- */

static const struct kallsyms_layout layouts[] = {
    {.kind = MADE_OFFSETS, .base = LINK, .wide_markers = true},                 /* 4.6 */
    {.kind = MADE_OFFSETS, .base = LINK},                                       /* 4.20 */
    {.kind = MADE_OFFSETS, .base = LINK, .uleb = true},                         /* 6.1 */
    {.kind = MADE_OFFSETS, .base = LINK, .uleb = true, .seqs = true},           /* 6.2 */
    {.kind = MADE_OFFSETS, .base = LINK, .uleb = true, .addresses_last = true}, /* 6.5 */
    {.kind = MADE_OFFSETS, .base = 0, .uleb = true, .addresses_last = true},    /* relocatable */
    {.kind = MADE_PER_CPU, .base = LINK},
    {.kind = MADE_PER_CPU, .base = LINK, .uleb = true, .addresses_last = true},
    {.kind = MADE_ABSOLUTE, .wide_markers = true},
    {.kind = MADE_ABSOLUTE, .uleb = true, .seqs = true},
    {.kind = MADE_ABSOLUTE, .uleb = true, .addresses_last = true},
};

enum {
    LAYOUTS = sizeof layouts / sizeof *layouts
};

Test(kallsyms, every_layout_and_size)
{
    static const size_t counts[] = {40, 255, 256, 257, 1000};
    static struct made_symbol made[1000];
    for (size_t l = 0; l < LAYOUTS; l++) {
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            size_t count = counts[c];
            make_symbols(made, count);
            struct bytes image = make_kallsyms(&layouts[l], made, count);
            struct kallsyms found;
            struct error err = {""};
            int rc = kallsyms_find(image.data, image.size, &found, &err);
            cr_assert_eq(rc, 0, "layout %zu, %zu symbols: %d %s", l, count, rc, err.text);
            cr_assert_eq(found.count, count, "layout %zu: %zu of %zu", l, found.count, count);
            size_t wrong = 0;
            for (size_t i = 0; i < count; i++)
                wrong += found.addresses[i] != made[i].address ||
                         found.types[i] != made[i].text[0] ||
                         strcmp(found.strings + found.names[i], made[i].text + 1) != 0;
            cr_assert_eq(wrong, 0, "layout %zu: %zu of %zu symbols differ", l, wrong, count);
            kallsyms_free(&found);
            bytes_free(&image);
        }
    }
}

Test(kallsyms, through_the_symbol_table)
{
    static struct made_symbol made[300];
    make_symbols(made, 300);
    struct bytes image = make_kallsyms(&layouts[4], made, 300), packed = gzipped(&image);
    for (int gzip = 0; gzip < 2; gzip++) {
        struct symbols *symbols = symbols_new();
        struct error err = {""};
        cr_assert_eq(add_bytes(symbols, gzip ? &packed : &image, &err), 300, "%s", err.text);
        expect_format(symbols, LINK + 5 * 0x40 + 3, "sys_function_5+0x3/0x40");
        cr_expect_eq(symbols_named(symbols, "_start")->address, LINK);
        symbols_free(symbols);
    }
    bytes_free(&image);
    bytes_free(&packed);
}

Test(kallsyms, absent)
{
    struct kallsyms found;
    struct error err;
    struct bytes image = make_image(0x6000), nothing = {0};
    cr_expect_eq(kallsyms_find(image.data, image.size, &found, &err), 1);
    cr_expect_eq(found.count, 0);
    cr_expect_eq(kallsyms_find(image.data, 0, &found, &err), 1);
    bytes_append(&nothing, NULL, 1 << 20);
    cr_expect_eq(kallsyms_find(nothing.data, nothing.size, &found, &err), 1);
    for (size_t i = 0; i < nothing.size; i += 2) /* one long growing sequence */
        bytes_put(&nothing, i, i / 2 % 65536, 2);
    cr_expect_eq(kallsyms_find(nothing.data, nothing.size, &found, &err), 1);
    bytes_free(&image);
    bytes_free(&nothing);
}

/* Truncated anywhere and with any byte changed: found or not, but within bounds. The copy is as
 * long as it says, so that a sanitizer sees one byte too many. */
Test(kallsyms, damage)
{
    static const uint8_t values[] = {0x00, 0x7f, 0x80, 0xff};
    static struct made_symbol made[40];
    make_symbols(made, 40);
    struct kallsyms found;
    struct error err;
    for (size_t l = 2; l < LAYOUTS; l += 2) {
        struct bytes image = make_kallsyms(&layouts[l], made, 40);
        for (size_t size = 8192; size < image.size; size += 7) {
            struct bytes cut = {0};
            bytes_append(&cut, image.data, size);
            if (kallsyms_find(cut.data, cut.size, &found, &err) == 0)
                kallsyms_free(&found);
            bytes_free(&cut);
        }
        for (size_t at = 8192; at < image.size; at += 3) {
            uint8_t old = image.data[at];
            image.data[at] = values[at % sizeof values];
            if (kallsyms_find(image.data, image.size, &found, &err) == 0)
                kallsyms_free(&found);
            image.data[at] = old;
        }
        bytes_free(&image);
    }
}

/* A stock kernel as the distribution ships it, stripped. */
Test(kallsyms, real_kernel)
{
    if (access(REAL_KERNEL, R_OK) != 0)
        cr_skip_test(REAL_KERNEL " is not there: make guests");
    struct symbols *symbols = symbols_new();
    struct error err = {""};
    long added = symbols_add_file(symbols, REAL_KERNEL, &err);
    cr_assert_gt(added, 50000, "%ld %s", added, err.text);
    static const char *const functions[] = {"die",          "panic",       "do_sys_openat2",
                                            "start_kernel", "__schedule",  "handle_exception",
                                            "_stext",       "__start_BTF", "kernel_clone"};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        const struct symbol *symbol = symbols_named(symbols, functions[i]);
        cr_assert(symbol, "%s", functions[i]);
        cr_expect_geq(symbol->address, LINK);
        cr_expect_lt(symbol->address, LINK + (64 << 20));
        cr_expect_gt(symbol->size, 0);
    }
    cr_expect_eq(symbols_named(symbols, "_start")->address, LINK);
    char text[64];
    uint64_t panic = symbols_named(symbols, "panic")->address;
    symbols_format(symbols, panic + 2, text, sizeof text);
    cr_expect_eq(strncmp(text, "panic+0x2/0x", 12), 0, "%s", text);
    cr_expect_str_eq(symbols_nearest(symbols, "do_sys_opneat2"), "do_sys_openat2");

    struct tasks *tasks = tasks_new(REAL_KERNEL, symbols, &err);
    cr_assert(tasks, "%s", err.text);
    cr_expect_eq(tasks_tgid_offset(tasks), tasks_pid_offset(tasks) + 4);
    cr_expect_gt(tasks_comm_offset(tasks), tasks_pid_offset(tasks));
    struct tasks *searched = tasks_new(REAL_KERNEL, NULL, &err); /* by its magic number */
    cr_assert(searched, "%s", err.text);
    cr_expect_eq(tasks_comm_offset(searched), tasks_comm_offset(tasks));
    tasks_free(searched);
    tasks_free(tasks);
    symbols_free(symbols);
}

/* ---- Tasks -------------------------------------------------------------------------------- */

#define TASK UINT64_C(0xff60000002660000)

static int read_task(void *opaque, uint64_t gva, void *buffer, size_t size)
{
    const uint8_t *task = opaque;
    if (gva < TASK || gva > TASK + 64 - size)
        return -1;
    memcpy(buffer, task + (gva - TASK), size);
    return 0;
}

Test(tasks, names)
{
    struct bytes image = make_image(0x2000), btf = make_btf();
    struct error err = {""};
    bytes_append(&image, btf.data, btf.size);
    bytes_append(&image, NULL, 100);
    const char *path = file_of(&image);
    struct tasks *tasks = tasks_new(path, NULL, &err);
    file_gone(path);
    cr_assert(tasks, "%s", err.text);
    cr_expect_eq(tasks_comm_offset(tasks), 40);
    cr_expect_eq(tasks_pid_offset(tasks), 24);
    cr_expect_eq(tasks_tgid_offset(tasks), 28);

    uint8_t task[64] = {0};
    char comm[TASKS_COMM_SIZE];
    int pid;
    task[24] = 0x39, task[25] = 0x05;
    memcpy(task + 40, "post\033mark", 9);
    cr_expect_eq(tasks_name(tasks, read_task, task, TASK, comm, &pid), 0);
    cr_expect_str_eq(comm, "post?mark");
    cr_expect_eq(pid, 1337);
    memcpy(task + 40, "0123456789abcdef", 16); /* no NUL: not a task */
    cr_expect_eq(tasks_name(tasks, read_task, task, TASK, comm, &pid), -1);
    cr_expect_str_eq(comm, "");
    cr_expect_eq(pid, -1);
    cr_expect_eq(tasks_name(tasks, read_task, task, TASK + 16, comm, &pid), -1); /* unreadable */
    cr_expect_eq(tasks_name(tasks, read_task, task, 0x1000, comm, &pid), -1);    /* user space */
    cr_expect_eq(tasks_name(tasks, read_task, task, UINT64_MAX - 7, comm, &pid), -1);
    cr_expect_eq(tasks_name(NULL, read_task, task, TASK, comm, &pid), -1);
    task[55] = 0;
    task[27] = 0x80; /* a negative pid */
    cr_expect_eq(tasks_name(tasks, read_task, task, TASK, comm, &pid), -1);
    tasks_free(tasks);
    bytes_free(&image);
    bytes_free(&btf);
}

Test(tasks, no_or_damaged_btf)
{
    struct bytes image = make_image(0x1000), btf = make_btf(), elf = make_elf();
    struct error err = {"x"};
    const char *path = file_of(&image);
    cr_expect_null(tasks_new(path, NULL, &err));
    cr_expect_str_eq(err.text, "", "no BTF is not an error");
    file_gone(path);
    path = file_of(&elf);
    cr_expect_null(tasks_new(path, NULL, &err));
    cr_expect_str_eq(err.text, "");
    file_gone(path);
    cr_expect_null(tasks_new("/nonexistent", NULL, &err));
    cr_expect(strstr(err.text, "cannot open"), "%s", err.text);
    for (size_t at = 0; at < btf.size; at++) {
        btf.data[at] ^= 0x41;
        struct bytes damaged = {0};
        bytes_append(&damaged, image.data, image.size);
        bytes_append(&damaged, btf.data, btf.size);
        path = file_of(&damaged);
        tasks_free(tasks_new(path, NULL, &err));
        file_gone(path);
        bytes_free(&damaged);
        btf.data[at] ^= 0x41;
    }
    bytes_free(&image);
    bytes_free(&btf);
    bytes_free(&elf);
}
