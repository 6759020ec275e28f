/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/schema.h"

#include <string.h>

#include "sim/schema_keys.h"
#include "sim/units.h"

const struct key *schema_root(void)
{
    return &schema_keys[0];
}

static bool is_child(const struct key *parent, const struct key *key)
{
    size_t length = strlen(parent->path);
    if (strncmp(key->path, parent->path, length))
        return false;
    const char *rest = key->path + length;
    if (!strcmp(rest, "[]"))
        return length > 0;
    if (length > 0 && *rest++ != '.')
        return false;
    return *rest && !rest[strcspn(rest, ".[")];
}

const struct key *schema_child(const struct key *parent, const struct key *previous)
{
    for (const struct key *key = (previous ? previous : parent) + 1;
         key < schema_keys + schema_key_count; key++) {
        if (is_child(parent, key))
            return key;
    }
    return NULL;
}

const struct key *schema_member(const struct key *parent, const char *name)
{
    const struct key *key = schema_child(parent, NULL);
    if (parent->type == KEY_ARRAY || parent->type == KEY_MAP)
        return key;
    while (key && strcmp(schema_name(key), name))
        key = schema_child(parent, key);
    return key;
}

const char *schema_name(const struct key *key)
{
    const char *dot = strrchr(key->path, '.');
    return dot ? dot + 1 : key->path;
}

const char *schema_elsewhere(const char *name)
{
    for (const struct key *key = schema_keys + 1; key < schema_keys + schema_key_count; key++) {
        if (!strpbrk(key->path, "[*") && !strcmp(schema_name(key), name))
            return key->path;
    }
    return NULL;
}

bool schema_name_is_valid(const char *name)
{
    size_t length =
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    return length > 0 && length <= SCHEMA_NAME_MAX && !name[length];
}

bool schema_symbol_is_valid(const char *name)
{
    size_t length =
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.$@");
    return length > 0 && length <= SCHEMA_SYMBOL_MAX &&
           (!name[length] || (name[length] == '?' && !name[length + 1]));
}

bool schema_units(enum key_type type, int *units)
{
    if (type < KEY_SIZE || type > KEY_ENERGY)
        return false;
    *units = (int)UNITS_SIZE + (int)(type - KEY_SIZE);
    return true;
}

bool schema_is_text(enum key_type type)
{
    return type == KEY_STRING || type == KEY_NAME || type == KEY_FILE || type == KEY_ENUM ||
           type == KEY_SYMBOL || type == KEY_PLACE;
}
