/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "recovery/inject.h"

#define LEVEL_USER    0
#define LEVEL_MACHINE 3

struct inject {
    struct inject_options options;
    uint64_t at;      /* the instruction */
    uint64_t address; /* INJECT_WILD */
    uint64_t reached;
    bool in_request[8]; /* by hart */
    bool asked, done;
    inject_hit_fn hit; /* NULL: nobody counts */
    void *hit_opaque;
};

static void on_trap_entry(void *opaque, unsigned hart, const struct trap *trap)
{
    struct inject *inject = opaque;
    if (trap->from == LEVEL_USER && trap->to != LEVEL_MACHINE)
        inject->in_request[hart] = true;
}

static void on_trap_return(void *opaque, unsigned hart, unsigned from, unsigned to)
{
    struct inject *inject = opaque;
    if (from != LEVEL_MACHINE && to == LEVEL_USER)
        inject->in_request[hart] = false;
}

static void on_reached(void *opaque, unsigned hart, uint64_t pc)
{
    struct inject *inject = opaque;
    const struct inject_options *options = &inject->options;
    const char *task = options->policy->task;
    if (inject->hit && inject->in_request[hart])
        inject->hit(inject->hit_opaque, hart, pc);
    if (options->policy->kind == INJECT_NONE)
        return;
    if (pc != inject->at || inject->asked || !inject->in_request[hart] ||
        options->position(options->opaque) < options->policy->after ||
        (task && !options->is_task(options->opaque, hart, task)))
        return;
    if (++inject->reached < options->policy->nth)
        return;
    inject->asked = true;
    cpu_pause(options->harts[hart]);
}

static int flip(struct cpu *cpu, const char *name, unsigned bit)
{
    int number = cpu_general_number(cpu, name);
    if (number < 0)
        return -1;
    return cpu_write(cpu, name, cpu_general(cpu, (unsigned)number) ^ UINT64_C(1) << bit);
}

static int store(struct inject *inject, struct cpu *cpu)
{
    uint64_t gpa;
    if (cpu->ops->translate(cpu, inject->address, &gpa))
        return -1;
    return memory_write(inject->options.mem, gpa, &inject->options.policy->value, 8);
}

int inject_paused(struct inject *inject, unsigned hart, struct error *err)
{
    if (!inject->asked || inject->done)
        return 0;
    const struct inject_policy *policy = inject->options.policy;
    struct cpu *cpu = inject->options.harts[hart];
    int result = -1;
    inject->done = true;
    switch (policy->kind) {
    case INJECT_NONE:
        break;
    case INJECT_NULL:
        result = cpu_inject(cpu, CPU_FAULT_NULL);
        break;
    case INJECT_BUG:
        result = cpu_inject(cpu, CPU_FAULT_BREAKPOINT);
        break;
    case INJECT_SKIP:
        result = cpu_inject(cpu, CPU_FAULT_SKIP);
        break;
    case INJECT_HANG:
        result = cpu_inject(cpu, CPU_FAULT_HANG);
        break;
    case INJECT_FLIP:
        result = flip(cpu, policy->reg, policy->bit);
        break;
    case INJECT_WILD:
        result = store(inject, cpu);
        break;
    }
    if (result)
        return error_set(err, "inject: the fault cannot be injected here: the address is not "
                              "mapped to memory");
    return 0;
}

uint64_t inject_reached(const struct inject *inject)
{
    return inject->reached;
}

bool inject_done(const struct inject *inject)
{
    return inject->done;
}

bool inject_in_request(const struct inject *inject, unsigned hart)
{
    return inject->in_request[hart];
}

static int resolve(struct inject *inject, struct error *err)
{
    const struct inject_options *options = &inject->options;
    const struct inject_policy *policy = options->policy;
    inject->at = inject->address = 0;
    if (policy->symbol && options->symbol(options->opaque, policy->symbol, &inject->at, err))
        return error_prefix(err, "inject.at: ");
    inject->at += policy->offset;
    if (policy->address_symbol &&
        options->symbol(options->opaque, policy->address_symbol, &inject->address, err))
        return error_prefix(err, "inject.address: ");
    inject->address += policy->address;
    return 0;
}

static int stop_at(struct inject *inject, uint64_t address, struct error *err)
{
    for (unsigned i = 0; i < inject->options.hart_count; i++)
        if (cpu_stop_at(inject->options.harts[i], address, err))
            return -1;
    return 0;
}

static int set_up(struct inject *inject, struct error *err)
{
    const struct inject_options *options = &inject->options;
    const struct cpu_listener listener = {.trap_entry = on_trap_entry,
                                          .trap_return = on_trap_return,
                                          .reached = on_reached,
                                          .opaque = inject};
    for (unsigned i = 0; i < options->hart_count; i++)
        if (cpu_listen(options->harts[i], &listener))
            return error_set(err, "too many listeners");
    if (options->policy->kind == INJECT_NONE)
        return 0;
    return resolve(inject, err) || stop_at(inject, inject->at, err) ? -1 : 0;
}

int inject_count(struct inject *inject, const uint64_t *addresses, size_t count, inject_hit_fn hit,
                 void *opaque, struct error *err)
{
    inject->hit = hit;
    inject->hit_opaque = opaque;
    for (size_t i = 0; i < count; i++)
        if (stop_at(inject, addresses[i], err))
            return -1;
    return 0;
}

int inject_arm(struct inject *inject, const struct inject_policy *policy, unsigned hart,
               struct error *err)
{
    inject->options.policy = policy;
    inject->reached = 0;
    inject->asked = inject->done = false;
    return resolve(inject, err) || cpu_stop_at(inject->options.harts[hart], inject->at, err) ? -1
                                                                                             : 0;
}

int inject_disarm(struct inject *inject, uint64_t address, unsigned hart, struct error *err)
{
    return cpu_stop_no_more(inject->options.harts[hart], address, err);
}

struct inject *inject_new(const struct inject_options *options, struct error *err)
{
    struct inject *inject = arena_zeroed(options->arena, 1, sizeof *inject);
    if (!inject) {
        error_set(err, "out of memory");
        return NULL;
    }
    inject->options = *options;
    return set_up(inject, err) ? NULL : inject;
}
