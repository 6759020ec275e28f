/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem/load.h"
#include "tests/unit/images.h"

#define RAM      UINT64_C(0x80000000)
#define RAM_SIZE UINT64_C(0x100000)
#define ROM      UINT64_C(0x20000000)

static uint64_t no_read(void *opaque, uint64_t offset, unsigned size)
{
    (void)opaque, (void)offset, (void)size;
    return 0;
}

static void no_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    (void)opaque, (void)offset, (void)size, (void)value;
}

static const struct mmio_ops no_ops = {no_read, no_write};

/* RAM, all 0xaa, with a device behind it; a small ROM. */
static struct memory *new_memory(void)
{
    static uint8_t dirt[RAM_SIZE];
    struct error err;
    struct memory *mem = memory_new(12);
    cr_assert(mem);
    cr_assert_eq(memory_add(mem, "dram", RAM, RAM_SIZE, REGION_RAM, false, &err), 0);
    cr_assert_eq(memory_add(mem, "flash", ROM, 0x1000, REGION_ROM, true, &err), 0);
    cr_assert_eq(memory_add_device(mem, "dev", RAM + RAM_SIZE, 0x1000, &no_ops, NULL, &err), 0);
    memset(dirt, 0xaa, sizeof dirt);
    cr_assert_eq(memory_load(mem, RAM, dirt, sizeof dirt), 0);
    return mem;
}

static uint8_t byte_at(const struct memory *mem, uint64_t gpa)
{
    uint8_t byte = 0;
    cr_assert_eq(memory_read(mem, gpa, &byte, 1), 0);
    return byte;
}

static bool same_at(const struct memory *mem, uint64_t gpa, const uint8_t *expected, size_t size)
{
    const uint8_t *host = memory_host(mem, gpa, size);
    return host && memcmp(host, expected, size) == 0;
}

/* Loads from memory; checks that an error is one line that begins with the file's name. */
static int load(struct memory *mem, const struct bytes *bytes, uint64_t address,
                struct image *image, struct error *err)
{
    const char *path = file_of(bytes);
    int rc = load_image(mem, path, EM_RISCV, address, image, err);
    if (rc != 0) {
        cr_assert_eq(rc, -1);
        cr_assert_eq(strncmp(err->text, path, strlen(path)), 0, "%s", err->text);
        cr_assert_null(strchr(err->text, '\n'), "%s", err->text);
    }
    file_gone(path);
    return rc;
}

static void expect_error(const struct bytes *bytes, uint64_t address, const char *text)
{
    struct memory *mem = new_memory();
    struct image image;
    struct error err = {""};
    cr_expect_eq(load(mem, bytes, address, &image, &err), -1, "loaded in spite of: %s", text);
    cr_expect(strstr(err.text, text), "expected \"%s\" in \"%s\"", text, err.text);
    memory_free(mem);
}

Test(load, elf)
{
    struct memory *mem = new_memory();
    struct bytes elf = make_elf();
    struct image image;
    struct error err = {""};
    cr_assert_eq(load(mem, &elf, 0, &image, &err), 0, "%s", err.text);
    cr_expect_eq(image.entry, RAM + 0x10, "the physical address of a virtual entry");
    cr_expect_eq(image.start, RAM);
    cr_expect_eq(image.end, RAM + 0x3000);
    cr_expect(same_at(mem, RAM, elf.data + 0x100, 0x100));
    cr_expect_eq(byte_at(mem, RAM + 0x100), 0xaa);
    cr_expect(same_at(mem, RAM + 0x1000, elf.data + 0x200, 0x40));
    static const uint8_t zeros[0x1fc0];
    cr_expect(same_at(mem, RAM + 0x1040, zeros, sizeof zeros), "bss");
    cr_expect_eq(byte_at(mem, RAM + 0x3000), 0xaa);
    bytes_free(&elf);
    memory_free(mem);
}

Test(load, elf_entry_forms)
{
    static const struct {
        uint64_t entry, expected;
    } cases[] = {
        {MAKE_ELF_VIRTUAL + MAKE_ELF_DATA + 4, MAKE_ELF_DATA + 4}, /* virtual */
        {MAKE_ELF_TEXT + 4, MAKE_ELF_TEXT + 4},                    /* physical already */
        {0, MAKE_ELF_TEXT},                                        /* none */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct memory *mem = new_memory();
        struct bytes elf = make_elf();
        struct image image;
        struct error err = {""};
        bytes_put(&elf, offsetof(Elf64_Ehdr, e_entry), cases[i].entry, 8);
        cr_assert_eq(load(mem, &elf, 0, &image, &err), 0, "%s", err.text);
        cr_expect_eq(image.entry, cases[i].expected);
        bytes_free(&elf);
        memory_free(mem);
    }
}

