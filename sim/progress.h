/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_PROGRESS_H
#define IASO_SIM_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * One line on a terminal that says how far the run is: virtual time, speed, phase. It is drawn a
 * few times a second however often it is asked to, and never where the descriptor is no
 * terminal, or TERM is "dumb".
 *
 * The line shares the terminal with whatever else is printed there: call progress_clear() before
 * printing, and make it quiet where the guest's console is on the same terminal.
 */
struct progress;

/* `fd` is usually standard error's. NULL when out of memory; all functions accept NULL and do
 * nothing. */
struct progress *progress_new(int fd, bool quiet);

/* Clears the line. */
void progress_free(struct progress *progress);

/* What is drawn next: virtual time in ns, instructions of all harts since the start, and a word or
 * two ("boot"), or NULL. The speed is that since the last time the line was drawn. */
void progress_update(struct progress *progress, uint64_t virtual_ns, uint64_t instructions,
                     const char *phase);

void progress_clear(struct progress *progress);

#endif
