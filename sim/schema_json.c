/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of schema.c as a JSON Schema. */
#include <cjson/cJSON.h>
#include <stdlib.h>

#include "sim/config.h"
#include "sim/schema.h"
#include "sim/units.h"

/* Out of memory is noticed once, at the end: cJSON's functions accept and return NULL. */
struct printer {
    bool failed;
};

static cJSON *put(struct printer *printer, cJSON *object, const char *name, cJSON *item)
{
    if (!item || !cJSON_AddItemToObject(object, name, item)) {
        cJSON_Delete(item);
        printer->failed = true;
        return NULL;
    }
    return item;
}

static cJSON *append(struct printer *printer, cJSON *array, cJSON *item)
{
    if (!item || !cJSON_AddItemToArray(array, item)) {
        cJSON_Delete(item);
        printer->failed = true;
        return NULL;
    }
    return item;
}

static void put_text(struct printer *printer, cJSON *object, const char *name, const char *text)
{
    put(printer, object, name, cJSON_CreateString(text));
}

static void put_number(struct printer *printer, cJSON *object, const char *name, uint64_t value)
{
    uint64_t most = SCHEMA_SAFE_INTEGER;
    put(printer, object, name, cJSON_CreateNumber((double)(value < most ? value : most)));
}

static void put_limit(struct printer *printer, cJSON *object, const char *name,
                      const struct key *key, uint64_t value)
{
    if (key->type == KEY_SIGNED)
        put(printer, object, name, cJSON_CreateNumber((double)(int64_t)value));
    else
        put_number(printer, object, name, value);
}

static void put_choices(struct printer *printer, cJSON *schema, const struct key *key)
{
    cJSON *choices = put(printer, schema, "enum", cJSON_CreateArray());
    for (size_t i = 0; key->choices[i]; i++)
        append(printer, choices, cJSON_CreateString(key->choices[i]));
}

static const char *pattern(enum key_type type)
{
    switch (type) {
    case KEY_SIZE:
        return "^(0x[0-9A-Fa-f]{1,16}|[0-9]+(\\.[0-9]{1,12})?([KMGT](iB)?)?)$";
    case KEY_COUNT:
        return "^(0x[0-9A-Fa-f]{1,16}|[0-9]+(\\.[0-9]{1,12})?[kKMGT]?)$";
    case KEY_DURATION:
        return "^(0|[0-9]+(\\.[0-9]{1,12})?(ns|us|ms|s|min))$";
    case KEY_FREQUENCY:
        return "^[0-9]+(\\.[0-9]{1,12})?[kMG]?Hz$";
    case KEY_VOLTAGE:
        return "^[0-9]+(\\.[0-9]{1,12})?[um]?V$";
    case KEY_CURRENT:
        return "^[0-9]+(\\.[0-9]{1,12})?[pnum]?A$";
    case KEY_CAPACITANCE:
        return "^[0-9]+(\\.[0-9]{1,12})?[pnum]?F$";
    case KEY_RESISTANCE:
        return "^[0-9]+(\\.[0-9]{1,12})?[mkM]?Ohm$";
    case KEY_POWER:
        return "^[0-9]+(\\.[0-9]{1,12})?[pnum]?W$";
    case KEY_ENERGY:
        return "^[0-9]+(\\.[0-9]{1,12})?[fpnum]?J$";
    case KEY_NAME:
        return "^[A-Za-z0-9_-]{1,31}$";
    case KEY_SYMBOL:
        return "^[A-Za-z0-9_.$@]{1,255}\\??$";
    case KEY_PLACE:
        return "^[A-Za-z0-9_.$@]{1,255}(\\+(0x[0-9A-Fa-f]{1,16}|[0-9]+))?$";
    default:
        return "^(0x[0-9A-Fa-f]{1,16}|[0-9]+)$";
    }
}

static void put_default(struct printer *printer, cJSON *schema, const struct key *key)
{
    if (!key->fallback)
        return;
    /* "10ms" and "64K" are no JSON numbers, "0" is one */
    cJSON *value = schema_is_text(key->type) ? NULL : cJSON_ParseWithOpts(key->fallback, NULL, 1);
    put(printer, schema, "default", value ? value : cJSON_CreateString(key->fallback));
}

static void put_scalar(struct printer *printer, cJSON *schema, const struct key *key)
{
    int units;
    if (key->type == KEY_SET) {
        put_text(printer, schema, "type", "array");
        put_number(printer, schema, "minItems", key->min);
        put(printer, schema, "uniqueItems", cJSON_CreateTrue());
        put_choices(printer, put(printer, schema, "items", cJSON_CreateObject()), key);
    } else if (key->choices) {
        put_choices(printer, schema, key);
    } else if (key->type == KEY_BOOLEAN) {
        put_text(printer, schema, "type", "boolean");
    } else if (key->type == KEY_NAME || key->type == KEY_SYMBOL) {
        put_text(printer, schema, "type", "string");
        put_text(printer, schema, "pattern", pattern(key->type));
    } else if (key->type == KEY_PLACE) {
        cJSON *types = put(printer, schema, "type", cJSON_CreateArray());
        append(printer, types, cJSON_CreateString("string"));
        append(printer, types, cJSON_CreateString("integer"));
        put_text(printer, schema, "pattern", pattern(key->type));
    } else if (schema_is_text(key->type)) {
        put_text(printer, schema, "type", "string");
        put_number(printer, schema, "minLength", key->min);
        put_number(printer, schema, "maxLength", key->max);
    } else if (schema_units(key->type, &units)) {
        if (units >= UNITS_FREQUENCY) {
            put_text(printer, schema, "type", "string");
            put_text(printer, schema, "pattern", pattern(key->type));
            return;
        }
        cJSON *types = put(printer, schema, "type", cJSON_CreateArray());
        append(printer, types, cJSON_CreateString("string"));
        append(printer, types, cJSON_CreateString("integer"));
        put_text(printer, schema, "pattern", pattern(key->type));
        put_number(printer, schema, "minimum", key->min);
        put_number(printer, schema, "maximum", units == UNITS_DURATION ? 0 : key->max);
    } else {
        put_text(printer, schema, "type", key->type == KEY_FACTOR ? "number" : "integer");
        put_limit(printer, schema, "minimum", key, key->min);
        put_limit(printer, schema, "maximum", key, key->max);
    }
}

