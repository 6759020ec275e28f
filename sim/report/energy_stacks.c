/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim/report/energy_stacks.h"

#include <stdlib.h>
#include <string.h>

#include "sim/lives.h"
#include "sim/report/folded.h"
#include "sim/requests.h"

#define MAX_FRAMES  64
#define MAX_THREADS 64
#define MAX_NESTING 16  /* of exceptions */
#define MAX_STACKED 108 /* bytes: what an exception pushes at most (DDI 0403E, B1.5.7) */
#define TAIL_CHAIN  UINT64_C(0xffffffe0) /* in place of a pc: a handler's return led to this one */
#define HANDLER     3
#define REGISTER_SP 13

#define FJ_PER_PJ 1000

enum cause {
    USEFUL,
    LOGGING,
    RECOVERY,
    LOST,
};

struct stack {
    uint64_t frame; /* of a thread that does not run: where its registers were stacked */
    uint64_t left;  /* when: exceptions so far; 0: never */
    uint32_t base;  /* node */
    unsigned depth;
    struct {
        unsigned class;
        uint32_t node;
    } frames[MAX_FRAMES];
};

/* What is to be gone back to when an exception is over. */
struct level {
    struct stack *stack;
    unsigned depth;
    bool own; /* the exception has a stack of its own */
};

struct energy_stacks {
    struct machine *machine;
    const struct energy *energy;
    struct folded *folded;
    struct lives_observer observer;

    struct class
    {
        uint32_t frame;
        uint64_t start, seen; /* first address of a function, else 1; fJ that were passed on */
        enum cause cause;
    } * classes;
    size_t class_count;
    unsigned running; /* the class of the block that ran last */
    struct costly {
        size_t index;
        uint32_t frames[2]; /* by enum access_kind */
        uint64_t seen[2];
    } regions[ENERGY_MAX_REGIONS]; /* those that are not open */
    size_t region_count;

    /* What was spent since the last progress, to be useful or lost, by node. */
    struct pending {
        int64_t fj;
        enum cause cause;
        bool listed;
    } * pending;
    uint32_t *listed; /* nodes that have some */
    size_t node_room, listed_count;
    bool failed; /* out of memory */

    struct stack threads[MAX_THREADS], handlers[MAX_NESTING];
    struct stack *stack; /* now */
    struct level levels[MAX_NESTING];
    unsigned level_count;
    uint64_t exceptions;
};

/* ---- Accounts ------------------------------------------------------------------------------ */

static uint32_t node_of(const struct stack *stack)
{
    return stack->depth ? stack->frames[stack->depth - 1].node : stack->base;
}

static void settle(struct energy_stacks *stacks, bool lost)
{
    for (size_t i = 0; i < stacks->listed_count; i++) {
        struct pending *pending = &stacks->pending[stacks->listed[i]];
        folded_add(stacks->folded, stacks->listed[i], lost ? LOST : pending->cause, pending->fj);
        *pending = (struct pending){0};
    }
    stacks->listed_count = 0;
}

static bool make_room(struct energy_stacks *stacks, uint32_t node)
{
    size_t room = 2 * (size_t)node + 1024;
    struct pending *pending = realloc(stacks->pending, room * sizeof *pending);
    if (pending)
        stacks->pending = pending;
    uint32_t *listed = realloc(stacks->listed, room * sizeof *listed);
    if (listed)
        stacks->listed = listed;
    stacks->failed |= !pending || !listed;
    if (!pending || !listed)
        return false;
    memset(pending + stacks->node_room, 0, (room - stacks->node_room) * sizeof *pending);
    stacks->node_room = room;
    return true;
}

/* The innermost frame of a node says what the cause is, if it is not lost. */
static void spend(struct energy_stacks *stacks, uint32_t node, enum cause cause, int64_t fj)
{
    if (!fj || (node >= stacks->node_room && !make_room(stacks, node)))
        return;
    struct pending *pending = &stacks->pending[node];
    if (!pending->listed)
        stacks->listed[stacks->listed_count++] = node;
    pending->listed = true;
    pending->cause = cause;
    pending->fj += fj;
}

/* What the class that ran last has spent belongs to the stack. */
static void charge(struct energy_stacks *stacks)
{
    struct class *class = &stacks->classes[stacks->running];
    uint32_t node = node_of(stacks->stack);
    uint64_t now = energy_class_fj(stacks->energy, stacks->running);
    int64_t self = (int64_t)(now - class->seen);
    class->seen = now;
    for (size_t i = 0; i < stacks->region_count; i++) {
        struct costly *region = &stacks->regions[i];
        for (int kind = ACCESS_READ; kind <= ACCESS_WRITE; kind++) {
            now = energy_announced_fj(stacks->energy, region->index, (enum access_kind)kind);
            int64_t fj = (int64_t)(now - region->seen[kind]);
            if (!fj)
                continue;
            region->seen[kind] = now;
            self -= fj;
            spend(stacks, folded_push(stacks->folded, node, region->frames[kind]), class->cause,
                  fj);
        }
    }
    spend(stacks, node, class->cause, self);
}

