/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/report/run_trace.h"

#include <inttypes.h>
#include <stdlib.h>

#include "sim/attach.h"
#include "sim/report/trace_domains.h"
#include "sim/report/trace_machine.h"

struct run_trace {
    struct machine *machine;
    struct perfetto *out;
    struct trace_domains *domains; /* NULL: there are none */
    struct trace_machine *rest;
};

static int task_of(void *opaque, unsigned hart, uint64_t thread, struct trace_task *task)
{
    int pid = -1, tgid = -1;
    if (attach_task(opaque, hart, thread, task->name, &pid, &tgid))
        return -1;
    task->pid = pid > 0 ? (uint32_t)pid : 0;
    task->tgid = tgid > 0 ? (uint32_t)tgid : task->pid;
    return 0;
}

static void name_request(void *opaque, enum request_kind kind, uint64_t number, char *buffer,
                         size_t size)
{
    const struct request_names names = attach_request_names(opaque);
    char name[64];
    if (request_name(&names, kind, number, name, sizeof name))
        snprintf(buffer, size, "%s %" PRIu64, request_kind_name(kind), number);
    else
        snprintf(buffer, size, "%s%s", name, kind == REQUEST_INTERRUPT ? " interrupt" : "");
}

struct run_trace *run_trace_new(struct machine *machine, FILE *out, struct error *err)
{
    const struct trace_host host = {
        .clock = &machine->clock,
        .harts = machine->hart_count,
        .task = machine->tasks ? task_of : NULL,
        .request = name_request,
        .opaque = machine,
    };
    struct run_trace *trace = calloc(1, sizeof *trace);
    if (trace) {
        trace->machine = machine;
        trace->out = perfetto_new(out, machine->config->report.trace_events);
    }
    if (trace && trace->out && machine->recovery)
        trace->domains = trace_domains_new(trace->out, &host);
    if (!trace || !trace->out || (machine->recovery && !trace->domains)) {
        run_trace_free(trace);
        error_set(err, "out of memory");
        return NULL;
    }
    trace->rest = trace_machine_new(trace->out, machine, err);
    if (!trace->rest) {
        run_trace_free(trace);
        return NULL;
    }
    if (trace->domains)
        observers_add(&machine->observers, trace_domains_observer(trace->domains));
    return trace;
}

void run_trace_finish(struct run_trace *trace)
{
    const struct clock *clock = &trace->machine->clock;
    trace_machine_finish(trace->rest);
    perfetto_finish(trace->out, trace->domains ? trace_domains_now(trace->domains)
                                               : clock_ns(clock, clock->now));
}

void run_trace_add_report(const struct run_trace *trace, cJSON *report)
{
    cJSON *json = cJSON_AddObjectToObject(report, "trace");
    cJSON_AddNumberToObject(json, "events", (double)perfetto_events(trace->out));
    cJSON_AddNumberToObject(json, "left_out", (double)perfetto_left_out(trace->out));
}

void run_trace_free(struct run_trace *trace)
{
    if (!trace)
        return;
    if (trace->domains)
        observers_remove(&trace->machine->observers, trace_domains_observer(trace->domains));
    trace_domains_free(trace->domains);
    trace_machine_free(trace->rest);
    perfetto_free(trace->out);
    free(trace);
}
