/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include "tests/fuzz/fuzz_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

const char *fuzz_file(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[32];
    if (fd < 0)
        fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return path;
}

struct memory *fuzz_memory(void)
{
    struct memory *mem = memory_new(12);
    if (!mem || memory_add(mem, "dram", 0x80000000, 1 << 20, REGION_RAM, false, NULL) != 0 ||
        memory_add(mem, "flash", 0x90000000, 1 << 12, REGION_ROM, false, NULL) != 0)
        abort();
    return mem;
}
