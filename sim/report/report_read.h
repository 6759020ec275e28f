/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_REPORT_READ_H
#define IASO_SIM_REPORT_READ_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Reading a report that somebody may have edited: what is missing or of another type is as if it
 * were not there. A path is keys with dots between, such as "power.nvm.writes", or indexes of an
 * array; "" is the object itself. `json` may be NULL.
 */
const cJSON *report_at(const cJSON *json, const char *path);

/* A finite number; false, with *value as it was, if there is none. */
bool report_number(const cJSON *json, const char *path, double *value);

double report_number_or(const cJSON *json, const char *path, double otherwise);

/* NULL if there is none. */
const char *report_string(const cJSON *json, const char *path);

const char *report_string_or(const cJSON *json, const char *path, const char *otherwise);

/* Items of an array there. */
size_t report_count(const cJSON *json, const char *path);

/* Sum of the numbers in an object or array there. */
double report_sum(const cJSON *json, const char *path);

/* What a table of pairs says for a key; `otherwise` if it is not there. */
struct report_word {
    const char *key, *word;
};
const char *report_word(const struct report_word *words, size_t count, const char *key,
                        const char *otherwise);
#define REPORT_WORD(words, key, otherwise) \
    report_word(words, sizeof(words) / sizeof *(words), key, otherwise)

/* ---- Quantities in words, all of plain ASCII ----------------------------------------------- */

#define WORDS_SIZE 48

/* Each writes into the buffer and returns it. */
const char *words_count(double count, char buffer[WORDS_SIZE]);   /* "3,318,739,958" */
const char *words_share(double share, char buffer[WORDS_SIZE]);   /* 0.0512: "5.1 %" */
const char *words_time(double ns, char buffer[WORDS_SIZE]);       /* "8.30 s" */
const char *words_energy(double nj, char buffer[WORDS_SIZE]);     /* "933 uJ" */
const char *words_bytes(double bytes, char buffer[WORDS_SIZE]);   /* "1.50 GiB" */
const char *words_volts(double volts, char buffer[WORDS_SIZE]);   /* "2.938 V" */
const char *words_factor(double factor, char buffer[WORDS_SIZE]); /* "1.25" */

#endif
