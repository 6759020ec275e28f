/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/expect.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/power_plan.h"

#define SHOWN 8 /* bytes of a difference */

int expect_place(const struct machine *machine, size_t index, uint64_t *gpa, uint64_t *size,
                 struct error *err)
{
    const struct config_memory *wanted = &machine->config->expect.memory[index];
    char path[64];
    *gpa = wanted->base;
    *size = wanted->size;
    if (wanted->symbol) {
        snprintf(path, sizeof path, "expect.memory[%zu].symbol", index);
        const struct symbol *symbol = power_plan_symbol(machine, path, wanted->symbol, err);
        if (!symbol)
            return -1;
        *gpa = symbol->address;
        if (!*size)
            *size = symbol->size;
    }
    snprintf(path, sizeof path, "expect.memory[%zu]", index);
    if (!*size)
        return error_set(err, "%s: expected the key \"size\", as the symbol has none", path);
    if (wanted->has_value && *size > 8)
        return error_set(err, "%s: expected at most 8 bytes beside \"value\", found %" PRIu64, path,
                         *size);
    if (wanted->bytes && strlen(wanted->bytes) != 2 * *size)
        return error_set(err, "%s.bytes: expected %" PRIu64 " bytes, found %zu", path, *size,
                         strlen(wanted->bytes) / 2);
    if (!memory_host(machine->mem, *gpa, *size))
        return error_set(err, "%s: there is no memory at all of 0x%" PRIx64 " to 0x%" PRIx64, path,
                         *gpa, *gpa + *size);
    return 0;
}

int expect_check(const struct machine *machine, struct error *err)
{
    uint64_t gpa, size;
    for (size_t i = 0; i < machine->config->expect.memory_count; i++)
        if (expect_place(machine, i, &gpa, &size, err))
            return -1;
    return 0;
}

/* As in a number: the byte at the highest address first. */
static void format_bytes(char *text, const uint8_t *bytes, uint64_t size)
{
    *text = 0;
    while (size--)
        text += sprintf(text, "%02x", bytes[size]);
}

static bool differs(const struct machine *machine, size_t index, uint64_t gpa, uint64_t size,
                    const uint8_t *bytes, char *text, size_t room)
{
    const uint8_t *found = memory_host(machine->mem, gpa, size);
    const char *symbol = machine->config->expect.memory[index].symbol;
    uint64_t at = 0;
    if (!memcmp(found, bytes, size))
        return false;
    while (found[at] == bytes[at])
        at++;
    at -= size > SHOWN ? at % 4 : at;
    uint64_t shown = size > SHOWN ? 4 : size;
    shown = shown < size - at ? shown : size - at;
    char place[300], have[2 * SHOWN + 1], want[2 * SHOWN + 1];
    format_bytes(have, found + at, shown);
    format_bytes(want, bytes + at, shown);
    if (symbol)
        snprintf(place, sizeof place, "%.200s+0x%" PRIx64, symbol, at);
    else
        snprintf(place, sizeof place, "0x%" PRIx64, gpa + at);
    snprintf(text, room, "memory at %s is 0x%s, expected 0x%s", place, have, want);
    return true;
}

bool expect_differs(const struct machine *machine, size_t index, const uint8_t *bytes, char *text,
                    size_t size)
{
    struct error err;
    uint64_t gpa, length;
    return !expect_place(machine, index, &gpa, &length, &err) &&
           differs(machine, index, gpa, length, bytes, text, size);
}

static uint8_t digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

static bool fails(const struct machine *machine, size_t index, char *text, size_t room)
{
    const struct config_memory *wanted = &machine->config->expect.memory[index];
    struct error err;
    uint64_t gpa, size;
    if (wanted->uncut || expect_place(machine, index, &gpa, &size, &err))
        return false;
    uint8_t *bytes = malloc(size);
    if (!bytes) {
        snprintf(text, room, "out of memory");
        return true;
    }
    for (uint64_t i = 0; i < size; i++)
        bytes[i] =
            wanted->bytes
                ? (uint8_t)(digit(wanted->bytes[2 * i]) << 4 | digit(wanted->bytes[2 * i + 1]))
                : (uint8_t)(wanted->value >> (8 * i));
    bool failed = differs(machine, index, gpa, size, bytes, text, room);
    free(bytes);
    return failed;
}

bool expect_fails(const struct machine *machine, char *text, size_t size)
{
    for (size_t i = 0; i < machine->config->expect.memory_count; i++)
        if (fails(machine, i, text, size))
            return true;
    return false;
}
