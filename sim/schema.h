/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_SCHEMA_H
#define IASO_SIM_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a config may say: tables (sim/schema_keys*.c), from which configs are validated, struct
 * config is filled and the JSON Schema is printed. A new key is one row there.
 *
 * Paths: "machine.harts"; "memory[]" is each element of the array "memory"; "devices.*" is each
 * member of the object "devices", whose keys are names of the user's choice. A row's parent comes
 * before it.
 */
enum key_type {
    KEY_OBJECT,  /* with the keys that the table lists below it */
    KEY_ARRAY,   /* min to max elements */
    KEY_MAP,     /* an object with free names; min to max members */
    KEY_STRING,  /* min to max bytes; if there are choices, one of them */
    KEY_NAME,    /* 1 to SCHEMA_NAME_MAX letters, digits, "-" or "_" */
    KEY_FILE,    /* name of a file */
    KEY_BOOLEAN, /* -> bool */
    KEY_INTEGER, /* -> unsigned or uint64_t, min to max, as the numbers below */
    KEY_SIZE,    /* see units.h for these four; a JSON number will do where no unit is needed */
    KEY_COUNT,
    KEY_DURATION,
    KEY_ADDRESS,
    KEY_FREQUENCY, /* and for these, which are strings */
    KEY_VOLTAGE,
    KEY_CURRENT,
    KEY_CAPACITANCE,
    KEY_RESISTANCE,
    KEY_POWER,
    KEY_ENERGY,
    KEY_ENUM,   /* one of the choices -> its index, an int */
    KEY_SET,    /* an array of choices, min or more -> unsigned, bit (1 << index) of each */
    KEY_SIGNED, /* -> int64_t; min and max are int64_t as well, in two's complement */
    KEY_FACTOR, /* a JSON number, min to max -> double */
    KEY_SYMBOL, /* a name in the guest, perhaps with a "?" at its end: if the guest has it */
    KEY_PLACE,  /* symbol, symbol+offset or address -> symbol (or NULL); and the number */
};

#define SCHEMA_NAME_MAX   31
#define SCHEMA_SYMBOL_MAX 255

/* Largest integer that a JSON number holds for sure: 2^53 - 1. Larger ones are written as strings.
 */
#define SCHEMA_SAFE_INTEGER ((UINT64_C(1) << 53) - 1)

enum key_flags {
    KEY_REQUIRED = 1, /* whenever the object around it is there (and `only` holds) */
    KEY_ONE_OF = 2,   /* the object has exactly one of its keys so marked */
    KEY_ANY_OF = 4,   /* the object has at least one of its keys so marked */
};

struct key {
    const char *path;
    enum key_type type;
    unsigned flags;
    const char *help;
    const char *fallback; /* the default, as one would write it after --set; NULL: none */
    uint64_t min, max;
    const char *const *choices; /* ends with NULL */
    const char *only;  /* allowed only where the sibling "type" has this value; NULL: anywhere */
    const char *needs; /* a sibling that must be there too; NULL: none */

    /* Where it goes, counted from the start of the nearest enclosing array or map element, or else
     * of struct config. For arrays and maps: the C array, one element's size, and the number of
     * elements. */
    size_t offset, size; /* size 0: checked, but not kept */
    size_t count_offset;
    size_t number_offset; /* KEY_PLACE: of the uint64_t for the offset or the address */
    size_t given_offset;  /* of a bool that tells whether the key is there; 0: none */
};

/* The whole config, an object with the path "". */
const struct key *schema_root(void);

/* The rows directly below `parent`, in the table's order: the first after `previous` (NULL: the
 * first of all), NULL at the end. */
const struct key *schema_child(const struct key *parent, const struct key *previous);

/* The child of that name; for an array or a map the one row for all elements. NULL if unknown. */
const struct key *schema_member(const struct key *parent, const char *name);

/* The last part of the path: "harts", or "*". */
const char *schema_name(const struct key *key);

/* A complete path with a last part of that name, such as "machine.harts" for "harts"; NULL if there
 * is none, or if it lies in an array or a map. For messages. */
const char *schema_elsewhere(const char *name);

/* Is it a name that KEY_NAME and the members of a KEY_MAP may have? */
bool schema_name_is_valid(const char *name);

/* Is it a name that KEY_SYMBOL may have? */
bool schema_symbol_is_valid(const char *name);

/* For numbers: which units.h notation. True for the types that have one. */
bool schema_units(enum key_type type, int *units);

/* Is the value some text (string, name, file, enum, symbol, place)? */
bool schema_is_text(enum key_type type);

#endif
