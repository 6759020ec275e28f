/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/devicetree.h"

#include <ctype.h>
#include <libfdt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/virt.h"

#define IRQ_M_SOFT  3
#define IRQ_M_TIMER 7
#define IRQ_S_EXT   9
#define IRQ_M_EXT   11

/* Phandles: the interrupt controller of hart i is PHANDLE_INTC + i, and so on. */
#define PHANDLE_PLIC 1
#define PHANDLE_TEST 2
#define PHANDLE_CPU  0x10
#define PHANDLE_INTC 0x20

#define TREE_SIZE 65536 /* without strings of the config's */

/* A tree under construction; after the first failure nothing more is added. */
struct tree {
    void *blob;
    int status; /* of libfdt: 0 or negative */
};

static void check(struct tree *tree, int status)
{
    if (!tree->status)
        tree->status = status;
}

static __attribute__((format(printf, 2, 3))) void begin(struct tree *tree, const char *format, ...)
{
    char name[64];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    check(tree, fdt_begin_node(tree->blob, name));
}

static void end(struct tree *tree)
{
    check(tree, fdt_end_node(tree->blob));
}

static void flag(struct tree *tree, const char *name)
{
    check(tree, fdt_property(tree->blob, name, NULL, 0));
}

static void cell(struct tree *tree, const char *name, uint32_t value)
{
    check(tree, fdt_property_u32(tree->blob, name, value));
}

static void cell64(struct tree *tree, const char *name, uint64_t value)
{
    check(tree, fdt_property_u64(tree->blob, name, value));
}

static void string(struct tree *tree, const char *name, const char *value)
{
    check(tree, fdt_property_string(tree->blob, name, value));
}

/* An array property of `count` cells; NULL if it does not fit. */
static fdt32_t *cells(struct tree *tree, const char *name, size_t count)
{
    void *data = NULL;
    check(tree, fdt_property_placeholder(tree->blob, name, (int)(4 * count), &data));
    return tree->status ? NULL : data;
}

static void reg(struct tree *tree, uint64_t base, uint64_t size)
{
    fdt32_t *out = cells(tree, "reg", 4);
    if (!out)
        return;
    fdt32_st(&out[0], (uint32_t)(base >> 32));
    fdt32_st(&out[1], (uint32_t)base);
    fdt32_st(&out[2], (uint32_t)(size >> 32));
    fdt32_st(&out[3], (uint32_t)size);
}

/* Strings separated by semicolons, as a string list. */
static void strings(struct tree *tree, const char *name, const char *list)
{
    size_t length = strlen(list) + 1;
    void *data = NULL;
    check(tree, fdt_property_placeholder(tree->blob, name, (int)length, &data));
    if (tree->status)
        return;
    memcpy(data, list, length);
    for (char *at = data; (at = strchr(at, ';')); at++)
        *at = '\0';
}

/* For each hart, the two interrupts of it that a controller drives. */
static void hart_interrupts(struct tree *tree, unsigned harts, uint32_t first, uint32_t second)
{
    fdt32_t *out = cells(tree, "interrupts-extended", 4 * (size_t)harts);
    for (unsigned hart = 0; out && hart < harts; hart++) {
        fdt32_st(out++, PHANDLE_INTC + hart);
        fdt32_st(out++, first);
        fdt32_st(out++, PHANDLE_INTC + hart);
        fdt32_st(out++, second);
    }
}

static void plic_interrupt(struct tree *tree, uint32_t source)
{
    cell(tree, "interrupt-parent", PHANDLE_PLIC);
    cell(tree, "interrupts", source);
}

/* ---- CPUs --------------------------------------------------------------------------------- */

/* Splits "rv64imac_zicsr" into "rv64i" and "i;m;a;c;zicsr" (riscv/extensions.yaml). `g` stands for
 * what it abbreviates. `out` has room for 2 * strlen(isa) + 32 characters. */
static int isa_extensions(const char *isa, char *out, struct error *err)
{
    size_t letters = strcspn(isa, "_sxz");
    if (strncmp(isa, "rv64", 4) || (isa[4] != 'i' && isa[4] != 'g') ||
        5 + strspn(isa + 5, "abcdefhijklmnopqrtuvw") < letters ||
        isa[strspn(isa, "abcdefghijklmnopqrstuvwxyz0123456789_")])
        return error_set(err, "isa: expected a string such as \"rv64imac_zicsr\", got \"%s\"", isa);
    const char *in = isa + 4;
    bool zicsr = strstr(isa, "zicsr"), zifencei = strstr(isa, "zifencei"), general = false;
    for (; *in && !strchr("_sxz", *in); in++) {
        if (*in == 'g')
            out += sprintf(out, "i;m;a;f;d;");
        else
            out += sprintf(out, "%c;", *in);
        general |= *in == 'g';
    }
    if (general)
        out += sprintf(out, "%s%s", zicsr ? "" : "zicsr;", zifencei ? "" : "zifencei;");
    for (; *in; in++) {
        if (*in != '_')
            *out++ = *in;
        if ((in[1] == '_' || !in[1]) && *in != '_')
            *out++ = ';';
    }
    out[-1] = '\0';
    return 0;
}

