/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/report/report_read.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_KEY 64

/* ---- Reading ------------------------------------------------------------------------------ */

const cJSON *report_at(const cJSON *json, const char *path)
{
    char key[MAX_KEY];
    while (json && *path) {
        size_t length = strcspn(path, ".");
        snprintf(key, sizeof key, "%.*s", (int)length, path);
        json = cJSON_IsObject(json)  ? cJSON_GetObjectItemCaseSensitive(json, key)
               : cJSON_IsArray(json) ? cJSON_GetArrayItem(json, atoi(key))
                                     : NULL;
        path += length + (path[length] == '.');
    }
    return json;
}

bool report_number(const cJSON *json, const char *path, double *value)
{
    const cJSON *item = report_at(json, path);
    if (!cJSON_IsNumber(item) || !isfinite(item->valuedouble))
        return false;
    *value = item->valuedouble;
    return true;
}

double report_number_or(const cJSON *json, const char *path, double otherwise)
{
    report_number(json, path, &otherwise);
    return otherwise;
}

const char *report_string(const cJSON *json, const char *path)
{
    return cJSON_GetStringValue(report_at(json, path));
}

const char *report_string_or(const cJSON *json, const char *path, const char *otherwise)
{
    const char *text = report_string(json, path);
    return text ? text : otherwise;
}

size_t report_count(const cJSON *json, const char *path)
{
    const cJSON *item = report_at(json, path);
    return cJSON_IsArray(item) ? (size_t)cJSON_GetArraySize(item) : 0;
}

double report_sum(const cJSON *json, const char *path)
{
    const cJSON *item;
    double sum = 0;
    cJSON_ArrayForEach(item, report_at(json, path)) sum += report_number_or(item, "", 0);
    return sum;
}

const char *report_word(const struct report_word *words, size_t count, const char *key,
                        const char *otherwise)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(words[i].key, key))
            return words[i].word;
    return otherwise;
}

/* ---- Words -------------------------------------------------------------------------------- */

/* Puts commas into the digits before the point. */
static const char *group(char buffer[WORDS_SIZE])
{
    size_t sign = buffer[0] == '-', digits = strspn(buffer + sign, "0123456789");
    for (size_t at = digits; at > 3 && strlen(buffer) + 1 < WORDS_SIZE;) {
        at -= 3;
        char *comma = buffer + sign + at;
        memmove(comma + 1, comma, strlen(comma) + 1);
        *comma = ',';
    }
    return buffer;
}

const char *words_count(double count, char buffer[WORDS_SIZE])
{
    const char *format = fabs(count) >= 1e18     ? "%.3g"
                         : count == floor(count) ? "%.0f"
                         : fabs(count) >= 100    ? "%.0f"
                         : fabs(count) >= 0.01   ? "%.2f"
                                                 : "%.2g";
    snprintf(buffer, WORDS_SIZE, format, count);
    return strchr(buffer, 'e') ? buffer : group(buffer);
}

/* Three digits or more, with the largest unit that leaves one before the point. */
static const char *scaled(double value, double step, const char *const *units, size_t count,
                          char buffer[WORDS_SIZE])
{
    size_t i = 0;
    double most = step * (step > 1000 ? 1 : 0.9995);
    for (; i + 1 < count && fabs(value) >= most; i++)
        value /= step;
    const char *format = fabs(value) >= 1e18                  ? "%.3g"
                         : value == 0 || fabs(value) >= 99.95 ? "%.0f"
                         : i == 0 && value == floor(value)    ? "%.0f"
                         : fabs(value) >= 9.995               ? "%.1f"
                         : fabs(value) >= 0.01                ? "%.2f"
                                                              : "%.2g";
    snprintf(buffer, WORDS_SIZE, format, value);
    if (!strchr(buffer, 'e'))
        group(buffer);
    size_t length = strlen(buffer);
    snprintf(buffer + length, WORDS_SIZE - length, " %s", units[i]);
    return buffer;
}

const char *words_time(double ns, char buffer[WORDS_SIZE])
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    return scaled(ns, 1000, units, 4, buffer);
}

const char *words_energy(double nj, char buffer[WORDS_SIZE])
{
    static const char *const units[] = {"nJ", "uJ", "mJ", "J"};
    return scaled(nj, 1000, units, 4, buffer);
}

const char *words_bytes(double bytes, char buffer[WORDS_SIZE])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    return scaled(bytes, 1024, units, 5, buffer);
}

const char *words_share(double share, char buffer[WORDS_SIZE])
{
    double percent = 100 * share;
    const char *format = fabs(percent) >= 1e6                    ? "%.3g %%"
                         : percent == 0 || fabs(percent) >= 0.95 ? "%.1f %%"
                         : fabs(percent) >= 0.095                ? "%.2f %%"
                         : fabs(percent) >= 0.001                ? "%.2g %%"
                                                                 : "%.0e %%";
    /* Never rounded to what would say that all is in it, or nothing. */
    if (percent > 99.9 && percent < 100)
        format = percent > 99.99 ? "> 99.99 %%" : "%.2f %%";
    snprintf(buffer, WORDS_SIZE, format, percent);
    return buffer;
}

const char *words_volts(double volts, char buffer[WORDS_SIZE])
{
    snprintf(buffer, WORDS_SIZE, fabs(volts) < 1e6 ? "%.3f V" : "%.3g V", volts);
    return buffer;
}

const char *words_factor(double factor, char buffer[WORDS_SIZE])
{
    snprintf(buffer, WORDS_SIZE, fabs(factor) < 1e6 ? "%.2f" : "%.3g", factor);
    return buffer;
}
