/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_CAMPAIGN_PROGRESS_H
#define IASO_SIM_CAMPAIGN_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How far a round of a campaign is: on a terminal a bar that is drawn a few times a second,
 * elsewhere a line each minute. As with sim/progress.h, nothing of the host's time reaches a
 * result.
 */
struct campaign_progress;

/* `total` items, of which `done` were there already. `what` must outlive it. NULL when out of
 * memory, or if it is quiet; all functions accept that. */
struct campaign_progress *campaign_progress_new(int fd, bool quiet, const char *what,
                                                uint64_t total, uint64_t done);

/* Clears the bar. */
void campaign_progress_free(struct campaign_progress *progress);

/* So much is done now, and so many failures are among it. */
void campaign_progress_update(struct campaign_progress *progress, uint64_t done, uint64_t failures);

/* The line without any control characters, at most `width` characters: what is drawn. `passed` is
 * the time since the round began (ns), `fresh` how much was done in it. */
int campaign_progress_line(char *line, size_t size, unsigned width, const char *what, uint64_t done,
                           uint64_t total, uint64_t fresh, uint64_t passed, uint64_t failures);

#endif
