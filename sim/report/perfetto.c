/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/report/perfetto.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/text.h"

#define MAX_TEXT  256 /* bytes of a text that are written */
#define MAX_NAME  64
#define MAX_DEPTH 64
#define KEPT_BACK 10 /* a so-many-th part of the limit is for what is rare */

struct track {
    uint32_t pid, tid;
    char process[MAX_NAME], name[MAX_NAME];
    uint64_t last; /* ns of its last event */
    bool used;
    size_t depth;
    bool written[MAX_DEPTH]; /* of each open slice; what is deeper is not */
};

struct perfetto {
    FILE *out;
    uint64_t limit, events, left_out;
    uint64_t owed; /* ends of slices that have begun */
    uint64_t flows;
    bool any; /* something is in the array */
    struct track *tracks;
    size_t track_count, track_room;
};

/* ---- Text ---------------------------------------------------------------------------------- */

static void write_text(FILE *out, const char *text)
{
    size_t left = strlen(text), length, done = 0;
    fputc('"', out);
    for (; left; text += length, left -= length, done += length) {
        size_t valid = text_utf8(text, left);
        length = valid ? valid : 1;
        if (done + length > MAX_TEXT) {
            fputs("...", out);
            break;
        }
        unsigned char first = (unsigned char)*text;
        if (!valid)
            fputs("\\ufffd", out);
        else if (first < ' ' || first == 0x7f)
            fprintf(out, "\\u%04x", first);
        else if (first == '"' || first == '\\')
            fprintf(out, "\\%c", first);
        else
            fwrite(text, 1, length, out);
    }
    fputc('"', out);
}

static void write_key(FILE *out, const char *key, const char *text)
{
    fprintf(out, ",\"%s\":", key);
    write_text(out, text);
}

static void write_args(FILE *out, const struct perfetto_arg *args)
{
    if (!args || !args->key)
        return;
    const char *before = ",\"args\":{";
    for (; args->key; args++) {
        fputs(before, out);
        write_text(out, args->key);
        fputc(':', out);
        if (args->text)
            write_text(out, args->text);
        else
            fprintf(out, "%" PRIu64, args->number);
        before = ",";
    }
    fputc('}', out);
}

/* ---- Events -------------------------------------------------------------------------------- */

static void begin_event(struct perfetto *trace, char phase, const struct track *track, uint64_t ns)
{
    fprintf(trace->out,
            "%s{\"ph\":\"%c\",\"pid\":%" PRIu32 ",\"tid\":%" PRIu32 ",\"ts\":%" PRIu64
            ".%03" PRIu64,
            trace->any ? ",\n" : "", phase, track->pid, track->tid, ns / 1000, ns % 1000);
    trace->any = true;
    trace->events++;
}

static void end_event(struct perfetto *trace)
{
    fputc('}', trace->out);
}

static bool has_room(const struct perfetto *trace, uint64_t count, bool rare)
{
    uint64_t limit = rare ? trace->limit : trace->limit - trace->limit / KEPT_BACK;
    return trace->events + trace->owed + count <= limit;
}

/* Whether so many more events fit; else they are left out. */
static bool fits(struct perfetto *trace, uint64_t count, bool rare)
{
    if (has_room(trace, count, rare))
        return true;
    trace->left_out += count;
    return false;
}

static uint64_t step(struct track *track, uint64_t ns)
{
    if (track->used && ns <= track->last)
        ns = track->last + 1;
    track->used = true;
    track->last = ns;
    return ns;
}

static struct track *track_of(struct perfetto *trace, size_t track)
{
    return track < trace->track_count ? &trace->tracks[track] : NULL;
}

static bool is_inside(const struct track *track)
{
    return track && track->depth && track->depth <= MAX_DEPTH && track->written[track->depth - 1];
}

bool perfetto_begin(struct perfetto *trace, size_t track, uint64_t ns, bool rare,
                    const char *category, const char *name, const struct perfetto_arg *args)
{
    struct track *on = track_of(trace, track);
    if (!on)
        return false;
    bool written = on->depth < MAX_DEPTH && fits(trace, 2, rare);
    if (on->depth < MAX_DEPTH)
        on->written[on->depth] = written;
    on->depth++;
    if (!written)
        return false;
    begin_event(trace, 'B', on, step(on, ns));
    write_key(trace->out, "cat", category);
    write_key(trace->out, "name", name);
    write_args(trace->out, args);
    end_event(trace);
    trace->owed++;
    return true;
}

uint64_t perfetto_end(struct perfetto *trace, size_t track, uint64_t ns,
                      const struct perfetto_arg *args)
{
    struct track *on = track_of(trace, track);
    if (!on || !on->depth)
        return PERFETTO_OPEN;
    bool written = is_inside(on);
    on->depth--;
    if (!written)
        return PERFETTO_OPEN;
    trace->owed--;
    uint64_t ended = step(on, ns);
    begin_event(trace, 'E', on, ended);
    write_args(trace->out, args);
    end_event(trace);
    return ended;
}

size_t perfetto_depth(const struct perfetto *trace, size_t track)
{
    return track < trace->track_count ? trace->tracks[track].depth : 0;
}

