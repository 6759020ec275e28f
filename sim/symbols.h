/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_SYMBOLS_H
#define IASO_SIM_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

#include "mem/error.h"

/*
 * Names for guest-virtual addresses, from an ELF symbol table, a System.map, or the kallsyms tables
 * inside a stock Linux image. Several sources may be added to one table.
 */
struct symbols;

struct symbol {
    const char *name; /* owned by the table */
    uint64_t address;
    uint64_t size; /* bytes; up to the next symbol where the source does not say; 0 if unknown */
    char type;     /* as nm(1) prints it: 'T', 't', 'D', ... */
};

struct symbols *symbols_new(void);
void symbols_free(struct symbols *symbols);

/* Adds what the file offers: ELF .symtab, else the kallsyms of a Linux Image (plain or gzip), else
 * nothing. Returns how many symbols were added, or -1 on error. A file without symbols is not an
 * error. */
long symbols_add_file(struct symbols *symbols, const char *path, struct error *err);
long symbols_add_system_map(struct symbols *symbols, const char *path, struct error *err);

/* The symbol that covers the address, or NULL. *offset may be NULL. */
const struct symbol *symbols_at(const struct symbols *symbols, uint64_t address, uint64_t *offset);

/* The symbol of that name (the first by address if several), or NULL. */
const struct symbol *symbols_named(const struct symbols *symbols, const char *name);

/* The known name nearest to `name` by edit distance, for messages; NULL if none is near. */
const char *symbols_nearest(const struct symbols *symbols, const char *name);

/* Functions, one for each address, by address; fills in up to `room`, returns how many there are.
 */
size_t symbols_functions(const struct symbols *symbols, struct symbol *functions, size_t room);

size_t symbols_count(const struct symbols *symbols);

/* "name+0x1c/0x80", or "0xffffffff80001234" for what is not known. Always terminates. */
void symbols_format(const struct symbols *symbols, uint64_t address, char *buffer, size_t size);

#endif