static void on_progress(void *opaque)
{
    charge(opaque);
    settle(opaque, false);
}

static void clear(struct energy_stacks *stacks)
{
    for (size_t i = 0; i < MAX_THREADS; i++)
        stacks->threads[i].depth = stacks->threads[i].left = 0;
    stacks->level_count = 0;
    stacks->stack = &stacks->threads[0];
}

static void on_over(void *opaque, bool by_cut)
{
    struct energy_stacks *stacks = opaque;
    charge(stacks);
    settle(stacks, by_cut);
    clear(stacks);
}

/* ---- Calls and returns --------------------------------------------------------------------- */

static void push(struct energy_stacks *stacks, unsigned class)
{
    struct stack *stack = stacks->stack;
    if (stack->depth == MAX_FRAMES)
        return;
    uint32_t node = folded_push(stacks->folded, node_of(stack), stacks->classes[class].frame);
    stack->frames[stack->depth].class = class;
    stack->frames[stack->depth++].node = node;
}

/* Down to the nearest frame of the class; false if there is none. */
static bool pop_to(struct energy_stacks *stacks, unsigned class)
{
    struct stack *stack = stacks->stack;
    const struct level *level =
        stacks->level_count ? &stacks->levels[stacks->level_count - 1] : NULL;
    unsigned bottom = level && !level->own ? level->depth : 0;
    for (unsigned depth = stack->depth; depth > bottom; depth--) {
        if (stack->frames[depth - 1].class == class) {
            stack->depth = depth;
            return true;
        }
    }
    return false;
}

static void on_entered(void *opaque, unsigned from, unsigned to, uint64_t pc)
{
    struct energy_stacks *stacks = opaque;
    struct stack *stack = stacks->stack;
    const struct class *class = &stacks->classes[to];
    stacks->running = from;
    charge(stacks);
    stacks->running = to;
    if (stack->depth && stack->frames[stack->depth - 1].class == to)
        return;
    if (pc != class->start && !pop_to(stacks, to) && class->start != 1) {
        const struct level *level =
            stacks->level_count ? &stacks->levels[stacks->level_count - 1] : NULL;
        stack->depth = level && !level->own ? level->depth : 0;
        push(stacks, to);
    } else if (pc == class->start || !stack->depth || stack->frames[stack->depth - 1].class != to) {
        push(stacks, to);
    }
}

/* ---- Exceptions ---------------------------------------------------------------------------- */

static void leave(struct energy_stacks *stacks)
{
    if (!stacks->level_count)
        return;
    const struct level *level = &stacks->levels[--stacks->level_count];
    stacks->stack = level->stack;
    stacks->stack->depth = level->depth;
}

static void name_exception(uint64_t number, char *name, size_t size)
{
    if (exception_name(number))
        snprintf(name, size, "[%s]", exception_name(number));
    else
        snprintf(name, size, "[IRQ%d]", (int)number - 16);
}

static void on_trap(void *opaque, unsigned hart, const struct trap *trap)
{
    struct energy_stacks *stacks = opaque;
    (void)hart;
    charge(stacks);
    if (trap->pc >= TAIL_CHAIN)
        leave(stacks);
    if (!stacks->level_count) {
        stacks->stack->frame = trap->frame;
        stacks->stack->left = ++stacks->exceptions;
    }
    if (stacks->level_count == MAX_NESTING)
        return;
    struct level *level = &stacks->levels[stacks->level_count];
    *level = (struct level){stacks->stack, stacks->stack->depth, trap->interrupt};
    if (trap->interrupt) {
        char name[32];
        name_exception(trap->cause, name, sizeof name);
        stacks->stack = &stacks->handlers[stacks->level_count];
        stacks->stack->depth = 0;
        stacks->stack->base = folded_push(stacks->folded, 0, folded_frame(stacks->folded, name));
    }
    stacks->level_count++;
}

/* The thread whose registers were stacked right below `sp`; else a new one, in place of the one
 * that ran last long ago. */