/* {"required": [...]} for the children with a flag, in `object`, or one such alternative for each.
 */
static void put_flagged(struct printer *printer, cJSON *schema, const struct key *key)
{
    cJSON *required = NULL, *one_of = NULL, *any_of = NULL;
    for (const struct key *child = schema_child(key, NULL); child;
         child = schema_child(key, child)) {
        if ((child->flags & KEY_REQUIRED) && !child->only) {
            if (!required)
                required = put(printer, schema, "required", cJSON_CreateArray());
            append(printer, required, cJSON_CreateString(schema_name(child)));
        }
        if (!(child->flags & (KEY_ONE_OF | KEY_ANY_OF)))
            continue;
        cJSON **list = child->flags & KEY_ONE_OF ? &one_of : &any_of;
        if (!*list)
            *list = put(printer, schema, child->flags & KEY_ONE_OF ? "oneOf" : "anyOf",
                        cJSON_CreateArray());
        cJSON *alternative = append(printer, *list, cJSON_CreateObject());
        cJSON *names = put(printer, alternative, "required", cJSON_CreateArray());
        append(printer, names, cJSON_CreateString(schema_name(child)));
    }
}

/* What depends on a sibling: `needs`, and `only` for some types. */
static void put_dependencies(struct printer *printer, cJSON *schema, const struct key *key)
{
    cJSON *needs = NULL, *all = NULL;
    for (const struct key *child = schema_child(key, NULL); child;
         child = schema_child(key, child)) {
        if (child->needs) {
            if (!needs)
                needs = put(printer, schema, "dependentRequired", cJSON_CreateObject());
            cJSON *names = put(printer, needs, schema_name(child), cJSON_CreateArray());
            append(printer, names, cJSON_CreateString(child->needs));
        }
        if (!child->only)
            continue;
        if (!all)
            all = put(printer, schema, "allOf", cJSON_CreateArray());
        cJSON *rule = append(printer, all, cJSON_CreateObject());
        cJSON *condition = put(printer, rule, "if", cJSON_CreateObject());
        cJSON *properties = put(printer, condition, "properties", cJSON_CreateObject());
        cJSON *type = put(printer, properties, "type", cJSON_CreateObject());
        put_text(printer, type, "const", child->only);
        if (child->flags & KEY_REQUIRED) {
            cJSON *then = put(printer, rule, "then", cJSON_CreateObject());
            cJSON *names = put(printer, then, "required", cJSON_CreateArray());
            append(printer, names, cJSON_CreateString(schema_name(child)));
        }
        cJSON *otherwise = put(printer, rule, "else", cJSON_CreateObject());
        cJSON *denied = put(printer, otherwise, "properties", cJSON_CreateObject());
        put(printer, denied, schema_name(child), cJSON_CreateFalse());
    }
}

/* Nests as deep as the table does. */
static void put_schema(struct printer *printer, cJSON *schema, const struct key *key)
{
    put_text(printer, schema, "description", key->help);
    if (key->type == KEY_OBJECT) {
        put_text(printer, schema, "type", "object");
        cJSON *properties = put(printer, schema, "properties", cJSON_CreateObject());
        for (const struct key *child = schema_child(key, NULL); child;
             child = schema_child(key, child)) {
            cJSON *below = put(printer, properties, schema_name(child), cJSON_CreateObject());
            put_schema(printer, below, child);
        }
        put(printer, schema, "additionalProperties", cJSON_CreateFalse());
        put_flagged(printer, schema, key);
        put_dependencies(printer, schema, key);
    } else if (key->type == KEY_ARRAY) {
        put_text(printer, schema, "type", "array");
        put_number(printer, schema, "minItems", key->min);
        put_number(printer, schema, "maxItems", key->max);
        put_schema(printer, put(printer, schema, "items", cJSON_CreateObject()),
                   schema_child(key, NULL));
    } else if (key->type == KEY_MAP) {
        put_text(printer, schema, "type", "object");
        put_number(printer, schema, "minProperties", key->min);
        put_number(printer, schema, "maxProperties", key->max);
        cJSON *names = put(printer, schema, "propertyNames", cJSON_CreateObject());
        put_text(printer, names, "pattern", pattern(KEY_NAME));
        put_schema(printer, put(printer, schema, "additionalProperties", cJSON_CreateObject()),
                   schema_child(key, NULL));
    } else {
        put_scalar(printer, schema, key);
    }
    put_default(printer, schema, key);
}

char *config_schema(void)
{
    struct printer printer = {0};
    cJSON *schema = cJSON_CreateObject();
    put_text(&printer, schema, "$schema", "https://json-schema.org/draft/2020-12/schema");
    put_text(&printer, schema, "title", "Iaso config");
    put_schema(&printer, schema, schema_root());
    char *text = printer.failed ? NULL : cJSON_Print(schema);
    cJSON_Delete(schema);
    return text;
}
