/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/schema.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "sim/config.h"
#include "sim/units.h"

#define PAGE_SIZE       UINT64_C(4096)
#define MAX_ADDRESS     ((UINT64_C(1) << 56) - 1) /* RISC-V: 56 bits of physical address */
#define MAX_REGION_SIZE (UINT64_C(1) << 40)
#define MAX_COUNT       (UINT64_C(1) << 62)
#define MAX_FILE        4095

static const char *const boards[] = {"virt", NULL};
static const char *const memory_kinds[] = {"volatile", "nonvolatile", "rom", NULL};
static const char *const device_kinds[] = {
    [DEVICE_VIRTIO_BLK] = "virtio-blk", [DEVICE_VIRTIO_RNG] = "virtio-rng", NULL};
static const char *const page_modes[] = {[PAGES_OPEN] = "open",
                                         [PAGES_ARMED] = "armed",
                                         [PAGES_PRECISE] = "precise",
                                         [PAGES_HOOKED] = "hooked",
                                         NULL};

/* Columns of a row. */
#define KEY(path_, type_, help_) .path = path_, .type = type_, .help = help_
#define DEFAULT(text)            .fallback = text
#define RANGE(low, high)         .min = low, .max = high
#define AT(type_, field)         .offset = offsetof(type_, field), .size = sizeof(((type_ *)0)->field)
#define CONFIG(field)            AT(struct config, field)
#define REGION(field)            AT(struct config_region, field)
#define LOAD(field)              AT(struct config_load, field)
#define DEVICE(field)            AT(struct config_device, field)
#define STEP(field)              AT(struct config_step, field)
#define ELEMENTS(field, counter)                                                              \
    .offset = offsetof(struct config, field), .size = sizeof(((struct config *)0)->field[0]), \
    .count_offset = offsetof(struct config, counter)

