/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_SOURCE_LINES_H
#define IASO_SIM_SOURCE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/error.h"

/*
 * Which source lines and functions a guest's code was made from, as the DWARF (versions 2 to 5) of
 * its ELF files says. Damaged DWARF gives less, never an error; what the linker has dropped
 * (addresses of 0, addresses outside of code) is left out.
 *
 * Names are what the compiler saw: a path that is relative there has its compilation directory
 * before it, if that is known; "/./", "//" and "/x/../" are taken out.
 */
struct source_lines;

/* Some instructions of a line. */
struct source_row {
    uint64_t address;    /* of the first of them */
    uint32_t file, line; /* line is never 0 */
    uint32_t copy;       /* the same for all rows of one copy of a function: its own code, or the
                            place where it was inlined; 0: of no function */
    bool begins;         /* a statement; else some of its instructions that were moved elsewhere */
};

/* One copy of a function. */
struct source_function {
    uint64_t entry; /* address of its first instruction; of an inlined one's first statement */
    uint32_t file, line;
    const char *name;
    bool settled; /* while lines are read: the entry will not change */
};

/* Does the file have DWARF with lines? One that is no ELF file, or damaged, has none. */
bool source_lines_in(const char *path);

struct source_lines *source_lines_new(void); /* NULL when out of memory */
void source_lines_free(struct source_lines *lines);

/* Adds what the file has, maybe nothing. -1 if it cannot be read, or when out of memory. */
int source_lines_add(struct source_lines *lines, const char *path, struct error *err);

/* In order of file, line, copy; then those that begin first, by address. */
size_t source_lines_rows(struct source_lines *lines, const struct source_row **rows);

/* In order of file, name, line, entry. */
size_t source_lines_functions(struct source_lines *lines, const struct source_function **functions);

/* Files are numbered from 0, in the order in which they were met. */
size_t source_lines_files(const struct source_lines *lines);
const char *source_lines_file(const struct source_lines *lines, uint32_t file);

#endif
