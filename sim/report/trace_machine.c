/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/report/trace_machine.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/attach.h"
#include "sim/lives.h"
#include "sim/report/trace_domains.h"
#include "sim/requests.h"

/* Writes to a device that are no further apart are one slice. */
#define TOGETHER_NS 100000

#define LEVEL_USER    0
#define LEVEL_MACHINE 3

#define CAUSE_ECALL_USER 8
#define REGISTER_A7      17

struct trace_machine {
    struct perfetto *out;
    struct machine *machine;
    bool traps; /* are shown */
    struct {
        size_t track, lives; /* when its last trap was */
    } harts[CONFIG_MAX_HARTS];
    struct traced_device {
        const struct region *region;
        size_t track;
        uint64_t from, last, writes; /* ns; writes 0: nothing yet */
    } devices[MACHINE_MAX_DEVICES];
    size_t device_count;
    unsigned reboots;
    size_t life_track, event_track, volts_track, power_track, energy_track;
};

static uint64_t now_of(const struct trace_machine *trace)
{
    return clock_ns(&trace->machine->clock, trace->machine->clock.now);
}

/* ---- Traps --------------------------------------------------------------------------------- */

static void name_exception(uint64_t number, char *name, size_t size)
{
    if (exception_name(number))
        snprintf(name, size, "%s", exception_name(number));
    else
        snprintf(name, size, "IRQ %" PRIu64, number - 16);
}

static void name_trap(const struct trace_machine *trace, unsigned hart, const struct trap *trap,
                      char *name, size_t size)
{
    const char *known = trap->interrupt ? interrupt_name(trap->cause) : fault_name(trap->cause);
    if (!trace->machine->riscv)
        name_exception(trap->cause, name, size);
    else if (!trap->interrupt && trap->cause == CAUSE_ECALL_USER)
        snprintf(name, size, "syscall %" PRIu64,
                 cpu_general(trace->machine->harts[hart], REGISTER_A7));
    else
        snprintf(name, size, "%s%s", known ? known : "trap", trap->interrupt ? " interrupt" : "");
}

/* A life that has ended took its exceptions with it. */
static void end_life(struct trace_machine *trace, unsigned hart)
{
    const struct lives *lives = trace->machine->lives;
    size_t count = lives ? lives_count(lives) : 0;
    if (count == trace->harts[hart].lives)
        return;
    size_t track = trace->harts[hart].track;
    if (trace->harts[hart].lives) {
        const struct life *life = lives_at(lives, trace->harts[hart].lives - 1);
        while (perfetto_depth(trace->out, track))
            perfetto_end(trace->out, track,
                         clock_ns(&trace->machine->clock, life->start + life->on), NULL);
    }
    trace->harts[hart].lives = count;
}

static void note_reboot(struct trace_machine *trace, unsigned hart)
{
    if (trace->reboots == trace->machine->reboots)
        return;
    trace->reboots = trace->machine->reboots;
    size_t track = trace->harts[hart].track;
    while (perfetto_depth(trace->out, track))
        perfetto_end(trace->out, track, now_of(trace), NULL);
    perfetto_instant(trace->out, track, now_of(trace), true, "machine", "rebooted", NULL);
}

static bool is_shown(const struct trace_machine *trace, unsigned from, unsigned to)
{
    bool firmware = trace->machine->plan.firmware.end > trace->machine->plan.firmware.start;
    return !firmware || (from != LEVEL_MACHINE && to != LEVEL_MACHINE);
}

static void on_entry(void *opaque, unsigned hart, const struct trap *trap)
{
    struct trace_machine *trace = opaque;
    struct cpu *cpu = trace->machine->harts[hart];
    if (!is_shown(trace, trap->from, trap->to))
        return;
    end_life(trace, hart);
    note_reboot(trace, hart);
    char name[64] = "", handler[96] = "";
    if (!perfetto_is_full(trace->out)) {
        name_trap(trace, hart, trap, name, sizeof name);
        symbols_format(trace->machine->symbols, cpu->ops->pc(cpu), handler, sizeof handler);
    }
    const struct perfetto_arg args[] = {
        {"cause", NULL, trap->cause}, {"handler", handler, 0}, {NULL, NULL, 0}};
    perfetto_begin(trace->out, trace->harts[hart].track, now_of(trace), false,
                   trap->interrupt ? "interrupt" : "exception", name, args);
}