static const struct key keys[] = {
    {KEY("", KEY_OBJECT,
         "A run of the simulator: a machine, what it executes, what is expected of it.")},
    {KEY("$schema", KEY_STRING, "For editors; not used."), RANGE(0, MAX_FILE)},

    {KEY("machine", KEY_OBJECT, "The machine itself.")},
    {KEY("machine.board", KEY_STRING,
         "Devices and their addresses; virt is compatible with QEMU's board of that name."),
     DEFAULT("virt"), .choices = boards, CONFIG(machine.board)},
    {KEY("machine.harts", KEY_INTEGER, "Number of harts (hardware threads)."), DEFAULT("1"),
     RANGE(1, CONFIG_MAX_HARTS), CONFIG(machine.harts)},
    {KEY("machine.mips", KEY_INTEGER,
         "Speed of each hart in virtual time: millions of instructions per second."),
     DEFAULT("100"), RANGE(1, 100000), CONFIG(machine.mips)},
    {KEY("machine.quantum", KEY_COUNT,
         "Instructions that a hart executes before it is the next one's turn."),
     DEFAULT("10000"), RANGE(1, 1000000000), CONFIG(machine.quantum)},
    {KEY("machine.seed", KEY_INTEGER, "Seed of all randomness that the guest can see."),
     DEFAULT("1"), RANGE(0, SCHEMA_SAFE_INTEGER), CONFIG(machine.seed)},

    {KEY("memory", KEY_ARRAY, "Regions of guest-physical memory."),
     DEFAULT("[{\"name\": \"dram\", \"base\": \"0x80000000\", \"size\": \"256M\"}]"),
     RANGE(1, CONFIG_MAX_REGIONS), ELEMENTS(memory, memory_count)},
    {KEY("memory[]", KEY_OBJECT, "One region; regions do not overlap.")},
    {KEY("memory[].name", KEY_NAME, "Its name in messages and reports."), .flags = KEY_REQUIRED,
     REGION(name)},
    {KEY("memory[].base", KEY_ADDRESS, "First guest-physical address, a multiple of 4K."),
     .flags = KEY_REQUIRED, RANGE(0, MAX_ADDRESS), REGION(base)},
    {KEY("memory[].size", KEY_SIZE, "Size, a multiple of 4K."), .flags = KEY_REQUIRED,
     RANGE(PAGE_SIZE, MAX_REGION_SIZE), REGION(size)},
    {KEY("memory[].kind", KEY_ENUM,
         "volatile: RAM that a power cut erases; nonvolatile: RAM that keeps its contents; rom: "
         "read-only."),
     DEFAULT("volatile"), .choices = memory_kinds, REGION(kind)},

    {KEY("load", KEY_ARRAY, "Images that are in memory when the machine starts."),
     .flags = KEY_REQUIRED, RANGE(1, CONFIG_MAX_LOADS), ELEMENTS(load, load_count)},
    {KEY("load[]", KEY_OBJECT, "One image. At most one firmware, one kernel and one initrd.")},
    {KEY("load[].firmware", KEY_FILE,
         "ELF or raw file that runs first, in M-mode; \"opensbi\" is the packaged OpenSBI."),
     .flags = KEY_ONE_OF, RANGE(1, MAX_FILE), LOAD(file)},
    {KEY("load[].kernel", KEY_FILE, "ELF, Linux Image (plain or gzip) or raw file."),
     .flags = KEY_ONE_OF, RANGE(1, MAX_FILE), LOAD(file)},
    {KEY("load[].initrd", KEY_FILE, "Initial RAM disk of a Linux kernel."), .flags = KEY_ONE_OF,
     RANGE(1, MAX_FILE), LOAD(file)},
    {KEY("load[].raw", KEY_FILE, "Any file, copied to the address as it is."), .flags = KEY_ONE_OF,
     RANGE(1, MAX_FILE), .needs = "address", LOAD(file)},
    {KEY("load[].address", KEY_ADDRESS,
         "Guest-physical address; without it the board chooses. ELF files go where they say."),
     RANGE(0, MAX_ADDRESS), LOAD(address),
     .given_offset = offsetof(struct config_load, has_address)},

    {KEY("bootargs", KEY_STRING, "The kernel's command line."), DEFAULT(""), RANGE(0, 4095),
     CONFIG(bootargs)},
    {KEY("system_map", KEY_FILE, "System.map of the kernel, for symbols."), RANGE(1, MAX_FILE),
     CONFIG(system_map)},

    {KEY("devices", KEY_MAP,
         "Devices that the board does not have by itself, under names of your choice."),
     RANGE(0, CONFIG_MAX_DEVICES), ELEMENTS(devices, device_count)},
    {KEY("devices.*", KEY_OBJECT, "One device.")},
    {KEY("devices.*.type", KEY_ENUM, "What it is."), .flags = KEY_REQUIRED, .choices = device_kinds,
     DEVICE(kind)},
    {KEY("devices.*.file", KEY_FILE, "Raw disk image."), .flags = KEY_REQUIRED, RANGE(1, MAX_FILE),
     .only = "virtio-blk", DEVICE(file)},
    {KEY("devices.*.read_only", KEY_BOOLEAN, "The guest cannot write to it."), DEFAULT("false"),
     .only = "virtio-blk", DEVICE(read_only)},
    {KEY("devices.*.overlay", KEY_BOOLEAN,
         "The guest's writes stay in memory; the file is not changed."),
     DEFAULT("true"), .only = "virtio-blk", DEVICE(overlay)},
    {KEY("devices.*.legacy", KEY_BOOLEAN, "virtio-mmio version 1 (legacy) instead of 2."),
     DEFAULT("false"), DEVICE(legacy)},

    {KEY("run", KEY_OBJECT, "How long to run, and who types.")},
    {KEY("run.max_insns", KEY_COUNT, "Stop after so many instructions; 0: no limit."), DEFAULT("0"),
     RANGE(0, MAX_COUNT), CONFIG(run.max_insns)},
    {KEY("run.stuck_insns", KEY_COUNT,
         "Stop after so many instructions without progress; 0: never."),
     DEFAULT("0"), RANGE(0, MAX_COUNT), CONFIG(run.stuck_insns)},
    {KEY("run.script", KEY_ARRAY, "What to wait for and to type on the console, step by step."),
     RANGE(0, CONFIG_MAX_SCRIPT), ELEMENTS(run.script, run.script_count)},
    {KEY("run.script[]", KEY_OBJECT, "One step: wait for `expect`, then type `send`.")},
    {KEY("run.script[].expect", KEY_STRING, "Text that the guest prints."), .flags = KEY_ANY_OF,
     RANGE(1, 4096), STEP(expect)},
    {KEY("run.script[].send", KEY_STRING, "Text to type; \\n is the return key."),
     .flags = KEY_ANY_OF, RANGE(0, 65536), STEP(send)},
    {KEY("run.script[].timeout", KEY_DURATION, "How long to wait, in virtual time; 0: for ever."),
     DEFAULT("0"), RANGE(0, MAX_COUNT), .needs = "expect", STEP(timeout_ns)},
    {KEY("run.pages", KEY_ENUM,
         "How RAM is mapped, for tests and benchmarks: open; armed at each trap; precise; or open "
         "with the engine's own hooks on each access."),
     DEFAULT("open"), .choices = page_modes, CONFIG(run.pages)},

    {KEY("expect", KEY_OBJECT, "What makes the run a success.")},
    {KEY("expect.console", KEY_STRING, "Text that the guest must print."), RANGE(1, 4096),
     CONFIG(expect.console)},
    {KEY("expect.exit", KEY_INTEGER, "Exit code with which the guest must power off."),
     RANGE(0, 65535), CONFIG(expect.exit),
     .given_offset = offsetof(struct config, expect.has_exit)},
};

