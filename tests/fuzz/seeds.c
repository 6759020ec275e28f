/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes small valid inputs for the fuzz targets: seeds DIR makes DIR/{config,elf,...}-*. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static const char *const trace_seeds[] = {
    "0 3.1\n1 2.5\n2.5 0\n",
    "3.1\n2.5\n-0.01\n",
    "# x\ntime_s,voltage_v\n0,3\n0.02,2.5\n",
    "\"time [us]\";\"voltage [mV]\";\"current [nA]\"\n0;2500;1000\n10;2000;2e3\n",
    "time_ms\tpower_uw\n0\t70\n1\t0\n",
    "2\n0,3\n0,5e-3,4e-3,3e-3,1e-3,0\n0.01,1e-3,1e-3,1e-3,1e-3,0\n",
    "on_us,off_us\n100,2000\n150,2500\n",
    "time_ms,off_ms\n1,0.5\n2,0.5\n",
    "[{\"on_us\": 100, \"off_us\": 2000}, {\"on_us\": 1e2, \"off_us\": 0}]",
    "[1.5, 2, 3]",
};

static int save_traces(const char *dir)
{
    int rc = 0;
    for (unsigned i = 0; i < sizeof trace_seeds / sizeof trace_seeds[0]; i++) {
        char name[32];
        struct bytes text = {0};
        bytes_append(&text, trace_seeds[i], strlen(trace_seeds[i]));
        snprintf(name, sizeof name, "trace-%u", i);
        rc |= save(dir, name, text);
    }
    return rc;
}

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
    rc |= save_traces(argv[1]);
    return rc ? 1 : 0;
}
