/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/boot.h"

#include <elf.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices/virt.h"
#include "sim/devicetree.h"

/* A kernel Image goes behind the firmware, as OpenSBI's fw_jump and QEMU place it. */
#define KERNEL_OFFSET   0x200000
#define DEVICETREE_ROOM UINT64_C(0x200000)
#define PAGE            UINT64_C(4096)

#define ISA "rv64imafdc_zicsr_zifencei"

const char *boot_firmware_file(const char *name)
{
    static const char *const opensbi[] = {
        "build/guests/linux-riscv64/fw_dynamic.bin",
        "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin",
    };
    if (strcmp(name, "opensbi") != 0)
        return name;
    for (size_t i = 0; i < sizeof opensbi / sizeof opensbi[0]; i++)
        if (access(opensbi[i], R_OK) == 0)
            return opensbi[i];
    return NULL;
}

static const struct config_load *find_load(const struct config *config, enum load_kind kind)
{
    for (size_t i = 0; i < config->load_count; i++)
        if (config->load[i].kind == kind)
            return &config->load[i];
    return NULL;
}

int boot_devicetree(const struct config *config, const struct boot_plan *plan, void **blob,
                    size_t *size, struct error *err)
{
    struct devicetree_memory ram[CONFIG_MAX_REGIONS];
    size_t ram_count = 0;
    for (size_t i = 0; i < config->memory_count; i++)
        if (config->memory[i].kind == REGION_RAM && !config->memory[i].nonvolatile)
            ram[ram_count++] =
                (struct devicetree_memory){config->memory[i].base, config->memory[i].size};
    struct framebuffer screens[CONFIG_MAX_DEVICES];
    size_t screen_count = 0;
    for (size_t i = 0; i < config->device_count; i++)
        if (config->devices[i].kind == DEVICE_FRAMEBUFFER)
            screens[screen_count++] = config->devices[i].screen;
    struct devicetree_spec spec = {
        .harts = config->machine.harts,
        .timebase_hz = VIRT_TIMEBASE_HZ,
        .isa = ISA,
        .mmu_type = "riscv,sv57",
        .memory = ram,
        .memory_count = ram_count,
        .virtio_slots = VIRT_VIRTIO_MAX,
        .screens = screens,
        .screen_count = screen_count,
        .bootargs = config->bootargs,
        .initrd_start = plan ? plan->initrd.start : 0,
        .initrd_end = plan ? plan->initrd.end : 0,
    };
    return devicetree_virt(&spec, blob, size, err);
}

/* The device tree goes to the top of RAM, below 4 GiB, and the initrd right below it. */
static int place(const struct config *config, struct boot_plan *plan, struct error *err)
{
    const struct config_region *ram = NULL;
    for (size_t i = 0; i < config->memory_count && !ram; i++)
        if (config->memory[i].kind == REGION_RAM && !config->memory[i].nonvolatile)
            ram = &config->memory[i];
    if (!ram)
        return error_set(err, "memory: no RAM to boot from");
    plan->ram_base = ram->base;
    plan->ram_size = ram->size;
    uint64_t end = ram->base + ram->size;
    if (end > UINT64_C(1) << 32 && ram->base < UINT64_C(1) << 32)
        end = UINT64_C(1) << 32;
    if (ram->size < 4 * DEVICETREE_ROOM) {
        plan->devicetree = (end - ram->size / 8) & ~(PAGE - 1);
        return 0;
    }
    plan->devicetree = (end - DEVICETREE_ROOM) & ~(uint64_t)(DEVICETREE_ROOM - 1);
    return 0;
}

static int load_initrd(const struct config *config, struct memory *mem, struct boot_plan *plan,
                       struct error *err)
{
    const struct config_load *initrd = find_load(config, LOAD_INITRD);
    if (!initrd)
        return 0;
    uint64_t size;
    if (load_file_size(initrd->file, &size, err))
        return -1;
    uint64_t address = initrd->address;
    if (!initrd->has_address) {
        if (size > plan->devicetree - plan->ram_base)
            return error_set(err, "%s: %" PRIu64 " bytes do not fit into RAM", initrd->file, size);
        address = (plan->devicetree - size) & ~(PAGE - 1);
    }
    return load_raw(mem, initrd->file, address, &plan->initrd, err);
}

/* What a hart executes first, and its data. */
struct reset_code {
    uint32_t code[8];
    uint64_t start, devicetree;
    uint64_t info[6]; /* magic, version, next address, next level, options, boot hart */
};

