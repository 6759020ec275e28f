/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_SIM_PERFETTO_H
#define IASO_SIM_PERFETTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Writes a trace that ui.perfetto.dev and chrome://tracing open: "Trace Event Format" (Google,
 * 2016), JSON Object Format. Events go to the file at once, so a trace takes little memory; they
 * are bounded in number, and what is left out is counted. Times are nanoseconds, and go to the file
 * in microseconds with three decimals. Any text is good: control characters are escaped, bytes that
 * are no UTF-8 become U+FFFD, long texts are cut.
 *
 * Slices of a track nest, and each ends: B and E events. On a track time never stands still nor
 * goes back: an event that would be at or before the one before it is moved to 1 ns after that.
 */
struct perfetto;

/* Names of something about an event; `text` or, if that is NULL, `number`. A list ends with a NULL
 * key; NULL is an empty list. */
struct perfetto_arg {
    const char *key, *text;
    uint64_t number;
};

/* The file belongs to the caller, who closes it after perfetto_finish(). `limit`: at most so many
 * events, names of tracks not included. NULL when out of memory. */
struct perfetto *perfetto_new(FILE *out, uint64_t limit);

/* A row of its own, in the group of rows of process `pid`. Names are written at the end; those of
 * groups come from their first track. Returns its number, or PERFETTO_NO_TRACK when out of memory:
 * what happens there is left out. */
#define PERFETTO_NO_TRACK SIZE_MAX
size_t perfetto_track(struct perfetto *trace, uint32_t pid, uint32_t tid, const char *process,
                      const char *name);
void perfetto_rename(struct perfetto *trace, size_t track, const char *process, const char *name);

/* Slices: begin and end, innermost last. A slice that is left out has no end either, and is begun
 * and ended all the same. perfetto_begin() says whether it was written; perfetto_end() when it
 * ended, in trace time. `rare`: may use what is kept back of the limit. */
bool perfetto_begin(struct perfetto *trace, size_t track, uint64_t ns, bool rare,
                    const char *category, const char *name, const struct perfetto_arg *args);
uint64_t perfetto_end(struct perfetto *trace, size_t track, uint64_t ns,
                      const struct perfetto_arg *args);
size_t perfetto_depth(const struct perfetto *trace, size_t track);

/* A moment. */
void perfetto_instant(struct perfetto *trace, size_t track, uint64_t ns, bool rare,
                      const char *category, const char *name, const struct perfetto_arg *args);

/* The value of a quantity from now on; `unit` says what is counted. */
void perfetto_counter(struct perfetto *trace, size_t track, uint64_t ns, const char *name,
                      const char *unit, double value);

/* An arrow from the innermost slice of a track to that of another, both at `ns` or as soon after as
 * their tracks allow. With `ended`, which is what perfetto_end() has said of a slice of `from` that
 * was written: from there. Left out if there is no slice at an end. */
#define PERFETTO_OPEN UINT64_MAX
void perfetto_flow(struct perfetto *trace, const char *name, size_t from, uint64_t ended, size_t to,
                   uint64_t ns);

/* Whether all but rare events will be left out: their names and arguments need not be found. */
bool perfetto_is_full(const struct perfetto *trace);

uint64_t perfetto_events(const struct perfetto *trace);
uint64_t perfetto_left_out(const struct perfetto *trace);

/* Ends all slices, writes names and what closes the file. Once; the file may still be full. */
void perfetto_finish(struct perfetto *trace, uint64_t ns);
void perfetto_free(struct perfetto *trace); /* NULL is fine */

#endif
