/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_TESTS_IMAGES_H
#define IASO_TESTS_IMAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Small, valid files made in memory, for tests to load as they are and to damage. Out of memory
 * aborts.
 */
struct bytes {
    uint8_t *data; /* malloc'ed */
    size_t size;
};

void bytes_free(struct bytes *bytes);
void bytes_append(struct bytes *bytes, const void *data, size_t size);
void bytes_align(struct bytes *bytes, size_t alignment);
void bytes_put(struct bytes *bytes, size_t at, uint64_t value, unsigned size); /* little-endian */

/* A path under which the bytes can be read as a regular file until file_gone(). */
const char *file_of(const struct bytes *bytes);
void file_gone(const char *path);

struct bytes gzipped(const struct bytes *bytes);

/* ELF64, little-endian: two segments (0x100 bytes at MAKE_ELF_TEXT, virtual MAKE_ELF_VIRTUAL
 * higher; 0x40 bytes and bss up to 0x2000 at MAKE_ELF_DATA) and a symbol table. */
#define MAKE_ELF_TEXT    UINT64_C(0x80000000)
#define MAKE_ELF_DATA    UINT64_C(0x80001000)
#define MAKE_ELF_VIRTUAL UINT64_C(0xffffffff00000000)
enum {
    ELF_PHDR = 64,
    ELF_PHDR_SIZE = 56
};
struct bytes make_elf(void);

/* A RISC-V Linux Image of `size` bytes with a PE header: text_offset 0x1000, image_size 0x8000. */
struct bytes make_image(size_t size);

struct made_symbol {
    char text[300]; /* type, then name */
    uint64_t address;
};

/* How scripts/kallsyms.c of some Linux version lays its tables out. */
struct kallsyms_layout {
    bool addresses_last; /* from 6.5 */
    bool seqs;           /* kallsyms_seqs_of_names, from 6.2 */
    bool wide_markers;   /* to 4.19 */
    bool uleb;           /* from 6.1 */
    enum {
        MADE_OFFSETS,
        MADE_PER_CPU,
        MADE_ABSOLUTE
    } kind;
    uint64_t base; /* as written to the file */
};

/* An Image of 12 KiB of other things with these tables in it. */
struct bytes make_kallsyms(const struct kallsyms_layout *layout, const struct made_symbol *symbols,
                           size_t count);

/* Fills in `count` symbols, the first at 0xffffffff80000000, one of them with a long name. */
void make_symbols(struct made_symbol *symbols, size_t count);

/* BTF of a task_struct: comm (16 bytes) at 40, pid at 24 and tgid at 28 within an anonymous struct.
 */
struct bytes make_btf(void);

#endif
