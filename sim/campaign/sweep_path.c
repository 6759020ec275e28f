/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/campaign/sweep_path.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static size_t put(const struct sweep_cut *cut, int digits, char *text, size_t size)
{
    const struct nvm_variant *variant = &cut->variant;
    size_t at = (size_t)snprintf(text, size, "%0*" PRIu64, digits, cut->write);
    if (variant->store == NVM_STORE_UNITS)
        at += (size_t)snprintf(text + at, size - at, "t%" PRIu32, variant->units);
    if (variant->lines == NVM_LINES_LOST)
        at += (size_t)snprintf(text + at, size - at, "l");
    if (variant->lines == NVM_LINES_KEPT)
        at += (size_t)snprintf(text + at, size - at, "k");
    if (variant->lines == NVM_LINES_RANDOM)
        at += (size_t)snprintf(text + at, size - at, "r%" PRIu64, variant->seed);
    return at;
}

static void format(const struct sweep_path *path, int digits, char *text)
{
    size_t at = 0;
    text[0] = 0;
    for (unsigned i = 0; i < path->count; i++) {
        if (i)
            text[at++] = '.';
        at += put(&path->cuts[i], digits, text + at, SWEEP_PATH_SIZE - at);
    }
}

void sweep_path_format(const struct sweep_path *path, char text[SWEEP_PATH_SIZE])
{
    format(path, 1, text);
}

void sweep_path_key(const struct sweep_path *path, char key[SWEEP_PATH_SIZE])
{
    format(path, 12, key);
}

static bool take_number(const char **text, uint64_t *value)
{
    char *end;
    if (!isdigit((unsigned char)**text))
        return false;
    *value = strtoull(*text, &end, 10);
    *text = end;
    return true;
}

static bool take_cut(struct sweep_cut *cut, const char **text)
{
    struct nvm_variant *variant = &cut->variant;
    uint64_t value;
    *cut = (struct sweep_cut){0};
    if (!take_number(text, &cut->write) || !cut->write)
        return false;
    switch (**text) {
    case 't':
        variant->store = NVM_STORE_UNITS;
        ++*text;
        if (!take_number(text, &value) || value > UINT32_MAX)
            return false;
        variant->units = (uint32_t)value;
        return true;
    case 'l':
    case 'k':
        variant->lines = *(*text)++ == 'l' ? NVM_LINES_LOST : NVM_LINES_KEPT;
        return true;
    case 'r':
        variant->lines = NVM_LINES_RANDOM;
        ++*text;
        return take_number(text, &variant->seed);
    default:
        return true;
    }
}

bool sweep_path_parse(struct sweep_path *path, const char *text)
{
    *path = (struct sweep_path){0};
    do {
        if (path->count == CONFIG_MAX_DEPTH || !take_cut(&path->cuts[path->count++], &text))
            return false;
    } while (*text == '.' && text++);
    return !*text;
}
