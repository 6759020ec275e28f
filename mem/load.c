/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mem/load.h"

#include <errno.h>
#include <gelf.h>
#include <inttypes.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem/input.h"

enum {
    CHUNK = 64 * 1024,
    HEAD = 4096,        /* enough for an Image's own header and the PE header in it */
    MAX_SEGMENTS = 512, /* a kernel has a handful */
};

static uint16_t le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t le32(const uint8_t *p)
{
    return le16(p) | (uint32_t)le16(p + 2) << 16;
}

static uint64_t le64(const uint8_t *p)
{
    return le32(p) | (uint64_t)le32(p + 4) << 32;
}

/* How many bytes from `gpa` on lie in RAM or ROM without a gap, at most `wanted`. */
static uint64_t backed(const struct memory *mem, uint64_t gpa, uint64_t wanted)
{
    uint64_t length = 0;
    while (length < wanted) {
        const struct region *region = memory_find(mem, gpa + length);
        if (!region || region->kind == REGION_DEVICE)
            break;
        uint64_t rest = region->size - (gpa + length - region->base);
        length += rest;
        if (gpa + length == 0) /* the last byte of the address space */
            break;
    }
    return length < wanted ? length : wanted;
}

/* Fails unless [gpa, gpa + length) is RAM or ROM; the message begins with path and `what`. */
static int check_backed(const struct memory *mem, const char *path, const char *what, uint64_t gpa,
                        uint64_t length, struct error *err)
{
    if (length && gpa > UINT64_MAX - (length - 1))
        return error_set(err,
                         "%s: %s of 0x%" PRIx64 " bytes at 0x%" PRIx64
                         " runs past the end of the address space",
                         path, what, length, gpa);
    uint64_t good = backed(mem, gpa, length);
    if (good < length)
        return error_set(err,
                         "%s: %s of 0x%" PRIx64 " bytes at 0x%" PRIx64
                         " does not fit: there is no memory at 0x%" PRIx64,
                         path, what, length, gpa, gpa + good);
    return 0;
}

/* Copies what the input still has to `gpa`, at most `room` bytes. Adds the length to *length. */
static int pour(struct memory *mem, struct input *input, const char *path, uint64_t gpa,
                uint64_t room, uint64_t *length, struct error *err)
{
    uint8_t *chunk = malloc(CHUNK);
    if (!chunk)
        return error_set(err, "%s: out of memory", path);
    int rc = -1;
    for (;;) {
        long n = input_read(input, chunk, CHUNK, err);
        if (n <= 0) {
            rc = n < 0 ? -1 : 0;
            break;
        }
        if ((uint64_t)n > room) {
            error_set(
                err,
                "%s: does not fit%s: memory for it ends after 0x%" PRIx64 " bytes, at 0x%" PRIx64,
                path, input_is_gzip(input) ? " when decompressed" : "", *length + room, gpa + room);
            break;
        }
        if (memory_load(mem, gpa, chunk, (uint64_t)n) < 0) {
            error_set(err, "%s: there is no memory at 0x%" PRIx64, path, gpa);
            break;
        }
        gpa += (uint64_t)n;
        room -= (uint64_t)n;
        *length += (uint64_t)n;
    }
    free(chunk);
    return rc;
}

int load_file_size(const char *path, uint64_t *size, struct error *err)
{
    struct input *input = input_open(path, false, err);
    if (!input)
        return -1;
    *size = input_file_size(input);
    input_close(input);
    return 0;
}

int load_raw(struct memory *mem, const char *path, uint64_t address, struct image *image,
             struct error *err)
{
    struct input *input = input_open(path, false, err);
    if (!input)
        return -1;
    uint64_t size = input_file_size(input), length = 0;
    int rc = check_backed(mem, path, "file", address, size, err);
    if (rc == 0)
        rc = pour(mem, input, path, address, backed(mem, address, UINT64_MAX), &length, err);
    input_close(input);
    if (rc == 0)
        *image = (struct image){.entry = address, .start = address, .end = address + length};
    return rc;
}

/* ---- RISC-V Linux Image ------------------------------------------------------------------- */

/* Documentation/arch/riscv/boot-image-header.rst */
enum {
    IMAGE_TEXT_OFFSET = 0x08,
    IMAGE_SIZE = 0x10,
    IMAGE_FLAGS = 0x18,
    IMAGE_MAGIC = 0x30, /* deprecated, but every kernel has it */
    IMAGE_MAGIC2 = 0x38,
    IMAGE_PE = 0x3c,
    IMAGE_HEADER_SIZE = 0x40,
};

