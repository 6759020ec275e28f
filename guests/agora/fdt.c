/* SPDX-License-Identifier: GPL-2.0-or-later */
/* As much of the flattened device tree (Devicetree Specification 0.4, chapter 5) as is needed. */
#include "kernel.h"

enum token {
    BEGIN_NODE = 1,
    END_NODE = 2,
    PROPERTY = 3,
    NOP = 4,
};

struct header {
    uint32_t magic, total_size, structure, strings;
};

static uint32_t big_endian(uint32_t value)
{
    return value >> 24 | (value >> 8 & 0xff00) | (value << 8 & 0xff0000) | value << 24;
}

static bool begins_with(const char *text, const char *start)
{
    while (*start)
        if (*text++ != *start++)
            return false;
    return true;
}

static bool equal(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

static const uint32_t *skip_text(const uint32_t *at)
{
    const char *text = (const char *)at;
    uint64_t length = 0;
    while (text[length])
        length++;
    return at + length / 4 + 1;
}

void fdt_read(const void *blob, struct board *board)
{
    const struct header *header = blob;
    const char *strings = (const char *)blob + big_endian(header->strings);
    const uint32_t *at = (const uint32_t *)((const char *)blob + big_endian(header->structure));
    bool chosen = false, cpu = false;
    unsigned depth = 0;
    *board = (struct board){.bootargs = ""};
    for (;;) {
        switch (big_endian(*at++)) {
        case BEGIN_NODE:
            depth++;
            if (depth == 2)
                chosen = equal((const char *)at, "chosen");
            else if (depth == 3)
                cpu = begins_with((const char *)at, "cpu@");
            at = skip_text(at);
            break;
        case END_NODE:
            depth--;
            break;
        case PROPERTY: {
            uint32_t size = big_endian(at[0]);
            const char *name = strings + big_endian(at[1]);
            at += 2;
            if (depth == 2 && chosen && equal(name, "bootargs"))
                board->bootargs = (const char *)at;
            if (depth == 3 && cpu && equal(name, "reg") && board->harts < MAX_HARTS)
                board->hart_ids[board->harts++] = big_endian(at[0]);
            at += (size + 3) / 4;
            break;
        }
        case NOP:
            break;
        default: /* the end */
            return;
        }
    }
}
