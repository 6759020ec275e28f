/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/nearest.h"
#include "sim/schema.h"
#include "sim/text.h"
#include "sim/units.h"
#include "sim/walk.h"

/* ---- Values -------------------------------------------------------------------------------- */

static void put_number(char *place, size_t size, uint64_t value)
{
    if (size == sizeof(unsigned)) {
        unsigned narrow = (unsigned)value;
        memcpy(place, &narrow, sizeof narrow);
    } else if (size == sizeof value) {
        memcpy(place, &value, sizeof value);
    }
}

static const char *range_text(const struct key *key, uint64_t value, char *buffer, size_t size)
{
    int units;
    if (schema_units(key->type, &units))
        return units_format((enum units)units, value, buffer, size);
    if (key->type == KEY_SIGNED)
        snprintf(buffer, size, "%" PRId64, (int64_t)value);
    else
        snprintf(buffer, size, "%" PRIu64, value);
    return buffer;
}

static const char *number_noun(enum key_type type, bool example)
{
    switch (type) {
    case KEY_SIZE:
        return example ? "a size such as \"64M\"" : "a size";
    case KEY_COUNT:
        return example ? "a count such as \"20M\"" : "a count";
    case KEY_DURATION:
        return example ? "a duration such as \"10ms\"" : "a duration";
    case KEY_ADDRESS:
        return example ? "an address such as \"0x80000000\"" : "an address";
    case KEY_FREQUENCY:
        return example ? "a frequency such as \"96MHz\"" : "a frequency";
    case KEY_VOLTAGE:
        return example ? "a voltage such as \"2.8V\"" : "a voltage";
    case KEY_CURRENT:
        return example ? "a current such as \"330nA\"" : "a current";
    case KEY_CAPACITANCE:
        return example ? "a capacitance such as \"10uF\"" : "a capacitance";
    case KEY_RESISTANCE:
        return example ? "a resistance such as \"30kOhm\"" : "a resistance";
    case KEY_POWER:
        return example ? "a power such as \"1.2mW\"" : "a power";
    case KEY_ENERGY:
        return example ? "an energy such as \"0.4nJ\"" : "an energy";
    default:
        return "an integer";
    }
}

static int wrong_range(struct walk *walk, const struct key *key, const cJSON *node)
{
    char expected[120], low[32], high[32];
    snprintf(expected, sizeof expected, "%s from %s to %s", number_noun(key->type, false),
             range_text(key, key->min, low, sizeof low),
             range_text(key, key->max, high, sizeof high));
    return walk_wrong(walk, expected, node);
}

static int take_number(struct walk *walk, const struct key *key, const cJSON *node, char *place)
{
    int units;
    uint64_t value;
    bool has_units = schema_units(key->type, &units);
    if (cJSON_IsNumber(node)) {
        double number = node->valuedouble;
        bool bare =
            has_units && (units >= UNITS_FREQUENCY || (units == UNITS_DURATION && number != 0));
        if (number != floor(number) || bare)
            return has_units ? walk_wrong(walk, number_noun(key->type, true), node)
                             : wrong_range(walk, key, node);
        if (has_units && number > (double)SCHEMA_SAFE_INTEGER)
            return walk_wrong(
                walk, "a string in place of a number above 2^53 - 1, which JSON rounds", node);
        if (number < 0 || number > (double)SCHEMA_SAFE_INTEGER)
            return wrong_range(walk, key, node);
        value = (uint64_t)number;
    } else if (!has_units) {
        return wrong_range(walk, key, node);
    } else if (!cJSON_IsString(node) || units_parse((enum units)units, node->valuestring, &value)) {
        return walk_wrong(walk, number_noun(key->type, true), node);
    }
    if (value < key->min || value > key->max)
        return wrong_range(walk, key, node);
    put_number(place, key->size, value);
    return 0;
}

static int take_signed(struct walk *walk, const struct key *key, const cJSON *node, char *place)
{
    double number = cJSON_IsNumber(node) ? node->valuedouble : NAN;
    if (!(number == floor(number) && number >= (double)(int64_t)key->min &&
          number <= (double)(int64_t)key->max))
        return wrong_range(walk, key, node);
    int64_t value = (int64_t)number;
    memcpy(place, &value, sizeof value);
    return 0;
}

static int take_factor(struct walk *walk, const struct key *key, const cJSON *node, char *place)
{
    char expected[80];
    double value = cJSON_IsNumber(node) ? node->valuedouble : NAN;
    if (!(value >= (double)key->min && value <= (double)key->max)) {
        snprintf(expected, sizeof expected, "a number from %" PRIu64 " to %" PRIu64, key->min,
                 key->max);
        return walk_wrong(walk, expected, node);
    }
    memcpy(place, &value, sizeof value);
    return 0;
}

