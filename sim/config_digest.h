/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_CONFIG_DIGEST_H
#define IASO_SIM_CONFIG_DIGEST_H

#include "mem/error.h"
#include "sim/config.h"

/*
 * What a run depends on, as text that is equal if and only if that is: a line for the config with
 * everything that it starts from and --set merged in (order of keys and white space do not count),
 * and one for each file that it names as an input; each line is a SHA-256 in hex, two spaces, the
 * name, as sha256sum prints it. malloc'ed; NULL on failure.
 */
char *config_digest(const struct config *config, struct error *err);

#endif