static bool is_linux_image(const uint8_t *head, size_t size)
{
    return size >= IMAGE_HEADER_SIZE && memcmp(head + IMAGE_MAGIC2, "RSC\x05", 4) == 0 &&
           memcmp(head + IMAGE_MAGIC, "RISCV\0\0\0", 8) == 0;
}

/*
 * An Image with an EFI stub has a PE header, which says how much of it is in the file (PE Format:
 * 20 bytes of COFF header, the optional header, 40 bytes a section). 0 if it does not say.
 */
static uint64_t bytes_in_file(const uint8_t *head, size_t size)
{
    uint64_t pe = le32(head + IMAGE_PE), needed = 0;
    if (pe + 24 > size || memcmp(head + pe, "PE\0\0", 4) != 0)
        return 0;
    uint64_t section = pe + 24 + le16(head + pe + 20);
    for (unsigned i = 0; i < le16(head + pe + 6) && section + 40 <= size; i++, section += 40) {
        uint64_t end = (uint64_t)le32(head + section + 16) + le32(head + section + 20);
        if (end > needed)
            needed = end;
    }
    return needed;
}

static int load_linux(struct memory *mem, struct input *input, const char *path, uint64_t address,
                      const uint8_t *head, size_t head_size, struct image *image, struct error *err)
{
    uint64_t text_offset = le64(head + IMAGE_TEXT_OFFSET), size = le64(head + IMAGE_SIZE);
    if (le64(head + IMAGE_FLAGS) & 1)
        return error_set(err, "%s: expected a little-endian kernel Image, found a big-endian one",
                         path);
    if (text_offset > UINT64_MAX - address)
        return error_set(err, "%s: kernel Image: text_offset 0x%" PRIx64 " is out of range", path,
                         text_offset);
    uint64_t start = address + text_offset;
    uint64_t known = input_is_gzip(input) ? head_size : input_file_size(input);
    if (size < known)
        size = known; /* image_size is 0 in kernels that do not say */
    if (check_backed(mem, path, "kernel Image", start, size, err) < 0)
        return -1;

    uint64_t length = head_size;
    uint64_t room = backed(mem, start, UINT64_MAX) - head_size;
    if (memory_load(mem, start, head, head_size) < 0)
        return error_set(err, "%s: there is no memory at 0x%" PRIx64, path, start);
    if (pour(mem, input, path, start + head_size, room, &length, err) < 0)
        return -1;
    uint64_t needed = bytes_in_file(head, head_size);
    if (length < needed)
        return error_set(err,
                         "%s: the kernel Image is truncated: its header promises %" PRIu64
                         " bytes, found %" PRIu64,
                         path, needed, length);
    if (size < length)
        size = length;
    *image = (struct image){.entry = start, .start = start, .end = start + size};
    return 0;
}

/* ---- ELF ---------------------------------------------------------------------------------- */

struct segment {
    size_t index; /* in the program header table */
    uint64_t paddr, vaddr, offset, file_size, size;
};

static int compare_segments(const void *a, const void *b)
{
    const struct segment *x = a, *y = b;
    return (x->paddr > y->paddr) - (x->paddr < y->paddr);
}

static const char *machine_name(unsigned machine, char *buffer, size_t size)
{
    switch (machine) {
    case EM_RISCV:
        return "RISC-V";
    case EM_ARM:
        return "Arm";
    case EM_AARCH64:
        return "AArch64";
    case EM_X86_64:
        return "x86-64";
    case EM_386:
        return "x86";
    }
    snprintf(buffer, size, "machine %u", machine);
    return buffer;
}

static int check_elf_header(const GElf_Ehdr *header, const char *path, unsigned machine,
                            struct error *err)
{
    char found[32], expected[32];
    unsigned class = machine == EM_ARM ? ELFCLASS32 : ELFCLASS64;
    if (header->e_machine != machine)
        return error_set(err, "%s: expected an ELF file for %s, found one for %s", path,
                         machine_name(machine, expected, sizeof expected),
                         machine_name(header->e_machine, found, sizeof found));
    if (header->e_ident[EI_CLASS] != class)
        return error_set(err, "%s: expected a %d-bit ELF file, found a %d-bit one", path,
                         class == ELFCLASS32 ? 32 : 64, class == ELFCLASS32 ? 64 : 32);
    if (header->e_ident[EI_DATA] != ELFDATA2LSB)
        return error_set(err, "%s: expected a little-endian ELF file, found a big-endian one",
                         path);
    if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
        return error_set(err, "%s: expected an ELF executable, found %s", path,
                         header->e_type == ET_REL    ? "an object file"
                         : header->e_type == ET_CORE ? "a core dump"
                                                     : "an ELF file of unknown type");
    return 0;
}

