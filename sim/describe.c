/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/backtrace.h"
#include "sim/machine.h"
#include "sim/tasks.h"

#define MAX_FRAMES    48
#define MAX_REGISTERS 64
#define PER_LINE      4

/* A hart and the memory that it sees. */
struct view {
    struct cpu *cpu;
    const struct memory *mem;
};

static int read_virtual(void *opaque, uint64_t gva, void *buffer, size_t size)
{
    const struct view *view = opaque;
    return cpu_read_virtual(view->cpu, view->mem, gva, buffer, size);
}

static uint64_t value_of(struct cpu *cpu, const char *name)
{
    uint64_t value = 0;
    return cpu_register_value(cpu, name, &value) ? 0 : value;
}

static void describe_task(FILE *out, const struct machine *machine, struct view *view)
{
    char comm[TASKS_COMM_SIZE];
    int pid;
    uint64_t level = value_of(view->cpu, "level");
    uint64_t task = value_of(view->cpu, level ? "tp" : "sscratch");
    if (machine->tasks && tasks_name(machine->tasks, read_virtual, view, task, comm, &pid) == 0)
        fprintf(out, ", task %s (pid %d)", comm, pid);
}

/* The mode it is in: RISC-V's levels, or what XPSR and CONTROL of a Cortex-M say. */
static void describe_mode(FILE *out, struct cpu *cpu, bool arm)
{
    static const char *const levels[] = {"user", "supervisor", "?", "machine"};
    unsigned exception = (unsigned)value_of(cpu, "xpsr") & 0x1ff;
    if (!arm)
        fprintf(out, "in %s mode", levels[value_of(cpu, "level") & 3]);
    else if (exception)
        fprintf(out, "in handler mode, exception %u,", exception);
    else
        fprintf(out, "in %s thread mode",
                value_of(cpu, "control") & 1 ? "unprivileged" : "privileged");
}

static void describe_hart(FILE *out, const struct machine *machine, unsigned number)
{
    struct view view = {machine->harts[number], machine->mem};
    bool arm = machine->config->machine.cpu != CPU_RV64GC;
    char where[256];
    symbols_format(machine->symbols, view.cpu->ops->pc(view.cpu), where, sizeof where);
    fprintf(out, "hart %u ", number);
    describe_mode(out, view.cpu, arm);
    fprintf(out, " at %s", where);
    describe_task(out, machine, &view);
    fputc('\n', out);
    struct cpu_register registers[MAX_REGISTERS];
    size_t count = view.cpu->ops->registers(view.cpu, registers, MAX_REGISTERS);
    for (size_t i = 0; i < count && i < MAX_REGISTERS; i++)
        fprintf(out, "  %-8s %0*" PRIx64 "%s", registers[i].name, arm ? 8 : 16, registers[i].value,
                i % PER_LINE == PER_LINE - 1 || i + 1 == count ? "\n" : "");
    const struct backtrace_start start = {
        .pc = value_of(view.cpu, "pc"),
        .ra = value_of(view.cpu, arm ? "lr" : "ra"),
        .sp = value_of(view.cpu, "sp"),
        .fp = arm ? 0 : value_of(view.cpu, "s0"),
        .psp = arm ? value_of(view.cpu, "psp") : 0,
        .handler = arm && value_of(view.cpu, "xpsr") & 0x1ff,
    };
    struct backtrace_frame frames[MAX_FRAMES];
    size_t depth = (arm ? backtrace_walk_thumb : backtrace_walk)(
        &start, machine->symbols, read_virtual, &view, frames, MAX_FRAMES);
    fputs("  backtrace:\n", out);
    backtrace_print(out, "    ", machine->symbols, frames, depth);
}

char *machine_describe(struct machine *machine)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    for (unsigned i = 0; i < machine->hart_count; i++)
        describe_hart(out, machine, i);
    fclose(out);
    return text;
}