static void on_return(void *opaque, unsigned hart, unsigned from, unsigned to)
{
    struct trace_machine *trace = opaque;
    size_t track = trace->harts[hart].track;
    if (!is_shown(trace, from, to))
        return;
    perfetto_end(trace->out, track, now_of(trace), NULL);
    while (trace->machine->riscv && to == LEVEL_USER && perfetto_depth(trace->out, track))
        perfetto_end(trace->out, track, now_of(trace), NULL);
}

static void on_watched(void *opaque, unsigned hart, uint64_t pc)
{
    (void)hart;
    struct trace_machine *trace = opaque;
    const char *name = lives_watched(trace->machine->lives, pc);
    if (name)
        perfetto_instant(trace->out, trace->event_track, now_of(trace), false, "event", name, NULL);
}

static int listen(struct trace_machine *trace, struct error *err)
{
    struct machine *machine = trace->machine;
    struct cpu_listener listener = {.opaque = trace};
    trace->traps = !machine->recovery;
    if (trace->traps) {
        listener.trap_entry = on_entry;
        listener.trap_return = on_return;
    }
    if (machine->lives)
        listener.watched = on_watched;
    for (unsigned i = 0; i < machine->hart_count && (trace->traps || machine->lives); i++) {
        char name[16];
        snprintf(name, sizeof name, "hart %u", i);
        if (cpu_listen(machine->harts[i], &listener))
            return error_set(err, "too many listeners");
        trace->harts[i].track = trace->traps ? perfetto_track(trace->out, TRACE_PID_HARTS,
                                                              TRACE_TID_HARTS + i, "harts", name)
                                             : PERFETTO_NO_TRACK;
    }
    return 0;
}

/* ---- Devices ------------------------------------------------------------------------------- */

static struct traced_device *device_of(struct trace_machine *trace, const struct region *region)
{
    for (size_t i = 0; i < trace->device_count; i++)
        if (trace->devices[i].region == region)
            return &trace->devices[i];
    if (trace->device_count == MACHINE_MAX_DEVICES)
        return NULL;
    struct traced_device *device = &trace->devices[trace->device_count];
    *device = (struct traced_device){
        .region = region,
        .track = perfetto_track(trace->out, TRACE_PID_DEVICES,
                                TRACE_TID_DEVICES + (uint32_t)trace->device_count, "devices",
                                attach_device_name(trace->machine, region)),
    };
    trace->device_count++;
    return device;
}

static void end_device(struct trace_machine *trace, struct traced_device *device)
{
    const struct perfetto_arg args[] = {{"writes", NULL, device->writes}, {NULL, NULL, 0}};
    if (!device->writes)
        return;
    perfetto_begin(trace->out, device->track, device->from, false, "device", "written", args);
    perfetto_end(trace->out, device->track, device->last + 1, NULL);
    device->writes = 0;
}

/* What devices are for the bookkeeping of interrupts and time is written to all the time. */
static bool is_plumbing(const struct region *region)
{
    return !strcmp(region->name, "clint") || !strcmp(region->name, "plic") ||
           !strcmp(region->name, "ppb");
}

static void on_device_write(void *opaque, const struct region *region)
{
    struct trace_machine *trace = opaque;
    if (is_plumbing(region))
        return;
    struct traced_device *device = device_of(trace, region);
    if (!device)
        return;
    uint64_t now = now_of(trace);
    if (device->writes && (now < device->from || now > device->last + TOGETHER_NS))
        end_device(trace, device);
    if (!device->writes++)
        device->from = now;
    device->last = now > device->last || device->writes == 1 ? now : device->last;
}

