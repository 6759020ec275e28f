/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes small valid inputs for the fuzz targets: seeds DIR makes DIR/{config,elf,...}-*. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/images.h"

static int save(const char *dir, const char *name, struct bytes bytes)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "wb");
    int rc = file && fwrite(bytes.data, 1, bytes.size, file) == bytes.size ? 0 : -1;
    if (file && fclose(file) != 0)
        rc = -1;
    if (rc < 0)
        perror(path);
    bytes_free(&bytes);
    return rc;
}

/* What follows the byte 0xff is for --set. */
static const char config_seed[] =
    "{\"load\": [{\"firmware\": \"opensbi\"}], \"recovery\": {\"preset\": \"linux-riscv64\",\n"
    "\"requests\": {\"functions\": [\"f\"]}, \"inverse\": [{\"call\": \"kmalloc\", \"undo\": "
    "\"kfree\"}],\n"
    "\"wake\": null, \"output\": {\"test\": \"ignore\"}, \"failure\": {\"checks\": [\"ok?\"]}, "
    "\"error\": "
    "-5,\n\"torture_kinds\": [\"fault\"], \"costs\": {\"store\": 3}},\n"
    "\"inject\": {\"kind\": \"flip\", \"at\": \"f+0x10\", \"register\": \"a0\", \"bit\": 3}}"
    "\xffrecovery.preset=xv6-like\nrecovery.exempt[0]=g\ninject.kind=wild\ninject.address=8";

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: seeds DIR\n");
        return 2;
    }
    int rc = save(argv[1], "elf-plain", make_elf());
    struct bytes config = {0};
    bytes_append(&config, config_seed, sizeof config_seed - 1);
    rc |= save(argv[1], "config-recovery", config);
    struct bytes image = make_image(0x2000), btf = make_btf();
    rc |= save(argv[1], "image-gzip", gzipped(&image));
    bytes_append(&image, btf.data, btf.size);
    rc |= save(argv[1], "image-plain", image);
    bytes_free(&btf);

    static struct made_symbol symbols[300];
    make_symbols(symbols, 300);
    for (unsigned i = 0; i < 24; i++) {
        struct kallsyms_layout layout = {.addresses_last = i & 1,
                                         .seqs = i & 2,
                                         .uleb = i & 4,
                                         .wide_markers = !(i & 4),
                                         .kind = i / 8,
                                         .base = UINT64_C(0xffffffff80000000)};
        char name[32];
        snprintf(name, sizeof name, "kallsyms-%02u", i);
        rc |= save(argv[1], name, make_kallsyms(&layout, symbols, i % 2 ? 300 : 20));
    }
    return rc ? 1 : 0;
}
