/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_KALLSYMS_H
#define IASO_SIM_KALLSYMS_H

#include <stddef.h>
#include <stdint.h>

#include "mem/error.h"

/*
 * The symbol table that a Linux kernel carries for itself (CONFIG_KALLSYMS), dug out of an
 * uncompressed 64-bit little-endian kernel Image that has been stripped of every other symbol.
 *
 * Nothing points at the tables, so they are recognised by their shape: the token index (256 growing
 * 16-bit offsets) right behind the token table it describes (256 strings), the compressed names
 * before that, whose count and lengths must lead exactly to the markers, and sorted addresses.
 * Understood: scripts/kallsyms.c of Linux 4.6 to 6.12 and later, that is
 *   addresses    32-bit offsets from a base, 32-bit per-CPU style offsets, or 64-bit absolute
 *   order        addresses first (to 6.4) or after the tokens (from 6.5), with or without
 *                kallsyms_seqs_of_names, markers of 32 or 64 bits
 *   name lengths one byte, or ULEB128 (from 6.1)
 * In a relocatable kernel whose base is filled in at boot, the base reads 0 in the file; RISC-V's
 * link address 0xffffffff80000000 is used then.
 */
struct kallsyms {
    size_t count;
    uint64_t *addresses;  /* guest-virtual */
    uint32_t *names;      /* offsets into strings */
    char *types;          /* as nm(1) prints them */
    char *strings;        /* NUL-terminated names */
    uint64_t file_offset; /* of the names, in bytes; for messages */
};

/* 0 when found, with *found to be freed by kallsyms_free(); 1 when the image has no such tables
 * (*found is empty); -1 when out of memory or when the tables are damaged or absurdly large. */
int kallsyms_find(const uint8_t *image, size_t size, struct kallsyms *found, struct error *err);
void kallsyms_free(struct kallsyms *kallsyms);

#endif
