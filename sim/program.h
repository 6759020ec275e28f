/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_PROGRAM_H
#define IASO_SIM_PROGRAM_H

#include "mem/error.h"

/*
 * Runs a program of the system's in a folder, without input. `arguments` begins with its name and
 * ends with NULL; `package` says where to find it and `subject` what it works on, for messages.
 * Returns 1 if it failed (the error has the last line that it printed), -1 if it cannot be run.
 */
int program_run(const char *folder, char *const arguments[], const char *package,
                const char *subject, struct error *err);

#endif
