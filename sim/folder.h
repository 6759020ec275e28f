/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_FOLDER_H
#define IASO_SIM_FOLDER_H

#include "mem/error.h"

/* Makes a directory, with its parents, unless it is there. */
int folder_make(const char *name, struct error *err);

/* Makes the directory that a file shall lie in. */
int folder_make_for(const char *file, struct error *err);

/* Can a file be written there? All is left as it is. `what` says what it is to have in it, for the
 * message: "%s: cannot write the %s: ...". */
int folder_check_file(const char *file, const char *what, struct error *err);

#endif
