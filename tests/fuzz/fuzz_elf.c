/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ELF files: loader, symbol table, BTF section, DWARF. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "mem/load.h"
#include "sim/report/lcov.h"
#include "sim/symbols.h"
#include "sim/tasks.h"
#include "tests/fuzz/fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* DWARF, and the tracefile that follows from it. */
static void read_lines(const char *path)
{
    static FILE *nowhere;
    if (!nowhere)
        nowhere = fopen("/dev/null", "w");
    const struct cpu_executions executed = {.address = 0x80000000, .outside = 1};
    struct source_lines *lines = source_lines_new();
    struct lcov *lcov = lcov_new();
    struct error err = {""};
    if (!nowhere || !lines || !lcov)
        abort();
    (void)source_lines_in(path);
    lcov_executed(lcov, &executed);
    if (source_lines_add(lines, path, &err) == 0 && lcov_write(lcov, lines, true, nowhere))
        abort();
    lcov_free(lcov);
    source_lines_free(lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct memory *mem;
    if (!mem)
        mem = fuzz_memory();
    const char *path = fuzz_file(data, size);
    struct error err = {""};
    struct image image = {0};
    if (load_image(mem, path, EM_RISCV, 0x80000000, &image, &err) == 0) {
        if (image.start > image.end || !memory_find(mem, image.start))
            abort();
    } else if (strncmp(err.text, path, strlen(path)) != 0 || strchr(err.text, '\n')) {
        abort();
    }
    struct symbols *symbols = symbols_new();
    if (!symbols)
        abort();
    symbols_add_file(symbols, path, &err);
    char text[64];
    symbols_format(symbols, image.entry, text, sizeof text);
    symbols_nearest(symbols, "strat");
    tasks_free(tasks_new(path, symbols, &err));
    read_lines(path);
    symbols_free(symbols);
    return 0;
}
