/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem/sections.h"
#include "tests/unit/images.h"

#define SHDR 0x300 /* of make_elf() */

/* Writes a field of a section's header; sections are numbered in the order of the file. */
#define PUT(elf, number, field, value)                                                        \
    bytes_put(elf, SHDR + (number) * sizeof(Elf64_Shdr) + offsetof(Elf64_Shdr, field), value, \
              sizeof((Elf64_Shdr){0}.field))

static int find(const struct bytes *elf, const char *name, struct section *section,
                struct error *err)
{
    const char *path = file_of(elf);
    int result = section_find(path, name, section, err);
    file_gone(path);
    return result;
}

/* The message without the file's name. */
static void refuse(const struct bytes *elf, const char *name, const char *expected)
{
    struct section section;
    struct error err = {""};
    cr_assert_eq(find(elf, name, &section, &err), -1, "%s", expected);
    const char *message = strstr(err.text, ": ");
    cr_assert(message && !strcmp(message + 2, expected), "%s\nnot %s", err.text, expected);
}

Test(sections, contents_and_address)
{
    struct bytes elf = make_elf();
    struct section section;
    struct error err = {""};
    cr_assert_eq(find(&elf, ".data", &section, &err), 0, "%s", err.text);
    cr_expect_eq(section.address, MAKE_ELF_VIRTUAL + MAKE_ELF_DATA);
    cr_expect_eq(section.size, 0x40);
    cr_expect_arr_eq(section.bytes, elf.data + 0x200, 0x40);
    free(section.bytes);
    cr_assert_eq(find(&elf, ".text", &section, &err), 0, "%s", err.text);
    cr_expect_eq(section.size, 0x100);
    cr_expect_arr_eq(section.bytes, elf.data + 0x100, 0x100);
    free(section.bytes);
    bytes_free(&elf);
}

Test(sections, without_contents)
{
    struct bytes elf = make_elf();
    struct section section = {.bytes = elf.data};
    struct error err = {""};
    PUT(&elf, 2, sh_type, SHT_NOBITS);
    PUT(&elf, 2, sh_offset, UINT64_C(1) << 40);
    PUT(&elf, 2, sh_size, 0x123456);
    cr_assert_eq(find(&elf, ".data", &section, &err), 0, "%s", err.text);
    cr_expect_eq(section.size, 0x123456);
    cr_expect_null(section.bytes);
    PUT(&elf, 1, sh_size, 0);
    cr_assert_eq(find(&elf, ".text", &section, &err), 0, "%s", err.text);
    cr_expect_eq(section.size, 0);
    cr_expect_null(section.bytes);
    bytes_free(&elf);
}

Test(sections, unknown_ones)
{
    struct bytes elf = make_elf();
    refuse(&elf, ".nvm", "expected a section \".nvm\", found only .text, .data");
    refuse(&elf, "", "expected a section \"\", found only .text, .data");
    refuse(&elf, ".symtab", "expected a section \".symtab\", found only .text, .data");
    PUT(&elf, 1, sh_flags, 0);
    refuse(&elf, ".text", "expected a section \".text\", found only .data");
    PUT(&elf, 2, sh_flags, 0);
    refuse(&elf, ".text", "expected a section \".text\", found only sections that are not loaded");
    bytes_free(&elf);
}

Test(sections, truncated)
{
    struct bytes elf = make_elf();
    struct section section;
    struct error err = {""};
    PUT(&elf, 2, sh_size, 0x10000);
    cr_assert_eq(find(&elf, ".data", &section, &err), -1);
    cr_expect(strstr(err.text, ": section \".data\": "), "%s", err.text);
    PUT(&elf, 2, sh_size, UINT64_MAX - 0x10);
    cr_assert_eq(find(&elf, ".data", &section, &err), -1);
    bytes_free(&elf);
}

Test(sections, not_an_elf_file)
{
    struct bytes other = {0};
    struct section section;
    struct error err = {""};
    bytes_append(&other, "#!/bin/sh\n", 10);
    refuse(&other, ".text", "expected an ELF file with sections");
    bytes_free(&other);
    cr_assert_eq(section_find("/nonexistent.elf", ".text", &section, &err), -1);
    cr_expect_str_eq(err.text, "/nonexistent.elf: cannot open: No such file or directory");
    struct bytes elf = make_elf();
    bytes_put(&elf, offsetof(Elf64_Ehdr, e_shoff), 0, 8);
    bytes_put(&elf, offsetof(Elf64_Ehdr, e_shnum), 0, 2);
    bytes_put(&elf, offsetof(Elf64_Ehdr, e_shstrndx), 0, 2);
    cr_assert_eq(find(&elf, ".text", &section, &err), -1);
    cr_expect(strstr(err.text, "found only sections that are not loaded") ||
                  strstr(err.text, "expected an ELF file with sections"),
              "%s", err.text);
    bytes_free(&elf);
}

/* However it is damaged, it is refused or has sections of sizes that fit into it. */
Test(sections, damaged)
{
    struct bytes elf = make_elf();
    for (size_t at = 0; at < elf.size; at++) {
        struct section section;
        struct error err = {""};
        uint8_t was = elf.data[at];
        elf.data[at] ^= 0xff;
        if (!find(&elf, ".data", &section, &err)) {
            cr_expect(!section.bytes || section.size <= elf.size, "byte %zu", at);
            free(section.bytes);
        } else {
            cr_expect(err.text[0], "byte %zu", at);
        }
        elf.data[at] = was;
    }
    bytes_free(&elf);
}
