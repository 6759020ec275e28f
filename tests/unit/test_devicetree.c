/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/devicetree.h"

static const struct devicetree_memory memory[] = {{0x80000000, 0x10000000}, {0x100000000, 0x1000}};

static const struct devicetree_spec usual = {
    .harts = 2,
    .timebase_hz = 10000000,
    .isa = "rv64imafdc_zicsr_zifencei",
    .mmu_type = "riscv,sv48",
    .memory = memory,
    .memory_count = 2,
    .virtio_slots = 8,
    .bootargs = "console=ttyS0",
    .initrd_start = 0x84000000,
    .initrd_end = 0x85000000,
};

static void *build(const struct devicetree_spec *spec)
{
    void *blob;
    size_t size;
    struct error err;
    cr_assert_eq(devicetree_virt(spec, &blob, &size, &err), 0, "%s", err.text);
    cr_assert_eq(fdt_check_full(blob, size), 0);
    return blob;
}

static const void *property(const void *blob, const char *path, const char *name, int *size)
{
    int node = fdt_path_offset(blob, path);
    cr_assert_geq(node, 0, "%s", path);
    return fdt_getprop(blob, node, name, size);
}

static void expect_cells(const void *blob, const char *path, const char *name,
                         const uint32_t *cells, int count)
{
    int size;
    const fdt32_t *data = property(blob, path, name, &size);
    cr_assert_not_null(data, "%s %s", path, name);
    cr_assert_eq(size, 4 * count, "%s %s", path, name);
    for (int i = 0; i < count; i++)
        cr_expect_eq(fdt32_ld(&data[i]), cells[i], "%s %s[%d]", path, name, i);
}

#define CELLS(blob, path, name, ...) \
    expect_cells(blob, path, name, (uint32_t[]){__VA_ARGS__}, sizeof((uint32_t[]){__VA_ARGS__}) / 4)

static void expect_bytes(const void *blob, const char *path, const char *name, const char *bytes,
                         int length)
{
    int size;
    const void *data = property(blob, path, name, &size);
    cr_assert_not_null(data, "%s %s", path, name);
    cr_expect(size == length && !memcmp(data, bytes, (size_t)size), "%s %s", path, name);
}

/* A string, or several with \0 between them. */
#define TEXT(blob, path, name, text) expect_bytes(blob, path, name, text, sizeof(text))

Test(devicetree, board)
{
    void *blob = build(&usual);
    TEXT(blob, "/", "compatible", "riscv-virtio");
    TEXT(blob, "/soc/test@100000", "compatible", "sifive,test1\0sifive,test0\0syscon");
    TEXT(blob, "/soc/clint@2000000", "compatible", "sifive,clint0\0riscv,clint0");
    TEXT(blob, "/soc/plic@c000000", "compatible", "sifive,plic-1.0.0\0riscv,plic0");
    TEXT(blob, "/soc/serial@10000000", "compatible", "ns16550a");
    TEXT(blob, "/soc/rtc@101000", "compatible", "google,goldfish-rtc");
    CELLS(blob, "/soc/plic@c000000", "reg", 0, 0xc000000, 0, 0x600000);
    CELLS(blob, "/soc/plic@c000000", "riscv,ndev", 95);
    CELLS(blob, "/soc/clint@2000000", "reg", 0, 0x2000000, 0, 0x10000);
    CELLS(blob, "/soc/serial@10000000", "interrupts", 10);
    CELLS(blob, "/soc/rtc@101000", "interrupts", 11);
    CELLS(blob, "/soc/virtio_mmio@10008000", "reg", 0, 0x10008000, 0, 0x1000);
    CELLS(blob, "/soc/virtio_mmio@10008000", "interrupts", 8);
    CELLS(blob, "/memory@80000000", "reg", 0, 0x80000000, 0, 0x10000000);
    CELLS(blob, "/memory@100000000", "reg", 1, 0, 0, 0x1000);
    CELLS(blob, "/cpus", "timebase-frequency", 10000000);
    free(blob);
}

