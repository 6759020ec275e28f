/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_REPORT_HEAD_H
#define IASO_SIM_REPORT_HEAD_H

#include <cjson/cJSON.h>

#include "mem/error.h"
#include "sim/config.h"
#include "sim/options.h"

#define REPORT_FORMAT  "iaso report " /* and the version */
#define REPORT_VERSION 2

/*
 * The beginning of every report, as JSON: format, kind ("run", "inject", "sweep"), versions, and
 * what repeats the run: command, config, hashes of all inputs. To be made before the run, which may
 * change its inputs. Without a config (NULL) it has the command and the versions only. Delete it
 * with cJSON_Delete(). NULL on failure.
 */
cJSON *report_head(const char *kind, const struct options *options, const struct config *config,
                   struct error *err);

/* The report in a folder, of this version, or NULL. */
cJSON *report_load(const char *dir, struct error *err);

#endif
