/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_PROGRAM_H
#define IASO_SIM_PROGRAM_H

#include "mem/error.h"

/*
 * Runs a program of the system's in a folder, without input. `arguments` begins with its name and
 * ends with NULL; `package` says where to find it and `subject` what it works on, for messages.
 * Returns 1 if it failed (the error has the last line that it printed) or was killed as it took
 * longer than `seconds` of the host's time, -1 if it cannot be run.
 */
#define PROGRAM_SECONDS 60 /* is plenty for a picture */
int program_run(const char *folder, char *const arguments[], const char *package,
                const char *subject, unsigned seconds, struct error *err);

#endif
