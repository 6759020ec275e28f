/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_TESTS_FUZZ_FILE_H
#define IASO_TESTS_FUZZ_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "mem/memory.h"

/* The path of a file in memory that holds exactly these bytes, until the next call. */
const char *fuzz_file(const uint8_t *data, size_t size);

/* 1 MiB of RAM at 0x80000000 and a page of ROM behind a gap. */
struct memory *fuzz_memory(void);

#endif