/* Collects and checks the loadable segments, sorted by physical address. Returns how many. */
static int elf_segments(Elf *elf, const char *path, uint64_t file_size, struct segment *segments,
                        struct error *err)
{
    size_t headers;
    int count = 0;
    if (elf_getphdrnum(elf, &headers) < 0)
        return error_set(err, "%s: ELF program headers: %s", path, elf_errmsg(-1));
    for (size_t i = 0; i < headers; i++) {
        GElf_Phdr header;
        if (!gelf_getphdr(elf, (int)i, &header))
            return error_set(err, "%s: ELF program header %zu: %s", path, i, elf_errmsg(-1));
        if (header.p_type != PT_LOAD || header.p_memsz == 0)
            continue;
        if (count == MAX_SEGMENTS)
            return error_set(err, "%s: more than %d loadable ELF segments", path, MAX_SEGMENTS);
        if (header.p_filesz > header.p_memsz)
            return error_set(err,
                             "%s: ELF segment %zu: size in the file (0x%" PRIx64
                             ") is larger than in memory (0x%" PRIx64 ")",
                             path, i, header.p_filesz, header.p_memsz);
        if (header.p_filesz > file_size || header.p_offset > file_size - header.p_filesz)
            return error_set(err,
                             "%s: ELF segment %zu: 0x%" PRIx64 " bytes at offset 0x%" PRIx64
                             " are beyond the end of the file (0x%" PRIx64 ")",
                             path, i, header.p_filesz, header.p_offset, file_size);
        if (header.p_vaddr > UINT64_MAX - (header.p_memsz - 1))
            return error_set(err,
                             "%s: ELF segment %zu: 0x%" PRIx64 " bytes at virtual 0x%" PRIx64
                             " run past the end of the address space",
                             path, i, header.p_memsz, header.p_vaddr);
        segments[count++] = (struct segment){.index = i,
                                             .paddr = header.p_paddr,
                                             .vaddr = header.p_vaddr,
                                             .offset = header.p_offset,
                                             .file_size = header.p_filesz,
                                             .size = header.p_memsz};
    }
    if (count == 0)
        return error_set(err, "%s: the ELF file has nothing to load", path);
    qsort(segments, (size_t)count, sizeof *segments, compare_segments);
    return count;
}

/* Every check before the first byte is copied. */
static int place_segments(const struct memory *mem, const char *path,
                          const struct segment *segments, int count, struct error *err)
{
    for (int i = 0; i < count; i++) {
        char what[40];
        snprintf(what, sizeof what, "ELF segment %zu", segments[i].index);
        if (check_backed(mem, path, what, segments[i].paddr, segments[i].size, err) < 0)
            return -1;
        if (i > 0 && segments[i].paddr - segments[i - 1].paddr < segments[i - 1].size)
            return error_set(err,
                             "%s: ELF segments %zu and %zu overlap at physical address 0x%" PRIx64,
                             path, segments[i - 1].index, segments[i].index, segments[i].paddr);
    }
    return 0;
}

static int fill_segment(struct memory *mem, int fd, const char *path, const struct segment *segment,
                        uint8_t *chunk, struct error *err)
{
    uint64_t done = 0;
    while (done < segment->size) {
        uint64_t n = segment->size - done < CHUNK ? segment->size - done : CHUNK;
        if (done < segment->file_size) {
            if (n > segment->file_size - done)
                n = segment->file_size - done;
            ssize_t got = pread(fd, chunk, n, (off_t)(segment->offset + done));
            if (got < 0 && errno == EINTR)
                continue;
            if (got < 0)
                return error_set(err, "%s: cannot read: %s", path, strerror(errno));
            if (got == 0)
                return error_set(err, "%s: the file became shorter while it was read", path);
            n = (uint64_t)got;
        } else {
            memset(chunk, 0, n);
        }
        if (memory_load(mem, segment->paddr + done, chunk, n) < 0)
            return error_set(err, "%s: there is no memory at 0x%" PRIx64, path,
                             segment->paddr + done);
        done += n;
    }
    return 0;
}

