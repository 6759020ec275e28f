/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_REPORT_DIR_H
#define IASO_SIM_REPORT_DIR_H

#include <stdbool.h>
#include <stdio.h>

#include "mem/error.h"

/*
 * The folder of a report. New files are made in a staging folder inside of it, and put in place
 * when all of them are whole: who looks sees the old report or the new one. While a run has the
 * folder open no other can open it. A folder is known as ours by its report.json, or, as a
 * run may have been killed before that was in place, by the names of all its files.
 */
struct report_dir;

/*
 * To be called before a run that may take hours. Makes the folder, with its parents. One that is
 * there must be empty, or, with `force`, hold a report of ours, or nothing but parts of one: that
 * is what will be replaced. NULL on failure, and all is as before.
 */
struct report_dir *report_dir_open(const char *path, bool force, struct error *err);

/* Opens the folder of a report, to make anew what is derived from its report.json. */
struct report_dir *report_dir_reopen(const char *path, struct error *err);

/* A new file of the report, such as "tables/requests.csv"; it must be one that
 * report_dir_is_ours() knows. Belongs to the caller until report_dir_close(). */
FILE *report_dir_create(struct report_dir *dir, const char *name, struct error *err);

/* Closes the file; -1 if not all of it could be written, or if `failed`: err says why already. */
int report_dir_close(struct report_dir *dir, FILE *file, bool failed, struct error *err);

/* A new file with this text. */
int report_dir_put(struct report_dir *dir, const char *name, const char *text, struct error *err);

/* In a folder that was reopened: the file of the older report is that of the new one as well, as
 * somebody may have edited it. Returns 1 if so, 0 if there is none, -1 on failure. */
int report_dir_keep(struct report_dir *dir, const char *name, struct error *err);

/* Where they will be. */
const char *report_dir_path(const struct report_dir *dir);

/* Where the new files are until then: a program may be run there that makes more of them. */
const char *report_dir_staging(const struct report_dir *dir);

/* Moves the new files into place, report.json last, and removes those of the older report that the
 * new one does not have. Files of others stay. */
int report_dir_commit(struct report_dir *dir, struct error *err);

/* Without commit nothing is left behind. NULL is fine. */
void report_dir_free(struct report_dir *dir);

/* Is this the name of a file that reports have? */
bool report_dir_is_ours(const char *name);

#endif