Test(load, elf_hostile_numbers)
{
    enum {
        P0 = ELF_PHDR,
        P1 = ELF_PHDR + ELF_PHDR_SIZE
    };
    static const struct {
        size_t at;
        uint64_t value;
        unsigned size;
        const char *text;
    } cases[] = {
        {offsetof(Elf64_Ehdr, e_machine), EM_X86_64, 2,
         "expected an ELF file for RISC-V, found one for x86-64"},
        {offsetof(Elf64_Ehdr, e_machine), 0x1234, 2, "found one for machine 4660"},
        {EI_DATA, ELFDATA2MSB, 1, ""},
        {EI_CLASS, ELFCLASS32, 1, ""},
        {EI_CLASS, 77, 1, "damaged"},
        {offsetof(Elf64_Ehdr, e_type), ET_REL, 2, "found an object file"},
        {offsetof(Elf64_Ehdr, e_type), ET_CORE, 2, "found a core dump"},
        {offsetof(Elf64_Ehdr, e_phoff), UINT64_MAX - 8, 8, "program header"},
        {offsetof(Elf64_Ehdr, e_phoff), 0x7fffffffffffffff, 8, "program header"},
        {offsetof(Elf64_Ehdr, e_phnum), 0xfffe, 2, "program header"},
        {offsetof(Elf64_Ehdr, e_phnum), 0, 2, "nothing to load"},
        {offsetof(Elf64_Ehdr, e_phoff), 0, 8, "nothing to load"}, /* the header describes itself */
        {offsetof(Elf64_Ehdr, e_entry), 0x1234, 8, "entry point 0x1234 is in no loadable segment"},
        {P0 + offsetof(Elf64_Phdr, p_filesz), 0x101, 8, "is larger than in memory"},
        {P1 + offsetof(Elf64_Phdr, p_offset), UINT64_MAX - 4, 8, "beyond the end of the file"},
        {P1 + offsetof(Elf64_Phdr, p_offset), 1 << 20, 8, "beyond the end of the file"},
        {P0 + offsetof(Elf64_Phdr, p_vaddr), UINT64_MAX - 4, 8,
         "past the end of the address space"},
        {P0 + offsetof(Elf64_Phdr, p_paddr), UINT64_MAX - 4, 8,
         "past the end of the address space"},
        {P1 + offsetof(Elf64_Phdr, p_memsz), UINT64_MAX, 8, "past the end of the address space"},
        {P1 + offsetof(Elf64_Phdr, p_memsz), RAM_SIZE, 8, "there is no memory at 0x80100000"},
        {P1 + offsetof(Elf64_Phdr, p_memsz), UINT64_C(1) << 30, 8,
         "there is no memory at 0x80100000"},
        {P1 + offsetof(Elf64_Phdr, p_paddr), RAM + RAM_SIZE, 8, "there is no memory at 0x80100000"},
        {P1 + offsetof(Elf64_Phdr, p_paddr), 0x1000, 8, "there is no memory at 0x1000"},
        {P1 + offsetof(Elf64_Phdr, p_paddr), RAM + 0xff, 8,
         "overlap at physical address 0x800000ff"},
        {P1 + offsetof(Elf64_Phdr, p_paddr), RAM, 8, "overlap at physical address 0x80000000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes elf = make_elf();
        bytes_put(&elf, cases[i].at, cases[i].value, cases[i].size);
        expect_error(&elf, 0, cases[i].text);
        bytes_free(&elf);
    }
}

Test(load, elf_too_many_segments)
{
    struct bytes elf = make_elf();
    size_t table = elf.size;
    uint8_t header[ELF_PHDR_SIZE];
    memcpy(header, elf.data + ELF_PHDR, sizeof header);
    for (unsigned i = 0; i < 2000; i++)
        bytes_append(&elf, header, sizeof header);
    bytes_put(&elf, offsetof(Elf64_Ehdr, e_phoff), table, 8);
    bytes_put(&elf, offsetof(Elf64_Ehdr, e_phnum), 2000, 2);
    expect_error(&elf, 0, "more than 512 loadable ELF segments");
    bytes_free(&elf);
}

/* Each prefix, and each byte of the headers with each of some values: an answer, never a crash. */
Test(load, elf_damage)
{
    static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    struct memory *mem = new_memory();
    struct bytes elf = make_elf();
    struct image image;
    struct error err;
    size_t whole = elf.size, refused = 0;
    for (elf.size = 1; elf.size < whole; elf.size++)
        if (load(mem, &elf, RAM, &image, &err) != 0)
            refused++;
        else /* as raw bytes, or when only section headers are missing */
            cr_assert(elf.size < 4 || elf.size >= 0x240, "%zu", elf.size);
    cr_expect_gt(refused, 500);
    elf.size = whole;
    for (size_t at = 0; at < 0x100; at++) {
        uint8_t old = elf.data[at];
        for (size_t i = 0; i < sizeof values; i++) {
            elf.data[at] = values[i];
            if (load(mem, &elf, RAM, &image, &err) == 0)
                cr_assert(image.start < image.end && image.end <= RAM + RAM_SIZE);
        }
        elf.data[at] = old;
    }
    bytes_free(&elf);
    memory_free(mem);
}

Test(load, linux_image_plain_and_gzip)
{
    for (int gzip = 0; gzip < 2; gzip++) {
        struct memory *mem = new_memory();
        struct bytes plain = make_image(0x6000), packed = gzipped(&plain);
        struct image image;
        struct error err = {""};
        cr_assert_eq(load(mem, gzip ? &packed : &plain, RAM, &image, &err), 0, "%s", err.text);
        cr_expect_eq(image.entry, RAM + 0x1000);
        cr_expect_eq(image.start, RAM + 0x1000);
        cr_expect_eq(image.end, RAM + 0x9000, "image_size counts, not the file's");
        cr_expect(same_at(mem, RAM + 0x1000, plain.data, plain.size));
        cr_expect_eq(byte_at(mem, RAM + 0xfff), 0xaa);
        cr_expect_eq(byte_at(mem, RAM + 0x7000), 0xaa);
        bytes_free(&plain);
        bytes_free(&packed);
        memory_free(mem);
    }
}

Test(load, linux_image_hostile)
{
    static const struct {
        size_t at;
        uint64_t value;
        unsigned size;
        const char *text;
    } cases[] = {
        {0x08, UINT64_MAX, 8, "text_offset"},
        {0x08, UINT64_MAX - RAM, 8, "address space"},
        {0x08, 0x40000000, 8, "there is no memory at 0xc0000000"},
        {0x08, RAM_SIZE - 0x1000, 8, "there is no memory at 0x80100000"},
        {0x10, UINT64_MAX, 8, "address space"},
        {0x10, RAM_SIZE, 8, "there is no memory at 0x80100000"},
        {0x18, 1, 8, "big-endian"},
        {0x78 + 16, 0x6000, 4, "truncated: its header promises 25088 bytes, found 24576"},
        {0x78 + 20, 0xffffffff, 4, "truncated"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes image = make_image(0x6000);
        bytes_put(&image, cases[i].at, cases[i].value, cases[i].size);
        expect_error(&image, RAM, cases[i].text);
        struct bytes packed = gzipped(&image);
        expect_error(&packed, RAM, cases[i].text);
        bytes_free(&packed);
        bytes_free(&image);
    }
}

Test(load, gzip_truncated_and_damaged)
{
    struct bytes image = make_image(0x6000), packed = gzipped(&image);
    size_t whole = packed.size;
    struct memory *mem = new_memory();
    struct image loaded;
    struct error err;
    for (packed.size = 2; packed.size < whole; packed.size++)
        cr_assert_eq(load(mem, &packed, RAM, &loaded, &err), -1, "%zu", packed.size);
    packed.size = whole;
    for (size_t at = 0; at < whole; at++) {
        packed.data[at] ^= 0x55;
        load(mem, &packed, RAM, &loaded, &err);
        packed.data[at] ^= 0x55;
    }
    packed.size = whole / 2;
    expect_error(&packed, RAM, "the gzip data is truncated");
    packed.size = whole;
    packed.data[whole - 5] ^= 1; /* the check sum */
    expect_error(&packed, RAM, "the gzip data is damaged");
    memory_free(mem);
    bytes_free(&image);
    bytes_free(&packed);
}

Test(load, gzip_bomb_stops_at_the_end_of_memory)
{
    struct bytes image = make_image(0x6000);
    bytes_append(&image, NULL, 64 << 20);
    struct bytes packed = gzipped(&image);
    cr_assert_lt(packed.size, 1 << 18);
    expect_error(&packed, RAM,
                 "does not fit when decompressed: memory for it ends after 0xff000 bytes, at "
                 "0x80100000");
    bytes_free(&image);
    bytes_free(&packed);
}

Test(load, gzip_of_something_else)
{
    struct bytes raw = {0}, elf = make_elf();
    bytes_append(&raw, "just some text", 14);
    struct bytes packed = gzipped(&raw), packed_elf = gzipped(&elf);
    expect_error(&packed, RAM, "does not hold a RISC-V Linux Image");
    expect_error(&packed_elf, RAM, "gzip-compressed ELF");
    bytes_free(&raw);
    bytes_free(&elf);
    bytes_free(&packed);
    bytes_free(&packed_elf);
}

Test(load, raw)
{
    struct memory *mem = new_memory();
    struct bytes raw = {0};
    struct image image;
    struct error err = {""};
    bytes_append(&raw, "\x13\x00\x00\x00", 4);
    bytes_append(&raw, NULL, 0x1000 - 4);
    cr_assert_eq(load(mem, &raw, RAM + 8, &image, &err), 0, "%s", err.text);
    cr_expect(image.entry == RAM + 8 && image.start == RAM + 8 && image.end == RAM + 0x1008);
    cr_expect_eq(byte_at(mem, RAM + 8), 0x13);
    cr_assert_eq(load(mem, &raw, ROM, &image, &err), 0, "ROM: %s", err.text);
    cr_expect_eq(byte_at(mem, ROM), 0x13);
    cr_assert_eq(load(mem, &raw, RAM + RAM_SIZE - 0x1000, &image, &err), 0, "%s", err.text);

    expect_error(&raw, ROM + 1, "there is no memory at 0x20001000");
    expect_error(&raw, RAM + RAM_SIZE - 0xfff, "there is no memory at 0x80100000");
    expect_error(&raw, RAM + RAM_SIZE, "there is no memory at 0x80100000");
    expect_error(&raw, UINT64_MAX - 0xffe, "address space");
    expect_error(&raw, UINT64_MAX - 0xfff, "there is no memory at 0xfffffffffffff000");

    /* load_raw() takes an ELF file or gzip data for what they are: bytes. */
    struct bytes elf = make_elf();
    const char *path = file_of(&elf);
    cr_assert_eq(load_raw(mem, path, RAM, &image, &err), 0, "%s", err.text);
    cr_expect_eq(byte_at(mem, RAM + 1), 'E');
    cr_expect_eq(image.end, RAM + elf.size);
    file_gone(path);
    bytes_free(&elf);
    bytes_free(&raw);
    memory_free(mem);
}

Test(load, file_kinds)
{
    uint64_t size = 0;
    struct error err = {""};
    char dir[] = "/tmp/iaso-load-XXXXXX", path[64];
    cr_assert(mkdtemp(dir));
    cr_expect_eq(load_file_size(dir, &size, &err), -1);
    cr_expect(strstr(err.text, "found a directory"), "%s", err.text);
    snprintf(path, sizeof path, "%s/x", dir);
    cr_expect_eq(load_file_size(path, &size, &err), -1);
    cr_expect(strstr(err.text, "No such file"), "%s", err.text);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_expect_eq(load_file_size(path, &size, &err), -1, "and does not hang");
    cr_expect(strstr(err.text, "regular file"), "%s", err.text);
    unlink(path);
    FILE *file = fopen(path, "w");
    cr_assert(file);
    fclose(file);
    cr_expect_eq(load_file_size(path, &size, &err), -1);
    cr_expect(strstr(err.text, "empty"), "%s", err.text);
    unlink(path);
    rmdir(dir);

    struct bytes elf = make_elf();
    const char *name = file_of(&elf);
    cr_expect_eq(load_file_size(name, &size, &err), 0);
    cr_expect_eq(size, elf.size);
    cr_expect_eq(load_file_size(name, &size, NULL), 0);
    file_gone(name);
    bytes_free(&elf);
}
