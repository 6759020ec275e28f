/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cpu/cortexm_core.h"

/*
 * Bit-banding (Cortex-M3 TRM, DDI 0337I, 3.7): each bit of the first MiB of the SRAM and of the
 * peripheral region is a word of its own, 32 MiB above. A load gives the bit; a store reads the
 * word that it is in, changes it and writes it back.
 */
#define SRAM        UINT32_C(0x20000000)
#define PERIPHERALS UINT32_C(0x40000000)
#define ALIAS_ABOVE UINT32_C(0x02000000)
#define ALIAS_SIZE  UINT32_C(0x02000000)

static uint32_t load_word(struct cortexm *core, uint32_t address)
{
    const struct region *region = memory_find(core->mem, address);
    if (!region)
        return 0;
    if (region->kind == REGION_DEVICE)
        return (uint32_t)memory_device_read(core->mem, region, address - region->base, 4);
    return (uint32_t)memory_access(core->mem, address, 4, ACCESS_READ, 0);
}

static void store_word(struct cortexm *core, uint32_t address, uint32_t value)
{
    const struct region *region = memory_find(core->mem, address);
    if (region && region->kind == REGION_DEVICE)
        memory_device_write(core->mem, region, address - region->base, 4, value);
    else if (region && region->kind == REGION_RAM)
        memory_access(core->mem, address, 4, ACCESS_WRITE, value);
}

static uint64_t band_read(struct cortexm *core, uint32_t base, uint64_t offset)
{
    return load_word(core, base + ((uint32_t)offset >> 7) * 4) >> (offset >> 2 & 31) & 1;
}

static void band_write(struct cortexm *core, uint32_t base, uint64_t offset, uint64_t value)
{
    uint32_t address = base + ((uint32_t)offset >> 7) * 4, bit = 1u << (offset >> 2 & 31);
    uint32_t word = load_word(core, address);
    store_word(core, address, value & 1 ? word | bit : word & ~bit);
}

static uint64_t sram_read(void *opaque, uint64_t offset, unsigned size)
{
    (void)size;
    return band_read(opaque, SRAM, offset);
}

static void sram_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    (void)size;
    band_write(opaque, SRAM, offset, value);
}

static uint64_t peripheral_read(void *opaque, uint64_t offset, unsigned size)
{
    (void)size;
    return band_read(opaque, PERIPHERALS, offset);
}

static void peripheral_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    (void)size;
    band_write(opaque, PERIPHERALS, offset, value);
}

static const struct mmio_ops sram_ops = {sram_read, sram_write};
static const struct mmio_ops peripheral_ops = {peripheral_read, peripheral_write};

int cortexm_add_bit_bands(struct cortexm *core, struct error *err)
{
    if (memory_add_device(core->mem, "bit-band sram", SRAM + ALIAS_ABOVE, ALIAS_SIZE, &sram_ops,
                          core, err))
        return -1;
    return memory_add_device(core->mem, "bit-band periph", PERIPHERALS + ALIAS_ABOVE, ALIAS_SIZE,
                             &peripheral_ops, core, err);
}