#define KEY_COUNT_ALL (sizeof keys / sizeof *keys)

const struct key *schema_root(void)
{
    return &keys[0];
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
    for (const struct key *key = (previous ? previous : parent) + 1; key < keys + KEY_COUNT_ALL;
         key++) {
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
    for (const struct key *key = keys + 1; key < keys + KEY_COUNT_ALL; key++) {
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

bool schema_units(enum key_type type, int *units)
{
    switch (type) {
    case KEY_SIZE:
        *units = UNITS_SIZE;
        return true;
    case KEY_COUNT:
        *units = UNITS_COUNT;
        return true;
    case KEY_DURATION:
        *units = UNITS_DURATION;
        return true;
    case KEY_ADDRESS:
        *units = UNITS_ADDRESS;
        return true;
    default:
        return false;
    }
}

bool schema_is_text(enum key_type type)
{
    return type == KEY_STRING || type == KEY_NAME || type == KEY_FILE || type == KEY_ENUM;
}

/* ---- As a JSON Schema ---------------------------------------------------------------------- */

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

static const char *pattern(enum key_type type)
{
    switch (type) {
    case KEY_SIZE:
        return "^(0x[0-9A-Fa-f]{1,16}|[0-9]+(\\.[0-9]{1,12})?([KMGT](iB)?)?)$";
    case KEY_COUNT:
        return "^(0x[0-9A-Fa-f]{1,16}|[0-9]+(\\.[0-9]{1,12})?[kKMGT]?)$";
    case KEY_DURATION:
        return "^(0|[0-9]+(\\.[0-9]{1,12})?(ns|us|ms|s|min))$";
    default:
        return "^(0x[0-9A-Fa-f]{1,16}|[0-9]+)$";
    }
}

static void put_default(struct printer *printer, cJSON *schema, const struct key *key)
{
    if (!key->fallback)
        return;
    bool as_text = schema_is_text(key->type);
    put(printer, schema, "default",
        as_text ? cJSON_CreateString(key->fallback) : cJSON_Parse(key->fallback));
}

static void put_scalar(struct printer *printer, cJSON *schema, const struct key *key)
{
    int units;
    if (key->choices) {
        cJSON *choices = put(printer, schema, "enum", cJSON_CreateArray());
        for (size_t i = 0; key->choices[i]; i++)
            append(printer, choices, cJSON_CreateString(key->choices[i]));
    } else if (key->type == KEY_BOOLEAN) {
        put_text(printer, schema, "type", "boolean");
    } else if (key->type == KEY_NAME) {
        put_text(printer, schema, "type", "string");
        put_text(printer, schema, "pattern", "^[A-Za-z0-9_-]{1,31}$");
    } else if (schema_is_text(key->type)) {
        put_text(printer, schema, "type", "string");
        put_number(printer, schema, "minLength", key->min);
        put_number(printer, schema, "maxLength", key->max);
    } else if (schema_units(key->type, &units)) {
        cJSON *types = put(printer, schema, "type", cJSON_CreateArray());
        append(printer, types, cJSON_CreateString("string"));
        append(printer, types, cJSON_CreateString("integer"));
        put_text(printer, schema, "pattern", pattern(key->type));
        put_number(printer, schema, "minimum", key->min);
        put_number(printer, schema, "maximum", units == UNITS_DURATION ? 0 : key->max);
    } else {
        put_text(printer, schema, "type", "integer");
        put_number(printer, schema, "minimum", key->min);
        put_number(printer, schema, "maximum", key->max);
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
        put_text(printer, names, "pattern", "^[A-Za-z0-9_-]{1,31}$");
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
