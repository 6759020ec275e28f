/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/json.h"
#include "sim/nearest.h"
#include "sim/override.h"
#include "sim/schema.h"
#include "sim/text.h"
#include "sim/units.h"

#define PAGE_SIZE  UINT64_C(4096)
#define FOUND_SIZE 80 /* how much of a wrong value a message shows */

/* What the strings of a config point into. */
struct storage {
    cJSON *root;
    char *path;
};

/* Walks the JSON tree along the schema. `path` is where it is, for messages. */
struct walk {
    struct config *config;
    const struct overrides *overrides;
    struct error *err;
    char path[OVERRIDE_PATH_SIZE];
};

/* ---- Messages ------------------------------------------------------------------------------ */

/* "FILE: PATH: message" or, if the command line is to blame, "--set PATH: message". */
static int fail(struct walk *walk, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int fail(struct walk *walk, const char *format, ...)
{
    char message[sizeof walk->err->text], file[120];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (override_made(walk->overrides, walk->path))
        return error_set(walk->err, "--set %s: %s", walk->path, message);
    return error_set(walk->err, "%s: %s%s%s", text_path(walk->config->path, file, sizeof file),
                     walk->path, walk->path[0] ? ": " : "", message);
}

/* Goes to a member (or an element, if `name` is NULL); returns where to cut the path to come back.
 */
static size_t enter(struct walk *walk, const char *name, size_t index)
{
    size_t length = strlen(walk->path), room = sizeof walk->path - length;
    if (!name)
        snprintf(walk->path + length, room, "[%zu]", index);
    else
        snprintf(walk->path + length, room, "%s%s", length ? "." : "", name);
    return length;
}

static void leave(struct walk *walk, size_t length)
{
    walk->path[length] = 0;
}

static const char *describe(const cJSON *node, char *buffer, size_t size)
{
    if (cJSON_IsString(node))
        return text_quote(node->valuestring, buffer, size);
    if (cJSON_IsNumber(node))
        snprintf(buffer, size, "%.*g", fabs(node->valuedouble) >= 1e15 ? 17 : 15,
                 node->valuedouble);
    else
        snprintf(buffer, size, "%s",
                 cJSON_IsBool(node)     ? (cJSON_IsTrue(node) ? "true" : "false")
                 : cJSON_IsArray(node)  ? "an array"
                 : cJSON_IsObject(node) ? "an object"
                                        : "null");
    return buffer;
}

static int wrong(struct walk *walk, const char *expected, const cJSON *found)
{
    char buffer[FOUND_SIZE];
    return fail(walk, "expected %s, found %s", expected, describe(found, buffer, sizeof buffer));
}

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
    return wrong(walk, expected, node);
}