Test(devicetree, frame_buffer)
{
    const struct framebuffer screen = {0x40000000, 640, 480, 1280, FRAMEBUFFER_R5G6B5};
    struct devicetree_spec spec = usual;
    spec.screens = &screen;
    spec.screen_count = 1;
    void *blob = build(&spec);
    TEXT(blob, "/chosen/framebuffer@40000000", "compatible", "simple-framebuffer");
    TEXT(blob, "/chosen/framebuffer@40000000", "format", "r5g6b5");
    CELLS(blob, "/chosen/framebuffer@40000000", "reg", 0, 0x40000000, 0, 0x96000);
    CELLS(blob, "/chosen/framebuffer@40000000", "width", 640);
    CELLS(blob, "/chosen/framebuffer@40000000", "height", 480);
    CELLS(blob, "/chosen/framebuffer@40000000", "stride", 1280);
    free(blob);
}

Test(devicetree, references_lead_where_they_should)
{
    void *blob = build(&usual);
    uint32_t plic = fdt_get_phandle(blob, fdt_path_offset(blob, "/soc/plic@c000000"));
    uint32_t test = fdt_get_phandle(blob, fdt_path_offset(blob, "/soc/test@100000"));
    uint32_t cpu1 = fdt_get_phandle(blob, fdt_path_offset(blob, "/cpus/cpu@1"));
    uint32_t intc[2];
    for (unsigned hart = 0; hart < 2; hart++) {
        char path[64];
        snprintf(path, sizeof path, "/cpus/cpu@%u/interrupt-controller", hart);
        intc[hart] = fdt_get_phandle(blob, fdt_path_offset(blob, path));
        cr_assert_neq(intc[hart], 0);
        TEXT(blob, path, "compatible", "riscv,cpu-intc");
    }
    cr_assert(plic && test && cpu1 && intc[0] != intc[1]);
    CELLS(blob, "/soc/serial@10000000", "interrupt-parent", plic);
    CELLS(blob, "/soc/virtio_mmio@10001000", "interrupt-parent", plic);
    CELLS(blob, "/soc/plic@c000000", "interrupts-extended", intc[0], 11, intc[0], 9, intc[1], 11,
          intc[1], 9);
    CELLS(blob, "/soc/clint@2000000", "interrupts-extended", intc[0], 3, intc[0], 7, intc[1], 3,
          intc[1], 7);
    CELLS(blob, "/poweroff", "regmap", test);
    CELLS(blob, "/poweroff", "value", 0x5555);
    CELLS(blob, "/reboot", "regmap", test);
    CELLS(blob, "/reboot", "value", 0x7777);
    CELLS(blob, "/cpus/cpu-map/cluster0/core1", "cpu", cpu1);
    free(blob);
}

Test(devicetree, chosen)
{
    void *blob = build(&usual);
    TEXT(blob, "/chosen", "bootargs", "console=ttyS0");
    TEXT(blob, "/chosen", "stdout-path", "/soc/serial@10000000");
    CELLS(blob, "/chosen", "linux,initrd-start", 0, 0x84000000);
    CELLS(blob, "/chosen", "linux,initrd-end", 0, 0x85000000);
    free(blob);
    struct devicetree_spec spec = usual;
    spec.bootargs = "";
    spec.initrd_end = spec.initrd_start;
    spec.virtio_slots = 0;
    blob = build(&spec);
    cr_expect_null(property(blob, "/chosen", "bootargs", NULL));
    cr_expect_null(property(blob, "/chosen", "linux,initrd-start", NULL));
    cr_expect_lt(fdt_path_offset(blob, "/soc/virtio_mmio@10001000"), 0);
    free(blob);
}