static bool overlap(const struct image *a, const struct image *b)
{
    return a->start < a->end && b->start < b->end && a->start < b->end && b->start < a->end;
}

static int check_overlap(const struct boot_plan *plan, size_t devicetree_size, struct error *err)
{
    const struct image tree = {.start = plan->devicetree,
                               .end = plan->devicetree + devicetree_size};
    const struct image reset = {.start = VIRT_ROM_BASE,
                                .end = VIRT_ROM_BASE + sizeof(struct reset_code)};
    const struct {
        const char *name;
        const struct image *image;
    } parts[] = {{"firmware", &plan->firmware},
                 {"kernel", &plan->kernel},
                 {"initrd", &plan->initrd},
                 {"device tree", &tree},
                 {"reset code", &reset}};
    const size_t count = sizeof parts / sizeof *parts;
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++)
            if (overlap(parts[i].image, parts[j].image))
                return error_set(err,
                                 "load: %s at 0x%" PRIx64 "-0x%" PRIx64 " overlaps %s at 0x%" PRIx64
                                 "-0x%" PRIx64 "%s",
                                 parts[i].name, parts[i].image->start, parts[i].image->end,
                                 parts[j].name, parts[j].image->start, parts[j].image->end,
                                 parts[j].image == &reset ? "" : ": more RAM is needed");
    return 0;
}

/*
 * The reset code: a0 = hart number, a1 = device tree, a2 = what OpenSBI's fw_dynamic
 * wants to know (fw_dynamic.h of OpenSBI, version 2), and off to the first image.
 */
static int load_reset_code(struct memory *mem, const struct boot_plan *plan, struct error *err)
{
    bool firmware = plan->firmware.start < plan->firmware.end;
    const struct reset_code rom = {
        .code =
            {
                0x00000297, /* auipc t0, 0 */
                0xf1402573, /* csrr  a0, mhartid */
                0x0282b583, /* ld    a1, 40(t0) */
                0x03028613, /* addi  a2, t0, 48 */
                0x0202b283, /* ld    t0, 32(t0) */
                0x00028067, /* jr    t0 */
            },
        .start = firmware ? plan->firmware.entry : plan->kernel.entry,
        .devicetree = plan->devicetree,
        .info = {0x4942534f, 2, plan->kernel.entry, 1, 0, UINT64_MAX},
    };
    if (memory_load(mem, VIRT_ROM_BASE, &rom, sizeof rom))
        return error_set(err, "the reset code does not fit into ROM");
    return 0;
}

int boot_load(const struct config *config, struct memory *mem, struct boot_plan *plan,
              struct error *err)
{
    *plan = (struct boot_plan){0};
    if (place(config, plan, err))
        return -1;
    const struct config_load *firmware = find_load(config, LOAD_FIRMWARE);
    const struct config_load *kernel = find_load(config, LOAD_KERNEL);
    if (firmware) {
        const char *file = boot_firmware_file(firmware->file);
        if (!file)
            return error_set(err,
                             "load: expected OpenSBI from `make guests` or package opensbi, found "
                             "neither");
        uint64_t address = firmware->has_address ? firmware->address : plan->ram_base;
        if (load_image(mem, file, EM_RISCV, address, &plan->firmware, err))
            return -1;
    }
    if (kernel) {
        uint64_t address =
            kernel->has_address ? kernel->address : plan->ram_base + (firmware ? KERNEL_OFFSET : 0);
        if (load_image(mem, kernel->file, EM_RISCV, address, &plan->kernel, err))
            return -1;
    }
    for (size_t i = 0; i < config->load_count; i++) {
        struct image image;
        if (config->load[i].kind == LOAD_RAW &&
            load_raw(mem, config->load[i].file, config->load[i].address, &image, err))
            return -1;
    }
    if (load_initrd(config, mem, plan, err))
        return -1;
    void *blob;
    size_t size;
    if (boot_devicetree(config, plan, &blob, &size, err))
        return -1;
    int result = check_overlap(plan, size, err);
    if (!result && memory_load(mem, plan->devicetree, blob, size))
        result = error_set(err, "load: the device tree (%zu bytes at 0x%" PRIx64 ") does not fit",
                           size, plan->devicetree);
    free(blob);
    return result ? result : load_reset_code(mem, plan, err);
}