static struct stack *thread_at(struct energy_stacks *stacks, uint64_t sp)
{
    struct stack *found = &stacks->threads[0];
    for (size_t i = 0; i < MAX_THREADS; i++) {
        struct stack *thread = &stacks->threads[i];
        if (thread->left && sp - thread->frame - 1 < MAX_STACKED)
            return thread;
        if (thread->left < found->left)
            found = thread;
    }
    *found = (struct stack){0};
    return found;
}

static void on_return(void *opaque, unsigned hart, unsigned from, unsigned to)
{
    struct energy_stacks *stacks = opaque;
    (void)from;
    charge(stacks);
    leave(stacks);
    if (to == HANDLER)
        return;
    while (stacks->level_count)
        leave(stacks);
    stacks->stack = thread_at(stacks, cpu_general(stacks->machine->harts[hart], REGISTER_SP));
}

/* ---- Life ---------------------------------------------------------------------------------- */

static void name_classes(struct energy_stacks *stacks)
{
    const struct lives *lives = stacks->machine->lives;
    char name[64];
    for (size_t i = 0; i < stacks->class_count; i++) {
        const struct energy_class class = energy_class(stacks->energy, i);
        snprintf(name, sizeof name, "[%s]", class.name);
        stacks->classes[i] = (struct class){
            .frame = folded_frame(stacks->folded, class.function ? class.name : name),
            .start = class.function ? class.start : 1,
            .seen = energy_class_fj(stacks->energy, i),
            .cause = lives_is_logging(lives, (unsigned)i)    ? LOGGING
                     : lives_is_recovery(lives, (unsigned)i) ? RECOVERY
                                                             : USEFUL,
        };
    }
    for (size_t i = 0; i < energy_region_count(stacks->energy); i++) {
        const struct energy_region region = energy_region(stacks->energy, i);
        if (region.open)
            continue;
        struct costly *own = &stacks->regions[stacks->region_count++];
        own->index = i;
        snprintf(name, sizeof name, "[%s read]", region.name);
        own->frames[ACCESS_READ] = folded_frame(stacks->folded, name);
        snprintf(name, sizeof name, "[%s write]", region.name);
        own->frames[ACCESS_WRITE] = folded_frame(stacks->folded, name);
    }
}

static int listen(struct energy_stacks *stacks, struct error *err)
{
    struct cpu *core = stacks->machine->harts[0];
    const struct cpu_listener listener = {
        .trap_entry = on_trap, .trap_return = on_return, .opaque = stacks};
    const struct cpu_follower follower = {on_entered, stacks};
    if (cpu_listen(core, &listener))
        return error_set(err, "too many listeners");
    if (cpu_follow(core, &follower, err))
        return -1;
    stacks->observer =
        (struct lives_observer){.progress = on_progress, .over = on_over, .opaque = stacks};
    lives_observe(stacks->machine->lives, &stacks->observer);
    return 0;
}

struct energy_stacks *energy_stacks_new(struct machine *machine, struct error *err)
{
    err->text[0] = 0;
    const struct energy *energy = machine->lives ? lives_energy(machine->lives) : NULL;
    if (!energy)
        return NULL;
    struct energy_stacks *stacks = calloc(1, sizeof *stacks);
    if (stacks) {
        stacks->machine = machine;
        stacks->energy = energy;
        stacks->class_count = energy_class_count(energy);
        stacks->folded = folded_new();
        stacks->classes = calloc(stacks->class_count, sizeof *stacks->classes);
        stacks->stack = &stacks->threads[0];
    }
    if (!stacks || !stacks->folded || !stacks->classes) {
        energy_stacks_free(stacks);
        error_set(err, "out of memory");
        return NULL;
    }
    name_classes(stacks);
    if (listen(stacks, err)) {
        energy_stacks_free(stacks);
        return NULL;
    }
    return stacks;
}

void energy_stacks_free(struct energy_stacks *stacks)
{
    if (!stacks)
        return;
    folded_free(stacks->folded);
    free(stacks->classes);
    free(stacks->pending);
    free(stacks->listed);
    free(stacks);
}

int energy_stacks_write(struct energy_stacks *stacks, FILE *out, struct error *err)
{
    static const char *const names[] = {
        [USEFUL] = "useful", [LOGGING] = "logging", [RECOVERY] = "recovery", [LOST] = "lost"};
    uint64_t sleep = energy_causes(stacks->energy).sleep;
    bool failed = stacks->failed;
    for (unsigned cause = USEFUL; cause <= LOST && !failed; cause++)
        failed = folded_write(stacks->folded, cause, names[cause], FJ_PER_PJ, out);
    if (sleep)
        fprintf(out, "sleep %llu\n", (unsigned long long)((sleep + FJ_PER_PJ / 2) / FJ_PER_PJ));
    return failed ? error_set(err, "out of memory for stacks") : 0;
}