static void cpus(struct tree *tree, const struct devicetree_spec *spec, const char *extensions)
{
    begin(tree, "cpus");
    cell(tree, "#address-cells", 1);
    cell(tree, "#size-cells", 0);
    cell(tree, "timebase-frequency", (uint32_t)spec->timebase_hz);
    for (unsigned hart = 0; hart < spec->harts; hart++) {
        begin(tree, "cpu@%x", hart);
        string(tree, "device_type", "cpu");
        cell(tree, "reg", hart);
        string(tree, "status", "okay");
        string(tree, "compatible", "riscv");
        string(tree, "riscv,isa", spec->isa);
        string(tree, "riscv,isa-base", "rv64i");
        strings(tree, "riscv,isa-extensions", extensions);
        string(tree, "mmu-type", spec->mmu_type);
        cell(tree, "phandle", PHANDLE_CPU + hart);
        begin(tree, "interrupt-controller");
        string(tree, "compatible", "riscv,cpu-intc");
        cell(tree, "#interrupt-cells", 1);
        cell(tree, "#address-cells", 0);
        flag(tree, "interrupt-controller");
        cell(tree, "phandle", PHANDLE_INTC + hart);
        end(tree);
        end(tree);
    }
    begin(tree, "cpu-map");
    begin(tree, "cluster0");
    for (unsigned hart = 0; hart < spec->harts; hart++) {
        begin(tree, "core%u", hart);
        cell(tree, "cpu", PHANDLE_CPU + hart);
        end(tree);
    }
    end(tree);
    end(tree);
    end(tree);
}

/* ---- Everything else ---------------------------------------------------------------------- */

static void power_nodes(struct tree *tree)
{
    static const struct {
        const char *node, *compatible;
        uint32_t value;
    } nodes[] = {
        {"poweroff", "syscon-poweroff", 0x5555},
        {"reboot", "syscon-reboot", 0x7777},
    };
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
        begin(tree, "%s", nodes[i].node);
        string(tree, "compatible", nodes[i].compatible);
        cell(tree, "regmap", PHANDLE_TEST);
        cell(tree, "offset", 0);
        cell(tree, "value", nodes[i].value);
        end(tree);
    }
}

/* Linux looks for them below /chosen. */
static void screens(struct tree *tree, const struct devicetree_spec *spec)
{
    if (!spec->screen_count)
        return;
    cell(tree, "#address-cells", 2);
    cell(tree, "#size-cells", 2);
    flag(tree, "ranges");
    for (size_t i = 0; i < spec->screen_count; i++) {
        const struct framebuffer *screen = &spec->screens[i];
        begin(tree, "framebuffer@%llx", (unsigned long long)screen->base);
        string(tree, "compatible", "simple-framebuffer");
        reg(tree, screen->base, framebuffer_size(screen));
        cell(tree, "width", screen->width);
        cell(tree, "height", screen->height);
        cell(tree, "stride", screen->stride);
        string(tree, "format", framebuffer_format_name(screen->format));
        end(tree);
    }
}

static void chosen(struct tree *tree, const struct devicetree_spec *spec)
{
    begin(tree, "chosen");
    string(tree, "stdout-path", "/soc/serial@10000000");
    if (spec->bootargs && *spec->bootargs)
        string(tree, "bootargs", spec->bootargs);
    if (spec->initrd_start != spec->initrd_end) {
        cell64(tree, "linux,initrd-start", spec->initrd_start);
        cell64(tree, "linux,initrd-end", spec->initrd_end);
    }
    screens(tree, spec);
    end(tree);
}

