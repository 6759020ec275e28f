/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "devices/registers.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct registers {
    struct device device;
    uint32_t size; /* bytes */
    struct registers_rule *rules;
    size_t rule_count;
    uint32_t words[]; /* the state */
};

static const struct registers_rule *rule_of(const struct registers *registers, uint32_t offset)
{
    for (size_t i = 0; i < registers->rule_count; i++)
        if (registers->rules[i].offset == offset)
            return &registers->rules[i];
    return NULL;
}

static uint32_t word_read(const struct registers *registers, uint32_t offset)
{
    const struct registers_rule *rule = rule_of(registers, offset);
    uint32_t value = registers->words[offset / 4];
    if (!rule)
        return value;
    if (rule->mirrors)
        value = (value & rule->fixed) | (registers->words[rule->of / 4] & ~rule->fixed);
    return value | rule->ones;
}

static void word_write(struct registers *registers, uint32_t offset, uint32_t value)
{
    const struct registers_rule *rule = rule_of(registers, offset);
    uint32_t fixed = rule ? rule->fixed : 0;
    uint32_t *word = &registers->words[offset / 4];
    *word = (*word & fixed) | (value & ~fixed);
}

static uint64_t registers_read(void *opaque, uint64_t offset, unsigned size)
{
    const struct registers *registers = opaque;
    uint64_t value = 0;
    for (unsigned i = 0; i < size && offset + i < registers->size; i++) {
        uint32_t at = (uint32_t)(offset + i);
        value |= (uint64_t)(uint8_t)(word_read(registers, at & ~3u) >> at % 4 * 8) << i * 8;
    }
    return value;
}

static void registers_write(void *opaque, uint64_t offset, unsigned size, uint64_t value)
{
    struct registers *registers = opaque;
    for (unsigned i = 0; i < size && offset + i < registers->size; i++) {
        uint32_t at = (uint32_t)(offset + i), shift = at % 4 * 8;
        uint32_t word = registers->words[at / 4] & ~(0xffu << shift);
        word_write(registers, at & ~3u, word | (uint32_t)(uint8_t)(value >> i * 8) << shift);
    }
}

static void registers_reset(void *device)
{
    struct registers *registers = device;
    for (size_t i = 0; i < registers->rule_count; i++)
        registers->words[registers->rules[i].offset / 4] = registers->rules[i].reset;
}

static void registers_free(void *device)
{
    free(((struct registers *)device)->rules);
}

static const struct device_ops registers_ops = {
    .name = "registers",
    .mmio = {registers_read, registers_write},
    .reset = registers_reset,
    .free = registers_free,
};

static int check(uint64_t size, const struct registers_rule *rules, size_t count, struct error *err)
{
    if (!size || size % 4 || size > REGISTERS_MAX_SIZE)
        return error_set(err, "size: expected a multiple of 4 up to 0x%x, found 0x%" PRIx64,
                         REGISTERS_MAX_SIZE, size);
    for (size_t i = 0; i < count; i++) {
        uint32_t wrong = rules[i].offset;
        if (wrong % 4 == 0 && wrong < size && rules[i].mirrors)
            wrong = rules[i].of;
        if (wrong % 4 || wrong >= size)
            return error_set(err,
                             "registers[%zu]: expected a multiple of 4 below 0x%" PRIx64
                             ", found 0x%" PRIx32,
                             i, size, wrong);
    }
    return 0;
}

struct device *registers_new(uint64_t size, const struct registers_rule *rules, size_t count,
                             struct error *err)
{
    if (check(size, rules, count, err))
        return NULL;
    struct registers *registers = device_new(sizeof *registers + size, &registers_ops,
                                             offsetof(struct registers, words), size);
    if (!registers) {
        error_set(err, "out of memory");
        return NULL;
    }
    registers->size = (uint32_t)size;
    registers->rule_count = count;
    registers->rules = calloc(count + 1, sizeof *rules);
    if (!registers->rules) {
        device_free(&registers->device);
        error_set(err, "out of memory");
        return NULL;
    }
    if (count)
        memcpy(registers->rules, rules, count * sizeof *rules);
    return &registers->device;
}
