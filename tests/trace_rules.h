/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_TESTS_TRACE_RULES_H
#define IASO_TESTS_TRACE_RULES_H

#include <cjson/cJSON.h>
#include <stddef.h>

/* What a trace has. */
struct trace_counts {
    size_t slices, instants, counters, arrows, names;
};

/*
 * The test fails unless the trace keeps the rules of the Trace Event Format as Perfetto applies
 * them: slices of a track nest and end; its time rises; each arrow begins and ends in a slice, and
 * not before it began; every track has a name; the counts at the end are right.
 */
struct trace_counts expect_good_trace(const cJSON *trace);

/* How many events of the phase ('B', 'i', ...) have the name. */
size_t trace_named(const cJSON *trace, char phase, const char *name);

/* The first event of that phase and name; the test fails if there is none. */
const cJSON *trace_event(const cJSON *trace, char phase, const char *name);

#endif