static int take_number(struct walk *walk, const struct key *key, const cJSON *node, char *place)
{
    int units;
    uint64_t value;
    bool has_units = schema_units(key->type, &units);
    if (cJSON_IsNumber(node)) {
        double number = node->valuedouble;
        bool bare = has_units && units == UNITS_DURATION && number != 0;
        if (number != floor(number) || bare)
            return has_units ? wrong(walk, number_noun(key->type, true), node)
                             : wrong_range(walk, key, node);
        if (has_units && number > (double)SCHEMA_SAFE_INTEGER)
            return wrong(walk, "a string in place of a number above 2^53 - 1, which JSON rounds",
                         node);
        if (number < 0 || number > (double)SCHEMA_SAFE_INTEGER)
            return wrong_range(walk, key, node);
        value = (uint64_t)number;
    } else if (!has_units) {
        return wrong_range(walk, key, node);
    } else if (!cJSON_IsString(node) || units_parse((enum units)units, node->valuestring, &value)) {
        return wrong(walk, number_noun(key->type, true), node);
    }
    if (value < key->min || value > key->max)
        return wrong_range(walk, key, node);
    put_number(place, key->size, value);
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
    char found[FOUND_SIZE];
    return fail(walk, "expected %s, found %s%s%s%s", expected, describe(node, found, sizeof found),
                near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static int take_text(struct walk *walk, const struct key *key, const cJSON *node, char *place)
{
    char found[FOUND_SIZE];
    size_t choice = 0;
    if (key->choices) {
        while (key->choices[choice] &&
               (!cJSON_IsString(node) || strcmp(key->choices[choice], node->valuestring)))
            choice++;
        if (!key->choices[choice])
            return wrong_choice(walk, key, node);
    }
    if (key->type == KEY_NAME && !(cJSON_IsString(node) && schema_name_is_valid(node->valuestring)))
        return wrong(walk, "a name of 1 to 31 letters, digits, \"-\" or \"_\"", node);
    if (!cJSON_IsString(node))
        return wrong(walk, key->type == KEY_FILE ? "the name of a file" : "a string", node);
    const char *text = node->valuestring;
    if (!key->choices && key->type != KEY_NAME && strlen(text) < key->min)
        return wrong(walk, key->type == KEY_FILE ? "the name of a file" : "some text", node);
    if (!key->choices && key->type != KEY_NAME && strlen(text) > key->max)
        return fail(walk, "expected at most %" PRIu64 " bytes, found %zu: %s", key->max,
                    strlen(text), describe(node, found, sizeof found));
    if (key->type == KEY_ENUM)
        put_number(place, key->size, choice);
    else if (key->size)
        memcpy(place, &text, sizeof text);
    return 0;
}

static int take_boolean(struct walk *walk, const struct key *key, const cJSON *node, char *place)
{
    if (!cJSON_IsBool(node))
        return wrong(walk, "true or false", node);
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
    char quoted[FOUND_SIZE], known[300] = "";
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
        return fail(walk, "unknown key %s; did you mean \"%s\"?", quoted, search.best);
    return fail(walk, "unknown key %s; expected one of %s", quoted, known);
}

/* Are the members all known, and each there once? */
static int check_members(struct walk *walk, const struct key *key, const cJSON *node)
{
    const cJSON *item;
    char quoted[FOUND_SIZE];
    cJSON_ArrayForEach(item, node)
    {
        bool known = key->type == KEY_MAP ? schema_name_is_valid(item->string)
                                          : schema_member(key, item->string) != NULL;
        if (known && cJSON_GetObjectItemCaseSensitive(node, item->string) == item)
            continue;
        if (!known && key->type == KEY_MAP)
            return fail(walk, "expected names of 1 to 31 letters, digits, \"-\" or \"_\", found %s",
                        text_quote(item->string, quoted, sizeof quoted));
        size_t here = enter(walk, item->string, 0);
        if (known)
            return fail(walk, "the key is there twice");
        if (!override_made(walk->overrides, walk->path))
            leave(walk, here);
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
            size_t here = enter(walk, schema_name(child), 0);
            if (++given > 1 && flag == KEY_ONE_OF)
                return fail(walk, "expected this key or \"%s\", not both", first);
            first = schema_name(child);
            leave(walk, here);
        }
        if (length < sizeof names)
            length += (size_t)snprintf(names + length, sizeof names - length, "%s\"%s\"",
                                       length ? ", " : "", schema_name(child));
    }
    if (marked && given == 0)
        return fail(walk, "expected one of the keys %s", names);
    return 0;
}

static int take_object(struct walk *walk, const struct key *key, const cJSON *node, char *base)
{
    if (node && !cJSON_IsObject(node))
        return wrong(walk, "an object", node);
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
            enter(walk, name, 0);
            return fail(walk, "expected no such key in a device of type \"%s\"", type->valuestring);
        }
        if (node && !item && (child->flags & KEY_REQUIRED))
            return fail(walk, "expected the key \"%s\", which is missing", name);
        size_t here = enter(walk, name, 0);
        if (item && child->needs && !cJSON_GetObjectItemCaseSensitive(node, child->needs))
            return fail(walk, "expected the key \"%s\" beside it", child->needs);
        if (take(walk, child, item, base))
            return -1;
        leave(walk, here);
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
        return wrong(walk, map ? "an object" : "an array", node);
    size_t length = (size_t)cJSON_GetArraySize(node);
    if (length < key->min || length > key->max)
        return fail(walk, "expected %" PRIu64 " to %" PRIu64 " %s, found %zu", key->min, key->max,
                    map ? "members" : "elements", length);
    if (map && check_members(walk, key, node))
        return -1;
    cJSON_ArrayForEach(item, node)
    {
        size_t here = enter(walk, map ? item->string : NULL, count);
        if (take(walk, schema_child(key, NULL), item, base + key->offset + count * key->size))
            return -1;
        leave(walk, here);
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
    if (key->type == KEY_OBJECT)
        return take_object(walk, key, node, base);
    if (key->type == KEY_ARRAY || key->type == KEY_MAP)
        return take_elements(walk, key, node, base);
    if (!node) {
        if (key->fallback)
            take_default(key, place);
        return 0;
    }
    if (key->given_offset) {
        bool given = true;
        memcpy(base + key->given_offset, &given, sizeof given);
    }
    if (key->type == KEY_BOOLEAN)
        return take_boolean(walk, key, node, place);
    if (schema_is_text(key->type))
        return take_text(walk, key, node, place);
    return take_number(walk, key, node, place);
}

/* Arrays at the top that are not there become their defaults, so that --set can change those. */
static int insert_defaults(cJSON *root)
{
    if (!cJSON_IsObject(root))
        return 0;
    const struct key *key = NULL;
    while (key = schema_child(schema_root(), key), key) {
        if (key->type != KEY_ARRAY || !key->fallback ||
            cJSON_GetObjectItemCaseSensitive(root, key->path))
            continue;
        cJSON *item = cJSON_Parse(key->fallback);
        if (!item || !cJSON_AddItemToObject(root, key->path, item)) {
            cJSON_Delete(item);
            return -1;
        }
    }
    return 0;
}

/* ---- What one key alone does not tell ------------------------------------------------------ */

/* Points the walk at "array[index].member"; the member may be NULL. */
static void point(struct walk *walk, const char *array, size_t index, const char *member)
{
    walk->path[0] = 0;
    enter(walk, array, 0);
    enter(walk, NULL, index);
    if (member)
        enter(walk, member, 0);
}

static int check_overlap(struct walk *walk, size_t first, size_t second)
{
    const struct config_region *a = &walk->config->memory[first];
    const struct config_region *b = &walk->config->memory[second];
    if (!strcmp(a->name, b->name)) {
        point(walk, "memory", first, "name");
        bool blame_first = override_made(walk->overrides, walk->path);
        point(walk, "memory", blame_first ? first : second, "name");
        return fail(walk, "expected a name of its own, found that of memory[%zu], \"%s\"",
                    blame_first ? second : first, a->name);
    }
    if (a->base >= b->base + b->size || b->base >= a->base + a->size)
        return 0;
    /* If one of the two was changed on the command line, that one is to blame. */
    size_t blamed = first, other = second;
    point(walk, "memory", first, "base");
    bool made = override_made(walk->overrides, walk->path);
    point(walk, "memory", first, "size");
    if (!made && !override_made(walk->overrides, walk->path)) {
        blamed = second;
        other = first;
    }
    const struct config_region *region = &walk->config->memory[blamed];
    const struct config_region *with = &walk->config->memory[other];
    point(walk, "memory", blamed, "size");
    if (!override_made(walk->overrides, walk->path))
        point(walk, "memory", blamed, "base");
    return fail(walk,
                "expected no overlap, but 0x%" PRIx64 "..0x%" PRIx64 " overlaps memory[%zu], "
                "0x%" PRIx64 "..0x%" PRIx64,
                region->base, region->base + region->size - 1, other, with->base,
                with->base + with->size - 1);
}

static int check_memory(struct walk *walk)
{
    struct config *config = walk->config;
    for (size_t i = 0; i < config->memory_count; i++) {
        const struct config_region *region = &config->memory[i];
        bool base_is_wrong = region->base % PAGE_SIZE;
        if (!base_is_wrong && region->size % PAGE_SIZE == 0)
            continue;
        point(walk, "memory", i, base_is_wrong ? "base" : "size");
        return fail(walk, "expected a multiple of 4096 bytes, found 0x%" PRIx64,
                    base_is_wrong ? region->base : region->size);
    }
    for (size_t second = 1; second < config->memory_count; second++) {
        for (size_t first = 0; first < second; first++) {
            if (check_overlap(walk, first, second))
                return -1;
        }
    }
    return 0;
}

static int by_base(const void *a, const void *b)
{
    const struct config_region *left = a, *right = b;
    return left->base < right->base ? -1 : left->base > right->base;
}

/* From the order of the choices of "memory[].kind" to two fields; then in order of address. */
static void finish_memory(struct config *config)
{
    enum {
        KIND_VOLATILE,
        KIND_NONVOLATILE,
        KIND_ROM
    };
    for (size_t i = 0; i < config->memory_count; i++) {
        struct config_region *region = &config->memory[i];
        int kind = (int)region->kind;
        region->kind = kind == KIND_ROM ? REGION_ROM : REGION_RAM;
        region->nonvolatile = kind != KIND_VOLATILE;
    }
    qsort(config->memory, config->memory_count, sizeof *config->memory, by_base);
}

static const char *const load_keys[] = {
    [LOAD_FIRMWARE] = "firmware",
    [LOAD_KERNEL] = "kernel",
    [LOAD_INITRD] = "initrd",
    [LOAD_RAW] = "raw",
};

static int check_load(struct walk *walk, const cJSON *root)
{
    struct config *config = walk->config;
    const cJSON *load = cJSON_GetObjectItemCaseSensitive(root, "load");
    for (size_t i = 0; i < config->load_count; i++) {
        unsigned kind = LOAD_FIRMWARE;
        while (!cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(load, (int)i), load_keys[kind]))
            kind++;
        config->load[i].kind = kind;
        for (size_t other = 0; other < i && kind != LOAD_RAW; other++) {
            if (config->load[other].kind != kind)
                continue;
            point(walk, "load", i, load_keys[kind]);
            return fail(walk, "expected one %s, found a second one (the first is load[%zu])",
                        load_keys[kind], other);
        }
    }
    return 0;
}