static void soc(struct tree *tree, const struct devicetree_spec *spec)
{
    begin(tree, "soc");
    cell(tree, "#address-cells", 2);
    cell(tree, "#size-cells", 2);
    string(tree, "compatible", "simple-bus");
    flag(tree, "ranges");

    begin(tree, "test@%x", VIRT_TEST_BASE);
    strings(tree, "compatible", "sifive,test1;sifive,test0;syscon");
    reg(tree, VIRT_TEST_BASE, VIRT_TEST_SIZE);
    cell(tree, "phandle", PHANDLE_TEST);
    end(tree);

    begin(tree, "rtc@%x", VIRT_RTC_BASE);
    string(tree, "compatible", "google,goldfish-rtc");
    reg(tree, VIRT_RTC_BASE, VIRT_RTC_SIZE);
    plic_interrupt(tree, VIRT_RTC_IRQ);
    end(tree);

    begin(tree, "clint@%x", VIRT_CLINT_BASE);
    strings(tree, "compatible", "sifive,clint0;riscv,clint0");
    reg(tree, VIRT_CLINT_BASE, VIRT_CLINT_SIZE);
    hart_interrupts(tree, spec->harts, IRQ_M_SOFT, IRQ_M_TIMER);
    end(tree);

    begin(tree, "plic@%x", VIRT_PLIC_BASE);
    strings(tree, "compatible", "sifive,plic-1.0.0;riscv,plic0");
    reg(tree, VIRT_PLIC_BASE, VIRT_PLIC_SIZE);
    hart_interrupts(tree, spec->harts, IRQ_M_EXT, IRQ_S_EXT);
    cell(tree, "#address-cells", 0);
    cell(tree, "#interrupt-cells", 1);
    flag(tree, "interrupt-controller");
    cell(tree, "riscv,ndev", VIRT_PLIC_SOURCES);
    cell(tree, "phandle", PHANDLE_PLIC);
    end(tree);

    begin(tree, "serial@%x", VIRT_UART_BASE);
    string(tree, "compatible", "ns16550a");
    reg(tree, VIRT_UART_BASE, 0x100);
    cell(tree, "clock-frequency", VIRT_UART_CLOCK);
    plic_interrupt(tree, VIRT_UART_IRQ);
    end(tree);

    for (unsigned slot = 0; slot < spec->virtio_slots; slot++) {
        uint64_t base = VIRT_VIRTIO_BASE + (uint64_t)slot * VIRT_VIRTIO_SIZE;
        begin(tree, "virtio_mmio@%llx", (unsigned long long)base);
        string(tree, "compatible", "virtio,mmio");
        reg(tree, base, VIRT_VIRTIO_SIZE);
        plic_interrupt(tree, VIRT_VIRTIO_IRQ + slot);
        end(tree);
    }
    end(tree);
}

static void root(struct tree *tree, const struct devicetree_spec *spec, const char *extensions)
{
    begin(tree, "%s", "");
    cell(tree, "#address-cells", 2);
    cell(tree, "#size-cells", 2);
    string(tree, "compatible", "riscv-virtio");
    string(tree, "model", "riscv-virtio,iaso");
    begin(tree, "aliases");
    string(tree, "serial0", "/soc/serial@10000000");
    end(tree);
    chosen(tree, spec);
    for (size_t i = 0; i < spec->memory_count; i++) {
        begin(tree, "memory@%llx", (unsigned long long)spec->memory[i].base);
        string(tree, "device_type", "memory");
        reg(tree, spec->memory[i].base, spec->memory[i].size);
        end(tree);
    }
    cpus(tree, spec, extensions);
    soc(tree, spec);
    power_nodes(tree);
    end(tree);
}

static int check_spec(const struct devicetree_spec *spec, struct error *err)
{
    if (spec->harts < 1 || spec->harts > VIRT_MAX_HARTS)
        return error_set(err, "harts: expected 1 to %d, got %u", VIRT_MAX_HARTS, spec->harts);
    if (spec->virtio_slots > VIRT_VIRTIO_MAX)
        return error_set(err, "virtio slots: expected at most %d, got %u", VIRT_VIRTIO_MAX,
                         spec->virtio_slots);
    if (spec->timebase_hz < 1 || spec->timebase_hz > UINT32_MAX)
        return error_set(err, "timebase: expected 1 to 4294967295 Hz, got %llu",
                         (unsigned long long)spec->timebase_hz);
    return 0;
}

int devicetree_virt(const struct devicetree_spec *spec, void **blob, size_t *size,
                    struct error *err)
{
    if (check_spec(spec, err))
        return -1;
    size_t isa = strlen(spec->isa), bootargs = spec->bootargs ? strlen(spec->bootargs) : 0;
    size_t room = TREE_SIZE + bootargs + 256 * spec->memory_count +
                  spec->harts * (3 * isa + strlen(spec->mmu_type));
    if (room > INT32_MAX)
        return error_set(err, "device tree: does not fit in 2 GiB");
    char *extensions = malloc(2 * isa + 32);
    struct tree tree = {.blob = malloc(room)};
    if (!extensions || !tree.blob) {
        error_set(err, "device tree: out of memory");
        goto fail;
    }
    if (isa_extensions(spec->isa, extensions, err))
        goto fail;
    check(&tree, fdt_create(tree.blob, (int)room));
    check(&tree, fdt_finish_reservemap(tree.blob));
    root(&tree, spec, extensions);
    check(&tree, fdt_finish(tree.blob));
    if (tree.status) {
        error_set(err, "device tree: %s", fdt_strerror(tree.status));
        goto fail;
    }
    free(extensions);
    *blob = tree.blob;
    *size = fdt_totalsize(tree.blob);
    return 0;
fail:
    free(extensions);
    free(tree.blob);
    return -1;
}
