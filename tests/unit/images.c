/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "tests/unit/images.h"

#include <bpf/btf.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

static void require(bool good, const char *what)
{
    if (!good) {
        perror(what);
        abort();
    }
}

void bytes_free(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){0};
}

void bytes_append(struct bytes *bytes, const void *data, size_t size)
{
    if (size == 0)
        return;
    bytes->data = realloc(bytes->data, bytes->size + size);
    require(bytes->data, "realloc");
    if (data)
        memcpy(bytes->data + bytes->size, data, size);
    else
        memset(bytes->data + bytes->size, 0, size);
    bytes->size += size;
}

void bytes_align(struct bytes *bytes, size_t alignment)
{
    bytes_append(bytes, NULL, (alignment - bytes->size % alignment) % alignment);
}

void bytes_put(struct bytes *bytes, size_t at, uint64_t value, unsigned size)
{
    require(at + size <= bytes->size, "bytes_put");
    for (unsigned i = 0; i < size; i++)
        bytes->data[at + i] = (uint8_t)(value >> 8 * i);
}

static void append_number(struct bytes *bytes, uint64_t value, unsigned size)
{
    bytes_append(bytes, NULL, size);
    bytes_put(bytes, bytes->size - size, value, size);
}

const char *file_of(const struct bytes *bytes)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    require(fd >= 0, "memfd_create");
    for (size_t done = 0; done < bytes->size;) {
        ssize_t n = write(fd, bytes->data + done, bytes->size - done);
        require(n > 0, "write");
        done += (size_t)n;
    }
    char *path;
    require(asprintf(&path, "/proc/self/fd/%d", fd) > 0, "asprintf");
    return path;
}

void file_gone(const char *path)
{
    close(atoi(strrchr(path, '/') + 1));
    free((void *)path);
}

struct bytes gzipped(const struct bytes *bytes)
{
    z_stream z = {.next_in = bytes->data, .avail_in = (unsigned)bytes->size};
    require(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK, "zlib");
    struct bytes out = {0};
    bytes_append(&out, NULL, deflateBound(&z, bytes->size));
    z.next_out = out.data;
    z.avail_out = (unsigned)out.size;
    require(deflate(&z, Z_FINISH) == Z_STREAM_END, "zlib");
    out.size = z.total_out;
    deflateEnd(&z);
    return out;
}

