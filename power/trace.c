/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "power/trace.h"

#include <stdlib.h>

#include "power/trace_parts.h"

void trace_free(struct trace *trace)
{
    if (!trace)
        return;
    free(trace->ns);
    free(trace->values);
    free(trace);
}

struct trace *trace_constant(double watts)
{
    struct trace *trace = calloc(1, sizeof *trace);
    if (!trace)
        return NULL;
    trace->kind = TRACE_POWER;
    trace->options.scale = 1;
    trace->count = trace->width = 1;
    trace->duration = 1000000000;
    trace->ns = calloc(1, sizeof *trace->ns);
    trace->values = malloc(sizeof *trace->values);
    if (!trace->ns || !trace->values) {
        trace_free(trace);
        return NULL;
    }
    *trace->values = watts;
    return trace;
}

enum trace_kind trace_kind(const struct trace *trace)
{
    return trace->kind;
}

size_t trace_samples(const struct trace *trace)
{
    return trace->count;
}

uint64_t trace_duration(const struct trace *trace)
{
    return trace->duration;
}

bool trace_repeats(const struct trace *trace)
{
    return !trace->options.once;
}

double trace_conductance(const struct trace *trace)
{
    return trace->conductance;
}

/* ---- What is in force at a time ------------------------------------------------------------ */

static uint64_t end_of(const struct trace *trace, size_t sample)
{
    return sample + 1 < trace->count ? trace->ns[sample + 1] : trace->duration;
}

static bool is_in(const struct trace *trace, size_t sample, uint64_t at)
{
    return trace->ns[sample] <= at && at < end_of(trace, sample);
}

static size_t search(const struct trace *trace, uint64_t at)
{
    size_t low = 0, high = trace->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (trace->ns[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Finds the sample; false when the trace has ended. *at becomes the time within the trace. */
static bool locate(const struct trace *trace, struct trace_cursor *cursor, uint64_t *at)
{
    if (trace->count == 1) {
        cursor->sample = 0;
        *at = 0;
        return true;
    }
    if (*at >= trace->duration) {
        if (trace->options.once)
            return false;
        *at %= trace->duration;
    }
    if (cursor->sample >= trace->count)
        cursor->sample = 0;
    if (is_in(trace, cursor->sample, *at))
        return true;
    if (cursor->sample + 1 < trace->count && is_in(trace, cursor->sample + 1, *at))
        cursor->sample++;
    else
        cursor->sample = search(trace, *at);
    return true;
}

uint64_t trace_until(const struct trace *trace, struct trace_cursor *cursor, uint64_t ns)
{
    uint64_t at = ns;
    if (!locate(trace, cursor, &at) || trace->count == 1)
        return UINT64_MAX;
    uint64_t left = end_of(trace, cursor->sample) - at;
    return ns + left < ns ? UINT64_MAX : ns + left;
}

/* Two samples, and how far from one to the other it is. */
struct place {
    const double *from, *to;
    double part;
};

static bool place(const struct trace *trace, struct trace_cursor *cursor, uint64_t ns,
                  struct place *place)
{
    if (!locate(trace, cursor, &ns))
        return false;
    size_t sample = cursor->sample, next = sample + 1;
    place->from = place->to = trace->values + sample * trace->width;
    place->part = 0;
    if (next == trace->count)
        next = trace->options.once ? sample : 0;
    if (trace->options.linear && next != sample) {
        place->to = trace->values + next * trace->width;
        place->part =
            (double)(ns - trace->ns[sample]) / (double)(end_of(trace, sample) - trace->ns[sample]);
    }
    return true;
}

static double value(const struct place *place, size_t index)
{
    double from = place->from[index];
    return from + (place->to[index] - from) * place->part;
}

double trace_power(const struct trace *trace, struct trace_cursor *cursor, uint64_t ns)
{
    struct place at;
    if (!place(trace, cursor, ns, &at))
        return 0;
    double first = value(&at, 0), scale = trace->options.scale;
    switch (trace->kind) {
    case TRACE_POWER:
        return first * scale;
    case TRACE_VOLTAGE:
        return first * first / trace->options.ohms * scale;
    case TRACE_SAMPLE:
        return first * value(&at, 1) * scale;
    default:
        return value(&at, trace->width - 1) * scale;
    }
}

static double curve_current(const struct trace *trace, const struct place *at, double volts)
{
    size_t last = trace->width - 2;
    double position = (volts - trace->low) / trace->step;
    if (position <= 0)
        return value(at, 0);
    if (position > (double)last)
        return 0;
    size_t index = (size_t)position;
    if (index == last)
        return value(at, last);
    double from = value(at, index);
    return from + (value(at, index + 1) - from) * (position - (double)index);
}

double trace_current(const struct trace *trace, struct trace_cursor *cursor, uint64_t ns,
                     double volts)
{
    struct place at;
    if (!place(trace, cursor, ns, &at))
        return 0;
    double first = value(&at, 0), amps = 0;
    switch (trace->kind) {
    case TRACE_POWER:
        amps = first / (volts > 1e-3 ? volts : 1e-3);
        break;
    case TRACE_VOLTAGE:
        amps = (first - volts) / trace->options.ohms;
        break;
    case TRACE_SAMPLE:
        amps = volts < first ? value(&at, 1) : 0;
        break;
    case TRACE_CURVE:
        amps = curve_current(trace, &at, volts);
        break;
    }
    return amps > 0 ? amps * trace->options.scale : 0;
}
