/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cpu/cpu.h"

#include <string.h>

int cpu_listen(struct cpu *cpu, const struct cpu_listener *listener)
{
    if (cpu->listener_count == CPU_MAX_LISTENERS)
        return -1;
    cpu->listeners[cpu->listener_count++] = *listener;
    return 0;
}

void cpu_announce_entry(struct cpu *cpu, const struct trap *trap)
{
    for (size_t i = 0; i < cpu->listener_count; i++)
        if (cpu->listeners[i].trap_entry)
            cpu->listeners[i].trap_entry(cpu->listeners[i].opaque, cpu->number, trap);
}

void cpu_announce_return(struct cpu *cpu, unsigned from, unsigned to)
{
    for (size_t i = 0; i < cpu->listener_count; i++)
        if (cpu->listeners[i].trap_return)
            cpu->listeners[i].trap_return(cpu->listeners[i].opaque, cpu->number, from, to);
}

void cpu_announce_watched(struct cpu *cpu, uint64_t pc)
{
    for (size_t i = 0; i < cpu->listener_count; i++)
        if (cpu->listeners[i].watched)
            cpu->listeners[i].watched(cpu->listeners[i].opaque, cpu->number, pc);
}

void cpu_announce_context(struct cpu *cpu)
{
    for (size_t i = 0; i < cpu->listener_count; i++)
        if (cpu->listeners[i].context)
            cpu->listeners[i].context(cpu->listeners[i].opaque, cpu->number);
}

void cpu_announce_reached(struct cpu *cpu, uint64_t pc)
{
    for (size_t i = 0; i < cpu->listener_count; i++)
        if (cpu->listeners[i].reached)
            cpu->listeners[i].reached(cpu->listeners[i].opaque, cpu->number, pc);
}

int cpu_read_virtual(struct cpu *cpu, const struct memory *mem, uint64_t gva, void *buffer,
                     size_t size)
{
    uint64_t page_size = memory_page_size(mem);
    for (uint8_t *to = buffer; size;) {
        uint64_t in_page = page_size - (gva & (page_size - 1));
        size_t step = size < in_page ? size : (size_t)in_page;
        uint64_t gpa;
        if (cpu->ops->translate(cpu, gva, &gpa) || memory_read(mem, gpa, to, step))
            return -1;
        to += step;
        gva += step;
        size -= step;
    }
    return 0;
}

int cpu_register_value(struct cpu *cpu, const char *name, uint64_t *value)
{
    struct cpu_register registers[128];
    size_t count = cpu->ops->registers(cpu, registers, 128);
    for (size_t i = 0; i < count && i < 128; i++) {
        if (strcmp(registers[i].name, name) == 0) {
            *value = registers[i].value;
            return 0;
        }
    }
    return -1;
}

void cpu_free(struct cpu *cpu)
{
    if (cpu)
        cpu->ops->free(cpu);
}