static int wrong_choice(struct walk *walk, const struct key *key, const cJSON *node)
{
    char expected[200] = "";
    size_t length = 0, count = 0;
    while (key->choices[count])
        count++;
    for (size_t i = 0; i < count && length < sizeof expected; i++)
        length += (size_t)snprintf(expected + length, sizeof expected - length, "%s\"%s\"",
                                   i == 0          ? ""
                                   : i + 1 < count ? ", "
                                                   : " or ",
                                   key->choices[i]);
    const char *near =
        cJSON_IsString(node) ? nearest(node->valuestring, key->choices, count) : NULL;
    char found[WALK_FOUND_SIZE];
    return walk_fail(walk, "expected %s, found %s%s%s%s", expected,
                     walk_describe(node, found, sizeof found), near ? "; did you mean \"" : "",
                     near ? near : "", near ? "\"?" : "");
}

static size_t find_choice(const struct key *key, const cJSON *node)
{
    size_t choice = 0;
    while (key->choices[choice] &&
           (!cJSON_IsString(node) || strcmp(key->choices[choice], node->valuestring)))
        choice++;
    return choice;
}

static int take_text(struct walk *walk, const struct key *key, const cJSON *node, char *place)
{
    char found[WALK_FOUND_SIZE];
    size_t choice = 0;
    if (key->choices) {
        choice = find_choice(key, node);
        if (!key->choices[choice])
            return wrong_choice(walk, key, node);
    }
    if (key->type == KEY_NAME && !(cJSON_IsString(node) && schema_name_is_valid(node->valuestring)))
        return walk_wrong(walk, "a name of 1 to 31 letters, digits, \"-\" or \"_\"", node);
    if (key->type == KEY_SYMBOL) {
        if (!cJSON_IsString(node) || !schema_symbol_is_valid(node->valuestring))
            return walk_wrong(
                walk, "a symbol's name (up to 255 letters, digits, \"_\", \".\", \"$\" or \"@\")",
                node);
        memcpy(place, &node->valuestring, sizeof node->valuestring);
        return 0;
    }
    if (!cJSON_IsString(node))
        return walk_wrong(walk, key->type == KEY_FILE ? "the name of a file" : "a string", node);
    const char *text = node->valuestring;
    if (!key->choices && key->type != KEY_NAME && strlen(text) < key->min)
        return walk_wrong(walk, key->type == KEY_FILE ? "the name of a file" : "some text", node);
    if (!key->choices && key->type != KEY_NAME && strlen(text) > key->max)
        return walk_fail(walk, "expected at most %" PRIu64 " bytes, found %zu: %s", key->max,
                         strlen(text), walk_describe(node, found, sizeof found));
    if (key->type == KEY_ENUM)
        put_number(place, key->size, choice);
    else if (key->size)
        memcpy(place, &text, sizeof text);
    return 0;
}

/* Cuts the offset off the string in the tree. */
static int take_place(struct walk *walk, const struct key *key, const cJSON *node, char *base)
{
    static const char expected[] = "a symbol such as \"sys_read+0x10\", or an address";
    const char *symbol = NULL;
    uint64_t number = 0;
    if (cJSON_IsNumber(node)) {
        const struct key address = {.type = KEY_ADDRESS, .max = UINT64_MAX, .size = sizeof number};
        if (take_number(walk, &address, node, (char *)&number))
            return -1;
    } else if (!cJSON_IsString(node)) {
        return walk_wrong(walk, expected, node);
    } else if (units_parse(UNITS_ADDRESS, node->valuestring, &number)) {
        char *plus = strchr(node->valuestring, '+');
        if (plus && units_parse(UNITS_ADDRESS, plus + 1, &number))
            return walk_wrong(walk, expected, node);
        if (plus)
            *plus = 0;
        symbol = node->valuestring;
        bool valid = schema_symbol_is_valid(symbol) && !strchr(symbol, '?') &&
                     !(symbol[0] >= '0' && symbol[0] <= '9');
        if (plus && !valid)
            *plus = '+';
        if (!valid)
            return walk_wrong(walk, expected, node);
    }
    memcpy(base + key->offset, &symbol, sizeof symbol);
    memcpy(base + key->number_offset, &number, sizeof number);
    return 0;
}