static void name_devices(struct config *config, const cJSON *root)
{
    const cJSON *item;
    size_t i = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(root, "devices"))
    {
        config->devices[i++].name = item->string;
    }
}

/* A regular file that can be opened so and is not empty. The path is where the walk points. */
static int check_file(struct walk *walk, const char *file, bool for_writing)
{
    const char *wanted = for_writing ? "a file to read and write" : "a file to read";
    char quoted[2 * FOUND_SIZE];
    struct stat status;
    text_quote(file, quoted, sizeof quoted);
    if (stat(file, &status))
        return fail(walk, "expected %s, but %s: %s", wanted, quoted, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return fail(walk, "expected %s, but %s is %s", wanted, quoted,
                    S_ISDIR(status.st_mode) ? "a directory" : "not a regular file");
    if (status.st_size == 0)
        return fail(walk, "expected %s, but %s is empty", wanted, quoted);
    int fd = open(file, (for_writing ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return fail(walk, "expected %s, but %s: %s", wanted, quoted, strerror(errno));
    close(fd);
    return 0;
}

static int check_files(struct walk *walk)
{
    const struct config *config = walk->config;
    for (size_t i = 0; i < config->load_count; i++) {
        const struct config_load *load = &config->load[i];
        if (load->kind == LOAD_FIRMWARE && !strcmp(load->file, "opensbi"))
            continue;
        point(walk, "load", i, load_keys[load->kind]);
        if (check_file(walk, load->file, false))
            return -1;
    }
    for (size_t i = 0; i < config->device_count; i++) {
        const struct config_device *device = &config->devices[i];
        if (!device->file)
            continue;
        snprintf(walk->path, sizeof walk->path, "devices.%s.file", device->name);
        if (check_file(walk, device->file, !device->read_only && !device->overlay))
            return -1;
    }
    snprintf(walk->path, sizeof walk->path, "system_map");
    return config->system_map ? check_file(walk, config->system_map, false) : 0;
}

/* ---- The interface ------------------------------------------------------------------------- */

static int validate(struct walk *walk, const cJSON *root)
{
    if (take(walk, schema_root(), root, (char *)walk->config))
        return -1;
    name_devices(walk->config, root);
    if (check_memory(walk) || check_load(walk, root) || check_files(walk))
        return -1;
    finish_memory(walk->config);
    return 0;
}

/* A path from --set may hold anything. */
static void one_line(struct error *err)
{
    for (char *c = err->text; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    }
}

int config_load(struct config *config, const char *path, const char *const *overrides,
                size_t override_count, struct error *err)
{
    struct overrides made = {0};
    struct error ignored;
    struct walk walk = {.config = config, .overrides = &made, .err = err ? err : &ignored};

    memset(config, 0, sizeof *config);
    cJSON *root = json_parse_file(path, walk.err);
    if (!root)
        return -1;
    struct storage *storage = malloc(sizeof *storage);
    char *path_copy = strdup(path);
    if (!storage || !path_copy || insert_defaults(root)) {
        free(storage);
        free(path_copy);
        cJSON_Delete(root);
        return error_set(err, "out of memory");
    }
    *storage = (struct storage){root, path_copy};
    config->storage = storage;
    config->path = path_copy;

    int result = 0;
    for (size_t i = 0; i < override_count && result == 0; i++)
        result = override_apply(&made, root, overrides[i], walk.err);
    if (result == 0)
        result = validate(&walk, root);
    override_free(&made);
    if (result) {
        one_line(walk.err);
        config_free(config);
    }
    return result;
}

void config_free(struct config *config)
{
    struct storage *storage = config->storage;
    if (storage) {
        cJSON_Delete(storage->root);
        free(storage->path);
        free(storage);
    }
    memset(config, 0, sizeof *config);
}
