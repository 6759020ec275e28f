/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IASO_POWER_TRACE_PARTS_H
#define IASO_POWER_TRACE_PARTS_H

#include "power/trace.h"

/* What trace.c and trace_load.c share; nobody else includes it. */

/*
 * A sample is `width` values: watts | volts | volts, amperes | the currents of a curve at equal
 * steps from `low`, then its greatest power.
 */
struct trace {
    enum trace_kind kind;
    struct trace_options options; /* with defaults filled in */
    size_t count, room;
    uint64_t *ns; /* of each sample, from 0, ascending */
    double *values;
    size_t width;
    double low, step; /* TRACE_CURVE */
    uint64_t duration;
    double conductance;
};

#endif