/* ---- Lives --------------------------------------------------------------------------------- */

static void write_life(struct trace_machine *trace, const struct life *life, size_t number)
{
    static const char *const ends[] = {[LIFE_RUNS] = "runs",
                                       [LIFE_PLANNED] = "planned cut",
                                       [LIFE_BROWN_OUT] = "brown-out",
                                       [LIFE_LAST] = "end of the run"};
    const struct clock *clock = &trace->machine->clock;
    uint64_t start = clock_ns(clock, life->start), end = clock_ns(clock, life->start + life->on);
    bool cut = life->end == LIFE_PLANNED || life->end == LIFE_BROWN_OUT;
    char name[32], pc[96];
    snprintf(name, sizeof name, "life %zu", number);
    symbols_format(trace->machine->symbols, life->pc, pc, sizeof pc);
    const struct perfetto_arg args[] = {
        {"end", ends[life->end], 0},
        {"instructions", NULL, life->insns},
        {"nvm writes", NULL, life->nvm_writes},
        {"progress", NULL, life->progress},
        {cut ? "cut at" : NULL, pc, 0},
        {NULL, NULL, 0},
    };
    perfetto_counter(trace->out, trace->power_track, start, "power", "on", 1);
    perfetto_begin(trace->out, trace->life_track, start, true, "life", name, args);
    perfetto_end(trace->out, trace->life_track, end, NULL);
    if (cut) {
        perfetto_counter(trace->out, trace->power_track, end, "power", "on", 0);
        perfetto_instant(trace->out, trace->life_track, end, true, "power", "power cut", args);
    }
    if (life->energy)
        perfetto_counter(trace->out, trace->energy_track, start, "energy of the life", "nJ",
                         (double)life->energy * 1e-6);
}

static void write_lives(struct trace_machine *trace)
{
    const struct lives *lives = trace->machine->lives;
    const struct lives_sample *samples;
    size_t count = lives_samples(lives, &samples);
    for (size_t i = 0; i < lives_count(lives); i++)
        write_life(trace, lives_at(lives, i), i + 1);
    for (size_t i = 0; i < count; i++)
        perfetto_counter(trace->out, trace->volts_track,
                         clock_ns(&trace->machine->clock, samples[i].tick), "supply", "V",
                         samples[i].volts);
}

static size_t power_track(struct trace_machine *trace, unsigned number, const char *name)
{
    return perfetto_track(trace->out, TRACE_PID_POWER, TRACE_TID_POWER + number, "power", name);
}

/* ---- Life ---------------------------------------------------------------------------------- */

struct trace_machine *trace_machine_new(struct perfetto *out, struct machine *machine,
                                        struct error *err)
{
    struct trace_machine *trace = calloc(1, sizeof *trace);
    if (!trace) {
        error_set(err, "out of memory");
        return NULL;
    }
    trace->out = out;
    trace->machine = machine;
    const struct memory_listener listener = {.device_write = on_device_write, .opaque = trace};
    if (machine->lives) {
        trace->life_track = power_track(trace, 0, "lives");
        trace->event_track = power_track(trace, 1, "events");
        trace->power_track = power_track(trace, 2, "power");
        trace->volts_track = power_track(trace, 3, "supply");
        trace->energy_track = power_track(trace, 4, "energy");
    }
    if (listen(trace, err)) {
        free(trace);
        return NULL;
    }
    if (memory_listen(machine->mem, &listener)) {
        free(trace);
        error_set(err, "out of memory");
        return NULL;
    }
    return trace;
}

void trace_machine_finish(struct trace_machine *trace)
{
    for (unsigned i = 0; i < trace->machine->hart_count && trace->traps; i++)
        end_life(trace, i);
    for (size_t i = 0; i < trace->device_count; i++)
        end_device(trace, &trace->devices[i]);
    if (trace->machine->lives)
        write_lives(trace);
}

void trace_machine_free(struct trace_machine *trace)
{
    free(trace);
}
