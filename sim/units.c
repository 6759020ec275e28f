/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/units.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define KI UINT64_C(1024)
#define K  UINT64_C(1000)

#define FRACTION_DIGITS 12

/* Largest first; units_format() uses the first that divides the value. */
static const struct unit {
    const char *name;
    uint64_t scale;
    const char *also; /* other spelling, for parsing only */
} size_units[] = {{"T", KI *KI *KI *KI, "TiB"},
                  {"G", KI *KI *KI, "GiB"},
                  {"M", KI *KI, "MiB"},
                  {"K", KI, "KiB"},
                  {"", 1, NULL},
                  {0}},
  count_units[] = {{"T", K *K *K *K, NULL}, {"G", K *K *K, NULL}, {"M", K *K, NULL},
                   {"k", K, "K"},           {"", 1, NULL},        {0}},
  duration_units[] = {{"min", 60 * K *K *K, NULL},
                      {"s", K *K *K, NULL},
                      {"ms", K *K, NULL},
                      {"us", K, NULL},
                      {"ns", 1, NULL},
                      {0}},
  address_units[] = {{"", 1, NULL}, {0}},
  frequency_units[] = {{"GHz", K *K *K, NULL},
                       {"MHz", K *K, NULL},
                       {"kHz", K, NULL},
                       {"Hz", 1, NULL},
                       {0}},
  voltage_units[] = {{"V", K *K, NULL}, {"mV", K, NULL}, {"uV", 1, NULL}, {0}},
  current_units[] = {{"A", K *K *K *K, NULL}, {"mA", K *K *K, NULL}, {"uA", K *K, NULL},
                     {"nA", K, NULL},         {"pA", 1, NULL},       {0}},
  capacitance_units[] = {{"F", K *K *K *K, NULL}, {"mF", K *K *K, NULL}, {"uF", K *K, NULL},
                         {"nF", K, NULL},         {"pF", 1, NULL},       {0}},
  resistance_units[] = {{"MOhm", K *K *K, NULL},
                        {"kOhm", K *K, NULL},
                        {"Ohm", K, NULL},
                        {"mOhm", 1, NULL},
                        {0}},
  power_units[] = {{"W", K *K *K *K, NULL}, {"mW", K *K *K, NULL}, {"uW", K *K, NULL},
                   {"nW", K, NULL},         {"pW", 1, NULL},       {0}},
  energy_units[] = {{"J", K *K *K *K *K, NULL},
                    {"mJ", K *K *K *K, NULL},
                    {"uJ", K *K *K, NULL},
                    {"nJ", K *K, NULL},
                    {"pJ", K, NULL},
                    {"fJ", 1, NULL},
                    {0}};

static const struct unit *const tables[] = {
    [UNITS_SIZE] = size_units,
    [UNITS_COUNT] = count_units,
    [UNITS_DURATION] = duration_units,
    [UNITS_ADDRESS] = address_units,
    [UNITS_FREQUENCY] = frequency_units,
    [UNITS_VOLTAGE] = voltage_units,
    [UNITS_CURRENT] = current_units,
    [UNITS_CAPACITANCE] = capacitance_units,
    [UNITS_RESISTANCE] = resistance_units,
    [UNITS_POWER] = power_units,
    [UNITS_ENERGY] = energy_units,
};

/* One more digit in `base`; false if it does not fit. */
static bool add_digit(uint64_t *value, unsigned base, unsigned digit)
{
    return !__builtin_mul_overflow(*value, base, value) &&
           !__builtin_add_overflow(*value, digit, value);
}

static int parse_hex(const char *text, uint64_t *value)
{
    uint64_t number = 0;
    if (!*text)
        return -1;
    for (; *text; text++) {
        static const char digits[] = "0123456789abcdefABCDEF";
        const char *digit = strchr(digits, *text);
        unsigned n = digit ? (unsigned)(digit - digits) : 0;
        if (!digit || !add_digit(&number, 16, n > 15 ? n - 6 : n))
            return -1;
    }
    *value = number;
    return 0;
}

int units_parse(enum units units, const char *text, uint64_t *value)
{
    bool has_suffix = units == UNITS_DURATION || units >= UNITS_FREQUENCY;
    if (!has_suffix && text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        return parse_hex(text + 2, value);

    uint64_t whole = 0, fraction = 0, parts = 1;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (!add_digit(&whole, 10, (unsigned)(*at - '0')))
            return -1;
    }
    if (at == text)
        return -1;
    if (*at == '.' && units != UNITS_ADDRESS) {
        const char *point = at++;
        for (; *at >= '0' && *at <= '9'; at++, parts *= 10) {
            if (at - point > FRACTION_DIGITS)
                return -1;
            fraction = fraction * 10 + (unsigned)(*at - '0');
        }
        if (at == point + 1)
            return -1;
    }
    if (units == UNITS_DURATION && !*at && !whole && !fraction) {
        *value = 0;
        return 0;
    }
    for (const struct unit *unit = tables[units]; unit->name; unit++) {
        if (strcmp(at, unit->name) && (!unit->also || strcmp(at, unit->also)))
            continue;
        unsigned __int128 small = (unsigned __int128)fraction * unit->scale;
        unsigned __int128 sum = (unsigned __int128)whole * unit->scale + small / parts;
        if (small % parts || sum > UINT64_MAX)
            return -1;
        *value = (uint64_t)sum;
        return 0;
    }
    return -1;
}

const char *units_format(enum units units, uint64_t value, char *buffer, size_t size)
{
    const struct unit *unit = tables[units];
    if (units == UNITS_ADDRESS) {
        snprintf(buffer, size, "0x%" PRIx64, value);
    } else if (value == 0) {
        while (unit[1].name)
            unit++;
        snprintf(buffer, size, "0%s", units == UNITS_DURATION ? "" : unit->name);
    } else {
        while (value % unit->scale)
            unit++;
        snprintf(buffer, size, "%" PRIu64 "%s", value / unit->scale, unit->name);
    }
    return buffer;
}
