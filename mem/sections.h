/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_MEM_SECTIONS_H
#define IASO_MEM_SECTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "mem/error.h"

/* A section of an ELF file that takes up memory (gABI, chapter "Sections"). */
struct section {
    uint64_t address; /* where it is when the program runs (its VMA) */
    uint64_t size;    /* bytes */
    uint8_t *bytes;   /* its contents, owned by the caller, or NULL if the file has none (.bss) */
};

/* Finds a section by name; the known names are in the message if there is none. free()
 * section->bytes in the end. */
int section_find(const char *path, const char *name, struct section *section, struct error *err);

#endif
