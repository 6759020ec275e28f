/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_MEM_LOAD_H
#define IASO_MEM_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "mem/error.h"
#include "mem/memory.h"

/* Where an image went. Addresses are guest-physical. */
struct image {
    uint64_t entry;
    uint64_t start, end; /* lowest byte, one past the highest */
};

/*
 * Loads a kernel or firmware by what the file is: ELF (machine `elf_machine`, an EM_* value),
 * gzip-compressed or plain RISC-V Linux Image ("boot-image-header" in the kernel's documentation;
 * goes to `address` + text_offset), or raw binary (goes to `address`). ELF goes to its physical
 * addresses and ignores `address`. memory_load() semantics: ROM can be filled too. Errors name the
 * file and what is wrong with it; hostile headers are an error, never an overrun.
 */
int load_image(struct memory *mem, const char *path, unsigned elf_machine, uint64_t address,
               struct image *image, struct error *err);

/* Loads the bytes of a file as they are. */
int load_raw(struct memory *mem, const char *path, uint64_t address, struct image *image,
             struct error *err);

/* Size of a regular file in bytes; fails with a clear message when it cannot be opened, is a
 * directory, or is empty. */
int load_file_size(const char *path, uint64_t *size, struct error *err);

#endif
