/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "sim/walk.h"

/* What one key alone does not tell, of sections `expect` and `sweep`. */

static int check_memory(struct walk *walk, size_t index)
{
    const struct config_memory *memory = &walk->config->expect.memory[index];
    walk_at(walk, "expect.memory[%zu]", index);
    if (memory->has_value + (memory->bytes != NULL) + memory->uncut != 1)
        return walk_fail(walk, "expected one of the keys \"value\", \"bytes\" and \"uncut\": true");
    walk_at(walk, "expect.memory[%zu].size", index);
    if (memory->has_value && memory->size > 8)
        return walk_fail(walk, "expected at most 8 bytes beside \"value\", found %" PRIu64,
                         memory->size);
    if (!memory->bytes)
        return 0;
    walk_at(walk, "expect.memory[%zu].bytes", index);
    size_t digits = strspn(memory->bytes, "0123456789abcdefABCDEF");
    if (memory->bytes[digits] || digits % 2)
        return walk_fail(walk, "expected two hexadecimal digits for each byte");
    if (memory->size && digits / 2 != memory->size)
        return walk_fail(walk, "expected %" PRIu64 " bytes, as \"size\" says, found %zu",
                         memory->size, digits / 2);
    return 0;
}

int walk_check_expect(struct walk *walk)
{
    const struct config *config = walk->config;
    for (size_t i = 0; i < config->expect.memory_count; i++)
        if (check_memory(walk, i))
            return -1;
    walk_at(walk, "sweep.before");
    if (config->sweep.before_ns && config->sweep.before_ns <= config->sweep.after_ns)
        return walk_fail(walk,
                         "expected a time behind \"after\", %" PRIu64 " ns, found %" PRIu64 " ns",
                         config->sweep.after_ns, config->sweep.before_ns);
    return 0;
}
