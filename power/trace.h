/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_POWER_TRACE_H
#define IASO_POWER_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem/error.h"

/*
 * What a harvester delivers over time, read from a file (gunzipped if need be). Times in
 * nanoseconds from the first sample; SI units for all else.
 *
 *   mementos  no header; "time voltage" a line, or the voltage alone: over a load of 30 kOhm, the
 *             time in milliseconds from anywhere, as the traces of Mementos have it (Ransford,
 *             Sorber, Fu: Mementos, ASPLOS 2011; README of its traces)
 *   csv       a header names columns and units: time, and power, or voltage, or voltage and
 *             current; "," ";" or tabs between them:
 *                 time_s,power_w
 *                 time_s,voltage_v                    (as BAO has it)
 *                 time_us,voltage_mv,current_na
 *                 time [s];voltage [V];current [A]    (Shepherd's exports of ivsample recordings)
 *   surface   Ekho and SIREN: "n", then "Vmin,Vmax", then a line for each time: the time in
 *             seconds and the 2^n + 1 currents, in amperes, at voltages from Vmin to Vmax
 *
 * Lines that are empty or begin with "#" are skipped. Times must ascend. Voltages and currents
 * below 0, as an instrument's noise makes them, count as 0. Errors are one line with file:line.
 */
struct trace;

enum trace_format {
    TRACE_DETECT,
    TRACE_MEMENTOS,
    TRACE_CSV,
    TRACE_SURFACE,
};

enum trace_kind {
    TRACE_POWER,   /* watts, whatever the load does */
    TRACE_VOLTAGE, /* volts behind a resistance: I(v) = (volts - v) / ohms */
    TRACE_SAMPLE,  /* one point of the I-V curve: amperes as long as the load stays below volts */
    TRACE_CURVE,   /* a whole I-V curve */
};

struct trace_options {
    enum trace_format format;
    double ohms;  /* of TRACE_VOLTAGE; 0: 30000 */
    double unit;  /* seconds, of mementos: of its times, or between voltages alone; 0: 1e-3 */
    double scale; /* of all power, or of current; 0: 1 */
    bool linear;  /* values between samples are interpolated instead of held */
    bool once;    /* nothing comes after the end, instead of the beginning again */
};

struct trace *trace_load(const char *path, const struct trace_options *options, struct error *err);

/* The same power for ever, for configs without a file. NULL: out of memory. */
struct trace *trace_constant(double watts);
void trace_free(struct trace *trace);

enum trace_kind trace_kind(const struct trace *trace);
size_t trace_samples(const struct trace *trace);

/* From the first sample to the end of the last, which lasts as long as the one before. 1 s if there
 * is but one, which then lasts for ever. */
uint64_t trace_duration(const struct trace *trace);
bool trace_repeats(const struct trace *trace);

/* Where a time was looked up last; zero to begin with. Makes looking up later times cheap. */
struct trace_cursor {
    size_t sample;
};

/* Until when (ns, absolute, after `ns`) the answers below are the same or on one straight line;
 * UINT64_MAX: for ever. */
uint64_t trace_until(const struct trace *trace, struct trace_cursor *cursor, uint64_t ns);

/* The power (W) into a converter that holds the harvester at its best point: for TRACE_VOLTAGE what
 * a load of `ohms` got, which is what was recorded. */
double trace_power(const struct trace *trace, struct trace_cursor *cursor, uint64_t ns);

/* The current (A, never negative) straight into a load that holds `volts`, 0 or more. */
double trace_current(const struct trace *trace, struct trace_cursor *cursor, uint64_t ns,
                     double volts);

/* The steepest |dI/dV| (1/Ohm) of any time: says how fast a capacitor's voltage can settle. */
double trace_conductance(const struct trace *trace);

#endif
