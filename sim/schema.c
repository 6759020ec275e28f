/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/schema.h"

#include <string.h>

#include "sim/schema_keys.h"
#include "sim/units.h"

static const struct schema_table *const tables[] = {&schema_machine, &schema_recovery,
                                                    &schema_power};

#define TABLES (sizeof tables / sizeof *tables)

const struct key *schema_root(void)
{
    return tables[0]->rows;
}

/* The row after it, of whatever table; NULL behind the last. */
static const struct key *next_row(const struct key *key)
{
    size_t table = 0;
    while (key < tables[table]->rows || key >= tables[table]->rows + tables[table]->count)
        table++;
    if (++key < tables[table]->rows + tables[table]->count)
        return key;
    return ++table < TABLES ? tables[table]->rows : NULL;
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
    const struct key *key = next_row(previous ? previous : parent);
    while (key && !is_child(parent, key))
        key = next_row(key);
    return key;
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
    for (const struct key *key = next_row(schema_root()); key; key = next_row(key)) {
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