static int take_set(struct walk *walk, const struct key *key, const cJSON *node, char *place)
{
    const cJSON *item;
    size_t index = 0;
    unsigned set = 0;
    if (!cJSON_IsArray(node))
        return walk_wrong(walk, "an array", node);
    cJSON_ArrayForEach(item, node)
    {
        size_t here = walk_enter(walk, NULL, index++), choice = find_choice(key, item);
        if (!key->choices[choice])
            return wrong_choice(walk, key, item);
        if (set & (1u << choice))
            return walk_fail(walk, "\"%s\" is there twice", key->choices[choice]);
        set |= 1u << choice;
        walk_leave(walk, here);
    }
    if (index < key->min)
        return walk_fail(walk, "expected at least %" PRIu64 " element%s, found %zu", key->min,
                         key->min == 1 ? "" : "s", index);
    put_number(place, key->size, set);
    return 0;
}

static int take_boolean(struct walk *walk, const struct key *key, const cJSON *node, char *place)
{
    if (!cJSON_IsBool(node))
        return walk_wrong(walk, "true or false", node);
    bool value = cJSON_IsTrue(node);
    if (key->size)
        memcpy(place, &value, sizeof value);
    return 0;
}

/* The table's own default; a mistake in one is a bug that the tests find. */
static void take_default(const struct key *key, char *place)
{
    int units = UNITS_COUNT;
    uint64_t value = 0;
    if (key->type == KEY_BOOLEAN) {
        bool yes = !strcmp(key->fallback, "true");
        memcpy(place, &yes, sizeof yes);
    } else if (key->type == KEY_ENUM) {
        while (strcmp(key->choices[value], key->fallback))
            value++;
        put_number(place, key->size, value);
    } else if (key->type == KEY_SET) {
        for (size_t i = 0; key->choices[i]; i++) {
            const char *found = strstr(key->fallback, key->choices[i]);
            value |= found ? UINT64_C(1) << i : 0;
        }
        put_number(place, key->size, value);
    } else if (key->type == KEY_SIGNED) {
        int64_t number = strtoll(key->fallback, NULL, 10);
        memcpy(place, &number, sizeof number);
    } else if (key->type == KEY_FACTOR) {
        double number = strtod(key->fallback, NULL);
        memcpy(place, &number, sizeof number);
    } else if (schema_is_text(key->type)) {
        memcpy(place, &key->fallback, sizeof key->fallback);
    } else {
        schema_units(key->type, &units);
        if (units_parse((enum units)units, key->fallback, &value) == 0)
            put_number(place, key->size, value);
    }
}

/* ---- The tree ------------------------------------------------------------------------------ */

static int take(struct walk *walk, const struct key *key, const cJSON *node, char *base);

static int unknown_key(struct walk *walk, const struct key *key, const char *name)
{
    char quoted[WALK_FOUND_SIZE], known[300] = "";
    struct nearest search;
    size_t length = 0;
    nearest_init(&search, name);
    text_quote(name, quoted, sizeof quoted);
    for (const struct key *child = schema_child(key, NULL); child;
         child = schema_child(key, child)) {
        nearest_offer(&search, schema_name(child));
        if (length < sizeof known && child->path[0] != '$')
            length += (size_t)snprintf(known + length, sizeof known - length, "%s%s",
                                       length ? ", " : "", schema_name(child));
    }
    const char *elsewhere = schema_elsewhere(name);
    if (!search.best && elsewhere)
        search.best = elsewhere;
    if (search.best)
        return walk_fail(walk, "unknown key %s; did you mean \"%s\"?", quoted, search.best);
    return walk_fail(walk, "unknown key %s; expected one of %s", quoted, known);
}

/* Are the members all known, and each there once? */
static int check_members(struct walk *walk, const struct key *key, const cJSON *node)
{
    const cJSON *item;
    char quoted[WALK_FOUND_SIZE];
    cJSON_ArrayForEach(item, node)
    {
        bool known = key->type == KEY_MAP ? schema_name_is_valid(item->string)
                                          : schema_member(key, item->string) != NULL;
        if (known && cJSON_GetObjectItemCaseSensitive(node, item->string) == item)
            continue;
        if (!known && key->type == KEY_MAP)
            return walk_fail(walk,
                             "expected names of 1 to 31 letters, digits, \"-\" or \"_\", found %s",
                             text_quote(item->string, quoted, sizeof quoted));
        size_t here = walk_enter(walk, item->string, 0);
        if (known)
            return walk_fail(walk, "the key is there twice");
        if (walk_origin(walk, walk->path) == ORIGIN_FILE)
            walk_leave(walk, here);
        return unknown_key(walk, key, item->string);
    }
    return 0;
}

