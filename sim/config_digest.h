/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_CONFIG_DIGEST_H
#define IASO_SIM_CONFIG_DIGEST_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "mem/error.h"
#include "sim/config.h"

/* A file that a run reads. */
struct config_input {
    const char *path; /* as in the config */
    uint64_t size;    /* bytes; 0 if it is not there */
    const char *sha256;
};
typedef void (*config_input_fn)(void *opaque, const struct config_input *input);

/* The config as it is run: config->effective, with --max-insns, and without the section `report`.
 * NULL when out of memory. */
cJSON *config_as_run(const struct config *config);

/*
 * What a run depends on, as text that is equal if and only if that is: a line for the config with
 * everything that it starts from and --set merged in (order of keys and white space do not count),
 * and one for each file that it names as an input; each line is a SHA-256 in hex, two spaces, the
 * name, as sha256sum prints it. malloc'ed; NULL on failure. `visit` is called for each file, unless
 * it is NULL.
 */
char *config_digest(const struct config *config, config_input_fn visit, void *opaque,
                    struct error *err);

#endif
