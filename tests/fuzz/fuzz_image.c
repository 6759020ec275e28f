/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Linux Images, plain and gzip, and whatever else load_image() takes. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "mem/load.h"
#include "sim/symbols.h"
#include "tests/fuzz/fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    symbols_add_system_map(symbols, path, &err);
    symbols_free(symbols);
    return 0;
}