Test(devicetree, one_cpu_node_a_hart)
{
    struct devicetree_spec spec = usual;
    for (spec.harts = 1; spec.harts <= 8; spec.harts++) {
        void *blob = build(&spec);
        char last[32], beyond[32];
        snprintf(last, sizeof last, "/cpus/cpu@%x", spec.harts - 1);
        snprintf(beyond, sizeof beyond, "/cpus/cpu@%x", spec.harts);
        cr_expect_geq(fdt_path_offset(blob, last), 0);
        cr_expect_lt(fdt_path_offset(blob, beyond), 0);
        free(blob);
    }
}

Test(devicetree, very_long_boot_arguments)
{
    size_t length = 300000;
    char *text = malloc(length + 1);
    memset(text, 'x', length);
    text[length] = '\0';
    struct devicetree_spec spec = usual;
    spec.bootargs = text;
    void *blob = build(&spec);
    int size;
    property(blob, "/chosen", "bootargs", &size);
    cr_expect_eq(size, length + 1);
    free(blob);
    free(text);
}

struct isa {
    char isa[64];
    char extensions[96]; /* with ';' for the zero between strings */
};

ParameterizedTestParameters(devicetree_isa, extensions)
{
    static struct isa isas[] = {
        {"rv64imafdc_zicsr_zifencei", "i;m;a;f;d;c;zicsr;zifencei"},
        {"rv64gc", "i;m;a;f;d;zicsr;zifencei;c"},
        {"rv64g", "i;m;a;f;d;zicsr;zifencei"},
        {"rv64gc_zicsr_sstc", "i;m;a;f;d;c;zifencei;zicsr;sstc"},
        {"rv64i", "i"},
        {"rv64imacsstc", "i;m;a;c;sstc"},
        {"rv64ima_zba__zbb_", "i;m;a;zba;zbb"},
    };
    return cr_make_param_array(struct isa, isas, sizeof isas / sizeof *isas);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Compares as sets: the order of extensions means nothing. */
ParameterizedTest(struct isa *p, devicetree_isa, extensions)
{
    struct devicetree_spec spec = usual;
    spec.isa = p->isa;
    void *blob = build(&spec);
    TEXT(blob, "/cpus/cpu@0", "riscv,isa-base", "rv64i");
    int node = fdt_path_offset(blob, "/cpus/cpu@0");
    char *expected[32];
    const char *found[32];
    int count = 0;
    for (char *name = strtok(p->extensions, ";"); name; name = strtok(NULL, ";"))
        expected[count++] = name;
    cr_assert_eq(fdt_stringlist_count(blob, node, "riscv,isa-extensions"), count);
    for (int i = 0; i < count; i++)
        found[i] = fdt_stringlist_get(blob, node, "riscv,isa-extensions", i, NULL);
    qsort(expected, (size_t)count, sizeof *expected, by_name);
    qsort(found, (size_t)count, sizeof *found, by_name);
    for (int i = 0; i < count; i++)
        cr_expect_str_eq(found[i], expected[i]);
    free(blob);
}

static void expect_refused(const struct devicetree_spec *spec, const char *what)
{
    void *blob;
    size_t size;
    struct error err = {""};
    cr_expect_eq(devicetree_virt(spec, &blob, &size, &err), -1);
    cr_expect_not_null(strstr(err.text, what), "%s", err.text);
}

Test(devicetree, bad_specifications)
{
    static const char *const isas[] = {"",         "rv32imac", "rv64", "rv64mac", "rv64ggggg",
                                       "rv64i2p1", "rv64IMAC", "x",    "rv64i,m", "rv64i zicsr"};
    struct devicetree_spec spec = usual;
    for (size_t i = 0; i < sizeof isas / sizeof *isas; i++) {
        spec.isa = isas[i];
        expect_refused(&spec, "isa");
    }
    spec = usual;
    spec.harts = 0;
    expect_refused(&spec, "harts");
    spec.harts = 9;
    expect_refused(&spec, "harts");
    spec = usual;
    spec.virtio_slots = 9;
    expect_refused(&spec, "virtio");
    spec = usual;
    spec.timebase_hz = UINT64_C(1) << 32;
    expect_refused(&spec, "timebase");
}