void perfetto_instant(struct perfetto *trace, size_t track, uint64_t ns, bool rare,
                      const char *category, const char *name, const struct perfetto_arg *args)
{
    struct track *on = track_of(trace, track);
    if (!on || !fits(trace, 1, rare))
        return;
    begin_event(trace, 'i', on, step(on, ns));
    fputs(",\"s\":\"t\"", trace->out);
    write_key(trace->out, "cat", category);
    write_key(trace->out, "name", name);
    write_args(trace->out, args);
    end_event(trace);
}

void perfetto_counter(struct perfetto *trace, size_t track, uint64_t ns, const char *name,
                      const char *unit, double value)
{
    struct track *on = track_of(trace, track);
    if (!on || !isfinite(value) || !fits(trace, 1, true))
        return;
    begin_event(trace, 'C', on, step(on, ns));
    write_key(trace->out, "name", name);
    fputs(",\"args\":{", trace->out);
    write_text(trace->out, unit);
    fprintf(trace->out, ":%.9g}", value);
    end_event(trace);
}

static void write_flow(struct perfetto *trace, char phase, const struct track *track, uint64_t ns,
                       const char *name)
{
    begin_event(trace, phase, track, ns);
    fprintf(trace->out, ",\"id\":%" PRIu64 "%s", trace->flows, phase == 'f' ? ",\"bp\":\"e\"" : "");
    write_key(trace->out, "cat", "flow");
    write_key(trace->out, "name", name);
    end_event(trace);
}

void perfetto_flow(struct perfetto *trace, const char *name, size_t from, uint64_t ended, size_t to,
                   uint64_t ns)
{
    struct track *source = track_of(trace, from), *target = track_of(trace, to);
    if (!source || (ended == PERFETTO_OPEN && !is_inside(source)) || !is_inside(target)) {
        trace->left_out += 2;
        return;
    }
    if (!fits(trace, 2, false))
        return;
    trace->flows++;
    /* What has ended is left within its last nanosecond. */
    uint64_t start = ended != PERFETTO_OPEN ? ended - 1 : ns > source->last ? ns : source->last;
    uint64_t end = ns > target->last ? ns : target->last;
    end = start > end ? start : end;
    write_flow(trace, 's', source, start, name);
    write_flow(trace, 'f', target, end, name);
    source->last = start > source->last ? start : source->last;
    target->last = end;
}

/* ---- The file ------------------------------------------------------------------------------ */

struct perfetto *perfetto_new(FILE *out, uint64_t limit)
{
    struct perfetto *trace = calloc(1, sizeof *trace);
    if (!trace)
        return NULL;
    trace->out = out;
    trace->limit = limit;
    fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n", out);
    return trace;
}

size_t perfetto_track(struct perfetto *trace, uint32_t pid, uint32_t tid, const char *process,
                      const char *name)
{
    if (trace->track_count == trace->track_room) {
        size_t room = trace->track_room ? 2 * trace->track_room : 64;
        struct track *grown = realloc(trace->tracks, room * sizeof *grown);
        if (!grown)
            return PERFETTO_NO_TRACK;
        trace->tracks = grown;
        trace->track_room = room;
    }
    trace->tracks[trace->track_count] = (struct track){.pid = pid, .tid = tid};
    perfetto_rename(trace, trace->track_count, process, name);
    return trace->track_count++;
}

void perfetto_rename(struct perfetto *trace, size_t track, const char *process, const char *name)
{
    if (track == PERFETTO_NO_TRACK)
        return;
    snprintf(trace->tracks[track].process, MAX_NAME, "%s", process);
    snprintf(trace->tracks[track].name, MAX_NAME, "%s", name);
}

bool perfetto_is_full(const struct perfetto *trace)
{
    return !has_room(trace, 1, false);
}

uint64_t perfetto_events(const struct perfetto *trace)
{
    return trace->events;
}

uint64_t perfetto_left_out(const struct perfetto *trace)
{
    return trace->left_out;
}

static void write_name(struct perfetto *trace, const struct track *track, const char *what,
                       const char *name)
{
    fprintf(trace->out, "%s{\"ph\":\"M\",\"pid\":%" PRIu32 ",\"tid\":%" PRIu32 ",\"name\":\"%s\"",
            trace->any ? ",\n" : "", track->pid, track->tid, what);
    fputs(",\"args\":{\"name\":", trace->out);
    write_text(trace->out, name);
    fputs("}}", trace->out);
    trace->any = true;
}

static bool is_first_of_process(const struct perfetto *trace, size_t track)
{
    for (size_t i = 0; i < track; i++)
        if (trace->tracks[i].pid == trace->tracks[track].pid)
            return false;
    return true;
}

void perfetto_finish(struct perfetto *trace, uint64_t ns)
{
    for (size_t i = 0; i < trace->track_count; i++) {
        while (trace->tracks[i].depth)
            perfetto_end(trace, i, ns, NULL);
        if (is_first_of_process(trace, i))
            write_name(trace, &trace->tracks[i], "process_name", trace->tracks[i].process);
        write_name(trace, &trace->tracks[i], "thread_name", trace->tracks[i].name);
    }
    fprintf(trace->out,
            "\n],\"otherData\":{\"format\":\"iaso trace 1\",\"clock\":\"virtual time\",\"events\":"
            "%" PRIu64 ",\"left_out\":%" PRIu64 "}}\n",
            trace->events, trace->left_out);
}

void perfetto_free(struct perfetto *trace)
{
    if (!trace)
        return;
    free(trace->tracks);
    free(trace);
}