struct bytes make_elf(void)
{
    enum {
        TEXT = 0x100,
        DATA = 0x200,
        SYMTAB = 0x240,
        STRTAB = SYMTAB + 5 * 24,
        SHDR = 0x300
    };
    static const char strings[] = "\0start\0helper\0table\0$x";
    static const char section_names[] = "\0.text\0.data\0.symtab\0.strtab";
    struct bytes out = {0};
    Elf64_Ehdr header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                         .e_type = ET_EXEC,
                         .e_machine = EM_RISCV,
                         .e_version = EV_CURRENT,
                         .e_entry = MAKE_ELF_VIRTUAL + MAKE_ELF_TEXT + 0x10,
                         .e_phoff = ELF_PHDR,
                         .e_shoff = SHDR,
                         .e_ehsize = sizeof(Elf64_Ehdr),
                         .e_phentsize = sizeof(Elf64_Phdr),
                         .e_phnum = 2,
                         .e_shentsize = sizeof(Elf64_Shdr),
                         .e_shnum = 5,
                         .e_shstrndx = 4};
    Elf64_Phdr segments[] = {
        {.p_type = PT_LOAD,
         .p_flags = PF_R | PF_X,
         .p_offset = TEXT,
         .p_vaddr = MAKE_ELF_VIRTUAL + MAKE_ELF_TEXT,
         .p_paddr = MAKE_ELF_TEXT,
         .p_filesz = 0x100,
         .p_memsz = 0x100},
        {.p_type = PT_LOAD,
         .p_flags = PF_R | PF_W,
         .p_offset = DATA,
         .p_vaddr = MAKE_ELF_VIRTUAL + MAKE_ELF_DATA,
         .p_paddr = MAKE_ELF_DATA,
         .p_filesz = 0x40,
         .p_memsz = 0x2000},
    };
    Elf64_Sym symbols[] = {
        {0},
        {.st_name = 1,
         .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
         .st_shndx = 1,
         .st_value = MAKE_ELF_VIRTUAL + MAKE_ELF_TEXT + 0x10,
         .st_size = 0x20},
        {.st_name = 7, /* no size: up to the end of the section */
         .st_info = ELF64_ST_INFO(STB_LOCAL, STT_NOTYPE),
         .st_shndx = 1,
         .st_value = MAKE_ELF_VIRTUAL + MAKE_ELF_TEXT + 0x80},
        {.st_name = 14,
         .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT),
         .st_shndx = 2,
         .st_value = MAKE_ELF_VIRTUAL + MAKE_ELF_DATA,
         .st_size = 8},
        {.st_name = 20, .st_shndx = 1, .st_value = MAKE_ELF_VIRTUAL + MAKE_ELF_TEXT},
    };
    Elf64_Shdr sections[] = {
        {0},
        {.sh_name = 1,
         .sh_type = SHT_PROGBITS,
         .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
         .sh_addr = MAKE_ELF_VIRTUAL + MAKE_ELF_TEXT,
         .sh_offset = TEXT,
         .sh_size = 0x100},
        {.sh_name = 7,
         .sh_type = SHT_PROGBITS,
         .sh_flags = SHF_ALLOC | SHF_WRITE,
         .sh_addr = MAKE_ELF_VIRTUAL + MAKE_ELF_DATA,
         .sh_offset = DATA,
         .sh_size = 0x40},
        {.sh_name = 13,
         .sh_type = SHT_SYMTAB,
         .sh_offset = SYMTAB,
         .sh_size = sizeof symbols,
         .sh_link = 4,
         .sh_info = 1,
         .sh_addralign = 8,
         .sh_entsize = sizeof *symbols},
        {.sh_name = 21,
         .sh_type = SHT_STRTAB,
         .sh_offset = STRTAB,
         .sh_size = sizeof strings + sizeof section_names},
    };
    for (unsigned i = 1; i < 5; i++)
        sections[i].sh_name += sizeof strings;
    bytes_append(&out, &header, sizeof header);
    bytes_append(&out, segments, sizeof segments);
    bytes_align(&out, TEXT);
    for (unsigned i = 0; i < 0x140; i++)
        append_number(&out, i % 251 + 1, 1);
    bytes_append(&out, symbols, sizeof symbols);
    bytes_append(&out, strings, sizeof strings);
    bytes_append(&out, section_names, sizeof section_names);
    bytes_align(&out, SHDR);
    bytes_append(&out, sections, sizeof sections);
    return out;
}

struct bytes make_image(size_t size)
{
    struct bytes out = {0};
    bytes_append(&out, NULL, size);
    for (size_t i = 0x200; i < size; i++)
        out.data[i] = (uint8_t)(i % 253);
    memcpy(out.data, "MZ", 2);
    bytes_put(&out, 0x08, 0x1000, 8); /* text_offset */
    bytes_put(&out, 0x10, 0x8000, 8); /* image_size */
    bytes_put(&out, 0x20, 2, 4);      /* version 0.2 */
    memcpy(out.data + 0x30, "RISCV\0\0\0RSC\x05", 12);
    bytes_put(&out, 0x3c, 0x40, 4);
    memcpy(out.data + 0x40, "PE\0\0", 4);
    bytes_put(&out, 0x46, 1, 2);                 /* sections */
    bytes_put(&out, 0x54, 0x20, 2);              /* optional header */
    bytes_put(&out, 0x78 + 16, size - 0x200, 4); /* SizeOfRawData */
    bytes_put(&out, 0x78 + 20, 0x200, 4);        /* PointerToRawData */
    return out;
}

void make_symbols(struct made_symbol *symbols, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        symbols[i].address = UINT64_C(0xffffffff80000000) + i * 0x40;
        if (i == 0)
            strcpy(symbols[i].text, "T_start");
        else if (i == count / 2)
            snprintf(symbols[i].text, sizeof symbols[i].text, "t%0200d_long", 7);
        else
            snprintf(symbols[i].text, sizeof symbols[i].text, "%csys_function_%zu",
                     "TtDb"[i * 4 / count], i);
    }
}