/* The entry is a virtual address (gABI); kernels that link high start at the physical one. */
static int elf_entry(const char *path, const struct segment *segments, int count, uint64_t entry,
                     uint64_t *physical, struct error *err)
{
    for (int i = 0; i < count; i++) {
        if (entry >= segments[i].vaddr && entry - segments[i].vaddr < segments[i].size) {
            *physical = segments[i].paddr + (entry - segments[i].vaddr);
            return 0;
        }
    }
    for (int i = 0; i < count; i++) {
        if (entry >= segments[i].paddr && entry - segments[i].paddr < segments[i].size) {
            *physical = entry;
            return 0;
        }
    }
    if (entry == 0) { /* "no entry point" (gABI) */
        *physical = segments[0].paddr;
        return 0;
    }
    return error_set(err, "%s: the ELF entry point 0x%" PRIx64 " is in no loadable segment", path,
                     entry);
}

static int load_elf_segments(struct memory *mem, Elf *elf, struct input *input, const char *path,
                             unsigned machine, struct image *image, struct error *err)
{
    GElf_Ehdr header;
    if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header))
        return error_set(err, "%s: the ELF header is damaged or truncated", path);
    if (check_elf_header(&header, path, machine, err) < 0)
        return -1;
    struct segment *segments = calloc(MAX_SEGMENTS, sizeof *segments);
    uint8_t *chunk = malloc(CHUNK);
    struct image loaded = {0};
    int rc = -1;
    if (!segments || !chunk) {
        error_set(err, "%s: out of memory", path);
    } else {
        int count = elf_segments(elf, path, input_file_size(input), segments, err);
        if (count > 0 && place_segments(mem, path, segments, count, err) == 0)
            rc = elf_entry(path, segments, count, header.e_entry, &loaded.entry, err);
        for (int i = 0; i < count && rc == 0; i++)
            rc = fill_segment(mem, input_fd(input), path, &segments[i], chunk, err);
        if (rc == 0) {
            loaded.start = segments[0].paddr;
            loaded.end = segments[count - 1].paddr + segments[count - 1].size;
            *image = loaded;
        }
    }
    free(segments);
    free(chunk);
    return rc;
}

static int load_elf(struct memory *mem, struct input *input, const char *path, unsigned machine,
                    struct image *image, struct error *err)
{
    if (elf_version(EV_CURRENT) == EV_NONE)
        return error_set(err, "%s: libelf is too old: %s", path, elf_errmsg(-1));
    Elf *elf = elf_begin(input_fd(input), ELF_C_READ, NULL);
    if (!elf)
        return error_set(err, "%s: the ELF file is damaged: %s", path, elf_errmsg(-1));
    int rc = load_elf_segments(mem, elf, input, path, machine, image, err);
    elf_end(elf);
    return rc;
}

/* ---- What is it? -------------------------------------------------------------------------- */

static int load_stream(struct memory *mem, struct input *input, const char *path, unsigned machine,
                       uint64_t address, struct image *image, struct error *err)
{
    uint8_t head[HEAD];
    long size = input_read(input, head, sizeof head, err);
    if (size < 0)
        return -1;
    bool gzip = input_is_gzip(input);
    if (size >= SELFMAG && memcmp(head, ELFMAG, SELFMAG) == 0) {
        if (gzip)
            return error_set(err, "%s: a gzip-compressed ELF file: gunzip it first", path);
        return load_elf(mem, input, path, machine, image, err);
    }
    if (is_linux_image(head, (size_t)size)) {
        if (machine != EM_RISCV)
            return error_set(err, "%s: a RISC-V kernel, but the machine is not RISC-V", path);
        return load_linux(mem, input, path, address, head, (size_t)size, image, err);
    }
    if (gzip)
        return error_set(err, "%s: gzip data that does not hold a RISC-V Linux Image", path);
    if (size >= 8 && memcmp(head, "MZ", 2) == 0 && memcmp(head + 4, "zimg", 4) == 0)
        return error_set(err, "%s: an EFI zboot kernel: extract the Image in it first", path);
    return load_raw(mem, path, address, image, err);
}

int load_image(struct memory *mem, const char *path, unsigned elf_machine, uint64_t address,
               struct image *image, struct error *err)
{
    struct input *input = input_open(path, true, err);
    if (!input)
        return -1;
    int rc = load_stream(mem, input, path, elf_machine, address, image, err);
    input_close(input);
    return rc;
}