/* Keys of which exactly one, or at least one, must be there. */
static int check_choice(struct walk *walk, const struct key *key, const cJSON *node, unsigned flag)
{
    char names[200] = "";
    size_t length = 0, marked = 0, given = 0;
    const char *first = NULL;
    for (const struct key *child = schema_child(key, NULL); child;
         child = schema_child(key, child)) {
        if (!(child->flags & flag))
            continue;
        marked++;
        if (cJSON_GetObjectItemCaseSensitive(node, schema_name(child))) {
            size_t here = walk_enter(walk, schema_name(child), 0);
            if (++given > 1 && flag == KEY_ONE_OF)
                return walk_fail(walk, "expected this key or \"%s\", not both", first);
            first = schema_name(child);
            walk_leave(walk, here);
        }
        if (length < sizeof names)
            length += (size_t)snprintf(names + length, sizeof names - length, "%s\"%s\"",
                                       length ? ", " : "", schema_name(child));
    }
    if (marked && given == 0)
        return walk_fail(walk, "expected one of the keys %s", names);
    return 0;
}

static int take_object(struct walk *walk, const struct key *key, const cJSON *node, char *base)
{
    if (node && !cJSON_IsObject(node))
        return walk_wrong(walk, "an object", node);
    if (check_members(walk, key, node))
        return -1;
    for (const struct key *child = schema_child(key, NULL); child;
         child = schema_child(key, child)) {
        const char *name = schema_name(child);
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(node, name);
        const cJSON *type = cJSON_GetObjectItemCaseSensitive(node, "type");
        if (child->only && strcmp(child->only, type->valuestring)) {
            if (!item)
                continue;
            walk_enter(walk, name, 0);
            return walk_fail(walk, "expected no such key in a device of type \"%s\"",
                             type->valuestring);
        }
        if (node && !item && (child->flags & KEY_REQUIRED))
            return walk_fail(walk, "expected the key \"%s\", which is missing", name);
        size_t here = walk_enter(walk, name, 0);
        if (item && child->needs && !cJSON_GetObjectItemCaseSensitive(node, child->needs))
            return walk_fail(walk, "expected the key \"%s\" beside it", child->needs);
        if (take(walk, child, item, base))
            return -1;
        walk_leave(walk, here);
    }
    if (!node)
        return 0;
    return check_choice(walk, key, node, KEY_ONE_OF) || check_choice(walk, key, node, KEY_ANY_OF)
               ? -1
               : 0;
}

/* An array, or a map. */
static int take_elements(struct walk *walk, const struct key *key, const cJSON *node, char *base)
{
    bool map = key->type == KEY_MAP;
    const cJSON *item;
    size_t count = 0;
    if (!node)
        return 0;
    if (map ? !cJSON_IsObject(node) : !cJSON_IsArray(node))
        return walk_wrong(walk, map ? "an object" : "an array", node);
    size_t length = (size_t)cJSON_GetArraySize(node);
    if (length < key->min || length > key->max)
        return walk_fail(walk, "expected %" PRIu64 " to %" PRIu64 " %s, found %zu", key->min,
                         key->max, map ? "members" : "elements", length);
    if (map && check_members(walk, key, node))
        return -1;
    cJSON_ArrayForEach(item, node)
    {
        size_t here = walk_enter(walk, map ? item->string : NULL, count);
        if (take(walk, schema_child(key, NULL), item, base + key->offset + count * key->size))
            return -1;
        walk_leave(walk, here);
        count++;
    }
    memcpy(base + key->count_offset, &count, sizeof count);
    return 0;
}

/* `node` is NULL where the config does not have the key; `base` is what the key's offsets count
 * from. */
static int take(struct walk *walk, const struct key *key, const cJSON *node, char *base)
{
    char *place = base + key->offset;
    if (node && key->given_offset) {
        bool given = true;
        memcpy(base + key->given_offset, &given, sizeof given);
    }
    if (key->type == KEY_OBJECT)
        return take_object(walk, key, node, base);
    if (key->type == KEY_ARRAY || key->type == KEY_MAP)
        return take_elements(walk, key, node, base);
    if (!node) {
        if (key->fallback)
            take_default(key, place);
        return 0;
    }
    if (key->type == KEY_BOOLEAN)
        return take_boolean(walk, key, node, place);
    if (key->type == KEY_SET)
        return take_set(walk, key, node, place);
    if (key->type == KEY_FACTOR)
        return take_factor(walk, key, node, place);
    if (key->type == KEY_SIGNED)
        return take_signed(walk, key, node, place);
    if (key->type == KEY_PLACE)
        return take_place(walk, key, node, base);
    if (schema_is_text(key->type))
        return take_text(walk, key, node, place);
    return take_number(walk, key, node, place);
}

int walk_read(struct walk *walk)
{
    return take(walk, schema_root(), walk->root, (char *)walk->config);
}