static void put_addresses(struct bytes *out, const struct kallsyms_layout *layout,
                          const struct made_symbol *symbols, size_t count)
{
    uint64_t base = layout->base ? layout->base : symbols[0].address;
    for (size_t i = 0; i < count; i++) {
        if (layout->kind == MADE_ABSOLUTE)
            append_number(out, symbols[i].address, 8);
        else if (layout->kind == MADE_OFFSETS)
            append_number(out, symbols[i].address - base, 4);
        else if (symbols[i].address >> 63) /* relative to the base */
            append_number(out, base - 1 - symbols[i].address, 4);
        else /* a per-CPU symbol */
            append_number(out, symbols[i].address, 4);
    }
    bytes_align(out, 8);
    if (layout->kind != MADE_ABSOLUTE)
        append_number(out, layout->base, 8);
}

struct bytes make_kallsyms(const struct kallsyms_layout *layout, const struct made_symbol *symbols,
                           size_t count)
{
    struct bytes out = make_image(8192);
    if (!layout->addresses_last)
        put_addresses(&out, layout, symbols, count);
    append_number(&out, count, 8);
    size_t names = out.size, *marks = calloc(count / 256 + 1, sizeof *marks);
    require(marks, "calloc");
    for (size_t i = 0; i < count; i++) {
        /* Token 1 is "sys_", token 2 "function_"; every other one is a character. */
        uint8_t code[300];
        size_t n = 0;
        for (const char *c = symbols[i].text; *c;) {
            size_t step = strncmp(c, "sys_", 4) == 0 ? 4 : strncmp(c, "function_", 9) == 0 ? 9 : 1;
            code[n++] = step == 4 ? 1 : step == 9 ? 2 : (uint8_t)*c;
            c += step;
        }
        if (i % 256 == 0)
            marks[i / 256] = out.size - names;
        if (layout->uleb && n > 127) {
            append_number(&out, (n & 0x7f) | 0x80, 1);
            append_number(&out, n >> 7, 1);
        } else {
            append_number(&out, n, 1);
        }
        bytes_append(&out, code, n);
    }
    bytes_align(&out, 8);
    for (size_t i = 0; i < (count + 255) / 256; i++)
        append_number(&out, marks[i], layout->wide_markers ? 8 : 4);
    free(marks);
    bytes_align(&out, 8);
    if (layout->seqs && !layout->addresses_last) {
        bytes_append(&out, NULL, 3 * count);
        bytes_align(&out, 8);
    }
    size_t index[256], table = out.size;
    for (unsigned i = 0; i < 256; i++) {
        char one[2] = {i > ' ' && i < 0x7f ? (char)i : 0, 0};
        const char *token = i == 1 ? "sys_" : i == 2 ? "function_" : one;
        index[i] = out.size - table;
        bytes_append(&out, token, strlen(token) + 1);
    }
    bytes_align(&out, 8);
    for (unsigned i = 0; i < 256; i++)
        append_number(&out, index[i], 2);
    if (layout->addresses_last) {
        put_addresses(&out, layout, symbols, count);
        bytes_append(&out, NULL, 3 * count);
    }
    bytes_align(&out, 4096);
    bytes_put(&out, 0x78 + 16, out.size - 0x200, 4);
    return out;
}

struct bytes make_btf(void)
{
    struct btf *btf = btf__new_empty();
    require(btf, "btf__new_empty");
    int number = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
    int character = btf__add_int(btf, "char", 1, BTF_INT_CHAR);
    int name = btf__add_array(btf, number, character, 16);
    int inner = btf__add_struct(btf, "", 8);
    btf__add_field(btf, "pid", number, 0, 0);
    btf__add_field(btf, "tgid", number, 32, 0);
    btf__add_struct(btf, "task_struct", 64);
    btf__add_field(btf, "state", number, 0, 0);
    btf__add_field(btf, "", inner, 24 * 8, 0);
    btf__add_field(btf, "comm", name, 40 * 8, 0);
    uint32_t size;
    const void *data = btf__raw_data(btf, &size);
    require(data, "btf__raw_data");
    struct bytes out = {0};
    bytes_append(&out, data, size);
    btf__free(btf);
    return out;
}
